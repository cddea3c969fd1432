/*
 * The process: makes the workers, listens, waits for signals, drains.
 *
 * SIGHUP reads the configuration again and puts it into force if it is good.
 * SIGTERM and SIGINT drain: no new connections, those there are closed with
 * 1012 one after another when what they have in flight is answered, requests
 * are served until the last of them is gone, exit 0. The second signal leaves
 * at once.
 */
#ifndef GW_APP_H
#define GW_APP_H

#include "server/config/config.h"

/* sysexits.h, as documented in the README. */
enum { GW_EXIT_UNAVAILABLE = 69, GW_EXIT_CONFIG = 78 };

/* Runs until told to stop; returns the exit status. */
int gw_app_run(const struct gw_config_source *source);

#endif
