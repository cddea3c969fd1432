/*
 * What gateway and keeper say to each other: packets on a socket between two
 * runs of the same binary.
 */
#ifndef GW_FUNCTION_KEEPER_WIRE_H
#define GW_FUNCTION_KEEPER_WIRE_H

#include <stdint.h>

enum {
    GW_KEEPER_SOCKET = 3,         /* the keeper's descriptor */
    GW_KEEPER_BYTES_MAX = 131072, /* of a packet: a command and its variables */
};

enum gw_keeper_order_kind {
    GW_KEEPER_START, /* with a descriptor: where the output goes */
    GW_KEEPER_KILL,
    GW_KEEPER_LEAVE, /* kill all and end; without it the end of the socket says
                        the same, and that the folder is to be removed */
};

/* To the keeper. Of a start there follow texts, each with a NUL: the folder,
 * argv, the environment. */
struct gw_keeper_order {
    uint32_t kind, id;
    uint32_t memory_mb;
    uint32_t argc, variables; /* how many */
};

/* From the keeper: the last word about a process. */
struct gw_keeper_end {
    uint32_t id;
    int32_t status; /* waitpid's, or -1 */
    char why[200];  /* NUL-terminated; empty: nothing to say */
};

#endif
