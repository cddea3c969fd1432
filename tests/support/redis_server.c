#include "tests/support/redis_server.h"

#include "tests/support/suite.h"

#include <dirent.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Those that run, for the end of the process. A test that fails jumps out of
 * its function, so what is needed later is copied. */
static struct {
    pid_t pid;
    char folder[64];
} running[64];

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        char name[512];

        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0 && unlink(name) != 0)
            remove_folder(name);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

static void end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void end_all(void)
{
    for (size_t i = 0; i < GW_LEN(running); i++) {
        if (running[i].pid)
            end_process(running[i].pid);
        if (running[i].folder[0])
            remove_folder(running[i].folder);
    }
}

static void note(const struct gw_redis_server *s, bool has_folder)
{
    static bool is_installed;
    size_t at = 0;

    if (!is_installed)
        atexit(end_all);
    is_installed = true;
    for (size_t i = GW_LEN(running); i-- > 0;)
        if (strcmp(running[i].folder, s->folder) == 0) {
            at = i;
            break;
        } else if (!running[i].folder[0]) {
            at = i;
        }
    running[at].pid = s->pid;
    snprintf(running[at].folder, sizeof(running[at].folder), "%s",
             has_folder ? s->folder : "");
}

static uint16_t free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

/* What it prints is read up to the word that says that it serves; what it
 * prints later goes nowhere. */
static bool wait_for(int fd, const char *word)
{
    char text[16384];
    size_t len = 0;
    ssize_t n;

    while (len < sizeof(text) - 1 &&
           (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
        len += (size_t)n;
        text[len] = '\0';
        if (strstr(text, word))
            return true;
    }
    text[len] = '\0';
    fprintf(stderr, "redis-server does not start: %s\n", text);
    return false;
}

static void run(struct gw_redis_server *s, char *const *argv, const char *word)
{
    pid_t parent = getpid();
    int pipe_fds[2];

    ck_assert_int_eq(pipe(pipe_fds), 0);
    s->pid = fork();
    ck_assert_int_ge(s->pid, 0);
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        dup2(pipe_fds[1], 1);
        dup2(pipe_fds[1], 2);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(pipe_fds[1]);
    note(s, true);
    ck_assert_msg(wait_for(pipe_fds[0], word), "is redis-server installed?");
    close(pipe_fds[0]);
}

static void prepare(struct gw_redis_server *s)
{
    if (!s->port)
        s->port = free_port();
    if (s->folder[0])
        return;
    snprintf(s->folder, sizeof(s->folder), "/tmp/gatewire-redis-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(s->folder));
    snprintf(s->socket, sizeof(s->socket), "%s/s", s->folder);
}

void gw_redis_server_start(struct gw_redis_server *s)
{
    char port[8];
    const char *argv[16 + GW_REDIS_SERVER_WORDS] = {
        "redis-server", "--port",       port,      "--bind",
        "127.0.0.1",    "--unixsocket", s->socket, "--dir",
        s->folder,      "--save",       "",        "--daemonize",
        "no",
    };
    size_t argc = 13;

    prepare(s);
    snprintf(port, sizeof(port), "%u", s->port);
    for (size_t i = 0; i < GW_REDIS_SERVER_WORDS && s->options[i]; i++)
        argv[argc++] = s->options[i];
    run(s, (char *const *)argv, "eady to accept connections");
}

void gw_redis_server_start_sentinel(struct gw_redis_server *s,
                                    const struct gw_redis_server *master)
{
    char path[96], *argv[] = { "redis-server", path, "--sentinel", NULL };
    FILE *f;

    prepare(s);
    snprintf(path, sizeof(path), "%s/sentinel.conf", s->folder);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f,
            "port %u\nbind 127.0.0.1\ndir %s\n"
            "sentinel monitor main 127.0.0.1 %u 1\n"
            "sentinel down-after-milliseconds main 500\n"
            "sentinel failover-timeout main 2000\n",
            s->port, s->folder, master->port);
    fclose(f);
    run(s, argv, "+monitor master main");
}

void gw_redis_server_kill(struct gw_redis_server *s)
{
    if (s->pid)
        end_process(s->pid);
    s->pid = 0;
    note(s, true);
}

void gw_redis_server_end(struct gw_redis_server *s)
{
    if (s->pid)
        end_process(s->pid);
    s->pid = 0;
    remove_folder(s->folder);
    note(s, false);
}

static redisReply *call(const struct gw_redis_server *s, const char *format,
                        va_list args)
{
    redisContext *c = redisConnect("127.0.0.1", s->port);
    redisReply *reply;

    ck_assert_msg(c && !c->err, "redis-server: %s", c ? c->errstr : "");
    reply = redisvCommand(c, format, args);
    ck_assert_msg(reply != NULL, "redis-server: %s", c->errstr);
    ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "%s", reply->str);
    redisFree(c);
    return reply;
}

long long gw_redis_server_do(const struct gw_redis_server *s,
                             const char *format, ...)
{
    redisReply *reply;
    long long number;
    va_list args;

    va_start(args, format);
    reply = call(s, format, args);
    va_end(args);
    number = reply->integer;
    freeReplyObject(reply);
    return number;
}

char *gw_redis_server_ask(const struct gw_redis_server *s, const char *format,
                          ...)
{
    redisReply *reply;
    char *text = NULL;
    va_list args;

    va_start(args, format);
    reply = call(s, format, args);
    va_end(args);
    if (reply->str)
        text = gw_str_dup((gw_str){ reply->str, reply->len });
    freeReplyObject(reply);
    return text;
}

struct gw_redis_url gw_redis_server_url(const struct gw_redis_server *s)
{
    return (struct gw_redis_url){
        .kind = GW_REDIS_TCP,
        .hosts = { { GW_LIT("127.0.0.1"), s->port } },
        .host_count = 1,
        .path = GW_EMPTY,
        .master = GW_EMPTY,
        .user = GW_EMPTY,
        .password = GW_EMPTY,
    };
}
