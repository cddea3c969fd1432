"""Sockets as a resource: descriptors that run out, connections from one
address or in all, and what the operator's port tells about it."""

import re
import resource
import select
import socket
import subprocess
import time

import pytest

import conftest
from bare import Http, Refused, WebSocket, config, dial, make_certificate
from conftest import PATIENCE, until


def limit_files(monkeypatch, count):
    """What is started from here on may open that many files, no more."""
    real = subprocess.Popen

    def limited(*args, **more):
        return real(*args, **more, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (count, count)))
    monkeypatch.setattr(conftest.subprocess, "Popen", limited)


def handshake(server):
    """A WebSocket's request on its way; whoever waits has a free hand."""
    s = dial(server)
    s.sendall(b"GET /dev HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
              b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    return s


def answered(sockets, want):
    """Those whose answer has come, once there are that many."""
    done, end = [], time.monotonic() + PATIENCE
    while len(done) < want:
        waiting = [s for s in sockets if s not in done]
        ready, _, _ = select.select(waiting, [], [], end - time.monotonic())
        assert ready, f"{len(done)} of {want} were served"
        done += ready
    for s in done:
        assert s.recv(4096).startswith(b"HTTP/1.1 101")
    return done


@pytest.mark.parametrize("workers", ["1", "2"])
def test_descriptors_that_run_out_come_back(gatewire, monkeypatch, workers):
    limit_files(monkeypatch, 128)
    server = gatewire(["dev", "--workers", workers])
    monkeypatch.undo()
    with WebSocket(server) as first, \
            Http(("127.0.0.1", server.admin)) as admin:
        assert admin.ask("GET", "/healthz").status == 200

        def metric(name):
            text = admin.ask("GET", "/metrics").body.decode()
            return int(re.search(rf"^gatewire_{name} (\d+)$", text, re.M)[1])

        crowd = [handshake(server) for _ in range(200)]
        until(lambda: metric("accepts_paused_total") > 0, what="the pause")
        server.wait_for_line(r"accept\.paused.*Too many open files")
        # Those inside are served as ever.
        for _ in range(20):
            assert first.call("hello") == "hello"
        served = answered(crowd, 20)
        # As they leave, the ones in the queue come in, with no help.
        while crowd:
            served = served or answered(crowd, 1)
            for s in served:
                crowd.remove(s)
                s.close()
            served = []
        assert first.call("still here") == "still here"
        until(lambda: metric("connections_open") == 1, what="their end")
        with WebSocket(server) as late:
            assert late.call("late") == "late"


def test_waiting_for_descriptors_costs_no_processor(gatewire, monkeypatch):
    limit_files(monkeypatch, 96)
    server = gatewire(["dev", "--workers", "1"])
    monkeypatch.undo()
    crowd = [handshake(server) for _ in range(120)]
    server.wait_for_line(r"accept\.paused")

    def used():
        fields = open(f"/proc/{server.process.pid}/stat").read().split()
        return int(fields[13]) + int(fields[14])  # in 1/100 s
    before, began = used(), time.monotonic()
    answered(crowd, 20)
    until(lambda: time.monotonic() - began > 0.5)
    assert used() - before < 25, "it spins"
    for s in crowd:
        s.close()


# --- limits ------------------------------------------------------------------

@pytest.fixture
def certificate(tmp_path):
    return make_certificate(tmp_path, "one")



def refused_with(server, status, **how):
    with pytest.raises(Refused) as refusal:
        WebSocket(server, **how)
    answer = refusal.value.answer
    assert answer.status == status, answer
    assert answer.headers["connection"] == "close"
    assert answer.headers["retry-after"] == "1"
    return True


def test_connections_in_all(gatewire):
    server = gatewire(["dev", "--workers", "1",
                       "--set", "limits.maxConnections=3"])
    sockets = [WebSocket(server) for _ in range(3)]
    for _ in range(3):
        assert refused_with(server, 503)
    for ws in sockets:
        assert ws.call("hello") == "hello"
    assert server.metric("accepts_refused") == 3
    assert server.metric("sockets_open") == 4  # and the one that asks
    sockets.pop().leave()

    def fits():
        try:
            return WebSocket(server)
        except Refused:
            return None
    sockets.append(until(fits, what="room for one more"))
    assert refused_with(server, 503)
    for ws in sockets:
        ws.leave()


def test_the_operator_gets_in_when_all_is_full(gatewire):
    server = gatewire(["dev", "--workers", "1",
                       "--set", "limits.maxConnections=1"])
    with WebSocket(server):
        assert refused_with(server, 503)
        with Http(("127.0.0.1", server.admin)) as admin:
            assert admin.ask("GET", "/readyz").status == 200


def test_sockets_that_have_said_nothing_count(gatewire, certificate):
    """With TLS, a socket is nothing yet before its first byte."""
    server = gatewire(config=config(
        "workers: 1\nlimits: { maxConnections: 3 }\n"
        "tls: { certificate: %s, key: %s }" % certificate, chat="dev"))
    silent = [dial(server) for _ in range(3)]
    assert refused_with(server, 503)
    assert server.metric("sockets_open") == 4
    silent.pop().close()
    until(lambda: server.metric("sockets_open") == 3, what="its end")
    with WebSocket(server) as ws:
        assert ws.call("hello") == "hello"
        assert refused_with(server, 503)
    for s in silent:
        s.close()


@pytest.mark.parametrize("workers", ["1", "4"])
def test_connections_from_one_address(gatewire, workers):
    server = gatewire(["dev", "--workers", workers,
                       "--set", "limits.maxConnectionsPerAddress=2"])
    one = [WebSocket(server, source="127.0.0.2") for _ in range(2)]
    assert refused_with(server, 429, source="127.0.0.2")
    # Another address has its own count.
    two = [WebSocket(server, source="127.0.0.3") for _ in range(2)]
    assert refused_with(server, 429, source="127.0.0.3")
    assert refused_with(server, 429, source="127.0.0.2")
    for ws in one + two:
        assert ws.call("hello") == "hello"
    assert server.metric("accepts_refused") == 3
    one.pop().leave()

    def fits():
        try:
            return WebSocket(server, source="127.0.0.2")
        except Refused:
            return None
    one.append(until(fits, what="room for one more"))
    assert refused_with(server, 429, source="127.0.0.2")
    for ws in one + two:
        ws.leave()


def test_every_way_to_leave_gives_the_place_back(gatewire):
    server = gatewire(["dev", "--set", "limits.maxConnectionsPerAddress=1"])

    def alone():
        try:
            with WebSocket(server, source="127.0.0.2") as ws:
                ws.leave()
                return True
        except Refused:
            return False

    def leave_silently():
        dial(server, "127.0.0.2").close()

    def leave_refused():
        with Http(server, "127.0.0.2") as http:
            http.send(b"rubbish\r\n\r\n")
            assert http.answer().status == 400

    def leave_by_reset():
        with WebSocket(server, source="127.0.0.2") as ws:
            ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 b"\1\0\0\0\0\0\0\0")

    def leave_half_way():
        with dial(server, "127.0.0.2") as s:
            s.sendall(b"GET /dev HTTP/1.1\r\nHost: a")

    for way in (leave_silently, leave_refused, leave_by_reset, leave_half_way):
        assert until(alone, what="an empty house")
        until(lambda: server.metric("sockets_open") <= 1, what="its end")
        way()
        until(alone, what=way.__name__)


def test_handshakes_from_one_address(gatewire):
    server = gatewire(["dev",
                       "--set", "limits.handshakesPerSecondPerAddress=5"])

    def burst(source):
        """How many came in before the first that did not."""
        sockets = []
        try:
            while len(sockets) < 50:
                sockets.append(WebSocket(server, source=source))
        except Refused as refusal:
            assert refusal.answer.status == 429
        for ws in sockets:
            assert ws.call("hello") == "hello"
            ws.http.close()
        return len(sockets)

    assert 5 <= burst("127.0.0.2") <= 11
    # Another address is not held back by it.
    assert 5 <= burst("127.0.0.3") <= 11
    assert until(lambda: burst("127.0.0.2"), what="the next second")


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="::1 cannot be listened on")
def test_ipv6(gatewire):
    """Loopback has one address only, so that /64s count together is for the
    unit tests; here: it works, it is counted, and IPv4 apart from it."""
    server = gatewire(["dev", "--listen", "[::1]:0",
                       "--set", "limits.maxConnectionsPerAddress=1"])
    at = ("::1", server.port)
    with WebSocket(at) as ws:
        with Http(("127.0.0.1", server.admin)) as admin:
            assert admin.ask("GET", "/healthz").status == 200
        assert refused_with(at, 429)
        assert ws.call("hello") == "hello"


# --- the operator's port -------------------------------------------------------

@pytest.fixture
def admin(dev):
    with Http(("127.0.0.1", dev.admin)) as http:
        http.server = dev
        yield http


def test_health(admin):
    for path, body in (("/healthz", b"ok\n"), ("/readyz", b"ready\n")):
        answer = admin.ask("GET", path)
        assert (answer.status, answer.body) == (200, body)
        assert answer.headers["content-type"].startswith("text/plain")
        head = admin.ask("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(body))
        assert admin.ask("GET", path + "?verbose").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_other_methods(admin, method, path):
    answer = admin.ask(method, path, b"" if method == "POST" else None)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/health", "/healthz/", "/dev",
                                  "/metrics/x", "/%68ealthz"])
def test_other_paths(admin, path):
    assert admin.ask("GET", path).status == 404
    assert admin.ask("GET", "/healthz").status == 200


def test_the_public_port_has_none_of_it(dev):
    with Http(dev) as http:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert http.ask("GET", path).status == 403


def test_the_admin_port_has_no_websocket(dev):
    with pytest.raises(Refused) as refusal:
        WebSocket(("127.0.0.1", dev.admin))
    assert refusal.value.answer.status == 404


def test_metrics_are_well_formed(admin):
    """Prometheus' text format 0.0.4."""
    answer = admin.ask("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"
    text = answer.body.decode()
    assert text.endswith("\n")
    lines = text.splitlines()
    assert len(lines) % 3 == 0
    for help, type, sample in zip(*[iter(lines)] * 3):
        name, value = sample.split(" ")
        assert re.fullmatch(r"gatewire_[a-z_]+", name) and int(value) >= 0
        assert help.startswith(f"# HELP {name} ")
        kind = type.removeprefix(f"# TYPE {name} ")
        assert kind in ("counter", "gauge")
        assert (kind == "counter") == name.endswith("_total")


def test_metrics_after_traffic(gatewire):
    server = gatewire(["dev", "--workers", "2"])
    sockets = [WebSocket(server) for _ in range(4)]
    with Http(server) as http:
        for i, ws in enumerate(sockets):
            for _ in range(5):
                assert ws.call("x" * 100) == "x" * 100
        target = f"/dev/@connections/{sockets[0].id}"
        assert http.ask("POST", target, b"y" * 1000).status == 200
        assert sockets[0].receive() == "y" * 1000
        assert http.ask("GET", "/nowhere").status == 403
    with pytest.raises(Refused):
        WebSocket(server, "/nowhere")
    with Http(server) as http:
        http.send(b"rubbish\r\n\r\n")
        assert http.answer().status == 400
    sockets[1].leave()
    sockets[2].http.send(b"\x81\x01x")  # not masked
    assert sockets[2].closed() == 1002
    until(lambda: server.metric("connections_open") == 2, what="two ends")
    whoami = len('{"action":"whoami"}')
    found = {name: server.metric(name) for name in (
        "connects", "disconnects", "messages_in", "messages_out", "bytes_in",
        "pushes", "pushes_gone", "http_rejected", "protocol_faults",
        "exchanges_in_flight", "accepts_refused", "slow_clients_closed",
        "integration_errors", "out_queued_bytes")}
    assert found == {
        "connects": 4, "disconnects": 2, "messages_in": 21,
        "messages_out": 22, "bytes_in": 2000 + whoami, "pushes": 1,
        "pushes_gone": 0, "http_rejected": 1, "protocol_faults": 1,
        "exchanges_in_flight": 0, "accepts_refused": 0,
        "slow_clients_closed": 0, "integration_errors": 0,
        "out_queued_bytes": 0}
    assert server.metric("bytes_out") > 3000
    assert server.metric("http_requests") >= 4 + 2 + 1
    for ws in sockets:
        ws.http.close()
