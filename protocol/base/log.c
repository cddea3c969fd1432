#include "protocol/base/log.h"

#include <stdarg.h>
#include <stdio.h>

gw_log_level gw_log_threshold = GW_LOG_WARN;
static gw_log_sink *installed;

void gw_log_install(gw_log_sink *sink, gw_log_level threshold)
{
    installed = sink;
    gw_log_threshold = threshold;
}

void gw_log(gw_log_level level, const char *event, const char *format, ...)
{
    char text[GW_LOG_TEXT_MAX + 1];
    va_list args;

    if (!installed || level > gw_log_threshold)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    installed(level, event, text);
}

bool gw_log_admit(struct gw_log_gate *gate, int64_t now_s, unsigned per_second,
                  uint64_t *held)
{
    if (gate->second != now_s) {
        gate->second = now_s;
        gate->passed = 0;
    }
    if (gate->passed >= per_second) {
        gate->held++;
        return false;
    }
    gate->passed++;
    *held = gate->held;
    gate->held = 0;
    return true;
}
