#include "server/function/processes.h"

#include "protocol/base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A file of /proc/PID as text; false: the process is gone. */
static bool read_about(pid_t pid, const char *what, char *text, size_t size)
{
    char path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, size - 1);
    close(fd);
    text[GW_MAX(n, 0)] = '\0';
    return n > 0;
}

/* "1234 (any name) S 1 ...": the name may hold anything, brackets too. */
static bool read_parent(pid_t pid, pid_t *parent)
{
    char text[512];
    const char *behind;
    int n;

    if (!read_about(pid, "stat", text, sizeof(text)))
        return false;
    behind = strrchr(text, ')');
    if (!behind || sscanf(behind + 1, " %*c %d", &n) != 1)
        return false;
    *parent = n;
    return true;
}

static void add(struct gw_processes *p, struct gw_process process)
{
    if (p->count == p->room) {
        p->room = GW_MAX(p->room * 2, (size_t)256);
        p->at = gw_realloc(p->at, p->room * sizeof(*p->at));
    }
    p->at[p->count++] = process;
}

static int by_pid(const void *a, const void *b)
{
    const struct gw_process *one = a, *other = b;

    return (one->pid > other->pid) - (one->pid < other->pid);
}

void gw_processes_read(struct gw_processes *p)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;

    p->count = 0;
    if (!folder)
        return;
    while ((entry = readdir(folder))) {
        struct gw_process process = { .pid = atoi(entry->d_name) };

        if (process.pid > 0 && read_parent(process.pid, &process.parent))
            add(p, process);
    }
    closedir(folder);
    qsort(p->at, p->count, sizeof(*p->at), by_pid);
}

void gw_processes_fini(struct gw_processes *p)
{
    free(p->at);
    *p = (struct gw_processes){ 0 };
}

static bool is_below(const struct gw_processes *p, pid_t pid)
{
    const struct gw_process wanted = { .pid = pid };
    const struct gw_process *found =
        bsearch(&wanted, p->at, p->count, sizeof(wanted), by_pid);

    return found && found->is_below;
}

size_t gw_processes_mark(struct gw_processes *p, pid_t root)
{
    size_t count = 0, before;

    for (size_t i = 0; i < p->count; i++)
        p->at[i].is_below = false;
    /* Parents mostly have the lower number, so that one or two rounds do. */
    do {
        before = count;
        for (size_t i = 0; i < p->count; i++) {
            struct gw_process *one = &p->at[i];

            if (!one->is_below &&
                (one->parent == root || is_below(p, one->parent))) {
                one->is_below = true;
                count++;
            }
        }
    } while (count != before);
    return count;
}

uint64_t gw_process_resident(pid_t pid)
{
    unsigned long resident, shared;
    char text[128];

    if (!read_about(pid, "statm", text, sizeof(text)) ||
        sscanf(text, "%*u %lu %lu", &resident, &shared) != 2 ||
        resident < shared)
        return 0;
    return (uint64_t)(resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t gw_process_proportional(pid_t pid)
{
    static const char label[] = "Pss_Anon:";
    char text[2048];
    const char *line;

    if (!read_about(pid, "smaps_rollup", text, sizeof(text)) ||
        !(line = strstr(text, label)))
        return gw_process_resident(pid); /* Linux before 5.4 */
    return strtoull(line + sizeof(label) - 1, NULL, 10) * 1024;
}
