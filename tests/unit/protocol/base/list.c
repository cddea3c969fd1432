#include "protocol/base/list.h"

#include "tests/support/suite.h"

struct item {
    int value;
    struct gw_list node;
};

static int value_of(struct gw_list *node)
{
    return GW_CONTAINER(node, struct item, node)->value;
}

START_TEST(nodes_are_kept_in_order)
{
    struct item items[3];
    struct gw_list list;
    int want = 0;

    gw_list_init(&list);
    ck_assert(gw_list_is_empty(&list));
    ck_assert(gw_list_take(&list) == NULL);
    for (int i = 0; i < 3; i++) {
        items[i].value = i;
        gw_list_init(&items[i].node);
        gw_list_append(&list, &items[i].node);
    }
    GW_LIST_EACH_SAFE (node, after, &list) {
        ck_assert_int_eq(value_of(node), want++);
    }
    ck_assert_int_eq(want, 3);
    ck_assert_int_eq(value_of(gw_list_take(&list)), 0);
    gw_list_append(&list, &items[0].node); /* to the end */
    ck_assert_int_eq(value_of(gw_list_take(&list)), 1);
    ck_assert_int_eq(value_of(gw_list_take(&list)), 2);
    ck_assert_int_eq(value_of(gw_list_take(&list)), 0);
    ck_assert(gw_list_is_empty(&list));
}
END_TEST

START_TEST(nodes_may_leave_at_any_time_and_twice)
{
    struct item items[4];
    struct gw_list list;

    gw_list_init(&list);
    for (int i = 0; i < 4; i++) {
        items[i].value = i;
        gw_list_init(&items[i].node);
        gw_list_append(&list, &items[i].node);
    }
    GW_LIST_EACH_SAFE (node, after, &list) {
        if (value_of(node) % 2)
            gw_list_leave(node);
    }
    gw_list_leave(&items[1].node);
    ck_assert_int_eq(value_of(gw_list_take(&list)), 0);
    ck_assert_int_eq(value_of(gw_list_take(&list)), 2);
    ck_assert(gw_list_is_empty(&list));
}
END_TEST

GW_SUITE("protocol/base/list")
{
    tcase_add_test(tc, nodes_are_kept_in_order);
    tcase_add_test(tc, nodes_may_leave_at_any_time_and_twice);
}
