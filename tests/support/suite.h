/*
 * Check, with less ceremony. A test file says
 *
 *   GW_SUITE("protocol/base/utf8")
 *   {
 *       tcase_add_test(tc, something_holds);
 *       tcase_add_loop_test(tc, cases_are_judged, 0, GW_LEN(cases));
 *   }
 *
 * and is run: suites register themselves, and support/main.c runs them all.
 * A test that needs the published vectors asks gw_vectors() for their folder
 * and, when it is NULL, calls gw_skip() with its name and returns.
 */
#ifndef GW_SUPPORT_SUITE_H
#define GW_SUPPORT_SUITE_H

#include "protocol/base/buf.h"

#include <check.h>

void gw_suite_register(const char *name, void (*fill)(TCase *tc));

/* A check that fails: see suite.c. */
void gw_check_failed(const char *file, int line, const char *what,
                     const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));
#define _ck_assert_failed gw_check_failed

#define GW_SUITE(name)                                            \
    static void fill(TCase *tc);                                  \
    static void __attribute__((constructor)) register_suite(void) \
    {                                                             \
        gw_suite_register(name, fill);                            \
    }                                                             \
    static void fill(TCase *tc)

#define ck_assert_gw_str(have, want)                                          \
    do {                                                                      \
        gw_str have_ = (have), want_ = (want);                                \
        ck_assert_msg(gw_str_eq(have_, want_), "got \"%.*s\", want \"%.*s\"", \
                      GW_FMT(have_), GW_FMT(want_));                          \
    } while (0)

const char *gw_vectors(void); /* "../shared/vectors", or $GATEWIRE_VECTORS */
void gw_skip(const char *what, const char *why);

/* A whole file; the test fails when it cannot be read. Ends in a NUL that is
 * not counted. */
void gw_file_read(const char *path, struct gw_buf *out);

#endif
