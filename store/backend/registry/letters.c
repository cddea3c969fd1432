#include "store/backend/registry/inside.h"

#include <stdlib.h>

void gw_letters_init(struct gw_redis_registry *r)
{
    gw_list_init(&r->letters.burials);
}

static gw_str letters_key(const struct gw_redis_registry *r, struct gw_key *out)
{
    return gw_registry_key(r, out, GW_KEY_LETTERS, NULL);
}

/* --- burying -------------------------------------------------------------------- */

struct burial {
    struct gw_list node; /* empty while it is under way */
    struct gw_redis_registry *registry;
    char epoch[GW_EPOCH_LEN]; /* whose goodbye it is */
    gw_str id, record, why;
    char text[];
};

static gw_str keep(char **at, gw_str s)
{
    gw_str kept = { *at, s.len };

    memcpy(*at, s.at, s.len);
    *at += s.len;
    return kept;
}

void gw_letters_bury(struct gw_registry *base, gw_str id, gw_str record,
                     gw_str why)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);
    struct burial *b;
    char *at;

    if (!r->member.joined)
        return;
    b = gw_alloc(sizeof(*b) + id.len + record.len + why.len);
    at = b->text;
    b->registry = r;
    memcpy(b->epoch, r->member.estate.epoch, GW_EPOCH_LEN);
    b->id = keep(&at, id);
    b->record = keep(&at, record);
    b->why = keep(&at, why);
    gw_list_init(&b->node);
    gw_list_append(&r->letters.burials, &b->node);
}

/* The letter is there before the goodbye goes. */
static void on_buried(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct burial *b = ctx;
    struct gw_redis_registry *r = b->registry;
    bool ours = r->member.joined &&
                memcmp(b->epoch, r->member.estate.epoch, GW_EPOCH_LEN) == 0;

    r->letters.under_way--;
    if (err && ours) {
        gw_list_append(&r->letters.burials, &b->node);
        r->letters.paused = true;
        gw_registry_alarm(r, GW_ALARM_BURY, GW_RETRY_MS);
        return;
    }
    if (!err && ours)
        gw_writes_put(r, GW_WRITE_FORGET, b->id, GW_EMPTY, NULL, NULL);
    free(b);
}

static bool bury(struct gw_redis_registry *r, struct burial *b)
{
    struct gw_key key;
    struct gw_number most;
    gw_str argv[] = { GW_LIT("XADD"),
                      letters_key(r, &key),
                      GW_LIT("MAXLEN"),
                      GW_LIT("~"),
                      gw_number_write(&most, GW_LETTERS_MAX),
                      GW_LIT("*"),
                      GW_LIT("id"),
                      b->id,
                      GW_LIT("record"),
                      b->record,
                      GW_LIT("why"),
                      b->why };

    return !gw_registry_command(r, GW_LEN(argv), argv, on_buried, b);
}

void gw_letters_send(struct gw_redis_registry *r)
{
    struct gw_letters *l = &r->letters;

    while (r->member.current && !l->paused && l->under_way < GW_BURIALS_MAX &&
           !gw_list_is_empty(&l->burials)) {
        struct gw_list *node = l->burials.next;

        if (!bury(r, GW_CONTAINER(node, struct burial, node)))
            return;
        gw_list_leave(node);
        l->under_way++;
    }
}

void gw_letters_abandon(struct gw_redis_registry *r)
{
    struct gw_list *node;

    while ((node = gw_list_take(&r->letters.burials)))
        free(GW_CONTAINER(node, struct burial, node));
}

bool gw_letters_are_sent(const struct gw_redis_registry *r)
{
    return gw_list_is_empty(&r->letters.burials) && !r->letters.under_way;
}

/* --- reading -------------------------------------------------------------------- */

struct entry {
    gw_str letter, id, record, why;
};

/* An entry of XRANGE: [id, [field, value, ...]]. */
static void read_entry(const struct gw_redis_reply *reply, struct entry *out)
{
    const struct gw_redis_reply *fields = &reply->at[1];

    *out = (struct entry){ GW_EMPTY, GW_EMPTY, GW_EMPTY, GW_EMPTY };
    if (reply->kind != GW_REDIS_ARRAY || reply->count != 2)
        return;
    out->letter = reply->at[0].text;
    if (fields->kind != GW_REDIS_ARRAY)
        return;
    for (size_t i = 0; i + 1 < fields->count; i += 2) {
        gw_str name = fields->at[i].text, value = fields->at[i + 1].text;

        if (gw_str_eq(name, GW_LIT("id")))
            out->id = value;
        else if (gw_str_eq(name, GW_LIT("record")))
            out->record = value;
        else if (gw_str_eq(name, GW_LIT("why")))
            out->why = value;
    }
}

/* "1526919030474-55" */
static bool is_letter(gw_str s)
{
    gw_str ms = gw_str_cut(&s, '-');
    uint64_t n;

    return gw_str_to_u64(ms, &n) && gw_str_to_u64(s, &n);
}

struct listing {
    gw_letters_done *done;
    void *ctx;
};

static void on_listed(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct listing l = *(struct listing *)ctx;
    size_t count = !err && reply->kind == GW_REDIS_ARRAY ? reply->count : 0;
    struct gw_letter *letters = gw_alloc((count + 1) * sizeof(*letters));

    free(ctx);
    for (size_t i = 0; i < count; i++) {
        struct entry e;

        read_entry(&reply->at[i], &e);
        letters[i] = (struct gw_letter){ e.letter, e.why, e.record };
    }
    l.done(l.ctx, err, letters, count);
    free(letters);
}

gw_err gw_letters_list(struct gw_registry *base, gw_str after, size_t max,
                       gw_letters_done *done, void *ctx)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);
    struct listing *l;
    struct gw_key key;
    struct gw_number count;
    char from[64] = "-";
    gw_str argv[] = {
        GW_LIT("XRANGE"),
        letters_key(r, &key),
        { from, 1 },
        GW_LIT("+"),
        GW_LIT("COUNT"),
        gw_number_write(&count, (int64_t)GW_MIN(max, GW_LETTERS_MAX))
    };
    gw_err err;

    if (after.len) {
        if (!is_letter(after) || after.len >= sizeof(from))
            return GW_E_INVALID;
        from[0] = '('; /* behind it */
        memcpy(from + 1, after.at, after.len);
        argv[2].len = 1 + after.len;
    }
    l = gw_alloc(sizeof(*l));
    *l = (struct listing){ done, ctx };
    err = gw_registry_command(r, GW_LEN(argv), argv, on_listed, l);
    if (err)
        free(l);
    return err;
}

/* --- one letter ----------------------------------------------------------------- */

struct task {
    struct gw_redis_registry *registry;
    gw_registry_done *done;
    void *ctx;
    gw_str letter;
    char text[];
};

static void conclude(struct task *t, gw_err err)
{
    t->done(t->ctx, err);
    free(t);
}

static void on_dropped(void *ctx, gw_err err,
                       const struct gw_redis_reply *reply)
{
    if (!err && reply->kind == GW_REDIS_INTEGER && reply->integer == 0)
        err = GW_E_NOT_FOUND;
    conclude(ctx, err);
}

static gw_err drop(struct task *t)
{
    struct gw_key key;
    gw_str argv[] = { GW_LIT("XDEL"), letters_key(t->registry, &key),
                      t->letter };

    return gw_registry_command(t->registry, GW_LEN(argv), argv, on_dropped, t);
}

/* It is owed by us now, whatever becomes of the letter. */
static void on_owed(void *ctx, gw_err err)
{
    struct task *t = ctx;

    if (!err)
        err = drop(t);
    if (err)
        conclude(t, err);
}

static void on_found(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct task *t = ctx;
    struct gw_redis_registry *r = t->registry;
    struct entry e = { GW_EMPTY, GW_EMPTY, GW_EMPTY, GW_EMPTY };

    if (!err && reply->kind == GW_REDIS_ARRAY && reply->count)
        read_entry(&reply->at[0], &e);
    if (!err && !e.id.len)
        err = GW_E_NOT_FOUND;
    else if (!err && (!r->member.joined || r->member.leaving))
        err = GW_E_UNREACHABLE;
    if (err)
        conclude(t, err);
    else
        gw_writes_put(r, GW_WRITE_INHERIT, e.id, e.record, on_owed, t);
}

static gw_err find(struct task *t)
{
    struct gw_key key;
    gw_str argv[] = { GW_LIT("XRANGE"), letters_key(t->registry, &key),
                      t->letter, t->letter };

    return gw_registry_command(t->registry, GW_LEN(argv), argv, on_found, t);
}

static gw_err start(struct gw_registry *base, gw_str letter,
                    gw_err (*first)(struct task *t), gw_registry_done *done,
                    void *ctx)
{
    struct gw_redis_registry *r = gw_redis_registry_of(base);
    struct task *t;
    gw_err err;

    if (!is_letter(letter))
        return GW_E_NOT_FOUND;
    if (gw_member_state(r) != GW_REGISTRY_JOINED || r->member.leaving)
        return GW_E_UNREACHABLE;
    t = gw_alloc(sizeof(*t) + letter.len);
    t->registry = r;
    t->done = done;
    t->ctx = ctx;
    memcpy(t->text, letter.at, letter.len);
    t->letter = (gw_str){ t->text, letter.len };
    err = first(t);
    if (err)
        free(t);
    return err;
}

gw_err gw_letters_retry(struct gw_registry *base, gw_str letter,
                        gw_registry_done *done, void *ctx)
{
    return start(base, letter, find, done, ctx);
}

gw_err gw_letters_drop(struct gw_registry *base, gw_str letter,
                       gw_registry_done *done, void *ctx)
{
    return start(base, letter, drop, done, ctx);
}
