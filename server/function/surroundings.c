#include "server/function/supervisor.h"

static bool is_told_the_same(const struct gw_function_surroundings *a,
                             const struct gw_function_surroundings *b)
{
    return gw_str_eq(a->region, b->region) &&
           gw_str_eq(a->access_key_id, b->access_key_id) &&
           gw_str_eq(a->secret, b->secret) &&
           gw_str_eq(a->tables_endpoint, b->tables_endpoint);
}

bool gw_function_surround(struct gw_function_surroundings *s,
                          const struct gw_config *config)
{
    const struct gw_settings *settings = &config->settings;
    const struct gw_credential none = { GW_EMPTY, GW_EMPTY };
    const struct gw_credential *who =
        config->credential_count ? config->credentials : &none;
    struct gw_function_surroundings old = *s;

    s->region = settings->region.len ? settings->region : GW_LIT("us-east-1");
    s->access_key_id = who->access_key_id;
    s->secret = who->secret;
    s->tables_endpoint = settings->tables_endpoint;
    return !is_told_the_same(s, &old);
}
