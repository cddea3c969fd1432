#include "server/config/members.h"

static void refuse(const struct gw_yaml *y, const struct gw_yaml_node *entry,
                   const struct gw_member *members, size_t count)
{
    struct gw_suggestion near = { .name = entry->key };
    char hint[GW_SUGGESTION_MAX];

    for (size_t i = 0; i < count; i++)
        gw_suggestion_offer(&near, gw_str_of(members[i].name));
    gw_suggestion_print(&near, hint);
    gw_yaml_fault_at_key(y, entry, "unknown key `%.*s`%s",
                         (int)GW_MIN(entry->key.len, 80), entry->key.at, hint);
}

void gw_members_read(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     const char *what, const struct gw_member *members,
                     size_t count, void *object)
{
    if (!gw_yaml_is_mapping(y, node, what))
        return;
    GW_YAML_EACH(entry, node)
    {
        size_t i = 0;

        while (i < count && !gw_str_eq(entry->key, gw_str_of(members[i].name)))
            i++;
        if (i < count)
            members[i].read(y, entry, (char *)object + members[i].at);
        else
            refuse(y, entry, members, count);
    }
}

void *gw_members_room(const struct gw_yaml *y, const struct gw_yaml_node *node,
                      size_t size)
{
    void *p = gw_arena_alloc(y->arena, size);

    if (!p)
        gw_yaml_fault(y, node, "the file asks for too much memory");
    return p;
}

void gw_member_text(const struct gw_yaml *y, const struct gw_yaml_node *node,
                    void *field)
{
    gw_yaml_to_text(y, node, "a text", field);
}

void gw_member_flag(const struct gw_yaml *y, const struct gw_yaml_node *node,
                    void *field)
{
    gw_yaml_to_bool(y, node, field);
}

void gw_member_pairs(const struct gw_yaml *y, const struct gw_yaml_node *node,
                     void *field)
{
    gw_yaml_to_pairs(y, node, field);
}
