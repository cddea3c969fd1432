#include "server/function/watch.h"

#include "server/function/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static uv_loop_t loop;
static struct gw_watch *watch;
static char folder[] = "/tmp/watch-XXXXXX";
static unsigned changes;
static char last[256];

static void on_changed(void *ctx, const char *name)
{
    changes++;
    snprintf(last, sizeof(last), "%s", name);
    uv_stop(&loop);
}

static void run(const char *script)
{
    char command[1024];

    snprintf(command, sizeof(command), "cd %s && %s", folder, script);
    ck_assert_int_eq(system(command), 0);
}

static void start(void)
{
    snprintf(folder, sizeof(folder), "/tmp/watch-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    run("mkdir -p src/deep node_modules/x .git __pycache__ && touch src/a.js");
    changes = 0;
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    watch = gw_watch_new(&loop, gw_str_of(folder), on_changed, NULL);
    ck_assert_ptr_nonnull(watch);
}

static void wait_for_change(void)
{
    unsigned before = changes;

    while (changes == before)
        uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(changes, before + 1);
}

static void finish(void)
{
    gw_watch_free(watch);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    gw_folder_remove(folder);
}

static const struct {
    const char *script, *name;
} visible[] = {
    { "echo x > src/a.js", "a.js" },
    { "echo x > new.js", "new.js" },
    { "echo x > src/deep/b.py", "b.py" },
    { "rm src/a.js", "a.js" },
    /* As editors write. */
    { "echo x > src/.a.js.swp && mv src/.a.js.swp src/a.js", "a.js" },
    { "mv src/a.js src/a.js~ && echo x > src/a.js && rm src/a.js~", "a.js" },
    { "mkdir new", "new" },
};

START_TEST(a_change_is_told)
{
    start();
    run(visible[_i].script);
    wait_for_change();
    ck_assert_str_eq(last, visible[_i].name);
    finish();
}
END_TEST

/* The next change is the first to be told. */
static const char *const invisible[] = {
    "echo x > node_modules/x/index.js",
    "echo x > .git/index",
    "echo x > __pycache__/a.pyc",
    "echo x > .a.js.swp",
    "echo x > a.js~",
    "cat src/a.js",
};

START_TEST(what_nobody_wrote_is_not_told)
{
    start();
    run(invisible[_i]);
    uv_run(&loop, UV_RUN_NOWAIT);
    run("echo x > seen");
    wait_for_change();
    ck_assert_str_eq(last, "seen");
    finish();
}
END_TEST

START_TEST(many_changes_are_one)
{
    start();
    run("for i in $(seq 200); do echo $i > file-$i; done");
    wait_for_change();
    run("echo x > last");
    wait_for_change();
    ck_assert_str_eq(last, "last");
    finish();
}
END_TEST

START_TEST(new_folders_are_watched_too)
{
    start();
    run("mkdir -p new/below");
    wait_for_change();
    run("echo x > new/below/file");
    wait_for_change();
    ck_assert_str_eq(last, "file");
    finish();
}
END_TEST

static void on_time(uv_timer_t *timer)
{
    uv_stop(&loop);
}

START_TEST(a_folder_may_go_and_come_back)
{
    uv_timer_t timer;

    start();
    gw_folder_remove(folder);
    /* Long enough to be seen; nothing is told while it is not there. */
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, on_time, 300, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&timer, NULL);
    ck_assert_uint_eq(changes, 0);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    wait_for_change();
    run("echo x > built.js");
    wait_for_change();
    ck_assert_str_eq(last, "built.js");
    finish();
}
END_TEST

GW_SUITE("server/function/watch")
{
    tcase_add_loop_test(tc, a_change_is_told, 0, GW_LEN(visible));
    tcase_add_loop_test(tc, what_nobody_wrote_is_not_told, 0,
                        GW_LEN(invisible));
    tcase_add_test(tc, many_changes_are_one);
    tcase_add_test(tc, new_folders_are_watched_too);
    tcase_add_test(tc, a_folder_may_go_and_come_back);
}
