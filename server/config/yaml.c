#include "server/config/yaml_builder.h"

#include "protocol/base/utf8.h"
#include "protocol/json/json.h"

#include <stdio.h>
#include <yaml.h>

static void add_error(const struct gw_yaml *y, struct gw_yaml_mark mark,
                      gw_str owner, const char *format, va_list args)
    GW_PRINTF(4, 0);
static void add_error(const struct gw_yaml *y, struct gw_yaml_mark mark,
                      gw_str owner, const char *format, va_list args)
{
    char place[400];

    snprintf(place, sizeof(place), "%.256s:%u:%u%s%.*s", y->file, mark.line,
             mark.column, owner.len ? ": " : "", (int)GW_MIN(owner.len, 80),
             owner.at);
    gw_config_errors_addv(y->errors, place, format, args);
}

bool gw_yaml_refuse(const struct gw_yaml *y, struct gw_yaml_mark mark,
                    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_error(y, mark, GW_EMPTY, format, args);
    va_end(args);
    return false;
}

static bool refuse(const struct gw_yaml *y, const struct gw_yaml_node *node,
                   const char *format, ...) GW_PRINTF(3, 4);
static bool refuse(const struct gw_yaml *y, const struct gw_yaml_node *node,
                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_error(y, node->mark, node->owner, format, args);
    va_end(args);
    return false;
}

void gw_yaml_fault(const struct gw_yaml *y, const struct gw_yaml_node *node,
                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_error(y, node->mark, node->owner, format, args);
    va_end(args);
}

void gw_yaml_fault_at_key(const struct gw_yaml *y,
                          const struct gw_yaml_node *node, const char *format,
                          ...)
{
    va_list args;

    va_start(args, format);
    add_error(y, node->key_mark.line ? node->key_mark : node->mark, node->owner,
              format, args);
    va_end(args);
}

/* --- nodes ---------------------------------------------------------- */

struct gw_yaml_node *gw_yaml_new(const struct gw_yaml *y, int kind,
                                 const struct gw_yaml_node *like)
{
    struct gw_yaml_node *node = gw_arena_alloc(y->arena, sizeof(*node));

    if (!node) {
        gw_yaml_fault(y, like, "the file asks for too much memory");
        return NULL;
    }
    node->kind = kind;
    node->mark = like->mark;
    node->owner = like->owner;
    node->key = like->key;
    node->key_mark = like->key_mark;
    return node;
}

void gw_yaml_hang(struct gw_yaml_node *parent, struct gw_yaml_node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

void gw_yaml_refuse_tags(const struct gw_yaml *y)
{
    if (y->tagged)
        gw_yaml_fault(y, y->tagged,
                      "tags (!) are not supported here; quote a text that "
                      "begins with one");
}

/* --- libyaml -------------------------------------------------------- */

struct reading {
    struct gw_yaml_builder builder;
    yaml_parser_t parser;
    bool is_done; /* the document has ended */
};

static struct gw_yaml_mark mark_of(yaml_mark_t mark)
{
    return (struct gw_yaml_mark){ (unsigned)mark.line + 1,
                                  (unsigned)mark.column + 1 };
}

static bool has_anchor(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor;
    default:
        return false;
    }
}

/* !Ref: "Ref". A lone ! says that the text is a text, as any other. */
static gw_str tag_of(const yaml_char_t *tag)
{
    gw_str text = gw_str_of((const char *)tag);

    gw_str_pass(&text, '!');
    return text;
}

static bool take_scalar(struct reading *r, const yaml_event_t *event)
{
    struct gw_yaml_piece piece = {
        .mark = mark_of(event->start_mark),
        .text = { (const char *)event->data.scalar.value,
                  event->data.scalar.length },
        .tag = tag_of(event->data.scalar.tag),
        .is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
    };

    return gw_yaml_builder_scalar(&r->builder, &piece);
}

static bool open_container(struct reading *r, const yaml_event_t *event)
{
    bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
    struct gw_yaml_piece piece = {
        .mark = mark_of(event->start_mark),
        .tag = tag_of(is_mapping ? event->data.mapping_start.tag
                                 : event->data.sequence_start.tag),
    };

    return gw_yaml_builder_open(
        &r->builder, is_mapping ? GW_YAML_MAPPING : GW_YAML_SEQUENCE, &piece);
}

static bool take_event(struct reading *r, const yaml_event_t *event)
{
    const struct gw_yaml *y = r->builder.y;
    struct gw_yaml_mark mark = mark_of(event->start_mark);

    if (has_anchor(event))
        return gw_yaml_refuse(y, mark,
                              "anchors (&) and aliases (*) are not supported; "
                              "quote a text that begins with one");
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return !r->is_done ||
               gw_yaml_refuse(y, mark,
                              "expected one document, this is a second");
    case YAML_DOCUMENT_END_EVENT:
        r->is_done = true;
        return true;
    case YAML_SCALAR_EVENT:
        return take_scalar(r, event);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return open_container(r, event);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        gw_yaml_builder_close(&r->builder);
        return true;
    default:
        return true;
    }
}

static bool refuse_syntax(struct reading *r)
{
    const struct gw_yaml *y = r->builder.y;
    const yaml_parser_t *p = &r->parser;
    struct gw_yaml_mark mark = mark_of(p->problem_mark);

    if (p->error == YAML_MEMORY_ERROR)
        return gw_yaml_refuse(y, mark, "the file asks for too much memory");
    if (p->error == YAML_READER_ERROR) /* knows no line */
        return gw_yaml_refuse(y, mark_of(p->mark), "not valid UTF-8 text: %s",
                              p->problem ? p->problem : "unreadable");
    return gw_yaml_refuse(y, mark, "not valid YAML: %s%s%s",
                          p->context ? p->context : "", p->context ? ", " : "",
                          p->problem ? p->problem : "unreadable");
}

static bool read_yaml(struct gw_yaml *y, gw_str text)
{
    struct reading r = { .builder = { .y = y } };
    bool ok = true, ended = false;

    if (!yaml_parser_initialize(&r.parser))
        return gw_yaml_refuse(y, (struct gw_yaml_mark){ 1, 1 },
                              "out of memory");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.at,
                                 text.len);
    while (ok && !ended) {
        yaml_event_t event;

        if (!yaml_parser_parse(&r.parser, &event)) {
            ok = refuse_syntax(&r);
            break;
        }
        ok = take_event(&r, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&r.parser);
    return ok;
}

bool gw_yaml_read(struct gw_yaml *y, gw_str text)
{
    gw_json json;

    y->root = NULL;
    y->tagged = NULL;
    if (text.len > GW_YAML_BYTES_MAX)
        return gw_yaml_refuse(y, (struct gw_yaml_mark){ 1, 1 },
                              "expected at most %d bytes", GW_YAML_BYTES_MAX);
    if (gw_json_read(text, &json) == GW_OK && json.kind == GW_JSON_OBJECT &&
        gw_utf8_is_valid(text))
        return gw_yaml_read_json(y, text, json.raw);
    return read_yaml(y, text);
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
    return refuse(y, node, "expected %s", what);
}

bool gw_yaml_to_text(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     const char *what, gw_str *out)
{
    if (node->kind != GW_YAML_SCALAR)
        return refuse(y, node, "expected %s", what);
    *out = node->text;
    return true;
}

bool gw_yaml_to_bool(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     bool *out)
{
    bool yes = gw_str_eq(node->text, GW_LIT("true"));

    if (node->kind != GW_YAML_SCALAR ||
        (!yes && !gw_str_eq(node->text, GW_LIT("false"))))
        return refuse(y, node, "expected true or false");
    *out = yes;
    return true;
}

bool gw_yaml_to_count(const struct gw_yaml *y, const struct gw_yaml_node *node,
                      uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value;

    if (node->kind != GW_YAML_SCALAR || !gw_str_to_u64(node->text, &value) ||
        value < min || value > max)
        return refuse(y, node, "expected a whole number, %u to %u", min, max);
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
        return refuse(y, node, "the file asks for too much memory");
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
