#include "tests/support/fake_link.h"

#include "tests/support/suite.h"

static struct fake_link *fake(struct gw_link *link)
{
    return (struct fake_link *)(void *)link;
}

static void keep(struct gw_buf *to, gw_str text)
{
    to->len = 0;
    ck_assert(gw_buf_add(to, text) == GW_OK);
}

void fake_link_init(struct fake_link *l)
{
    memset(l, 0, sizeof(*l));
    l->peer = (struct gw_peer){ .address = GW_LIT("203.0.113.7"),
                                .local_address = GW_LIT("127.0.0.1"),
                                .port = 40000,
                                .local_port = 8080 };
    gw_buf_init(&l->head, 1 << 20);
    gw_buf_init(&l->body, 1 << 20);
    gw_buf_init(&l->protocol, 1 << 20);
    gw_buf_init(&l->close_reason, 1 << 20);
}

void fake_link_fini(struct fake_link *l)
{
    ck_assert_msg(!l->asked, "a request was never answered");
    for (size_t i = 0; i < l->sent_count; i++)
        gw_buf_fini(&l->sent[i].payload);
    gw_buf_fini(&l->head);
    gw_buf_fini(&l->body);
    gw_buf_fini(&l->protocol);
    gw_buf_fini(&l->close_reason);
}

static void keep_headers(struct fake_link *l,
                         const struct gw_http_header *headers, size_t count)
{
    l->head.len = 0;
    for (size_t i = 0; i < count; i++) {
        ck_assert(gw_http_is_token(headers[i].name));
        ck_assert(gw_http_is_field_value(headers[i].value));
        ck_assert(gw_buf_addf(&l->head, "%.*s: %.*s\n", GW_FMT(headers[i].name),
                              GW_FMT(headers[i].value)) == GW_OK);
    }
}

static void answered(struct fake_link *l, unsigned status)
{
    ck_assert_msg(l->asked, "answered what nobody asked");
    l->asked = false;
    l->answerer = NULL;
    l->status = status;
}

static void respond(struct gw_link *link, const struct gw_http_answer *answer,
                    bool last)
{
    struct fake_link *l = fake(link);

    answered(l, answer->status);
    ck_assert_uint_ne(answer->status, 101);
    l->last = last;
    keep_headers(l, answer->headers, answer->header_count);
    keep(&l->body, answer->body);
}

static void on_accept(struct gw_link *link, const struct gw_accept *how,
                      void *conn)
{
    struct fake_link *l = fake(link);

    answered(l, 101);
    ck_assert_uint_eq(how->key.len, 24);
    keep_headers(l, how->headers, how->header_count);
    keep(&l->protocol, how->protocol);
    l->limits = how->limits;
    l->conn = conn;
}

static gw_err on_send(struct gw_link *link, gw_ws_opcode opcode, gw_str payload)
{
    struct fake_link *l = fake(link);
    struct fake_message *m = &l->sent[l->sent_count];

    ck_assert_msg(l->conn != NULL, "sent to a link that is not open");
    if (l->closing)
        return GW_E_GONE;
    if (l->send_err)
        return l->send_err;
    ck_assert_uint_lt(l->sent_count, FAKE_LINK_SENT_MAX);
    l->sent_count++;
    m->opcode = opcode;
    gw_buf_init(&m->payload, SIZE_MAX / 4);
    keep(&m->payload, payload);
    return GW_OK;
}

static void on_close(struct gw_link *link, unsigned code, gw_str reason)
{
    struct fake_link *l = fake(link);

    ck_assert_msg(l->conn && !l->closing, "closed a link that is not open");
    l->closing = true;
    l->paused = false; /* its answer must be read */
    l->close_code = code;
    keep(&l->close_reason, reason);
}

static void on_pause(struct gw_link *link, bool paused)
{
    struct fake_link *l = fake(link);

    ck_assert_msg(l->conn && !l->closing, "paused a link that is not open");
    ck_assert_msg(l->paused != paused, "it was so already");
    l->paused = paused;
    l->pauses += paused;
}

static struct gw_peer peer(struct gw_link *link)
{
    return fake(link)->peer;
}

static void **user(struct gw_link *link)
{
    return &fake(link)->user;
}

const struct gw_link_ops fake_link_ops = {
    .respond = respond,
    .accept = on_accept,
    .send = on_send,
    .close = on_close,
    .pause = on_pause,
    .peer = peer,
    .user = user,
};

gw_str fake_link_header(const struct fake_link *l, const char *name)
{
    gw_str rest = gw_buf_str(&l->head), value = { NULL, 0 };

    while (rest.len) {
        gw_str line = gw_str_cut(&rest, '\n');

        if (!gw_str_eq_nocase(gw_str_cut(&line, ':'), gw_str_of(name)))
            continue;
        if (value.at)
            return (gw_str){ NULL, 0 };
        value = gw_str_skip(line, 1);
    }
    return value;
}

const struct fake_message *fake_link_next(struct fake_link *l)
{
    ck_assert_msg(l->seen < l->sent_count, "the client was sent nothing");
    return &l->sent[l->seen++];
}

void fake_link_got(struct fake_link *l, const char *text)
{
    const struct fake_message *m = fake_link_next(l);

    ck_assert_int_eq(m->opcode, GW_WS_TEXT);
    ck_assert_gw_str(gw_buf_str(&m->payload), gw_str_of(text));
    fake_link_got_nothing(l);
}

void fake_link_got_nothing(const struct fake_link *l)
{
    ck_assert_msg(l->seen == l->sent_count, "the client was sent \"%.*s\"",
                  GW_FMT(gw_buf_str(&l->sent[l->seen].payload)));
}
