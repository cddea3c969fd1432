#include "server/config/template/property.h"

#include "server/config/template/value.h"

const char gw_property_idle[] = "it has no effect here";

/* A slip is told from a property that is newer than this table. */
static void judge_unknown(struct gw_stack *s, const struct gw_yaml_node *entry,
                          gw_str id, const struct gw_property *rows,
                          size_t count)
{
    struct gw_suggestion near = { .name = entry->key };
    char hint[GW_SUGGESTION_MAX];

    for (size_t i = 0; i < count; i++)
        gw_suggestion_offer(&near, gw_str_of(rows[i].name));
    gw_suggestion_print(&near, hint);
    if (near.best[0])
        gw_yaml_fault_at_key(s->y, entry, "unknown property `%.*s`%s",
                             (int)GW_MIN(entry->key.len, 80), entry->key.at,
                             hint);
    else
        gw_notes_add(&s->notes, id, "the property `%.*s` is not known here",
                     (int)GW_MIN(entry->key.len, 80), entry->key.at);
}

static void read_property(struct gw_stack *s, const struct gw_yaml_node *entry,
                          gw_str id, const struct gw_property *row,
                          void *object)
{
    struct gw_yaml_node *value;

    if (!row->read) {
        if (row->note)
            gw_notes_add(&s->notes, id, "`%s`: %s", row->name, row->note);
        return;
    }
    if (!gw_value_read(s, entry, &value) || !value)
        return;
    value->key = entry->key;
    value->key_mark = entry->key_mark;
    row->read(s, value, (char *)object + row->at);
}

void gw_properties_read(struct gw_stack *s, const struct gw_yaml_node *mapping,
                        gw_str id, const struct gw_property *rows, size_t count,
                        void *object)
{
    if (!gw_yaml_is_mapping(s->y, mapping, "properties by name"))
        return;
    GW_YAML_EACH(entry, mapping)
    {
        size_t i = 0;

        while (i < count && !gw_str_eq(entry->key, gw_str_of(rows[i].name)))
            i++;
        if (i < count)
            read_property(s, entry, id, &rows[i], object);
        else
            judge_unknown(s, entry, id, rows, count);
    }
    for (size_t i = 0; i < count; i++)
        if (rows[i].is_required &&
            !gw_yaml_member(mapping, gw_str_of(rows[i].name)))
            gw_yaml_fault_at_key(s->y, mapping, "expected a `%s`",
                                 rows[i].name);
}

void gw_property_text(struct gw_stack *s, struct gw_yaml_node *value,
                      void *field)
{
    gw_yaml_to_text(s->y, value, "a text", field);
}

void gw_property_flag(struct gw_stack *s, struct gw_yaml_node *value,
                      void *field)
{
    gw_yaml_to_bool(s->y, value, field);
}

void gw_property_scalar(struct gw_stack *s, struct gw_yaml_node *value,
                        void *field)
{
    gw_str text;

    if (gw_yaml_to_text(s->y, value, "a text", &text))
        *(const struct gw_yaml_node **)field = value;
}

void gw_property_node(struct gw_stack *s, struct gw_yaml_node *value,
                      void *field)
{
    *(const struct gw_yaml_node **)field = value;
}

void gw_property_keep(struct gw_stack *s, struct gw_yaml_node *value,
                      void *field)
{
    gw_str key;

    if (gw_arena_dup(s->y->arena, value->key, &key)) {
        gw_yaml_fault(s->y, value, "the file asks for too much memory");
        return;
    }
    if (key.at[0] >= 'A' && key.at[0] <= 'Z')
        ((char *)key.at)[0] = (char)(key.at[0] + 32);
    value->key = key;
    gw_yaml_hang(field, value);
}
