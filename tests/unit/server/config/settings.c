#include "server/config/settings.h"

#include "tests/support/suite.h"

static unsigned number_of(const char *key)
{
    int setting = gw_setting_find(gw_str_of(key));

    ck_assert_msg(setting >= 0, "%s", key);
    return (unsigned)setting;
}

/* The limits are the original's (websocket-api.md 8), the others what the
 * README promises. Printed the way they are read. */
static const struct {
    const char *key, *initial, *initial_dev;
} defaults[] = {
    { "listen", "0.0.0.0:8080", "127.0.0.1:8080" },
    { "admin", "127.0.0.1:8081", "127.0.0.1:8081" },
    { "workers", "auto", "auto" },
    { "tls.certificate", "", "" },
    { "tls.key", "", "" },
    { "managementAuth", "auto", "none" },
    { "region", "", "" },
    { "domainName", "", "" },
    { "endpoint", "", "" },
    { "disconnectDelivery", "guaranteed", "guaranteed" },
    { "disconnectRetryWindow", "1h", "1h" },
    { "log.level", "info", "info" },
    { "log.format", "text", "text" },
    { "log.access", "false", "true" },
    { "limits.maxFrameBytes", "32768", "32768" },
    { "limits.maxMessageBytes", "131072", "131072" },
    { "limits.idleTimeout", "10m", "10m" },
    { "limits.maxConnectionDuration", "2h", "2h" },
    { "limits.pingIsActivity", "true", "true" },
    { "limits.maxHeaderBytes", "10240", "10240" },
    { "limits.maxTargetBytes", "4096", "4096" },
    { "limits.maxBodyBytes", "10MB", "10MB" },
    { "limits.headTimeout", "10s", "10s" },
    { "limits.bodyTimeout", "30s", "30s" },
    { "limits.keepAliveTimeout", "75s", "75s" },
    { "limits.maxPostBytes", "131072", "131072" },
    { "limits.outQueueBytes", "1MB", "1MB" },
    { "limits.outQueueTotalBytes", "256MB", "256MB" },
    { "limits.maxConnections", "0", "0" },
    { "limits.maxInFlightPerConnection", "64", "64" },
    { "limits.maxConnectionsPerAddress", "0", "0" },
    { "limits.handshakesPerSecondPerAddress", "0", "0" },
    { "limits.responseBytes", "10MB", "10MB" },
    { "limits.upstreamIdleConnections", "64", "64" },
    { "limits.pushTimeout", "2s", "2s" },
    { "limits.functionQueue", "1000", "1000" },
    { "drain.window", "10s", "0" },
    { "drain.maxRate", "0", "0" },
    { "upstream.ca", "", "" },
    { "redis", "", "" },
    { "redisUser", "", "" },
    { "redisPassword", "", "" },
    { "redisPasswordFile", "", "" },
    { "lambda.endpoint", "", "" },
    { "lambda.accessKeyId", "", "" },
    { "lambda.secretAccessKey", "", "" },
    { "lambda.secretAccessKeyFile", "", "" },
    { "lambda.sessionToken", "", "" },
    { "tables.endpoint", "", "" },
    { "redisPrefix", "gatewire:", "gatewire:" },
    { "requireRedis", "false", "false" },
    { "node", "auto", "auto" },
};

static void check_print(const struct gw_settings *s, const char *key,
                        const char *want)
{
    struct gw_buf out;

    gw_buf_init(&out, 4096);
    ck_assert(gw_setting_print(s, number_of(key), &out) == GW_OK);
    ck_assert_gw_str(gw_buf_str(&out), gw_str_of(want));
    gw_buf_fini(&out);
}

START_TEST(defaults_are_as_documented)
{
    struct gw_settings serve, dev;

    gw_settings_init(&serve, false);
    gw_settings_init(&dev, true);
    check_print(&serve, defaults[_i].key, defaults[_i].initial);
    check_print(&dev, defaults[_i].key, defaults[_i].initial_dev);
    ck_assert_uint_eq(gw_settings_count(), GW_LEN(defaults));
}
END_TEST

START_TEST(default_limits_are_in_plain_units)
{
    struct gw_settings s;

    gw_settings_init(&s, false);
    ck_assert_uint_eq(s.max_frame_bytes, 32 * 1024);
    ck_assert_uint_eq(s.max_message_bytes, 128 * 1024);
    ck_assert_uint_eq(s.idle_timeout_ms, 600000);
    ck_assert_uint_eq(s.max_connection_ms, 7200000);
    ck_assert_uint_eq(s.max_body_bytes, 10485760);
    ck_assert_uint_eq(s.keep_alive_timeout_ms, 75000);
    ck_assert(s.ping_is_activity);
}
END_TEST

/* want NULL: refused; else how it prints */
static const struct {
    const char *key, *text, *want;
} values[] = {
    { "listen", "127.0.0.1:0", "127.0.0.1:0" },
    { "listen", ":8080", ":8080" },
    { "listen", "[::]:8080", "[::]:8080" },
    { "listen", "[fe80::1%eth0]:65535", "[fe80::1%eth0]:65535" },
    { "listen", "localhost:80", "localhost:80" },
    { "listen", "", NULL },
    { "listen", "8080", NULL },
    { "listen", "127.0.0.1", NULL },
    { "listen", "127.0.0.1:", NULL },
    { "listen", "127.0.0.1:65536", NULL },
    { "listen", "127.0.0.1:+80", NULL },
    { "listen", "::1:8080", NULL },
    { "listen", "[]:8080", NULL },
    { "listen", "[::1:8080", NULL },
    { "listen", "http://a:80", NULL },
    { "admin", "", "" },
    { "admin", "off", NULL },
    { "workers", "auto", "auto" },
    { "workers", "1", "1" },
    { "workers", "64", "64" },
    { "workers", "0", NULL },
    { "workers", "65", NULL },
    { "workers", "many", NULL },
    { "workers", "-1", NULL },
    { "managementAuth", "sigv4", "sigv4" },
    { "managementAuth", "none", "none" },
    { "managementAuth", "NONE", NULL },
    { "managementAuth", "", NULL },
    { "log.level", "debug", "debug" },
    { "log.level", "verbose", NULL },
    { "log.format", "json", "json" },
    { "log.access", "true", "true" },
    { "log.access", "yes", NULL },
    { "log.access", "1", NULL },
    { "limits.maxFrameBytes", "0", "0" },
    { "limits.maxFrameBytes", "32KB", "32768" },
    { "limits.maxFrameBytes", "1MB", "1MB" },
    { "limits.maxFrameBytes", "1048576", "1MB" },
    { "limits.maxFrameBytes", "1GB", "1GB" },
    { "limits.maxFrameBytes", "2GB", NULL },
    { "limits.maxFrameBytes", "32kb", NULL },
    { "limits.maxFrameBytes", "32 KB", NULL },
    { "limits.maxFrameBytes", "1.5MB", NULL },
    { "limits.maxFrameBytes", "KB", NULL },
    { "limits.maxFrameBytes", "18446744073709551615GB", NULL },
    { "limits.maxHeaderBytes", "0", NULL },
    { "limits.idleTimeout", "0", "0" },
    { "limits.idleTimeout", "500ms", "500ms" },
    { "limits.idleTimeout", "1500", "1500ms" },
    { "limits.idleTimeout", "90s", "90s" },
    { "limits.idleTimeout", "60s", "1m" },
    { "limits.idleTimeout", "2h", "2h" },
    { "limits.idleTimeout", "0h", "0" },
    { "limits.idleTimeout", "720h", "720h" },
    { "limits.idleTimeout", "721h", NULL },
    { "limits.idleTimeout", "2d", NULL },
    { "limits.idleTimeout", "s", NULL },
    { "limits.idleTimeout", "-1s", NULL },
    { "limits.headTimeout", "0", NULL },
    { "limits.maxInFlightPerConnection", "0", NULL },
    { "limits.maxInFlightPerConnection", "1", "1" },
    { "region", "eu-central-1", "eu-central-1" },
    { "region", "", "" },
    { "region", "eu/central", NULL },
    { "domainName", "chat.example.com", "chat.example.com" },
    { "domainName", "chat.example.com:8443", "chat.example.com:8443" },
    { "domainName", "chat example", NULL },
    { "domainName", "a/b", NULL },
    { "endpoint", "https://chat.example.com/dev",
      "https://chat.example.com/dev" },
    { "endpoint", "https://chat.example.com/", NULL },
    { "endpoint", "chat.example.com", NULL },
    { "endpoint", "https://", NULL },
    { "endpoint", "http://a\r\nb: c", NULL },
    { "disconnectDelivery", "best-effort", "best-effort" },
    { "disconnectDelivery", "none", NULL },
    { "disconnectRetryWindow", "0", "0" },
    { "disconnectRetryWindow", "168h", "168h" },
    { "disconnectRetryWindow", "169h", NULL },
    { "tls.certificate", "/etc/tls/cert.pem", "/etc/tls/cert.pem" },
    { "tls.certificate", "cert.pem", "conf/cert.pem" },
    { "tls.certificate", "a\nb", NULL },
    { "tls.certificate", "\xff", NULL },
    { "redis", "", "" },
    { "redis", "redis://127.0.0.1:6380/2", "redis://127.0.0.1:6380/2" },
    { "redis", "redis://gatewire:open%20sesame@redis:6379",
      "redis://gatewire:***@redis:6379" },
    { "redis", "unix:///run/redis.sock", "unix:///run/redis.sock" },
    { "redis", "127.0.0.1:6379", NULL },
    { "redis", "http://127.0.0.1:6379", NULL },
    { "redis", "redis://:0", NULL },
    { "redis", "unix://run", NULL },
    { "redisPassword", "open sesame", "****" },
    { "redisPassword", "", "" },
    { "redisPassword", "two\nlines", NULL },
    { "lambda.secretAccessKey", "wJalrXUtnFEMI/K7MDENG", "****" },
    { "lambda.sessionToken", "IQoJb3JpZ2luX2VjE=", "****" },
    { "lambda.accessKeyId", "AKIDEXAMPLE", "AKIDEXAMPLE" },
    { "lambda.accessKeyId", "two words", NULL },
    { "lambda.endpoint", "http://127.0.0.1:9001", "http://127.0.0.1:9001" },
    { "lambda.endpoint", "127.0.0.1:9001", NULL },
    { "redisPasswordFile", "secret", "conf/secret" },
    { "redisPrefix", "a/b:c.d-e_f", "a/b:c.d-e_f" },
    { "redisPrefix", "", "" },
    { "redisPrefix", "{a}", NULL },
    { "redisPrefix", "a*", NULL },
    { "redisPrefix", "a b", NULL },
    { "node", "auto", "auto" },
    { "node", "1", "1" },
    { "node", "65535", "65535" },
    { "node", "0", NULL },
    { "node", "65536", NULL },
    { "requireRedis", "true", "true" },
    { "requireRedis", "", NULL },
};

START_TEST(values_are_read_and_judged)
{
    struct gw_settings s;
    struct gw_fault why = { "" };
    struct gw_arena a;
    gw_err err;

    gw_arena_init(&a, 1 << 16);
    gw_settings_init(&s, false);
    err =
        gw_setting_read(&s, number_of(values[_i].key),
                        gw_str_of(values[_i].text), GW_LIT("conf/"), &a, &why);
    ck_assert_msg(!err == (values[_i].want != NULL), "%s: %s: %s",
                  values[_i].key, values[_i].text, why.text);
    if (err)
        ck_assert_msg(strstr(why.text, "expected "), "%s", why.text);
    else
        check_print(&s, values[_i].key, values[_i].want);
    gw_arena_fini(&a);
}
END_TEST

START_TEST(an_address_is_taken_apart)
{
    struct gw_settings s;
    struct gw_arena a;
    unsigned listen = number_of("listen");

    gw_arena_init(&a, 1 << 16);
    gw_settings_init(&s, false);
    ck_assert(gw_setting_read(&s, listen, GW_LIT("[::1]:81"), GW_EMPTY, &a,
                              NULL) == GW_OK);
    ck_assert_gw_str(s.listen.host, GW_LIT("::1"));
    ck_assert_uint_eq(s.listen.port, 81);
    ck_assert(gw_setting_read(&s, listen, GW_LIT(":82"), GW_EMPTY, &a, NULL) ==
              GW_OK);
    ck_assert_uint_eq(s.listen.host.len, 0);
    ck_assert_uint_eq(s.listen.port, 82);
    gw_arena_fini(&a);
}
END_TEST

static const struct {
    const char *host;
    bool loopback;
} hosts[] = {
    { "127.0.0.1", true },
    { "127.8.9.255", true },
    { "::1", true },
    { "localhost", true },
    { "LocalHost", true },
    { "", false },
    { "0.0.0.0", false },
    { "::", false },
    { "128.0.0.1", false },
    { "127.0.0", false },
    { "127.0.0.256", false },
    { "127.0.0.1.1", false },
    { "127.example.com", false },
    { "localhost.example.com", false },
    { "10.127.0.1", false },
    { "::ffff:127.0.0.1", false },
};

START_TEST(loopback_is_told_from_the_rest)
{
    struct gw_address address = { .host = gw_str_of(hosts[_i].host) };

    ck_assert_msg(gw_address_is_loopback(&address) == hosts[_i].loopback, "%s",
                  hosts[_i].host);
}
END_TEST

static const struct {
    const char *key, *variable;
} variables[] = {
    { "listen", "GATEWIRE_LISTEN" },
    { "managementAuth", "GATEWIRE_MANAGEMENT_AUTH" },
    { "tls.certificate", "GATEWIRE_TLS_CERTIFICATE" },
    { "limits.maxFrameBytes", "GATEWIRE_LIMITS_MAX_FRAME_BYTES" },
    { "limits.handshakesPerSecondPerAddress",
      "GATEWIRE_LIMITS_HANDSHAKES_PER_SECOND_PER_ADDRESS" },
    { "upstream.ca", "GATEWIRE_UPSTREAM_CA" },
};

START_TEST(every_key_has_its_variable)
{
    char variable[GW_SETTING_VARIABLE_MAX];

    gw_setting_variable(number_of(variables[_i].key), variable);
    ck_assert_str_eq(variable, variables[_i].variable);
}
END_TEST

START_TEST(unknown_keys_are_not_found)
{
    ck_assert_int_eq(gw_setting_find(GW_LIT("limits")), -1);
    ck_assert_int_eq(gw_setting_find(GW_LIT("")), -1);
    ck_assert_int_eq(gw_setting_find(GW_LIT("Listen")), -1);
}
END_TEST

START_TEST(a_difference_is_one_in_effect)
{
    struct gw_settings a, b;
    struct gw_arena arena;
    unsigned idle = number_of("limits.idleTimeout");

    gw_arena_init(&arena, 1 << 16);
    gw_settings_init(&a, false);
    gw_settings_init(&b, false);
    ck_assert(gw_setting_read(&b, idle, GW_LIT("600s"), GW_EMPTY, &arena,
                              NULL) == GW_OK);
    ck_assert(gw_setting_same(idle, &a, &b));
    ck_assert(gw_setting_read(&b, idle, GW_LIT("601s"), GW_EMPTY, &arena,
                              NULL) == GW_OK);
    ck_assert(!gw_setting_same(idle, &a, &b));
    gw_arena_fini(&arena);
}
END_TEST

START_TEST(the_table_documents_every_setting)
{
    struct gw_buf out;

    gw_buf_init(&out, 1 << 16);
    ck_assert(gw_settings_document(&out) == GW_OK);
    ck_assert(gw_buf_add(&out, (gw_str){ "", 1 }) == GW_OK);
    for (unsigned i = 0; i < gw_settings_count(); i++)
        ck_assert_msg(strstr(out.at, gw_setting_key(i)), "%s",
                      gw_setting_key(i));
    ck_assert(strstr(out.at, "| `limits.idleTimeout` | `10m` | "
                             "`GATEWIRE_LIMITS_IDLE_TIMEOUT` | reload |"));
    ck_assert(strstr(out.at, "| `listen` | `0.0.0.0:8080` (`dev`: "
                             "`127.0.0.1:8080`) | `GATEWIRE_LISTEN` | "
                             "restart |"));
    gw_buf_fini(&out);
}
END_TEST

GW_SUITE("server/config/settings")
{
    tcase_add_loop_test(tc, defaults_are_as_documented, 0, GW_LEN(defaults));
    tcase_add_test(tc, default_limits_are_in_plain_units);
    tcase_add_loop_test(tc, values_are_read_and_judged, 0, GW_LEN(values));
    tcase_add_test(tc, an_address_is_taken_apart);
    tcase_add_loop_test(tc, loopback_is_told_from_the_rest, 0, GW_LEN(hosts));
    tcase_add_loop_test(tc, every_key_has_its_variable, 0, GW_LEN(variables));
    tcase_add_test(tc, unknown_keys_are_not_found);
    tcase_add_test(tc, a_difference_is_one_in_effect);
    tcase_add_test(tc, the_table_documents_every_setting);
}
