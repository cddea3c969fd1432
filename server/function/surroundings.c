#include "server/function/supervisor.h"

void gw_function_surround(struct gw_function_surroundings *s,
                          const struct gw_config *config)
{
    const struct gw_settings *settings = &config->settings;
    const struct gw_credential none = { GW_EMPTY, GW_EMPTY };
    const struct gw_credential *who =
        config->credential_count ? config->credentials : &none;

    s->region = settings->region.len ? settings->region : GW_LIT("us-east-1");
    s->access_key_id = who->access_key_id;
    s->secret = who->secret;
    s->tables_endpoint = settings->tables_endpoint;
}
