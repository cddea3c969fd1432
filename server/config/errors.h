/*
 * What is wrong with a configuration: complete lines a person can act on, as
 * many as fit, so that one look at a file finds more than its first mistake.
 */
#ifndef GW_CONFIG_ERRORS_H
#define GW_CONFIG_ERRORS_H

#include "protocol/base/err.h"
#include "protocol/base/str.h"

#include <stdarg.h>

/* "gatewire.yaml:12:5: expected ...", without a newline. */
enum { GW_CONFIG_ERRORS_MAX = 20 };
struct gw_config_errors {
    unsigned count; /* of all; the first GW_CONFIG_ERRORS_MAX are kept */
    char lines[GW_CONFIG_ERRORS_MAX][512];
};

/* Adds "PLACE: text". The same line is not added twice; what could not be
 * shown on a terminal becomes '?'. */
void gw_config_errors_add(struct gw_config_errors *errors, const char *place,
                          const char *format, ...) GW_PRINTF(3, 4);
void gw_config_errors_addv(struct gw_config_errors *errors, const char *place,
                           const char *format, va_list args) GW_PRINTF(3, 0);

/*
 * "; did you mean `routes`?" for a name that is nearly one of the known ones,
 * otherwise an empty text. Offer the known names one by one.
 */
struct gw_suggestion {
    gw_str name;   /* what was written */
    char best[64]; /* empty: nothing near */
    unsigned distance;
};

enum { GW_SUGGESTION_MAX = 128 };
void gw_suggestion_offer(struct gw_suggestion *s, gw_str known); /* copied */
void gw_suggestion_print(const struct gw_suggestion *s,
                         char out[GW_SUGGESTION_MAX]);

#endif
