/*
 * One process of a function, from its start to its end: its door, its output,
 * and the run it is at.
 */
#ifndef GW_FUNCTION_INSTANCE_H
#define GW_FUNCTION_INSTANCE_H

#include "server/edge/edge.h"
#include "server/function/function.h"
#include "server/function/supervisor.h"

struct gw_instance;

struct gw_instance_options {
    struct gw_loop *loop;
    struct gw_edge *edge;
    struct gw_keeper *keeper;
    struct gw_function *function;
    const struct gw_function_surroundings *surroundings;
    /* It asks for its first event; within the door's call. */
    void (*ready)(void *ctx, struct gw_instance *i);
    /* It has been killed, for its deadline or because it rests; within the
     * core's call. */
    void (*leaving)(void *ctx, struct gw_instance *i);
    /* It is no more, and is freed when this returns. error: why it could not
     * start, as its function's callers are told. */
    void (*gone)(void *ctx, struct gw_instance *i, gw_str error);
    void *ctx;
};

struct gw_instance {
    struct gw_list node; /* its owner's */
    unsigned generation; /* its owner's */
    int64_t started_ms;
    bool is_ready;   /* it has asked for an event */
    bool has_worked; /* and got one */
    bool is_leaving; /* it was killed by us */
    bool has_failed; /* to start, and has said so itself */
    struct gw_instance_options o;
    struct gw_runtime runtime;
    struct gw_door *door;
    struct gw_output *output;
    struct gw_kept_process *kept;
    struct gw_timer limit; /* to get ready, to end after its last words */
    struct gw_buf error;
};

/* NULL: it could not even be tried; *error is then an object for its callers,
 * and why for people. */
struct gw_instance *gw_instance_start(const struct gw_instance_options *o,
                                      struct gw_buf *error,
                                      struct gw_fault *why);

/* Gets no more events, and is killed when it has answered the one it has. */
void gw_instance_rest(struct gw_instance *i);

/* Is killed. */
void gw_instance_end(struct gw_instance *i);

#endif
