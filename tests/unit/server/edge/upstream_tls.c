#include "server/edge/upstream_tls.h"

#include "tests/unit/server/edge/upstream_world.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

/* --- certificates, made for each run ----------------------------------------- */

struct identity {
    EVP_PKEY *key;
    X509 *cert;
};

static void add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

/* names: as subjectAltName wants them; NULL: an authority. issuer NULL:
 * signed by itself. */
static struct identity make_identity(const char *names, long ends_in_s,
                                     const struct identity *issuer)
{
    static long serial;
    struct identity i = { EVP_EC_gen("P-256"), X509_new() };
    X509_NAME *name = X509_get_subject_name(i.cert);
    const char *common = names ? "backend" : "authority";

    if (!issuer)
        issuer = &i;
    X509_set_version(i.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(i.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(i.cert), -7200);
    X509_gmtime_adj(X509_getm_notAfter(i.cert), ends_in_s);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)common, -1, -1, 0);
    X509_set_issuer_name(i.cert, X509_get_subject_name(issuer->cert));
    X509_set_pubkey(i.cert, i.key);
    if (names)
        add_extension(i.cert, NID_subject_alt_name, names);
    else
        add_extension(i.cert, NID_basic_constraints, "critical,CA:TRUE");
    ck_assert_int_gt(X509_sign(i.cert, issuer->key, EVP_sha256()), 0);
    return i;
}

static void free_identity(struct identity *i)
{
    EVP_PKEY_free(i->key);
    X509_free(i->cert);
}

/* --- a backend that speaks TLS ----------------------------------------------- */

static struct world world, *const w = &world;
static struct backend b;
static struct gw_fetch_lane *lane;
static struct identity authority;
static SSL_CTX *tls;

static SSL_CTX *server_context(const struct identity *i, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    SSL_CTX_use_certificate(ctx, i->cert);
    SSL_CTX_use_PrivateKey(ctx, i->key);
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

static void open_world(void)
{
    char path[] = "/tmp/gatewire-ca-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    authority = make_identity(NULL, 7200, NULL);
    ck_assert_int_eq(PEM_write_X509(f, authority.cert), 1);
    fclose(f);
    world_init_with(w, &(struct gw_upstream_settings){
                           .max_response_bytes = 8 << 20,
                           .idle_connections = 2,
                           .idle_ms = 60 * 1000,
                           .ca_file = path,
                       });
    unlink(path);
    backend_open(&b);
}

static void open_lane(const char *host, const struct identity *i, int version)
{
    struct gw_fetch_origin origin = { true, gw_str_of(host), b.port };

    tls = server_context(i, version);
    lane = w->f->lane_open(w->f, &origin, 4, 4);
}

static void open_good(int version)
{
    struct identity good;

    open_world();
    good = make_identity("DNS:localhost", 7200, &authority);
    open_lane("localhost", &good, version);
    free_identity(&good);
}

static void close_all(void)
{
    w->f->lane_close(lane);
    backend_close(&b);
    world_fini(w);
    SSL_CTX_free(tls);
    free_identity(&authority);
}

/* 1: done, 0: not yet, -1: never. */
static int try_accept(SSL *ssl)
{
    int n = SSL_accept(ssl);
    int why = SSL_get_error(ssl, n);

    if (n == 1)
        return 1;
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static SSL *shake(int fd, int want)
{
    SSL *ssl = SSL_new(tls);
    int got;

    SSL_set_fd(ssl, fd);
    UNTIL((got = try_accept(ssl)) != 0);
    if (want)
        ck_assert_int_eq(got, want);
    return ssl;
}

static SSL *tls_accept(void)
{
    return shake(backend_accept(w, &b), 1);
}

static bool tls_read_all(SSL *ssl, char *at, size_t len, size_t *have)
{
    int n = SSL_read(ssl, at + *have, (int)(len - *have));

    if (n > 0)
        *have += (size_t)n;
    return *have == len;
}

static bool has_request(SSL *ssl, struct gw_buf *request)
{
    int n;

    ck_assert(gw_buf_reserve(request, 4096) == GW_OK);
    n = SSL_read(ssl, request->at + request->len, 4096);
    if (n > 0)
        request->len += (size_t)n;
    return gw_str_ends(gw_buf_str(request), GW_LIT("\r\n\r\n"));
}

static void tls_hear(SSL *ssl)
{
    struct gw_buf request;

    gw_buf_init(&request, 65536);
    UNTIL(has_request(ssl, &request));
    gw_buf_fini(&request);
}

static bool tls_write_more(SSL *ssl, gw_str *bytes)
{
    int n = bytes->len ? SSL_write(ssl, bytes->at, (int)bytes->len) : 0;

    if (n > 0)
        *bytes = gw_str_skip(*bytes, (size_t)n);
    return bytes->len == 0;
}

static void tls_say(SSL *ssl, gw_str bytes)
{
    UNTIL(tls_write_more(ssl, &bytes));
}

static void tls_close(SSL *ssl, bool politely)
{
    int fd = SSL_get_fd(ssl);

    if (politely)
        SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
}

static void tls_answer(SSL *ssl, struct call *c)
{
    tls_hear(ssl);
    tls_say(ssl, OK_HELLO);
    call_answered(w, c, 200, GW_LIT("hello"));
}

/* --- who is trusted ---------------------------------------------------------- */

typedef enum issuer { OURS, ITSELF, ANOTHER } issuer;

/* RFC 9110, 4.3.4: the identity is what the origin's host says. */
static const struct {
    const char *name, *host, *names;
    issuer issuer;
    long ends_in_s;
    bool good;
} trust[] = {
    { "good", "localhost", "DNS:localhost", OURS, 3600, true },
    { "one of several", "localhost", "DNS:a.test,DNS:localhost", OURS, 3600,
      true },
    { "an address", "127.0.0.1", "IP:127.0.0.1", OURS, 3600, true },
    { "wrong name", "localhost", "DNS:other.test", OURS, 3600, false },
    { "a longer name", "localhost", "DNS:localhost.test", OURS, 3600, false },
    { "a wildcard above", "localhost", "DNS:*.localhost", OURS, 3600, false },
    { "wrong address", "127.0.0.1", "IP:127.0.0.2", OURS, 3600, false },
    { "an address as a name", "127.0.0.1", "DNS:127.0.0.1", OURS, 3600, false },
    { "signed by itself", "localhost", "DNS:localhost", ITSELF, 3600, false },
    { "by somebody else", "localhost", "DNS:localhost", ANOTHER, 3600, false },
    { "expired", "localhost", "DNS:localhost", OURS, -3600, false },
};

START_TEST(only_the_right_certificate_is_trusted)
{
    struct identity other = make_identity(NULL, 7200, NULL), shown;
    struct call c = { 0 };
    SSL *ssl;

    open_world();
    shown = make_identity(trust[_i].names, trust[_i].ends_in_s,
                          trust[_i].issuer == OURS      ? &authority
                          : trust[_i].issuer == ANOTHER ? &other
                                                        : NULL);
    open_lane(trust[_i].host, &shown, TLS1_3_VERSION);
    call_start(w, &c, lane, "GET", GW_EMPTY);
    ssl = shake(backend_accept(w, &b), trust[_i].good ? 1 : 0);
    if (trust[_i].good) {
        tls_answer(ssl, &c);
        if (trust[_i].host[0] == 'l') /* RFC 6066, 3: no addresses in SNI */
            ck_assert_str_eq(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
                             trust[_i].host);
        else
            ck_assert_ptr_null(
                SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    } else {
        call_ends(w, &c, GW_E_UNREACHABLE);
        ck_assert_uint_eq(w->counters->open, 0);
    }
    tls_close(ssl, false);
    free_identity(&shown);
    free_identity(&other);
    close_all();
}
END_TEST

/* --- the conversation -------------------------------------------------------- */

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

START_TEST(a_session_is_resumed_and_a_connection_kept)
{
    struct call c[3] = { 0 };
    SSL *ssl;

    open_good(versions[_i]);
    call_start(w, &c[0], lane, "GET", GW_EMPTY);
    ssl = tls_accept();
    ck_assert(!SSL_session_reused(ssl));
    tls_answer(ssl, &c[0]);
    call_start(w, &c[1], lane, "POST", GW_EMPTY);
    tls_answer(ssl, &c[1]);
    ck_assert_uint_eq(w->counters->reused, 1);
    tls_close(ssl, true);
    UNTIL(w->counters->open == 0);
    call_start(w, &c[2], lane, "POST", GW_EMPTY);
    ssl = tls_accept();
    ck_assert(SSL_session_reused(ssl));
    tls_answer(ssl, &c[2]);
    tls_close(ssl, true);
    close_all();
}
END_TEST

START_TEST(an_answer_may_come_in_many_records)
{
    struct call c = { 0 };
    gw_str rest = OK_HELLO;
    SSL *ssl;

    open_good(versions[_i]);
    call_start(w, &c, lane, "GET", GW_EMPTY);
    ssl = tls_accept();
    tls_hear(ssl);
    for (; rest.len; rest = gw_str_skip(rest, 1))
        tls_say(ssl, gw_str_head(rest, 1));
    call_answered(w, &c, 200, GW_LIT("hello"));
    ck_assert_uint_eq(w->counters->open, 1);
    tls_close(ssl, true);
    close_all();
}
END_TEST

START_TEST(large_bodies_go_both_ways)
{
    enum { LARGE = 4 << 20 };
    struct call c = { 0 };
    size_t have = 0, head = sizeof("POST /path HTTP/1.1\r\n"
                                   "Host: backend.test\r\n"
                                   "Content-Length: 4194304\r\n\r\n") -
                            1;
    char *body = gw_alloc(LARGE), *heard = gw_alloc(LARGE + head);
    SSL *ssl;

    for (size_t i = 0; i < LARGE; i++)
        body[i] = (char)(i * 31 + i / 251);
    open_good(versions[_i]);
    call_start(w, &c, lane, "POST", (gw_str){ body, LARGE });
    ssl = tls_accept();
    UNTIL(tls_read_all(ssl, heard, LARGE + head, &have));
    ck_assert(memcmp(heard + head, body, LARGE) == 0);
    tls_say(ssl, GW_LIT("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n"));
    tls_say(ssl, (gw_str){ body, LARGE });
    call_answered(w, &c, 200, (gw_str){ body, LARGE });
    ck_assert_uint_eq(w->counters->open, 1);
    tls_close(ssl, true);
    free(body);
    free(heard);
    close_all();
}
END_TEST

/* RFC 9112, 9.8: without close_notify the end may be an attacker's. */
START_TEST(an_answer_until_the_end_needs_a_proper_end)
{
    struct call c = { 0 };
    SSL *ssl;

    open_good(TLS1_3_VERSION);
    call_start(w, &c, lane, "GET", GW_EMPTY);
    ssl = tls_accept();
    tls_hear(ssl);
    tls_say(ssl, GW_LIT("HTTP/1.1 200 OK\r\n\r\nhello"));
    tls_close(ssl, _i);
    if (_i)
        call_answered(w, &c, 200, GW_LIT("hello"));
    else
        call_ends(w, &c, GW_E_UPSTREAM);
    close_all();
}
END_TEST

START_TEST(a_dead_connection_is_replaced)
{
    struct call c[2] = { 0 };
    SSL *ssl;

    open_good(versions[_i]);
    call_start(w, &c[0], lane, "GET", GW_EMPTY);
    ssl = tls_accept();
    tls_answer(ssl, &c[0]);
    tls_close(ssl, true);
    call_start(w, &c[1], lane, "GET", GW_EMPTY);
    ssl = tls_accept();
    tls_answer(ssl, &c[1]);
    ck_assert_uint_eq(w->counters->retried, 1);
    tls_close(ssl, true);
    close_all();
}
END_TEST

START_TEST(bytes_behind_an_answer_end_the_connection)
{
    struct call c = { 0 };
    SSL *ssl;

    open_good(TLS1_3_VERSION);
    call_start(w, &c, lane, "GET", GW_EMPTY);
    ssl = tls_accept();
    tls_hear(ssl);
    tls_say(ssl, OK_HELLO);
    tls_say(ssl, OK_HELLO);
    call_answered(w, &c, 200, GW_LIT("hello"));
    UNTIL(w->counters->open == 0);
    tls_close(ssl, true);
    close_all();
}
END_TEST

/* --- a handshake that fails -------------------------------------------------- */

START_TEST(a_backend_without_tls_is_unreachable)
{
    struct call c = { 0 };
    int fd;

    open_good(TLS1_3_VERSION);
    call_start(w, &c, lane, "GET", GW_EMPTY);
    fd = backend_accept(w, &b);
    say(w, fd, _i ? GW_LIT("HTTP/1.1 400 Bad Request\r\n\r\n") : GW_EMPTY);
    close(fd);
    call_ends(w, &c, GW_E_UNREACHABLE);
    close_all();
}
END_TEST

START_TEST(a_handshake_ends_when_its_fetch_does)
{
    struct call c = { 0 };
    int fd;

    open_good(TLS1_3_VERSION);
    call_start(w, &c, lane, "GET", GW_EMPTY);
    fd = backend_accept(w, &b);
    world_settle(w);
    if (_i == 0)
        w->f->cancel(c.fetch);
    else if (_i == 1)
        world_advance(w, 5100);
    if (_i < 2)
        call_ends(w, &c, _i ? GW_E_TIMEOUT : GW_E_CANCELLED);
    close_all();
    ck_assert_uint_eq(c.dones, 1);
    call_fini(&c);
    close(fd);
}
END_TEST

GW_SUITE("server/edge/upstream_tls")
{
    tcase_add_loop_test(tc, only_the_right_certificate_is_trusted, 0,
                        GW_LEN(trust));
    tcase_add_loop_test(tc, a_session_is_resumed_and_a_connection_kept, 0,
                        GW_LEN(versions));
    tcase_add_loop_test(tc, an_answer_may_come_in_many_records, 0,
                        GW_LEN(versions));
    tcase_add_loop_test(tc, large_bodies_go_both_ways, 0, GW_LEN(versions));
    tcase_add_loop_test(tc, an_answer_until_the_end_needs_a_proper_end, 0, 2);
    tcase_add_loop_test(tc, a_dead_connection_is_replaced, 0, GW_LEN(versions));
    tcase_add_test(tc, bytes_behind_an_answer_end_the_connection);
    tcase_add_loop_test(tc, a_backend_without_tls_is_unreachable, 0, 2);
    tcase_add_loop_test(tc, a_handshake_ends_when_its_fetch_does, 0, 3);
}
