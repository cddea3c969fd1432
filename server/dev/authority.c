#include "server/dev/authority.h"

#include "protocol/base/buf.h"
#include "server/function/folder.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

enum {
    AN_HOUR = 60 * 60,
    GOOD_FOR = 365 * 24 * AN_HOUR,
    SERIAL_BYTES = 16,
    BUNDLE_MAX = 8 << 20,
};

/* Where systems keep the authorities that they trust. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
    "/etc/ssl/ca-bundle.pem",             /* openSUSE */
    "/etc/ssl/cert.pem",
};

/* A certificate with its key. */
struct identity {
    EVP_PKEY *key;
    X509 *cert;
};

static void forget(struct identity *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->cert);
}

/* --- certificates ------------------------------------------------------------ */

static bool add_extension(X509 *cert, X509 *issuer, int kind, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX ctx;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, kind, value);
    ok = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool set_serial(X509 *cert)
{
    unsigned char bytes[SERIAL_BYTES];
    BIGNUM *number;
    bool ok;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, of full length */
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return ok;
}

static bool set_name(X509_NAME *name, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      (const unsigned char *)text, -1, -1,
                                      0) == 1;
}

/* A fresh key, and what every certificate has. */
static bool begin(struct identity *id, const char *name)
{
    id->key = EVP_EC_gen("P-256");
    id->cert = X509_new();
    return id->key && id->cert && X509_set_version(id->cert, X509_VERSION_3) &&
           set_serial(id->cert) &&
           X509_gmtime_adj(X509_getm_notBefore(id->cert), -AN_HOUR) &&
           X509_gmtime_adj(X509_getm_notAfter(id->cert), GOOD_FOR) &&
           set_name(X509_get_subject_name(id->cert), name) &&
           X509_set_pubkey(id->cert, id->key);
}

static bool make_authority(struct identity *ca)
{
    X509 *cert;

    if (!begin(ca, "gatewire dev, this machine only"))
        return false;
    cert = ca->cert;
    return X509_set_issuer_name(cert, X509_get_subject_name(cert)) &&
           add_extension(cert, cert, NID_basic_constraints,
                         "critical,CA:TRUE,pathlen:0") &&
           add_extension(cert, cert, NID_key_usage, "critical,keyCertSign") &&
           add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
           X509_sign(cert, ca->key, EVP_sha256());
}

static bool is_ip(gw_str host, char out[INET6_ADDRSTRLEN])
{
    unsigned char bytes[sizeof(struct in6_addr)];

    if (!host.len || host.len >= INET6_ADDRSTRLEN)
        return false;
    memcpy(out, host.at, host.len);
    out[host.len] = '\0';
    return inet_pton(AF_INET, out, bytes) == 1 ||
           inet_pton(AF_INET6, out, bytes) == 1;
}

static bool make_leaf(const struct identity *ca, gw_str host,
                      struct identity *leaf)
{
    char names[160], ip[INET6_ADDRSTRLEN];
    bool more = is_ip(host, ip);
    X509 *cert;

    snprintf(names, sizeof(names),
             "DNS:localhost,DNS:*.localhost,IP:127.0.0.1,IP:::1%s%s",
             more ? ",IP:" : "", more ? ip : "");
    if (!begin(leaf, "localhost"))
        return false;
    cert = leaf->cert;
    return X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) &&
           add_extension(cert, ca->cert, NID_basic_constraints,
                         "critical,CA:FALSE") &&
           add_extension(cert, ca->cert, NID_key_usage,
                         "critical,digitalSignature") &&
           add_extension(cert, ca->cert, NID_ext_key_usage, "serverAuth") &&
           add_extension(cert, ca->cert, NID_subject_alt_name, names) &&
           add_extension(cert, ca->cert, NID_subject_key_identifier, "hash") &&
           add_extension(cert, ca->cert, NID_authority_key_identifier,
                         "keyid") &&
           X509_sign(cert, ca->key, EVP_sha256());
}

/* --- files ------------------------------------------------------------------- */

static gw_str bytes_of(BIO *bio)
{
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);

    return (gw_str){ at, len > 0 ? (size_t)len : 0 };
}

static gw_err write_cert(const char *folder, const char *name, X509 *cert,
                         struct gw_fault *why)
{
    BIO *bio = BIO_new(BIO_s_mem());
    gw_err err = bio && PEM_write_bio_X509(bio, cert) ? GW_OK : GW_E_SYSTEM;

    if (!err)
        err = gw_folder_write(folder, name, bytes_of(bio), why);
    BIO_free(bio);
    return err;
}

static gw_err write_key(const char *folder, EVP_PKEY *key, struct gw_fault *why)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    gw_err err =
        bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
            ? GW_OK
            : GW_E_SYSTEM;

    if (!err)
        err = gw_folder_write(folder, "key.pem", bytes_of(bio), why);
    BIO_free(bio);
    return err;
}

/* The system's bundle; nothing where there is none. */
static void read_bundle(struct gw_buf *out)
{
    int fd = -1;
    ssize_t n;

    for (size_t i = 0; i < GW_LEN(bundles) && fd < 0; i++)
        fd = open(bundles[i], O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && gw_buf_reserve(out, 65536) == GW_OK &&
           (n = read(fd, out->at + out->len, 65536)) > 0)
        out->len += (size_t)n;
    if (fd >= 0)
        close(fd);
}

static gw_err write_bundle(const char *folder, X509 *ca, struct gw_fault *why)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct gw_buf bundle;
    gw_err err = bio && PEM_write_bio_X509(bio, ca) ? GW_OK : GW_E_SYSTEM;

    gw_buf_init(&bundle, BUNDLE_MAX);
    if (!err)
        err = gw_buf_add(&bundle, bytes_of(bio));
    if (!err) {
        read_bundle(&bundle);
        err = gw_folder_write(folder, "bundle.pem", gw_buf_str(&bundle), why);
    }
    gw_buf_fini(&bundle);
    BIO_free(bio);
    return err;
}

gw_err gw_authority_make(const char *folder, gw_str host, struct gw_fault *why)
{
    struct identity ca = { 0 }, leaf = { 0 };
    gw_err err = GW_OK;

    if (!make_authority(&ca) || !make_leaf(&ca, host, &leaf)) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());

        err = gw_fail(why, GW_E_SYSTEM, "cannot make a local certificate: %s",
                      reason ? reason : "OpenSSL refused");
        ERR_clear_error();
    }
    if (!err)
        err = write_cert(folder, "ca.pem", ca.cert, why);
    if (!err)
        err = write_cert(folder, "cert.pem", leaf.cert, why);
    if (!err)
        err = write_key(folder, leaf.key, why);
    if (!err)
        err = write_bundle(folder, ca.cert, why);
    forget(&leaf);
    forget(&ca);
    return err;
}
