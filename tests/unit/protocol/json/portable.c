/*
 * The same tests once more, over a json.c compiled without SSE2: the road
 * that other processors take.
 */
#undef __SSE2__
#define gw_json_read       portable_json_read
#define gw_json_read_find  portable_json_read_find
#define gw_json_member     portable_json_member
#define gw_json_item       portable_json_item
#define gw_json_next       portable_json_next
#define gw_json_text       portable_json_text
#define gw_json_is_text    portable_json_is_text
#define gw_json_to_i64     portable_json_to_i64
#define gw_json_write_text portable_json_write_text

#include "protocol/json/json.c"

#define GW_TEST_NAME "protocol/json/json, without SSE2"

#include "tests/unit/protocol/json/json.c"
