#include "protocol/api/status_set.h"

#include "protocol/expr/regex.h"

#include <stdio.h>

enum { SCRATCH_BYTES = 256 * 1024 };

static gw_err read_pattern(struct gw_arena *a, gw_str pattern,
                           struct gw_status_set *out, struct gw_fault *why)
{
    struct gw_regex *regex;
    bool any = false;
    gw_err err = gw_regex_read(a, pattern, &regex, why);

    for (unsigned status = 0; status <= GW_STATUS_MAX && !err; status++) {
        char text[16];
        int n = snprintf(text, sizeof(text), "%u", status);

        if (!gw_regex_matches(regex, (gw_str){ text, (size_t)n }))
            continue;
        out->bits[status / 64] |= (uint64_t)1 << (status % 64);
        any = true;
    }
    if (!err && !any)
        return gw_fail(why, GW_E_INVALID,
                       "expected a pattern that matches some status");
    return err;
}

gw_err gw_status_set_read(gw_str key, struct gw_status_set *out,
                          struct gw_fault *why)
{
    struct gw_arena a;
    gw_err err;

    *out = (struct gw_status_set){ 0 };
    if (!gw_regex_key(&key))
        return gw_fail(why, GW_E_SYNTAX,
                       "expected $default, or a pattern such as /2\\d\\d/");
    gw_arena_init(&a, SCRATCH_BYTES);
    err = read_pattern(&a, key, out, why);
    gw_arena_fini(&a);
    return err;
}
