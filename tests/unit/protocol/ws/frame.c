#include "protocol/ws/frame.h"

#include "tests/support/suite.h"

#include <stdlib.h>

/* What comes in is the matter of conformance.c; here is what goes out, and
 * what the table cannot say: lifetimes, memory, changing limits. */

static const struct gw_ws_limits no_limits = { 0, 0, true };

/* RFC 6455, 5.7; 5.2 for the borders. */
static const struct {
    const char *name;
    gw_ws_opcode opcode;
    uint64_t payload;
    gw_str head;
} heads[] = {
    { "text Hello", GW_WS_TEXT, 5, GW_LIT("\x81\x05") },
    { "ping Hello", GW_WS_PING, 5, GW_LIT("\x89\x05") },
    { "pong Hello", GW_WS_PONG, 5, GW_LIT("\x8a\x05") },
    { "256 bytes", GW_WS_BINARY, 256, GW_LIT("\x82\x7e\x01\x00") },
    { "64 KB", GW_WS_BINARY, 65536,
      GW_LIT("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00") },
    { "empty", GW_WS_TEXT, 0, GW_LIT("\x81\x00") },
    { "longest in one byte", GW_WS_TEXT, 125, GW_LIT("\x81\x7d") },
    { "shortest in two", GW_WS_TEXT, 126, GW_LIT("\x81\x7e\x00\x7e") },
    { "longest in two", GW_WS_TEXT, 65535, GW_LIT("\x81\x7e\xff\xff") },
    { "longest of all", GW_WS_BINARY, INT64_MAX,
      GW_LIT("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff") },
};

START_TEST(heads_are_written_in_shortest_form)
{
    char out[GW_WS_HEAD_MAX];
    size_t n = gw_ws_head_write(out, heads[_i].opcode, heads[_i].payload);

    ck_assert_msg(gw_str_eq((gw_str){ out, n }, heads[_i].head), "%s",
                  heads[_i].name);
}
END_TEST

#define TEN  "0123456789"
#define R120 TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
    const char *name;
    unsigned code;
    gw_str reason, frame;
} closes[] = {
    { "without a code", 0, GW_EMPTY, GW_LIT("\x88\x00") },
    { "1005 is never sent", 1005, GW_LIT("no"), GW_LIT("\x88\x00") },
    { "normal", 1000, GW_EMPTY, GW_LIT("\x88\x02\x03\xe8") },
    { "with a reason", 1001, GW_LIT("Going away"),
      GW_LIT("\x88\x0c\x03\xe9Going away") },
    { "of an application", 4999, GW_EMPTY, GW_LIT("\x88\x02\x13\x87") },
    { "longest reason", 1000, GW_LIT(R120 "123"),
      GW_LIT("\x88\x7d\x03\xe8" R120 "123") },
    { "reason cut", 1000, GW_LIT(R120 "1234"),
      GW_LIT("\x88\x7d\x03\xe8" R120 "123") },
    { "reason ends with a character", 1000,
      GW_LIT(R120 "\xe2\x82\xac"
                  "x"),
      GW_LIT("\x88\x7d\x03\xe8" R120 "\xe2\x82\xac") },
    { "cut before a character, 1 over", 1000, GW_LIT(R120 "1\xe2\x82\xac"),
      GW_LIT("\x88\x7b\x03\xe8" R120 "1") },
    { "cut before a character, 3 over", 1000, GW_LIT(R120 "\xf0\x9f\x98\x80"),
      GW_LIT("\x88\x7a\x03\xe8" R120) },
    { "reason not UTF-8 is left out", 1011, GW_LIT("gr\xfc\xdf"),
      GW_LIT("\x88\x02\x03\xf3") },
};

START_TEST(closes_are_written)
{
    char out[GW_WS_CLOSE_MAX];
    size_t n = gw_ws_close_write(out, closes[_i].code, closes[_i].reason);

    ck_assert_msg(gw_str_eq((gw_str){ out, n }, closes[_i].frame), "%s",
                  closes[_i].name);
}
END_TEST

/* RFC 6455, 7.4, and IANA's registry for 1012 to 1014. */
static const struct {
    unsigned first, last;
    bool legal;
} codes[] = {
    { 0, 999, false },      { 1000, 1003, true },  { 1004, 1006, false },
    { 1007, 1014, true },   { 1015, 2999, false }, { 3000, 4999, true },
    { 5000, 70000, false },
};

START_TEST(close_codes_are_told_apart)
{
    for (unsigned c = codes[_i].first; c <= codes[_i].last; c++)
        if (gw_ws_close_code_is_legal(c) != codes[_i].legal)
            ck_abort_msg("%u", c);
}
END_TEST

/* The algorithm of 5.3, byte by byte, against every length and place. */
START_TEST(masks_go_on_where_they_stopped)
{
    static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };

    for (size_t len = 0; len <= 100; len++)
        for (size_t cut = 0; cut <= len; cut++) {
            char bytes[100];
            uint8_t mask[4];
            bool same = true;

            memcpy(mask, key, sizeof(mask));
            for (size_t i = 0; i < len; i++)
                bytes[i] = (char)(i * 7);
            gw_ws_mask(bytes, cut, mask);
            gw_ws_mask(bytes + cut, len - cut, mask);
            for (size_t i = 0; i < len; i++)
                same = same && bytes[i] == (char)(i * 7 ^ key[i & 3]);
            if (!same || mask[0] != key[len & 3])
                ck_abort_msg("%zu bytes cut at %zu", len, cut);
        }
}
END_TEST

/* --- what the reader keeps ------------------------------------------------*/

static gw_ws_step feed(struct gw_ws_reader *r,
                       const struct gw_ws_limits *limits, const char *head,
                       size_t head_len, size_t zeros, struct gw_ws_event *out)
{
    char *block = calloc(1, head_len + zeros);
    size_t used;
    gw_ws_step step;

    memcpy(block, head, head_len);
    step = gw_ws_read(r, limits, block, head_len + zeros, &used, out);
    free(block);
    return step;
}

#define FEED(r, limits, head, zeros, out) \
    feed(r, limits, head, sizeof(head) - 1, zeros, out)

START_TEST(a_reader_is_small)
{
    ck_assert_uint_le(sizeof(struct gw_ws_reader), 80);
}
END_TEST

START_TEST(a_message_in_one_piece_is_lent_without_a_copy)
{
    char bytes[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    struct gw_ws_reader r;
    struct gw_ws_event e;
    size_t used;

    gw_ws_reader_init(&r);
    ck_assert(gw_ws_read(&r, &no_limits, bytes, 11, &used, &e) == GW_WS_EVENT);
    ck_assert_uint_eq(used, 11);
    ck_assert_ptr_eq(e.payload.at, bytes + 6);
    ck_assert_gw_str(e.payload, GW_LIT("Hello"));
    ck_assert_ptr_null(r.gathered.at);
}
END_TEST

START_TEST(one_event_at_a_time_is_taken)
{
    char bytes[] = "\x89\x80....\x8a\x80....\x81\x80....";
    static const gw_ws_opcode want[] = { GW_WS_PING, GW_WS_PONG, GW_WS_TEXT };
    struct gw_ws_reader r;
    struct gw_ws_event e;
    size_t used, at = 0;

    gw_ws_reader_init(&r);
    for (size_t i = 0; i < GW_LEN(want); i++) {
        ck_assert(gw_ws_read(&r, &no_limits, bytes + at, 18 - at, &used, &e) ==
                  GW_WS_EVENT);
        ck_assert_uint_eq(used, 6);
        ck_assert_uint_eq(e.opcode, want[i]);
        at += used;
    }
    ck_assert(gw_ws_read(&r, &no_limits, bytes + at, 0, &used, &e) ==
              GW_WS_MORE);
}
END_TEST

START_TEST(a_gathered_message_is_given_back)
{
    struct gw_ws_reader r;
    struct gw_ws_event e;

    gw_ws_reader_init(&r);
    ck_assert(FEED(&r, &no_limits, "\x02\xfe\x40\x00....", 16384, &e) ==
              GW_WS_MORE);
    ck_assert(FEED(&r, &no_limits, "\x80\xfe\x40\x00....", 16384, &e) ==
              GW_WS_EVENT);
    ck_assert_uint_eq(e.payload.len, 32768);
    ck_assert_ptr_eq(e.payload.at, r.gathered.at);
    if (_i)
        gw_ws_reader_rest(&r);
    else
        ck_assert(FEED(&r, &no_limits, "\x81", 0, &e) == GW_WS_MORE);
    ck_assert_ptr_null(r.gathered.at);
    gw_ws_reader_rest(&r);
}
END_TEST

START_TEST(a_ping_cut_off_leaves_the_message_around_it_alone)
{
    struct gw_ws_reader r;
    struct gw_ws_event e;

    gw_ws_reader_init(&r);
    ck_assert(FEED(&r, &no_limits, "\x01\x82\0\0\0\0ab\x89\x82\0\0\0\0p", 0,
                   &e) == GW_WS_MORE);
    ck_assert(FEED(&r, &no_limits, "q", 0, &e) == GW_WS_EVENT);
    ck_assert_gw_str(e.payload, GW_LIT("pq"));
    ck_assert(FEED(&r, &no_limits, "\x80\x81\0\0\0\0c", 0, &e) == GW_WS_EVENT);
    ck_assert_gw_str(e.payload, GW_LIT("abc"));
    ck_assert_ptr_null(r.control);
    gw_ws_reader_fini(&r);
}
END_TEST

/* What a peer can make us hold, by what he has sent of a frame of 1 GB. */
static const struct {
    size_t sent, room;
} announced[] = {
    { 0, 0 }, { 1, 8192 }, { 4096, 8192 }, { 5000, 16384 }, { 65536, 131072 },
};

START_TEST(memory_grows_with_what_came_not_with_what_was_announced)
{
    struct gw_ws_reader r;
    struct gw_ws_event e;

    gw_ws_reader_init(&r);
    ck_assert(FEED(&r, &no_limits, "\x82\xff\0\0\0\0\x40\0\0\0....",
                   announced[_i].sent, &e) == GW_WS_MORE);
    ck_assert_uint_le(r.gathered.room, announced[_i].room);
    gw_ws_reader_fini(&r);
}
END_TEST

START_TEST(a_frame_in_two_pieces_is_allocated_once)
{
    struct gw_ws_reader r;
    struct gw_ws_event e;
    const char *at;

    gw_ws_reader_init(&r);
    ck_assert(FEED(&r, &no_limits, "\x82\xfe\x80\x00....", 16384, &e) ==
              GW_WS_MORE);
    at = r.gathered.at;
    ck_assert_uint_eq(r.gathered.room, 32768);
    ck_assert(FEED(&r, &no_limits, "", 16384, &e) == GW_WS_EVENT);
    ck_assert_ptr_eq(e.payload.at, at);
    gw_ws_reader_fini(&r);
}
END_TEST

START_TEST(limits_lowered_inside_a_message_hold_from_then_on)
{
    struct gw_ws_limits low = { 10, 10, true };
    struct gw_ws_reader r;
    struct gw_ws_event e;

    gw_ws_reader_init(&r);
    ck_assert(FEED(&r, &no_limits, "\x02\xe4....", 100, &e) == GW_WS_MORE);
    ck_assert(FEED(&r, &low, "\x80\x80....", 0, &e) == GW_WS_REFUSED);
    ck_assert_uint_eq(e.code, 1009);

    gw_ws_reader_init(&r);
    ck_assert(FEED(&r, &no_limits, "\x82\xe4....", 8, &e) == GW_WS_MORE);
    ck_assert(FEED(&r, &low, "", 92, &e) == GW_WS_REFUSED);
    ck_assert_uint_eq(e.code, 1009);
    ck_assert_ptr_null(r.gathered.at);
}
END_TEST

START_TEST(after_a_refusal_all_is_swallowed)
{
    struct gw_ws_reader r;
    struct gw_ws_event e;
    char more[] = "\x81\x80....";
    size_t used;

    gw_ws_reader_init(&r);
    ck_assert(FEED(&r, &no_limits, "\x01\x81\0\0\0\0a\xf1", 0, &e) ==
              GW_WS_REFUSED);
    ck_assert_uint_eq(e.code, 1002);
    ck_assert_uint_gt(e.payload.len, 0);
    ck_assert_uint_le(e.payload.len, 123);
    ck_assert_ptr_null(r.gathered.at);
    ck_assert(gw_ws_read(&r, &no_limits, more, 6, &used, &e) == GW_WS_MORE);
    ck_assert_uint_eq(used, 6);
}
END_TEST

GW_SUITE("protocol/ws/frame")
{
    tcase_add_loop_test(tc, heads_are_written_in_shortest_form, 0,
                        GW_LEN(heads));
    tcase_add_loop_test(tc, closes_are_written, 0, GW_LEN(closes));
    tcase_add_loop_test(tc, close_codes_are_told_apart, 0, GW_LEN(codes));
    tcase_add_test(tc, masks_go_on_where_they_stopped);
    tcase_add_test(tc, a_reader_is_small);
    tcase_add_test(tc, a_message_in_one_piece_is_lent_without_a_copy);
    tcase_add_test(tc, one_event_at_a_time_is_taken);
    tcase_add_loop_test(tc, a_gathered_message_is_given_back, 0, 2);
    tcase_add_test(tc, a_ping_cut_off_leaves_the_message_around_it_alone);
    tcase_add_loop_test(tc,
                        memory_grows_with_what_came_not_with_what_was_announced,
                        0, GW_LEN(announced));
    tcase_add_test(tc, a_frame_in_two_pieces_is_allocated_once);
    tcase_add_test(tc, limits_lowered_inside_a_message_hold_from_then_on);
    tcase_add_test(tc, after_a_refusal_all_is_swallowed);
}
