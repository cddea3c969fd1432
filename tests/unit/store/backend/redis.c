#include "tests/unit/store/backend/redis_world.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* --- commands ---------------------------------------------------------------- */

static const struct {
    const char *before, *line;
    gw_err err;
    const char *text;
} commands[] = {
    { NULL, "SET k v", GW_OK, "OK" },
    { NULL, "GET nothing", GW_OK, "(nil)" },
    { NULL, "INCRBY n -7", GW_OK, "-7" },
    { "SET k v", "GET k", GW_OK, "v" },
    { "RPUSH l a b c", "LRANGE l 0 -1", GW_OK, "[3]" },
    { NULL, "LRANGE l 0 -1", GW_OK, "[0]" },
    { "SET k v", "LPUSH k v", GW_E_INVALID, "WRONGTYPE " },
    { NULL, "GET", GW_E_INVALID, "ERR " },
    { "CONFIG SET maxmemory 1", "SET k v", GW_E_BUSY, "OOM " },
    { "CONFIG SET min-replicas-to-write 1", "SET k v", GW_E_BUSY,
      "NOREPLICAS " },
    { "ACL SETUSER default -get", "GET k", GW_E_FORBIDDEN, "NOPERM " },
};

START_TEST(an_answer_is_what_redis_says)
{
    struct world w;
    struct answer a = { 0 };

    begin(&w);
    if (commands[_i].before)
        gw_redis_server_do(&w.server, commands[_i].before);
    ck_assert_int_eq(command(&w, commands[_i].line, &a), GW_OK);
    ck_assert_uint_eq(a.fired, 0); /* never from inside */
    UNTIL(&w, a.fired);
    ck_assert_int_eq(a.err, commands[_i].err);
    if (a.err) /* the words behind the first are Redis' own */
        a.text[strcspn(a.text, " ") + 1] = '\0';
    ck_assert_str_eq(a.text, commands[_i].text);
    ck_assert_uint_eq(gw_redis_stats(w.r).commands, 1);
    ck_assert_uint_eq(gw_redis_stats(w.r).error_replies, a.err != GW_OK);
    ck_assert_uint_eq(w.downs, 0);
    end(&w);
}
END_TEST

static void nested_done(void *ctx, gw_err err,
                        const struct gw_redis_reply *reply)
{
    const struct gw_redis_reply *inner;

    ck_assert_int_eq(err, GW_OK);
    ck_assert_int_eq(reply->kind, GW_REDIS_ARRAY);
    ck_assert_uint_eq(reply->count, 4);
    ck_assert_int_eq(reply->at[0].integer, 1);
    ck_assert_gw_str(reply->at[1].text, GW_LIT("two"));
    inner = &reply->at[2];
    ck_assert_int_eq(inner->kind, GW_REDIS_ARRAY);
    ck_assert_uint_eq(inner->count, 2);
    ck_assert_gw_str(inner->at[0].text, GW_LIT("a\0b"));
    ck_assert_uint_eq(inner->at[1].count, 1);
    ck_assert_gw_str(inner->at[1].at[0].text, GW_LIT("deep"));
    ck_assert_int_eq(reply->at[3].kind, GW_REDIS_NIL);
    *(bool *)ctx = true;
}

START_TEST(an_answer_has_its_shape)
{
    static const gw_str words[] = {
        GW_LIT("EVAL"),
        GW_LIT("return {1, 'two', {'a\\0b', {'deep'}}, false}"),
        GW_LIT("0"),
    };
    struct world w;
    bool done = false;

    begin(&w);
    ck_assert_int_eq(gw_redis_command(w.r, 3, words, nested_done, &done),
                     GW_OK);
    UNTIL(&w, done);
    end(&w);
}
END_TEST

static void big_done(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    gw_str *sent = ctx;

    ck_assert_int_eq(err, GW_OK);
    ck_assert_gw_str(reply->text, *sent);
    sent->len = 0;
}

/* More than any buffer of the kernel: written and read in pieces. */
START_TEST(a_large_value_goes_there_and_back)
{
    static const size_t size = (size_t)24 << 20;
    struct world w;
    char *bytes = gw_alloc(size);
    gw_str value = { bytes, size };
    gw_str set[] = { GW_LIT("SET"), GW_LIT("k"), value };
    gw_str get[] = { GW_LIT("GET"), GW_LIT("k") };

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    begin(&w);
    ck_assert_int_eq(gw_redis_command(w.r, 3, set, NULL, NULL), GW_OK);
    ck_assert_int_eq(gw_redis_command(w.r, 2, get, big_done, &value), GW_OK);
    UNTIL(&w, !value.len);
    end(&w);
    free(bytes);
}
END_TEST

struct order {
    unsigned next;
};

static void in_order(void *ctx, gw_err err, const struct gw_redis_reply *reply)
{
    struct order *o = ctx;

    ck_assert_int_eq(err, GW_OK);
    ck_assert_int_eq(reply->integer, ++o->next);
}

START_TEST(answers_come_in_order)
{
    static const gw_str incr[] = { GW_LIT("INCR"), GW_LIT("n") };
    struct order o = { 0 };
    struct world w;

    begin(&w);
    for (unsigned i = 0; i < 5000; i++)
        ck_assert_int_eq(gw_redis_command(w.r, 2, incr, in_order, &o), GW_OK);
    ck_assert_uint_eq(gw_redis_stats(w.r).pending, 5000);
    UNTIL(&w, o.next == 5000);
    end(&w);
}
END_TEST

START_TEST(too_many_are_refused)
{
    struct world w;
    struct answer a = { 0 };

    begin(&w);
    for (unsigned i = 0; i < GW_REDIS_PENDING_MAX; i++)
        ck_assert_int_eq(command(&w, "PING", &a), GW_OK);
    ck_assert_int_eq(command(&w, "PING", &a), GW_E_BUSY);
    ck_assert_uint_eq(gw_redis_stats(w.r).refused, 1);
    UNTIL(&w, a.fired == GW_REDIS_PENDING_MAX);
    ck_assert_int_eq(command(&w, "PING", &a), GW_OK);
    end(&w);
}
END_TEST

/* --- scripts ----------------------------------------------------------------- */

static const struct gw_redis_script appender = {
    "append", "return redis.call('APPEND', KEYS[1], ARGV[1])", 3
};

static gw_err append(struct world *w, const char *letter, struct answer *a)
{
    gw_str argv[] = { GW_LIT("text"), gw_str_of(letter) };

    return gw_redis_script_run(w->r, &appender, 1, 2, argv, on_answer, a);
}

START_TEST(a_forgotten_script_is_run_again_unseen)
{
    struct world w;
    struct answer a = { 0 };
    char *text;

    begin(&w);
    ck_assert_int_eq(append(&w, "a", &a), GW_OK);
    ck_assert_int_eq(append(&w, "b", &a), GW_OK);
    UNTIL(&w, a.fired == 2);
    ck_assert_str_eq(a.text, "2");
    gw_redis_server_do(&w.server, "SCRIPT FLUSH");
    ck_assert_int_eq(append(&w, "c", &a), GW_OK);
    ck_assert_int_eq(append(&w, "d", &a), GW_OK);
    UNTIL(&w, a.fired == 4);
    ck_assert_int_eq(a.err, GW_OK);
    text = gw_redis_server_ask(&w.server, "GET text");
    ck_assert_str_eq(text, "abcd");
    free(text);
    /* twice by its text, then by its SHA */
    ck_assert_int_eq(append(&w, "e", &a), GW_OK);
    UNTIL(&w, a.fired == 5);
    text = gw_redis_server_ask(&w.server, "INFO commandstats");
    ck_assert_ptr_nonnull(strstr(text, "cmdstat_eval:calls=3,"));
    ck_assert_ptr_nonnull(strstr(text, "cmdstat_evalsha:calls=4,"));
    free(text);
    end(&w);
}
END_TEST

static const struct {
    const char *text;
    gw_err err;
    const char *begins;
} failing_scripts[] = {
    { "redis.call('SET', KEYS[1], 1) return redis.call('LPUSH', KEYS[1], 1)",
      GW_E_INVALID, "WRONGTYPE " },
    { "return redis.error_reply('OOM made up')", GW_E_BUSY, "OOM made up" },
    { "return redis.error_reply('NOSCRIPT made up')", GW_E_INVALID,
      "NOSCRIPT made up" },
    { "return nonsense(", GW_E_INVALID, "ERR " },
    { "return undefined_name", GW_E_INVALID, "ERR " },
};

START_TEST(an_error_in_a_script_has_its_class)
{
    struct gw_redis_script script = { "s", failing_scripts[_i].text, 0 };
    gw_str key = GW_LIT("k");
    struct answer a = { 0 };
    struct world w;

    begin(&w);
    for (unsigned i = 1; i <= 2; i++) { /* by its text, by its SHA */
        ck_assert_int_eq(
            gw_redis_script_run(w.r, &script, 1, 1, &key, on_answer, &a),
            GW_OK);
        UNTIL(&w, a.fired == i);
        ck_assert_int_eq(a.err, failing_scripts[_i].err);
        ck_assert_msg(gw_str_starts(gw_str_of(a.text),
                                    gw_str_of(failing_scripts[_i].begins)),
                      "%s", a.text);
    }
    end(&w);
}
END_TEST

/* --- the subscription -------------------------------------------------------- */

START_TEST(messages_arrive)
{
    struct world w;
    struct answer a = { 0 };

    begin(&w);
    ck_assert_int_eq(
        gw_redis_server_do(&w.server, "PUBLISH test:bus:1.0 hello"), 1);
    UNTIL(&w, w.messages);
    ck_assert_str_eq(w.message, "hello");
    ck_assert_int_eq(command(&w, "PUBLISH test:bus:1.0 again", &a), GW_OK);
    UNTIL(&w, w.messages == 2 && a.fired);
    ck_assert_str_eq(a.text, "1");
    ck_assert_str_eq(w.message, "again");
    end(&w);
}
END_TEST

/* --- the link goes and comes -------------------------------------------------- */

START_TEST(what_is_pending_fails_when_redis_dies)
{
    struct world w;
    struct answer a = { 0 };

    begin(&w);
    kill(w.server.pid, SIGSTOP);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_int_eq(command(&w, "PING", &a), GW_OK);
    gw_redis_server_kill(&w.server);
    UNTIL(&w, w.downs);
    ck_assert_uint_eq(a.fired, 100); /* before on_down */
    ck_assert_int_eq(a.err, GW_E_UNREACHABLE);
    ck_assert_int_eq(command(&w, "PING", &a), GW_E_UNREACHABLE);
    ck_assert_uint_gt(gw_redis_fault(w.r).len, 0);
    gw_redis_server_start(&w.server);
    UNTIL(&w, w.ups == 2);
    a.fired = 0;
    ck_assert_int_eq(command(&w, "PING", &a), GW_OK);
    ck_assert_int_eq(append(&w, "a", &a), GW_OK);
    UNTIL(&w, a.fired == 2);
    ck_assert_str_eq(a.text, "1");
    ck_assert_uint_eq(gw_redis_stats(w.r).breaks, 1);
    ck_assert_uint_eq(gw_redis_stats(w.r).reconnects, 1);
    end(&w);
}
END_TEST

/* Either connection takes the other with it. */
START_TEST(both_connections_or_none)
{
    static const char *const kinds[] = { "CLIENT KILL TYPE normal",
                                         "CLIENT KILL TYPE pubsub" };
    struct world w;

    begin(&w);
    ck_assert_int_eq(gw_redis_server_do(&w.server, kinds[_i]), 1);
    UNTIL(&w, w.downs);
    UNTIL(&w, w.ups == 2);
    ck_assert_int_eq(
        gw_redis_server_do(&w.server, "PUBLISH test:bus:1.0 hello"), 1);
    UNTIL(&w, w.messages);
    end(&w);
}
END_TEST

START_TEST(a_stopped_redis_is_noticed)
{
    struct world w;
    uint64_t since_ms;

    begin(&w);
    kill(w.server.pid, SIGSTOP);
    since_ms = uv_hrtime() / 1000000;
    UNTIL(&w, w.downs);
    ck_assert_uint_lt(uv_hrtime() / 1000000 - since_ms,
                      GW_REDIS_PING_MS + GW_REDIS_COMMAND_MS + 500);
    kill(w.server.pid, SIGCONT);
    UNTIL(&w, w.ups == 2);
    end(&w);
}
END_TEST

/* It is we who were late: the answers lie there already. */
START_TEST(a_loop_that_stood_still_breaks_nothing)
{
    struct world w;
    struct answer a = { 0 };

    begin(&w);
    ck_assert_int_eq(command(&w, "PING", &a), GW_OK);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    usleep((GW_REDIS_COMMAND_MS + 100) * 1000);
    UNTIL(&w, a.fired);
    ck_assert_int_eq(a.err, GW_OK);
    prove(&w);
    ck_assert_uint_eq(w.downs, 0);
    end(&w);
}
END_TEST

START_TEST(a_quiet_link_stays_up)
{
    struct world w;
    uint64_t since_ms;

    begin(&w);
    since_ms = uv_now(&w.loop);
    UNTIL(&w, uv_now(&w.loop) - since_ms >
                  GW_REDIS_PING_MS + GW_REDIS_COMMAND_MS + 200);
    ck_assert_uint_eq(w.downs, 0);
    end(&w);
}
END_TEST

START_TEST(a_replica_is_left)
{
    struct world w;
    struct answer a = { 0 };

    begin(&w);
    gw_redis_server_do(&w.server, "REPLICAOF 127.0.0.1 1");
    ck_assert_int_eq(command(&w, "SET k v", &a), GW_OK);
    UNTIL(&w, a.fired);
    ck_assert_int_eq(a.err, GW_E_BUSY);
    ck_assert_ptr_eq(strstr(a.text, "READONLY "), a.text);
    UNTIL(&w, w.downs);
    gw_redis_server_do(&w.server, "REPLICAOF NO ONE");
    UNTIL(&w, w.ups == 2);
    end(&w);
}
END_TEST

START_TEST(closing_fails_what_is_pending)
{
    struct world w;
    struct answer a = { 0 };

    begin(&w);
    ck_assert_int_eq(command(&w, "PING", &a), GW_OK);
    ck_assert_int_eq(append(&w, "a", &a), GW_OK);
    end(&w);
    ck_assert_uint_eq(a.fired, 2);
    ck_assert_int_eq(a.err, GW_E_UNREACHABLE);
    ck_assert_uint_eq(w.downs, 0);
}
END_TEST

START_TEST(it_may_be_closed_at_any_time)
{
    struct world w = { 0 };
    struct gw_redis_url url;

    gw_redis_server_start(&w.server);
    url = gw_redis_server_url(&w.server);
    for (int turns = 0; !w.ups; turns++) { /* up to when it is up */
        w.is_closed = false;
        start_link(&w, &url);
        for (int i = 0; i < turns; i++)
            uv_run(&w.loop, UV_RUN_ONCE);
        close_link(&w);
    }
    gw_redis_server_end(&w.server);
}
END_TEST

static void close_inside(void *ctx, gw_err err,
                         const struct gw_redis_reply *reply)
{
    struct world *w = ctx;

    ck_assert_int_eq(err, GW_OK);
    gw_redis_close(w->r, on_closed, w);
    ck_assert_gw_str(reply->text, GW_LIT("PONG"));
}

START_TEST(it_may_be_closed_by_an_answer)
{
    static const gw_str ping[] = { GW_LIT("PING") };
    struct world w;
    struct answer a = { 0 };

    begin(&w);
    ck_assert_int_eq(gw_redis_command(w.r, 1, ping, close_inside, &w), GW_OK);
    ck_assert_int_eq(command(&w, "PING", &a), GW_OK);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    ck_assert(w.is_closed);
    ck_assert_int_eq(a.err, GW_E_UNREACHABLE);
    gw_redis_free(w.r);
    ck_assert_int_eq(uv_loop_close(&w.loop), 0);
    gw_redis_server_end(&w.server);
}
END_TEST

static void close_on_down(struct gw_redis_watcher *watcher)
{
    struct world *w = GW_CONTAINER(watcher, struct world, watcher);

    gw_redis_close(w->r, on_closed, w);
}

START_TEST(it_may_be_closed_when_it_goes_down)
{
    struct world w;

    begin(&w);
    w.watcher.on_down = close_on_down;
    gw_redis_server_kill(&w.server);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    ck_assert(w.is_closed);
    gw_redis_free(w.r);
    ck_assert_int_eq(uv_loop_close(&w.loop), 0);
    gw_redis_server_end(&w.server);
}
END_TEST

START_TEST(one_that_was_never_started_is_closed_at_once)
{
    struct gw_redis_url url = { .kind = GW_REDIS_TCP };
    struct world w = { 0 };

    ck_assert_int_eq(uv_loop_init(&w.loop), 0);
    w.r = gw_redis_new(&w.loop, &url);
    ck_assert_int_eq(command(&w, "PING", NULL), GW_E_UNREACHABLE);
    gw_redis_close(w.r, on_closed, &w);
    ck_assert(w.is_closed);
    gw_redis_free(w.r);
    ck_assert_int_eq(uv_loop_close(&w.loop), 0);
}
END_TEST

GW_SUITE("store/backend/redis")
{
    tcase_add_loop_test(tc, an_answer_is_what_redis_says, 0, GW_LEN(commands));
    tcase_add_test(tc, an_answer_has_its_shape);
    tcase_add_test(tc, a_large_value_goes_there_and_back);
    tcase_add_test(tc, answers_come_in_order);
    tcase_add_test(tc, too_many_are_refused);
    tcase_add_test(tc, a_forgotten_script_is_run_again_unseen);
    tcase_add_loop_test(tc, an_error_in_a_script_has_its_class, 0,
                        GW_LEN(failing_scripts));
    tcase_add_test(tc, messages_arrive);
    tcase_add_test(tc, what_is_pending_fails_when_redis_dies);
    tcase_add_loop_test(tc, both_connections_or_none, 0, 2);
    tcase_add_test(tc, a_stopped_redis_is_noticed);
    tcase_add_test(tc, a_loop_that_stood_still_breaks_nothing);
    tcase_add_test(tc, a_quiet_link_stays_up);
    tcase_add_test(tc, a_replica_is_left);
    tcase_add_test(tc, closing_fails_what_is_pending);
    tcase_add_test(tc, it_may_be_closed_at_any_time);
    tcase_add_test(tc, it_may_be_closed_by_an_answer);
    tcase_add_test(tc, it_may_be_closed_when_it_goes_down);
    tcase_add_test(tc, one_that_was_never_started_is_closed_at_once);
}
