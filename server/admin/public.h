/*
 * The public listener: whom a request is for. A stage itself (a handshake), one
 * of its connections (@connections), a function that runs here, or nobody.
 */
#ifndef GW_ADMIN_PUBLIC_H
#define GW_ADMIN_PUBLIC_H

#include "server/admin/invoke_api.h"
#include "server/gateway/gateway.h"

struct gw_public {
    struct gw_gateway *gateway;
    struct gw_signatures *signatures;
    struct gw_invoke_api *invoke_api; /* NULL: no functions run here */
};

extern const struct gw_link_events gw_public_events; /* ctx: a gw_public */

#endif
