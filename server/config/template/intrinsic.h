/*
 * The functions of templates: which node is a call of which.
 */
#ifndef GW_TEMPLATE_INTRINSIC_H
#define GW_TEMPLATE_INTRINSIC_H

#include "server/config/yaml.h"

typedef enum gw_intrinsic_kind {
    GW_INTRINSIC_UNKNOWN,
    GW_INTRINSIC_REFUSED, /* known, but not evaluated here */
    GW_INTRINSIC_REF,
    GW_INTRINSIC_GET_ATT,
    GW_INTRINSIC_SUB,
    GW_INTRINSIC_JOIN,
    GW_INTRINSIC_SELECT,
    GW_INTRINSIC_SPLIT,
    GW_INTRINSIC_IF,
    GW_INTRINSIC_FIND_IN_MAP,
    GW_INTRINSIC_BASE64,
    GW_INTRINSIC_CONDITION,
    GW_INTRINSIC_EQUALS,
    GW_INTRINSIC_AND,
    GW_INTRINSIC_OR,
    GW_INTRINSIC_NOT,
} gw_intrinsic_kind;

struct gw_intrinsic {
    gw_intrinsic_kind kind;
    gw_str name;         /* "Ref", "Fn::Sub"; UNKNOWN: as written, "!Foo" */
    const char *refusal; /* REFUSED: why, and what to do instead */
    const struct gw_yaml_node *argument; /* without a tag */
    struct gw_yaml_node untagged;        /* may be the argument */
};

/* True when the node is a call: "!Sub x", or a mapping { Fn::Sub: x }. */
bool gw_intrinsic_read(const struct gw_yaml_node *node,
                       struct gw_intrinsic *out);

/* Says that there is no such function, and which one is near. */
void gw_intrinsic_complain(const struct gw_yaml *y,
                           const struct gw_yaml_node *node,
                           const struct gw_intrinsic *unknown);

/*
 * Fn::GetAtt's argument, "A.B.C" or [A, B.C], cut into a logical id and an
 * attribute (which may be empty in the first form, and a call in the second:
 * then *attribute is NULL and *at its node). False: it is neither.
 */
bool gw_intrinsic_get_att(const struct gw_yaml_node *argument, gw_str *id,
                          gw_str *attribute, const struct gw_yaml_node **at);

/*
 * Walks Fn::Sub's text: start with *at = 0. A piece is `text`, as it stands,
 * and then what the braces behind it hold, if any. False at the end, and
 * (*bad is set) where braces hold no name.
 */
struct gw_sub_piece {
    gw_str text, name;
    enum { GW_SUB_NOTHING, GW_SUB_VARIABLE, GW_SUB_LITERAL } braces;
};
bool gw_intrinsic_sub_next(gw_str template, size_t *at,
                           struct gw_sub_piece *piece, bool *bad);

#endif
