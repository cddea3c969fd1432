/*
 * Lease, inheritance and goodbye, by the rules of store/README.md: three nodes
 * of one worker each, two connections, and all that may go wrong in every
 * order. tests/model/run checks it exhaustively, with these numbers:
 *
 *   CRASHES   nodes that die (kill -9), at any step
 *   RESTARTS  dead ones that come back, at the same address
 *   STALLS    nodes that are stopped for longer than their lease
 *   BREAKS    links that break while a write is under way. It was carried
 *             out; or it was not, or will be when the node is further on
 *   AWAYS     absences of Redis: all leases run out, nothing else is lost
 *   LOSSES    the same, and Redis' data is gone
 *
 * One step is one script with its answer, or what a node does by itself.
 * Redis carries out scripts one after another, so steps are atomic. There is
 * no time in the model; a node may be slow for as long as it likes. What the
 * rules rest on is said outright:
 *
 *   - A lease runs out only when its owner has crashed or stalled, or Redis
 *     was away: who lives and is linked renews it in time (2 s of 6 s). That
 *     happens at once here, for a node that waits is like one that is slow.
 *   - After Redis was away, whoever has neither crashed nor stalled has its
 *     lease again before anybody inherits (rule 7: 8 s).
 *   - By its own clock a node knows that it has slept for longer than its
 *     lease (`slept`), and then asks before it runs a $connect.
 *
 * More is allowed than happens: two heirs may move one estate at a time (the
 * key `heir` only saves work), and they move one goodbye at a time. Left out:
 * leaving (like a crash, with all connections closed), dead letters, the
 * cluster's key, and a Redis that loses some acknowledged writes, not others.
 *
 * What must hold:
 *
 *   1 The goodbye of an accepted connection that ended is delivered, after
 *     its $connect, as long as a node lives. Excluded (`forgiven`): what
 *     nobody but Redis knew when it lost its data; and what a node knew then
 *     and had not written again when it crashed, or lost its estate.
 *   2 A connection is claimed (its record turned into a goodbye) at most once,
 *     unless data was lost: then nodes have to say again what they had said.
 *   3 Nobody claims the estate of a node that has neither crashed nor stalled,
 *     and no goodbye is delivered while its connection is open on a node that
 *     holds its lease. Excluded (`reborn`): the estate of a stalled node was
 *     claimed, and Redis lost that with its data before the node woke. It lives
 *     on, and so do its connections, whose goodbyes may have been delivered.
 *   4 Nothing is written into an estate that is claimed, or without its lease.
 *   5 It comes to an end: nothing is repeated for ever.
 *
 * Every name that begins with MUTANT breaks a rule, and must be found out.
 */
#define BIT(i)      (1 << (i))
#define HAS(set, i) ((set) & BIT(i))
#define PUT(set, i) set = set | BIT(i)
#define CUT(set, i) set = set & ~BIT(i)

/* --- Redis ---------------------------------------------------------------- */

/* An estate is the first or the second life of a node. */
#define ESTATE(n, e) ((n) * 2 + (e) - 1)
#define NODE_OF(x)   ((x) / 2)
#define EPOCH_OF(x)  ((x) % 2 + 1)

byte lease[3];    /* an epoch; 0: none */
byte records[6];  /* by estate: sets of connections */
byte goodbyes[6];
byte estates;     /* sets of estates */
byte claimed;

/* A write of a broken link that Redis may still carry out. */
mtype late_write;
byte late_estate, late_conn;

/* --- nodes ---------------------------------------------------------------- */

mtype = { DEAD, JOINING, JOINED, OUT };

/* What a node knows of a connection. */
mtype = { NOTHING,
          ADD,     /* its record is to be written */
          CONNECT, /* it is; now $connect is to run */
          OPEN,
          DROP,    /* it never came to be: its record is to be removed */
          END,     /* has ended, and its goodbye may be written, or not */
          OWED,    /* the goodbye is written; it is to be delivered */
          ACK };   /* it was; it is to be removed */

/* What an heir is at. */
mtype = { IDLE, COPY, REMOVE };

mtype member[3];
byte epoch[3];
byte current = 7;  /* set of nodes whose lease is theirs, by their link */
byte slept;        /* set of nodes: for longer than the lease */
byte rewrite[3];   /* sets of connections that are to be written again */
mtype knows[6];
mtype heir[3];
byte heir_estate[3], heir_conn[3];

#define X           ESTATE(n, epoch[n]) /* of the node n */
#define KNOWS(n, c) knows[(n) * 2 + (c)]
#define HOLDS(n)    (lease[n] == epoch[n])

/* --- the world, and what is watched --------------------------------------- */

byte crashes = CRASHES, restarts = RESTARTS, stalls = STALLS, breaks = BREAKS,
     aways = AWAYS, losses = LOSSES;
bool settling; /* Redis is back, and not all have their lease again */

byte owner_of_1; /* connection 0 is node 0's */
byte accepted, delivered, forgiven, claims; /* sets of connections */
bool lost, reborn;

#define OWNER(c) ((c) * owner_of_1)

/* Is it open where the lease is held? */
#define IS_OPEN(c)                                    \
    (member[OWNER(c)] == JOINED && HOLDS(OWNER(c)) && \
     (KNOWS(OWNER(c), c) == CONNECT || KNOWS(OWNER(c), c) == OPEN))

/* --- scripts: rules 1, 5, 6 ----------------------------------------------- */

#ifdef MUTANT_UNFENCED_WRITE
#define FENCE(n) true
#else
#define FENCE(n) HOLDS(n)
#endif
#define MAY_WRITE (member[n] == JOINED && HAS(current, n) && FENCE(n))

#define CHECK_FENCE assert(HOLDS(n) && !HAS(claimed, X))

#define COUNT_CLAIM(c)               \
    assert(lost || !HAS(claims, c)); \
    PUT(claims, c)

#define CONVERT(x, c)        \
    if                       \
    :: HAS(records[x], c) -> \
        COUNT_CLAIM(c);      \
        CUT(records[x], c)   \
    :: else                  \
    fi;                      \
    PUT(goodbyes[x], c)

#define WRITE_RECORD(c)                                \
    CHECK_FENCE;                                       \
    printf("node %d writes the record of %d\n", n, c); \
    PUT(records[X], c)

#define WRITE_GOODBYE(c)                                \
    CHECK_FENCE;                                        \
    printf("node %d writes the goodbye of %d\n", n, c); \
    CONVERT(X, c)

#define REMOVE_BOTH(c)                               \
    CHECK_FENCE;                                     \
    printf("node %d removes what is of %d\n", n, c); \
    CUT(records[X], c);                              \
    CUT(goodbyes[X], c)

/* --- what a node does by itself ------------------------------------------- */

#define BEGIN(what, x, c) \
    heir[n] = what;       \
    heir_estate[n] = x;   \
    heir_conn[n] = c

#define BREAK                                   \
    breaks--;                                   \
    printf("  and node %d's link breaks\n", n); \
    CUT(current, n)

#define BREAK_BEFORE(what, c)                                                \
    printf("node %d sends, but Redis has not read: %e of %d\n", n, what, c); \
    late_write = what;                                                       \
    late_estate = X;                                                         \
    late_conn = c;                                                           \
    BREAK

#define IS_TO_WRITE(n, c)                             \
    (KNOWS(n, c) == CONNECT || KNOWS(n, c) == OPEN || \
     KNOWS(n, c) == END || KNOWS(n, c) == OWED)
#define REWRITE(n)                              \
    rewrite[n] = (IS_TO_WRITE(n, 0) -> 1 : 0) | \
                 (IS_TO_WRITE(n, 1) -> 2 : 0)

#define ONLY_HERE \
    (heir[n] == COPY && !HAS(goodbyes[heir_estate[n]], heir_conn[n]))
#define FORGIVE                                         \
    if                                                  \
    :: lost ->                                          \
        forgiven = forgiven | rewrite[n] |              \
                   (ONLY_HERE -> BIT(heir_conn[n]) : 0) \
    :: else                                             \
    fi
#define FORGET_ALL         \
    KNOWS(n, 0) = NOTHING; \
    KNOWS(n, 1) = NOTHING; \
    rewrite[n] = 0;        \
    CUT(current, n);       \
    CUT(slept, n)

/* --- joining, the heartbeat, being lost: rules 2, 3, 4 -------------------- */

#ifdef MUTANT_REGAIN_AFTER_CLAIM
#define IS_LOST (lease[n] && !HOLDS(n))
#else
#define IS_LOST (HAS(claimed, X) || (lease[n] && !HOLDS(n)))
#endif

#ifdef MUTANT_JOIN_CLAIMED
#define MAY_JOIN true
#else
#define MAY_JOIN (!HAS(claimed, X))
#endif

#define LOSE                                              \
    printf("node %d finds epoch %d lost\n", n, epoch[n]); \
    FORGIVE;                                              \
    FORGET_ALL;                                           \
    if                                                    \
    :: heir[n] == COPY -> BEGIN(IDLE, 0, 0)               \
    :: else                                               \
    fi;                                                   \
    member[n] = (epoch[n] == 1 -> JOINING : OUT);         \
    epoch[n] = 2

/* The lease names the link: what came by an earlier one is refused now. */
#ifdef MUTANT_LATE_WRITE
#define REFUSE_LATE
#else
#define REFUSE_LATE                      \
    if                                   \
    :: late_write && late_estate == X -> \
        NO_LATE                          \
    :: else                              \
    fi
#endif
#define NO_LATE      \
    late_write = 0;  \
    late_estate = 0; \
    late_conn = 0

/* What regained the lease may have been carried out, and its answer lost: so a
 * lease that is found kept says nothing when the link is new. */
#ifdef MUTANT_TRUST_LEASE
#define RESYNC                 \
    if                         \
    :: !HOLDS(n) -> REWRITE(n) \
    :: else -> rewrite[n] = 0  \
    fi
#else
#define RESYNC REWRITE(n)
#endif

#define REGAIN                            \
    printf("node %d has its lease\n", n); \
    RESYNC;                               \
    lease[n] = epoch[n];                  \
    PUT(current, n);                      \
    CUT(slept, n);                        \
    REFUSE_LATE

#define HAS_TO_RENEW (member[n] == JOINED && (!HAS(current, n) || !HOLDS(n)))

/* Listed, then leased. Nobody has listed it and not claimed it. */
#define MEMBER_STEPS                                                        \
    :: d_step {                                                             \
        HAS_TO_RENEW && !IS_LOST && !HAS(estates, X) ->                     \
        printf("node %d lists its estate\n", n);                            \
        PUT(estates, X)                                                     \
    }                                                                       \
    :: d_step {                                                             \
        HAS_TO_RENEW && !IS_LOST && HAS(estates, X) -> REGAIN               \
    }                                                                       \
    :: d_step { /* unanswered */                                            \
        HAS_TO_RENEW && !IS_LOST && HAS(estates, X) && !HOLDS(n) &&         \
            breaks ->                                                       \
        printf("node %d has its lease, and does not know\n", n);            \
        lease[n] = epoch[n];                                                \
        REFUSE_LATE;                                                        \
        BREAK                                                               \
    }                                                                       \
    :: d_step { HAS_TO_RENEW && IS_LOST -> LOSE }                           \
    :: d_step {                                                             \
        member[n] == JOINING && MAY_JOIN && !HAS(estates, X) ->             \
        printf("node %d lists its estate\n", n);                            \
        PUT(estates, X)                                                     \
    }                                                                       \
    :: d_step {                                                             \
        member[n] == JOINING && MAY_JOIN && HAS(estates, X) && !lease[n] -> \
        printf("node %d joins\n", n);                                       \
        member[n] = JOINED;                                                 \
        lease[n] = epoch[n];                                                \
        PUT(current, n)                                                     \
    }                                                                       \
    :: d_step { /* it would join under another epoch; two are enough */     \
        member[n] == JOINING && !MAY_JOIN ->                                \
        printf("node %d is out\n", n);                                      \
        member[n] = OUT;                                                    \
        CUT(current, n)                                                     \
    }

/* --- a connection --------------------------------------------------------- */

#ifdef MUTANT_CONNECT_UNASKED
#define MAY_CONNECT true
#else
#define MAY_CONNECT (!HAS(slept, n))
#endif

#ifdef MUTANT_CONNECT_BEFORE_RECORD
#define FIRST     CONNECT
#define CONNECTED(c) PUT(rewrite[n], c)
#else
#define FIRST     ADD
#define CONNECTED(c)
#endif

#ifdef MUTANT_END_IN_TWO /* the record goes first, in a script of its own */
#define WRITE_END(c)         \
    if                       \
    :: HAS(records[X], c) -> \
        COUNT_CLAIM(c);      \
        CUT(records[X], c);  \
        KNOWS(n, c) = END    \
    :: else ->               \
        PUT(goodbyes[X], c); \
        ENDED(c)             \
    fi
#else
#define WRITE_END(c)  \
    WRITE_GOODBYE(c); \
    ENDED(c)
#endif
#define ENDED(c)        \
    CUT(rewrite[n], c); \
    KNOWS(n, c) = OWED

#define HAS_ENDED(c) (KNOWS(n, c) == OPEN || KNOWS(n, c) == END)

#define CONN_STEPS(c)                                                     \
    :: d_step {                                                           \
        MAY_WRITE && KNOWS(n, c) == ADD -> WRITE_RECORD(c);               \
        KNOWS(n, c) = CONNECT                                             \
    }                                                                     \
    :: d_step {                                                           \
        MAY_WRITE && KNOWS(n, c) == ADD && breaks -> WRITE_RECORD(c);     \
        KNOWS(n, c) = DROP;                                               \
        BREAK                                                             \
    }                                                                     \
    :: d_step {                                                           \
        MAY_WRITE && KNOWS(n, c) == ADD && breaks && !late_write ->       \
        KNOWS(n, c) = DROP;                                               \
        BREAK_BEFORE(ADD, c)                                              \
    }                                                                     \
    :: d_step {                                                           \
        KNOWS(n, c) == CONNECT && MAY_CONNECT ->                          \
        printf("node %d: the backend accepts %d\n", n, c);                \
        assert(reborn || !HAS(delivered, c));                             \
        PUT(accepted, c);                                                 \
        CONNECTED(c);                                                     \
        KNOWS(n, c) = OPEN                                                \
    }                                                                     \
    :: d_step {                                                           \
        KNOWS(n, c) == CONNECT && MAY_CONNECT ->                          \
        printf("node %d: the backend refuses %d\n", n, c);                \
        KNOWS(n, c) = DROP                                                \
    }                                                                     \
    :: d_step {                                                           \
        MAY_WRITE && KNOWS(n, c) == DROP -> REMOVE_BOTH(c);               \
        CUT(rewrite[n], c);                                               \
        KNOWS(n, c) = NOTHING                                             \
    }                                                                     \
    :: d_step { MAY_WRITE && HAS_ENDED(c) -> WRITE_END(c) }               \
    :: d_step {                                                           \
        MAY_WRITE && HAS_ENDED(c) && breaks -> WRITE_GOODBYE(c);          \
        KNOWS(n, c) = END;                                                \
        BREAK                                                             \
    }                                                                     \
    :: d_step {                                                           \
        MAY_WRITE && HAS_ENDED(c) && breaks && !late_write ->             \
        KNOWS(n, c) = END;                                                \
        BREAK_BEFORE(END, c)                                              \
    }                                                                     \
    :: d_step {                                                           \
        KNOWS(n, c) == OWED ->                                            \
        printf("node %d delivers the goodbye of %d\n", n, c);             \
        assert(reborn || !IS_OPEN(c));                                    \
        PUT(delivered, c);                                                \
        CUT(rewrite[n], c);                                               \
        KNOWS(n, c) = ACK                                                 \
    }                                                                     \
    :: d_step {                                                           \
        MAY_WRITE && KNOWS(n, c) == ACK -> REMOVE_BOTH(c);                \
        KNOWS(n, c) = NOTHING                                             \
    }                                                                     \
    :: d_step {                                                           \
        MAY_WRITE && KNOWS(n, c) == ACK && breaks -> REMOVE_BOTH(c);      \
        BREAK                                                             \
    }                                                                     \
    :: d_step {                                                           \
        MAY_WRITE && HAS(rewrite[n], c) && KNOWS(n, c) == OWED ->         \
        WRITE_GOODBYE(c);                                                 \
        CUT(rewrite[n], c)                                                \
    }                                                                     \
    :: d_step {                                                           \
        MAY_WRITE && HAS(rewrite[n], c) && IS_LIVE(c) -> WRITE_RECORD(c); \
        CUT(rewrite[n], c)                                                \
    }                                                                     \
    :: d_step {                                                           \
        MAY_WRITE && HAS(rewrite[n], c) && IS_LIVE(c) && breaks &&        \
            !late_write ->                                                \
        BREAK_BEFORE(ADD, c)                                              \
    }

#define IS_LIVE(c) (KNOWS(n, c) == CONNECT || KNOWS(n, c) == OPEN)

/* --- an heir: rule 7 ------------------------------------------------------ */

#ifdef MUTANT_INHERIT_AT_ONCE
#define IS_STEADY true
#else
#define IS_STEADY (!settling)
#endif

#define MAY_INHERIT \
    (member[n] == JOINED && HAS(current, n) && heir[n] == IDLE && IS_STEADY)

/* The key `heir` keeps others away from an estate while its heir is awake and
 * linked. It saves work: nothing else depends on it. */
#ifdef NO_HEIR_KEY
#define IS_TAKEN(x) false
#else
#define IS_AT(m, x)                                               \
    (heir[m] != IDLE && heir_estate[m] == x && HAS(current, m) && \
     !HAS(slept, m))
#define IS_TAKEN(x) (IS_AT(0, x) || IS_AT(1, x) || IS_AT(2, x))
#endif
#define IS_DEAD(x)                                                    \
    (HAS(estates, x) && x != X && lease[NODE_OF(x)] != EPOCH_OF(x) && \
     !IS_TAKEN(x))

#define CLAIM(x)                                                     \
    printf("node %d claims what is of node %d in epoch %d\n", n,     \
           NODE_OF(x), EPOCH_OF(x));                                 \
    assert(member[NODE_OF(x)] != JOINED || HAS(slept, NODE_OF(x)) || \
           epoch[NODE_OF(x)] != EPOCH_OF(x));                        \
    PUT(claimed, x)

#ifdef MUTANT_REMOVE_BEFORE_COPY
#define HAND_OUT(x, c)                              \
    printf("  is handed out and removed: %d\n", c); \
    CUT(goodbyes[x], c);                            \
    BEGIN(COPY, x, c)
#else
#define HAND_OUT(x, c)                  \
    printf("  is handed out: %d\n", c); \
    BEGIN(COPY, x, c)
#endif

#define CLAIM_STEPS(x, c)                                             \
    :: d_step {                                                       \
        MAY_INHERIT && IS_DEAD(x) && HAS(goodbyes[x], c) -> CLAIM(x); \
        HAND_OUT(x, c)                                                \
    }                                                                 \
    :: d_step {                                                       \
        MAY_INHERIT && IS_DEAD(x) && HAS(records[x], c) -> CLAIM(x);  \
        CONVERT(x, c);                                                \
        HAND_OUT(x, c)                                                \
    }                                                                 \
    :: d_step {                                                       \
        MAY_INHERIT && IS_DEAD(x) && HAS(records[x], c) && breaks ->  \
        CLAIM(x);                                                     \
        CONVERT(x, c);                                                \
        BREAK                                                         \
    }

/* Once empty it stays empty; so this may be one step. */
#define ESTATE_STEPS(x)                                             \
    CLAIM_STEPS(x, 0)                                               \
    CLAIM_STEPS(x, 1)                                               \
    :: d_step {                                                     \
        MAY_INHERIT && IS_DEAD(x) && !goodbyes[x] && !records[x] -> \
        CLAIM(x);                                                   \
        printf("  and strikes it off\n");                           \
        CUT(estates, x)                                             \
    }

/* What is told to an heir twice is delivered once more, or never forgotten. */
#define INHERIT                             \
    if                                      \
    :: KNOWS(n, heir_conn[n]) == NOTHING -> \
        KNOWS(n, heir_conn[n]) = OWED       \
    :: else                                 \
    fi

#define HEIR_STEPS                                                   \
    :: d_step {                                                      \
        MAY_WRITE && heir[n] == COPY -> WRITE_GOODBYE(heir_conn[n]); \
        INHERIT;                                                     \
        heir[n] = REMOVE                                             \
    }                                                                \
    :: d_step {                                                      \
        MAY_WRITE && heir[n] == COPY && breaks ->                    \
        WRITE_GOODBYE(heir_conn[n]);                                 \
        BREAK                                                        \
    }                                                                \
    :: d_step {                                                      \
        MAY_WRITE && heir[n] == COPY && breaks && !late_write ->     \
        BREAK_BEFORE(END, heir_conn[n])                              \
    }                                                                \
    :: d_step {                                                      \
        heir[n] == REMOVE ->                                         \
        printf("node %d removes its original\n", n);                 \
        CUT(goodbyes[heir_estate[n]], heir_conn[n]);                 \
        BEGIN(IDLE, 0, 0)                                            \
    }

proctype Node(byte n)
{
end:
    do
    MEMBER_STEPS
    CONN_STEPS(0)
    CONN_STEPS(1)
    HEIR_STEPS
    ESTATE_STEPS(0)
    ESTATE_STEPS(1)
    ESTATE_STEPS(2)
    ESTATE_STEPS(3)
    ESTATE_STEPS(4)
    ESTATE_STEPS(5)
    od
}

/* --- trouble -------------------------------------------------------------- */

#define DROP_LEASE   \
    if               \
    :: HOLDS(n) ->   \
        lease[n] = 0 \
    :: else          \
    fi

#define CRASH                       \
    printf("node %d crashes\n", n); \
    FORGIVE;                        \
    DROP_LEASE;                     \
    FORGET_ALL;                     \
    BEGIN(IDLE, 0, 0);              \
    member[n] = DEAD

#define NODE_TROUBLE                                             \
    :: d_step {                                                  \
        crashes && member[n] != DEAD ->                          \
        crashes--;                                               \
        CRASH                                                    \
    }                                                            \
    :: d_step {                                                  \
        restarts && member[n] == DEAD && epoch[n] == 1 ->        \
        restarts--;                                              \
        printf("node %d restarts\n", n);                         \
        epoch[n] = 2;                                            \
        member[n] = JOINING                                      \
    }                                                            \
    :: d_step {                                                  \
        stalls && member[n] == JOINED ->                         \
        stalls--;                                                \
        printf("node %d sleeps for longer than its lease\n", n); \
        PUT(slept, n);                                           \
        DROP_LEASE                                               \
    }

proctype Trouble(byte n)
{
end:
    do
    NODE_TROUBLE
    od
}

#define GO_AWAY   \
    lease[0] = 0; \
    lease[1] = 0; \
    lease[2] = 0; \
    current = 0;  \
    settling = true

#define IS_REBORN(n) \
    (member[n] == JOINED && HAS(claimed, ESTATE(n, epoch[n])))
#define KNOWN_TO(n, c) \
    (IS_TO_WRITE(n, c) || (heir[n] == COPY && heir_conn[n] == c))
#define IS_KNOWN(c) (KNOWN_TO(0, c) || KNOWN_TO(1, c) || KNOWN_TO(2, c))
#define EMPTY(x)    \
    records[x] = 0; \
    goodbyes[x] = 0
#define LOSE_DATA                                                          \
    lost = true;                                                           \
    reborn = reborn || IS_REBORN(0) || IS_REBORN(1) || IS_REBORN(2);       \
    forgiven = forgiven | (IS_KNOWN(0) -> 0 : 1) | (IS_KNOWN(1) -> 0 : 2); \
    REWRITE(0);                                                            \
    REWRITE(1);                                                            \
    REWRITE(2);                                                            \
    EMPTY(0);                                                              \
    EMPTY(1);                                                              \
    EMPTY(2);                                                              \
    EMPTY(3);                                                              \
    EMPTY(4);                                                              \
    EMPTY(5);                                                              \
    estates = 0;                                                           \
    claimed = 0;                                                           \
    NO_LATE

#define IS_SETTLED(n) \
    (member[n] != JOINED || HAS(slept, n) || (HOLDS(n) && HAS(current, n)))

/* Property 1, when nothing can happen any more. */
#define IS_SAID(c) \
    (!HAS(accepted, c) || HAS(delivered, c) || HAS(forgiven, c))
#define NOBODY_LIVES \
    (member[0] != JOINED && member[1] != JOINED && member[2] != JOINED)

proctype World()
{
    do
    :: d_step {
        late_write ->
        if
        :: lease[NODE_OF(late_estate)] == EPOCH_OF(late_estate) ->
            printf("what was under way is carried out\n");
            if
            :: late_write == ADD -> PUT(records[late_estate], late_conn)
            :: else -> CONVERT(late_estate, late_conn)
            fi
        :: else
        fi;
        NO_LATE
    }
    :: d_step {
        aways -> aways--;
        printf("Redis is away, and back\n");
        GO_AWAY
    }
    :: d_step {
        losses -> losses--;
        printf("Redis is back without its data\n");
        GO_AWAY;
        LOSE_DATA
    }
    :: d_step {
        settling && IS_SETTLED(0) && IS_SETTLED(1) && IS_SETTLED(2) ->
        printf("all have their leases\n");
        settling = false
    }
    :: timeout ->
        assert(NOBODY_LIVES || (IS_SAID(0) && IS_SAID(1)));
        break
    od
}

init
{
    byte n;

    d_step {
        for (n : 0 .. 2) {
            member[n] = JOINED;
            epoch[n] = 1;
            lease[n] = 1;
            PUT(estates, ESTATE(n, 1));
            heir[n] = IDLE;
            KNOWS(n, 0) = NOTHING;
            KNOWS(n, 1) = NOTHING
        }
        n = 0
    };
    atomic {
        if
        :: owner_of_1 = 0
#if CONNECTIONS == 2
        :: owner_of_1 = 1
#endif
        fi;
        KNOWS(0, 0) = FIRST;
#if CONNECTIONS == 2
        KNOWS(owner_of_1, 1) = FIRST;
#endif
        run Node(0);
        run Node(1);
        run Node(2);
        run Trouble(0);
        run Trouble(1);
        run Trouble(2);
        run World()
    }
}
