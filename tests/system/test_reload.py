"""SIGHUP: a checked configuration takes the place of the old one, under load
and without loss; a bad one changes nothing."""

import json
import signal
import threading

from conftest import until
from wire import (ECHO, ask, begin, config, connect, handshake, http, mock,
                  push)


def test_what_is_in_flight_keeps_its_plan(gatewire, backend):
    release = threading.Event()
    backend.answers["/old"] = lambda r: (
        release.wait(20) and (200, {}, b"the old backend"))
    backend.answers["/new"] = (200, {}, b"new")

    def routes(path, text):
        return config({"$default": http(
            backend.url + path, responses={"$default": {
                "responseTemplates": {"$default": text}}})})
    g = gatewire(config=routes("/old", "by the old plan"))
    with connect(g) as client:
        client.send("x")
        backend.wait_for("/old")
        assert g.reload(routes("/new", "by the new plan")) == "done"
        client.send("x")
        assert client.text() == "by the new plan"
        release.set()
        assert client.text() == "by the old plan"


def test_under_load_nothing_is_lost(gatewire, backend):
    """Messages keep coming while the plan changes ten times: each is answered
    by one plan or the next, in order."""
    def plan(n):
        return config({"$default": mock(f"{n} $input.body", ordered=True)})
    g = gatewire(config=plan(0))
    with connect(g) as client, connect(g) as other:
        stop = threading.Event()
        sent = []

        def talk():
            while not stop.is_set():
                client.send(str(len(sent)))
                sent.append(client.text())
        talker = threading.Thread(target=talk)
        talker.start()
        for n in range(1, 11):
            assert g.reload(plan(n)) == "done"
            seen = len(sent)
            until(lambda: len(sent) > seen + 1)
        stop.set()
        talker.join()
        assert [s.split()[1] for s in sent] == [
            str(n) for n in range(len(sent))]
        plans = [int(s.split()[0]) for s in sent]
        assert plans == sorted(plans) and plans[-1] == 10
        assert other.alive()
    assert g.metric("connections_open") in (0, 1, 2)


BAD = [
    # what is appended or replaced, what is said of it
    ("apis: {", r"\d+:\d+: "),
    ("limits: { maxFrameByte: 1 }", "maxFrameBytes"),
    ("limits: { maxFrameBytes: many }", "expected a size"),
    ("nothing: 1", "nothing"),
]


def test_a_bad_file_changes_nothing(gatewire):
    good = config(ECHO) + "\n"
    g = gatewire(config=good)
    with connect(g) as client:
        for line, said in BAD:
            start = len(g.lines)
            text = "# one\n# two\n" + line + "\n"
            assert g.reload(text) == "refused"
            g.wait_for_line(said, start=start)
            # where: the file, the line, the column
            g.wait_for_line(r"gatewire\.yaml:\d+:\d+: ", start=start)
            client.send("still")
            assert client.text() == "still"
            assert handshake(g).status == 101
        g.config_path.unlink()
        start = len(g.lines)
        g.process.send_signal(signal.SIGHUP)
        g.wait_for_line("reload.refused", start=start)
        client.send("still")
        assert client.text() == "still"
        assert g.reload(good) == "done"


def test_a_stage_that_goes_closes_its_connections(gatewire, backend):
    routes = {"$connect": backend.url + "/connect",
              "$disconnect": backend.url + "/disconnect", **ECHO}
    g = gatewire(config=config(routes, {"dev": {}, "old": {}}))
    with connect(g, "/old") as leaver, connect(g, "/dev") as stays:
        assert g.reload(config(routes, {"dev": {}})) == "done"
        assert leaver.closed() == (1001, "Going away")
        leaver.say_close(1001)
        gone, = backend.wait_for("/disconnect")
        h = gone.headers
        assert h["x-gatewire-stage"] == "old"
        assert h["x-gatewire-disconnect-status-code"] == "1001"
        assert h["x-gatewire-disconnect-reason"] == "Going away"
        stays.send("x")
        assert stays.text() == "x"
        assert handshake(g, "/old").status == 403
        # and back again
        assert g.reload(config(routes, {"dev": {}, "old": {}})) == "done"
        assert handshake(g, "/old").status == 101


def test_a_stage_that_goes_while_its_connect_runs(gatewire, backend):
    release = threading.Event()
    backend.answers["/connect"] = lambda r: (
        release.wait(20) and (200, {}, b""))
    routes = {"$connect": backend.url + "/connect",
              "$disconnect": backend.url + "/disconnect", **ECHO}
    g = gatewire(config=config(routes, {"dev": {}, "old": {}}))
    with begin(g, "/old") as client:
        backend.wait_for("/connect")
        assert g.reload(config(routes, {"dev": {}})) == "done"
        release.set()
        assert client.reply().status == 101
        assert client.closed() == (1001, "Going away")
        client.say_close(1001)
        backend.wait_for("/disconnect")


def test_settings(gatewire, backend):
    def text(**settings):
        return config(ECHO, **settings)
    g = gatewire(config=text())
    with connect(g) as before:
        assert g.reload(text(limits={"maxFrameBytes": 10})) == "done"
        with connect(g) as after:
            after.send("x" * 10)
            assert after.text() == "x" * 10
            after.send("x" * 11)
            assert after.closed()[0] == 1009
        before.send("x" * 11)
        assert before.text() == "x" * 11, "a connection keeps its limits"
        assert g.reload(text(limits={"idleTimeout": "100ms"})) == "done"
        with connect(g) as after:
            assert after.closed() == (1001, "Going away")


def test_what_needs_a_restart_is_said(gatewire):
    g = gatewire(config=config(ECHO, region="eu-west-1"))
    start = len(g.lines)
    assert g.reload(config(ECHO, limits={"responseBytes": "1MB"},
                           region="eu-west-2")) == "done"
    line = g.wait_for_line(r"reload\.restart .*", start=start)[0]
    assert "limits.responseBytes" in line and "region" not in line


def test_another_api_does_not_disturb(gatewire, backend):
    g = gatewire(config=config({"$connect": backend.url + "/connect", **ECHO}))
    two = json.loads(g.config_path.read_text())
    two["apis"]["game"] = {**two["apis"]["chat"]}
    with connect(g) as client:
        asked, = backend.wait_for("/connect")
        assert g.reload(json.dumps(two)) == "done"
        client.send("x")
        assert client.text() == "x"
        # what the backend kept goes on leading to it
        assert push(asked, b"pushed").status == 200
        assert client.text() == "pushed"
        assert ask(g.port, "GET", "/dev").status == 403
        assert handshake(g, "/game/dev").status == 101
