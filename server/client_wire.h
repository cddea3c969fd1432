/*
 * A socket that waits, plain or TLS: what the command-line client speaks
 * over. One deadline holds for all that is done with it.
 */
#ifndef GW_CLIENT_WIRE_H
#define GW_CLIENT_WIRE_H

#include "protocol/base/err.h"
#include "protocol/base/str.h"

struct gw_client_wire;

/* Errors   GW_E_UNREACHABLE, GW_E_TIMEOUT, GW_E_SYSTEM; *why says more. */
gw_err gw_client_wire_open(gw_str host, gw_str port, bool tls,
                           unsigned timeout_ms, struct gw_client_wire **out,
                           struct gw_fault *why) GW_MUST_CHECK;
void gw_client_wire_close(struct gw_client_wire *w); /* NULL is fine */

/* One read or write, of *n bytes: 0 when only time has passed. A read sets
 * *end when there is no more. */
gw_err gw_client_wire_read(struct gw_client_wire *w, char *at, size_t room,
                           size_t *n, bool *end) GW_MUST_CHECK;
gw_err gw_client_wire_write(struct gw_client_wire *w, gw_str bytes,
                            size_t *n) GW_MUST_CHECK;

#endif
