#include "server/admin/letters.h"

#include "protocol/json/json.h"
#include "tests/support/fake_link.h"
#include "tests/support/suite.h"

#include <stdio.h>

/* A registry that keeps what it is asked until the test answers. */
static struct {
    struct gw_registry base;
    gw_err refuses; /* at once */
    char asked[160];
    unsigned count;
    gw_letters_done *listed;
    gw_registry_done *changed;
    void *ctx;
} reg;

static gw_err on_letters(struct gw_registry *r, gw_str after, size_t max,
                         gw_letters_done *done, void *ctx)
{
    reg.count++;
    reg.listed = done;
    reg.ctx = ctx;
    snprintf(reg.asked, sizeof(reg.asked), "list %.*s %zu", GW_FMT(after), max);
    return reg.refuses;
}

static gw_err keep(const char *what, gw_str letter, gw_registry_done *done,
                   void *ctx)
{
    reg.count++;
    reg.changed = done;
    reg.ctx = ctx;
    snprintf(reg.asked, sizeof(reg.asked), "%s %.*s", what, GW_FMT(letter));
    return reg.refuses;
}

static gw_err on_retry(struct gw_registry *r, gw_str letter,
                       gw_registry_done *done, void *ctx)
{
    return keep("retry", letter, done, ctx);
}

static gw_err on_drop(struct gw_registry *r, gw_str letter,
                      gw_registry_done *done, void *ctx)
{
    return keep("drop", letter, done, ctx);
}

static const struct gw_registry_ops ops = { .letters = on_letters,
                                            .letter_retry = on_retry,
                                            .letter_drop = on_drop };
static struct fake_link l;

static void begin(void)
{
    memset(&reg, 0, sizeof(reg));
    reg.base.ops = &ops;
    fake_link_init(&l);
}

/* "METHOD TARGET", and further header lines. */
static void ask(const char *line, const char *headers)
{
    static char bytes[4096];
    static struct gw_http_request request;
    const struct gw_http_limits limits = { 4096, 10240, 1000 };
    size_t used;
    int n =
        snprintf(bytes, sizeof(bytes), "%s HTTP/1.1\r\n%s\r\n", line, headers);

    ck_assert_int_eq(gw_http_request_read((gw_str){ bytes, (size_t)n }, &limits,
                                          &request, &used),
                     GW_HTTP_READY);
    l.asked = true;
    gw_letters_handle(&reg.base, &fake_link_ops, fake_link_of(&l), &request,
                      &l.answerer);
    memset(bytes, '#', sizeof(bytes));
}

/* --- requests ------------------------------------------------------------------ */

#define AT_HOME "Host: 127.0.0.1:8081\r\n"

static const struct {
    const char *line, *asked;
} asked[] = {
    { "GET /dead-letters", "list  100" },
    { "GET /dead-letters/", "list  100" },
    { "GET /dead-letters?after=", "list  100" },
    { "GET /dead-letters?after=17-3&max=1", "list 17-3 1" },
    { "GET /dead-letters?max=1000", "list  1000" },
    { "POST /dead-letters/1700000000000-0/retry", "retry 1700000000000-0" },
    { "DELETE /dead-letters/7", "drop 7" },
};

START_TEST(requests_reach_the_registry)
{
    begin();
    ck_assert(!l.answerer);
    ask(asked[_i].line, AT_HOME);
    ck_assert_str_eq(reg.asked, asked[_i].asked);
    ck_assert(l.asked && l.answerer); /* it waits */
    if (reg.listed)
        reg.listed(reg.ctx, GW_OK, NULL, 0);
    else
        reg.changed(reg.ctx, GW_OK);
    ck_assert(!l.asked);
    ck_assert_uint_eq(l.status, reg.listed ? 200 : 204);
    fake_link_fini(&l);
}
END_TEST

static const struct {
    const char *line, *headers;
    unsigned status;
} refused[] = {
    { "GET /dead-letters?max=0", AT_HOME, 400 },
    { "GET /dead-letters?max=1001", AT_HOME, 400 },
    { "GET /dead-letters?before=1", AT_HOME, 400 },
    { "GET /dead-letters?after=a%2Fb", AT_HOME, 400 },
    { "GET /dead-letters/7", AT_HOME, 404 },
    { "POST /dead-letters", AT_HOME, 404 },
    { "POST /dead-letters/7", AT_HOME, 404 },
    { "POST /dead-letters//retry", AT_HOME, 404 },
    { "POST /dead-letters/7/retry/8", AT_HOME, 404 },
    { "POST /dead-letters/7/drop", AT_HOME, 404 },
    { "DELETE /dead-letters", AT_HOME, 404 },
    { "DELETE /dead-letters/7/retry", AT_HOME, 404 },
    { "DELETE /dead-letters/a%2Fb", AT_HOME, 404 },
    { "PUT /dead-letters/7", AT_HOME, 405 },
    { "OPTIONS /dead-letters/7", AT_HOME, 405 },
    /* what a page in a browser would send: across origins; and to a name that
     * was made to lead here */
    { "POST /dead-letters/7/retry", AT_HOME "Origin: https://a.example\r\n",
      403 },
    { "POST /dead-letters/7/retry", AT_HOME "Origin: null\r\n", 403 },
    { "POST /dead-letters/7/retry", AT_HOME "Origin: http://127.0.0.1:8081\r\n",
      403 },
    { "GET /dead-letters", "Host: rebound.example:8081\r\n", 403 },
    { "DELETE /dead-letters/7", "Host: rebound.example\r\n", 403 },
    { "DELETE /dead-letters/7", "Host: 127.0.0.1.rebound.example\r\n", 403 },
    { "DELETE /dead-letters/7", "Host: localhost.rebound.example\r\n", 403 },
    { "DELETE /dead-letters/7", "Host: 1.2.3.4a\r\n", 403 },
    { "OPTIONS /dead-letters/7", AT_HOME "Origin: https://a.example\r\n", 403 },
};

START_TEST(nothing_else_does)
{
    begin();
    ask(refused[_i].line, refused[_i].headers);
    ck_assert_uint_eq(l.status, refused[_i].status);
    ck_assert_uint_eq(reg.count, 0);
    ck_assert(!l.asked && !l.answerer);
    fake_link_fini(&l);
}
END_TEST

static const char *const hosts[] = {
    "Host: localhost\r\n",     "Host: LOCALHOST:1\r\n",
    "Host: 10.0.0.7:8081\r\n", "Host: [::1]:8081\r\n",
    "Host: [2001:db8::1]\r\n",
};

START_TEST(an_address_is_no_rebound_name)
{
    begin();
    ask("DELETE /dead-letters/7", hosts[_i]);
    ck_assert_uint_eq(reg.count, 1);
    reg.changed(reg.ctx, GW_OK);
    ck_assert_uint_eq(l.status, 204);
    fake_link_fini(&l);
}
END_TEST

/* --- answers ------------------------------------------------------------------- */

static const struct {
    gw_err err;
    unsigned status;
} errors[] = {
    { GW_E_NOT_FOUND, 404 },
    { GW_E_UNREACHABLE, 503 },
    { GW_E_BUSY, 503 },
    { GW_E_TIMEOUT, 500 },
};

START_TEST(what_fails_is_said)
{
    static const char *const lines[] = { "GET /dead-letters",
                                         "POST /dead-letters/7/retry",
                                         "DELETE /dead-letters/7" };

    for (size_t i = 0; i < GW_LEN(lines); i++) {
        begin();
        reg.refuses = errors[_i].err; /* at once */
        ask(lines[i], AT_HOME);
        ck_assert(!l.asked && !l.answerer);
        ck_assert_uint_eq(l.status, errors[_i].status);

        reg.refuses = GW_OK; /* later */
        ask(lines[i], AT_HOME);
        if (i == 0)
            reg.listed(reg.ctx, errors[_i].err, NULL, 0);
        else
            reg.changed(reg.ctx, errors[_i].err);
        ck_assert(!l.asked);
        ck_assert_uint_eq(l.status, errors[_i].status);
        fake_link_fini(&l);
    }
}
END_TEST

START_TEST(who_left_is_not_answered)
{
    begin();
    ask("DELETE /dead-letters/7", AT_HOME);
    l.answerer->gone(l.answerer);
    l.asked = false;
    reg.changed(reg.ctx, GW_OK);
    ck_assert_uint_eq(l.status, 0);
    ask("GET /dead-letters", AT_HOME);
    l.answerer->gone(l.answerer);
    l.asked = false;
    reg.listed(reg.ctx, GW_OK, NULL, 0);
    ck_assert_uint_eq(l.status, 0);
    fake_link_fini(&l);
}
END_TEST

static gw_json read_body(void)
{
    gw_json root;

    ck_assert_uint_eq(l.status, 200);
    ck_assert(gw_json_read(gw_buf_str(&l.body), &root) == GW_OK);
    return root;
}

static void has(gw_json letter, const char *name, const char *raw)
{
    ck_assert_gw_str(gw_json_member(letter, gw_str_of(name)).raw,
                     gw_str_of(raw));
}

START_TEST(letters_are_described)
{
    const struct gw_record record = {
        .connection_id = GW_LIT("L0SM9cOFvHcCIhw="),
        .event_id = GW_LIT("R1koeT9HtjMCKAA="),
        .api_id = GW_LIT("chat"),
        .stage = GW_LIT("dev"),
        .domain_name = GW_LIT("chat.example.com"),
        .source_ip = GW_LIT("203.0.113.7"),
        .user_agent = GW_LIT(""),
        .base = GW_LIT("127.0.0.1:8080/chat"),
        .connected_at_ms = 1440938160000, /* 2015-08-30T12:36:00Z */
        .ended_at_ms = 1440938161500,
        .code = 1001,
        .reason = GW_LIT("\"going\""),
        .attempts = 12,
    };
    struct gw_record of_the_dead = record;
    struct gw_buf bytes[2];
    struct gw_letter letters[3] = {
        { GW_LIT("17-0"), GW_LIT("took too long"), GW_EMPTY },
        { GW_LIT("17-1"), GW_LIT("x"), GW_EMPTY },
        { GW_LIT("18-0"), GW_LIT("x"), GW_LIT("\xff rubbish") }
    };
    gw_json root, list, one;

    begin();
    of_the_dead.ended_at_ms = 0; /* its node saw no end */
    for (int i = 0; i < 2; i++) {
        gw_buf_init(&bytes[i], GW_RECORD_BYTES_MAX);
        ck_assert(gw_record_write(i ? &of_the_dead : &record, &bytes[i]) ==
                  GW_OK);
        letters[i].record = gw_buf_str(&bytes[i]);
    }
    ask("GET /dead-letters?max=3", AT_HOME);
    reg.listed(reg.ctx, GW_OK, letters, GW_LEN(letters));
    root = read_body();
    has(root, "next", "\"18-0\""); /* as many as asked for: there may be more */
    list = gw_json_member(root, GW_LIT("letters"));
    one = gw_json_item(list, 0);
    has(one, "id", "\"17-0\"");
    has(one, "why", "\"took too long\"");
    has(one, "connectionId", "\"L0SM9cOFvHcCIhw=\"");
    has(one, "eventId", "\"R1koeT9HtjMCKAA=\"");
    has(one, "apiId", "\"chat\"");
    has(one, "stage", "\"dev\"");
    has(one, "connectedAt", "\"2015-08-30T12:36:00.000Z\"");
    has(one, "endedAt", "\"2015-08-30T12:36:01.500Z\"");
    has(one, "code", "1001");
    has(one, "attempts", "12");
    has(one, "reason", "\"\\\"going\\\"\"");
    one = gw_json_item(list, 1);
    has(one, "code", "1006");
    has(one, "endedAt", "");
    one = gw_json_item(list, 2); /* can still be dropped */
    has(one, "id", "\"18-0\"");
    has(one, "connectionId", "");
    for (int i = 0; i < 2; i++)
        gw_buf_fini(&bytes[i]);
    fake_link_fini(&l);
}
END_TEST

/* However long their texts: what does not fit is for the next page. */
START_TEST(a_page_is_bounded)
{
    enum { MANY = 1000 };
    static struct gw_letter letters[MANY];
    static char ids[MANY][16], why[2000];
    char want[32];
    gw_json root;
    size_t shown = 0;

    memset(why, 'y', sizeof(why));
    for (size_t i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof(ids[i]), "%zu", i);
        letters[i] = (struct gw_letter){ gw_str_of(ids[i]),
                                         { why, sizeof(why) },
                                         GW_EMPTY };
    }
    begin();
    ask("GET /dead-letters?max=1000", AT_HOME);
    reg.listed(reg.ctx, GW_OK, letters, MANY);
    root = read_body();
    ck_assert_uint_lt(l.body.len, 1 << 20); /* what the tool reads */
    while (gw_json_item(gw_json_member(root, GW_LIT("letters")), shown).kind)
        shown++;
    ck_assert_uint_gt(shown, 100);
    ck_assert_uint_lt(shown, MANY);
    snprintf(want, sizeof(want), "\"%zu\"", shown - 1);
    has(root, "next", want);

    ask("GET /dead-letters?max=1000", AT_HOME);
    reg.listed(reg.ctx, GW_OK, letters, 100);
    root = read_body();
    ck_assert_int_eq(gw_json_member(root, GW_LIT("next")).kind, GW_JSON_ABSENT);
    fake_link_fini(&l);
}
END_TEST

GW_SUITE("server/admin/letters")
{
    tcase_add_loop_test(tc, requests_reach_the_registry, 0, GW_LEN(asked));
    tcase_add_loop_test(tc, nothing_else_does, 0, GW_LEN(refused));
    tcase_add_loop_test(tc, an_address_is_no_rebound_name, 0, GW_LEN(hosts));
    tcase_add_loop_test(tc, what_fails_is_said, 0, GW_LEN(errors));
    tcase_add_test(tc, who_left_is_not_answered);
    tcase_add_test(tc, letters_are_described);
    tcase_add_test(tc, a_page_is_bounded);
}
