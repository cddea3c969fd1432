/*
 * Any bytes as the configuration file. What loads holds what it promises
 * (plans that can be found by name), and its settings, printed, load again as
 * the same settings. What does not load says why, on lines that are safe to
 * print.
 */
#include "server/config/config.h"

#include <stdlib.h>

static const char some_api[] =
    "apis: { a: { routeSelectionExpression: a, routes: { b: http://c/ }, "
    "stages: { d: } } }\n";

static void check_lines(const struct gw_config_errors *errors)
{
    GW_ASSERT(errors->count > 0);
    for (unsigned i = 0; i < errors->count && i < GW_CONFIG_ERRORS_MAX; i++) {
        const char *line = errors->lines[i];

        GW_ASSERT(line[0]);
        for (; *line; line++)
            GW_ASSERT((unsigned char)*line >= 0x20 && *line != 0x7f);
    }
}

static void check_plans(const struct gw_config *c)
{
    GW_ASSERT(c->api_count > 0 && c->plan_count > 0);
    for (size_t i = 0; i < c->plan_count; i++) {
        struct gw_plan *p = c->plans[i];

        GW_ASSERT(gw_config_plan(c, p->api_id, p->stage) == p);
        GW_ASSERT(gw_config_api(c, p->api_id));
        for (size_t r = 0; r < p->route_count; r++) {
            const struct gw_plan_route *route = &p->all[r];
            bool special = route == p->connect || route == p->disconnect ||
                           route == p->fallback;

            GW_ASSERT(special != (gw_map_get(&p->routes, route->key) == route));
        }
    }
}

/* Not gw_setting_same: what is secret is printed as a mask, and read again as
 * that. */
static bool prints_same(unsigned setting, const struct gw_settings *a,
                        const struct gw_settings *b)
{
    struct gw_buf x, y;
    bool same;

    gw_buf_init(&x, 1 << 20);
    gw_buf_init(&y, 1 << 20);
    same = gw_setting_print(a, setting, &x) == GW_OK &&
           gw_setting_print(b, setting, &y) == GW_OK &&
           gw_str_eq(gw_buf_str(&x), gw_buf_str(&y));
    gw_buf_fini(&x);
    gw_buf_fini(&y);
    return same;
}

static void check_print(const struct gw_config *c)
{
    static struct gw_config_errors errors;
    struct gw_config_source source = { 0 };
    struct gw_config *again;
    struct gw_buf text;
    gw_err err;

    gw_buf_init(&text, (size_t)8 << 20);
    err = gw_config_print(c, &text);
    GW_ASSERT(err == GW_OK);
    err = gw_buf_add(&text, gw_str_of(some_api));
    GW_ASSERT(err == GW_OK);
    source.text = gw_buf_str(&text);
    err = gw_config_load(&source, &again, &errors);
    GW_ASSERT(err == GW_OK);
    for (unsigned i = 0; i < gw_settings_count(); i++)
        GW_ASSERT(prints_same(i, &c->settings, &again->settings));
    GW_ASSERT(c->credential_count == again->credential_count);
    gw_config_unref(again);
    gw_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct gw_config_errors errors;
    struct gw_config_source source = { .text = { (const char *)bytes, len } };
    struct gw_config *c;

    if (gw_config_load(&source, &c, &errors) != GW_OK) {
        check_lines(&errors);
        return 0;
    }
    check_plans(c);
    check_print(c);
    gw_config_unref(c);
    return 0;
}
