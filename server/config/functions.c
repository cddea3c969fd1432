#include "server/config/functions.h"

#include "server/config/template/notes.h"

#include <errno.h>
#include <sys/stat.h>

enum {
    NAME_MAX_LEN = 64,
    TIMEOUT_MAX_S = 900,
    MEMORY_MIN_MB = 128,
    MEMORY_MAX_MB = 32768,
};

/* --- properties ------------------------------------------------------ */

void gw_config_function_timeout(const struct gw_yaml *y,
                                const struct gw_yaml_node *node, void *field)
{
    uint32_t seconds;

    if (gw_yaml_to_count(y, node, 1, TIMEOUT_MAX_S, &seconds))
        *(uint32_t *)field = seconds * 1000;
}

void gw_config_function_memory(const struct gw_yaml *y,
                               const struct gw_yaml_node *node, void *field)
{
    gw_yaml_to_count(y, node, MEMORY_MIN_MB, MEMORY_MAX_MB, field);
}

void gw_config_function_concurrency(const struct gw_yaml *y,
                                    const struct gw_yaml_node *node,
                                    void *field)
{
    gw_yaml_to_count(y, node, 0, GW_FUNCTION_CONCURRENCY_MAX, field);
}

static bool is_variable(gw_str name)
{
    return name.len && gw_str_is_of(name, "_") &&
           !(name.at[0] >= '0' && name.at[0] <= '9');
}

void gw_config_function_variables(const struct gw_yaml *y,
                                  const struct gw_yaml_node *node, void *field)
{
    if (!gw_yaml_to_pairs(y, node, field))
        return;
    GW_YAML_EACH(entry, node)
    if (!is_variable(entry->key))
        gw_yaml_fault_at_key(y, entry,
                             "expected a name of letters, digits and '_'");
}

void gw_config_function_code(const struct gw_yaml *y,
                             const struct gw_yaml_node *node, gw_str folder,
                             gw_str *out)
{
    bool is_relative = !gw_str_begins(node->text, '/');
    const gw_str pieces[] = { is_relative ? folder : GW_EMPTY, node->text,
                              GW_LIT("\0") };
    struct stat st;

    if (node->kind != GW_YAML_SCALAR || !node->text.len) {
        gw_yaml_fault(y, node, "expected the path of a folder");
        return;
    }
    if (gw_arena_join(y->arena, pieces, GW_LEN(pieces), out)) {
        gw_yaml_fault(y, node, "the file asks for too much memory");
        return;
    }
    out->len--; /* the NUL */
    if (stat(out->at, &st) != 0)
        gw_yaml_fault(y, node, "%s: %s", out->at, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        gw_yaml_fault(y, node,
                      "expected the path of a folder: archives are not "
                      "unpacked here");
}

/* --- a function of the native file ----------------------------------- */

/* While it is being read. */
struct draft {
    struct gw_function_spec f;
    const struct gw_yaml_node *code, *runtime, *door; /* or NULL */
    struct gw_address address;                        /* of the door */
};

static void keep(const struct gw_yaml *y, const struct gw_yaml_node *node,
                 void *field)
{
    *(const struct gw_yaml_node **)field = node;
}

#define AT(member) offsetof(struct draft, member)
static const struct gw_member members[] = {
    { "runtime", keep, AT(runtime) },
    { "handler", gw_member_text, AT(f.handler) },
    { "codeUri", keep, AT(code) },
    { "environment", gw_config_function_variables, AT(f.environment) },
    { "memorySize", gw_config_function_memory, AT(f.memory_mb) },
    { "timeout", gw_config_function_timeout, AT(f.timeout_ms) },
    { "concurrency", gw_config_function_concurrency, AT(f.concurrency) },
    { "reload", gw_member_flag, AT(f.reload) },
    { "runtimeApi", keep, AT(door) },
};
#undef AT

/* What only those can have that are started here. */
static const char *const of_started[] = { "handler", "codeUri", "environment",
                                          "memorySize", "reload" };

static void read_runtime(const struct gw_yaml *y,
                         const struct gw_yaml_node *node, struct draft *d)
{
    if (!gw_yaml_to_text(y, d->runtime, "nodejs*, python3* or provided*",
                         &d->f.runtime))
        return;
    if (!gw_runtime_is_run_here(d->f.runtime)) {
        gw_yaml_fault(y, d->runtime,
                      "expected nodejs*, python3* or provided*: another "
                      "runtime is not started here, but may attach: say "
                      "`runtimeApi` instead");
        return;
    }
    if (!d->f.handler.len && !gw_runtime_is_provided(d->f.runtime))
        gw_yaml_fault_at_key(y, node, "expected a `handler`");
    if (!d->code)
        gw_yaml_fault_at_key(y, node,
                             "expected a `codeUri`, the path of a folder");
}

/* It has no runtime: what would be of use to one is a slip. */
static void check_attached(const struct gw_yaml *y,
                           const struct gw_yaml_node *node,
                           const struct draft *d)
{
    if (!d->door) {
        gw_yaml_fault_at_key(y, node,
                             "expected a `runtime`, to have it run here, or "
                             "`runtimeApi`, the address where its runtimes "
                             "attach");
        return;
    }
    for (size_t i = 0; i < GW_LEN(of_started); i++) {
        const struct gw_yaml_node *entry =
            gw_yaml_member(node, gw_str_of(of_started[i]));

        if (entry)
            gw_yaml_fault_at_key(y, entry,
                                 "expected a `runtime` with it: what attaches "
                                 "is started by somebody else");
    }
}

static void read_door(const struct gw_yaml *y, struct draft *d)
{
    struct gw_fault why;

    if (!gw_yaml_to_text(y, d->door, "an address", &d->f.door))
        return;
    if (gw_address_read(d->f.door, &d->address, &why))
        gw_yaml_fault(y, d->door, "%s", why.text);
}

static void read_name(const struct gw_yaml *y, const struct gw_yaml_node *node,
                      gw_str region, struct gw_function_spec *f)
{
    const gw_str pieces[] = { GW_LIT("arn:aws:lambda:"), region,
                              GW_LIT(":000000000000:function:"), node->key,
                              GW_LIT("\0") };
    const size_t before = 2;

    if (!node->key.len || node->key.len > NAME_MAX_LEN ||
        !gw_str_is_of(node->key, "-_"))
        gw_yaml_fault_at_key(y, node,
                             "expected a name of letters, digits, '-' and "
                             "'_', at most %d",
                             NAME_MAX_LEN);
    if (gw_arena_join(y->arena, pieces, GW_LEN(pieces), &f->arn)) {
        gw_yaml_fault_at_key(y, node, "the file asks for too much memory");
        return;
    }
    f->arn.len--; /* the NUL */
    f->name =
        gw_str_skip(f->arn, pieces[0].len + region.len + pieces[before].len);
    f->id = f->name;
}

static void read_function(const struct gw_yaml *y,
                          const struct gw_yaml_node *node,
                          const struct gw_config_functions_source *source,
                          struct draft *d)
{
    unsigned before = y->errors->count;

    *d = (struct draft){
        .f = { .runtime = GW_EMPTY,
               .handler = GW_EMPTY,
               .code = GW_EMPTY,
               .inline_code = GW_EMPTY,
               .door = GW_EMPTY,
               .timeout_ms = GW_FUNCTION_TIMEOUT_DEFAULT_MS,
               .memory_mb = GW_FUNCTION_MEMORY_DEFAULT_MB,
               .concurrency = UINT32_MAX,
               .reload = source->dev },
    };
    read_name(y, node, source->region, &d->f);
    if (node->kind != GW_YAML_MAPPING) {
        gw_yaml_fault_at_key(y, node,
                             "expected a function with a `runtime` or a "
                             "`runtimeApi`");
        return;
    }
    gw_members_read(y, node, "a function", members, GW_LEN(members), d);
    if (y->errors->count != before) /* what is missing may be misspelt */
        return;
    if (d->runtime)
        read_runtime(y, node, d);
    else
        check_attached(y, node, d);
    if (d->f.concurrency == UINT32_MAX) /* nothing is said about it */
        d->f.concurrency = d->runtime ? GW_FUNCTION_CONCURRENCY_DEFAULT
                                      : GW_FUNCTION_CONCURRENCY_MAX;
    if (d->code)
        gw_config_function_code(y, d->code, source->folder, &d->f.code);
    if (d->door)
        read_door(y, d);
}

/* --- doors ----------------------------------------------------------- */

static gw_str host_of(const struct gw_address *a)
{
    return gw_str_eq_nocase(a->host, GW_LIT("localhost")) ? GW_LIT("127.0.0.1")
                                                          : a->host;
}

static bool is_every(gw_str host)
{
    return !host.len || gw_str_eq(host, GW_LIT("0.0.0.0")) ||
           gw_str_eq(host, GW_LIT("::"));
}

/* The kernel would let both be bound, and share out who comes. */
static bool do_clash(const struct gw_address *a, const struct gw_address *b)
{
    return a->port && a->port == b->port &&
           (is_every(a->host) || is_every(b->host) ||
            gw_str_eq_nocase(host_of(a), host_of(b)));
}

static void check_door(const struct gw_yaml *y, const struct draft *drafts,
                       size_t i, const struct gw_settings *s)
{
    const struct draft *d = &drafts[i];

    for (size_t other = 0; other < i; other++)
        if (drafts[other].door && do_clash(&d->address, &drafts[other].address))
            gw_yaml_fault(y, d->door,
                          "%.*s has the same address: every function needs a "
                          "door of its own",
                          GW_FMT(drafts[other].f.name));
    if (do_clash(&d->address, &s->listen) || do_clash(&d->address, &s->admin))
        gw_yaml_fault(y, d->door,
                      "the gateway itself listens there: every function needs "
                      "a door of its own");
}

static void note_doors(const struct gw_yaml *y, const struct gw_yaml_node *node,
                       const struct draft *drafts,
                       struct gw_config_functions *out)
{
    struct gw_notes *notes = gw_arena_alloc(y->arena, sizeof(*notes));

    if (notes)
        notes->arena = y->arena;
    for (size_t i = 0; notes && i < out->count; i++)
        if (drafts[i].door && !gw_address_is_loopback(&drafts[i].address))
            gw_notes_add(notes, drafts[i].f.name,
                         "whoever reaches the `runtimeApi` of a function can "
                         "answer for it, and it is not on loopback");
    if (!notes || gw_notes_print(notes, &out->notes, &out->note_count))
        gw_yaml_fault_at_key(y, node, "the file asks for too much memory");
}

void gw_config_functions_read(const struct gw_yaml *y,
                              const struct gw_yaml_node *node,
                              const struct gw_config_functions_source *source,
                              struct gw_config_functions *out)
{
    struct draft *drafts;

    *out = (struct gw_config_functions){ 0 };
    if (!gw_yaml_is_mapping(y, node, "functions by name"))
        return;
    drafts = gw_members_room(y, node, node->count * sizeof(*drafts));
    out->at = gw_members_room(y, node, node->count * sizeof(*out->at));
    out->arns = gw_members_room(y, node, node->count * sizeof(*out->arns));
    if (!drafts || !out->at || !out->arns)
        return;
    GW_YAML_EACH(entry, node)
    {
        struct draft *d = &drafts[out->count];

        read_function(y, entry, source, d);
        if (d->door)
            check_door(y, drafts, out->count, source->settings);
        out->at[out->count] = d->f;
        out->arns[out->count++] = d->f.arn;
    }
    note_doors(y, node, drafts, out);
}
