/*
 * A peer that is asked what Redis is asked, and answers once as no Redis does;
 * from then on it is a good one. Each fault ends as store/backend/redis.h says,
 * and the link comes back.
 */
#include "tests/unit/store/backend/redis_world.h"

#include <stdlib.h>

typedef enum moment {
    AT_PING,        /* of the way up */
    AT_SUBSCRIBE,   /* its answer */
    AT_MESSAGE,     /* on the subscription, after its answer */
    AT_GET,         /* a command's answer */
    AT_SECOND_PING, /* of the subscription, a second later */
} moment;

typedef enum then { STAYS, HANGS_UP } then;

static const struct fault {
    const char *name;
    moment at;
    const char *says; /* NULL: nothing at all */
    then then;
    const char *why;    /* how gw_redis_fault begins; NULL: the link stays up */
    const char *answer; /* AT_GET: to the caller; NULL: GW_E_UNREACHABLE */
    gw_err err;
} faults[] = {
    { "loading", AT_PING, "-LOADING Redis is loading\r\n", STAYS,
      "LOADING Redis is loading", NULL, GW_OK },
    { "no password", AT_PING, "-NOAUTH Authentication required.\r\n", STAYS,
      "NOAUTH", NULL, GW_OK },
    { "full", AT_PING, "-ERR max number of clients reached\r\n", HANGS_UP,
      "ERR max number", NULL, GW_OK },
    { "another protocol", AT_PING, "HTTP/1.1 400 Bad Request\r\n\r\n", HANGS_UP,
      "Protocol error", NULL, GW_OK },
    { "another answer", AT_PING, ":1\r\n", STAYS, "not an answer to PING", NULL,
      GW_OK },
    { "nobody there", AT_PING, NULL, STAYS, "not ready in time", NULL, GW_OK },
    { "hung up on", AT_PING, NULL, HANGS_UP, "closed by the other side", NULL,
      GW_OK },
    { "a control character", AT_PING, "-ERR \033[31mred\r\n", STAYS,
      "ERR ?[31mred", NULL, GW_OK },

    { "no right to the channel", AT_SUBSCRIBE, "-NOPERM no channel\r\n", STAYS,
      "NOPERM no channel", NULL, GW_OK },
    { "a confirmation of nothing", AT_SUBSCRIBE, "*0\r\n", STAYS,
      "not an answer to SUBSCRIBE", NULL, GW_OK },
    { "a message too early", AT_SUBSCRIBE,
      "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n", STAYS,
      "not an answer to SUBSCRIBE", NULL, GW_OK },
    { "no confirmation", AT_SUBSCRIBE, NULL, STAYS, "not ready in time", NULL,
      GW_OK },

    { "a message of numbers", AT_MESSAGE,
      "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n:5\r\n", STAYS,
      "a reply nobody asked for", NULL, GW_OK },
    { "a message too short", AT_MESSAGE, "*2\r\n$7\r\nmessage\r\n$1\r\na\r\n",
      STAYS, "a reply nobody asked for", NULL, GW_OK },
    { "an error out of nowhere", AT_MESSAGE, "-ERR now what\r\n", STAYS,
      "ERR now what", NULL, GW_OK },
    { "noise", AT_MESSAGE, "\r\n", STAYS, "Protocol error", NULL, GW_OK },
    { "half a message", AT_MESSAGE, "*3\r\n$7\r\nmess", HANGS_UP,
      "closed by the other side", NULL, GW_OK },
    { "a subscription that is dead", AT_SECOND_PING, NULL, STAYS,
      "no answer in time", NULL, GW_OK },
    { "a pong that is none", AT_SECOND_PING, "*2\r\n$4\r\nping\r\n$0\r\n\r\n",
      STAYS, "not an answer to PING", NULL, GW_OK },

    { "garbage", AT_GET, "what?\r\n", STAYS, "Protocol error", NULL,
      GW_E_UNREACHABLE },
    { "half a reply", AT_GET, "$10\r\nabc", HANGS_UP,
      "closed by the other side", NULL, GW_E_UNREACHABLE },
    { "half a reply, then nothing", AT_GET, "$10\r\nabc", STAYS,
      "no answer in time", NULL, GW_E_UNREACHABLE },
    { "two answers", AT_GET, "+one\r\n+two\r\n", STAYS,
      "a reply nobody asked for", "one", GW_OK },
    { "too many elements", AT_GET, "*2147483647\r\n", STAYS,
      "a reply of more than", NULL, GW_E_UNREACHABLE },
    { "a length below nothing", AT_GET, "$-5\r\n", STAYS, "Bulk string length",
      NULL, GW_E_UNREACHABLE },
    { "too deep", AT_GET, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1",
      STAYS, "No support for nested", NULL, GW_E_UNREACHABLE },
    { "read only", AT_GET, "-READONLY a replica\r\n", STAYS,
      "READONLY a replica", "READONLY a replica", GW_E_BUSY },
    { "out of memory", AT_GET, "-OOM full\r\n", STAYS, NULL, "OOM full",
      GW_E_BUSY },
    { "cannot save", AT_GET, "-MISCONF disk\r\n", STAYS, NULL, "MISCONF disk",
      GW_E_BUSY },
    { "a script runs", AT_GET, "-BUSY script\r\n", STAYS, NULL, "BUSY script",
      GW_E_BUSY },
    { "the wrong type", AT_GET, "-WRONGTYPE x\r\n", STAYS, NULL, "WRONGTYPE x",
      GW_E_INVALID },
    { "the right gone", AT_GET, "-NOAUTH again\r\n", STAYS, NULL,
      "NOAUTH again", GW_E_FORBIDDEN },
    { "an error without words", AT_GET, "-\r\n", STAYS, NULL, "",
      GW_E_INVALID },
};

/* --- the peer ---------------------------------------------------------------- */

struct peer {
    struct world w;
    uv_tcp_t listener;
    const struct fault *fault; /* NULL: a good one from now on */
    bool slams;                /* every connection is closed at once */
    uint64_t slammed_ms[8];    /* when */
    size_t slams_count;
};

struct talk {
    uv_tcp_t tcp;
    struct peer *peer;
    bool is_subscribed;
};

static void on_talk_closed(uv_handle_t *h)
{
    free(h->data);
}

static void hang_up(struct talk *t)
{
    if (!uv_is_closing((uv_handle_t *)&t->tcp))
        uv_close((uv_handle_t *)&t->tcp, on_talk_closed);
}

static void on_said(uv_write_t *write, int status)
{
    free(write);
}

static void say(struct talk *t, const char *text)
{
    uv_buf_t bytes = uv_buf_init((char *)text, (unsigned)strlen(text));
    uv_write_t *write = gw_alloc(sizeof(*write));

    ck_assert_int_eq(
        uv_write(write, (uv_stream_t *)&t->tcp, &bytes, 1, on_said), 0);
}

/* True when this was the moment of the fault. */
static bool misbehave(struct talk *t, moment at)
{
    const struct fault *f = t->peer->fault;

    if (!f || f->at != at)
        return false;
    t->peer->fault = NULL;
    if (f->says)
        say(t, f->says);
    if (f->then == HANGS_UP)
        hang_up(t);
    return true;
}

static void answer_line(struct talk *t, const char *line)
{
    if (strcmp(line, "PING") == 0 && t->is_subscribed) {
        if (!misbehave(t, AT_SECOND_PING))
            say(t, "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    } else if (strcmp(line, "PING") == 0) {
        if (!misbehave(t, AT_PING))
            say(t, "+PONG\r\n");
    } else if (strcmp(line, "SUBSCRIBE") == 0) {
        t->is_subscribed = true;
        if (misbehave(t, AT_SUBSCRIBE))
            return;
        say(t, "*3\r\n$9\r\nsubscribe\r\n$12\r\ntest:bus:1.0\r\n:1\r\n");
        misbehave(t, AT_MESSAGE);
    } else if (strcmp(line, "GET") == 0) {
        if (!misbehave(t, AT_GET))
            say(t, "$1\r\nv\r\n");
    }
}

/* A command is never cut here: they are few and short. */
static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
    struct talk *t = tcp->data;
    gw_str text = { buf->base, n > 0 ? (size_t)n : 0 };

    while (text.len) {
        gw_str line = gw_str_trim(gw_str_cut(&text, '\r'));
        char word[64];

        gw_str_pass(&text, '\n');
        snprintf(word, sizeof(word), "%.*s", GW_FMT(line));
        answer_line(t, word);
    }
    free(buf->base);
    if (n < 0)
        hang_up(t);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    *buf = uv_buf_init(gw_alloc(suggested), (unsigned)suggested);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct talk *t = gw_alloc(sizeof(*t));

    ck_assert_int_eq(status, 0);
    t->peer = listener->data;
    t->tcp.data = t;
    ck_assert_int_eq(uv_tcp_init(listener->loop, &t->tcp), 0);
    ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)&t->tcp), 0);
    if (t->peer->slams) {
        t->peer->slammed_ms[t->peer->slams_count++] = uv_now(listener->loop);
        hang_up(t);
        return;
    }
    ck_assert_int_eq(uv_read_start((uv_stream_t *)&t->tcp, on_alloc, on_read),
                     0);
}

static uint16_t listen_somewhere(struct peer *p)
{
    struct sockaddr_in at;
    int len = sizeof(at);

    ck_assert_int_eq(uv_ip4_addr("127.0.0.1", 0, &at), 0);
    ck_assert_int_eq(uv_tcp_init(&p->w.loop, &p->listener), 0);
    p->listener.data = p;
    ck_assert_int_eq(uv_tcp_bind(&p->listener, (struct sockaddr *)&at, 0), 0);
    ck_assert_int_eq(uv_listen((uv_stream_t *)&p->listener, 16, on_connection),
                     0);
    ck_assert_int_eq(
        uv_tcp_getsockname(&p->listener, (struct sockaddr *)&at, &len), 0);
    return ntohs(at.sin_port);
}

/* --- the tests --------------------------------------------------------------- */

static void has_fault(const struct peer *p, const struct fault *f)
{
    gw_str have = gw_redis_fault(p->w.r);

    ck_assert_msg(have.len && gw_str_starts(have, gw_str_of(f->why)),
                  "%s: \"%.*s\"", f->name, GW_FMT(have));
}

/* On the way up: never up, and it says why. */
static void fails_to_rise(struct peer *p, const struct fault *f)
{
    UNTIL(&p->w, !p->fault && !gw_str_eq(gw_redis_fault(p->w.r),
                                         GW_LIT("not connected yet")));
    has_fault(p, f);
    ck_assert_uint_eq(p->w.ups, 0);
    UNTIL(&p->w, p->w.ups);
    ck_assert_uint_eq(p->w.downs, 0);
}

static void breaks(struct peer *p, const struct fault *f)
{
    UNTIL(&p->w, p->w.downs);
    has_fault(p, f);
    UNTIL(&p->w, p->w.ups == 2);
}

START_TEST(a_fault_ends_as_it_should)
{
    const struct fault *f = &faults[_i];
    struct peer p = { .fault = f };
    struct gw_redis_url url = gw_redis_server_url(&p.w.server);
    struct answer a = { 0 };
    struct gw_redis_stats stats;

    ck_assert_int_eq(uv_loop_init(&p.w.loop), 0);
    url.hosts[0].port = listen_somewhere(&p);
    make_link(&p.w, &url);
    if (f->at == AT_PING || f->at == AT_SUBSCRIBE) {
        fails_to_rise(&p, f);
    } else {
        UNTIL(&p.w, p.w.ups);
        if (f->at == AT_GET) {
            ck_assert_int_eq(command(&p.w, "GET k", &a), GW_OK);
            UNTIL(&p.w, a.fired);
            ck_assert_int_eq(a.err, f->err);
            ck_assert_str_eq(a.text, f->answer ? f->answer : "");
        }
        if (f->why)
            breaks(&p, f);
    }
    prove(&p.w);
    stats = gw_redis_stats(p.w.r);
    ck_assert_uint_eq(stats.breaks, p.w.downs);
    ck_assert_uint_eq(stats.reconnects, p.w.downs);
    uv_close((uv_handle_t *)&p.listener, NULL);
    close_link(&p.w);
}
END_TEST

/* Each rest is drawn between a half and the whole of a span that doubles. */
START_TEST(tries_come_ever_more_slowly)
{
    struct peer p = { .slams = true };
    struct gw_redis_url url = gw_redis_server_url(&p.w.server);
    uint64_t span_ms = 2 * GW_REDIS_RETRY_MIN_MS;

    ck_assert_int_eq(uv_loop_init(&p.w.loop), 0);
    url.hosts[0].port = listen_somewhere(&p);
    make_link(&p.w, &url);
    for (size_t i = 1; i < 5; i++, span_ms *= 2) {
        uint64_t rest_ms;

        UNTIL(&p.w, p.slams_count > i);
        rest_ms = p.slammed_ms[i] - p.slammed_ms[i - 1];
        ck_assert_uint_ge(rest_ms, span_ms / 2);
        ck_assert_uint_le(rest_ms, span_ms + 200); /* a busy machine */
    }
    p.slams = false;
    UNTIL(&p.w, p.w.ups);
    prove(&p.w);
    uv_close((uv_handle_t *)&p.listener, NULL);
    close_link(&p.w);
}
END_TEST

GW_SUITE("store/backend/redis_faults")
{
    tcase_add_loop_test(tc, a_fault_ends_as_it_should, 0, GW_LEN(faults));
    tcase_add_test(tc, tries_come_ever_more_slowly);
}
