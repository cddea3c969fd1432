"""Reads the journal of one run and says what was broken. It knows nothing of
the gateway, only what it has promised:

- A push answered 200 reaches its client, once, in order. It may be missing at
  the end of a connection only: when the client had left, or when its node was
  the fault's victim and the rule allows it (`tail`), and then only if it was
  accepted less than a second before.
- A push is answered in time, and with 410 only when the connection is over.
- What the backend answered to a message reaches the client likewise.
- A connection that the backend accepted has one goodbye when it is over, none
  before, within the rule's bound. It may come again, if the rule allows that:
  with the same event id and a higher attempt.
- The server closes no connection but those of victims, with the rule's codes.

A violation is (kind, connection, words)."""

import collections
import dataclasses

SKEW = 2.0          # seconds between an end and how the harness sees it
IN_FLIGHT = 1.0     # accepted that long before the end: it was on its way
PUSH_SECONDS = 5.0  # the gateway's own deadline is 2 s
AFTER_FAULT = 10.0  # a victim's clients must learn of it then at the latest


@dataclasses.dataclass(frozen=True)
class Rule:
    bound: float                    # seconds until a goodbye
    outage: bool = False            # counted from when the fault is over
    closes: tuple = ()              # codes of victims' connections
    tail: bool = False
    early: bool = False             # victims' goodbyes may precede the end
    redelivery: bool = False
    unheard: bool = False           # goodbyes whose $connect nobody has seen
    nothing_fails: bool = False     # every request is answered as if no fault


class Connection:
    """All that the journal says of one connection."""

    def __init__(self, token):
        self.token = token
        self.id = self.node = self.tried = None
        self.accepted = False       # by the backend
        self.ended = self.by = self.code = None
        self.got = collections.defaultdict(list)  # "push", "answer": (n, t)
        self.promised = collections.defaultdict(list)     # likewise
        self.refused_pushes = []    # journal entries
        self.goodbyes = []          # journal entries

    def sees(self, kind):
        return [n for n, _ in self.got[kind]]


class Story:
    """The journal, by connection and by node."""

    def __init__(self, journal):
        self.by_token, self.by_id = {}, {}
        self.victims, self.rest = set(), []
        self.begin = self.over = None
        self.strangers, self.is_whole = [], False
        self.unheard = []  # goodbyes without a $connect
        self.lag = 0.0
        for entry in journal:
            handle = getattr(self, "on_" + entry["what"].replace(".", "_"),
                             self.rest.append)
            handle(entry)

    def is_victim(self, c):
        """On a node that the fault has struck, in its life before that."""
        return c.node in self.victims and c.tried <= self.over

    def on_fault_begin(self, e):
        self.begin = e["t"]

    def on_fault_over(self, e):
        self.over = e["t"]

    def on_fault_victim(self, e):
        self.victims.add(e["node"])

    on_node_killed = on_node_stopped = on_fault_victim

    def on_run_end(self, e):
        self.is_whole = self.over is not None

    def on_harness_lag(self, e):
        self.lag = max(self.lag, e["seconds"])

    def on_client_try(self, e):
        c = self.by_token[e["token"]] = Connection(e["token"])
        c.node, c.tried = e["node"], e["t"]

    def on_client_open(self, e):
        pass  # its end says enough

    def on_client_refused(self, e):
        c = self.by_token[e["token"]]
        c.ended, c.by = e["t"], "refused"
        self.rest.append(e)

    def on_client_got(self, e):
        words = e["text"].split(" ")
        c = self.by_token[e["token"]]
        if words[0] == "push" and words[1] != c.id:
            self.strangers.append((e["token"], e["text"]))
        elif words[0] in ("push", "answer"):
            c.got[words[0]].append((int(words[-1]), e["t"]))
        else:
            self.rest.append(e)

    def on_client_ended(self, e):
        c = self.by_token[e["token"]]
        c.ended, c.by, c.code = e["t"], e["by"], e["code"]

    def on_backend_connect(self, e):
        c = self.by_token[e["token"]]
        c.id, c.accepted = e["connection"], e["status"] == 200
        self.by_id[c.id] = c

    def on_backend_message(self, e):
        if e["status"] == 200:
            self.by_id[e["connection"]].promised["answer"].append(
                (e["n"], e["t"]))

    def on_backend_goodbye(self, e):
        if e["connection"] in self.by_id:
            self.by_id[e["connection"]].goodbyes.append(e)
        else:
            self.unheard.append(e)

    def on_push_answered(self, e):
        c = self.by_id[e["connection"]]
        if e["status"] == 200:
            c.promised["push"].append((e["n"], e["t"]))
        else:
            c.refused_pushes.append(e)


COUNTS = ("acked", "lost", "doubled", "reordered", "in_queue", "owed",
          "missing", "claims", "redelivered", "unheard")


class Verdict:
    def __init__(self):
        self.violations = []
        self.counts = dict.fromkeys(COUNTS, 0)
        self.latest = 0.0  # goodbye, seconds after it was due
        self.lag = 0.0     # of the harness: what is late may be its own fault

    def broken(self, kind, connection, words):
        self.violations.append(
            (kind, connection and (connection.id or connection.token), words))


def check(journal, rule):
    story, verdict = Story(journal), Verdict()
    verdict.lag = story.lag
    if not story.is_whole:
        verdict.broken("incomplete", None, "the run has no end")
        return verdict
    for connection in story.by_token.values():
        for kind in "push", "answer":
            check_delivery(story, rule, connection, kind, verdict)
        check_refused(story, rule, connection, verdict)
        check_close(story, rule, connection, verdict)
        check_goodbyes(story, rule, connection, verdict)
    check_unheard(story, rule, verdict)
    for token, words in story.strangers:
        verdict.broken("stranger", None, f"{token}: {words}")
    for entry in story.rest:
        check_rest(rule, entry, verdict)
    return verdict


def check_delivery(story, rule, c, kind, verdict):
    seen, counts = c.sees(kind), verdict.counts
    if kind == "push":
        counts["acked"] += len(c.promised[kind])
    for n, times in collections.Counter(seen).items():
        if times > 1:
            counts["doubled"] += 1
            verdict.broken("doubled", c, f"{kind} {n} came {times} times")
    # One at a time: the order of sending is that of the numbers. One that was
    # not acknowledged was given up on, and may still come.
    kept = {n for n, _ in c.promised[kind]}
    in_order = [n for n in seen if n in kept]
    for before, after in zip(in_order, in_order[1:]):
        if after < before:
            counts["reordered"] += 1
            verdict.broken("reordered", c, f"{kind} {after} behind {before}")
    had = set(seen)
    for n, acked in c.promised[kind]:
        if n in had:
            continue
        if n > max(had, default=0) and may_be_lost(story, rule, c, acked):
            counts["in_queue"] += kind == "push" and c.by == "server"
        else:
            counts["lost"] += 1
            verdict.broken("lost", c, f"{kind} {n}, promised at {acked}, ended "
                           f"at {c.ended} by {c.by}, last seen {max(had, default=0)}")


def may_be_lost(story, rule, c, acked):
    """At the tail of a connection: was it still on its way when it ended?"""
    if c.by in ("client", "refused"):
        return acked >= c.ended - IN_FLIGHT
    if c.by == "server" and rule.tail and story.is_victim(c):
        return acked >= min(c.ended, story.begin) - IN_FLIGHT
    return False


def check_refused(story, rule, c, verdict):
    for e in c.refused_pushes:
        words = f"push {e['n']} at {e['t']} through {e['via']}: " \
                f"{e['status']} after {e['seconds']} s"
        over = c.ended is not None and c.ended <= e["t"] + SKEW
        if e["status"] == 410 and not over and not is_early(story, rule, c):
            verdict.broken("gone", c, words)
        elif e["status"] != 410 and rule.nothing_fails:
            verdict.broken("failed", c, words)
        if e["seconds"] > PUSH_SECONDS and e["via"] not in story.victims:
            verdict.broken("hung", c, words)


def check_close(story, rule, c, verdict):
    if c.by != "server":
        return
    allowed = rule.closes if story.is_victim(c) else ()
    if c.code not in allowed:
        verdict.broken("closed", c, f"by node {c.node} with {c.code} at "
                       f"{c.ended}")


def is_early(story, rule, c):
    """Has this fault the right to end it behind the client's back?"""
    return (rule.early and story.is_victim(c) and c.ended is not None
            and c.ended <= story.over + AFTER_FAULT)


def check_goodbyes(story, rule, c, verdict):
    counts = verdict.counts
    if not c.goodbyes:
        if c.accepted and c.ended is not None:
            counts["owed"] += 1
            counts["missing"] += 1
            verdict.broken("missing", c, f"ended at {c.ended} by {c.by}")
        return
    counts["owed"] += 1
    first = c.goodbyes[0]
    events = {e["event"] for e in c.goodbyes}
    if len(events) > 1 or not first["event"]:
        counts["claims"] += 1
        verdict.broken("claims", c, f"event ids {sorted(map(str, events))}")
    check_again(rule, c, verdict)
    if c.ended is None:
        verdict.broken("invented", c, f"at {first['t']}; it never ended")
    elif first["t"] < c.ended - SKEW and not is_early(story, rule, c):
        verdict.broken("invented", c, f"at {first['t']}; it ended at {c.ended}")
    else:
        check_late(story, rule, c, verdict)


def check_again(rule, c, verdict):
    """Tries that came to be heard. One that was answered was the last, unless
    the fault may have kept the gateway from writing that down."""
    for before, after in zip(c.goodbyes, c.goodbyes[1:]):
        if after["attempt"] <= before["attempt"]:
            verdict.broken("attempts", c, f"{after['attempt']} behind "
                           f"{before['attempt']} at {after['t']}")
        if before["status"] == 200:
            verdict.counts["redelivered"] += 1
            if not rule.redelivery:
                verdict.broken("redelivered", c, f"at {after['t']}, answered "
                               f"at {before['t']}")


def check_late(story, rule, c, verdict):
    """The first one that was answered counts: the backend knows."""
    heard = next((e["t"] for e in c.goodbyes if e["status"]), None)
    if heard is None:
        verdict.counts["missing"] += 1
        verdict.broken("missing", c, "all its goodbyes went unanswered")
        return
    due = c.ended
    if rule.outage and heard > story.begin:
        due = max(due, story.over)
    verdict.latest = max(verdict.latest, heard - due)
    if heard - due > rule.bound:
        verdict.broken("late", c, f"{heard - due:.1f} s after {due}")


def check_unheard(story, rule, verdict):
    """A node that dies between writing a record and asking the backend leaves
    a $connect that counts as accepted: not more of them than it had clients in
    their handshake."""
    most = sum(c.id is None and c.node in story.victims and rule.unheard
               for c in story.by_token.values())
    ids = {e["connection"] for e in story.unheard}
    verdict.counts["unheard"] += len(ids)
    for name in sorted(ids)[most:]:
        verdict.broken("stranger", None, f"{name}: goodbye")


def check_rest(rule, e, verdict):
    what = e["what"]
    if what == "run.unhealed":
        verdict.broken("unhealed", None, str(e["missing"]))
    elif what == "node.ended" and e["status"] != 0:
        verdict.broken("exit", None, f"node {e['node']}: {e['status']}")
    elif what == "fault.saw" and e["seconds"] > e["bound"]:
        verdict.broken("slow", None, f"{e['name']}: {e['seconds']} s")
    elif (what == "client.refused" and rule.nothing_fails and
          not e.get("sent_on")):
        verdict.broken("failed", None, f"handshake {e}")
    elif what == "client.got" and rule.nothing_fails:
        verdict.broken("failed", None, f"{e['token']}: {e['text']}")
