/*
 * One function on the worker it belongs to: who wants it, and who runs it.
 *
 *     invocation ──▶ queue ──▶ flight ──▶ (runtime) ──▶ outcome
 *                                ▲
 *     waiter (an open GET next) ─┘
 *
 * An invocation and a waiter meet, first come first served on both sides, and
 * become a flight: the one thing with a request id and a deadline. A flight
 * ends with its runtime's answer, at its deadline, or when its runtime is
 * lost; whichever comes first, once. Never names a socket or a process: the
 * doors (runtime_api.h) and the supervisor do.
 *
 * Bounds: `waiting_max` invocations wait (more: GW_E_BUSY), one flight a
 * waiter, GW_WAITERS_MAX waiters.
 */
#ifndef GW_FUNCTION_FUNCTION_H
#define GW_FUNCTION_FUNCTION_H

#include "protocol/api/function_spec.h"
#include "protocol/base/buf.h"
#include "protocol/base/log.h"
#include "server/observe/metrics.h"
#include "server/port/clock.h"
#include "server/port/invoker.h"

enum {
    GW_WAITERS_MAX = 1000,
    GW_FLIGHT_BUCKETS = 64,
    GW_FLIGHT_ID_LEN = 36,
};

struct gw_function;
struct gw_flight;
struct gw_runtime;

/*
 * Who runs flights. A process that gatewire has started is one by itself; all
 * that come to the function's own door (attached runtimes) are one together.
 * Lives inside its owner.
 */
struct gw_runtime {
    struct gw_function *function;
    /* One at a time, and what happens to its flights is told; NULL: attached. */
    const struct gw_runtime_events *events;
    struct gw_flight *flight; /* of a process: the one it runs, or NULL */
    size_t flight_count;      /* of attached ones, at most spec->concurrency */
    bool resting;             /* nothing more is given to it: gw_runtime_rest */
};

struct gw_runtime_events {
    void (*ready)(struct gw_runtime *rt); /* it asks for its next event */
    void (*began)(struct gw_runtime *rt, gw_str request_id);
    /* With its answer, or else: it must not be given another event. */
    void (*ended)(struct gw_runtime *rt, bool answered);
    /* It could not start: its init/error. */
    void (*failed)(struct gw_runtime *rt, gw_str error);
    /* The end of what it has logged since `began`, at most GW_INVOKE_TAIL_MAX
     * bytes; a view for this call. */
    gw_str (*tail)(struct gw_runtime *rt);
};

/* An open GET next; lives inside its door. */
struct gw_waiter {
    struct gw_list node;
    struct gw_runtime *runtime;
    /* It is off the list; to be told of the flight now. */
    void (*give)(struct gw_waiter *w, struct gw_flight *flight);
};

/* One run. Its invocation is NULL when the caller has stopped waiting. */
struct gw_flight {
    struct gw_list node, bucket; /* of the function; by id */
    struct gw_function *function;
    struct gw_runtime *runtime;
    struct gw_invocation *invocation;
    void *holder; /* the door's: which of its connections took it */
    struct gw_timer deadline;
    int64_t began_ms, deadline_unix_ms;
    char id[GW_FLIGHT_ID_LEN + 1];
};

struct gw_function {
    struct gw_list node;                 /* of the worker's functions */
    const struct gw_function_spec *spec; /* its owner keeps it alive */
    uint32_t waiting_max;
    struct gw_wheel *wheel;
    const struct gw_clock *clock;
    struct gw_metrics *metrics;
    bool logs; /* a line for each run */
    struct gw_log_gate gate;
    struct gw_list queue, waiters, flights, spare;
    struct gw_list by_id[GW_FLIGHT_BUCKETS];
    size_t waiting, waiter_count, flight_count, spare_count;
    struct gw_buf error, tail; /* scratch: the outcome being written */
    struct gw_buf given_up;    /* why; empty: runtimes may come */
    /* Where outcomes go: its owner's, which brings it to the caller's worker. */
    void (*land)(void *ctx, struct gw_invocation *v, gw_err err,
                 const struct gw_outcome *outcome);
    void *ctx;
};

/* spec, waiting_max, wheel, clock, metrics, logs, land and ctx are filled in. */
void gw_function_init(struct gw_function *f);

/* Nothing waits and nothing runs. */
void gw_function_fini(struct gw_function *f);

/* GW_E_BUSY, GW_E_TOO_BIG: refused, land does not fire. It may fire before this
 * has returned, for an invocation that nobody wants any more, or of a function
 * that was given up. */
gw_err gw_function_invoke(struct gw_function *f,
                          struct gw_invocation *v) GW_MUST_CHECK;

/* Ends all that waits, for its callers, who are told why. Or cancels that, and
 * all that runs as well, which goes on for nobody. */
void gw_function_end_waiting(struct gw_function *f, gw_err why);
void gw_function_cancel_all(struct gw_function *f);

/* No runtime of it can start: what waits for one, and what comes, ends with
 * this error, until a runtime asks for an event. Empty: there is hope again. */
void gw_function_give_up(struct gw_function *f, gw_str error);

/* --- the doors' side ------------------------------------------------------ */

/*
 * It wants an event: give fires before this returns if one waits, otherwise
 * when one comes. GW_E_FULL: GW_WAITERS_MAX wait. GW_E_INVALID: its process
 * runs an event already. GW_E_CANCELLED: its runtime rests: no event will
 * come, leave it waiting.
 */
gw_err gw_function_wait(struct gw_function *f,
                        struct gw_waiter *w) GW_MUST_CHECK;
void gw_function_unwait(struct gw_function *f, struct gw_waiter *w);

/* NULL: there is no such run, or not any more. */
struct gw_flight *gw_function_find(struct gw_function *f, gw_str id);

/* The runtime's answers. The payload is borrowed for the call. */
void gw_flight_respond(struct gw_flight *flight, gw_str payload);
void gw_flight_error(struct gw_flight *flight, gw_str error);

/* It answered more than GW_INVOKE_ANSWER_MAX bytes. */
void gw_flight_too_big(struct gw_flight *flight, uint64_t bytes);

/* Its runtime is lost: "exit status 1", "signal: killed", "it closed its
 * connection". Fails as the original's Runtime.ExitError. */
void gw_flight_lose(struct gw_flight *flight, const char *how);

/* A runtime that could not start: tells its owner; of attached ones it is
 * logged. */
void gw_runtime_failed(struct gw_runtime *rt, gw_str error);

/* Gives it nothing more, and forgets who waits for it. What it runs goes on. */
void gw_runtime_rest(struct gw_runtime *rt);

#endif
