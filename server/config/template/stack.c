#include "server/config/template/stack.h"

#include <stdarg.h>
#include <stdio.h>

void *gw_stack_alloc(struct gw_stack *s, const struct gw_yaml_node *about,
                     size_t size)
{
    void *p = gw_arena_alloc(s->y->arena, size);

    if (!p)
        gw_yaml_fault(s->y, about, "the file asks for too much memory");
    return p;
}

struct gw_yaml_node *gw_stack_text(struct gw_stack *s,
                                   const struct gw_yaml_node *like, gw_str text)
{
    struct gw_yaml_node *node = gw_yaml_new(s->y, GW_YAML_SCALAR, like);

    if (node && gw_arena_dup(s->y->arena, text, &node->text)) {
        gw_yaml_fault(s->y, like, "the file asks for too much memory");
        return NULL;
    }
    return node;
}

struct gw_yaml_node *gw_stack_textf(struct gw_stack *s,
                                    const struct gw_yaml_node *like,
                                    const char *format, ...)
{
    char text[1001];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text)) {
        gw_yaml_fault(s->y, like, "expected a shorter name");
        return NULL;
    }
    return gw_stack_text(s, like, gw_str_of(text));
}

bool gw_stack_map(struct gw_stack *s, const struct gw_yaml_node *section,
                  struct gw_map *out)
{
    if (gw_map_init(out, s->y->arena, section->count) == GW_OK)
        return true;
    gw_yaml_fault(s->y, section, "the file asks for too much memory");
    return false;
}

bool gw_stack_is_known(struct gw_stack *s, const struct gw_yaml_node *entry,
                       const char *what, const char *const *names)
{
    struct gw_suggestion near = { .name = entry->key };
    char hint[GW_SUGGESTION_MAX];

    for (; *names; names++) {
        if (gw_str_eq(entry->key, gw_str_of(*names)))
            return true;
        gw_suggestion_offer(&near, gw_str_of(*names));
    }
    gw_suggestion_print(&near, hint);
    gw_yaml_fault_at_key(s->y, entry, "unknown %s `%.*s`%s", what,
                         (int)GW_MIN(entry->key.len, 80), entry->key.at, hint);
    return false;
}
