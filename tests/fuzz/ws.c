/*
 * A stream of client frames. Its first byte chooses the limits, the second
 * seeds the places where it is cut. Whatever the bytes are:
 * - the events are the same for the whole stream and for its pieces;
 * - texts are UTF-8, limits hold, and between messages no memory is held;
 * - a message written again and read again is the same message.
 */
#include "protocol/ws/frame.h"

#include "protocol/base/utf8.h"

#include <stdlib.h>

enum { SMALL_FRAME = 300, SMALL_MESSAGE = 1000 };

static void add(struct gw_buf *b, gw_str s)
{
    GW_ASSERT(gw_buf_add(b, s) == GW_OK);
}

static void add_event(struct gw_buf *log, gw_ws_step step,
                      const struct gw_ws_event *e)
{
    GW_ASSERT(gw_buf_addf(log, "%d %d %u %zu ", (int)step, (int)e->opcode,
                          e->code, e->payload.len) == GW_OK);
    add(log, e->payload);
}

static void check_event(gw_ws_step step, const struct gw_ws_event *e,
                        const struct gw_ws_limits *limits)
{
    char close[GW_WS_CLOSE_MAX];

    if (step == GW_WS_REFUSED || e->opcode == GW_WS_CLOSE) {
        GW_ASSERT(e->payload.len <= 123 && gw_utf8_is_valid(e->payload));
        GW_ASSERT(gw_ws_close_write(close, e->code, e->payload) ==
                  (e->code == 1005 ? 2 : 4 + e->payload.len));
    } else if (e->opcode == GW_WS_PING || e->opcode == GW_WS_PONG) {
        GW_ASSERT(e->payload.len <= 125);
    } else {
        GW_ASSERT(e->opcode == GW_WS_TEXT || e->opcode == GW_WS_BINARY);
        GW_ASSERT(e->opcode == GW_WS_TEXT ? gw_utf8_is_valid(e->payload)
                                          : limits->binary);
        GW_ASSERT(!limits->message_bytes ||
                  e->payload.len <= limits->message_bytes);
    }
}

static void check_again(const struct gw_ws_event *e)
{
    static const struct gw_ws_limits none = { 0, 0, true };
    uint8_t mask[4] = { 0xF1, 0x02, 0x83, 0x74 };
    struct gw_ws_event again;
    struct gw_ws_reader r;
    struct gw_buf frame;
    char head[GW_WS_HEAD_MAX];
    size_t used, n = gw_ws_head_write(head, e->opcode, e->payload.len);

    head[1] = (char)(head[1] | 0x80);
    gw_buf_init(&frame, SIZE_MAX / 2);
    add(&frame, (gw_str){ head, n });
    add(&frame, (gw_str){ (char *)mask, sizeof(mask) });
    add(&frame, e->payload);
    gw_ws_mask(frame.at + n + 4, e->payload.len, mask);
    gw_ws_reader_init(&r);
    GW_ASSERT(gw_ws_read(&r, &none, frame.at, frame.len, &used, &again) ==
              GW_WS_EVENT);
    GW_ASSERT(used == frame.len && again.opcode == e->opcode);
    GW_ASSERT(gw_str_eq(again.payload, e->payload));
    gw_ws_reader_fini(&r);
    gw_buf_fini(&frame);
}

static void feed(struct gw_ws_reader *r, const struct gw_ws_limits *limits,
                 gw_str piece, struct gw_buf *log)
{
    char *block = malloc(piece.len ? piece.len : 1);
    size_t at = 0, used;
    bool over = r->ended;

    if (piece.len)
        memcpy(block, piece.at, piece.len);
    while (at < piece.len) {
        struct gw_ws_event e;
        gw_ws_step step =
            gw_ws_read(r, limits, block + at, piece.len - at, &used, &e);

        at += used;
        GW_ASSERT(at <= piece.len);
        if (step == GW_WS_MORE)
            break;
        GW_ASSERT(!over);
        over = r->ended;
        check_event(step, &e, limits);
        add_event(log, step, &e);
        if (!over)
            check_again(&e);
    }
    free(block);
    gw_ws_reader_rest(r);
    GW_ASSERT(r->message || r->in_frame || (!r->gathered.at && !r->control));
}

static void run(const struct gw_ws_limits *limits, gw_str stream,
                unsigned pieces_seed, struct gw_buf *log)
{
    struct gw_ws_reader r;

    gw_ws_reader_init(&r);
    while (stream.len) {
        size_t n = stream.len;

        if (pieces_seed) {
            pieces_seed = pieces_seed * 1664525 + 1013904223;
            n = GW_MIN(n, (pieces_seed >> 24) % 23 + 1);
        }
        feed(&r, limits, gw_str_head(stream, n), log);
        GW_ASSERT(r.gathered.room <= 4 * (r.gathered.len + 4096));
        stream = gw_str_skip(stream, n);
    }
    gw_ws_reader_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct gw_ws_limits limits;
    struct gw_buf whole, pieces;
    gw_str stream;

    if (len < 2)
        return 0;
    limits =
        (struct gw_ws_limits){ .frame_bytes = bytes[0] & 1 ? SMALL_FRAME : 0,
                               .message_bytes =
                                   bytes[0] & 2 ? SMALL_MESSAGE : 0,
                               .binary = !(bytes[0] & 4) };
    stream = (gw_str){ (const char *)bytes + 2, len - 2 };
    gw_buf_init(&whole, SIZE_MAX / 2);
    gw_buf_init(&pieces, SIZE_MAX / 2);
    run(&limits, stream, 0, &whole);
    run(&limits, stream, bytes[1] + 1u, &pieces);
    GW_ASSERT(gw_str_eq(gw_buf_str(&whole), gw_buf_str(&pieces)));
    gw_buf_fini(&whole);
    gw_buf_fini(&pieces);
    return 0;
}
