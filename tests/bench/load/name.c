#include "tests/bench/load/name.h"

#include "tests/bench/shared/net.h"

#include <string.h>

void name_ask(struct client *c)
{
    static const char question[] = "{\"action\":\"whoami\"}";

    client_send_text(c, question, sizeof question - 1);
}

void name_read(const char *payload, size_t len, char out[NAME_SIZE])
{
    static const char before[] = "\"connectionId\":\"";
    const char *at = memmem(payload, len, before, sizeof before - 1), *end;

    if (at)
        at += sizeof before - 1;
    end = at ? memchr(at, '"', (size_t)(payload + len - at)) : NULL;
    if (!end || (size_t)(end - at) >= NAME_SIZE)
        die("expected a connectionId, got: %.*s", (int)len, payload);
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
}
