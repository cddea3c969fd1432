/*
 * Signature Version 4 for execute-api, from the client's side. Written apart
 * from the server's on purpose, so that both cannot share a mistake.
 */
#ifndef BENCH_LOAD_SIGN_H
#define BENCH_LOAD_SIGN_H

#include <stddef.h>

enum { SIGN_SIZE = 65, SIGN_DATE_SIZE = 17 };

struct sign {
    const char *method, *path, *host; /* as they go over the wire */
    const char *date;                 /* "20150830T123600Z" */
    const char *region, *secret;
};

/* The hexadecimal signature over host and x-amz-date. */
void sign_request(const struct sign *s, const char *body, size_t body_len,
                  char out[SIGN_SIZE]);

#endif
