#include "server/config/template/condition.h"

#include "server/config/template/intrinsic.h"
#include "server/config/template/value.h"

struct gw_condition {
    const struct gw_yaml_node *node;
    enum { CONDITION_NEW, CONDITION_ASKED, CONDITION_KNOWN } state;
    bool ok, truth; /* KNOWN */
};

static bool evaluate(struct gw_stack *s, const struct gw_yaml_node *node,
                     bool *out);

static bool expect(struct gw_stack *s, const struct gw_yaml_node *node,
                   const char *what)
{
    gw_yaml_fault(s->y, node, "expected %s", what);
    return false;
}

static bool equals(struct gw_stack *s, const struct gw_yaml_node *argument,
                   bool *out)
{
    gw_str left, right;

    if (argument->kind != GW_YAML_SEQUENCE || argument->count != 2)
        return expect(s, argument, "two values to compare");
    if (!gw_value_text(s, argument->first, "a text to compare", &left) ||
        !gw_value_text(s, argument->last, "a text to compare", &right))
        return false;
    *out = gw_str_eq(left, right);
    return true;
}

/* And, Or: all are looked at, for their mistakes. */
static bool combine(struct gw_stack *s, const struct gw_yaml_node *argument,
                    bool is_and, bool *out)
{
    bool ok = true;

    if (argument->kind != GW_YAML_SEQUENCE || argument->count < 2 ||
        argument->count > 10)
        return expect(s, argument, "2 to 10 conditions");
    *out = is_and;
    GW_YAML_EACH(item, argument)
    {
        bool truth = false;

        ok = evaluate(s, item, &truth) && ok;
        *out = is_and ? *out && truth : *out || truth;
    }
    return ok;
}

static bool negate(struct gw_stack *s, const struct gw_yaml_node *argument,
                   bool *out)
{
    if (argument->kind != GW_YAML_SEQUENCE || argument->count != 1)
        return expect(s, argument, "a list of one condition");
    if (!evaluate(s, argument->first, out))
        return false;
    *out = !*out;
    return true;
}

static bool call(struct gw_stack *s, const struct gw_yaml_node *node, bool *out)
{
    struct gw_intrinsic c;
    gw_str text;

    if (gw_intrinsic_read(node, &c))
        switch (c.kind) {
        case GW_INTRINSIC_CONDITION:
            if (c.argument->kind != GW_YAML_SCALAR)
                return expect(s, node, "the name of a condition");
            return gw_condition_named(s, c.argument, c.argument->text, out);
        case GW_INTRINSIC_EQUALS:
            return equals(s, c.argument, out);
        case GW_INTRINSIC_AND:
        case GW_INTRINSIC_OR:
            return combine(s, c.argument, c.kind == GW_INTRINSIC_AND, out);
        case GW_INTRINSIC_NOT:
            return negate(s, c.argument, out);
        default:
            break;
        }
    if (!gw_value_text(s, node, "a condition: Fn::Equals, Fn::Not, ...", &text))
        return false;
    *out = gw_str_eq(text, GW_LIT("true"));
    return *out || gw_str_eq(text, GW_LIT("false")) ||
           expect(s, node, "a condition: Fn::Equals, Fn::Not, ...");
}

static bool evaluate(struct gw_stack *s, const struct gw_yaml_node *node,
                     bool *out)
{
    bool ok;

    if (s->depth == GW_VALUE_DEPTH_MAX)
        return expect(s, node, "conditions that do not ask so many others");
    s->depth++;
    ok = call(s, node, out);
    s->depth--;
    return ok;
}

static bool ask(struct gw_stack *s, struct gw_condition *c)
{
    bool outer = s->in_conditions;

    c->state = CONDITION_ASKED;
    s->in_conditions = true;
    c->ok = evaluate(s, c->node, &c->truth);
    s->in_conditions = outer;
    c->state = CONDITION_KNOWN;
    return c->ok;
}

bool gw_condition_named(struct gw_stack *s, const struct gw_yaml_node *at,
                        gw_str name, bool *out)
{
    struct gw_condition *c = gw_map_get(&s->conditions, name);
    bool ok = c != NULL;

    if (!c) {
        gw_yaml_fault(s->y, at, "there is no condition `%.*s`",
                      (int)GW_MIN(name.len, 80), name.at);
    } else if (c->state == CONDITION_ASKED) {
        gw_yaml_fault(s->y, at, "the condition `%.*s` waits for itself",
                      (int)GW_MIN(name.len, 80), name.at);
        ok = false;
    } else {
        ok = c->state == CONDITION_KNOWN ? c->ok : ask(s, c);
        *out = ok && c->truth;
    }
    return ok;
}

void gw_conditions_read(struct gw_stack *s, const struct gw_yaml_node *section)
{
    struct gw_condition *all;
    size_t i = 0;

    if (!section || !gw_yaml_is_mapping(s->y, section, "conditions by name"))
        return;
    all = gw_stack_alloc(s, section, section->count * sizeof(*all));
    if (!all || !gw_stack_map(s, section, &s->conditions))
        return;
    GW_YAML_EACH(entry, section)
    {
        all[i].node = entry;
        if (gw_map_put(&s->conditions, entry->key, &all[i]))
            i++;
    }
    for (size_t n = 0; n < i; n++)
        if (all[n].state == CONDITION_NEW)
            ask(s, &all[n]);
}

bool gw_condition_holds(struct gw_stack *s,
                        const struct gw_yaml_node *conditioned)
{
    const struct gw_yaml_node *name =
        gw_yaml_member(conditioned, GW_LIT("Condition"));
    bool truth = false;

    if (!name)
        return true;
    if (name->kind != GW_YAML_SCALAR || name->tag.len)
        return expect(s, name, "the name of a condition");
    return gw_condition_named(s, name, name->text, &truth) && truth;
}
