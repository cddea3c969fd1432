/*
 * Numbered things that should arrive once, in order: tells what was lost,
 * came twice, or came late.
 */
#ifndef BENCH_LOAD_SEQUENCE_H
#define BENCH_LOAD_SEQUENCE_H

#include <stdint.h>

struct sequence {
    uint64_t next;   /* the number that should come now */
    uint64_t recent; /* bit i: next - 1 - i has come */
};

struct sequence_faults {
    uint64_t lost, duplicated, reordered;
};

void sequence_note(struct sequence *s, uint64_t number,
                   struct sequence_faults *faults);

#endif
