#include "protocol/http/query.h"

#include "tests/support/suite.h"

/* RFC 3986, 2.1; '+' as application/x-www-form-urlencoded has it. */
START_TEST(text_is_decoded)
{
    static const struct {
        gw_str in, plain, query; /* '+' kept, '+' a space */
    } cases[] = {
        { GW_LIT(""), GW_LIT(""), GW_LIT("") },
        { GW_LIT("abc"), GW_LIT("abc"), GW_LIT("abc") },
        { GW_LIT("%61"), GW_LIT("a"), GW_LIT("a") },
        { GW_LIT("L0SM%3D"), GW_LIT("L0SM="), GW_LIT("L0SM=") },
        { GW_LIT("%2f%2F"), GW_LIT("//"), GW_LIT("//") },
        { GW_LIT("a+b"), GW_LIT("a+b"), GW_LIT("a b") },
        { GW_LIT("%2B+%2b"), GW_LIT("+++"), GW_LIT("+ +") },
        { GW_LIT("%c3%A9"), GW_LIT("\xc3\xa9"), GW_LIT("\xc3\xa9") },
        { GW_LIT("%00"), GW_LIT("\0"), GW_LIT("\0") },
        { GW_LIT("%ff"), GW_LIT("\xff"), GW_LIT("\xff") },
        { GW_LIT("%2561"), GW_LIT("%61"), GW_LIT("%61") },
        { GW_LIT("%"), GW_LIT("%"), GW_LIT("%") },
        { GW_LIT("%4"), GW_LIT("%4"), GW_LIT("%4") },
        { GW_LIT("%zz%41"), GW_LIT("%zzA"), GW_LIT("%zzA") },
        { GW_LIT("%4g"), GW_LIT("%4g"), GW_LIT("%4g") },
        { GW_LIT("%%41"), GW_LIT("%A"), GW_LIT("%A") },
        { GW_LIT("% 41"), GW_LIT("% 41"), GW_LIT("% 41") },
        { GW_LIT("%+1"), GW_LIT("%+1"), GW_LIT("% 1") },
        { GW_LIT("a%"), GW_LIT("a%"), GW_LIT("a%") },
    };
    struct gw_arena a;
    gw_str out;

    gw_arena_init(&a, 4096);
    for (size_t i = 0; i < GW_LEN(cases); i++) {
        ck_assert(!gw_http_decode(&a, cases[i].in, false, &out));
        ck_assert_gw_str(out, cases[i].plain);
        ck_assert(!gw_http_decode(&a, cases[i].in, true, &out));
        ck_assert_gw_str(out, cases[i].query);
    }
    gw_arena_fini(&a);
}
END_TEST

START_TEST(text_without_escapes_is_not_copied)
{
    gw_str in = GW_LIT("/plain+text"), out;
    struct gw_arena a;

    gw_arena_init(&a, 4);
    ck_assert(!gw_http_decode(&a, in, false, &out));
    ck_assert_ptr_eq(out.at, in.at);
    ck_assert_int_eq(gw_http_decode(&a, in, true, &out), GW_E_TOO_BIG);
    gw_arena_fini(&a);
}
END_TEST

START_TEST(queries_are_cut_into_pairs)
{
    static const struct {
        const char *query, *pairs; /* "name>value;" for each */
    } cases[] = {
        { "", "" },
        { "a=1", "a>1;" },
        { "a=1&b=2", "a>1;b>2;" },
        { "a=1&&b=2&", "a>1;b>2;" },
        { "&&&", "" },
        { "a", "a>;" },
        { "a=", "a>;" },
        { "=1", ">1;" },
        { "=", ">;" },
        { "a=b=c", "a>b=c;" },
        { "a=1&a=2", "a>1;a>2;" },
        { "a%26=%3d+x", "a%26>%3d+x;" },
        { "a?b=/", "a?b>/;" },
    };

    for (size_t i = 0; i < GW_LEN(cases); i++) {
        gw_str rest = gw_str_of(cases[i].query), name, value;
        struct gw_buf b;

        gw_buf_init(&b, 256);
        while (gw_http_query_next(&rest, &name, &value))
            ck_assert(
                !gw_buf_addf(&b, "%.*s>%.*s;", GW_FMT(name), GW_FMT(value)));
        ck_assert_gw_str(gw_buf_str(&b), gw_str_of(cases[i].pairs));
        gw_buf_fini(&b);
    }
}
END_TEST

/* RFC 3986, 2.3, and upper case digits as 2.1 asks. */
START_TEST(text_is_encoded)
{
    static const struct {
        gw_str in, whole, path; /* '/' too, '/' kept */
    } cases[] = {
        { GW_LIT(""), GW_LIT(""), GW_LIT("") },
        { GW_LIT("AZaz09-._~"), GW_LIT("AZaz09-._~"), GW_LIT("AZaz09-._~") },
        { GW_LIT("a b"), GW_LIT("a%20b"), GW_LIT("a%20b") },
        { GW_LIT("/a/b"), GW_LIT("%2Fa%2Fb"), GW_LIT("/a/b") },
        { GW_LIT("%+"), GW_LIT("%25%2B"), GW_LIT("%25%2B") },
        { GW_LIT("!*'()"), GW_LIT("%21%2A%27%28%29"),
          GW_LIT("%21%2A%27%28%29") },
        { GW_LIT("@="), GW_LIT("%40%3D"), GW_LIT("%40%3D") },
        { GW_LIT("\xc3\xa9\0\xff"), GW_LIT("%C3%A9%00%FF"),
          GW_LIT("%C3%A9%00%FF") },
    };

    for (size_t i = 0; i < GW_LEN(cases); i++) {
        struct gw_buf b;

        gw_buf_init(&b, 256);
        ck_assert(!gw_http_encode(&b, cases[i].in, false));
        ck_assert_gw_str(gw_buf_str(&b), cases[i].whole);
        b.len = 0;
        ck_assert(!gw_http_encode(&b, cases[i].in, true));
        ck_assert_gw_str(gw_buf_str(&b), cases[i].path);
        gw_buf_fini(&b);
    }
}
END_TEST

START_TEST(encoding_stops_at_the_cap)
{
    struct gw_buf b;

    gw_buf_init(&b, 5);
    ck_assert_int_eq(gw_http_encode(&b, GW_LIT("//"), false), GW_E_TOO_BIG);
    ck_assert_uint_eq(b.len, 0);
    ck_assert(!gw_http_encode(&b, GW_LIT("//"), true));
    ck_assert(!gw_http_encode(&b, GW_LIT("/"), false));
    ck_assert_gw_str(gw_buf_str(&b), GW_LIT("//%2F"));
    gw_buf_fini(&b);
}
END_TEST

GW_SUITE("protocol/http/query")
{
    tcase_add_test(tc, text_is_decoded);
    tcase_add_test(tc, text_without_escapes_is_not_copied);
    tcase_add_test(tc, queries_are_cut_into_pairs);
    tcase_add_test(tc, text_is_encoded);
    tcase_add_test(tc, encoding_stops_at_the_cap);
}
