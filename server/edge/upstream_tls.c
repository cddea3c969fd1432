#include "server/edge/upstream_tls.h"

#include "protocol/base/log.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION **slot = SSL_get_app_data(ssl);

    SSL_SESSION_free(*slot);
    *slot = session;
    return 1; /* its reference is ours now */
}

/* The system's are many, and reading them takes a tenth of a second: not
 * before a backend needs them. */
void gw_upstream_tls_trust_system(SSL_CTX *tls)
{
    if (SSL_CTX_get_app_data(tls))
        return;
    SSL_CTX_set_app_data(tls, tls); /* done, or not to be done */
    if (SSL_CTX_set_default_verify_paths(tls) != 1)
        gw_error("upstream.ca", "the system's certificates cannot be read");
}

static bool load_certificates(SSL_CTX *tls, const char *ca_file)
{
    if (!ca_file)
        return true;
    SSL_CTX_set_app_data(tls, tls);
    return SSL_CTX_load_verify_locations(tls, ca_file, NULL) == 1;
}

SSL_CTX *gw_upstream_tls_new(const char *ca_file)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    GW_ASSERT(tls);
    ERR_clear_error();
    if (!load_certificates(tls, ca_file)) {
        gw_error("upstream.ca", "file=%s why=%s", ca_file,
                 ERR_reason_error_string(ERR_peek_error()));
        ERR_clear_error();
        SSL_CTX_free(tls);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    /* One read() for a record, not one for its header and one for the rest. */
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT |
                                            SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, on_new_session);
    return tls;
}

/* RFC 6066, 3: an address is not a server name. */
static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return true;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 &&
           SSL_set_tlsext_host_name(ssl, host) == 1;
}

SSL *gw_upstream_tls_open(SSL_CTX *tls, int fd, const char *host,
                          SSL_SESSION **session)
{
    SSL *ssl = SSL_new(tls);

    GW_ASSERT(ssl);
    SSL_set_app_data(ssl, session);
    SSL_set_connect_state(ssl);
    if (!expect_host(ssl, host) || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    if (*session && SSL_SESSION_is_resumable(*session))
        SSL_set_session(ssl, *session);
    return ssl;
}

void gw_upstream_tls_close(SSL *ssl)
{
    /* Quietly where the handshake has not ended, or nobody listens any more;
     * either way the session stays good for the next connection. */
    ERR_clear_error();
    if (!SSL_is_init_finished(ssl))
        SSL_set_quiet_shutdown(ssl, 1);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    ERR_clear_error();
}

static int judge(SSL *ssl, int result)
{
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return GW_UPSTREAM_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return GW_UPSTREAM_END;
    default: /* also an end without close_notify: it may be a truncation */
        SSL_set_quiet_shutdown(ssl, 1);
        return GW_UPSTREAM_BROKEN;
    }
}

int gw_upstream_tls_handshake(SSL *ssl, bool *wants_write)
{
    SSL_SESSION **session = SSL_get_app_data(ssl);
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(ssl);
    if (result == 1)
        return 1;
    *wants_write = SSL_want_write(ssl);
    if (judge(ssl, result) == GW_UPSTREAM_AGAIN)
        return GW_UPSTREAM_AGAIN;
    SSL_SESSION_free(*session); /* it may have been the reason */
    *session = NULL;
    return GW_UPSTREAM_BROKEN;
}

const char *gw_upstream_tls_why(const SSL *ssl)
{
    long verified = SSL_get_verify_result(ssl);
    const char *why;

    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    why = ERR_reason_error_string(ERR_peek_last_error());
    return why ? why : "closed during the handshake";
}

ssize_t gw_upstream_tls_read(SSL *ssl, char *at, size_t room)
{
    int n;

    ERR_clear_error();
    n = SSL_read(ssl, at, (int)GW_MIN(room, (size_t)INT_MAX));
    return n > 0 ? n : judge(ssl, n);
}

ssize_t gw_upstream_tls_write(SSL *ssl, const char *at, size_t len)
{
    int n;

    ERR_clear_error();
    n = SSL_write(ssl, at, (int)GW_MIN(len, (size_t)INT_MAX));
    if (n > 0)
        return n;
    n = judge(ssl, n);
    return n == GW_UPSTREAM_END ? GW_UPSTREAM_BROKEN : n;
}
