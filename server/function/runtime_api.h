/*
 * The Lambda Runtime API, 2018-06-01 (websocket-api.md 11.2): how a runtime
 * gets its events and gives its answers. A door is one listener of it, and
 * belongs to one runtime: a process that gatewire has started has a door of
 * its own, so that it is known who speaks; a function that lets runtimes
 * attach has one for all of them.
 *
 * Lost runtimes. Of a process its supervisor says when it ended. An attached
 * runtime is lost when the connection closes on which it took an event that it
 * has not answered; unless it had said that it would close (`Connection:
 * close`, HTTP/1.0), or is a tool that uses a connection per call (User-Agent
 * `curl/…`, `Wget/…`): then its answer comes on another one, or never.
 */
#ifndef GW_FUNCTION_RUNTIME_API_H
#define GW_FUNCTION_RUNTIME_API_H

#include "server/edge/edge.h"
#include "server/function/function.h"

struct gw_door;

extern const struct gw_link_events gw_door_events; /* ctx: a gw_door */

/* One that has no listener: who brings it links ends them before it. */
struct gw_door *gw_door_new(const struct gw_link_ops *ops,
                            struct gw_runtime *runtime);

/* Serves a bound, listening socket, which it then owns, for that runtime,
 * which outlives its closing. */
struct gw_door *gw_door_open(struct gw_edge *edge, int fd,
                             struct gw_runtime *runtime);

/* Ends the listener and drops its connections; what they had taken is not
 * touched: flights are the runtime's owner's to lose. Frees itself when the
 * last of them is gone. */
void gw_door_close(struct gw_door *door);

#endif
