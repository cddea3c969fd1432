/*
 * What one process prints, stdout and stderr together: read from a pipe, logged
 * line by line with the function's name and the id of the run it belongs to,
 * and the end of it kept for the run's caller.
 *
 *     function.log  function=greeter request_id=8d1f… a line as it was printed
 *
 * Lines of more than 8 KB are cut into pieces; empty ones are left out. Little
 * is read in one turn of the loop, so that a flood only fills its own pipe, and
 * stops its own process.
 */
#ifndef GW_FUNCTION_OUTPUT_H
#define GW_FUNCTION_OUTPUT_H

#include "protocol/base/str.h"

#include <uv.h>

struct gw_output;

/* *end is for the process, and the caller's to close. The name is copied.
 * NULL: there are too many open files. */
struct gw_output *gw_output_new(uv_loop_t *loop, gw_str function, int *end);

/* Reads no more; the memory goes when the loop has turned. */
void gw_output_free(struct gw_output *o);

/* A run begins. What was printed up to here was not its. */
void gw_output_begin(struct gw_output *o, gw_str request_id);

/* The run is over, or the process: what it printed is logged, a line without
 * its end too. */
void gw_output_end(struct gw_output *o);

/* The last of what has been printed since `begin`, at most GW_INVOKE_TAIL_MAX
 * bytes. A view until the next call. */
gw_str gw_output_tail(struct gw_output *o);

#endif
