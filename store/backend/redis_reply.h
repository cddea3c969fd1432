/*
 * Replies of Redis as they come in: hiredis' reader, building our own objects
 * in an arena, so that a reply is bounded and read once.
 */
#ifndef GW_STORE_REDIS_REPLY_H
#define GW_STORE_REDIS_REPLY_H

#include "store/backend/redis.h"

enum { GW_REDIS_REPLY_MAX = 64 * 1024 * 1024 }; /* as sent, and as objects */

struct gw_redis_reader {
    struct redisReader *hiredis;
    struct gw_arena objects; /* of the reply being read, or just returned */
    bool is_whole, is_error; /* that reply */
};

void gw_redis_reader_init(struct gw_redis_reader *r);
void gw_redis_reader_fini(struct gw_redis_reader *r);

/* GW_E_TOO_BIG: a reply past the bound. */
gw_err gw_redis_reader_feed(struct gw_redis_reader *r,
                            gw_str bytes) GW_MUST_CHECK;

/*
 * The next whole reply, NULL when more bytes are needed; a view until the next
 * call. *err is what an error reply says, GW_OK for all others. An error among
 * the elements of an array is a text like any other.
 * GW_E_SYNTAX: not a reply; GW_E_TOO_BIG. Nothing more can be read then.
 */
gw_err gw_redis_reader_next(struct gw_redis_reader *r,
                            const struct gw_redis_reply **out, gw_err *err,
                            struct gw_fault *why) GW_MUST_CHECK;

/* The class of an error reply, by its first word. */
gw_err gw_redis_error_class(gw_str words);

/* An array of `count` whose first element is this text? */
bool gw_redis_reply_begins(const struct gw_redis_reply *reply, size_t count,
                           gw_str first);

#endif
