/*
 * Dead letters, for the operator: the $disconnect events that were given up.
 *
 *   GET    /dead-letters?after=ID&max=N   the oldest first; N to 1,000, or 100
 *   POST   /dead-letters/ID/retry         owed again, by this process
 *   DELETE /dead-letters/ID               forgotten
 *
 * The listener has no passwords, so no page in a browser may come this far:
 * what carries an Origin is refused, and what names any host but an address or
 * `localhost` (a name could have been made to lead here, "DNS rebinding").
 */
#ifndef GW_ADMIN_LETTERS_H
#define GW_ADMIN_LETTERS_H

#include "server/port/link.h"
#include "store/registry.h"

/* Is it about dead letters at all? */
bool gw_letters_are_meant(const struct gw_http_request *request);

/* Answers the link, now or when the registry has. */
void gw_letters_handle(struct gw_registry *registry,
                       const struct gw_link_ops *link_ops, struct gw_link *link,
                       const struct gw_http_request *request,
                       struct gw_answerer **answerer);

#endif
