/*
 * One row a setting. A row's kind says how its text is read and printed; its
 * key is also its place in the file and, in capitals, its variable.
 */
#include "server/config/settings.h"

#include "protocol/base/utf8.h"
#include "store/backend/redis.h"

#include <stdio.h>

enum {
    KB = 1024,
    MB = 1024 * KB,
    DAY = 24 * 60 * 60 * 1000,
};
#define GB ((uint64_t)1024 * MB)

enum { RESTART = 0, RELOAD = 1 };

typedef enum kind {
    ADDRESS, /* min 0: may be empty */
    AUTO,    /* a COUNT, or 0: auto */
    BOOL,
    CHOICE, /* an int; its words in `choices` */
    BYTES,  /* uint64_t */
    MILLIS, /* uint32_t */
    COUNT,  /* uint32_t */
    PATH,
    HOST,
    URL,
    NAME,
    REDIS,  /* a URL of Redis */
    SECRET, /* one line */
    PREFIX, /* of keys */
} kind;

/* The words of an enum, in the order of its values. */
static const char *const auths[] = { "auto", "none", "sigv4", NULL };
static const char *const deliveries[] = { "guaranteed", "best-effort", NULL };
static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const formats[] = { "text", "json", NULL };

#define AT(member) offsetof(struct gw_settings, member)

/* The order is that of the README: related things together. What is read
 * once, when listeners, workers, pools and the log are made, needs a
 * restart. */
static const struct row {
    const char *key;
    kind kind;
    size_t at;
    const char *initial;
    const char *initial_dev; /* NULL: the same */
    uint64_t min, max;
    const char *const *choices;
    int reload;
    const char *text;
} rows[] = {
    { "listen", ADDRESS, AT(listen), "0.0.0.0:8080", "127.0.0.1:8080", 1, 0,
      NULL, RESTART,
      "where clients connect: `0.0.0.0:8080`, `'[::]:8080'`, or `:8080` for "
      "every address" },
    { "admin", ADDRESS, AT(admin), "127.0.0.1:8081", NULL, 0, 0, NULL, RESTART,
      "health and metrics for the operator; empty: off" },
    { "workers", AUTO, AT(workers), "auto", NULL, 1, 64, NULL, RESTART,
      "threads that serve, 1 to 64; `auto`: as many as cores" },
    { "tls.certificate", PATH, AT(tls_certificate), "", NULL, 0, 0, NULL,
      RELOAD, "PEM file with the certificate chain; empty: plain text" },
    { "tls.key", PATH, AT(tls_key), "", NULL, 0, 0, NULL, RELOAD,
      "PEM file with its key" },
    { "managementAuth", CHOICE, AT(management_auth), "auto", "none", 0, 0,
      auths, RELOAD,
      "who may call `@connections`: `sigv4` whoever signs with one of the "
      "`credentials`, `none` everybody, `auto` `sigv4` if there are "
      "credentials" },
    { "region", NAME, AT(region), "", NULL, 0, 64, NULL, RELOAD,
      "the region that signatures must name; empty: any" },
    { "domainName", HOST, AT(domain_name), "", NULL, 0, 0, NULL, RELOAD,
      "`domainName` in events; empty: the `Host` the client used" },
    { "endpoint", URL, AT(endpoint), "", NULL, 0, 0, NULL, RELOAD,
      "callback base URL for `X-Gatewire-Endpoint`; empty: derived from the "
      "connection" },
    { "disconnectDelivery", CHOICE, AT(disconnect_delivery), "guaranteed", NULL,
      0, 0, deliveries, RESTART,
      "`guaranteed`: a `$disconnect` that did not reach its backend is tried "
      "again; `best-effort`: it is tried once" },
    { "disconnectRetryWindow", MILLIS, AT(disconnect_retry_window_ms), "1h",
      NULL, 0, 7U * DAY, NULL, RELOAD,
      "until when it is tried again; then it becomes a dead letter" },

    { "log.level", CHOICE, AT(log_level), "info", NULL, 0, 0, levels, RESTART,
      "`error`, `warn`, `info` or `debug`" },
    { "log.format", CHOICE, AT(log_format), "text", NULL, 0, 0, formats,
      RESTART, "`text` or `json`" },
    { "log.access", BOOL, AT(log_access), "false", "true", 0, 0, NULL, RELOAD,
      "one line per exchange" },

    { "limits.maxFrameBytes", BYTES, AT(max_frame_bytes), "32768", NULL, 0,
      1 * GB, NULL, RELOAD,
      "largest WebSocket frame from a client; beyond: 1009; 0: no limit" },
    { "limits.maxMessageBytes", BYTES, AT(max_message_bytes), "131072", NULL, 0,
      1 * GB, NULL, RELOAD,
      "largest message from a client, its frames together; beyond: 1009; 0: "
      "no limit" },
    { "limits.idleTimeout", MILLIS, AT(idle_timeout_ms), "10m", NULL, 0,
      30U * DAY, NULL, RELOAD,
      "a connection this long without traffic is closed (1001); 0: never" },
    { "limits.maxConnectionDuration", MILLIS, AT(max_connection_ms), "2h", NULL,
      0, 30U * DAY, NULL, RELOAD,
      "a connection this old is closed (1001); 0: never" },
    { "limits.pingIsActivity", BOOL, AT(ping_is_activity), "true", NULL, 0, 0,
      NULL, RELOAD, "do ping and pong frames count as traffic?" },
    { "limits.maxHeaderBytes", BYTES, AT(max_header_bytes), "10240", NULL, 256,
      1 * MB, NULL, RELOAD, "headers of a request together; beyond: 431" },
    { "limits.maxTargetBytes", BYTES, AT(max_target_bytes), "4096", NULL, 64,
      1 * MB, NULL, RELOAD, "path and query of a request; beyond: 414" },
    { "limits.maxBodyBytes", BYTES, AT(max_body_bytes), "10MB", NULL, 0, 1 * GB,
      NULL, RELOAD, "body of an HTTP request; beyond: 413" },
    { "limits.headTimeout", MILLIS, AT(head_timeout_ms), "10s", NULL, 1, DAY,
      NULL, RELOAD, "until a request's headers are there" },
    { "limits.bodyTimeout", MILLIS, AT(body_timeout_ms), "30s", NULL, 1, DAY,
      NULL, RELOAD, "until its body is there" },
    { "limits.keepAliveTimeout", MILLIS, AT(keep_alive_timeout_ms), "75s", NULL,
      1, DAY, NULL, RELOAD, "until the next request on a connection" },
    { "limits.maxPostBytes", BYTES, AT(max_post_bytes), "131072", NULL, 1,
      1 * GB, NULL, RELOAD, "message posted to `@connections`; beyond: 413" },
    { "limits.outQueueBytes", BYTES, AT(out_queue_bytes), "1MB", NULL, 64 * KB,
      1 * GB, NULL, RELOAD,
      "waiting to be sent to one client; beyond: it is closed (1008)" },
    { "limits.outQueueTotalBytes", BYTES, AT(out_queue_total_bytes), "256MB",
      NULL, 1, 1024 * GB, NULL, RELOAD,
      "waiting to be sent to all clients together" },
    { "limits.maxConnections", COUNT, AT(max_connections), "0", NULL, 0,
      100000000, NULL, RELOAD,
      "open connections; beyond: 503; 0: as many as files may be open" },
    { "limits.maxInFlightPerConnection", COUNT,
      AT(max_in_flight_per_connection), "64", NULL, 1, 65536, NULL, RELOAD,
      "messages of one client being handled; beyond: its socket is not read" },
    { "limits.maxConnectionsPerAddress", COUNT, AT(max_connections_per_address),
      "0", NULL, 0, 100000000, NULL, RELOAD,
      "connections from one address; beyond: 429; 0: no limit" },
    { "limits.handshakesPerSecondPerAddress", COUNT,
      AT(handshakes_per_second_per_address), "0", NULL, 0, 1000000, NULL,
      RELOAD, "handshakes from one address; beyond: 429; 0: no limit" },
    { "limits.responseBytes", BYTES, AT(response_bytes), "10MB", NULL, 1,
      1 * GB, NULL, RESTART, "answer of a backend; beyond: it failed" },
    { "limits.upstreamIdleConnections", COUNT, AT(upstream_idle_connections),
      "64", NULL, 0, 65536, NULL, RESTART,
      "connections to one backend kept open, per worker" },
    { "limits.pushTimeout", MILLIS, AT(push_timeout_ms), "2s", NULL, 1,
      60U * 60 * 1000, NULL, RELOAD,
      "how long a post to a client of another worker may take" },
    { "limits.functionQueue", COUNT, AT(function_queue), "1000", NULL, 0,
      1000000, NULL, RELOAD,
      "invocations of one function that wait for a runtime; beyond: refused" },

    { "drain.window", MILLIS, AT(drain_window_ms), "10s", "0", 0, DAY, NULL,
      RELOAD,
      "on SIGTERM, connections are closed (1012) spread over this time" },
    { "drain.maxRate", COUNT, AT(drain_max_rate), "0", NULL, 0, 1000000, NULL,
      RELOAD,
      "of them at most so many a second, if that takes longer; 0: no limit" },
    { "upstream.ca", PATH, AT(upstream_ca), "", NULL, 0, 0, NULL, RESTART,
      "PEM file with the authorities backends are checked against; empty: "
      "the system's" },

    { "lambda.endpoint", URL, AT(lambda_endpoint), "", NULL, 0, 0, NULL, RELOAD,
      "where functions that an ARN names are invoked; empty: the original's "
      "endpoint of their region" },
    { "lambda.accessKeyId", NAME, AT(lambda_access_key_id), "", NULL, 0, 128,
      NULL, RELOAD,
      "who invokes functions; empty: `AWS_ACCESS_KEY_ID` and its like in the "
      "environment; without those too, calls are not signed" },
    { "lambda.secretAccessKey", SECRET, AT(lambda_secret), "", NULL, 0, 1024,
      NULL, RELOAD, "the secret of it, better from the environment" },
    { "lambda.secretAccessKeyFile", PATH, AT(lambda_secret_file), "", NULL, 0,
      0, NULL, RELOAD, "or a file that holds it" },
    { "lambda.sessionToken", SECRET, AT(lambda_session_token), "", NULL, 0,
      4096, NULL, RELOAD, "of temporary credentials" },

    { "tables.endpoint", URL, AT(tables_endpoint), "", NULL, 0, 0, NULL, RELOAD,
      "where functions that are run here find their tables, handed to them as "
      "`AWS_ENDPOINT_URL_DYNAMODB`; empty: they are not told" },

    { "redis", REDIS, AT(redis), "", NULL, 0, 0, NULL, RESTART,
      "the Redis that makes many processes one gateway: "
      "`redis://[user:pass@]host[:port][/db]`, "
      "`redis-sentinel://host[:port],.../name` or `unix:///path[?db=N]`; "
      "empty: this process is alone" },
    { "redisUser", NAME, AT(redis_user), "", NULL, 0, GW_REDIS_TEXT_MAX, NULL,
      RESTART, "who we are there, if the URL does not say" },
    { "redisPassword", SECRET, AT(redis_password), "", NULL, 0,
      GW_REDIS_TEXT_MAX, NULL, RESTART,
      "its password, better from the environment" },
    { "redisPasswordFile", PATH, AT(redis_password_file), "", NULL, 0, 0, NULL,
      RESTART, "or a file that holds it, read at the start" },
    { "redisPrefix", PREFIX, AT(redis_prefix), "gatewire:", NULL, 0, 64, NULL,
      RESTART, "what the names of its keys and channels begin with" },
    { "requireRedis", BOOL, AT(require_redis), "false", NULL, 0, 0, NULL,
      RESTART,
      "do not start without it (exit 69); otherwise the process starts, "
      "refuses connections, and joins when Redis is there" },
    { "node", AUTO, AT(node), "auto", NULL, 1, UINT16_MAX, NULL, RESTART,
      "this process among those that share a Redis, 1 to 65535, no two the "
      "same; `auto`: drawn at the start" },
};
_Static_assert(GW_LEN(rows) <= GW_SETTINGS_MAX, "raise GW_SETTINGS_MAX");

unsigned gw_settings_count(void)
{
    return GW_LEN(rows);
}

const char *gw_setting_key(unsigned setting)
{
    return rows[setting].key;
}

int gw_setting_find(gw_str key)
{
    for (unsigned i = 0; i < GW_LEN(rows); i++)
        if (gw_str_eq(key, gw_str_of(rows[i].key)))
            return (int)i;
    return -1;
}

bool gw_setting_is_secret(unsigned setting)
{
    return rows[setting].kind == SECRET;
}

bool gw_setting_is_reloadable(unsigned setting)
{
    return rows[setting].reload == RELOAD;
}

void gw_setting_variable(unsigned setting, char out[GW_SETTING_VARIABLE_MAX])
{
    size_t n = sizeof("GATEWIRE_") - 1;

    memcpy(out, "GATEWIRE_", n);
    for (const char *c = rows[setting].key; *c; c++) {
        GW_ASSERT(n + 3 < GW_SETTING_VARIABLE_MAX);
        if (*c >= 'A' && *c <= 'Z')
            out[n++] = '_';
        if (*c == '.')
            out[n++] = '_';
        else
            out[n++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    }
    out[n] = '\0';
}

/* --- reading --------------------------------------------------------- */

gw_err gw_address_read(gw_str text, struct gw_address *out,
                       struct gw_fault *why)
{
    gw_str host = text, port = GW_EMPTY;
    uint64_t number;
    bool ok;

    *out = (struct gw_address){ .text = text, .host = GW_EMPTY };
    for (size_t i = text.len; i > 0; i--)
        if (text.at[i - 1] == ':') {
            host = gw_str_head(text, i - 1);
            port = gw_str_skip(text, i);
            break;
        }
    if (gw_str_starts(host, GW_LIT("[")) && gw_str_ends(host, GW_LIT("]"))) {
        host = gw_str_head(gw_str_skip(host, 1), host.len - 2);
        ok = host.len && gw_str_is_of(host, ":.%");
    } else {
        ok = gw_str_is_of(host, "-._");
    }
    if (!ok || host.len > 253 || !gw_str_to_u64(port, &number) ||
        number > UINT16_MAX)
        return gw_fail(why, GW_E_INVALID,
                       "expected an address and a port, such as 0.0.0.0:8080, "
                       "[::]:8080 or :8080");
    out->host = host;
    out->port = (uint16_t)number;
    return GW_OK;
}

static gw_err read_address(const struct row *row, gw_str text,
                           struct gw_address *out, struct gw_fault *why)
{
    if (text.len || row->min)
        return gw_address_read(text, out, why);
    *out = (struct gw_address){ .text = text, .host = GW_EMPTY };
    return GW_OK;
}

static gw_err read_choice(const struct row *row, gw_str text, int *out,
                          struct gw_fault *why)
{
    char list[128] = "";
    size_t n = 0;

    for (int i = 0; row->choices[i]; i++) {
        if (gw_str_eq(text, gw_str_of(row->choices[i]))) {
            *out = i;
            return GW_OK;
        }
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
                              row->choices[i]);
    }
    return gw_fail(why, GW_E_INVALID, "expected one of %s", list);
}

/* A number and a unit; the plain number is in the unit 1. */
static const struct unit {
    const char *name;
    uint64_t factor;
} sizes[] = { { "GB", GB }, { "MB", MB }, { "KB", KB }, { "", 1 } },
  spans[] = { { "ms", 1 },
              { "s", 1000 },
              { "m", 60 * 1000 },
              { "h", 60 * 60 * 1000 },
              { "", 1 } };

static bool read_quantity(gw_str text, const struct unit *units, size_t count,
                          uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        gw_str unit = gw_str_of(units[i].name);
        uint64_t number;

        if (gw_str_ends(text, unit) &&
            gw_str_to_u64(gw_str_head(text, text.len - unit.len), &number))
            return !__builtin_mul_overflow(number, units[i].factor, out);
    }
    return false;
}

static void print_size(uint64_t bytes, char *out, size_t room)
{
    if (bytes && bytes % GB == 0)
        snprintf(out, room, "%lluGB", (unsigned long long)(bytes / GB));
    else if (bytes && bytes % MB == 0)
        snprintf(out, room, "%lluMB", (unsigned long long)(bytes / MB));
    else
        snprintf(out, room, "%llu", (unsigned long long)bytes);
}

static void print_span(uint64_t ms, char *out, size_t room)
{
    size_t best = 0;

    for (size_t i = 1; ms && i < GW_LEN(spans) - 1; i++)
        if (ms % spans[i].factor == 0)
            best = i;
    snprintf(out, room, "%llu%s", (unsigned long long)(ms / spans[best].factor),
             ms ? spans[best].name : "");
}

static gw_err read_size(const struct row *row, gw_str text, uint64_t *out,
                        struct gw_fault *why)
{
    char min[32], max[32];

    if (read_quantity(text, sizes, GW_LEN(sizes), out) && *out >= row->min &&
        *out <= row->max)
        return GW_OK;
    print_size(row->min, min, sizeof(min));
    print_size(row->max, max, sizeof(max));
    return gw_fail(why, GW_E_INVALID,
                   "expected a size from %s to %s, such as 4096, 32KB or 1MB",
                   min, max);
}

static gw_err read_span(const struct row *row, gw_str text, uint32_t *out,
                        struct gw_fault *why)
{
    char min[32], max[32];
    uint64_t ms;

    if (read_quantity(text, spans, GW_LEN(spans), &ms) && ms >= row->min &&
        ms <= row->max) {
        *out = (uint32_t)ms;
        return GW_OK;
    }
    print_span(row->min, min, sizeof(min));
    print_span(row->max, max, sizeof(max));
    return gw_fail(why, GW_E_INVALID,
                   "expected a duration from %s to %s, such as 500ms, 10s, "
                   "10m or 2h",
                   min, max);
}

static gw_err read_count(const struct row *row, gw_str text, uint32_t *out,
                         struct gw_fault *why)
{
    const char *or_auto = row->kind == AUTO ? "auto, or " : "";
    uint64_t number;

    if (row->kind == AUTO && gw_str_eq(text, GW_LIT("auto"))) {
        *out = 0;
        return GW_OK;
    }
    if (!gw_str_to_u64(text, &number) || number < row->min || number > row->max)
        return gw_fail(why, GW_E_INVALID,
                       "expected %sa whole number from %u to %u", or_auto,
                       (unsigned)row->min, (unsigned)row->max);
    *out = (uint32_t)number;
    return GW_OK;
}

static gw_err read_bool(gw_str text, bool *out, struct gw_fault *why)
{
    *out = gw_str_eq(text, GW_LIT("true"));
    if (!*out && !gw_str_eq(text, GW_LIT("false")))
        return gw_fail(why, GW_E_INVALID, "expected true or false");
    return GW_OK;
}

static gw_err read_path(gw_str text, gw_str folder, struct gw_arena *a,
                        gw_str *out, struct gw_fault *why)
{
    bool relative = text.len && text.at[0] != '/';
    char *joined;

    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
            return gw_fail(why, GW_E_INVALID, "expected the path of a file");
    if (text.len > 1024 || !gw_utf8_is_valid(text))
        return gw_fail(why, GW_E_INVALID, "expected the path of a file");
    if (!relative || folder.len == 0) {
        *out = text;
        return GW_OK;
    }
    joined = gw_arena_alloc(a, folder.len + text.len + 1);
    if (!joined)
        return gw_fail(why, GW_E_TOO_BIG, "too long");
    memcpy(joined, folder.at, folder.len);
    memcpy(joined + folder.len, text.at, text.len);
    *out = (gw_str){ joined, folder.len + text.len };
    return GW_OK;
}

static gw_err read_host(gw_str text, gw_str *out, struct gw_fault *why)
{
    if (text.len > 255 || !gw_str_is_of(text, "-._:[]"))
        return gw_fail(why, GW_E_INVALID,
                       "expected a name such as chat.example.com");
    *out = text;
    return GW_OK;
}

static gw_err read_url(gw_str text, gw_str *out, struct gw_fault *why)
{
    gw_str rest = text;

    *out = text;
    if (text.len == 0)
        return GW_OK;
    if (gw_str_starts(text, GW_LIT("https://")))
        rest = gw_str_skip(text, 8);
    else if (gw_str_starts(text, GW_LIT("http://")))
        rest = gw_str_skip(text, 7);
    if (rest.len == text.len || rest.len == 0 || text.len > 1024 ||
        !gw_str_is_of(rest, "-._~:/[]%") || rest.at[rest.len - 1] == '/')
        return gw_fail(why, GW_E_INVALID,
                       "expected a URL such as https://chat.example.com/dev, "
                       "without a slash at its end");
    return GW_OK;
}

static gw_err read_name(const struct row *row, gw_str text, gw_str *out,
                        struct gw_fault *why)
{
    if (text.len < row->min || text.len > row->max || !gw_str_is_of(text, "-_"))
        return gw_fail(why, GW_E_INVALID,
                       "expected letters, digits, '-' and '_', %u to %u of "
                       "them",
                       (unsigned)row->min, (unsigned)row->max);
    *out = text;
    return GW_OK;
}

/* Kept as it is written; here it is only judged. */
static gw_err read_redis(gw_str text, gw_str *out, struct gw_fault *why)
{
    struct gw_redis_url url;
    struct gw_arena a;
    gw_err err = GW_OK;

    gw_arena_init(&a, 64 * KB);
    if (text.len)
        err = gw_redis_url_read(&a, text, &url, why);
    gw_arena_fini(&a);
    *out = text;
    return err;
}

static gw_err read_secret(const struct row *row, gw_str text, gw_str *out,
                          struct gw_fault *why)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
            return gw_fail(why, GW_E_INVALID, "expected one line, the secret");
    if (text.len > row->max)
        return gw_fail(why, GW_E_INVALID, "expected at most %u bytes",
                       (unsigned)row->max);
    *out = text;
    return GW_OK;
}

/* No braces, which are Redis Cluster's, nor what patterns of an ACL mean. */
static gw_err read_prefix(const struct row *row, gw_str text, gw_str *out,
                          struct gw_fault *why)
{
    if (text.len > row->max || !gw_str_is_of(text, "-_.:/"))
        return gw_fail(why, GW_E_INVALID,
                       "expected letters, digits, '-', '_', '.', ':' and '/', "
                       "at most %u of them",
                       (unsigned)row->max);
    *out = text;
    return GW_OK;
}

/* A failed read leaves a member in an unknown state: the caller gives up. */
static gw_err read_value(const struct row *row, void *member, gw_str text,
                         gw_str folder, struct gw_arena *a,
                         struct gw_fault *why)
{
    switch (row->kind) {
    case ADDRESS:
        return read_address(row, text, member, why);
    case BOOL:
        return read_bool(text, member, why);
    case CHOICE:
        return read_choice(row, text, member, why);
    case BYTES:
        return read_size(row, text, member, why);
    case MILLIS:
        return read_span(row, text, member, why);
    case AUTO:
    case COUNT:
        return read_count(row, text, member, why);
    case PATH:
        return read_path(text, folder, a, member, why);
    case HOST:
        return read_host(text, member, why);
    case URL:
        return read_url(text, member, why);
    case NAME:
        return read_name(row, text, member, why);
    case REDIS:
        return read_redis(text, member, why);
    case SECRET:
        return read_secret(row, text, member, why);
    case PREFIX:
        return read_prefix(row, text, member, why);
    }
    return GW_E_INVALID;
}

gw_err gw_setting_read(struct gw_settings *s, unsigned setting, gw_str text,
                       gw_str folder, struct gw_arena *a, struct gw_fault *why)
{
    const struct row *row = &rows[setting];

    if (gw_arena_dup(a, text, &text))
        return gw_fail(why, GW_E_TOO_BIG, "too long");
    return read_value(row, (char *)s + row->at, text, folder, a, why);
}

void gw_settings_init(struct gw_settings *s, bool dev)
{
    *s = (struct gw_settings){ 0 };
    for (unsigned i = 0; i < GW_LEN(rows); i++) {
        const struct row *row = &rows[i];
        bool other = dev && row->initial_dev;
        const char *text = other ? row->initial_dev : row->initial;
        gw_err err = read_value(row, (char *)s + row->at, gw_str_of(text),
                                GW_EMPTY, NULL, NULL);

        GW_ASSERT(err == GW_OK);
    }
}

/* --- printing -------------------------------------------------------- */

static gw_err print_redis(gw_str text, struct gw_buf *out)
{
    struct gw_redis_url url;
    struct gw_arena a;
    gw_err err = GW_OK;

    gw_arena_init(&a, 64 * KB);
    if (text.len)
        err = gw_redis_url_read(&a, text, &url, NULL);
    if (text.len && !err)
        err = gw_redis_url_print(&url, out);
    gw_arena_fini(&a);
    return err;
}

gw_err gw_setting_print(const struct gw_settings *s, unsigned setting,
                        struct gw_buf *out)
{
    const struct row *row = &rows[setting];
    const void *member = (const char *)s + row->at;
    char text[32];

    switch (row->kind) {
    case ADDRESS:
        return gw_buf_add(out, ((const struct gw_address *)member)->text);
    case BOOL:
        return gw_buf_addf(out, "%s", *(const bool *)member ? "true" : "false");
    case CHOICE:
        return gw_buf_addf(out, "%s", row->choices[*(const int *)member]);
    case BYTES:
        print_size(*(const uint64_t *)member, text, sizeof(text));
        return gw_buf_addf(out, "%s", text);
    case MILLIS:
        print_span(*(const uint32_t *)member, text, sizeof(text));
        return gw_buf_addf(out, "%s", text);
    case AUTO:
        if (*(const uint32_t *)member == 0)
            return gw_buf_add(out, GW_LIT("auto"));
        return gw_buf_addf(out, "%u", *(const uint32_t *)member);
    case COUNT:
        return gw_buf_addf(out, "%u", *(const uint32_t *)member);
    case PATH:
    case HOST:
    case URL:
    case NAME:
    case PREFIX:
        return gw_buf_add(out, *(const gw_str *)member);
    case REDIS:
        return print_redis(*(const gw_str *)member, out);
    case SECRET:
        return gw_buf_addf(out, "%s",
                           ((const gw_str *)member)->len ? "****" : "");
    }
    return GW_E_INVALID;
}

bool gw_setting_same(unsigned setting, const struct gw_settings *a,
                     const struct gw_settings *b)
{
    const struct row *row = &rows[setting];
    struct gw_buf x, y;
    bool same;

    /* what is masked looks the same when it is not */
    if (row->kind == REDIS || row->kind == SECRET)
        return gw_str_eq(*(const gw_str *)((const char *)a + row->at),
                         *(const gw_str *)((const char *)b + row->at));

    gw_buf_init(&x, 64 * KB);
    gw_buf_init(&y, 64 * KB);
    same = gw_setting_print(a, setting, &x) == GW_OK &&
           gw_setting_print(b, setting, &y) == GW_OK &&
           gw_str_eq(gw_buf_str(&x), gw_buf_str(&y));
    gw_buf_fini(&x);
    gw_buf_fini(&y);
    return same;
}

/* A character of valid UTF-8. */
static uint32_t take_scalar(gw_str *text)
{
    unsigned char first = (unsigned char)text->at[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t scalar = len == 1 ? first : first & (0x7fu >> len);

    for (size_t i = 1; i < len; i++)
        scalar = scalar << 6 | ((unsigned char)text->at[i] & 0x3f);
    *text = gw_str_skip(*text, len);
    return scalar;
}

/* As a YAML scalar: bare where that is safe, else in double quotes and in
 * ASCII, because YAML folds and refuses some characters beyond it. */
static gw_err print_scalar(gw_str text, struct gw_buf *out)
{
    gw_err err;

    if (text.len && text.at[0] != '-' && text.at[0] != '.' &&
        !gw_str_eq(text, GW_LIT("null")) && gw_str_is_of(text, "-._/:") &&
        text.at[text.len - 1] != ':')
        return gw_buf_add(out, text);
    err = gw_buf_add(out, GW_LIT("\""));
    while (text.len && !err) {
        uint32_t c = take_scalar(&text);

        if (c == '"' || c == '\\')
            err = gw_buf_addf(out, "\\%c", (int)c);
        else if (c >= 0x20 && c < 0x7f)
            err = gw_buf_addf(out, "%c", (int)c);
        else
            err = gw_buf_addf(out, "\\U%08X", (unsigned)c);
    }
    return err ? err : gw_buf_add(out, GW_LIT("\""));
}

static gw_err print_origin(const struct gw_setting_origin *origin,
                           struct gw_buf *out)
{
    gw_err err = gw_buf_add(out, GW_LIT("  # "));

    if (origin->kind == GW_ORIGIN_DEFAULT)
        return err ? err : gw_buf_add(out, GW_LIT("default"));
    for (size_t i = 0; i < origin->name.len && !err; i++) {
        char c = origin->name.at[i]; /* stays inside the comment */

        err = gw_buf_addf(out, "%c", c >= 0x20 && c < 0x7f ? c : '?');
    }
    if (origin->kind == GW_ORIGIN_FILE && !err)
        err = gw_buf_addf(out, ":%u", origin->line);
    return err;
}

static gw_err print_line(const struct gw_settings *s,
                         const struct gw_setting_origin *origin, unsigned i,
                         const char *name, struct gw_buf *out)
{
    bool nested = name != rows[i].key;
    struct gw_buf value;
    gw_err err = gw_buf_addf(out, "%s%s: ", nested ? "  " : "", name);

    gw_buf_init(&value, 64 * KB);
    if (!err)
        err = gw_setting_print(s, i, &value);
    if (!err)
        err = print_scalar(gw_buf_str(&value), out);
    if (!err && origin)
        err = print_origin(origin, out);
    gw_buf_fini(&value);
    return err ? err : gw_buf_add(out, GW_LIT("\n"));
}

gw_err gw_settings_print(const struct gw_settings *s,
                         const struct gw_setting_origin *origins,
                         struct gw_buf *out)
{
    gw_str group = GW_EMPTY;

    /* rows of a group stand together */
    for (unsigned i = 0; i < GW_LEN(rows); i++) {
        const char *dot = strchr(rows[i].key, '.');
        gw_str mine = { rows[i].key, dot ? (size_t)(dot - rows[i].key) : 0 };
        gw_err err = GW_OK;

        if (mine.len && !gw_str_eq(mine, group))
            err = gw_buf_addf(out, "%.*s:\n", GW_FMT(mine));
        group = mine;
        if (!err)
            err = print_line(s, origins ? &origins[i] : NULL, i,
                             dot ? dot + 1 : rows[i].key, out);
        if (err)
            return err;
    }
    return GW_OK;
}

static gw_err document_row(const struct row *row, struct gw_buf *out)
{
    char variable[GW_SETTING_VARIABLE_MAX];
    const char *tick = row->initial[0] ? "`" : "";
    gw_err err;

    gw_setting_variable((unsigned)(row - rows), variable);
    err =
        gw_buf_addf(out, "| `%s` | %s%s%s", row->key, tick, row->initial, tick);
    if (!err && row->initial_dev)
        err = gw_buf_addf(out, " (`dev`: `%s`)", row->initial_dev);
    if (!err)
        err = gw_buf_addf(out, " | `%s` | %s | %s |\n", variable,
                          row->reload == RELOAD ? "reload" : "restart",
                          row->text);
    return err;
}

/* Not in the table of rows, being a list. */
static const char credentials_row[] =
    "| `credentials` |  | `GATEWIRE_CREDENTIALS` | reload | who may call "
    "`@connections`: a list of `accessKeyId` and either `secretAccessKeyFile` "
    "or `secretAccessKey`; in the environment `ID:SECRET`, several with "
    "commas between them |\n";

gw_err gw_settings_document(struct gw_buf *out)
{
    gw_err err = gw_buf_add(
        out, GW_LIT("| Setting | Default | Environment | Takes effect on | "
                    "Meaning |\n|---|---|---|---|---|\n"));

    for (unsigned i = 0; i < GW_LEN(rows) && !err; i++)
        err = document_row(&rows[i], out);
    return err ? err : gw_buf_add(out, gw_str_of(credentials_row));
}

/* Four numbers, the first of them 127: a name such as 127.example.com could
 * lead anywhere. */
static bool is_loopback_v4(gw_str host)
{
    uint64_t number = 0;

    for (int part = 0; part < 4; part++) {
        gw_str digits = part < 3 ? gw_str_cut(&host, '.') : host;

        if (!gw_str_to_u64(digits, &number) || number > 255 ||
            (part == 0 && number != 127))
            return false;
    }
    return true;
}

bool gw_address_is_loopback(const struct gw_address *address)
{
    return gw_str_eq_nocase(address->host, GW_LIT("localhost")) ||
           gw_str_eq(address->host, GW_LIT("::1")) ||
           is_loopback_v4(address->host);
}
