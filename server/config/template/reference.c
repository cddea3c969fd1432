#include "server/config/template/reference.h"

#include "server/config/template/condition.h"
#include "server/config/template/intrinsic.h"
#include "server/config/template/parameter.h"
#include "server/config/template/resource.h"

#include <stdio.h>

/* One resource needs another. */
struct gw_edge {
    struct gw_resource *to;
    const struct gw_yaml_node *at;
    struct gw_edge *next;
};

struct walk {
    struct gw_stack *s;
    struct gw_resource *from; /* NULL: an output */
    bool is_loose;            /* what is needed here, is needed later */
};

static void walk_node(const struct walk *w, const struct gw_yaml_node *node);

static void need(const struct walk *w, const struct gw_yaml_node *at,
                 struct gw_resource *to)
{
    struct gw_edge *edge;

    if (!w->from || w->is_loose)
        return;
    edge = gw_stack_alloc(w->s, at, sizeof(*edge));
    if (!edge)
        return;
    *edge = (struct gw_edge){ to, at, w->from->edges };
    w->from->edges = edge;
}

/* `name` may have a part behind a dot. */
static void check_name(const struct walk *w, const struct gw_yaml_node *at,
                       gw_str name, bool is_resource)
{
    struct gw_stack *s = w->s;
    gw_str part = name, id = gw_str_cut(&part, '.');
    struct gw_resource *r = gw_resource_find(s, id);

    if (r && (r->exists || r->is_broken)) {
        need(w, at, r);
        return;
    }
    if (r) {
        gw_yaml_fault(s->y, at,
                      "`%.*s` is not created: its Condition does not hold",
                      (int)GW_MIN(id.len, 80), id.at);
        return;
    }
    if (gw_resource_is_implied(s, id) ||
        (!is_resource && (gw_parameter_find(s, name) ||
                          gw_str_eq(name, GW_LIT("AWS::NoValue")))))
        return;
    gw_yaml_fault(s->y, at, "there is no %sresource `%.*s`",
                  is_resource ? "" : "parameter or ", (int)GW_MIN(id.len, 80),
                  id.at);
}

static void walk_sub(const struct walk *w, const struct gw_yaml_node *at_call,
                     const struct gw_yaml_node *argument)
{
    const struct gw_yaml_node *text = at_call, *own = NULL;
    struct gw_sub_piece piece;
    size_t at = 0;
    bool bad;

    if (argument->kind == GW_YAML_SEQUENCE && argument->count == 2) {
        text = argument->first;
        own = argument->last;
        walk_node(w, own);
    }
    if (text->kind != GW_YAML_SCALAR)
        return;
    while (gw_intrinsic_sub_next(text->text, &at, &piece, &bad))
        if (piece.braces == GW_SUB_VARIABLE &&
            !(own && gw_yaml_member(own, piece.name)))
            check_name(w, text, piece.name,
                       gw_str_find(piece.name, '.', 0) >= 0);
}

/* Only what is chosen is needed. */
static void walk_if(const struct walk *w, const struct gw_yaml_node *argument)
{
    bool truth;

    if (argument->kind != GW_YAML_SEQUENCE || argument->count != 3 ||
        argument->first->kind != GW_YAML_SCALAR)
        return; /* the evaluation will say so */
    if (gw_condition_named(w->s, argument->first, argument->first->text,
                           &truth))
        walk_node(w, truth ? argument->first->next : argument->last);
}

static void walk_children(const struct walk *w, const struct gw_yaml_node *node)
{
    GW_YAML_EACH(entry, node)
    walk_node(w, entry);
}

static void walk_node(const struct walk *w, const struct gw_yaml_node *node)
{
    const struct gw_yaml_node *computed, *at;
    struct gw_intrinsic c;
    gw_str id, attribute;

    if (!gw_intrinsic_read(node, &c)) {
        walk_children(w, node);
        return;
    }
    at = node->tag.len ? node : c.argument; /* c ends here, an edge does not */
    switch (c.kind) {
    case GW_INTRINSIC_UNKNOWN:
        gw_intrinsic_complain(w->s->y, node, &c);
        break;
    case GW_INTRINSIC_REF:
        if (c.argument->kind == GW_YAML_SCALAR)
            check_name(w, at, c.argument->text, false);
        break;
    case GW_INTRINSIC_GET_ATT:
        if (gw_intrinsic_get_att(c.argument, &id, &attribute, &computed))
            check_name(w, at, id, true);
        break;
    case GW_INTRINSIC_SUB:
        walk_sub(w, at, c.argument);
        break;
    case GW_INTRINSIC_IF:
        walk_if(w, c.argument);
        break;
    default:
        walk_children(w, c.argument);
        break;
    }
}

/* --- of a resource --------------------------------------------------- */

/* SAM makes resources of their own of these: they wait, not this one. */
static bool is_loose(const struct gw_resource *r, gw_str property)
{
    if (r->type->kind == GW_TYPE_WEBSOCKET_API)
        return gw_str_eq(property, GW_LIT("Routes")) ||
               gw_str_eq(property, GW_LIT("Auth"));
    return r->type->kind == GW_TYPE_SAM_FUNCTION &&
           (gw_str_eq(property, GW_LIT("Events")) ||
            gw_str_eq(property, GW_LIT("Policies")));
}

static void walk_depends_on(const struct walk *w,
                            const struct gw_yaml_node *node)
{
    struct gw_resource *r;

    if (node->kind == GW_YAML_SEQUENCE && !node->tag.len) {
        GW_YAML_EACH(item, node)
        walk_depends_on(w, item);
        return;
    }
    if (node->kind != GW_YAML_SCALAR || node->tag.len) {
        gw_yaml_fault(w->s->y, node,
                      "expected a logical id, or a list of them");
        return;
    }
    r = gw_resource_find(w->s, node->text);
    if (r)
        need(w, node, r); /* one that is not created is nothing to wait for */
    else if (!gw_resource_is_implied(w->s, node->text))
        gw_yaml_fault(w->s->y, node, "there is no resource `%.*s`",
                      (int)GW_MIN(node->text.len, 80), node->text.at);
}

static void walk_resource(struct gw_stack *s, struct gw_resource *r)
{
    const struct gw_yaml_node *depends_on =
        gw_yaml_member(r->node, GW_LIT("DependsOn"));
    struct walk w = { .s = s, .from = r };

    if (depends_on)
        walk_depends_on(&w, depends_on);
    GW_YAML_EACH(property, r->properties)
    {
        w.is_loose = is_loose(r, property->key);
        walk_node(&w, property);
    }
}

/* --- cycles ---------------------------------------------------------- */

/* "A -> B -> A": from the one that is asked for again, down to who asks. */
static bool complain(struct gw_stack *s, const struct gw_edge *edge,
                     struct gw_resource *last)
{
    const gw_str *ids[16];
    char text[400];
    size_t count = 0, len = 0;

    for (struct gw_resource *r = last; r && count < GW_LEN(ids); r = r->asker) {
        ids[count++] = &r->id;
        if (r == edge->to)
            break;
    }
    while (count && len < sizeof(text)) {
        gw_str id = *ids[--count];

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s -> ",
                                (int)GW_MIN(id.len, 40), id.at);
    }
    if (len < sizeof(text))
        snprintf(text + len, sizeof(text) - len, "%.*s",
                 (int)GW_MIN(edge->to->id.len, 40), edge->to->id.at);
    gw_yaml_fault(s->y, edge->at, "these wait for each other: %s", text);
    return false;
}

/* As deep as there are resources. */
static bool visit(struct gw_stack *s, struct gw_resource *r,
                  struct gw_resource *asker)
{
    bool ok = true;

    r->state = GW_RESOURCE_ASKED;
    r->asker = asker;
    for (struct gw_edge *edge = r->edges; edge; edge = edge->next) {
        if (edge->to->state == GW_RESOURCE_NEW)
            ok = visit(s, edge->to, r) && ok;
        else if (edge->to->state == GW_RESOURCE_ASKED)
            ok = complain(s, edge, r);
    }
    r->state = GW_RESOURCE_KNOWN;
    return ok;
}

bool gw_references_check(struct gw_stack *s, const struct gw_yaml_node *outputs)
{
    struct walk w = { .s = s };
    bool ok = true;

    for (size_t i = 0; i < s->resource_count; i++)
        if (s->resources[i].exists)
            walk_resource(s, &s->resources[i]);
    for (size_t i = 0; i < s->resource_count; i++)
        if (s->resources[i].exists && s->resources[i].state == GW_RESOURCE_NEW)
            ok = visit(s, &s->resources[i], NULL) && ok;
    for (const struct gw_yaml_node *n = outputs ? outputs->first : NULL; n;
         n = n->next)
        if (gw_condition_holds(s, n))
            walk_node(&w, n);
    return ok;
}
