/*
 * A function: code that answers invocations, in the original's words (Lambda).
 *
 * Plain data. All texts are views that live as long as the model does, with
 * a NUL behind them.
 */
#ifndef GW_API_FUNCTION_SPEC_H
#define GW_API_FUNCTION_SPEC_H

#include "protocol/event/context.h"

enum {
    GW_FUNCTION_TIMEOUT_DEFAULT_MS = 3000,
    GW_FUNCTION_MEMORY_DEFAULT_MB = 128,
    GW_FUNCTION_CONCURRENCY_DEFAULT = 4, /* of those that are run here; */
    GW_FUNCTION_CONCURRENCY_MAX = 1000,  /* of others, as many as attach */
};

struct gw_function_spec {
    gw_str id;          /* the logical id: "SendMessageFunction" */
    gw_str name;        /* what it is invoked by; often the same */
    gw_str arn;         /* "arn:aws:lambda:REGION:ACCOUNT:function:NAME" */
    gw_str runtime;     /* "nodejs20.x", "python3.12", "provided.al2023", ...;
                           empty: runtimes attach */
    gw_str handler;     /* "app.handler" */
    gw_str code;        /* a path, as seen from the working folder; empty: */
    gw_str inline_code; /* the text of index.js or index.py */
    struct gw_pairs environment; /* what the owner set, and only that */
    uint32_t timeout_ms;
    uint32_t memory_mb;
    uint32_t concurrency; /* runs at once; 0: none, every call is refused */
    gw_str door; /* where runtimes may attach: "127.0.0.1:9001", or port 0: a
                    free one; empty: nowhere */
    bool reload; /* start anew when a file of the code changes */
};

/* The families of runtimes that are started here. All others have to attach:
 * a function with such a runtime, or with none, has a door. */
bool gw_runtime_is_node(gw_str runtime);
bool gw_runtime_is_python(gw_str runtime);
bool gw_runtime_is_provided(gw_str runtime); /* the code is an executable */
bool gw_runtime_is_run_here(gw_str runtime);

#endif
