/*
 * One function's process, and a warden over it: the process that starts it, and
 * adopts whatever it leaves behind. When the function's process has ended, or
 * the keeper says so, or has died, the warden kills all of its descendants,
 * those too that have made sessions of their own, and ends when none is left.
 *
 * A warden of its own for each, because an orphan is adopted by the nearest
 * subreaper, and only so is it known whose it is.
 */
#ifndef GW_FUNCTION_WARDEN_H
#define GW_FUNCTION_WARDEN_H

#include <signal.h>
#include <sys/types.h>

enum { GW_WARDEN_KILL = SIGUSR1 }; /* sent to it: end them all */

/* NULL-terminated lists. */
struct gw_warden_order {
    char **argv, **environment;
    const char *folder;
    int output; /* the function's stdout and stderr */
    int report; /* a pipe's end, for one gw_warden_report */
};

/* What the warden writes, once, at most. */
struct gw_warden_report {
    int status;    /* waitpid's, or -1: it could not be started */
    char why[200]; /* that it could not; else empty */
};

/* Forks. The warden; or -1 and errno. The order is the caller's. */
pid_t gw_warden_start(const struct gw_warden_order *order);

#endif
