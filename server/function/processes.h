/*
 * The processes of this machine, as /proc shows them: who is whose child, and
 * how much memory each holds. A picture of one moment.
 */
#ifndef GW_FUNCTION_PROCESSES_H
#define GW_FUNCTION_PROCESSES_H

#include "protocol/base/base.h"

#include <sys/types.h>

struct gw_process {
    pid_t pid, parent;
    bool is_below; /* as gw_processes_mark last said */
};

struct gw_processes {
    struct gw_process *at; /* by pid */
    size_t count, room;
};

/* Zeroed, or read before. */
void gw_processes_read(struct gw_processes *p);
void gw_processes_fini(struct gw_processes *p);

/* Marks the children of root, and theirs, and so on; how many these are. */
size_t gw_processes_mark(struct gw_processes *p, pid_t root);

/*
 * Anonymous memory, in bytes; 0 when it is gone. The first is cheap, and counts
 * what a process shares with its forks in each of them; the second counts every
 * page once, and costs some milliseconds per GB.
 */
uint64_t gw_process_resident(pid_t pid);
uint64_t gw_process_proportional(pid_t pid);

#endif
