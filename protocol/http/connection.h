/*
 * What the Connection fields of a message say (RFC 9110, 7.6.1).
 */
#ifndef GW_HTTP_CONNECTION_H
#define GW_HTTP_CONNECTION_H

#include "protocol/base/str.h"

struct gw_http_connection {
    bool close, keep_alive, upgrade;
};

/* Adds what one field's value lists. */
void gw_http_connection_read(gw_str value, struct gw_http_connection *out);

/* May another message follow this one (RFC 9112, 9.3)? */
bool gw_http_connection_persists(const struct gw_http_connection *c,
                                 unsigned minor);

#endif
