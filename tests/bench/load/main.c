/*
 * The load generator: one thread, one core, any number of connections. Says
 * what it measured as JSON; ../run turns that into a table.
 */
#include "tests/bench/load/modes.h"
#include "tests/bench/load/report.h"
#include "tests/bench/shared/net.h"

#include <string.h>

static const struct {
    const char *name;
    void (*run)(const struct plan *plan);
} modes[] = {
    { "echo", echo_run }, { "open", open_run },       { "push", push_run },
    { "post", post_run }, { "goodbye", goodbye_run },
};

int main(int argc, char **argv)
{
    struct plan plan;

    plan_read(&plan, argv);
    if (plan.core >= 0)
        net_pin(plan.core);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i].name, plan.mode))
            continue;
        modes[i].run(&plan);
        report_end();
        return 0;
    }
    die("%s: there is no such mode", plan.mode);
}
