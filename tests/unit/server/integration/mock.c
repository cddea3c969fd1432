#include "server/integration/mock.h"

#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct fake_world w;
static struct fake_link l;

#define FAILS "Internal server error"
#define ALWAYS(template) \
    "responses: { $default: { responseTemplates: { $default: '" template "' } } }"
#define BY_STATUS                                                         \
    "responses: { /2\\d\\d/: { responseTemplates: { $default: fine } }, " \
    "/4\\d\\d/: { responseTemplates: { $default: wrong } } }"

/* websocket-api.md 4.7 */
static const struct {
    const char *integration, *message, *got; /* FAILS: the error frame */
} cases[] = {
    { ALWAYS("$input.body"), "hello", "hello" },
    { ALWAYS("$input.body"), "", "" },
    { ALWAYS("{\"pong\":true}"), "{}", "{\"pong\":true}" },
    { ALWAYS("$context.eventType $context.routeKey"), "x", "MESSAGE $default" },
    { "responses: {}", "hello", "" },
    { "responses: { $default: {} }", "hello", "" },
    { "description: nothing", "hello", "" },

    /* the request template says the status */
    { BY_STATUS, "x", "fine" }, /* without one it is 200 */
    { "requestTemplates: { $default: '{\"statusCode\":404}' }, " BY_STATUS, "x",
      "wrong" },
    { "requestTemplates: { application/json: '{\"statusCode\":201}' }, " BY_STATUS,
      "x", "fine" },
    { "requestTemplates: { $default: '{\"statusCode\":500}' }, " BY_STATUS, "x",
      FAILS },
    { "requestTemplates: { $default: '{\"statusCode\":$input.body}' }, " BY_STATUS,
      "400", "wrong" },
    { "requestTemplates: { $default: '{\"statusCode\":$input.body}' }, " BY_STATUS,
      "99", FAILS },
    { "requestTemplates: { $default: '{\"statusCode\":$input.body}' }, " BY_STATUS,
      "600", FAILS },
    { "requestTemplates: { $default: '{\"statusCode\":$input.body}' }, " BY_STATUS,
      "\"200\"", FAILS },
    { "requestTemplates: { $default: '{\"statusCode\":$input.body}' }, " BY_STATUS,
      "}", FAILS },
    { "requestTemplates: { $default: '{}' }, " BY_STATUS, "x", FAILS },
    { "requestTemplates: { $default: 'no json' }, " BY_STATUS, "x", FAILS },
    { "requestTemplates: { other: '{\"statusCode\":404}' }, " BY_STATUS, "x",
      "fine" },

    { "responses: { $default: { contentHandlingStrategy: CONVERT_TO_TEXT, "
      "responseTemplates: { $default: $input.body } } }",
      "foo", "Zm9v" },
    { "responses: { $default: { contentHandlingStrategy: CONVERT_TO_BINARY, "
      "responseTemplates: { $default: $input.body } } }",
      "Zm9v", "foo" },
};

static void start(const char *integration)
{
    char config[2048];

    snprintf(config, sizeof(config),
             "apis:\n"
             "  chat:\n"
             "    routeSelectionExpression: $request.body.action\n"
             "    routes:\n"
             "      $default:\n"
             "        routeResponse: true\n"
             "        integration: { type: MOCK, %s }\n"
             "    stages: { dev: {} }\n",
             integration);
    fake_world_init(&w, config);
    fake_link_init(&l);
    fake_world_connect(&w, &l, "/dev", "");
}

static void end(void)
{
    if (l.conn)
        fake_link_ends(&l, 1000, "");
    fake_link_fini(&l);
    fake_world_fini(&w);
}

START_TEST(mocks_answer_by_their_templates)
{
    start(cases[_i].integration);
    fake_link_says(&l, cases[_i].message);
    if (strcmp(cases[_i].got, FAILS))
        fake_link_got(&l, cases[_i].got);
    else
        ck_assert_ptr_nonnull(strstr(fake_link_next(&l)->payload.at, FAILS));
    ck_assert_uint_eq(w.fetch.started, 0);
    ck_assert_uint_eq(w.fetch.lanes, 0);
    end();
}
END_TEST

/* On $connect the status is the handshake's. */
static const struct {
    const char *status;
    unsigned answer;
} connects[] = {
    { "200", 101 }, { "299", 101 }, { "403", 403 }, { "302", 302 }, { "1", 502 }
};

START_TEST(a_mock_decides_a_handshake)
{
    char config[1024];

    snprintf(config, sizeof(config),
             "apis:\n"
             "  chat:\n"
             "    routeSelectionExpression: $request.body.action\n"
             "    routes:\n"
             "      $connect: { integration: { type: MOCK, requestTemplates: "
             "{ $default: '{\"statusCode\":%s}' } } }\n"
             "    stages: { dev: {} }\n",
             connects[_i].status);
    fake_world_init(&w, config);
    fake_link_init(&l);
    fake_world_connect(&w, &l, "/dev", "");
    ck_assert_uint_eq(l.status, connects[_i].answer);
    end();
}
END_TEST

GW_SUITE("server/integration/mock")
{
    tcase_add_loop_test(tc, mocks_answer_by_their_templates, 0, GW_LEN(cases));
    tcase_add_loop_test(tc, a_mock_decides_a_handshake, 0, GW_LEN(connects));
}
