"""SIGTERM: no more comes in, what is in flight is answered, everybody is told,
and the process ends with 0."""

import signal
import socket
import threading

from conftest import until
from wire import (TEXT, Wire, ask, begin, config, connect, error_frame, frame,
                  http, request_bytes, two_way)


class Held:
    """Backend paths that answer when told."""

    def __init__(self, backend, *paths):
        self.release = threading.Event()
        for path in paths:
            backend.answers[path] = self.answer

    def answer(self, request):
        self.release.wait(30)
        return 200, {}, b"held"


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return True
    return False


def say_goodbye(client):
    assert client.closed() == (1001, "Going away")
    client.say_close(1001)
    client.close()


def test_what_is_in_flight_is_finished(gatewire, backend):
    held = Held(backend, "/held")
    g = gatewire(config=config({
        "$connect": backend.url + "/connect",
        "$default": two_way(backend.url + "/held"),
        "$disconnect": backend.url + "/disconnect"}))
    with connect(g) as busy, connect(g) as idle:
        busy.send("1")
        busy.send("2")
        backend.wait_for("/held", 2)
        g.process.send_signal(signal.SIGTERM)
        say_goodbye(idle)
        backend.wait_for("/disconnect", 1)
        held.release.set()
        assert [busy.text(), busy.text()] == ["held", "held"]
        say_goodbye(busy)
        gone = backend.wait_for("/disconnect", 2)
        assert [(r.headers["x-gatewire-disconnect-status-code"],
                 r.headers["x-gatewire-disconnect-reason"])
                for r in gone] == [("1001", "Going away")] * 2
        assert g.process.wait(20) == 0


def test_nobody_new_comes_in(gatewire, backend):
    held = Held(backend, "/held")
    g = gatewire(config=config({"$default": two_way(backend.url + "/held")}))
    with connect(g) as busy, Wire(g.port) as waiting:
        waiting.write(request_bytes("GET", "/dev"))
        assert waiting.reply().status == 426
        busy.send("1")
        backend.wait_for("/held")
        assert ask(g.admin, "GET", "/readyz").status == 200
        g.process.send_signal(signal.SIGTERM)
        assert waiting.ends() == b"", "a connection at rest is closed"
        waiting.close()
        until(lambda: is_refused(g.port))  # each worker hears of it by itself
        ready = ask(g.admin, "GET", "/readyz")
        assert ready.status == 503 and ready.body == b"draining\n"
        assert ask(g.admin, "GET", "/healthz").status == 200
        busy.send("not read any more")
        held.release.set()
        assert busy.text() == "held"
        say_goodbye(busy)
        assert len(backend.requests) == 1
        assert g.process.wait(20) == 0


def test_a_handshake_under_way_is_finished(gatewire, backend):
    held = Held(backend, "/connect")
    g = gatewire(config=config({
        "$connect": backend.url + "/connect",
        "$disconnect": backend.url + "/disconnect"}))
    with begin(g) as client:
        backend.wait_for("/connect")
        g.process.send_signal(signal.SIGTERM)
        g.wait_for_line("drain")
        held.release.set()
        assert client.reply().status == 101
        say_goodbye(client)
        backend.wait_for("/disconnect")
        assert g.process.wait(20) == 0


def test_a_failure_in_flight_is_told(gatewire, backend):
    held = Held(backend, "/held")
    g = gatewire(config=config({"$default": http(
        backend.url + "/held", "HTTP_PROXY", timeoutInMillis=300)}))
    with connect(g) as client:
        client.send("x")
        backend.wait_for("/held")
        g.process.send_signal(signal.SIGTERM)
        assert error_frame("Endpoint request timed out").fullmatch(
            client.text())
        say_goodbye(client)
    assert g.process.wait(20) == 0
    held.release.set()


def test_the_window_is_the_end(gatewire, backend):
    """A client that never answers the close, a backend that never answers."""
    held = Held(backend, "/held")
    g = gatewire(config=config({
        "$default": two_way(backend.url + "/held"),
        "$disconnect": backend.url + "/disconnect"},
        drain={"window": "200ms"}))
    with connect(g) as silent, connect(g) as busy:
        busy.send("x")
        backend.wait_for("/held")
        g.process.send_signal(signal.SIGTERM)
        assert silent.closed() == (1001, "Going away")
        gone = backend.wait_for("/disconnect", 2)
        assert len({r.headers["x-gatewire-connection-id"] for r in gone}) == 2
        assert g.process.wait(20) == 0
    held.release.set()


def test_many_are_told(gatewire, backend):
    g = gatewire(config=config({
        "$disconnect": backend.url + "/disconnect"}))
    clients = [connect(g) for _ in range(100)]
    g.process.send_signal(signal.SIGTERM)
    for client in clients:
        say_goodbye(client)
    assert g.process.wait(20) == 0
    gone = backend.wait_for("/disconnect", 100)
    assert len({r.headers["x-gatewire-connection-id"] for r in gone}) == 100


def test_impatience(gatewire, backend):
    held = Held(backend, "/held")
    g = gatewire(config=config({"$default": two_way(backend.url + "/held")},
                               drain={"window": "1h"}))
    g.expected_status = 1
    with connect(g) as client:
        client.send("x")
        backend.wait_for("/held")
        g.process.send_signal(signal.SIGTERM)
        g.wait_for_line("drain")
        g.process.send_signal(signal.SIGTERM)
        assert g.process.wait(20) == 1
        assert client.ends() == b""
    held.release.set()


def test_sighup_does_not_stop_a_stop(gatewire, backend):
    held = Held(backend, "/held")
    g = gatewire(config=config({"$default": two_way(backend.url + "/held")}))
    with connect(g) as client:
        client.send("x")
        backend.wait_for("/held")
        g.process.send_signal(signal.SIGTERM)
        g.wait_for_line("drain")
        g.process.send_signal(signal.SIGHUP)
        held.release.set()
        assert client.text() == "held"
    assert g.process.wait(20) == 0


def test_sigint_is_the_same(dev):
    with connect(dev) as client:
        client.write(frame(TEXT, "x"))
        assert client.text() == "x"
        dev.process.send_signal(signal.SIGINT)
        assert client.closed() == (1001, "Going away")
    until(lambda: dev.process.poll() is not None)
    assert dev.process.returncode == 0
