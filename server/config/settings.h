/*
 * The settings: one plain struct, and one table (settings.c) that parses,
 * checks, prints and documents it.
 *
 * To add a setting: 1 the member here, 2 its row in settings.c (its default,
 * bounds and sentence), 3 what
 * `gatewire --print-settings-table` says into the README.
 */
#ifndef GW_CONFIG_SETTINGS_H
#define GW_CONFIG_SETTINGS_H

#include "protocol/base/arena.h"
#include "protocol/base/buf.h"
#include "protocol/base/log.h"

/* "127.0.0.1:8080", "[::]:8080", ":8080" (every address). */
struct gw_address {
    gw_str text;   /* as written; empty: off */
    gw_str host;   /* without brackets; empty: every address */
    uint16_t port; /* 0: a free one */
};

typedef enum gw_management_auth {
    GW_MANAGEMENT_AUTO, /* signatures if there are credentials */
    GW_MANAGEMENT_NONE,
    GW_MANAGEMENT_SIGV4,
} gw_management_auth;

typedef enum gw_disconnect_delivery {
    GW_DISCONNECT_GUARANTEED,
    GW_DISCONNECT_BEST_EFFORT,
} gw_disconnect_delivery;

typedef enum gw_log_format { GW_LOG_TEXT, GW_LOG_JSON } gw_log_format;

/* Texts are NUL-terminated behind their len. Sizes are in bytes. */
struct gw_settings {
    struct gw_address listen, admin;
    uint32_t workers; /* 0: auto */

    gw_str tls_certificate, tls_key; /* paths; both or neither */
    gw_management_auth management_auth;
    gw_str region;      /* empty: any */
    gw_str domain_name; /* empty: the Host the client used */
    gw_str endpoint;    /* empty: derived; no slash at its end */
    gw_disconnect_delivery disconnect_delivery;
    uint32_t disconnect_retry_window_ms;

    gw_log_level log_level;
    gw_log_format log_format;
    bool log_access;

    /* Of a connection; 0: no limit. */
    uint64_t max_frame_bytes, max_message_bytes;
    uint32_t idle_timeout_ms, max_connection_ms;
    bool ping_is_activity;

    /* Of an HTTP request. */
    uint64_t max_header_bytes, max_target_bytes, max_body_bytes;
    uint32_t head_timeout_ms, body_timeout_ms, keep_alive_timeout_ms;
    uint64_t max_post_bytes;

    uint64_t out_queue_bytes;       /* per connection */
    uint64_t out_queue_total_bytes; /* per process */

    uint32_t max_connections; /* 0: bounded by open files only */
    uint32_t max_in_flight_per_connection;
    uint32_t max_connections_per_address;       /* 0: no limit */
    uint32_t handshakes_per_second_per_address; /* 0: no limit */

    uint64_t response_bytes; /* of a backend's answer */
    uint32_t upstream_idle_connections;
    uint32_t push_timeout_ms;
    uint32_t function_queue; /* of each function */
    uint32_t drain_window_ms;
    uint32_t drain_max_rate; /* closed per second; 0: no limit */
    gw_str upstream_ca;      /* a path; empty: the system's */

    gw_str lambda_endpoint; /* empty: the original's */
    gw_str lambda_access_key_id, lambda_secret, lambda_secret_file;
    gw_str lambda_session_token;

    gw_str tables_endpoint; /* empty: none; no slash at its end */

    gw_str redis; /* a URL that gw_redis_url_read takes; empty: none */
    gw_str redis_user, redis_password, redis_password_file;
    gw_str redis_prefix;
    bool require_redis;
    uint32_t node; /* 0: drawn at the start */
};

/* Where a value came from. */
struct gw_setting_origin {
    enum {
        GW_ORIGIN_DEFAULT,
        GW_ORIGIN_FILE,
        GW_ORIGIN_ENVIRONMENT,
        GW_ORIGIN_FLAG,
    } kind;
    unsigned line; /* FILE */
    gw_str name;   /* FILE: the file; ENVIRONMENT, FLAG: the name */
};

enum { GW_SETTINGS_MAX = 64 };

/* Settings by number, 0 to gw_settings_count() - 1, in the table's order. */
unsigned gw_settings_count(void);
const char *gw_setting_key(unsigned setting); /* "limits.maxFrameBytes" */
int gw_setting_find(gw_str key);              /* -1: there is none */

/* "GATEWIRE_LIMITS_MAX_FRAME_BYTES" */
enum { GW_SETTING_VARIABLE_MAX = 96 };
void gw_setting_variable(unsigned setting, char out[GW_SETTING_VARIABLE_MAX]);

void gw_settings_init(struct gw_settings *s, bool dev); /* the defaults */

/* Reads one value. `folder` (with its slash, or empty) is what relative paths
 * are relative to. *why says what was expected. */
gw_err gw_setting_read(struct gw_settings *s, unsigned setting, gw_str text,
                       gw_str folder, struct gw_arena *a,
                       struct gw_fault *why) GW_MUST_CHECK;

/* Secrets do not belong on a command line, nor in what is printed. */
bool gw_setting_is_secret(unsigned setting);

/* The value as gw_setting_read takes it; passwords are masked. */
gw_err gw_setting_print(const struct gw_settings *s, unsigned setting,
                        struct gw_buf *out) GW_MUST_CHECK;
bool gw_setting_same(unsigned setting, const struct gw_settings *a,
                     const struct gw_settings *b);
bool gw_setting_is_reloadable(unsigned setting);

/* All of them as YAML; origins (one a setting) may be NULL. */
gw_err gw_settings_print(const struct gw_settings *s,
                         const struct gw_setting_origin *origins,
                         struct gw_buf *out) GW_MUST_CHECK;

/* The README's table, in Markdown. */
gw_err gw_settings_document(struct gw_buf *out) GW_MUST_CHECK;

/* Views into the text. *why says what was expected. */
gw_err gw_address_read(gw_str text, struct gw_address *out,
                       struct gw_fault *why) GW_MUST_CHECK;

/* 127.0.0.0/8, ::1, "localhost". */
bool gw_address_is_loopback(const struct gw_address *address);

#endif
