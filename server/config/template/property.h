/*
 * Reads the properties of a resource by a table: which are read, and how;
 * which have no effect here, and whether that is worth a word.
 */
#ifndef GW_TEMPLATE_PROPERTY_H
#define GW_TEMPLATE_PROPERTY_H

#include "server/config/template/stack.h"

typedef void gw_property_fn(struct gw_stack *s, struct gw_yaml_node *value,
                            void *field);

struct gw_property {
    const char *name;
    gw_property_fn *read; /* NULL: it is not evaluated */
    size_t at;            /* of the field, in the object */
    const char *note;     /* read is NULL: what to say of it; NULL: nothing */
    bool is_required;
};

extern const char gw_property_idle[]; /* a note: "it has no effect here" */

/* id: whom notes are about. A read gets the evaluated value, whose key is the
 * property's; what came to AWS::NoValue is not there. */
void gw_properties_read(struct gw_stack *s, const struct gw_yaml_node *mapping,
                        gw_str id, const struct gw_property *rows, size_t count,
                        void *object);

/* Readers, and their fields. */
gw_property_fn gw_property_text;   /* gw_str */
gw_property_fn gw_property_flag;   /* bool */
gw_property_fn gw_property_scalar; /* const struct gw_yaml_node *, its text */
gw_property_fn gw_property_node;   /* const struct gw_yaml_node *, any kind */

/* Into a mapping of the native file (the field is a struct gw_yaml_node), by
 * the native file's name: the same, beginning with a small letter. */
gw_property_fn gw_property_keep;

/* A row of a property that changes nothing and needs no word. */
#define GW_PROPERTY_QUIET(name)    \
    {                              \
        name, NULL, 0, NULL, false \
    }

#endif
