#include "store/record.h"

#include "protocol/msgpack/msgpack.h"
#include "tests/support/suite.h"

#include <stdlib.h>

static const struct gw_record whole = {
    .connection_id = GW_LIT("L0SM9cOFvHcCIhw="),
    .event_id = GW_LIT("Zk1wTYaGjoEFYUQ="),
    .api_id = GW_LIT("chat"),
    .stage = GW_LIT("dev"),
    .domain_name = GW_LIT("ws.example.com"),
    .source_ip = GW_LIT("2001:db8::1"),
    .user_agent = GW_LIT("K\xc3\xa4se/1.0"),
    .base = GW_LIT("127.0.0.1:8080/chat"),
    .tls = true,
    .local_port = 65535,
    .connected_at_ms = INT64_C(1700000000123),
    .ended_at_ms = INT64_C(1700000004567),
    .code = 1001,
    .reason = GW_LIT("Going away"),
    .attempts = 4000000000,
};

enum { MEMBERS = 15 };

static void write_ok(const struct gw_record *record, struct gw_buf *out)
{
    gw_buf_init(out, GW_RECORD_BYTES_MAX);
    ck_assert(gw_record_write(record, out) == GW_OK);
}

/* Of a copy that ends where the bytes end. */
static gw_err read_tight(gw_str bytes)
{
    char *copy = gw_alloc(bytes.len ? bytes.len : 1);
    struct gw_record record;
    gw_err err;

    if (bytes.len)
        memcpy(copy, bytes.at, bytes.len);
    err = gw_record_read((gw_str){ copy, bytes.len }, &record);
    free(copy);
    return err;
}

static void expect_same(const struct gw_record *have,
                        const struct gw_record *want)
{
    ck_assert_gw_str(have->connection_id, want->connection_id);
    ck_assert_gw_str(have->event_id, want->event_id);
    ck_assert_gw_str(have->api_id, want->api_id);
    ck_assert_gw_str(have->stage, want->stage);
    ck_assert_gw_str(have->domain_name, want->domain_name);
    ck_assert_gw_str(have->source_ip, want->source_ip);
    ck_assert_gw_str(have->user_agent, want->user_agent);
    ck_assert_gw_str(have->base, want->base);
    ck_assert(have->tls == want->tls);
    ck_assert_uint_eq(have->local_port, want->local_port);
    ck_assert_int_eq(have->connected_at_ms, want->connected_at_ms);
    ck_assert_int_eq(have->ended_at_ms, want->ended_at_ms);
    ck_assert_uint_eq(have->code, want->code);
    ck_assert_gw_str(have->reason, want->reason);
    ck_assert_uint_eq(have->attempts, want->attempts);
}

START_TEST(a_record_comes_back)
{
    struct gw_record alive = { .connection_id = whole.connection_id,
                               .event_id = whole.event_id };
    const struct gw_record *records[] = { &whole, &alive };

    for (size_t i = 0; i < GW_LEN(records); i++) {
        struct gw_record back;
        struct gw_buf b;

        write_ok(records[i], &b);
        ck_assert(gw_record_read(gw_buf_str(&b), &back) == GW_OK);
        expect_same(&back, records[i]);
        gw_buf_fini(&b);
    }
}
END_TEST

/* The bytes are a promise to nodes of other versions. */
START_TEST(the_bytes_are_these)
{
    struct gw_record small = { .connection_id = GW_LIT("0123456789abcde="),
                               .event_id = GW_LIT("ABCDEFGHIJKLMNO="),
                               .api_id = GW_LIT("a"),
                               .stage = GW_LIT("s"),
                               .domain_name = GW_LIT("d"),
                               .source_ip = GW_LIT("i"),
                               .user_agent = GW_LIT("u"),
                               .base = GW_LIT("b"),
                               .tls = true,
                               .local_port = 8080,
                               .connected_at_ms = 127,
                               .ended_at_ms = 128,
                               .code = 1006,
                               .reason = GW_LIT("r"),
                               .attempts = 1 };
    struct gw_buf b;

    write_ok(&small, &b);
    ck_assert_gw_str(gw_buf_str(&b),
                     GW_LIT("\x01\x9f"
                            "\xb0"
                            "0123456789abcde="
                            "\xb0"
                            "ABCDEFGHIJKLMNO="
                            "\xa1"
                            "a"
                            "\xa1"
                            "s"
                            "\xa1"
                            "d"
                            "\xa1"
                            "i"
                            "\xa1"
                            "u"
                            "\xa1"
                            "b"
                            "\xc3\xcd\x1f\x90\x7f\xcc\x80\xcd\x03\xee"
                            "\xa1"
                            "r"
                            "\x01"));
    gw_buf_fini(&b);
}
END_TEST

START_TEST(no_part_of_a_record_is_one)
{
    struct gw_buf b;

    write_ok(&whole, &b);
    for (size_t n = 0; n < b.len; n++)
        ck_assert(read_tight(gw_str_head(gw_buf_str(&b), n)) == GW_E_SYNTAX);
    ck_assert(gw_buf_add(&b, GW_LIT("\xc0")) == GW_OK);
    ck_assert(read_tight(gw_buf_str(&b)) == GW_E_SYNTAX);
    gw_buf_fini(&b);
}
END_TEST

/* The members of `whole` as msgpack, one of them replaced, some appended or
 * left out. */
static gw_err read_variant(size_t count, size_t replaced, gw_str value)
{
    struct gw_buf good, b;
    msgpack_packer packer;
    msgpack_object root;
    msgpack_zone zone;
    gw_err err;

    write_ok(&whole, &good);
    ck_assert(msgpack_zone_init(&zone, 1024));
    ck_assert(gw_msgpack_read(&zone, gw_str_skip(gw_buf_str(&good), 1),
                              &(struct gw_msgpack_bounds){ 1, 100 },
                              &root) == GW_OK);
    gw_buf_init(&b, 2 * GW_RECORD_BYTES_MAX);
    ck_assert(gw_buf_add(&b, GW_LIT("\x01")) == GW_OK);
    gw_msgpack_packer_init(&packer, &b);
    msgpack_pack_array(&packer, count);
    for (size_t i = 0; i < count; i++)
        if (i == replaced || i >= MEMBERS)
            ck_assert(gw_buf_add(&b, value) == GW_OK);
        else
            msgpack_pack_object(&packer, root.via.array.ptr[i]);
    err = read_tight(gw_buf_str(&b));
    msgpack_zone_destroy(&zone);
    gw_buf_fini(&b);
    gw_buf_fini(&good);
    return err;
}

START_TEST(members_of_newer_nodes_are_ignored)
{
    ck_assert(read_variant(MEMBERS + 1, MEMBERS, GW_LIT("\xc0")) == GW_OK);
    ck_assert(read_variant(MEMBERS + 3, MEMBERS,
                           GW_LIT("\x82\xa1"
                                  "a"
                                  "\x93\x01\x02\x03"
                                  "\xc4\x01"
                                  "b"
                                  "\xcb"
                                  "12345678")) == GW_OK);
}
END_TEST

START_TEST(members_may_not_be_missing)
{
    for (size_t count = 0; count < MEMBERS; count++)
        ck_assert(read_variant(count, SIZE_MAX, GW_EMPTY) == GW_E_SYNTAX);
    ck_assert(read_variant(MEMBERS, SIZE_MAX, GW_EMPTY) == GW_OK);
}
END_TEST

START_TEST(no_member_may_be_of_another_type)
{
    static const gw_str others[] = {
        GW_LIT("\xc0"),
        GW_LIT("\xff"),
        GW_LIT("\x90"),
        GW_LIT("\x80"),
        GW_LIT("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
        GW_LIT("\xc4\x00"),
        GW_LIT("\xd4\x01\x00"),
    };

    for (size_t member = 0; member < MEMBERS; member++)
        for (size_t i = 0; i < GW_LEN(others); i++)
            ck_assert(read_variant(MEMBERS, member, others[i]) == GW_E_SYNTAX);
}
END_TEST

static const struct {
    const char *name;
    size_t member;
    gw_str value;
    gw_err err;
} values[] = {
    { "an id of 15", 0,
      GW_LIT("\xaf"
             "0123456789abcde"),
      GW_E_SYNTAX },
    { "an id of 17", 0,
      GW_LIT("\xb1"
             "0123456789abcdefg"),
      GW_E_SYNTAX },
    { "an event id of 15", 1,
      GW_LIT("\xaf"
             "0123456789abcde"),
      GW_E_SYNTAX },
    { "an id that is not UTF-8", 0,
      GW_LIT("\xb0"
             "0123456789abcde\xff"),
      GW_E_SYNTAX },
    { "a stage that is not UTF-8", 3, GW_LIT("\xa1\xff"), GW_E_SYNTAX },
    { "half a surrogate pair", 6, GW_LIT("\xa3\xed\xa0\x80"), GW_E_SYNTAX },
    { "a reason that is not UTF-8", 13, GW_LIT("\xa1\xc3"), GW_E_SYNTAX },
    { "a number for a flag", 8, GW_LIT("\x01"), GW_E_SYNTAX },
    { "a flag for a number", 9, GW_LIT("\xc3"), GW_E_SYNTAX },
    { "a port of 65536", 9, GW_LIT("\xce\x00\x01\x00\x00"), GW_E_SYNTAX },
    { "a time past 2^63-1", 10, GW_LIT("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"),
      GW_E_SYNTAX },
    { "the last time there is", 10,
      GW_LIT("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), GW_OK },
    { "a code of 65536", 12, GW_LIT("\xce\x00\x01\x00\x00"), GW_E_SYNTAX },
    { "attempts past 2^32-1", 14,
      GW_LIT("\xcf\x00\x00\x00\x01\x00\x00\x00\x00"), GW_E_SYNTAX },
    { "a number in more bytes than it needs", 9, GW_LIT("\xce\x00\x00\x00\x50"),
      GW_OK },
};

START_TEST(values_are_judged)
{
    ck_assert_msg(read_variant(MEMBERS, values[_i].member, values[_i].value) ==
                      values[_i].err,
                  "%s", values[_i].name);
}
END_TEST

START_TEST(other_versions_and_shapes_are_refused)
{
    struct gw_buf b;

    write_ok(&whole, &b);
    for (int version = 0; version < 256; version++) {
        b.at[0] = (char)version;
        ck_assert(read_tight(gw_buf_str(&b)) ==
                  (version == 1 ? GW_OK : GW_E_SYNTAX));
    }
    gw_buf_fini(&b);
    ck_assert(read_tight(GW_EMPTY) == GW_E_SYNTAX);
    ck_assert(read_tight(GW_LIT("\x01")) == GW_E_SYNTAX);
    ck_assert(read_tight(GW_LIT("\x01\xc0")) == GW_E_SYNTAX);
    ck_assert(read_tight(GW_LIT("\x01\x80")) == GW_E_SYNTAX);
    ck_assert(read_tight(GW_LIT("\x01\xdd\xff\xff\xff\xff")) == GW_E_TOO_BIG);
}
END_TEST

/* --- sizes ------------------------------------------------------------------ */

static gw_str text_of(char *room, size_t len)
{
    memset(room, 'x', len);
    return (gw_str){ room, len };
}

START_TEST(a_text_is_bounded_both_ways)
{
    static char room[GW_RECORD_TEXT_MAX + 4];
    struct gw_record record = whole, back;
    struct gw_buf b;

    record.user_agent = text_of(room, GW_RECORD_TEXT_MAX);
    write_ok(&record, &b);
    ck_assert(gw_record_read(gw_buf_str(&b), &back) == GW_OK);
    ck_assert_gw_str(back.user_agent, record.user_agent);
    gw_buf_fini(&b);

    record.user_agent = text_of(room, GW_RECORD_TEXT_MAX + 1);
    ck_assert(gw_record_write(&record, &b) == GW_E_TOO_BIG);
    ck_assert_uint_eq(b.len, 0);
    room[0] = '\xda';
    room[1] = '\x10';
    room[2] = '\x01';
    ck_assert(
        read_variant(MEMBERS, 6, (gw_str){ room, GW_RECORD_TEXT_MAX + 4 }) ==
        GW_E_TOO_BIG);
}
END_TEST

START_TEST(a_record_is_bounded_both_ways)
{
    static char room[GW_RECORD_BYTES_MAX + 1];
    gw_str text = text_of(room, GW_RECORD_TEXT_MAX);
    struct gw_record record = whole;
    struct gw_buf b;

    record.domain_name = record.base = record.user_agent = text;
    write_ok(&record, &b);
    gw_buf_fini(&b);
    record.reason = text;
    ck_assert(gw_record_write(&record, &b) == GW_E_TOO_BIG);
    record.reason = GW_EMPTY;
    gw_buf_init(&b, 1000);
    ck_assert(gw_record_write(&record, &b) == GW_E_TOO_BIG);
    ck_assert_uint_eq(b.len, 0);
    gw_buf_fini(&b);
    room[0] = 1;
    ck_assert(read_tight((gw_str){ room, sizeof(room) }) == GW_E_TOO_BIG);
}
END_TEST

START_TEST(only_text_is_written)
{
    struct gw_record record = whole;
    struct gw_buf b;

    record.user_agent = GW_LIT("caf\xe9");
    gw_buf_init(&b, GW_RECORD_BYTES_MAX);
    ck_assert(gw_record_write(&record, &b) == GW_E_UTF8);
    ck_assert_uint_eq(b.len, 0);
    gw_buf_fini(&b);
}
END_TEST

GW_SUITE("store/record")
{
    tcase_add_test(tc, a_record_comes_back);
    tcase_add_test(tc, the_bytes_are_these);
    tcase_add_test(tc, no_part_of_a_record_is_one);
    tcase_add_test(tc, members_of_newer_nodes_are_ignored);
    tcase_add_test(tc, members_may_not_be_missing);
    tcase_add_test(tc, no_member_may_be_of_another_type);
    tcase_add_loop_test(tc, values_are_judged, 0, GW_LEN(values));
    tcase_add_test(tc, other_versions_and_shapes_are_refused);
    tcase_add_test(tc, a_text_is_bounded_both_ways);
    tcase_add_test(tc, a_record_is_bounded_both_ways);
    tcase_add_test(tc, only_text_is_written);
}
