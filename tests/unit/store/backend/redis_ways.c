/*
 * The ways to a Redis: names, a unix socket, users with few rights, Sentinel.
 */
#include "tests/unit/store/backend/redis_world.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Where nobody listens, for as long as the descriptor is open. */
static int closed_port(uint16_t *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Of a URL that does not work: until it says why. */
static void says_why(struct world *w, const char *begins)
{
    gw_str why;

    UNTIL(w, !gw_str_eq(gw_redis_fault(w->r), GW_LIT("not connected yet")));
    why = gw_redis_fault(w->r);
    ck_assert_msg(gw_str_starts(why, gw_str_of(begins)), "%.*s", GW_FMT(why));
    ck_assert_uint_eq(w->ups, 0);
    close_link(w);
}

/* --- addresses --------------------------------------------------------------- */

/* The server has 127.0.0.1 only; "localhost" is ::1 as well, where the
 * machine has it. */
START_TEST(a_name_leads_to_an_address_that_answers)
{
    struct world w = { 0 };
    struct gw_redis_url url;

    gw_redis_server_start(&w.server);
    url = gw_redis_server_url(&w.server);
    url.hosts[0].host = GW_LIT("localhost");
    start_link(&w, &url);
    UNTIL(&w, w.ups);
    prove(&w);
    end(&w);
}
END_TEST

START_TEST(a_name_that_nobody_knows_is_said)
{
    struct world w = { 0 };
    struct gw_redis_url url = gw_redis_server_url(&w.server);

    url.hosts[0].host = GW_LIT("no-such-host.invalid");
    start_link(&w, &url);
    says_why(&w, "no-such-host.invalid: ");
}
END_TEST

START_TEST(a_port_where_nobody_listens_is_said)
{
    struct world w = { 0 };
    struct gw_redis_url url = gw_redis_server_url(&w.server);
    int fd = closed_port(&url.hosts[0].port);

    start_link(&w, &url);
    says_why(&w, "Connection refused");
    close(fd);
}
END_TEST

START_TEST(a_unix_socket_will_do)
{
    struct world w = { 0 };
    struct gw_redis_url url;
    struct answer a = { 0 };

    gw_redis_server_start(&w.server);
    url = gw_redis_server_url(&w.server);
    url.kind = GW_REDIS_UNIX;
    url.path = gw_str_of(w.server.socket);
    url.db = 2;
    start_link(&w, &url);
    UNTIL(&w, w.ups);
    ck_assert_int_eq(command(&w, "SET k v", &a), GW_OK);
    UNTIL(&w, a.fired);
    ck_assert_int_eq(gw_redis_server_do(&w.server, "EXISTS k"), 0);
    ck_assert_int_eq(command(&w, "PUBLISH test:bus:1.0 hello", NULL), GW_OK);
    UNTIL(&w, w.messages);
    gw_redis_server_kill(&w.server);
    UNTIL(&w, w.downs);
    gw_redis_server_start(&w.server);
    UNTIL(&w, w.ups == 2);
    end(&w);
}
END_TEST

START_TEST(a_socket_that_is_not_there_is_said)
{
    struct world w = { 0 };
    struct gw_redis_url url = { .kind = GW_REDIS_UNIX,
                                .path = GW_LIT("/nowhere/redis.sock") };

    start_link(&w, &url);
    says_why(&w, "No such file or directory");
}
END_TEST

/* --- users ------------------------------------------------------------------- */

/* All that the link itself does, and no more; the commands inside the script
 * are the script's. */
static const char user[] = "ACL SETUSER gw on >s3cret resetkeys ~test:* "
                           "resetchannels &test:* -@all +ping +select "
                           "+subscribe +eval +evalsha +publish +set";

START_TEST(a_user_of_few_rights_is_enough)
{
    static const struct gw_redis_script script = {
        "set", "return redis.call('SET', KEYS[1], ARGV[1])", 0
    };
    gw_str allowed[] = { GW_LIT("test:k"), GW_LIT("v") };
    gw_str forbidden[] = { GW_LIT("other:k"), GW_LIT("v") };
    struct world w = { 0 };
    struct gw_redis_url url;
    struct answer a = { 0 }, b = { 0 };

    gw_redis_server_start(&w.server);
    gw_redis_server_do(&w.server, user);
    url = gw_redis_server_url(&w.server);
    url.user = GW_LIT("gw");
    url.password = GW_LIT("s3cret");
    url.db = 1;
    start_link(&w, &url);
    UNTIL(&w, w.ups);
    for (unsigned i = 1; i <= 2; i++) {
        ck_assert_int_eq(
            gw_redis_script_run(w.r, &script, 1, 2, allowed, on_answer, &a),
            GW_OK);
        ck_assert_int_eq(
            gw_redis_script_run(w.r, &script, 1, 2, forbidden, on_answer, &b),
            GW_OK);
        UNTIL(&w, b.fired == i);
        ck_assert_uint_eq(a.fired, i);
        ck_assert_str_eq(a.text, "OK");
        ck_assert_int_eq(b.err, GW_E_FORBIDDEN);
    }
    ck_assert_int_eq(command(&w, "PUBLISH test:bus:1.0 hello", NULL), GW_OK);
    UNTIL(&w, w.messages);
    end(&w);
}
END_TEST

START_TEST(a_password_alone_is_the_default_users)
{
    struct world w = { .server.options = { "--requirepass", "s3cret" } };
    struct gw_redis_url url;

    gw_redis_server_start(&w.server);
    url = gw_redis_server_url(&w.server);
    url.password = GW_LIT("s3cret");
    start_link(&w, &url);
    UNTIL(&w, w.ups);
    prove(&w);
    end(&w);
}
END_TEST

static const struct {
    gw_str user, password;
    const char *why;
} strangers[] = {
    { GW_LIT(""), GW_LIT(""), "NOAUTH " },
    { GW_LIT(""), GW_LIT("wrong"), "WRONGPASS " },
    { GW_LIT("nobody"), GW_LIT("s3cret"), "WRONGPASS " },
    { GW_LIT("deaf"), GW_LIT("s3cret"), "NOPERM " }, /* to subscribe */
};

START_TEST(a_stranger_is_told)
{
    struct world w = { .server.options = { "--requirepass", "s3cret", "--user",
                                           "deaf", "on", ">s3cret", "~*",
                                           "resetchannels", "+@all" } };
    struct gw_redis_url url;

    gw_redis_server_start(&w.server);
    url = gw_redis_server_url(&w.server);
    url.user = strangers[_i].user;
    url.password = strangers[_i].password;
    start_link(&w, &url);
    says_why(&w, strangers[_i].why);
    gw_redis_server_end(&w.server);
}
END_TEST

/* --- Sentinel ---------------------------------------------------------------- */

struct set {
    struct world w; /* its server: the master */
    struct gw_redis_server replica, sentinel;
    char master_port[8];
    struct gw_redis_url url;
};

static void wait_until_it_says(const struct gw_redis_server *s,
                               const char *question, const char *part)
{
    bool is_so = false;

    while (!is_so) {
        char *text = gw_redis_server_ask(s, question);

        is_so = strstr(text, part) != NULL;
        free(text);
        usleep(10000); /* there is no event to wait for */
    }
}

static void begin_set(struct set *s)
{
    memset(s, 0, sizeof(*s));
    s->w.server.options[0] = "--repl-diskless-sync-delay";
    s->w.server.options[1] = "0";
    gw_redis_server_start(&s->w.server);
    snprintf(s->master_port, sizeof(s->master_port), "%u", s->w.server.port);
    s->replica.options[0] = "--replicaof";
    s->replica.options[1] = "127.0.0.1";
    s->replica.options[2] = s->master_port;
    gw_redis_server_start(&s->replica);
    wait_until_it_says(&s->replica, "INFO replication",
                       "master_link_status:up");
    wait_until_it_says(&s->w.server, "INFO replication", "state=online");
    gw_redis_server_start_sentinel(&s->sentinel, &s->w.server);
    s->url = gw_redis_server_url(&s->sentinel);
    s->url.kind = GW_REDIS_SENTINEL;
    s->url.master = GW_LIT("main");
}

static void end_set(struct set *s)
{
    gw_redis_server_end(&s->sentinel);
    gw_redis_server_end(&s->replica);
    gw_redis_server_end(&s->w.server);
}

START_TEST(the_link_follows_the_master)
{
    struct answer a = { 0 };
    struct set s;

    begin_set(&s);
    start_link(&s.w, &s.url);
    UNTIL(&s.w, s.w.ups);
    wait_until_it_says(&s.sentinel, "INFO sentinel", "slaves=1");
    gw_redis_server_kill(&s.w.server);
    UNTIL(&s.w, s.w.ups == 2);
    ck_assert_int_eq(command(&s.w, "SET k v", &a), GW_OK);
    UNTIL(&s.w, a.fired);
    ck_assert_str_eq(a.text, "OK");
    ck_assert_int_eq(gw_redis_server_do(&s.replica, "EXISTS k"), 1);
    close_link(&s.w);
    end_set(&s);
}
END_TEST

START_TEST(a_sentinel_that_is_gone_is_passed_by)
{
    struct set s;
    int fd;

    begin_set(&s);
    s.url.hosts[1] = s.url.hosts[0];
    s.url.host_count = 2;
    fd = closed_port(&s.url.hosts[0].port);
    start_link(&s.w, &s.url);
    UNTIL(&s.w, s.w.ups);
    prove(&s.w);
    close(fd);
    close_link(&s.w);
    end_set(&s);
}
END_TEST

/* Two that listen and say nothing: each costs a try, the third knows. */
START_TEST(a_silent_sentinel_is_asked_last)
{
    struct set s;
    int fds[2];

    begin_set(&s);
    s.url.hosts[2] = s.url.hosts[0];
    s.url.host_count = 3;
    for (int i = 0; i < 2; i++) {
        s.url.hosts[i].host = s.url.hosts[2].host;
        fds[i] = closed_port(&s.url.hosts[i].port);
        ck_assert_int_eq(listen(fds[i], 8), 0);
    }
    start_link(&s.w, &s.url);
    UNTIL(&s.w, s.w.ups);
    prove(&s.w);
    /* from now on it is the first to be asked */
    gw_redis_server_do(&s.w.server, "CLIENT KILL TYPE pubsub");
    UNTIL(&s.w, s.w.downs);
    s.w.ups = 0;
    uint64_t since_ms = uv_now(&s.w.loop);
    UNTIL(&s.w, s.w.ups);
    ck_assert_uint_lt(uv_now(&s.w.loop) - since_ms, GW_REDIS_CONNECT_MS);
    for (int i = 0; i < 2; i++)
        close(fds[i]);
    close_link(&s.w);
    end_set(&s);
}
END_TEST

START_TEST(a_name_sentinel_does_not_know_is_said)
{
    struct set s;

    begin_set(&s);
    s.url.master = GW_LIT("other");
    start_link(&s.w, &s.url);
    says_why(&s.w, "sentinel 127.0.0.1: it knows no master of that name");
    end_set(&s);
}
END_TEST

/* A sentinel may be the last to learn: the one it names is asked itself. */
START_TEST(a_master_has_to_say_that_it_is_one)
{
    struct set s;

    begin_set(&s);
    start_link(&s.w, &s.url);
    UNTIL(&s.w, s.w.ups);
    gw_redis_server_do(&s.w.server, "REPLICAOF 127.0.0.1 1");
    gw_redis_server_do(&s.w.server, "CLIENT KILL TYPE pubsub");
    UNTIL(&s.w, s.w.downs);
    UNTIL(&s.w, gw_str_starts(gw_redis_fault(s.w.r),
                              GW_LIT("Sentinel named a server that is no")));
    ck_assert_uint_eq(s.w.ups, 1);
    close_link(&s.w);
    end_set(&s);
}
END_TEST

GW_SUITE("store/backend/redis_ways")
{
    tcase_add_test(tc, a_name_leads_to_an_address_that_answers);
    tcase_add_test(tc, a_name_that_nobody_knows_is_said);
    tcase_add_test(tc, a_port_where_nobody_listens_is_said);
    tcase_add_test(tc, a_unix_socket_will_do);
    tcase_add_test(tc, a_socket_that_is_not_there_is_said);
    tcase_add_test(tc, a_user_of_few_rights_is_enough);
    tcase_add_test(tc, a_password_alone_is_the_default_users);
    tcase_add_loop_test(tc, a_stranger_is_told, 0, GW_LEN(strangers));
    tcase_add_test(tc, the_link_follows_the_master);
    tcase_add_test(tc, a_sentinel_that_is_gone_is_passed_by);
    tcase_add_test(tc, a_silent_sentinel_is_asked_last);
    tcase_add_test(tc, a_name_sentinel_does_not_know_is_said);
    tcase_add_test(tc, a_master_has_to_say_that_it_is_one);
}
