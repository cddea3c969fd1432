#include "protocol/event/context.h"

bool gw_pairs_find(const struct gw_pairs *pairs, gw_str name, gw_str *value)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (gw_str_eq(pairs->at[i].name, name)) {
            *value = pairs->at[i].value;
            return true;
        }
    return false;
}

const char *gw_event_type_text(gw_event_type type)
{
    static const char *const names[] = {
        [GW_EVENT_CONNECT] = "CONNECT",
        [GW_EVENT_MESSAGE] = "MESSAGE",
        [GW_EVENT_DISCONNECT] = "DISCONNECT",
    };

    return names[type];
}

#define ON(type)   (1u << GW_EVENT_##type)
#define ON_ANY     (ON(CONNECT) | ON(MESSAGE) | ON(DISCONNECT))
#define AT(member) offsetof(struct gw_context, member)

/* The names, and where each is found. */
static const struct row {
    gw_str name;
    enum {
        TEXT,       /* a gw_str, not set while it is empty */
        TEXT_EMPTY, /* a gw_str that may well be empty */
        INTEGER,    /* an int64_t */
        CLF,        /* an int64_t of milliseconds, as requestTime */
        UNSIGNED,
        TYPE,      /* eventType */
        DIRECTION, /* always "IN" */
    } kind;
    unsigned on;
    size_t at;
} rows[] = {
    { GW_LIT("connectionId"), TEXT, ON_ANY, AT(connection_id) },
    { GW_LIT("requestId"), TEXT, ON_ANY, AT(request_id) },
    { GW_LIT("extendedRequestId"), TEXT, ON_ANY, AT(request_id) },
    { GW_LIT("routeKey"), TEXT, ON_ANY, AT(route_key) },
    { GW_LIT("eventType"), TYPE, ON_ANY, 0 },
    { GW_LIT("messageId"), TEXT, ON(MESSAGE), AT(message_id) },
    { GW_LIT("messageDirection"), DIRECTION, ON_ANY, 0 },
    { GW_LIT("stage"), TEXT, ON_ANY, AT(stage) },
    { GW_LIT("apiId"), TEXT, ON_ANY, AT(api_id) },
    { GW_LIT("domainName"), TEXT, ON_ANY, AT(domain_name) },
    { GW_LIT("connectedAt"), INTEGER, ON_ANY, AT(connected_at_ms) },
    { GW_LIT("requestTime"), CLF, ON_ANY, AT(request_time_ms) },
    { GW_LIT("requestTimeEpoch"), INTEGER, ON_ANY, AT(request_time_ms) },
    { GW_LIT("identity.sourceIp"), TEXT, ON_ANY, AT(source_ip) },
    { GW_LIT("identity.userAgent"), TEXT, ON_ANY, AT(user_agent) },
    { GW_LIT("disconnectStatusCode"), UNSIGNED, ON(DISCONNECT),
      AT(disconnect_status) },
    { GW_LIT("disconnectReason"), TEXT_EMPTY, ON(DISCONNECT),
      AT(disconnect_reason) },
    /* beyond the original */
    { GW_LIT("eventId"), TEXT, ON(DISCONNECT), AT(event_id) },
    { GW_LIT("attempt"), UNSIGNED, ON(DISCONNECT), AT(attempt) },
};

static const struct row *row_of(gw_str name)
{
    for (size_t i = 0; i < GW_LEN(rows); i++)
        if (gw_str_eq(rows[i].name, name))
            return &rows[i];
    return NULL;
}

bool gw_context_knows(gw_str name)
{
    return row_of(name) != NULL;
}

static bool keep(struct gw_arena *a, gw_str text, gw_str *value)
{
    return gw_arena_dup(a, text, value) == GW_OK;
}

bool gw_context_find(const struct gw_context *c, struct gw_arena *a,
                     gw_str name, gw_str *value)
{
    const struct row *row = row_of(name);
    const void *member;
    char text[GW_CLF_TIME_LEN + 1], digits[GW_DIGITS_MAX];

    if (!row || !(row->on & 1u << c->event_type))
        return false;
    member = (const char *)c + row->at;
    switch (row->kind) {
    case TEXT:
    case TEXT_EMPTY:
        *value = *(const gw_str *)member;
        return row->kind == TEXT_EMPTY || value->len > 0;
    case TYPE:
        *value = gw_str_of(gw_event_type_text(c->event_type));
        return true;
    case DIRECTION:
        *value = GW_LIT("IN");
        return true;
    case CLF:
        gw_time_clf(*(const int64_t *)member, text);
        return keep(a, gw_str_of(text), value);
    case INTEGER:
        return keep(a, gw_str_of_i64(*(const int64_t *)member, digits), value);
    case UNSIGNED:
        return keep(a, gw_str_of_u64(*(const unsigned *)member, digits), value);
    }
    return false;
}

/*
 * Time in UTC by plain arithmetic: libc's functions look at locales and time
 * zones, and take a lock to do it.
 */
struct civil {
    unsigned year, month, day, hour, minute, second, ms;
};

static struct civil civil_of(int64_t unix_ms)
{
    /* what four digits of a year can show: 0000 to 9999 */
    const int64_t first = -62167219200000, last = 253402300799999;
    int64_t t = GW_MIN(GW_MAX(unix_ms, first), last) - first;
    unsigned ms = (unsigned)(t % 86400000), days = (unsigned)(t / 86400000);
    unsigned era, of_era, year, of_year, month;

    /* Years that begin on 1 March put the leap day last, and then every
     * 400 years are alike (H. Hinnant, "chrono-Compatible Low-Level Date
     * Algorithms", civil_from_days). 0000-01-01 is day 306 of year -1; one
     * era is added here and its years taken off below. */
    days += 146097 - 60;
    era = days / 146097;
    of_era = days % 146097;
    year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * year + year / 4 - year / 100);
    month = (5 * of_year + 2) / 153; /* 0: March */
    return (struct civil){
        .year = year + 400 * era - 400 + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
        .hour = ms / 3600000,
        .minute = ms / 60000 % 60,
        .second = ms / 1000 % 60,
        .ms = ms % 1000,
    };
}

static void digits(char *at, int count, unsigned value)
{
    while (count--) {
        at[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

void gw_time_clf(int64_t unix_ms, char out[GW_CLF_TIME_LEN + 1])
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil t = civil_of(unix_ms);

    memcpy(out, "00/Jan/0000:00:00:00 +0000", GW_CLF_TIME_LEN + 1);
    digits(out, 2, t.day);
    memcpy(out + 3, &months[3 * (t.month - 1)], 3);
    digits(out + 7, 4, t.year);
    digits(out + 12, 2, t.hour);
    digits(out + 15, 2, t.minute);
    digits(out + 18, 2, t.second);
}

void gw_time_iso(int64_t unix_ms, char out[GW_ISO_TIME_LEN + 1])
{
    struct civil t = civil_of(unix_ms);

    memcpy(out, "0000-00-00T00:00:00.000Z", GW_ISO_TIME_LEN + 1);
    digits(out, 4, t.year);
    digits(out + 5, 2, t.month);
    digits(out + 8, 2, t.day);
    digits(out + 11, 2, t.hour);
    digits(out + 14, 2, t.minute);
    digits(out + 17, 2, t.second);
    digits(out + 20, 3, t.ms);
}
