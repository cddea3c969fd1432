/*
 * Writes front to back into a buffer, with one error kept for the end. The
 * names within a map are sorted once, so that equal ones stand together.
 */
#include "protocol/event/proxy.h"

#include "protocol/base/buf.h"
#include "protocol/base/utf8.h"
#include "protocol/http/query.h"
#include "protocol/json/json.h"

#include <stdlib.h>

enum { USUAL_BYTES = 1024 };

struct writer {
    struct gw_buf out;
    struct gw_arena *arena;
    gw_err err;
};

static void put(struct writer *w, gw_str json)
{
    if (!w->err)
        w->err = gw_buf_add(&w->out, json);
}

static void put_text(struct writer *w, gw_str text)
{
    if (!w->err)
        w->err = gw_json_write_text(&w->out, text);
}

/* `before`: what stands in front of the value, the member's name included. */
static void put_member(struct writer *w, gw_str before, gw_str text)
{
    put(w, before);
    put_text(w, text);
}

static void put_number(struct writer *w, gw_str before, int64_t value)
{
    char digits[GW_DIGITS_MAX];

    put(w, before);
    put(w, gw_str_of_i64(value, digits));
}

/* --- maps -------------------------------------------------------------------- */

/* Fields in the order of their names, and of those that are equal in the
 * order in which they came. */
struct field {
    gw_str name, value;
    size_t at;
};

struct fields {
    struct field *at;
    size_t count;
    int (*compare)(gw_str a, gw_str b); /* 0: the same name */
};

static int without_case(gw_str a, gw_str b)
{
    size_t n = GW_MIN(a.len, b.len);

    for (size_t i = 0; i < n; i++) {
        char x = a.at[i], y = b.at[i];

        x = x >= 'A' && x <= 'Z' ? (char)(x + 32) : x;
        y = y >= 'A' && y <= 'Z' ? (char)(y + 32) : y;
        if (x != y)
            return (unsigned char)x < (unsigned char)y ? -1 : 1;
    }
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

static int by_arrival(const struct field *a, const struct field *b)
{
    return a->at < b->at ? -1 : a->at > b->at;
}

static int by_header(const void *left, const void *right)
{
    const struct field *a = left, *b = right;
    int order = without_case(a->name, b->name);

    return order ? order : by_arrival(a, b);
}

static int by_parameter(const void *left, const void *right)
{
    const struct field *a = left, *b = right;
    int order = gw_str_cmp(a->name, b->name);

    return order ? order : by_arrival(a, b);
}

/* Cuts off the fields of the first name that is left. */
static bool next_group(const struct fields *f, size_t *at,
                       const struct field **first, size_t *count)
{
    *first = &f->at[*at];
    *count = 0;
    while (*at < f->count && f->compare(f->at[*at].name, (*first)->name) == 0) {
        ++*count;
        ++*at;
    }
    return *count > 0;
}

/* "name":"the last value",... and "name":["every","value"],... */
static void put_maps(struct writer *w, const struct fields *f, gw_str single,
                     gw_str multi)
{
    const struct field *first;
    size_t at = 0, count;

    put(w, single);
    for (bool any = false; next_group(f, &at, &first, &count); any = true) {
        put_member(w, any ? GW_LIT(",") : GW_EMPTY, first->name);
        put_member(w, GW_LIT(":"), first[count - 1].value);
    }
    put(w, multi);
    at = 0;
    for (bool any = false; next_group(f, &at, &first, &count); any = true) {
        put_member(w, any ? GW_LIT(",") : GW_EMPTY, first->name);
        for (size_t i = 0; i < count; i++)
            put_member(w, i ? GW_LIT(",") : GW_LIT(":["), first[i].value);
        put(w, GW_LIT("]"));
    }
    put(w, GW_LIT("},"));
}

static void put_headers(struct writer *w, const struct gw_http_header *headers,
                        size_t count)
{
    struct fields f = { .count = count, .compare = without_case };

    f.at = gw_arena_alloc(w->arena, count * sizeof(*f.at));
    if (!f.at) {
        w->err = GW_E_TOO_BIG;
        return;
    }
    for (size_t i = 0; i < count; i++)
        f.at[i] = (struct field){ headers[i].name, headers[i].value, i };
    qsort(f.at, count, sizeof(*f.at), by_header);
    put_maps(w, &f, GW_LIT("\"headers\":{"),
             GW_LIT("},\"multiValueHeaders\":{"));
}

static gw_err read_query(struct writer *w, gw_str query, struct fields *out)
{
    size_t most = 1;
    gw_str name, value;

    for (size_t i = 0; i < query.len; i++)
        most += query.at[i] == '&';
    out->at = gw_arena_alloc(w->arena, most * sizeof(*out->at));
    if (!out->at)
        return GW_E_TOO_BIG;
    while (gw_http_query_next(&query, &name, &value)) {
        struct field *f = &out->at[out->count];
        gw_err err = gw_http_decode(w->arena, name, true, &f->name);

        if (!err)
            err = gw_http_decode(w->arena, value, true, &f->value);
        if (err)
            return err;
        f->at = out->count++;
    }
    qsort(out->at, out->count, sizeof(*out->at), by_parameter);
    return GW_OK;
}

static void put_query(struct writer *w, gw_str query)
{
    struct fields f = { .compare = gw_str_cmp };

    if (!w->err)
        w->err = read_query(w, query, &f);
    if (!w->err && f.count)
        put_maps(w, &f, GW_LIT("\"queryStringParameters\":{"),
                 GW_LIT("},\"multiValueQueryStringParameters\":{"));
}

/* Fields that nobody sent, but that handlers find there (3.4). */
static void put_odd_headers(struct writer *w, const struct gw_context *c)
{
    gw_str rest = c->domain_name, host = gw_str_cut(&rest, '/');
    const struct gw_http_header odd[] = {
        { GW_LIT("Host"), host },
        { GW_LIT("x-api-key"), GW_EMPTY },
        { GW_LIT("X-Forwarded-For"), c->source_ip },
        { GW_LIT("x-restapi"), GW_EMPTY },
    };

    put_headers(w, odd, GW_LEN(odd));
}

static void put_stage_variables(struct writer *w, const struct gw_pairs *pairs)
{
    if (!pairs->count)
        return;
    put(w, GW_LIT("\"stageVariables\":{"));
    for (size_t i = 0; i < pairs->count; i++) {
        put_member(w, i ? GW_LIT(",") : GW_EMPTY, pairs->at[i].name);
        put_member(w, GW_LIT(":"), pairs->at[i].value);
    }
    put(w, GW_LIT("},"));
}

/* --- requestContext ---------------------------------------------------------- */

static void put_identity(struct writer *w, const struct gw_context *c)
{
    put(w, GW_LIT(",\"identity\":{"));
    if (c->user_agent.len) {
        put_member(w, GW_LIT("\"userAgent\":"), c->user_agent);
        put(w, GW_LIT(","));
    }
    put_member(w, GW_LIT("\"sourceIp\":"), c->source_ip);
    put(w, GW_LIT("}"));
}

static void put_context(struct writer *w, const struct gw_context *c)
{
    bool gone = c->event_type == GW_EVENT_DISCONNECT;
    char time[GW_CLF_TIME_LEN + 1];

    gw_time_clf(c->request_time_ms, time);
    put_member(w, GW_LIT("\"requestContext\":{\"routeKey\":"), c->route_key);
    if (c->event_type == GW_EVENT_MESSAGE)
        put_member(w, GW_LIT(",\"messageId\":"), c->message_id);
    if (gone)
        put_number(w, GW_LIT(",\"disconnectStatusCode\":"),
                   c->disconnect_status);
    put_member(w, GW_LIT(",\"eventType\":"),
               gw_str_of(gw_event_type_text(c->event_type)));
    put_member(w, GW_LIT(",\"extendedRequestId\":"), c->request_id);
    put_member(w, GW_LIT(",\"requestTime\":"), gw_str_of(time));
    put(w, GW_LIT(",\"messageDirection\":\"IN\""));
    if (gone)
        put_member(w, GW_LIT(",\"disconnectReason\":"), c->disconnect_reason);
    put_member(w, GW_LIT(",\"stage\":"), c->stage);
    put_number(w, GW_LIT(",\"connectedAt\":"), c->connected_at_ms);
    put_number(w, GW_LIT(",\"requestTimeEpoch\":"), c->request_time_ms);
    put_identity(w, c);
    put_member(w, GW_LIT(",\"requestId\":"), c->request_id);
    put_member(w, GW_LIT(",\"domainName\":"), c->domain_name);
    put_member(w, GW_LIT(",\"connectionId\":"), c->connection_id);
    put_member(w, GW_LIT(",\"apiId\":"), c->api_id);
    if (gone && c->event_id.len) { /* beyond the original */
        put_member(w, GW_LIT(",\"eventId\":"), c->event_id);
        put_number(w, GW_LIT(",\"attempt\":"), c->attempt);
    }
    put(w, GW_LIT("},"));
}

/* --- the whole --------------------------------------------------------------- */

static void put_event(struct writer *w, const struct gw_proxy_event *e)
{
    gw_event_type type = e->context->event_type;

    put(w, GW_LIT("{"));
    if (type == GW_EVENT_CONNECT) {
        put_headers(w, e->headers, e->header_count);
        put_query(w, e->query);
    } else if (type == GW_EVENT_DISCONNECT) {
        put_odd_headers(w, e->context);
    }
    put_stage_variables(w, e->stage_variables);
    put_context(w, e->context);
    if (type == GW_EVENT_MESSAGE) {
        put_member(w, GW_LIT("\"body\":"), e->body);
        put(w, GW_LIT(","));
    }
    put(w, e->is_base64 ? GW_LIT("\"isBase64Encoded\":true}")
                        : GW_LIT("\"isBase64Encoded\":false}"));
}

gw_err gw_proxy_event_write(struct gw_arena *a,
                            const struct gw_proxy_event *event, gw_str *out)
{
    struct writer w = { .arena = a };
    size_t usual = GW_MAX((size_t)USUAL_BYTES, 2 * event->body.len);

    gw_buf_init(&w.out, a->max);
    w.err = gw_buf_reserve(&w.out, GW_MIN(usual, a->max));
    put_event(&w, event);
    if (!w.err)
        w.err = gw_arena_dup(a, gw_buf_str(&w.out), out);
    if (!w.err) /* at once: what stands between the texts is ASCII */
        w.err = gw_utf8_repair(a, *out, out);
    gw_buf_fini(&w.out);
    return w.err;
}
