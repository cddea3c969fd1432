/*
 * Tells when something below a folder has changed: once, when all has been
 * quiet for a moment. Left out are node_modules, __pycache__, and whatever
 * begins with a dot or ends in a tilde. A folder that is removed is waited for.
 */
#ifndef GW_FUNCTION_WATCH_H
#define GW_FUNCTION_WATCH_H

#include "protocol/base/str.h"

#include <uv.h>

struct gw_watch;

/* name: of what changed last, for people. */
typedef void gw_watch_changed(void *ctx, const char *name);

/* NULL: the system lets us have no more of these. The folder is copied. */
struct gw_watch *gw_watch_new(uv_loop_t *loop, gw_str folder,
                              gw_watch_changed *changed, void *ctx);

/* changed fires no more; the memory goes when the loop has turned. */
void gw_watch_free(struct gw_watch *w);

#endif
