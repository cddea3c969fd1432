/*
 * What `gatewire.yaml` (or a template), the environment and the flags add up to: settings,
 * the model, credentials, and the compiled plan of every stage. Loaded whole
 * or not at all; immutable and counted afterwards, so workers share it.
 *
 * A reload is a second load from the same source. Whoever keeps state per
 * stage keeps it under (api id, stage name): indexes are those of one config.
 */
#ifndef GW_CONFIG_CONFIG_H
#define GW_CONFIG_CONFIG_H

#include "protocol/api/function_spec.h"
#include "protocol/api/plan.h"
#include "protocol/api/table_spec.h"
#include "server/config/errors.h"
#include "server/config/settings.h"
#include "store/backend/redis.h"

struct gw_config_flag {
    gw_str key, value; /* "limits.maxFrameBytes", "64KB" */
    gw_str name;       /* as typed: "--listen", "--set" */
};

/* "TableName=chat", the argument of --parameter: views into it. */
gw_err gw_config_parameter_read(gw_str argument, struct gw_pair *out,
                                struct gw_fault *why) GW_MUST_CHECK;

/* "limits.maxFrameBytes=64KB", the argument of --set. */
gw_err gw_config_flag_read(gw_str argument, struct gw_config_flag *out,
                           struct gw_fault *why) GW_MUST_CHECK;

struct gw_config_source {
    const char *path;         /* the file; NULL: the text instead */
    gw_str text;              /* YAML; may be empty */
    bool dev;                 /* the defaults of `gatewire dev` */
    char *const *environment; /* environ; NULL: none */
    const struct gw_config_flag *flags;
    size_t flag_count;
    struct gw_pairs parameters; /* of a template */
};

/* The text for `gatewire dev` without a file: the API `demo`. */
extern const gw_str gw_config_demo;

struct gw_credential {
    gw_str access_key_id, secret;
};

struct gw_config {
    atomic_uint refs;
    struct gw_arena arena;
    bool dev;
    struct gw_settings settings;
    struct gw_setting_origin origins[GW_SETTINGS_MAX]; /* one a setting */
    struct gw_redis_url redis; /* with its password, wherever that stood;
                                  when settings.redis is not empty */
    struct gw_lambda lambda;   /* with its credentials, wherever they stood */
    const struct gw_credential *credentials;
    size_t credential_count;
    const struct gw_api *apis;
    size_t api_count;
    struct gw_plan **plans; /* api by api, stage by stage */
    size_t plan_count;

    const struct gw_function_spec *functions; /* that are run here, or come */
    size_t function_count;
    const gw_str *notes; /* what a person should know of the file, though it
                            is good: a line each */
    size_t note_count;

    /* Of a SAM or CloudFormation template: */
    bool is_template;
    const struct gw_table_spec *tables;
    size_t table_count;
    struct gw_pairs outputs; /* with local values */
};

/* Defaults, then the file, then the environment (GATEWIRE_...), then flags.
 * On an error *errors has at least one line and *out is untouched. */
gw_err gw_config_load(const struct gw_config_source *source,
                      struct gw_config **out,
                      struct gw_config_errors *errors) GW_MUST_CHECK;
struct gw_config *gw_config_ref(struct gw_config *config);
void gw_config_unref(struct gw_config *config); /* NULL is fine */

/* Lookups, by text as in the request's path. NULL, or -1: there is none. */
const struct gw_api *gw_config_api(const struct gw_config *config, gw_str id);
const struct gw_api *gw_config_only_api(const struct gw_config *config);
ptrdiff_t gw_config_plan_index(const struct gw_config *config, gw_str api_id,
                               gw_str stage); /* into plans */
struct gw_plan *gw_config_plan(const struct gw_config *config, gw_str api_id,
                               gw_str stage); /* borrowed */
const gw_str *gw_config_secret(const struct gw_config *config,
                               gw_str access_key_id);

/* Must @connections calls be signed? */
bool gw_config_wants_signatures(const struct gw_config *config);

/* GW_E_FORBIDDEN: @connections would be open to everybody who reaches a
 * listener that is not on loopback, and nobody said that it should be. *why
 * names both ways out. Ask before listening. */
gw_err gw_config_check_exposure(const struct gw_config *config,
                                struct gw_fault *why) GW_MUST_CHECK;

/* The keys of changed settings that only a restart puts into force, joined by
 * ", "; returns how many. */
size_t gw_config_restart_needed(const struct gw_config *old,
                                const struct gw_config *new_one,
                                struct gw_buf *keys);

/* "ok: 1 api, 4 routes, 1 stage" */
gw_err gw_config_summary(const struct gw_config *config,
                         struct gw_buf *out) GW_MUST_CHECK;

/* Of a template, and of functions: what was found, a line each, notes last. */
gw_err gw_config_describe(const struct gw_config *config,
                          struct gw_buf *out) GW_MUST_CHECK;

/* --print-config: every setting in force and where it came from, as the
 * settings part of a YAML file; secrets masked. */
gw_err gw_config_print(const struct gw_config *config,
                       struct gw_buf *out) GW_MUST_CHECK;

#endif
