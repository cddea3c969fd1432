/*
 * Log lines: a constant event name to search for, then key=value pairs.
 *
 *   gw_warn("conn.slow", "id=%s queued=%zu", id, queued);
 *
 * error wakes someone, warn is a limit reached, info is life cycle, debug is
 * the wire. Never tokens, signatures or payloads. The sink is installed by
 * main; without one, lines go nowhere. What a peer can cause goes through
 * gw_log_admit, which lets a number of lines a second pass and counts the
 * rest. Safe from any thread once the sink is set.
 */
#ifndef GW_BASE_LOG_H
#define GW_BASE_LOG_H

#include "protocol/base/base.h"

typedef enum gw_log_level {
    GW_LOG_ERROR,
    GW_LOG_WARN,
    GW_LOG_INFO,
    GW_LOG_DEBUG,
} gw_log_level;

/* What a line may say behind its event's name; the rest is cut off. Room for
 * 8 KB that a function has printed, and its names. */
enum { GW_LOG_TEXT_MAX = 8 * 1024 + 256 };

typedef void gw_log_sink(gw_log_level level, const char *event,
                         const char *text);

extern gw_log_level gw_log_threshold; /* set with the sink, before threads */

void gw_log_install(gw_log_sink *sink, gw_log_level threshold);
void gw_log(gw_log_level level, const char *event, const char *format, ...)
    GW_PRINTF(3, 4);

/* One per source of lines and thread. */
struct gw_log_gate {
    int64_t second;
    unsigned passed;
    uint64_t held; /* not yet reported */
};

/* True when the line may be written. *held is then what was held back since
 * the last line that passed. */
bool gw_log_admit(struct gw_log_gate *gate, int64_t now_s, unsigned per_second,
                  uint64_t *held);

#define GW_LOG_AT(level, ...)                         \
    do {                                              \
        if (GW_UNLIKELY((level) <= gw_log_threshold)) \
            gw_log(level, __VA_ARGS__);               \
    } while (0)
#define gw_error(...) GW_LOG_AT(GW_LOG_ERROR, __VA_ARGS__)
#define gw_warn(...)  GW_LOG_AT(GW_LOG_WARN, __VA_ARGS__)
#define gw_info(...)  GW_LOG_AT(GW_LOG_INFO, __VA_ARGS__)
#define gw_debug(...) GW_LOG_AT(GW_LOG_DEBUG, __VA_ARGS__)

#endif
