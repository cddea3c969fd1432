#include "server/function/output.h"

#include "protocol/base/buf.h"
#include "protocol/base/log.h"
#include "server/port/invoker.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LINE_BYTES = 8192, /* GW_LOG_TEXT_MAX has room for it and its prefix */
    TURN_BYTES = 4096,
    /* What a pipe holds, so that all is read that was printed before. */
    SETTLE_BYTES = 65536,
    ID_MAX = 36,
};

struct gw_output {
    uv_poll_t poll;
    char *function;
    int fd;
    bool has_ended; /* nobody has the other end any more */
    char request_id[ID_MAX + 1];
    size_t line_len, tail_len;
    char line[LINE_BYTES];
    /* Twice as much as is wanted, so that it is seldom moved. */
    char tail[2 * GW_INVOKE_TAIL_MAX];
};

/* --- lines --------------------------------------------------------------------- */

static void log_line(struct gw_output *o, gw_str line)
{
    if (line.len)
        gw_info("function.log", "function=%s request_id=%s %.*s", o->function,
                o->request_id[0] ? o->request_id : "-", GW_FMT(line));
}

/* Where a line of that length may be cut: not inside a character of UTF-8. */
static size_t cut_of(const char *line, size_t len)
{
    for (size_t back = 1; back <= 3; back++) {
        unsigned char c = (unsigned char)line[len - back];

        if ((c & 0xc0) != 0x80) {
            size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

            return size > back ? len - back : len;
        }
    }
    return len;
}

static void flush_line(struct gw_output *o, size_t len)
{
    log_line(o, (gw_str){ o->line, len });
    o->line_len -= len;
    memmove(o->line, o->line + len, o->line_len);
}

static void add_to_line(struct gw_output *o, gw_str bytes)
{
    while (bytes.len) {
        size_t n = GW_MIN(bytes.len, sizeof(o->line) - o->line_len);

        memcpy(o->line + o->line_len, bytes.at, n);
        o->line_len += n;
        bytes = gw_str_skip(bytes, n);
        if (o->line_len == sizeof(o->line))
            flush_line(o, cut_of(o->line, o->line_len));
    }
}

static void add_lines(struct gw_output *o, gw_str bytes)
{
    ptrdiff_t end;

    while ((end = gw_str_find(bytes, '\n', 0)) >= 0) {
        size_t len = (size_t)end;

        /* Mostly it is all there, and need not be copied. */
        if (!o->line_len && len <= sizeof(o->line)) {
            log_line(o, gw_str_head(bytes, len));
        } else {
            add_to_line(o, gw_str_head(bytes, len));
            flush_line(o, o->line_len);
        }
        bytes = gw_str_skip(bytes, len + 1);
    }
    add_to_line(o, bytes);
}

static void add_to_tail(struct gw_output *o, gw_str bytes)
{
    if (bytes.len > GW_INVOKE_TAIL_MAX)
        bytes = gw_str_skip(bytes, bytes.len - GW_INVOKE_TAIL_MAX);
    if (o->tail_len + bytes.len > sizeof(o->tail)) {
        memmove(o->tail, o->tail + o->tail_len - GW_INVOKE_TAIL_MAX,
                GW_INVOKE_TAIL_MAX);
        o->tail_len = GW_INVOKE_TAIL_MAX;
    }
    memcpy(o->tail + o->tail_len, bytes.at, bytes.len);
    o->tail_len += bytes.len;
}

/* --- the pipe ------------------------------------------------------------------ */

static void read_some(struct gw_output *o, size_t most)
{
    char bytes[TURN_BYTES];
    ssize_t n;

    while (most && (n = read(o->fd, bytes, sizeof(bytes))) != -1) {
        const gw_str read_now = { bytes, (size_t)n };

        if (n == 0) {
            o->has_ended = true;
            uv_poll_stop(&o->poll);
            return;
        }
        add_to_tail(o, read_now);
        add_lines(o, read_now);
        most -= GW_MIN(most, (size_t)n);
    }
}

static void settle(struct gw_output *o)
{
    if (!o->has_ended)
        read_some(o, SETTLE_BYTES);
    flush_line(o, o->line_len);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    read_some(poll->data, TURN_BYTES);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct gw_output *o = handle->data;

    close(o->fd);
    free(o->function);
    free(o);
}

/* --- what others call ---------------------------------------------------------- */

struct gw_output *gw_output_new(uv_loop_t *loop, gw_str function, int *end)
{
    struct gw_output *o;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return NULL;
    fcntl(ends[0], F_SETFL, O_NONBLOCK); /* the other end is a stdout */
    o = gw_alloc(sizeof(*o));
    o->function = gw_str_dup(function);
    o->fd = ends[0];
    o->poll.data = o;
    uv_poll_init(loop, &o->poll, o->fd);
    uv_poll_start(&o->poll, UV_READABLE, on_readable);
    *end = ends[1];
    return o;
}

void gw_output_free(struct gw_output *o)
{
    uv_close((uv_handle_t *)&o->poll, on_poll_closed);
}

void gw_output_begin(struct gw_output *o, gw_str request_id)
{
    size_t len = GW_MIN(request_id.len, (size_t)ID_MAX);

    settle(o);
    memcpy(o->request_id, request_id.at, len);
    o->request_id[len] = '\0';
    o->tail_len = 0;
}

void gw_output_end(struct gw_output *o)
{
    settle(o);
    o->request_id[0] = '\0';
}

gw_str gw_output_tail(struct gw_output *o)
{
    size_t len;

    settle(o);
    len = GW_MIN(o->tail_len, (size_t)GW_INVOKE_TAIL_MAX);
    return (gw_str){ o->tail + o->tail_len - len, len };
}
