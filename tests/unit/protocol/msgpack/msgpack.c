#include "protocol/msgpack/msgpack.h"

#include "protocol/json/json.h"
#include "tests/support/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct gw_msgpack_bounds wide = { GW_MSGPACK_DEPTH_MAX, 1000 };

/* On a copy that ends where the bytes end: a sanitizer sees an over-read. */
static gw_err check(gw_str bytes, const struct gw_msgpack_bounds *bounds)
{
    char *copy = gw_alloc(bytes.len ? bytes.len : 1);
    gw_err err;

    if (bytes.len)
        memcpy(copy, bytes.at, bytes.len);
    err = gw_msgpack_check((gw_str){ copy, bytes.len }, bounds);
    free(copy);
    return err;
}

/* --- published vectors ------------------------------------------------------ */

static gw_str bytes_of(gw_str hex, char out[256])
{
    gw_str bytes = { out, 0 };

    while (hex.len) {
        gw_str pair = gw_str_cut(&hex, '-');
        char digits[3] = { pair.at[0], pair.at[1], 0 };

        out[bytes.len++] = (char)strtoul(digits, NULL, 16);
    }
    return bytes;
}

static gw_str text_of(struct gw_arena *a, gw_json string)
{
    gw_str text;

    ck_assert(gw_json_text(a, string, &text) == GW_OK);
    return text;
}

static bool number_is(gw_str text, const msgpack_object *o)
{
    char digits[64];

    snprintf(digits, sizeof(digits), "%.*s", GW_FMT(text));
    switch (o->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return digits[0] != '-' && strtoull(digits, NULL, 10) == o->via.u64;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return strtoll(digits, NULL, 10) == o->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return strtod(digits, NULL) == o->via.f64;
    default:
        return false;
    }
}

static uint64_t big_endian(const char *at, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

/* The specification's extension type -1, in its three lengths. */
static bool timestamp_is(gw_json pair, const msgpack_object *o)
{
    const char *at = o->via.ext.ptr;
    int64_t want_s, want_ns, s, ns = 0;

    ck_assert(gw_json_to_i64(gw_json_item(pair, 0), &want_s));
    ck_assert(gw_json_to_i64(gw_json_item(pair, 1), &want_ns));
    if (o->type != MSGPACK_OBJECT_EXT || o->via.ext.type != -1)
        return false;
    if (o->via.ext.size == 4) {
        s = (int64_t)big_endian(at, 4);
    } else if (o->via.ext.size == 8) {
        s = (int64_t)(big_endian(at, 8) & ((UINT64_C(1) << 34) - 1));
        ns = (int64_t)(big_endian(at, 8) >> 34);
    } else {
        ns = (int64_t)big_endian(at, 4);
        s = (int64_t)big_endian(at + 4, 8);
    }
    return s == want_s && ns == want_ns;
}

static bool bytes_are(gw_str hex, const char *at, size_t len)
{
    char want[256];

    return gw_str_eq(bytes_of(hex, want), (gw_str){ at, len });
}

static bool value_is(struct gw_arena *a, gw_json want, const msgpack_object *o);

static bool members_are(struct gw_arena *a, gw_json want,
                        const msgpack_object *o)
{
    gw_json name, value;
    size_t at = 0;
    uint32_t i = 0;

    for (; gw_json_next(want, &at, &name, &value); i++) {
        if (want.kind == GW_JSON_ARRAY) {
            if (i == o->via.array.size ||
                !value_is(a, value, &o->via.array.ptr[i]))
                return false;
        } else if (i == o->via.map.size ||
                   !value_is(a, name, &o->via.map.ptr[i].key) ||
                   !value_is(a, value, &o->via.map.ptr[i].val)) {
            return false;
        }
    }
    return i ==
           (want.kind == GW_JSON_ARRAY ? o->via.array.size : o->via.map.size);
}

static bool value_is(struct gw_arena *a, gw_json want, const msgpack_object *o)
{
    switch (want.kind) {
    case GW_JSON_NULL:
        return o->type == MSGPACK_OBJECT_NIL;
    case GW_JSON_TRUE:
    case GW_JSON_FALSE:
        return o->type == MSGPACK_OBJECT_BOOLEAN &&
               o->via.boolean == (want.kind == GW_JSON_TRUE);
    case GW_JSON_NUMBER:
        return number_is(want.raw, o);
    case GW_JSON_STRING:
        return o->type == MSGPACK_OBJECT_STR &&
               gw_str_eq(text_of(a, want),
                         (gw_str){ o->via.str.ptr, o->via.str.size });
    case GW_JSON_ARRAY:
        return o->type == MSGPACK_OBJECT_ARRAY && members_are(a, want, o);
    case GW_JSON_OBJECT:
        return o->type == MSGPACK_OBJECT_MAP && members_are(a, want, o);
    default:
        return false;
    }
}

/* A vector says under the name of its kind what it is. */
static bool vector_is(struct gw_arena *a, gw_json vector,
                      const msgpack_object *o)
{
    static const gw_str plain[] = { GW_LIT("nil"),    GW_LIT("bool"),
                                    GW_LIT("number"), GW_LIT("string"),
                                    GW_LIT("array"),  GW_LIT("map") };
    gw_json want;

    for (size_t i = 0; i < GW_LEN(plain); i++) {
        want = gw_json_member(vector, plain[i]);
        if (want.kind != GW_JSON_ABSENT)
            return value_is(a, want, o);
    }
    want = gw_json_member(vector, GW_LIT("bignum"));
    if (want.kind != GW_JSON_ABSENT)
        return number_is(text_of(a, want), o);
    want = gw_json_member(vector, GW_LIT("binary"));
    if (want.kind != GW_JSON_ABSENT)
        return o->type == MSGPACK_OBJECT_BIN &&
               bytes_are(text_of(a, want), o->via.bin.ptr, o->via.bin.size);
    want = gw_json_member(vector, GW_LIT("timestamp"));
    if (want.kind != GW_JSON_ABSENT)
        return timestamp_is(want, o);
    want = gw_json_member(vector, GW_LIT("ext"));
    ck_assert(want.kind == GW_JSON_ARRAY);
    return o->type == MSGPACK_OBJECT_EXT &&
           number_is(gw_json_item(want, 0).raw,
                     &(msgpack_object){ MSGPACK_OBJECT_POSITIVE_INTEGER,
                                        { .i64 = o->via.ext.type } }) &&
           bytes_are(text_of(a, gw_json_item(want, 1)), o->via.ext.ptr,
                     o->via.ext.size);
}

/* What is written for this value is one of its spellings. */
static void expect_written(struct gw_arena *a, gw_json spellings,
                           const msgpack_object *o)
{
    msgpack_packer packer;
    struct gw_buf out;
    gw_json name, hex;
    size_t at = 0;
    bool found = false;

    gw_buf_init(&out, 256);
    gw_msgpack_packer_init(&packer, &out);
    ck_assert_int_eq(msgpack_pack_object(&packer, *o), 0);
    while (!found && gw_json_next(spellings, &at, &name, &hex))
        found = bytes_are(text_of(a, hex), out.at, out.len);
    ck_assert_msg(found, "not among %.*s", GW_FMT(spellings.raw));
    gw_buf_fini(&out);
}

static void expect_spelling(struct gw_arena *a, gw_json vector, gw_json hex)
{
    char room[256];
    gw_str bytes = bytes_of(text_of(a, hex), room);
    msgpack_object o;
    msgpack_zone zone;

    ck_assert(msgpack_zone_init(&zone, 1024));
    ck_assert_msg(gw_msgpack_read(&zone, bytes, &wide, &o) == GW_OK, "%.*s",
                  GW_FMT(hex.raw));
    ck_assert_msg(vector_is(a, vector, &o), "%.*s in %.*s", GW_FMT(hex.raw),
                  GW_FMT(vector.raw));
    expect_written(a, gw_json_member(vector, GW_LIT("msgpack")), &o);
    for (size_t n = 0; n < bytes.len; n++)
        ck_assert(check(gw_str_head(bytes, n), &wide) == GW_E_SYNTAX);
    room[bytes.len] = '\xc0';
    ck_assert(check((gw_str){ room, bytes.len + 1 }, &wide) == GW_E_SYNTAX);
    msgpack_zone_destroy(&zone);
}

START_TEST(the_published_vectors_are_read_and_written)
{
    char path[1024];
    struct gw_arena a;
    struct gw_buf text;
    gw_json root, name, group;
    size_t at = 0, count = 0;

    if (!gw_vectors()) {
        gw_skip("msgpack", "no shared vectors");
        return;
    }
    snprintf(path, sizeof(path), "%s/msgpack/msgpack-test-suite.json",
             gw_vectors());
    gw_file_read(path, &text);
    gw_arena_init(&a, 1 << 20);
    ck_assert(gw_json_read(gw_buf_str(&text), &root) == GW_OK);
    while (gw_json_next(root, &at, &name, &group)) {
        gw_json vector, hex;
        size_t v = 0;

        while (gw_json_next(group, &v, &name, &vector)) {
            gw_json spellings = gw_json_member(vector, GW_LIT("msgpack"));
            size_t s = 0;

            for (; gw_json_next(spellings, &s, &name, &hex); count++)
                expect_spelling(&a, vector, hex);
        }
    }
    ck_assert_uint_gt(count, 200);
    gw_arena_fini(&a);
    gw_buf_fini(&text);
}
END_TEST

/* --- bounds ----------------------------------------------------------------- */

static const struct {
    const char *name;
    gw_str bytes;
    gw_err err;
} hostile[] = {
    { "nothing", GW_LIT(""), GW_E_SYNTAX },
    { "never used", GW_LIT("\xc1"), GW_E_SYNTAX },
    { "never used, inside", GW_LIT("\x92\x01\xc1"), GW_E_SYNTAX },
    { "two values", GW_LIT("\x01\x02"), GW_E_SYNTAX },
    { "an array of 2^32-1", GW_LIT("\xdd\xff\xff\xff\xff"), GW_E_TOO_BIG },
    { "a map of 2^32-1", GW_LIT("\xdf\xff\xff\xff\xff"), GW_E_TOO_BIG },
    { "a map of 2^31, whose values are 2^32", GW_LIT("\xdf\x80\x00\x00\x00"),
      GW_E_TOO_BIG },
    { "an array of 65535", GW_LIT("\xdc\xff\xff"), GW_E_TOO_BIG },
    { "an array of as many as may be, absent", GW_LIT("\xdc\x03\xe7"),
      GW_E_SYNTAX },
    { "an array of one more", GW_LIT("\xdc\x03\xe8"), GW_E_TOO_BIG },
    { "a map of one more", GW_LIT("\xde\x01\xf4"), GW_E_TOO_BIG },
    { "together too many", GW_LIT("\x93\x00\x00\xdc\x03\xe5"), GW_E_TOO_BIG },
    { "a text of 2^32-1",
      GW_LIT("\xdb\xff\xff\xff\xff"
             "abc"),
      GW_E_SYNTAX },
    { "bytes of 2^32-1",
      GW_LIT("\xc6\xff\xff\xff\xff"
             "abc"),
      GW_E_SYNTAX },
    { "an extension of 2^32-1, and its type",
      GW_LIT("\xc9\xff\xff\xff\xff"
             "abc"),
      GW_E_SYNTAX },
    { "a map without its last value",
      GW_LIT("\x81\xa1"
             "a"),
      GW_E_SYNTAX },
    { "an extension without a type", GW_LIT("\xc7\x00"), GW_E_SYNTAX },
};

START_TEST(hostile_bytes_are_refused)
{
    msgpack_object o;
    msgpack_zone zone;

    ck_assert_msg(check(hostile[_i].bytes, &wide) == hostile[_i].err, "%s",
                  hostile[_i].name);
    ck_assert(msgpack_zone_init(&zone, 64));
    ck_assert(gw_msgpack_read(&zone, hostile[_i].bytes, &wide, &o) ==
              hostile[_i].err);
    msgpack_zone_destroy(&zone);
}
END_TEST

/* `depth` arrays of one, around one value. */
static gw_str nested(char out[64], unsigned depth)
{
    memset(out, '\x91', depth);
    out[depth] = '\x90';
    return (gw_str){ out, depth + 1 };
}

START_TEST(depth_is_bounded)
{
    char text[64];
    msgpack_object o;
    msgpack_zone zone;

    for (unsigned depth = 1; depth <= GW_MSGPACK_DEPTH_MAX; depth++) {
        struct gw_msgpack_bounds bounds = { depth, 100 };

        ck_assert(check(nested(text, depth - 1), &bounds) == GW_OK);
        ck_assert(check(nested(text, depth), &bounds) == GW_E_TOO_BIG);
    }
    ck_assert(check(GW_LIT("\x05"), &(struct gw_msgpack_bounds){ 0, 1 }) ==
              GW_OK);
    ck_assert(check(GW_LIT("\x90"), &(struct gw_msgpack_bounds){ 0, 1 }) ==
              GW_E_TOO_BIG);
    ck_assert(msgpack_zone_init(&zone, 1024)); /* msgpack-c goes as deep */
    ck_assert(gw_msgpack_read(&zone, nested(text, GW_MSGPACK_DEPTH_MAX - 1),
                              &wide, &o) == GW_OK);
    msgpack_zone_destroy(&zone);
}
END_TEST

START_TEST(every_value_counts)
{
    /* [1, {2: [3]}, []]: 7 values */
    gw_str bytes = GW_LIT("\x93\x01\x81\x02\x91\x03\x90");

    for (uint32_t values = 0; values < 10; values++)
        ck_assert(check(bytes, &(struct gw_msgpack_bounds){ 4, values }) ==
                  (values < 7 ? GW_E_TOO_BIG : GW_OK));
}
END_TEST

START_TEST(a_full_buffer_is_the_packers_error)
{
    msgpack_packer packer;
    struct gw_buf out;

    gw_buf_init(&out, 4);
    gw_msgpack_packer_init(&packer, &out);
    ck_assert_int_eq(msgpack_pack_uint32(&packer, 1000), 0);
    ck_assert_int_ne(msgpack_pack_uint32(&packer, 1000), 0);
    ck_assert_gw_str(gw_buf_str(&out), GW_LIT("\xcd\x03\xe8"));
    gw_buf_fini(&out);
}
END_TEST

GW_SUITE("protocol/msgpack/msgpack")
{
    tcase_add_test(tc, the_published_vectors_are_read_and_written);
    tcase_add_loop_test(tc, hostile_bytes_are_refused, 0, GW_LEN(hostile));
    tcase_add_test(tc, depth_is_bounded);
    tcase_add_test(tc, every_value_counts);
    tcase_add_test(tc, a_full_buffer_is_the_packers_error);
}
