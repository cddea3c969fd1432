#include "server/client_wire.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct gw_client_wire {
    int fd;
    SSL_CTX *ctx;
    SSL *tls;
    int64_t deadline_ms;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static gw_err wait_for(struct gw_client_wire *w, short events)
{
    struct pollfd p = { .fd = w->fd, .events = events };
    int64_t left = w->deadline_ms - now_ms();
    int n = left > 0 ? poll(&p, 1, (int)left) : 0;

    if (n < 0 && errno == EINTR)
        return GW_OK; /* the caller tries again */
    return n > 0 ? GW_OK : n == 0 ? GW_E_TIMEOUT : GW_E_SYSTEM;
}

/* Waits for what the last TLS call lacked. */
static gw_err wait_for_tls(struct gw_client_wire *w, int result)
{
    switch (SSL_get_error(w->tls, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(w, POLLIN);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(w, POLLOUT);
    default:
        return GW_E_UNREACHABLE;
    }
}

static gw_err open_socket(struct gw_client_wire *w, const struct addrinfo *to)
{
    int error = 0;
    socklen_t len = sizeof(error);
    gw_err err;

    w->fd =
        socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (w->fd < 0)
        return GW_E_SYSTEM;
    if (connect(w->fd, to->ai_addr, to->ai_addrlen) == 0)
        return GW_OK;
    error = errno;
    if (error == EINPROGRESS) {
        err = wait_for(w, POLLOUT);
        if (!err)
            getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        else
            error = err == GW_E_TIMEOUT ? ETIMEDOUT : EIO;
    }
    if (error == 0)
        return GW_OK;
    close(w->fd);
    w->fd = -1;
    errno = error;
    return GW_E_UNREACHABLE;
}

static gw_err open_tls(struct gw_client_wire *w, const char *host,
                       struct gw_fault *why)
{
    X509_VERIFY_PARAM *rules;
    gw_err err = GW_OK;
    int result;
    long verdict;

    w->ctx = SSL_CTX_new(TLS_client_method());
    GW_ASSERT(w->ctx);
    SSL_CTX_set_min_proto_version(w->ctx, TLS1_2_VERSION);
    SSL_CTX_set_default_verify_paths(w->ctx);
    SSL_CTX_set_verify(w->ctx, SSL_VERIFY_PEER, NULL);
    w->tls = SSL_new(w->ctx);
    GW_ASSERT(w->tls);
    rules = SSL_get0_param(w->tls);
    if (!X509_VERIFY_PARAM_set1_ip_asc(rules, host)) { /* a name, then */
        X509_VERIFY_PARAM_set1_host(rules, host, 0);
        SSL_set_tlsext_host_name(w->tls, host);
    }
    SSL_set_fd(w->tls, w->fd);
    while (!err && (result = SSL_connect(w->tls)) != 1)
        err = wait_for_tls(w, result);
    if (!err)
        return GW_OK;
    verdict = SSL_get_verify_result(w->tls);
    return gw_fail(why, err, "TLS: %s",
                   verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                   : err == GW_E_TIMEOUT ? gw_err_text(err)
                                         : "the handshake failed");
}

gw_err gw_client_wire_open(gw_str host, gw_str port, bool tls,
                           unsigned timeout_ms, struct gw_client_wire **out,
                           struct gw_fault *why)
{
    struct gw_client_wire *w = gw_alloc(sizeof(*w));
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
    char *name = gw_str_dup(host), *service = gw_str_dup(port);
    int found = getaddrinfo(name, service, &hints, &list);
    gw_err err = GW_E_UNREACHABLE;

    w->fd = -1;
    w->deadline_ms = now_ms() + timeout_ms;
    if (found) {
        gw_fail(why, err, "%s", gai_strerror(found));
    } else {
        for (struct addrinfo *to = list; to && err; to = to->ai_next)
            err = open_socket(w, to);
        if (err)
            gw_fail(why, err, "%s", strerror(errno));
        freeaddrinfo(list);
    }
    if (!err && tls)
        err = open_tls(w, name, why);
    free(name);
    free(service);
    if (err)
        gw_client_wire_close(w);
    else
        *out = w;
    return err;
}

void gw_client_wire_close(struct gw_client_wire *w)
{
    if (!w)
        return;
    SSL_free(w->tls);
    SSL_CTX_free(w->ctx);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

gw_err gw_client_wire_read(struct gw_client_wire *w, char *at, size_t room,
                           size_t *n, bool *end)
{
    ssize_t got;

    *n = 0;
    if (w->tls) {
        int result = SSL_read_ex(w->tls, at, room, n);

        *end =
            !result && SSL_get_error(w->tls, result) == SSL_ERROR_ZERO_RETURN;
        return result || *end ? GW_OK : wait_for_tls(w, result);
    }
    got = recv(w->fd, at, room, 0);
    *end = got == 0;
    if (got >= 0) {
        *n = (size_t)got;
        return GW_OK;
    }
    return errno == EAGAIN ? wait_for(w, POLLIN) : GW_E_UNREACHABLE;
}

gw_err gw_client_wire_write(struct gw_client_wire *w, gw_str bytes, size_t *n)
{
    ssize_t put;

    *n = 0;
    if (w->tls) {
        int result = SSL_write_ex(w->tls, bytes.at, bytes.len, n);

        return result ? GW_OK : wait_for_tls(w, result);
    }
    put = send(w->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
    if (put >= 0) {
        *n = (size_t)put;
        return GW_OK;
    }
    return errno == EAGAIN ? wait_for(w, POLLOUT) : GW_E_UNREACHABLE;
}
