"""HTTP, HTTP_PROXY and MOCK, and backends that misbehave:
websocket-api.md 4, 5."""

import json
import threading

import pytest

from conftest import until
from wire import (RawBackend, config, connect, error_frame, handshake, http,
                  mock, reset, two_way)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAILED = error_frame("Internal server error")
TIMED_OUT = error_frame("Endpoint request timed out")
BUSY = error_frame("Service Unavailable")


@pytest.fixture
def raw():
    """A factory of RawBackends."""
    made = []

    def make(talk):
        made.append(RawBackend(talk))
        return made[-1]
    yield make
    for r in made:
        r.close()


# --- what is sent ------------------------------------------------------------

def test_parameters_of_a_message(gatewire, backend):
    place = "integration.request."
    g = gatewire(config=config({"$default": http(
        backend.url + "/u/{user}/${stageVariables.path}?fixed=1", "HTTP_PROXY",
        requestParameters={
            place + "header.X-Connection": "context.connectionId",
            place + "header.X-Room": "route.request.body.data.room",
            place + "header.X-List": "route.request.body.list[1]",
            place + "header.X-None": "route.request.body.nothing",
            place + "header.X-Stage": "stageVariables.color",
            place + "header.X-Fixed": "'a constant, as it is'",
            place + "header.Content-Type": "'text/plain'",
            place + "header.X-Number": "route.request.body.n",
            place + "querystring.room": "route.request.body.data.room",
            place + "querystring.none": "route.request.body.nothing",
            place + "path.user": "route.request.body.user",
        })}, stages={"dev": {"stageVariables": {
            "color": "blue", "path": "p"}}}))
    with connect(g) as client:
        client.send({"data": {"room": "a b&c=d/ü"}, "list": [1, "two"],
                     "user": "me/../you?", "n": 1.50})
        client.text()
    asked, = backend.requests
    h = asked.headers
    # percent-encoded: values cannot climb out of their place
    assert asked.target == ("/u/me%2F..%2Fyou%3F/p?fixed=1"
                            "&room=a%20b%26c%3Dd%2F%C3%BC")
    assert len(h["x-connection"]) == 16
    assert h["x-room"].encode("latin-1").decode() == "a b&c=d/ü"
    assert h["x-list"] == "two"
    assert "x-none" not in h
    assert h["x-stage"] == "blue"
    assert h["x-fixed"] == "a constant, as it is"
    assert h["content-type"] == "text/plain"
    assert h["x-number"] == "1.5" or h["x-number"] == "1.50"
    assert [k.lower() for k, _ in asked.raw_headers].count(
        "content-type") == 1
    assert not any(k.startswith("x-gatewire-") for k in h), (
        "only the short form of an integration adds these")


def test_parameters_of_a_handshake(gatewire, backend):
    place = "integration.request."
    g = gatewire(config=config({"$connect": http(
        backend.url + "/connect", "HTTP_PROXY", requestParameters={
            place + "header.X-Token": "route.request.querystring.token",
            place + "header.X-Agent": "route.request.header.user-agent",
            place + "header.Cookie": "'none'",
            place + "querystring.all":
                "route.request.multivaluequerystring.x"})}))
    with connect(g, "/dev?token=a%20b&x=1&x=2", headers={
            "User-Agent": "tests", "Cookie": "secret"}):
        asked, = backend.wait_for("/connect")
    assert asked.headers["x-token"] == "a b"
    assert asked.headers["x-agent"] == "tests"
    assert asked.headers["cookie"] == "none"
    assert asked.target.startswith("/connect?token=a%20b&x=1&x=2")
    assert asked.target.endswith("&all=1&all=2")


def test_a_message_cannot_inject_a_header(gatewire, backend):
    g = gatewire(config=config({"$default": http(
        backend.url + "/m", "HTTP_PROXY", requestParameters={
            "integration.request.header.X-Name": "route.request.body.name"})}))
    with connect(g) as client:
        client.send({"name": "a\r\nX-Admin: yes\r\n\r\nGET /evil HTTP/1.1"})
        client.text()
        client.send({"name": "fine"})
        client.text()
    assert all(r.path == "/m" and "x-admin" not in r.headers
               for r in backend.requests)
    assert backend.requests[-1].headers["x-name"] == "fine"


def test_templates(gatewire, backend):
    g = gatewire(config=config({
        "plain": http(backend.url + "/m", requestTemplates={"$default":
            '{"id":"$context.connectionId","body":$input.json(\'$\'),'
            '"room":$input.json(\'$.data.room\'),'
            '"stage":"$stageVariables.color"}'}),
        "chosen": http(backend.url + "/m",
                       templateSelectionExpression="$request.body.kind",
                       requestTemplates={"a": "A", "$default": "other"}),
        "untouched": http(backend.url + "/m"),
        "never": http(backend.url + "/m", passthroughBehavior="NEVER"),
    }, stages={"dev": {"stageVariables": {"color": "blue"}}}))
    with connect(g) as client:
        def ask(message):
            client.send(message)
            client.text()
            return backend.requests[-1].body.decode()
        got = json.loads(ask({"action": "plain", "data": {"room": "r"}}))
        assert len(got.pop("id")) == 16
        assert got == {"body": {"action": "plain", "data": {"room": "r"}},
                       "room": "r", "stage": "blue"}
        assert ask({"action": "chosen", "kind": "a"}) == "A"
        assert ask({"action": "chosen", "kind": "b"}) == "other"
        assert ask('{"action":  "untouched"}') == '{"action":  "untouched"}'
        before = len(backend.requests)
        client.send({"action": "never"})
        assert FAILED.fullmatch(client.text())
        assert len(backend.requests) == before


def test_integration_responses_of_a_message(gatewire, backend):
    g = gatewire(config=config({"$default": http(
        backend.url + "/m", responses={
            "/2\\d\\d/": {"responseTemplates": {
                "$default": "good: $input.json('$.x')"}},
            "/4\\d\\d/": {"responseTemplates": {"$default": "bad"}},
            "$default": {}})}))
    with connect(g) as client:
        for status, body, expected in [(200, b'{"x":[1]}', "good: [1]"),
                                       (204, b"", 'good: ""'),
                                       (404, b"whatever", "bad"),
                                       (503, b"as it is", "as it is")]:
            backend.answers["/m"] = (status, {}, body)
            client.send("x")
            assert client.text() == expected, status


def test_integration_responses_of_a_handshake(gatewire, backend):
    to = "method.response.header."
    g = gatewire(config=config({"$connect": http(
        backend.url + "/connect", responses={
            "/2\\d\\d/": {"responseParameters": {
                to + "X-Static": "'here'",
                to + "X-From": "integration.response.header.X-Backend",
                to + "X-Body": "integration.response.body.user.name",
                to + "Sec-WebSocket-Protocol":
                    "integration.response.body.protocol"}},
            "$default": {"responseTemplates": {"$default": "refused"}}})}))
    backend.answers["/connect"] = (
        200, {"X-Backend": "b", "X-Other": "dropped"},
        b'{"user":{"name":"me"},"protocol":"chat"}')
    with connect(g, headers={"Sec-WebSocket-Protocol": "chat"}) as client:
        answer = client.answer
        assert answer.get("X-Static") == "here"
        assert answer.get("X-From") == "b"
        assert answer.get("X-Body") == "me"
        assert answer.get("X-Other") is None
        assert answer.get("Sec-WebSocket-Protocol") == "chat"
    backend.answers["/connect"] = (401, {}, b"secret details")
    reply = handshake(g)
    assert reply.status == 401 and reply.body == b"refused"


def test_hop_by_hop_headers_stay_on_their_hop(gatewire, backend):
    backend.answers["/connect"] = (200, {
        "Keep-Alive": "timeout=5", "Proxy-Authenticate": "x",
        "Trailer": "x", "TE": "x", "X-Mine": "kept"}, b"")
    g = gatewire(config=config({"$connect": backend.url + "/connect"}))
    with connect(g, headers={
            "TE": "trailers", "Keep-Alive": "x", "Proxy-Authorization": "x",
            "X-Mine": "kept"}) as client:
        asked, = backend.wait_for("/connect")
        for name in ("te", "keep-alive", "proxy-authorization", "upgrade"):
            assert name not in asked.headers, name
            assert client.answer.get(name) in (None, "websocket")
        for name in "Keep-Alive", "Proxy-Authenticate", "Trailer", "TE":
            assert client.answer.get(name) is None, name
        assert asked.headers["x-mine"] == client.answer.get("X-Mine") == "kept"


# --- what comes back ---------------------------------------------------------

def test_answers_in_every_framing(gatewire, raw):
    answers = {
        b"length": (OK, "ok", True),
        b"chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"1\r\no\r\n1;x=y\r\nk\r\n0\r\nTrailer: t\r\n\r\n",
                     "ok", True),
        b"until the end": (b"HTTP/1.1 200 OK\r\n\r\nok", "ok", False),
        b"old": (b"HTTP/1.0 200 OK\r\n\r\nok", "ok", False),
        b"hints": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, "ok",
                   True),
        b"no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "", True),
        b"close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
                   b"Content-Length: 2\r\n\r\nok", "ok", False),
    }

    def talk(s, request):
        data, _, keep = answers[request.split(b"\r\n\r\n", 1)[1]]
        s.sendall(data)
        return keep
    b = raw(talk)
    g = gatewire(config=config({"$default": two_way(b.url)}))
    with connect(g) as client:
        for name, (_, expected, _) in answers.items():
            for _ in range(3):
                client.send(name.decode())
                assert client.text() == expected, name


def test_connections_are_kept_and_used_again(gatewire, raw):
    b = raw(lambda s, r: s.sendall(OK) or True)
    g = gatewire(config=config({"$default": two_way(b.url)}, workers=1))
    with connect(g) as client:
        for _ in range(20):
            client.send("x")
            assert client.text() == "ok"
    assert len(b.requests) == 20
    assert b.connections == 1


def test_a_large_answer_arrives_whole_and_a_larger_fails(gatewire, backend):
    backend.answers["/fits"] = (200, {}, b"x" * 100000)
    backend.answers["/big"] = (200, {}, b"x" * 100001)
    g = gatewire(config=config({"fits": two_way(backend.url + "/fits"),
                                "big": two_way(backend.url + "/big")},
                               limits={"responseBytes": 100000}))
    with connect(g) as client:
        client.send({"action": "fits"})
        assert client.text() == "x" * 100000
        client.send({"action": "big"})
        assert FAILED.fullmatch(client.text())
        assert client.alive()


def drip(s):
    """Endless headers, slowly enough to be let through."""
    s.sendall(b"HTTP/1.1 200 OK\r\n")
    try:
        while True:
            s.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
    except OSError:
        pass


def flood(s):
    s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        while True:
            s.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    except OSError:
        pass


BAD = {
    "says nothing": lambda s: None,
    "resets": reset,
    "half a head": lambda s: s.sendall(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": lambda s: s.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
    "half, then resets": lambda s: s.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") or reset(s),
    "half a chunk": lambda s: s.sendall(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhal"),
    "nonsense": lambda s: s.sendall(b"SMTP ready\r\n\r\n"),
    "no such status": lambda s: s.sendall(
        b"HTTP/1.1 999999 What\r\nContent-Length: 0\r\n\r\n"),
    "two lengths": lambda s: s.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "bad chunk": lambda s: s.sendall(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "switches protocols": lambda s: s.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        b"Connection: upgrade\r\n\r\n"),
    "endless head": drip,
    "endless body": flood,
}


def test_a_bad_backend_fails_only_its_own(gatewire, backend, raw):
    """Each at once, a good one in between; all in time."""
    bad = {name: raw(lambda s, r, do=do: do(s)) for name, do in BAD.items()}
    routes = {name: http(b.url, "HTTP_PROXY", timeoutInMillis=5000)
              for name, b in bad.items()}
    backend.answers["/good"] = (200, {}, b"good")
    g = gatewire(config=config({**routes, "good": two_way(
        backend.url + "/good")}, limits={"responseBytes": 1000000}))
    with connect(g) as client, connect(g) as other:
        for name in bad:
            client.send({"action": name})
            other.send({"action": "good"})
            assert other.text() == "good", name
        for _ in bad:
            assert FAILED.fullmatch(client.text())
        client.send({"action": "good"})
        assert client.text() == "good"
    failed = {name: len(b.requests) for name, b in bad.items()}
    assert set(failed.values()) == {1}, (
        "what may have been done is not done twice")


def test_a_hanging_backend_delays_only_its_own(gatewire, backend, raw):
    release = threading.Event()
    stuck = raw(lambda s, r: release.wait(20))
    backend.answers["/good"] = (200, {}, b"good")
    g = gatewire(config=config({
        "stuck": http(stuck.url, "HTTP_PROXY", timeoutInMillis=1000),
        "good": two_way(backend.url + "/good")}))
    with connect(g) as client:
        for _ in range(10):
            client.send({"action": "stuck"})
        for _ in range(20):
            client.send({"action": "good"})
            assert client.text() == "good"
        for _ in range(10):
            assert TIMED_OUT.fullmatch(client.text())
    release.set()


def test_more_than_fits_is_shed_at_once(gatewire, backend):
    gates = threading.Semaphore(0)
    backend.answers["/m"] = lambda r: (
        gates.acquire(timeout=20) and (200, {}, r.body))
    g = gatewire(config=config({"$default": http(
        backend.url + "/m", "HTTP_PROXY", maxInFlight=2, maxWaiting=3)},
        workers=1))
    with connect(g) as client:
        for n in range(9):
            client.send(str(n))
        for _ in range(4):  # the last four, before anybody was answered
            assert BUSY.fullmatch(client.text())
        assert len(backend.wait_for("/m", 2)) == 2
        gates.release(5)
        assert sorted(client.text() for _ in range(5)) == list("01234")
        client.send("again")
        gates.release()
        assert client.text() == "again"
    assert g.metric("integration_errors_total") == 4


# --- MOCK --------------------------------------------------------------------

def test_the_ping_recipe(gatewire):
    """websocket-api.md 4.7"""
    g = gatewire(config=config({"ping": {
        "integration": {"type": "MOCK",
                        "requestTemplates": {"$default": '{"statusCode":200}'},
                        "responses": {"$default": {"responseTemplates": {
                            "$default": '{"pong":true}'}}}},
        "routeResponseSelectionExpression": "$default"}}))
    with connect(g) as client:
        client.send({"action": "ping"})
        assert client.text() == '{"pong":true}'


def test_a_mock_picks_its_response(gatewire):
    def text(t):
        return {"responseTemplates": {"$default": t}}
    g = gatewire(config=config({
        "$default": {"integration": {
            "type": "MOCK",
            "requestTemplates": {"application/json":
                                 '{"statusCode": $input.json(\'$.status\')}'},
            "responses": {"/2\\d\\d/": text("two"), "/404/": text("four"),
                          "$default": text("else")}},
            "routeResponse": True},
        "one": {"integration": {"type": "MOCK"}},
        "end": mock("end")}))
    with connect(g) as client:
        for status, expected in [(200, "two"), (299, "two"), (404, "four"),
                                 (500, "else")]:
            client.send({"status": status})
            assert client.text() == expected
        for status in (99, 600, "x", None):
            client.send({"status": status})
            assert FAILED.fullmatch(client.text()), status
        client.send({"action": "one"})
        client.send({"action": "end"})
        assert client.text() == "end"


def test_a_mock_decides_a_handshake(gatewire):
    g = gatewire(config=config({"$connect": {"integration": {
        "type": "MOCK", "requestTemplates": {
            "$default": '{"statusCode":$stageVariables.status}'},
        "responses": {"$default": {"responseTemplates": {
            "$default": '{"message":"who?"}'}}}}}},
        stages={"open": {"stageVariables": {"status": "200"}},
                "shut": {"stageVariables": {"status": "401"}}}))
    with connect(g, "/open"):
        pass
    reply = handshake(g, "/shut")
    assert reply.status == 401 and reply.json() == {"message": "who?"}
    until(lambda: g.metric("connections_open") == 0)
