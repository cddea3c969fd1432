/*
 * One backend: scheme, host and port. Knows its addresses, keeps its resting
 * connections, and sees a job through: a kept connection or a fresh one, the
 * next address when one does not answer, and once more where that is safe.
 *
 * Counted: lanes, connections and a running name look-up hold it.
 */
#ifndef GW_EDGE_UPSTREAM_ORIGIN_H
#define GW_EDGE_UPSTREAM_ORIGIN_H

#include "server/edge/upstream_conn.h"

enum { GW_UPSTREAM_ADDRESSES_MAX = 8 };

struct gw_upstream_origin {
    struct gw_list node; /* of all origins */
    struct gw_upstream_env *env;
    struct gw_upstream_peer peer;
    size_t refs;
    void (*gone)(void *ctx); /* after the last reference */
    void *gone_ctx;

    struct gw_list resting; /* the latest used first */
    size_t resting_count;

    struct sockaddr_storage addresses[GW_UPSTREAM_ADDRESSES_MAX];
    size_t address_count;
    bool is_literal; /* host is an address: nothing to look up */
    bool looking_up;
    int64_t looked_up_ms;
    uv_getaddrinfo_t lookup;
    struct gw_list unnamed; /* jobs that wait for it */
};

/* With one reference, the caller's. */
struct gw_upstream_origin *gw_upstream_origin_new(
    struct gw_upstream_env *env, const struct gw_fetch_origin *origin,
    void (*gone)(void *ctx), void *ctx);
bool gw_upstream_origin_is(const struct gw_upstream_origin *o,
                           const struct gw_fetch_origin *origin);
struct gw_upstream_origin *gw_upstream_origin_ref(struct gw_upstream_origin *o);
void gw_upstream_origin_unref(struct gw_upstream_origin *o);

/* job->done fires once, perhaps before this has returned. */
void gw_upstream_origin_run(struct gw_upstream_origin *o,
                            struct gw_upstream_job *job);

/* Wherever the job stands; its done does not fire any more. */
void gw_upstream_origin_abandon(struct gw_upstream_job *job);

void gw_upstream_origin_close_resting(struct gw_upstream_origin *o);

/* Nothing will run any more: closes what rests, gives up the look-up. */
void gw_upstream_origin_retire(struct gw_upstream_origin *o);

#endif
