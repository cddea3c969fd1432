#include "server/admin/invoke_api.h"

#include "protocol/json/json.h"
#include "tests/support/fake_invoker.h"
#include "tests/support/fake_world.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

static struct fake_world w;
static struct fake_link caller;
static struct fake_invoker invoker;

#define PREFIX "arn:aws:lambda:eu-west-1:123456789012:function:"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define INVOKE "/2015-03-31/functions/"
#define MB     (1 << 20)

static const struct gw_function_spec functions[] = {
    { .name = GW_LIT("chat"),
      .arn = GW_LIT(PREFIX "chat"),
      .timeout_ms = 5000 },
    { .name = GW_LIT("other"),
      .arn = GW_LIT(PREFIX "other"),
      .timeout_ms = 900000 },
};

#define API                                                \
    "apis:\n"                                              \
    "  chat:\n"                                            \
    "    routeSelectionExpression: $request.body.action\n" \
    "    routes: { $default: http://127.0.0.1:3000/ }\n"   \
    "    stages: { dev: {} }\n"
#define SIGNED       \
    "credentials:\n" \
    "  - { accessKeyId: AKIDEXAMPLE, secretAccessKey: '" SECRET "' }\n" API

static void start_with(const char *config)
{
    fake_world_init(&w, config);
    fake_link_init(&caller);
    fake_invoker_init(&invoker, functions, GW_LEN(functions));
    w.gateway.config->functions = functions;
    w.gateway.config->function_count = GW_LEN(functions);
    w.public.invoke_api =
        gw_invoke_api_new(&w.gateway, w.public.signatures, &invoker.invoker);
}

static void start(void)
{
    start_with(API);
}

static void end(void)
{
    ck_assert(!caller.asked); /* everybody was answered */
    gw_invoke_api_close(w.public.invoke_api);
    ck_assert(gw_invoke_api_is_quiet(w.public.invoke_api));
    ck_assert_uint_eq(w.metrics.invokes_held_bytes, 0);
    ck_assert_uint_eq(w.metrics.async_held_bytes, 0);
    gw_invoke_api_free(w.public.invoke_api);
    fake_invoker_fini(&invoker);
    fake_link_fini(&caller);
    fake_world_fini(&w);
}

/* "POST /path", header lines, and a body. */
static void ask_bytes(const char *line, const char *headers, gw_str body)
{
    size_t room = body.len + 8192;
    char *text = gw_alloc(room);
    int n = snprintf(text, room,
                     "%s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n"
                     "%s\r\n",
                     line, body.len, headers);

    ck_assert_int_lt(n, 8192);
    memcpy(text + n, body.at, body.len);
    fake_world_request(&w, &caller, (gw_str){ text, (size_t)n + body.len });
    free(text);
}

static void ask(const char *line, const char *headers, const char *body)
{
    ask_bytes(line, headers, gw_str_of(body));
}

static void invoke(const char *headers, const char *body)
{
    ask("POST " INVOKE "chat/invocations", headers, body);
}

static gw_json answer(void)
{
    gw_json root;

    ck_assert(gw_json_read(gw_buf_str(&caller.body), &root) == GW_OK);
    return root;
}

/* websocket-api.md 11.1: the type in a header, and who is to blame, with a
 * message, in the body. */
static void refused(unsigned status, const char *type, const char *member,
                    const char *message)
{
    gw_str text;

    ck_assert(!caller.asked);
    ck_assert_uint_eq(caller.status, status);
    ck_assert_gw_str(fake_link_header(&caller, "x-amzn-ErrorType"),
                     gw_str_of(type));
    ck_assert_gw_str(fake_link_header(&caller, "Content-Type"),
                     GW_LIT("application/json"));
    ck_assert_uint_eq(fake_link_header(&caller, "x-amzn-RequestId").len, 36);
    ck_assert(gw_json_is_text(gw_json_member(answer(), GW_LIT("Type")),
                              gw_str_of(status < 500 ? "User" : "Service")));
    ck_assert(gw_json_text(&w.gateway.scratch,
                           gw_json_member(answer(), gw_str_of(member)),
                           &text) == GW_OK);
    ck_assert_msg(gw_str_starts(text, gw_str_of(message)), "%.*s",
                  GW_FMT(text));
}

/* --- who is meant ---------------------------------------------------------------- */

static const struct {
    const char *name, *query, *function;
} called[] = {
    { "chat", "", "chat" },
    { "other", "", "other" },
    { "chat", "?Qualifier=$LATEST", "chat" },
    { "chat", "?Qualifier=%24LATEST", "chat" },
    { "chat", "?Qualifier=", "chat" },
    { "chat", "?x=y&Qualifier=live", "chat" },
    { "chat:live", "", "chat" },
    { "chat%3Alive", "?Qualifier=live", "chat" },
    { "chat:%24LATEST", "", "chat" },
    { "123456789012:function:chat", "", "chat" },
    { "123456789012%3Afunction%3Achat", "", "chat" },
    { PREFIX "chat", "", "chat" },
    { PREFIX "chat:7", "?Qualifier=7", "chat" },
    { "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aother", "",
      "other" },
};

START_TEST(a_function_has_many_names)
{
    char line[300];

    start();
    snprintf(line, sizeof(line), "POST " INVOKE "%s/invocations%s",
             called[_i].name, called[_i].query);
    ask(line, "", "{}");
    ck_assert(caller.asked && caller.answerer);
    ck_assert_gw_str(fake_invoker_next(&invoker)->function,
                     gw_str_of(called[_i].function));
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           GW_EMPTY);
    ck_assert_uint_eq(caller.status, 200);
    end();
}
END_TEST

#define NOT_FOUND "ResourceNotFoundException"
#define INVALID   "InvalidParameterValueException"
#define CONTENT   "InvalidRequestContentException"

static const struct {
    const char *line, *headers, *body;
    unsigned status;
    const char *type, *member, *message;
} wrong[] = {
    { "POST " INVOKE "nobody/invocations", "", "{}", 404, NOT_FOUND, "Message",
      "Function not found: " PREFIX "nobody" },
    { "POST " INVOKE "nobody:live/invocations", "", "{}", 404, NOT_FOUND,
      "Message", "Function not found: " PREFIX "nobody:live" },
    { "POST " INVOKE "nobody/invocations?Qualifier=7", "", "{}", 404, NOT_FOUND,
      "Message", "Function not found: " PREFIX "nobody:7" },
    { "POST " INVOKE "arn:aws:lambda:us-east-1:123456789012:function:chat"
      "/invocations",
      "", "{}", 404, NOT_FOUND, "Message",
      "Function not found: arn:aws:lambda:us-east-1:123456789012:function:"
      "chat" },
    { "POST " INVOKE "a%20b/invocations", "", "{}", 400, INVALID, "message",
      "1 validation error detected: Value at 'functionName'" },
    { "POST " INVOKE "%00/invocations", "", "{}", 400, INVALID, "message",
      "1 validation error detected: Value at 'functionName'" },
    { "POST " INVOKE "chat/invocations?Qualifier=a.b", "", "{}", 400, INVALID,
      "message", "1 validation error detected: Value at 'qualifier'" },
    { "POST " INVOKE "chat:7/invocations?Qualifier=8", "", "{}", 400, INVALID,
      "message", "The derived qualifier from the function name does not" },
    { "POST " INVOKE "chat/invocations", "X-Amz-Invocation-Type: Later\r\n",
      "{}", 400, INVALID, "message",
      "1 validation error detected: Value at 'invocationType'" },
    { "POST " INVOKE "chat/invocations", "X-Amz-Log-Type: Head\r\n", "{}", 400,
      INVALID, "message", "1 validation error detected: Value at 'logType'" },
    { "POST " INVOKE "chat/invocations", "", "{", 400, CONTENT, "message",
      "Could not parse request body into json: " },
    { "POST " INVOKE "chat/invocations", "", "STRING_VALUE", 400, CONTENT,
      "message", "Could not parse request body into json: " },
    { "POST " INVOKE "chat/invocations", "", "\"\xff\"", 400, CONTENT,
      "message", "Could not parse request body into json: " },
    { "POST " INVOKE "chat/invocations", "X-Amz-Invocation-Type: Event\r\n",
      "{", 400, CONTENT, "message",
      "Could not parse request body into json: " },
    { "POST " INVOKE "chat/invocations", "X-Amz-Invocation-Type: DryRun\r\n",
      "{", 400, CONTENT, "message",
      "Could not parse request body into json: " },
    /* not base64; not JSON; not an object; not text ("{" 0x7f 0xff) */
    { "POST " INVOKE "chat/invocations", "X-Amz-Client-Context: {}\r\n", "{}",
      400, CONTENT, "message", "Client context must be a valid Base64" },
    { "POST " INVOKE "chat/invocations", "X-Amz-Client-Context: ew==\r\n", "{}",
      400, CONTENT, "message", "Client context must be a valid Base64" },
    { "POST " INVOKE "chat/invocations", "X-Amz-Client-Context: MQ==\r\n", "{}",
      400, CONTENT, "message", "Client context must be a valid Base64" },
    { "POST " INVOKE "chat/invocations",
      "X-Amz-Client-Context: eyJhIjoi/yJ9\r\n", "{}", 400, CONTENT, "message",
      "Client context must be a valid Base64" },
    /* {"a":"DEL"} */
    { "POST " INVOKE "chat/invocations",
      "X-Amz-Client-Context: eyJhIjoifyJ9\r\n", "{}", 400, CONTENT, "message",
      "Client context must be a valid Base64" },
    /* what else the original serves there */
    { "GET " INVOKE "chat", "", "", 404, "UnknownOperationException", "message",
      "Of this API only Invoke" },
    { "GET /2015-03-31/functions", "", "", 404, "UnknownOperationException",
      "message", "Of this API only Invoke" },
    { "GET " INVOKE "chat/invocations", "", "", 404,
      "UnknownOperationException", "message", "Of this API only Invoke" },
    { "POST " INVOKE "/invocations", "", "", 404, "UnknownOperationException",
      "message", "Of this API only Invoke" },
    { "POST " INVOKE "invocations", "", "", 404, "UnknownOperationException",
      "message", "Of this API only Invoke" },
    { "POST " INVOKE "a/b/invocations", "", "", 404,
      "UnknownOperationException", "message", "Of this API only Invoke" },
    { "POST " INVOKE "chat/invoke-async", "", "", 404,
      "UnknownOperationException", "message", "Of this API only Invoke" },
};

START_TEST(what_is_wrong_is_said)
{
    start();
    ask(wrong[_i].line, wrong[_i].headers, wrong[_i].body);
    refused(wrong[_i].status, wrong[_i].type, wrong[_i].member,
            wrong[_i].message);
    ck_assert_uint_eq(invoker.started, 0);
    ck_assert_uint_eq(w.metrics.invokes_refused, 1);
    end();
}
END_TEST

static const char *const strangers[] = {
    "POST " INVOKE "chat/invocations",
    "GET /2015-03-31/functions",
    "POST /2014-11-13/functions/chat/invoke-async",
};

/* As for any API that is not here. */
START_TEST(without_functions_nobody_is_there)
{
    start();
    w.gateway.config->function_count = 0;
    ask(strangers[_i], "", "{}");
    ck_assert_uint_eq(caller.status, 403);
    ck_assert_gw_str(gw_buf_str(&caller.body),
                     GW_LIT("{\"message\":\"Forbidden\"}"));
    ask("POST /2015-03-31/functionsx/chat/invocations", "", "{}");
    ck_assert_uint_eq(caller.status, 403);
    end();
}
END_TEST

/* --- what a function is told, and says ----------------------------------------------- */

START_TEST(an_answer_is_the_functions)
{
    struct gw_invocation *v;

    start();
    invoke("", "{\"a\": [1]}");
    v = fake_invoker_next(&invoker);
    ck_assert_gw_str(v->payload, GW_LIT("{\"a\": [1]}"));
    ck_assert_uint_eq(v->client_context.len, 0);
    ck_assert(!v->wants_tail);
    ck_assert(gw_str_starts(v->trace_id, GW_LIT("Root=1-")));
    ck_assert_uint_gt(v->timeout_ms, functions[0].timeout_ms);
    fake_invocation_return(v, GW_LIT("{\"b\":2}"), false, GW_EMPTY);
    ck_assert_uint_eq(caller.status, 200);
    ck_assert_gw_str(gw_buf_str(&caller.body), GW_LIT("{\"b\":2}"));
    ck_assert_gw_str(fake_link_header(&caller, "X-Amz-Executed-Version"),
                     GW_LIT("$LATEST"));
    ck_assert_gw_str(fake_link_header(&caller, "x-amzn-RequestId"),
                     GW_LIT("00000000-0000-4000-8000-000000000001"));
    ck_assert_gw_str(fake_link_header(&caller, "Content-Type"),
                     GW_LIT("application/json"));
    ck_assert_ptr_null(fake_link_header(&caller, "X-Amz-Function-Error").at);
    ck_assert_ptr_null(fake_link_header(&caller, "X-Amz-Log-Result").at);
    ck_assert_uint_eq(w.metrics.invokes, 1);
    end();
}
END_TEST

START_TEST(a_functions_error_is_200)
{
    static const gw_str failed = GW_LIT("{\"errorMessage\":\"no\"}");

    start();
    invoke("", "null");
    fake_invocation_return(fake_invoker_next(&invoker), failed, true, GW_EMPTY);
    ck_assert_uint_eq(caller.status, 200);
    ck_assert_gw_str(gw_buf_str(&caller.body), failed);
    ck_assert_gw_str(fake_link_header(&caller, "X-Amz-Function-Error"),
                     GW_LIT("Unhandled"));
    end();
}
END_TEST

START_TEST(an_empty_body_is_an_empty_object)
{
    start();
    invoke("", "");
    ck_assert_gw_str(fake_invoker_next(&invoker)->payload, GW_LIT("{}"));
    fake_invocation_return(fake_invoker_next(&invoker), GW_EMPTY, false,
                           GW_EMPTY);
    ck_assert_uint_eq(caller.status, 200);
    ck_assert_uint_eq(caller.body.len, 0);
    end();
}
END_TEST

START_TEST(the_tail_of_the_log_is_base64)
{
    static char log[GW_INVOKE_TAIL_MAX];

    start();
    invoke("X-Amz-Log-Type: Tail\r\n", "{}");
    ck_assert(fake_invoker_next(&invoker)->wants_tail);
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           GW_LIT("hello\n"));
    ck_assert_gw_str(fake_link_header(&caller, "X-Amz-Log-Result"),
                     GW_LIT("aGVsbG8K"));
    invoke("X-Amz-Log-Type: Tail\r\n", "{}");
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           (gw_str){ log, sizeof(log) });
    ck_assert_uint_eq(fake_link_header(&caller, "X-Amz-Log-Result").len, 5464);
    end();
}
END_TEST

/* {"client": CR LF {"app_title":"x"}} : the runtime gets it in one line */
START_TEST(a_client_context_is_passed_on)
{
    start();
    invoke("X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793\r\n"
           "X-Amz-Client-Context: "
           "eyJjbGllbnQiOiANCnsiYXBwX3RpdGxlIjoieCJ9fQ==\r\n",
           "{}");
    ck_assert_gw_str(fake_invoker_next(&invoker)->client_context,
                     GW_LIT("{\"client\":   {\"app_title\":\"x\"}}"));
    ck_assert_gw_str(fake_invoker_next(&invoker)->trace_id,
                     GW_LIT("Root=1-5759e988-bd862e3fe1be46a994272793"));
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           GW_EMPTY);
    end();
}
END_TEST

/* {"a":"xx…"} of 3,583 and of 3,584 characters in base64: 3,584 is the first
 * length past the limit that base64 can have. */
START_TEST(a_client_context_has_a_greatest_length)
{
    char headers[4000] = "X-Amz-Client-Context: eyJh";
    size_t len = strlen(headers);

    start();
    while (len < strlen("X-Amz-Client-Context: ") + 3580)
        len += (size_t)sprintf(headers + len, "YWFh");
    memcpy(headers + len - 8, "YSI6MX0g\r\n", 11); /* a":1} and a blank */
    invoke(headers, "{}");
    ck_assert_uint_eq(fake_invoker_running(&invoker), 1);
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           GW_EMPTY);
    memcpy(headers + len, "ICAg\r\n", 7);
    invoke(headers, "{}");
    refused(400, CONTENT, "message", "Client context");
    end();
}
END_TEST

static const struct {
    const char *headers;
    size_t bytes;
    unsigned status;
} sizes[] = {
    { "", 6 * MB, 200 },
    { "", 6 * MB + 1, 413 },
    { "X-Amz-Invocation-Type: Event\r\n", 1 * MB, 202 },
    { "X-Amz-Invocation-Type: Event\r\n", 1 * MB + 1, 413 },
    { "X-Amz-Invocation-Type: DryRun\r\n", 6 * MB, 204 },
    { "X-Amz-Invocation-Type: DryRun\r\n", 6 * MB + 1, 413 },
};

START_TEST(payloads_have_a_greatest_size)
{
    char *body = gw_alloc(sizes[_i].bytes);
    char message[100];

    start();
    memset(body, 'x', sizes[_i].bytes);
    body[0] = body[sizes[_i].bytes - 1] = '"';
    ask_bytes("POST " INVOKE "chat/invocations", sizes[_i].headers,
              (gw_str){ body, sizes[_i].bytes });
    if (fake_invoker_running(&invoker)) {
        struct gw_invocation *v = fake_invoker_next(&invoker);

        ck_assert_gw_str(v->payload, ((gw_str){ body, sizes[_i].bytes }));
        fake_invocation_return(v, GW_LIT("1"), false, GW_EMPTY);
    }
    ck_assert_uint_eq(caller.status, sizes[_i].status);
    if (caller.status == 413) {
        snprintf(message, sizeof(message), "%zu byte payload is too large for",
                 sizes[_i].bytes);
        refused(413, "RequestTooLargeException", "message", message);
    }
    free(body);
    end();
}
END_TEST

START_TEST(a_dry_run_runs_nothing)
{
    start();
    invoke("X-Amz-Invocation-Type: DryRun\r\n", "{}");
    ck_assert_uint_eq(caller.status, 204);
    ck_assert_uint_eq(caller.body.len, 0);
    ck_assert_uint_eq(invoker.started, 0);
    end();
}
END_TEST

/* --- what becomes of a call ---------------------------------------------------------- */

#define BUSY_BODY                            \
    "{\"Type\":\"User\",\"message\":\"Rate " \
    "Exceeded.\",\"Reason\":"                \
    "\"ReservedFunctionConcurrentInvocationLimitExceeded\"}"

static void refused_as_busy(void)
{
    refused(429, "TooManyRequestsException", "message", "Rate Exceeded.");
    ck_assert_gw_str(gw_buf_str(&caller.body), GW_LIT(BUSY_BODY));
    ck_assert_gw_str(fake_link_header(&caller, "Retry-After"), GW_LIT("1"));
}

START_TEST(a_busy_function_is_429)
{
    start();
    invoker.refuse = GW_E_BUSY;
    invoke("", "{}");
    refused_as_busy();
    ck_assert_ptr_null(caller.answerer);
    invoker.refuse = GW_OK;
    invoke("", "{}");
    fake_invocation_fail(fake_invoker_next(&invoker), GW_E_BUSY);
    refused_as_busy();
    end();
}
END_TEST

static const struct {
    gw_err err;
    unsigned status;
    const char *type;
} ends[] = {
    { GW_E_UNREACHABLE, 404, NOT_FOUND },
    { GW_E_CANCELLED, 500, "ServiceException" },
    { GW_E_TIMEOUT, 500, "ServiceException" },
};

START_TEST(an_end_without_an_answer_is_told)
{
    start();
    invoke("", "{}");
    fake_invocation_fail(fake_invoker_next(&invoker), ends[_i].err);
    refused(ends[_i].status, ends[_i].type, "Message", "");
    end();
}
END_TEST

/* 429 says that it may be sent again: so it must not have run. */
START_TEST(who_waits_too_long_is_not_run_any_more)
{
    struct gw_invocation *v;

    start();
    invoke("", "{}");
    v = fake_invoker_next(&invoker);
    fake_world_advance(&w, 29900);
    ck_assert(v->is_wanted(v));
    fake_world_advance(&w, 200);
    ck_assert(!v->is_wanted(v));
    ck_assert(caller.asked); /* it may be running */
    fake_invocation_fail(v, GW_E_CANCELLED);
    refused_as_busy();

    invoke("", "{}");
    v = fake_invoker_next(&invoker);
    ck_assert_uint_ge(v->timeout_ms, 30000 + functions[0].timeout_ms);
    fake_world_advance(&w, v->timeout_ms);
    fake_invocation_fail(v, GW_E_TIMEOUT);
    refused_as_busy();

    invoke("", "{}"); /* begins in time */
    v = fake_invoker_next(&invoker);
    ck_assert(v->is_wanted(v));
    fake_world_advance(&w, 34000);
    fake_invocation_return(v, GW_LIT("1"), false, GW_EMPTY);
    ck_assert_uint_eq(caller.status, 200);

    invoke("", "{}"); /* the same, and is not heard of again */
    v = fake_invoker_next(&invoker);
    ck_assert(v->is_wanted(v));
    fake_world_advance(&w, 34000);
    fake_invocation_fail(v, GW_E_CANCELLED);
    refused(500, "ServiceException", "Message", "");
    end();
}
END_TEST

START_TEST(who_left_is_not_answered)
{
    start();
    invoke("", "{}");
    fake_link_gone(&caller);
    ck_assert(fake_invoker_next(&invoker)->is_wanted(
        fake_invoker_next(&invoker))); /* as the original's it goes on */
    ck_assert(!gw_invoke_api_is_quiet(w.public.invoke_api));
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           GW_EMPTY);
    ck_assert_uint_eq(caller.status, 0);
    invoke("", "{}");
    fake_link_gone(&caller);
    fake_invocation_fail(fake_invoker_next(&invoker), GW_E_CANCELLED);
    ck_assert_uint_eq(caller.status, 0);
    end();
}
END_TEST

/* Callers that leave are not counted by any listener, but what they asked for
 * takes room. */
START_TEST(payloads_have_a_greatest_sum)
{
    size_t bytes = 6 * MB;
    char *body = gw_alloc(bytes);
    unsigned count = 0;

    start();
    memset(body, '1', bytes);
    for (caller.status = 0; caller.status != 429; count++) {
        ck_assert_uint_lt(count, 60);
        ask_bytes("POST " INVOKE "chat/invocations", "",
                  (gw_str){ body, bytes });
        if (caller.asked)
            fake_link_gone(&caller);
    }
    refused_as_busy();
    ck_assert_uint_gt(count, 30);
    while (fake_invoker_running(&invoker))
        fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                               GW_EMPTY);
    invoke("", "{}");
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           GW_EMPTY);
    ck_assert_uint_eq(caller.status, 200);
    free(body);
    end();
}
END_TEST

/* --- later ----------------------------------------------------------------------- */

#define EVENT "X-Amz-Invocation-Type: Event\r\n"

static void accepted(void)
{
    ck_assert(!caller.asked && !caller.answerer);
    ck_assert_uint_eq(caller.status, 202);
    ck_assert_uint_eq(caller.body.len, 0);
    ck_assert_uint_eq(fake_link_header(&caller, "x-amzn-RequestId").len, 36);
}

static void event_fails(void)
{
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("{}"), true,
                           GW_EMPTY);
}

START_TEST(an_event_is_accepted_and_runs)
{
    start();
    invoke(EVENT "X-Amz-Log-Type: Tail\r\n", "{\"a\":1}");
    accepted();
    ck_assert_gw_str(fake_link_header(&caller, "x-amzn-RequestId"),
                     GW_LIT("00000000-0000-4000-8000-000000000001"));
    ck_assert_gw_str(fake_invoker_next(&invoker)->payload, GW_LIT("{\"a\":1}"));
    ck_assert_uint_eq(fake_invoker_next(&invoker)->timeout_ms, 0);
    ck_assert(!gw_invoke_api_is_quiet(w.public.invoke_api));
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           GW_EMPTY);
    ck_assert(gw_invoke_api_is_quiet(w.public.invoke_api));
    ck_assert_uint_eq(w.metrics.async_retried, 0);
    end();
}
END_TEST

static const char *const async_paths[] = {
    "POST /2014-11-13/functions/chat/invoke-async",
    "POST /2014-11-13/functions/chat/invoke-async/",
    "POST /2014-11-13/functions/chat%3Alive/invoke-async/",
};

START_TEST(invoke_async_is_an_event)
{
    start();
    ask(async_paths[_i], "", "{\"a\":1}");
    accepted();
    ck_assert_gw_str(fake_invoker_next(&invoker)->payload, GW_LIT("{\"a\":1}"));
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           GW_EMPTY);
    end();
}
END_TEST

START_TEST(an_event_that_fails_is_run_twice_more)
{
    start();
    invoke(EVENT, "{\"a\":1}");
    event_fails();
    fake_world_advance(&w, 59900);
    ck_assert_uint_eq(fake_invoker_running(&invoker), 0);
    fake_world_advance(&w, 200);
    ck_assert_gw_str(fake_invoker_next(&invoker)->payload, GW_LIT("{\"a\":1}"));
    event_fails();
    fake_world_advance(&w, 119900);
    ck_assert_uint_eq(fake_invoker_running(&invoker), 0);
    fake_world_advance(&w, 200);
    ck_assert_uint_eq(w.metrics.async_retried, 2);
    ck_assert_uint_eq(w.metrics.async_dropped, 0);
    event_fails();
    ck_assert_uint_eq(w.metrics.async_dropped, 1);
    ck_assert(gw_invoke_api_is_quiet(w.public.invoke_api));
    ck_assert_uint_eq(w.wheel.count, 0);
    ck_assert_uint_eq(invoker.started, 3);
    end();
}
END_TEST

START_TEST(a_second_run_may_succeed)
{
    start();
    invoke(EVENT, "{}");
    event_fails();
    fake_world_advance(&w, 61000);
    fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                           GW_EMPTY);
    ck_assert(gw_invoke_api_is_quiet(w.public.invoke_api));
    ck_assert_uint_eq(w.metrics.async_dropped, 0);
    end();
}
END_TEST

/* Whether it is told so at once or by another worker. */
START_TEST(an_event_waits_for_a_busy_function)
{
    int64_t waited = 0;

    start();
    invoker.refuse = GW_E_BUSY;
    invoke(EVENT, "{}");
    accepted();
    ck_assert_uint_eq(fake_invoker_running(&invoker), 0);
    invoker.refuse = GW_OK;
    fake_world_advance(&w, 1100);
    fake_invocation_fail(fake_invoker_next(&invoker), GW_E_BUSY);
    fake_world_advance(&w, 1900);
    ck_assert_uint_eq(fake_invoker_running(&invoker), 0);
    fake_world_advance(&w, 200);
    fake_invocation_fail(fake_invoker_next(&invoker), GW_E_BUSY);

    /* up to five minutes apart, for six hours */
    invoker.refuse = GW_E_BUSY;
    while (!gw_invoke_api_is_quiet(w.public.invoke_api)) {
        fake_world_advance(&w, 60000);
        waited += 60000;
        ck_assert_int_lt(waited, 7 * 3600 * 1000);
    }
    ck_assert_int_gt(waited, 359 * 60 * 1000);
    ck_assert_uint_eq(w.metrics.async_dropped, 1);
    end();
}
END_TEST

static const gw_err hopeless[] = { GW_E_UNREACHABLE, GW_E_CANCELLED };

START_TEST(an_event_whose_function_went_is_dropped)
{
    start();
    invoke(EVENT, "{}");
    fake_invocation_fail(fake_invoker_next(&invoker), hopeless[_i]);
    ck_assert(gw_invoke_api_is_quiet(w.public.invoke_api));
    invoke(EVENT, "{}");
    event_fails();
    invoker.spec_count = 0; /* before it is run again */
    fake_world_advance(&w, 61000);
    ck_assert(gw_invoke_api_is_quiet(w.public.invoke_api));
    ck_assert_uint_eq(w.metrics.async_dropped, 2);
    end();
}
END_TEST

START_TEST(events_have_a_greatest_sum)
{
    char *body = gw_alloc(MB);
    unsigned count = 0;

    start();
    memset(body, '1', MB);
    for (caller.status = 0; caller.status != 429; count++) {
        ck_assert_uint_lt(count, 100);
        ask_bytes("POST " INVOKE "chat/invocations", EVENT,
                  (gw_str){ body, MB });
    }
    refused_as_busy();
    ck_assert_uint_gt(count, 50);
    while (fake_invoker_running(&invoker))
        fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                               GW_EMPTY);
    free(body);
    end();
}
END_TEST

START_TEST(who_leaves_runs_nothing_again)
{
    start();
    invoke(EVENT, "{}");
    event_fails();
    invoke(EVENT, "{}");
    gw_invoke_api_close(w.public.invoke_api);
    ck_assert_uint_eq(w.metrics.async_dropped, 1);
    ck_assert(!gw_invoke_api_is_quiet(w.public.invoke_api));
    event_fails();
    ck_assert_uint_eq(w.metrics.async_dropped, 2);
    ck_assert(gw_invoke_api_is_quiet(w.public.invoke_api));
    invoke(EVENT, "{}");
    refused(500, "ServiceException", "Message", "");
    end();
}
END_TEST

/* --- who may --------------------------------------------------------------------- */

/* As botocore 1.43 signs them, for the date of the fake world: the path as it
 * is on the wire is encoded once more. */
static const struct {
    const char *path, *service, *signature;
    const char *type; /* NULL: it is admitted */
} signed_calls[] = {
    { INVOKE "chat/invocations", "lambda",
      "6014ae5cf9267b477677ddc593b5e70ab017ec1194cb58390d5095ca04def9e6",
      NULL },
    { INVOKE "chat%3Alive/invocations", "lambda",
      "4997e7ac301e00bdcb309471c6adeaf4b6e0d7fa99f8f75c81b99cd6db7274e9",
      NULL },
    { INVOKE "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Achat"
             "/invocations",
      "lambda",
      "482ba30399b6c4adf00a61837d20c3d35485abed4d819fd55cccc8926655b391",
      NULL },
    { "/2014-11-13/functions/chat/invoke-async/", "lambda",
      "085d93fd808fa95a3a1e81af71164a9b1cbfd307e2ed2803dd73071de66200a6",
      NULL },
    { INVOKE "other/invocations", "lambda",
      "6014ae5cf9267b477677ddc593b5e70ab017ec1194cb58390d5095ca04def9e6",
      "InvalidSignatureException" },
    { INVOKE "chat/invocations", "execute-api",
      "314b3a1fbb5b05af4091fda12afde8984bac3b1843f77efb2dcb1540effc12ca",
      "InvalidSignatureException" },
};

START_TEST(a_signature_is_for_lambda)
{
    char line[400], headers[600];

    start_with(SIGNED);
    snprintf(line, sizeof(line), "POST %s", signed_calls[_i].path);
    snprintf(headers, sizeof(headers),
             "X-Amz-Date: 20150830T123600Z\r\n"
             "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"
             "eu-west-1/%s/aws4_request, SignedHeaders=host;x-amz-date, "
             "Signature=%s\r\n",
             signed_calls[_i].service, signed_calls[_i].signature);
    ask(line, headers, "{}");
    if (signed_calls[_i].type) {
        ck_assert_uint_eq(caller.status, 403);
        ck_assert_gw_str(fake_link_header(&caller, "x-amzn-ErrorType"),
                         gw_str_of(signed_calls[_i].type));
    } else {
        fake_invocation_return(fake_invoker_next(&invoker), GW_LIT("1"), false,
                               GW_EMPTY);
        ck_assert_uint_eq(caller.status,
                          strstr(line, "invoke-async") ? 202 : 200);
    }
    end();
}
END_TEST

/* Not even whether a function is there. */
static const char *const unsigned_lines[] = {
    "POST " INVOKE "chat/invocations",
    "POST " INVOKE "nobody/invocations",
    "GET /2015-03-31/functions",
    "POST /2014-11-13/functions/chat/invoke-async",
};

START_TEST(strangers_learn_nothing)
{
    start_with(SIGNED);
    ask(unsigned_lines[_i], "", "{}");
    ck_assert_uint_eq(caller.status, 403);
    ck_assert_gw_str(fake_link_header(&caller, "x-amzn-ErrorType"),
                     GW_LIT("MissingAuthenticationTokenException"));
    ck_assert_uint_eq(invoker.started, 0);
    end();
}
END_TEST

/* Any page that a developer opens could post to a port of his machine. */
START_TEST(pages_need_a_signature)
{
    start();
    invoke("Origin: https://a.example\r\n", "{}");
    refused(403, "AccessDeniedException", "Message", "Functions cannot be");
    invoke("Origin: null\r\n", "{}");
    refused(403, "AccessDeniedException", "Message", "Functions cannot be");
    ck_assert_uint_eq(invoker.started, 0);
    end();
}
END_TEST

GW_SUITE("server/admin/invoke_api")
{
    tcase_add_loop_test(tc, a_function_has_many_names, 0, GW_LEN(called));
    tcase_add_loop_test(tc, what_is_wrong_is_said, 0, GW_LEN(wrong));
    tcase_add_loop_test(tc, without_functions_nobody_is_there, 0,
                        GW_LEN(strangers));
    tcase_add_test(tc, an_answer_is_the_functions);
    tcase_add_test(tc, a_functions_error_is_200);
    tcase_add_test(tc, an_empty_body_is_an_empty_object);
    tcase_add_test(tc, the_tail_of_the_log_is_base64);
    tcase_add_test(tc, a_client_context_is_passed_on);
    tcase_add_test(tc, a_client_context_has_a_greatest_length);
    tcase_add_loop_test(tc, payloads_have_a_greatest_size, 0, GW_LEN(sizes));
    tcase_add_test(tc, a_dry_run_runs_nothing);
    tcase_add_test(tc, a_busy_function_is_429);
    tcase_add_loop_test(tc, an_end_without_an_answer_is_told, 0, GW_LEN(ends));
    tcase_add_test(tc, who_waits_too_long_is_not_run_any_more);
    tcase_add_test(tc, who_left_is_not_answered);
    tcase_add_test(tc, payloads_have_a_greatest_sum);
    tcase_add_test(tc, an_event_is_accepted_and_runs);
    tcase_add_loop_test(tc, invoke_async_is_an_event, 0, GW_LEN(async_paths));
    tcase_add_test(tc, an_event_that_fails_is_run_twice_more);
    tcase_add_test(tc, a_second_run_may_succeed);
    tcase_add_test(tc, an_event_waits_for_a_busy_function);
    tcase_add_loop_test(tc, an_event_whose_function_went_is_dropped, 0,
                        GW_LEN(hopeless));
    tcase_add_test(tc, events_have_a_greatest_sum);
    tcase_add_test(tc, who_leaves_runs_nothing_again);
    tcase_add_loop_test(tc, a_signature_is_for_lambda, 0, GW_LEN(signed_calls));
    tcase_add_loop_test(tc, strangers_learn_nothing, 0, GW_LEN(unsigned_lines));
    tcase_add_test(tc, pages_need_a_signature);
}
