/* What OpenSSL, as a client, thinks of the certificate that dev makes. */
#include "server/dev/authority.h"

#include "server/function/folder.h"
#include "tests/support/suite.h"

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static char folder[GW_FOLDER_MAX];

static void set_up(void)
{
    struct gw_fault why;

    ck_assert_msg(gw_folder_make(folder, &why) == GW_OK, "%s", why.text);
    ck_assert_msg(gw_authority_make(folder, GW_LIT("192.0.2.7"), &why) == GW_OK,
                  "%s", why.text);
}

static void tear_down(void)
{
    gw_folder_remove(folder);
}

static FILE *open_file(const char *name)
{
    char path[GW_FOLDER_MAX + 20];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    return f;
}

static X509 *read_cert(const char *name)
{
    FILE *f = open_file(name);
    X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);

    ck_assert_ptr_nonnull(cert);
    fclose(f);
    return cert;
}

static int verify_at(const char *trusted, time_t when)
{
    X509 *leaf = read_cert("cert.pem");
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();
    char path[GW_FOLDER_MAX + 20];
    int error;

    snprintf(path, sizeof(path), "%s/%s", folder, trusted);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_time(param, when);
    X509_STORE_set1_param(store, param);
    ck_assert_int_eq(X509_STORE_load_file(store, path), 1);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
    X509_verify_cert(ctx);
    error = X509_STORE_CTX_get_error(ctx);
    X509_VERIFY_PARAM_free(param);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(leaf);
    return error;
}

START_TEST(whoever_trusts_the_authority_trusts_the_certificate)
{
    time_t now = time(NULL), day = 24 * 60 * 60;

    ck_assert_int_eq(verify_at("ca.pem", now), X509_V_OK);
    ck_assert_int_eq(verify_at("bundle.pem", now), X509_V_OK);
    ck_assert_int_eq(verify_at("ca.pem", now + 364 * day), X509_V_OK);
    ck_assert_int_eq(verify_at("ca.pem", now - 1800), X509_V_OK);
    ck_assert_int_ne(verify_at("ca.pem", now + 366 * day), X509_V_OK);
}
END_TEST

static const struct {
    const char *name;
    bool is_ip, matches;
} names[] = {
    { "localhost", false, true },
    { "127.0.0.1", true, true },
    { "::1", true, true },
    { "192.0.2.7", true, true },
    { "192.0.2.8", true, false },
    { "example.com", false, false },
    { "amazonaws.com", false, false },
};

START_TEST(it_is_good_for_this_machine_only)
{
    X509 *leaf = read_cert("cert.pem");
    int matches = names[_i].is_ip
                      ? X509_check_ip_asc(leaf, names[_i].name, 0)
                      : X509_check_host(leaf, names[_i].name, 0, 0, NULL);

    ck_assert_msg((matches == 1) == names[_i].matches, "%s", names[_i].name);
    X509_free(leaf);
}
END_TEST

/* The key that is written is the certificate's, and opens nothing else. */
START_TEST(the_key_of_the_authority_is_gone)
{
    FILE *f = open_file("key.pem");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    X509 *leaf = read_cert("cert.pem"), *ca = read_cert("ca.pem");
    struct stat st;

    ck_assert_int_eq(X509_check_private_key(leaf, key), 1);
    ck_assert_int_ne(X509_check_private_key(ca, key), 1);
    ck_assert_int_eq(X509_check_ca(leaf), 0);
    ck_assert_int_eq(fstat(fileno(f), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    X509_free(leaf);
    X509_free(ca);
    EVP_PKEY_free(key);
    fclose(f);
}
END_TEST

/* A name to listen at needs nothing of its own. */
START_TEST(a_host_that_is_no_address_is_left_out)
{
    struct gw_fault why;

    ck_assert(gw_authority_make(folder, GW_LIT("DNS:evil.example"), &why) ==
              GW_OK);
    ck_assert(gw_authority_make(folder, GW_EMPTY, &why) == GW_OK);
    ck_assert_int_eq(verify_at("ca.pem", time(NULL)), X509_V_OK);
}
END_TEST

GW_SUITE("server/dev/authority")
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, whoever_trusts_the_authority_trusts_the_certificate);
    tcase_add_loop_test(tc, it_is_good_for_this_machine_only, 0, GW_LEN(names));
    tcase_add_test(tc, the_key_of_the_authority_is_gone);
    tcase_add_test(tc, a_host_that_is_no_address_is_left_out);
}
