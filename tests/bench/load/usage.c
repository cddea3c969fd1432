#include "tests/bench/load/usage.h"

#include "tests/bench/shared/net.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The number behind `label` ("" is the start) in a file of /proc. */
static uint64_t number_in(const char *path, const char *label)
{
    FILE *file = fopen(path, "re");
    unsigned long long n = 0;
    char line[256];
    bool found = false;

    if (!file)
        die("%s is not there: has the server gone?", path);
    while (!found && fgets(line, sizeof line, file))
        found = !strncmp(line, label, strlen(label)) &&
                sscanf(line + strlen(label), "%llu", &n) == 1;
    fclose(file);
    if (!found)
        die("%s says nothing of use", path);
    return n;
}

static uint64_t cpu_of(pid_t pid)
{
    char path[300];
    uint64_t sum = 0;
    struct dirent *task;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    folder = opendir(path);
    if (!folder)
        die("process %d has gone", (int)pid);
    while ((task = readdir(folder))) {
        if (task->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", (int)pid,
                 task->d_name);
        sum += number_in(path, "");
    }
    closedir(folder);
    return sum;
}

uint64_t usage_cpu_ns(const struct processes *p)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < p->count; i++)
        sum += cpu_of(p->pids[i]);
    return sum;
}

uint64_t usage_own_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t usage_machine_ns(void)
{
    unsigned long long user, nice, system, irq, softirq, steal;
    FILE *file = fopen("/proc/stat", "re");
    int read = 0;

    if (file) {
        read = fscanf(file, "cpu %llu %llu %llu %*u %*u %llu %llu %llu", &user,
                      &nice, &system, &irq, &softirq, &steal);
        fclose(file);
    }
    if (read != 6)
        die("/proc/stat says nothing of use");
    return (user + nice + system + irq + softirq + steal) *
           (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

uint64_t usage_resident_bytes(const struct processes *p)
{
    uint64_t sum = 0;
    char path[64];

    for (unsigned i = 0; i < p->count; i++) {
        snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)p->pids[i]);
        sum += number_in(path, "Rss:") * 1024;
    }
    return sum;
}
