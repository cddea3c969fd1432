#include "store/backend/redis.h"

#include "protocol/base/base64.h"
#include "protocol/http/query.h"

#include <sys/un.h>

enum { DB_MAX = 65535, PORT = 6379, SENTINEL_PORT = 26379 };

static const struct scheme {
    gw_str text;
    int kind;
    uint16_t port;
} schemes[] = {
    { GW_LIT("redis://"), GW_REDIS_TCP, PORT },
    { GW_LIT("redis-sentinel://"), GW_REDIS_SENTINEL, SENTINEL_PORT },
    { GW_LIT("unix://"), GW_REDIS_UNIX, 0 },
};

/* --- pieces ------------------------------------------------------------------ */

/* Whole %XX only, and no NUL: what is read is what was meant. */
static gw_err decode(struct gw_arena *a, gw_str text, size_t max,
                     const char *what, gw_str *out, struct gw_fault *why)
{
    gw_str whole;
    gw_err err;

    for (size_t i = 0; i < text.len; i++) {
        char byte;

        if (text.at[i] != '%')
            continue;
        if (text.len - i < 3 ||
            !gw_hex_decode((gw_str){ text.at + i + 1, 2 }, &byte) || !byte)
            return gw_fail(why, GW_E_INVALID, "%s: a '%%' is written %%25",
                           what);
    }
    err = gw_http_decode(a, text, false, &whole);
    if (!err && whole.len > max)
        return gw_fail(why, GW_E_INVALID, "%s: at most %zu bytes", what, max);
    if (!err)
        err = gw_arena_dup(a, whole, out);
    return err ? gw_fail(why, GW_E_INVALID, "%s: too long", what) : GW_OK;
}

static gw_err read_db(gw_str text, unsigned *out, struct gw_fault *why)
{
    uint64_t db;

    if (!gw_str_to_u64(text, &db) || db > DB_MAX)
        return gw_fail(why, GW_E_INVALID,
                       "database: expected a number up to %d", DB_MAX);
    *out = (unsigned)db;
    return GW_OK;
}

static gw_err read_user(struct gw_arena *a, gw_str text,
                        struct gw_redis_url *out, struct gw_fault *why)
{
    gw_str user = gw_str_cut(&text, ':');
    gw_err err = decode(a, user, GW_REDIS_TEXT_MAX, "user", &out->user, why);

    if (err)
        return err;
    return decode(a, text, GW_REDIS_TEXT_MAX, "password", &out->password, why);
}

/* host, host:port, [v6] or [v6]:port */
static gw_err read_host(struct gw_arena *a, gw_str text, uint16_t port,
                        struct gw_redis_url *out, struct gw_fault *why)
{
    gw_str host, rest = text;
    const char *marks;
    uint64_t number = port;
    bool is_v6 = gw_str_pass(&rest, '['), has_port;

    if (is_v6) {
        marks = ":.%-_";
        if (gw_str_find(rest, ']', 0) < 0)
            return gw_fail(why, GW_E_INVALID, "host: expected a ']'");
        host = gw_str_cut(&rest, ']');
        has_port = gw_str_pass(&rest, ':');
        if (!has_port && rest.len)
            return gw_fail(why, GW_E_INVALID, "host: expected ':' after ']'");
    } else {
        marks = ".-_";
        has_port = gw_str_find(rest, ':', 0) >= 0;
        host = gw_str_cut(&rest, ':');
    }
    if (!host.len || host.len > GW_REDIS_TEXT_MAX ||
        !gw_str_is_of(host, marks) || is_v6 != (gw_str_find(host, ':', 0) >= 0))
        return gw_fail(why, GW_E_INVALID,
                       "host: expected a name or an address, [::1] for IPv6");
    if (has_port &&
        (!gw_str_to_u64(rest, &number) || !number || number > UINT16_MAX))
        return gw_fail(why, GW_E_INVALID,
                       "port: expected a number from 1 to 65535");
    if (gw_arena_dup(a, host, &out->hosts[out->host_count].host))
        return gw_fail(why, GW_E_INVALID, "host: too long");
    out->hosts[out->host_count++].port = (uint16_t)number;
    return GW_OK;
}

/* --- the kinds --------------------------------------------------------------- */

static gw_err read_unix(struct gw_arena *a, gw_str rest,
                        struct gw_redis_url *out, struct gw_fault *why)
{
    bool has_query = gw_str_find(rest, '?', 0) >= 0;
    gw_str path = gw_str_cut(&rest, '?');
    gw_err err =
        decode(a, path, sizeof(((struct sockaddr_un *)0)->sun_path) - 1, "path",
               &out->path, why);

    if (err)
        return err;
    if (!gw_str_begins(path, '/'))
        return gw_fail(why, GW_E_INVALID, "path: expected unix:///a/path");
    if (!has_query)
        return GW_OK;
    if (!gw_str_starts(rest, GW_LIT("db=")))
        return gw_fail(why, GW_E_INVALID, "expected ?db=N behind the path");
    return read_db(gw_str_skip(rest, 3), &out->db, why);
}

static gw_err read_hosts(struct gw_arena *a, gw_str list,
                         const struct scheme *scheme, struct gw_redis_url *out,
                         struct gw_fault *why)
{
    bool more;

    do {
        gw_err err;

        if (out->host_count == GW_REDIS_HOSTS_MAX)
            return gw_fail(why, GW_E_INVALID, "at most %d hosts",
                           GW_REDIS_HOSTS_MAX);
        more = gw_str_find(list, ',', 0) >= 0;
        if (more && scheme->kind == GW_REDIS_TCP)
            return gw_fail(why, GW_E_INVALID,
                           "one host (several are for redis-sentinel://)");
        err = read_host(a, gw_str_cut(&list, ','), scheme->port, out, why);
        if (err)
            return err;
    } while (more);
    return GW_OK;
}

/* [user:pass@]hosts[/name][/db] */
static gw_err read_network(struct gw_arena *a, gw_str rest,
                           const struct scheme *scheme,
                           struct gw_redis_url *out, struct gw_fault *why)
{
    gw_str authority = gw_str_cut(&rest, '/');
    gw_err err = GW_OK;

    if (gw_str_find(authority, '@', 0) >= 0)
        err = read_user(a, gw_str_cut(&authority, '@'), out, why);
    if (!err)
        err = read_hosts(a, authority, scheme, out, why);
    if (!err && scheme->kind == GW_REDIS_SENTINEL) {
        err = decode(a, gw_str_cut(&rest, '/'), GW_REDIS_TEXT_MAX,
                     "name of the master", &out->master, why);
        if (!err && !out->master.len)
            err = gw_fail(why, GW_E_INVALID,
                          "expected the name of the master behind the hosts");
    }
    return !err && rest.len ? read_db(rest, &out->db, why) : err;
}

gw_err gw_redis_url_read(struct gw_arena *a, gw_str text,
                         struct gw_redis_url *out, struct gw_fault *why)
{
    *out = (struct gw_redis_url){ .path = GW_EMPTY,
                                  .master = GW_EMPTY,
                                  .user = GW_EMPTY,
                                  .password = GW_EMPTY };
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] <= ' ' || text.at[i] == '\x7f')
            return gw_fail(why, GW_E_INVALID,
                           "expected a URL: a blank is written %%20");
    for (size_t i = 0; i < GW_LEN(schemes); i++) {
        gw_str rest;

        if (!gw_str_starts(text, schemes[i].text))
            continue;
        rest = gw_str_skip(text, schemes[i].text.len);
        out->kind = schemes[i].kind;
        if (out->kind == GW_REDIS_UNIX)
            return read_unix(a, rest, out, why);
        return read_network(a, rest, &schemes[i], out, why);
    }
    return gw_fail(why, GW_E_INVALID,
                   "expected redis://host, redis-sentinel://host/name or "
                   "unix:///path");
}

/* --- for people -------------------------------------------------------------- */

static gw_err print_user(const struct gw_redis_url *url, struct gw_buf *out)
{
    gw_err err;

    if (!url->user.len && !url->password.len)
        return GW_OK;
    err = gw_http_encode(out, url->user, false);
    if (!err && url->password.len)
        err = gw_buf_add(out, GW_LIT(":***"));
    return err ? err : gw_buf_add(out, GW_LIT("@"));
}

static gw_err print_hosts(const struct gw_redis_url *url, struct gw_buf *out)
{
    gw_err err = GW_OK;

    for (size_t i = 0; i < url->host_count && !err; i++) {
        gw_str host = url->hosts[i].host;
        bool is_v6 = gw_str_find(host, ':', 0) >= 0;

        err = gw_buf_addf(out, is_v6 ? "%s[%.*s]:%u" : "%s%.*s:%u",
                          i ? "," : "", GW_FMT(host), url->hosts[i].port);
    }
    return err;
}

gw_err gw_redis_url_print(const struct gw_redis_url *url, struct gw_buf *out)
{
    gw_err err;

    for (size_t i = 0; i < GW_LEN(schemes); i++)
        if (schemes[i].kind == (int)url->kind &&
            gw_buf_add(out, schemes[i].text))
            return GW_E_TOO_BIG;
    if (url->kind == GW_REDIS_UNIX) {
        err = gw_http_encode(out, url->path, true);
        return err || !url->db ? err : gw_buf_addf(out, "?db=%u", url->db);
    }
    err = print_user(url, out);
    if (!err)
        err = print_hosts(url, out);
    if (!err && url->master.len)
        err = gw_buf_add(out, GW_LIT("/"));
    if (!err)
        err = gw_http_encode(out, url->master, false);
    return err || !url->db ? err : gw_buf_addf(out, "/%u", url->db);
}
