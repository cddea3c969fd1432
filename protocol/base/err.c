#include "protocol/base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name, *text;
    unsigned status, close;
} rows[GW_ERR_COUNT] = {
    [GW_OK] = { "OK", "ok", 200, 0 },
#define GW_ERR(name, status, close, text) \
    [GW_E_##name] = { #name, text, status, close },
#include "protocol/base/err.def"
#undef GW_ERR
};

const char *gw_err_text(gw_err err)
{
    return rows[err].text;
}

const char *gw_err_name(gw_err err)
{
    return rows[err].name;
}

unsigned gw_err_http_status(gw_err err)
{
    return rows[err].status;
}

unsigned gw_err_close_code(gw_err err)
{
    return rows[err].close;
}

gw_err gw_fail(struct gw_fault *why, gw_err err, const char *format, ...)
{
    va_list args;

    if (!why)
        return err;
    va_start(args, format);
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    return err;
}
