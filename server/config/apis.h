/*
 * The `apis` of a file: its nodes read into the model, and the model compiled
 * into plans, with every mistake reported at its line.
 */
#ifndef GW_CONFIG_APIS_H
#define GW_CONFIG_APIS_H

#include "protocol/api/plan.h"
#include "server/config/yaml.h"

struct gw_apis {
    struct gw_api *at;
    size_t count;
    struct gw_plan **plans; /* api by api, stage by stage; in the arena, the
                               references are the caller's */
    size_t plan_count;
};

/* Whatever is wrong is in y->errors afterwards; *out is then incomplete, but
 * its plans are to be given back all the same. */
void gw_apis_read(const struct gw_yaml *y, const struct gw_yaml_node *node,
                  const struct gw_lambda *lambda, struct gw_apis *out);

#endif
