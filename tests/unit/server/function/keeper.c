/*
 * The real thing: a keeper, its wardens, and programs for the shell. What is
 * waited for is an end, a line of output, or a process that is gone.
 */
#include "server/function/keeper.h"

#include "server/function/folder.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000, MEMORY_MB = 512 };

/* This program is what /proc/self/exe names: it has to be a keeper, too. */
static void __attribute__((constructor)) be_keeper(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "function-keeper") == 0)
        exit(gw_keeper_main(argc - 1, argv + 1));
}

struct world {
    uv_loop_t loop;
    struct gw_keeper *keeper;
    unsigned closed;
};

struct job {
    struct world *world;
    struct gw_kept_process *kept;
    int output; /* to read */
    unsigned ends;
    int status;
    char why[200];
};

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void open_world(struct world *w, const char *folder)
{
    struct gw_fault why;

    *w = (struct world){ 0 };
    ck_assert_int_eq(uv_loop_init(&w->loop), 0);
    w->keeper = gw_keeper_new(&w->loop, folder, &why);
    ck_assert_msg(w->keeper != NULL, "%s", why.text);
}

static void on_closed(void *ctx)
{
    struct world *w = ctx;

    w->closed++;
}

static void close_world(struct world *w)
{
    gw_keeper_close(w->keeper, on_closed, w);
    while (!w->closed)
        uv_run(&w->loop, UV_RUN_DEFAULT);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(w->closed, 1);
    ck_assert_int_eq(uv_loop_close(&w->loop), 0);
}

static void on_exited(void *ctx, int status, const char *why)
{
    struct job *j = ctx;

    uv_stop(&j->world->loop);
    j->ends++;
    j->status = status;
    snprintf(j->why, sizeof(j->why), "%s", why ? why : "");
}

static void start_command(struct world *w, struct job *j,
                          const struct gw_keeper_command *given)
{
    struct gw_keeper_command command = *given;
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    *j = (struct job){ .world = w, .output = ends[0] };
    command.output = ends[1];
    j->kept = gw_keeper_start(w->keeper, &command, on_exited, j);
    close(ends[1]);
}

static const char *const environment[] = { "PATH=/usr/bin:/bin", "GREETING=hi",
                                           NULL };

static void start(struct world *w, struct job *j, const char *script)
{
    const char *const argv[] = { "sh", "-c", script, NULL };

    start_command(w, j,
                  &(struct gw_keeper_command){ .argv = argv,
                                               .environment = environment,
                                               .folder = "/",
                                               .memory_mb = MEMORY_MB });
}

static void wait_for_end(struct world *w, struct job *j)
{
    while (!j->ends)
        uv_run(&w->loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(j->ends, 1);
}

/* What it printed, all of it: nobody can write there any more. */
static void read_all(struct job *j, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while ((n = read(j->output, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    ck_assert_int_eq(n, 0);
    text[len] = '\0';
    close(j->output);
}

/* A line of it, while it runs. The loop sends the start, and then has nothing
 * to do for us. */
static void read_line(struct world *w, struct job *j, char *text, size_t size)
{
    size_t len = 0;

    uv_run(&w->loop, UV_RUN_NOWAIT);
    do {
        struct pollfd fd = { j->output, POLLIN, 0 };

        ck_assert_uint_lt(len, size);
        ck_assert_int_eq(poll(&fd, 1, PATIENCE_MS), 1);
        ck_assert_int_eq(read(j->output, text + len, 1), 1);
    } while (text[len++] != '\n');
    text[len - 1] = '\0';
}

/* Gone, or a zombie that somebody else has to reap. */
static bool is_gone(pid_t pid)
{
    char path[64], state = 'Z';
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    if (!f)
        return true;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'Z';
    fclose(f);
    return state == 'Z';
}

static void wait_until_gone(pid_t pid)
{
    int64_t end = now_ms() + PATIENCE_MS;
    const struct timespec a_while = { .tv_nsec = 1000 * 1000 };

    while (!is_gone(pid)) {
        ck_assert_msg(now_ms() < end, "process %d is still there", (int)pid);
        nanosleep(&a_while, NULL);
    }
}

static pid_t parent_of(pid_t pid)
{
    char path[64];
    int parent = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    ck_assert(f != NULL);
    ck_assert_int_eq(fscanf(f, "%*d (%*[^)]) %*c %d", &parent), 1);
    fclose(f);
    return parent;
}

/* --- starts and ends ----------------------------------------------------------- */

static const struct {
    const char *script;
    int status, number; /* exit status, or the signal that ended it */
    const char *printed;
} programs[] = {
    { "echo out; echo err >&2", 0, 0, "out\nerr\n" },
    { "exit 7", 7, 0, "" },
    { "kill -TERM $$", 0, SIGTERM, "" },
    { "echo $GREETING; pwd; env | grep -c .", 0, 0, "hi\n/\n3\n" },
    { "cat; echo stdin is empty", 0, 0, "stdin is empty\n" },
    /* ls itself has one open, for the folder it lists. */
    { "ls /proc/self/fd | wc -l; ulimit -c; ulimit -n", 0, 0, "4\n0\n1024\n" },
    /* A session of its own: the sixth field; and nothing blocked or ignored, but
     * for the two signals of glibc's own (32 and 33): its posix_spawn, as in
     * make, has them ignored, and a program that has threads takes 33 back. */
    { "read a b c d e f g < /proc/$$/stat; [ $f = $$ ] && echo leads;"
      " grep -E 'Sig(Blk|Ign)' /proc/self/status | grep -cE "
      "'\t0{7}[01][08]0{7}$'",
      0, 0, "leads\n2\n" },
};

START_TEST(a_program_runs_and_its_end_is_told)
{
    struct world w;
    struct job j;
    char text[4096];

    open_world(&w, NULL);
    start(&w, &j, programs[_i].script);
    ck_assert_uint_eq(j.ends, 0);
    wait_for_end(&w, &j);
    read_all(&j, text, sizeof(text));
    ck_assert_str_eq(text, programs[_i].printed);
    if (programs[_i].number) {
        ck_assert(WIFSIGNALED(j.status));
        ck_assert_int_eq(WTERMSIG(j.status), programs[_i].number);
    } else {
        ck_assert(WIFEXITED(j.status));
        ck_assert_int_eq(WEXITSTATUS(j.status), programs[_i].status);
    }
    ck_assert_str_eq(j.why, "");
    close_world(&w);
}
END_TEST

static const struct {
    const char *argv0, *folder, *why;
} impossible[] = {
    { "no-such-program", "/", "no-such-program: No such file or directory" },
    { "/etc/passwd", "/", "/etc/passwd: Permission denied" },
    { "sh", "/no/such/folder", "/no/such/folder: No such file or directory" },
};

START_TEST(what_cannot_be_started_is_told_with_the_reason)
{
    const char *const argv[] = { impossible[_i].argv0, NULL };
    struct world w;
    struct job j;

    open_world(&w, NULL);
    start_command(&w, &j,
                  &(struct gw_keeper_command){ .argv = argv,
                                               .environment = environment,
                                               .folder = impossible[_i].folder,
                                               .memory_mb = MEMORY_MB });
    wait_for_end(&w, &j);
    ck_assert_int_eq(j.status, -1);
    ck_assert_str_eq(j.why, impossible[_i].why);
    close(j.output);
    close_world(&w);
}
END_TEST

START_TEST(variables_have_a_bound)
{
    static char huge[200 * 1024];
    const char *const argv[] = { "true", NULL };
    const char *const variables[] = { huge, NULL };
    struct world w;
    struct job j;

    memset(huge, 'x', sizeof(huge) - 1);
    open_world(&w, NULL);
    start_command(&w, &j,
                  &(struct gw_keeper_command){ .argv = argv,
                                               .environment = variables,
                                               .folder = "/",
                                               .memory_mb = MEMORY_MB });
    ck_assert_uint_eq(j.ends, 0);
    wait_for_end(&w, &j);
    ck_assert_int_eq(j.status, -1);
    ck_assert_ptr_nonnull(strstr(j.why, "too large"));
    close(j.output);
    close_world(&w);
}
END_TEST

START_TEST(variables_of_100_kb_arrive)
{
    static char large[100 * 1024] = "LARGE=";
    const char *const argv[] = { "sh", "-c", "printf %s \"$LARGE\" | wc -c",
                                 NULL };
    const char *const variables[] = { "PATH=/usr/bin:/bin", large, NULL };
    struct world w;
    struct job j[8];
    char text[64];

    memset(large + 6, 'x', sizeof(large) - 7);
    open_world(&w, NULL);
    /* More than the socket takes at once. */
    for (size_t i = 0; i < GW_LEN(j); i++)
        start_command(&w, &j[i],
                      &(struct gw_keeper_command){ .argv = argv,
                                                   .environment = variables,
                                                   .folder = "/",
                                                   .memory_mb = MEMORY_MB });
    for (size_t i = 0; i < GW_LEN(j); i++) {
        wait_for_end(&w, &j[i]);
        read_all(&j[i], text, sizeof(text));
        ck_assert_int_eq(atoi(text), sizeof(large) - 7);
    }
    close_world(&w);
}
END_TEST

START_TEST(a_killed_process_ends)
{
    struct world w;
    struct job j, other;
    char text[64];

    open_world(&w, NULL);
    start(&w, &other, "echo other; exec sleep 1000");
    start(&w, &j,
          "trap '' TERM INT HUP; echo up; while :; do sleep 1000; done");
    read_line(&w, &other, text, sizeof(text));
    read_line(&w, &j, text, sizeof(text));
    gw_kept_kill(j.kept);
    wait_for_end(&w, &j);
    ck_assert(WIFSIGNALED(j.status));
    ck_assert_int_eq(WTERMSIG(j.status), SIGKILL);
    read_all(&j, text, sizeof(text));
    ck_assert_uint_eq(other.ends, 0);
    close_world(&w);
    ck_assert_uint_eq(other.ends, 1);
    close(other.output);
}
END_TEST

/* --- descendants --------------------------------------------------------------- */

/* Each prints the id of a process that will not end by itself. */
static const char *const families[] = {
    "sleep 1000 & echo $!;",
    "(sleep 1000 & echo $!);",
    /* A daemon: a session of its own, and no parent. */
    "setsid sh -c 'echo $$; exec sleep 1000' &",
    "(setsid sh -c 'echo $$; exec sleep 1000' &);",
    "setsid setsid -f sh -c 'trap \"\" TERM; echo $$; exec sleep 1000';",
};

START_TEST(nothing_outlives_its_leader)
{
    struct world w;
    struct job j;
    char folder[GW_FOLDER_MAX], fifo[GW_FOLDER_MAX + 8];
    char script[GW_FOLDER_MAX + 256], text[64];
    struct gw_fault why;
    pid_t descendant;
    int leave;

    ck_assert(gw_folder_make(folder, &why) == GW_OK);
    snprintf(fifo, sizeof(fifo), "%s/leave", folder);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    leave = open(fifo, O_RDWR | O_CLOEXEC);
    open_world(&w, NULL);
    snprintf(script, sizeof(script), "%s read x < %s; exit 3", families[_i],
             fifo);
    start(&w, &j, script);
    read_line(&w, &j, text, sizeof(text));
    descendant = atoi(text);
    ck_assert(!is_gone(descendant));
    ck_assert_int_eq(write(leave, "\n", 1), 1);
    wait_for_end(&w, &j);
    ck_assert(WIFEXITED(j.status));
    ck_assert_int_eq(WEXITSTATUS(j.status), 3);
    read_all(&j, text, sizeof(text)); /* its end: they have closed it, too */
    ck_assert(is_gone(descendant));
    close_world(&w);
    close(leave);
    gw_folder_remove(folder);
}
END_TEST

START_TEST(a_kill_reaches_all_descendants)
{
    struct world w;
    struct job j;
    char script[256], text[64];
    pid_t descendant;

    open_world(&w, NULL);
    snprintf(script, sizeof(script), "%s exec sleep 1000", families[_i]);
    start(&w, &j, script);
    read_line(&w, &j, text, sizeof(text));
    descendant = atoi(text);
    ck_assert(!is_gone(descendant));
    gw_kept_kill(j.kept);
    wait_for_end(&w, &j);
    ck_assert(is_gone(descendant));
    read_all(&j, text, sizeof(text));
    close_world(&w);
}
END_TEST

START_TEST(closing_ends_all)
{
    struct world w;
    struct job j[3];
    pid_t pids[3];
    char text[64];

    open_world(&w, NULL);
    for (size_t i = 0; i < 3; i++)
        start(&w, &j[i],
              "setsid sh -c 'echo $$; exec sleep 1000' & exec sleep 1000");
    for (size_t i = 0; i < 3; i++) {
        read_line(&w, &j[i], text, sizeof(text));
        pids[i] = atoi(text);
    }
    close_world(&w);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(j[i].ends, 1);
        ck_assert(WIFSIGNALED(j[i].status));
        ck_assert(is_gone(pids[i]));
        close(j[i].output);
    }
}
END_TEST

/* --- when somebody is killed --------------------------------------------------- */

static const char forked[] =
    "setsid sh -c 'echo $$; exec sleep 1000' & echo $$; exec sleep 1000";

START_TEST(a_killed_gateway_leaves_nothing)
{
    char folder[GW_FOLDER_MAX], text[64], inside[GW_FOLDER_MAX + 16];
    struct gw_fault why;
    struct world w;
    struct job j;
    pid_t gateway, pids[2];
    int pipe_ends[2];

    ck_assert(gw_folder_make(folder, &why) == GW_OK);
    ck_assert(gw_folder_write(folder, "code/index.py", GW_LIT("x"), &why) ==
              GW_OK);
    snprintf(inside, sizeof(inside), "%s/elsewhere", folder);
    ck_assert_int_eq(symlink("/usr", inside), 0);
    ck_assert_int_eq(pipe(pipe_ends), 0);
    gateway = fork();
    ck_assert_int_ge(gateway, 0);
    if (gateway == 0) {
        /* What its own process prints goes to the test, which outlives it. */
        open_world(&w, folder);
        start(&w, &j, forked);
        for (int i = 0; i < 2; i++) {
            read_line(&w, &j, text, sizeof(text));
            dprintf(pipe_ends[1], "%s\n", text);
        }
        pause();
        _exit(0);
    }
    j.output = pipe_ends[0];
    ck_assert_int_eq(uv_loop_init(&w.loop), 0);
    for (int i = 0; i < 2; i++) {
        read_line(&w, &j, text, sizeof(text));
        pids[i] = atoi(text);
    }
    kill(gateway, SIGKILL);
    waitpid(gateway, NULL, 0);
    wait_until_gone(pids[0]);
    wait_until_gone(pids[1]);
    for (int64_t end = now_ms() + PATIENCE_MS; access(folder, F_OK) == 0;)
        ck_assert_msg(now_ms() < end, "%s is still there", folder);
    ck_assert_int_eq(access("/usr/bin", F_OK), 0);
    uv_loop_close(&w.loop);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}
END_TEST

/* 0: the keeper, 1: the warden. The next start finds a keeper again. */
START_TEST(a_killed_keeper_or_warden_leaves_nothing)
{
    struct world w;
    struct job j;
    char text[64];
    pid_t one, other, leader, victim;

    open_world(&w, NULL);
    start(&w, &j, forked);
    read_line(&w, &j, text, sizeof(text));
    one = atoi(text);
    read_line(&w, &j, text, sizeof(text));
    other = atoi(text);
    leader = parent_of(one) == other ? other : one;
    victim = parent_of(leader); /* the warden */
    if (_i == 0)
        victim = parent_of(victim);
    kill(victim, SIGKILL);
    wait_for_end(&w, &j);
    ck_assert(_i == 0 ? j.status == -1 : WIFSIGNALED(j.status));
    ck_assert_str_eq(j.why, _i == 0 ? "the keeper has ended" : "");
    wait_until_gone(one);
    wait_until_gone(other);
    close(j.output);

    start(&w, &j, "exit 5");
    wait_for_end(&w, &j);
    ck_assert(WIFEXITED(j.status));
    ck_assert_int_eq(WEXITSTATUS(j.status), 5);
    close(j.output);
    close_world(&w);
}
END_TEST

/* --- limits -------------------------------------------------------------------- */

/* Programs that hold 60 MB in all, by themselves or with a child. */
static const char *const eaters[] = {
    "x = bytearray(60 << 20); print('has', flush=True); time.sleep(1000)",
    "os.fork(); x = bytearray(30 << 20); print('has', flush=True);"
    " time.sleep(1000)",
    "os.fork() or (os.setsid(), os.fork());"
    " x = bytearray(20 << 20); print('has', flush=True); time.sleep(1000)",
};

static void start_eater(struct world *w, struct job *j, const char *code,
                        uint32_t memory_mb)
{
    char text[512];
    const char *const argv[] = { "python3", "-c", text, NULL };

    snprintf(text, sizeof(text), "import os, time\n%s", code);
    start_command(w, j,
                  &(struct gw_keeper_command){ .argv = argv,
                                               .environment = environment,
                                               .folder = "/",
                                               .memory_mb = memory_mb });
}

START_TEST(too_much_memory_is_the_end)
{
    struct world w;
    struct job j;

    open_world(&w, NULL);
    start_eater(&w, &j, eaters[_i], 50);
    wait_for_end(&w, &j);
    ck_assert(WIFSIGNALED(j.status));
    ck_assert_int_eq(WTERMSIG(j.status), SIGKILL);
    ck_assert_ptr_nonnull(strstr(j.why, "MB of memory, and may use 50"));
    close(j.output);
    close_world(&w);
}
END_TEST

START_TEST(memory_shared_with_forks_counts_once)
{
    struct world w;
    struct job j;
    char text[64];

    open_world(&w, NULL);
    /* 60 MB, seen from 5 processes, and one second to be looked at. */
    start_eater(&w, &j,
                "x = bytearray(60 << 20)\n"
                "for i in range(4):\n"
                "    if not os.fork(): time.sleep(1000)\n"
                "time.sleep(1.2); print('alive', flush=True)",
                150);
    wait_for_end(&w, &j);
    ck_assert_msg(WIFEXITED(j.status), "%s", j.why);
    read_all(&j, text, sizeof(text));
    ck_assert_str_eq(text, "alive\n");
    close_world(&w);
}
END_TEST

GW_SUITE("server/function/keeper")
{
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_program_runs_and_its_end_is_told, 0,
                        GW_LEN(programs));
    tcase_add_loop_test(tc, what_cannot_be_started_is_told_with_the_reason, 0,
                        GW_LEN(impossible));
    tcase_add_test(tc, variables_have_a_bound);
    tcase_add_test(tc, variables_of_100_kb_arrive);
    tcase_add_test(tc, a_killed_process_ends);
    tcase_add_loop_test(tc, nothing_outlives_its_leader, 0, GW_LEN(families));
    tcase_add_loop_test(tc, a_kill_reaches_all_descendants, 0,
                        GW_LEN(families));
    tcase_add_test(tc, closing_ends_all);
    tcase_add_test(tc, a_killed_gateway_leaves_nothing);
    tcase_add_loop_test(tc, a_killed_keeper_or_warden_leaves_nothing, 0, 2);
    tcase_add_loop_test(tc, too_much_memory_is_the_end, 0, GW_LEN(eaters));
    tcase_add_test(tc, memory_shared_with_forks_counts_once);
}
