#include "server/config/yaml_builder.h"

static bool no_room(struct gw_yaml_builder *b, struct gw_yaml_mark mark)
{
    return gw_yaml_refuse(b->y, mark, "the file asks for too much memory");
}

static bool wants_key(const struct gw_yaml_builder *b)
{
    return b->depth && !b->has_key &&
           b->open[b->depth - 1]->kind == GW_YAML_MAPPING;
}

static bool take_key(struct gw_yaml_builder *b,
                     const struct gw_yaml_piece *piece)
{
    const struct gw_yaml_node *twin =
        gw_yaml_member(b->open[b->depth - 1], piece->text);

    if (piece->tag.len)
        return gw_yaml_refuse(b->y, piece->mark,
                              "expected a key without a tag "
                              "(!); quote a text that "
                              "begins with one");
    if (piece->text.len == 0)
        return gw_yaml_refuse(b->y, piece->mark, "expected a key");
    if (memchr(piece->text.at, '\0', piece->text.len))
        return gw_yaml_refuse(b->y, piece->mark,
                              "expected a key without NUL characters");
    if (twin)
        gw_yaml_refuse(b->y, piece->mark,
                       "the key `%.*s` is given twice, first on line %u",
                       GW_FMT(piece->text), twin->key_mark.line);
    if (gw_arena_dup(b->y->arena, piece->text, &b->key))
        return no_room(b, piece->mark);
    b->key_mark = piece->mark;
    b->has_key = true;
    b->is_twin = twin != NULL;
    return true;
}

/* Hangs a new node into the innermost container. */
static bool add_node(struct gw_yaml_builder *b, int kind,
                     const struct gw_yaml_piece *piece,
                     struct gw_yaml_node **out)
{
    struct gw_yaml_node *node = gw_arena_alloc(b->y->arena, sizeof(*node));
    struct gw_yaml_node *parent = b->depth ? b->open[b->depth - 1] : NULL;

    if (!node ||
        (piece->tag.len && gw_arena_dup(b->y->arena, piece->tag, &node->tag)))
        return no_room(b, piece->mark);
    node->kind = kind;
    node->mark = piece->mark;
    if (node->tag.len && !b->y->tagged)
        b->y->tagged = node;
    *out = node;
    if (!parent) {
        b->y->root = node;
        return true;
    }
    if (parent->count == GW_YAML_ENTRIES_MAX)
        return gw_yaml_refuse(b->y, piece->mark, "expected at most %d entries",
                              GW_YAML_ENTRIES_MAX);
    if (parent->kind == GW_YAML_MAPPING) {
        node->key = b->key;
        node->key_mark = b->key_mark;
        b->has_key = false;
        if (b->is_twin)
            return true;
    }
    gw_yaml_hang(parent, node);
    return true;
}

static bool is_null_text(gw_str text)
{
    return text.len == 0 || gw_str_eq(text, GW_LIT("~")) ||
           gw_str_eq(text, GW_LIT("null"));
}

bool gw_yaml_builder_scalar(struct gw_yaml_builder *b,
                            const struct gw_yaml_piece *piece)
{
    struct gw_yaml_node *node;

    if (wants_key(b))
        return take_key(b, piece);
    if (!add_node(b, GW_YAML_SCALAR, piece, &node))
        return false;
    if (piece->text.len && memchr(piece->text.at, '\0', piece->text.len))
        return gw_yaml_refuse(b->y, node->mark,
                              "expected a text without NUL characters");
    node->is_plain = piece->is_plain;
    node->is_null = piece->is_plain && is_null_text(piece->text);
    if (gw_arena_dup(b->y->arena, node->is_null ? GW_EMPTY : piece->text,
                     &node->text))
        return no_room(b, piece->mark);
    return true;
}

bool gw_yaml_builder_open(struct gw_yaml_builder *b, int kind,
                          const struct gw_yaml_piece *piece)
{
    struct gw_yaml_node *node;

    if (wants_key(b))
        return gw_yaml_refuse(b->y, piece->mark, "expected a text as the key");
    if (b->depth == GW_YAML_DEPTH_MAX)
        return gw_yaml_refuse(b->y, piece->mark, "expected at most %d levels",
                              GW_YAML_DEPTH_MAX);
    if (!add_node(b, kind, piece, &node))
        return false;
    b->open[b->depth++] = node;
    return true;
}

void gw_yaml_builder_close(struct gw_yaml_builder *b)
{
    b->depth--;
}
