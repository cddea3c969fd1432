#include "server/client.h"

#include "protocol/base/utf8.h"
#include "protocol/json/json.h"
#include "server/client_http.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 69,
    IDS_MAX = 1 << 24, /* bytes of ids that --all collects */
};

static const char usage[] =
    "gatewire dead-letters list            show them, the oldest first\n"
    "gatewire dead-letters retry ID...     deliver them again (or: --all)\n"
    "gatewire dead-letters drop ID...      forget them (or: --all)\n"
    "\n"
    "A dead letter is a $disconnect event that its backend could not be told\n"
    "in disconnectRetryWindow. A line shows when the connection ended, its\n"
    "id, API and stage, its close code, how often it was tried, why that\n"
    "failed, and the ID to give here.\n"
    "\n"
    "      --all             every one that there is now\n"
    "      --admin ADDRESS   of any node: $GATEWIRE_ADMIN, else 127.0.0.1:8081\n"
    "\n"
    "Exit status: 0 done, 1 refused, 2 usage, 69 cannot be reached.\n";

struct letters {
    const char *admin;
    gw_str host, port;
    bool all, help;
    char **ids; /* of argv */
    int id_count;
    struct gw_buf all_ids; /* one a line */
    int status;
};

/* --- requests ------------------------------------------------------------------ */

/* The Host is one that no page could name: see server/admin/letters.h. */
static gw_err ask(struct letters *l, const char *method, gw_str path,
                  struct gw_client_answer *a)
{
    struct gw_buf request;
    struct gw_fault why;
    gw_err err;

    gw_buf_init(&request, 4096);
    gw_client_answer_init(a);
    err = gw_buf_addf(&request,
                      "%s %.*s HTTP/1.1\r\nHost: localhost\r\n"
                      "User-Agent: gatewire/%s\r\nContent-Length: 0\r\n"
                      "Connection: close\r\n\r\n",
                      method, GW_FMT(path), GW_VERSION);
    if (!err)
        err = gw_client_ask(l->host, l->port, false, gw_buf_str(&request), a,
                            &why);
    if (err) {
        fprintf(stderr, "gatewire: %s cannot be reached: %s\n", l->admin,
                why.text);
        l->status = EXIT_UNREACHABLE;
    }
    gw_buf_fini(&request);
    return err;
}

static void complain(struct letters *l, gw_str id,
                     const struct gw_client_answer *a)
{
    struct gw_arena arena;
    gw_str message;

    gw_arena_init(&arena, GW_CLIENT_ANSWER_MAX);
    message = gw_client_message(&arena, a);
    fprintf(stderr, "gatewire: %.*s%s", GW_FMT(id), id.len ? ": " : "");
    gw_client_print(
        stderr,
        message.len ? message : gw_str_of(gw_http_status_text(a->head.status)));
    fprintf(stderr, " (%u)\n", a->head.status);
    gw_arena_fini(&arena);
    l->status = EXIT_REFUSED;
}

/* --- lists --------------------------------------------------------------------- */

static gw_str text_of(struct gw_arena *a, gw_json letter, const char *name)
{
    gw_json member = gw_json_member(letter, gw_str_of(name));
    gw_str text;

    if (member.kind == GW_JSON_NUMBER)
        return member.raw;
    if (member.kind != GW_JSON_STRING || gw_json_text(a, member, &text))
        return GW_LIT("-");
    return text;
}

static bool print_letter(struct letters *l, struct gw_arena *a, gw_json letter)
{
    static const struct {
        const char *name, *before;
    } columns[] = {
        { "endedAt", "" },     { "connectionId", "  " },
        { "apiId", "  " },     { "stage", "/" },
        { "code", "  " },      { "attempts", "  tries=" },
        { "why", "  why=\"" }, { "id", "\"  " },
    };

    for (size_t i = 0; i < GW_LEN(columns); i++) {
        fputs(columns[i].before, stdout);
        gw_client_print(stdout, text_of(a, letter, columns[i].name));
    }
    putchar('\n');
    return true;
}

static bool collect_letter(struct letters *l, struct gw_arena *a,
                           gw_json letter)
{
    return gw_buf_addf(&l->all_ids, "%.*s\n",
                       GW_FMT(text_of(a, letter, "id"))) == GW_OK;
}

typedef bool each_fn(struct letters *l, struct gw_arena *a, gw_json letter);

/* One page; *next names the one behind it, if there is one. */
static bool read_page(struct letters *l, gw_str body, each_fn *each,
                      struct gw_arena *a, gw_str *next)
{
    gw_json root, list, name, letter;
    size_t at = 0;

    *next = GW_EMPTY;
    if (!gw_utf8_is_valid(body) || gw_json_read(body, &root))
        return false;
    list = gw_json_member(root, GW_LIT("letters"));
    if (list.kind != GW_JSON_ARRAY)
        return false;
    while (gw_json_next(list, &at, &name, &letter))
        if (!each(l, a, letter))
            return false;
    letter = gw_json_member(root, GW_LIT("next"));
    return letter.kind != GW_JSON_STRING ||
           gw_json_text(a, letter, next) == GW_OK;
}

static void walk(struct letters *l, each_fn *each)
{
    char path[256] = "/dead-letters";
    struct gw_client_answer a;
    struct gw_arena arena;
    gw_str next;

    gw_arena_init(&arena, 2 * GW_CLIENT_ANSWER_MAX);
    do {
        next = GW_EMPTY;
        gw_arena_reset(&arena);
        if (ask(l, "GET", gw_str_of(path), &a) == GW_OK) {
            if (a.head.status != 200) {
                complain(l, GW_EMPTY, &a);
            } else if (!read_page(l, gw_buf_str(&a.body), each, &arena,
                                  &next)) {
                fprintf(stderr, "gatewire: %s does not know dead letters\n",
                        l->admin);
                l->status = EXIT_REFUSED;
                next = GW_EMPTY;
            }
        }
        snprintf(path, sizeof(path), "/dead-letters?after=%.*s", GW_FMT(next));
        gw_client_answer_fini(&a);
    } while (next.len);
    gw_arena_fini(&arena);
}

/* --- verbs --------------------------------------------------------------------- */

static void change(struct letters *l, gw_str id, const char *method,
                   const char *suffix)
{
    struct gw_client_answer a;
    char path[256];

    snprintf(path, sizeof(path), "/dead-letters/%.*s%s", GW_FMT(id), suffix);
    if (ask(l, method, gw_str_of(path), &a) == GW_OK && a.head.status >= 300)
        complain(l, id, &a);
    gw_client_answer_fini(&a);
}

/* All that are there now: one that fails again at once is not met twice. */
static void change_all(struct letters *l, const char *method,
                       const char *suffix)
{
    size_t count = 0;
    gw_str rest;

    walk(l, collect_letter);
    rest = gw_buf_str(&l->all_ids);
    while (rest.len && l->status != EXIT_UNREACHABLE) {
        change(l, gw_str_cut(&rest, '\n'), method, suffix);
        count++;
    }
    if (!l->status)
        printf("%zu\n", count);
}

static void change_some(struct letters *l, const char *method,
                        const char *suffix)
{
    if (l->all)
        change_all(l, method, suffix);
    for (int i = 0; i < l->id_count && l->status != EXIT_UNREACHABLE; i++)
        change(l, gw_str_of(l->ids[i]), method, suffix);
}

static void list(struct letters *l)
{
    walk(l, print_letter);
}

static void retry(struct letters *l)
{
    change_some(l, "POST", "/retry");
}

static void drop(struct letters *l)
{
    change_some(l, "DELETE", "");
}

static const struct verb {
    const char *name;
    void (*run)(struct letters *l);
    bool takes_ids;
} verbs[] = {
    { "list", list, false },
    { "retry", retry, true },
    { "drop", drop, true },
};

/* --- what was asked ------------------------------------------------------------ */

static bool is_letter_id(const char *text)
{
    return *text && *text != '-' && strlen(text) <= 64 &&
           gw_str_is_of(gw_str_of(text), "-");
}

static gw_err read_arguments(struct letters *l, int argc, char **argv,
                             const struct verb **verb, struct gw_fault *why)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
            l->help = true;
        } else if (!strcmp(arg, "--all")) {
            l->all = true;
        } else if (!strcmp(arg, "--admin")) {
            if (++i == argc)
                return gw_fail(why, GW_E_INVALID, "--admin wants a value");
            l->admin = argv[i];
        } else if (arg[0] == '-') {
            return gw_fail(why, GW_E_INVALID, "unknown option %s; see --help",
                           arg);
        } else if (!*verb) {
            for (size_t v = 0; v < GW_LEN(verbs); v++)
                if (!strcmp(arg, verbs[v].name))
                    *verb = &verbs[v];
            if (!*verb)
                return gw_fail(why, GW_E_INVALID,
                               "dead-letters list, retry or drop, not %s", arg);
        } else if (!is_letter_id(arg)) {
            return gw_fail(why, GW_E_INVALID, "%s is not the id of a letter",
                           arg);
        } else {
            l->ids[l->id_count++] = argv[i];
        }
    }
    if (l->help)
        return GW_OK;
    if (!*verb)
        return gw_fail(why, GW_E_INVALID, "dead-letters list, retry or drop");
    if ((*verb)->takes_ids != (l->all || l->id_count > 0))
        return gw_fail(why, GW_E_INVALID,
                       (*verb)->takes_ids ? "which letters? (ids, or --all)"
                                          : "list takes no ids");
    if (l->all && l->id_count)
        return gw_fail(why, GW_E_INVALID, "ids or --all, not both");
    return GW_OK;
}

int gw_client_letters_main(int argc, char **argv)
{
    struct letters l = { .ids = gw_alloc((size_t)argc * sizeof(char *)) };
    const struct verb *verb = NULL;
    struct gw_fault why;
    gw_err err = read_arguments(&l, argc, argv, &verb, &why);

    signal(SIGPIPE, SIG_IGN);
    gw_buf_init(&l.all_ids, IDS_MAX);
    if (!err && !l.help)
        err = gw_client_find_admin(&l.admin, &l.host, &l.port, &why);
    if (err) {
        fprintf(stderr, "gatewire: %s\n", why.text);
        l.status = EXIT_USAGE;
    } else if (l.help) {
        fputs(usage, stdout);
    } else {
        verb->run(&l);
    }
    gw_buf_fini(&l.all_ids);
    free(l.ids);
    return l.status;
}
