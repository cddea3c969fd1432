/*
 * The time, read once per loop turn: cheap to ask, and the same for
 * everything that happens in one turn.
 */
#ifndef GW_PORT_CLOCK_H
#define GW_PORT_CLOCK_H

#include <stdint.h>

struct gw_clock {
    int64_t now_ms;  /* monotonic */
    int64_t unix_ms; /* wall clock, since 1970 */
};

#endif
