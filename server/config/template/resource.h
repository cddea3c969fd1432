/*
 * The resources: which there are, and what Ref and Fn::GetAtt of one give.
 */
#ifndef GW_TEMPLATE_RESOURCE_H
#define GW_TEMPLATE_RESOURCE_H

#include "server/config/template/stack.h"
#include "server/config/template/type.h"

struct gw_resource {
    gw_str id;
    const struct gw_yaml_node *node;
    gw_str type_name;
    const struct gw_type *type;
    const struct gw_yaml_node *properties; /* a mapping, Globals in it */
    bool exists;    /* its Condition holds, and it is fit to be looked at */
    bool is_broken; /* it is not, and an error says so */
    struct gw_resource_text {
        enum { GW_TEXT_UNKNOWN, GW_TEXT_GOOD, GW_TEXT_BAD } state;
        gw_str text;
    } name, stage; /* what it is called, and SAM's "Api.Stage", each
                      evaluated once: when first asked for */

    struct gw_yaml_node *native; /* what the native file would say of it */
    struct gw_edge *edges;       /* whom it refers to */
    enum { GW_RESOURCE_NEW, GW_RESOURCE_ASKED, GW_RESOURCE_KNOWN } state;
    struct gw_resource *asker; /* ASKED: who refers to it */
};

/* Fills in s->resources and says what becomes of those that are not served. */
void gw_resources_read(struct gw_stack *s, const struct gw_yaml_node *section);

struct gw_resource *gw_resource_find(const struct gw_stack *s, gw_str id);

/* Does SAM make something of that name, beside what the template says? */
bool gw_resource_is_implied(const struct gw_stack *s, gw_str id);

/*
 * What Ref of a logical id (or of SAM's "Api.Stage"), and Fn::GetAtt of an
 * attribute give. False: there is no such resource. *out is NULL when an
 * error was added instead.
 */
bool gw_resource_ref(struct gw_stack *s, const struct gw_yaml_node *at,
                     gw_str name, struct gw_yaml_node **out);
bool gw_resource_attribute(struct gw_stack *s, const struct gw_yaml_node *at,
                           gw_str id, gw_str attribute,
                           struct gw_yaml_node **out);

/* What it is called: as its properties say, else by its logical id. APIs: in
 * lower case. False after an error. */
bool gw_resource_name(struct gw_stack *s, struct gw_resource *r,
                      gw_str *out) GW_MUST_CHECK;

/* Empty: it has none, or after an error. */
gw_str gw_resource_arn(struct gw_stack *s, struct gw_resource *r);

/* A resource of that kind whose Ref gave `ref`. NULL: there is none. */
struct gw_resource *gw_resource_by_ref(struct gw_stack *s, gw_type_kind kind,
                                       gw_str ref);

#endif
