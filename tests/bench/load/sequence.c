#include "tests/bench/load/sequence.h"

static void note_later(struct sequence *s, uint64_t number,
                       struct sequence_faults *faults)
{
    uint64_t skipped = number - s->next;

    faults->lost += skipped; /* until it turns up after all */
    s->recent = skipped < 63 ? s->recent << (skipped + 1) : 0;
    s->recent |= 1;
    s->next = number + 1;
}

void sequence_note(struct sequence *s, uint64_t number,
                   struct sequence_faults *faults)
{
    uint64_t back;

    if (number >= s->next) {
        note_later(s, number, faults);
        return;
    }
    back = s->next - 1 - number;
    if (back < 64 && !(s->recent >> back & 1)) {
        s->recent |= UINT64_C(1) << back;
        faults->lost--;
        faults->reordered++;
    } else {
        faults->duplicated++;
    }
}
