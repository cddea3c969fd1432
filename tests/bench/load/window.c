#include "tests/bench/load/window.h"

#include "tests/bench/load/report.h"
#include "tests/bench/load/usage.h"
#include "tests/bench/shared/net.h"

void window_start(struct window *w, const struct plan *plan)
{
    *w = (struct window){ .plan = plan };
    w->begin_ns = net_now_ns() + (int64_t)(plan->warmup * 1e9);
    w->end_ns = w->begin_ns + (int64_t)(plan->seconds * 1e9);
}

/* The server's CPU time, and that of everybody who has no part in this. */
static void read_clocks(const struct plan *plan, uint64_t *cpu_ns,
                        uint64_t *others_ns)
{
    *cpu_ns = usage_cpu_ns(&plan->server);
    *others_ns = usage_machine_ns() - *cpu_ns - usage_own_ns() -
                 usage_cpu_ns(&plan->beside);
}

bool window_goes_on(struct window *w)
{
    int64_t now = net_now_ns();
    uint64_t cpu_ns, others_ns;

    if (w->state == WINDOW_BEFORE && now >= w->begin_ns) {
        read_clocks(w->plan, &w->cpu_ns, &w->others_ns);
        w->state = WINDOW_OPEN;
        w->begin_ns = now;
    } else if (w->state == WINDOW_OPEN && now >= w->end_ns) {
        read_clocks(w->plan, &cpu_ns, &others_ns);
        w->cpu_ns = cpu_ns - w->cpu_ns;
        w->others_ns = others_ns - w->others_ns;
        w->state = WINDOW_OVER;
        w->end_ns = now;
    }
    return w->state != WINDOW_OVER;
}

void window_note(struct window *w, int64_t latency_ns)
{
    if (w->state != WINDOW_OPEN)
        return;
    w->messages++;
    hist_add(&w->latency, (uint64_t)latency_ns);
}

void window_report(const struct window *w)
{
    double seconds = (double)(w->end_ns - w->begin_ns) / 1e9;

    if (!w->messages)
        die("not one message came back");
    report("messages", (double)w->messages);
    report("rate", (double)w->messages / seconds);
    report("cpu_us", (double)w->cpu_ns / 1e3 / (double)w->messages);
    report("cpu_share", (double)w->cpu_ns / 1e9 / seconds);
    report("others_share", (double)(int64_t)w->others_ns / 1e9 / seconds);
    report("p50_us", (double)hist_at(&w->latency, 0.50) / 1e3);
    report("p99_us", (double)hist_at(&w->latency, 0.99) / 1e3);
    report("max_us", (double)w->latency.max / 1e3);
}
