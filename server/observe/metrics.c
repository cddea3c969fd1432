#include "server/observe/metrics.h"

#include <inttypes.h>

static const struct {
    const char *name, *type, *help;
    size_t at;
} rows[] = {
#define GW_METRIC(name, type, help) \
    { #name, #type, help, offsetof(struct gw_metrics, name) },
#include "server/observe/metrics.def"
#undef GW_METRIC
};

static uint64_t value_of(struct gw_metrics *m, size_t at)
{
    _Atomic uint64_t *value = (void *)((char *)m + at);

    return atomic_load_explicit(value, memory_order_relaxed);
}

gw_err gw_metrics_print(struct gw_metrics *const *workers, size_t count,
                        struct gw_buf *out)
{
    for (size_t r = 0; r < GW_LEN(rows); r++) {
        const char *total = rows[r].type[0] == 'c' ? "_total" : "";
        uint64_t sum = 0;
        gw_err err;

        for (size_t i = 0; i < count; i++)
            sum += value_of(workers[i], rows[r].at);
        err = gw_buf_addf(out,
                          "# HELP gatewire_%s%s %s\n"
                          "# TYPE gatewire_%s%s %s\n"
                          "gatewire_%s%s %" PRIu64 "\n",
                          rows[r].name, total, rows[r].help, rows[r].name,
                          total, rows[r].type, rows[r].name, total, sum);
        if (err)
            return err;
    }
    return GW_OK;
}
