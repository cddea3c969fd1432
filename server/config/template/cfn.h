/*
 * The front door for SAM and CloudFormation templates: a file's tree becomes
 * the same model the native file makes, and what belongs to functions and
 * tables besides (rest-and-services.md section 2.3).
 *
 * Everything that is needed is evaluated here, with local values: an API's
 * id is its logical id in lower case, functions and tables are called as
 * their properties say or else by their logical id. What a template holds
 * beyond that is named in the notes; nothing is dropped without a word.
 *
 * Refused  a route that wants authorization or an API key, which nothing
 *          here would check; imports, macros, layers, images, code in S3.
 */
#ifndef GW_TEMPLATE_CFN_H
#define GW_TEMPLATE_CFN_H

#include "protocol/api/function_spec.h"
#include "protocol/api/table_spec.h"
#include "server/config/apis.h"

struct gw_cfn_source {
    gw_str folder; /* of the file, with its slash; empty: the working one */
    gw_str region;
    bool dev; /* functions are started anew when their code changes */
    struct gw_pairs parameters;     /* "--parameter K=V"; AWS::... too */
    const struct gw_lambda *lambda; /* for functions of elsewhere */
};

struct gw_cfn {
    struct gw_apis apis;
    const struct gw_function_spec *functions;
    size_t function_count;
    const struct gw_table_spec *tables;
    size_t table_count;
    struct gw_pairs outputs;
    const gw_str *notes;
    size_t note_count;
};

/* Is it a template, rather than the native file? */
bool gw_cfn_is(const struct gw_yaml_node *root);

/* Whatever is wrong is in y->errors afterwards; *out is then incomplete, but
 * its plans are to be given back all the same. */
void gw_cfn_read(struct gw_yaml *y, const struct gw_cfn_source *source,
                 struct gw_cfn *out);

#endif
