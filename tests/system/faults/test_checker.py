"""A checker that cannot fail proves nothing: each row plants one violation in
a journal that is otherwise good, and names what has to be found."""

import pytest

from checker import Rule, check

CLOSES = dict(closes=(1006,), tail=True)


def good():
    """Two connections, of nodes 1 and 2; node 1 is killed at 5.0."""
    return [
        dict(t=0.1, what="client.try", token="1.1", node=1),
        dict(t=0.2, what="backend.connect", token="1.1", connection="A",
             status=200, via=1),
        dict(t=0.3, what="client.open", token="1.1"),
        dict(t=0.1, what="client.try", token="2.1", node=2),
        dict(t=0.2, what="backend.connect", token="2.1", connection="B",
             status=200, via=2),
        dict(t=0.3, what="client.open", token="2.1"),
        push("A", 1, 1.0), got("1.1", "push A 1", 1.0),
        push("B", 1, 1.1), got("2.1", "push B 1", 1.1),
        push("B", 2, 1.2, status=503), got("2.1", "push B 2", 1.3),
        dict(t=1.5, what="backend.message", connection="B", n=1, status=200),
        got("2.1", "answer 1", 1.6),
        dict(t=5.0, what="fault.begin"),
        dict(t=5.0, what="node.killed", node=1),
        dict(t=5.0, what="fault.over"),
        push("A", 2, 4.9),
        ended("1.1", "server", 1006, 5.1),
        push("A", 3, 5.2, status=410),
        goodbye("A", 12.0),
        push("B", 3, 13.0), got("2.1", "push B 3", 13.0),
        ended("2.1", "client", 1000, 14.0),
        goodbye("B", 14.1),
        dict(t=15.0, what="node.ended", node=2, status=0),
        dict(t=16.0, what="run.end")]


def push(connection, n, t, status=200, seconds=0.01, via=2):
    return dict(t=t, what="push.answered", connection=connection, n=n,
                status=status, seconds=seconds, via=via)


def got(token, text, t):
    return dict(t=t, what="client.got", token=token, text=text)


def ended(token, by, code, t):
    return dict(t=t, what="client.ended", token=token, by=by, code=code)


def goodbye(connection, t, event="e", attempt=1, status=200, via=2):
    return dict(t=t, what="backend.goodbye", connection=connection, via=via,
                event=event + connection, attempt=attempt, status=status)


def without(what, **fields):
    """Takes entries away."""
    def edit(journal):
        kept = [e for e in journal if e["what"] != what or
                any(e.get(k) != v for k, v in fields.items())]
        assert len(kept) < len(journal), "nothing to take away"
        return kept
    return edit


def with_(*more):
    def edit(journal):
        return sorted(journal + list(more), key=lambda e: e["t"])
    return edit


def changed(what, fields, **to):
    def edit(journal):
        hits = [e for e in journal if e["what"] == what and
                all(e.get(k) == v for k, v in fields.items())]
        assert hits, "nothing to change"
        for entry in hits:
            entry.update(to)
        return sorted(journal, key=lambda e: e["t"])
    return edit


PLANTED = [
    # the edit, the rule, what has to be found
    ("lost in the middle", without("client.got", text="push B 1"), {}, "lost"),
    ("lost at an open end", with_(push("B", 4, 10.0)), {}, "lost"),
    ("accepted long before the end", changed(
        "push.answered", dict(connection="A", n=2), t=3.5), {}, "lost"),
    ("lost where the rule forbids it", lambda j: j,
     dict(tail=False), "lost"),
    ("accepted long before its client left", with_(push("B", 4, 12.5)), {},
     "lost"),
    ("doubled", with_(got("2.1", "push B 1", 1.15)), {}, "doubled"),
    ("reordered", with_(push("B", 4, 13.1), got("2.1", "push B 4", 12.9)),
     {}, "reordered"),
    ("an answer lost", without("client.got", text="answer 1"), {}, "lost"),
    ("an answer doubled", with_(got("2.1", "answer 1", 2.0)), {}, "doubled"),
    ("a push for somebody else", with_(got("2.1", "push A 1", 2.0)), {},
     "stranger"),
    ("gone, and yet there", with_(push("B", 9, 3.0, status=410)), {}, "gone"),
    ("a push that hangs", with_(push("B", 9, 9.0, status=0, seconds=8.0)), {},
     "hung"),
    ("a push that fails", lambda j: j, dict(nothing_fails=True), "failed"),
    ("a handshake that fails", with_(
        dict(t=0.1, what="client.try", token="3.1", node=2),
        dict(t=2.0, what="client.refused", token="3.1", status=503)),
     dict(nothing_fails=True), "failed"),
    ("a message that fails", with_(got(
        "2.1", '{"message": "Internal server error"}', 2.0)),
     dict(nothing_fails=True), "failed"),
    ("no goodbye", without("backend.goodbye", connection="A"), {}, "missing"),
    ("no goodbye, client left", without("backend.goodbye", connection="B"),
     {}, "missing"),
    ("nobody heard the goodbye", changed(
        "backend.goodbye", dict(connection="A"), status=None), {}, "missing"),
    ("no goodbye to one who never saw his 101", with_(
        dict(t=1.0, what="client.try", token="3.1", node=1),
        dict(t=1.1, what="backend.connect", token="3.1", connection="C",
             status=200, via=1),
        dict(t=1.2, what="client.refused", token="3.1", error="Reset")),
     {}, "missing"),
    ("two claims", with_(goodbye("A", 12.5, event="f", attempt=2)),
     dict(redelivery=True), "claims"),
    ("no event id", changed("backend.goodbye", dict(connection="A"),
                            event=None), {}, "claims"),
    ("again, where the rule forbids it", with_(
        goodbye("A", 12.5, attempt=2)), {}, "redelivered"),
    ("again, as the same attempt", with_(goodbye("A", 12.5)),
     dict(redelivery=True), "attempts"),
    ("tried again, as the same attempt", with_(
        goodbye("A", 11.0, status=None)), {}, "attempts"),
    ("late", changed("backend.goodbye", dict(connection="A"), t=20.5), {},
     "late"),
    ("late although the client left", changed(
        "backend.goodbye", dict(connection="B"), t=30.0), {}, "late"),
    ("before its end", changed("backend.goodbye", dict(connection="B"), t=9.0),
     {}, "invented"),
    ("before its end, and no victim", changed(
        "backend.goodbye", dict(connection="B"), t=9.0), dict(early=True),
     "invented"),
    ("it never ended", without("client.ended", token="2.1"), {}, "invented"),
    ("of nobody", with_(goodbye("Z", 9.0)), {}, "stranger"),
    ("of more than could be", with_(goodbye("Z", 9.0)), dict(unheard=True),
     "stranger"),
    ("closed, and no victim", changed(
        "client.ended", dict(token="2.1"), by="server"), {}, "closed"),
    ("closed with another code", changed(
        "client.ended", dict(token="1.1"), code=1001), {}, "closed"),
    ("closed in the victim's next life", with_(
        dict(t=6.0, what="client.try", token="3.1", node=1),
        dict(t=6.1, what="backend.connect", token="3.1", connection="C",
             status=200, via=1),
        dict(t=6.2, what="client.open", token="3.1"),
        ended("3.1", "server", 1006, 7.0), goodbye("C", 7.1)), {}, "closed"),
    ("a bad exit", changed("node.ended", dict(node=2), status=1), {}, "exit"),
    ("unhealed", with_(dict(t=15.5, what="run.unhealed", missing=["1"])), {},
     "unhealed"),
    ("slow", with_(dict(t=6.0, what="fault.saw", name="records", seconds=7.0,
                        bound=5.0)), {}, "slow"),
    ("no end", without("run.end"), {}, "incomplete"),
    ("no fault", without("fault.over"), {}, "incomplete"),
]


@pytest.mark.parametrize("edit, rule, found", [row[1:] for row in PLANTED],
                         ids=[row[0] for row in PLANTED])
def test_what_is_planted_is_found(edit, rule, found):
    verdict = check(edit(good()), Rule(15, **(CLOSES | rule)))
    assert {kind for kind, _, _ in verdict.violations} == {found}


ALLOWED = [
    ("as it is", lambda j: j, {}),
    ("again, after an outage", with_(goodbye("A", 12.5, attempt=2)),
     dict(redelivery=True)),
    ("tried until it is heard", with_(
        goodbye("A", 11.0, attempt=0, status=None)), {}),
    ("late, but the fault had to be over first", lambda j: changed(
        "fault.over", {}, t=12.0)(changed(
            "backend.goodbye", dict(connection="A"), t=26.0)(j)),
     dict(outage=True)),
    ("a victim's, before its client could know", changed(
        "client.ended", dict(token="1.1"), t=14.9), dict(early=True)),
    ("given up on, and late", with_(
        push("B", 9, 1.35, status=0), got("2.1", "push B 9", 1.4)), {}),
    ("of one whose node died in the handshake", with_(
        dict(t=4.9, what="client.try", token="3.1", node=1),
        dict(t=5.1, what="client.refused", token="3.1", error="Reset"),
        goodbye("Z", 9.0)), dict(unheard=True)),
    ("on its way when the client left", with_(push("B", 4, 13.9)), {}),
    ("no answer when the backend gave none", with_(
        dict(t=2.0, what="backend.message", connection="B", n=2,
             status=None)), {}),
    ("refused by one node, and sent on", lambda j: [
        e for e in with_(
            dict(t=0.1, what="client.try", token="3.1", node=2),
            dict(t=2.0, what="client.refused", token="3.1", status=503,
                 sent_on=True))(j)
        if e.get("status") != 503 or e["what"] != "push.answered"],
     dict(nothing_fails=True)),
    ("refused by the backend", with_(
        dict(t=0.1, what="client.try", token="3.1", node=2),
        dict(t=0.2, what="backend.connect", token="3.1", connection="C",
             status=None, via=2),
        dict(t=2.0, what="client.refused", token="3.1", status=504)), {}),
]


@pytest.mark.parametrize("edit, rule", [row[1:] for row in ALLOWED],
                         ids=[row[0] for row in ALLOWED])
def test_what_is_allowed_is_not_held_against_it(edit, rule):
    assert check(edit(good()), Rule(15, **(CLOSES | rule))).violations == []


def test_what_it_counts():
    verdict = check(with_(goodbye("A", 12.5, attempt=2))(good()),
                    Rule(15, redelivery=True, **CLOSES))
    assert verdict.counts == {
        "acked": 4, "lost": 0, "doubled": 0, "reordered": 0, "in_queue": 1,
        "owed": 2, "missing": 0, "claims": 0, "redelivered": 1,
        "unheard": 0}
    assert round(verdict.latest, 1) == 6.9
