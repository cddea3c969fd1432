/*
 * The sections of a template, in the order of who needs whom: what comes from
 * outside, what is chosen by it, what there is, and what becomes of that.
 */
#include "server/config/template/cfn.h"

#include "server/config/template/condition.h"
#include "server/config/template/globals.h"
#include "server/config/template/intrinsic.h"
#include "server/config/template/model.h"
#include "server/config/template/parameter.h"
#include "server/config/template/reference.h"
#include "server/config/template/value.h"

static const char *const sections[] = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
    NULL,
};

bool gw_cfn_is(const struct gw_yaml_node *root)
{
    return root && root->kind == GW_YAML_MAPPING &&
           (gw_yaml_member(root, GW_LIT("Resources")) ||
            gw_yaml_member(root, GW_LIT("AWSTemplateFormatVersion")) ||
            gw_yaml_member(root, GW_LIT("Transform")));
}

/* --- whose nodes these are, for messages ----------------------------- */

static void own(struct gw_yaml_node *node, gw_str owner)
{
    node->owner = owner;
    for (struct gw_yaml_node *n = node->first; n; n = n->next)
        own(n, owner);
}

/* Resources by their logical ids, all else as "Parameters.Name". */
static void own_entries(struct gw_stack *s, struct gw_yaml_node *section)
{
    bool is_resources = gw_str_eq(section->key, GW_LIT("Resources"));

    if (section->kind != GW_YAML_MAPPING)
        return;
    for (struct gw_yaml_node *n = section->first; n; n = n->next) {
        gw_str pieces[] = { section->key, GW_LIT("."), n->key }, owner = n->key;

        if (!is_resources &&
            gw_arena_join(s->y->arena, pieces, GW_LEN(pieces), &owner))
            return;
        own(n, owner);
    }
}

/* --- sections -------------------------------------------------------- */

static const struct gw_yaml_node *section(const struct gw_stack *s,
                                          const char *name)
{
    return gw_yaml_member(s->y->root, gw_str_of(name));
}

static void check_sections(struct gw_stack *s)
{
    const struct gw_yaml_node *version = section(s, "AWSTemplateFormatVersion");

    GW_YAML_EACH(entry, s->y->root)
    gw_stack_is_known(s, entry, "section", sections);
    if (version && !gw_str_eq(version->text, GW_LIT("2010-09-09")))
        gw_yaml_fault(s->y, version, "expected 2010-09-09");
    if (section(s, "Rules"))
        gw_notes_add(&s->notes, GW_EMPTY, "the Rules are not checked here");
    if (section(s, "Hooks"))
        gw_notes_add(&s->notes, GW_EMPTY, "the Hooks are not run here");
}

static void read_transform(struct gw_stack *s, const struct gw_yaml_node *node)
{
    if (node->kind == GW_YAML_SEQUENCE && !node->tag.len) {
        GW_YAML_EACH(item, node)
        read_transform(s, item);
        return;
    }
    if (gw_str_eq(node->text, GW_LIT("AWS::Serverless-2016-10-31")))
        s->is_sam = true;
    else if (!gw_str_eq(node->text, GW_LIT("AWS::LanguageExtensions")))
        gw_yaml_fault(s->y, node,
                      "this transform is not run here: expected "
                      "AWS::Serverless-2016-10-31");
}

/* Mappings hold no functions, as CloudFormation has it: looking something up
 * can never lead to looking up more. */
static bool is_literal(struct gw_stack *s, const struct gw_yaml_node *node)
{
    struct gw_intrinsic call;
    bool ok = true;

    if (gw_intrinsic_read(node, &call)) {
        gw_yaml_fault(s->y, node, "no function can stand in the Mappings");
        return false;
    }
    GW_YAML_EACH(entry, node)
    ok = is_literal(s, entry) && ok;
    return ok;
}

static void read_mappings(struct gw_stack *s, const struct gw_yaml_node *node)
{
    if (node && gw_yaml_is_mapping(s->y, node, "mappings by name") &&
        is_literal(s, node))
        s->mappings = node;
}

static const char *const output_keys[] = { "Value", "Description", "Export",
                                           "Condition", NULL };

static void read_output(struct gw_stack *s, const struct gw_yaml_node *node,
                        struct gw_cfn *out, struct gw_pair *pair)
{
    const struct gw_yaml_node *value = gw_yaml_member(node, GW_LIT("Value"));

    GW_YAML_EACH(entry, node)
    gw_stack_is_known(s, entry, "key", output_keys);
    if (!value)
        gw_yaml_fault_at_key(s->y, node, "expected a `Value`");
    if (gw_yaml_member(node, GW_LIT("Export")))
        gw_notes_add(&s->notes, node->key,
                     "`Export`: no other stack can import it from here");
    if (!value || !gw_value_text(s, value, "a text", &pair->value))
        return;
    pair->name = node->key;
    out->outputs.count++;
}

static void read_outputs(struct gw_stack *s, const struct gw_yaml_node *node,
                         struct gw_cfn *out)
{
    struct gw_pair *pairs;

    if (!node || !gw_yaml_is_mapping(s->y, node, "outputs by name"))
        return;
    pairs = gw_stack_alloc(s, node, node->count * sizeof(*pairs));
    if (!pairs)
        return;
    out->outputs.at = pairs;
    GW_YAML_EACH(entry, node)
    if (gw_yaml_is_mapping(s->y, entry, "an output with a Value") &&
        gw_condition_holds(s, entry))
        read_output(s, entry, out, &pairs[out->outputs.count]);
}

/* The functions of the template are not looked for elsewhere. */
static void compile(struct gw_stack *s, const struct gw_yaml_node *apis,
                    struct gw_cfn *out)
{
    struct gw_lambda lambda = *s->source->lambda;
    gw_str *here = gw_stack_alloc(s, apis, out->function_count * sizeof(*here));

    if (!here)
        return;
    for (size_t i = 0; i < out->function_count; i++)
        here[i] = out->functions[i].arn;
    lambda.here = here;
    lambda.here_count = out->function_count;
    gw_apis_read(s->y, apis, &lambda, &out->apis);
}

static void read_resources(struct gw_stack *s,
                           const struct gw_yaml_node *resources,
                           struct gw_cfn *out)
{
    struct gw_yaml_node *apis;

    gw_resources_read(s, resources);
    if (!gw_references_check(s, section(s, "Outputs")))
        return;
    gw_model_functions(s, out);
    gw_model_tables(s, out);
    apis = gw_model_apis(s, resources);
    read_outputs(s, section(s, "Outputs"), out);
    if (apis && !s->y->errors->count && !apis->count)
        gw_yaml_fault_at_key(s->y, resources,
                             "expected at least one WebSocket API: "
                             "AWS::ApiGatewayV2::Api or "
                             "AWS::Serverless::WebSocketApi");
    if (apis && apis->count)
        compile(s, apis, out);
}

static void read_sections(struct gw_stack *s, struct gw_cfn *out)
{
    struct gw_yaml_node *root = s->y->root;
    const struct gw_yaml_node *transform = section(s, "Transform");
    const struct gw_yaml_node *resources = section(s, "Resources");

    for (struct gw_yaml_node *n = root->first; n; n = n->next)
        own_entries(s, n);
    check_sections(s);
    if (transform)
        read_transform(s, transform);
    read_mappings(s, section(s, "Mappings"));
    gw_parameters_read(s, root, section(s, "Parameters"));
    gw_conditions_read(s, section(s, "Conditions"));
    gw_globals_read(s, section(s, "Globals"));
    if (!resources)
        gw_yaml_fault(s->y, root, "expected `Resources`");
    else if (gw_yaml_is_mapping(s->y, resources, "resources by logical id"))
        read_resources(s, resources, out);
}

void gw_cfn_read(struct gw_yaml *y, const struct gw_cfn_source *source,
                 struct gw_cfn *out)
{
    struct gw_stack *s = gw_arena_alloc(y->arena, sizeof(*s));

    *out = (struct gw_cfn){ 0 };
    if (!s) {
        gw_config_errors_add(y->errors, y->file,
                             "the file asks for too much memory");
        return;
    }
    s->y = y;
    s->source = source;
    s->notes.arena = y->arena;
    read_sections(s, out);
    if (gw_notes_print(&s->notes, &out->notes, &out->note_count))
        gw_config_errors_add(y->errors, y->file,
                             "the file asks for too much memory");
}
