"""The goodbye: exactly one, with the code and reason of how it ended.
websocket-api.md 1.6."""

import pytest

from conftest import Backend, free_port, until
from wire import (BINARY, CLOSE, ECHO, TEXT, config, connect, frame,
                  handshake, push)


class Ended:
    """A gateway whose $disconnect is watched. `of` has the only goodbye of a
    connection."""

    def __init__(self, gatewire, backend, **more):
        self.backend = backend
        self.g = gatewire(config=config({
            "$connect": backend.url + "/connect",
            "$disconnect": backend.url + "/disconnect", **ECHO}, **more))
        self.count = 0

    def connect(self, **more):
        client = connect(self.g, **more)
        self.count += 1
        client.asked = self.backend.wait_for("/connect", self.count)[-1]
        client.id = client.asked.headers["x-gatewire-connection-id"]
        return client

    def of(self, client):
        found = self.backend.wait_for("/disconnect", self.count)
        assert len(found) == self.count
        h = found[-1].headers
        assert h["x-gatewire-connection-id"] == client.id
        assert found[-1].method == "POST" and found[-1].body == b""
        assert h["x-gatewire-event-type"] == "DISCONNECT"
        assert h["x-gatewire-route-key"] == "$disconnect"
        assert h["x-gatewire-api-id"] == "chat"
        assert h["x-gatewire-stage"] == "dev"
        assert h["x-gatewire-connected-at"] == (
            client.asked.headers["x-gatewire-connected-at"])
        assert h["x-gatewire-request-id"] != (
            client.asked.headers["x-gatewire-request-id"])
        assert "sec-websocket-key" not in h and "cookie" not in h
        assert push(client.asked).status == 410
        return (int(h["x-gatewire-disconnect-status-code"]),
                h["x-gatewire-disconnect-reason"])


@pytest.fixture
def ended(gatewire, backend):
    return Ended(gatewire, backend)


CLOSES = [
    # what the client says, what comes back, what the goodbye shows
    ((1000, "done"), 1000, (1000, "done")),
    ((1000, ""), 1000, (1000, "")),
    ((1001, ""), 1001, (1001, "")),
    ((3000, "mine"), 3000, (3000, "mine")),
    ((4999, "x" * 123), 4999, (4999, "x" * 123)),
    ((), 1005, (1005, "Client-side close frame status not set")),
]


def test_the_client_closes(ended):
    for said, back, shown in CLOSES:
        with ended.connect(headers={"Cookie": "a=1"}) as client:
            client.say_close(*said)
            assert client.closed()[0] == back
            assert ended.of(client) == shown
            assert client.ends() == b""


def test_bytes_after_the_close_frame_are_nothing(ended):
    with ended.connect() as client:
        client.write(frame(CLOSE, b"\x03\xe8") + frame(TEXT, "late"))
        assert client.closed()[0] == 1000
        assert client.ends() == b""
        assert ended.of(client) == (1000, "")


def test_a_socket_that_just_ends(ended):
    for how in "close", "reset":
        client = ended.connect()
        getattr(client, how)()
        assert ended.of(client) == (1006, "")


def test_delete(ended):
    with ended.connect() as client:
        assert push(client.asked, method="DELETE").status == 204
        assert client.closed() == (1000, "")
        # from here on it is gone, though its client did not answer yet
        assert push(client.asked).status == 410
        client.say_close(1000)
        assert ended.of(client) == (1000, "Connection Closed Normally")


def test_delete_and_the_client_says_nothing(ended):
    with ended.connect() as client:
        assert push(client.asked, method="DELETE").status == 204
        client.closed()
        client.close()
        assert ended.of(client) == (1000, "Connection Closed Normally")


FAULTS = [
    (frame(BINARY, b"\0"), 1003),
    (b"\x81\xfe\x80\x01", 1009),                   # the head alone is enough
    (frame(TEXT, b"\xff"), 1007),
    (frame(TEXT, "x", final=False) + frame(TEXT, "y"), 1002),
    (b"\x81\x01x", 1002),                          # not masked
    (frame(CLOSE, b"\x03\xec"), 1002),             # 1004 is reserved
    (frame(CLOSE, b"\x03"), 1002),
]


def test_a_client_that_breaks_the_rules(ended):
    for said, code in FAULTS:
        with ended.connect() as client:
            client.write(said)
            told, reason = client.closed()
            assert told == code, said
            assert client.ends() == b""
            shown, shown_reason = ended.of(client)
            assert (shown, shown_reason) == (code, reason)


def test_silence(gatewire, backend):
    ended = Ended(gatewire, backend, limits={"idleTimeout": "100ms"})
    with ended.connect() as client:
        assert client.closed() == (1001, "Going away")
        client.say_close(1001)
        assert ended.of(client) == (1001, "Going away")


def test_age(gatewire, backend):
    ended = Ended(gatewire, backend, limits={"maxConnectionDuration": "200ms"})
    with ended.connect() as client:
        client.send("activity does not help")
        client.text()
        assert client.closed() == (1001, "Going away")
        client.say_close(1001)
        assert ended.of(client) == (1001, "Going away")


def test_a_reason_that_is_no_header(ended):
    with ended.connect() as client:
        client.say_close(1000, "two\r\nX-Gatewire-Stage: forged")
        client.closed()
        found, = ended.backend.wait_for("/disconnect")
        assert "x-gatewire-disconnect-reason" not in found.headers
        assert "forged" not in str(found.raw_headers)


def test_no_goodbye_without_a_hello(ended):
    ended.backend.answers["/connect"] = (403, {}, b"")
    assert handshake(ended.g).status == 403
    del ended.backend.answers["/connect"]
    with connect(ended.g) as client:
        client.say_close(1000, "the only one")
        client.closed()
    found = ended.backend.wait_for("/disconnect")
    assert [r.headers["x-gatewire-disconnect-reason"] for r in found] == [
        "the only one"]


def test_a_failing_goodbye_harms_nobody(gatewire, backend):
    ended = Ended(gatewire, backend)
    backend.answers["/disconnect"] = (500, {}, b"no")
    for _ in range(3):
        with ended.connect() as client:
            client.say_close(1000, "x")
            client.closed()
            assert ended.of(client) == (1000, "x")


def test_without_a_route_there_is_no_goodbye(gatewire, backend):
    g = gatewire(config=config({"$connect": backend.url + "/connect"}))
    with connect(g) as client:
        client.say_close(1000)
        client.closed()
    assert [r.path for r in backend.requests] == ["/connect"]
    assert g.metric("disconnects_total") == 1


# --- guaranteed --------------------------------------------------------------

def close(g, *said):
    with connect(g) as client:
        client.say_close(*said)
        client.closed()


def test_a_backend_that_breaks_off_is_told_again(ended):
    class Broken(Exception):
        pass

    def answer(request):
        if request.headers["x-gatewire-attempt"] != "3":
            raise Broken
        return 500, {}, b"it has run"
    ended.backend.answers["/disconnect"] = answer
    close(ended.g, 4001, "bye")
    found = [r.headers for r in ended.backend.wait_for("/disconnect", 3)]
    assert [h["x-gatewire-attempt"] for h in found] == ["1", "2", "3"]
    for name in ("event-id", "connection-id", "disconnect-status-code",
                 "disconnect-reason", "connected-at"):
        assert len({h["x-gatewire-" + name] for h in found}) == 1, name
    assert len(found[0]["x-gatewire-event-id"]) == 16
    until(lambda: ended.g.metric("goodbyes_delivered") == 1)
    assert ended.g.metric("goodbyes_retried") == 2
    assert ended.g.metric("goodbyes_pending") == 0


def test_a_backend_that_was_down_is_told_when_it_is_back(gatewire, backend):
    port = free_port()
    g = gatewire(config=config({
        "$connect": backend.url + "/connect",
        "$disconnect": f"http://127.0.0.1:{port}/disconnect"}))
    for _ in range(3):
        close(g, 1000)
    until(lambda: g.metric("goodbyes_retried") >= 4)
    assert g.metric("goodbyes_pending") == 3
    late = Backend(port)
    try:
        told = late.wait_for("/disconnect", 3)
        until(lambda: g.metric("goodbyes_pending") == 0)
    finally:
        late.close()
    assert {r.headers["x-gatewire-connection-id"] for r in told} == {
        r.headers["x-gatewire-connection-id"]
        for r in backend.wait_for("/connect", 3)}
    assert all(int(r.headers["x-gatewire-attempt"]) > 1 for r in told)
    assert len(late.requests) == 3


def test_best_effort_is_one_try(gatewire):
    g = gatewire(config=config({
        "$disconnect": f"http://127.0.0.1:{free_port()}/"},
        disconnectDelivery="best-effort"))
    close(g, 1000)
    until(lambda: g.metric("integration_errors") == 1)
    assert g.metric("goodbyes_pending") == g.metric("goodbyes_retried") == 0


def test_after_the_window_it_is_given_up(gatewire):
    g = gatewire(config=config({
        "$disconnect": f"http://127.0.0.1:{free_port()}/"},
        disconnectRetryWindow="0"))
    close(g, 1000)
    until(lambda: g.metric("goodbyes_buried") == 1)
    assert g.metric("goodbyes_pending") == 0


def test_the_end_does_not_wait_for_a_backend_that_is_down(gatewire):
    g = gatewire(config=config({
        "$disconnect": f"http://127.0.0.1:{free_port()}/"},
        drain={"window": "100ms"}))
    close(g, 1000)
    until(lambda: g.metric("goodbyes_retried") >= 1)
    assert g.stop() == 0
    assert "goodbyes.lost" in g.output and "count=1" in g.output
