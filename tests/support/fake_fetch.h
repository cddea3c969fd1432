/*
 * Backends played by the test: a fetcher that keeps what it is asked for
 * until the test answers it, in whatever order, or lets it fail.
 */
#ifndef GW_SUPPORT_FAKE_FETCH_H
#define GW_SUPPORT_FAKE_FETCH_H

#include "protocol/base/list.h"
#include "server/port/fetch.h"

struct fake_lane {
    struct fake_fetch *fetch;
    gw_str host; /* owned */
    uint16_t port;
    bool tls, closed;
    uint32_t max_in_flight, max_waiting;
    unsigned calls; /* under way; a closed lane goes with the last one */
};

struct fake_call {
    struct gw_list node;
    struct fake_lane *lane;
    gw_str method, target, body; /* owned */
    struct gw_http_header *headers;
    size_t header_count;
    uint32_t timeout_ms;
    gw_fetch_done *done;
    bool (*is_wanted)(void *ctx); /* as a fetcher asks before it sends */
    void *ctx;
};

struct fake_fetch {
    struct gw_fetcher fetcher; /* first: the core passes it back to us */
    struct gw_list calls;      /* oldest first */
    gw_err refuse;             /* what start returns, if not GW_OK */
    unsigned lanes;            /* open */
    unsigned started;          /* calls, so far */
};

void fake_fetch_init(struct fake_fetch *f);
void fake_fetch_fini(struct fake_fetch *f); /* nothing open, none under way */

unsigned fake_fetch_waiting(const struct fake_fetch *f);

/* The n-th oldest call that was not answered; fails when there is none. */
struct fake_call *fake_fetch_call(struct fake_fetch *f, unsigned n);

/* The value of the only header of that name; .at is NULL otherwise. */
gw_str fake_call_header(const struct fake_call *c, const char *name);

/* `headers`: whole lines, "Name: value\r\n". The views the core sees are gone
 * as soon as its callback has returned. */
void fake_call_reply(struct fake_call *c, unsigned status, const char *headers,
                     gw_str body);
void fake_call_fail(struct fake_call *c, gw_err err);

#endif
