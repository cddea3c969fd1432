#include "tests/support/fake_registry.h"

#include "tests/support/suite.h"

#include <stdlib.h>

struct write {
    struct gw_list node;
    fake_kind kind;
    char id[16];
    gw_str record; /* owned */
    gw_registry_done *done;
    void *ctx;
};

static gw_str own(gw_str text)
{
    return (gw_str){ gw_str_dup(text), text.len };
}

static void drop_text(gw_str text)
{
    free((char *)text.at);
}

static struct fake_registry *of(struct gw_registry *r)
{
    return GW_CONTAINER(r, struct fake_registry, base);
}

/* --- what it knows ------------------------------------------------------------ */

static void forget(struct fake_entry *e)
{
    gw_list_leave(&e->node);
    drop_text(e->record);
    drop_text(e->why);
    free(e);
}

static struct fake_entry *find(const struct fake_registry *f, gw_str id)
{
    const struct gw_list *list = &f->entries;

    for (struct gw_list *n = list->next; n != list; n = n->next) {
        struct fake_entry *e = GW_CONTAINER(n, struct fake_entry, node);

        if (gw_str_eq(id, (gw_str){ e->id, sizeof(e->id) }))
            return e;
    }
    return NULL;
}

static void put(struct fake_registry *f, fake_kind kind, gw_str id,
                gw_str record, gw_str why)
{
    struct fake_entry *e = find(f, id);

    if (e)
        forget(e);
    e = gw_alloc(sizeof(*e));
    e->kind = kind;
    memcpy(e->id, id.at, sizeof(e->id));
    e->record = own(record);
    e->why = own(why);
    gw_list_init(&e->node);
    gw_list_append(&f->entries, &e->node);
}

const struct fake_entry *fake_registry_find(const struct fake_registry *f,
                                            gw_str id)
{
    return find(f, id);
}

unsigned fake_registry_count(const struct fake_registry *f, fake_kind kind)
{
    const struct gw_list *list = &f->entries;
    unsigned count = 0;

    for (struct gw_list *n = list->next; n != list; n = n->next)
        count += GW_CONTAINER(n, struct fake_entry, node)->kind == kind;
    return count;
}

struct gw_record fake_record(const struct fake_entry *entry)
{
    struct gw_record record;

    ck_assert_msg(entry != NULL, "the registry does not know it");
    ck_assert_int_eq(gw_record_read(entry->record, &record), GW_OK);
    ck_assert_gw_str(record.connection_id,
                     ((gw_str){ entry->id, sizeof(entry->id) }));
    return record;
}

void fake_registry_clear(struct fake_registry *f)
{
    GW_LIST_EACH_SAFE (node, after, &f->entries) {
        forget(GW_CONTAINER(node, struct fake_entry, node));
    }
}

/* --- what it is told ----------------------------------------------------------- */

/* store/registry.h: empty records only where none are kept. */
static void check(const struct fake_registry *f, gw_str id, gw_str record)
{
    struct gw_record read;

    ck_assert_uint_eq(id.len, 16);
    if (f->base.keeps_records) {
        ck_assert_int_eq(gw_record_read(record, &read), GW_OK);
        ck_assert_gw_str(read.connection_id, id);
    }
}

static void answer(struct fake_registry *f, struct write *w, gw_err err)
{
    gw_list_leave(&w->node);
    if (!err)
        put(f, w->kind, (gw_str){ w->id, sizeof(w->id) }, w->record, GW_EMPTY);
    if (w->done)
        w->done(w->ctx, err);
    drop_text(w->record);
    free(w);
}

static void take(struct fake_registry *f, fake_kind kind, gw_str id,
                 gw_str record, gw_registry_done *done, void *ctx)
{
    struct write *w = gw_alloc(sizeof(*w));

    check(f, id, record);
    w->kind = kind;
    memcpy(w->id, id.at, sizeof(w->id));
    w->record = own(record);
    w->done = done;
    w->ctx = ctx;
    gw_list_init(&w->node);
    gw_list_append(&f->writes, &w->node);
    if (!f->holds)
        answer(f, w, GW_OK);
}

static gw_registry_state state(const struct gw_registry *r)
{
    return GW_REGISTRY_JOINED;
}

static gw_err add(struct gw_registry *r, gw_str id, gw_str record,
                  gw_registry_done *done, void *ctx)
{
    of(r)->adds++;
    if (of(r)->refuse)
        return of(r)->refuse;
    take(of(r), FAKE_CONN, id, record, done, ctx);
    return GW_OK;
}

static void drop(struct gw_registry *r, gw_str id)
{
    struct fake_entry *e = find(of(r), id);

    of(r)->drops++;
    if (e)
        forget(e);
}

static void end(struct gw_registry *r, gw_str id, gw_str record,
                gw_registry_done *done, void *ctx)
{
    of(r)->ends++;
    take(of(r), FAKE_GOODBYE, id, record, done, ctx);
}

static void ack(struct gw_registry *r, gw_str id)
{
    struct fake_entry *e = find(of(r), id);

    of(r)->acks++;
    if (!e)
        return; /* it has lost its data */
    ck_assert_int_eq(e->kind, FAKE_GOODBYE);
    forget(e);
}

static void bury(struct gw_registry *r, gw_str id, gw_str record, gw_str why)
{
    of(r)->burials++;
    put(of(r), FAKE_LETTER, id, record, why);
}

static const struct gw_registry_ops ops = {
    .state = state,
    .add = add,
    .drop = drop,
    .end = end,
    .ack = ack,
    .bury = bury,
};

/* --- what the test does --------------------------------------------------------- */

void fake_registry_init(struct fake_registry *f,
                        const struct gw_registry_events *events, void *ctx)
{
    *f = (struct fake_registry){ .base = { .ops = &ops,
                                           .events = events,
                                           .ctx = ctx,
                                           .keeps_records = true } };
    gw_list_init(&f->entries);
    gw_list_init(&f->writes);
}

void fake_registry_fini(struct fake_registry *f)
{
    ck_assert_uint_eq(fake_registry_waiting(f), 0);
    ck_assert_uint_eq(fake_registry_count(f, FAKE_CONN), 0);
    ck_assert_uint_eq(fake_registry_count(f, FAKE_GOODBYE), 0);
    fake_registry_clear(f);
}

void fake_registry_join(struct fake_registry *f)
{
    static const struct gw_hash_key key = { 0x0706050403020100,
                                            0x0f0e0d0c0b0a0908 };
    struct gw_hash_key lent = key;

    f->base.events->on_joined(f->base.ctx, &lent);
    memset(&lent, '#', sizeof(lent));
}

static void answer_all(struct fake_registry *f, gw_err err)
{
    while (!gw_list_is_empty(&f->writes))
        fake_registry_answer(f, err);
}

void fake_registry_lose(struct fake_registry *f, bool first)
{
    if (first)
        answer_all(f, GW_E_GONE);
    fake_registry_clear(f);
    f->base.events->on_lost(f->base.ctx);
    answer_all(f, GW_E_GONE);
}

void fake_registry_answer(struct fake_registry *f, gw_err err)
{
    ck_assert_msg(!gw_list_is_empty(&f->writes), "nothing waits");
    answer(f, GW_CONTAINER(f->writes.next, struct write, node), err);
}

unsigned fake_registry_waiting(const struct fake_registry *f)
{
    const struct gw_list *list = &f->writes;
    unsigned count = 0;

    for (struct gw_list *n = list->next; n != list; n = n->next)
        count++;
    return count;
}

void fake_registry_inherit_bytes(struct fake_registry *f, gw_str id,
                                 gw_str record)
{
    char *lent_id = gw_str_dup(id), *lent = gw_str_dup(record);

    put(f, FAKE_GOODBYE, id, record, GW_EMPTY);
    f->base.events->on_inherited(f->base.ctx, (gw_str){ lent_id, id.len },
                                 (gw_str){ lent, record.len });
    memset(lent_id, '#', id.len);
    memset(lent, '#', record.len);
    free(lent_id);
    free(lent);
}

void fake_registry_inherit(struct fake_registry *f,
                           const struct gw_record *record)
{
    struct gw_buf bytes;

    gw_buf_init(&bytes, GW_RECORD_BYTES_MAX);
    ck_assert_int_eq(gw_record_write(record, &bytes), GW_OK);
    fake_registry_inherit_bytes(f, record->connection_id, gw_buf_str(&bytes));
    gw_buf_fini(&bytes);
}
