/*
 * A template while it is being read: its sections, and what is known of them
 * so far. The files of this folder share it; nobody else sees it.
 *
 *   intrinsic   which node calls which function
 *   value       what a node comes to, once its functions are evaluated
 *   parameter   the values from outside
 *   condition   true or false, each asked once
 *   resource    what Ref and Fn::GetAtt of a resource give; type: the types
 *   reference   do all names exist, and does nothing wait for itself?
 *   globals     SAM's, put into the resources they are about
 *   property    reads the properties of a resource by a table
 *   model       api, websocket_api, function, table: resources become it
 *   notes       what a person should know, though nothing is wrong
 *
 * What is wrong goes to y->errors, as many mistakes as there are: a function
 * here that returns false has added one.
 */
#ifndef GW_TEMPLATE_STACK_H
#define GW_TEMPLATE_STACK_H

#include "protocol/base/map.h"
#include "server/config/template/notes.h"
#include "server/config/template/cfn.h"
#include "server/config/yaml.h"

struct gw_resource;

struct gw_stack {
    struct gw_yaml *y;
    const struct gw_cfn_source *source;
    struct gw_notes notes;
    struct gw_map parameters; /* name -> struct gw_yaml_node, their values */
    struct gw_map conditions; /* name -> struct gw_condition */
    struct gw_map by_id;      /* logical id -> struct gw_resource */
    struct gw_resource *resources;
    size_t resource_count;
    const struct gw_yaml_node *mappings, *globals; /* NULL: none */
    bool is_sam;        /* it asks for SAM's transform */
    bool in_conditions; /* which know no resources */
    unsigned depth;     /* of the value being evaluated */
};

/* NULL after an error: no room. */
void *gw_stack_alloc(struct gw_stack *s, const struct gw_yaml_node *about,
                     size_t size);

/* A scalar that stands where `like` does. The text is copied. */
struct gw_yaml_node *gw_stack_text(struct gw_stack *s,
                                   const struct gw_yaml_node *like,
                                   gw_str text);

/* The same from a format, at most 1000 bytes. */
struct gw_yaml_node *gw_stack_textf(struct gw_stack *s,
                                    const struct gw_yaml_node *like,
                                    const char *format, ...) GW_PRINTF(3, 4);

/* A map with a row for each entry of a section. */
bool gw_stack_map(struct gw_stack *s, const struct gw_yaml_node *section,
                  struct gw_map *out);

/* Is `key` one of the names? If not, says so at the entry's key, with the
 * nearest of them. */
bool gw_stack_is_known(struct gw_stack *s, const struct gw_yaml_node *entry,
                       const char *what, const char *const *names);

#endif
