#include "protocol/base/base.h"

#include <stdio.h>
#include <stdlib.h>

void gw_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "gatewire: bug: %s does not hold (%s:%d)\n", what, file,
            line);
    abort();
}

static void GW_NORETURN out_of_memory(size_t size)
{
    fprintf(stderr, "gatewire: out of memory (%zu bytes)\n", size);
    abort();
}

void *gw_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (!p)
        out_of_memory(size);
    return p;
}

void *gw_realloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);

    if (!p)
        out_of_memory(size);
    return p;
}
