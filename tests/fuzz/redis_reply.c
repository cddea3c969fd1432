/*
 * Whatever comes in place of a reply is read or refused, within the bound; and
 * it is the same whether it comes at once or byte by byte.
 */
#include "store/backend/redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void describe(const struct gw_redis_reply *reply, struct gw_buf *out)
{
    GW_ASSERT(gw_buf_addf(out, "%d %lld %zu ", reply->kind,
                          (long long)reply->integer, reply->count) == GW_OK);
    if (reply->kind == GW_REDIS_TEXT)
        GW_ASSERT(gw_buf_add(out, reply->text) == GW_OK);
    for (size_t i = 0; i < reply->count; i++)
        describe(&reply->at[i], out);
}

/* Everything up to the end or to the first fault. */
static void read_all(gw_str bytes, size_t step, struct gw_buf *out)
{
    struct gw_redis_reader r;

    gw_redis_reader_init(&r);
    while (bytes.len) {
        const struct gw_redis_reply *reply;
        size_t n = GW_MIN(step, bytes.len);
        struct gw_fault why;
        gw_err err;

        GW_ASSERT(gw_redis_reader_feed(&r, gw_str_head(bytes, n)) == GW_OK);
        bytes = gw_str_skip(bytes, n);
        do {
            if (gw_redis_reader_next(&r, &reply, &err, &why))
                goto out;
            if (reply) {
                GW_ASSERT(gw_buf_addf(out, "%d ", err) == GW_OK);
                describe(reply, out);
            }
        } while (reply);
    }
out:
    gw_redis_reader_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str text = { (const char *)bytes, len };
    struct gw_buf whole, pieces;

    gw_buf_init(&whole, SIZE_MAX / 2);
    gw_buf_init(&pieces, SIZE_MAX / 2);
    read_all(text, SIZE_MAX, &whole);
    read_all(text, 1, &pieces);
    GW_ASSERT(gw_str_eq(gw_buf_str(&whole), gw_buf_str(&pieces)));
    gw_buf_fini(&whole);
    gw_buf_fini(&pieces);
    return 0;
}
