#include "server/gateway/answer.h"

#include "protocol/base/base64.h"
#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdlib.h>

static const char config[] =
    "apis:\n"
    "  chat:\n"
    "    routeSelectionExpression: $request.body.action\n"
    "    routes: { $default: { integration: { type: MOCK } } }\n"
    "    stages: { dev: {} }\n";

enum { MANY = 20000 };

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static void are_different(char (*ids)[16], size_t count)
{
    qsort(ids, count, sizeof(ids[0]), compare);
    for (size_t i = 1; i < count; i++)
        ck_assert_int_ne(memcmp(ids[i - 1], ids[i], 16), 0);
}

/* websocket-api.md 3.1: base64 of 11 bytes, 16 characters, ending in '='. */
START_TEST(ids_are_16_characters_of_base64url)
{
    static struct fake_world w, other;
    static char ids[2 * MANY][16];

    fake_world_init(&w, config);
    fake_world_init_at(&other, config, NULL, 1, 2);
    for (size_t i = 0; i < GW_LEN(ids); i++) {
        char bytes[12];
        size_t len;

        gw_gateway_make_id(i % 2 ? &other.gateway : &w.gateway, ids[i]);
        ck_assert(gw_base64_decode(GW_BASE64URL, (gw_str){ ids[i], 16 }, bytes,
                                   &len));
        ck_assert_uint_eq(len, 11);
    }
    are_different(ids, GW_LEN(ids));
    fake_world_fini(&w);
    fake_world_fini(&other);
}
END_TEST

/* RFC 4122, 4.4: version 4, variant 10x. */
START_TEST(uuids_are_of_version_4)
{
    static struct fake_world w;
    static char seen[MANY][16];

    fake_world_init(&w, config);
    for (size_t i = 0; i < MANY; i++) {
        char uuid[37], hex[32];
        size_t n = 0;

        gw_gateway_make_uuid(&w.gateway, uuid);
        ck_assert_uint_eq(strlen(uuid), 36);
        for (size_t k = 0; k < 36; k++) {
            if (k == 8 || k == 13 || k == 18 || k == 23)
                ck_assert_int_eq(uuid[k], '-');
            else
                hex[n++] = uuid[k];
        }
        ck_assert_int_eq(uuid[14], '4');
        ck_assert(strchr("89ab", uuid[19]) != NULL);
        ck_assert(gw_hex_decode((gw_str){ hex, 32 }, seen[i]));
    }
    are_different(seen, MANY);
    fake_world_fini(&w);
}
END_TEST

/* websocket-api.md 3.1: Root=1-{8 hex epoch}-{24 hex} */
START_TEST(trace_ids_begin_with_the_time)
{
    static struct fake_world w;
    char text[GW_TRACE_ID_LEN], rest[12];

    fake_world_init(&w, config);
    gw_gateway_make_trace_id(&w.gateway, text);
    /* 2015-08-30T12:36:00Z is 1440938160, 0x55e2f8b0 */
    ck_assert_gw_str(((gw_str){ text, 16 }), GW_LIT("Root=1-55e2f8b0-"));
    ck_assert(gw_hex_decode((gw_str){ text + 16, 24 }, rest));
    fake_world_fini(&w);
}
END_TEST

START_TEST(errors_say_their_message_and_type)
{
    static struct fake_world w;
    static struct fake_link l;

    fake_world_init(&w, config);
    fake_link_init(&l);
    l.asked = true;
    gw_answer_error(&w.gateway, fake_link_of(&l), 403,
                    GW_LIT("ForbiddenException"), "Forbidden", false);
    ck_assert_uint_eq(l.status, 403);
    ck_assert(!l.last);
    ck_assert_gw_str(gw_buf_str(&l.body),
                     GW_LIT("{\"message\":\"Forbidden\"}"));
    ck_assert_gw_str(fake_link_header(&l, "Content-Type"),
                     GW_LIT("application/json"));
    ck_assert_gw_str(fake_link_header(&l, "x-amzn-ErrorType"),
                     GW_LIT("ForbiddenException"));

    l.asked = true;
    gw_answer_error(&w.gateway, fake_link_of(&l), 431, GW_EMPTY, "Too large",
                    true);
    ck_assert_uint_eq(l.status, 431);
    ck_assert(l.last);
    ck_assert_ptr_null(fake_link_header(&l, "x-amzn-ErrorType").at);
    fake_link_fini(&l);
    fake_world_fini(&w);
}
END_TEST

GW_SUITE("server/gateway/answer")
{
    tcase_add_test(tc, ids_are_16_characters_of_base64url);
    tcase_add_test(tc, uuids_are_of_version_4);
    tcase_add_test(tc, trace_ids_begin_with_the_time);
    tcase_add_test(tc, errors_say_their_message_and_type);
}
