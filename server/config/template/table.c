/*
 * AWS::DynamoDB::Table and AWS::Serverless::SimpleTable. What is kept is what
 * a table is: names, keys, indexes, expiry, streams.
 */
#include "server/config/template/model.h"
#include "server/config/template/property.h"

struct draft {
    const struct gw_yaml_node *attributes, *keys, *global, *local, *expiry,
        *stream, *primary;
};

/* --- keys ------------------------------------------------------------ */

static char type_of(gw_str text, bool is_sam)
{
    static const struct {
        const char *name, *sam_name;
    } types[] = { { "S", "String" }, { "N", "Number" }, { "B", "Binary" } };

    for (size_t i = 0; i < GW_LEN(types); i++)
        if (gw_str_eq(text,
                      gw_str_of(is_sam ? types[i].sam_name : types[i].name)))
            return types[i].name[0];
    return '\0';
}

/* A member of a resolved mapping that is a text; NULL after an error. */
static const struct gw_yaml_node *text_of(struct gw_stack *s,
                                          const struct gw_yaml_node *mapping,
                                          const char *name)
{
    const struct gw_yaml_node *node =
        mapping->kind == GW_YAML_MAPPING
            ? gw_yaml_member(mapping, gw_str_of(name))
            : NULL;

    if (node && node->kind == GW_YAML_SCALAR && node->text.len)
        return node;
    gw_yaml_fault(s->y, node ? node : mapping, "expected a text `%s`", name);
    return NULL;
}

static char attribute_type(struct gw_stack *s, const struct draft *d,
                           const struct gw_yaml_node *name)
{
    const struct gw_yaml_node *all = d->attributes;

    for (const struct gw_yaml_node *n = all ? all->first : NULL; n;
         n = n->next) {
        const struct gw_yaml_node *type, *own;

        own = n->kind == GW_YAML_MAPPING
                  ? gw_yaml_member(n, GW_LIT("AttributeName"))
                  : NULL;
        if (!own || !gw_str_eq(own->text, name->text))
            continue;
        type = text_of(s, n, "AttributeType");
        if (type && !type_of(type->text, false))
            gw_yaml_fault(s->y, type, "expected S, N or B");
        return type ? type_of(type->text, false) : '\0';
    }
    gw_yaml_fault(s->y, name,
                  "expected an attribute of the AttributeDefinitions");
    return '\0';
}

static void read_keys(struct gw_stack *s, const struct draft *d,
                      const struct gw_yaml_node *schema,
                      struct gw_table_key *hash, struct gw_table_key *range)
{
    if (schema->kind != GW_YAML_SEQUENCE || !schema->count) {
        gw_yaml_fault(s->y, schema, "expected a list of keys");
        return;
    }
    GW_YAML_EACH(item, schema)
    {
        const struct gw_yaml_node *name = text_of(s, item, "AttributeName");
        const struct gw_yaml_node *kind = text_of(s, item, "KeyType");
        struct gw_table_key *to = NULL;

        if (!name || !kind)
            continue;
        if (gw_str_eq(kind->text, GW_LIT("HASH")))
            to = hash;
        else if (gw_str_eq(kind->text, GW_LIT("RANGE")))
            to = range;
        if (!to || to->name.len) {
            gw_yaml_fault(s->y, kind,
                          "expected one HASH and at most one "
                          "RANGE key");
            continue;
        }
        *to = (struct gw_table_key){ name->text, attribute_type(s, d, name) };
    }
    if (!hash->name.len)
        gw_yaml_fault(s->y, schema, "expected a HASH key");
}

/* --- indexes --------------------------------------------------------- */

static void read_projected(struct gw_stack *s, const struct gw_yaml_node *names,
                           struct gw_table_index *out)
{
    gw_str *list;

    if (names->kind != GW_YAML_SEQUENCE) {
        gw_yaml_fault(s->y, names, "expected a list of attributes");
        return;
    }
    list = gw_stack_alloc(s, names, names->count * sizeof(*list));
    if (!list)
        return;
    out->projected = list;
    GW_YAML_EACH(item, names)
    gw_yaml_to_text(s->y, item, "an attribute", &list[out->projected_count++]);
}

static void read_projection(struct gw_stack *s,
                            const struct gw_yaml_node *projection,
                            struct gw_table_index *out)
{
    const struct gw_yaml_node *type = text_of(s, projection, "ProjectionType");
    const struct gw_yaml_node *names;

    if (!type)
        return;
    if (gw_str_eq(type->text, GW_LIT("ALL")))
        out->projection = GW_PROJECT_ALL;
    else if (gw_str_eq(type->text, GW_LIT("KEYS_ONLY")))
        out->projection = GW_PROJECT_KEYS;
    else if (gw_str_eq(type->text, GW_LIT("INCLUDE")))
        out->projection = GW_PROJECT_SOME;
    else
        gw_yaml_fault(s->y, type, "expected ALL, KEYS_ONLY or INCLUDE");
    names = gw_yaml_member(projection, GW_LIT("NonKeyAttributes"));
    if (names && out->projection == GW_PROJECT_SOME)
        read_projected(s, names, out);
}

static void read_index(struct gw_stack *s, const struct draft *d,
                       const struct gw_yaml_node *node,
                       struct gw_table_index *out)
{
    const struct gw_yaml_node *name = text_of(s, node, "IndexName");
    const struct gw_yaml_node *keys, *projection;

    if (!name)
        return;
    out->name = name->text;
    keys = gw_yaml_member(node, GW_LIT("KeySchema"));
    projection = gw_yaml_member(node, GW_LIT("Projection"));
    if (!keys || !projection)
        gw_yaml_fault(s->y, node, "expected a `KeySchema` and a `Projection`");
    if (keys)
        read_keys(s, d, keys, &out->hash, &out->range);
    if (projection)
        read_projection(s, projection, out);
}

static void read_indexes(struct gw_stack *s, const struct draft *d,
                         struct gw_table_spec *out)
{
    const struct gw_yaml_node *lists[] = { d->global, d->local };
    struct gw_table_index *all;
    size_t count = 0;

    for (size_t i = 0; i < GW_LEN(lists); i++) {
        if (lists[i] && lists[i]->kind != GW_YAML_SEQUENCE)
            gw_yaml_fault(s->y, lists[i], "expected a list of indexes");
        count += lists[i] ? lists[i]->count : 0;
    }
    all = gw_arena_alloc(s->y->arena, count * sizeof(*all));
    if (!all) {
        gw_yaml_fault(s->y, lists[0] ? lists[0] : lists[1],
                      "the file asks for too much memory");
        return;
    }
    out->indexes = all;
    for (size_t i = 0; i < GW_LEN(lists); i++)
        for (const struct gw_yaml_node *n = lists[i] ? lists[i]->first : NULL;
             n; n = n->next) {
            all[out->index_count].is_local = i == 1;
            read_index(s, d, n, &all[out->index_count++]);
        }
}

/* --- tables ---------------------------------------------------------- */

#define AT(member) offsetof(struct draft, member)
static const struct gw_property table_rows[] = {
    { "AttributeDefinitions", gw_property_node, AT(attributes), NULL, true },
    { "KeySchema", gw_property_node, AT(keys), NULL, true },
    { "GlobalSecondaryIndexes", gw_property_node, AT(global), NULL, false },
    { "LocalSecondaryIndexes", gw_property_node, AT(local), NULL, false },
    { "TimeToLiveSpecification", gw_property_node, AT(expiry), NULL, false },
    { "StreamSpecification", gw_property_node, AT(stream), NULL, false },
    { "ImportSourceSpecification", NULL, 0, gw_property_idle, false },
    { "KinesisStreamSpecification", NULL, 0, gw_property_idle, false },
    GW_PROPERTY_QUIET("BillingMode"),
    GW_PROPERTY_QUIET("ContributorInsightsSpecification"),
    GW_PROPERTY_QUIET("DeletionProtectionEnabled"),
    GW_PROPERTY_QUIET("OnDemandThroughput"),
    GW_PROPERTY_QUIET("PointInTimeRecoverySpecification"),
    GW_PROPERTY_QUIET("ProvisionedThroughput"),
    GW_PROPERTY_QUIET("ResourcePolicy"),
    GW_PROPERTY_QUIET("SSESpecification"),
    GW_PROPERTY_QUIET("TableClass"),
    GW_PROPERTY_QUIET("TableName"), /* gw_resource_name reads it */
    GW_PROPERTY_QUIET("Tags"),
    GW_PROPERTY_QUIET("WarmThroughput"),
};

static const struct gw_property simple_rows[] = {
    { "PrimaryKey", gw_property_node, AT(primary), NULL, false },
    GW_PROPERTY_QUIET("PointInTimeRecoverySpecification"),
    GW_PROPERTY_QUIET("ProvisionedThroughput"),
    GW_PROPERTY_QUIET("SSESpecification"),
    GW_PROPERTY_QUIET("TableName"),
    GW_PROPERTY_QUIET("Tags"),
};
#undef AT

/* Without a PrimaryKey: a text called `id`. */
static void read_primary(struct gw_stack *s, const struct gw_yaml_node *node,
                         struct gw_table_key *out)
{
    const struct gw_yaml_node *name, *type;

    *out = (struct gw_table_key){ GW_LIT("id"), 'S' };
    if (!node)
        return;
    name = text_of(s, node, "Name");
    type = text_of(s, node, "Type");
    if (!name || !type)
        return;
    *out = (struct gw_table_key){ name->text, type_of(type->text, true) };
    if (!out->type)
        gw_yaml_fault(s->y, type, "expected String, Number or Binary");
}

static void read_expiry(struct gw_stack *s, const struct gw_yaml_node *node,
                        gw_str *out)
{
    const struct gw_yaml_node *enabled =
        node->kind == GW_YAML_MAPPING ? gw_yaml_member(node, GW_LIT("Enabled"))
                                      : NULL;
    const struct gw_yaml_node *name;
    bool is_on = true;

    if (enabled && (!gw_yaml_to_bool(s->y, enabled, &is_on) || !is_on))
        return;
    name = text_of(s, node, "AttributeName");
    if (name)
        *out = name->text;
}

static bool read_table(struct gw_stack *s, struct gw_resource *r,
                       struct gw_table_spec *out)
{
    bool is_simple = r->type->kind == GW_TYPE_SIMPLE_TABLE;
    unsigned before = s->y->errors->count;
    struct draft d = { 0 };

    *out = (struct gw_table_spec){ .id = r->id, .arn = gw_resource_arn(s, r) };
    gw_properties_read(
        s, r->properties, r->id, is_simple ? simple_rows : table_rows,
        is_simple ? GW_LEN(simple_rows) : GW_LEN(table_rows), &d);
    if (!gw_resource_name(s, r, &out->name))
        return false;
    if (is_simple)
        read_primary(s, d.primary, &out->hash);
    else if (d.keys && d.attributes)
        read_keys(s, &d, d.keys, &out->hash, &out->range);
    if (d.global || d.local)
        read_indexes(s, &d, out);
    if (d.expiry)
        read_expiry(s, d.expiry, &out->expires_attribute);
    if (d.stream) {
        const struct gw_yaml_node *view =
            text_of(s, d.stream, "StreamViewType");

        out->stream_view = view ? view->text : GW_EMPTY;
    }
    return s->y->errors->count == before;
}

static bool is_taken(struct gw_stack *s, const struct gw_resource *r,
                     const struct gw_cfn *t, gw_str name)
{
    for (size_t i = 0; i < t->table_count; i++)
        if (gw_str_eq(t->tables[i].name, name)) {
            gw_yaml_fault_at_key(s->y, r->node, "%.*s has the same TableName",
                                 (int)GW_MIN(t->tables[i].id.len, 80),
                                 t->tables[i].id.at);
            return true;
        }
    return false;
}

void gw_model_tables(struct gw_stack *s, struct gw_cfn *out)
{
    struct gw_table_spec *list =
        gw_arena_alloc(s->y->arena, s->resource_count * sizeof(*list));

    if (!list) {
        gw_config_errors_add(s->y->errors, s->y->file,
                             "the file asks for too much memory");
        return;
    }
    out->tables = list;
    for (size_t i = 0; i < s->resource_count; i++) {
        struct gw_resource *r = &s->resources[i];

        if (r->exists &&
            (r->type->kind == GW_TYPE_TABLE ||
             r->type->kind == GW_TYPE_SIMPLE_TABLE) &&
            read_table(s, r, &list[out->table_count]) &&
            !is_taken(s, r, out, list[out->table_count].name))
            out->table_count++;
    }
}
