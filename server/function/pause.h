/*
 * How long to wait before a process that has ended is started again.
 */
#ifndef GW_FUNCTION_PAUSE_H
#define GW_FUNCTION_PAUSE_H

#include "protocol/base/base.h"

enum {
    GW_PAUSE_FIRST_MS = 500, /* code that does not load seldom heals sooner */
    GW_PAUSE_WORKED_FIRST_MS = 100,
    GW_PAUSE_MAX_MS = 10000,
    GW_PAUSE_WORKED_MAX_MS = 1000,
    GW_PAUSE_RELOAD_MS = 30000,  /* of what starts anew when its files change */
    GW_PAUSE_HEALTHY_MS = 10000, /* who has lived so long has not failed */
};

/*
 * failures: in a row, the last one included; 0: it had been healthy. has_worked:
 * it had been given an event, so that somebody waits for the next process,
 * and how often this happens is not for the function alone to decide: the first
 * time does not count, and the pause stays short.
 */
static inline int64_t gw_pause_ms(unsigned failures, bool has_worked)
{
    unsigned count = failures && has_worked ? failures - 1 : failures;
    int64_t first = has_worked ? GW_PAUSE_WORKED_FIRST_MS : GW_PAUSE_FIRST_MS;
    int64_t most = has_worked ? GW_PAUSE_WORKED_MAX_MS : GW_PAUSE_MAX_MS;

    if (!count)
        return 0;
    return GW_MIN(first << GW_MIN(count - 1, 10U), most);
}

#endif
