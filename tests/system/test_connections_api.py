"""@connections as websocket-api.md section 6 has it: what each call answers,
byte for byte where clients look, and that it is the same from any worker."""

import datetime
import json
import re
import time

import pytest

from conftest import Gatewire, until
from bare import Closed, Http, WebSocket, config, quoted

KB = 1024
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Well formed, but sealed by nobody here (websocket-api.md 3.1).
FOREIGN = "L0SM9cOFvHcCIhw="


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    g = Gatewire(["serve"], config(chat="dev", binarychat="prod"),
                 tmp_path_factory.mktemp("api"))
    yield g
    assert g.stop() == 0, g.output


@pytest.fixture
def ws(server):
    with WebSocket(server, "/chat/dev") as ws:
        yield ws


@pytest.fixture
def http(server):
    with Http(server) as http:
        yield http


BASE = "/chat/dev/@connections/"


def refused(answer, status, kind):
    assert answer.status == status, answer
    assert answer.type == kind, answer
    assert re.fullmatch(UUID, answer.headers["x-amzn-requestid"])
    assert answer.headers["x-amz-apigw-id"]
    return True


# --- what each call answers ---------------------------------------------------

def test_post_is_200_and_empty(http, ws):
    answer = http.ask("POST", BASE + ws.id, b"hello")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == "0"
    assert answer.type is None
    assert re.fullmatch(UUID, answer.headers["x-amzn-requestid"])
    assert answer.headers["x-amz-apigw-id"]
    assert ws.receive() == "hello"


def test_get_describes_the_connection(server, http):
    began = datetime.datetime.now(datetime.timezone.utc)
    with WebSocket(server, "/chat/dev", {"User-Agent": 'a "quoted" one'}) as ws:
        answer = http.ask("GET", BASE + ws.id)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    found = json.loads(answer.body)
    assert set(found) == {"connectedAt", "identity", "lastActiveAt"}
    assert found["identity"] == {"sourceIp": "127.0.0.1",
                                 "userAgent": 'a "quoted" one'}
    for key in ("connectedAt", "lastActiveAt"):
        assert re.fullmatch(ISO, found[key])
        at = datetime.datetime.fromisoformat(found[key].replace("Z", "+00:00"))
        assert abs((at - began).total_seconds()) < 30
    assert found["lastActiveAt"] >= found["connectedAt"]


def test_the_user_agent_is_empty_when_there_is_none(http, ws):
    found = json.loads(http.ask("GET", BASE + ws.id).body)
    assert found["identity"]["userAgent"] == ""


def test_the_user_agent_may_be_long_and_strange(server, http):
    agent = "\\\t\"é" + "x" * 8000
    with WebSocket(server, "/chat/dev",
                   {"User-Agent": agent.encode().decode("latin-1")}) as ws:
        found = json.loads(http.ask("GET", BASE + ws.id).body)
        assert found["identity"]["userAgent"] == agent


def test_delete_is_204_and_closes_with_1000(http, ws):
    answer = http.ask("DELETE", BASE + ws.id)
    assert (answer.status, answer.body) == (204, b"")
    assert ws.closed() == 1000
    refused(http.ask("POST", BASE + ws.id, b"late"), 410, "GoneException")


@pytest.mark.parametrize("fields", [{}, {"Content-Length": "0"}])
def test_delete_with_a_length_and_without(http, ws, fields):
    target = BASE + ws.id
    http.send(http.head("DELETE", target, fields.items()))
    assert http.answer().status == 204
    assert ws.closed() == 1000


def test_what_is_posted_before_delete_comes_before_the_end(http, ws):
    ws.id
    for i in range(100):
        assert http.ask("POST", BASE + ws.id, b"%d" % i).status == 200
    assert http.ask("DELETE", BASE + ws.id).status == 204
    for i in range(100):
        assert ws.receive() == str(i)
    with pytest.raises(Closed) as end:
        ws.receive()
    assert end.value.code == 1000


def test_last_active_at_moves(http, ws):
    def active():
        return json.loads(http.ask("GET", BASE + ws.id).body)["lastActiveAt"]
    first = active()
    assert active() == first, "to look is not to be active"
    until(lambda: ws.call("again") and active() > first, what="a later time")
    second = active()
    until(lambda: http.ask("POST", BASE + ws.id, b"x").status == 200 and
          active() > second, what="a later time by a post")
    connected = json.loads(http.ask("GET", BASE + ws.id).body)["connectedAt"]
    assert connected <= first


# --- errors ------------------------------------------------------------------

@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_gone(server, http, method):
    with WebSocket(server, "/chat/dev") as ws:
        connection_id = ws.id
        ws.leave()
    body = b"x" if method == "POST" else None
    for who in (connection_id, quoted(connection_id)):
        answer = http.ask(method, BASE + who, body)
        refused(answer, 410, "GoneException")
        # SDKs fail to parse a body here.
        assert answer.body == b""
        assert answer.headers["content-length"] == "0"
        assert "content-type" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("connection_id", [
    "x", "L0SM9cOFvHcCIhw", FOREIGN + "=", "L0SM9cOFvHc!Ihw=", "%00", "%ff%fe",
    "a" * 3000, "..", "L0SM9cOFvHcCIhw%253D", "L0SM9cOFvHcCIhw%3", "%20"])
def test_an_id_that_cannot_be_one(http, connection_id, method):
    answer = http.ask(method, BASE + connection_id,
                      b"x" if method == "POST" else None)
    refused(answer, 400, "BadRequestException")
    assert answer.message.startswith("Invalid connectionId")


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_an_id_that_was_never_given(http, ws, method):
    """Ids are sealed: one that was made up is gone or malformed, and never
    anybody's."""
    for i in range(16):
        made_up = list(ws.id)
        made_up[i % 15] = "A" if made_up[i % 15] != "A" else "B"
        answer = http.ask(method, BASE + "".join(made_up),
                          b"x" if method == "POST" else None)
        assert (answer.status, answer.type) in [
            (410, "GoneException"), (400, "BadRequestException")]
    assert http.ask("GET", BASE + FOREIGN).status in (400, 410)
    assert ws.call("nothing came") == "nothing came"


@pytest.mark.parametrize("size, status", [
    (128 * KB, 200), (128 * KB + 1, 413), (1024 * KB, 413)])
def test_the_largest_message(http, ws, size, status):
    body = b"x" * size
    answer = http.ask("POST", BASE + ws.id, body)
    assert answer.status == status
    if status == 200:
        assert ws.receive() == body.decode()
    else:
        refused(answer, 413, "PayloadTooLargeException")
        assert answer.message
        assert ws.call("nothing came") == "nothing came"
    # The connection goes on: the body was read.
    assert http.ask("GET", BASE + ws.id).status == 200


@pytest.mark.parametrize("base", [
    "/chat/nostage/@connections/", "/noapi/dev/@connections/",
    "/dev/@connections/", "/@connections/", "//@connections/",
    "/chat/dev/connections/", "/chat/dev/x/@connections/",
    "/chat/dev/@connections/x/", "/CHAT/dev/@connections/"])
def test_a_wrong_stage_or_api(http, ws, base):
    answer = http.ask("POST", base + ws.id, b"x")
    refused(answer, 403, "ForbiddenException")
    assert answer.message == "Forbidden"
    assert ws.call("nothing came") == "nothing came"


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_connection_of_another_api_is_none_of_this_one(http, ws, method):
    """An id is good for the stage it was given by."""
    answer = http.ask(method, f"/binarychat/prod/@connections/{ws.id}",
                      b"x" if method == "POST" else None)
    refused(answer, 410, "GoneException")
    assert ws.call("nothing came") == "nothing came"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD", "BREW",
                                    "post"])
def test_methods_that_are_none(http, ws, method):
    answer = http.ask(method, BASE + ws.id)
    refused(answer, 403, "ForbiddenException")
    assert ws.call("still open") == "still open"


def test_without_an_id(http):
    for target in ("/chat/dev/@connections", "/chat/dev/@connections/"):
        refused(http.ask("POST", target, b"x"), 403, "ForbiddenException")


# --- how an id and a base are written ------------------------------------------

@pytest.mark.parametrize("word", ["@connections", "%40connections",
                                  "%40%63onnections"])
@pytest.mark.parametrize("write", [
    str, quoted, lambda i: "".join(f"%{ord(c):02x}" for c in i)],
    ids=["plain", "quoted", "all quoted"])
def test_encoded_or_not(http, ws, word, write):
    target = f"/chat/dev/{word}/{write(ws.id)}"
    assert http.ask("POST", target, b"hello").status == 200
    assert ws.receive() == "hello"
    assert http.ask("GET", target).status == 200
    assert http.ask("DELETE", target).status == 204
    assert ws.closed() == 1000


@pytest.mark.parametrize("host", [
    "chat.execute-api.us-east-1.amazonaws.com", "chat.execute-api.localhost",
    "chat.execute-api.eu-west-1.example.com:8443"])
def test_a_base_that_names_the_api_by_host(server, http, ws, host):
    http.host = host
    assert http.ask("POST", f"/dev/@connections/{quoted(ws.id)}",
                    b"hello").status == 200
    assert ws.receive() == "hello"
    refused(http.ask("POST", BASE + ws.id, b"x"), 403, "ForbiddenException")
    with WebSocket(server, "/dev", host=host) as other:
        assert http.ask("GET", f"/dev/@connections/{other.id}").status == 200


def test_a_host_of_an_api_that_is_none(http, ws):
    http.host = "nobody.execute-api.us-east-1.amazonaws.com"
    refused(http.ask("POST", f"/dev/@connections/{ws.id}", b"x"), 403,
            "ForbiddenException")


def test_with_one_api_the_stage_alone_is_a_base(dev):
    with WebSocket(dev, "/dev") as ws, Http(dev) as http:
        for base in ("/dev", "/demo/dev"):
            answer = http.ask("POST", f"{base}/@connections/{quoted(ws.id)}",
                              b"hello")
            assert answer.status == 200
            assert ws.receive() == "hello"


def test_a_query_changes_nothing(http, ws):
    assert http.ask("POST", BASE + ws.id + "?x=1&y", b"hello").status == 200
    assert ws.receive() == "hello"


# --- what is posted ----------------------------------------------------------

@pytest.mark.parametrize("body", [
    b"", b"\0", "grüße, 世界 \U0001f600".encode(), b'{"a":1}', b"x" * 65535,
    b"x" * 65536, b"x" * 125, b"x" * 126], ids=len)
def test_text_is_delivered_as_text(http, ws, body):
    assert http.ask("POST", BASE + ws.id, body).status == 200
    assert ws.receive() == body.decode()


@pytest.mark.parametrize("type", [
    "application/octet-stream", "application/x-www-form-urlencoded",
    "text/plain; charset=latin1", "multipart/form-data", ""])
def test_the_content_type_does_not_matter(http, ws, type):
    assert http.ask("POST", BASE + ws.id, b"a=1&b", {
        "Content-Type": type}).status == 200
    assert ws.receive() == "a=1&b"


@pytest.mark.parametrize("body", [
    b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"abc\xe2\x82",
    b"x" * 70000 + b"\x80"], ids=["ff", "overlong", "surrogate", "cut", "long"])
def test_bytes_that_are_no_text(server, http, ws, body):
    """An API that is not binary refuses them; a binary one sends a binary
    frame. Neither breaks the connection."""
    answer = http.ask("POST", BASE + ws.id, body)
    refused(answer, 400, "BadRequestException")
    assert ws.call("still open") == "still open"
    with WebSocket(server, "/binarychat/prod") as binary:
        answer = http.ask("POST", f"/binarychat/prod/@connections/{binary.id}",
                          body)
        assert answer.status == 200
        assert binary.receive() == body


def test_a_binary_api_still_gets_text_as_text(server, http):
    with WebSocket(server, "/binarychat/prod") as ws:
        http.ask("POST", f"/binarychat/prod/@connections/{ws.id}", b"text")
        assert ws.receive() == "text"


# --- time --------------------------------------------------------------------

def test_a_post_keeps_an_idle_connection_open(gatewire):
    server = gatewire(["dev", "--set", "limits.idleTimeout=400ms"])
    with WebSocket(server) as kept, WebSocket(server) as idle, \
            Http(server) as http:
        kept.id
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            assert http.ask("POST", f"/dev/@connections/{kept.id}",
                            b"x").status == 200
        assert idle.closed() == 1001
        assert http.ask("GET", f"/dev/@connections/{kept.id}").status == 200
        assert kept.closed() == 1001  # left alone, it goes too


def test_to_look_does_not_keep_it_open(gatewire):
    server = gatewire(["dev", "--set", "limits.idleTimeout=300ms"])
    with WebSocket(server) as ws, Http(server) as http:
        target = f"/dev/@connections/{ws.id}"
        until(lambda: http.ask("GET", target).status == 410,
              what="the end of a connection that is only looked at")
        assert ws.closed() == 1001


# --- across workers -------------------------------------------------------------

@pytest.fixture
def crowd(gatewire):
    """Four workers, and enough connections that each has some of them."""
    server = gatewire(["dev", "--workers", "4"])
    sockets = [WebSocket(server) for _ in range(48)]
    yield server, sockets
    for ws in sockets:
        ws.http.close()


def test_a_post_reaches_every_worker_s_connections(crowd):
    server, sockets = crowd
    with Http(server) as http:
        for round in range(3):
            for i, ws in enumerate(sockets):
                answer = http.ask("POST", f"/dev/@connections/{ws.id}",
                                  b"%d/%d" % (round, i))
                assert (answer.status, answer.body) == (200, b"")
        for i, ws in enumerate(sockets):
            assert [ws.receive() for _ in range(3)] == \
                [f"{round}/{i}" for round in range(3)]
    assert server.metric("bus_sent") > 0
    assert server.metric("bus_expired") == server.metric("bus_full") == 0
    assert server.metric("pushes") == 3 * len(sockets)


def test_get_and_delete_and_gone_across_workers(crowd):
    server, sockets = crowd
    with Http(server) as http:
        for ws in sockets:
            target = f"/dev/@connections/{quoted(ws.id)}"
            found = json.loads(http.ask("GET", target).body)
            assert found["identity"]["sourceIp"] == "127.0.0.1"
            assert http.ask("POST", target, b"\xff\xfe").status == 200
            assert ws.receive() == b"\xff\xfe"
            assert http.ask("DELETE", target).status == 204
            assert ws.closed() == 1000
            for method in ("POST", "GET", "DELETE"):
                answer = http.ask(method, target,
                                  b"x" if method == "POST" else None)
                assert refused(answer, 410, "GoneException")
                assert answer.body == b""
    assert server.metric("bus_sent") > 0
    assert server.metric("pushes_gone") == 3 * len(sockets)


def test_another_api_s_connections_across_workers(gatewire):
    server = gatewire(["serve", "--workers", "4"],
                      config=config(chat="dev", other="dev"))
    sockets = [WebSocket(server, "/chat/dev") for _ in range(16)]
    with Http(server) as http:
        for ws in sockets:
            answer = http.ask("DELETE", f"/other/dev/@connections/{ws.id}")
            assert refused(answer, 410, "GoneException")
            assert ws.call("still open") == "still open"
            ws.http.close()
    assert server.metric("bus_sent") > 0


def test_a_client_that_does_not_read_is_closed_at_once(gatewire):
    """From another worker too: there, nothing but the closing itself wakes
    the loop."""
    server = gatewire(["dev", "--workers", "4",
                       "--set", "limits.outQueueBytes=64KB"])
    sockets = [WebSocket(server) for _ in range(16)]
    ids = [ws.id for ws in sockets]
    with Http(server) as http:
        for who in ids:
            refused(http.ask("POST", f"/dev/@connections/{who}", b"x" * 66000),
                    429, "LimitExceededException")
        began = time.monotonic()
        for ws, who in zip(sockets, ids):
            assert ws.closed() in (1006, 1008)
            answer = http.ask("GET", f"/dev/@connections/{who}")
            refused(answer, 410, "GoneException")
        assert time.monotonic() - began < 5
    assert server.metric("slow_clients_closed") == 16


def test_large_posts_across_workers_in_one_packet(crowd):
    """Pipelined, so that answers of many workers queue for one client."""
    server, sockets = crowd
    with Http(server) as http:
        bodies = [bytes([97 + i % 26]) * (20 * KB) for i in range(len(sockets))]
        ids = [ws.id for ws in sockets]
        for who, body in zip(ids, bodies):
            http.send(http.head("POST", f"/dev/@connections/{who}",
                                [("Content-Length", len(body))]) + body)
        assert [http.answer().status for _ in ids] == [200] * len(ids)
        for ws, body in zip(sockets, bodies):
            assert ws.receive() == body.decode()


def test_a_caller_that_leaves_before_its_answer(crowd):
    server, sockets = crowd
    for ws in sockets:
        http = Http(server)
        http.send(http.head("POST", f"/dev/@connections/{ws.id}",
                            [("Content-Length", 2)]) + b"hi")
        http.close()
    for ws in sockets:
        assert ws.receive() == "hi"
