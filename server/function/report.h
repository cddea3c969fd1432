/*
 * What is said about a run, in the original's words (websocket-api.md 11.1):
 * errors that no runtime has put into words, and the frame of a log.
 *
 * All but gw_report_type replace *out; they return a view of it.
 */
#ifndef GW_FUNCTION_REPORT_H
#define GW_FUNCTION_REPORT_H

#include "protocol/base/buf.h"

gw_str gw_report_timeout(struct gw_buf *out, gw_str request_id,
                         uint32_t timeout_ms);

/* how: "exit status 1", "signal: killed", ... */
gw_str gw_report_exit(struct gw_buf *out, gw_str request_id, const char *how);

gw_str gw_report_too_big(struct gw_buf *out, uint64_t bytes);

/* What it printed between START and END, and the REPORT line: the last
 * GW_INVOKE_TAIL_MAX bytes of it. */
struct gw_report {
    gw_str request_id, printed;
    int64_t ms;
    uint32_t memory_mb;
};
gw_str gw_report_tail(struct gw_buf *out, const struct gw_report *report);

/* The errorType of an error: letters, digits and ".:_-" of it, at most
 * GW_REPORT_TYPE_MAX; "Unhandled" when it names none. */
enum { GW_REPORT_TYPE_MAX = 80 };
void gw_report_type(gw_str error, char out[GW_REPORT_TYPE_MAX + 1]);

#endif
