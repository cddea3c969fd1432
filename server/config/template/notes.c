#include "server/config/template/notes.h"

#include "protocol/base/buf.h"

#include <stdarg.h>
#include <stdio.h>

enum { NOTE_BYTES_MAX = 4096 };

static struct gw_note *note_of(struct gw_notes *notes, gw_str text)
{
    struct gw_note *note = &notes->at[notes->count];

    for (size_t i = 0; i < GW_MIN(notes->count, (size_t)GW_NOTES_MAX); i++)
        if (gw_str_eq(notes->at[i].text, text))
            return &notes->at[i];
    if (notes->count++ >= GW_NOTES_MAX ||
        gw_arena_dup(notes->arena, text, &text))
        return NULL;
    *note = (struct gw_note){ .text = text };
    return note;
}

void gw_notes_add(struct gw_notes *notes, gw_str id, const char *format, ...)
{
    char text[512];
    struct gw_note *note;
    va_list args;
    size_t i = 0;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    note = note_of(notes, gw_str_of(text));
    if (!note || !id.len)
        return;
    while (i < GW_MIN(note->id_count, (size_t)GW_NOTE_IDS_MAX) &&
           !gw_str_eq(note->ids[i], id))
        i++;
    if (i < GW_MIN(note->id_count, (size_t)GW_NOTE_IDS_MAX))
        return;
    if (i < GW_NOTE_IDS_MAX)
        note->ids[i] = id;
    note->id_count++;
}

static gw_err print(const struct gw_note *note, struct gw_buf *out)
{
    size_t shown = GW_MIN(note->id_count, (size_t)GW_NOTE_IDS_MAX);
    gw_err err = gw_buf_add(out, note->text);

    for (size_t i = 0; i < shown && !err; i++)
        err = gw_buf_addf(out, "%s%.*s", i ? ", " : " (",
                          (int)GW_MIN(note->ids[i].len, 80), note->ids[i].at);
    if (!err && note->id_count > shown)
        err = gw_buf_addf(out, ", and %zu more", note->id_count - shown);
    return err || !shown ? err : gw_buf_add(out, GW_LIT(")"));
}

gw_err gw_notes_print(const struct gw_notes *notes, const gw_str **out,
                      size_t *count)
{
    size_t n = GW_MIN(notes->count, (size_t)GW_NOTES_MAX);
    gw_str *lines = gw_arena_alloc(notes->arena, n * sizeof(*lines));
    gw_err err = lines ? GW_OK : GW_E_TOO_BIG;

    for (size_t i = 0; i < n && !err; i++) {
        struct gw_buf text;

        gw_buf_init(&text, NOTE_BYTES_MAX);
        err = print(&notes->at[i], &text);
        if (!err)
            err = gw_arena_dup(notes->arena, gw_buf_str(&text), &lines[i]);
        gw_buf_fini(&text);
    }
    *out = lines;
    *count = err ? 0 : n;
    return err;
}
