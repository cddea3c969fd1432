/*
 * gatewire's command line: one row per verb.
 */
#include "server/app.h"
#include "server/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLAGS_MAX = 64, PARAMETERS_MAX = 200, EXIT_USAGE = 2 };

extern char **environ;

struct options {
    const char *file;
    struct gw_config_flag flags[FLAGS_MAX];
    size_t flag_count;
    struct gw_pair parameters[PARAMETERS_MAX];
    size_t parameter_count;
    bool help, print_config, print_table;
};

static const char usage[] =
    "gatewire " GW_VERSION ": a WebSocket gateway\n"
    "\n"
    "  gatewire serve FILE        serve the APIs of a configuration\n"
    "  gatewire dev [FILE]        the same on loopback, without credentials;\n"
    "                             without a file: a built-in demo API\n"
    "  gatewire check FILE        say what is wrong with a configuration\n"
    "  gatewire post ID           send to a connection (also: get, close)\n"
    "  gatewire dead-letters      the $disconnect events that were given up\n"
    "  gatewire health            0 when the gateway of this machine is alive\n"
    "  gatewire version\n"
    "\n"
    "gatewire VERB --help says more.\n";

static const char serve_usage[] =
    "gatewire serve [-c] FILE [OPTION...]\n"
    "gatewire dev [[-c] FILE] [OPTION...]\n"
    "gatewire check [-c] FILE [OPTION...]\n"
    "\n"
    "  -c, --config FILE     the configuration (YAML), or a SAM or\n"
    "                        CloudFormation template (YAML or JSON)\n"
    "      --parameter K=V   of a template; also AWS::AccountId=... and such\n"
    "      --listen ADDRESS  where clients connect: 0.0.0.0:8080, :8080\n"
    "      --admin ADDRESS   /healthz /readyz /metrics: 127.0.0.1:8081\n"
    "      --workers N       threads; auto: one per core\n"
    "      --redis URL       one gateway with all that share this Redis\n"
    "      --require-redis   do not start when it cannot be reached\n"
    "      --set KEY=VALUE   any setting: --set limits.maxFrameBytes=64KB\n"
    "      --print-config    print the settings in force, and their origin\n"
    "\n"
    "Settings come from the file, then GATEWIRE_... variables, then options.\n"
    "SIGHUP reads the file again; SIGTERM closes connections and leaves.\n"
    "Exit status: 0 stopped, 69 cannot listen or join, 78 bad configuration.\n";

static int fail_usage(const char *text)
{
    fprintf(stderr, "gatewire: %s\n", text);
    return EXIT_USAGE;
}

/* --listen and its like are short for --set. */
static const struct {
    const char *option, *key;
    const char *value; /* NULL: the next argument */
} short_forms[] = {
    { "--listen", "listen", NULL },
    { "--admin", "admin", NULL },
    { "--workers", "workers", NULL },
    { "--redis", "redis", NULL },
    { "--require-redis", "requireRedis", "true" },
};

static bool stands_alone(const char *option)
{
    for (size_t i = 0; i < GW_LEN(short_forms); i++)
        if (strcmp(option, short_forms[i].option) == 0)
            return short_forms[i].value != NULL;
    return false;
}

static gw_err read_flag(const char *option, const char *value,
                        struct gw_config_flag *out, struct gw_fault *why)
{
    gw_err err = GW_OK;

    for (size_t i = 0; i < GW_LEN(short_forms); i++)
        if (strcmp(option, short_forms[i].option) == 0) {
            if (short_forms[i].value)
                value = short_forms[i].value;
            *out =
                (struct gw_config_flag){ gw_str_of(short_forms[i].key),
                                         gw_str_of(value), gw_str_of(option) };
            return GW_OK;
        }
    if (strcmp(option, "--set") != 0)
        return gw_fail(why, GW_E_INVALID, "unknown option %s; see --help",
                       option);
    err = gw_config_flag_read(gw_str_of(value), out, why);
    out->name = gw_str_of(option);
    return err;
}

static gw_err take_file(struct options *o, const char *path,
                        struct gw_fault *why)
{
    if (o->file)
        return gw_fail(why, GW_E_INVALID,
                       "one configuration at a time: %.80s, or %.80s?", o->file,
                       path);
    o->file = path;
    return GW_OK;
}

static gw_err take_parameter(struct options *o, const char *text,
                             struct gw_fault *why)
{
    if (o->parameter_count == PARAMETERS_MAX)
        return gw_fail(why, GW_E_INVALID, "too many parameters");
    return gw_config_parameter_read(gw_str_of(text),
                                    &o->parameters[o->parameter_count++], why);
}

static gw_err take_option(struct options *o, const char *option,
                          const char *value, struct gw_fault *why)
{
    if (strcmp(option, "-c") == 0 || strcmp(option, "--config") == 0)
        return take_file(o, value, why);
    if (strcmp(option, "--parameter") == 0)
        return take_parameter(o, value, why);
    if (o->flag_count == FLAGS_MAX)
        return gw_fail(why, GW_E_INVALID, "too many options");
    return read_flag(option, value, &o->flags[o->flag_count++], why);
}

static gw_err read_options(int argc, char **argv, struct options *o,
                           struct gw_fault *why)
{
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i];
        gw_err err;

        if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
            o->help = true;
            continue;
        }
        if (strcmp(option, "--print-config") == 0) {
            o->print_config = true;
            continue;
        }
        if (strcmp(option, "--print-settings-table") == 0) {
            o->print_table = true; /* for the README and its check */
            continue;
        }
        if (option[0] != '-') {
            err = take_file(o, option, why);
        } else {
            if (!stands_alone(option) && ++i == argc)
                return gw_fail(why, GW_E_INVALID, "%s wants a value", option);
            err = take_option(o, option, argv[i], why);
        }
        if (err)
            return err;
    }
    return GW_OK;
}

static struct gw_config_source source_of(const struct options *o, bool dev)
{
    return (struct gw_config_source){
        .path = o->file,
        .text = o->file ? GW_EMPTY : gw_config_demo,
        .dev = dev,
        .environment = environ,
        .flags = o->flags,
        .flag_count = o->flag_count,
        .parameters = { o->parameters, o->parameter_count }
    };
}

/* Prints a buffer and gives it back. */
static int print_out(struct gw_buf *text, gw_err err)
{
    if (!err)
        fwrite(text->at, 1, text->len, stdout);
    gw_buf_fini(text);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int check(const struct gw_config_source *source, bool print)
{
    struct gw_config_errors *errors = gw_alloc(sizeof(*errors));
    struct gw_config *config;
    struct gw_fault why;
    struct gw_buf text;
    gw_err err = gw_config_load(source, &config, errors);
    int status;

    if (err) {
        for (unsigned i = 0;
             i < GW_MIN(errors->count, (unsigned)GW_CONFIG_ERRORS_MAX); i++)
            fprintf(stderr, "%s\n", errors->lines[i]);
        free(errors);
        return GW_EXIT_CONFIG;
    }
    free(errors);
    gw_buf_init(&text, 1 << 20);
    err = print ? gw_config_print(config, &text)
                : gw_config_summary(config, &text);
    if (!err && !print)
        err = gw_buf_add(&text, GW_LIT("\n"));
    if (!err && !print && (config->is_template || config->function_count))
        err = gw_config_describe(config, &text);
    status = print_out(&text, err);
    if (!print && gw_config_check_exposure(config, &why))
        fprintf(stderr, "note: serve would not start with it: %s\n", why.text);
    gw_config_unref(config);
    return status;
}

static int run_server(int argc, char **argv, bool dev, bool only_check)
{
    static struct options o; /* app keeps the source for reloads */
    struct gw_config_source source;
    struct gw_fault why;
    struct gw_buf text;

    if (read_options(argc, argv, &o, &why))
        return fail_usage(why.text);
    if (o.help) {
        fputs(serve_usage, stdout);
        return EXIT_SUCCESS;
    }
    if (o.print_table) {
        gw_buf_init(&text, 1 << 20);
        return print_out(&text, gw_settings_document(&text));
    }
    if (!o.file && !dev)
        return fail_usage(
            "which configuration? (a FILE; or try: gatewire dev)");
    source = source_of(&o, dev);
    if (only_check || o.print_config)
        return check(&source, o.print_config);
    return gw_app_run(&source);
}

static int serve(int argc, char **argv)
{
    return run_server(argc, argv, false, false);
}

static int dev(int argc, char **argv)
{
    return run_server(argc, argv, true, false);
}

static int check_file(int argc, char **argv)
{
    return run_server(argc, argv, false, true);
}

static int version(int argc, char **argv)
{
    puts("gatewire " GW_VERSION);
    return EXIT_SUCCESS;
}

static int help(int argc, char **argv)
{
    fputs(usage, stdout);
    return EXIT_SUCCESS;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the verb */
} verbs[] = {
    { "serve", serve },
    { "dev", dev },
    { "check", check_file },
    { "post", gw_client_main },
    { "get", gw_client_main },
    { "close", gw_client_main },
    { "health", gw_client_health_main },
    { "dead-letters", gw_client_letters_main },
    { "version", version },
    { "--version", version },
    { "help", help },
    { "--help", help },
    { "-h", help },
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < GW_LEN(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    fprintf(stderr, "gatewire: no verb %s; see gatewire --help\n", argv[1]);
    return EXIT_USAGE;
}
