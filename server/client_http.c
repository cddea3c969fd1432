#include "server/client_http.h"

#include "protocol/base/utf8.h"
#include "protocol/http/body.h"
#include "protocol/json/json.h"
#include "server/client_wire.h"

#include <stdlib.h>

enum { TIMEOUT_MS = 10000, MAX_HEAD = 64 * 1024 };

void gw_client_answer_init(struct gw_client_answer *a)
{
    gw_buf_init(&a->bytes, GW_CLIENT_ANSWER_MAX);
    gw_buf_init(&a->body, GW_CLIENT_ANSWER_MAX);
}

void gw_client_answer_fini(struct gw_client_answer *a)
{
    gw_buf_fini(&a->body);
    gw_buf_fini(&a->bytes);
}

/* Reads all that has come from its start: answers are short. */
static gw_http_step read_answer(struct gw_client_answer *a, bool ended)
{
    gw_str rest = gw_buf_str(&a->bytes), piece;
    struct gw_http_body body;
    gw_http_step step;
    size_t used;

    do {
        step = gw_http_response_read(rest, false, MAX_HEAD, &a->head, &used);
        if (step != GW_HTTP_READY)
            return step;
        rest = gw_str_skip(rest, used);
    } while (a->head.status < 200);

    a->body.len = 0;
    gw_http_body_of_response(&body, &a->head, GW_CLIENT_ANSWER_MAX);
    do {
        step = gw_http_body_read(&body, rest, &used, &piece);
        rest = gw_str_skip(rest, used);
        if (step == GW_HTTP_BAD || gw_buf_add(&a->body, piece))
            return GW_HTTP_BAD;
    } while (step == GW_HTTP_MORE && rest.len);
    if (step == GW_HTTP_MORE && ended && gw_http_body_may_end(&body))
        return GW_HTTP_READY;
    return step;
}

static gw_err exchange(struct gw_client_wire *w, gw_str request,
                       struct gw_client_answer *a, struct gw_fault *why)
{
    gw_http_step step = GW_HTTP_MORE;
    gw_err sent = GW_OK, err = GW_OK;
    bool end = false;
    size_t n;

    while (request.len && !sent) {
        sent = gw_client_wire_write(w, request, &n);
        request = gw_str_skip(request, n);
    }
    if (sent == GW_E_TIMEOUT)
        return gw_fail(why, sent, "%s", gw_err_text(sent));
    /* a gateway that refuses early may answer before it has read all */
    while (step == GW_HTTP_MORE && !end) {
        err = gw_buf_reserve(&a->bytes, 16384);
        if (!err)
            err = gw_client_wire_read(w, a->bytes.at + a->bytes.len, 16384, &n,
                                      &end);
        if (err)
            return gw_fail(why, err, "%s", gw_err_text(err));
        a->bytes.len += n;
        if (n || end)
            step = read_answer(a, end);
    }
    if (step != GW_HTTP_READY)
        return gw_fail(why, GW_E_UNREACHABLE,
                       "what answers there does not speak HTTP");
    return GW_OK;
}

gw_err gw_client_ask(gw_str host, gw_str port, bool tls, gw_str request,
                     struct gw_client_answer *a, struct gw_fault *why)
{
    struct gw_client_wire *w = NULL;
    gw_err err = gw_client_wire_open(host, port, tls, TIMEOUT_MS, &w, why);

    if (!err)
        err = exchange(w, request, a, why);
    gw_client_wire_close(w);
    return err;
}

void gw_client_split(gw_str authority, gw_str *host, gw_str *port)
{
    ptrdiff_t end = authority.len && authority.at[0] == '['
                        ? gw_str_find(authority, ']', 0)
                        : -1;

    *port = authority;
    if (end >= 0) {
        *host = (gw_str){ authority.at + 1, (size_t)end - 1 };
        *port = gw_str_skip(authority, (size_t)end + 1);
        gw_str_cut(port, ':');
    } else {
        *host = gw_str_cut(port, ':');
    }
}

gw_err gw_client_find_admin(const char **address, gw_str *host, gw_str *port,
                            struct gw_fault *why)
{
    const char *value = getenv("GATEWIRE_ADMIN");

    if (!*address)
        *address = value && *value ? value : "127.0.0.1:8081";
    gw_client_split(gw_str_of(*address), host, port);
    if (!port->len || !gw_str_is_of(*port, "") || !gw_str_is_of(*host, "-._:%"))
        return gw_fail(why, GW_E_INVALID,
                       "%s is not an address (127.0.0.1:8081)", *address);
    if (!host->len || gw_str_eq(*host, GW_LIT("0.0.0.0")))
        *host = GW_LIT("127.0.0.1");
    else if (gw_str_eq(*host, GW_LIT("::")))
        *host = GW_LIT("::1");
    return GW_OK;
}

gw_str gw_client_message(struct gw_arena *a,
                         const struct gw_client_answer *answer)
{
    gw_str body = gw_buf_str(&answer->body), text;
    gw_json root, member;

    if (!gw_utf8_is_valid(body) || gw_json_read(body, &root))
        return GW_EMPTY;
    member = gw_json_member(root, GW_LIT("message"));
    if (member.kind != GW_JSON_STRING)
        member = gw_json_member(root, GW_LIT("Message"));
    if (member.kind != GW_JSON_STRING || gw_json_text(a, member, &text))
        return GW_EMPTY;
    return gw_str_cut(&text, '\n');
}

void gw_client_print(FILE *f, gw_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] >= ' ' && text.at[i] != 0x7f)
            fputc(text.at[i], f);
}
