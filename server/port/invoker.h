/*
 * Functions that are run here, as those see it who invoke them: the AWS and
 * AWS_PROXY integrations and the Invoke API. A worker has one invoker;
 * server/function/functions.c is the real one, tests have a fake.
 *
 * A function waits for nobody and belongs to one worker; where its runtimes
 * are, and on which thread, is the invoker's to know.
 */
#ifndef GW_PORT_INVOKER_H
#define GW_PORT_INVOKER_H

#include "protocol/api/function_spec.h"
#include "protocol/base/err.h"
#include "protocol/base/list.h"
#include "server/port/timer.h"

/* Of a synchronous invocation, either way (websocket-api.md 11.2): what a
 * runtime may answer is a little more. */
enum {
    GW_INVOKE_BYTES_MAX = 6 << 20,
    GW_INVOKE_ANSWER_MAX = 6291556,
    GW_INVOKE_TAIL_MAX = 4096,
};

/* What became of it: views for the length of the done call. */
struct gw_outcome {
    gw_str payload; /* what the function returned; of an error the JSON object
                       that tells it (11.1) */
    bool is_error;
    gw_str tail; /* the end of its log, if that was asked for */
};

/*
 * One invocation; lives inside its caller and stays put, as do the texts,
 * until done has fired. That happens exactly once for every start that
 * returned GW_OK, never before it has returned, on the caller's thread.
 *   GW_OK             outcome says how the function ended
 *   GW_E_TIMEOUT      not within timeout_ms; it may be running still
 *   GW_E_CANCELLED    not wanted any more, or this process is leaving
 *   GW_E_BUSY         too many wait for it already
 *   GW_E_UNREACHABLE  it is not among the functions here any more
 */
struct gw_invocation {
    gw_str function; /* its name */
    gw_str payload;
    gw_str trace_id;
    gw_str client_context; /* JSON; empty: none */
    uint32_t timeout_ms;   /* to wait in all; 0: as long as it takes */
    bool wants_tail;
    /* Asked right before a runtime is told; false: it is not told. Perhaps on
     * another thread, while the caller waits. NULL: it may always. */
    bool (*is_wanted)(const struct gw_invocation *v);
    void (*done)(struct gw_invocation *v, gw_err err,
                 const struct gw_outcome *outcome);

    /* The invoker's. */
    char id[37]; /* the request id: readable once start has returned GW_OK */
    struct gw_functions *home; /* the caller's worker's */
    struct gw_function *owner;
    struct gw_list node; /* while it waits for a runtime */
    struct gw_timer patience;
    struct gw_flight *flight; /* it runs */
};

struct gw_invoker {
    /* GW_E_NOT_FOUND: nobody here is called that. GW_E_BUSY, GW_E_CANCELLED as
     * above, GW_E_TOO_BIG: the payload. done does not fire then. */
    gw_err (*start)(struct gw_invoker *self, struct gw_invocation *v);

    /* NULL: nobody here is called that. Valid until control is back with the
     * loop. */
    const struct gw_function_spec *(*find)(struct gw_invoker *self,
                                           gw_str function);
};

#endif
