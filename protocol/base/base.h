/*
 * The words every file speaks: attributes, assertions, small allocations.
 *
 * GW_ASSERT stays on in release: a broken invariant stops the process, it is
 * never the answer to what a peer sent.
 */
#ifndef GW_BASE_BASE_H
#define GW_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_MUST_CHECK   __attribute__((warn_unused_result))
#define GW_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define GW_NORETURN     __attribute__((noreturn))
#define GW_LIKELY(x)    __builtin_expect(!!(x), 1)
#define GW_UNLIKELY(x)  __builtin_expect(!!(x), 0)

#define GW_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define GW_MIN(a, b)  ((a) < (b) ? (a) : (b))
#define GW_MAX(a, b)  ((a) > (b) ? (a) : (b))
#define GW_CONTAINER(ptr, type, member) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define GW_ASSERT(what) \
    (GW_LIKELY(what) ? (void)0 : gw_assert_failed(#what, __FILE__, __LINE__))

void gw_assert_failed(const char *what, const char *file, int line) GW_NORETURN;

/* Zeroed memory; never NULL. True exhaustion ends the process. */
void *gw_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *gw_realloc(void *old, size_t size) __attribute__((returns_nonnull));

#endif
