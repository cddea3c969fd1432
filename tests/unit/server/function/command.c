#include "server/function/command.h"

#include "server/function/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct gw_arena arena;
static struct gw_function_spec spec;
static struct gw_function_surroundings surroundings;
static struct gw_keeper_command command;
static struct gw_fault why;

static void start(void)
{
    gw_arena_init(&arena, GW_COMMAND_BYTES_MAX);
    spec = (struct gw_function_spec){ .name = GW_LIT("greeter"),
                                      .runtime = GW_LIT("python3.99"),
                                      .handler = GW_LIT("app.handler"),
                                      .code = GW_LIT("/srv/greeter"),
                                      .memory_mb = 200,
                                      .timeout_ms = 3000 };
    surroundings = (struct gw_function_surroundings){
        .folder = "/run/folder",
        .region = GW_LIT("eu-west-1"),
        .access_key_id = GW_LIT("AKID"),
        .secret = GW_LIT("of the gateway"),
    };
}

static gw_err make(const char *path)
{
    const struct gw_command_maker maker = { .spec = &spec,
                                            .surroundings = &surroundings,
                                            .door = "127.0.0.1:4711",
                                            .log_stream = "a/stream",
                                            .path = path };

    return gw_command_make(&maker, &arena, &command, &why);
}

static const char *variable(const char *name)
{
    size_t len = strlen(name);
    const char *found = NULL;

    for (size_t i = 0; command.environment[i]; i++)
        if (strncmp(command.environment[i], name, len) == 0 &&
            command.environment[i][len] == '=') {
            ck_assert_msg(!found, "%s is there twice", name);
            found = command.environment[i] + len + 1;
        }
    return found;
}

static const struct {
    const char *name, *value; /* NULL: not there */
} expected[] = {
    { "PATH", "/usr/bin:/bin" },
    { "TMPDIR", "/tmp" },
    { "TZ", ":UTC" },
    { "_HANDLER", "app.handler" },
    { "LAMBDA_TASK_ROOT", "/srv/greeter" },
    { "AWS_LAMBDA_RUNTIME_API", "127.0.0.1:4711" },
    { "AWS_LAMBDA_FUNCTION_NAME", "greeter" },
    { "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST" },
    { "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "200" },
    { "AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/greeter" },
    { "AWS_LAMBDA_LOG_STREAM_NAME", "a/stream" },
    { "AWS_EXECUTION_ENV", "AWS_Lambda_python3.99" },
    { "AWS_REGION", "eu-west-1" },
    { "AWS_DEFAULT_REGION", "eu-west-1" },
    { "AWS_ACCESS_KEY_ID", "AKID" },
    { "AWS_SECRET_ACCESS_KEY", "of the gateway" },
    { "AWS_SESSION_TOKEN", NULL },
    { "AWS_ENDPOINT_URL_DYNAMODB", NULL },
    { "NODE_EXTRA_CA_CERTS", NULL },
};

START_TEST(a_function_is_told_who_it_is)
{
    start();
    ck_assert_msg(!make("/usr/bin:/bin"), "%s", why.text);
    ck_assert_str_eq(command.folder, "/srv/greeter");
    ck_assert_uint_eq(command.memory_mb, 200);
    ck_assert_str_eq(command.argv[0], "python3"); /* there is no 3.99 */
    ck_assert_str_eq(command.argv[1], "/run/folder/bootstrap.py");
    ck_assert_ptr_null(command.argv[2]);
    for (size_t i = 0; i < GW_LEN(expected); i++) {
        const char *value = variable(expected[i].name);

        ck_assert_msg(!expected[i].value == !value, "%s", expected[i].name);
        if (value)
            ck_assert_str_eq(value, expected[i].value);
    }
    gw_arena_fini(&arena);
}
END_TEST

START_TEST(what_its_owner_sets_goes_before_all_but_its_identity)
{
    static const struct gw_pair own[] = {
        { GW_LIT("AWS_REGION"), GW_LIT("us-east-1") },
        { GW_LIT("AWS_ACCESS_KEY_ID"), GW_LIT("OWN") },
        { GW_LIT("AWS_LAMBDA_RUNTIME_API"), GW_LIT("elsewhere:1") },
        { GW_LIT("TABLE"), GW_LIT("a=b c") },
        { GW_LIT("EMPTY"), GW_LIT("") },
    };

    start();
    spec.environment = (struct gw_pairs){ own, GW_LEN(own) };
    surroundings.has_authority = true;
    surroundings.tables_endpoint = GW_LIT("http://127.0.0.1:8000");
    ck_assert_msg(!make("/usr/bin"), "%s", why.text);
    ck_assert_str_eq(variable("AWS_REGION"), "us-east-1");
    ck_assert_str_eq(variable("AWS_DEFAULT_REGION"), "eu-west-1");
    ck_assert_str_eq(variable("AWS_ACCESS_KEY_ID"), "OWN");
    ck_assert_ptr_null(
        variable("AWS_SECRET_ACCESS_KEY")); /* not half of ours */
    ck_assert_str_eq(variable("AWS_LAMBDA_RUNTIME_API"), "127.0.0.1:4711");
    ck_assert_str_eq(variable("TABLE"), "a=b c");
    ck_assert_str_eq(variable("EMPTY"), "");
    ck_assert_str_eq(variable("AWS_ENDPOINT_URL_DYNAMODB"),
                     "http://127.0.0.1:8000");
    ck_assert_str_eq(variable("NODE_EXTRA_CA_CERTS"), "/run/folder/ca.pem");
    ck_assert_str_eq(variable("SSL_CERT_FILE"), "/run/folder/bundle.pem");
    gw_arena_fini(&arena);
}
END_TEST

static void make_program(const char *folder, const char *name)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fclose(f);
    ck_assert_int_eq(chmod(path, 0700), 0);
}

static const struct {
    const char *program, *runtime, *argv[5];
} programs[] = {
    { "node",
      "nodejs20.x",
      { "node", "--max-old-space-size=180", "--max-semi-space-size=10",
        "/run/folder/bootstrap.mjs" } },
    { "python3.12",
      "python3.12",
      { "FOLDER/python3.12", "/run/folder/bootstrap.py" } },
    { "python3", "python3.12", { "python3", "/run/folder/bootstrap.py" } },
    { "bootstrap", "provided.al2023", { "FOLDER/bootstrap" } },
};

START_TEST(each_runtime_has_its_program)
{
    char folder[] = "/tmp/command-XXXXXX", want[256];

    start();
    ck_assert_ptr_nonnull(mkdtemp(folder));
    spec.runtime = gw_str_of(programs[_i].runtime);
    spec.code = gw_str_of(folder);
    ck_assert(gw_runtime_is_run_here(spec.runtime));
    ck_assert_int_eq(make(folder), GW_E_NOT_FOUND);
    make_program(folder, programs[_i].program);
    ck_assert_msg(!make(folder), "%s", why.text);
    for (size_t i = 0; programs[_i].argv[i]; i++) {
        const char *arg = programs[_i].argv[i];

        snprintf(want, sizeof(want), "%s%s",
                 strncmp(arg, "FOLDER", 6) == 0 ? folder : "",
                 strncmp(arg, "FOLDER", 6) == 0 ? arg + 6 : arg);
        ck_assert_str_eq(command.argv[i], want);
    }
    gw_folder_remove(folder);
    gw_arena_fini(&arena);
}
END_TEST

START_TEST(a_shim_is_no_python_of_that_version)
{
    char folder[] = "/tmp/command-XXXXXX", shims[64], path[128];

    start();
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(shims, sizeof(shims), "%s/shims", folder);
    ck_assert_int_eq(mkdir(shims, 0700), 0);
    make_program(shims, "python3.99");
    make_program(shims, "python3");
    snprintf(path, sizeof(path), "%s:%s", shims, folder);
    ck_assert_msg(!make(path), "%s", why.text);
    ck_assert_str_eq(command.argv[0], "python3");
    make_program(folder, "python3.99");
    ck_assert_msg(!make(path), "%s", why.text);
    ck_assert_gw_str(gw_str_head(gw_str_of(command.argv[0]), strlen(folder)),
                     gw_str_of(folder));
    ck_assert_ptr_null(strstr(command.argv[0], "shims"));
    gw_folder_remove(folder);
    gw_arena_fini(&arena);
}
END_TEST

START_TEST(other_runtimes_are_not_ours)
{
    static const char *const names[] = { "java21", "ruby3.3", "dotnet8", "" };

    for (size_t i = 0; i < GW_LEN(names); i++)
        ck_assert_msg(!gw_runtime_is_run_here(gw_str_of(names[i])), "%s",
                      names[i]);
}
END_TEST

GW_SUITE("server/function/command")
{
    tcase_add_test(tc, a_function_is_told_who_it_is);
    tcase_add_test(tc, what_its_owner_sets_goes_before_all_but_its_identity);
    tcase_add_loop_test(tc, each_runtime_has_its_program, 0, GW_LEN(programs));
    tcase_add_test(tc, a_shim_is_no_python_of_that_version);
    tcase_add_test(tc, other_runtimes_are_not_ours);
}
