/*
 * Reads the members of a mapping of the native file by a table: a row says how
 * a member's node is read, and where in the object its value goes.
 */
#ifndef GW_CONFIG_MEMBERS_H
#define GW_CONFIG_MEMBERS_H

#include "server/config/yaml.h"

typedef void gw_member_fn(const struct gw_yaml *y,
                          const struct gw_yaml_node *node, void *field);

struct gw_member {
    const char *name;
    gw_member_fn *read;
    size_t at; /* of the field, in the object */
};

/* `what` is a noun phrase: "expected <what>". A key that no row knows is an
 * error that names the nearest one. */
void gw_members_read(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     const char *what, const struct gw_member *members,
                     size_t count, void *object);

/* Zeroed, of the file's arena. NULL after an error. */
void *gw_members_room(const struct gw_yaml *y, const struct gw_yaml_node *node,
                      size_t size);

/* Readers, and their fields. */
gw_member_fn gw_member_text;  /* gw_str */
gw_member_fn gw_member_flag;  /* bool */
gw_member_fn gw_member_pairs; /* struct gw_pairs */

#endif
