#include "store/backend/redis.h"

#include "tests/support/suite.h"

static const struct {
    const char *text;
    int kind;
    const char *hosts; /* host port host port … */
    const char *rest;  /* path master user password, "-" for none */
    unsigned db;
    const char *shown;
} good[] = {
    { "redis://cache", GW_REDIS_TCP, "cache 6379", "- - - -", 0,
      "redis://cache:6379" },
    { "redis://cache.example.com:7000/3", GW_REDIS_TCP,
      "cache.example.com 7000", "- - - -", 3,
      "redis://cache.example.com:7000/3" },
    { "redis://cache/", GW_REDIS_TCP, "cache 6379", "- - - -", 0,
      "redis://cache:6379" },
    { "redis://[::1]:7000", GW_REDIS_TCP, "::1 7000", "- - - -", 0,
      "redis://[::1]:7000" },
    { "redis://[fe80::1%eth0]", GW_REDIS_TCP, "fe80::1%eth0 6379", "- - - -", 0,
      "redis://[fe80::1%eth0]:6379" },
    { "redis://gw:s3cret@10.0.0.1", GW_REDIS_TCP, "10.0.0.1 6379",
      "- - gw s3cret", 0, "redis://gw:***@10.0.0.1:6379" },
    { "redis://:s3cret@h", GW_REDIS_TCP, "h 6379", "- - - s3cret", 0,
      "redis://:***@h:6379" },
    { "redis://gw@h", GW_REDIS_TCP, "h 6379", "- - gw -", 0,
      "redis://gw@h:6379" },
    { "redis://g%40w:a%3A%2Fb:c%25@h", GW_REDIS_TCP, "h 6379",
      "- - g@w a:/b:c%", 0, "redis://g%40w:***@h:6379" },
    { "redis-sentinel://a,b:1,[::2]:3/main", GW_REDIS_SENTINEL,
      "a 26379 b 1 ::2 3", "- main - -", 0,
      "redis-sentinel://a:26379,b:1,[::2]:3/main" },
    { "redis-sentinel://u:p@a/my%20main/15", GW_REDIS_SENTINEL, "a 26379",
      "- my main u p", 15, "redis-sentinel://u:***@a:26379/my%20main/15" },
    { "unix:///run/redis.sock", GW_REDIS_UNIX, "", "/run/redis.sock - - -", 0,
      "unix:///run/redis.sock" },
    { "unix:///a%3Fb?db=2", GW_REDIS_UNIX, "", "/a?b - - -", 2,
      "unix:///a%3Fb?db=2" },
};

static void add(struct gw_buf *out, gw_str text)
{
    if (!text.len)
        text = GW_LIT("-");
    ck_assert_int_eq(
        gw_buf_addf(out, "%s%.*s", out->len ? " " : "", GW_FMT(text)), GW_OK);
}

START_TEST(a_url_is_read_and_shown)
{
    struct gw_redis_url url;
    struct gw_fault why;
    struct gw_arena a;
    struct gw_buf b;
    gw_err err;

    gw_arena_init(&a, 4096);
    gw_buf_init(&b, 4096);
    err = gw_redis_url_read(&a, gw_str_of(good[_i].text), &url, &why);
    ck_assert_msg(!err, "%s: %s", good[_i].text, why.text);
    ck_assert_int_eq(url.kind, good[_i].kind);
    ck_assert_uint_eq(url.db, good[_i].db);
    for (size_t i = 0; i < url.host_count; i++)
        ck_assert_int_eq(gw_buf_addf(&b, "%s%.*s %u", i ? " " : "",
                                     GW_FMT(url.hosts[i].host),
                                     url.hosts[i].port),
                         GW_OK);
    ck_assert_gw_str(gw_buf_str(&b), gw_str_of(good[_i].hosts));
    b.len = 0;
    add(&b, url.path);
    add(&b, url.master);
    add(&b, url.user);
    add(&b, url.password);
    ck_assert_gw_str(gw_buf_str(&b), gw_str_of(good[_i].rest));
    b.len = 0;
    ck_assert_int_eq(gw_redis_url_print(&url, &b), GW_OK);
    ck_assert_gw_str(gw_buf_str(&b), gw_str_of(good[_i].shown));
    gw_buf_fini(&b);
    gw_arena_fini(&a);
}
END_TEST

static const struct {
    const char *text, *why; /* a part of it */
} bad[] = {
    { "", "redis://host" },
    { "localhost:6379", "redis://host" },
    { "rediss://h", "redis://host" },
    { "REDIS://h", "redis://host" },
    { "redis://", "host:" },
    { "redis://:6379", "host:" },
    { "redis://a b", "%20" },
    { "redis://u:\n@h", "%20" },
    { "redis://a%2eb", "host:" },
    { "redis://a@b@c", "host:" },
    { "redis://::1", "[::1] for IPv6" },
    { "redis://[::1", "']'" },
    { "redis://[::1]6379", "':'" },
    { "redis://[h]", "host:" },
    { "redis://[]", "host:" },
    { "redis://h:", "port:" },
    { "redis://h:0", "port:" },
    { "redis://h:65536", "port:" },
    { "redis://h:+1", "port:" },
    { "redis://h/x", "database:" },
    { "redis://h/-1", "database:" },
    { "redis://h/65536", "database:" },
    { "redis://h/1/2", "database:" },
    { "redis://h?db=1", "host:" },
    { "redis://a,b", "redis-sentinel://" },
    { "redis://u:100%@h", "%25" },
    { "redis://u:%0g@h", "%25" },
    { "redis://u:%00@h", "%25" },
    { "redis-sentinel://a", "name of the master" },
    { "redis-sentinel://a/", "name of the master" },
    { "redis-sentinel://a,/m", "host:" },
    { "redis-sentinel://a,,b/m", "host:" },
    { "redis-sentinel://a/m/x", "database:" },
    { "redis-sentinel://1,2,3,4,5,6,7,8,9/m", "at most 8" },
    { "unix://", "unix:///" },
    { "unix://run/redis.sock", "unix:///" },
    { "unix:///r?x=1", "?db=" },
    { "unix:///r?db=", "database:" },
    /* 108 bytes: there is no room for the NUL */
    { "unix:///"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "path: at most 107" },
};

START_TEST(a_bad_url_is_refused)
{
    struct gw_redis_url url;
    struct gw_fault why;
    struct gw_arena a;

    gw_arena_init(&a, 4096);
    ck_assert_msg(gw_redis_url_read(&a, gw_str_of(bad[_i].text), &url, &why) ==
                      GW_E_INVALID,
                  "%s", bad[_i].text);
    ck_assert_msg(strstr(why.text, bad[_i].why) != NULL, "%s: %s", bad[_i].text,
                  why.text);
    gw_arena_fini(&a);
}
END_TEST

GW_SUITE("store/backend/redis_url")
{
    tcase_add_loop_test(tc, a_url_is_read_and_shown, 0, GW_LEN(good));
    tcase_add_loop_test(tc, a_bad_url_is_refused, 0, GW_LEN(bad));
}
