#include "server/function/command.h"

#include "server/function/folder.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
    VARIABLES_MAX = 1000,
    ARGS_MAX = 8,
    PATH_BYTES = 4096,
    /* Of a function's memory, as in the original: for the heap's old and young
     * parts. */
    OLD_PERCENT = 90,
    YOUNG_PERCENT = 5,
};

static const char default_path[] = "/usr/local/bin:/usr/bin:/bin";

struct making {
    const struct gw_command_maker *m;
    struct gw_arena *arena;
    bool is_short; /* of memory, or of places */
    const char **args, **variables;
    size_t arg_count, variable_count;
};

/* --- texts --------------------------------------------------------------------- */

static const char *text(struct making *t, const char *format, ...)
    GW_PRINTF(2, 3);
static const char *text(struct making *t, const char *format, ...)
{
    va_list args, again;
    char *made;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    made = gw_arena_text(t->arena, (size_t)len + 1);
    if (made)
        vsnprintf(made, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    t->is_short = t->is_short || !made;
    return made ? made : "";
}

static void add_arg(struct making *t, const char *arg)
{
    GW_ASSERT(t->arg_count < ARGS_MAX);
    t->args[t->arg_count++] = arg;
}

/* In place of an earlier one of that name. */
static void set(struct making *t, gw_str name, gw_str value)
{
    const char *variable = text(t, "%.*s=%.*s", GW_FMT(name), GW_FMT(value));
    size_t i = 0;

    while (i < t->variable_count &&
           strncmp(t->variables[i], variable, name.len + 1) != 0)
        i++;
    if (i == VARIABLES_MAX) {
        t->is_short = true;
        return;
    }
    t->variables[i] = variable;
    t->variable_count = GW_MAX(t->variable_count, i + 1);
}

static void set_text(struct making *t, const char *name, const char *value)
{
    set(t, gw_str_of(name), gw_str_of(value));
}

/* --- the environment ----------------------------------------------------------- */

static gw_str or_else(gw_str value, const char *otherwise)
{
    return value.len ? value : gw_str_of(otherwise);
}

/* What somebody has to sign with; the owner's own go together or not at all. */
static void set_credentials(struct making *t)
{
    const struct gw_function_surroundings *s = t->m->surroundings;
    gw_str own;

    if (gw_pairs_find(&t->m->spec->environment, GW_LIT("AWS_ACCESS_KEY_ID"),
                      &own))
        return;
    set(t, GW_LIT("AWS_ACCESS_KEY_ID"), or_else(s->access_key_id, "gatewire"));
    set(t, GW_LIT("AWS_SECRET_ACCESS_KEY"), or_else(s->secret, "gatewire"));
}

static void set_authority(struct making *t)
{
    const char *folder = t->m->surroundings->folder;
    const char *bundle = text(t, "%s/bundle.pem", folder);

    set_text(t, "NODE_EXTRA_CA_CERTS", text(t, "%s/ca.pem", folder));
    set_text(t, "AWS_CA_BUNDLE", bundle);
    set_text(t, "SSL_CERT_FILE", bundle);
    set_text(t, "REQUESTS_CA_BUNDLE", bundle);
}

/* What an owner may set otherwise. */
static void set_defaults(struct making *t)
{
    const struct gw_command_maker *m = t->m;
    const struct gw_function_surroundings *s = m->surroundings;
    const char *temporary = m->tmpdir && *m->tmpdir ? m->tmpdir : "/tmp";

    set_text(t, "PATH", m->path && *m->path ? m->path : default_path);
    set_text(t, "LANG", "C.UTF-8");
    set_text(t, "TZ", ":UTC");
    set_text(t, "TMPDIR", temporary);
    /* Not the operator's, whose ~/.aws SDKs would read. */
    set_text(t, "HOME", temporary);
    set(t, GW_LIT("AWS_REGION"), s->region);
    set(t, GW_LIT("AWS_DEFAULT_REGION"), s->region);
    set_text(t, "AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR");
    /* Python takes what it has compiled for current when size and second of the
     * source are still the same. */
    if (m->spec->reload)
        set_text(t, "PYTHONDONTWRITEBYTECODE", "1");
    set_credentials(t);
    if (s->tables_endpoint.len)
        set(t, GW_LIT("AWS_ENDPOINT_URL_DYNAMODB"), s->tables_endpoint);
    if (s->has_authority)
        set_authority(t);
}

/* What makes it this function: in the original, too, nobody may set these. */
static void set_identity(struct making *t, const char *folder)
{
    const struct gw_function_spec *f = t->m->spec;

    set_text(t, "AWS_LAMBDA_RUNTIME_API", t->m->door);
    set(t, GW_LIT("_HANDLER"), f->handler);
    set_text(t, "LAMBDA_TASK_ROOT", folder);
    set_text(t, "LAMBDA_RUNTIME_DIR", t->m->surroundings->folder);
    set(t, GW_LIT("AWS_LAMBDA_FUNCTION_NAME"), f->name);
    set_text(t, "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    set_text(t, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text(t, "%u", f->memory_mb));
    set_text(t, "AWS_LAMBDA_LOG_GROUP_NAME",
             text(t, "/aws/lambda/%.*s", GW_FMT(f->name)));
    set_text(t, "AWS_LAMBDA_LOG_STREAM_NAME", t->m->log_stream);
    set_text(t, "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    if (!gw_str_starts(f->runtime, GW_LIT("provided")))
        set_text(t, "AWS_EXECUTION_ENV",
                 text(t, "AWS_Lambda_%.*s", GW_FMT(f->runtime)));
}

/* --- the program --------------------------------------------------------------- */

/* As execvp looks for it. with_shims: version managers (pyenv, asdf, mise) have
 * folders of that name with scripts for versions that may not be in use. */
static bool find_on_path(const char *variable, const char *program,
                         bool with_shims, char found[PATH_BYTES])
{
    gw_str rest = gw_str_skip(gw_str_of(variable), sizeof("PATH=") - 1);

    while (rest.len) {
        gw_str folder = gw_str_cut(&rest, ':');
        int n = snprintf(found, PATH_BYTES, "%.*s/%s", GW_FMT(folder), program);

        if (folder.len && n < PATH_BYTES && access(found, X_OK) == 0 &&
            (with_shims || !gw_str_ends(folder, GW_LIT("/shims"))))
            return true;
    }
    return false;
}

static const char *path_variable(const struct making *t)
{
    for (size_t i = 0; i < t->variable_count; i++)
        if (strncmp(t->variables[i], "PATH=", 5) == 0)
            return t->variables[i];
    return "PATH=";
}

static gw_err use_node(struct making *t, struct gw_fault *why)
{
    uint32_t mb = t->m->spec->memory_mb;
    char found[PATH_BYTES];

    if (!find_on_path(path_variable(t), "node", true, found))
        return gw_fail(why, GW_E_NOT_FOUND,
                       "there is no node in PATH: install Node.js 18 or later");
    add_arg(t, "node");
    add_arg(t, text(t, "--max-old-space-size=%u", mb * OLD_PERCENT / 100));
    add_arg(t, text(t, "--max-semi-space-size=%u",
                    GW_MAX(mb * YOUNG_PERCENT / 100, 1U)));
    add_arg(t, text(t, "%s/bootstrap.mjs", t->m->surroundings->folder));
    return GW_OK;
}

/* That very version if it is there: "python3.12" is a program's name, too. */
static gw_err use_python(struct making *t, struct gw_fault *why)
{
    const char *exact = text(t, "%.*s", GW_FMT(t->m->spec->runtime));
    const char *path = path_variable(t);
    char found[PATH_BYTES];

    if (find_on_path(path, exact, false, found))
        add_arg(t, text(t, "%s", found));
    else if (find_on_path(path, "python3", true, found))
        add_arg(t, "python3");
    else
        return gw_fail(
            why, GW_E_NOT_FOUND,
            "there is no python3 in PATH: install Python 3.9 or later");
    add_arg(t, text(t, "%s/bootstrap.py", t->m->surroundings->folder));
    return GW_OK;
}

static gw_err use_own(struct making *t, const char *folder,
                      struct gw_fault *why)
{
    const char *program = text(t, "%s/bootstrap", folder);

    if (access(program, X_OK) < 0)
        return gw_fail(why, GW_E_NOT_FOUND,
                       "%.170s is not there, or not an executable", program);
    add_arg(t, program);
    return GW_OK;
}

/* --- the code ------------------------------------------------------------------ */

static gw_err write_inline(struct making *t, const char **folder,
                           struct gw_fault *why)
{
    const struct gw_function_spec *f = t->m->spec;
    const char *name = text(t, "code-%.*s", GW_FMT(f->name));

    *folder = text(t, "%s/%s", t->m->surroundings->folder, name);
    if (t->is_short || memchr(f->name.at, '/', f->name.len))
        return gw_fail(why, GW_E_INVALID, "a name that no folder can have");
    return gw_folder_write(t->m->surroundings->folder,
                           text(t, "%s/index.%s", name,
                                gw_runtime_is_python(f->runtime) ? "py" : "js"),
                           f->inline_code, why);
}

/* Where its code is, seen from anywhere. */
static gw_err find_code(struct making *t, const char **folder,
                        struct gw_fault *why)
{
    gw_str code = t->m->spec->code;
    char here[PATH_BYTES];

    if (!code.len)
        return write_inline(t, folder, why);
    if (gw_str_begins(code, '/'))
        *folder = text(t, "%.*s", GW_FMT(code));
    else if (getcwd(here, sizeof(here)))
        *folder = text(t, "%s/%.*s", here, GW_FMT(code));
    else
        return gw_fail(why, GW_E_SYSTEM, "the current folder has no path");
    return GW_OK;
}

gw_err gw_command_make(const struct gw_command_maker *m, struct gw_arena *a,
                       struct gw_keeper_command *out, struct gw_fault *why)
{
    struct making t = { .m = m, .arena = a };
    const struct gw_pairs *own = &m->spec->environment;
    const char *folder;
    gw_err err;

    t.args = gw_arena_alloc(a, (ARGS_MAX + 1) * sizeof(*t.args));
    t.variables = gw_arena_alloc(a, (VARIABLES_MAX + 1) * sizeof(*t.variables));
    if (!t.args || !t.variables)
        return gw_fail(why, GW_E_TOO_BIG, "too many variables");
    err = find_code(&t, &folder, why);
    if (err)
        return err;
    set_defaults(&t);
    for (size_t i = 0; i < own->count; i++)
        set(&t, own->at[i].name, own->at[i].value);
    set_identity(&t, folder);
    err = gw_runtime_is_node(m->spec->runtime)     ? use_node(&t, why)
          : gw_runtime_is_python(m->spec->runtime) ? use_python(&t, why)
                                                   : use_own(&t, folder, why);
    if (!err && t.is_short)
        err = gw_fail(why, GW_E_TOO_BIG, "its variables are too large");
    t.variables[t.variable_count] = NULL;
    *out = (struct gw_keeper_command){ .argv = t.args,
                                       .environment = t.variables,
                                       .folder = folder,
                                       .memory_mb = m->spec->memory_mb };
    return err;
}
