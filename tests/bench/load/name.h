/*
 * The id a gatewire connection has: asked for with {"action":"whoami"}.
 */
#ifndef BENCH_LOAD_NAME_H
#define BENCH_LOAD_NAME_H

#include "tests/bench/load/client.h"

enum { NAME_SIZE = 64 };

void name_ask(struct client *c);
void name_read(const char *payload, size_t len, char out[NAME_SIZE]);

#endif
