"""Limits of sizes, time and numbers: websocket-api.md 1.6, 1.7, 8."""

import base64
import time

from conftest import until
from wire import (BINARY, CONT, ECHO, PONG, TEXT, Wire, begin, config,
                  connect, frame, http, mock, push, request_bytes)

KB = 1024


def fragments(total, each, opcode=TEXT):
    """A message of `total` bytes in frames of at most `each`."""
    out, first = b"", True
    while total or first:
        size = min(total, each)
        total -= size
        out += frame(opcode if first else CONT, b"x" * size, final=not total)
        first = False
    return out


def test_the_originals_sizes(dev):
    with connect(dev) as client:
        for bytes_, size in [(frame(TEXT, "x" * 32 * KB), 32 * KB),
                             (fragments(128 * KB, 32 * KB), 128 * KB)]:
            client.write(bytes_)
            assert client.text() == "x" * size
    for bytes_ in [frame(TEXT, "x" * (32 * KB + 1)),
                   fragments(128 * KB + 1, 32 * KB),
                   fragments(33 * KB, 33 * KB, BINARY)]:
        with connect(dev) as client:
            client.write(bytes_)
            assert client.closed()[0] == 1009


def test_a_frame_is_refused_by_its_head(dev):
    with connect(dev) as client:
        client.write(frame(TEXT, "x" * (32 * KB + 1))[:8])
        assert client.closed()[0] == 1009


def test_other_sizes(gatewire):
    g = gatewire(config=config(ECHO, limits={
        "maxFrameBytes": 100, "maxMessageBytes": 150}))
    with connect(g) as client:
        client.write(fragments(150, 100))
        assert len(client.text()) == 150
        client.write(frame(TEXT, "x" * 101))
        assert client.closed()[0] == 1009
    with connect(g) as client:
        client.write(fragments(151, 100))
        assert client.closed()[0] == 1009


def test_zero_is_no_limit(gatewire):
    g = gatewire(config=config(ECHO, limits={
        "maxFrameBytes": 0, "maxMessageBytes": 0, "idleTimeout": 0,
        "maxConnectionDuration": 0, "outQueueBytes": "8MB"}))
    with connect(g) as client:
        client.send("x" * 1000 * KB)
        assert len(client.text()) == 1000 * KB


def test_binary_is_not_for_everybody(gatewire):
    g = gatewire(config=config(ECHO))
    with connect(g) as client:
        client.send(b"\0\xff")
        assert client.closed()[0] == 1003


def test_binary_reaches_the_backend_as_base64(gatewire, backend):
    backend.answers["/raw"] = (200, {}, b"\xff\0")
    g = gatewire(config=config(
        {"$default": {"integration": backend.url + "/m"},
         "text": mock("text")}, api={"binary": True}))
    with connect(g) as client:
        client.send(b"\0\xff\x80")
        asked, = backend.wait_for("/m")
        assert asked.body == base64.b64encode(b"\0\xff\x80")
        assert asked.headers["x-gatewire-is-base64-encoded"] == "true"
        client.send(b'{"action":"text"}')  # its content selects nothing
        asked = backend.wait_for("/m", 2)[1]
        assert asked.body == base64.b64encode(b'{"action":"text"}')
        client.send({"action": "text"})
        assert client.text() == "text"
        client.send("plain")
        asked = backend.wait_for("/m", 3)[2]
        assert asked.body == b"plain"
        assert "x-gatewire-is-base64-encoded" not in asked.headers


def test_binary_both_ways(gatewire, backend):
    backend.answers["/raw"] = lambda r: (200, {}, b"\xff" + r.body)
    g = gatewire(config=config({"$default": http(
        backend.url + "/raw", "HTTP_PROXY",
        contentHandlingStrategy="CONVERT_TO_BINARY")}, api={"binary": True}))
    with connect(g) as client:
        client.send(b"\0\xfe")
        assert client.message() == (BINARY, b"\xff\0\xfe")


# --- time --------------------------------------------------------------------

def test_traffic_keeps_a_connection(gatewire, backend):
    """Messages, pushes and, unless told otherwise, pings count. Time is what
    is tested here: 0.4 s of each, more together than the idle timeout."""
    g = gatewire(config=config(
        {"$connect": backend.url + "/connect", **ECHO},
        limits={"idleTimeout": "500ms"}))
    with connect(g) as quiet, connect(g) as client:
        asked = backend.wait_for("/connect", 2)[1]
        begun = time.monotonic()
        ways = [lambda: (client.send("x"), client.text()),
                lambda: (push(asked, b"x"), client.text()),
                lambda: client.write(frame(PONG, b"")) or client.alive()]
        while time.monotonic() < begun + 1.2:
            assert ways[int((time.monotonic() - begun) / 0.4) % 3]()
            time.sleep(0.05)
        assert quiet.closed() == (1001, "Going away")
        assert client.alive()


def test_pings_need_not_count(gatewire):
    g = gatewire(config=config(ECHO, limits={
        "idleTimeout": "300ms", "pingIsActivity": False}))
    with connect(g) as client:
        told = False
        while not told:
            client.write(frame(9, b"x"))
            first, payload = client.frame()
            told = first == 0x88
        assert payload == b"\x03\xe9Going away"


def test_a_head_must_come_in_time(gatewire):
    g = gatewire(config=config(ECHO, limits={
        "headTimeout": "100ms", "bodyTimeout": "100ms",
        "keepAliveTimeout": "100ms"}))
    with Wire(g.port) as wire:  # nothing at all
        assert wire.ends() == b""
    with Wire(g.port) as wire:  # half a head
        wire.write(b"GET /dev HTTP/1.1\r\n")
        assert wire.reply().status == 408
        assert wire.ends() == b""
    with Wire(g.port) as wire:  # half a body
        wire.write(b"POST /dev HTTP/1.1\r\nHost: x\r\n"
                   b"Content-Length: 5\r\n\r\nab")
        assert wire.reply().status == 408
        assert wire.ends() == b""
    with Wire(g.port) as wire:  # no second request
        wire.write(request_bytes("GET", "/dev"))
        assert wire.reply().status == 426
        assert wire.ends() == b""


# --- numbers -----------------------------------------------------------------

def test_connections_at_most(gatewire):
    g = gatewire(config=config(ECHO, workers=1,
                               limits={"maxConnections": 2}))
    first, second = connect(g), connect(g)
    with begin(g) as third:
        reply = third.reply()
        assert reply.status == 503
        assert reply.get("Retry-After")
    first.close()
    until(lambda: g.metric("sockets_open") < 3)
    with connect(g) as fourth:
        fourth.send("x")
        assert fourth.text() == "x"
    second.close()


def test_connections_of_one_address_at_most(gatewire):
    g = gatewire(config=config(ECHO, limits={"maxConnectionsPerAddress": 2}))
    with connect(g), connect(g):
        with begin(g) as third:
            assert third.reply().status == 429


def test_handshakes_of_one_address_at_most(gatewire):
    g = gatewire(config=config(ECHO, limits={
        "handshakesPerSecondPerAddress": 2}))
    statuses = []
    for _ in range(6):
        with begin(g) as client:
            statuses.append(client.reply().status)
    assert statuses[:2] == [101, 101]
    assert set(statuses[2:]) <= {101, 429} and 429 in statuses


def test_bodies_of_requests(gatewire, backend):
    g = gatewire(config=config({"$connect": backend.url + "/connect"},
                               limits={"maxBodyBytes": 200,
                                       "maxPostBytes": 100}))
    with connect(g) as client:
        asked, = backend.wait_for("/connect")
        assert push(asked, b"x" * 100).status == 200
        assert client.text() == "x" * 100
        for size in 101, 201:
            reply = push(asked, b"x" * size)
            assert reply.status == 413, size
        assert client.alive()
