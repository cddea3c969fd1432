/*
 * How a process of a function is started: its program, its folder, and all of
 * its environment (websocket-api.md 11.2). Nothing of the gateway's own
 * environment is in it but PATH and TMPDIR.
 */
#ifndef GW_FUNCTION_COMMAND_H
#define GW_FUNCTION_COMMAND_H

#include "protocol/api/function_spec.h"
#include "protocol/base/arena.h"
#include "server/function/keeper.h"
#include "server/function/supervisor.h"

enum { GW_COMMAND_BYTES_MAX = 1 << 20 }; /* of the arena */

struct gw_command_maker {
    const struct gw_function_spec *spec;
    const struct gw_function_surroundings *surroundings;
    const char *door; /* where its Runtime API is: "127.0.0.1:40123" */
    const char *log_stream;
    const char *path; /* the gateway's own PATH and TMPDIR; NULL: not set */
    const char *tmpdir;
};

/* Fills in all of the command but the output; texts are in the arena. Inline
 * code is written to the run folder. */
gw_err gw_command_make(const struct gw_command_maker *m, struct gw_arena *a,
                       struct gw_keeper_command *out,
                       struct gw_fault *why) GW_MUST_CHECK;

#endif
