/*
 * Where log lines go: standard error, as text for people or as JSON for
 * machines, one line at a time whatever the thread.
 */
#ifndef GW_OBSERVE_LINES_H
#define GW_OBSERVE_LINES_H

#include "server/config/settings.h"

/* Before threads; again after a reload is fine. */
void gw_lines_install(const struct gw_settings *settings);

#endif
