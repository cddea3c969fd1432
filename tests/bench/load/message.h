/*
 * The messages that are sent: JSON text with a number in it,
 * {"action":"echo","seq":100000000042,"pad":"..."}, of any length from 64.
 * The number is always as long, so a new one is written over the old one.
 */
#ifndef BENCH_LOAD_MESSAGE_H
#define BENCH_LOAD_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum { MESSAGE_MIN = 64, MESSAGE_MAX = 128 * 1024 };

struct message {
    char *text;
    size_t len, number_at;
};

void message_make(struct message *m, const char *action, size_t len);
void message_number(struct message *m, uint64_t number);

/* The number in a message that came back, which must be `len` long. */
uint64_t message_read(const char *text, size_t text_len, size_t len);

#endif
