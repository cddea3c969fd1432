#include "protocol/http/header.h"

#include "protocol/http/chars.h"

bool gw_http_header_first(const struct gw_http_headers *h, gw_str name,
                          gw_str *value)
{
    for (size_t i = 0; i < h->count; i++) {
        if (gw_str_eq_nocase(h->at[i].name, name)) {
            *value = h->at[i].value;
            return true;
        }
    }
    return false;
}

bool gw_http_header_last(const struct gw_http_headers *h, gw_str name,
                         gw_str *value)
{
    for (size_t i = h->count; i-- > 0;) {
        if (gw_str_eq_nocase(h->at[i].name, name)) {
            *value = h->at[i].value;
            return true;
        }
    }
    return false;
}

size_t gw_http_header_count(const struct gw_http_headers *h, gw_str name)
{
    size_t count = 0;

    for (size_t i = 0; i < h->count; i++)
        count += gw_str_eq_nocase(h->at[i].name, name);
    return count;
}

static bool lists(gw_str value, gw_str token)
{
    while (value.len)
        if (gw_str_eq_nocase(gw_str_trim(gw_str_cut(&value, ',')), token))
            return true;
    return false;
}

bool gw_http_header_lists(const struct gw_http_headers *h, gw_str name,
                          gw_str token)
{
    for (size_t i = 0; i < h->count; i++)
        if (gw_str_eq_nocase(h->at[i].name, name) &&
            lists(h->at[i].value, token))
            return true;
    return false;
}

bool gw_http_header_is_hop(gw_str name)
{
    switch (name.len) {
    case 2:
        return gw_str_eq_nocase(name, GW_LIT("TE"));
    case 7:
        if (gw_str_eq_nocase(name, GW_LIT("Trailer")) ||
            gw_str_eq_nocase(name, GW_LIT("Upgrade")))
            return true;
        break;
    case 10:
        if (gw_str_eq_nocase(name, GW_LIT("Connection")) ||
            gw_str_eq_nocase(name, GW_LIT("Keep-Alive")))
            return true;
        break;
    case 17:
        if (gw_str_eq_nocase(name, GW_LIT("Transfer-Encoding")))
            return true;
        break;
    default:
        break;
    }
    return name.len >= 6 &&
           gw_str_eq_nocase(gw_str_head(name, 6), GW_LIT("Proxy-"));
}

bool gw_http_is_token(gw_str s)
{
    return s.len && gw_http_span(s.at, 0, s.len, GW_HTTP_TOKEN) == s.len;
}

bool gw_http_is_field_value(gw_str s)
{
    return gw_http_span(s.at, 0, s.len, GW_HTTP_VALUE) == s.len;
}
