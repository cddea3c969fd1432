#include "server/config/localise.h"

enum { TEXT_MAX = 64 * 1024 };

static const gw_str marker = { ".execute-api.", 13 };

/* Where APIs are, as one kind of reader is told. */
struct place {
    const struct gw_config *config;
    gw_str host;
    bool keeps_tls; /* wss:// and https:// stay what they are */
};

static bool is_of_host(char c)
{
    return gw_str_is_of((gw_str){ &c, 1 }, "-_.");
}

/* The host of one of our APIs: [begin, end) of the text. */
struct hit {
    size_t begin, end;
    const struct gw_api *api;
};

static const struct gw_api *find_api(const struct gw_config *c, gw_str id)
{
    for (size_t i = 0; i < c->api_count; i++)
        if (gw_str_eq_nocase(c->apis[i].id, id))
            return &c->apis[i];
    return NULL;
}

static bool find_host(const struct gw_config *c, gw_str text, size_t from,
                      struct hit *out)
{
    for (size_t dot = from; dot + marker.len <= text.len; dot++) {
        if (!gw_str_starts(gw_str_skip(text, dot), marker))
            continue;
        out->begin = dot;
        while (out->begin > from && is_of_host(text.at[out->begin - 1]))
            out->begin--;
        out->end = dot + marker.len;
        while (out->end < text.len && is_of_host(text.at[out->end]))
            out->end++;
        out->api =
            find_api(c, (gw_str){ text.at + out->begin, dot - out->begin });
        if (out->api)
            return true;
    }
    return false;
}

/* "wss://" loses its s. */
static gw_str before_host(gw_str text, bool keeps_tls, bool *was_tls)
{
    *was_tls = gw_str_ends(text, GW_LIT("wss://")) ||
               gw_str_ends(text, GW_LIT("https://"));
    return *was_tls && !keeps_tls ? gw_str_head(text, text.len - 4) : text;
}

static gw_err add_place(const struct place *p, gw_str text,
                        const struct hit *hit, size_t from, struct gw_buf *out)
{
    bool was_tls;
    gw_str before = before_host((gw_str){ text.at + from, hit->begin - from },
                                p->keeps_tls, &was_tls);
    gw_err err = gw_buf_add(out, before);

    if (!err && was_tls && !p->keeps_tls)
        err = gw_buf_add(out, GW_LIT("://"));
    if (!err)
        err = gw_buf_add(out, p->host);
    if (!err && !gw_config_only_api(p->config))
        err = gw_buf_addf(out, "/%.*s", GW_FMT(hit->api->id));
    return err;
}

static gw_err rewrite(const struct place *p, gw_str text, struct gw_arena *a,
                      gw_str *to)
{
    struct gw_buf out;
    struct hit hit;
    size_t from = 0;
    gw_err err = GW_OK;

    gw_buf_init(&out, TEXT_MAX + text.len);
    while (!err && find_host(p->config, text, from, &hit)) {
        err = add_place(p, text, &hit, from, &out);
        from = hit.end;
    }
    if (!err)
        err = gw_buf_add(&out, gw_str_skip(text, from));
    if (!err)
        err = gw_arena_dup(a, gw_buf_str(&out), to);
    gw_buf_fini(&out);
    return err;
}

static gw_err rewrite_pairs(const struct place *p, struct gw_arena *a,
                            struct gw_pairs *pairs)
{
    struct gw_pair *list =
        gw_arena_alloc(a, pairs->count * sizeof(struct gw_pair));
    gw_err err = list ? GW_OK : GW_E_TOO_BIG;

    for (size_t i = 0; i < pairs->count && !err; i++) {
        list[i].name = pairs->at[i].name;
        err = rewrite(p, pairs->at[i].value, a, &list[i].value);
    }
    pairs->at = list;
    return err;
}

static gw_err rewrite_functions(const struct place *p, struct gw_config *c)
{
    struct gw_function_spec *list =
        gw_arena_alloc(&c->arena, c->function_count * sizeof(*list));
    gw_err err = list ? GW_OK : GW_E_TOO_BIG;

    for (size_t i = 0; i < c->function_count && !err; i++) {
        list[i] = c->functions[i];
        err = rewrite_pairs(p, &c->arena, &list[i].environment);
    }
    if (!err)
        c->functions = list;
    return err;
}

/* Every address is no address to go to. */
static gw_err make_reachable(struct gw_arena *a, gw_str bound, gw_str *out)
{
    static const struct {
        gw_str every, one;
    } rows[] = { { { "0.0.0.0:", 8 }, { "127.0.0.1:", 10 } },
                 { { "[::]:", 5 }, { "[::1]:", 6 } } };

    *out = bound;
    for (size_t i = 0; i < GW_LEN(rows); i++) {
        const gw_str pieces[] = { rows[i].one,
                                  gw_str_skip(bound, GW_MIN(rows[i].every.len,
                                                            bound.len)) };

        if (gw_str_starts(bound, rows[i].every))
            return gw_arena_join(a, pieces, GW_LEN(pieces), out);
    }
    return GW_OK;
}

gw_err gw_config_localise(struct gw_config *config, gw_str bound)
{
    const struct gw_settings *s = &config->settings;
    bool has_own = s->tls_certificate.len > 0;
    struct place place = { .config = config, .keeps_tls = has_own };
    gw_err err = make_reachable(&config->arena, bound, &place.host);

    if (!err && gw_config_wants_authority(config) && !s->domain_name.len)
        config->settings.domain_name = place.host;
    if (has_own && s->domain_name.len)
        place.host = s->domain_name;
    if (!err)
        err = rewrite_pairs(&place, &config->arena, &config->outputs);
    place.keeps_tls = has_own || gw_config_wants_authority(config);
    return err ? err : rewrite_functions(&place, config);
}
