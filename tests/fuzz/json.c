/*
 * Whatever gw_json_read accepts can be walked: every value found lies inside
 * its container, is accepted on its own as the same kind, and the slow way to
 * a member ends where the quick one of gw_json_read_find does. Its strings
 * come back unchanged when they are written and read once more.
 */
#include "protocol/json/json.h"

#include "protocol/base/utf8.h"

static void check_string(gw_json string)
{
    struct gw_arena a;
    struct gw_buf b;
    gw_str text, again;
    gw_json root;

    gw_arena_init(&a, 1 << 20);
    gw_buf_init(&b, 8 << 20);
    GW_ASSERT(gw_json_text(&a, string, &text) == GW_OK);
    GW_ASSERT(gw_json_is_text(string, text));
    GW_ASSERT(gw_utf8_is_valid(text));
    GW_ASSERT(gw_json_write_text(&b, text) == GW_OK);
    GW_ASSERT(gw_json_read(gw_buf_str(&b), &root) == GW_OK);
    GW_ASSERT(gw_json_text(&a, root, &again) == GW_OK);
    GW_ASSERT(gw_str_eq(text, again));
    gw_buf_fini(&b);
    gw_arena_fini(&a);
}

static void check_inside(gw_json value, gw_json container)
{
    gw_json again;

    GW_ASSERT(value.raw.at > container.raw.at);
    GW_ASSERT(value.raw.at + value.raw.len <
              container.raw.at + container.raw.len);
    GW_ASSERT(gw_json_read(value.raw, &again) == GW_OK);
    GW_ASSERT(again.kind == value.kind && again.raw.at == value.raw.at &&
              again.raw.len == value.raw.len);
}

/* Follows the last member or item all the way down, and checks every level
 * on the road. */
static void check_level(gw_json container, gw_json *deeper)
{
    gw_json name, value, last = { 0 };
    size_t at = 0, count = 0;

    for (; gw_json_next(container, &at, &name, &value); count++) {
        check_inside(value, container);
        if (container.kind == GW_JSON_OBJECT) {
            check_inside(name, container);
            check_string(name);
        } else if (count < 20) {
            GW_ASSERT(gw_json_item(container, count).raw.at == value.raw.at);
        }
        if (value.kind == GW_JSON_STRING)
            check_string(value);
        last = value;
    }
    GW_ASSERT(gw_json_item(container, count).kind == GW_JSON_ABSENT);
    *deeper = last;
}

/* The names of the last members from the root on, at most `room`. */
static size_t names_of(struct gw_arena *a, gw_json root, gw_str *names,
                       size_t room)
{
    size_t count = 0;

    while (root.kind == GW_JSON_OBJECT && count < room) {
        gw_json name, value, last_name = { 0 };
        size_t at = 0;

        while (gw_json_next(root, &at, &name, &value))
            last_name = name;
        if (last_name.kind == GW_JSON_ABSENT)
            break;
        GW_ASSERT(gw_json_text(a, last_name, &names[count]) == GW_OK);
        root = gw_json_member(root, names[count++]);
    }
    return count;
}

static void check_find(gw_str text, gw_json root)
{
    gw_str names[9];
    struct gw_arena a;
    size_t count;

    gw_arena_init(&a, 1 << 20);
    count = names_of(&a, root, names, GW_LEN(names) - 1);
    names[count] = GW_LIT("a"); /* and one that may not be there */
    for (size_t n = 0; n <= count + 1; n++) {
        gw_json again, hit, slow = root;

        GW_ASSERT(gw_json_read_find(text, names, n, &again, &hit) == GW_OK);
        GW_ASSERT(again.raw.at == root.raw.at);
        for (size_t i = 0; i < n; i++)
            slow = gw_json_member(slow, names[i]);
        GW_ASSERT(hit.kind == slow.kind && hit.raw.len == slow.raw.len);
        GW_ASSERT(hit.kind == GW_JSON_ABSENT || hit.raw.at == slow.raw.at);
    }
    gw_arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str text = { (const char *)bytes, len }, name = GW_LIT("a");
    gw_json root, again, hit;
    gw_err err;
    int64_t number;

    if (len > 16384)
        return 0;
    err = gw_json_read(text, &root);
    GW_ASSERT(gw_json_read_find(text, &name, 1, &again, &hit) == err);
    if (err || !gw_utf8_is_valid(text))
        return 0;
    if (root.kind == GW_JSON_STRING)
        check_string(root);
    gw_json_to_i64(root, &number);
    check_find(text, root);
    for (int depth = 0; depth < 20 && root.kind != GW_JSON_ABSENT; depth++)
        check_level(root, &root);
    return 0;
}
