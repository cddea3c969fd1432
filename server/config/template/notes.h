/*
 * What a person should know about a template that is fine: what of it does
 * nothing here, and what stands in for something else. The same note about
 * several resources is one line.
 */
#ifndef GW_TEMPLATE_NOTES_H
#define GW_TEMPLATE_NOTES_H

#include "protocol/base/arena.h"

enum { GW_NOTES_MAX = 100, GW_NOTE_IDS_MAX = 20 };

struct gw_notes {
    struct gw_arena *arena;
    struct gw_note {
        gw_str text;
        gw_str ids[GW_NOTE_IDS_MAX]; /* the resources it is about */
        size_t id_count;             /* of all; as many as fit are kept */
    } at[GW_NOTES_MAX];
    size_t count; /* of all; the first GW_NOTES_MAX are kept */
};

/* `id` (borrowed) may be empty: it is about the file. */
void gw_notes_add(struct gw_notes *notes, gw_str id, const char *format, ...)
    GW_PRINTF(3, 4);

/* "`Policies` has no effect here (Connect, Send)", one text a note, in the
 * arena. */
gw_err gw_notes_print(const struct gw_notes *notes, const gw_str **out,
                      size_t *count) GW_MUST_CHECK;

#endif
