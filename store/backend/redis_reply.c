#include "store/backend/redis_reply.h"

#include <hiredis/read.h>

/* What an error reply begins with. ERR, WRONGTYPE and all others: INVALID. */
static const struct {
    gw_str word;
    gw_err err;
} classes[] = {
    { GW_LIT("LOADING"), GW_E_BUSY },
    { GW_LIT("BUSY"), GW_E_BUSY },
    { GW_LIT("OOM"), GW_E_BUSY },
    { GW_LIT("MISCONF"), GW_E_BUSY },
    { GW_LIT("READONLY"), GW_E_BUSY },
    { GW_LIT("CLUSTERDOWN"), GW_E_BUSY },
    { GW_LIT("TRYAGAIN"), GW_E_BUSY },
    { GW_LIT("MASTERDOWN"), GW_E_BUSY },
    { GW_LIT("NOREPLICAS"), GW_E_BUSY },
    { GW_LIT("NOAUTH"), GW_E_FORBIDDEN },
    { GW_LIT("WRONGPASS"), GW_E_FORBIDDEN },
    { GW_LIT("NOPERM"), GW_E_FORBIDDEN },
};

gw_err gw_redis_error_class(gw_str words)
{
    gw_str word = gw_str_cut(&words, ' ');

    for (size_t i = 0; i < GW_LEN(classes); i++)
        if (gw_str_eq(word, classes[i].word))
            return classes[i].err;
    return GW_E_INVALID;
}

bool gw_redis_reply_begins(const struct gw_redis_reply *reply, size_t count,
                           gw_str first)
{
    return reply && reply->kind == GW_REDIS_ARRAY && reply->count == count &&
           count && reply->at[0].kind == GW_REDIS_TEXT &&
           gw_str_eq(reply->at[0].text, first);
}

/* --- objects ----------------------------------------------------------------- */

/* Elements live in the array their parent has made; NULL past the bound, which
 * hiredis calls "out of memory". */
static struct gw_redis_reply *place(const redisReadTask *task,
                                    gw_redis_kind kind)
{
    struct gw_redis_reader *r = task->privdata;
    struct gw_redis_reply *reply;

    if (task->parent) {
        const struct gw_redis_reply *parent = task->parent->obj;

        reply = (struct gw_redis_reply *)&parent->at[task->idx];
    } else {
        reply = gw_arena_alloc(&r->objects, sizeof(*reply));
    }
    if (reply)
        reply->kind = kind;
    return reply;
}

static void *create_string(const redisReadTask *task, char *at, size_t len)
{
    struct gw_redis_reader *r = task->privdata;
    struct gw_redis_reply *reply = place(task, GW_REDIS_TEXT);

    if (!reply ||
        gw_arena_dup(&r->objects, (gw_str){ at, len }, &reply->text) != GW_OK)
        return NULL;
    if (!task->parent)
        r->is_error = task->type == REDIS_REPLY_ERROR;
    return reply;
}

static void *create_array(const redisReadTask *task, int count)
{
    struct gw_redis_reader *r = task->privdata;
    struct gw_redis_reply *reply = place(task, GW_REDIS_ARRAY);

    if (!reply || count < 0)
        return NULL;
    reply->at = gw_arena_alloc(&r->objects, (size_t)count * sizeof(*reply));
    reply->count = (size_t)count;
    return reply->at ? reply : NULL;
}

static void *create_integer(const redisReadTask *task, long long value)
{
    struct gw_redis_reply *reply = place(task, GW_REDIS_INTEGER);

    if (reply)
        reply->integer = value;
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    return place(task, GW_REDIS_NIL);
}

static void free_object(void *object)
{
    /* the arena's */
}

static redisReplyObjectFunctions functions = {
    create_string, create_array, create_integer, create_nil, free_object,
};

/* --- the reader -------------------------------------------------------------- */

void gw_redis_reader_init(struct gw_redis_reader *r)
{
    *r = (struct gw_redis_reader){ 0 };
    r->hiredis = redisReaderCreateWithFunctions(&functions);
    GW_ASSERT(r->hiredis);
    r->hiredis->privdata = r;
    gw_arena_init(&r->objects, GW_REDIS_REPLY_MAX);
}

void gw_redis_reader_fini(struct gw_redis_reader *r)
{
    redisReaderFree(r->hiredis);
    gw_arena_fini(&r->objects);
}

gw_err gw_redis_reader_feed(struct gw_redis_reader *r, gw_str bytes)
{
    size_t waiting = r->hiredis->len - r->hiredis->pos;

    if (waiting + bytes.len > GW_REDIS_REPLY_MAX)
        return GW_E_TOO_BIG;
    GW_ASSERT(redisReaderFeed(r->hiredis, bytes.at, bytes.len) == REDIS_OK);
    return GW_OK;
}

gw_err gw_redis_reader_next(struct gw_redis_reader *r,
                            const struct gw_redis_reply **out, gw_err *err,
                            struct gw_fault *why)
{
    void *object = NULL;

    if (r->is_whole)
        gw_arena_reset(&r->objects);
    r->is_whole = r->is_error = false;
    if (redisReaderGetReply(r->hiredis, &object) != REDIS_OK) {
        if (r->hiredis->err == REDIS_ERR_OOM)
            return gw_fail(why, GW_E_TOO_BIG, "a reply of more than %d bytes",
                           GW_REDIS_REPLY_MAX);
        return gw_fail(why, GW_E_SYNTAX, "%s", r->hiredis->errstr);
    }
    *out = object;
    r->is_whole = object != NULL;
    *err = r->is_error ? gw_redis_error_class((*out)->text) : GW_OK;
    return GW_OK;
}
