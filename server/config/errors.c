#include "server/config/errors.h"

#include "protocol/base/utf8.h"

#include <stdio.h>

/* Names and values are quoted from foreign files: no escape sequence may
 * reach the terminal, and a cut in the middle of a character is mended. */
static void make_printable(char *line)
{
    bool is_text = gw_utf8_is_valid(gw_str_of(line));

    for (unsigned char *c = (unsigned char *)line; *c; c++)
        if (*c < 0x20 || *c == 0x7f || (*c >= 0x80 && !is_text))
            *c = '?';
}

void gw_config_errors_addv(struct gw_config_errors *errors, const char *place,
                           const char *format, va_list args)
{
    char line[sizeof(errors->lines[0])];
    int n = snprintf(line, sizeof(line), "%s: ", place);

    GW_ASSERT(n > 0);
    if ((size_t)n < sizeof(line))
        vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
    make_printable(line);
    for (unsigned i = 0; i < errors->count && i < GW_CONFIG_ERRORS_MAX; i++)
        if (strcmp(errors->lines[i], line) == 0)
            return;
    if (errors->count < GW_CONFIG_ERRORS_MAX)
        memcpy(errors->lines[errors->count], line, sizeof(line));
    errors->count++;
}

void gw_config_errors_add(struct gw_config_errors *errors, const char *place,
                          const char *format, ...)
{
    va_list args;

    va_start(args, format);
    gw_config_errors_addv(errors, place, format, args);
    va_end(args);
}

void gw_suggestion_offer(struct gw_suggestion *s, gw_str known)
{
    /* A third of the letters may be wrong, three at most: beyond that a
     * suggestion is a guess. */
    unsigned limit = (unsigned)GW_MAX(1, GW_MIN(3, known.len / 3));
    unsigned distance = gw_str_eq_nocase(s->name, known)
                            ? 0
                            : gw_str_distance(s->name, known, limit + 1);

    if (distance > limit || known.len >= sizeof(s->best) ||
        (s->best[0] && distance >= s->distance))
        return;
    memcpy(s->best, known.at, known.len);
    s->best[known.len] = '\0';
    s->distance = distance;
}

void gw_suggestion_print(const struct gw_suggestion *s,
                         char out[GW_SUGGESTION_MAX])
{
    out[0] = '\0';
    if (s->best[0])
        snprintf(out, GW_SUGGESTION_MAX, "; did you mean `%s`?", s->best);
}
