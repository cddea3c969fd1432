/*
 * The keeper: a small process beside the gateway that starts the functions'
 * processes, limits and reaps them, and outlives the gateway just long enough
 * to end them all.
 *
 * Why a process of its own: it has one thread, so that it can fork; it is the
 * subreaper of all they start, so that nothing escapes it; and the kernel tells
 * it, by the end of a socket, when the gateway is gone in whatever way. It is
 * this same binary, called `gatewire function-keeper`. A worker that has
 * functions to run has one; when it is itself killed, its functions end, and
 * the next start starts another.
 *
 * Each process it starts is in a session of its own, below a warden of its own
 * (warden.h), dies with the keeper, and has its stdout and stderr in the pipe
 * it was given. All start with the signals and limits of a fresh program.
 */
#ifndef GW_FUNCTION_KEEPER_H
#define GW_FUNCTION_KEEPER_H

#include "protocol/base/err.h"

#include <uv.h>

struct gw_keeper;       /* the gateway's end */
struct gw_kept_process; /* one process; its owner's */

struct gw_keeper_command {
    const char *const *argv;        /* argv[0] is looked for in PATH */
    const char *const *environment; /* all of it */
    const char *folder;             /* to run in */
    uint32_t memory_mb;             /* of all its processes; beyond: killed */
    int output;                     /* a pipe's end; the keeper gets a copy */
};

/* status as waitpid's; or -1 when it could not be started, or the keeper is
 * gone. why: of that, or why the keeper killed it; NULL: nothing to add. The
 * last word about it, when it and all its descendants have ended. */
typedef void gw_kept_exited(void *ctx, int status, const char *why);

/* folder: removed with all that is in it if the gateway vanishes without
 * having closed the keeper; NULL: none. Outlives it. NULL: the keeper could not
 * be started. */
struct gw_keeper *gw_keeper_new(uv_loop_t *loop, const char *folder,
                                struct gw_fault *why);

/* exited fires exactly once, never before this has returned. The command may
 * go afterwards, the output be closed. */
struct gw_kept_process *gw_keeper_start(struct gw_keeper *k,
                                        const struct gw_keeper_command *command,
                                        gw_kept_exited *exited, void *ctx);

/* SIGKILL, to it and to all its descendants. */
void gw_kept_kill(struct gw_kept_process *p);

/* Kills what still runs; `closed` fires when all of them are gone, and have
 * been told of. Frees it. The folder stays. */
void gw_keeper_close(struct gw_keeper *k, void (*closed)(void *ctx), void *ctx);

/* `gatewire function-keeper`: the process itself. fd 3 is the socket. */
int gw_keeper_main(int argc, char **argv);

#endif
