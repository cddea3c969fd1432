#include "tests/bench/load/crowd.h"
#include "tests/bench/load/modes.h"
#include "tests/bench/load/report.h"
#include "tests/bench/load/usage.h"
#include "tests/bench/shared/net.h"

void open_run(const struct plan *plan)
{
    uint64_t memory = usage_resident_bytes(&plan->server);
    uint64_t cpu = usage_cpu_ns(&plan->server);

    if (plan->first + plan->last > plan->connections)
        die("--first and --last overlap");
    crowd_open(plan, plan->first, "first_us");
    crowd_open(plan, plan->connections - plan->first - plan->last, "middle_us");
    crowd_open(plan, plan->last, "last_us");
    cpu = usage_cpu_ns(&plan->server) - cpu;
    memory = usage_resident_bytes(&plan->server) - memory;
    report("cpu_us", (double)cpu / 1e3 / plan->connections);
    report("memory_bytes", (double)memory / plan->connections);
    report("connections", plan->connections);
}
