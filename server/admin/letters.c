#include "server/admin/letters.h"

#include "protocol/event/context.h"
#include "protocol/http/query.h"
#include "protocol/json/json.h"

#include <stdlib.h>

enum {
    PAGE = 100,
    PAGE_MAX = 1000,
    PAGE_BYTES_MAX = 512 * 1024,
    LETTER_ID_MAX = 64,
};

/* A request whose answer may come later. */
struct waiting {
    struct gw_answerer answerer;
    const struct gw_link_ops *link_ops;
    struct gw_link *link; /* NULL: the client left */
    size_t max;           /* of a list */
};

static const gw_str root = { "/dead-letters", 13 };

bool gw_letters_are_meant(const struct gw_http_request *request)
{
    return gw_str_eq(request->path, root) ||
           gw_str_starts(request->path, GW_LIT("/dead-letters/"));
}

/* --- answers ------------------------------------------------------------------ */

static void respond(const struct gw_link_ops *ops, struct gw_link *link,
                    unsigned status, gw_str body)
{
    const struct gw_http_header headers[] = {
        { GW_LIT("Content-Type"), GW_LIT("application/json") },
        { GW_LIT("Allow"), GW_LIT("GET, POST, DELETE") }, /* of a 405 only */
    };

    ops->respond(link,
                 &(struct gw_http_answer){ .status = status,
                                           .headers = headers,
                                           .header_count = status == 405   ? 2
                                                           : status == 204 ? 0
                                                                           : 1,
                                           .body = body },
                 false);
}

static const struct {
    gw_err err;
    unsigned status;
    gw_str body;
} failures[] = {
    { GW_E_NOT_FOUND, 404, GW_LIT("{\"message\":\"no such dead letter\"}\n") },
    { GW_E_UNREACHABLE, 503, GW_LIT("{\"message\":\"Redis is away\"}\n") },
    { GW_E_BUSY, 503, GW_LIT("{\"message\":\"not now\"}\n") },
    { GW_E_SYSTEM, 500, GW_LIT("{\"message\":\"it failed\"}\n") },
};

static void refuse(const struct gw_link_ops *ops, struct gw_link *link,
                   gw_err err)
{
    size_t i = 0;

    while (i < GW_LEN(failures) - 1 && failures[i].err != err)
        i++;
    respond(ops, link, failures[i].status, failures[i].body);
}

static void on_gone(struct gw_answerer *self)
{
    GW_CONTAINER(self, struct waiting, answerer)->link = NULL;
}

static struct waiting *wait_new(const struct gw_link_ops *ops,
                                struct gw_link *link,
                                struct gw_answerer **answerer)
{
    struct waiting *w = gw_alloc(sizeof(*w));

    *w = (struct waiting){ { on_gone }, ops, link, 0 };
    *answerer = &w->answerer;
    return w;
}

/* For what has been refused at once. */
static void wait_not(struct waiting *w, struct gw_answerer **answerer,
                     gw_err err)
{
    *answerer = NULL;
    refuse(w->link_ops, w->link, err);
    free(w);
}

/* --- one of them --------------------------------------------------------------- */

static void on_done(void *ctx, gw_err err)
{
    struct waiting *w = ctx;

    if (w->link && err)
        refuse(w->link_ops, w->link, err);
    else if (w->link)
        respond(w->link_ops, w->link, 204, GW_EMPTY);
    free(w);
}

/* --- the list ------------------------------------------------------------------ */

static gw_err add_text(struct gw_buf *out, const char *name, gw_str text)
{
    gw_err err = gw_buf_addf(out, ",\"%s\":", name);

    return err ? err : gw_json_write_text(out, text);
}

static gw_err add_time(struct gw_buf *out, const char *name, int64_t unix_ms)
{
    char text[GW_ISO_TIME_LEN + 1];

    if (!unix_ms)
        return GW_OK;
    gw_time_iso(unix_ms, text);
    return gw_buf_addf(out, ",\"%s\":\"%s\"", name, text);
}

static gw_err add_record(struct gw_buf *out, const struct gw_record *r)
{
    gw_err err = add_text(out, "connectionId", r->connection_id);

    if (!err)
        err = add_text(out, "apiId", r->api_id);
    if (!err)
        err = add_text(out, "stage", r->stage);
    if (!err)
        err = add_text(out, "eventId", r->event_id);
    if (!err)
        err = add_text(out, "domainName", r->domain_name);
    if (!err)
        err = add_text(out, "sourceIp", r->source_ip);
    if (!err)
        err = add_time(out, "connectedAt", r->connected_at_ms);
    if (!err)
        err = add_time(out, "endedAt", r->ended_at_ms);
    if (!err)
        err = gw_buf_addf(out, ",\"code\":%u,\"attempts\":%u",
                          r->ended_at_ms ? r->code : 1006, r->attempts);
    return err ? err : add_text(out, "reason", r->reason);
}

/* What cannot be read is named all the same, so that it can be dropped. */
static gw_err add_letter(struct gw_buf *out, const struct gw_letter *letter)
{
    struct gw_record record;
    gw_err err = gw_buf_add(out, GW_LIT("{\"id\":"));

    if (!err)
        err = gw_json_write_text(out, letter->id);
    if (!err)
        err = add_text(out, "why", letter->why);
    if (!err && gw_record_read(letter->record, &record) == GW_OK)
        err = add_record(out, &record);
    return err ? err : gw_buf_add(out, GW_LIT("}"));
}

/* As many as fit; `next` is there when there may be more. */
static gw_err add_page(struct gw_buf *out, const struct gw_letter *letters,
                       size_t count, size_t max)
{
    size_t shown = 0;
    gw_err err = gw_buf_add(out, GW_LIT("{\"letters\":["));

    while (!err && shown < count) {
        size_t before = out->len;

        err = gw_buf_add(out, shown ? GW_LIT(",\n") : GW_LIT("\n"));
        if (!err)
            err = add_letter(out, &letters[shown]);
        if (err && shown) {
            out->len = before;
            break;
        }
        shown++;
    }
    out->max += 1024; /* the end fits */
    err = err && !shown ? err : gw_buf_add(out, GW_LIT("]"));
    if (!err && shown && (shown < count || count == max))
        err = add_text(out, "next", letters[shown - 1].id);
    return err ? err : gw_buf_add(out, GW_LIT("}\n"));
}

static void on_letters(void *ctx, gw_err err, const struct gw_letter *letters,
                       size_t count)
{
    struct waiting *w = ctx;
    struct gw_buf page;

    gw_buf_init(&page, PAGE_BYTES_MAX);
    if (!err)
        err = add_page(&page, letters, count, w->max);
    if (w->link && err)
        refuse(w->link_ops, w->link, err);
    else if (w->link)
        respond(w->link_ops, w->link, 200, gw_buf_str(&page));
    gw_buf_fini(&page);
    free(w);
}

/* --- requests ------------------------------------------------------------------ */

static bool is_letter_id(gw_str text)
{
    return text.len && text.len <= LETTER_ID_MAX && gw_str_is_of(text, "-");
}

/* "127.0.0.1:8081", "[::1]:8081", "localhost". */
static bool is_address(gw_str host)
{
    gw_str name = host;

    if (gw_str_starts(host, GW_LIT("[")))
        return true; /* of a name it could not be the start */
    name = gw_str_cut(&host, ':');
    if (gw_str_eq_nocase(name, GW_LIT("localhost")))
        return true;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] != '.' && (name.at[i] < '0' || name.at[i] > '9'))
            return false;
    return name.len > 0;
}

static bool is_from_a_page(const struct gw_http_request *request)
{
    gw_str origin;

    return gw_http_header_first(&request->headers, GW_LIT("Origin"), &origin) ||
           !is_address(request->host);
}

static bool read_query(gw_str query, gw_str *after, size_t *max)
{
    gw_str name, value;
    uint64_t number;

    *after = GW_EMPTY;
    *max = PAGE;
    while (gw_http_query_next(&query, &name, &value)) {
        if (gw_str_eq(name, GW_LIT("after")) &&
            (is_letter_id(value) || !value.len)) {
            *after = value;
        } else if (gw_str_eq(name, GW_LIT("max")) &&
                   gw_str_to_u64(value, &number) && number &&
                   number <= PAGE_MAX) {
            *max = (size_t)number;
        } else {
            return false;
        }
    }
    return true;
}

static void list(struct gw_registry *registry, const struct gw_link_ops *ops,
                 struct gw_link *link, const struct gw_http_request *request,
                 struct gw_answerer **answerer)
{
    struct waiting *w;
    gw_str after;
    size_t max;
    gw_err err;

    if (!read_query(request->query, &after, &max)) {
        respond(ops, link, 400,
                GW_LIT("{\"message\":\"expected after=ID, max=1 to 1000\"}\n"));
        return;
    }
    w = wait_new(ops, link, answerer);
    w->max = max;
    err = gw_registry_letters(registry, after, max, on_letters, w);
    if (err)
        wait_not(w, answerer, err);
}

static void change(struct gw_registry *registry, const struct gw_link_ops *ops,
                   struct gw_link *link, gw_str id, bool retry,
                   struct gw_answerer **answerer)
{
    struct waiting *w = wait_new(ops, link, answerer);
    gw_err err = retry ? gw_registry_letter_retry(registry, id, on_done, w)
                       : gw_registry_letter_drop(registry, id, on_done, w);

    if (err)
        wait_not(w, answerer, err);
}

void gw_letters_handle(struct gw_registry *registry,
                       const struct gw_link_ops *link_ops, struct gw_link *link,
                       const struct gw_http_request *request,
                       struct gw_answerer **answerer)
{
    gw_str verb = gw_str_skip(request->path, root.len), id;
    bool gets = gw_str_eq(request->method, GW_LIT("GET"));
    bool posts = gw_str_eq(request->method, GW_LIT("POST"));
    bool deletes = gw_str_eq(request->method, GW_LIT("DELETE"));

    gw_str_cut(&verb, '/');
    id = gw_str_cut(&verb, '/'); /* "ID", or "ID/retry" */
    if (is_from_a_page(request))
        respond(link_ops, link, 403,
                GW_LIT("{\"message\":\"not from a browser, and only by an "
                       "address or localhost\"}\n"));
    else if (!gets && !posts && !deletes)
        respond(link_ops, link, 405,
                GW_LIT("{\"message\":\"GET, POST or DELETE\"}\n"));
    else if (gets && !id.len && !verb.len)
        list(registry, link_ops, link, request, answerer);
    else if (posts && is_letter_id(id) && gw_str_eq(verb, GW_LIT("retry")))
        change(registry, link_ops, link, id, true, answerer);
    else if (deletes && is_letter_id(id) && !verb.len)
        change(registry, link_ops, link, id, false, answerer);
    else
        refuse(link_ops, link, GW_E_NOT_FOUND);
}
