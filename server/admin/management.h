/*
 * @connections: POST, GET and DELETE, as the original answers them
 * (websocket-api.md section 6).
 */
#ifndef GW_ADMIN_MANAGEMENT_H
#define GW_ADMIN_MANAGEMENT_H

#include "server/admin/signatures.h"
#include "server/gateway/conn.h"

/* False: the request had to be signed for that service, and was not: the link
 * has been told so. */
bool gw_management_admits(struct gw_gateway *g, struct gw_signatures *s,
                          gw_str service, struct gw_link *link,
                          const struct gw_http_request *request, gw_str body);

/* Answers the link, now or when another worker has answered. */
void gw_management_handle(struct gw_gateway *g, struct gw_signatures *s,
                          struct gw_link *link, const struct gw_target *target,
                          const struct gw_http_request *request, gw_str body,
                          struct gw_answerer **answerer);

#endif
