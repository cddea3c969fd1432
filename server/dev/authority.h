/*
 * The local authority of `gatewire dev`: a certificate for this machine's own
 * names, and an authority that vouches for it and for nothing else. The
 * authority's key is never written, and is gone when this returns.
 *
 * Written   ca.pem      the authority, for NODE_EXTRA_CA_CERTS
 *           bundle.pem  it and the system's, for AWS_CA_BUNDLE, SSL_CERT_FILE
 *           cert.pem    the certificate; key.pem its key
 *           (all for their owner's eyes only, as all of a run folder)
 * Names     localhost, *.localhost, 127.0.0.1, ::1, and `host` if it is an
 *           address
 * Good for  a year, longer than `dev` runs; from an hour ago: clocks differ
 */
#ifndef GW_DEV_AUTHORITY_H
#define GW_DEV_AUTHORITY_H

#include "protocol/base/err.h"
#include "protocol/base/str.h"

gw_err gw_authority_make(const char *folder, gw_str host,
                         struct gw_fault *why) GW_MUST_CHECK;

#endif
