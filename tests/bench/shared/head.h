/*
 * The heads of HTTP/1.1 requests and answers, as much as a bench needs: where
 * one ends, and a field in it. Bodies have a Content-Length or do not exist.
 */
#ifndef BENCH_SHARED_HEAD_H
#define BENCH_SHARED_HEAD_H

#include <stddef.h>

/* The length of a head with its empty line, or 0: not all there yet. */
size_t head_len(const char *bytes, size_t len);

/* The value of a field, or NULL; `name` in any case, without its colon. */
const char *head_field(const char *head, size_t head_len, const char *name,
                       size_t *value_len);

size_t head_body_len(const char *head, size_t head_len);

#endif
