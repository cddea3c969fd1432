#include "tests/bench/load/plan.h"

#include "tests/bench/shared/net.h"

#include <stdlib.h>
#include <string.h>

typedef void read_fn(const char *text, void *out);

static void read_text(const char *text, void *out)
{
    *(const char **)out = text;
}

static void read_count(const char *text, void *out)
{
    char *end;

    *(unsigned *)out = (unsigned)strtoul(text, &end, 10);
    if (*end || end == text)
        die("\"%s\": expected a number", text);
}

static void read_number(const char *text, void *out)
{
    char *end;

    *(double *)out = strtod(text, &end);
    if (*end || end == text)
        die("\"%s\": expected a number", text);
}

static void read_core(const char *text, void *out)
{
    *(int *)out = atoi(text);
}

static void read_flag(const char *text, void *out)
{
    *(bool *)out = !strcmp(text, "yes");
}

/* Numbers with commas between. */
static void read_processes(const char *text, void *out)
{
    struct processes *p = out;

    while (*text && p->count < PROCESSES_MAX) {
        char *end;

        p->pids[p->count++] = (pid_t)strtol(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
}

#define AT(member) offsetof(struct plan, member)

static const struct {
    const char *name;
    read_fn *read;
    size_t at;
} options[] = {
    { "--to", read_text, AT(to) },
    { "--via", read_text, AT(via) },
    { "--watch", read_text, AT(watch) },
    { "--pids", read_processes, AT(server) },
    { "--beside", read_processes, AT(beside) },
    { "--path", read_text, AT(path) },
    { "--style", read_text, AT(style) },
    { "--action", read_text, AT(action) },
    { "--key-id", read_text, AT(key_id) },
    { "--secret", read_text, AT(secret) },
    { "--gone", read_flag, AT(gone) },
    { "--connections", read_count, AT(connections) },
    { "--depth", read_count, AT(depth) },
    { "--size", read_count, AT(size) },
    { "--idle", read_count, AT(idle) },
    { "--publishers", read_count, AT(publishers) },
    { "--first", read_count, AT(first) },
    { "--last", read_count, AT(last) },
    { "--status", read_count, AT(status) },
    { "--core", read_core, AT(core) },
    { "--seconds", read_number, AT(seconds) },
    { "--warmup", read_number, AT(warmup) },
    { "--rate", read_number, AT(rate) },
};

static void read_option(struct plan *p, const char *name, const char *value)
{
    if (!value)
        die("%s: expected a value", name);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (!strcmp(name, options[i].name)) {
            options[i].read(value, (char *)p + options[i].at);
            return;
        }
    }
    die("%s: there is no such option", name);
}

void plan_read(struct plan *p, char **arguments)
{
    *p = (struct plan){
        .mode = arguments[1],
        .path = "/",
        .action = "echo",
        .style = "gatewire",
        .connections = 64,
        .depth = 1,
        .size = 64,
        .publishers = 64,
        .first = 5000,
        .last = 4000,
        .status = 200,
        .core = -1,
        .seconds = 2,
        .warmup = 0.5,
    };
    if (!p->mode)
        die("usage: load echo|open|push|post|goodbye --to ADDRESS:PORT [...]");
    for (char **at = arguments + 2; *at; at += 2)
        read_option(p, at[0], at[1]);
    if (!p->to || !p->server.count)
        die("--to and --pids are needed");
    p->address = net_address(p->to);
    p->via_address = net_address(p->via ? p->via : p->to);
}
