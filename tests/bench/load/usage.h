/*
 * What processes have used, as the kernel counts it.
 */
#ifndef BENCH_LOAD_USAGE_H
#define BENCH_LOAD_USAGE_H

#include <stdint.h>
#include <sys/types.h>

/* CPU time of all their threads, user and system, in nanoseconds. A thread
 * that is running right now is counted up to the last tick. */
uint64_t usage_cpu_ns(const pid_t *pids, unsigned count);

/* Resident memory, pages shared among them counted once a process. */
uint64_t usage_resident_bytes(const pid_t *pids, unsigned count);

#endif
