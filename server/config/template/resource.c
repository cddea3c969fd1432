#include "server/config/template/resource.h"

#include "server/config/template/condition.h"
#include "server/config/template/globals.h"
#include "server/config/template/parameter.h"
#include "server/config/template/value.h"

/* --- reading --------------------------------------------------------- */

static const char *const known[] = {
    "Type",       "Properties",          "DependsOn",     "Condition",
    "Metadata",   "DeletionPolicy",      "UpdatePolicy",  "CreationPolicy",
    "Connectors", "UpdateReplacePolicy", "IgnoreGlobals", NULL,
};

static bool is_sam_type(gw_str name)
{
    return gw_str_starts(name, GW_LIT("AWS::Serverless::"));
}

static bool check(struct gw_stack *s, const struct gw_yaml_node *node)
{
    const struct gw_yaml_node *type = gw_yaml_member(node, GW_LIT("Type"));
    bool ok = true;

    if (!gw_str_is_of(node->key, "")) {
        gw_yaml_fault_at_key(s->y, node,
                             "expected a logical id of letters "
                             "and digits");
        return false;
    }
    if (node->kind != GW_YAML_MAPPING || node->tag.len || !type) {
        gw_yaml_fault_at_key(s->y, node, "expected a resource with a Type");
        return false;
    }
    GW_YAML_EACH(entry, node)
    ok = gw_stack_is_known(s, entry, "key", known) && ok;
    if (type->kind != GW_YAML_SCALAR || type->tag.len || !type->text.len) {
        gw_yaml_fault(s->y, type, "expected the name of a type");
        return false;
    }
    if (is_sam_type(type->text) && !s->is_sam) {
        gw_yaml_fault(s->y, type,
                      "%.*s needs `Transform: AWS::Serverless-2016-10-31` at "
                      "the top of the file",
                      (int)GW_MIN(type->text.len, 80), type->text.at);
        return false;
    }
    return ok;
}

/* What becomes of it, if that is not plain. */
static void announce(struct gw_stack *s, const struct gw_resource *r)
{
    int len = (int)GW_MIN(r->type_name.len, 80);

    if (r->type->kind == GW_TYPE_IDLE)
        gw_notes_add(&s->notes, r->id, "%.*s: %s", len, r->type_name.at,
                     r->type->note);
    if (r->type->kind == GW_TYPE_UNSERVED)
        gw_notes_add(&s->notes, r->id, "%.*s: %s", len, r->type_name.at,
                     r->type->note ? r->type->note
                                   : "it is not served here, and nothing is "
                                     "made of it");
}

static void read_resource(struct gw_stack *s, const struct gw_yaml_node *node,
                          struct gw_resource *r)
{
    const struct gw_yaml_node *properties =
        gw_yaml_member(node, GW_LIT("Properties"));

    *r = (struct gw_resource){ .id = node->key, .node = node };
    r->type = gw_type_find(GW_EMPTY);
    r->properties = node; /* stays so when it does not exist */
    r->is_broken = !check(s, node);
    if (r->is_broken)
        return;
    r->type_name = gw_yaml_member(node, GW_LIT("Type"))->text;
    r->type = gw_type_find(r->type_name);
    r->exists = gw_condition_holds(s, node);
    if (!r->exists)
        return;
    announce(s, r);
    r->properties = gw_globals_apply(s, node, r->type_name, properties);
    r->is_broken = !r->properties;
    r->exists = !r->is_broken;
}

/* Two APIs may differ in nothing but capitals, and their ids not at all. */
static void check_ids(struct gw_stack *s)
{
    for (size_t i = 0; i < s->resource_count; i++)
        for (size_t n = 0; n < i; n++) {
            struct gw_resource *a = &s->resources[n], *b = &s->resources[i];
            bool both = (b->type->kind == GW_TYPE_API ||
                         b->type->kind == GW_TYPE_WEBSOCKET_API) &&
                        (a->type->kind == GW_TYPE_API ||
                         a->type->kind == GW_TYPE_WEBSOCKET_API);

            if (both && gw_str_eq_nocase(a->id, b->id))
                gw_yaml_fault_at_key(s->y, b->node,
                                     "expected APIs that differ in more than "
                                     "capitals: %.*s is one, too",
                                     (int)GW_MIN(a->id.len, 80), a->id.at);
        }
}

void gw_resources_read(struct gw_stack *s, const struct gw_yaml_node *section)
{
    size_t i = 0;

    s->resources =
        gw_stack_alloc(s, section, section->count * sizeof(*s->resources));
    if (!s->resources || !gw_stack_map(s, section, &s->by_id))
        return;
    GW_YAML_EACH(entry, section)
    {
        read_resource(s, entry, &s->resources[i]);
        if (!gw_map_put(&s->by_id, entry->key, &s->resources[i]))
            continue;
        if (gw_parameter_find(s, entry->key))
            gw_yaml_fault_at_key(s->y, entry, "a parameter has the same name");
        i++;
    }
    s->resource_count = i;
    check_ids(s);
}

struct gw_resource *gw_resource_find(const struct gw_stack *s, gw_str id)
{
    return gw_map_get(&s->by_id, id);
}

/* SAM makes "FunctionRole" and its like beside "Function". */
bool gw_resource_is_implied(const struct gw_stack *s, gw_str id)
{
    static const char *const endings[] = { "Role",  "Stage",       "Deployment",
                                           "Url",   "Permission",  "Route",
                                           "Alias", "Integration", NULL };

    if (!s->is_sam)
        return false;
    if (gw_str_starts(id, GW_LIT("ServerlessRestApi")) ||
        gw_str_starts(id, GW_LIT("ServerlessHttpApi")))
        return true;
    for (size_t i = 0; i < s->resource_count; i++) {
        const struct gw_resource *r = &s->resources[i];

        if (!is_sam_type(r->type_name) || !gw_str_starts(id, r->id))
            continue;
        for (const char *const *end = endings; *end; end++)
            if (gw_str_ends(gw_str_skip(id, r->id.len), gw_str_of(*end)))
                return true;
    }
    return false;
}

/* --- names ----------------------------------------------------------- */

static bool lower(struct gw_stack *s, const struct gw_resource *r, gw_str *out)
{
    char *text = gw_stack_alloc(s, r->node, r->id.len + 1);

    if (!text)
        return false;
    for (size_t i = 0; i < r->id.len; i++)
        text[i] =
            (char)(r->id.at[i] >= 'A' && r->id.at[i] <= 'Z' ? r->id.at[i] + 32
                                                            : r->id.at[i]);
    *out = (gw_str){ text, r->id.len };
    return true;
}

static bool read_text(struct gw_stack *s, const struct gw_resource *r,
                      const char *property, gw_str *out)
{
    const struct gw_yaml_node *node =
        gw_yaml_member(r->properties, gw_str_of(property));
    struct gw_yaml_node *value = NULL;

    if (node && !gw_value_read(s, node, &value))
        return false;
    if (value && (value->kind != GW_YAML_SCALAR || !value->text.len)) {
        gw_yaml_fault(s->y, node, "expected a name");
        return false;
    }
    if (value)
        *out = value->text;
    return true;
}

static bool read_name(struct gw_stack *s, struct gw_resource *r, gw_str *out)
{
    *out = r->id;
    if (r->type->kind == GW_TYPE_API || r->type->kind == GW_TYPE_WEBSOCKET_API)
        return lower(s, r, out);
    return !r->type->named_by || read_text(s, r, r->type->named_by, out);
}

static bool read_stage(struct gw_stack *s, struct gw_resource *r, gw_str *out)
{
    *out = GW_LIT("default");
    return read_text(s, r, "StageName", out);
}

/* Bad ones are kept, too: asked for twice by each of a chain, they would be
 * evaluated without end. */
static bool ask(struct gw_stack *s, struct gw_resource *r,
                struct gw_resource_text *memo,
                bool (*read)(struct gw_stack *s, struct gw_resource *r,
                             gw_str *out),
                gw_str *out)
{
    if (memo->state == GW_TEXT_UNKNOWN)
        memo->state = read(s, r, &memo->text) ? GW_TEXT_GOOD : GW_TEXT_BAD;
    *out = memo->text;
    return memo->state == GW_TEXT_GOOD;
}

bool gw_resource_name(struct gw_stack *s, struct gw_resource *r, gw_str *out)
{
    return ask(s, r, &r->name, read_name, out);
}

gw_str gw_resource_arn(struct gw_stack *s, struct gw_resource *r)
{
    gw_str prefix = gw_str_of(r->type->arn), service, name;
    gw_str region = gw_parameter_pseudo(s, "AWS::Region");
    struct gw_yaml_node *arn;

    if (!prefix.len || !gw_resource_name(s, r, &name))
        return GW_EMPTY;
    service = gw_str_cut(&prefix, '|');
    if (gw_str_eq(service, GW_LIT("iam")))
        region = GW_EMPTY; /* it has none */
    arn = gw_stack_textf(s, r->node, "arn:%.*s:%.*s:%.*s:%.*s:%.*s%.*s",
                         GW_FMT(gw_parameter_pseudo(s, "AWS::Partition")),
                         GW_FMT(service), GW_FMT(region),
                         GW_FMT(gw_parameter_pseudo(s, "AWS::AccountId")),
                         GW_FMT(prefix), GW_FMT(name));
    return arn ? arn->text : GW_EMPTY;
}

struct gw_resource *gw_resource_by_ref(struct gw_stack *s, gw_type_kind kind,
                                       gw_str ref)
{
    for (size_t i = 0; i < s->resource_count; i++) {
        struct gw_resource *r = &s->resources[i];
        gw_str name;

        if (r->exists && r->type->kind == kind &&
            gw_resource_name(s, r, &name) && gw_str_eq(name, ref))
            return r;
    }
    return NULL;
}

/* --- Ref and Fn::GetAtt ---------------------------------------------- */

/* May it be referred to here? */
static bool is_there(struct gw_stack *s, const struct gw_yaml_node *at,
                     const struct gw_resource *r, gw_str id)
{
    if (s->in_conditions)
        gw_yaml_fault(s->y, at,
                      "conditions know parameters and mappings, but no "
                      "resources such as `%.*s`",
                      (int)GW_MIN(id.len, 80), id.at);
    else if (r && !r->exists && !r->is_broken)
        gw_yaml_fault(s->y, at,
                      "`%.*s` is not created: its Condition does "
                      "not hold",
                      (int)GW_MIN(id.len, 80), id.at);
    return !s->in_conditions && (!r || r->exists);
}

/* Something that is not made here, but has to be called something. */
static struct gw_yaml_node *stand_in(struct gw_stack *s,
                                     const struct gw_yaml_node *at, gw_str id,
                                     gw_str attribute)
{
    struct gw_yaml_node *value =
        gw_stack_textf(s, at, "%.*s%s%.*s", GW_FMT(id),
                       attribute.len ? "." : "", GW_FMT(attribute));

    if (value)
        gw_notes_add(&s->notes, id,
                     "`%.*s` of what is not served here stands "
                     "for itself, wherever it is used",
                     (int)GW_MIN(value->text.len, 80), value->text.at);
    return value;
}

static struct gw_yaml_node *name_node(struct gw_stack *s,
                                      const struct gw_yaml_node *at,
                                      struct gw_resource *r)
{
    gw_str name;

    return gw_resource_name(s, r, &name) ? gw_stack_text(s, at, name) : NULL;
}

/* SAM: "Api.Stage", "Function.Alias", "Function.Version". */
static struct gw_yaml_node *sam_ref(struct gw_stack *s,
                                    const struct gw_yaml_node *at,
                                    struct gw_resource *r, gw_str part)
{
    if (r->type->kind == GW_TYPE_WEBSOCKET_API &&
        gw_str_eq(part, GW_LIT("Stage"))) {
        gw_str name;

        if (!ask(s, r, &r->stage, read_stage, &name))
            return NULL;
        return gw_stack_text(s, at, name);
    }
    if (r->type->kind == GW_TYPE_SAM_FUNCTION &&
        (gw_str_eq(part, GW_LIT("Version")) ||
         gw_str_eq(part, GW_LIT("Alias")))) {
        gw_str arn = gw_resource_arn(s, r);

        return arn.len ? gw_stack_text(s, at, arn) : NULL;
    }
    if (r->type->kind == GW_TYPE_UNSERVED)
        return stand_in(s, at, r->id, part);
    gw_yaml_fault(s->y, at, "%.*s has no part `%.*s`",
                  (int)GW_MIN(r->type_name.len, 80), r->type_name.at,
                  (int)GW_MIN(part.len, 80), part.at);
    return NULL;
}

/* Is it not made here, nor given a name by which it is known elsewhere? */
static bool is_anonymous(const struct gw_resource *r)
{
    return r->type->kind == GW_TYPE_UNSERVED &&
           !(r->type->named_by &&
             gw_yaml_member(r->properties, gw_str_of(r->type->named_by)));
}

bool gw_resource_ref(struct gw_stack *s, const struct gw_yaml_node *at,
                     gw_str name, struct gw_yaml_node **out)
{
    gw_str part = name, id = gw_str_cut(&part, '.');
    struct gw_resource *r = gw_resource_find(s, id);

    *out = NULL;
    if (!r && !gw_resource_is_implied(s, id))
        return false;
    if (!is_there(s, at, r, id))
        return true;
    if (!r || (is_anonymous(r) && !part.len))
        *out = stand_in(s, at, id, part);
    else
        *out = part.len ? sam_ref(s, at, r, part) : name_node(s, at, r);
    return true;
}

static struct gw_yaml_node *api_attribute(struct gw_stack *s,
                                          const struct gw_yaml_node *at,
                                          struct gw_resource *r,
                                          gw_str attribute)
{
    gw_str id;

    if (!gw_resource_name(s, r, &id))
        return NULL;
    if (gw_str_eq(attribute, GW_LIT("ApiId")))
        return gw_stack_text(s, at, id);
    if (gw_str_eq(attribute, GW_LIT("ApiEndpoint")))
        return gw_stack_textf(s, at, "wss://%.*s.execute-api.%.*s.%.*s",
                              GW_FMT(id),
                              GW_FMT(gw_parameter_pseudo(s, "AWS::Region")),
                              GW_FMT(gw_parameter_pseudo(s, "AWS::URLSuffix")));
    gw_yaml_fault(s->y, at, "expected the attribute ApiId or ApiEndpoint");
    return NULL;
}

static struct gw_yaml_node *arn_attribute(struct gw_stack *s,
                                          const struct gw_yaml_node *at,
                                          struct gw_resource *r,
                                          gw_str attribute)
{
    bool is_table =
        r->type->kind == GW_TYPE_TABLE || r->type->kind == GW_TYPE_SIMPLE_TABLE;
    const char *ending = "";
    gw_str arn;

    if (is_table && gw_str_eq(attribute, GW_LIT("StreamArn"))) {
        ending = "/stream/2000-01-01T00:00:00.000";
    } else if (!gw_str_eq(attribute, GW_LIT("Arn"))) {
        gw_yaml_fault(s->y, at, "expected the attribute Arn%s",
                      is_table ? " or StreamArn" : "");
        return NULL;
    }
    if (gw_str_eq(r->type_name, GW_LIT("AWS::Logs::LogGroup")))
        ending = ":*";
    arn = gw_resource_arn(s, r);
    return arn.len ? gw_stack_textf(s, at, "%.*s%s", GW_FMT(arn), ending)
                   : NULL;
}

/* Of a route, an integration, ...: RouteId and its like. */
static struct gw_yaml_node *id_attribute(struct gw_stack *s,
                                         const struct gw_yaml_node *at,
                                         struct gw_resource *r,
                                         gw_str attribute)
{
    if (gw_str_ends(attribute, GW_LIT("Id")) &&
        !gw_str_eq(attribute, GW_LIT("ApiId")))
        return name_node(s, at, r);
    gw_yaml_fault(s->y, at, "%.*s has no attribute `%.*s`",
                  (int)GW_MIN(r->type_name.len, 80), r->type_name.at,
                  (int)GW_MIN(attribute.len, 80), attribute.at);
    return NULL;
}

static bool is_sam_part(const struct gw_resource *r, gw_str attribute)
{
    return is_sam_type(r->type_name) &&
           (gw_str_eq(attribute, GW_LIT("Stage")) ||
            gw_str_eq(attribute, GW_LIT("Alias")) ||
            gw_str_eq(attribute, GW_LIT("Version")));
}

static struct gw_yaml_node *attribute_of(struct gw_stack *s,
                                         const struct gw_yaml_node *at,
                                         struct gw_resource *r,
                                         gw_str attribute)
{
    if (is_sam_part(r, attribute)) /* as Fn::Sub may say it, too */
        return sam_ref(s, at, r, attribute);
    switch (r->type->kind) {
    case GW_TYPE_API:
    case GW_TYPE_WEBSOCKET_API:
        return api_attribute(s, at, r, attribute);
    case GW_TYPE_FUNCTION:
    case GW_TYPE_SAM_FUNCTION:
    case GW_TYPE_TABLE:
    case GW_TYPE_SIMPLE_TABLE:
        return arn_attribute(s, at, r, attribute);
    case GW_TYPE_IDLE:
        if (r->type->arn && gw_str_eq(attribute, GW_LIT("Arn")))
            return arn_attribute(s, at, r, attribute);
        return stand_in(s, at, r->id, attribute);
    case GW_TYPE_UNSERVED:
        return stand_in(s, at, r->id, attribute);
    default:
        return id_attribute(s, at, r, attribute);
    }
}

bool gw_resource_attribute(struct gw_stack *s, const struct gw_yaml_node *at,
                           gw_str id, gw_str attribute,
                           struct gw_yaml_node **out)
{
    struct gw_resource *r = gw_resource_find(s, id);

    *out = NULL;
    if (!r && !gw_resource_is_implied(s, id))
        return false;
    if (is_there(s, at, r, id))
        *out = r ? attribute_of(s, at, r, attribute)
                 : stand_in(s, at, id, attribute);
    return true;
}
