/*
 * Lines: destination, source, a raw query, a header's name, its value; the
 * rest is the message. A value for a header never holds what would end the
 * header, a walk over many values ends, and the same mapping gives the same
 * values twice.
 */
#include "protocol/expr/mapping.h"

#include "protocol/base/utf8.h"

static void check_value(const struct gw_mapping *m, gw_str value)
{
    if (gw_mapping_place_of(m) != GW_MAPPING_HEADER)
        return;
    for (size_t i = 0; i < value.len; i++)
        GW_ASSERT(value.at[i] != '\r' && value.at[i] != '\n' && value.at[i]);
}

static void check(struct gw_arena *a, const struct gw_mapping *m,
                  const struct gw_scope *scope)
{
    size_t at = 0, again_at = 0, count = 0;
    gw_str value, again;

    GW_ASSERT(gw_mapping_name(m).len > 0);
    while (gw_mapping_eval(m, scope, a, &at, &value)) {
        check_value(m, value);
        GW_ASSERT(gw_mapping_eval(m, scope, a, &again_at, &again));
        GW_ASSERT(gw_str_eq(value, again));
        GW_ASSERT(++count <= scope->query.len + scope->headers->count + 1);
    }
    GW_ASSERT(!gw_mapping_eval(m, scope, a, &again_at, &again));
    GW_ASSERT(count < 2 || gw_mapping_place_of(m) == GW_MAPPING_QUERY);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct gw_pair pairs[] = { { GW_LIT("a"), GW_LIT("x\ry") } };
    static const struct gw_pairs variables = { pairs, 1 };
    static const struct gw_context context = { .stage = GW_LIT("dev") };
    gw_str rest = { (const char *)bytes, len };
    gw_str to = gw_str_cut(&rest, '\n'), from = gw_str_cut(&rest, '\n');
    struct gw_http_headers headers = { .count = 3 };
    struct gw_scope scope = { .context = &context,
                              .stage_variables = &variables,
                              .headers = &headers };
    struct gw_mapping *m;
    struct gw_fault why;
    struct gw_arena a;

    if (len > 8192)
        return 0;
    scope.query = gw_str_cut(&rest, '\n');
    headers.at[0].name = headers.at[2].name = gw_str_cut(&rest, '\n');
    headers.at[0].value = gw_str_cut(&rest, '\n');
    headers.at[1] = (struct gw_http_header){ GW_LIT("a"), GW_LIT("b") };
    headers.at[2].value = GW_LIT("c");
    scope.body = rest;
    if (!gw_utf8_is_valid(rest) || gw_json_read(rest, &scope.json) != GW_OK)
        scope.json = (gw_json){ 0 };
    gw_arena_init(&a, 8 << 20);
    if (gw_mapping_read(&a, to, from, &m, &why) == GW_OK)
        check(&a, m, &scope);
    gw_arena_fini(&a);
    return 0;
}
