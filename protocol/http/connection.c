#include "protocol/http/connection.h"

void gw_http_connection_read(gw_str value, struct gw_http_connection *out)
{
    while (value.len) {
        gw_str option = gw_str_trim(gw_str_cut(&value, ','));

        if (gw_str_eq_nocase(option, GW_LIT("close")))
            out->close = true;
        else if (gw_str_eq_nocase(option, GW_LIT("keep-alive")))
            out->keep_alive = true;
        else if (gw_str_eq_nocase(option, GW_LIT("upgrade")))
            out->upgrade = true;
    }
}

bool gw_http_connection_persists(const struct gw_http_connection *c,
                                 unsigned minor)
{
    return !c->close && (minor > 0 || c->keep_alive);
}
