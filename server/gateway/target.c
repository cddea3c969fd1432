/*
 * Addressing: which stage a request means (architecture.md, "One port for the
 * public"), and whether it means one of its connections.
 */
#include "server/gateway/conn.h"

#include "protocol/http/query.h"

/* Cuts the next path segment off: decoded, without its slash. */
static gw_err next_segment(struct gw_gateway *g, gw_str *path, gw_str *out)
{
    ptrdiff_t end;
    gw_str segment;

    if (path->len && path->at[0] == '/')
        *path = gw_str_skip(*path, 1);
    end = gw_str_find(*path, '/', 0);
    segment = gw_str_head(*path, end < 0 ? path->len : (size_t)end);
    *path = gw_str_skip(*path, segment.len);
    return gw_http_decode(&g->scratch, segment, false, out);
}

/* "chat.execute-api.eu-west-1.example.com:443" names the API "chat". */
static bool host_names_api(gw_str host, gw_str *api_id)
{
    gw_str rest = host;
    gw_str first = gw_str_cut(&rest, '.');

    *api_id = first;
    return gw_str_starts(rest, GW_LIT("execute-api.")) ||
           gw_str_eq(gw_str_cut(&rest, ':'), GW_LIT("execute-api"));
}

static struct gw_stage_state *stage_named(struct gw_gateway *g, gw_str api,
                                          gw_str stage)
{
    ptrdiff_t i = gw_config_plan_index(g->config, api, stage);

    return i < 0 ? NULL : g->by_plan[i];
}

/* Names of hosts have no case, and browsers write them small. */
static gw_str spelled(struct gw_gateway *g, gw_str api_id)
{
    for (size_t i = 0; i < g->config->api_count; i++)
        if (gw_str_eq_nocase(g->config->apis[i].id, api_id))
            return g->config->apis[i].id;
    return api_id;
}

/* Finds the stage and leaves in *path what follows it. */
static gw_err find_stage(struct gw_gateway *g, gw_str host, gw_str *path,
                         struct gw_target *out)
{
    const struct gw_api *only = gw_config_only_api(g->config);
    gw_str api = GW_EMPTY, first, second, whole = *path;

    if (next_segment(g, path, &first))
        return GW_E_FORBIDDEN;
    if (host_names_api(host, &api)) {
        out->stage = stage_named(g, spelled(g, api), first);
        return out->stage ? GW_OK : GW_E_FORBIDDEN;
    }
    if (gw_config_api(g->config, first)) {
        gw_str rest = *path;

        if (next_segment(g, &rest, &second))
            return GW_E_FORBIDDEN;
        out->stage = stage_named(g, first, second);
        if (out->stage) {
            out->prefix = gw_str_head(whole, whole.len - path->len);
            *path = rest;
            return GW_OK;
        }
    }
    out->stage = only ? stage_named(g, only->id, first) : NULL;
    return out->stage ? GW_OK : GW_E_FORBIDDEN;
}

gw_err gw_target_find(struct gw_gateway *g,
                      const struct gw_http_request *request,
                      struct gw_target *out)
{
    gw_str path = request->path, segment;

    *out = (struct gw_target){ .prefix = GW_EMPTY };
    if (find_stage(g, request->host, &path, out))
        return GW_E_FORBIDDEN;
    if (path.len == 0 || gw_str_eq(path, GW_LIT("/")))
        return GW_OK;
    if (next_segment(g, &path, &segment) ||
        !gw_str_eq(segment, GW_LIT("@connections")))
        return GW_E_FORBIDDEN;
    if (next_segment(g, &path, &out->connection_id) ||
        !out->connection_id.len || path.len)
        return GW_E_FORBIDDEN;
    out->has_connection = true;
    return GW_OK;
}
