/*
 * Where log lines go: standard error, as text for people or as JSON for
 * machines, one line at a time whatever the thread. On a terminal text has
 * columns, and colours unless NO_COLOR is set:
 *
 *     19:20:01.002       connect      $connect               200      3 ms  L0SM…
 *     19:20:01.940       log          SendFunction           | to 2 clients
 *     19:20:01.941 error invoke       SendFunction           TypeError  4 ms
 *
 * What a peer or a function has said cannot look like another line, nor speak
 * to the terminal.
 */
#ifndef GW_OBSERVE_LINES_H
#define GW_OBSERVE_LINES_H

#include "server/config/settings.h"

/* Before threads; again after a reload is fine. */
void gw_lines_install(const struct gw_settings *settings);

#endif
