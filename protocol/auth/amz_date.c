#include "protocol/auth/amz_date.h"

#include "protocol/event/context.h"

void gw_amz_date_write(int64_t unix_s, char out[GW_AMZ_DATE_LEN + 1])
{
    char iso[GW_ISO_TIME_LEN + 1];
    size_t len = 0;

    gw_time_iso(unix_s * 1000, iso);
    for (const char *p = iso; *p != '.'; p++)
        if (*p != '-' && *p != ':')
            out[len++] = *p;
    out[len++] = 'Z';
    out[len] = '\0';
}

static bool digits_of(const char *at, int count, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(at[i] - '0');
    }
    return true;
}

/* Days since 1970: years that begin in March put the leap day last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month < 3);
    unsigned from_march = (month + 9) % 12;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 +
           day - 1 - 719468;
}

bool gw_amz_date_read(gw_str text, int64_t *unix_s)
{
    unsigned year, month, day, hour, minute, second;

    if (text.len != GW_AMZ_DATE_LEN || text.at[8] != 'T' ||
        text.at[15] != 'Z' || !digits_of(text.at, 4, &year) ||
        !digits_of(text.at + 4, 2, &month) ||
        !digits_of(text.at + 6, 2, &day) || !digits_of(text.at + 9, 2, &hour) ||
        !digits_of(text.at + 11, 2, &minute) ||
        !digits_of(text.at + 13, 2, &second))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    *unix_s =
        days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}
