#include "tests/bench/shared/head.h"

#include "tests/bench/shared/net.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

size_t head_len(const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);

    return end ? (size_t)(end - bytes) + 4 : 0;
}

const char *head_field(const char *head, size_t head_len, const char *name,
                       size_t *value_len)
{
    const char *end = head + head_len;
    const char *line = memmem(head, head_len, "\r\n", 2);
    size_t name_len = strlen(name);

    for (line += 2; line < end;) {
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);

        if ((size_t)(stop - line) > name_len && line[name_len] == ':' &&
            !strncasecmp(line, name, name_len)) {
            line += name_len + 1;
            line += strspn(line, " \t");
            *value_len = (size_t)(stop - line);
            return line;
        }
        line = stop + 2;
    }
    return NULL;
}

size_t head_body_len(const char *head, size_t head_len)
{
    size_t len;
    const char *value = head_field(head, head_len, "content-length", &len);

    if (value)
        return strtoul(value, NULL, 10);
    if (head_field(head, head_len, "transfer-encoding", &len))
        die("a chunked body: the bench reads only a Content-Length");
    return 0;
}
