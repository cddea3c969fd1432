/*
 * What processes have used, as the kernel counts it.
 */
#ifndef BENCH_LOAD_USAGE_H
#define BENCH_LOAD_USAGE_H

#include <stdint.h>
#include <sys/types.h>

enum { PROCESSES_MAX = 16 };

struct processes {
    pid_t pids[PROCESSES_MAX];
    unsigned count;
};

/* CPU time of all their threads, user and system, in nanoseconds. A thread
 * that is running right now is counted up to the last tick. */
uint64_t usage_cpu_ns(const struct processes *p);

/* That of the generator itself, and that of everything on this machine, with
 * what the host took away from it. */
uint64_t usage_own_ns(void);
uint64_t usage_machine_ns(void);

/* Resident memory, pages shared among them counted once a process. */
uint64_t usage_resident_bytes(const struct processes *p);

#endif
