/*
 * JSON has a reader of its own. Nearly all of it is YAML too, but not the
 * pairs of surrogates every JSON writer escapes an emoji with, nor a colon on
 * the next line.
 */
#include "server/config/yaml_builder.h"

#include "protocol/json/json.h"

struct reader {
    struct gw_yaml_builder builder;
    struct gw_arena texts;    /* unescaped, until they are in the tree */
    const char *at;           /* values come in the order of the text: */
    struct gw_yaml_mark mark; /* the place of `at`, counted along */
};

static struct gw_yaml_mark mark_of(struct reader *r, const char *to)
{
    for (; r->at < to; r->at++)
        if (*r->at == '\n') {
            r->mark.line++;
            r->mark.column = 1;
        } else if ((*r->at & 0xc0) != 0x80) { /* a character, not its tail */
            r->mark.column++;
        }
    return r->mark;
}

static bool read_scalar(struct reader *r, gw_json value)
{
    struct gw_yaml_piece piece = { .mark = mark_of(r, value.raw.at),
                                   .text = value.raw,
                                   .is_plain = true };

    gw_arena_reset(&r->texts);
    if (value.kind == GW_JSON_STRING) {
        piece.is_plain = false;
        if (gw_json_text(&r->texts, value, &piece.text))
            return gw_yaml_refuse(r->builder.y, piece.mark,
                                  "the file asks for too much memory");
    }
    return gw_yaml_builder_scalar(&r->builder, &piece);
}

/* As deep as the builder lets it go. */
static bool read_value(struct reader *r, gw_json value)
{
    bool is_object = value.kind == GW_JSON_OBJECT, ok = true;
    struct gw_yaml_piece piece;
    gw_json name, item;
    size_t at = 0;

    if (!is_object && value.kind != GW_JSON_ARRAY)
        return read_scalar(r, value);
    piece = (struct gw_yaml_piece){ .mark = mark_of(r, value.raw.at) };
    if (!gw_yaml_builder_open(&r->builder,
                              is_object ? GW_YAML_MAPPING : GW_YAML_SEQUENCE,
                              &piece))
        return false;
    while (ok && gw_json_next(value, &at, &name, &item))
        ok = (!is_object || read_scalar(r, name)) && read_value(r, item);
    gw_yaml_builder_close(&r->builder);
    return ok;
}

bool gw_yaml_read_json(struct gw_yaml *y, gw_str text, gw_str root)
{
    struct reader r = { .builder = { .y = y },
                        .at = text.at,
                        .mark = { 1, 1 } };
    bool ok;

    gw_arena_init(&r.texts, GW_YAML_BYTES_MAX);
    ok = read_value(&r, (gw_json){ GW_JSON_OBJECT, root });
    gw_arena_fini(&r.texts);
    return ok;
}
