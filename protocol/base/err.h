/*
 * The whole vocabulary of failure, one row each in err.def.
 *
 * Bugs stop the process (GW_ASSERT); the world and the peer are returned.
 * A struct gw_fault carries the text a person may see, written where it is
 * known; passing NULL says nobody will look.
 */
#ifndef GW_BASE_ERR_H
#define GW_BASE_ERR_H

#include "protocol/base/base.h"

typedef enum gw_err {
    GW_OK,
#define GW_ERR(name, status, close, text) GW_E_##name,
#include "protocol/base/err.def"
#undef GW_ERR
    GW_ERR_COUNT
} gw_err;

struct gw_fault {
    char text[240];
};

const char *gw_err_text(gw_err err);
const char *gw_err_name(gw_err err);     /* "TOO_BIG" */
unsigned gw_err_http_status(gw_err err); /* 200 for GW_OK */
unsigned gw_err_close_code(gw_err err);  /* 0: the socket stays open */

/* Writes the text and returns err, so that it can be returned at once. */
gw_err gw_fail(struct gw_fault *why, gw_err err, const char *format, ...)
    GW_PRINTF(3, 4);

#endif
