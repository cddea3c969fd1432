#include "server/config/yaml.h"

#include <stdio.h>
#include <yaml.h>

struct builder {
    struct gw_yaml *y;
    yaml_parser_t parser;
    struct gw_yaml_node *open[GW_YAML_DEPTH_MAX]; /* containers, outermost
                                                     first */
    unsigned depth;
    bool has_key; /* of the innermost mapping: its value comes next */
    bool is_twin; /* that key was there before: the value is left out */
    gw_str key;
    struct gw_yaml_mark key_mark;
    bool is_done; /* the document has ended */
};

static struct gw_yaml_mark mark_of(yaml_mark_t mark)
{
    return (struct gw_yaml_mark){ (unsigned)mark.line + 1,
                                  (unsigned)mark.column + 1 };
}

static void add_error(const struct gw_yaml *y, struct gw_yaml_mark mark,
                      const char *format, va_list args) GW_PRINTF(3, 0);
static void add_error(const struct gw_yaml *y, struct gw_yaml_mark mark,
                      const char *format, va_list args)
{
    char place[300];

    snprintf(place, sizeof(place), "%.256s:%u:%u", y->file, mark.line,
             mark.column);
    gw_config_errors_addv(y->errors, place, format, args);
}

static bool refuse(const struct gw_yaml *y, struct gw_yaml_mark mark,
                   const char *format, ...) GW_PRINTF(3, 4);
static bool refuse(const struct gw_yaml *y, struct gw_yaml_mark mark,
                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_error(y, mark, format, args);
    va_end(args);
    return false;
}

void gw_yaml_fault(const struct gw_yaml *y, const struct gw_yaml_node *node,
                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_error(y, node->mark, format, args);
    va_end(args);
}

void gw_yaml_fault_at_key(const struct gw_yaml *y,
                          const struct gw_yaml_node *node, const char *format,
                          ...)
{
    va_list args;

    va_start(args, format);
    add_error(y, node->key_mark.line ? node->key_mark : node->mark, format,
              args);
    va_end(args);
}

/* --- the tree ------------------------------------------------------- */

static bool take_key(struct builder *b, const yaml_event_t *event)
{
    struct gw_yaml_node *mapping = b->open[b->depth - 1];
    gw_str key = { (const char *)event->data.scalar.value,
                   event->data.scalar.length };
    struct gw_yaml_mark mark = mark_of(event->start_mark);
    const struct gw_yaml_node *twin = gw_yaml_member(mapping, key);

    if (key.len == 0)
        return refuse(b->y, mark, "expected a key");
    if (memchr(key.at, '\0', key.len))
        return refuse(b->y, mark, "expected a key without NUL characters");
    if (twin)
        refuse(b->y, mark, "the key `%.*s` is given twice, first on line %u",
               GW_FMT(key), twin->key_mark.line);
    if (gw_arena_dup(b->y->arena, key, &b->key))
        return refuse(b->y, mark, "the file asks for too much memory");
    b->key_mark = mark;
    b->has_key = true;
    b->is_twin = twin != NULL;
    return true;
}

/* Hangs a new node into the innermost container. */
static bool add_node(struct builder *b, const yaml_event_t *event,
                     struct gw_yaml_node **out)
{
    struct gw_yaml_node *node = gw_arena_alloc(b->y->arena, sizeof(*node));
    struct gw_yaml_node *parent = b->depth ? b->open[b->depth - 1] : NULL;
    struct gw_yaml_mark mark = mark_of(event->start_mark);

    if (!node)
        return refuse(b->y, mark, "the file asks for too much memory");
    node->mark = mark;
    *out = node;
    if (!parent) {
        b->y->root = node;
        return true;
    }
    if (parent->count == GW_YAML_ENTRIES_MAX)
        return refuse(b->y, mark, "expected at most %d entries",
                      GW_YAML_ENTRIES_MAX);
    if (parent->kind == GW_YAML_MAPPING) {
        node->key = b->key;
        node->key_mark = b->key_mark;
        b->has_key = false;
        if (b->is_twin)
            return true;
    }
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->count++;
    return true;
}

static bool is_null_text(gw_str text)
{
    return text.len == 0 || gw_str_eq(text, GW_LIT("~")) ||
           gw_str_eq(text, GW_LIT("null"));
}

static bool add_scalar(struct builder *b, const yaml_event_t *event)
{
    gw_str text = { (const char *)event->data.scalar.value,
                    event->data.scalar.length };
    struct gw_yaml_node *node;

    if (!add_node(b, event, &node))
        return false;
    if (text.len && memchr(text.at, '\0', text.len))
        return refuse(b->y, node->mark,
                      "expected a text without NUL characters");
    node->kind = GW_YAML_SCALAR;
    node->is_null = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                    is_null_text(text);
    if (gw_arena_dup(b->y->arena, node->is_null ? GW_EMPTY : text, &node->text))
        return refuse(b->y, node->mark, "the file asks for too much memory");
    return true;
}

static bool open_container(struct builder *b, const yaml_event_t *event)
{
    struct gw_yaml_node *node;

    if (b->depth == GW_YAML_DEPTH_MAX)
        return refuse(b->y, mark_of(event->start_mark),
                      "expected at most %d levels", GW_YAML_DEPTH_MAX);
    if (!add_node(b, event, &node))
        return false;
    node->kind = event->type == YAML_MAPPING_START_EVENT ? GW_YAML_MAPPING
                                                         : GW_YAML_SEQUENCE;
    b->open[b->depth++] = node;
    return true;
}

static bool is_decorated(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor ||
               event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor ||
               event->data.mapping_start.tag;
    default:
        return false;
    }
}

static bool take_event(struct builder *b, const yaml_event_t *event)
{
    bool wants_key = b->depth && !b->has_key &&
                     b->open[b->depth - 1]->kind == GW_YAML_MAPPING;

    if (is_decorated(event))
        return refuse(b->y, mark_of(event->start_mark),
                      "anchors (&), aliases (*) and tags (!) are not "
                      "supported; quote a text that begins with one");
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return !b->is_done || refuse(b->y, mark_of(event->start_mark),
                                     "expected one document, this is a second");
    case YAML_DOCUMENT_END_EVENT:
        b->is_done = true;
        return true;
    case YAML_SCALAR_EVENT:
        return wants_key ? take_key(b, event) : add_scalar(b, event);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        if (wants_key)
            return refuse(b->y, mark_of(event->start_mark),
                          "expected a text as the key");
        return open_container(b, event);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        return true;
    default:
        return true;
    }
}

static bool refuse_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    struct gw_yaml_mark mark = mark_of(p->problem_mark);

    if (p->error == YAML_MEMORY_ERROR)
        return refuse(b->y, mark, "the file asks for too much memory");
    if (p->error == YAML_READER_ERROR) /* knows no line */
        return refuse(b->y, mark_of(p->mark), "not valid UTF-8 text: %s",
                      p->problem ? p->problem : "unreadable");
    return refuse(b->y, mark, "not valid YAML: %s%s%s",
                  p->context ? p->context : "", p->context ? ", " : "",
                  p->problem ? p->problem : "unreadable");
}

bool gw_yaml_read(struct gw_yaml *y, gw_str text)
{
    struct builder b = { .y = y };
    bool ok = true, ended = false;

    y->root = NULL;
    if (text.len > GW_YAML_BYTES_MAX)
        return refuse(y, (struct gw_yaml_mark){ 1, 1 },
                      "expected at most %d bytes", GW_YAML_BYTES_MAX);
    if (!yaml_parser_initialize(&b.parser))
        return refuse(y, (struct gw_yaml_mark){ 1, 1 }, "out of memory");
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text.at,
                                 text.len);
    while (ok && !ended) {
        yaml_event_t event;

        if (!yaml_parser_parse(&b.parser, &event)) {
            ok = refuse_syntax(&b);
            break;
        }
        ok = take_event(&b, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&b.parser);
    return ok;
}

/* --- reading it ----------------------------------------------------- */

const struct gw_yaml_node *gw_yaml_member(const struct gw_yaml_node *mapping,
                                          gw_str key)
{
    GW_YAML_EACH(node, mapping)
    if (gw_str_eq(node->key, key))
        return node;
    return NULL;
}

bool gw_yaml_is_mapping(const struct gw_yaml *y,
                        const struct gw_yaml_node *node, const char *what)
{
    if (node->kind == GW_YAML_MAPPING || node->is_null)
        return true;
    return refuse(y, node->mark, "expected %s", what);
}

bool gw_yaml_to_text(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     const char *what, gw_str *out)
{
    if (node->kind != GW_YAML_SCALAR)
        return refuse(y, node->mark, "expected %s", what);
    *out = node->text;
    return true;
}

bool gw_yaml_to_bool(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     bool *out)
{
    bool yes = gw_str_eq(node->text, GW_LIT("true"));

    if (node->kind != GW_YAML_SCALAR ||
        (!yes && !gw_str_eq(node->text, GW_LIT("false"))))
        return refuse(y, node->mark, "expected true or false");
    *out = yes;
    return true;
}

bool gw_yaml_to_count(const struct gw_yaml *y, const struct gw_yaml_node *node,
                      uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value;

    if (node->kind != GW_YAML_SCALAR || !gw_str_to_u64(node->text, &value) ||
        value < min || value > max)
        return refuse(y, node->mark, "expected a whole number, %u to %u", min,
                      max);
    *out = (uint32_t)value;
    return true;
}

bool gw_yaml_to_pairs(const struct gw_yaml *y, const struct gw_yaml_node *node,
                      struct gw_pairs *out)
{
    struct gw_pair *pairs;
    size_t count = 0;

    if (!gw_yaml_is_mapping(y, node, "names and their texts"))
        return false;
    pairs = gw_arena_alloc(y->arena, node->count * sizeof(*pairs));
    if (!pairs)
        return refuse(y, node->mark, "the file asks for too much memory");
    GW_YAML_EACH(entry, node)
    {
        pairs[count].name = entry->key;
        if (!gw_yaml_to_text(y, entry, "a text", &pairs[count].value))
            return false;
        count++;
    }
    *out = (struct gw_pairs){ pairs, count };
    return true;
}
