/*
 * What was found in a file, for a person: one line a thing.
 */
#include "server/config/config.h"

/* Names and values come from foreign files: no escape sequence may reach the
 * terminal. */
static gw_err add(struct gw_buf *out, gw_str text)
{
    gw_err err = gw_buf_add(out, text);

    if (err)
        return err;
    for (char *c = out->at + out->len - text.len; c < out->at + out->len; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return GW_OK;
}

/* "  label     a b c" */
static gw_err add_line(struct gw_buf *out, const char *label,
                       const gw_str *texts, size_t count)
{
    gw_err err = gw_buf_addf(out, "  %-9s", label);

    for (size_t i = 0; i < count && !err; i++) {
        if (texts[i].len)
            err = gw_buf_add(out, GW_LIT(" "));
        if (!err)
            err = add(out, texts[i]);
    }
    return err ? err : gw_buf_add(out, GW_LIT("\n"));
}

/* What a function's URI is mostly about: its name. */
static gw_str backend_of(const struct gw_integration *i)
{
    static const char marker[] = "function:";
    const char *hit;
    gw_str rest;

    if (i->type != GW_INTEGRATION_AWS && i->type != GW_INTEGRATION_AWS_PROXY)
        return i->uri;
    hit = memmem(i->uri.at, i->uri.len, marker, sizeof(marker) - 1);
    if (!hit)
        return i->uri;
    hit += sizeof(marker) - 1;
    rest = (gw_str){ hit, (size_t)(i->uri.at + i->uri.len - hit) };
    return gw_str_cut(&rest, '/');
}

static gw_err describe_api(const struct gw_api *api, struct gw_buf *out)
{
    static const char *const types[GW_INTEGRATION_TYPES] = {
        [GW_INTEGRATION_MOCK] = "MOCK",
        [GW_INTEGRATION_HTTP] = "HTTP",
        [GW_INTEGRATION_HTTP_PROXY] = "HTTP_PROXY",
        [GW_INTEGRATION_AWS] = "AWS",
        [GW_INTEGRATION_AWS_PROXY] = "AWS_PROXY",
    };
    gw_err err = add_line(out, "api", &api->id, 1);

    for (size_t i = 0; i < api->stage_count && !err; i++)
        err = add_line(out, "stage", &api->stages[i].name, 1);
    for (size_t i = 0; i < api->route_count && !err; i++) {
        const struct gw_integration *to = &api->routes[i].integration;
        const gw_str texts[] = { api->routes[i].key, GW_LIT("->"),
                                 gw_str_of(types[to->type]), backend_of(to) };

        err = add_line(out, "route", texts, GW_LEN(texts));
    }
    return err;
}

static gw_err describe_function(const struct gw_function_spec *f,
                                struct gw_buf *out)
{
    gw_str code = f->inline_code.len ? GW_LIT("(inline)") : f->code;
    const gw_str texts[] = { f->name,
                             f->runtime,
                             f->handler,
                             code,
                             f->door.len ? GW_LIT("attached at") : GW_EMPTY,
                             f->door };

    return add_line(out, "function", texts, GW_LEN(texts));
}

static gw_err describe_table(const struct gw_table_spec *t, struct gw_buf *out)
{
    const gw_str texts[] = { t->name, GW_LIT("by"), t->hash.name,
                             t->range.name };

    return add_line(out, "table", texts, GW_LEN(texts));
}

gw_err gw_config_describe(const struct gw_config *config, struct gw_buf *out)
{
    gw_err err = GW_OK;

    for (size_t i = 0; i < config->api_count && !err; i++)
        err = describe_api(&config->apis[i], out);
    for (size_t i = 0; i < config->function_count && !err; i++)
        err = describe_function(&config->functions[i], out);
    for (size_t i = 0; i < config->table_count && !err; i++)
        err = describe_table(&config->tables[i], out);
    for (size_t i = 0; i < config->outputs.count && !err; i++) {
        const struct gw_pair *pair = &config->outputs.at[i];
        const gw_str texts[] = { pair->name, GW_LIT("="), pair->value };

        err = add_line(out, "output", texts, GW_LEN(texts));
    }
    for (size_t i = 0; i < config->note_count && !err; i++)
        err = add_line(out, "note", &config->notes[i], 1);
    return err;
}
