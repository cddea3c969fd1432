/*
 * A client's socket that is only a record of what the core did to it. Keeps
 * port/link.h's contract, and fails the test when the core does not: an answer
 * too many, a message before the handshake, a pause of a closed link.
 */
#ifndef GW_SUPPORT_FAKE_LINK_H
#define GW_SUPPORT_FAKE_LINK_H

#include "protocol/base/buf.h"
#include "server/port/link.h"

enum { FAKE_LINK_SENT_MAX = 4096 };

struct fake_message {
    gw_ws_opcode opcode;
    struct gw_buf payload;
};

struct fake_link {
    /* What the test decides. */
    struct gw_peer peer;
    gw_err send_err; /* what sending returns, if not GW_OK */

    /* What the core did. */
    bool asked;         /* a request is to be answered */
    bool last;          /* and the link closes behind it */
    unsigned status;    /* of the last answer; 101: accepted */
    struct gw_buf head; /* its header lines, "Name: value\n" each */
    struct gw_buf body;
    struct gw_buf protocol; /* of a 101 */
    struct gw_ws_limits limits;
    void *conn; /* NULL: not accepted, or gone */
    bool paused, closing;
    unsigned pauses; /* how often it was */
    unsigned close_code;
    struct gw_buf close_reason;
    struct fake_message sent[FAKE_LINK_SENT_MAX];
    size_t sent_count, seen; /* seen: by fake_link_next */
    struct gw_answerer *answerer;
    void *user; /* the core's */
};

extern const struct gw_link_ops fake_link_ops;

/* From 203.0.113.7, to 127.0.0.1:8080, plain text. */
void fake_link_init(struct fake_link *l);
void fake_link_fini(struct fake_link *l);

static inline struct gw_link *fake_link_of(struct fake_link *l)
{
    return (struct gw_link *)(void *)l;
}

/* The value of a header of the answer; .at is NULL when there is none, or
 * more than one. */
gw_str fake_link_header(const struct fake_link *l, const char *name);

/* The next message the client was sent and the test has not seen; fails when
 * there is none. */
const struct fake_message *fake_link_next(struct fake_link *l);

/* The client sees this next text, and nothing after it. */
void fake_link_got(struct fake_link *l, const char *text);
void fake_link_got_nothing(const struct fake_link *l);

#endif
