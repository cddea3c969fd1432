/*
 * Who may call @connections and the Invoke API: SigV4 against the configured
 * credentials (websocket-api.md 6.3, 6.4). Keys are derived once a day and
 * kept.
 */
#ifndef GW_ADMIN_SIGNATURES_H
#define GW_ADMIN_SIGNATURES_H

#include "protocol/auth/sigv4.h"
#include "protocol/http/request.h"
#include "server/config/config.h"

struct gw_signatures; /* one worker's cache of derived keys */

struct gw_signatures *gw_signatures_new(void);
void gw_signatures_free(struct gw_signatures *s);

/* What to answer when a call is refused. */
struct gw_refusal {
    const char *type; /* x-amzn-ErrorType */
    gw_str body;      /* JSON, in the arena */
};

/* True: the request was signed with a configured key, within its time, for
 * that service ("execute-api"). */
bool gw_signatures_admit(struct gw_signatures *s,
                         const struct gw_config *config, gw_str service,
                         struct gw_arena *a,
                         const struct gw_http_request *request, gw_str body,
                         int64_t now_unix, struct gw_refusal *why);

#endif
