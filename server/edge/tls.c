/*
 * TLS of the public port: one vhost per worker, whose certificate can be
 * changed under way. Connections keep the certificate they began with: an
 * SSL object takes its own reference when it is made.
 */
#include "server/edge/inside.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static gw_err openssl_fault(struct gw_fault *why, const char *setting,
                            gw_str path)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return gw_fail(why, GW_E_INVALID, "%s: %.*s: %s", setting, GW_FMT(path),
                   reason ? reason : "cannot be used");
}

/* The texts of settings are NUL-terminated behind their len. */
static gw_err load(SSL_CTX *ctx, const struct gw_settings *s,
                   struct gw_fault *why)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, s->tls_certificate.at) != 1)
        return openssl_fault(why, "tls.certificate", s->tls_certificate);
    if (SSL_CTX_use_PrivateKey_file(ctx, s->tls_key.at, SSL_FILETYPE_PEM) != 1)
        return openssl_fault(why, "tls.key", s->tls_key);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return openssl_fault(why, "tls.key", s->tls_key);
    return GW_OK;
}

/* Tried on a context of its own first: a pair that does not fit must not
 * leave half of itself in the one in use. */
gw_err gw_edge_check_certificate(const struct gw_settings *s,
                                 struct gw_fault *why)
{
    SSL_CTX *ctx;
    gw_err err;

    if (!s->tls_certificate.len)
        return GW_OK;
    ctx = SSL_CTX_new(TLS_server_method());
    err = ctx ? load(ctx, s, why) : GW_E_SYSTEM;
    SSL_CTX_free(ctx);
    return err;
}

gw_err tls_vhost(struct gw_edge *edge, struct gw_fault *why)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .ssl_cert_filepath = edge->settings->tls_certificate.at,
        .ssl_private_key_filepath = edge->settings->tls_key.at,
        .protocols = edge_protocols,
        .user = edge,
        .vhost_name = "secure",
    };
    gw_err err = gw_edge_check_certificate(edge->settings, why);

    if (err)
        return err;
    /* Without it, libwebsockets makes its own with every authority of the
     * system, to be a client with, and does not free it. */
    edge->unused = SSL_CTX_new(TLS_client_method());
    info.provided_client_ssl_ctx = edge->unused;
    edge->secure = lws_create_vhost(edge->context, &info);
    if (!edge->secure || !edge->tls)
        return gw_fail(why, GW_E_SYSTEM, "libwebsockets refused TLS");
    SSL_CTX_set_min_proto_version(edge->tls, TLS1_2_VERSION);
    SSL_CTX_set_options(edge->tls, SSL_OP_CIPHER_SERVER_PREFERENCE |
                                       SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(edge->tls, SSL_MODE_RELEASE_BUFFERS);
    /* No protocol is ever chosen: libwebsockets would act on it, and without
     * one every client speaks HTTP/1.1. */
    SSL_CTX_set_alpn_select_cb(edge->tls, NULL, NULL);
    return GW_OK;
}

gw_err tls_reload(struct gw_edge *edge, struct gw_fault *why)
{
    gw_err err = gw_edge_check_certificate(edge->settings, why);

    return err ? err : load(edge->tls, edge->settings, why);
}
