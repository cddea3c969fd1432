#include "store/wire.h"

#include "tests/support/suite.h"

#include <stdlib.h>

static const struct gw_bus_message call = {
    .kind = GW_BUS_CALL,
    .op = GW_BUS_POST,
    .from = { .node = 65535, .worker = 255 },
    .token = UINT64_MAX,
    .id = { .node = 7,
            .worker = 1,
            .slot = (1u << 24) - 1,
            .nonce = (UINT64_C(1) << 40) - 1 },
    .stage = UINT64_C(0x0123456789abcdef),
};

/* Of a copy that ends where the bytes end. */
static gw_err read_tight(gw_str bytes, struct gw_bus_message *out)
{
    char *copy = gw_alloc(bytes.len ? bytes.len : 1);
    gw_str payload;
    gw_err err;

    if (bytes.len)
        memcpy(copy, bytes.at, bytes.len);
    err = gw_wire_read((gw_str){ copy, bytes.len }, out, &payload);
    free(copy);
    return err;
}

static gw_err judge(gw_str bytes)
{
    struct gw_bus_message out;

    return read_tight(bytes, &out);
}

/* There and back, and no part of it is a message. */
static void travel(const struct gw_bus_message *message, gw_str payload,
                   struct gw_bus_message *back)
{
    struct gw_buf b;
    gw_str have;

    gw_buf_init(&b, 1000 + payload.len);
    ck_assert(gw_wire_write(message, payload, &b) == GW_OK);
    ck_assert(gw_wire_read(gw_buf_str(&b), back, &have) == GW_OK);
    ck_assert_gw_str(have, payload);
    for (size_t n = 0; n < GW_MIN(b.len, 300u); n++)
        ck_assert(judge(gw_str_head(gw_buf_str(&b), n)) == GW_E_SYNTAX);
    ck_assert(judge(gw_str_head(gw_buf_str(&b), b.len - 1)) == GW_E_SYNTAX);
    ck_assert(gw_buf_add(&b, GW_LIT("\xc0")) == GW_OK);
    ck_assert(judge(gw_buf_str(&b)) == GW_E_SYNTAX);
    gw_buf_fini(&b);
}

START_TEST(a_call_comes_back)
{
    static const gw_bus_op ops[] = { GW_BUS_POST, GW_BUS_GET, GW_BUS_DELETE };
    static char large[128 * 1024];

    for (size_t i = 0; i < GW_LEN(ops); i++) {
        struct gw_bus_message sent = call, back;

        sent.op = ops[i];
        travel(&sent, i ? GW_EMPTY : (gw_str){ large, sizeof(large) }, &back);
        ck_assert(back.kind == GW_BUS_CALL && back.op == ops[i]);
        ck_assert(back.from.node == 65535 && back.from.worker == 255);
        ck_assert(back.token == UINT64_MAX && back.stage == sent.stage);
        ck_assert(back.id.node == 7 && back.id.worker == 1);
        ck_assert(back.id.slot == sent.id.slot);
        ck_assert(back.id.nonce == sent.id.nonce);
        ck_assert_ptr_null(back.payload);
    }
}
END_TEST

START_TEST(an_answer_comes_back_whatever_it_is)
{
    for (unsigned err = 0; err < GW_ERR_COUNT; err++) {
        struct gw_bus_message sent = { .kind = GW_BUS_ANSWER,
                                       .token = err,
                                       .err = (gw_err)err };
        struct gw_bus_message back;

        travel(&sent, GW_LIT("{\"a\":\"\xff\"}"), &back);
        ck_assert(back.kind == GW_BUS_ANSWER && back.err == (gw_err)err);
        ck_assert(back.token == err);
    }
}
END_TEST

#define HEAD   \
    "\x9b\xa4" \
    "call"     \
    "\x09\x07\x01"
#define TARGET "\x02\x03\x04\x05\x06"

/* The bytes are a promise to nodes of other versions. */
START_TEST(the_bytes_are_these)
{
    struct gw_bus_message message = { .kind = GW_BUS_CALL,
                                      .op = GW_BUS_DELETE,
                                      .from = { 7, 1 },
                                      .token = 9,
                                      .id = { 2, 3, 4, 5 },
                                      .stage = 6 };
    struct gw_buf b;

    gw_buf_init(&b, 1000);
    ck_assert(gw_wire_write(&message, GW_LIT("xy"), &b) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&b), GW_LIT("\x01" HEAD "\xa6"
                                            "DELETE" TARGET "\xc4\x02"
                                            "xy"));
    gw_buf_fini(&b);
    message = (struct gw_bus_message){ .kind = GW_BUS_ANSWER,
                                       .token = 300,
                                       .err = GW_E_GONE };
    ck_assert(gw_wire_write(&message, GW_EMPTY, &b) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&b), GW_LIT("\x01\x94\xa6"
                                            "answer"
                                            "\xcd\x01\x2c\xa4"
                                            "GONE"
                                            "\xc4\x00"));
    gw_buf_fini(&b);
}
END_TEST

START_TEST(an_operation_that_is_not_known_can_be_answered)
{
    /* with members of its own behind it, or without */
    static const gw_str calls[] = {
        GW_LIT("\x01\x95\xa4"
               "call"
               "\x09\x07\x01\xa5"
               "PATCH"),
        GW_LIT("\x01\x97\xa4"
               "call"
               "\x09\x07\x01\xa4"
               "post"
               "\x81\xa1"
               "a"
               "\x01\x90"),
    };

    for (size_t i = 0; i < GW_LEN(calls); i++) {
        struct gw_bus_message out;

        ck_assert(read_tight(calls[i], &out) == GW_E_NOT_FOUND);
        ck_assert(out.from.node == 7 && out.from.worker == 1);
        ck_assert(out.token == 9);
    }
}
END_TEST

START_TEST(an_error_that_is_not_known_is_still_one)
{
    struct gw_bus_message out;

    ck_assert(read_tight(GW_LIT("\x01\x94\xa6"
                                "answer"
                                "\x09\xa5"
                                "NOVEL"
                                "\xc4\x00"),
                         &out) == GW_OK);
    ck_assert(out.err == GW_E_SYSTEM && out.token == 9);
    ck_assert(read_tight(GW_LIT("\x01\x94\xa6"
                                "answer"
                                "\x09\xa0\xc4\x00"),
                         &out) == GW_OK);
    ck_assert(out.err == GW_E_SYSTEM);
}
END_TEST

static const struct {
    const char *name;
    gw_str bytes;
    gw_err err;
} cases[] = {
    { "as it is",
      GW_LIT("\x01" HEAD "\xa3"
             "GET" TARGET "\xc4\x00"),
      GW_OK },
    { "one member more, a map",
      GW_LIT("\x01\x9c\xa4"
             "call"
             "\x09\x07\x01\xa3"
             "GET" TARGET "\xc4\x00\x81\xa1"
             "a"
             "\x91\x01"),
      GW_OK },
    { "an answer with two more",
      GW_LIT("\x01\x96\xa6"
             "answer"
             "\x09\xa2"
             "OK"
             "\xc4\x00\xc0\x01"),
      GW_OK },
    { "version 0",
      GW_LIT("\x00" HEAD "\xa3"
             "GET" TARGET "\xc4\x00"),
      GW_E_SYNTAX },
    { "version 2",
      GW_LIT("\x02" HEAD "\xa3"
             "GET" TARGET "\xc4\x00"),
      GW_E_SYNTAX },
    { "no array",
      GW_LIT("\x01\x81\xa4"
             "call"
             "\x01"),
      GW_E_SYNTAX },
    { "an empty array", GW_LIT("\x01\x90"), GW_E_SYNTAX },
    { "another kind",
      GW_LIT("\x01\x92\xa4"
             "hint"
             "\x09"),
      GW_E_SYNTAX },
    { "a kind that is no text", GW_LIT("\x01\x92\x01\x09"), GW_E_SYNTAX },
    { "a call without its payload",
      GW_LIT("\x01\x9a\xa4"
             "call"
             "\x09\x07\x01\xa3"
             "GET" TARGET),
      GW_E_SYNTAX },
    { "an answer without its payload",
      GW_LIT("\x01\x93\xa6"
             "answer"
             "\x09\xa2"
             "OK"),
      GW_E_SYNTAX },
    { "a payload that is text",
      GW_LIT("\x01" HEAD "\xa3"
             "GET" TARGET "\xa0"),
      GW_E_SYNTAX },
    { "an operation that is a number",
      GW_LIT("\x01" HEAD "\x01" TARGET "\xc4\x00"), GW_E_SYNTAX },
    { "a negative token",
      GW_LIT("\x01\x9b\xa4"
             "call"
             "\xff\x07\x01\xa3"
             "GET" TARGET "\xc4\x00"),
      GW_E_SYNTAX },
    { "a node of 65536",
      GW_LIT("\x01\x9b\xa4"
             "call"
             "\x09\xce\x00\x01\x00\x00\x01\xa3"
             "GET" TARGET "\xc4\x00"),
      GW_E_SYNTAX },
    { "a worker of 256",
      GW_LIT("\x01\x9b\xa4"
             "call"
             "\x09\x07\xcd\x01\x00\xa3"
             "GET" TARGET "\xc4\x00"),
      GW_E_SYNTAX },
    { "a slot of 2^24",
      GW_LIT("\x01" HEAD "\xa3"
             "GET"
             "\x02\x03\xce\x01\x00\x00\x00\x05\x06"
             "\xc4\x00"),
      GW_E_SYNTAX },
    { "a nonce of 2^40",
      GW_LIT("\x01" HEAD "\xa3"
             "GET"
             "\x02\x03\x04\xcf\x00\x00\x01\x00\x00\x00\x00\x00\x06\xc4\x00"),
      GW_E_SYNTAX },
    { "more values than may be", GW_LIT("\x01\xdc\x00\x40\xc0"), GW_E_TOO_BIG },
    { "an array of 2^32-1", GW_LIT("\x01\xdd\xff\xff\xff\xff"), GW_E_TOO_BIG },
};

START_TEST(bytes_are_judged)
{
    ck_assert_msg(judge(cases[_i].bytes) == cases[_i].err, "%s",
                  cases[_i].name);
}
END_TEST

START_TEST(what_does_not_fit_leaves_nothing)
{
    static char payload[500];
    struct gw_buf b;

    gw_buf_init(&b, sizeof(payload));
    ck_assert(gw_wire_write(&call, (gw_str){ payload, sizeof(payload) }, &b) ==
              GW_E_TOO_BIG);
    ck_assert_uint_eq(b.len, 0);
    gw_buf_fini(&b);
}
END_TEST

GW_SUITE("store/wire")
{
    tcase_add_test(tc, a_call_comes_back);
    tcase_add_test(tc, an_answer_comes_back_whatever_it_is);
    tcase_add_test(tc, the_bytes_are_these);
    tcase_add_test(tc, an_operation_that_is_not_known_can_be_answered);
    tcase_add_test(tc, an_error_that_is_not_known_is_still_one);
    tcase_add_loop_test(tc, bytes_are_judged, 0, GW_LEN(cases));
    tcase_add_test(tc, what_does_not_fit_leaves_nothing);
}
