#include "protocol/ws/handshake.h"

#include "tests/support/suite.h"

/*
 * Rows change the client's side of RFC 6455, 1.2, by lines: "Name: value"
 * takes the place of the example's field (or is new), "+Name: value" comes in
 * addition, "-Name" takes it away, "GET 1.0" is another first line.
 */
static const struct gw_http_header example[] = {
    { GW_LIT("Host"), GW_LIT("server.example.com") },
    { GW_LIT("Upgrade"), GW_LIT("websocket") },
    { GW_LIT("Connection"), GW_LIT("Upgrade") },
    { GW_LIT("Sec-WebSocket-Key"), GW_LIT("dGhlIHNhbXBsZSBub25jZQ==") },
    { GW_LIT("Origin"), GW_LIT("http://example.com") },
    { GW_LIT("Sec-WebSocket-Protocol"), GW_LIT("chat, superchat") },
    { GW_LIT("Sec-WebSocket-Version"), GW_LIT("13") },
};

#define KEY     "Sec-WebSocket-Key: "
#define VERSION "Sec-WebSocket-Version: "
#define OFFER   "Sec-WebSocket-Protocol: "
#define SAMPLE  "dGhlIHNhbXBsZSBub25jZQ=="

/* RFC 6455, 4.2.1; for 405 and 426 also RFC 9110, 15.5.6 and 15.5.22. */
static const struct {
    const char *name;
    unsigned status;
    const char *changes;
} checks[] = {
    { "the example", 101, "" },
    { "HEAD", 405, "HEAD 1.1" },
    { "POST", 405, "POST 1.1" },
    { "CONNECT", 405, "CONNECT 1.1" },
    { "methods have a case", 405, "get 1.1" },
    { "POST without Upgrade", 405, "POST 1.1\n-Upgrade" },
    { "HTTP/1.0", 400, "GET 1.0" },
    { "a body", 400, "Content-Length: 1" },
    { "a chunked body", 400, "Transfer-Encoding: chunked" },
    { "Content-Length: 0", 101, "Content-Length: 0" },

    { "no Upgrade", 426, "-Upgrade" },
    { "neither Upgrade nor Connection", 426, "-Upgrade\n-Connection" },
    { "no Upgrade, HTTP/1.0", 426, "GET 1.0\n-Upgrade" },
    { "no Upgrade and no key", 426, "-Upgrade\n-Sec-WebSocket-Key" },
    { "Upgrade to something else", 400, "Upgrade: h2c" },
    { "Upgrade: WebSocket", 101, "Upgrade: WebSocket" },
    { "Upgrade: WEBSOCKET", 101, "Upgrade: WEBSOCKET" },
    { "Upgrade lists it first", 101, "Upgrade: websocket, h2c" },
    { "Upgrade lists it last", 101, "Upgrade: h2c,websocket" },
    { "Upgrade twice", 101, "Upgrade: h2c\n+Upgrade: websocket" },
    { "upgrade in lower case", 101, "-Upgrade\nupgrade: websocket" },
    { "Upgrade: websockets", 400, "Upgrade: websockets" },
    { "Upgrade: web socket", 400, "Upgrade: web socket" },
    { "Upgrade empty", 400, "Upgrade: " },
    { "Upgrade with a version", 400, "Upgrade: websocket/13" },

    { "no Connection", 400, "-Connection" },
    { "Connection: upgrade", 101, "Connection: upgrade" },
    { "Firefox's Connection", 101, "Connection: keep-alive, Upgrade" },
    { "Connection lists it first", 101, "Connection: UPGRADE,keep-alive" },
    { "Connection twice", 101, "Connection: keep-alive\n+Connection: Upgrade" },
    { "Connection with empty elements", 101, "Connection: , ,Upgrade ," },
    { "Connection: keep-alive", 400, "Connection: keep-alive" },
    { "Connection: close", 400, "Connection: close" },
    { "Connection: upgraded", 400, "Connection: upgraded" },
    { "Connection empty", 400, "Connection: " },

    { "no key", 400, "-Sec-WebSocket-Key" },
    { "key empty", 400, KEY },
    { "key all zeros", 101, KEY "AAAAAAAAAAAAAAAAAAAAAA==" },
    { "key with + and /", 101, KEY "+/+/+/+/+/+/+/+/+/+/+w==" },
    { "key of 15 bytes", 400, KEY "AAAAAAAAAAAAAAAAAAAA" },
    { "key of 17 bytes", 400, KEY "AAAAAAAAAAAAAAAAAAAAAAA=" },
    { "key of 18 bytes", 400, KEY "AAAAAAAAAAAAAAAAAAAAAAAA" },
    { "key without padding", 400, KEY "dGhlIHNhbXBsZSBub25jZQ" },
    { "key with spare bits", 400, KEY "dGhlIHNhbXBsZSBub25jZR==" },
    { "key in base64url", 400, KEY "-_-_-_-_-_-_-_-_-_-_-w==" },
    { "key with a blank", 400, KEY "dGhlIHNhbXBsZSBub25j Q==" },
    { "key in quotes", 400, KEY "\"" SAMPLE "\"" },
    { "key not base64", 400, KEY "dGhlIHNhbXBsZSBub25jZQ*=" },
    { "two keys", 400, "+" KEY "AAAAAAAAAAAAAAAAAAAAAA==" },
    { "the same key twice", 400, "+" KEY SAMPLE },
    { "two keys in one field", 400, KEY SAMPLE ", " SAMPLE },

    { "no version", 400, "-Sec-WebSocket-Version" },
    { "version 8", 426, VERSION "8" },
    { "version 0", 426, VERSION "0" },
    { "version 14", 426, VERSION "14" },
    { "version 013", 426, VERSION "013" },
    { "version empty", 426, VERSION },
    { "two versions", 400, "+" VERSION "8" },
    { "the same version twice", 400, "+" VERSION "13" },
    { "two versions in one field", 426, VERSION "13, 8" },
    { "another version, no key", 426, VERSION "7\n-Sec-WebSocket-Key" },

    { "the answer's header", 400, "Sec-WebSocket-Accept: " SAMPLE },
    { "no Origin", 101, "-Origin" },
    { "no offer", 101, "-Sec-WebSocket-Protocol" },
    { "an extension", 101, "Sec-WebSocket-Extensions: permessage-deflate" },
};

static void remove_field(struct gw_http_headers *h, gw_str name)
{
    size_t kept = 0;

    for (size_t i = 0; i < h->count; i++)
        if (!gw_str_eq(h->at[i].name, name))
            h->at[kept++] = h->at[i];
    ck_assert_uint_lt(kept, h->count);
    h->count = kept;
}

static void set_field(struct gw_http_headers *h, gw_str name, gw_str value,
                      bool in_addition)
{
    size_t i = in_addition ? h->count : 0;

    while (i < h->count && !gw_str_eq(h->at[i].name, name))
        i++;
    h->at[i] = (struct gw_http_header){ name, value };
    h->count = GW_MAX(h->count, i + 1);
}

static void apply(struct gw_http_request *req, gw_str line)
{
    char mark = line.at[0];
    gw_str name, value;

    if (mark == '-') {
        remove_field(&req->headers, gw_str_skip(line, 1));
        return;
    }
    value = gw_str_skip(line, mark == '+');
    name = gw_str_cut(&value, ':');
    if (!value.at[0] && gw_str_find(name, ' ', 0) > 0) {
        req->minor = gw_str_ends(name, GW_LIT("1"));
        req->method = gw_str_cut(&name, ' ');
        return;
    }
    value = gw_str_trim(value);
    set_field(&req->headers, name, value, mark == '+');
    if (gw_str_eq(name, GW_LIT("Transfer-Encoding")))
        req->chunked = true;
    if (gw_str_eq(name, GW_LIT("Content-Length")))
        req->has_length = gw_str_to_u64(value, &req->body_bytes);
}

static void set_up(struct gw_http_request *req, const char *changes)
{
    gw_str rest = gw_str_of(changes);

    *req = (struct gw_http_request){ .method = GW_LIT("GET"), .minor = 1 };
    memcpy(req->headers.at, example, sizeof(example));
    req->headers.count = GW_LEN(example);
    while (rest.len)
        apply(req, gw_str_cut(&rest, '\n'));
}

START_TEST(handshakes_are_judged)
{
    struct gw_http_request req;
    gw_str key = GW_EMPTY;
    unsigned status;

    set_up(&req, checks[_i].changes);
    status = gw_ws_handshake_check(&req, &key);
    ck_assert_msg(status == checks[_i].status, "%s: %u, not %u",
                  checks[_i].name, status, checks[_i].status);
    if (status == 101)
        ck_assert_uint_eq(key.len, 24);
}
END_TEST

/* RFC 6455, 1.3; the others by `printf %s "$key$guid" | openssl sha1 -binary |
 * base64`. */
static const struct {
    gw_str key, accept;
} accepts[] = {
    { GW_LIT(SAMPLE), GW_LIT("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") },
    { GW_LIT("AAAAAAAAAAAAAAAAAAAAAA=="),
      GW_LIT("ICX+Yqv66kxgM0FcWaLWlFLwTAI=") },
    { GW_LIT("x3JJHMbDL1EzLkh9GBhXDw=="),
      GW_LIT("HSmrc0sMlYUkAGmm5OPpG2HaGWk=") },
};

START_TEST(keys_are_accepted)
{
    char out[GW_WS_ACCEPT_LEN];

    for (int again = 0; again < 2; again++) {
        gw_ws_accept_key(accepts[_i].key, out);
        ck_assert_gw_str(((gw_str){ out, sizeof(out) }), accepts[_i].accept);
    }
}
END_TEST

static const struct {
    const char *name;
    gw_str protocol;
    bool offered;
    const char *changes;
} offers[] = {
    { "the first", GW_LIT("chat"), true, "" },
    { "the last", GW_LIT("superchat"), true, "" },
    { "a part of one", GW_LIT("super"), false, "" },
    { "in another case", GW_LIT("Chat"), false, "" },
    { "the whole list", GW_LIT("chat, superchat"), false, "" },
    { "nothing", GW_EMPTY, false, "" },
    { "without an offer", GW_LIT("chat"), false, "-Sec-WebSocket-Protocol" },
    { "without blanks", GW_LIT("b"), true, OFFER "a,b,c" },
    { "with more blanks", GW_LIT("b"), true, OFFER "a ,\t b \t, c" },
    { "in a second field", GW_LIT("b"), true, "+" OFFER "b" },
    { "nothing, where a list has it", GW_EMPTY, false, OFFER "a,,b" },
    { "a field in lower case", GW_LIT("b"), true, "sec-websocket-protocol: b" },
    { "the value of another field", GW_LIT("13"), false, "" },
};

START_TEST(offers_are_found)
{
    struct gw_http_request req;

    set_up(&req, offers[_i].changes);
    ck_assert_msg(gw_ws_is_offered(&req, offers[_i].protocol) ==
                      offers[_i].offered,
                  "%s", offers[_i].name);
}
END_TEST

GW_SUITE("protocol/ws/handshake")
{
    tcase_add_loop_test(tc, handshakes_are_judged, 0, GW_LEN(checks));
    tcase_add_loop_test(tc, keys_are_accepted, 0, GW_LEN(accepts));
    tcase_add_loop_test(tc, offers_are_found, 0, GW_LEN(offers));
}
