#include "tests/support/suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    const char *name;
    void (*fill)(TCase *tc);
} registered[128];
static size_t count;

void gw_suite_register(const char *name, void (*fill)(TCase *tc))
{
    GW_ASSERT(count < GW_LEN(registered));
    registered[count].name = name;
    registered[count++].fill = fill;
}

const char *gw_vectors(void)
{
    static const char *folder;
    struct stat st;

    if (!folder)
        folder = getenv("GATEWIRE_VECTORS");
    if (!folder)
        folder = "../shared/vectors";
    return stat(folder, &st) == 0 ? folder : NULL;
}

void gw_skip(const char *what, const char *why)
{
    fprintf(stderr, "skipped: %s: %s\n", what, why);
}

void gw_file_read(const char *path, struct gw_buf *out)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    ck_assert_msg(f != NULL, "cannot open %s", path);
    gw_buf_init(out, (size_t)64 << 20);
    do {
        ck_assert(gw_buf_reserve(out, 65536) == GW_OK);
        n = fread(out->at + out->len, 1, 65535, f);
        out->len += n;
    } while (n);
    out->at[out->len] = '\0';
    fclose(f);
}

#undef _ck_assert_failed

/* Where tests share a process, Check would jump out of the one that failed and
 * go on; but its loop was on the stack, and the next signal would find it there:
 * a crash, and no word of what had failed. There, the first failure is told and
 * is the end. */
void gw_check_failed(const char *file, int line, const char *what,
                     const char *format, ...)
{
    const char *forks = getenv("CK_FORK");
    char text[4096] = "";
    va_list args;

    if (format) {
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
    }
    if (forks && strcmp(forks, "no") == 0) {
        fprintf(stderr, "%s:%d: %s %s\n", file, line, what, text);
        _exit(EXIT_FAILURE);
    }
    if (format)
        _ck_assert_failed(file, line, what, "%s", text);
    else
        _ck_assert_failed(file, line, what, NULL);
}

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int failed;

    for (size_t i = 0; i < count; i++) {
        Suite *suite = suite_create(registered[i].name);
        TCase *tc = tcase_create(registered[i].name);

        tcase_set_timeout(tc, 60);
        registered[i].fill(tc);
        suite_add_tcase(suite, tc);
        srunner_add_suite(runner, suite);
    }
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
