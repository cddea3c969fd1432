#include "protocol/expr/scope.h"

#include "protocol/base/utf8.h"
#include "protocol/http/query.h"

bool gw_scope_query_next(struct gw_arena *a, gw_str name, gw_str *rest,
                         gw_str *value)
{
    gw_str key;

    while (gw_http_query_next(rest, &key, value))
        if (gw_http_decode(a, key, true, &key) == GW_OK && gw_str_eq(key, name))
            return gw_http_decode(a, *value, true, value) == GW_OK;
    return false;
}

gw_json gw_scope_response_json(const struct gw_scope *scope)
{
    gw_json root;

    if (gw_utf8_is_valid(scope->response_body) &&
        gw_json_read(scope->response_body, &root) == GW_OK)
        return root;
    return (gw_json){ GW_JSON_ABSENT, GW_EMPTY };
}
