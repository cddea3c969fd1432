/*
 * One function per intrinsic, and a table of them. Each gets the call's
 * argument as written, because what may stand in it differs from one to the
 * next.
 */
#include "server/config/template/value.h"

#include "protocol/base/base64.h"
#include "protocol/base/buf.h"
#include "server/config/template/condition.h"
#include "server/config/template/intrinsic.h"
#include "server/config/template/parameter.h"
#include "server/config/template/resource.h"

#include <stdio.h>

static bool no_text(struct gw_stack *s, const struct gw_yaml_node *node,
                    const char *what)
{
    gw_yaml_fault(s->y, node, "expected %s", what);
    return false;
}

bool gw_value_text(struct gw_stack *s, const struct gw_yaml_node *node,
                   const char *what, gw_str *out)
{
    struct gw_yaml_node *value;

    if (!gw_value_read(s, node, &value))
        return false;
    if (!value || value->kind != GW_YAML_SCALAR)
        return no_text(s, node, what);
    *out = value->text;
    return true;
}

static bool read_list(struct gw_stack *s, const struct gw_yaml_node *node,
                      const char *what, struct gw_yaml_node **out)
{
    if (!gw_value_read(s, node, out))
        return false;
    if (!*out || (*out)->kind != GW_YAML_SEQUENCE)
        return no_text(s, node, what);
    return true;
}

static bool is_list_of(const struct gw_yaml_node *argument, size_t min,
                       size_t max)
{
    return argument->kind == GW_YAML_SEQUENCE && !argument->tag.len &&
           argument->count >= min && argument->count <= max;
}

/* A text put together, as a node. */
static bool finish_text(struct gw_stack *s, const struct gw_yaml_node *at,
                        gw_err err, struct gw_buf *text,
                        struct gw_yaml_node **out)
{
    if (err)
        gw_yaml_fault(s->y, at, "expected a text of at most %d bytes",
                      GW_VALUE_TEXT_MAX);
    else
        *out = gw_stack_text(s, at, gw_buf_str(text));
    gw_buf_fini(text);
    return !err && *out;
}

/* --- names ----------------------------------------------------------- */

/* Parameters' values are shared texts; their lists are copied. */
static bool copy_parameter(struct gw_stack *s, const struct gw_yaml_node *at,
                           const struct gw_yaml_node *value,
                           struct gw_yaml_node **out)
{
    *out = gw_yaml_new(s->y, value->kind, at);
    if (!*out)
        return false;
    (*out)->text = value->text;
    GW_YAML_EACH(item, value)
    {
        struct gw_yaml_node *copy = gw_yaml_new(s->y, GW_YAML_SCALAR, at);

        if (!copy)
            return false;
        copy->text = item->text;
        gw_yaml_hang(*out, copy);
    }
    return true;
}

static bool no_name(struct gw_stack *s, const struct gw_yaml_node *at,
                    gw_str name)
{
    name = gw_str_cut(&name, '.');
    gw_yaml_fault(s->y, at, "there is no parameter or resource `%.*s`",
                  (int)GW_MIN(name.len, 80), name.at);
    return false;
}

/* What Ref and a Fn::Sub without a dot give. */
static bool read_name(struct gw_stack *s, const struct gw_yaml_node *at,
                      gw_str name, struct gw_yaml_node **out)
{
    const struct gw_yaml_node *value = gw_parameter_find(s, name);

    if (gw_str_eq(name, GW_LIT("AWS::NoValue"))) {
        *out = NULL;
        return true;
    }
    if (value)
        return copy_parameter(s, at, value, out);
    if (gw_resource_ref(s, at, name, out))
        return *out != NULL;
    return no_name(s, at, name);
}

static bool ref(struct gw_stack *s, const struct gw_yaml_node *argument,
                struct gw_yaml_node **out)
{
    if (argument->kind != GW_YAML_SCALAR || argument->tag.len)
        return no_text(s, argument, "the name of a parameter or resource");
    return read_name(s, argument, argument->text, out);
}

static bool read_attribute(struct gw_stack *s, const struct gw_yaml_node *at,
                           gw_str id, gw_str attribute,
                           struct gw_yaml_node **out)
{
    if (gw_resource_attribute(s, at, id, attribute, out))
        return *out != NULL;
    gw_yaml_fault(s->y, at, "there is no resource `%.*s`",
                  (int)GW_MIN(id.len, 80), id.at);
    return false;
}

static bool get_att(struct gw_stack *s, const struct gw_yaml_node *argument,
                    struct gw_yaml_node **out)
{
    const struct gw_yaml_node *computed;
    gw_str id, attribute;

    if (!gw_intrinsic_get_att(argument, &id, &attribute, &computed) ||
        (!computed && !attribute.len))
        return no_text(s, argument, "RESOURCE.ATTRIBUTE");
    if (computed && !gw_value_text(s, computed, "an attribute", &attribute))
        return false;
    return read_attribute(s, argument, id, attribute, out);
}

/* --- Fn::Sub --------------------------------------------------------- */

static bool read_variable(struct gw_stack *s, const struct gw_yaml_node *at,
                          const struct gw_yaml_node *own, gw_str name,
                          gw_str *text)
{
    const struct gw_yaml_node *mine = own ? gw_yaml_member(own, name) : NULL;
    gw_str attribute = name, id = gw_str_cut(&attribute, '.');
    struct gw_yaml_node *value;

    if (mine)
        return gw_yaml_to_text(s->y, mine, "a text", text);
    if (attribute.len ? !read_attribute(s, at, id, attribute, &value)
                      : !read_name(s, at, name, &value))
        return false;
    if (!value || value->kind != GW_YAML_SCALAR) {
        gw_yaml_fault(s->y, at, "expected `%.*s` to be a text, not a list",
                      (int)GW_MIN(name.len, 80), name.at);
        return false;
    }
    *text = value->text;
    return true;
}

/* `own` are its variables, evaluated. */
static bool substitute(struct gw_stack *s, const struct gw_yaml_node *at,
                       const struct gw_yaml_node *own,
                       struct gw_yaml_node **out)
{
    struct gw_sub_piece piece;
    struct gw_buf text;
    size_t position = 0;
    bool bad, ok = true;
    gw_err err = GW_OK;

    gw_buf_init(&text, GW_VALUE_TEXT_MAX);
    while (ok && !err &&
           gw_intrinsic_sub_next(at->text, &position, &piece, &bad)) {
        gw_str value = GW_EMPTY;

        if (piece.braces == GW_SUB_VARIABLE)
            ok = read_variable(s, at, own, piece.name, &value);
        err = gw_buf_add(&text, piece.text);
        if (!err)
            err = piece.braces == GW_SUB_LITERAL
                      ? gw_buf_addf(&text, "${%.*s}", GW_FMT(piece.name))
                      : gw_buf_add(&text, value);
    }
    if (ok && !err && bad) {
        gw_yaml_fault(s->y, at,
                      "expected ${NAME} or ${RESOURCE.ATTRIBUTE}, and ${!x} "
                      "for a plain ${x}");
        ok = false;
    }
    if (ok)
        return finish_text(s, at, err, &text, out);
    gw_buf_fini(&text);
    return false;
}

static bool sub(struct gw_stack *s, const struct gw_yaml_node *argument,
                struct gw_yaml_node **out)
{
    const char *what = "a text, or a list of a text and its variables";
    const struct gw_yaml_node *first = argument->first;
    struct gw_yaml_node *own;

    if (argument->kind == GW_YAML_SCALAR && !argument->tag.len)
        return substitute(s, argument, NULL, out);
    if (!is_list_of(argument, 2, 2) || first->kind != GW_YAML_SCALAR ||
        first->tag.len)
        return no_text(s, argument, what);
    if (!gw_value_read(s, argument->last, &own))
        return false;
    if (!own || own->kind != GW_YAML_MAPPING)
        return no_text(s, argument->last, "variables by name");
    return substitute(s, first, own, out);
}

/* --- lists ----------------------------------------------------------- */

static bool join(struct gw_stack *s, const struct gw_yaml_node *argument,
                 struct gw_yaml_node **out)
{
    struct gw_yaml_node *list;
    struct gw_buf text;
    gw_err err = GW_OK;
    gw_str by;

    if (!is_list_of(argument, 2, 2))
        return no_text(s, argument, "[DELIMITER, LIST]");
    if (!gw_value_text(s, argument->first, "a delimiter", &by) ||
        !read_list(s, argument->last, "a list to join", &list))
        return false;
    gw_buf_init(&text, GW_VALUE_TEXT_MAX);
    GW_YAML_EACH(item, list)
    {
        if (item->kind != GW_YAML_SCALAR) {
            gw_buf_fini(&text);
            return no_text(s, item, "a text to join");
        }
        if (!err && item != list->first)
            err = gw_buf_add(&text, by);
        if (!err)
            err = gw_buf_add(&text, item->text);
    }
    return finish_text(s, argument, err, &text, out);
}

static bool select_item(struct gw_stack *s, const struct gw_yaml_node *argument,
                        struct gw_yaml_node **out)
{
    struct gw_yaml_node *list, *item;
    uint64_t index;
    gw_str digits;

    if (!is_list_of(argument, 2, 2))
        return no_text(s, argument, "[INDEX, LIST]");
    if (!gw_value_text(s, argument->first, "an index", &digits) ||
        !read_list(s, argument->last, "a list to select from", &list))
        return false;
    if (!gw_str_to_u64(digits, &index) || index >= list->count) {
        gw_yaml_fault(s->y, argument->first,
                      "expected an index from 0, into a list of %zu",
                      list->count);
        return false;
    }
    for (item = list->first; index; index--)
        item = item->next;
    item->next = NULL;
    *out = item;
    return true;
}

static size_t find(gw_str text, gw_str wanted)
{
    const char *hit = memmem(text.at, text.len, wanted.at, wanted.len);

    return hit ? (size_t)(hit - text.at) : text.len;
}

static bool split(struct gw_stack *s, const struct gw_yaml_node *argument,
                  struct gw_yaml_node **out)
{
    gw_str by, text;
    bool more = true;

    if (!is_list_of(argument, 2, 2))
        return no_text(s, argument, "[DELIMITER, TEXT]");
    if (!gw_value_text(s, argument->first, "a delimiter", &by) ||
        !gw_value_text(s, argument->last, "a text to split", &text))
        return false;
    if (!by.len)
        return no_text(s, argument->first, "a delimiter that is not empty");
    *out = gw_yaml_new(s->y, GW_YAML_SEQUENCE, argument);
    while (*out && more) {
        size_t len = find(text, by);
        struct gw_yaml_node *item =
            gw_stack_text(s, argument, gw_str_head(text, len));

        if (!item)
            return false;
        if ((*out)->count == GW_YAML_ENTRIES_MAX) {
            gw_yaml_fault(s->y, argument, "expected at most %d pieces",
                          GW_YAML_ENTRIES_MAX);
            return false;
        }
        gw_yaml_hang(*out, item);
        more = len < text.len;
        text = gw_str_skip(text, more ? len + by.len : len);
    }
    return *out != NULL;
}

static bool base64(struct gw_stack *s, const struct gw_yaml_node *argument,
                   struct gw_yaml_node **out)
{
    struct gw_buf text;
    gw_str in;
    gw_err err;

    if (!gw_value_text(s, argument, "a text", &in))
        return false;
    gw_buf_init(&text, GW_VALUE_TEXT_MAX);
    err = gw_buf_reserve(&text, GW_BASE64_LEN(in.len));
    if (!err)
        text.len = gw_base64_encode(GW_BASE64, in, text.at);
    return finish_text(s, argument, err, &text, out);
}

/* --- choices --------------------------------------------------------- */

static bool choose(struct gw_stack *s, const struct gw_yaml_node *argument,
                   struct gw_yaml_node **out)
{
    bool truth;

    if (!is_list_of(argument, 3, 3) || argument->first->kind != GW_YAML_SCALAR)
        return no_text(s, argument, "[CONDITION, VALUE, OTHERWISE]");
    if (!gw_condition_named(s, argument->first, argument->first->text, &truth))
        return false;
    return gw_value_read(s, truth ? argument->first->next : argument->last,
                         out);
}

/* Fn::FindInMap's third value, in the language extensions. */
static const struct gw_yaml_node *fallback_of(
    const struct gw_yaml_node *argument)
{
    const struct gw_yaml_node *last = argument->last;

    return argument->count == 4 && last->kind == GW_YAML_MAPPING
               ? gw_yaml_member(last, GW_LIT("DefaultValue"))
               : NULL;
}

static bool find_in_map(struct gw_stack *s, const struct gw_yaml_node *argument,
                        struct gw_yaml_node **out)
{
    const char *what = "[MAP, KEY, KEY]";
    const struct gw_yaml_node *at = argument->first, *hit = s->mappings;
    const struct gw_yaml_node *fallback = fallback_of(argument);

    if (!is_list_of(argument, 3, fallback ? 4 : 3))
        return no_text(s, argument, what);
    for (int i = 0; i < 3; i++, at = at->next) {
        gw_str key;

        if (!gw_value_text(s, at, what, &key))
            return false;
        hit = hit && hit->kind == GW_YAML_MAPPING ? gw_yaml_member(hit, key)
                                                  : NULL;
        if (hit)
            continue;
        if (fallback)
            return gw_value_read(s, fallback, out);
        gw_yaml_fault(s->y, at, "there is no `%.*s` in %s",
                      (int)GW_MIN(key.len, 80), key.at,
                      i == 0 ? "the Mappings" : "that map");
        return false;
    }
    return gw_value_read(s, hit, out);
}

/* --- the whole ------------------------------------------------------- */

static bool (*const functions[])(struct gw_stack *s,
                                 const struct gw_yaml_node *argument,
                                 struct gw_yaml_node **out) = {
    [GW_INTRINSIC_REF] = ref,
    [GW_INTRINSIC_GET_ATT] = get_att,
    [GW_INTRINSIC_SUB] = sub,
    [GW_INTRINSIC_JOIN] = join,
    [GW_INTRINSIC_SELECT] = select_item,
    [GW_INTRINSIC_SPLIT] = split,
    [GW_INTRINSIC_IF] = choose,
    [GW_INTRINSIC_FIND_IN_MAP] = find_in_map,
    [GW_INTRINSIC_BASE64] = base64,
};

static bool call(struct gw_stack *s, const struct gw_yaml_node *node,
                 const struct gw_intrinsic *call, struct gw_yaml_node **out)
{
    if (call->kind < GW_LEN(functions) && functions[call->kind])
        return functions[call->kind](s, call->argument, out);
    if (call->kind == GW_INTRINSIC_REFUSED)
        gw_yaml_fault(s->y, node, "%.*s: %s", GW_FMT(call->name),
                      call->refusal);
    else if (call->kind == GW_INTRINSIC_UNKNOWN)
        gw_intrinsic_complain(s->y, node, call);
    else
        gw_yaml_fault(s->y, node, "%.*s belongs into the Conditions",
                      GW_FMT(call->name));
    return false;
}

/* CloudFormation knows true and false among the plain scalars, in three
 * spellings and hands them on in one. All others are texts as written. */
static gw_str plain_text(const struct gw_yaml_node *node)
{
    if (node->is_plain && (gw_str_eq(node->text, GW_LIT("True")) ||
                           gw_str_eq(node->text, GW_LIT("TRUE"))))
        return GW_LIT("true");
    if (node->is_plain && (gw_str_eq(node->text, GW_LIT("False")) ||
                           gw_str_eq(node->text, GW_LIT("FALSE"))))
        return GW_LIT("false");
    return node->text;
}

static bool copy(struct gw_stack *s, const struct gw_yaml_node *node,
                 struct gw_yaml_node **out)
{
    struct gw_yaml_node *to = gw_yaml_new(s->y, node->kind, node);
    bool ok = true;

    *out = to;
    if (!to)
        return false;
    to->is_plain = node->is_plain;
    to->is_null = node->is_null;
    to->text = plain_text(node);
    GW_YAML_EACH(entry, node)
    {
        struct gw_yaml_node *value;

        if (!gw_value_read(s, entry, &value)) {
            ok = false; /* the others may be wrong, too */
            continue;
        }
        if (!value)
            continue;
        value->key = entry->key;
        value->key_mark = entry->key_mark;
        gw_yaml_hang(to, value);
    }
    return ok;
}

bool gw_value_read(struct gw_stack *s, const struct gw_yaml_node *node,
                   struct gw_yaml_node **out)
{
    struct gw_intrinsic c;
    bool ok = false;

    *out = NULL;
    if (s->depth == GW_VALUE_DEPTH_MAX) {
        gw_yaml_fault(s->y, node,
                      "expected functions and references at most "
                      "%d deep",
                      GW_VALUE_DEPTH_MAX);
        return false;
    }
    s->depth++;
    ok = gw_intrinsic_read(node, &c) ? call(s, node, &c, out)
                                     : copy(s, node, out);
    s->depth--;
    return ok;
}
