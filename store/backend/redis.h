/*
 * One worker's link to Redis: a connection for commands and one for
 * subscriptions, kept up for as long as the link lives.
 *
 * Built on hiredis' reply reader, not on its asynchronous contexts: those
 * assert on what a server may send (Debian's build keeps the asserts), know no
 * deadline and cannot ping a subscription. Its blocking ones resolve names on
 * the spot, raise SIGPIPE and have no bound on what waits to be written.
 *
 * Commands queued in a turn of the loop leave in one write, and are answered
 * in order. A command that is not answered within its deadline breaks the
 * connection: everything under way fails, and a new one is made after 50 ms to
 * 5 s (doubling, jittered).
 */
#ifndef GW_STORE_REDIS_H
#define GW_STORE_REDIS_H

#include "protocol/base/arena.h"
#include "protocol/base/buf.h"
#include "protocol/base/err.h"
#include "protocol/base/list.h"

#include <uv.h>

enum {
    GW_REDIS_HOSTS_MAX = 8,
    GW_REDIS_TEXT_MAX = 256,
    GW_REDIS_COMMAND_MS = 2000, /* until its answer */
    GW_REDIS_CONNECT_MS = 2000, /* until the link is ready */
    GW_REDIS_PING_MS = 1000,    /* of silence */
    GW_REDIS_RETRY_MIN_MS = 50,
    GW_REDIS_RETRY_MAX_MS = 5000,
    GW_REDIS_PENDING_MAX = 65536, /* commands; beyond: GW_E_BUSY */
};

/*
 * redis://[user:pass@]host[:port][/db]
 * redis-sentinel://[user:pass@]host[:port][,host[:port]...]/name[/db]
 * unix:///path[?db=N]   (user and password by settings)
 *
 * Ports are 6379 and 26379 by default; [::1] is an IPv6 host. ":pass@" is a
 * password without a user. User, password, path and name may be
 * percent-encoded.
 */
struct gw_redis_url {
    enum { GW_REDIS_TCP, GW_REDIS_UNIX, GW_REDIS_SENTINEL } kind;
    struct {
        gw_str host;
        uint16_t port;
    } hosts[GW_REDIS_HOSTS_MAX];
    size_t host_count;
    gw_str path;           /* UNIX; NUL-terminated */
    gw_str master;         /* SENTINEL */
    gw_str user, password; /* decoded; empty: none */
    unsigned db;
};

/* Texts live in the arena. GW_E_INVALID, and why says what was expected. */
gw_err gw_redis_url_read(struct gw_arena *a, gw_str text,
                         struct gw_redis_url *out,
                         struct gw_fault *why) GW_MUST_CHECK;

/* The URL as it may be shown: its password as "***". */
gw_err gw_redis_url_print(const struct gw_redis_url *url,
                          struct gw_buf *out) GW_MUST_CHECK;

/* A reply, as its callback sees it; views for the call. */
typedef enum gw_redis_kind {
    GW_REDIS_NIL,
    GW_REDIS_INTEGER,
    GW_REDIS_TEXT, /* status or bulk */
    GW_REDIS_ARRAY,
} gw_redis_kind;

struct gw_redis_reply {
    gw_redis_kind kind;
    int64_t integer;
    gw_str text;
    const struct gw_redis_reply *at; /* ARRAY */
    size_t count;
};

/*
 * Fires exactly once for every command that returned GW_OK, never before it
 * has returned. An error reply of Redis is an err with its words in `reply`'s
 * text (kind TEXT):
 *   GW_E_UNREACHABLE  the connection broke: it was carried out, or not
 *   GW_E_BUSY         not now, try again: LOADING, BUSY, OOM, MISCONF,
 *                     READONLY (breaks the link: a master is looked for),
 *                     CLUSTERDOWN, TRYAGAIN, MASTERDOWN, NOREPLICAS
 *   GW_E_FORBIDDEN    NOAUTH, WRONGPASS, NOPERM
 *   GW_E_INVALID      WRONGTYPE, ERR and all others
 * For the first of these reply is NULL.
 */
typedef void gw_redis_done(void *ctx, gw_err err,
                           const struct gw_redis_reply *reply);

/* Whoever wants to know of the link's state; lives inside its owner. */
struct gw_redis_watcher {
    struct gw_list node;
    void (*on_up)(struct gw_redis_watcher *self);   /* both connections ready */
    void (*on_down)(struct gw_redis_watcher *self); /* all done have fired */
};

struct gw_redis_script {
    const char *name; /* for messages */
    const char *text;
    unsigned index; /* 0..GW_REDIS_SCRIPTS_MAX-1, each its own */
};

enum { GW_REDIS_SCRIPTS_MAX = 16 };

struct gw_redis_stats { /* counters since the beginning, and two gauges */
    uint64_t commands, error_replies, breaks, reconnects, refused;
    size_t pending;
    bool up;
};

struct gw_redis;

/* Copies the url and the credentials; does nothing until started. */
struct gw_redis *gw_redis_new(uv_loop_t *loop, const struct gw_redis_url *url);
void gw_redis_watch(struct gw_redis *r, struct gw_redis_watcher *watcher);
void gw_redis_start(struct gw_redis *r);

/* Everything pending fails; watchers hear nothing any more. `closed` once its
 * handles are gone: later, but at once if it was never started. */
void gw_redis_close(struct gw_redis *r, void (*closed)(void *ctx), void *ctx);
void gw_redis_free(struct gw_redis *r); /* closed, or never started */

/* The one it was made with. */
uv_loop_t *gw_redis_loop(const struct gw_redis *r);

bool gw_redis_is_up(const struct gw_redis *r);

/* Why it is not up, for people: "connection refused", "NOAUTH ...". */
gw_str gw_redis_fault(const struct gw_redis *r);

struct gw_redis_stats gw_redis_stats(const struct gw_redis *r);

/* argv is copied. GW_E_UNREACHABLE: not up; GW_E_BUSY: too many pending. done
 * may be NULL. */
gw_err gw_redis_command(struct gw_redis *r, size_t argc, const gw_str *argv,
                        gw_redis_done *done, void *ctx) GW_MUST_CHECK;

/* Runs a script by its SHA, at first on a connection by its text. One that
 * Redis has forgotten is run again by its text, unseen by the caller; but only
 * after what was sent meanwhile. argv: keys first. */
gw_err gw_redis_script_run(struct gw_redis *r,
                           const struct gw_redis_script *script,
                           size_t key_count, size_t argc, const gw_str *argv,
                           gw_redis_done *done, void *ctx) GW_MUST_CHECK;

/* The one channel of this worker, subscribed to whenever the link comes up
 * (which is not before Redis has confirmed it). Before gw_redis_start. */
void gw_redis_subscribe(struct gw_redis *r, gw_str channel,
                        void (*on_message)(void *ctx, gw_str payload),
                        void *ctx);

#endif
