#include "protocol/ws/frame.h"

#include "protocol/base/utf8.h"

#include <stdlib.h>

enum {
    FINAL = 0x80,
    RESERVED = 0x70,
    CONTROL = 0x08, /* the opcodes with this bit are control frames */
    MASKED = 0x80,
    CONTROL_MAX = 125,
    /* A peer who has announced much and sent little is given this much, and
     * then as much again as he has sent. */
    GATHER_STEP = 4096,
};

/* What is left of the caller's bytes. */
struct input {
    char *at;
    size_t len;
};

struct head {
    size_t size; /* 0: not enough of it has come to tell */
    uint64_t payload;
};

void gw_ws_reader_init(struct gw_ws_reader *r)
{
    *r = (struct gw_ws_reader){ .in_frame = false };
    gw_buf_init(&r->gathered, SIZE_MAX / 2);
}

void gw_ws_reader_fini(struct gw_ws_reader *r)
{
    gw_buf_fini(&r->gathered);
    free(r->control);
    gw_ws_reader_init(r);
}

/* An idle connection should hold nothing, so the memory is not kept for the
 * next message. */
void gw_ws_reader_rest(struct gw_ws_reader *r)
{
    if (!r->lent)
        return;
    free(r->control);
    r->control = NULL;
    if (!r->message)
        gw_buf_fini(&r->gathered);
    r->lent = false;
}

static gw_ws_step refuse(struct gw_ws_reader *r, unsigned code, const char *why,
                         struct gw_ws_event *out)
{
    gw_ws_reader_fini(r);
    r->ended = true;
    *out = (struct gw_ws_event){ GW_WS_CLOSE, code, gw_str_of(why) };
    return GW_WS_REFUSED;
}

/* --- masks ----------------------------------------------------------------
 *
 * The hot loop of the server. It also returns the OR of all bytes it wrote,
 * folded into one word, so that ASCII text is known as such after one pass.
 */
/* One vector register, wherever the payload happens to begin. */
typedef uint64_t lane __attribute__((vector_size(16), aligned(1), may_alias));

static uint64_t unmask(char *p, size_t len, uint8_t mask[4])
{
    uint32_t half;
    uint64_t key, word, seen;
    lane wide = { 0 };
    size_t i = 0;

    memcpy(&half, mask, sizeof(half));
    key = half | (uint64_t)half << 32; /* the same in either byte order */
    for (; i + 64 <= len; i += 64) {
        lane *at = (lane *)(p + i), a, b, c, d;
        const lane by = { key, key };

        at[0] = a = at[0] ^ by;
        at[1] = b = at[1] ^ by;
        at[2] = c = at[2] ^ by;
        at[3] = d = at[3] ^ by;
        wide |= (a | b) | (c | d);
    }
    seen = wide[0] | wide[1];
    for (; i + 8 <= len; i += 8) {
        memcpy(&word, p + i, sizeof(word));
        word ^= key;
        memcpy(p + i, &word, sizeof(word));
        seen |= word;
    }
    for (; i < len; i++) {
        p[i] = (char)(p[i] ^ mask[i & 3]);
        seen |= (unsigned char)p[i];
    }
    for (i = 0; i < 4; i++)
        mask[i] = ((uint8_t *)&half)[(len + i) & 3];
    return seen;
}

void gw_ws_mask(char *bytes, size_t len, uint8_t mask[4])
{
    unmask(bytes, len, mask);
}

/* --- heads ----------------------------------------------------------------*/

static bool is_opcode(unsigned opcode)
{
    return opcode <= GW_WS_BINARY ||
           (opcode >= GW_WS_CLOSE && opcode <= GW_WS_PONG);
}

/* Is the first byte that of a frame that may come now? NULL, or why not. */
static const char *first_fault(const struct gw_ws_reader *r, uint8_t first)
{
    unsigned opcode = first & 0x0F;

    if (first & RESERVED)
        return "reserved bits are set";
    if (!is_opcode(opcode))
        return "unknown opcode";
    if (opcode & CONTROL)
        return first & FINAL ? NULL : "control frame in fragments";
    if (opcode == GW_WS_CONTINUATION)
        return r->message ? NULL : "continuation of no message";
    return r->message ? "new message inside another" : NULL;
}

/* Judges as much of a head as has come; its size and the payload's length are
 * known two to eight bytes before the mask is. NULL, or what is wrong. */
static const char *head_fault(const struct gw_ws_reader *r, const uint8_t *p,
                              size_t have, struct head *h)
{
    const char *why = have ? first_fault(r, p[0]) : NULL;
    unsigned len7, wide;

    *h = (struct head){ .size = 0 };
    if (why || have < 2)
        return why;
    if (!(p[1] & MASKED))
        return "frame is not masked";
    len7 = p[1] & 0x7F;
    if ((p[0] & CONTROL) && len7 > CONTROL_MAX)
        return "control frame over 125 bytes";
    wide = len7 == 127 ? 8 : len7 == 126 ? 2 : 0;
    if (have < 2 + wide)
        return NULL;
    h->payload = wide ? 0 : len7;
    for (unsigned i = 0; i < wide; i++)
        h->payload = h->payload << 8 | p[2 + i];
    if (h->payload >> 63)
        return "length has its top bit set";
    if (wide && h->payload < (wide == 8 ? 65536 : 126))
        return "length is not in its shortest form";
    h->size = 2 + wide + 4;
    return NULL;
}

static size_t message_max(const struct gw_ws_limits *limits)
{
    return limits->message_bytes ? limits->message_bytes : SIZE_MAX / 2;
}

/* What the settings say of a data frame: 0, or the code to refuse it with. */
static unsigned limit_passed(const struct gw_ws_reader *r,
                             const struct gw_ws_limits *limits, unsigned opcode,
                             uint64_t payload)
{
    size_t max = message_max(limits);

    if (opcode == GW_WS_BINARY && !limits->binary)
        return 1003;
    if (limits->frame_bytes && payload > limits->frame_bytes)
        return 1009;
    return r->gathered.len > max || payload > max - r->gathered.len ? 1009 : 0;
}

/* The head is whole: from here on its payload is read. */
static void enter_frame(struct gw_ws_reader *r, const uint8_t *p,
                        const struct head *h)
{
    r->opcode = p[0] & 0x0F;
    r->final = p[0] & FINAL;
    r->left = h->payload;
    memcpy(r->mask, p + h->size - 4, sizeof(r->mask));
    r->in_frame = true;
    r->head_len = 0;
    if (r->opcode == GW_WS_TEXT || r->opcode == GW_WS_BINARY)
        r->message = r->opcode;
}

/* MORE says that nothing is wrong; r->in_frame tells if the head was whole. */
static gw_ws_step read_head(struct gw_ws_reader *r,
                            const struct gw_ws_limits *limits, struct input *in,
                            struct gw_ws_event *out)
{
    const uint8_t *p = (const uint8_t *)in->at;
    size_t have = in->len, before = r->head_len, taken;
    struct head h;
    const char *why;
    unsigned code;

    if (before) {
        have = GW_MIN(have, sizeof(r->head) - before);
        memcpy(r->head + before, p, have);
        p = r->head;
        have += before;
    }
    why = head_fault(r, p, have, &h);
    if (why)
        return refuse(r, 1002, why, out);
    if (h.size && !(p[0] & CONTROL)) {
        code = limit_passed(r, limits, p[0] & 0x0F, h.payload);
        if (code)
            return refuse(r, code,
                          code == 1003 ? "binary is not accepted"
                                       : "larger than the limit allows",
                          out);
    }
    if (h.size && have >= h.size) {
        taken = h.size - before;
        enter_frame(r, p, &h);
    } else {
        taken = in->len;
        if (have && p != r->head)
            memcpy(r->head, p, have);
        r->head_len = (uint8_t)have;
    }
    in->at += taken;
    in->len -= taken;
    return GW_WS_MORE;
}

/* --- payloads -------------------------------------------------------------*/

/* The part of this frame's payload that is here, unmasked. *seen: the OR of
 * its bytes. */
static gw_str read_part(struct gw_ws_reader *r, struct input *in,
                        uint64_t *seen)
{
    gw_str part = { in->at, (size_t)GW_MIN(r->left, in->len) };

    *seen = unmask(in->at, part.len, r->mask);
    in->at += part.len;
    in->len -= part.len;
    r->left -= part.len;
    if (r->left == 0)
        r->in_frame = false;
    return part;
}

/* 0, or the code to refuse it with. */
static unsigned close_fault(gw_str payload, const char **why)
{
    const uint8_t *p = (const uint8_t *)payload.at;

    *why = "close payload of one byte";
    if (payload.len == 1)
        return 1002;
    *why = "close code is not legal";
    if (!gw_ws_close_code_is_legal((unsigned)p[0] << 8 | p[1]))
        return 1002;
    *why = "close reason is not UTF-8";
    return gw_utf8_is_valid(gw_str_skip(payload, 2)) ? 0 : 1007;
}

static gw_ws_step end_close(struct gw_ws_reader *r, gw_str payload,
                            struct gw_ws_event *out)
{
    const uint8_t *p = (const uint8_t *)payload.at;
    const char *why;
    unsigned code;

    *out = (struct gw_ws_event){ GW_WS_CLOSE, 1005, GW_EMPTY };
    if (payload.len) {
        code = close_fault(payload, &why);
        if (code)
            return refuse(r, code, why, out);
        out->code = (unsigned)p[0] << 8 | p[1];
        out->payload = gw_str_skip(payload, 2);
    }
    r->ended = true;
    r->message = 0; /* the rest of it will never come */
    gw_buf_fini(&r->gathered);
    return GW_WS_EVENT;
}

static gw_ws_step read_control(struct gw_ws_reader *r, struct input *in,
                               struct gw_ws_event *out)
{
    uint64_t seen;
    gw_str payload = read_part(r, in, &seen);

    if (r->in_frame || r->control) {
        if (!r->control)
            r->control = gw_alloc(CONTROL_MAX);
        memcpy(r->control + r->control_len, payload.at, payload.len);
        r->control_len = (uint8_t)(r->control_len + payload.len);
        if (r->in_frame)
            return GW_WS_MORE;
        payload = (gw_str){ r->control, r->control_len };
        r->control_len = 0;
        r->lent = true;
    }
    if (r->opcode == GW_WS_CLOSE)
        return end_close(r, payload, out);
    *out = (struct gw_ws_event){ (gw_ws_opcode)r->opcode, 0, payload };
    return GW_WS_EVENT;
}

/* Room for what has come, and for what is announced as far as it is earned:
 * a frame that arrives in a few pieces is allocated once or twice, and a head
 * alone buys nothing. */
static gw_err gather(struct gw_ws_reader *r, const struct gw_ws_limits *limits,
                     gw_str part)
{
    size_t earned = GW_MAX(r->gathered.len + part.len, (size_t)GATHER_STEP);
    size_t ahead = (size_t)GW_MIN(r->left, earned);
    gw_err err = GW_OK;

    if (part.len == 0)
        return GW_OK;
    r->gathered.max = message_max(limits);
    if (r->gathered.room - r->gathered.len < part.len)
        err = gw_buf_reserve(&r->gathered, part.len + ahead);
    return err ? err : gw_buf_add(&r->gathered, part);
}

static gw_ws_step read_data(struct gw_ws_reader *r,
                            const struct gw_ws_limits *limits, struct input *in,
                            struct gw_ws_event *out)
{
    uint64_t seen;
    gw_str part = read_part(r, in, &seen);
    bool whole = r->final && !r->in_frame;

    if (r->message == GW_WS_TEXT) {
        if (r->utf8 || (seen & 0x8080808080808080u))
            r->utf8 = gw_utf8_feed(r->utf8, part);
        if (r->utf8 == GW_UTF8_BAD || (whole && r->utf8))
            return refuse(r, 1007, "text is not UTF-8", out);
    }
    if (!whole || r->gathered.len) {
        if (gather(r, limits, part))
            return refuse(r, 1009, "larger than the limit allows", out);
        if (!whole)
            return GW_WS_MORE;
        part = gw_buf_str(&r->gathered);
        r->lent = true;
    }
    *out = (struct gw_ws_event){ (gw_ws_opcode)r->message, 0, part };
    r->message = 0;
    return GW_WS_EVENT;
}

gw_ws_step gw_ws_read(struct gw_ws_reader *r, const struct gw_ws_limits *limits,
                      char *bytes, size_t len, size_t *used,
                      struct gw_ws_event *out)
{
    struct input in = { bytes, len };
    gw_ws_step step = GW_WS_MORE;

    gw_ws_reader_rest(r);
    if (r->ended)
        in.len = 0;
    while (in.len && step == GW_WS_MORE) {
        if (!r->in_frame)
            step = read_head(r, limits, &in, out);
        /* a frame without payload ends with its head */
        if (!r->in_frame)
            continue;
        step = r->opcode & CONTROL ? read_control(r, &in, out)
                                   : read_data(r, limits, &in, out);
    }
    *used = step == GW_WS_REFUSED ? len : len - in.len;
    return step;
}

/* --- writing --------------------------------------------------------------*/

size_t gw_ws_head_write(char out[GW_WS_HEAD_MAX], gw_ws_opcode opcode,
                        uint64_t payload_bytes)
{
    unsigned wide = payload_bytes > 65535 ? 8 : payload_bytes > 125 ? 2 : 0;

    out[0] = (char)(FINAL | opcode);
    out[1] = (char)(wide == 8 ? 127 : wide == 2 ? 126 : payload_bytes);
    for (unsigned i = 0; i < wide; i++)
        out[2 + i] = (char)(payload_bytes >> 8 * (wide - 1 - i));
    return 2 + wide;
}

bool gw_ws_close_code_is_legal(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

size_t gw_ws_close_write(char out[GW_WS_CLOSE_MAX], unsigned code,
                         gw_str reason)
{
    size_t n = GW_MIN(reason.len, (size_t)CONTROL_MAX - 2);

    if (code == 0 || code == 1005)
        return gw_ws_head_write(out, GW_WS_CLOSE, 0);
    GW_ASSERT(gw_ws_close_code_is_legal(code));
    if (!gw_utf8_is_valid(reason))
        n = 0;
    while (n < reason.len && n > 0 && (reason.at[n] & 0xC0) == 0x80)
        n--;
    gw_ws_head_write(out, GW_WS_CLOSE, 2 + n);
    out[2] = (char)(code >> 8);
    out[3] = (char)code;
    if (n)
        memcpy(out + 4, reason.at, n);
    return 4 + n;
}
