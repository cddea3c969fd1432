"""Which route, and what its caller hears: websocket-api.md 2, 3.7, 13."""

import json
import threading

import pytest

from conftest import free_port
from wire import (CONT, PONG, TEXT, config, connect, error_frame,
                  frame, http, mock, two_way)


def named(*keys):
    """Routes that answer with their own key."""
    return {k: mock("$context.routeKey") for k in keys}


@pytest.fixture
def routed(gatewire):
    return gatewire(config=config(named(
        "$default", "join", "join-", "chat/join", "1", "1.5", "true", "null",
        "[a, b]", "Ünïcode", "a b", "[]", "{}", "-0")))


SELECTED = [
    # message, route
    ('{"action":"join"}', "join"),
    (' \n{ "x": 1, "action" :"join" } ', "join"),
    ('{"action":"\\u006aoin"}', "join"),
    ('{"action":"JOIN"}', "$default"),
    ('{"action":"join "}', "$default"),
    ('{"action":"join-"}', "join-"),
    ('{"action":"chat/join"}', "chat/join"),
    ('{"action":"Ünïcode"}', "Ünïcode"),
    ('{"action":"a b"}', "a b"),
    ('{"action":1}', "1"),
    ('{"action":1.5}', "1.5"),
    ('{"action":true}', "true"),
    ('{"action":false}', "$default"),
    ('{"action":null}', "$default"),
    ('{"action":"null"}', "null"),
    ('{"action":["a","b"]}', "[a, b]"),
    ('{"action":""}', "$default"),
    ('{"action":{"a":1}}', "$default"),
    ('{"other":"join"}', "$default"),
    ('{}', "$default"),
    ('', "$default"),
    ('join', "$default"),
    ('"join"', "$default"),
    ('5', "$default"),
    ('null', "$default"),
    ('["join"]', "$default"),
    ('[{"action":"join"}]', "$default"),
    ('{"action":"join"', "$default"),
    ('{"action":"join"}x', "$default"),
    ("{'action':'join'}", "$default"),
    ('{"action":"join",}', "$default"),
    ('{"a":{"action":"join"}}', "$default"),
    # what is reserved cannot be reached by asking for it
    ('{"action":"$connect"}', "$default"),
    ('{"action":"$disconnect"}', "$default"),
    ('{"action":"$default"}', "$default"),
    ('[' * 5000, "$default"),
]


def test_selection(routed):
    with connect(routed) as client:
        for message, route in SELECTED:
            client.send(message)
            assert client.text() == route, message[:60]


EXPRESSIONS = [
    # websocket-api.md 2.1, its worked table
    ("$request.body.action", "join"),
    ("${request.body.action}", "join"),
    ("${request.body.service}/${request.body.action}", "chat/join"),
    ("${request.body.action}-${request.body.invalidPath}", "join-"),
    ("$request.body.data.room", "room1234"),
    ("$request.body.list[1]", "second"),
    ("$request.body.data['room']", "room1234"),
    ("action", "action"),
    ("\\$default", "$default"),
]


def test_expressions(gatewire):
    keys = sorted({key for _, key in EXPRESSIONS} - {"$default"})
    apis = {f"api{n}": {"protocolType": "WEBSOCKET",
                        "routeSelectionExpression": expression,
                        "routes": named("$default", *keys),
                        "stages": {"dev": {}}}
            for n, (expression, _) in enumerate(EXPRESSIONS)}
    g = gatewire(config=json.dumps({"apis": apis}))
    for n, (expression, key) in enumerate(EXPRESSIONS):
        with connect(g, f"/api{n}/dev") as client:
            client.send({"service": "chat", "action": "join",
                         "data": {"room": "room1234"},
                         "list": ["first", "second"]})
            assert client.text() == key, expression


def test_without_a_default_the_rest_is_forbidden(gatewire):
    g = gatewire(config=config(named("join")))
    with connect(g) as client:
        seen = set()
        for message in ('{"action":"leave"}', "x", "", '{"action":"$connect"}',
                        '{"action":"$disconnect"}', '{"action":"$default"}'):
            client.send(message)
            match = error_frame("Forbidden").fullmatch(client.text())
            assert match, message
            seen.add(match.groups())
        assert len({connection for connection, _ in seen}) == 1
        assert len({request for _, request in seen}) == 6
        client.send({"action": "join"})
        assert client.text() == "join"


def test_the_backend_gets_the_exact_text(gatewire, backend):
    g = gatewire(config=config({"$default": backend.url + "/m"}))
    messages = ['{ "a" : 1.0,\t"ü":"\\u00fc" }', "plain", "", "nul \0 byte",
                "é" * 1000]
    with connect(g) as client:
        for n, message in enumerate(messages):
            client.send(message)
            asked = backend.wait_for("/m", n + 1)[n]
            assert asked.body.decode() == message
            assert asked.headers["content-type"] == "application/json"
            assert asked.headers["x-gatewire-event-type"] == "MESSAGE"
            assert asked.headers["x-gatewire-route-key"] == "$default"
            assert "sec-websocket-key" not in asked.headers
            assert "x-gatewire-is-base64-encoded" not in asked.headers
        assert client.alive(), "one-way: nothing comes back"


def test_fragments_are_one_message(gatewire, backend):
    g = gatewire(config=config({"$default": backend.url + "/m"}))
    with connect(g) as client:
        client.write(frame(TEXT, "a", final=False) + frame(9, "ping")
                     + frame(CONT, "", final=False) + frame(CONT, "b"))
        assert client.frame() == (0x80 | PONG, b"ping")
        asked, = backend.wait_for("/m")
        assert asked.body == b"ab"


REPLIES = [
    # the backend's status and body, the frame of a two-way route
    (200, b"hello", "hello"),
    (200, b"", ""),
    (200, b'{"a":1}', '{"a":1}'),
    (204, b"", ""),
    (302, b"elsewhere", "elsewhere"),
    (404, b"not here", "not here"),
    (500, b"broken", "broken"),
    (599, "ü".encode(), "ü"),
]


def test_two_way_and_one_way(gatewire, backend):
    g = gatewire(config=config({
        "two": two_way(backend.url + "/two"), "one": backend.url + "/one",
        "end": mock("end")}))
    with connect(g) as client:
        for status, body, expected in REPLIES:
            backend.answers["/two"] = backend.answers["/one"] = (
                status, {}, body)
            client.send({"action": "two"})
            assert client.text() == expected, status
            before = len(backend.requests)
            client.send({"action": "one"})
            backend.wait_for("/one", len(
                [r for r in backend.requests if r.path == "/one"]) or 1)
            assert len(backend.requests) >= before
        client.send({"action": "end"})
        assert client.text() == "end", "one-way routes said nothing"


def test_a_failure_is_told_on_one_way_routes_too(gatewire, backend):
    release = threading.Event()
    backend.answers["/slow"] = lambda r: release.wait(20) and (200, {}, b"")
    backend.answers["/binary"] = (200, {}, b"\xff\xfe")
    dead = f"http://127.0.0.1:{free_port()}/"
    slow = http(backend.url + "/slow", "HTTP_PROXY", timeoutInMillis=150)
    g = gatewire(config=config({
        "$connect": backend.url + "/connect",
        "dead": dead, "dead2": two_way(dead),
        "slow": {**slow, "routeResponse": False}, "slow2": slow,
        "binary2": two_way(backend.url + "/binary"), "end": mock("end")}))
    with connect(g) as client:
        asked, = backend.wait_for("/connect")
        connection = asked.headers["x-gatewire-connection-id"]
        for action, message in [
                ("dead", "Internal server error"),
                ("dead2", "Internal server error"),
                ("slow", "Endpoint request timed out"),
                ("slow2", "Endpoint request timed out"),
                ("binary2", "Internal server error")]:
            client.send({"action": action})
            text = client.text()
            assert error_frame(message, connection).fullmatch(text), action
        client.send({"action": "end"})
        assert client.text() == "end"
    release.set()
