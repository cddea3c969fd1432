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

bool window_goes_on(struct window *w)
{
    int64_t now = net_now_ns();

    if (w->state == WINDOW_BEFORE && now >= w->begin_ns) {
        w->state = WINDOW_OPEN;
        w->cpu_ns = usage_cpu_ns(w->plan->pids, w->plan->pid_count);
        w->begin_ns = now;
    } else if (w->state == WINDOW_OPEN && now >= w->end_ns) {
        w->state = WINDOW_OVER;
        w->cpu_ns = usage_cpu_ns(w->plan->pids, w->plan->pid_count) - w->cpu_ns;
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
    report("p50_us", (double)hist_at(&w->latency, 0.50) / 1e3);
    report("p99_us", (double)hist_at(&w->latency, 0.99) / 1e3);
    report("max_us", (double)w->latency.max / 1e3);
}
