/*
 * What a runtime's connection owes is remembered in two places that agree:
 * the flight names the caller who took it (holder), and that caller's seat
 * names the flight, by its id, because flights also end elsewhere.
 */
#include "server/function/runtime_api.h"

#include "protocol/base/base64.h"
#include "protocol/http/query.h"
#include "protocol/json/json.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    /* An event with its head, and the answer before it. */
    DOOR_QUEUE_BYTES = GW_INVOKE_BYTES_MAX + (1 << 20),
    CONTEXT_MAX = 4096, /* more than 3,583 bytes of base64 decode to */
    TRAILER_MAX = 8192, /* as gw_http_body has it for all of them */
    ID_MAX = 1024,      /* scratch for decoding one */
};

/* Of a runtime, by the original's names. */
enum state { STARTED, INIT_ERROR, READY, RUNNING, SENT };

static const char *const state_names[] = {
    [STARTED] = "Started",
    [INIT_ERROR] = "InitError",
    [READY] = "Ready",
    [RUNNING] = "Running",
    [SENT] = "RuntimeResponseSentState",
};

/* What is known of one process: where it stands, and with which event. */
struct seat {
    enum state state;
    bool waits; /* its GET next is open */
    char id[GW_FLIGHT_ID_LEN + 1];
};

/* One connection. */
struct caller {
    struct gw_list node; /* door->callers */
    struct gw_door *door;
    struct gw_link *link;
    struct gw_answerer answerer;
    struct gw_waiter waiter;
    struct seat seat; /* of an attached runtime */
    bool comes_back;  /* with its answer, on another connection */
};

struct gw_door {
    const struct gw_link_ops *ops;
    struct gw_runtime *runtime; /* NULL: closed */
    struct gw_listener *listener;
    struct gw_list callers;
    struct seat seat;   /* of a process: whatever its connections */
    struct gw_buf text; /* scratch: an error being written */
};

/* --- answers ------------------------------------------------------------------ */

#define ERROR(message, type) \
    GW_LIT("{\"errorMessage\":\"" message "\",\"errorType\":\"" type "\"}\n")

static const gw_str json_type[] = {
    { "Content-Type", 12 },
    { "application/json", 16 },
};

static void answer(struct gw_door *d, struct gw_link *link, unsigned status,
                   gw_str body, bool last)
{
    const struct gw_http_header headers[] = { { json_type[0], json_type[1] } };

    d->ops->respond(link,
                    &(struct gw_http_answer){ .status = status,
                                              .headers = headers,
                                              .header_count = 1,
                                              .body = body },
                    last);
}

static void say(struct gw_door *d, struct gw_link *link, unsigned status,
                gw_str text, const char *allow)
{
    const struct gw_http_header headers[] = {
        { json_type[0], GW_LIT("text/plain; charset=utf-8") },
        { GW_LIT("Allow"), gw_str_of(allow) },
    };

    d->ops->respond(link,
                    &(struct gw_http_answer){ .status = status,
                                              .headers = headers,
                                              .header_count = allow ? 2 : 1,
                                              .body = text },
                    false);
}

static void accepted(struct gw_door *d, struct gw_link *link)
{
    answer(d, link, 202, GW_LIT("{\"status\":\"OK\"}\n"), false);
}

static void refuse_transition(struct caller *c, enum state from, const char *to)
{
    char text[256];
    int n = snprintf(text, sizeof(text),
                     "{\"errorMessage\":\"State transition from %s to %s "
                     "failed for runtime. Error: State transition is not "
                     "allowed\",\"errorType\":\"InvalidStateTransition\"}\n",
                     state_names[from], to);

    answer(c->door, c->link, 403, (gw_str){ text, (size_t)n }, false);
}

/* An error that the runtime has not put into words itself. */
static gw_str error_of_type(struct gw_door *d, gw_str type, gw_str message)
{
    gw_err err;

    gw_buf_fini(&d->text);
    err = gw_buf_add(&d->text, GW_LIT("{\"errorMessage\":"));
    err |= gw_json_write_text(&d->text, message);
    err |= gw_buf_add(&d->text, GW_LIT(",\"errorType\":"));
    err |= gw_json_write_text(&d->text, type);
    err |= gw_buf_add(&d->text, GW_LIT("}"));
    GW_ASSERT(err == GW_OK);
    return gw_buf_str(&d->text);
}

/* --- callers and their seats -------------------------------------------------- */

static struct seat *seat_of(struct caller *c)
{
    return c->door->runtime->events ? &c->door->seat : &c->seat;
}

static struct caller *caller_at(struct gw_door *d, struct gw_link *link)
{
    void **user = d->ops->user(link);
    struct caller *c = *user;

    if (c)
        return c;
    c = gw_alloc(sizeof(*c));
    c->door = d;
    c->link = link;
    gw_list_init(&c->node);
    gw_list_append(&d->callers, &c->node);
    gw_list_init(&c->waiter.node);
    *user = c;
    return c;
}

/* Runs of others are none of this door's. */
static struct gw_flight *find(struct gw_door *d, gw_str id)
{
    struct gw_flight *flight = gw_function_find(d->runtime->function, id);

    return flight && flight->runtime == d->runtime ? flight : NULL;
}

/* The event that it has taken and not answered, if it runs still. */
static struct gw_flight *owed(struct gw_door *d, const struct seat *seat)
{
    return seat->state == RUNNING
               ? find(d, (gw_str){ seat->id, GW_FLIGHT_ID_LEN })
               : NULL;
}

/* The flight is about to end with its answer. */
static void mark_answered(struct gw_door *d, struct gw_flight *flight)
{
    struct caller *taker = flight->holder;

    if (d->runtime->events)
        d->seat.state = SENT;
    else if (taker)
        taker->seat.state = SENT;
}

/* --- GET next ------------------------------------------------------------------ */

static bool is_tool(const struct gw_http_request *r)
{
    gw_str agent;

    return gw_http_header_first(&r->headers, GW_LIT("User-Agent"), &agent) &&
           (gw_str_starts(agent, GW_LIT("curl/")) ||
            gw_str_starts(agent, GW_LIT("Wget/")));
}

/* A client's context is JSON that came in base64: what would break a header's
 * line can only be the blanks between its words. Empty: not to be sent. */
static gw_str as_header(gw_str text, char room[CONTEXT_MAX])
{
    if (gw_http_is_field_value(text))
        return text;
    if (text.len > CONTEXT_MAX)
        return GW_EMPTY;
    for (size_t i = 0; i < text.len; i++)
        room[i] = gw_http_is_field_value((gw_str){ text.at + i, 1 })
                      ? text.at[i]
                      : ' ';
    return (gw_str){ room, text.len };
}

static void hand_over(struct caller *c, const struct gw_flight *flight)
{
    const struct gw_invocation *v = flight->invocation;
    char digits[GW_DIGITS_MAX], room[CONTEXT_MAX];
    struct gw_http_header headers[6] = {
        { json_type[0], json_type[1] },
        { GW_LIT("Lambda-Runtime-Aws-Request-Id"),
          { flight->id, GW_FLIGHT_ID_LEN } },
        { GW_LIT("Lambda-Runtime-Deadline-Ms"),
          gw_str_of_i64(flight->deadline_unix_ms, digits) },
        { GW_LIT("Lambda-Runtime-Invoked-Function-Arn"),
          flight->function->spec->arn },
    };
    size_t count = 4;
    gw_str context = as_header(v->client_context, room);

    if (v->trace_id.len && gw_http_is_field_value(v->trace_id))
        headers[count++] =
            (struct gw_http_header){ GW_LIT("Lambda-Runtime-Trace-Id"),
                                     v->trace_id };
    if (context.len)
        headers[count++] =
            (struct gw_http_header){ GW_LIT("Lambda-Runtime-Client-Context"),
                                     context };
    c->door->ops->respond(c->link,
                          &(struct gw_http_answer){ .status = 200,
                                                    .headers = headers,
                                                    .header_count = count,
                                                    .body = v->payload },
                          false);
}

static void on_give(struct gw_waiter *w, struct gw_flight *flight)
{
    struct caller *c = GW_CONTAINER(w, struct caller, waiter);
    struct seat *seat = seat_of(c);

    flight->holder = c;
    seat->waits = false;
    seat->state = RUNNING;
    memcpy(seat->id, flight->id, sizeof(seat->id));
    hand_over(c, flight);
}

static void stop_waiting(struct caller *c)
{
    if (!c->door->runtime)
        return;
    gw_function_unwait(c->door->runtime->function, &c->waiter);
    seat_of(c)->waits = false;
}

static void on_gone(struct gw_answerer *self)
{
    stop_waiting(GW_CONTAINER(self, struct caller, answerer));
}

static void next(struct caller *c, const struct gw_http_request *r,
                 struct gw_answerer **answerer)
{
    struct gw_door *d = c->door;
    struct seat *seat = seat_of(c);
    gw_err err;

    if (seat->waits || seat->state == INIT_ERROR || owed(d, seat)) {
        refuse_transition(c, seat->state, "Ready");
        return;
    }
    if (!d->runtime->events)
        c->comes_back = !r->keep_alive || is_tool(r);
    c->answerer.gone = on_gone;
    c->waiter.runtime = d->runtime;
    c->waiter.give = on_give;
    seat->waits = true;
    seat->state = READY;
    *answerer = &c->answerer; /* forgotten again if an event is there */
    err = gw_function_wait(d->runtime->function, &c->waiter);
    if (err == GW_OK || err == GW_E_CANCELLED)
        return;
    seat->waits = false;
    if (err == GW_E_FULL)
        answer(d, c->link, 503,
               ERROR("Too many runtimes wait for this function",
                     "TooManyRuntimes"),
               false);
    else
        refuse_transition(c, RUNNING, "Ready");
}

/* --- POST {id}/response, {id}/error --------------------------------------------- */

/* It failed after it had begun to answer. */
static bool has_failed_late(struct gw_door *d, const struct gw_http_request *r,
                            gw_str *error)
{
    gw_str type, text;
    size_t len;

    if (!r->trailers ||
        !gw_http_header_first(
            r->trailers, GW_LIT("Lambda-Runtime-Function-Error-Type"), &type) ||
        !type.len)
        return false;
    if (gw_http_header_first(
            r->trailers, GW_LIT("Lambda-Runtime-Function-Error-Body"), &text) &&
        text.len) {
        gw_buf_fini(&d->text);
        GW_ASSERT(gw_buf_reserve(&d->text, TRAILER_MAX) == GW_OK);
        if (gw_base64_decode(GW_BASE64, text, d->text.at, &len)) {
            *error = (gw_str){ d->text.at, len };
            return true;
        }
    }
    *error = error_of_type(d, type, GW_EMPTY);
    return true;
}

/*
 * Streaming or not, the caller gets the bytes when all are there: a streamed
 * HTTP answer (application/vnd.awslambda.http-integration-response), too, is
 * given to who invokes it without asking for a stream as what it is: prelude,
 * eight NULs, body.
 */
static void respond(struct caller *c, struct gw_flight *flight,
                    const struct gw_http_request *r, gw_str body)
{
    struct gw_door *d = c->door;
    gw_str mode, error;

    if (gw_http_header_first(&r->headers,
                             GW_LIT("Lambda-Runtime-Function-Response-Mode"),
                             &mode) &&
        mode.len && !gw_str_eq(mode, GW_LIT("streaming"))) {
        gw_flight_error(
            flight,
            error_of_type(d, GW_LIT("Runtime.InvalidResponseModeHeader"),
                          GW_LIT("Invalid function response mode")));
        answer(d, c->link, 400,
               ERROR("Invalid function response mode",
                     "InvalidFunctionResponseMode"),
               false);
        return;
    }
    if (has_failed_late(d, r, &error))
        gw_flight_error(flight, error);
    else
        gw_flight_respond(flight, body);
    accepted(d, c->link);
}

/* The cause is for traces, not for the caller. */
static gw_str without_cause(struct gw_door *d, gw_str body)
{
    static const gw_str names[] = {
        { "errorMessage", 12 },
        { "errorType", 9 },
        { "stackTrace", 10 },
    };
    gw_json root, value;
    gw_err err = GW_OK;
    char mark = '{';

    if (gw_json_read(body, &root) || root.kind != GW_JSON_OBJECT)
        return GW_LIT("\"Invalid error body\"");
    gw_buf_fini(&d->text);
    for (size_t i = 0; i < GW_LEN(names); i++, mark = ',') {
        value = gw_json_member(root, names[i]);
        if (value.kind == GW_JSON_ABSENT)
            value.raw = i < 2 ? GW_LIT("\"\"") : GW_LIT("[]");
        err |= gw_buf_addf(&d->text, "%c\"%.*s\":", mark, GW_FMT(names[i]));
        err |= gw_buf_add(&d->text, value.raw);
    }
    err |= gw_buf_add(&d->text, GW_LIT("}"));
    GW_ASSERT(err == GW_OK);
    return gw_buf_str(&d->text);
}

static void fail(struct caller *c, struct gw_flight *flight,
                 const struct gw_http_request *r, gw_str body)
{
    gw_str type;

    if (gw_http_header_first(&r->headers, json_type[0], &type) &&
        gw_str_eq(type, GW_LIT("application/vnd.aws.lambda.error.cause+json")))
        body = without_cause(c->door, body);
    gw_flight_error(flight, body);
    accepted(c->door, c->link);
}

/* --- the paths ------------------------------------------------------------------ */

typedef void answer_fn(struct caller *c, struct gw_flight *flight,
                       const struct gw_http_request *r, gw_str body);

static const struct ending {
    gw_str name;
    const char *state;
    answer_fn *take;
} endings[] = {
    { { "response", 8 }, "InvocationResponse", respond },
    { { "error", 5 }, "InvocationErrorResponse", fail },
};

/* "{id}/response" or "{id}/error"; NULL: neither. */
static const struct ending *split(gw_str rest, gw_str *id)
{
    *id = gw_str_cut(&rest, '/');
    for (size_t i = 0; i < GW_LEN(endings); i++)
        if (gw_str_eq(rest, endings[i].name))
            return &endings[i];
    return NULL;
}

/* Percent-encoded by some. */
static struct gw_flight *find_encoded(struct gw_door *d, gw_str id)
{
    struct gw_flight *flight = NULL;
    struct gw_arena a;

    if (id.len == GW_FLIGHT_ID_LEN)
        return find(d, id);
    gw_arena_init(&a, ID_MAX);
    if (gw_http_decode(&a, id, false, &id) == GW_OK)
        flight = find(d, id);
    gw_arena_fini(&a);
    return flight;
}

static void on_answer(struct caller *c, const struct ending *e, gw_str id,
                      const struct gw_http_request *r, gw_str body)
{
    struct gw_door *d = c->door;
    struct gw_flight *flight = find_encoded(d, id);
    const struct seat *seat = seat_of(c);

    if (flight) {
        mark_answered(d, flight);
        e->take(c, flight, r, body);
    } else if (seat->state == SENT && gw_str_eq(id, gw_str_of(seat->id))) {
        refuse_transition(c, SENT, e->state);
    } else {
        answer(d, c->link, 400, ERROR("Invalid request ID", "InvalidRequestID"),
               false);
    }
}

static void init_error(struct caller *c, const struct gw_http_request *r,
                       gw_str body)
{
    struct seat *seat = seat_of(c);

    if (seat->state != STARTED) {
        refuse_transition(c, seat->state, "InitError");
        return;
    }
    seat->state = INIT_ERROR;
    gw_runtime_failed(c->door->runtime, body);
    accepted(c->door, c->link);
}

static void ping(struct caller *c, const struct gw_http_request *r, gw_str body)
{
    say(c->door, c->link, 200, GW_LIT("pong"), NULL);
}

static const struct {
    gw_str path;
    const char *method;
    void (*handle)(struct caller *c, const struct gw_http_request *r,
                   gw_str body);
} others[] = {
    { GW_LIT("/2018-06-01/runtime/init/error"), "POST", init_error },
    { GW_LIT("/2018-06-01/ping"), "GET", ping },
};

static void not_found(struct caller *c)
{
    say(c->door, c->link, 404, GW_LIT("404 page not found\n"), NULL);
}

/* Answers 405 to another. */
static bool is_method(struct caller *c, const struct gw_http_request *r,
                      const char *method)
{
    if (gw_str_eq(r->method, gw_str_of(method)))
        return true;
    say(c->door, c->link, 405, GW_EMPTY, method);
    return false;
}

static const gw_str invocation = { "/2018-06-01/runtime/invocation/", 31 };

static void on_request(void *ctx, struct gw_link *link,
                       const struct gw_http_request *r, gw_str body,
                       struct gw_answerer **answerer)
{
    struct caller *c = caller_at(ctx, link);
    const struct ending *e;
    gw_str rest, id;

    if (gw_str_starts(r->path, invocation)) {
        rest = gw_str_skip(r->path, invocation.len);
        e = split(rest, &id);
        if (gw_str_eq(rest, GW_LIT("next"))) {
            if (is_method(c, r, "GET"))
                next(c, r, answerer);
        } else if (!e) {
            not_found(c);
        } else if (is_method(c, r, "POST")) {
            on_answer(c, e, id, r, body);
        }
        return;
    }
    for (size_t i = 0; i < GW_LEN(others); i++) {
        if (!gw_str_eq(r->path, others[i].path))
            continue;
        if (is_method(c, r, others[i].method))
            others[i].handle(c, r, body);
        return;
    }
    not_found(c);
}

/* --- what does not come whole, or is too much ------------------------------------ */

/* The run that such a request was to answer, or NULL. */
static struct gw_flight *meant(struct gw_door *d,
                               const struct gw_http_request *r)
{
    gw_str id;

    if (!d->runtime || !r || !gw_str_eq(r->method, GW_LIT("POST")) ||
        !gw_str_starts(r->path, invocation) ||
        !split(gw_str_skip(r->path, invocation.len), &id))
        return NULL;
    return find_encoded(d, id);
}

static void fail_truncated(struct gw_door *d, struct gw_flight *flight)
{
    mark_answered(d, flight);
    gw_flight_error(flight,
                    error_of_type(d, GW_LIT("Runtime.TruncatedResponse"),
                                  GW_LIT("The response was truncated")));
}

static void on_refuse(void *ctx, struct gw_link *link,
                      const struct gw_http_request *r, unsigned status)
{
    struct gw_door *d = ctx;
    struct gw_flight *flight = meant(d, r);
    gw_str body = ERROR("HTTP request detected as malformed", "InvalidRequest");

    if (status == 413) {
        body = ERROR("Exceeded maximum allowed payload size (6291556 bytes).",
                     "RequestEntityTooLarge");
    } else if (r && status == 400) {
        body =
            ERROR("HTTP request detected as truncated", "TruncatedHTTPRequest");
    }
    if (flight && status == 413) {
        mark_answered(d, flight);
        gw_flight_too_big(flight, r->has_length ? r->body_bytes
                                                : GW_INVOKE_ANSWER_MAX + 1);
    } else if (flight) {
        fail_truncated(d, flight);
    }
    answer(d, link, status, body, true);
}

static void on_end(void *ctx, struct gw_link *link,
                   const struct gw_http_request *cut)
{
    struct gw_door *d = ctx;
    struct gw_flight *flight = meant(d, cut);
    struct caller *c = *d->ops->user(link);

    if (flight)
        fail_truncated(d, flight);
    if (!c)
        return;
    flight = d->runtime ? owed(d, seat_of(c)) : NULL;
    if (flight && flight->holder == c) {
        flight->holder = NULL;
        if (!d->runtime->events && !c->comes_back)
            gw_flight_lose(flight, "it closed its connection");
    }
    gw_list_leave(&c->node);
    free(c);
}

const struct gw_link_events gw_door_events = {
    .on_request = on_request,
    .on_refuse = on_refuse,
    .on_end = on_end,
};

/* --- the door ------------------------------------------------------------------- */

struct gw_door *gw_door_new(const struct gw_link_ops *ops,
                            struct gw_runtime *runtime)
{
    struct gw_door *d = gw_alloc(sizeof(*d));

    d->ops = ops;
    d->runtime = runtime;
    gw_list_init(&d->callers);
    gw_buf_init(&d->text, SIZE_MAX / 2);
    return d;
}

struct gw_door *gw_door_open(struct gw_edge *edge, int fd,
                             struct gw_runtime *runtime)
{
    static const struct gw_edge_terms terms = {
        .is_ours = true,
        .body_bytes = GW_INVOKE_ANSWER_MAX,
        .out_queue_bytes = DOOR_QUEUE_BYTES,
    };
    struct gw_door *d = gw_door_new(gw_edge_link_ops, runtime);

    d->listener = gw_edge_listen(edge, fd, &terms, &gw_door_events, d);
    return d;
}

static void on_empty(void *ctx)
{
    struct gw_door *d = ctx;

    GW_ASSERT(gw_list_is_empty(&d->callers));
    gw_buf_fini(&d->text);
    free(d);
}

/* The runtime and its flights may be gone before the connections are: from
 * here on nothing is asked of them. */
void gw_door_close(struct gw_door *d)
{
    GW_LIST_EACH_SAFE (node, after, &d->callers) {
        struct caller *c = GW_CONTAINER(node, struct caller, node);
        struct gw_flight *flight = owed(d, seat_of(c));

        stop_waiting(c);
        if (flight && flight->holder == c)
            flight->holder = NULL;
    }
    d->runtime = NULL;
    if (d->listener)
        gw_edge_unlisten(d->listener, on_empty);
    else
        on_empty(d);
}
