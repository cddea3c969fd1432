#include "tests/bench/load/message.h"

#include "tests/bench/shared/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Twelve digits, the first a 1: JSON has no leading zeros. */
enum { DIGITS = 12 };

static const char number_name[] = "\"seq\":";

static const char words[] = "the quick brown fox jumps over the lazy dog, ";

void message_make(struct message *m, const char *action, size_t len)
{
    int head;

    if (len < MESSAGE_MIN || len > MESSAGE_MAX)
        die("a message of %zu bytes: expected %d to %d", len, MESSAGE_MIN,
            MESSAGE_MAX);
    m->text = malloc(len + 1);
    if (!m->text)
        die("out of memory");
    head =
        snprintf(m->text, len, "{\"action\":\"%s\",%s100000000000,\"pad\":\"",
                 action, number_name);
    if (head < 0 || (size_t)head + 2 > len)
        die("the action \"%s\" is too long", action);
    for (size_t i = (size_t)head; i < len - 2; i++)
        m->text[i] = words[(i - (size_t)head) % (sizeof words - 1)];
    memcpy(m->text + len - 2, "\"}", 3);
    m->len = len;
    m->number_at =
        strlen("{\"action\":\"\",") + strlen(action) + strlen(number_name);
}

void message_number(struct message *m, uint64_t number)
{
    char *digit = m->text + m->number_at + DIGITS;

    while (--digit > m->text + m->number_at) {
        *digit = (char)('0' + number % 10);
        number /= 10;
    }
}

uint64_t message_read(const char *text, size_t text_len, size_t len)
{
    const char *at =
        memmem(text, text_len, number_name, sizeof number_name - 1);
    uint64_t number = 0;

    if (!at || text_len != len)
        die("expected a message of %zu bytes, got %zu: %.*s", len, text_len,
            text_len < 300 ? (int)text_len : 300, text);
    at += sizeof number_name; /* and past the 1 */
    for (unsigned i = 1; i < DIGITS; i++)
        number = number * 10 + (uint64_t)(*at++ - '0');
    return number;
}
