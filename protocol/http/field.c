#include "protocol/http/field.h"

#include "protocol/http/chars.h"

#define EACH(byte) (UINT64_MAX / 255 * (byte))

/* The end of a run of field-value bytes. Values are most of a head, so eight
 * bytes are judged at a time as long as none is a control character. */
static size_t value_end(const char *s, size_t i, size_t end)
{
    while (end - i >= 8) {
        uint64_t w, del, hit;

        memcpy(&w, s + i, 8);
        del = w ^ EACH(0x7f);
        hit = ((w - EACH(0x20)) & ~w) | ((del - EACH(0x01)) & ~del);
        if (hit & EACH(0x80))
            break;
        i += 8;
    }
    return gw_http_span(s, i, end, GW_HTTP_VALUE);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static gw_http_found last_line(struct gw_http_fields *fields)
{
    if (fields->in.len - fields->at < 2)
        return GW_HTTP_FIELDS_SHORT;
    if (fields->in.at[fields->at + 1] != '\n')
        return GW_HTTP_FIELDS_WRONG;
    fields->at += 2;
    return GW_HTTP_FIELDS_END;
}

gw_http_found gw_http_field_next(struct gw_http_fields *fields,
                                 struct gw_http_header *out)
{
    const char *s = fields->in.at;
    size_t start = fields->at, i, tail;
    size_t end = GW_MIN(fields->in.len, fields->cap);
    gw_http_found cut = GW_HTTP_FIELDS_SHORT;

    if (start < fields->in.len && s[start] == '\r')
        return last_line(fields);
    if (end < fields->in.len)
        cut = GW_HTTP_FIELDS_LARGE;

    i = gw_http_span(s, start, end, GW_HTTP_TOKEN);
    if (i == end)
        return cut;
    if (s[i] != ':' || i == start)
        return GW_HTTP_FIELDS_WRONG;
    out->name = (gw_str){ s + start, i - start };

    for (i++; i < end && is_blank(s[i]);)
        i++;
    start = i;
    i = tail = value_end(s, i, end);
    if (i == end)
        return cut;
    if (s[i] != '\r')
        return GW_HTTP_FIELDS_WRONG;
    if (i + 1 == end)
        return cut;
    if (s[i + 1] != '\n')
        return GW_HTTP_FIELDS_WRONG;
    while (tail > start && is_blank(s[tail - 1]))
        tail--;
    out->value = (gw_str){ s + start, tail - start };
    fields->at = i + 2;
    return GW_HTTP_FIELD;
}
