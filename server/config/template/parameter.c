#include "server/config/template/parameter.h"

#include "protocol/expr/regex.h"
#include "protocol/json/json.h"

#include <stdio.h>
#include <stdlib.h>

struct gw_parameter {
    const struct gw_yaml_node *node; /* what declares it */
    gw_str name;
    bool is_list, is_number;
    gw_str text;                   /* as given */
    const struct gw_yaml_node *at; /* the Default; NULL: --parameter */
};

/* --- pseudo parameters ----------------------------------------------- */

static const struct {
    const char *name, *text;
} pseudo[] = {
    { "AWS::AccountId", "123456789012" },
    { "AWS::Partition", "aws" },
    { "AWS::Region", NULL }, /* the setting */
    { "AWS::StackName", "local" },
    { "AWS::StackId", NULL }, /* put together */
    { "AWS::URLSuffix", "amazonaws.com" },
};

static const gw_str *override_of(const struct gw_stack *s, gw_str name)
{
    const struct gw_pairs *given = &s->source->parameters;
    const gw_str *hit = NULL;

    for (size_t i = 0; i < given->count; i++)
        if (gw_str_eq(given->at[i].name, name))
            hit = &given->at[i].value; /* the last counts */
    return hit;
}

gw_str gw_parameter_pseudo(const struct gw_stack *s, const char *name)
{
    const struct gw_yaml_node *node = gw_parameter_find(s, gw_str_of(name));

    return node ? node->text : GW_EMPTY;
}

static struct gw_yaml_node *pseudo_value(struct gw_stack *s,
                                         const struct gw_yaml_node *root,
                                         size_t i)
{
    const gw_str *given = override_of(s, gw_str_of(pseudo[i].name));

    if (given)
        return gw_stack_text(s, root, *given);
    if (pseudo[i].text)
        return gw_stack_text(s, root, gw_str_of(pseudo[i].text));
    if (gw_str_eq(gw_str_of(pseudo[i].name), GW_LIT("AWS::Region")))
        return gw_stack_text(s, root, s->source->region);
    return gw_stack_textf(s, root,
                          "arn:%.*s:cloudformation:%.*s:%.*s:stack/%.*s/"
                          "00000000-0000-0000-0000-000000000000",
                          GW_FMT(gw_parameter_pseudo(s, "AWS::Partition")),
                          GW_FMT(gw_parameter_pseudo(s, "AWS::Region")),
                          GW_FMT(gw_parameter_pseudo(s, "AWS::AccountId")),
                          GW_FMT(gw_parameter_pseudo(s, "AWS::StackName")));
}

static void add_pseudo(struct gw_stack *s, const struct gw_yaml_node *root)
{
    struct gw_yaml_node *none = gw_yaml_new(s->y, GW_YAML_SEQUENCE, root);

    for (size_t i = 0; i < GW_LEN(pseudo); i++) {
        struct gw_yaml_node *value = pseudo_value(s, root, i);

        if (!value ||
            !gw_map_put(&s->parameters, gw_str_of(pseudo[i].name), value))
            return;
    }
    if (none &&
        !gw_map_put(&s->parameters, GW_LIT("AWS::NotificationARNs"), none))
        return;
}

/* --- checks ---------------------------------------------------------- */

/* At the Default or the command line, and in the author's words, too. */
static void complain(struct gw_stack *s, struct gw_parameter *p,
                     const char *format, ...) GW_PRINTF(3, 4);
static void complain(struct gw_stack *s, struct gw_parameter *p,
                     const char *format, ...)
{
    const struct gw_yaml_node *own =
        gw_yaml_member(p->node, GW_LIT("ConstraintDescription"));
    char text[400], place[120];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (p->at) {
        gw_yaml_fault(s->y, p->at, "%s%s%s", text, own ? ": " : "",
                      own ? own->text.at : "");
        return;
    }
    snprintf(place, sizeof(place), "--parameter %.*s",
             (int)GW_MIN(p->name.len, 80), p->name.at);
    gw_config_errors_add(s->y->errors, place, "%s%s%s", text, own ? ": " : "",
                         own ? own->text.at : "");
}

/* A literal of the declaration. NULL: it is not there. */
static const struct gw_yaml_node *member(struct gw_stack *s,
                                         const struct gw_parameter *p,
                                         const char *name)
{
    const struct gw_yaml_node *node = gw_yaml_member(p->node, gw_str_of(name));

    if (node && (node->kind != GW_YAML_SCALAR || node->tag.len)) {
        gw_yaml_fault(s->y, node,
                      "expected a text or a number; no function "
                      "can stand here");
        return NULL;
    }
    return node;
}

/* As JSON spells them, but zeros may lead. */
static bool to_number(gw_str text, double *out)
{
    bool is_negative = gw_str_pass(&text, '-');
    char digits[64];
    gw_json json;

    while (text.len > 1 && text.at[0] == '0' && text.at[1] >= '0' &&
           text.at[1] <= '9')
        text = gw_str_skip(text, 1);
    if (text.len >= sizeof(digits) || gw_str_begins(text, '-') ||
        gw_json_read(text, &json) != GW_OK || json.kind != GW_JSON_NUMBER)
        return false;
    memcpy(digits, text.at, text.len);
    digits[text.len] = '\0';
    *out = is_negative ? -strtod(digits, NULL) : strtod(digits, NULL);
    return true;
}

static size_t characters(gw_str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    return n;
}

static void check_number(struct gw_stack *s, struct gw_parameter *p,
                         gw_str text)
{
    const struct gw_yaml_node *min = member(s, p, "MinValue");
    const struct gw_yaml_node *max = member(s, p, "MaxValue");
    double value, bound;

    if (!to_number(text, &value))
        complain(s, p, "expected a number");
    else if (min && to_number(min->text, &bound) && value < bound)
        complain(s, p, "expected a number from %s", min->text.at);
    else if (max && to_number(max->text, &bound) && value > bound)
        complain(s, p, "expected a number up to %s", max->text.at);
}

static void check_length(struct gw_stack *s, struct gw_parameter *p,
                         gw_str text)
{
    const struct gw_yaml_node *min = member(s, p, "MinLength");
    const struct gw_yaml_node *max = member(s, p, "MaxLength");
    uint64_t bound;

    if (min && gw_str_to_u64(min->text, &bound) && characters(text) < bound)
        complain(s, p, "expected at least %s characters", min->text.at);
    if (max && gw_str_to_u64(max->text, &bound) && characters(text) > bound)
        complain(s, p, "expected at most %s characters", max->text.at);
}

static void check_pattern(struct gw_stack *s, struct gw_parameter *p,
                          gw_str text)
{
    const struct gw_yaml_node *node = member(s, p, "AllowedPattern");
    struct gw_regex *pattern;
    struct gw_arena scratch;
    struct gw_fault why;

    if (!node)
        return;
    gw_arena_init(&scratch, 1 << 20);
    if (gw_regex_read(&scratch, node->text, &pattern, &why) != GW_OK)
        gw_notes_add(&s->notes, p->name, "an AllowedPattern is not checked: %s",
                     why.text);
    else if (!gw_regex_matches(pattern, text))
        complain(s, p, "expected a text that matches %s", node->text.at);
    gw_arena_fini(&scratch);
}

static void check_allowed(struct gw_stack *s, struct gw_parameter *p,
                          gw_str text)
{
    const struct gw_yaml_node *list =
        gw_yaml_member(p->node, GW_LIT("AllowedValues"));
    char names[200] = "";
    size_t len = 0;

    if (!list)
        return;
    if (list->kind != GW_YAML_SEQUENCE || list->tag.len) {
        gw_yaml_fault(s->y, list, "expected a list of values");
        return;
    }
    GW_YAML_EACH(item, list)
    {
        int n = snprintf(names + len, sizeof(names) - len, "%s%s",
                         len ? ", " : "", item->text.at ? item->text.at : "");

        if (item->kind == GW_YAML_SCALAR && gw_str_eq(item->text, text))
            return;
        len = GW_MIN(len + (size_t)n, sizeof(names) - 1);
    }
    complain(s, p, "expected one of %s%s", names,
             len == sizeof(names) - 1 ? "..." : "");
}

static void check(struct gw_stack *s, struct gw_parameter *p, gw_str text)
{
    check_allowed(s, p, text);
    if (p->is_number) {
        check_number(s, p, text);
    } else {
        check_length(s, p, text);
        check_pattern(s, p, text);
    }
}

/* --- values ---------------------------------------------------------- */

static struct gw_yaml_node *read_list(struct gw_stack *s,
                                      struct gw_parameter *p)
{
    struct gw_yaml_node *list = gw_yaml_new(s->y, GW_YAML_SEQUENCE, p->node);
    gw_str rest = p->text;

    while (list && rest.len) {
        gw_str text = gw_str_trim(gw_str_cut(&rest, ','));
        struct gw_yaml_node *item = gw_stack_text(s, p->node, text);

        if (!item)
            return NULL;
        if (list->count == GW_YAML_ENTRIES_MAX) {
            complain(s, p, "expected at most %d items", GW_YAML_ENTRIES_MAX);
            return NULL;
        }
        check(s, p, text);
        gw_yaml_hang(list, item);
    }
    return list;
}

static bool read_type(struct gw_stack *s, struct gw_parameter *p)
{
    const gw_str store = GW_LIT("AWS::SSM::Parameter::Value<");
    const struct gw_yaml_node *type = member(s, p, "Type");
    gw_str text = type ? type->text : GW_EMPTY;
    bool is_stored = gw_str_starts(text, store);

    if (!type) {
        gw_yaml_fault_at_key(s->y, p->node, "expected a Type, such as String");
        return false;
    }
    if (is_stored && p->at) {
        gw_yaml_fault(s->y, type,
                      "the store of this type's values is not asked here: "
                      "give the value with --parameter %.*s=...",
                      (int)GW_MIN(p->name.len, 80), p->name.at);
        return false;
    }
    if (is_stored)
        text = gw_str_skip(text, store.len);
    p->is_list = gw_str_starts(text, GW_LIT("CommaDelimitedList")) ||
                 gw_str_starts(text, GW_LIT("List<"));
    p->is_number = gw_str_eq(text, GW_LIT("Number")) ||
                   gw_str_eq(text, GW_LIT("List<Number>"));
    if (is_stored || p->is_list || p->is_number ||
        gw_str_eq(text, GW_LIT("String")) ||
        gw_str_starts(text, GW_LIT("AWS::")))
        return true;
    gw_yaml_fault(s->y, type,
                  "expected String, Number, CommaDelimitedList, List<...> or "
                  "an AWS:: type");
    return false;
}

static const char *const known[] = {
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "Description",
    "NoEcho",
    "ConstraintDescription",
    NULL,
};

static struct gw_yaml_node *read_parameter(struct gw_stack *s,
                                           const struct gw_yaml_node *node)
{
    struct gw_parameter p = { .node = node, .name = node->key };
    const gw_str *given = override_of(s, node->key);
    bool ok = true;

    if (!gw_yaml_is_mapping(s->y, node, "a parameter with a Type"))
        return NULL;
    GW_YAML_EACH(entry, node)
    ok = gw_stack_is_known(s, entry, "key", known) && ok;
    if (!given)
        p.at = member(s, &p, "Default");
    if (!ok || !read_type(s, &p))
        return NULL;
    if (!given && !p.at) {
        if (!gw_yaml_member(node, GW_LIT("Default")))
            gw_yaml_fault_at_key(s->y, node,
                                 "it has no Default: give it with --parameter "
                                 "%.*s=...",
                                 (int)GW_MIN(p.name.len, 80), p.name.at);
        return NULL;
    }
    p.text = given ? *given : p.at->text;
    if (p.is_list)
        return read_list(s, &p);
    check(s, &p, p.text);
    return gw_stack_text(s, node, p.text);
}

/* What was given for a parameter that is not there is a slip. */
static void check_given(struct gw_stack *s, const struct gw_yaml_node *section)
{
    for (size_t i = 0; i < s->source->parameters.count; i++) {
        gw_str name = s->source->parameters.at[i].name;
        struct gw_suggestion near = { .name = name };
        char hint[GW_SUGGESTION_MAX];

        if (gw_parameter_find(s, name) ||
            (section && gw_yaml_member(section, name)))
            continue;
        for (const struct gw_yaml_node *n = section ? section->first : NULL; n;
             n = n->next)
            gw_suggestion_offer(&near, n->key);
        gw_suggestion_print(&near, hint);
        gw_config_errors_add(s->y->errors, "--parameter",
                             "the template has no parameter `%.*s`%s",
                             (int)GW_MIN(name.len, 80), name.at, hint);
    }
}

void gw_parameters_read(struct gw_stack *s, const struct gw_yaml_node *root,
                        const struct gw_yaml_node *section)
{
    size_t count = GW_LEN(pseudo) + 1 + (section ? section->count : 0);

    if (gw_map_init(&s->parameters, s->y->arena, count)) {
        gw_yaml_fault(s->y, root, "the file asks for too much memory");
        return;
    }
    add_pseudo(s, root);
    if (section && !gw_yaml_is_mapping(s->y, section, "parameters by name"))
        section = NULL;
    for (const struct gw_yaml_node *n = section ? section->first : NULL; n;
         n = n->next) {
        struct gw_yaml_node *value = read_parameter(s, n);

        /* whoever asks for it shall not complain once more */
        if (!value)
            value = gw_stack_text(s, n, GW_EMPTY);
        if (value && !gw_map_put(&s->parameters, n->key, value))
            gw_yaml_fault_at_key(s->y, n, "expected another name");
    }
    check_given(s, section);
}

const struct gw_yaml_node *gw_parameter_find(const struct gw_stack *s,
                                             gw_str name)
{
    return gw_map_get(&s->parameters, name);
}
