#include "server/function/report.h"

#include "protocol/base/utf8.h"
#include "protocol/json/json.h"
#include "server/port/invoker.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 1024, TAIL_MAX = 2 * GW_INVOKE_TAIL_MAX };

/* Of lengths that always fit. */
static void put(struct gw_buf *out, const char *format, ...) GW_PRINTF(2, 3);

static void put(struct gw_buf *out, const char *format, ...)
{
    char line[TEXT_MAX];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    GW_ASSERT(n >= 0 && n < TEXT_MAX);
    GW_ASSERT(gw_buf_add(out, (gw_str){ line, (size_t)n }) == GW_OK);
}

static void begin(struct gw_buf *out, size_t max)
{
    gw_buf_fini(out);
    gw_buf_init(out, max);
}

gw_str gw_report_timeout(struct gw_buf *out, gw_str request_id,
                         uint32_t timeout_ms)
{
    begin(out, TEXT_MAX);
    put(out,
        "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: "
        "%.*s Error: Task timed out after %u.%02u seconds\"}",
        GW_FMT(request_id), timeout_ms / 1000, timeout_ms % 1000 / 10);
    return gw_buf_str(out);
}

gw_str gw_report_exit(struct gw_buf *out, gw_str request_id, const char *how)
{
    begin(out, TEXT_MAX);
    put(out,
        "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: "
        "%.*s Error: Runtime exited with error: %.200s\"}",
        GW_FMT(request_id), how);
    return gw_buf_str(out);
}

gw_str gw_report_too_big(struct gw_buf *out, uint64_t bytes)
{
    begin(out, TEXT_MAX);
    put(out,
        "{\"errorType\":\"Function.ResponseSizeTooLarge\",\"errorMessage\":"
        "\"Response payload size (%llu bytes) exceeded maximum allowed payload "
        "size (%d bytes).\"}",
        (unsigned long long)bytes, GW_INVOKE_ANSWER_MAX);
    return gw_buf_str(out);
}

gw_str gw_report_tail(struct gw_buf *out, const struct gw_report *r)
{
    begin(out, TAIL_MAX);
    put(out, "START RequestId: %.*s Version: $LATEST\n", GW_FMT(r->request_id));
    GW_ASSERT(
        gw_buf_add(out, gw_str_skip(r->printed,
                                    r->printed.len > GW_INVOKE_TAIL_MAX
                                        ? r->printed.len - GW_INVOKE_TAIL_MAX
                                        : 0)) == GW_OK);
    if (r->printed.len && !gw_str_ends(r->printed, GW_LIT("\n")))
        put(out, "\n");
    put(out,
        "END RequestId: %.*s\nREPORT RequestId: %.*s\tDuration: %lld.00 ms\t"
        "Billed Duration: %lld ms\tMemory Size: %u MB\t\n",
        GW_FMT(r->request_id), GW_FMT(r->request_id), (long long)r->ms,
        (long long)r->ms, r->memory_mb);
    if (out->len > GW_INVOKE_TAIL_MAX)
        gw_buf_consume(out, out->len - GW_INVOKE_TAIL_MAX);
    return gw_buf_str(out);
}

static bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || strchr(".:_-", c);
}

void gw_report_type(gw_str error, char out[GW_REPORT_TYPE_MAX + 1])
{
    gw_json root, type = { .kind = GW_JSON_ABSENT };
    size_t len = 0;

    if (gw_utf8_is_valid(error) && !gw_json_read(error, &root))
        type = gw_json_member(root, GW_LIT("errorType"));
    for (size_t i = 0; type.kind == GW_JSON_STRING && i < type.raw.len &&
                       len < GW_REPORT_TYPE_MAX;
         i++)
        if (is_plain(type.raw.at[i]))
            out[len++] = type.raw.at[i];
    out[len] = '\0';
    if (!len)
        strcpy(out, "Unhandled");
}
