/*
 * The first line is a selection expression, the rest a message. What was read
 * can be printed and read again, prints the same then, and evaluates the
 * same; selecting by a message and evaluating after it was read agree.
 */
#include "protocol/expr/select.h"

#include "protocol/base/utf8.h"

static const struct gw_pair pairs[] = { { GW_LIT("a"), GW_LIT("$context.b") } };
static const struct gw_pairs variables = { pairs, 1 };
static const struct gw_context context = { .stage = GW_LIT("dev") };
static const struct gw_http_headers headers = {
    { { GW_LIT("A"), GW_LIT("1") }, { GW_LIT("a"), GW_LIT("2") } }, 2
};

static void check(struct gw_arena *a, const struct gw_expr *e, gw_str message)
{
    struct gw_scope scope = {
        .context = &context,
        .stage_variables = &variables,
        .body = message,
        .headers = &headers,
        .query = GW_LIT("a=1&b=%20&a=+"),
        .response_status = 200,
        .response_headers = &headers,
        .response_body = message,
    };
    struct gw_expr *again;
    struct gw_buf first, second;
    gw_str one, two;
    gw_err err;

    gw_buf_init(&first, 1 << 20);
    gw_buf_init(&second, 1 << 20);
    GW_ASSERT(gw_expr_print(e, &first) == GW_OK);
    GW_ASSERT(gw_expr_read(a, gw_buf_str(&first), &again, NULL) == GW_OK);
    GW_ASSERT(gw_expr_print(again, &second) == GW_OK);
    GW_ASSERT(gw_str_eq(gw_buf_str(&first), gw_buf_str(&second)));
    GW_ASSERT(gw_expr_is_body_only(e) == gw_expr_is_body_only(again));

    err = gw_expr_select(e, &scope, a, &one);
    if (!err && scope.json.kind != GW_JSON_ABSENT &&
        gw_expr_eval(again, &scope, a, &two) == GW_OK)
        GW_ASSERT(gw_str_eq(one, two));
    if (!err && scope.json.kind == GW_JSON_ABSENT)
        GW_ASSERT(one.len == 0);
    gw_buf_fini(&second);
    gw_buf_fini(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str message = { (const char *)bytes, len }, text;
    struct gw_arena a;
    struct gw_fault why;
    struct gw_expr *e;

    if (len > 8192 || !gw_utf8_is_valid(message))
        return 0;
    text = gw_str_cut(&message, '\n');
    gw_arena_init(&a, 8 << 20);
    if (gw_expr_read(&a, text, &e, &why) == GW_OK)
        check(&a, e, message);
    gw_arena_fini(&a);
    return 0;
}
