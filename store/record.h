/*
 * One connection as bytes: what its $disconnect event needs when nobody is
 * left who saw it. An array in msgpack behind a version byte; a reader takes
 * what it knows and ignores members it does not. New members are put at the
 * end, under the same version; another version is for what older readers must
 * not read.
 */
#ifndef GW_STORE_RECORD_H
#define GW_STORE_RECORD_H

#include "protocol/base/buf.h"

enum {
    GW_EVENT_ID_LEN = 16,
    GW_RECORD_BYTES_MAX = 16 * 1024,
    GW_RECORD_TEXT_MAX = 4096, /* one text in it */
};

struct gw_record {
    gw_str connection_id; /* 16 characters */
    gw_str event_id;      /* GW_EVENT_ID_LEN: the same on every try */
    gw_str api_id, stage;
    gw_str domain_name, source_ip, user_agent;
    gw_str base; /* where backends reach the node: struct gw_conn's */
    bool tls;
    uint16_t local_port;
    int64_t connected_at_ms; /* since 1970 */

    /* Of a goodbye. ended_at_ms is 0 in the record of a connection that is
     * there, or whose node died: then the event says 1006. */
    int64_t ended_at_ms;
    uint16_t code;
    gw_str reason;
    uint32_t attempts; /* tries that have begun, and may have arrived */
};

/* Appends to an empty buffer what can be read again, or nothing. GW_E_TOO_BIG;
 * GW_E_UTF8: a text is not. */
gw_err gw_record_write(const struct gw_record *record,
                       struct gw_buf *out) GW_MUST_CHECK;

/* Texts are views into `bytes`, and valid UTF-8. GW_E_SYNTAX: not a record, or
 * of a version that is not understood; GW_E_TOO_BIG: past a bound. */
gw_err gw_record_read(gw_str bytes, struct gw_record *out) GW_MUST_CHECK;

#endif
