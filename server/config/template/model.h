/*
 * Resources become the model. APIs take the way through the native file's
 * front door: they are written as its nodes, with the template's marks, and
 * read by gw_apis_read, which compiles them and finds the lines of mistakes.
 */
#ifndef GW_TEMPLATE_MODEL_H
#define GW_TEMPLATE_MODEL_H

#include "server/config/template/resource.h"

/* The node of `apis` that the native file would have. NULL after an error. */
struct gw_yaml_node *gw_model_apis(struct gw_stack *s,
                                   const struct gw_yaml_node *resources);
void gw_model_functions(struct gw_stack *s, struct gw_cfn *out);
void gw_model_tables(struct gw_stack *s, struct gw_cfn *out);

/* --- what api.c and websocket_api.c share ----------------------------- */

/* A mapping about the resource, under that key. NULL after an error. */
struct gw_yaml_node *gw_model_mapping(struct gw_stack *s,
                                      const struct gw_yaml_node *like,
                                      gw_str key);

/* Hangs a text under a key. */
void gw_model_put(struct gw_stack *s, struct gw_yaml_node *mapping,
                  const char *key, const struct gw_yaml_node *like,
                  gw_str text);

/* An API's native node, with empty `routes` and `stages`, in r->native. */
bool gw_model_api(struct gw_stack *s, struct gw_resource *r,
                  struct gw_yaml_node *apis);
struct gw_yaml_node *gw_model_routes(struct gw_resource *api);
struct gw_yaml_node *gw_model_stages(struct gw_resource *api);

/* Names the stage and hangs it into its API. `at` is where the name stands. */
void gw_model_add_stage(struct gw_stack *s, struct gw_resource *api,
                        struct gw_yaml_node *stage,
                        const struct gw_yaml_node *at, gw_str name);

/* Properties of stages and routes, which SAM has elsewhere. */
void gw_model_default_settings(struct gw_stack *s, struct gw_yaml_node *value,
                               void *stage);
void gw_model_route_settings(struct gw_stack *s, struct gw_yaml_node *value,
                             void *stage);
void gw_model_refuse_authorization(struct gw_stack *s,
                                   struct gw_yaml_node *value, void *unused);
void gw_model_refuse_api_key(struct gw_stack *s, struct gw_yaml_node *value,
                             void *unused);

extern const char gw_model_not_validated[]; /* notes */
extern const char gw_model_no_parameters[];
extern const char gw_model_access_log[];

/* SAM's AWS::Serverless::WebSocketApi: the api, its routes and its stage. */
void gw_model_websocket_api(struct gw_stack *s, struct gw_resource *r);

#endif
