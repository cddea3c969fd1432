/*
 * Bytes one owner appends to. Born with a cap; an append that would pass it
 * changes nothing and returns GW_E_TOO_BIG.
 */
#ifndef GW_BASE_BUF_H
#define GW_BASE_BUF_H

#include "protocol/base/err.h"
#include "protocol/base/str.h"

struct gw_buf {
    char *at;
    size_t len, room, max;
};

void gw_buf_init(struct gw_buf *b, size_t max_bytes); /* allocates nothing */
void gw_buf_fini(struct gw_buf *b);                   /* usable again, empty */

gw_err gw_buf_addf(struct gw_buf *b, const char *format, ...) GW_MUST_CHECK
    GW_PRINTF(2, 3);

/* Room for n more bytes at b->at + b->len, for the caller to fill before he
 * raises b->len himself. */
gw_err gw_buf_reserve(struct gw_buf *b, size_t n) GW_MUST_CHECK;

/* In place: most of what is added is a few bytes, and there is room. */
GW_MUST_CHECK static inline gw_err gw_buf_add(struct gw_buf *b, gw_str bytes)
{
    if (b->len + bytes.len > GW_MIN(b->room, b->max)) {
        gw_err err = gw_buf_reserve(b, bytes.len);

        if (err)
            return err;
    }
    if (bytes.len)
        memcpy(b->at + b->len, bytes.at, bytes.len);
    b->len += bytes.len;
    return GW_OK;
}

/* Drops n bytes from the front. */
void gw_buf_consume(struct gw_buf *b, size_t n);

static inline gw_str gw_buf_str(const struct gw_buf *b)
{
    return (gw_str){ b->at ? b->at : "", b->len };
}

#endif
