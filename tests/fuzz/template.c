/*
 * Any bytes as a template. What loads keeps what it promises: every function
 * and table has a name, an ARN and nothing missing, every plan is found by
 * its name, everything printed is fit for a terminal. What does not load says
 * why.
 */
#include "server/config/config.h"

#include <stdlib.h>
#include <string.h>

static void check_line(gw_str line)
{
    for (size_t i = 0; i < line.len; i++)
        GW_ASSERT((unsigned char)line.at[i] >= 0x20 && line.at[i] != 0x7f);
}

static void check_errors(const struct gw_config_errors *errors)
{
    GW_ASSERT(errors->count > 0);
    for (unsigned i = 0; i < errors->count && i < GW_CONFIG_ERRORS_MAX; i++) {
        GW_ASSERT(errors->lines[i][0]);
        check_line(gw_str_of(errors->lines[i]));
    }
}

static void check_functions(const struct gw_config *c)
{
    for (size_t i = 0; i < c->function_count; i++) {
        const struct gw_function_spec *f = &c->functions[i];

        GW_ASSERT(f->id.len && f->name.len && f->runtime.len);
        GW_ASSERT(gw_str_ends(f->arn, f->name));
        GW_ASSERT(!f->code.len != !f->inline_code.len);
        GW_ASSERT(f->timeout_ms >= 1000 && f->timeout_ms <= 900000);
        GW_ASSERT(f->memory_mb >= 128);
        GW_ASSERT(f->code.at[f->code.len] == '\0');
    }
    for (size_t i = 0; i < c->table_count; i++) {
        const struct gw_table_spec *t = &c->tables[i];

        GW_ASSERT(t->id.len && t->name.len && t->hash.name.len);
        GW_ASSERT(memchr("SNB", t->hash.type, 3));
    }
}

static void check_plans(const struct gw_config *c)
{
    GW_ASSERT(c->api_count > 0 && c->plan_count > 0);
    for (size_t i = 0; i < c->plan_count; i++)
        GW_ASSERT(gw_config_plan(c, c->plans[i]->api_id, c->plans[i]->stage) ==
                  c->plans[i]);
}

static void check_description(const struct gw_config *c)
{
    struct gw_buf text;
    gw_str rest;
    gw_err err;

    gw_buf_init(&text, (size_t)64 << 20);
    err = gw_config_describe(c, &text);
    GW_ASSERT(err == GW_OK);
    rest = gw_buf_str(&text);
    while (rest.len)
        check_line(gw_str_cut(&rest, '\n'));
    gw_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct gw_config_errors errors;
    static const struct gw_pair given[] = { { GW_LIT("AWS::StackName"),
                                              GW_LIT("s") } };
    struct gw_config_source source = { .text = { (const char *)bytes, len },
                                       .parameters = { given, 1 } };
    struct gw_config *c;

    if (gw_config_load(&source, &c, &errors) != GW_OK) {
        check_errors(&errors);
        return 0;
    }
    GW_ASSERT(c->is_template); /* the native file has no parameters */
    check_functions(c);
    check_plans(c);
    check_description(c);
    gw_config_unref(c);
    return 0;
}
