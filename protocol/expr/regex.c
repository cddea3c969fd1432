/*
 * A pattern becomes a tree, the tree a list of states, and all states that
 * the text so far can lead to are walked side by side (K. Thompson, "Regular
 * Expression Search Algorithm", 1968). Nothing is ever tried again.
 */
#include "protocol/expr/regex.h"

#include "protocol/base/utf8.h"

enum { REPEAT_MAX = 1000, DEPTH_MAX = 50, ENDLESS = -1 };

struct range {
    uint32_t from, to;
};

/* A set of characters. */
struct set {
    struct range *ranges;
    size_t count, room;
    bool negated;
};

struct node {
    enum { EMPTY, SET, THEN, EITHER, REPEAT, START, END } kind;
    struct set *set;
    struct node *left, *right; /* REPEAT: left only */
    int min, max;              /* REPEAT; max: or ENDLESS */
};

struct state {
    enum { TAKE, SPLIT, AT_START, AT_END, DONE } kind;
    const struct set *set;  /* TAKE, and on to the next state */
    unsigned first, second; /* SPLIT; AT_START, AT_END: first */
};

struct gw_regex {
    struct state *states;
    unsigned count;
    bool ignores_case;
};

/* --- reading ----------------------------------------------------------------- */

struct reader {
    struct gw_arena *arena;
    gw_str rest;
    bool dot_takes_all;
    unsigned depth;
    gw_err err;
};

static void *room(struct reader *r, size_t size)
{
    void *p = gw_arena_alloc(r->arena, size);

    if (!p)
        r->err = GW_E_TOO_BIG;
    return p;
}

static void *wrong(struct reader *r)
{
    if (!r->err)
        r->err = GW_E_SYNTAX;
    return NULL;
}

/* The first character; of bytes that are none, the byte. */
static uint32_t take(gw_str *text)
{
    unsigned char lead = (unsigned char)text->at[0];
    size_t len = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t scalar = lead;

    if (len > 1 && len <= text->len &&
        gw_utf8_is_valid(gw_str_head(*text, len))) {
        scalar &= 0x7fu >> len;
        for (size_t i = 1; i < len; i++)
            scalar = scalar << 6 | ((unsigned char)text->at[i] & 0x3f);
    } else {
        len = 1;
    }
    *text = gw_str_skip(*text, len);
    return scalar;
}

static bool is_next(const struct reader *r, char c)
{
    return gw_str_begins(r->rest, c);
}

static struct node *node_new(struct reader *r, int kind, struct node *left,
                             struct node *right)
{
    struct node *n = room(r, sizeof(*n));

    if (n) {
        n->kind = kind;
        n->left = left;
        n->right = right;
    }
    return n;
}

static void add_range(struct reader *r, struct set *set, uint32_t from,
                      uint32_t to)
{
    if (set->count == set->room) {
        struct range *more =
            room(r, 2 * (set->room + 4) * sizeof(*set->ranges));

        if (!more)
            return;
        if (set->count)
            memcpy(more, set->ranges, set->count * sizeof(*more));
        set->ranges = more;
        set->room = 2 * (set->room + 4);
    }
    set->ranges[set->count++] = (struct range){ from, to };
}

/* \d and its like, and their opposites in capitals. */
static const struct {
    char letter;
    struct range ranges[4];
    size_t count;
} classes[] = {
    { 'd', { { '0', '9' } }, 1 },
    { 'w', { { 'a', 'z' }, { 'A', 'Z' }, { '0', '9' }, { '_', '_' } }, 4 },
    { 's', { { ' ', ' ' }, { '\t', '\r' } }, 2 },
};

static bool add_class(struct reader *r, struct set *set, char letter)
{
    for (size_t i = 0; i < GW_LEN(classes); i++) {
        const struct range *ranges = classes[i].ranges;

        if ((letter | 0x20) != classes[i].letter)
            continue;
        if (letter == classes[i].letter) {
            for (size_t n = 0; n < classes[i].count; n++)
                add_range(r, set, ranges[n].from, ranges[n].to);
            return true;
        }
        /* what lies between them, character by character of ASCII */
        for (uint32_t c = 0; c < 0x80; c++) {
            bool inside = false;

            for (size_t n = 0; n < classes[i].count; n++)
                inside |= c >= ranges[n].from && c <= ranges[n].to;
            if (!inside)
                add_range(r, set, c, c);
        }
        add_range(r, set, 0x80, UINT32_MAX);
        return true;
    }
    return false;
}

/* Behind a '\': one character, or (set) a class of them. */
static bool read_escape(struct reader *r, struct set *set, uint32_t *out)
{
    static const char letters[] = "tnrf", meant[] = "\t\n\r\f";
    const char *hit;
    char c;

    if (!r->rest.len)
        return wrong(r);
    c = r->rest.at[0];
    r->rest = gw_str_skip(r->rest, 1);
    *out = (unsigned char)c;
    if (!gw_str_is_of((gw_str){ &c, 1 }, "") && (unsigned char)c < 0x80)
        return false; /* punctuation */
    if (add_class(r, set, c))
        return true;
    hit = c ? strchr(letters, c) : NULL;
    if (!hit)
        return wrong(r);
    *out = (unsigned char)meant[hit - letters];
    return false;
}

static void read_bracket_item(struct reader *r, struct set *set)
{
    uint32_t from = take(&r->rest), to;

    if (from == '[' || (from == '&' && is_next(r, '&'))) {
        wrong(r);
        return;
    }
    if (from == '\\' && read_escape(r, set, &from))
        return;
    to = from;
    if (is_next(r, '-') && r->rest.len > 1 && r->rest.at[1] != ']') {
        r->rest = gw_str_skip(r->rest, 1);
        to = take(&r->rest);
        if (to == '[' || (to == '\\' && read_escape(r, set, &to)) || to < from)
            wrong(r);
    }
    if (!r->err)
        add_range(r, set, from, to);
}

static struct node *set_node(struct reader *r, struct set **set)
{
    struct node *n = node_new(r, SET, NULL, NULL);

    *set = room(r, sizeof(**set));
    if (!n || !*set)
        return NULL;
    n->set = *set;
    return n;
}

/* Behind the '['. */
static struct node *read_bracket(struct reader *r)
{
    struct set *set;
    struct node *n = set_node(r, &set);

    if (!n)
        return NULL;
    set->negated = gw_str_pass(&r->rest, '^');
    do {
        if (!r->rest.len || is_next(r, ']'))
            return wrong(r);
        read_bracket_item(r, set);
    } while (!r->err && !is_next(r, ']'));
    r->rest = gw_str_skip(r->rest, !r->err);
    return n;
}

/* Java's line ends. */
static struct node *read_dot(struct reader *r)
{
    struct set *set;
    struct node *n = set_node(r, &set);

    if (!n)
        return NULL;
    set->negated = true;
    if (r->dot_takes_all)
        return n;
    add_range(r, set, '\n', '\n');
    add_range(r, set, '\r', '\r');
    add_range(r, set, 0x85, 0x85);
    add_range(r, set, 0x2028, 0x2029);
    return n;
}

static struct node *read_either(struct reader *r);

/* Behind the '('. */
static struct node *read_group(struct reader *r)
{
    struct node *n;

    if (gw_str_pass(&r->rest, '?') && !gw_str_pass(&r->rest, ':'))
        return wrong(r);
    if (++r->depth > DEPTH_MAX)
        return wrong(r);
    n = read_either(r);
    r->depth--;
    return gw_str_pass(&r->rest, ')') ? n : wrong(r);
}

static struct node *read_one(struct reader *r)
{
    struct set *set;
    struct node *n;
    uint32_t c = take(&r->rest);

    switch (c) {
    case '(':
        return read_group(r);
    case '[':
        return read_bracket(r);
    case '.':
        return read_dot(r);
    case '^':
        return node_new(r, START, NULL, NULL);
    case '$':
        return node_new(r, END, NULL, NULL);
    case '?':
    case '*':
    case '+':
    case '{':
        return wrong(r);
    default:
        n = set_node(r, &set);
        if (n && !(c == '\\' && read_escape(r, set, &c)) && !r->err)
            add_range(r, set, c, c);
        return n;
    }
}

static bool read_number(struct reader *r, int *out)
{
    size_t digits = 0;
    uint64_t n;

    while (digits < r->rest.len && r->rest.at[digits] >= '0' &&
           r->rest.at[digits] <= '9')
        digits++;
    if (!gw_str_to_u64(gw_str_head(r->rest, digits), &n) || n > REPEAT_MAX)
        return false;
    r->rest = gw_str_skip(r->rest, digits);
    *out = (int)n;
    return true;
}

/* Behind the '{': n} n,} n,m} */
static void read_counts(struct reader *r, int *min, int *max)
{
    bool ok = read_number(r, min);

    *max = *min;
    if (ok && gw_str_pass(&r->rest, ',')) {
        *max = ENDLESS;
        if (!is_next(r, '}'))
            ok = read_number(r, max) && *max >= *min;
    }
    if (!ok || !gw_str_pass(&r->rest, '}'))
        wrong(r);
}

static struct node *read_repeat(struct reader *r)
{
    struct node *n = read_one(r), *repeat;
    int min = 0, max = ENDLESS;

    if (r->err || !r->rest.len)
        return n;
    if (gw_str_pass(&r->rest, '?'))
        max = 1;
    else if (gw_str_pass(&r->rest, '+'))
        min = 1;
    else if (gw_str_pass(&r->rest, '{'))
        read_counts(r, &min, &max);
    else if (!gw_str_pass(&r->rest, '*'))
        return n;
    /* lazy or not, the same texts match as a whole */
    gw_str_pass(&r->rest, '?');
    repeat = node_new(r, REPEAT, n, NULL);
    if (repeat) {
        repeat->min = min;
        repeat->max = max;
    }
    return repeat;
}

static struct node *read_sequence(struct reader *r)
{
    struct node *n = NULL;

    while (!r->err && r->rest.len && !is_next(r, '|') && !is_next(r, ')')) {
        struct node *next = read_repeat(r);

        n = n ? node_new(r, THEN, n, next) : next;
    }
    return n ? n : node_new(r, EMPTY, NULL, NULL);
}

static struct node *read_either(struct reader *r)
{
    struct node *n = read_sequence(r);

    while (!r->err && gw_str_pass(&r->rest, '|'))
        n = node_new(r, EITHER, n, read_sequence(r));
    return n;
}

/* (?i) and its like: letters without case (ASCII), a dot that takes all. */
static bool read_flags(struct reader *r)
{
    bool ignores_case = false;

    if (!gw_str_starts(r->rest, GW_LIT("(?")) || r->rest.len < 3 ||
        r->rest.at[2] == ':')
        return false;
    r->rest = gw_str_skip(r->rest, 2);
    while (is_next(r, 'i') || is_next(r, 's')) {
        ignores_case |= is_next(r, 'i');
        r->dot_takes_all |= is_next(r, 's');
        r->rest = gw_str_skip(r->rest, 1);
    }
    if (!gw_str_pass(&r->rest, ')'))
        wrong(r);
    return ignores_case;
}

/* --- states ------------------------------------------------------------------ */

static unsigned add_state(struct gw_regex *regex, int kind)
{
    if (regex->count < GW_REGEX_STATES_MAX)
        regex->states[regex->count].kind = kind;
    return regex->count++;
}

static bool is_full(const struct gw_regex *regex)
{
    return regex->count > GW_REGEX_STATES_MAX;
}

/* Where the state at `from` goes first, and second, counted from what follows
 * its own code. */
static void lead(struct gw_regex *regex, unsigned from, unsigned first,
                 unsigned second)
{
    if (from >= GW_REGEX_STATES_MAX)
        return;
    regex->states[from].first = first;
    regex->states[from].second = second;
}

static void emit(struct gw_regex *regex, const struct node *n);

static void emit_repeat(struct gw_regex *regex, const struct node *n)
{
    unsigned split;

    for (int i = 0; i < n->min && !is_full(regex); i++) {
        unsigned before = regex->count;

        emit(regex, n->left);
        if (regex->count == before) /* nothing, as often as one likes */
            break;
    }
    if (n->max == ENDLESS) {
        split = add_state(regex, SPLIT);
        emit(regex, n->left);
        lead(regex, add_state(regex, SPLIT), split, split);
        lead(regex, split, split + 1, regex->count);
        return;
    }
    for (int i = n->min; i < n->max && !is_full(regex); i++) {
        split = add_state(regex, SPLIT);
        emit(regex, n->left);
        lead(regex, split, split + 1, regex->count);
    }
}

static void emit_either(struct gw_regex *regex, const struct node *n)
{
    unsigned split = add_state(regex, SPLIT), over;

    emit(regex, n->left);
    over = add_state(regex, SPLIT);
    lead(regex, split, split + 1, regex->count);
    emit(regex, n->right);
    lead(regex, over, regex->count, regex->count);
}

/* As deep as the tree, whose depth the pattern's length bounds. */
static void emit(struct gw_regex *regex, const struct node *n)
{
    unsigned at;

    if (is_full(regex))
        return;
    switch (n->kind) {
    case EMPTY:
        return;
    case SET:
        at = add_state(regex, TAKE);
        if (!is_full(regex))
            regex->states[at].set = n->set;
        return;
    case THEN:
        emit(regex, n->left);
        emit(regex, n->right);
        return;
    case EITHER:
        emit_either(regex, n);
        return;
    case REPEAT:
        emit_repeat(regex, n);
        return;
    case START:
    case END:
        at = add_state(regex, n->kind == START ? AT_START : AT_END);
        lead(regex, at, at + 1, at + 1);
        return;
    }
}

static gw_err keep(struct gw_arena *a, const struct gw_regex *draft,
                   struct gw_regex **out)
{
    size_t size = draft->count * sizeof(*draft->states);
    struct gw_regex *regex = gw_arena_alloc(a, sizeof(*regex));
    struct state *states = gw_arena_alloc(a, size);

    if (!regex || !states)
        return GW_E_TOO_BIG;
    *regex = *draft;
    regex->states = memcpy(states, draft->states, size);
    *out = regex;
    return GW_OK;
}

gw_err gw_regex_read(struct gw_arena *a, gw_str pattern, struct gw_regex **out,
                     struct gw_fault *why)
{
    struct reader r = { .arena = a, .rest = pattern };
    struct state states[GW_REGEX_STATES_MAX];
    struct gw_regex draft = { .states = states };
    struct node *tree;

    if (pattern.len > GW_REGEX_PATTERN_MAX)
        return gw_fail(why, GW_E_TOO_BIG,
                       "expected a pattern of at most %d bytes",
                       GW_REGEX_PATTERN_MAX);
    draft.ignores_case = read_flags(&r);
    tree = read_either(&r);
    if (!r.err && r.rest.len)
        wrong(&r); /* a ')' too many */
    if (r.err)
        return gw_fail(why, r.err,
                       "expected a regular expression of characters, . [a-z] "
                       "\\d \\w \\s (a|b) ? * + {n,m} ^ $ and, at its "
                       "beginning, (?i) or (?s)");
    emit(&draft, tree);
    add_state(&draft, DONE);
    if (draft.count > GW_REGEX_STATES_MAX)
        return gw_fail(why, GW_E_TOO_BIG,
                       "expected a pattern with fewer or smaller repeats");
    return keep(a, &draft, out);
}

/* --- matching ---------------------------------------------------------------- */

static bool lies_in(const struct set *set, uint32_t c)
{
    for (size_t i = 0; i < set->count; i++)
        if (c >= set->ranges[i].from && c <= set->ranges[i].to)
            return true;
    return false;
}

static bool takes(const struct gw_regex *regex, const struct set *set,
                  uint32_t c)
{
    bool hit = lies_in(set, c);

    if (!hit && regex->ignores_case && (c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        hit = lies_in(set, c ^ 0x20);
    return hit != set->negated;
}

/* The states the text so far leads to, each once. */
struct walk {
    const struct gw_regex *regex;
    uint16_t at[GW_REGEX_STATES_MAX];
    unsigned count;
    uint32_t seen[GW_REGEX_STATES_MAX]; /* the round in which it was */
    uint32_t round;
    bool is_start, is_end, done;
};

/* Adds a state, and all it leads to without taking a character. */
static void enter(struct walk *w, unsigned first)
{
    uint16_t todo[GW_REGEX_STATES_MAX + 2]; /* each leads on only once */
    size_t count = 0;

    todo[count++] = (uint16_t)first;
    while (count) {
        unsigned at = todo[--count];
        const struct state *s = &w->regex->states[at];

        if (w->seen[at] == w->round)
            continue;
        w->seen[at] = w->round;
        if (s->kind == TAKE)
            w->at[w->count++] = (uint16_t)at;
        else if (s->kind == DONE)
            w->done = true;
        else if (s->kind == SPLIT || (s->kind == AT_START && w->is_start) ||
                 (s->kind == AT_END && w->is_end)) {
            todo[count++] = (uint16_t)s->second;
            todo[count++] = (uint16_t)s->first;
        }
    }
}

bool gw_regex_matches(const struct gw_regex *regex, gw_str text)
{
    struct walk w;

    if (text.len > GW_REGEX_STEPS_MAX / regex->count)
        return false;
    w.regex = regex;
    w.count = 0;
    w.round = 1;
    w.is_start = true;
    w.is_end = text.len == 0;
    w.done = false;
    memset(w.seen, 0, regex->count * sizeof(*w.seen)); /* not all of it */
    enter(&w, 0);
    while (text.len && w.count) {
        uint16_t before[GW_REGEX_STATES_MAX];
        unsigned count = w.count;
        uint32_t c = take(&text);

        memcpy(before, w.at, count * sizeof(*before));
        w.count = 0;
        w.round++;
        w.is_start = w.done = false;
        w.is_end = text.len == 0;
        for (unsigned i = 0; i < count; i++)
            if (takes(regex, regex->states[before[i]].set, c))
                enter(&w, before[i] + 1);
    }
    return text.len == 0 && w.done;
}
