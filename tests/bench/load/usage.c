#include "tests/bench/load/usage.h"

#include "tests/bench/shared/net.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

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

uint64_t usage_cpu_ns(const pid_t *pids, unsigned count)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += cpu_of(pids[i]);
    return sum;
}

uint64_t usage_resident_bytes(const pid_t *pids, unsigned count)
{
    uint64_t sum = 0;
    char path[64];

    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pids[i]);
        sum += number_in(path, "Rss:") * 1024;
    }
    return sum;
}
