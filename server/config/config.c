#include "server/config/config.h"

#include <stdio.h>
#include <stdlib.h>

struct gw_config *gw_config_ref(struct gw_config *config)
{
    atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
    return config;
}

void gw_config_unref(struct gw_config *config)
{
    if (!config ||
        atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < config->plan_count; i++)
        gw_plan_unref(config->plans[i]);
    gw_arena_fini(&config->arena);
    free(config);
}

/* --- lookups --------------------------------------------------------- */

const struct gw_api *gw_config_api(const struct gw_config *config, gw_str id)
{
    for (size_t i = 0; i < config->api_count; i++)
        if (gw_str_eq(config->apis[i].id, id))
            return &config->apis[i];
    return NULL;
}

const struct gw_api *gw_config_only_api(const struct gw_config *config)
{
    return config->api_count == 1 ? config->apis : NULL;
}

ptrdiff_t gw_config_plan_index(const struct gw_config *config, gw_str api_id,
                               gw_str stage)
{
    for (size_t i = 0; i < config->plan_count; i++)
        if (gw_str_eq(config->plans[i]->stage, stage) &&
            gw_str_eq(config->plans[i]->api_id, api_id))
            return (ptrdiff_t)i;
    return -1;
}

struct gw_plan *gw_config_plan(const struct gw_config *config, gw_str api_id,
                               gw_str stage)
{
    ptrdiff_t i = gw_config_plan_index(config, api_id, stage);

    return i < 0 ? NULL : config->plans[i];
}

const gw_str *gw_config_secret(const struct gw_config *config,
                               gw_str access_key_id)
{
    for (size_t i = 0; i < config->credential_count; i++)
        if (gw_str_eq(config->credentials[i].access_key_id, access_key_id))
            return &config->credentials[i].secret;
    return NULL;
}

/* --- judgements ------------------------------------------------------ */

bool gw_config_wants_signatures(const struct gw_config *config)
{
    switch (config->settings.management_auth) {
    case GW_MANAGEMENT_NONE:
        return false;
    case GW_MANAGEMENT_SIGV4:
        return true;
    case GW_MANAGEMENT_AUTO:
        break;
    }
    return config->credential_count > 0;
}

gw_err gw_config_check_exposure(const struct gw_config *config,
                                struct gw_fault *why)
{
    int auth = gw_setting_find(GW_LIT("managementAuth"));
    bool was_said = config->settings.management_auth == GW_MANAGEMENT_NONE &&
                    config->origins[auth].kind != GW_ORIGIN_DEFAULT;

    if (gw_config_wants_signatures(config) || was_said ||
        gw_address_is_loopback(&config->settings.listen))
        return GW_OK;
    return gw_fail(why, GW_E_FORBIDDEN,
                   "listening on %.*s would let everybody call @connections: "
                   "either list `credentials`%s, or allow it with "
                   "`managementAuth: none`",
                   (int)GW_MIN(config->settings.listen.text.len, 64),
                   config->settings.listen.text.at,
                   config->dev ? " and say `managementAuth: auto`" : "");
}

/* A certificate can be exchanged; TLS itself is put on and off at the start. */
static bool turns_tls(const struct gw_config *old,
                      const struct gw_config *new_one, unsigned setting)
{
    return gw_str_eq(gw_str_of(gw_setting_key(setting)),
                     GW_LIT("tls.certificate")) &&
           !old->settings.tls_certificate.len !=
               !new_one->settings.tls_certificate.len;
}

size_t gw_config_restart_needed(const struct gw_config *old,
                                const struct gw_config *new_one,
                                struct gw_buf *keys)
{
    size_t count = 0;

    for (unsigned i = 0; i < gw_settings_count(); i++) {
        if (gw_setting_same(i, &old->settings, &new_one->settings) ||
            (gw_setting_is_reloadable(i) && !turns_tls(old, new_one, i)))
            continue;
        /* a list too long for the caller's buffer is cut, the count is not */
        if (gw_buf_addf(keys, "%s%s", count ? ", " : "", gw_setting_key(i)))
            keys->max = keys->len;
        count++;
    }
    return count;
}

/* --- printing -------------------------------------------------------- */

static size_t total_routes(const struct gw_config *config)
{
    size_t n = 0;

    for (size_t i = 0; i < config->api_count; i++)
        n += config->apis[i].route_count;
    return n;
}

static gw_err print_counts(const struct gw_config *config, const char *before,
                           struct gw_buf *out)
{
    const struct {
        const char *what;
        size_t count;
    } counts[] = { { "api", config->api_count },
                   { "route", total_routes(config) },
                   { "stage", config->plan_count },
                   { "function", config->function_count },
                   { "table", config->table_count } };
    size_t always = config->is_template ? GW_LEN(counts) : 3;
    gw_err err = gw_buf_add(out, gw_str_of(before));

    for (size_t i = 0; i < GW_LEN(counts) && !err; i++)
        if (i < always || counts[i].count)
            err = gw_buf_addf(out, "%s%zu %s%s", i ? ", " : "", counts[i].count,
                              counts[i].what, counts[i].count == 1 ? "" : "s");
    return err;
}

gw_err gw_config_summary(const struct gw_config *config, struct gw_buf *out)
{
    return print_counts(config, "ok: ", out);
}

static gw_err print_credentials(const struct gw_config *config,
                                struct gw_buf *out)
{
    gw_err err = GW_OK;

    if (config->credential_count)
        err = gw_buf_add(out, GW_LIT("credentials:\n"));
    for (size_t i = 0; i < config->credential_count && !err; i++)
        err = gw_buf_addf(
            out, "  - { accessKeyId: \"%.*s\", secretAccessKey: \"****\" }\n",
            GW_FMT(config->credentials[i].access_key_id));
    return err;
}

gw_err gw_config_print(const struct gw_config *config, struct gw_buf *out)
{
    gw_err err = gw_settings_print(&config->settings, config->origins, out);

    if (!err)
        err = print_credentials(config, out);
    if (!err)
        err = print_counts(config, "# ", out);
    return err ? err : gw_buf_add(out, GW_LIT("\n"));
}
