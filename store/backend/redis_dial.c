#include "store/backend/redis_dial.h"

#include <stdio.h>
#include <sys/un.h>

static void finish(struct gw_redis_dial *d, struct gw_redis_conn *c,
                   const char *why)
{
    d->is_wanted = false;
    d->conn = NULL;
    d->done(d->ctx, c, why);
}

const struct gw_redis_address *gw_redis_dial_address(
    const struct gw_redis_dial *d)
{
    return &d->at[d->turn % d->count];
}

/* --- addresses ---------------------------------------------------------------- */

static void on_connected(void *ctx);
static void on_broken(void *ctx, const char *text);

static const struct gw_redis_conn_events events = { on_connected, on_broken,
                                                    NULL };

/* why: of the address before. */
static void try_next(struct gw_redis_dial *d, struct gw_fault *why)
{
    for (; d->tried < d->count; d->tried++, d->turn++) {
        d->conn = gw_redis_conn_open(d->loop, gw_redis_dial_address(d),
                                     d->owner, &events, d, why);
        if (d->conn)
            return;
    }
    finish(d, NULL, why->text);
}

static void on_connected(void *ctx)
{
    struct gw_redis_dial *d = ctx;

    finish(d, d->conn, NULL);
}

static void on_broken(void *ctx, const char *text)
{
    struct gw_redis_dial *d = ctx;
    struct gw_fault why;

    gw_fail(&why, GW_E_UNREACHABLE, "%s", text);
    gw_redis_conn_close(d->conn);
    d->tried++;
    d->turn++;
    try_next(d, &why);
}

/* --- names ------------------------------------------------------------------- */

static void take_addresses(struct gw_redis_dial *d, const struct addrinfo *list)
{
    d->count = 0;
    for (; list && d->count < GW_REDIS_ADDRESSES_MAX; list = list->ai_next) {
        memcpy(&d->at[d->count].at, list->ai_addr, list->ai_addrlen);
        d->at[d->count++].len = list->ai_addrlen;
    }
}

static void look_up(struct gw_redis_dial *d);

static void on_lookup(uv_getaddrinfo_t *lookup, int status,
                      struct addrinfo *list)
{
    struct gw_redis_dial *d = lookup->data;
    struct gw_fault why = { "" };

    d->is_looking = false;
    if (d->is_wanted && d->is_outdated) {
        look_up(d);
    } else if (d->is_wanted && status) {
        gw_fail(&why, GW_E_UNREACHABLE, "%s: %s", d->host, uv_strerror(status));
        finish(d, NULL, why.text);
    } else if (d->is_wanted) {
        take_addresses(d, list);
        try_next(d, &why);
    }
    uv_freeaddrinfo(list);
    gw_redis_owner_drop(d->owner);
}

static void look_up(struct gw_redis_dial *d)
{
    static const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                           .ai_socktype = SOCK_STREAM,
                                           .ai_flags = AI_NUMERICSERV };
    struct gw_fault why;
    int error;

    d->is_outdated = false;
    d->lookup.data = d;
    error = uv_getaddrinfo(d->loop, &d->lookup, on_lookup, d->host, d->port,
                           &hints);
    if (error) {
        gw_fail(&why, GW_E_UNREACHABLE, "%s: %s", d->host, uv_strerror(error));
        finish(d, NULL, why.text);
        return;
    }
    d->is_looking = true;
    d->owner->held++;
}

/* A lookup cannot always be stopped; there is never more than one, because
 * they would fill the threads that all of the process resolves with. */
void gw_redis_dial_host(struct gw_redis_dial *d, gw_str host, uint16_t port)
{
    snprintf(d->host, sizeof(d->host), "%.*s", GW_FMT(host));
    snprintf(d->port, sizeof(d->port), "%u", port);
    d->is_wanted = true;
    d->tried = 0;
    if (d->is_looking)
        d->is_outdated = true;
    else
        look_up(d);
}

void gw_redis_dial_path(struct gw_redis_dial *d, gw_str path)
{
    struct sockaddr_un *at = (struct sockaddr_un *)&d->at[0].at;
    struct gw_fault why = { "" };

    GW_ASSERT(path.len < sizeof(at->sun_path));
    *at = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(at->sun_path, path.at, path.len);
    snprintf(d->host, sizeof(d->host), "%.*s", GW_FMT(path));
    d->at[0].len = sizeof(*at);
    d->count = 1;
    d->is_wanted = true;
    d->tried = 0;
    try_next(d, &why);
}

void gw_redis_dial_stop(struct gw_redis_dial *d)
{
    struct gw_redis_conn *c = d->conn;

    d->is_wanted = false;
    d->conn = NULL;
    if (d->is_looking)
        uv_cancel((uv_req_t *)&d->lookup);
    if (c) {
        d->turn++;
        gw_redis_conn_close(c);
    }
}
