#include "protocol/ws/handshake.h"

#include "protocol/base/base64.h"

#include <openssl/evp.h>
#include <stdatomic.h>

enum { KEY_BYTES = 16, KEY_LEN = GW_BASE64_LEN(KEY_BYTES), SHA1_BYTES = 20 };

static bool is_key(gw_str key)
{
    char bytes[KEY_LEN / 4 * 3];
    size_t len;

    return key.len == KEY_LEN &&
           gw_base64_decode(GW_BASE64, key, bytes, &len) && len == KEY_BYTES;
}

unsigned gw_ws_handshake_check(const struct gw_http_request *req, gw_str *key)
{
    static const gw_str upgrade = GW_LIT("Upgrade");
    static const gw_str key_name = GW_LIT("Sec-WebSocket-Key");
    static const gw_str version_name = GW_LIT("Sec-WebSocket-Version");
    const struct gw_http_headers *h = &req->headers;
    gw_str version;

    if (!gw_str_eq(req->method, GW_LIT("GET")))
        return 405;
    if (!gw_http_header_count(h, upgrade))
        return 426;
    if (req->minor < 1 || req->chunked || req->body_bytes)
        return 400;
    if (!gw_http_header_lists(h, upgrade, GW_LIT("websocket")) ||
        !gw_http_header_lists(h, GW_LIT("Connection"), upgrade))
        return 400;
    if (gw_http_header_count(h, version_name) != 1)
        return 400;
    gw_http_header_first(h, version_name, &version);
    if (!gw_str_eq(version, GW_LIT("13")))
        return 426;
    if (gw_http_header_count(h, key_name) != 1 ||
        gw_http_header_count(h, GW_LIT("Sec-WebSocket-Accept")))
        return 400;
    gw_http_header_first(h, key_name, key);
    return is_key(*key) ? 101 : 400;
}

/* Looking the digest up costs more than using it, so it is looked up once for
 * all threads: an immutable object of the library, kept for ever. */
static const EVP_MD *sha1(void)
{
    static _Atomic(EVP_MD *) found;
    EVP_MD *md = atomic_load_explicit(&found, memory_order_acquire);
    EVP_MD *none = NULL;

    if (md)
        return md;
    md = EVP_MD_fetch(NULL, "SHA1", NULL);
    GW_ASSERT(md != NULL);
    if (atomic_compare_exchange_strong(&found, &none, md))
        return md;
    EVP_MD_free(md); /* another thread was first */
    return none;
}

void gw_ws_accept_key(gw_str key, char out[GW_WS_ACCEPT_LEN])
{
    static const gw_str guid = GW_LIT("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    unsigned char digest[SHA1_BYTES];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    bool ok = ctx && EVP_DigestInit_ex2(ctx, sha1(), NULL) &&
              EVP_DigestUpdate(ctx, key.at, key.len) &&
              EVP_DigestUpdate(ctx, guid.at, guid.len) &&
              EVP_DigestFinal_ex(ctx, digest, NULL);

    GW_ASSERT(ok);
    EVP_MD_CTX_free(ctx);
    gw_base64_encode(GW_BASE64, (gw_str){ (char *)digest, sizeof(digest) },
                     out);
}

/* Not gw_http_header_lists: subprotocols are told apart by case. */
static bool lists_exactly(gw_str list, gw_str what)
{
    while (list.len)
        if (gw_str_eq(gw_str_trim(gw_str_cut(&list, ',')), what))
            return true;
    return false;
}

bool gw_ws_is_offered(const struct gw_http_request *req, gw_str protocol)
{
    const struct gw_http_headers *h = &req->headers;

    if (!protocol.len)
        return false;
    for (size_t i = 0; i < h->count; i++)
        if (gw_str_eq_nocase(h->at[i].name, GW_LIT("Sec-WebSocket-Protocol")) &&
            lists_exactly(h->at[i].value, protocol))
            return true;
    return false;
}
