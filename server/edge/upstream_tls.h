/*
 * TLS towards backends: TLS 1.2 or later, certificates verified against the
 * name (or address) asked for, sessions resumed.
 */
#ifndef GW_EDGE_UPSTREAM_TLS_H
#define GW_EDGE_UPSTREAM_TLS_H

#include "protocol/base/base.h"

#include <openssl/ssl.h>
#include <sys/types.h>

/* What reading and writing answer besides a number of bytes. */
enum {
    GW_UPSTREAM_END = 0,     /* the peer closed, in order */
    GW_UPSTREAM_AGAIN = -1,  /* not now */
    GW_UPSTREAM_BROKEN = -2, /* for good */
};

/* Trusts the certificates of that file, or (NULL) none yet: then call
 * gw_upstream_tls_trust_system before the first connection. NULL when the
 * file cannot be read (logged). */
SSL_CTX *gw_upstream_tls_new(const char *ca_file);
void gw_upstream_tls_trust_system(SSL_CTX *tls); /* once; then it is free */

/* A client on a connected socket. *session is offered, and replaced whenever
 * the server issues a new one; it outlives the SSL. */
SSL *gw_upstream_tls_open(SSL_CTX *tls, int fd, const char *host,
                          SSL_SESSION **session);
void gw_upstream_tls_close(SSL *ssl);

/* 1: done; otherwise AGAIN (*wants_write: when writable) or BROKEN. */
int gw_upstream_tls_handshake(SSL *ssl, bool *wants_write);
const char *gw_upstream_tls_why(const SSL *ssl); /* of a BROKEN handshake */

ssize_t gw_upstream_tls_read(SSL *ssl, char *at, size_t room);
ssize_t gw_upstream_tls_write(SSL *ssl, const char *at, size_t len);

#endif
