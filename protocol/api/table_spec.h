/*
 * What a table is declared as, in the original's words (DynamoDB).
 *
 * Plain data. All texts are views that live as long as the model does. An
 * empty text means "not given".
 */
#ifndef GW_API_TABLE_SPEC_H
#define GW_API_TABLE_SPEC_H

#include "protocol/base/str.h"

struct gw_table_key {
    gw_str name;
    char type; /* 'S', 'N' or 'B' */
};

struct gw_table_index {
    gw_str name;
    struct gw_table_key hash, range; /* range.name may be empty */
    bool is_local;
    enum { GW_PROJECT_ALL, GW_PROJECT_KEYS, GW_PROJECT_SOME } projection;
    const gw_str *projected; /* SOME: these, besides the keys */
    size_t projected_count;
};

struct gw_table_spec {
    gw_str id;   /* the logical id */
    gw_str name; /* what requests call it */
    gw_str arn;
    struct gw_table_key hash, range; /* range.name may be empty */
    const struct gw_table_index *indexes;
    size_t index_count;
    gw_str expires_attribute; /* TimeToLiveSpecification, enabled */
    gw_str stream_view;       /* StreamViewType: "NEW_AND_OLD_IMAGES", ... */
};

#endif
