/*
 * backend_epoll ADDRESS:PORT
 *
 * The HTTP backend behind gatewire's HTTP integration and behind nginx as a
 * reverse proxy: answers every request with 200 and the request's own body,
 * on a connection that stays open. POST /count says how many came, others
 * than such.
 */
#include "tests/bench/shared/head.h"
#include "tests/bench/shared/net.h"
#include "tests/bench/shared/stream.h"

#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 64 * 1024 };

static unsigned long long count;

static void answer(struct stream *s, const char *body, size_t len)
{
    char out[BODY_MAX + 256];
    int head = snprintf(out, sizeof out,
                        "HTTP/1.1 200 OK\r\n"
                        "Content-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        len);

    memcpy(out + head, body, len);
    stream_write(s, out, (size_t)head + len);
}

static size_t on_bytes(struct stream *s, uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    size_t used = 0, head;

    while ((head = head_len(text + used, len - used))) {
        size_t body = head_body_len(text + used, head);

        if (body > BODY_MAX)
            die("a body of %zu bytes", body);
        if (len - used - head < body)
            break;
        if (!strncmp(text + used, "POST /count ", 12)) {
            char number[32];

            answer(s, number,
                   (size_t)snprintf(number, sizeof number, "%llu", count));
        } else {
            count++;
            answer(s, text + used + head, body);
        }
        used += head + body;
    }
    return used;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        die("usage: backend_epoll ADDRESS:PORT");
    stream_serve(argv[1], sizeof(struct stream), on_bytes);
}
