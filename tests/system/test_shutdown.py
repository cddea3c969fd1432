"""SIGTERM: no more connections come in, what is in flight is answered, those
there are told one after another, requests are served to the end, and the
process ends with 0."""

import selectors
import signal
import socket
import threading
import time

import pytest

from conftest import free_port, until
from wire import (TEXT, Wire, ask, begin, config, connect, error_frame, frame,
                  handshake, http, mock, push, request_bytes, two_way,
                  upgrade_bytes)

RESTART = (1012, "Service restart")  # websocket-api.md 1.6
WHOAMI = mock("$context.connectionId")


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
    assert client.closed() == RESTART
    client.say_close(1012)
    client.close()


def drain(g):
    """Returns when it has begun: a worker that drains lets nobody in."""
    g.send(signal.SIGTERM)
    g.wait_for_line("drain")
    until(lambda: ask(g.admin, "GET", "/readyz").status == 503)
    # Each worker hears of it by itself.
    for _ in range(20):
        until(lambda: handshake(g).status == 503)


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
                for r in gone] == [("1012", "Service restart")] * 2
        assert g.process.wait(20) == 0


def test_nobody_new_comes_in(gatewire, backend):
    held = Held(backend, "/held")
    g = gatewire(config=config({"$default": two_way(backend.url + "/held")}))
    with connect(g) as busy:
        busy.send("1")
        backend.wait_for("/held")
        assert ask(g.admin, "GET", "/readyz").status == 200
        drain(g)
        ready = ask(g.admin, "GET", "/readyz")
        assert ready.status == 503 and ready.body == b"draining\n"
        assert ask(g.admin, "GET", "/healthz").status == 200
        refusal = handshake(g)
        assert refusal.status == 503
        assert refusal.get("Retry-After") == "1"
        assert refusal.get("Connection") == "close"
        busy.send("not read any more")
        held.release.set()
        assert busy.text() == "held"
        say_goodbye(busy)
        assert len(backend.requests) == 1
        assert g.process.wait(20) == 0
        assert is_refused(g.port)


@pytest.mark.parametrize("workers", [1, 4])
def test_pushes_are_served_to_the_end(gatewire, backend, workers):
    """On new sockets and on old ones, which are told to end."""
    held = Held(backend, "/held")
    g = gatewire(config=config({
        "$connect": backend.url + "/connect",
        "$default": two_way(backend.url + "/held")}, workers=workers))
    with connect(g) as busy, Wire(g.port) as kept, Wire(g.port) as unused:
        asked, = backend.wait_for("/connect")
        target = "/dev/@connections/" + asked.headers[
            "x-gatewire-connection-id"]
        kept.write(request_bytes("POST", target, body=b"before"))
        reply = kept.reply()
        assert reply.status == 200 and reply.get("Connection") is None
        assert busy.text() == "before"
        busy.send("1")
        backend.wait_for("/held")
        drain(g)
        kept.write(request_bytes("POST", target, body=b"kept"))
        reply = kept.reply()
        assert reply.status == 200 and reply.get("Connection") == "close"
        assert kept.ends() == b""
        assert busy.text() == "kept"
        assert push(asked, b"new").status == 200
        assert busy.text() == "new"
        assert push(asked, method="GET").status == 200
        held.release.set()
        assert busy.text() == "held"
        assert busy.closed() == RESTART
        assert push(asked, b"late").status == 410
        unused.write(request_bytes("POST", target, body=b"later"))
        assert unused.reply().status == 410
        unused.close()
        kept.close()
        busy.say_close(1012)
        busy.close()
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


def test_an_exchange_may_outlast_the_window(gatewire, backend):
    held = Held(backend, "/held")
    g = gatewire(config=config({
        "$default": two_way(backend.url + "/held")},
        drain={"window": "100ms"}))
    with connect(g) as busy, connect(g) as idle:
        busy.send("x")
        backend.wait_for("/held")
        g.process.send_signal(signal.SIGTERM)
        say_goodbye(idle)
        time.sleep(1)  # ten windows
        held.release.set()
        assert busy.text() == "held"
        say_goodbye(busy)
        assert g.process.wait(20) == 0


def test_nobody_can_hold_it_up(gatewire, backend):
    """A client that never answers the close, one that begins a request and
    never ends it, a backend that never answers."""
    held = Held(backend, "/held", "/disconnect")
    g = gatewire(config=config({
        "$default": http(backend.url + "/held", "HTTP_PROXY",
                         timeoutInMillis=500),
        "$disconnect": http(backend.url + "/disconnect", "HTTP_PROXY",
                            timeoutInMillis=500)},
        drain={"window": "200ms"}, limits={"headTimeout": "2s"}))
    with connect(g) as silent, connect(g) as busy, Wire(g.port) as slow:
        busy.send("x")
        slow.write(b"POST /dev/@conn")
        backend.wait_for("/held")
        g.process.send_signal(signal.SIGTERM)
        assert silent.closed() == RESTART
        backend.wait_for("/disconnect", 2)
        assert slow.reply().status == 408
        assert g.process.wait(20) == 0
    held.release.set()


# --- the turns ----------------------------------------------------------------

def journal(clients, since):
    """Reads close frames as they come, answers them; when they came."""
    times = []
    with selectors.DefaultSelector() as all_of_them:
        for client in clients:
            all_of_them.register(client.socket, selectors.EVENT_READ, client)
        while len(times) < len(clients):
            ready = all_of_them.select(30)
            assert ready, f"only {len(times)} were closed"
            for key, _ in ready:
                times.append(time.monotonic() - since)
                all_of_them.unregister(key.fileobj)
                say_goodbye(key.data)
    return times


def test_turns_are_spread_over_the_window(gatewire, backend):
    g = gatewire(config=config({
        "$disconnect": backend.url + "/disconnect"}, drain={"window": "4s"},
        workers=2))
    clients = [connect(g) for _ in range(40)]
    since = time.monotonic()
    g.process.send_signal(signal.SIGTERM)
    times = journal(clients, since)
    # Of n on a worker the last goes at (n - 1)/n, and one has 20 or more.
    assert times[-1] > 3.7
    assert sum(t < 2 for t in times) > 5, times
    assert sum(t > 2 for t in times) > 5, times
    assert g.process.wait(20) == 0
    gone = backend.wait_for("/disconnect", 40)
    assert len({r.headers["x-gatewire-connection-id"] for r in gone}) == 40


def test_the_rate_wins_over_the_window(gatewire):
    g = gatewire(config=config(
        {"$default": mock()}, drain={"window": "100ms", "maxRate": 10},
        workers=2))
    clients = [connect(g) for _ in range(21)]
    since = time.monotonic()
    g.process.send_signal(signal.SIGTERM)
    times = journal(clients, since)
    # 21 at 10 a second, however the clients lie on the workers.
    assert times[-1] >= 2.0, times
    assert g.process.wait(20) == 0


def test_a_zero_window_tells_all_at_once(gatewire, backend):
    g = gatewire(config=config({
        "$disconnect": backend.url + "/disconnect"}, drain={"window": "0s"}))
    clients = [connect(g) for _ in range(100)]
    g.process.send_signal(signal.SIGTERM)
    for client in clients:
        say_goodbye(client)
    assert g.process.wait(20) == 0
    gone = backend.wait_for("/disconnect", 100)
    assert len({r.headers["x-gatewire-connection-id"] for r in gone}) == 100


@pytest.mark.parametrize("window", ["0s", "1h"])
def test_one_or_none_does_not_wait(gatewire, window):
    for count in (0, 1):
        g = gatewire(config=config({"$default": mock()},
                                   drain={"window": window}))
        clients = [connect(g) for _ in range(count)]
        g.process.send_signal(signal.SIGTERM)
        for client in clients:
            say_goodbye(client)
        assert g.process.wait(20) == 0


def test_until_its_turn_a_connection_is_served(gatewire):
    g = gatewire(config=config({"$default": WHOAMI},
                               drain={"window": "1h"}, workers=1))
    clients = [connect(g) for _ in range(2)]
    drain(g)
    say_goodbye(clients[0])
    stays = clients[1]
    for _ in range(3):
        stays.send("x")
        id = stays.text()
        reply = ask(g.port, "POST", "/dev/@connections/" + id, body=b"push")
        assert reply.status == 200
        assert stays.text() == "push"
    # It leaves by itself, and nobody waits for its turn.
    stays.say_close(1000)
    assert stays.closed()[0] == 1000
    stays.close()
    assert g.process.wait(20) == 0


def test_what_was_pushed_arrives_before_the_close(gatewire, backend):
    """Pushes to all clients during the whole drain: a 200 is a promise."""
    g = gatewire(config=config({"$connect": backend.url + "/connect"},
                               drain={"window": "1s"}, workers=2))
    clients, ids = [], []
    for i in range(20):
        clients.append(connect(g))
        ids.append(backend.wait_for("/connect", i + 1)[-1].headers[
            "x-gatewire-connection-id"])
    said = {id: [] for id in ids}

    def pusher():
        number, left = 0, list(ids)
        while left:
            for id in list(left):
                body = str(number := number + 1).encode()
                try:
                    status = ask(g.port, "POST", "/dev/@connections/" + id,
                                 body=body).status
                except ConnectionRefusedError:
                    return  # all are gone, and the listener with them
                if status == 200:
                    said[id].append(body.decode())
                else:
                    assert status == 410
                    left.remove(id)

    worked = []
    thread = threading.Thread(target=lambda: (pusher(), worked.append(True)))
    thread.start()
    g.process.send_signal(signal.SIGTERM)
    heard = {}
    for client, id in zip(clients, ids):
        heard[id] = []
        while (got := client.frame())[0] & 15 == TEXT:
            heard[id].append(got[1].decode())
        assert got == (0x88, b"\x03\xf4Service restart")
        client.say_close(1012)
        client.close()
    thread.join(30)
    assert worked, "the pusher met something else"
    assert heard == said
    assert any(said.values())
    assert g.process.wait(20) == 0


# --- two processes on one port ------------------------------------------------

class Hammer:
    """Short connections, one after another, by several threads: each is a
    handshake or a request, and has to be answered. What was not is in
    `failures`."""

    def __init__(self, port, threads=4):
        self.port, self.over = port, threading.Event()
        self.failures, self.statuses = [], {}
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=[i])
                        for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        upgrade = upgrade_bytes()
        request = request_bytes("GET", "/dev/@connections/AAAAAAAAAAAAAAA=",
                                [("Connection", "close")])
        statuses = {}
        while not self.over.is_set():
            for data in upgrade, request:
                try:
                    with Wire(self.port) as wire:
                        wire.write(data)
                        status = wire.reply().status
                except (OSError, EOFError) as error:
                    self.failures.append(repr(error))
                else:
                    statuses[status] = statuses.get(status, 0) + 1
        with self.lock:
            for status, count in statuses.items():
                self.statuses[status] = self.statuses.get(status, 0) + count

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_a_neighbour_on_the_same_port_takes_over(gatewire):
    """Under load, each in turn is replaced: none of the clients is reset or
    left without an answer."""
    port = free_port()
    settings = config({"$default": mock()}, listen=f"127.0.0.1:{port}",
                      workers=2, drain={"window": "500ms"})

    def start():
        return gatewire(["serve", "--listen", f"127.0.0.1:{port}"], settings)

    old = start()
    clients = [connect(old) for _ in range(10)]
    hammer = Hammer(port)
    try:
        for _ in range(4):
            new = start()
            old.send(signal.SIGTERM)
            for client in clients:
                say_goodbye(client)
            clients = []
            assert old.end() == 0
            old = new
    finally:
        hammer.end()
    assert hammer.failures == []
    assert sum(hammer.statuses.values()) > 500
    # 410: no process knows that connection.
    assert set(hammer.statuses) == {101, 503, 410}, hammer.statuses


# --- signals ------------------------------------------------------------------

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
        assert client.closed() == RESTART
    until(lambda: dev.process.poll() is not None)
    assert dev.process.returncode == 0
