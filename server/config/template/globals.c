#include "server/config/template/globals.h"

#include "server/config/template/intrinsic.h"

static const char *const known[] = {
    "Function",         "Api",          "HttpApi",
    "SimpleTable",      "StateMachine", "LayerVersion",
    "CapacityProvider", "WebSocketApi", NULL,
};

void gw_globals_read(struct gw_stack *s, const struct gw_yaml_node *section)
{
    if (!section || !gw_yaml_is_mapping(s->y, section, "globals by type"))
        return;
    if (!s->is_sam) {
        gw_yaml_fault_at_key(s->y, section,
                             "Globals need `Transform: "
                             "AWS::Serverless-2016-10-31` at the top of the "
                             "file");
        return;
    }
    GW_YAML_EACH(entry, section)
    if (gw_stack_is_known(s, entry, "key", known))
        gw_yaml_is_mapping(s->y, entry, "properties by name");
    s->globals = section;
}

static bool is_mergeable(const struct gw_yaml_node *a,
                         const struct gw_yaml_node *b, int kind)
{
    struct gw_intrinsic call;

    return (int)a->kind == kind && (int)b->kind == kind &&
           !gw_intrinsic_read(a, &call) && !gw_intrinsic_read(b, &call);
}

static struct gw_yaml_node *merge(struct gw_stack *s,
                                  const struct gw_yaml_node *global,
                                  const struct gw_yaml_node *own);

/* A node of its own for a second parent, over the same children. */
static bool hang_copy(struct gw_stack *s, struct gw_yaml_node *parent,
                      const struct gw_yaml_node *node)
{
    struct gw_yaml_node *copy = gw_yaml_new(s->y, node->kind, node);

    if (!copy)
        return false;
    *copy = *node;
    copy->next = NULL;
    gw_yaml_hang(parent, copy);
    return true;
}

static bool merge_maps(struct gw_stack *s, struct gw_yaml_node *to,
                       const struct gw_yaml_node *global,
                       const struct gw_yaml_node *own)
{
    GW_YAML_EACH(entry, global)
    {
        const struct gw_yaml_node *mine = gw_yaml_member(own, entry->key);
        struct gw_yaml_node *merged;

        if (!mine) {
            if (!hang_copy(s, to, entry))
                return false;
            continue;
        }
        merged = merge(s, entry, mine);
        if (!merged)
            return false;
        gw_yaml_hang(to, merged);
    }
    GW_YAML_EACH(entry, own)
    if (!gw_yaml_member(global, entry->key) && !hang_copy(s, to, entry))
        return false;
    return true;
}

static bool join_lists(struct gw_stack *s, struct gw_yaml_node *to,
                       const struct gw_yaml_node *global,
                       const struct gw_yaml_node *own)
{
    GW_YAML_EACH(entry, global)
    if (!hang_copy(s, to, entry))
        return false;
    GW_YAML_EACH(entry, own)
    if (!hang_copy(s, to, entry))
        return false;
    return true;
}

static struct gw_yaml_node *merge(struct gw_stack *s,
                                  const struct gw_yaml_node *global,
                                  const struct gw_yaml_node *own)
{
    struct gw_yaml_node *to = gw_yaml_new(s->y, own->kind, own);
    bool ok = to != NULL;

    if (!to)
        return NULL;
    if (is_mergeable(global, own, GW_YAML_MAPPING)) {
        ok = merge_maps(s, to, global, own);
    } else if (is_mergeable(global, own, GW_YAML_SEQUENCE)) {
        ok = join_lists(s, to, global, own);
    } else {
        *to = *own;
        to->next = NULL;
    }
    return ok ? to : NULL;
}

/* IgnoreGlobals: '*', or a list of properties. */
static bool ignores(const struct gw_yaml_node *resource, gw_str name)
{
    const struct gw_yaml_node *list =
        gw_yaml_member(resource, GW_LIT("IgnoreGlobals"));

    if (!list || list->kind != GW_YAML_SEQUENCE)
        return list && gw_str_eq(list->text, GW_LIT("*"));
    GW_YAML_EACH(item, list)
    if (gw_str_eq(item->text, name))
        return true;
    return false;
}

/* The Globals of the type, but those that the resource ignores. */
static const struct gw_yaml_node *globals_for(
    struct gw_stack *s, const struct gw_yaml_node *resource, gw_str type_name)
{
    const gw_str prefix = GW_LIT("AWS::Serverless::");
    const struct gw_yaml_node *all;
    struct gw_yaml_node *left;

    if (!s->globals || !gw_str_starts(type_name, prefix))
        return NULL;
    all = gw_yaml_member(s->globals, gw_str_skip(type_name, prefix.len));
    if (!all || all->kind != GW_YAML_MAPPING)
        return NULL;
    left = gw_yaml_new(s->y, GW_YAML_MAPPING, all);
    GW_YAML_EACH(entry, all)
    if (left && !ignores(resource, entry->key) && !hang_copy(s, left, entry))
        return NULL;
    return left;
}

const struct gw_yaml_node *gw_globals_apply(struct gw_stack *s,
                                            const struct gw_yaml_node *resource,
                                            gw_str type_name,
                                            const struct gw_yaml_node *own)
{
    const struct gw_yaml_node *global = globals_for(s, resource, type_name);

    if (own && !gw_yaml_is_mapping(s->y, own, "properties by name"))
        return NULL;
    if (own && own->tag.len) {
        gw_yaml_fault(s->y, own, "expected properties by name");
        return NULL;
    }
    if (!own || own->kind != GW_YAML_MAPPING) /* none, or null */
        own = gw_yaml_new(s->y, GW_YAML_MAPPING, resource);
    return own && global ? merge(s, global, own) : own;
}
