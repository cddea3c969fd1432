/*
 * The HTTP requests that are sent: built whole before the run, signed if they
 * are to be, so that the measured time sends bytes and nothing else.
 */
#ifndef BENCH_LOAD_REQUEST_H
#define BENCH_LOAD_REQUEST_H

#include "tests/bench/load/plan.h"

struct request {
    char *text;
    size_t len;
};

/* A POST of JSON; path as it goes over the wire. */
void request_make(struct request *r, const struct plan *plan, const char *path,
                  const char *body, size_t body_len);

/* "/dev/@connections/{id}", the id percent-encoded. */
enum { REQUEST_PATH_MAX = 256 };
void request_push_path(const struct plan *plan, const char *id,
                       char out[REQUEST_PATH_MAX]);

#endif
