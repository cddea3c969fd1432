#include "server/observe/lines.h"

#include "protocol/base/utf8.h"
#include "protocol/event/context.h"
#include "protocol/json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_BYTES = GW_LOG_TEXT_MAX + 512,
    ROWS_MAX = 64, /* on a terminal, of what a function said at once */
    ROW_BYTES = 64,
    JSON_BYTES = 8 * LINE_BYTES, /* a character becomes six, at worst */
    CLOCK_AT = 11,               /* in an ISO time */
    LOG_INDENT = 54,             /* of what a function says, behind its name */
};

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const char *const colours[] = { "\x1b[31m", "\x1b[33m", "\x1b[36m",
                                       "\x1b[2m" };
static bool has_colours;

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

/* --- foreign text ------------------------------------------------------------ */

/* Bytes of the character that begins there; 0: none does. */
static size_t character_at(const char *at, size_t left)
{
    for (size_t n = 1; n <= GW_MIN(left, (size_t)4); n++)
        if (gw_utf8_is_valid((gw_str){ at, n }))
            return n;
    return 0;
}

/* C0 and C1: a terminal would obey. */
static bool is_control(const char *at, size_t len)
{
    unsigned char first = (unsigned char)at[0];

    return len == 1 ? first < 0x20 || first == 0x7f
                    : first == 0xc2 && (unsigned char)at[1] < 0xa0;
}

/* But for `kept`, when it is not 0. */
static void make_harmless(char *at, size_t len, char kept)
{
    size_t n;

    for (size_t i = 0; i < len; i += GW_MAX(n, (size_t)1)) {
        n = character_at(at + i, len - i);
        if (n == 0)
            at[i] = '?';
        else if (is_control(at + i, n) && !(kept && at[i] == kept))
            memset(at + i, ' ', n);
    }
}

/* --- text --------------------------------------------------------------------- */

/* What follows the key, up to the next blank, or to `until`. Empty: it is not
 * there. */
static gw_str value_of(gw_str text, const char *key, const char *until)
{
    const char *at = memmem(text.at, text.len, key, strlen(key));
    const char *end;
    gw_str rest;

    if (!at)
        return GW_EMPTY;
    rest = gw_str_skip(text, (size_t)(at - text.at) + strlen(key));
    end = memmem(rest.at, rest.len, until, strlen(until));
    return end ? gw_str_head(rest, (size_t)(end - rest.at)) : rest;
}

struct line {
    gw_log_level level;
    const char *event;
    gw_str text;
    struct gw_buf *out;
};

/* "  19:20:01.002 error " */
static gw_err begin(struct line *l, const char *event)
{
    const char *on = has_colours ? colours[l->level] : "";
    const char *off = has_colours ? "\x1b[0m" : "";
    const char *level = l->level == GW_LOG_INFO ? "" : level_names[l->level];
    char time[GW_ISO_TIME_LEN + 1];

    gw_time_iso(unix_ms(), time);
    return gw_buf_addf(l->out, "%.12s %s%-5s %-12s%s ", time + CLOCK_AT, on,
                       level, event, off);
}

static gw_err show_any(struct line *l)
{
    gw_err err = begin(l, l->event);

    return err ? err : gw_buf_add(l->out, l->text);
}

/* "MESSAGE route=send status=200 in=2 out=0 ms=4 conn=L0SM… request=… from=…" */
static gw_err show_access(struct line *l)
{
    gw_str kind = gw_str_head(l->text, strcspn(l->text.at, " "));
    gw_str route = value_of(l->text, " route=", " status=");
    gw_str status = value_of(l->text, " status=", " ");
    gw_str error = value_of(l->text, " error=", " ");
    gw_str ms = value_of(l->text, " ms=", " ");
    gw_str conn = value_of(l->text, " conn=", " ");
    gw_str why = value_of(l->text, " why=", "\n");
    const char *event = gw_str_eq(kind, GW_LIT("CONNECT"))      ? "connect"
                        : gw_str_eq(kind, GW_LIT("DISCONNECT")) ? "goodbye"
                                                                : "message";
    uint64_t number = 0;
    gw_err err;

    if (gw_str_to_u64(status, &number) && number >= 400)
        l->level = number < 500 ? GW_LOG_WARN : GW_LOG_ERROR;
    err = begin(l, event);
    if (!err)
        err = gw_buf_addf(l->out, "%-22.*s %3.*s %6.*s ms  %.*s", GW_FMT(route),
                          GW_FMT(status), GW_FMT(ms), GW_FMT(conn));
    if (!err && error.len)
        err = gw_buf_addf(l->out, "  %.*s", GW_FMT(error));
    return err || !why.len ? err : gw_buf_addf(l->out, ": %.*s", GW_FMT(why));
}

/* "function=Send request_id=8d1f… ms=4 error=TypeError" */
static gw_err show_invoke(struct line *l)
{
    gw_str function = value_of(l->text, "function=", " ");
    gw_str ms = value_of(l->text, " ms=", " ");
    gw_str error = value_of(l->text, " error=", " ");
    gw_err err;

    if (error.len)
        l->level = GW_LOG_ERROR;
    err = begin(l, "invoke");
    if (!err)
        err = gw_buf_addf(l->out, "%-22.*s     %6.*s ms", GW_FMT(function),
                          GW_FMT(ms));
    return err || !error.len ? err
                             : gw_buf_addf(l->out, "  %.*s", GW_FMT(error));
}

/* Takes "NAME=VALUE " off the front; empty: it begins with something else. */
static gw_str take_field(gw_str *text, const char *name)
{
    gw_str prefix = gw_str_of(name);

    if (!gw_str_starts(*text, prefix))
        return GW_EMPTY;
    *text = gw_str_skip(*text, prefix.len);
    return gw_str_cut(text, ' ');
}

/* "2026-11-22T20:54:13.948Z 8d1f… INFO what was printed": Node's runtimes put
 * before each line what the columns say anyhow. */
static gw_str skip_stamp(gw_str said)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    size_t len = sizeof(form) - 1;

    if (said.len < len)
        return said;
    for (size_t i = 0; i < len; i++)
        if (form[i] == 'd' ? said.at[i] < '0' || said.at[i] > '9'
                           : said.at[i] != form[i])
            return said;
    said = gw_str_skip(said, len);
    gw_str_cut(&said, ' ');
    return said;
}

/* "function=Send request_id=8d1f… whatever it printed". Runtimes send what
 * has several lines as one, with returns in it; here it has them again. */
static gw_err show_log(struct line *l)
{
    gw_str said = l->text;
    gw_str function = take_field(&said, "function=");
    gw_err err;

    take_field(&said, "request_id=");
    said = skip_stamp(said);
    err = begin(l, "log");
    if (!err)
        err = gw_buf_addf(l->out, "%-22.*s | ", GW_FMT(function));
    for (int rows = 1; !err && gw_str_find(said, '\r', 0) >= 0; rows++) {
        gw_str row = gw_str_cut(&said, '\r');

        err = rows < ROWS_MAX ? gw_buf_addf(l->out, "%.*s\n%*s | ", GW_FMT(row),
                                            LOG_INDENT, "")
                              : gw_buf_addf(l->out, "%.*s ", GW_FMT(row));
    }
    return err ? err : gw_buf_add(l->out, said);
}

static const struct {
    const char *event;
    gw_err (*show)(struct line *l);
} shows[] = {
    { "access", show_access },
    { "invoke", show_invoke },
    { "function.log", show_log },
};

static gw_err show(struct line *l)
{
    for (size_t i = 0; i < GW_LEN(shows); i++)
        if (strcmp(l->event, shows[i].event) == 0)
            return shows[i].show(l);
    return show_any(l);
}

/* For a terminal. */
static void columns_sink(gw_log_level level, const char *event,
                         const char *text)
{
    char harmless[GW_LOG_TEXT_MAX + 1];
    size_t len = strnlen(text, GW_LOG_TEXT_MAX);
    struct gw_buf out;
    struct line line = { level, event, { harmless, len }, &out };

    memcpy(harmless, text, len);
    harmless[len] = '\0';
    make_harmless(harmless, len,
                  strcmp(event, "function.log") == 0 ? '\r' : '\0');
    gw_buf_init(&out, LINE_BYTES + ROWS_MAX * ROW_BYTES);
    if (show(&line) == GW_OK && gw_buf_add(&out, GW_LIT("\n")) == GW_OK)
        put(out.at, out.len);
    gw_buf_fini(&out);
}

/* For a file or a pipe: all of it, as it was logged. */
static void text_sink(gw_log_level level, const char *event, const char *text)
{
    char line[LINE_BYTES], time[GW_ISO_TIME_LEN + 1];
    int n;

    gw_time_iso(unix_ms(), time);
    n = snprintf(line, sizeof(line) - 1, "%.12s %-5s %-12s %s", time + CLOCK_AT,
                 level_names[level], event, text);
    n = GW_MIN(n, (int)sizeof(line) - 2);
    make_harmless(line, (size_t)n, '\0');
    line[n++] = '\n';
    put(line, (size_t)n);
}

/* --- JSON --------------------------------------------------------------------- */

static gw_err add_member(struct gw_buf *out, const char *name, gw_str value)
{
    gw_err err = gw_buf_addf(out, ",\"%s\":", name);

    return err ? err : gw_json_write_text(out, value);
}

/* What a function has printed stays as it was, with whose it is beside it. */
static gw_err add_text(struct gw_buf *out, const char *event, gw_str text)
{
    gw_str function, request_id;
    gw_err err = GW_OK;

    if (strcmp(event, "function.log") == 0) {
        function = take_field(&text, "function=");
        request_id = take_field(&text, "request_id=");
        err = add_member(out, "function", function);
        if (!err)
            err = add_member(out, "request_id", request_id);
    }
    return err ? err : add_member(out, "text", text);
}

static void json_sink(gw_log_level level, const char *event, const char *text)
{
    struct gw_arena a;
    struct gw_buf line;
    gw_str repaired;
    char time[GW_ISO_TIME_LEN + 1];
    gw_err err;

    gw_time_iso(unix_ms(), time);
    gw_arena_init(&a, JSON_BYTES);
    gw_buf_init(&line, JSON_BYTES);
    err = gw_utf8_repair(&a, gw_str_of(text), &repaired);
    if (!err)
        err = gw_buf_addf(&line,
                          "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"",
                          time, level_names[level], event);
    if (!err)
        err = add_text(&line, event, repaired);
    if (!err)
        err = gw_buf_add(&line, GW_LIT("}\n"));
    if (!err)
        put(line.at, line.len);
    gw_buf_fini(&line);
    gw_arena_fini(&a);
}

void gw_lines_install(const struct gw_settings *settings)
{
    bool is_terminal = isatty(STDERR_FILENO);

    has_colours = is_terminal && !getenv("NO_COLOR");
    gw_log_install(settings->log_format == GW_LOG_JSON ? json_sink
                   : is_terminal                       ? columns_sink
                                                       : text_sink,
                   settings->log_level);
}
