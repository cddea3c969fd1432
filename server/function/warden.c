#include "server/function/warden.h"

#include "server/function/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REPORT = 3, /* descriptors of both processes */
    OUTPUT = 4,
    SPARE = 64,                  /* numbers that nobody uses */
    AGAIN_NS = 10 * 1000 * 1000, /* until those are killed who came meanwhile */
    OPEN_FILES = 1024,           /* the original's */
    /* When memory is short, the kernel had better take functions than the
     * gateway. */
    OOM_SCORE = 500,
};

/* An end with the parent; it may have died before this was asked for. */
static void end_with(pid_t parent, int number)
{
    prctl(PR_SET_PDEATHSIG, number);
    if (getppid() != parent)
        raise(number);
}

static void report(int status, const char *what)
{
    struct gw_warden_report r = { .status = status };

    if (what)
        snprintf(r.why, sizeof(r.why), "%.120s: %s", what, strerror(errno));
    if (write(REPORT, &r, sizeof(r)) < 0)
        return; /* the keeper is gone, and the warden told */
}

/* --- the function's process ---------------------------------------------------- */

static void set_limits(void)
{
    const struct rlimit none = { 0, 0 };
    struct rlimit files;
    char score[8];
    int fd;

    setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = GW_MIN(files.rlim_max, (rlim_t)OPEN_FILES);
        setrlimit(RLIMIT_NOFILE, &files);
    }
    fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        snprintf(score, sizeof(score), "%d", OOM_SCORE);
        if (write(fd, score, strlen(score)) < 0)
            errno = 0; /* it is a wish */
        close(fd);
    }
}

/* As a program expects to be started, whatever the keeper ignores. */
static void reset_signals(void)
{
    sigset_t none;

    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_descriptors(void)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    dup2(nothing, STDIN_FILENO);
    dup2(OUTPUT, STDOUT_FILENO);
    dup2(OUTPUT, STDERR_FILENO);
    fcntl(REPORT, F_SETFD, FD_CLOEXEC);
    close_range(REPORT + 1, ~0U, 0);
}

static void become(const struct gw_warden_order *order)
{
    setsid();
    set_limits();
    set_descriptors();
    if (chdir(order->folder) < 0) {
        report(-1, order->folder);
        return;
    }
    reset_signals();
    environ = order->environment; /* its PATH is the one that counts */
    execvp(order->argv[0], order->argv);
    report(-1, order->argv[0]);
}

/* --- the warden ---------------------------------------------------------------- */

static void kill_descendants(void)
{
    struct gw_processes all = { 0 };

    gw_processes_read(&all);
    gw_processes_mark(&all, getpid());
    for (size_t i = 0; i < all.count; i++)
        if (all.at[i].is_below)
            kill(all.at[i].pid, SIGKILL);
    gw_processes_fini(&all);
}

/* Those that have ended; false when there is nobody left to wait for. */
static bool reap(pid_t leader, bool *kills)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == leader) {
            report(status, NULL);
            *kills = true;
        }
    return pid == 0;
}

static void watch_over(pid_t leader)
{
    const struct timespec again = { .tv_nsec = AGAIN_NS };
    bool kills = false;
    sigset_t wanted;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, GW_WARDEN_KILL);
    while (reap(leader, &kills)) {
        int number;

        if (kills)
            kill_descendants();
        number = sigtimedwait(&wanted, NULL, kills ? &again : NULL);
        if (number == GW_WARDEN_KILL)
            kills = true;
    }
}

/* Nothing of the keeper's but what both need. */
static void keep_descriptors(const struct gw_warden_order *order)
{
    int out = fcntl(order->output, F_DUPFD_CLOEXEC, SPARE);
    int told = fcntl(order->report, F_DUPFD_CLOEXEC, SPARE);

    dup2(told, REPORT);
    dup2(out, OUTPUT);
    close_range(OUTPUT + 1, ~0U, 0);
}

static void be_warden(const struct gw_warden_order *order, pid_t keeper)
{
    pid_t self = getpid(), leader;

    prctl(PR_SET_NAME, "warden");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    keep_descriptors(order);
    end_with(keeper, GW_WARDEN_KILL);
    leader = fork();
    if (leader == 0) {
        end_with(self, SIGKILL);
        become(order);
        _exit(127);
    }
    close(OUTPUT);
    if (leader < 0)
        report(-1, "fork");
    else
        watch_over(leader);
}

pid_t gw_warden_start(const struct gw_warden_order *order)
{
    pid_t keeper = getpid(), pid;
    sigset_t all, before;

    /* The warden takes its signals when it asks for them. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0) {
        be_warden(order, keeper);
        _exit(0);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}
