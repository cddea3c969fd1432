#include "tests/support/fake_invoker.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

static const struct gw_function_spec *find(struct gw_invoker *self, gw_str name)
{
    struct fake_invoker *f = GW_CONTAINER(self, struct fake_invoker, invoker);

    for (size_t i = 0; i < f->spec_count; i++)
        if (gw_str_eq(f->specs[i].name, name))
            return &f->specs[i];
    return NULL;
}

static gw_err start(struct gw_invoker *self, struct gw_invocation *v)
{
    struct fake_invoker *f = GW_CONTAINER(self, struct fake_invoker, invoker);

    ck_assert_ptr_nonnull(v->done);
    ck_assert_uint_le(v->payload.len, GW_INVOKE_BYTES_MAX);
    if (!find(self, v->function))
        return GW_E_NOT_FOUND;
    if (f->refuse)
        return f->refuse;
    snprintf(v->id, sizeof(v->id), "00000000-0000-4000-8000-%012u",
             ++f->started);
    gw_list_init(&v->node);
    gw_list_append(&f->running, &v->node);
    return GW_OK;
}

void fake_invoker_init(struct fake_invoker *f,
                       const struct gw_function_spec *specs, size_t count)
{
    *f = (struct fake_invoker){ .invoker = { start, find },
                                .specs = specs,
                                .spec_count = count };
    gw_list_init(&f->running);
}

void fake_invoker_fini(struct fake_invoker *f)
{
    ck_assert(gw_list_is_empty(&f->running));
}

size_t fake_invoker_running(const struct fake_invoker *f)
{
    size_t count = 0;

    GW_LIST_EACH_SAFE (node, after, &f->running)
        count++;
    return count;
}

struct gw_invocation *fake_invoker_next(struct fake_invoker *f)
{
    ck_assert_msg(!gw_list_is_empty(&f->running), "nothing runs");
    return GW_CONTAINER(f->running.next, struct gw_invocation, node);
}

void fake_invocation_return(struct gw_invocation *v, gw_str payload,
                            bool is_error, gw_str tail)
{
    char *lent = gw_str_dup(payload), *lent_tail = gw_str_dup(tail);
    const struct gw_outcome outcome = { { lent, payload.len },
                                        is_error,
                                        { lent_tail, tail.len } };

    gw_list_leave(&v->node);
    v->done(v, GW_OK, &outcome);
    free(lent);
    free(lent_tail);
}

void fake_invocation_fail(struct gw_invocation *v, gw_err err)
{
    gw_list_leave(&v->node);
    v->done(v, err, NULL);
}
