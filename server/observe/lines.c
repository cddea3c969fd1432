#include "server/observe/lines.h"

#include "protocol/event/context.h"
#include "protocol/json/json.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const char *const colours[] = { "\x1b[31m", "\x1b[33m", "\x1b[36m",
                                       "\x1b[2m" };

static int64_t unix_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* One write per line keeps lines of different threads apart. What cannot be
 * written is lost: there is nobody left to tell. */
static void put(const char *line, size_t len)
{
    if (write(STDERR_FILENO, line, len) < 0)
        return;
}

static void text_sink(gw_log_level level, const char *event, const char *text)
{
    bool colour = isatty(STDERR_FILENO);
    char line[1400], time[GW_ISO_TIME_LEN + 1];
    int n;

    gw_time_iso(unix_ms(), time);
    n = snprintf(line, sizeof(line) - 1, "%.12s %s%-5s %-12s%s %s", time + 11,
                 colour ? colours[level] : "", level_names[level], event,
                 colour ? "\x1b[0m" : "", text);
    n = GW_MIN(n, (int)sizeof(line) - 2);
    /* What a peer sent must not look like another line. */
    for (int i = 0; i < n; i++)
        if ((unsigned char)line[i] < 0x20 && line[i] != '\x1b')
            line[i] = ' ';
    line[n++] = '\n';
    put(line, (size_t)n);
}

static void json_sink(gw_log_level level, const char *event, const char *text)
{
    struct gw_buf line;
    char time[GW_ISO_TIME_LEN + 1];
    gw_err err;

    gw_time_iso(unix_ms(), time);
    gw_buf_init(&line, 16 * 1024);
    err = gw_buf_addf(&line,
                      "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\","
                      "\"text\":",
                      time, level_names[level], event);
    if (!err)
        err = gw_json_write_text(&line, gw_str_of(text));
    if (!err)
        err = gw_buf_add(&line, GW_LIT("}\n"));
    if (!err)
        put(line.at, line.len);
    gw_buf_fini(&line);
}

void gw_lines_install(const struct gw_settings *settings)
{
    gw_log_install(settings->log_format == GW_LOG_JSON ? json_sink : text_sink,
                   settings->log_level);
}
