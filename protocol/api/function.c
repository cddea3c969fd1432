#include "protocol/api/function.h"

#include "protocol/api/uri.h"
#include "protocol/base/buf.h"
#include "protocol/http/query.h"

static const gw_str functions = { "/2015-03-31/functions/", 22 };
static const gw_str invocations = { "/invocations", 12 };
static const gw_str own = { "function:", 9 };

static gw_err refuse(struct gw_fault *why)
{
    return gw_fail(why, GW_E_SYNTAX,
                   "expected a function: its ARN, function:NAME for one of "
                   "`functions`, "
                   "arn:aws:apigateway:REGION:lambda:path/2015-03-31/"
                   "functions/ARN/invocations, or a URL that ends in "
                   "/2015-03-31/functions/NAME/invocations");
}

/* arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER] */
struct arn {
    gw_str partition, region, name;
};

static bool is_name(gw_str text, const char *marks)
{
    return text.len && text.len <= 170 && gw_str_is_of(text, marks);
}

/* NAME[:QUALIFIER] */
static bool read_name(gw_str text, gw_str *out)
{
    bool is_qualified = gw_str_find(text, ':', 0) >= 0;

    *out = gw_str_cut(&text, ':');
    return is_name(*out, "-_") && (!is_qualified || is_name(text, "-_$"));
}

static bool read_arn(gw_str text, struct arn *out)
{
    uint64_t account;

    if (!gw_str_eq(gw_str_cut(&text, ':'), GW_LIT("arn")))
        return false;
    out->partition = gw_str_cut(&text, ':');
    if (!gw_str_starts(out->partition, GW_LIT("aws")) ||
        !is_name(out->partition, "-") ||
        !gw_str_eq(gw_str_cut(&text, ':'), GW_LIT("lambda")))
        return false;
    out->region = gw_str_cut(&text, ':');
    if (!is_name(out->region, "-") || out->region.len > 64 ||
        !gw_str_to_u64(gw_str_cut(&text, ':'), &account) ||
        !gw_str_eq(gw_str_cut(&text, ':'), GW_LIT("function")))
        return false;
    return read_name(text, &out->name);
}

/* What stands around the function's ARN, if the gateway's own form is used. */
static bool unwrap(gw_str *text)
{
    gw_str rest = *text;

    if (!gw_str_eq(gw_str_cut(&rest, ':'), GW_LIT("arn")) ||
        !gw_str_starts(gw_str_cut(&rest, ':'), GW_LIT("aws")) ||
        !gw_str_eq(gw_str_cut(&rest, ':'), GW_LIT("apigateway")))
        return true;
    if (!is_name(gw_str_cut(&rest, ':'), "-") ||
        !gw_str_eq(gw_str_cut(&rest, ':'), GW_LIT("lambda")) ||
        !gw_str_eq(gw_str_cut(&rest, '/'), GW_LIT("path")) ||
        !gw_str_starts(rest, gw_str_skip(functions, 1)) ||
        !gw_str_ends(rest, invocations) ||
        rest.len < functions.len + invocations.len)
        return false;
    rest = gw_str_skip(rest, functions.len - 1);
    *text = gw_str_head(rest, rest.len - invocations.len);
    return true;
}

/* As the SDKs ask: the ARN's colons encoded, in the path. */
static gw_err write_url(struct gw_arena *a, gw_str arn, const struct arn *parts,
                        gw_str endpoint, gw_str *out)
{
    bool is_china = gw_str_eq(parts->partition, GW_LIT("aws-cn"));
    struct gw_buf url;
    gw_err err;

    gw_buf_init(&url, GW_URI_MAX);
    if (endpoint.len)
        err = gw_buf_add(&url, endpoint);
    else
        err = gw_buf_addf(&url, "https://lambda.%.*s.amazonaws.com%s",
                          GW_FMT(parts->region), is_china ? ".cn" : "");
    if (!err)
        err = gw_buf_add(&url, functions);
    if (!err)
        err = gw_http_encode(&url, arn, false);
    if (!err)
        err = gw_buf_add(&url, invocations);
    if (!err)
        err = gw_arena_dup(a, gw_buf_str(&url), out);
    gw_buf_fini(&url);
    return err;
}

/* With or without a qualifier: there is one version of it here. */
static bool is_here(gw_str arn, const struct gw_lambda *lambda)
{
    for (size_t i = 0; i < lambda->here_count; i++) {
        gw_str one = lambda->here[i];

        if (gw_str_starts(arn, one) &&
            (arn.len == one.len || arn.at[one.len] == ':'))
            return true;
    }
    return false;
}

/* By its name alone, which the ARN of one of ours ends with. */
static gw_err read_own(gw_str text, const struct gw_lambda *lambda,
                       struct gw_function_uri *out, struct gw_fault *why)
{
    gw_str name = gw_str_skip(text, own.len);

    if (!read_name(name, &name))
        return refuse(why);
    for (size_t i = 0; i < lambda->here_count; i++) {
        struct arn parts;

        if (read_arn(lambda->here[i], &parts) && gw_str_eq(parts.name, name)) {
            *out = (struct gw_function_uri){ .name = text,
                                             .region = parts.region,
                                             .here = name };
            return GW_OK;
        }
    }
    return gw_fail(why, GW_E_INVALID,
                   "expected the name of one of the functions of this file: "
                   "there is no %.*s",
                   GW_FMT(name));
}

static gw_err read_named(struct gw_arena *a, gw_str arn,
                         const struct gw_lambda *lambda,
                         struct gw_function_uri *out, struct gw_fault *why)
{
    struct arn parts;
    gw_err err;

    if (!unwrap(&arn) || !read_arn(arn, &parts))
        return refuse(why);
    out->name = arn;
    out->region = parts.region;
    if (lambda->endpoint.len == 0 && is_here(arn, lambda)) {
        out->here = parts.name;
        return GW_OK;
    }
    out->is_real = lambda->endpoint.len == 0;
    err = write_url(a, arn, &parts, lambda->endpoint, &out->url);
    return err ? gw_fail(why, err, "too long") : GW_OK;
}

/* "lambda.eu-west-1.amazonaws.com" says the region; else it is ours, or the
 * one that emulators take for their own. */
static gw_str region_of(gw_str host, gw_str ours)
{
    gw_str rest = host, first = gw_str_cut(&rest, '.');
    gw_str region = gw_str_cut(&rest, '.');

    if (gw_str_eq(first, GW_LIT("lambda")) && is_name(region, "-") &&
        gw_str_starts(rest, GW_LIT("amazonaws.com")))
        return region;
    return ours.len ? ours : GW_LIT("us-east-1");
}

/* The name between the two fixed parts of the path, which may stand behind
 * another. */
static bool find_name(gw_str path, gw_str *out)
{
    size_t end;

    if (!gw_str_ends(path, invocations))
        return false;
    end = path.len - invocations.len;
    for (size_t i = 0; i + functions.len < end; i++) {
        *out = (gw_str){ path.at + i + functions.len, end - i - functions.len };
        if (gw_str_starts(gw_str_skip(path, i), functions) &&
            gw_str_is_of(*out, "-_$:%"))
            return true;
    }
    return false;
}

gw_err gw_function_uri_read(struct gw_arena *a, gw_str text,
                            const struct gw_lambda *lambda,
                            struct gw_function_uri *out, struct gw_fault *why)
{
    struct gw_uri uri;
    gw_err err;

    *out = (struct gw_function_uri){ .is_real = false };
    if (gw_str_starts(text, GW_LIT("arn:")))
        return read_named(a, text, lambda, out, why);
    if (gw_str_starts(text, own))
        return read_own(text, lambda, out, why);
    if (gw_str_find(text, '/', 0) < 0 || gw_str_find(text, '{', 0) >= 0)
        return refuse(why);
    err = gw_uri_read(text, &uri, why);
    if (err)
        return err;
    if (!find_name(uri.path, &out->name))
        return refuse(why);
    out->region = region_of(uri.host, lambda->region);
    out->url = text;
    return GW_OK;
}
