/*
 * The parts of the registry in Redis, for each other's eyes only.
 *
 *   member   our own estate: joining, the heartbeat, being lost, leaving
 *   writes   what is to be written into it, in order
 *   heir     other people's estates
 *   letters  goodbyes given up on
 *
 * Commands go out in the order of the calls and are answered in that order,
 * on one connection; when it breaks, all that are under way fail first, then
 * the link is down. So no answer of an earlier link is ever seen on a later
 * one. Redis may still run the commands of a broken one, even after those of
 * the next: the lease names the link, and so refuses them.
 */
#ifndef GW_STORE_REGISTRY_INSIDE_H
#define GW_STORE_REGISTRY_INSIDE_H

#include "protocol/base/log.h"
#include "store/backend/redis_registry.h"
#include "store/backend/registry/keys.h"

enum {
    GW_BATCH_MAX = 256, /* writes in one script, entries in one claim */
    GW_BATCH_BYTES = 1 << 20,
    GW_RESYNC_QUEUE = 512, /* writes waiting; more: resync waits too */
    GW_RETRY_MS = 200,     /* after an error of Redis */
    GW_LEAVE_MS = 2000,
    GW_FOUNDING_LEN = 24,
    GW_CLAIM_KEPT_S = 7 * 24 * 3600,
    GW_HEIR_ESTATES_MAX = 64, /* looked at in one look */
    GW_HEIR_ID_MAX = 64,
    GW_BURIALS_MAX = 64, /* under way at once */
};

struct gw_redis_registry;

/* Calls itself at its time; closes with the registry. */
typedef enum gw_alarm {
    GW_ALARM_BEAT,   /* the lease */
    GW_ALARM_LOOK,   /* for estates to inherit */
    GW_ALARM_EXPIRY, /* of the oldest add somebody waits for */
    GW_ALARM_RETRY,  /* writing, after an error */
    GW_ALARM_BURY,   /* the same of letters */
    GW_ALARM_LEAVE,  /* no longer than this */
    GW_ALARMS
} gw_alarm;

struct gw_member {
    struct gw_estate estate;
    uint64_t link;           /* how many there have been */
    bool up;                 /* the link */
    bool renewing;           /* the answer is awaited */
    bool listed, told;       /* what its companions have answered */
    bool current;            /* the lease is ours, by this link */
    _Atomic bool joined;     /* on_joined was called, and no on_lost since */
    bool taken;              /* refused for long enough to say so */
    bool founded;            /* `founding` has been in force */
    int64_t refused_ms;      /* when it was first refused; 0: it was not */
    int64_t steady_ms;       /* since when leases can be trusted */
    int64_t asked_ms;        /* when the lease was last asked for, */
    _Atomic int64_t sure_ms; /* and when for the last one that we got */
    char founding[GW_FOUNDING_LEN], seen[GW_FOUNDING_LEN];
    bool leaving, overdue, releasing;
    void (*left)(void *ctx);
    void *left_ctx;
};

typedef enum gw_write_kind {
    GW_WRITE_ADD,
    GW_WRITE_END,
    GW_WRITE_INHERIT, /* an end whose goodbye is then handed over */
    GW_WRITE_FORGET,
} gw_write_kind;

struct gw_writes {
    struct gw_list queue;
    struct gw_list flight;  /* the batch that is under way */
    struct gw_list waiting; /* adds somebody waits for, oldest first */
    size_t count;           /* in queue and flight */
    size_t flight_count, flight_adds; /* of the batch, when it was sent */
    struct gw_log_gate gate;
    bool in_flight;     /* its answer is awaited */
    bool paused;        /* until the retry alarm */
    bool resync, again; /* on_resync is to be called */
};

struct gw_heir {
    enum {
        GW_HEIR_IDLE,
        GW_HEIR_LOOKING,
        GW_HEIR_CLAIMING,
        GW_HEIR_COPYING,
        GW_HEIR_REMOVING,
        GW_HEIR_STUCK, /* copied, but could not be removed yet */
    } step;
    struct gw_heir_estate {
        struct gw_redis_registry *registry;
        struct gw_estate name;
        bool dead;
    } estates[GW_HEIR_ESTATES_MAX];
    size_t estate_count, estate; /* the one we are at */
    size_t leases;               /* still to be answered */
    struct {
        uint8_t len;
        char at[GW_HEIR_ID_MAX];
    } ids[GW_BATCH_MAX]; /* the chunk */
    size_t id_count, copies;
    bool failed; /* not all copies were written */
};

struct gw_letters {
    struct gw_list burials;
    size_t under_way;
    bool paused; /* until their alarm */
};

struct gw_redis_registry {
    struct gw_registry base;
    struct gw_redis *redis;
    struct gw_redis_watcher watcher;
    uv_loop_t *loop;
    uv_prepare_t prepare;
    uv_timer_t alarms[GW_ALARMS];
    unsigned handles; /* open */
    size_t calls;     /* commands not answered yet */
    gw_str prefix;
    struct gw_registry_times times;
    struct gw_redis_registry_stats stats;
    struct gw_member member;
    struct gw_writes writes;
    struct gw_heir heir;
    struct gw_letters letters;
};

static inline struct gw_redis_registry *gw_redis_registry_of(
    struct gw_registry *r)
{
    return GW_CONTAINER(r, struct gw_redis_registry, base);
}

/* --- redis_registry.c */

/* As gw_redis_command and gw_redis_script_run; done may be NULL. The registry
 * stays until all of them are answered. */
gw_err gw_registry_command(struct gw_redis_registry *r, size_t argc,
                           const gw_str *argv, gw_redis_done *done,
                           void *ctx) GW_MUST_CHECK;
gw_err gw_registry_script(struct gw_redis_registry *r,
                          const struct gw_redis_script *script,
                          size_t key_count, size_t argc, const gw_str *argv,
                          gw_redis_done *done, void *ctx) GW_MUST_CHECK;

/* Calls back once, unless set again before. */
void gw_registry_alarm(struct gw_redis_registry *r, gw_alarm which, int64_t ms);
int64_t gw_registry_now(const struct gw_redis_registry *r);

static inline gw_str gw_registry_key(const struct gw_redis_registry *r,
                                     struct gw_key *out, gw_key_kind kind,
                                     const struct gw_estate *e)
{
    return gw_key_write(out, r->prefix, kind, e);
}

/* A number as an argument. */
struct gw_number {
    char at[24];
};
gw_str gw_number_write(struct gw_number *out, int64_t n);

/* --- member.c */

void gw_member_init(struct gw_redis_registry *r,
                    const struct gw_redis_registry_options *options);
void gw_member_on_up(struct gw_redis_registry *r);
void gw_member_on_down(struct gw_redis_registry *r);
gw_registry_state gw_member_state(const struct gw_redis_registry *r);

/* Asks for the lease, for the first time or again. */
void gw_member_renew(struct gw_redis_registry *r);

/* Not yet as long since we got the lease as it lasts? */
bool gw_member_is_sure(const struct gw_redis_registry *r);

/* Have we been able to see leases for long enough to miss one? */
bool gw_member_is_steady(const struct gw_redis_registry *r);

/* "00c0ffee00c0ffee/3" */
gw_str gw_member_lease(const struct gw_redis_registry *r, struct gw_key *out);

/* Goes on leaving when it is time. */
void gw_member_leave(struct gw_redis_registry *r);

/* --- writes.c */

void gw_writes_init(struct gw_redis_registry *r);
void gw_writes_put(struct gw_redis_registry *r, gw_write_kind kind, gw_str id,
                   gw_str record, gw_registry_done *done, void *ctx);

/* The next batch, and what of a resync has room. */
void gw_writes_send(struct gw_redis_registry *r);

/* Everything the gateway knows is to be written again. */
void gw_writes_resync(struct gw_redis_registry *r);
void gw_writes_on_down(struct gw_redis_registry *r);
void gw_writes_expire(struct gw_redis_registry *r);

/* Every write ends with this. */
void gw_writes_abandon(struct gw_redis_registry *r, gw_err err);

/* --- heir.c */

void gw_heir_init(struct gw_redis_registry *r);
void gw_heir_look(struct gw_redis_registry *r); /* the alarm */
bool gw_heir_is_idle(const struct gw_redis_registry *r);

/* --- letters.c */

void gw_letters_init(struct gw_redis_registry *r);
void gw_letters_send(struct gw_redis_registry *r); /* what is to be buried */
void gw_letters_abandon(struct gw_redis_registry *r);
bool gw_letters_are_sent(const struct gw_redis_registry *r);

void gw_letters_bury(struct gw_registry *base, gw_str id, gw_str record,
                     gw_str why);
gw_err gw_letters_list(struct gw_registry *base, gw_str after, size_t max,
                       gw_letters_done *done, void *ctx) GW_MUST_CHECK;
gw_err gw_letters_retry(struct gw_registry *base, gw_str letter,
                        gw_registry_done *done, void *ctx) GW_MUST_CHECK;
gw_err gw_letters_drop(struct gw_registry *base, gw_str letter,
                       gw_registry_done *done, void *ctx) GW_MUST_CHECK;

#endif
