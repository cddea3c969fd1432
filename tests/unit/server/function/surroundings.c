/* What functions are told of a configuration. */
#include "server/function/supervisor.h"

#include "tests/support/suite.h"

static struct gw_config_errors errors;

#define API                                             \
    "apis:\n  chat:\n    routeSelectionExpression: a\n" \
    "    routes: { $default: http://b/ }\n    stages: { dev: {} }\n"

static struct gw_config *load(const char *text)
{
    struct gw_config_source source = { .text = gw_str_of(text) };
    struct gw_config *c = NULL;

    if (gw_config_load(&source, &c, &errors) != GW_OK)
        ck_abort_msg("%s", errors.lines[0]);
    return c;
}

static const struct {
    const char *text;
    const char *region, *id, *secret, *tables;
} rows[] = {
    { API, "us-east-1", "", "", "" },
    { API "region: eu-west-1\n", "eu-west-1", "", "", "" },
    { API "tables: { endpoint: 'http://b:1' }\n", "us-east-1", "", "",
      "http://b:1" },
    { API "credentials: [{ accessKeyId: A, secretAccessKey: x },\n"
          "  { accessKeyId: B, secretAccessKey: y }]\n",
      "us-east-1", "A", "x", "" },
    { API, "us-east-1", "", "", "" },
};

START_TEST(functions_are_told_what_is_in_force)
{
    struct gw_function_surroundings s = { .folder = "/run",
                                          .has_authority = true };
    struct gw_config *before = NULL;

    for (size_t i = 0; i < GW_LEN(rows); i++) {
        struct gw_config *c = load(rows[i].text);

        gw_function_surround(&s, c);
        ck_assert_gw_str(s.region, gw_str_of(rows[i].region));
        ck_assert_gw_str(s.access_key_id, gw_str_of(rows[i].id));
        ck_assert_gw_str(s.secret, gw_str_of(rows[i].secret));
        ck_assert_gw_str(s.tables_endpoint, gw_str_of(rows[i].tables));
        ck_assert_str_eq(s.folder, "/run");
        ck_assert(s.has_authority);
        gw_config_unref(before);
        before = c;
    }
    gw_config_unref(before);
}
END_TEST

GW_SUITE("server/function/surroundings")
{
    tcase_add_test(tc, functions_are_told_what_is_in_force);
}
