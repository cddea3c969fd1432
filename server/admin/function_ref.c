#include "server/admin/function_ref.h"

enum {
    NAME_MAX_LEN = 140,
    QUALIFIER_MAX_LEN = 128,
    ACCOUNT_LEN = 12,
    WORD_MAX_LEN = 64, /* of a partition, a region */
};

bool gw_function_qualifier_is_valid(gw_str text)
{
    return text.len && text.len <= QUALIFIER_MAX_LEN &&
           gw_str_is_of(text, "-_$");
}

/* NAME[:QUALIFIER], of which nothing may be left. */
static bool read_name(gw_str text, struct gw_function_ref *out)
{
    bool is_qualified = gw_str_find(text, ':', 0) >= 0;

    out->name = gw_str_cut(&text, ':');
    out->qualifier = text;
    return out->name.len && out->name.len <= NAME_MAX_LEN &&
           gw_str_is_of(out->name, "-_.") &&
           (!is_qualified || gw_function_qualifier_is_valid(text));
}

/* ACCOUNT:function: */
static bool pass_account(gw_str *text, gw_str *account)
{
    uint64_t number;

    *account = gw_str_cut(text, ':');
    return account->len == ACCOUNT_LEN && gw_str_to_u64(*account, &number) &&
           gw_str_eq(gw_str_cut(text, ':'), GW_LIT("function"));
}

static bool is_word(gw_str text)
{
    return text.len && text.len <= WORD_MAX_LEN && gw_str_is_of(text, "-");
}

/* arn:PARTITION:lambda:REGION: */
static bool pass_region(gw_str *text)
{
    return gw_str_eq(gw_str_cut(text, ':'), GW_LIT("arn")) &&
           is_word(gw_str_cut(text, ':')) &&
           gw_str_eq(gw_str_cut(text, ':'), GW_LIT("lambda")) &&
           is_word(gw_str_cut(text, ':'));
}

bool gw_function_ref_read(gw_str text, struct gw_function_ref *out)
{
    gw_str rest = text, account;

    *out = (struct gw_function_ref){ .arn = GW_EMPTY, .account = GW_EMPTY };
    if (gw_str_starts(text, GW_LIT("arn:"))) {
        if (!pass_region(&rest) || !pass_account(&rest, &account) ||
            !read_name(rest, out))
            return false;
        out->account = account;
        out->arn =
            gw_str_head(text, (size_t)(out->name.at - text.at) + out->name.len);
        return true;
    }
    if (pass_account(&rest, &account)) {
        out->account = account;
        return read_name(rest, out);
    }
    return read_name(text, out);
}

/* The fifth part of its ARN. */
static gw_str account_of(gw_str arn)
{
    for (int i = 0; i < 4; i++)
        gw_str_cut(&arn, ':');
    return gw_str_cut(&arn, ':');
}

bool gw_function_ref_is(const struct gw_function_ref *ref,
                        const struct gw_function_spec *spec)
{
    if (!gw_str_eq(ref->name, spec->name))
        return false;
    if (ref->arn.len)
        return gw_str_eq(ref->arn, spec->arn);
    return !ref->account.len || gw_str_eq(ref->account, account_of(spec->arn));
}
