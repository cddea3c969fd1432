#include "server/function/watch.h"

#include "protocol/base/log.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    QUIET_MS = 150,
    ABSENT_MS = 500, /* until we look again for a folder that is gone */
    FOLDERS_MAX = 1000,
    DEPTH_MAX = 32,
    HANDLES = 2,
};

struct gw_watch {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles; /* open */
    int fd;
    bool is_absent;
    unsigned folders;
    char *folder;
    char name[NAME_MAX + 1];
    gw_watch_changed *changed;
    void *ctx;
};

static bool counts(const char *name)
{
    size_t len = strlen(name);

    return len && name[0] != '.' && name[len - 1] != '~' &&
           strcmp(name, "node_modules") != 0 &&
           strcmp(name, "__pycache__") != 0;
}

static bool is_folder(const char *path, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One that is watched already stays so. False: it is not there. */
static bool add(struct gw_watch *w, const char *path, unsigned depth)
{
    const uint32_t events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE |
                            IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
                            IN_MOVE_SELF | IN_ONLYDIR;
    struct dirent *entry;
    char below[PATH_MAX];
    DIR *open;

    if (w->folders == FOLDERS_MAX || depth == DEPTH_MAX)
        return true;
    if (inotify_add_watch(w->fd, path, events) < 0 || !(open = opendir(path)))
        return false;
    w->folders++;
    while ((entry = readdir(open)))
        if (counts(entry->d_name) &&
            snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) <
                (int)sizeof(below) &&
            is_folder(below, entry))
            add(w, below, depth + 1);
    closedir(open);
    return true;
}

static void on_timer(uv_timer_t *timer);

/* Also of folders that are new, or have come in the place of others. */
static void watch_all(struct gw_watch *w)
{
    w->folders = 0;
    w->is_absent = !add(w, w->folder, 0);
    if (w->folders == FOLDERS_MAX)
        gw_warn("function.watch",
                "folder=%s more than %d folders in it: not"
                " all of them are watched",
                w->folder, FOLDERS_MAX);
    if (w->is_absent)
        uv_timer_start(&w->timer, on_timer, ABSENT_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct gw_watch *w = timer->data;

    /* First this: what changes from here on is told again. */
    watch_all(w);
    if (!w->is_absent)
        w->changed(w->ctx, w->name[0] ? w->name : w->folder);
}

static bool take(struct gw_watch *w, const struct inotify_event *event)
{
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_Q_OVERFLOW))
        return true;
    if (!event->len || !counts(event->name))
        return false;
    snprintf(w->name, sizeof(w->name), "%s", event->name);
    return true;
}

static void on_events(uv_poll_t *poll, int status, int events)
{
    struct gw_watch *w = poll->data;
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t len = read(w->fd, bytes, sizeof(bytes));
    bool matters = false;

    for (ssize_t at = 0; at < len;) {
        const struct inotify_event *event =
            (const struct inotify_event *)(const void *)(bytes + at);

        matters |= take(w, event);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
    if (matters)
        uv_timer_start(&w->timer, on_timer, QUIET_MS, 0);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct gw_watch *w = handle->data;

    if (--w->handles)
        return;
    close(w->fd);
    free(w->folder);
    free(w);
}

struct gw_watch *gw_watch_new(uv_loop_t *loop, gw_str folder,
                              gw_watch_changed *changed, void *ctx)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    struct gw_watch *w;

    if (fd < 0)
        return NULL;
    w = gw_alloc(sizeof(*w));
    w->fd = fd;
    w->folder = gw_str_dup(folder);
    w->changed = changed;
    w->ctx = ctx;
    w->handles = HANDLES;
    w->poll.data = w->timer.data = w;
    uv_timer_init(loop, &w->timer);
    uv_poll_init(loop, &w->poll, fd);
    uv_poll_start(&w->poll, UV_READABLE, on_events);
    watch_all(w);
    return w;
}

void gw_watch_free(struct gw_watch *w)
{
    uv_close((uv_handle_t *)&w->poll, on_handle_closed);
    uv_close((uv_handle_t *)&w->timer, on_handle_closed);
}
