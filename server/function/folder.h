/*
 * The run folder: what a gateway writes for its functions, readable for its own
 * user only. It holds our runtimes, bootstrap.mjs and bootstrap.py, the code
 * that configurations have in them, and what dev puts there.
 */
#ifndef GW_FUNCTION_FOLDER_H
#define GW_FUNCTION_FOLDER_H

#include "protocol/base/err.h"
#include "protocol/base/str.h"

enum { GW_FOLDER_MAX = 256 };

/* Makes one under TMPDIR, or /tmp, with the runtimes in it. */
gw_err gw_folder_make(char out[GW_FOLDER_MAX],
                      struct gw_fault *why) GW_MUST_CHECK;

/* A file in it, in place of an older one at once. name may have one folder
 * before it, which is made: "code-greeter/index.py". */
gw_err gw_folder_write(const char *folder, const char *name, gw_str bytes,
                       struct gw_fault *why) GW_MUST_CHECK;

/* Inline code that asks for a Node module gets what a file beside the
 * configuration would: the node_modules next to it or above it, if any. */
void gw_folder_lend_modules(const char *folder, const char *configuration);

/* With all that is in it; links are removed, not followed. */
void gw_folder_remove(const char *folder);

#endif
