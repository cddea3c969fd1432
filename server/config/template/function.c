/*
 * AWS::Serverless::Function and AWS::Lambda::Function.
 */
#include "server/config/functions.h"
#include "server/config/template/model.h"
#include "server/config/template/property.h"

struct draft {
    struct gw_function_spec f;
    const struct gw_yaml_node *code, *runtime, *handler; /* or NULL */
};

static void code_in_s3(struct gw_stack *s, const struct gw_yaml_node *at)
{
    gw_yaml_fault(s->y, at,
                  "code in S3 is not fetched here: expected the "
                  "path of a folder");
}

/* --- readers --------------------------------------------------------- */

static void layers(struct gw_stack *s, struct gw_yaml_node *value, void *draft)
{
    if (value->kind != GW_YAML_SEQUENCE || value->count)
        gw_yaml_fault_at_key(s->y, value,
                             "layers are not put together here: copy what the "
                             "function needs into its code's folder");
}

static void refuse_image(struct gw_stack *s, struct gw_yaml_node *value,
                         void *draft)
{
    gw_yaml_fault_at_key(s->y, value,
                         "container images are not run here: expected code "
                         "in a folder, with a Handler and a Runtime");
}

static void package_type(struct gw_stack *s, struct gw_yaml_node *value,
                         void *draft)
{
    if (value->kind != GW_YAML_SCALAR || !gw_str_eq(value->text, GW_LIT("Zip")))
        refuse_image(s, value, draft);
}

static void timeout(struct gw_stack *s, struct gw_yaml_node *value, void *field)
{
    gw_config_function_timeout(s->y, value, field);
}

static void memory(struct gw_stack *s, struct gw_yaml_node *value, void *field)
{
    gw_config_function_memory(s->y, value, field);
}

static void concurrency(struct gw_stack *s, struct gw_yaml_node *value,
                        void *field)
{
    gw_config_function_concurrency(s->y, value, field);
}

static void variables(struct gw_stack *s, struct gw_yaml_node *value,
                      void *field)
{
    gw_config_function_variables(s->y, value, field);
    GW_YAML_EACH(entry, value)
    {
        if (entry->kind == GW_YAML_SCALAR &&
            memmem(entry->text.at, entry->text.len, "{{resolve:", 10))
            gw_notes_add(&s->notes, entry->owner,
                         "`{{resolve:...}}` in the variable %.*s is handed on "
                         "as it is",
                         (int)GW_MIN(entry->key.len, 80), entry->key.at);
    }
}

static const struct gw_property environment_rows[] = {
    { "Variables", variables, offsetof(struct gw_function_spec, environment),
      NULL, false },
};

static void environment(struct gw_stack *s, struct gw_yaml_node *value,
                        void *function)
{
    gw_properties_read(s, value, value->owner, environment_rows,
                       GW_LEN(environment_rows), function);
}

/* Each event is one line of what will not happen. */
static void events(struct gw_stack *s, struct gw_yaml_node *value, void *draft)
{
    if (!gw_yaml_is_mapping(s->y, value, "events by name"))
        return;
    GW_YAML_EACH(entry, value)
    {
        const struct gw_yaml_node *type = gw_yaml_member(entry, GW_LIT("Type"));

        if (type && type->kind == GW_YAML_SCALAR)
            gw_notes_add(&s->notes, entry->owner,
                         "events of the type %.*s do not happen here",
                         (int)GW_MIN(type->text.len, 40), type->text.at);
        else
            gw_yaml_fault_at_key(s->y, entry, "expected an event with a Type");
    }
}

/* --- code ------------------------------------------------------------ */

#define AT(member) offsetof(struct draft, member)

static void refuse_s3(struct gw_stack *s, struct gw_yaml_node *value,
                      void *draft)
{
    code_in_s3(s, value);
}

/* Code: { ZipFile: ... } */
static const struct gw_property code_rows[] = {
    { "ZipFile", gw_property_text, AT(f.inline_code), NULL, false },
    { "ImageUri", refuse_image, 0, NULL, false },
    { "S3Bucket", refuse_s3, 0, NULL, false },
    GW_PROPERTY_QUIET("S3Key"),
    GW_PROPERTY_QUIET("S3ObjectStorageMode"),
    GW_PROPERTY_QUIET("S3ObjectVersion"),
    GW_PROPERTY_QUIET("SourceKMSKeyArn"),
};

static void take_path(struct gw_stack *s, const struct gw_yaml_node *value,
                      struct draft *d)
{
    if (gw_str_starts(value->text, GW_LIT("s3://")))
        code_in_s3(s, value);
    else
        gw_config_function_code(s->y, value, s->source->folder, &d->f.code);
}

static void code(struct gw_stack *s, struct gw_yaml_node *value, void *draft)
{
    struct draft *d = draft;

    d->code = value;
    if (value->kind == GW_YAML_SCALAR)
        take_path(s, value, d);
    else
        gw_properties_read(s, value, value->owner, code_rows, GW_LEN(code_rows),
                           d);
}

/* SAM's: a path, or { Bucket, Key }. */
static void code_uri(struct gw_stack *s, struct gw_yaml_node *value,
                     void *draft)
{
    struct draft *d = draft;

    d->code = value;
    if (value->kind == GW_YAML_SCALAR)
        take_path(s, value, d);
    else
        code_in_s3(s, value);
}

/* --- the whole ------------------------------------------------------- */

static const struct gw_property lambda_rows[] = {
    { "Code", code, 0, NULL, true },
    { "Handler", gw_property_scalar, AT(handler), NULL, false },
    { "Runtime", gw_property_scalar, AT(runtime), NULL, false },
    { "Environment", environment, AT(f), NULL, false },
    { "Timeout", timeout, AT(f.timeout_ms), NULL, false },
    { "MemorySize", memory, AT(f.memory_mb), NULL, false },
    { "ReservedConcurrentExecutions", concurrency, AT(f.concurrency), NULL,
      false },
    { "PackageType", package_type, 0, NULL, false },
    { "ImageConfig", refuse_image, 0, NULL, false },
    { "Layers", layers, 0, NULL, false },
    { "DeadLetterConfig", NULL, 0, gw_property_idle, false },
    { "EphemeralStorage", NULL, 0, gw_property_idle, false },
    { "FileSystemConfigs", NULL, 0, gw_property_idle, false },
    { "LoggingConfig", NULL, 0, gw_property_idle, false },
    { "Role", NULL, 0, gw_property_idle, false },
    { "SnapStart", NULL, 0, gw_property_idle, false },
    { "TracingConfig", NULL, 0, gw_property_idle, false },
    { "VpcConfig", NULL, 0, gw_property_idle, false },
    GW_PROPERTY_QUIET("Architectures"),
    GW_PROPERTY_QUIET("CodeSigningConfigArn"),
    GW_PROPERTY_QUIET("Description"),
    GW_PROPERTY_QUIET("FunctionName"), /* gw_resource_name reads it */
    GW_PROPERTY_QUIET("KmsKeyArn"),
    GW_PROPERTY_QUIET("RecursiveLoop"),
    GW_PROPERTY_QUIET("RuntimeManagementConfig"),
    GW_PROPERTY_QUIET("Tags"),
};

static const struct gw_property sam_rows[] = {
    { "CodeUri", code_uri, 0, NULL, false },
    { "InlineCode", gw_property_text, AT(f.inline_code), NULL, false },
    { "Handler", gw_property_scalar, AT(handler), NULL, false },
    { "Runtime", gw_property_scalar, AT(runtime), NULL, false },
    { "Environment", environment, AT(f), NULL, false },
    { "Timeout", timeout, AT(f.timeout_ms), NULL, false },
    { "MemorySize", memory, AT(f.memory_mb), NULL, false },
    { "ReservedConcurrentExecutions", concurrency, AT(f.concurrency), NULL,
      false },
    { "Events", events, 0, NULL, false },
    { "PackageType", package_type, 0, NULL, false },
    { "ImageUri", refuse_image, 0, NULL, false },
    { "ImageConfig", refuse_image, 0, NULL, false },
    { "Layers", layers, 0, NULL, false },
    { "AutoPublishAlias", NULL, 0, "there is one version of it here", false },
    { "DeadLetterQueue", NULL, 0, gw_property_idle, false },
    { "DeploymentPreference", NULL, 0, gw_property_idle, false },
    { "EphemeralStorage", NULL, 0, gw_property_idle, false },
    { "EventInvokeConfig", NULL, 0, gw_property_idle, false },
    { "FileSystemConfigs", NULL, 0, gw_property_idle, false },
    { "FunctionUrlConfig", NULL, 0, gw_property_idle, false },
    { "LoggingConfig", NULL, 0, gw_property_idle, false },
    { "Policies", NULL, 0, gw_property_idle, false },
    { "ProvisionedConcurrencyConfig", NULL, 0, gw_property_idle, false },
    { "Role", NULL, 0, gw_property_idle, false },
    { "SnapStart", NULL, 0, gw_property_idle, false },
    { "Tracing", NULL, 0, gw_property_idle, false },
    { "VpcConfig", NULL, 0, gw_property_idle, false },
    GW_PROPERTY_QUIET("Architectures"),
    GW_PROPERTY_QUIET("AssumeRolePolicyDocument"),
    GW_PROPERTY_QUIET("AutoPublishAliasAllProperties"),
    GW_PROPERTY_QUIET("AutoPublishCodeSha256"),
    GW_PROPERTY_QUIET("CodeSigningConfigArn"),
    GW_PROPERTY_QUIET("Description"),
    GW_PROPERTY_QUIET("FunctionName"),
    GW_PROPERTY_QUIET("KmsKeyArn"),
    GW_PROPERTY_QUIET("PermissionsBoundary"),
    GW_PROPERTY_QUIET("PropagateTags"),
    GW_PROPERTY_QUIET("RecursiveLoop"),
    GW_PROPERTY_QUIET("RolePath"),
    GW_PROPERTY_QUIET("RuntimeManagementConfig"),
    GW_PROPERTY_QUIET("SourceKMSKeyArn"),
    GW_PROPERTY_QUIET("Tags"),
    GW_PROPERTY_QUIET("VersionDescription"),
};
#undef AT

/* What the pieces have to do with each other. */
static void check(struct gw_stack *s, const struct gw_resource *r,
                  const struct draft *d)
{
    const struct gw_yaml_node *at = r->properties;
    gw_str runtime = d->f.runtime;

    if (!d->runtime)
        gw_yaml_fault_at_key(s->y, at, "expected a `Runtime`");
    else if (!gw_runtime_is_run_here(runtime))
        gw_notes_add(&s->notes, r->id,
                     "the runtime %.*s is not started here: it may attach, "
                     "at the address that is printed at the start",
                     (int)GW_MIN(runtime.len, 40), runtime.at);
    if (!d->handler && !gw_runtime_is_provided(runtime))
        gw_yaml_fault_at_key(s->y, at, "expected a `Handler`");
    if (d->f.code.len && d->f.inline_code.len)
        gw_yaml_fault_at_key(s->y, at,
                             "expected one of `CodeUri` and `InlineCode`");
    else if (d->f.inline_code.len && d->runtime &&
             !gw_runtime_is_node(runtime) && !gw_runtime_is_python(runtime))
        gw_yaml_fault(s->y, d->runtime,
                      "code in the template needs nodejs* or python3*");
    else if (!d->f.code.len && !d->f.inline_code.len && !d->code)
        gw_yaml_fault_at_key(s->y, at,
                             "expected a `CodeUri` (the path of a "
                             "folder), or `InlineCode`");
}

/* Whether the code at CodeUri has to be built first is SAM's to know. */
static void note_build(struct gw_stack *s, const struct gw_resource *r)
{
    const struct gw_yaml_node *metadata =
        gw_yaml_member(r->node, GW_LIT("Metadata"));

    if (metadata && metadata->kind == GW_YAML_MAPPING &&
        gw_yaml_member(metadata, GW_LIT("BuildMethod")))
        gw_notes_add(&s->notes, r->id,
                     "`BuildMethod`: nothing is built here; the code has to "
                     "be ready to run");
}

static bool read_function(struct gw_stack *s, struct gw_resource *r,
                          struct gw_function_spec *out)
{
    bool is_sam = r->type->kind == GW_TYPE_SAM_FUNCTION;
    unsigned before = s->y->errors->count;
    struct draft d = {
        .f = { .id = r->id,
               .code = GW_EMPTY,
               .inline_code = GW_EMPTY,
               .runtime = GW_EMPTY,
               .handler = GW_EMPTY,
               .door = GW_EMPTY,
               .timeout_ms = GW_FUNCTION_TIMEOUT_DEFAULT_MS,
               .memory_mb = GW_FUNCTION_MEMORY_DEFAULT_MB,
               .concurrency = UINT32_MAX },
    };

    gw_properties_read(s, r->properties, r->id, is_sam ? sam_rows : lambda_rows,
                       is_sam ? GW_LEN(sam_rows) : GW_LEN(lambda_rows), &d);
    d.f.arn = gw_resource_arn(s, r);
    if (!gw_resource_name(s, r, &d.f.name) || s->y->errors->count != before)
        return false;
    if (d.runtime)
        d.f.runtime = d.runtime->text;
    if (d.handler)
        d.f.handler = d.handler->text;
    check(s, r, &d);
    note_build(s, r);
    d.f.reload = s->source->dev;
    if (!gw_runtime_is_run_here(d.f.runtime))
        d.f.door = GW_LIT("127.0.0.1:0");
    if (d.f.concurrency == UINT32_MAX) /* nothing is said about it */
        d.f.concurrency = d.f.door.len ? GW_FUNCTION_CONCURRENCY_MAX
                                       : GW_FUNCTION_CONCURRENCY_DEFAULT;
    *out = d.f;
    return s->y->errors->count == before;
}

static bool is_taken(struct gw_stack *s, const struct gw_resource *r,
                     const struct gw_cfn *t, gw_str name)
{
    for (size_t i = 0; i < t->function_count; i++)
        if (gw_str_eq(t->functions[i].name, name)) {
            gw_yaml_fault_at_key(
                s->y, r->node, "%.*s has the same FunctionName",
                (int)GW_MIN(t->functions[i].id.len, 80), t->functions[i].id.at);
            return true;
        }
    return false;
}

void gw_model_functions(struct gw_stack *s, struct gw_cfn *out)
{
    struct gw_function_spec *list =
        gw_arena_alloc(s->y->arena, s->resource_count * sizeof(*list));

    if (!list) {
        gw_config_errors_add(s->y->errors, s->y->file,
                             "the file asks for too much memory");
        return;
    }
    out->functions = list;
    for (size_t i = 0; i < s->resource_count; i++) {
        struct gw_resource *r = &s->resources[i];

        if (r->exists &&
            (r->type->kind == GW_TYPE_FUNCTION ||
             r->type->kind == GW_TYPE_SAM_FUNCTION) &&
            read_function(s, r, &list[out->function_count]) &&
            !is_taken(s, r, out, list[out->function_count].name))
            out->function_count++;
    }
}
