#include "store/backend/redis_registry.h"

#include "store/backend/registry/keys.h"
#include "store/backend/registry/scripts.h"
#include "tests/unit/store/player.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* Nodes against a real redis-server, with short leases. A node on a loop of
 * its own is stopped by not turning that loop. */

static const struct gw_registry_times quick = {
    .heartbeat_ms = 60,
    .lease_ms = 400,
    .taken_ms = 500,
    .inherit_after_ms = 200,
    .inherit_look_ms = 50,
};

static struct stage stage;
static struct player a, b, c;

static void enter(struct player *p, uint16_t node, bool own_loop)
{
    player_enter(p, &stage, node, &quick, own_loop);
}

static void join(struct player *p, uint16_t node, bool own_loop)
{
    enter(p, node, own_loop);
    WAIT(p, p->joined);
}

static void add_all(struct player *p, unsigned from, unsigned to)
{
    size_t ok = p->ok;

    for (unsigned i = from; i < to; i++)
        ck_assert_int_eq(player_add(p, i), GW_OK);
    WAIT(p, p->ok == ok + to - from);
}

static long long ask(const char *script)
{
    return gw_redis_server_do(&stage.server, "EVAL %s 0", script);
}

/* How many fields all hashes of that kind hold together. */
static long long fields(const char *kind)
{
    char script[200];

    snprintf(script, sizeof(script),
             "local n = 0 for _, k in ipairs(redis.call('KEYS', 't:{*}:%s:*'))"
             " do n = n + redis.call('HLEN', k) end return n",
             kind);
    return ask(script);
}

static long long estates(void)
{
    return gw_redis_server_do(&stage.server, "SCARD t:estates");
}

static struct gw_redis_registry_stats stats(const struct player *p)
{
    return gw_redis_registry_stats(p->registry);
}

static gw_registry_state state(const struct player *p)
{
    return gw_registry_state_of(p->registry);
}

/* --- leases --------------------------------------------------------------------- */

START_TEST(an_address_has_one_owner)
{
    stage_set(&stage, true);
    join(&a, 7, false);
    enter(&b, 7, false);
    ck_assert_int_eq(state(&b), GW_REGISTRY_AWAY);
    WAIT(&b, state(&b) == GW_REGISTRY_TAKEN);
    ck_assert_uint_eq(b.joined, 0);
    ck_assert_int_eq(player_add(&b, 1), GW_E_UNREACHABLE);
    ck_assert_int_eq(state(&a), GW_REGISTRY_JOINED);
    WAIT(&b, estates() == 1); /* who waits is not in the way of heirs */
    player_exit(&a);
    WAIT(&b, b.joined);
    ck_assert_int_eq(state(&b), GW_REGISTRY_JOINED);
    player_exit(&b);
    ck_assert_int_eq(estates(), 0);
    stage_strike(&stage);
}
END_TEST

START_TEST(a_lease_is_waited_for)
{
    int64_t began;

    stage_set(&stage, true);
    gw_redis_server_do(&stage.server, "SET t:{7.1}:lease 0123456789abcdef/1"
                                      " PX 350");
    enter(&a, 7, false);
    began = (int64_t)uv_hrtime();
    while (!a.joined) {
        ck_assert_int_ne(state(&a), GW_REGISTRY_TAKEN);
        uv_run(a.loop, UV_RUN_ONCE);
    }
    ck_assert_int_ge((int64_t)uv_hrtime() - began, 250 * 1000000);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(a_lease_that_nobody_claimed_is_taken_again)
{
    stage_set(&stage, true);
    join(&a, 7, false);
    add_all(&a, 0, 10);
    gw_redis_server_do(&stage.server, "DEL t:{7.1}:lease");
    player_end(&a, 3); /* finds out, and is written all the same */
    WAIT(&a, a.ok == 11);
    ck_assert_uint_eq(stats(&a).regained, 1);
    ck_assert_uint_eq(stats(&a).refused_writes, 1);
    WAIT(&a, a.resyncs == 1 && !stats(&a).queued);
    gw_redis_server_do(&stage.server, "DEL t:{7.1}:lease");
    WAIT(&a, stats(&a).regained == 2); /* by its heartbeat */
    WAIT(&a, a.resyncs == 2 && !stats(&a).queued);
    ck_assert_uint_eq(a.lost, 0);
    ck_assert_int_eq(fields("conns"), 9);
    ck_assert_int_eq(fields("goodbyes"), 1);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(an_estate_that_was_claimed_is_lost)
{
    stage_set(&stage, true);
    join(&a, 7, true);
    add_all(&a, 0, 20);
    join(&b, 8, false);
    WAIT(&b, player_inherited_once(&b) == 20); /* a stands still */
    for (unsigned i = 0; i < 10; i++)
        player_ack(&b, i);
    WAIT(&b, estates() == 1 && !stats(&b).queued);
    player_end(&a, 1);
    ck_assert_int_eq(player_add(&a, 100), GW_OK);
    WAIT(&a, a.joined == 2);
    ck_assert_uint_eq(a.lost, 1);
    ck_assert_uint_eq(a.failed, 2);
    ck_assert_int_eq(a.last_err, GW_E_GONE);
    ck_assert_int_eq(fields("conns"), 0); /* neither before nor after */
    ck_assert_int_eq(fields("goodbyes"), 10);
    ck_assert_uint_eq(a.inherited_all, 0);
    add_all(&a, 100, 101);
    ck_assert_int_eq(fields("conns"), 1);
    player_exit(&a);
    player_exit(&b);
    stage_strike(&stage);
}
END_TEST

START_TEST(an_address_that_was_taken_is_lost)
{
    stage_set(&stage, true);
    join(&a, 7, false);
    add_all(&a, 0, 5);
    gw_redis_server_do(&stage.server,
                       "SET t:{7.1}:lease 0123456789abcdef/1 PX 300");
    WAIT(&a, a.lost == 1);
    ck_assert_int_ne(state(&a), GW_REGISTRY_JOINED);
    WAIT(&a, a.joined == 2);
    /* Its own heir, when nobody else is there. */
    WAIT(&a, player_inherited_once(&a) == 5);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

/* What an earlier connection still had under way comes too late. */
START_TEST(a_lease_names_its_link)
{
    char *lease;

    stage_set(&stage, true);
    join(&a, 7, false);
    lease = gw_redis_server_ask(&stage.server, "GET t:{7.1}:lease");
    ck_assert_str_eq(lease + GW_EPOCH_LEN, "/1");
    free(lease);
    gw_redis_server_do(&stage.server, "CLIENT KILL TYPE normal");
    WAIT(&a, state(&a) != GW_REGISTRY_JOINED);
    WAIT(&a, state(&a) == GW_REGISTRY_JOINED);
    lease = gw_redis_server_ask(&stage.server, "GET t:{7.1}:lease");
    ck_assert_str_eq(lease + GW_EPOCH_LEN, "/2");
    strcpy(lease + GW_EPOCH_LEN, "/1");
    ck_assert_int_eq(
        gw_redis_server_do(&stage.server,
                           "EVAL %s 3 t:{7.1}:lease t:{7.1}:conns:x "
                           "t:{7.1}:goodbyes:x %s 400 0 add id late",
                           gw_script_apply.text, lease),
        0);
    ck_assert_int_eq(fields("conns"), 0);
    lease[GW_EPOCH_LEN] = '\0';
    free(gw_redis_server_ask(&stage.server,
                             "EVAL %s 2 t:{7.1}:lease t:{7.1}:claimed:x %s 1 "
                             "400",
                             gw_script_renew.text, lease));
    free(lease);
    lease = gw_redis_server_ask(&stage.server, "GET t:{7.1}:lease");
    ck_assert_str_eq(lease + GW_EPOCH_LEN, "/2");
    free(lease);
    ck_assert_uint_eq(a.lost, 0);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

/* --- inheriting ----------------------------------------------------------------- */

START_TEST(an_estate_has_one_heir)
{
    enum { ALL = 700 };

    stage_set(&stage, true);
    join(&a, 7, true);
    add_all(&a, 0, ALL);
    for (unsigned i = 0; i < 50; i++)
        player_end(&a, i);
    WAIT(&a, a.ok == ALL + 50);
    join(&b, 8, false);
    join(&c, 9, false);
    WAIT(&b, b.inherited_all + c.inherited_all >= ALL);
    WAIT(&b, estates() == 2);
    stage_play(b.loop, 200);
    ck_assert_uint_eq(b.inherited_all + c.inherited_all, ALL);
    for (unsigned i = 0; i < ALL; i++)
        ck_assert_uint_eq(b.inherited[i] + c.inherited[i], 1);
    ck_assert_int_eq(fields("conns"), 0);
    ck_assert_int_eq(fields("goodbyes"), ALL);
    ck_assert_uint_eq(stats(&b).inherited + stats(&c).inherited, ALL);
    player_exit(&b);
    player_exit(&c);
    WAIT(&a, a.lost == 1);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(an_heir_that_stops_has_heirs)
{
    enum { ALL = 600, ROOM = 100 };

    stage_set(&stage, true);
    join(&a, 7, true);
    add_all(&a, 0, ALL);
    enter(&b, 8, true);
    b.room = ROOM;
    b.stop_at_first = true;
    WAIT(&b, b.inherited_all); /* written and handed over, but not removed */
    enter(&c, 9, false);
    for (unsigned i = 0; i < ALL; i++)
        WAIT(&c, c.inherited[i]);
    WAIT(&c, estates() == 1);
    ck_assert_uint_ge(player_inherited_once(&c), ALL - ROOM);
    ck_assert_uint_le(c.inherited_all, ALL + ROOM);
    player_exit(&c);
    b.stop_at_first = false;
    WAIT(&b, b.lost == 1);
    player_exit(&b);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(an_heir_that_leaves_has_heirs)
{
    enum { ALL = 600 };

    stage_set(&stage, true);
    join(&a, 7, true);
    add_all(&a, 0, ALL);
    enter(&b, 8, false);
    b.room = 50;
    WAIT(&b, b.inherited_all);
    player_exit(&b);
    ck_assert_uint_lt(b.inherited_all, ALL);
    join(&c, 9, false);
    WAIT(&c, player_inherited_once(&c) == ALL && estates() == 1);
    ck_assert_uint_eq(c.inherited_all, ALL);
    player_exit(&c);
    WAIT(&a, a.lost == 1);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(an_heir_whose_link_breaks_inherits_once)
{
    enum { ALL = 2000 };

    stage_set(&stage, true);
    join(&a, 7, true);
    add_all(&a, 0, ALL);
    enter(&b, 8, false);
    b.room = 60;
    for (unsigned cut = 0; b.inherited_all < ALL; cut++) {
        size_t seen = b.inherited_all;

        WAIT(&b, b.inherited_all > seen);
        if (cut % 8 == 0) /* in any of the steps, as it happens */
            for (unsigned i = 0; i < cut % 5; i++)
                uv_run(b.loop, UV_RUN_ONCE);
        if (cut % 8 == 0)
            gw_redis_server_do(&stage.server, "CLIENT KILL TYPE normal");
    }
    WAIT(&b, estates() == 1);
    ck_assert_uint_eq(player_inherited_once(&b), ALL);
    ck_assert_uint_eq(b.inherited_all, ALL);
    WAIT(&b, !stats(&b).queued);
    ck_assert_int_eq(fields("goodbyes"), ALL);
    player_exit(&b);
    WAIT(&a, a.lost == 1);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(an_heir_without_room_waits)
{
    stage_set(&stage, true);
    join(&a, 7, true);
    add_all(&a, 0, 10);
    enter(&b, 8, false);
    b.room = 0;
    WAIT(&b, b.joined);
    stage_play(b.loop, 700);
    ck_assert_uint_eq(b.inherited_all, 0);
    ck_assert_int_eq(ask("return #redis.call('KEYS', 't:{*}:claimed:*')"), 0);
    b.room = 1;
    WAIT(&b, player_inherited_once(&b) == 10);
    player_exit(&b);
    WAIT(&a, a.lost == 1);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

/* After Redis was away everybody's lease is gone. */
START_TEST(an_heir_waits_for_a_steady_link)
{
    static const struct gw_registry_times patient = { 60, 400, 500, 5000, 20 };

    stage_set(&stage, true);
    join(&a, 7, true);
    add_all(&a, 0, 10);
    player_enter(&b, &stage, 8, &patient, false);
    WAIT(&b, b.joined);
    stage_play(b.loop, 800);
    ck_assert_uint_eq(b.inherited_all, 0);
    WAIT(&a, stats(&a).regained == 1);
    ck_assert_uint_eq(a.lost, 0);
    player_exit(&a);
    player_exit(&b);
    stage_strike(&stage);
}
END_TEST

START_TEST(rubbish_in_an_estate_is_no_obstacle)
{
    stage_set(&stage, true);
    gw_redis_server_do(&stage.server,
                       "SADD t:estates 9.9:00000000deadbeef rubbish 1.2:3");
    gw_redis_server_do(&stage.server,
                       "HSET t:{9.9}:conns:00000000deadbeef "
                       "%s x %s %s",
                       "an id that is longer than any id of a connection could "
                       "ever be, by far",
                       "conn-0000000004=", "record of 4");
    join(&a, 7, false);
    WAIT(&a, a.inherited_all == 1);
    WAIT(&a, estates() == 3); /* two names that are not, and ours */
    ck_assert_uint_eq(a.inherited[4], 1);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(what_is_owed_is_inherited_at_once)
{
    static const struct gw_registry_times long_lease = { 2000, 60000, 7000, 100,
                                                         50 };

    stage_set(&stage, true);
    player_enter(&a, &stage, 7, &long_lease, false);
    player_enter(&b, &stage, 8, &long_lease, false);
    WAIT(&a, a.joined && b.joined);
    add_all(&a, 0, 10);
    for (unsigned i = 0; i < 4; i++)
        player_end(&a, i);
    for (unsigned i = 4; i < 10; i++)
        player_drop(&a, i);
    player_exit(&a); /* with all of it in its queue */
    WAIT(&b, b.inherited_all == 4);
    ck_assert_uint_eq(a.ok, 14);
    for (unsigned i = 0; i < 4; i++)
        player_ack(&b, i);
    WAIT(&b, estates() == 1);
    player_exit(&b);
    ck_assert_int_eq(estates(), 0);
    ck_assert_int_eq(fields("conns") + fields("goodbyes"), 0);
    stage_strike(&stage);
}
END_TEST

/* --- Redis in trouble ----------------------------------------------------------- */

START_TEST(a_redis_that_forgot_everything_is_told_again)
{
    int64_t began;

    stage_set(&stage, true);
    player_enter(&a, &stage, 7, NULL, false);
    player_enter(&b, &stage, 8, NULL, false);
    WAIT(&a, a.joined && b.joined);
    add_all(&a, 0, 1500);
    for (unsigned i = 0; i < 20; i++)
        player_end(&a, i);
    WAIT(&a, a.ok == 1520);
    gw_redis_server_do(&stage.server, "FLUSHALL");
    began = (int64_t)uv_hrtime();
    WAIT(&a,
         fields("conns") == 1480 && fields("goodbyes") == 20 && estates() == 2);
    ck_assert_int_lt((int64_t)uv_hrtime() - began, INT64_C(5000000000));
    WAIT(&a, stats(&a).regained == 1 && stats(&b).regained == 1);
    ck_assert_uint_eq(a.lost + b.lost, 0);
    ck_assert_uint_eq(a.inherited_all + b.inherited_all, 0);
    player_exit(&a);
    player_exit(&b);
    stage_strike(&stage);
}
END_TEST

START_TEST(a_redis_that_was_away_is_told_the_rest)
{
    stage_set(&stage, true);
    join(&a, 7, false);
    add_all(&a, 0, 100);
    gw_redis_server_kill(&stage.server);
    WAIT(&a, state(&a) == GW_REGISTRY_AWAY);
    ck_assert_int_eq(player_add(&a, 200), GW_E_UNREACHABLE);
    player_drop(&a, 200);
    for (unsigned i = 0; i < 10; i++)
        player_end(&a, i);
    for (unsigned i = 10; i < 20; i++)
        player_drop(&a, i);
    ck_assert_uint_eq(a.ok, 100);
    gw_redis_server_start(&stage.server); /* empty */
    WAIT(&a, a.ok == 110 && a.resyncs == 1 && !stats(&a).queued);
    ck_assert_uint_eq(a.lost, 0);
    ck_assert_uint_eq(a.joined, 1);
    ck_assert_int_eq(fields("conns"), 80);
    ck_assert_int_eq(fields("goodbyes"), 10);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

/* An absence after the other must not make the queue longer. */
START_TEST(a_queue_does_not_grow_with_absences)
{
    stage_set(&stage, true);
    join(&a, 7, false);
    add_all(&a, 0, 1000);
    for (unsigned i = 0; i < 500; i++)
        player_end(&a, i);
    for (int i = 0; i < 4; i++) {
        gw_redis_server_do(&stage.server, "CLIENT KILL TYPE normal");
        WAIT(&a, state(&a) != GW_REGISTRY_JOINED);
        WAIT(&a, a.resyncs == (unsigned)i + 1);
        ck_assert_uint_le(stats(&a).queued, 500 + 512 + 256);
    }
    WAIT(&a, !stats(&a).queued);
    ck_assert_uint_eq(a.ok, 1500);
    ck_assert_int_eq(fields("conns"), 500);
    ck_assert_int_eq(fields("goodbyes"), 500);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(writes_survive_a_link_that_breaks)
{
    stage_set(&stage, true);
    join(&a, 7, false);
    for (unsigned i = 0; i < 2000; i++) {
        while (player_add(&a, i) != GW_OK)
            uv_run(a.loop, UV_RUN_ONCE);
        if (i >= 200)
            player_end(&a, i - 200);
        if (i >= 300)
            player_ack(&a, i - 300);
        if (i % 40 == 0)
            uv_run(a.loop, UV_RUN_NOWAIT);
        if (i % 500 == 150)
            gw_redis_server_do(&stage.server, "CLIENT KILL TYPE normal");
    }
    WAIT(&a, a.ok == 2000 + 1800 && !stats(&a).queued);
    stage_play(a.loop, 50);
    ck_assert_uint_eq(a.ok, 2000 + 1800);
    ck_assert_uint_eq(a.failed, 0);
    ck_assert_uint_eq(a.lost, 0);
    ck_assert_int_eq(fields("conns"), 200);
    ck_assert_int_eq(fields("goodbyes"), 100);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(an_add_is_answered_in_time)
{
    int64_t began, took_ms;

    stage_set(&stage, true);
    join(&a, 7, false);
    kill(stage.server.pid, SIGSTOP);
    for (unsigned i = 0; i < 600; i++) /* some of them under way */
        ck_assert_int_eq(player_add(&a, i), GW_OK);
    began = (int64_t)uv_hrtime();
    WAIT(&a, a.failed == 600);
    took_ms = ((int64_t)uv_hrtime() - began) / 1000000;
    ck_assert_int_eq(a.last_err, GW_E_TIMEOUT);
    ck_assert_int_ge(took_ms, 1900);
    ck_assert_int_le(took_ms, 2500);
    for (unsigned i = 0; i < 600; i++)
        player_drop(&a, i);
    kill(stage.server.pid, SIGCONT);
    WAIT(&a, state(&a) == GW_REGISTRY_JOINED && !stats(&a).queued);
    ck_assert_int_eq(fields("conns"), 0);
    ck_assert_uint_eq(a.failed + a.ok, 600);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(a_full_redis_refuses_connections_but_no_goodbyes)
{
    stage_set(&stage, true);
    join(&a, 7, true);
    add_all(&a, 0, 50);
    join(&b, 8, false);
    gw_redis_server_do(&stage.server, "CONFIG SET maxmemory 1");
    ck_assert_int_eq(player_add(&a, 100), GW_OK);
    player_end(&a, 1);
    player_drop(&a, 2);
    WAIT(&a, a.failed == 1 && a.ok == 51 && !stats(&a).queued);
    ck_assert_int_eq(a.last_err, GW_E_BUSY);
    player_drop(&a, 100);
    /* Nor does it stand between an heir and an estate. */
    WAIT(&b, player_inherited_once(&b) == 49);
    gw_redis_server_do(&stage.server, "CONFIG SET maxmemory 0");
    add_all(&b, 100, 101);
    ck_assert_int_eq(fields("conns"), 1);
    ck_assert_int_eq(fields("goodbyes"), 49);
    player_exit(&b);
    WAIT(&a, a.lost == 1);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(a_redis_that_refuses_all_is_asked_again)
{
    static const struct gw_registry_times slow = { 200, 400, 500, 200, 50 },
                                          long_lease = { 60, 60000, 500, 400,
                                                         10 };

    stage_set(&stage, true);
    player_enter(&a, &stage, 7, &slow, false);
    player_enter(&b, &stage, 8, &long_lease, false);
    WAIT(&a, a.joined && b.joined);
    add_all(&a, 0, 3);
    gw_redis_server_do(&stage.server, "CONFIG SET min-replicas-to-write 1");
    ck_assert_int_eq(player_add(&a, 100), GW_OK);
    player_end(&a, 1);
    gw_registry_bury(a.registry, player_id(2), player_record(2, true),
                     GW_LIT("why"));
    a.known[2] = UNKNOWN;
    WAIT(&a, a.failed == 1);
    ck_assert_int_eq(a.last_err, GW_E_BUSY);
    player_drop(&a, 100);
    /* No heartbeat gets through, and a lease runs out. When writing is
     * possible again the heir looks before its owner can prolong it. */
    stage_play(a.loop, 700);
    ck_assert_uint_eq(a.ok, 3);
    gw_redis_server_do(&stage.server, "CONFIG SET min-replicas-to-write 0");
    WAIT(&a, a.ok == 4 && !stats(&a).queued);
    WAIT(&a, gw_redis_server_do(&stage.server, "XLEN t:letters") == 1);
    WAIT(&a, fields("conns") == 1 && fields("goodbyes") == 1);
    ck_assert_uint_eq(a.lost + b.lost, 0);
    player_exit(&a);
    player_exit(&b);
    stage_strike(&stage);
}
END_TEST

/* --- the founding --------------------------------------------------------------- */

#define FOUNDING "\\000\\000\\000\\000\\000\\000\\000"
#define KEY      "0123456789abcdef"

static const uint64_t key_k0 = 0x3736353433323130; /* "01234567" */

START_TEST(nodes_share_the_key_of_the_founder)
{
    stage_set(&stage, true);
    enter(&a, 7, false);
    enter(&b, 8, false);
    WAIT(&a, a.joined && b.joined);
    ck_assert_uint_eq(a.key.k0, b.key.k0);
    ck_assert_uint_eq(a.key.k1, b.key.k1);
    ck_assert(a.key.k0 != 0 && a.key.k1 != 0);
    stage_play(a.loop, 200);
    ck_assert_uint_eq(a.lost + b.lost, 0);
    player_exit(&a);
    player_exit(&b);
    stage_strike(&stage);
}
END_TEST

START_TEST(an_older_founding_wins)
{
    stage_set(&stage, true);
    join(&a, 7, false);
    add_all(&a, 0, 5);
    ask("redis.call('SET', 't:cluster', '" FOUNDING "\\001" KEY "') return 1");
    WAIT(&a, a.joined == 2);
    ck_assert_uint_eq(a.lost, 1);
    ck_assert_uint_eq(a.key.k0, key_k0);
    WAIT(&a, player_inherited_once(&a) == 5); /* of its former self */
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

START_TEST(a_younger_founding_yields)
{
    struct gw_hash_key key;

    stage_set(&stage, true);
    join(&a, 7, false);
    key = a.key;
    ask("redis.call('SET', 't:cluster', '\\255" FOUNDING KEY "') return 1");
    WAIT(&a, ask("return redis.call('GETRANGE', 't:cluster', 0, 0) == '\\255' "
                 "and 1 or 0") == 0);
    join(&b, 8, false);
    ck_assert_uint_eq(b.key.k0, key.k0);
    ck_assert_uint_eq(a.lost, 0);
    player_exit(&a);
    player_exit(&b);
    stage_strike(&stage);
}
END_TEST

/* A clock that is slow founds nothing where something is. */
START_TEST(a_newcomer_takes_what_is_there)
{
    stage_set(&stage, true);
    ask("redis.call('SET', 't:cluster', '\\255" FOUNDING KEY "') return 1");
    join(&a, 7, false);
    ck_assert_uint_eq(a.key.k0, key_k0);
    stage_play(a.loop, 200);
    ck_assert_uint_eq(a.lost, 0);
    player_exit(&a);
    stage_strike(&stage);
}
END_TEST

/* --- asking --------------------------------------------------------------------- */

static gw_err lives(struct player *p, uint16_t node)
{
    size_t ok = p->ok, failed = p->failed;

    ck_assert_int_eq(
        gw_redis_registry_ask(p->registry, node, 1, player_done, p), GW_OK);
    WAIT(p, p->ok + p->failed == ok + failed + 1);
    return p->ok > ok ? GW_OK : p->last_err;
}

START_TEST(who_lives_is_known_after_a_while)
{
    stage_set(&stage, true);
    join(&a, 7, false);
    join(&b, 8, false);
    ck_assert_int_eq(lives(&a, 8), GW_OK);
    ck_assert_int_eq(lives(&a, 9), GW_E_BUSY); /* we have just come */
    WAIT(&a, lives(&a, 9) == GW_E_GONE);
    ck_assert_int_eq(lives(&a, 8), GW_OK);
    player_exit(&b);
    ck_assert_int_eq(lives(&a, 8), GW_E_GONE);
    gw_redis_server_do(&stage.server, "FLUSHALL");
    ck_assert_int_eq(lives(&a, 8), GW_E_BUSY); /* before we know why */
    WAIT(&a, stats(&a).regained == 1);
    ck_assert_int_eq(lives(&a, 8), GW_E_BUSY);
    gw_redis_server_kill(&stage.server);
    WAIT(&a, state(&a) == GW_REGISTRY_AWAY);
    ck_assert_int_eq(gw_redis_registry_ask(a.registry, 8, 1, player_done, &a),
                     GW_E_UNREACHABLE);
    player_exit(&a); /* although Redis is away */
    stage_strike(&stage);
}
END_TEST

GW_SUITE("store/backend/redis_registry")
{
    tcase_add_test(tc, an_address_has_one_owner);
    tcase_add_test(tc, a_lease_is_waited_for);
    tcase_add_test(tc, a_lease_that_nobody_claimed_is_taken_again);
    tcase_add_test(tc, an_estate_that_was_claimed_is_lost);
    tcase_add_test(tc, an_address_that_was_taken_is_lost);
    tcase_add_test(tc, a_lease_names_its_link);
    tcase_add_test(tc, an_estate_has_one_heir);
    tcase_add_test(tc, an_heir_that_stops_has_heirs);
    tcase_add_test(tc, an_heir_that_leaves_has_heirs);
    tcase_add_test(tc, an_heir_whose_link_breaks_inherits_once);
    tcase_add_test(tc, an_heir_without_room_waits);
    tcase_add_test(tc, an_heir_waits_for_a_steady_link);
    tcase_add_test(tc, rubbish_in_an_estate_is_no_obstacle);
    tcase_add_test(tc, what_is_owed_is_inherited_at_once);
    tcase_add_test(tc, a_redis_that_forgot_everything_is_told_again);
    tcase_add_test(tc, a_redis_that_was_away_is_told_the_rest);
    tcase_add_test(tc, a_queue_does_not_grow_with_absences);
    tcase_add_test(tc, writes_survive_a_link_that_breaks);
    tcase_add_test(tc, an_add_is_answered_in_time);
    tcase_add_test(tc, a_full_redis_refuses_connections_but_no_goodbyes);
    tcase_add_test(tc, a_redis_that_refuses_all_is_asked_again);
    tcase_add_test(tc, nodes_share_the_key_of_the_founder);
    tcase_add_test(tc, an_older_founding_wins);
    tcase_add_test(tc, a_younger_founding_yields);
    tcase_add_test(tc, a_newcomer_takes_what_is_there);
    tcase_add_test(tc, who_lives_is_known_after_a_while);
}
