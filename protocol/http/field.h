/*
 * Takes field fields off a head, one at a time: what the readers of requests
 * and of responses have in common.
 *
 * Strict: CRLF only, no folding, no blank before the colon, no controls. A
 * line is judged in the order of its bytes, so that the verdict does not
 * depend on how much has arrived behind the first wrong one.
 * Source   RFC 9112, 5.
 */
#ifndef GW_HTTP_FIELD_H
#define GW_HTTP_FIELD_H

#include "protocol/http/header.h"

struct gw_http_fields {
    gw_str in;
    size_t at;  /* start of the next line */
    size_t cap; /* field fields may not reach past this index */
};

typedef enum gw_http_found {
    GW_HTTP_FIELD,        /* *out is filled, the line is taken */
    GW_HTTP_FIELDS_END,   /* the end of the head, taken too */
    GW_HTTP_FIELDS_SHORT, /* not all there */
    GW_HTTP_FIELDS_LARGE, /* past the cap */
    GW_HTTP_FIELDS_WRONG,
} gw_http_found;

gw_http_found gw_http_field_next(struct gw_http_fields *fields,
                                 struct gw_http_header *out);

/* Is the field called that? `name` in any case. */
static inline bool gw_http_field_is(const struct gw_http_header *field,
                                    gw_str name)
{
    return gw_str_eq_nocase(field->name, name);
}

#endif
