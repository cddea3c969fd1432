#include "server/edge/upstream_origin.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

/* Names are looked up on libuv's few threads, which hanging servers can
 * occupy. So an answer is used for a while, then used and asked for again
 * meanwhile; only one that is really old is waited for. */
enum { NAME_FRESH_MS = 10 * 1000, NAME_STALE_MS = 5 * 60 * 1000 };

enum {
    ATTEMPT_MS = 3000, /* for an address, while there is another */
    DOUBT_MS = 500,    /* at rest longer: ask whether it is still there */
};

/* --- life -------------------------------------------------------------------- */

static bool read_literal(struct gw_upstream_origin *o)
{
    const char *host = o->peer.host;
    int port = o->peer.port;

    return uv_ip4_addr(host, port, (struct sockaddr_in *)o->addresses) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)o->addresses) == 0;
}

/* "[::1]" is how an address of version 6 stands in a URL. */
static gw_str without_brackets(gw_str host)
{
    if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        return (gw_str){ host.at + 1, host.len - 2 };
    return host;
}

struct gw_upstream_origin *gw_upstream_origin_new(
    struct gw_upstream_env *env, const struct gw_fetch_origin *origin,
    void (*gone)(void *ctx), void *ctx)
{
    struct gw_upstream_origin *o = gw_alloc(sizeof(*o));

    o->env = env;
    o->peer.host = gw_str_dup(without_brackets(origin->host));
    o->peer.port = origin->port;
    o->peer.tls = origin->tls;
    o->refs = 1;
    o->gone = gone;
    o->gone_ctx = ctx;
    gw_list_init(&o->node);
    gw_list_init(&o->resting);
    gw_list_init(&o->unnamed);
    o->is_literal = read_literal(o);
    o->address_count = o->is_literal;
    return o;
}

bool gw_upstream_origin_is(const struct gw_upstream_origin *o,
                           const struct gw_fetch_origin *origin)
{
    return o->peer.tls == origin->tls && o->peer.port == origin->port &&
           gw_str_eq_nocase(gw_str_of(o->peer.host),
                            without_brackets(origin->host));
}

struct gw_upstream_origin *gw_upstream_origin_ref(struct gw_upstream_origin *o)
{
    o->refs++;
    return o;
}

void gw_upstream_origin_unref(struct gw_upstream_origin *o)
{
    void (*gone)(void *ctx) = o->gone;
    void *ctx = o->gone_ctx;

    if (--o->refs)
        return;
    gw_list_leave(&o->node);
    SSL_SESSION_free(o->peer.session);
    free(o->peer.host);
    free(o);
    gone(ctx);
}

/* --- the name ---------------------------------------------------------------- */

static void connect_next(struct gw_upstream_job *job);

static void keep_addresses(struct gw_upstream_origin *o,
                           const struct addrinfo *found)
{
    o->address_count = 0;
    o->looked_up_ms = o->env->clock->now_ms;
    for (; found && o->address_count < GW_UPSTREAM_ADDRESSES_MAX;
         found = found->ai_next) {
        struct sockaddr_storage *to = &o->addresses[o->address_count];

        if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
            continue;
        memcpy(to, found->ai_addr, found->ai_addrlen);
        /* the port stands at the same place in both families */
        ((struct sockaddr_in *)to)->sin_port = htons(o->peer.port);
        o->address_count++;
    }
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status,
                      struct addrinfo *found)
{
    struct gw_upstream_origin *o = lookup->data;
    struct gw_list jobs, *node;

    o->looking_up = false;
    if (status == 0)
        keep_addresses(o, found);
    uv_freeaddrinfo(found);
    /* Set aside first: what fails here may come back, and waits anew. */
    gw_list_init(&jobs);
    while ((node = gw_list_take(&o->unnamed)))
        gw_list_append(&jobs, node);
    while ((node = gw_list_take(&jobs))) {
        struct gw_upstream_job *job =
            GW_CONTAINER(node, struct gw_upstream_job, node);

        if (status == 0 && o->address_count)
            connect_next(job);
        else
            job->done(job, GW_E_UNREACHABLE, NULL, GW_EMPTY);
    }
    gw_upstream_origin_unref(o);
}

static bool look_up(struct gw_upstream_origin *o)
{
    static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

    if (o->looking_up)
        return true;
    o->lookup.data = o;
    if (uv_getaddrinfo(o->env->loop, &o->lookup, on_lookup, o->peer.host, NULL,
                       &hints))
        return false; /* not a name at all */
    o->looking_up = true;
    gw_upstream_origin_ref(o);
    return true;
}

/* Are there addresses to be used now? */
static bool is_named(struct gw_upstream_origin *o)
{
    int64_t age_ms = o->env->clock->now_ms - o->looked_up_ms;

    if (o->is_literal)
        return true;
    if (!o->address_count || age_ms >= NAME_STALE_MS)
        return false;
    if (age_ms >= NAME_FRESH_MS)
        look_up(o);
    return true;
}

/* None of them answered: they may have moved. */
static void forget_addresses(struct gw_upstream_origin *o)
{
    if (!o->is_literal)
        o->address_count = 0;
}

/* --- connections ------------------------------------------------------------- */

static struct gw_upstream_origin *origin_of(struct gw_upstream_peer *peer)
{
    return GW_CONTAINER(peer, struct gw_upstream_origin, peer);
}

/* A reset or an end on a kept connection, when the server had closed it as
 * our request set out: the one failure that sending again may mend. */
static bool may_run_again(const struct gw_upstream_job *job,
                          const struct gw_upstream_failure *how)
{
    if (job->fresh || how->answered)
        return false;
    return !how->sent || job->idempotent;
}

static void dial(struct gw_upstream_job *job)
{
    struct gw_upstream_origin *o = job->origin;

    job->fresh = true;
    job->next_address = 0;
    if (is_named(o))
        connect_next(job);
    else if (look_up(o))
        gw_list_append(&o->unnamed, &job->node);
    else
        job->done(job, GW_E_UNREACHABLE, NULL, GW_EMPTY);
}

static void on_failed(struct gw_upstream_job *job,
                      const struct gw_upstream_failure *how)
{
    if (how->err == GW_E_UNREACHABLE) {
        connect_next(job);
    } else if (may_run_again(job, how)) {
        job->origin->env->counters.retried++;
        dial(job);
    } else {
        job->done(job, how->err, NULL, GW_EMPTY);
    }
}

static void on_rests(struct gw_upstream_conn *c)
{
    struct gw_upstream_origin *o = origin_of(c->peer);

    if (o->resting_count >= o->env->settings.idle_connections) {
        gw_upstream_conn_close(c);
        return;
    }
    /* In front: the others may grow old, and be closed. */
    gw_list_append(o->resting.next, &c->node);
    o->resting_count++;
}

static void on_left(struct gw_upstream_conn *c)
{
    origin_of(c->peer)->resting_count--;
}

static void on_gone(struct gw_upstream_peer *peer)
{
    gw_upstream_origin_unref(origin_of(peer));
}

static const struct gw_upstream_conn_ops conn_ops = {
    .rests = on_rests,
    .failed = on_failed,
    .left = on_left,
    .gone = on_gone,
};

static void connect_next(struct gw_upstream_job *job)
{
    struct gw_upstream_origin *o = job->origin;

    while (job->next_address < o->address_count) {
        const struct sockaddr_storage *address =
            &o->addresses[job->next_address++];
        bool is_last = job->next_address == o->address_count;

        if (gw_upstream_conn_open(o->env, &o->peer,
                                  (const struct sockaddr *)address,
                                  is_last ? 0 : ATTEMPT_MS, &conn_ops, job)) {
            gw_upstream_origin_ref(o);
            return;
        }
    }
    forget_addresses(o);
    job->done(job, GW_E_UNREACHABLE, NULL, GW_EMPTY);
}

/* The latest used. Its end is usually noticed the moment it comes; a busy
 * turn of the loop may be late, so one that has rested is asked first. */
static struct gw_upstream_conn *take_resting(struct gw_upstream_origin *o)
{
    struct gw_list *node;

    while ((node = gw_list_take(&o->resting))) {
        struct gw_upstream_conn *c =
            GW_CONTAINER(node, struct gw_upstream_conn, node);

        o->resting_count--;
        if (o->env->clock->now_ms - c->rests_since_ms < DOUBT_MS ||
            gw_upstream_conn_is_alive(c))
            return c;
        gw_upstream_conn_close(c);
    }
    return NULL;
}

void gw_upstream_origin_run(struct gw_upstream_origin *o,
                            struct gw_upstream_job *job)
{
    struct gw_upstream_conn *c = take_resting(o);

    job->origin = o;
    job->conn = NULL;
    gw_list_init(&job->node);
    if (!c) {
        dial(job);
        return;
    }
    job->fresh = false;
    o->env->counters.reused++;
    gw_upstream_conn_run(c, job);
}

void gw_upstream_origin_abandon(struct gw_upstream_job *job)
{
    gw_list_leave(&job->node);
    if (job->conn)
        gw_upstream_conn_close(job->conn);
    job->conn = NULL;
}

void gw_upstream_origin_close_resting(struct gw_upstream_origin *o)
{
    struct gw_list *node;

    while ((node = gw_list_take(&o->resting)))
        gw_upstream_conn_close(
            GW_CONTAINER(node, struct gw_upstream_conn, node));
    o->resting_count = 0;
}

void gw_upstream_origin_retire(struct gw_upstream_origin *o)
{
    gw_upstream_origin_close_resting(o);
    if (o->looking_up)
        uv_cancel((uv_req_t *)&o->lookup);
}
