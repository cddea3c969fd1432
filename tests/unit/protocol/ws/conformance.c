/*
 * Feeds the codec with every case of tests/conformance/ws.cases, whose head
 * describes the notation: whole, byte by byte, and cut in two.
 */
#include "protocol/ws/frame.h"

#include "protocol/base/base64.h"
#include "tests/support/suite.h"

#include <stdlib.h>

#define CASES "tests/conformance/ws.cases"

enum { SHORT_CASE = 300, CASES_MIN = 250 };

struct ws_case {
    gw_str name;
    struct gw_ws_limits limits;
    bool cut;
    struct gw_buf bytes, events;
};

/* --- the notation ---------------------------------------------------------*/

static const struct {
    const char *name;
    uint8_t first;
} kinds[] = {
    { "text", 0x81 },  { "binary", 0x82 }, { "cont", 0x80 },
    { "close", 0x88 }, { "ping", 0x89 },   { "pong", 0x8A },
};

/* Millions of these: ck_assert would write each one to Check's pipe. */
static void must(bool holds, const char *what)
{
    if (!holds)
        ck_abort_msg("%s", what);
}

static void add(struct gw_buf *b, gw_str s)
{
    must(gw_buf_add(b, s) == GW_OK, "the buffer is full");
}

static bool skip(gw_str *s, gw_str what)
{
    if (!gw_str_starts(*s, what))
        return false;
    *s = gw_str_skip(*s, what.len);
    return true;
}

static uint64_t number(gw_str *s)
{
    size_t n = strspn(s->at, "0123456789"); /* the file ends in a NUL */
    uint64_t value;

    ck_assert_msg(gw_str_to_u64(gw_str_head(*s, n), &value), "a number: %.9s",
                  s->at);
    *s = gw_str_skip(*s, n);
    return value;
}

/* "12*" before what follows, or 1. */
static uint64_t times(gw_str *s)
{
    uint64_t n = 1;

    if (s->at[strspn(s->at, "0123456789")] != '*')
        return 1;
    n = number(s);
    *s = gw_str_skip(*s, 1);
    return n;
}

static void read_data(gw_str *s, struct gw_buf *out)
{
    uint64_t n = times(s);
    char small[64];
    gw_str data = { small, 2 };

    if (skip(s, GW_LIT("\""))) {
        data = gw_str_cut(s, '"');
    } else if (skip(s, GW_LIT("#"))) {
        uint64_t value = number(s);

        small[0] = (char)(value >> 8);
        small[1] = (char)value;
    } else {
        data.len = strspn(s->at, "0123456789abcdef") / 2;
        ck_assert_msg(data.len && data.len <= sizeof(small), "data: %.9s",
                      s->at);
        ck_assert(gw_hex_decode(gw_str_head(*s, 2 * data.len), small));
        *s = gw_str_skip(*s, 2 * data.len);
    }
    while (n--)
        add(out, data);
}

static void read_payload(gw_str *s, struct gw_buf *out)
{
    ck_assert_msg(skip(s, GW_LIT("(")), "a payload: %.9s", s->at);
    while (!skip(s, GW_LIT(")"))) {
        read_data(s, out);
        skip(s, GW_LIT(" "));
    }
}

static void add_frame(struct gw_buf *out, uint8_t first, unsigned wide,
                      bool masked, gw_str payload)
{
    static const uint8_t key[4] = { 0x37, 0xFA, 0x21, 0x3D };
    char head[10] = { (char)first };

    head[1] = (char)(wide == 8 ? 127 : wide == 2 ? 126 : payload.len);
    head[1] = (char)(head[1] | (masked ? 0x80 : 0));
    for (unsigned i = 0; i < wide; i++)
        head[2 + i] = (char)(payload.len >> 8 * (wide - 1 - i));
    add(out, (gw_str){ head, 2 + wide });
    if (masked)
        add(out, (gw_str){ (const char *)key, sizeof(key) });
    for (size_t i = 0; i < payload.len; i++) {
        char c = (char)(payload.at[i] ^ (masked ? key[i & 3] : 0));

        add(out, (gw_str){ &c, 1 });
    }
}

static bool read_first_byte(gw_str *s, uint8_t *first)
{
    if (skip(s, GW_LIT("@"))) {
        ck_assert(gw_hex_decode(gw_str_head(*s, 2), first));
        *s = gw_str_skip(*s, 2);
        return true;
    }
    for (size_t i = 0; i < GW_LEN(kinds); i++)
        if (skip(s, gw_str_of(kinds[i].name))) {
            *first = kinds[i].first;
            return true;
        }
    return false;
}

static void read_frame(gw_str *s, struct gw_buf *out)
{
    bool masked = !skip(s, GW_LIT("!"));
    unsigned wide = 0;
    struct gw_buf payload;
    uint8_t first;

    if (!read_first_byte(s, &first)) {
        read_data(s, out);
        return;
    }
    if (skip(s, GW_LIT("-")))
        first &= 0x7F;
    gw_buf_init(&payload, SIZE_MAX / 2);
    if (skip(s, GW_LIT(":")))
        wide = (unsigned)number(s) / 8;
    read_payload(s, &payload);
    if (!wide)
        wide = payload.len > 65535 ? 8 : payload.len > 125 ? 2 : 0;
    add_frame(out, first, wide, masked, gw_buf_str(&payload));
    gw_buf_fini(&payload);
}

/* Events are compared as a log: kind, length, payload; here and in on_event.
 * A close or a refusal has its code before the reason. */
static void add_event(struct gw_buf *log, const char *kind, gw_str payload)
{
    must(gw_buf_addf(log, "%s %zu ", kind, payload.len) == GW_OK,
         "the log is full");
    add(log, payload);
}

static void read_event(gw_str *s, struct gw_buf *out)
{
    size_t len = strcspn(s->at, "(");
    struct gw_buf payload;
    char kind[16];

    ck_assert_uint_lt(len, sizeof(kind));
    memcpy(kind, s->at, len);
    kind[len] = '\0';
    *s = gw_str_skip(*s, len);
    gw_buf_init(&payload, SIZE_MAX / 2);
    read_payload(s, &payload);
    add_event(out, kind, gw_buf_str(&payload));
    gw_buf_fini(&payload);
}

static void read_terms(gw_str s, void (*read)(gw_str *, struct gw_buf *),
                       struct gw_buf *out)
{
    while (s.len) {
        gw_str rest = s;
        uint64_t n = times(&rest);

        while (n--) {
            s = rest;
            read(&s, out);
        }
        skip(&s, GW_LIT(" "));
    }
}

static void read_flags(gw_str flags, struct ws_case *c)
{
    c->limits = (struct gw_ws_limits){ 32768, 131072, true };
    c->cut = false;
    while (flags.len) {
        gw_str flag = gw_str_cut(&flags, ' ');

        if (skip(&flag, GW_LIT("frame=")))
            c->limits.frame_bytes = number(&flag);
        else if (skip(&flag, GW_LIT("message=")))
            c->limits.message_bytes = number(&flag);
        else if (gw_str_eq(flag, GW_LIT("no-binary")))
            c->limits.binary = false;
        else if (gw_str_eq(flag, GW_LIT("cut")))
            c->cut = true;
        else
            ck_assert_gw_str(flag, GW_LIT("-"));
    }
}

static void read_case(gw_str line, struct ws_case *c)
{
    c->name = gw_str_trim(gw_str_cut(&line, '|'));
    read_flags(gw_str_trim(gw_str_cut(&line, '|')), c);
    gw_buf_init(&c->bytes, SIZE_MAX / 2);
    gw_buf_init(&c->events, SIZE_MAX / 2);
    read_terms(gw_str_trim(gw_str_cut(&line, '|')), read_frame, &c->bytes);
    read_terms(gw_str_trim(line), read_event, &c->events);
}

/* --- feeding --------------------------------------------------------------*/

static void on_event(gw_ws_step step, const struct gw_ws_event *e,
                     struct gw_buf *log)
{
    char close[125] = { (char)(e->code >> 8), (char)e->code };
    gw_str payload = { close, 2 };

    if (step == GW_WS_REFUSED) {
        add_event(log, "refuse", payload);
        return;
    }
    if (e->opcode != GW_WS_CLOSE) {
        add_event(log,
                  e->opcode == GW_WS_TEXT     ? "text"
                  : e->opcode == GW_WS_BINARY ? "binary"
                  : e->opcode == GW_WS_PING   ? "ping"
                                              : "pong",
                  e->payload);
        return;
    }
    memcpy(close + 2, e->payload.at, e->payload.len);
    payload.len += e->payload.len;
    add_event(log, "close", e->code == 1005 ? GW_EMPTY : payload);
}

/* As a socket would: from a block of exactly that size, so that a sanitizer
 * sees what is read beside it. */
static void feed(struct gw_ws_reader *r, const struct ws_case *c, size_t from,
                 size_t len, struct gw_buf *log)
{
    char *block = malloc(len ? len : 1), *at = block;
    struct gw_ws_event event;
    gw_ws_step step = GW_WS_EVENT;
    size_t used;

    if (len)
        memcpy(block, c->bytes.at + from, len);
    while (step == GW_WS_EVENT && len) {
        step = gw_ws_read(r, &c->limits, at, len, &used, &event);
        must(used <= len, "more used than given");
        at += used;
        len -= used;
        if (step != GW_WS_MORE)
            on_event(step, &event, log);
    }
    must(step == GW_WS_REFUSED || len == 0, "MORE, and bytes left");
    free(block);
    gw_ws_reader_rest(r);
    /* between messages a connection holds no memory */
    if (r->ended || (!r->message && !r->in_frame))
        must(!r->gathered.at && !r->control, "memory held while idle");
}

/* One run: the first `at` bytes, then by `step`. */
static void run(const struct ws_case *c, size_t at, size_t step)
{
    struct gw_ws_reader r;
    struct gw_buf log;

    gw_ws_reader_init(&r);
    gw_buf_init(&log, SIZE_MAX / 2);
    feed(&r, c, 0, at, &log);
    for (size_t i = at; i < c->bytes.len; i += step)
        feed(&r, c, i, GW_MIN(step, c->bytes.len - i), &log);
    ck_assert_msg(gw_str_eq(gw_buf_str(&log), gw_buf_str(&c->events)),
                  "%.*s, %zu bytes and then by %zu: got \"%.*s\"",
                  GW_FMT(c->name), at, step, (int)GW_MIN(log.len, 200u),
                  log.at ? log.at : "");
    if (!r.ended)
        ck_assert_msg(c->cut == (r.in_frame || r.head_len), "%.*s: cut or not?",
                      GW_FMT(c->name));
    gw_buf_fini(&log);
    gw_ws_reader_fini(&r);
}

static void run_all_ways(const struct ws_case *c)
{
    size_t len = c->bytes.len;

    run(c, len, 1);
    run(c, 0, 1);
    run(c, 0, 1447); /* as the segments of a TCP stream */
    for (size_t at = 0; at < len; at++)
        if (len <= SHORT_CASE || at < 16 || at == len / 2 || at + 5 > len)
            run(c, at, len);
}

START_TEST(every_case_of_the_table_holds)
{
    struct gw_buf file;
    size_t count = 0;

    gw_file_read(CASES, &file);
    for (gw_str rest = gw_buf_str(&file); rest.len;) {
        gw_str line = gw_str_cut(&rest, '\n');
        struct ws_case c;

        if (!line.len || line.at[0] == '#')
            continue;
        read_case(line, &c);
        run_all_ways(&c);
        gw_buf_fini(&c.bytes);
        gw_buf_fini(&c.events);
        count++;
    }
    gw_buf_fini(&file);
    ck_assert_uint_ge(count, CASES_MIN);
}
END_TEST

GW_SUITE("protocol/ws/conformance")
{
    tcase_add_test(tc, every_case_of_the_table_holds);
}
