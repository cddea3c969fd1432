/*
 * The opening handshake of RFC 6455, server side (section 4.2).
 */
#ifndef GW_WS_HANDSHAKE_H
#define GW_WS_HANDSHAKE_H

#include "protocol/http/request.h"

enum { GW_WS_ACCEPT_LEN = 28 };

/*
 * Checks everything the section asks: method GET, HTTP/1.1, exactly one Host
 * (the head's reader saw to that), "websocket" listed in Upgrade, "upgrade"
 * in Connection, exactly one Sec-WebSocket-Key of 16 bytes in canonical
 * base64, exactly one Sec-WebSocket-Version 13, no body, no
 * Sec-WebSocket-Accept.
 *
 * Returns 101 when it may be accepted; otherwise the status to answer: 400,
 * 405 (not GET; say Allow: GET), or 426 (no Upgrade at all: say Upgrade:
 * websocket; another version: say Sec-WebSocket-Version: 13). *key is set when
 * it returns 101.
 */
unsigned gw_ws_handshake_check(const struct gw_http_request *req, gw_str *key);

/* base64(SHA-1(key + the RFC's GUID)); no terminating NUL. */
void gw_ws_accept_key(gw_str key, char out[GW_WS_ACCEPT_LEN]);

/* Is `protocol` one of the values offered in Sec-WebSocket-Protocol? They have
 * a case. */
bool gw_ws_is_offered(const struct gw_http_request *req, gw_str protocol);

#endif
