#include "server/config/template/intrinsic.h"

#include <stdio.h>

#define NO_STACKS                                                      \
    "there are no other stacks here to import from; make the value a " \
    "parameter and give it with --parameter"
#define NOT_HERE "it is not evaluated here; write its result instead"

static const struct function {
    const char *name;
    gw_intrinsic_kind kind;
    const char *refusal;
} functions[] = {
    { "Ref", GW_INTRINSIC_REF, NULL },
    { "Condition", GW_INTRINSIC_CONDITION, NULL },
    { "Fn::GetAtt", GW_INTRINSIC_GET_ATT, NULL },
    { "Fn::Sub", GW_INTRINSIC_SUB, NULL },
    { "Fn::Join", GW_INTRINSIC_JOIN, NULL },
    { "Fn::Select", GW_INTRINSIC_SELECT, NULL },
    { "Fn::Split", GW_INTRINSIC_SPLIT, NULL },
    { "Fn::If", GW_INTRINSIC_IF, NULL },
    { "Fn::FindInMap", GW_INTRINSIC_FIND_IN_MAP, NULL },
    { "Fn::Base64", GW_INTRINSIC_BASE64, NULL },
    { "Fn::Equals", GW_INTRINSIC_EQUALS, NULL },
    { "Fn::And", GW_INTRINSIC_AND, NULL },
    { "Fn::Or", GW_INTRINSIC_OR, NULL },
    { "Fn::Not", GW_INTRINSIC_NOT, NULL },
    { "Fn::ImportValue", GW_INTRINSIC_REFUSED, NO_STACKS },
    { "Fn::Transform", GW_INTRINSIC_REFUSED, "macros are not run here" },
    { "Fn::Cidr", GW_INTRINSIC_REFUSED, NOT_HERE },
    { "Fn::GetAZs", GW_INTRINSIC_REFUSED, NOT_HERE },
    { "Fn::GetStackOutput", GW_INTRINSIC_REFUSED, NO_STACKS },
    { "Fn::Length", GW_INTRINSIC_REFUSED, NOT_HERE },
    { "Fn::ToJsonString", GW_INTRINSIC_REFUSED, NOT_HERE },
    { "Fn::Contains", GW_INTRINSIC_REFUSED, NOT_HERE },
    { "Fn::EachMemberEquals", GW_INTRINSIC_REFUSED, NOT_HERE },
    { "Fn::EachMemberIn", GW_INTRINSIC_REFUSED, NOT_HERE },
    { "Fn::RefAll", GW_INTRINSIC_REFUSED, NOT_HERE },
    { "Fn::ValueOf", GW_INTRINSIC_REFUSED, NOT_HERE },
    { "Fn::ValueOfAll", GW_INTRINSIC_REFUSED, NOT_HERE },
};

static const gw_str prefix = { "Fn::", 4 };

static void take_function(struct gw_intrinsic *out, const struct function *f)
{
    out->kind = f->kind;
    out->name = gw_str_of(f->name);
    out->refusal = f->refusal;
}

/* As a tag it has no prefix. */
static gw_str name_of(const struct function *f, bool is_tag)
{
    gw_str name = gw_str_of(f->name);

    return is_tag && gw_str_starts(name, prefix) ? gw_str_skip(name, prefix.len)
                                                 : name;
}

static bool read_tag(const struct gw_yaml_node *node, struct gw_intrinsic *out)
{
    *out = (struct gw_intrinsic){ .name = node->tag, .untagged = *node };
    out->untagged.tag = GW_EMPTY;
    out->argument = &out->untagged;
    for (size_t i = 0; i < GW_LEN(functions); i++)
        if (gw_str_eq(name_of(&functions[i], true), node->tag))
            take_function(out, &functions[i]);
    return true;
}

bool gw_intrinsic_read(const struct gw_yaml_node *node,
                       struct gw_intrinsic *out)
{
    const struct gw_yaml_node *only = node->first;

    if (node->tag.len)
        return read_tag(node, out);
    if (node->kind != GW_YAML_MAPPING || node->count != 1)
        return false;
    *out = (struct gw_intrinsic){ .name = only->key, .argument = only };
    for (size_t i = 0; i < GW_LEN(functions); i++)
        if (gw_str_eq(only->key, gw_str_of(functions[i].name)))
            take_function(out, &functions[i]);
    if (gw_str_starts(only->key, GW_LIT("Fn::ForEach"))) {
        out->kind = GW_INTRINSIC_REFUSED;
        out->refusal = "loops are not unrolled here; write its items instead";
    }
    /* the policies of IAM have a Condition of their own */
    if (out->kind == GW_INTRINSIC_CONDITION && only->kind != GW_YAML_SCALAR)
        return false;
    return out->kind != GW_INTRINSIC_UNKNOWN ||
           gw_str_starts(only->key, prefix);
}

void gw_intrinsic_complain(const struct gw_yaml *y,
                           const struct gw_yaml_node *node,
                           const struct gw_intrinsic *unknown)
{
    bool is_tag = node->tag.len;
    struct gw_suggestion near = { .name = unknown->name };
    char hint[GW_SUGGESTION_MAX + 4] = "";

    for (size_t i = 0; i < GW_LEN(functions); i++)
        gw_suggestion_offer(&near, name_of(&functions[i], is_tag));
    if (near.best[0])
        snprintf(hint, sizeof(hint), "; did you mean `%s%s`?",
                 is_tag ? "!" : "", near.best);
    gw_yaml_fault(y, node, "unknown function `%s%.*s`%s", is_tag ? "!" : "",
                  (int)GW_MIN(unknown->name.len, 80), unknown->name.at, hint);
}

bool gw_intrinsic_get_att(const struct gw_yaml_node *argument, gw_str *id,
                          gw_str *attribute, const struct gw_yaml_node **at)
{
    const struct gw_yaml_node *first = argument->first;

    *at = NULL;
    if (argument->kind == GW_YAML_SCALAR) {
        *attribute = argument->text;
        *id = gw_str_cut(attribute, '.');
        return true;
    }
    if (argument->kind != GW_YAML_SEQUENCE || argument->count != 2 ||
        first->kind != GW_YAML_SCALAR || first->tag.len)
        return false;
    *id = first->text;
    *attribute = first->next->text;
    if (first->next->kind != GW_YAML_SCALAR || first->next->tag.len)
        *at = first->next;
    return true;
}

/* Where the next ${ begins, or -1. */
static ptrdiff_t find_braces(gw_str text)
{
    ptrdiff_t at = gw_str_find(text, '$', 0);

    while (at >= 0 && ((size_t)at + 1 == text.len || text.at[at + 1] != '{'))
        at = gw_str_find(text, '$', (size_t)at + 1);
    return at;
}

bool gw_intrinsic_sub_next(gw_str template, size_t *at,
                           struct gw_sub_piece *piece, bool *bad)
{
    gw_str rest = gw_str_skip(template, *at);
    ptrdiff_t braces = find_braces(rest), end;

    *bad = false;
    *piece = (struct gw_sub_piece){ .text = rest };
    *at = template.len;
    if (braces < 0)
        return rest.len > 0;
    piece->text = gw_str_head(rest, (size_t)braces);
    rest = gw_str_skip(rest, (size_t)braces + 2);
    end = gw_str_find(rest, '}', 0);
    if (end < 0) {
        *bad = true;
        return false;
    }
    piece->name = gw_str_head(rest, (size_t)end);
    piece->braces = GW_SUB_VARIABLE;
    if (gw_str_pass(&piece->name, '!'))
        piece->braces = GW_SUB_LITERAL;
    else
        *bad = !piece->name.len || !gw_str_is_of(piece->name, "._:");
    *at = template.len - rest.len + (size_t)end + 1;
    return !*bad;
}
