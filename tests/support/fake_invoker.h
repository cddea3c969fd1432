/*
 * Functions played by the test: an invoker that keeps what it is asked to run
 * until the test ends it, in whatever order.
 */
#ifndef GW_SUPPORT_FAKE_INVOKER_H
#define GW_SUPPORT_FAKE_INVOKER_H

#include "server/port/invoker.h"

struct fake_invoker {
    struct gw_invoker invoker;
    const struct gw_function_spec *specs;
    size_t spec_count;
    struct gw_list running; /* oldest first, by their node */
    gw_err refuse;          /* what start returns, if not GW_OK */
    unsigned started;       /* so far */
};

void fake_invoker_init(struct fake_invoker *f,
                       const struct gw_function_spec *specs, size_t count);
void fake_invoker_fini(struct fake_invoker *f); /* nothing runs */

size_t fake_invoker_running(const struct fake_invoker *f);

/* The oldest one; fails when there is none. */
struct gw_invocation *fake_invoker_next(struct fake_invoker *f);

/* The texts the core sees are gone as soon as its callback has returned. */
void fake_invocation_return(struct gw_invocation *v, gw_str payload,
                            bool is_error, gw_str tail);
void fake_invocation_fail(struct gw_invocation *v, gw_err err);

#endif
