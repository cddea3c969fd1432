"""The handshake: websocket-api.md 1.1 to 1.5, and 13."""

import asyncio
import json
import re
import threading

import pytest
import websockets

from conftest import free_port, until
from wire import (ACCEPT, ECHO, TEXT, ask, begin, config, connect,
                  frame, handshake, http, push, request_bytes, upgrade_bytes,
                  RawBackend, Wire)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                  r"[0-9a-f]{12}")
ID = re.compile(r"[A-Za-z0-9_-]{15}=")


def with_connect(gatewire, backend, route=None, **settings):
    return gatewire(config=config(
        {"$connect": route or backend.url + "/connect",
         "$disconnect": backend.url + "/disconnect", **ECHO}, **settings))


def test_without_a_connect_route_everybody_comes_in(dev):
    with connect(dev) as client:
        answer = client.answer
        assert answer.get("Upgrade") == "websocket"
        assert answer.get("Connection").lower() == "upgrade"
        assert answer.get("Sec-WebSocket-Accept") == ACCEPT
        assert answer.get("Sec-WebSocket-Extensions") is None
        client.send("hello")
        assert client.text() == "hello"


def test_another_implementation_agrees(dev):
    async def talk():
        async with websockets.connect(dev.ws + "/dev") as ws:
            await ws.send("hello")
            assert await ws.recv() == "hello"
            await (await ws.ping())
        assert ws.close_code == 1000
    asyncio.run(talk())


def test_a_2xx_opens(gatewire, backend):
    g = with_connect(gatewire, backend)
    for status in 200, 201, 204, 299:
        backend.answers["/connect"] = (status, {}, b"")
        with connect(g) as client:
            client.send("x")
            assert client.text() == "x"


def test_any_other_status_goes_through(gatewire, backend):
    g = with_connect(gatewire, backend)
    statuses = [301, 302, 400, 401, 403, 404, 429, 500, 503, 599]
    for status in statuses:
        backend.answers["/connect"] = (
            status, {"X-Why": "because", "Content-Type": "text/plain",
                     "Location": "/elsewhere"}, b"no: \xff")
        reply = handshake(g)
        assert reply.status == status and reply.body == b"no: \xff"
        assert reply.get("X-Why") == "because"
        assert reply.get("Content-Type") == "text/plain"
        assert reply.get("Location") == "/elsewhere"
        assert UUID.fullmatch(reply.get("x-amzn-RequestId"))
    # No redirect is followed; what never began has no end.
    assert [r.path for r in backend.requests] == ["/connect"] * len(statuses)


OFFERS = [
    # offered, returned by the integration, in the 101
    (["chat1, chat2"], None, None),
    (["chat1, chat2"], "chat2", "chat2"),
    (["chat1,chat2"], "chat1", "chat1"),
    (["chat1", "chat2"], "chat2", "chat2"),  # two header fields
    (["chat1"], "other", None),
    (["chat1, chat2"], "chat1, chat2", None),
    (["chat1"], "CHAT1", None),
    ([], "chat1", None),
]


def test_subprotocols(gatewire, backend):
    g = with_connect(gatewire, backend)
    for n, (offered, returned, expected) in enumerate(OFFERS):
        backend.answers["/connect"] = (
            200, {"sec-websocket-protocol": returned} if returned else {}, b"")
        with connect(g, headers=[("Sec-WebSocket-Protocol", o)
                                 for o in offered]) as client:
            assert client.answer.get("Sec-WebSocket-Protocol") == expected
        asked = backend.wait_for("/connect", n + 1)[n]
        assert [v for k, v in asked.raw_headers
                if k.lower() == "sec-websocket-protocol"] == offered


def test_no_connect_route_selects_no_subprotocol(dev):
    with connect(dev, headers={"Sec-WebSocket-Protocol": "chat1"}) as client:
        assert client.answer.get("Sec-WebSocket-Protocol") is None


def test_the_backend_sees_the_handshake(gatewire, backend):
    g = with_connect(gatewire, backend)
    with connect(g, "/dev?token=a%20b&x=1&x=2", headers=[
            ("X-Custom", "Kept"), ("Cookie", "a=1"), ("Origin", "http://o"),
            ("Authorization", "Bearer t"), ("User-Agent", "tests/1"),
            ("X-Many", "1"), ("X-Many", "2"),
            ("X-Forwarded-For", "192.0.2.1"),
            ("Sec-WebSocket-Extensions", "permessage-deflate")]) as client:
        assert client.answer.get("Sec-WebSocket-Extensions") is None
    asked, = backend.wait_for("/connect")
    h = asked.headers
    assert asked.method == "POST" and asked.body == b""
    assert asked.target == "/connect?token=a%20b&x=1&x=2"
    assert h["x-custom"] == "Kept" and h["cookie"] == "a=1"
    assert h["origin"] == "http://o" and h["authorization"] == "Bearer t"
    assert [v for k, v in asked.raw_headers if k == "X-Many"] == ["1", "2"]
    assert h["sec-websocket-key"] and h["sec-websocket-version"] == "13"
    assert h["sec-websocket-extensions"] == "permessage-deflate"
    assert h["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"
    assert h["x-forwarded-port"] == str(g.port)
    assert h["x-forwarded-proto"] == "http"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}",
                        h["x-amzn-trace-id"])
    assert h["host"] == f"127.0.0.1:{backend.port}"
    assert "upgrade" not in h and "upgrade" not in h.get("connection", "")
    assert ID.fullmatch(h["x-gatewire-connection-id"])
    assert ID.fullmatch(h["x-gatewire-request-id"])
    assert h["x-gatewire-event-type"] == "CONNECT"
    assert h["x-gatewire-route-key"] == "$connect"
    assert h["x-gatewire-api-id"] == "chat"
    assert h["x-gatewire-stage"] == "dev"
    assert h["x-gatewire-source-ip"] == "127.0.0.1"
    assert re.fullmatch(r"\d{13}", h["x-gatewire-connected-at"])


def test_a_client_cannot_speak_in_the_gateways_name(gatewire, backend):
    g = with_connect(gatewire, backend)
    forged = {"X-Gatewire-Connection-Id": "forged", "x-gatewire-admin": "yes",
              "X-Gatewire-Source-Ip": "forged", "X-Forwarded-Proto": "forged",
              "X-Forwarded-Port": "forged",
              "x-amzn-apigateway-api-id": "forged"}
    with connect(g, headers=forged):
        asked, = backend.wait_for("/connect")
    assert "forged" not in str(asked.raw_headers)
    assert "x-gatewire-admin" not in asked.headers


def test_the_version_can_be_mapped_away(gatewire, backend):
    """The original's trap: a framework takes the request for an upgrade."""
    g = with_connect(gatewire, backend, http(
        backend.url + "/connect", "HTTP_PROXY", requestParameters={
            "integration.request.header.Sec-WebSocket-Version": "'0'"}))
    with connect(g):
        asked, = backend.wait_for("/connect")
    assert [v for k, v in asked.raw_headers
            if k.lower() == "sec-websocket-version"] == ["0"]


def test_cookies_reach_the_101(gatewire, backend):
    backend.answers["/connect"] = (200, {
        "Set-Cookie": "s=1; HttpOnly", "X-Backend": "b", "Server": "b",
        "Content-Type": "text/plain", "Connection": "keep-alive",
        "Sec-WebSocket-Accept": "forged", "Upgrade": "h2c"}, b"dropped")
    g = with_connect(gatewire, backend)
    with connect(g) as client:
        answer = client.answer
        assert answer.get("Set-Cookie") == "s=1; HttpOnly"
        assert answer.get("X-Backend") == "b"
        assert answer.get("Sec-WebSocket-Accept") == ACCEPT
        assert answer.get("Upgrade") == "websocket"
        assert answer.get("Content-Length") is None
        client.send("x")
        assert client.text() == "x"


FAILURES = [
    (500, "Internal server error", "unreachable"),
    (504, "Endpoint request timed out", "slow"),
    (502, "Internal server error", "malformed"),
]


@pytest.mark.parametrize("status,message,how", FAILURES)
def test_a_failing_integration(gatewire, backend, status, message, how):
    release = threading.Event()
    raw = RawBackend(lambda s, r: s.sendall(
        b"nonsense\r\n\r\n") if how == "malformed" else release.wait(20))
    url = (f"http://127.0.0.1:{free_port()}/" if how == "unreachable"
           else raw.url)
    g = with_connect(gatewire, backend, http(
        url, "HTTP_PROXY", timeoutInMillis=200 if how == "slow" else 5000))
    reply = handshake(g)
    release.set()
    assert reply.status == status
    body = reply.json()
    assert list(body) == ["message", "connectionId", "requestId"]
    assert body["message"] == message
    assert ID.fullmatch(body["connectionId"])
    assert ID.fullmatch(body["requestId"])
    assert reply.get("Content-Type") == "application/json"
    assert reply.get("x-amzn-ErrorType")
    assert UUID.fullmatch(reply.get("x-amzn-RequestId"))
    raw.close()


def test_the_upgrade_waits_and_the_connection_is_not_there_yet(
        gatewire, backend):
    release = threading.Event()
    backend.answers["/connect"] = lambda r: (
        release.wait(20) and (200, {}, b""))
    g = with_connect(gatewire, backend)
    # What is sent in the same packet waits for $connect too.
    with begin(g, behind=frame(TEXT, "early") + frame(TEXT, "bird")) as client:
        asked, = backend.wait_for("/connect")
        for method in "POST", "GET", "DELETE":
            reply = push(asked, b"x", method)
            assert reply.status == 410 and reply.body == b""
            assert reply.get("x-amzn-ErrorType") == "GoneException"
        client.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.socket.recv(1)
        client.socket.settimeout(20)
        release.set()
        assert client.reply().status == 101
        assert [client.text(), client.text()] == ["early", "bird"]
        assert push(asked, b"now").status == 200
        assert client.text() == "now"


@pytest.mark.parametrize("delivery", ["guaranteed", "best-effort"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_during_connect(gatewire, backend, how, delivery):
    """The original says no goodbye without a 101. Guaranteed, whom the
    backend let in, it is told of."""
    release, completed = threading.Event(), threading.Event()

    def answer(request):
        release.wait(20)
        completed.set()
        return 200, {}, b""
    backend.answers["/connect"] = answer
    g = with_connect(gatewire, backend, disconnectDelivery=delivery)
    client = begin(g)
    backend.wait_for("/connect")
    getattr(client, how)()
    until(lambda: g.metric("sockets_open") == 1, what="its socket's end")
    release.set()
    assert completed.wait(20)
    until(lambda: g.metric("exchanges_in_flight") == 0)
    del backend.answers["/connect"]
    with connect(g) as other:
        other.say_close(1000, "bye")
        other.closed()
    asked = backend.wait_for("/connect", 2)
    if delivery == "best-effort":
        del asked[0]
    told = backend.wait_for("/disconnect", len(asked))
    assert [r.headers["x-gatewire-connection-id"] for r in told] == [
        r.headers["x-gatewire-connection-id"] for r in asked]
    assert [r.headers["x-gatewire-disconnect-status-code"]
            for r in told] == ["1006", "1000"][-len(asked):]
    assert g.metric("disconnects_total") == 1


# --- who is meant ------------------------------------------------------------

TWO_APIS = json.dumps({"apis": {
    name: {"routeSelectionExpression": "$request.body.action",
           "protocolType": "WEBSOCKET",
           "routes": {"$connect": "http://127.0.0.1:{port}/connect", **ECHO},
           "stages": {"dev": {}, "prod": {}}}
    for name in ("chat", "game")}})

ADDRESSES = [
    # host, path, api, stage
    ("chat.execute-api.eu-west-1.example.com", "/dev", "chat", "dev"),
    ("game.execute-api.localhost:8080", "/prod", "game", "prod"),
    ("game.execute-api.localhost", "/prod/", "game", "prod"),
    ("localhost", "/chat/dev", "chat", "dev"),
    ("localhost", "/game/prod/", "game", "prod"),
    ("localhost", "/game/prod?x=1", "game", "prod"),
    ("localhost", "/game/%70rod", "game", "prod"),
]
NOWHERE = [
    ("nothere.execute-api.localhost", "/dev"),
    ("chat.execute-api.localhost", "/"),
    ("chat.execute-api.localhost", "/test"),
    ("chat.execute-api.localhost", "/dev/more"),
    ("localhost", "/"),
    ("localhost", "/dev"),  # of which?
    ("localhost", "/chat"),
    ("localhost", "/chat/test"),
    ("localhost", "/chat/DEV"),
    ("localhost", "/chat/dev/more"),
    ("localhost", "/nothere/dev"),
    ("localhost", "//dev"),
]


@pytest.fixture
def two_apis(gatewire, backend):
    return gatewire(config=TWO_APIS.replace("{port}", str(backend.port)))


def test_addresses(two_apis, backend):
    for n, (host, path, api, stage) in enumerate(ADDRESSES):
        with connect(two_apis, path, headers={"Host": host}) as client:
            asked = backend.wait_for("/connect", n + 1)[n]
            assert (asked.headers["x-gatewire-api-id"],
                    asked.headers["x-gatewire-stage"]) == (api, stage)
            client.send("x")
            assert client.text() == "x"
            # What the backend was told leads back to the client.
            assert push(asked, b"here").status == 200
            assert client.text() == "here"


def test_nobody_is_meant(two_apis):
    for host, path in NOWHERE:
        for reply in (handshake(two_apis, path, headers={"Host": host}),
                      ask(two_apis.port, "GET", path, {"Host": host})):
            assert reply.status == 403, (host, path)
            assert reply.json() == {"message": "Forbidden"}
            assert reply.get("x-amzn-ErrorType") == "ForbiddenException"
            assert UUID.fullmatch(reply.get("x-amzn-RequestId"))
            assert reply.get("x-amz-apigw-id")


def test_with_one_api_its_stage_is_enough(gatewire):
    g = gatewire(config=config(ECHO))
    for path in "/dev", "/dev/", "/chat/dev", "/dev?a=b":
        with connect(g, path) as client:
            client.send("x")
            assert client.text() == "x"


def test_domain_name_and_stage_make_an_endpoint(gatewire, backend):
    """As the original's samples do: https://{domainName}/{stage}."""
    g = gatewire(config=config({"$connect": http(
        backend.url + "/connect", "HTTP_PROXY", requestParameters={
            "integration.request.header.domain": "context.domainName",
            "integration.request.header.stage": "context.stage",
            "integration.request.header.id": "context.connectionId"})}))
    for n, (host, path) in enumerate([
            ("localhost", "/dev"), ("127.0.0.1", "/chat/dev"),
            ("chat.execute-api.localhost", "/dev")]):
        with connect(g, path, {"Host": f"{host}:{g.port}"}) as client:
            h = backend.wait_for("/connect", n + 1)[n].headers
            # The name resolves nowhere in a test; what counts is the rest.
            authority, _, prefix = h["domain"].partition("/")
            assert authority == f"{host}:{g.port}"
            target = f"/{prefix}/{h['stage']}/@connections/{h['id']}"
            reply = ask(g.port, "POST", target.replace("//", "/"),
                        {"Host": authority}, b"there")
            assert reply.status == 200, target
            assert client.text() == "there"


def test_a_domain_name_can_be_set(gatewire, backend):
    g = gatewire(config=config({"$connect": http(
        backend.url + "/connect", "HTTP_PROXY", requestParameters={
            "integration.request.header.domain": "context.domainName"})},
        domainName="chat.example.com"))
    with connect(g):
        asked, = backend.wait_for("/connect")
    assert asked.headers["domain"] == "chat.example.com"


def test_an_endpoint_can_be_set(gatewire, backend):
    g = with_connect(gatewire, backend, endpoint="https://ws.example.com")
    with connect(g):
        asked, = backend.wait_for("/connect")
    assert asked.headers["x-gatewire-endpoint"] == (
        "https://ws.example.com/chat/dev")


# --- what is no handshake ----------------------------------------------------

UP = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
NO_HANDSHAKES = [
    # method, headers, status
    ("GET", [], 426),
    ("GET", [("Connection", "Upgrade"), ("Upgrade", "h2c")], 400),
    ("POST", [], 405),
    ("GET", UP + [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                  ("Sec-WebSocket-Version", "12")], 426),
    ("GET", UP + [("Sec-WebSocket-Version", "13")], 400),
    ("GET", UP + [("Sec-WebSocket-Version", "13"),
                  ("Sec-WebSocket-Key", "short")], 400),
]


def test_no_handshakes(dev):
    for method, headers, status in NO_HANDSHAKES:
        reply = ask(dev.port, method, "/dev", headers)
        assert reply.status == status, (method, headers)
        assert "message" in reply.json()
        assert UUID.fullmatch(reply.get("x-amzn-RequestId"))
        if status == 426:
            assert reply.get("Upgrade") == "websocket"
            assert reply.get("Sec-WebSocket-Version") == "13"
        if status == 405:
            assert reply.get("Allow") == "GET"


def test_a_refusal_leaves_the_connection_open_for_another_try(dev):
    with Wire(dev.port) as wire:
        wire.write(request_bytes("GET", "/nothere"))
        assert wire.reply().status == 403
        wire.write(request_bytes("GET", "/dev"))
        assert wire.reply().status == 426
        wire.write(upgrade_bytes())
        assert wire.reply().status == 101


def test_malformed_requests_name_themselves_too(dev):
    for raw, status in [(b"GET /dev HTTP/1.1\r\n\r\n", 400),
                        (b"GARBAGE\r\n\r\n", 400),
                        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n"
                         b"Host: x\r\n\r\n", 414),
                        (b"GET /dev HTTP/1.1\r\nHost: x\r\nA: "
                         + b"x" * 11000 + b"\r\n\r\n", 431)]:
        with Wire(dev.port) as wire:
            wire.write(raw)
            reply = wire.reply()
            assert reply.status == status, raw[:40]
            assert UUID.fullmatch(reply.get("x-amzn-RequestId") or ""), raw
