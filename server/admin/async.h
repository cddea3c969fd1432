/*
 * Asynchronous invocations (InvocationType Event): taken, run when a runtime
 * is free, and run again when the function fails, as the original does: after
 * one minute and after two more. One that finds too many before it waits for
 * longer and longer, until it is six hours old. They live in memory: what has
 * not run when the process ends is lost, and logged.
 */
#ifndef GW_ADMIN_ASYNC_H
#define GW_ADMIN_ASYNC_H

#include "server/gateway/gateway.h"
#include "server/port/invoker.h"

struct gw_async; /* one worker's */

struct gw_async *gw_async_new(struct gw_gateway *g, struct gw_invoker *invoker);

/* Takes the block that the texts of v live in; v itself is copied. id: the
 * request's.
 * Errors   GW_E_FULL  too many are held
 *          and what the invoker's start returns, but for GW_E_BUSY
 *          The block is not taken then. */
gw_err gw_async_accept(struct gw_async *as, const struct gw_invocation *v,
                       char *texts, size_t bytes, char id[37]) GW_MUST_CHECK;

/* Nothing runs, and nothing waits to be run again. */
bool gw_async_is_quiet(const struct gw_async *as);

/* Nothing is run again from here on. */
void gw_async_close(struct gw_async *as);
void gw_async_free(struct gw_async *as); /* closed and quiet */

#endif
