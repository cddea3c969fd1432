#include "tests/support/fake_world.h"

#include "server/gateway/conn.h"
#include "server/gateway/deliver.h"
#include "tests/support/suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NODE = 7 };

struct gw_config *fake_config(const char *yaml)
{
    static struct gw_config_errors errors;
    struct gw_config_source source = { .text = gw_str_of(yaml) };
    struct gw_config *config = NULL;

    if (gw_config_load(&source, &config, &errors))
        ck_abort_msg("%s", errors.lines[0]);
    return config;
}

void fake_world_init_at(struct fake_world *w, const char *yaml,
                        struct gw_bus *bus, unsigned worker, unsigned count)
{
    struct gw_config *config = fake_config(yaml);

    memset(w, 0, sizeof(*w));
    w->clock = (struct gw_clock){ 1000000, FAKE_WORLD_UNIX_MS };
    gw_wheel_init(&w->wheel, w->clock.now_ms, NULL);
    fake_fetch_init(&w->fetch);
    w->public = (struct gw_public){ .gateway = &w->gateway,
                                    .signatures = gw_signatures_new() };
    w->gateway = (struct gw_gateway){
        .worker = worker,
        .worker_count = count,
        .node = NODE,
        .link_ops = &fake_link_ops,
        .wheel = &w->wheel,
        .clock = &w->clock,
        .fetcher = &w->fetch.fetcher,
        .bus = bus,
        .metrics = &w->metrics,
        .registry = &w->registry.base,
        .seed = 0x0123456789abcdef + worker,
    };
    fake_registry_init(&w->registry, &gw_gateway_registry_events, &w->gateway);
    gw_gateway_init(&w->gateway);
    fake_registry_join(&w->registry);
    gw_gateway_configure(&w->gateway, config);
    gw_config_unref(config);
}

void fake_world_init(struct fake_world *w, const char *yaml)
{
    struct gw_bus *bus = gw_bus_new(NODE, 1, 1);

    fake_world_init_at(w, yaml, bus, 0, 1);
    w->own_bus = bus;
}

void fake_world_on_bus(void *world, const struct gw_bus_message *message)
{
    struct fake_world *w = world;

    gw_deliver_on_bus(&w->gateway, message);
}

void fake_world_fini(struct fake_world *w)
{
    ck_assert(gw_gateway_is_quiet(&w->gateway));
    ck_assert_uint_eq(w->wheel.count, 0);
    ck_assert_uint_eq(w->metrics.exchanges_in_flight, 0);
    ck_assert_uint_eq(w->metrics.connections_open, 0);
    ck_assert_uint_eq(w->metrics.goodbyes_pending, 0);
    gw_gateway_fini(&w->gateway);
    fake_registry_fini(&w->registry);
    gw_signatures_free(w->public.signatures);
    fake_fetch_fini(&w->fetch);
    if (w->own_bus)
        gw_bus_free(w->own_bus);
}

void fake_world_reload(struct fake_world *w, const char *yaml)
{
    struct gw_config *config = fake_config(yaml);

    gw_gateway_configure(&w->gateway, config);
    gw_config_unref(config);
}

void fake_world_advance(struct fake_world *w, int64_t ms)
{
    w->clock.now_ms += ms;
    w->clock.unix_ms += ms;
    gw_wheel_advance(&w->wheel, w->clock.now_ms);
}

void fake_world_request(struct fake_world *w, struct fake_link *l, gw_str text)
{
    const struct gw_http_limits limits = { 4096, 10240, 10 << 20 };
    struct gw_http_request *request = gw_alloc(sizeof(*request));
    char *bytes = gw_str_dup(text);
    size_t used = 0;

    ck_assert_int_eq(gw_http_request_read((gw_str){ bytes, text.len }, &limits,
                                          request, &used),
                     GW_HTTP_READY);
    ck_assert(!l->asked && !l->conn);
    l->asked = true;
    gw_public_events.on_request(&w->public, fake_link_of(l), request,
                                (gw_str){ bytes + used, text.len - used },
                                &l->answerer);
    /* Nobody may look at them any more. */
    memset(bytes, '#', text.len);
    memset(request, '#', sizeof(*request));
    free(bytes);
    free(request);
}

void fake_world_requestf(struct fake_world *w, struct fake_link *l,
                         const char *format, ...)
{
    static char text[16384];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ck_assert_int_lt(n, (int)sizeof(text));
    fake_world_request(w, l, (gw_str){ text, (size_t)n });
}

void fake_world_connect(struct fake_world *w, struct fake_link *l,
                        const char *target, const char *headers)
{
    /* RFC 6455, 1.3 */
    fake_world_requestf(w, l,
                        "GET %s HTTP/1.1\r\n"
                        "Host: ws.example.com:8080\r\n"
                        "Upgrade: websocket\r\n"
                        "Connection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n"
                        "%s\r\n",
                        target, headers);
}

static void says(struct fake_link *l, gw_ws_opcode opcode, gw_str payload)
{
    char *lent = gw_str_dup(payload);

    ck_assert_msg(l->conn && !l->closing && !l->paused,
                  "the client cannot be heard");
    gw_conn_on_message(l->conn, opcode, (gw_str){ lent, payload.len });
    memset(lent, '#', payload.len);
    free(lent);
}

void fake_link_says(struct fake_link *l, const char *text)
{
    says(l, GW_WS_TEXT, gw_str_of(text));
}

void fake_link_says_binary(struct fake_link *l, gw_str bytes)
{
    says(l, GW_WS_BINARY, bytes);
}

void fake_link_ends(struct fake_link *l, unsigned code, const char *reason)
{
    char *lent = gw_str_dup(gw_str_of(reason));
    void *conn = l->conn;

    ck_assert_msg(conn != NULL, "there is no connection");
    l->conn = NULL;
    gw_conn_on_closed(conn, code, (gw_str){ lent, strlen(reason) });
    memset(lent, '#', strlen(reason));
    free(lent);
}

void fake_link_closed(struct fake_link *l)
{
    ck_assert_msg(l->closing, "nobody closed it");
    fake_link_ends(l, l->close_code, "");
}

void fake_link_gone(struct fake_link *l)
{
    struct gw_answerer *answerer = l->answerer;

    ck_assert_msg(answerer != NULL, "nobody owes it an answer");
    l->asked = false;
    l->answerer = NULL;
    answerer->gone(answerer);
}

gw_str fake_link_id(const struct fake_link *l)
{
    ck_assert_ptr_nonnull(l->conn);
    return gw_conn_id(l->conn);
}
