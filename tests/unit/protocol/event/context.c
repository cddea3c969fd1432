#include "protocol/event/context.h"

#include "tests/support/suite.h"

/* requestTime and requestTimeEpoch of the samples in websocket-api.md 3.2 to
 * 3.4; the others from GNU date -u. */
static const struct {
    int64_t ms;
    const char *clf, *iso;
} times[] = {
    { 1705751697420, "20/Jan/2024:11:54:57 +0000", "2024-01-20T11:54:57.420Z" },
    { 1705751700453, "20/Jan/2024:11:55:00 +0000", "2024-01-20T11:55:00.453Z" },
    { 1705751708326, "20/Jan/2024:11:55:08 +0000", "2024-01-20T11:55:08.326Z" },
    { 0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00.000Z" },
    { -1, "31/Dec/1969:23:59:59 +0000", "1969-12-31T23:59:59.999Z" },
    { 951782400000, "29/Feb/2000:00:00:00 +0000", "2000-02-29T00:00:00.000Z" },
    { 951868799999, "29/Feb/2000:23:59:59 +0000", "2000-02-29T23:59:59.999Z" },
    { 951868800000, "01/Mar/2000:00:00:00 +0000", "2000-03-01T00:00:00.000Z" },
    { 1735689599000, "31/Dec/2024:23:59:59 +0000", "2024-12-31T23:59:59.000Z" },
    { 1735689600000, "01/Jan/2025:00:00:00 +0000", "2025-01-01T00:00:00.000Z" },
    { 4107456000000, "28/Feb/2100:00:00:00 +0000", "2100-02-28T00:00:00.000Z" },
    { 4107542400000, "01/Mar/2100:00:00:00 +0000", "2100-03-01T00:00:00.000Z" },
    { INT64_MAX, "31/Dec/9999:23:59:59 +0000", "9999-12-31T23:59:59.999Z" },
    { INT64_MIN, "01/Jan/0000:00:00:00 +0000", "0000-01-01T00:00:00.000Z" },
};

START_TEST(times_are_written)
{
    char clf[GW_CLF_TIME_LEN + 1], iso[GW_ISO_TIME_LEN + 1];

    gw_time_clf(times[_i].ms, clf);
    gw_time_iso(times[_i].ms, iso);
    ck_assert_str_eq(clf, times[_i].clf);
    ck_assert_str_eq(iso, times[_i].iso);
}
END_TEST

/* A calendar counted up day by day, for every day that can be shown. */
START_TEST(every_day_follows_the_one_before)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31 };
    int64_t ms = -62167219200000;

    for (int year = 0; year <= 9999; year++)
        for (int month = 0; month < 12; month++) {
            bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            int last = lengths[month] + (month == 1 && leap);

            for (int day = 1; day <= last; day++, ms += 86400000) {
                char iso[GW_ISO_TIME_LEN + 1];
                int at = year * 10000 + (month + 1) * 100 + day, have = 0;

                gw_time_iso(ms, iso);
                for (int i = 0; i < 10; i++)
                    if (iso[i] != '-')
                        have = have * 10 + iso[i] - '0';
                if (have != at)
                    ck_abort_msg("day %d came out as %s", at, iso);
            }
        }
}
END_TEST

static const struct gw_context connect = {
    .event_type = GW_EVENT_CONNECT,
    .api_id = GW_LIT("abcd123456"),
    .stage = GW_LIT("prod"),
    .domain_name = GW_LIT("example.com"),
    .route_key = GW_LIT("$connect"),
    .connection_id = GW_LIT("R1kmxc2VNjMCFIA="),
    .message_id = GW_LIT("not to be seen"),
    .request_id = GW_LIT("R1kmxGsUtjMFbRw="),
    .source_ip = GW_LIT("203.0.113.7"),
    .user_agent = GW_LIT("Mozilla/5.0"),
    .connected_at_ms = 1705751697419,
    .request_time_ms = 1705751697420,
    .disconnect_status = 1000,
    .disconnect_reason = GW_LIT("not to be seen"),
};

/* NULL: not found. */
static const struct {
    const char *name;
    const char *on_connect, *on_message, *on_disconnect;
} names[] = {
    { "apiId", "abcd123456", "abcd123456", "abcd123456" },
    { "stage", "prod", "prod", "prod" },
    { "domainName", "example.com", "example.com", "example.com" },
    { "routeKey", "$connect", "sendmessage", "$disconnect" },
    { "eventType", "CONNECT", "MESSAGE", "DISCONNECT" },
    { "messageDirection", "IN", "IN", "IN" },
    { "messageId", NULL, "R1knPc2ntjMCFIA=", NULL },
    { "connectionId",
      "R1kmxc2VNjMCFIA=", "R1kmxc2VNjMCFIA=", "R1kmxc2VNjMCFIA=" },
    { "requestId", "R1kmxGsUtjMFbRw=", "R1knPH17NjMFftw=", "R1koeHsUtjMFbRw=" },
    { "extendedRequestId",
      "R1kmxGsUtjMFbRw=", "R1knPH17NjMFftw=", "R1koeHsUtjMFbRw=" },
    { "connectedAt", "1705751697419", "1705751697419", "1705751697419" },
    { "requestTimeEpoch", "1705751697420", "1705751700453", "1705751708326" },
    { "requestTime", "20/Jan/2024:11:54:57 +0000", "20/Jan/2024:11:55:00 +0000",
      "20/Jan/2024:11:55:08 +0000" },
    { "identity.sourceIp", "203.0.113.7", "203.0.113.7", "203.0.113.7" },
    { "identity.userAgent", "Mozilla/5.0", NULL, "Mozilla/5.0" },
    { "disconnectStatusCode", NULL, NULL, "1001" },
    { "disconnectReason", NULL, NULL, "" },
    { "eventId", NULL, NULL, "R1koeT9HtjMCKAA=" },
    { "attempt", NULL, NULL, "3" },
    { "", NULL, NULL, NULL },
    { "apiid", NULL, NULL, NULL },
    { "identity", NULL, NULL, NULL },
    { "identity.sourceIp.", NULL, NULL, NULL },
    { "authorizer.principalId", NULL, NULL, NULL },
};

static void expect(const struct gw_context *c, const char *name,
                   const char *want)
{
    struct gw_arena a;
    gw_str value = GW_EMPTY;
    bool found;

    gw_arena_init(&a, 4096);
    found = gw_context_find(c, &a, gw_str_of(name), &value);
    ck_assert_msg(found == (want != NULL), "%s on %s", name,
                  gw_event_type_text(c->event_type));
    if (want)
        ck_assert_gw_str(value, gw_str_of(want));
    gw_arena_fini(&a);
}

START_TEST(names_are_looked_up_as_events_set_them)
{
    struct gw_context message = connect, disconnect = connect;

    message.event_type = GW_EVENT_MESSAGE;
    message.route_key = GW_LIT("sendmessage");
    message.message_id = GW_LIT("R1knPc2ntjMCFIA=");
    message.request_id = GW_LIT("R1knPH17NjMFftw=");
    message.request_time_ms = 1705751700453;
    message.user_agent = GW_EMPTY; /* the client sent none */
    disconnect.event_type = GW_EVENT_DISCONNECT;
    disconnect.route_key = GW_LIT("$disconnect");
    disconnect.request_id = GW_LIT("R1koeHsUtjMFbRw=");
    disconnect.request_time_ms = 1705751708326;
    disconnect.disconnect_status = 1001;
    disconnect.disconnect_reason = GW_EMPTY; /* closed without one */
    disconnect.event_id = GW_LIT("R1koeT9HtjMCKAA=");
    disconnect.attempt = 3;

    expect(&connect, names[_i].name, names[_i].on_connect);
    expect(&message, names[_i].name, names[_i].on_message);
    expect(&disconnect, names[_i].name, names[_i].on_disconnect);
    ck_assert(gw_context_knows(gw_str_of(names[_i].name)) ==
              (names[_i].on_connect || names[_i].on_message ||
               names[_i].on_disconnect));
}
END_TEST

START_TEST(a_full_arena_finds_nothing)
{
    struct gw_arena a;
    gw_str value;

    gw_arena_init(&a, 4);
    ck_assert(!gw_context_find(&connect, &a, GW_LIT("requestTime"), &value));
    ck_assert(gw_context_find(&connect, &a, GW_LIT("stage"), &value));
    gw_arena_fini(&a);
}
END_TEST

START_TEST(pairs_are_found_by_exact_name)
{
    static const struct gw_pair at[] = {
        { GW_LIT("host"), GW_LIT("a") },
        { GW_LIT("Host"), GW_LIT("b") },
        { GW_LIT("empty"), GW_LIT("") },
    };
    struct gw_pairs pairs = { at, GW_LEN(at) }, none = { NULL, 0 };
    gw_str value = GW_EMPTY;

    ck_assert(gw_pairs_find(&pairs, GW_LIT("Host"), &value));
    ck_assert_gw_str(value, GW_LIT("b"));
    ck_assert(gw_pairs_find(&pairs, GW_LIT("empty"), &value));
    ck_assert_gw_str(value, GW_EMPTY);
    ck_assert(!gw_pairs_find(&pairs, GW_LIT("HOST"), &value));
    ck_assert(!gw_pairs_find(&none, GW_LIT("host"), &value));
}
END_TEST

GW_SUITE("protocol/event/context")
{
    tcase_add_loop_test(tc, times_are_written, 0, GW_LEN(times));
    tcase_add_test(tc, every_day_follows_the_one_before);
    tcase_add_loop_test(tc, names_are_looked_up_as_events_set_them, 0,
                        GW_LEN(names));
    tcase_add_test(tc, a_full_arena_finds_nothing);
    tcase_add_test(tc, pairs_are_found_by_exact_name);
}
