/*
 * The `functions` of a file: its nodes read into the model, every mistake
 * reported at its line. The readers of single properties are those of
 * templates, too.
 */
#ifndef GW_CONFIG_FUNCTIONS_H
#define GW_CONFIG_FUNCTIONS_H

#include "protocol/api/function_spec.h"
#include "server/config/members.h"
#include "server/config/settings.h"

struct gw_config_functions_source {
    gw_str folder; /* of the file, with its slash; empty: the working one */
    gw_str region; /* of their ARNs */
    bool dev;      /* they are started anew when their code changes */
    const struct gw_settings *settings;
};

struct gw_config_functions {
    struct gw_function_spec *at;
    gw_str *arns; /* of each */
    size_t count;
    const gw_str *notes;
    size_t note_count;
};

/* Whatever is wrong is in y->errors afterwards; *out is then incomplete. */
void gw_config_functions_read(const struct gw_yaml *y,
                              const struct gw_yaml_node *node,
                              const struct gw_config_functions_source *source,
                              struct gw_config_functions *out);

/* --- properties, as the original bounds them ------------------------- */

gw_member_fn gw_config_function_timeout;     /* uint32_t, ms; of seconds */
gw_member_fn gw_config_function_memory;      /* uint32_t, MB */
gw_member_fn gw_config_function_concurrency; /* uint32_t */
gw_member_fn gw_config_function_variables;   /* struct gw_pairs */

/* The path of a folder, seen from `folder`, that is there. */
void gw_config_function_code(const struct gw_yaml *y,
                             const struct gw_yaml_node *node, gw_str folder,
                             gw_str *out);

#endif
