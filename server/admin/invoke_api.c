#include "server/admin/invoke_api.h"

#include "protocol/base/base64.h"
#include "protocol/base/utf8.h"
#include "protocol/http/query.h"
#include "protocol/json/json.h"
#include "server/admin/async.h"
#include "server/admin/function_ref.h"
#include "server/admin/management.h"
#include "server/gateway/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ASYNC_BYTES_MAX = 1 << 20, /* of an event; it was 256 KB for long */
    CONTEXT_BYTES_MAX = 3583,  /* in base64 */
    HELD_BYTES_MAX = 256 << 20,
    QUEUE_WAIT_MS = 30 * 1000,
    /* For the answer of a function that has used all of its time. */
    SLACK_MS = 1000,
    BODY_MAX = 4096,
};

struct gw_invoke_api {
    struct gw_gateway *gateway;
    struct gw_signatures *signatures;
    struct gw_invoker *invoker;
    struct gw_async *async;
    size_t running, held_bytes;
};

/* A synchronous invocation. */
struct call {
    struct gw_answerer answerer;
    struct gw_invocation invocation;
    struct gw_invoke_api *api;
    struct gw_link *link; /* NULL: the client left */
    struct gw_timer queue_wait;
    _Atomic bool is_late;   /* it must not begin any more */
    _Atomic bool has_begun; /* as far as we are asked */
    char *texts;
    size_t bytes;
};

struct gw_invoke_api *gw_invoke_api_new(struct gw_gateway *g,
                                        struct gw_signatures *s,
                                        struct gw_invoker *invoker)
{
    struct gw_invoke_api *api = gw_alloc(sizeof(*api));

    *api = (struct gw_invoke_api){ .gateway = g,
                                   .signatures = s,
                                   .invoker = invoker,
                                   .async = gw_async_new(g, invoker) };
    return api;
}

bool gw_invoke_api_is_quiet(const struct gw_invoke_api *api)
{
    return !api->running && gw_async_is_quiet(api->async);
}

void gw_invoke_api_close(struct gw_invoke_api *api)
{
    gw_async_close(api->async);
}

void gw_invoke_api_free(struct gw_invoke_api *api)
{
    GW_ASSERT(!api->running);
    gw_async_free(api->async);
    free(api);
}

/* --- errors ------------------------------------------------------------------ */

typedef enum fault {
    NO_FAULT,
    NO_FUNCTION,
    BAD_CONTENT,
    BAD_PARAMETER,
    TOO_LARGE,
    TOO_MANY,
    DENIED,
    NO_OPERATION,
    FAILED,
} fault;

/* The member is the one that the original's model has, and SDKs read. */
static const struct {
    unsigned status;
    const char *type, *member;
} faults[] = {
    [NO_FUNCTION] = { 404, "ResourceNotFoundException", "Message" },
    [BAD_CONTENT] = { 400, "InvalidRequestContentException", "message" },
    [BAD_PARAMETER] = { 400, "InvalidParameterValueException", "message" },
    [TOO_LARGE] = { 413, "RequestTooLargeException", "message" },
    [TOO_MANY] = { 429, "TooManyRequestsException", "message" },
    [DENIED] = { 403, "AccessDeniedException", "Message" },
    [NO_OPERATION] = { 404, "UnknownOperationException", "message" },
    [FAILED] = { 500, "ServiceException", "Message" },
};

/* What is wrong with a request, and the text that says so. */
struct complaint {
    fault fault;
    char text[512];
};

static fault complain(struct complaint *c, fault what, const char *format, ...)
    GW_PRINTF(3, 4);

static fault complain(struct complaint *c, fault what, const char *format, ...)
{
    va_list args;

    c->fault = what;
    va_start(args, format);
    vsnprintf(c->text, sizeof(c->text), format, args);
    va_end(args);
    return what;
}

static void refuse(struct gw_invoke_api *api, struct gw_link *link,
                   const struct complaint *c)
{
    bool is_ours = faults[c->fault].status >= 500;
    struct gw_answer a;
    struct gw_buf body;
    gw_err err;

    GW_COUNT(api->gateway->metrics->invokes_refused);
    gw_answer_init(&a, api->gateway, faults[c->fault].status);
    gw_answer_add(&a, "Content-Type", GW_LIT("application/json"));
    gw_answer_add(&a, "x-amzn-ErrorType", gw_str_of(faults[c->fault].type));
    gw_buf_init(&body, BODY_MAX);
    err = gw_buf_addf(&body,
                      "{\"Type\":\"%s\",\"%s\":", is_ours ? "Service" : "User",
                      faults[c->fault].member);
    if (!err)
        err = gw_json_write_text(&body, gw_str_of(c->text));
    if (!err && c->fault == TOO_MANY) {
        gw_answer_add(&a, "Retry-After", GW_LIT("1"));
        err = gw_buf_add(
            &body, GW_LIT(",\"Reason\":"
                          "\"ReservedFunctionConcurrentInvocationLimitExceeded"
                          "\""));
    }
    if (!err)
        err = gw_buf_add(&body, GW_LIT("}"));
    api->gateway->link_ops->respond(
        link, gw_answer_http(&a, err ? GW_EMPTY : gw_buf_str(&body)), false);
    gw_buf_fini(&body);
}

/* Of what was not run, or of which nobody knows how it ended. */
static void refuse_for(struct gw_invoke_api *api, struct gw_link *link,
                       gw_err err)
{
    struct complaint c;

    switch (err) {
    case GW_E_BUSY:
    case GW_E_FULL:
        complain(&c, TOO_MANY, "Rate Exceeded.");
        break;
    case GW_E_NOT_FOUND:
    case GW_E_UNREACHABLE:
        complain(&c, NO_FUNCTION, "Function not found");
        break;
    default:
        complain(&c, FAILED, "The invocation was not completed: %s.",
                 gw_err_text(err));
    }
    refuse(api, link, &c);
}

/* --- what is asked ------------------------------------------------------------ */

typedef enum kind { REQUEST_RESPONSE, EVENT, DRY_RUN, KINDS } kind;

static const struct {
    gw_str name;
    size_t bytes_max;
} kinds[KINDS] = {
    [REQUEST_RESPONSE] = { GW_LIT("RequestResponse"), GW_INVOKE_BYTES_MAX },
    [EVENT] = { GW_LIT("Event"), ASYNC_BYTES_MAX },
    [DRY_RUN] = { GW_LIT("DryRun"), GW_INVOKE_BYTES_MAX },
};

static const struct {
    gw_str before, after;
    bool is_async;
} operations[] = {
    { GW_LIT("/2015-03-31/functions/"), GW_LIT("/invocations"), false },
    { GW_LIT("/2014-11-13/functions/"), GW_LIT("/invoke-async"), true },
};

/* Its texts are views of the request, or in the gateway's scratch. */
struct asked {
    struct gw_invocation invocation;
    const struct gw_function_spec *spec;
    kind kind;
    gw_str name; /* as in the path */
};

bool gw_invoke_api_is_meant(const struct gw_invoke_api *api,
                            const struct gw_http_request *request)
{
    for (size_t i = 0; i < GW_LEN(operations); i++) {
        gw_str all = operations[i].before;
        gw_str folder = gw_str_head(all, all.len - 1);

        if (gw_str_starts(request->path, all) ||
            gw_str_eq(request->path, folder))
            return api->gateway->config->function_count > 0;
    }
    return false;
}

static fault read_operation(const struct gw_http_request *request,
                            struct asked *out, struct complaint *why)
{
    gw_str path = request->path;

    if (gw_str_ends(path, GW_LIT("/")))
        path.len--;
    for (size_t i = 0; i < GW_LEN(operations); i++) {
        size_t around = operations[i].before.len + operations[i].after.len;

        if (!gw_str_eq(request->method, GW_LIT("POST")) || path.len <= around ||
            !gw_str_starts(path, operations[i].before) ||
            !gw_str_ends(path, operations[i].after))
            continue;
        out->name =
            (gw_str){ path.at + operations[i].before.len, path.len - around };
        out->kind = operations[i].is_async ? EVENT : REQUEST_RESPONSE;
        if (gw_str_find(out->name, '/', 0) < 0)
            return NO_FAULT;
    }
    return complain(why, NO_OPERATION,
                    "Of this API only Invoke and InvokeAsync are served.");
}

/* The header's value; empty: there is none. */
static gw_str header(const struct gw_http_request *request, const char *name)
{
    gw_str value = GW_EMPTY;

    gw_http_header_first(&request->headers, gw_str_of(name), &value);
    return value;
}

static fault read_qualifier(struct gw_arena *a, gw_str query, gw_str *out,
                            struct complaint *why)
{
    gw_str name, value;

    *out = GW_EMPTY;
    while (gw_http_query_next(&query, &name, &value))
        if (gw_str_eq(name, GW_LIT("Qualifier")) &&
            gw_http_decode(a, value, true, out))
            *out = GW_LIT("?");
    if (!out->len || gw_function_qualifier_is_valid(*out))
        return NO_FAULT;
    return complain(why, BAD_PARAMETER,
                    "1 validation error detected: Value at 'qualifier' failed "
                    "to satisfy constraint: Member must satisfy regular "
                    "expression pattern: (|[a-zA-Z0-9$_-]+)");
}

/* "arn:aws:lambda:eu-west-1:123456789012:function:", as all here begin. */
static gw_str arn_prefix(const struct gw_config *config)
{
    gw_str arn = config->functions[0].arn;

    return gw_str_head(arn, arn.len - config->functions[0].name.len);
}

static fault not_found(const struct gw_config *config,
                       const struct gw_function_ref *ref, gw_str qualifier,
                       struct complaint *why)
{
    gw_str prefix = ref->arn.len ? GW_EMPTY : arn_prefix(config);
    gw_str name = ref->arn.len ? ref->arn : ref->name;

    return complain(why, NO_FUNCTION, "Function not found: %.*s%.*s%s%.*s",
                    GW_FMT(prefix), GW_FMT(name), qualifier.len ? ":" : "",
                    GW_FMT(qualifier));
}

static fault find_function(struct gw_invoke_api *api,
                           const struct gw_http_request *request,
                           struct asked *out, struct complaint *why)
{
    struct gw_gateway *g = api->gateway;
    struct gw_function_ref ref;
    gw_str name, qualifier;

    if (gw_http_decode(&g->scratch, out->name, false, &name) ||
        !gw_function_ref_read(name, &ref))
        return complain(
            why, BAD_PARAMETER,
            "1 validation error detected: Value at 'functionName' failed to "
            "satisfy constraint: Member must satisfy regular expression "
            "pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-"
            "\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)"
            "(:(\\$LATEST|[a-zA-Z0-9-_]+))?");
    if (read_qualifier(&g->scratch, request->query, &qualifier, why))
        return why->fault;
    if (qualifier.len && ref.qualifier.len &&
        !gw_str_eq(qualifier, ref.qualifier))
        return complain(why, BAD_PARAMETER,
                        "The derived qualifier from the function name does "
                        "not match the specified qualifier.");
    out->spec = api->invoker->find(api->invoker, ref.name);
    if (!out->spec || !gw_function_ref_is(&ref, out->spec))
        return not_found(g->config, &ref,
                         qualifier.len ? qualifier : ref.qualifier, why);
    out->invocation.function = ref.name;
    return NO_FAULT;
}

static fault read_kind(const struct gw_http_request *request, struct asked *out,
                       struct complaint *why)
{
    gw_str name = header(request, "X-Amz-Invocation-Type");
    unsigned i = 0;

    if (!name.len)
        return NO_FAULT;
    while (i < KINDS && !gw_str_eq(kinds[i].name, name))
        i++;
    if (i == KINDS)
        return complain(why, BAD_PARAMETER,
                        "1 validation error detected: Value at "
                        "'invocationType' failed to satisfy constraint: Member "
                        "must satisfy enum value set: [Event, RequestResponse, "
                        "DryRun]");
    if (out->kind == REQUEST_RESPONSE) /* InvokeAsync has but one */
        out->kind = i;
    return NO_FAULT;
}

static fault read_log_type(const struct gw_http_request *request,
                           struct asked *out, struct complaint *why)
{
    gw_str type = header(request, "X-Amz-Log-Type");

    out->invocation.wants_tail = gw_str_eq(type, GW_LIT("Tail"));
    if (!type.len || out->invocation.wants_tail ||
        gw_str_eq(type, GW_LIT("None")))
        return NO_FAULT;
    return complain(why, BAD_PARAMETER,
                    "1 validation error detected: Value at 'logType' failed "
                    "to satisfy constraint: Member must satisfy enum value "
                    "set: [None, Tail]");
}

/* It goes to the runtime in a header: line ends between its tokens, the only
 * place where JSON may have them, become blanks. */
static bool decode_context(struct gw_arena *a, gw_str in, gw_str *out)
{
    char *text = gw_arena_text(a, in.len);
    gw_json root;

    if (!text || !gw_base64_decode(GW_BASE64, in, text, &out->len))
        return false;
    out->at = text;
    for (size_t i = 0; i < out->len; i++)
        if (text[i] == '\r' || text[i] == '\n')
            text[i] = ' ';
    return gw_utf8_is_valid(*out) && !gw_json_read(*out, &root) &&
           root.kind == GW_JSON_OBJECT && gw_http_is_field_value(*out);
}

static fault read_context(struct gw_arena *a,
                          const struct gw_http_request *request,
                          struct asked *out, struct complaint *why)
{
    gw_str text = header(request, "X-Amz-Client-Context");

    if (!text.len || (text.len <= CONTEXT_BYTES_MAX &&
                      decode_context(a, text, &out->invocation.client_context)))
        return NO_FAULT;
    return complain(why, BAD_CONTENT,
                    "Client context must be a valid Base64-encoded JSON "
                    "object.");
}

static fault read_payload(gw_str body, struct asked *out, struct complaint *why)
{
    gw_json root;
    gw_err err;

    if (body.len > kinds[out->kind].bytes_max)
        return complain(
            why, TOO_LARGE,
            "%zu byte payload is too large for the %.*s invocation type (limit "
            "%zu bytes)",
            body.len, GW_FMT(kinds[out->kind].name),
            kinds[out->kind].bytes_max);
    /* The original's functions are told {} then. */
    out->invocation.payload = body.len ? body : GW_LIT("{}");
    err = gw_utf8_is_valid(body) ? GW_OK : GW_E_UTF8;
    if (!err)
        err = gw_json_read(out->invocation.payload, &root);
    if (err)
        return complain(why, BAD_CONTENT,
                        "Could not parse request body into json: Could not "
                        "parse payload into json: %s",
                        gw_err_text(err));
    return NO_FAULT;
}

static void set_trace_id(struct gw_gateway *g,
                         const struct gw_http_request *request,
                         struct asked *out, char made[GW_TRACE_ID_LEN])
{
    out->invocation.trace_id = header(request, "X-Amzn-Trace-Id");
    if (out->invocation.trace_id.len)
        return;
    gw_gateway_make_trace_id(g, made);
    out->invocation.trace_id = (gw_str){ made, GW_TRACE_ID_LEN };
}

static fault read_request(struct gw_invoke_api *api,
                          const struct gw_http_request *request, gw_str body,
                          struct asked *out, struct complaint *why)
{
    if (read_operation(request, out, why) ||
        find_function(api, request, out, why) || read_kind(request, out, why) ||
        read_log_type(request, out, why) ||
        read_context(&api->gateway->scratch, request, out, why))
        return why->fault;
    return read_payload(body, out, why);
}

/* --- and done ------------------------------------------------------------------ */

static size_t texts_len(const struct gw_invocation *v)
{
    return v->function.len + v->payload.len + v->trace_id.len +
           v->client_context.len;
}

/* Puts all texts into one block on the heap. */
static char *keep_texts(struct gw_invocation *v)
{
    gw_str *texts[] = { &v->function, &v->payload, &v->trace_id,
                        &v->client_context };
    char *block = gw_alloc(texts_len(v)), *at = block;

    for (size_t i = 0; i < GW_LEN(texts); i++) {
        if (texts[i]->len)
            memcpy(at, texts[i]->at, texts[i]->len);
        texts[i]->at = at;
        at += texts[i]->len;
    }
    return block;
}

static void answer_empty(struct gw_invoke_api *api, struct gw_link *link,
                         unsigned status, const char *id)
{
    struct gw_answer a;

    gw_answer_init(&a, api->gateway, status);
    if (id)
        memcpy(a.uuid, id, sizeof(a.uuid));
    api->gateway->link_ops->respond(link, gw_answer_http(&a, GW_EMPTY), false);
}

static void answer_outcome(const struct call *c,
                           const struct gw_outcome *outcome)
{
    char tail[GW_BASE64_LEN(GW_INVOKE_TAIL_MAX)];
    struct gw_answer a;

    gw_answer_init(&a, c->api->gateway, 200);
    memcpy(a.uuid, c->invocation.id, sizeof(a.uuid));
    gw_answer_add(&a, "Content-Type", GW_LIT("application/json"));
    gw_answer_add(&a, "X-Amz-Executed-Version", GW_LIT("$LATEST"));
    if (outcome->is_error)
        gw_answer_add(&a, "X-Amz-Function-Error", GW_LIT("Unhandled"));
    if (c->invocation.wants_tail) {
        GW_ASSERT(outcome->tail.len <= GW_INVOKE_TAIL_MAX);
        gw_answer_add(
            &a, "X-Amz-Log-Result",
            (gw_str){ tail, gw_base64_encode(GW_BASE64, outcome->tail, tail) });
    }
    c->api->gateway->link_ops->respond(
        c->link, gw_answer_http(&a, outcome->payload), false);
}

static void on_gone(struct gw_answerer *self)
{
    GW_CONTAINER(self, struct call, answerer)->link = NULL;
}

static void on_late(struct gw_timer *timer)
{
    GW_CONTAINER(timer, struct call, queue_wait)->is_late = true;
}

static bool is_wanted(const struct gw_invocation *v)
{
    struct call *c = GW_CONTAINER(v, struct call, invocation);

    c->has_begun = !c->is_late;
    return c->has_begun;
}

static void call_free(struct call *c)
{
    gw_timer_stop(c->api->gateway->wheel, &c->queue_wait);
    c->api->running--;
    c->api->held_bytes -= c->bytes;
    GW_ADD(c->api->gateway->metrics->invokes_held_bytes, -(int64_t)c->bytes);
    free(c->texts);
    free(c);
}

static void on_done(struct gw_invocation *v, gw_err err,
                    const struct gw_outcome *outcome)
{
    struct call *c = GW_CONTAINER(v, struct call, invocation);

    /* What has begun had all of its own time after that. */
    if (err && !c->has_begun && c->is_late)
        err = GW_E_BUSY;
    if (c->link && err)
        refuse_for(c->api, c->link, err);
    else if (c->link)
        answer_outcome(c, outcome);
    call_free(c);
}

static void call_function(struct gw_invoke_api *api, struct asked *asked,
                          struct gw_link *link, struct gw_answerer **answerer)
{
    struct gw_gateway *g = api->gateway;
    size_t bytes = sizeof(struct call) + texts_len(&asked->invocation);
    struct call *c;
    gw_err err;

    if (bytes > HELD_BYTES_MAX - api->held_bytes) {
        refuse_for(api, link, GW_E_FULL);
        return;
    }
    c = gw_alloc(sizeof(*c));
    *c = (struct call){ .answerer = { on_gone },
                        .invocation = asked->invocation,
                        .api = api,
                        .link = link,
                        .queue_wait = { .fire = on_late },
                        .bytes = bytes };
    c->texts = keep_texts(&c->invocation);
    c->invocation.done = on_done;
    c->invocation.is_wanted = is_wanted;
    c->invocation.timeout_ms =
        asked->spec->timeout_ms + QUEUE_WAIT_MS + SLACK_MS;
    api->running++;
    api->held_bytes += bytes;
    GW_ADD(g->metrics->invokes_held_bytes, bytes);
    err = api->invoker->start(api->invoker, &c->invocation);
    if (err) {
        call_free(c);
        refuse_for(api, link, err);
        return;
    }
    *answerer = &c->answerer;
    gw_timer_start(g->wheel, &c->queue_wait, g->clock->now_ms, QUEUE_WAIT_MS);
    GW_COUNT(g->metrics->invokes);
}

static void accept_event(struct gw_invoke_api *api, struct asked *asked,
                         struct gw_link *link)
{
    size_t bytes = texts_len(&asked->invocation);
    char id[37], *texts = keep_texts(&asked->invocation);
    gw_err err;

    asked->invocation.wants_tail = false;
    err = gw_async_accept(api->async, &asked->invocation, texts, bytes, id);
    if (err) {
        free(texts);
        refuse_for(api, link, err);
        return;
    }
    GW_COUNT(api->gateway->metrics->invokes);
    answer_empty(api, link, 202, id);
}

/* Where nothing is signed, pages in browsers must not be believed: theirs is
 * what a stranger wants. */
static bool is_admitted(struct gw_invoke_api *api, struct gw_link *link,
                        const struct gw_http_request *request, gw_str body)
{
    struct complaint why;

    if (!gw_management_admits(api->gateway, api->signatures, GW_LIT("lambda"),
                              link, request, body))
        return false;
    if (gw_config_wants_signatures(api->gateway->config) ||
        !header(request, "Origin").len)
        return true;
    complain(&why, DENIED,
             "Functions cannot be invoked by pages in browsers unless calls "
             "are signed");
    refuse(api, link, &why);
    return false;
}

void gw_invoke_api_handle(struct gw_invoke_api *api, struct gw_link *link,
                          const struct gw_http_request *request, gw_str body,
                          struct gw_answerer **answerer)
{
    struct asked asked = { .kind = REQUEST_RESPONSE };
    char trace_id[GW_TRACE_ID_LEN];
    struct complaint why;

    if (!is_admitted(api, link, request, body))
        return;
    if (read_request(api, request, body, &asked, &why)) {
        refuse(api, link, &why);
        return;
    }
    set_trace_id(api->gateway, request, &asked, trace_id);
    switch (asked.kind) {
    case EVENT:
        accept_event(api, &asked, link);
        break;
    case DRY_RUN:
        answer_empty(api, link, 204, NULL);
        break;
    default:
        call_function(api, &asked, link, answerer);
    }
}
