#include "server/function/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of the source tree as bytes of this program. The Makefile knows of it,
 * or a change would not be seen. */
#define EMBED(name, path)                                   \
    __asm__(".section .rodata\n"                            \
            ".global " #name "_begins\n" #name "_begins:\n" \
            ".incbin \"" path "\"\n"                        \
            ".global " #name "_ends\n" #name "_ends:\n"     \
            ".previous\n");                                 \
    extern const char name##_begins[], name##_ends[]

EMBED(gw_bootstrap_node, "clients/functions/node/bootstrap.mjs");
EMBED(gw_bootstrap_python, "clients/functions/python/bootstrap.py");

static const struct {
    const char *name, *begins, *ends;
} bootstraps[] = {
    { "bootstrap.mjs", gw_bootstrap_node_begins, gw_bootstrap_node_ends },
    { "bootstrap.py", gw_bootstrap_python_begins, gw_bootstrap_python_ends },
};

enum { DESCRIPTORS = 16 }; /* for walking deep trees */

gw_err gw_folder_make(char out[GW_FOLDER_MAX], struct gw_fault *why)
{
    const char *above = getenv("TMPDIR");
    int n = snprintf(out, GW_FOLDER_MAX, "%s/gatewire-XXXXXX",
                     above && *above ? above : "/tmp");

    if (n >= GW_FOLDER_MAX || !mkdtemp(out))
        return gw_fail(why, GW_E_SYSTEM, "cannot make a folder %.150s: %s", out,
                       strerror(n >= GW_FOLDER_MAX ? ENAMETOOLONG : errno));
    for (size_t i = 0; i < GW_LEN(bootstraps); i++) {
        gw_str bytes = { bootstraps[i].begins,
                         (size_t)(bootstraps[i].ends - bootstraps[i].begins) };
        gw_err err = gw_folder_write(out, bootstraps[i].name, bytes, why);

        if (err) {
            gw_folder_remove(out);
            return err;
        }
    }
    return GW_OK;
}

static bool write_all(int fd, gw_str bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.at, bytes.len);

        if (n < 0 && errno != EINTR)
            return false;
        bytes = gw_str_skip(bytes, (size_t)GW_MAX(n, 0));
    }
    return true;
}

gw_err gw_folder_write(const char *folder, const char *name, gw_str bytes,
                       struct gw_fault *why)
{
    char path[GW_FOLDER_MAX + 300], fresh[GW_FOLDER_MAX + 310];
    char *slash;
    bool done;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    slash = strrchr(path, '/');
    *slash = '\0';
    mkdir(path, 0700); /* mostly it is there */
    *slash = '/';
    snprintf(fresh, sizeof(fresh), "%s.fresh", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    done = fd >= 0 && write_all(fd, bytes);
    if (fd >= 0)
        close(fd);
    if (!done || rename(fresh, path) < 0)
        return gw_fail(why, GW_E_SYSTEM, "cannot write %.150s: %s", path,
                       strerror(errno));
    return GW_OK;
}

void gw_folder_lend_modules(const char *folder, const char *configuration)
{
    char at[PATH_MAX], modules[PATH_MAX + 16], link[GW_FOLDER_MAX + 16];
    struct stat st;
    char *slash;

    if (!realpath(configuration, at))
        return;
    while ((slash = strrchr(at, '/'))) {
        *slash = '\0';
        snprintf(modules, sizeof(modules), "%s/node_modules", at);
        if (stat(modules, &st) == 0 && S_ISDIR(st.st_mode))
            break;
    }
    snprintf(link, sizeof(link), "%s/node_modules", folder);
    if (slash && symlink(modules, link) < 0)
        return; /* its code will say what it misses */
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *where)
{
    remove(path);
    return 0; /* whatever else can go shall go */
}

void gw_folder_remove(const char *folder)
{
    nftw(folder, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}
