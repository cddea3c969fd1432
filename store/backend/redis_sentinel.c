#include "store/backend/redis_sentinel.h"

static void ask_next(struct gw_redis_sentinel *s)
{
    size_t i = s->turn % s->url->host_count;

    gw_redis_dial_host(&s->dial, s->url->hosts[i].host, s->url->hosts[i].port);
}

static void hang_up(struct gw_redis_sentinel *s)
{
    struct gw_redis_conn *c = s->conn;

    s->conn = NULL;
    if (c)
        gw_redis_conn_close(c);
}

static void pass_by(struct gw_redis_sentinel *s, const char *text)
{
    size_t i = s->turn++ % s->url->host_count;
    struct gw_fault why;

    gw_fail(&why, GW_E_UNREACHABLE, "sentinel %.*s: %s",
            GW_FMT(s->url->hosts[i].host), text);
    hang_up(s);
    if (++s->tried < s->url->host_count)
        ask_next(s);
    else
        s->done(s->ctx, GW_EMPTY, 0, why.text);
}

static void on_broken(void *ctx, const char *why)
{
    pass_by(ctx, why);
}

static bool read_address(const struct gw_redis_reply *reply, gw_str *host,
                         uint16_t *port)
{
    uint64_t number;

    if (reply->kind != GW_REDIS_ARRAY || reply->count != 2 ||
        reply->at[0].kind != GW_REDIS_TEXT ||
        reply->at[1].kind != GW_REDIS_TEXT)
        return false;
    *host = reply->at[0].text;
    if (!host->len || host->len > GW_REDIS_TEXT_MAX ||
        !gw_str_to_u64(reply->at[1].text, &number) || !number ||
        number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

static void on_address(void *ctx, gw_err err,
                       const struct gw_redis_reply *reply)
{
    struct gw_redis_sentinel *s = ctx;
    uint16_t port;
    gw_str host;

    if (!s->conn) /* hung up */
        return;
    if (err)
        pass_by(s, reply->text.at);
    else if (reply->kind == GW_REDIS_NIL)
        pass_by(s, "it knows no master of that name");
    else if (!read_address(reply, &host, &port))
        pass_by(s, "not an address");
    else {
        hang_up(s);
        s->done(s->ctx, host, port, NULL);
    }
}

/* Sentinels may have the password, another one, or none: what AUTH says does
 * not matter, only what the question says. */
static void on_dialled(void *ctx, struct gw_redis_conn *c, const char *why)
{
    static const struct gw_redis_conn_events events = { NULL, on_broken, NULL };
    struct gw_redis_sentinel *s = ctx;
    const gw_str ask[] = { GW_LIT("SENTINEL"),
                           GW_LIT("get-master-addr-by-name"), s->url->master };

    if (!c) {
        pass_by(s, why);
        return;
    }
    s->conn = c;
    gw_redis_conn_pass(c, &events, s);
    gw_redis_conn_greet(c, s->url, NULL, NULL);
    gw_redis_conn_demand(c, GW_LEN(ask), ask, on_address, s);
}

void gw_redis_sentinel_init(struct gw_redis_sentinel *s)
{
    s->dial.done = on_dialled;
    s->dial.ctx = s;
}

void gw_redis_sentinel_ask(struct gw_redis_sentinel *s)
{
    s->tried = 0;
    ask_next(s);
}

void gw_redis_sentinel_stop(struct gw_redis_sentinel *s)
{
    if (s->dial.is_wanted || s->conn)
        s->turn++;
    gw_redis_dial_stop(&s->dial);
    hang_up(s);
}
