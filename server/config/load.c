/*
 * Defaults, file, environment, flags, in this order; then what only the whole
 * can tell. Every step adds what it finds wrong and goes on, so that one run
 * shows all of it.
 */
#include "server/config/config.h"

#include "server/config/apis.h"
#include "server/config/functions.h"
#include "server/config/template/cfn.h"
#include "server/config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CONFIG_BYTES_MAX = 128 << 20,
    SECRET_MAX = 1024,
    KEY_ID_MAX = 128,
};

struct loader {
    const struct gw_config_source *source;
    struct gw_config *config;
    struct gw_config_errors *errors;
    struct gw_yaml yaml;
    const struct gw_yaml_node *apis, *functions; /* NULL: none were seen */
    gw_str folder; /* of the file, with its slash; empty: the working one */
};

/* --- files ----------------------------------------------------------- */

/* A whole file of at most max bytes; 0, or an errno (EFBIG: it is larger).
 * NONBLOCK: opening a pipe nobody writes to must not hang. */
static int read_file(const char *path, size_t max, struct gw_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    ssize_t n = -1;

    gw_buf_init(out, max + 1);
    if (fd < 0)
        return errno;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return EINVAL;
    }
    while (out->len <= max &&
           gw_buf_reserve(out, GW_MIN(max + 1 - out->len, 65536)) == GW_OK &&
           (n = read(fd, out->at + out->len,
                     GW_MIN(max + 1 - out->len, 65536))) > 0)
        out->len += (size_t)n;
    if (n > 0)
        n = -1, errno = EFBIG;
    close(fd);
    return n < 0 ? errno : 0;
}

static const char *file_problem(int error)
{
    return error == EFBIG    ? "larger than it may be"
           : error == EINVAL ? "not a regular file"
                             : strerror(error);
}

static void set_folder(struct loader *l)
{
    const char *path = l->source->path;
    const char *slash = path ? strrchr(path, '/') : NULL;

    l->folder = slash ? (gw_str){ path, (size_t)(slash - path) + 1 } : GW_EMPTY;
}

/* --- settings of the file -------------------------------------------- */

static void read_setting(struct loader *l, const struct gw_yaml_node *node,
                         int setting)
{
    struct gw_setting_origin *origin = &l->config->origins[setting];
    struct gw_fault why;

    if (node->kind != GW_YAML_SCALAR) {
        gw_yaml_fault(&l->yaml, node, "expected one value");
        return;
    }
    if (gw_setting_read(&l->config->settings, (unsigned)setting, node->text,
                        l->folder, &l->config->arena, &why))
        gw_yaml_fault(&l->yaml, node, "%s", why.text);
    origin->kind = GW_ORIGIN_FILE;
    origin->line = node->mark.line;
    if (gw_arena_dup(&l->config->arena, gw_str_of(l->yaml.file), &origin->name))
        gw_yaml_fault(&l->yaml, node, "the file asks for too much memory");
}

static bool is_in_group(const char *key, gw_str group)
{
    return gw_str_starts(gw_str_of(key), group) && key[group.len] == '.';
}

/* Calls it an error, with the nearest name that could stand there: of a
 * group, or (empty group) at the top of the file. */
static void refuse_key(struct loader *l, const struct gw_yaml_node *node,
                       gw_str group)
{
    struct gw_suggestion near = { .name = node->key };
    char hint[GW_SUGGESTION_MAX];

    for (unsigned i = 0; i < gw_settings_count(); i++) {
        const char *key = gw_setting_key(i);

        if (group.len && is_in_group(key, group))
            gw_suggestion_offer(&near, gw_str_of(key + group.len + 1));
        else if (!group.len)
            gw_suggestion_offer(&near, (gw_str){ key, strcspn(key, ".") });
    }
    if (!group.len) {
        gw_suggestion_offer(&near, GW_LIT("apis"));
        gw_suggestion_offer(&near, GW_LIT("functions"));
        gw_suggestion_offer(&near, GW_LIT("credentials"));
    }
    gw_suggestion_print(&near, hint);
    gw_yaml_fault_at_key(&l->yaml, node, "unknown key `%.*s`%s",
                         (int)GW_MIN(node->key.len, 80), node->key.at, hint);
}

static void read_group(struct loader *l, const struct gw_yaml_node *node)
{
    if (!gw_yaml_is_mapping(&l->yaml, node, "settings by name"))
        return;
    GW_YAML_EACH(entry, node)
    {
        char key[128];
        int n = snprintf(key, sizeof(key), "%.*s.%.*s", GW_FMT(node->key),
                         GW_FMT(entry->key));
        bool fits = n > 0 && (size_t)n < sizeof(key);
        int setting = fits ? gw_setting_find(gw_str_of(key)) : -1;

        if (setting >= 0)
            read_setting(l, entry, setting);
        else
            refuse_key(l, entry, node->key);
    }
}

static bool is_group(gw_str name)
{
    for (unsigned i = 0; i < gw_settings_count(); i++)
        if (is_in_group(gw_setting_key(i), name))
            return true;
    return false;
}

/* --- credentials ----------------------------------------------------- */

static bool is_key_id(gw_str text)
{
    return text.len && text.len <= KEY_ID_MAX && gw_str_is_of(text, "_-.");
}

static bool is_secret(gw_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
            return false;
    return text.len && text.len <= SECRET_MAX;
}

static gw_str without_newline(gw_str text)
{
    if (gw_str_ends(text, GW_LIT("\n")))
        text.len--;
    if (gw_str_ends(text, GW_LIT("\r")))
        text.len--;
    return text;
}

/* NULL, or what is wrong with the file. */
static const char *read_secret_at(struct loader *l, const char *path,
                                  gw_str *out)
{
    const char *problem = NULL;
    struct gw_buf bytes;
    int error = read_file(path, SECRET_MAX + 2, &bytes);

    if (error)
        problem = file_problem(error);
    else if (!is_secret(without_newline(gw_buf_str(&bytes))))
        problem = "expected one line, the secret";
    else if (gw_arena_dup(&l->config->arena,
                          without_newline(gw_buf_str(&bytes)), out))
        problem = "the file asks for too much memory";
    if (bytes.at)
        explicit_bzero(bytes.at, bytes.len);
    gw_buf_fini(&bytes);
    return problem;
}

static void read_secret_file(struct loader *l, const struct gw_yaml_node *node,
                             gw_str *out)
{
    bool relative = node->text.len && node->text.at[0] != '/';
    const char *problem;
    char path[4096];
    int n;

    if (node->kind != GW_YAML_SCALAR || !node->text.len) {
        gw_yaml_fault(&l->yaml, node, "expected the path of a file");
        return;
    }
    n = snprintf(path, sizeof(path), "%.*s%s",
                 relative ? (int)l->folder.len : 0, l->folder.at,
                 node->text.at);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        gw_yaml_fault(&l->yaml, node, "expected a shorter path");
        return;
    }
    problem = read_secret_at(l, path, out);
    if (problem)
        gw_yaml_fault(&l->yaml, node, "cannot read %s: %s", path, problem);
}

static void read_credential(struct loader *l, const struct gw_yaml_node *node,
                            struct gw_credential *out)
{
    const struct gw_yaml_node *id, *secret, *file;

    if (!gw_yaml_is_mapping(&l->yaml, node,
                            "accessKeyId and secretAccessKeyFile"))
        return;
    id = gw_yaml_member(node, GW_LIT("accessKeyId"));
    secret = gw_yaml_member(node, GW_LIT("secretAccessKey"));
    file = gw_yaml_member(node, GW_LIT("secretAccessKeyFile"));
    GW_YAML_EACH(entry, node)
    if (entry != id && entry != secret && entry != file)
        gw_yaml_fault_at_key(&l->yaml, entry,
                             "expected accessKeyId and one of "
                             "secretAccessKey, secretAccessKeyFile");
    if (!id || id->kind != GW_YAML_SCALAR || !is_key_id(id->text))
        gw_yaml_fault(&l->yaml, id ? id : node,
                      "expected an accessKeyId of letters, digits, '_', '-' "
                      "and '.', at most %d",
                      KEY_ID_MAX);
    else
        out->access_key_id = id->text;
    if (!secret == !file)
        gw_yaml_fault(&l->yaml, node,
                      "expected exactly one of secretAccessKey and "
                      "secretAccessKeyFile");
    else if (file)
        read_secret_file(l, file, &out->secret);
    else if (secret->kind != GW_YAML_SCALAR || !is_secret(secret->text))
        gw_yaml_fault(&l->yaml, secret, "expected the secret, one line");
    else
        out->secret = secret->text;
}

static void read_credentials(struct loader *l, const struct gw_yaml_node *node)
{
    struct gw_credential *list;
    size_t count = 0;

    if (node->kind != GW_YAML_SEQUENCE && !node->is_null) {
        gw_yaml_fault(&l->yaml, node,
                      "expected a list: - { accessKeyId: ..., "
                      "secretAccessKeyFile: ... }");
        return;
    }
    list = gw_arena_alloc(&l->config->arena, node->count * sizeof(*list));
    if (!list) {
        gw_yaml_fault(&l->yaml, node, "the file asks for too much memory");
        return;
    }
    l->config->credentials = list;
    GW_YAML_EACH(entry, node)
    {
        struct gw_credential *c = &list[count];

        read_credential(l, entry, c);
        if (c->access_key_id.len &&
            gw_config_secret(l->config, c->access_key_id))
            gw_yaml_fault(&l->yaml, entry, "the accessKeyId is given twice");
        l->config->credential_count = ++count;
    }
}

/* --- the file -------------------------------------------------------- */

static void read_root(struct loader *l, const struct gw_yaml_node *root)
{
    gw_yaml_refuse_tags(&l->yaml);
    if (root && !gw_yaml_is_mapping(&l->yaml, root, "settings and `apis`"))
        return;
    for (const struct gw_yaml_node *n = root ? root->first : NULL; n;
         n = n->next) {
        int setting = gw_setting_find(n->key);

        if (gw_str_eq(n->key, GW_LIT("apis")))
            l->apis = n;
        else if (gw_str_eq(n->key, GW_LIT("functions")))
            l->functions = n;
        else if (gw_str_eq(n->key, GW_LIT("credentials")))
            read_credentials(l, n);
        else if (setting >= 0 && gw_str_find(n->key, '.', 0) < 0)
            read_setting(l, n, setting);
        else if (is_group(n->key))
            read_group(l, n);
        else
            refuse_key(l, n, GW_EMPTY);
    }
}

/* A template has no settings: it waits for those of elsewhere. */
static void read_tree(struct loader *l)
{
    l->config->is_template = gw_cfn_is(l->yaml.root);
    if (!l->config->is_template)
        read_root(l, l->yaml.root);
}

static void read_source(struct loader *l)
{
    gw_str text = l->source->text;
    struct gw_buf bytes;
    int error = 0;

    gw_buf_init(&bytes, 0);
    if (l->source->path) {
        error = read_file(l->source->path, GW_YAML_BYTES_MAX, &bytes);
        text = gw_buf_str(&bytes);
    }
    if (error)
        gw_config_errors_add(l->errors, l->yaml.file, "cannot be read: %s",
                             file_problem(error));
    else if (gw_yaml_read(&l->yaml, text))
        read_tree(l);
    if (bytes.at)
        explicit_bzero(bytes.at, bytes.len); /* it may hold secrets */
    gw_buf_fini(&bytes);
}

/* --- environment and flags ------------------------------------------- */

static void override(struct loader *l, int setting, gw_str value, int kind,
                     gw_str name, const char *place)
{
    struct gw_setting_origin *origin = &l->config->origins[setting];
    struct gw_fault why;

    if (gw_setting_read(&l->config->settings, (unsigned)setting, value,
                        GW_EMPTY, &l->config->arena, &why))
        gw_config_errors_add(l->errors, place, "%s", why.text);
    *origin = (struct gw_setting_origin){ .kind = kind };
    if (gw_arena_dup(&l->config->arena, name, &origin->name))
        gw_config_errors_add(l->errors, place, "too long");
}

static const gw_str prefix = { "GATEWIRE_", 9 };
static const char credentials_variable[] = "GATEWIRE_CREDENTIALS";

/* "ID:SECRET,ID:SECRET", instead of the file's list. */
static void read_credentials_variable(struct loader *l, gw_str value)
{
    size_t count = 1;
    struct gw_credential *list;

    for (size_t i = 0; i < value.len; i++)
        count += value.at[i] == ',';
    list = gw_arena_alloc(&l->config->arena, count * sizeof(*list));
    if (!list || gw_arena_dup(&l->config->arena, value, &value)) {
        gw_config_errors_add(l->errors, credentials_variable, "too long");
        return;
    }
    l->config->credentials = list;
    l->config->credential_count = 0;
    while (value.len) {
        gw_str secret = gw_str_cut(&value, ',');
        gw_str id = gw_str_cut(&secret, ':');

        if (!is_key_id(id) || !is_secret(secret) ||
            gw_config_secret(l->config, id)) {
            gw_config_errors_add(l->errors, credentials_variable,
                                 "expected ID:SECRET, or several with commas "
                                 "between them, each id once");
            return;
        }
        list[l->config->credential_count++] =
            (struct gw_credential){ id, secret };
    }
}

/* Other programs may use names that begin like ours (Kubernetes makes up
 * GATEWIRE_SERVICE_HOST for a service of that name): only a near miss is an
 * error. */
static void judge_variable(struct loader *l, gw_str name)
{
    struct gw_suggestion near = { .name = gw_str_skip(name, prefix.len) };
    char place[GW_SETTING_VARIABLE_MAX];

    for (unsigned i = 0; i < gw_settings_count(); i++) {
        gw_setting_variable(i, place);
        gw_suggestion_offer(&near, gw_str_skip(gw_str_of(place), prefix.len));
    }
    if (!near.best[0])
        return;
    snprintf(place, sizeof(place), "%.*s", GW_FMT(name));
    gw_config_errors_add(l->errors, place,
                         "unknown variable; did you mean `%.*s%s`?",
                         GW_FMT(prefix), near.best);
}

static void read_variable(struct loader *l, const char *entry)
{
    gw_str value = gw_str_of(entry), name = gw_str_cut(&value, '=');
    char variable[GW_SETTING_VARIABLE_MAX];

    if (!gw_str_starts(name, prefix))
        return;
    if (gw_str_eq(name, gw_str_of(credentials_variable))) {
        read_credentials_variable(l, value);
        return;
    }
    for (unsigned i = 0; i < gw_settings_count(); i++) {
        gw_setting_variable(i, variable);
        if (gw_str_eq(name, gw_str_of(variable))) {
            override(l, (int)i, value, GW_ORIGIN_ENVIRONMENT, name, variable);
            return;
        }
    }
    judge_variable(l, name);
}

static void refuse_secret(struct loader *l, const char *place,
                          const char *variable)
{
    gw_config_errors_add(l->errors, place,
                         "secrets do not belong on a command line; use the "
                         "file or %s",
                         variable);
}

static void read_flag(struct loader *l, const struct gw_config_flag *flag)
{
    struct gw_suggestion near = { .name = flag->key };
    int setting = gw_setting_find(flag->key);
    char place[160], hint[GW_SUGGESTION_MAX];
    char variable[GW_SETTING_VARIABLE_MAX];

    snprintf(place, sizeof(place), "%.*s", GW_FMT(flag->name));
    if (gw_str_eq(flag->key, GW_LIT("credentials"))) {
        refuse_secret(l, place, credentials_variable);
        return;
    }
    if (setting >= 0 && gw_setting_is_secret((unsigned)setting)) {
        gw_setting_variable((unsigned)setting, variable);
        refuse_secret(l, place, variable);
        return;
    }
    if (setting >= 0) {
        override(l, setting, flag->value, GW_ORIGIN_FLAG, flag->name, place);
        return;
    }
    for (unsigned i = 0; i < gw_settings_count(); i++)
        gw_suggestion_offer(&near, gw_str_of(gw_setting_key(i)));
    gw_suggestion_print(&near, hint);
    gw_config_errors_add(l->errors, place, "unknown setting `%.*s`%s",
                         (int)GW_MIN(flag->key.len, 80), flag->key.at, hint);
}

gw_err gw_config_flag_read(gw_str argument, struct gw_config_flag *out,
                           struct gw_fault *why)
{
    gw_str value = argument, key = gw_str_cut(&value, '=');

    if (key.len == 0 || key.len == argument.len)
        return gw_fail(why, GW_E_SYNTAX,
                       "expected KEY=VALUE, such as "
                       "limits.maxFrameBytes=64KB");
    *out = (struct gw_config_flag){ key, value, GW_LIT("--set") };
    return GW_OK;
}

gw_err gw_config_parameter_read(gw_str argument, struct gw_pair *out,
                                struct gw_fault *why)
{
    gw_str value = argument, key = gw_str_cut(&value, '=');

    if (key.len == 0 || key.len == argument.len)
        return gw_fail(why, GW_E_SYNTAX,
                       "expected KEY=VALUE, such as TableName=chat");
    *out = (struct gw_pair){ key, value };
    return GW_OK;
}

/* --- the whole ------------------------------------------------------- */

/* Where the value of a setting stands, for a message about it. */
static void fault_of_setting(struct loader *l, const char *key,
                             const char *text)
{
    const struct gw_setting_origin *origin =
        &l->config->origins[gw_setting_find(gw_str_of(key))];
    char place[320];

    if (origin->kind == GW_ORIGIN_FILE)
        snprintf(place, sizeof(place), "%.256s:%u", l->yaml.file, origin->line);
    else if (origin->name.len)
        snprintf(place, sizeof(place), "%.*s",
                 (int)GW_MIN(origin->name.len, 256), origin->name.at);
    else
        snprintf(place, sizeof(place), "%.256s", l->yaml.file);
    gw_config_errors_add(l->errors, place, "%s: %s", key, text);
}

static void check_readable(struct loader *l, const char *key, gw_str path)
{
    if (path.len && access(path.at, R_OK) != 0)
        fault_of_setting(l, key, strerror(errno));
}

/* Where to find Redis: the URL, with the user and the one password there may
 * be. */
static void check_redis(struct loader *l)
{
    const struct gw_settings *s = &l->config->settings;
    struct gw_redis_url *url = &l->config->redis;
    const char *problem = NULL;
    char text[320];

    if (!s->redis.len) {
        if (s->require_redis)
            fault_of_setting(l, "requireRedis", "expected a `redis` with it");
        return;
    }
    if (gw_redis_url_read(&l->config->arena, s->redis, url, NULL)) {
        fault_of_setting(l, "redis", "too long");
        return;
    }
    if (!!url->password.len + !!s->redis_password.len +
            !!s->redis_password_file.len >
        1) {
        fault_of_setting(l, "redis",
                         "expected its password in one place only: the URL, "
                         "redisPassword or redisPasswordFile");
        return;
    }
    if (url->user.len && s->redis_user.len) {
        fault_of_setting(l, "redisUser", "the URL names a user already");
        return;
    }
    if (s->redis_user.len)
        url->user = s->redis_user;
    if (s->redis_password.len)
        url->password = s->redis_password;
    if (s->redis_password_file.len)
        problem = read_secret_at(l, s->redis_password_file.at, &url->password);
    if (problem) {
        snprintf(text, sizeof(text), "cannot read %.200s: %s",
                 s->redis_password_file.at, problem);
        fault_of_setting(l, "redisPasswordFile", text);
    }
}

/* --- who invokes functions ------------------------------------------- */

static gw_str variable_of(const struct loader *l, const char *name)
{
    for (char *const *e = l->source->environment; e && *e; e++) {
        gw_str value = gw_str_of(*e);

        if (gw_str_eq(gw_str_cut(&value, '='), gw_str_of(name)))
            return value;
    }
    return GW_EMPTY;
}

static void take_variable(struct loader *l, const char *name, gw_str *out)
{
    gw_str value = variable_of(l, name);

    if (value.len > 4096 || !gw_str_is_of(value, "+/=_-.") ||
        gw_arena_dup(&l->config->arena, value, out))
        gw_config_errors_add(l->errors, name, "expected credentials");
}

/* As every tool of the original's does it. */
static void take_common_variables(struct loader *l, struct gw_lambda *to)
{
    if (!variable_of(l, "AWS_ACCESS_KEY_ID").len ||
        !variable_of(l, "AWS_SECRET_ACCESS_KEY").len)
        return;
    take_variable(l, "AWS_ACCESS_KEY_ID", &to->access_key_id);
    take_variable(l, "AWS_SECRET_ACCESS_KEY", &to->secret);
    take_variable(l, "AWS_SESSION_TOKEN", &to->session_token);
}

/* Who invokes functions, and where: before the APIs, which name them. */
static void read_lambda(struct loader *l)
{
    const struct gw_settings *s = &l->config->settings;
    struct gw_lambda *to = &l->config->lambda;
    const char *problem = NULL;
    char text[320];

    *to = (struct gw_lambda){ .endpoint = s->lambda_endpoint,
                              .region = s->region,
                              .access_key_id = s->lambda_access_key_id,
                              .secret = s->lambda_secret,
                              .session_token = s->lambda_session_token };
    if (!to->access_key_id.len && !to->secret.len &&
        !s->lambda_secret_file.len && !to->session_token.len) {
        take_common_variables(l, to);
        return;
    }
    if (!to->access_key_id.len)
        fault_of_setting(l, "lambda.accessKeyId",
                         "expected it with the secret or the token");
    if (!to->secret.len == !s->lambda_secret_file.len) {
        fault_of_setting(l, "lambda.accessKeyId",
                         "expected exactly one of lambda.secretAccessKey and "
                         "lambda.secretAccessKeyFile with it");
        return;
    }
    if (s->lambda_secret_file.len)
        problem = read_secret_at(l, s->lambda_secret_file.at, &to->secret);
    if (problem) {
        snprintf(text, sizeof(text), "cannot read %.200s: %s",
                 s->lambda_secret_file.at, problem);
        fault_of_setting(l, "lambda.secretAccessKeyFile", text);
    }
}

/* --- all of it ------------------------------------------------------- */

static void take_apis(struct loader *l, const struct gw_apis *apis)
{
    l->config->apis = apis->at;
    l->config->api_count = apis->count;
    l->config->plans = apis->plans;
    l->config->plan_count = apis->plan_count;
}

static gw_str region_of(const struct loader *l)
{
    gw_str region = l->config->settings.region;

    return region.len ? region : GW_LIT("us-east-1");
}

static void read_template(struct loader *l)
{
    const struct gw_cfn_source source = {
        .folder = l->folder,
        .region = region_of(l),
        .dev = l->config->dev,
        .parameters = l->source->parameters,
        .lambda = &l->config->lambda,
    };
    struct gw_cfn cfn;

    gw_cfn_read(&l->yaml, &source, &cfn);
    take_apis(l, &cfn.apis);
    l->config->functions = cfn.functions;
    l->config->function_count = cfn.function_count;
    l->config->tables = cfn.tables;
    l->config->table_count = cfn.table_count;
    l->config->outputs = cfn.outputs;
    l->config->notes = cfn.notes;
    l->config->note_count = cfn.note_count;
}

/* Adds the functions of the file to those that are called. */
static void read_functions(struct loader *l, struct gw_lambda *lambda)
{
    const struct gw_config_functions_source source = {
        .folder = l->folder,
        .region = region_of(l),
        .dev = l->config->dev,
        .settings = &l->config->settings,
    };
    struct gw_config_functions functions;

    gw_config_functions_read(&l->yaml, l->functions, &source, &functions);
    l->config->functions = functions.at;
    l->config->function_count = functions.count;
    l->config->notes = functions.notes;
    l->config->note_count = functions.note_count;
    lambda->here = functions.arns;
    lambda->here_count = functions.count;
}

static void read_apis(struct loader *l)
{
    struct gw_lambda lambda = l->config->lambda;
    struct gw_apis apis = { 0 };

    if (l->config->is_template) {
        read_template(l);
        return;
    }
    if (l->source->parameters.count)
        gw_config_errors_add(l->errors, "--parameter",
                             "only templates have parameters");
    if (l->functions)
        read_functions(l, &lambda);
    if (l->apis)
        gw_apis_read(&l->yaml, l->apis, &lambda, &apis);
    take_apis(l, &apis);
    if (!l->errors->count && !apis.count)
        gw_config_errors_add(l->errors, l->yaml.file,
                             "expected at least one API under `apis`");
}

static void check_whole(struct loader *l)
{
    const struct gw_settings *s = &l->config->settings;

    if (s->tls_certificate.len && !s->tls_key.len)
        fault_of_setting(l, "tls.certificate", "expected a tls.key with it");
    if (s->tls_key.len && !s->tls_certificate.len)
        fault_of_setting(l, "tls.key", "expected a tls.certificate with it");
    if (s->management_auth == GW_MANAGEMENT_SIGV4 &&
        !l->config->credential_count)
        fault_of_setting(l, "managementAuth",
                         "sigv4 needs at least one of `credentials`");
    check_readable(l, "tls.certificate", s->tls_certificate);
    check_readable(l, "tls.key", s->tls_key);
    check_readable(l, "upstream.ca", s->upstream_ca);
    check_redis(l);
}

gw_err gw_config_load(const struct gw_config_source *source,
                      struct gw_config **out, struct gw_config_errors *errors)
{
    struct gw_config *config = gw_alloc(sizeof(*config));
    struct loader l = {
        .source = source,
        .config = config,
        .errors = errors,
        .yaml = { .file = source->path ? source->path : "(built-in)",
                  .arena = &config->arena,
                  .errors = errors },
    };

    errors->count = 0;
    atomic_init(&config->refs, 1);
    gw_arena_init(&config->arena, CONFIG_BYTES_MAX);
    config->dev = source->dev;
    gw_settings_init(&config->settings, source->dev);
    set_folder(&l);
    read_source(&l);
    for (char *const *e = source->environment; e && *e; e++)
        read_variable(&l, *e);
    for (size_t i = 0; i < source->flag_count; i++)
        read_flag(&l, &source->flags[i]);
    read_lambda(&l);
    read_apis(&l);
    if (!errors->count)
        check_whole(&l);
    if (errors->count) {
        gw_config_unref(config);
        return GW_E_INVALID;
    }
    *out = config;
    return GW_OK;
}
