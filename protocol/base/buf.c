#include "protocol/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void gw_buf_init(struct gw_buf *b, size_t max_bytes)
{
    *b = (struct gw_buf){ .max = max_bytes };
}

void gw_buf_fini(struct gw_buf *b)
{
    free(b->at);
    gw_buf_init(b, b->max);
}

gw_err gw_buf_reserve(struct gw_buf *b, size_t n)
{
    size_t need = b->len + n, room = b->room ? b->room : 64;

    if (n > b->max || need > b->max)
        return GW_E_TOO_BIG;
    if (need <= b->room)
        return GW_OK;
    while (room < need)
        room *= 2;
    b->at = gw_realloc(b->at, room);
    b->room = room;
    return GW_OK;
}

gw_err gw_buf_addf(struct gw_buf *b, const char *format, ...)
{
    va_list args;
    int n;
    gw_err err;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    GW_ASSERT(n >= 0);
    if (b->len + (size_t)n > b->max)
        return GW_E_TOO_BIG;
    b->max++; /* vsnprintf wants room for its NUL, which is not kept */
    err = gw_buf_reserve(b, (size_t)n + 1);
    b->max--;
    if (err)
        return err;
    va_start(args, format);
    vsnprintf(b->at + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
    return GW_OK;
}

void gw_buf_consume(struct gw_buf *b, size_t n)
{
    GW_ASSERT(n <= b->len);
    b->len -= n;
    if (n && b->len)
        memmove(b->at, b->at + n, b->len);
}
