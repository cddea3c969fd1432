"""HTTP/1.1 as it is on the wire: every row of tests/support/http_cases.def
against a live server, then connections, bodies, deadlines and bounds."""

import ast
import pathlib
import re
import socket
import time

import pytest

from conftest import PATIENCE, Gatewire, until
from bare import Http, WebSocket, dial

CASES = pathlib.Path(__file__).parents[1] / "support" / "http_cases.def"
LITERAL = r'"(?:[^"\\]|\\.)*"'
MARK = b"GET /behind HTTP/1.1\r\nHost: a.example\r\n\r\n"
MB = 1024 * 1024


def literal(text):
    """C's string literals, put together, as bytes. The escapes used are
    Python's too (the head of the file says so)."""
    return b"".join(ast.literal_eval("b" + piece)
                    for piece in re.findall(LITERAL, text))


def all_cases():
    source = re.sub(r"/\*.*?\*/", "", CASES.read_text(), flags=re.S)
    rows = re.findall(
        rf"GW_HTTP_CASE\(\s*({LITERAL}),((?:\s*{LITERAL})+),\s*(\d+)\)", source)
    assert len(rows) == source.count("GW_HTTP_CASE") >= 219
    return [(literal(name).decode(), literal(data), int(status))
            for name, data, status in rows]


ALL = all_cases()
ACCEPTED = [c for c in ALL if c[2] == 0]
REFUSED = [c for c in ALL if c[2]]


def named(cases):
    return {"argvalues": cases, "ids": [c[0] for c in cases]}


@pytest.fixture(scope="module")
def server():
    g = Gatewire(["dev"])
    yield g
    assert g.stop() == 0, g.output


def send_all(client, data, step=None):
    """The server may refuse and go before it has seen all of it."""
    try:
        client.send(data, step)
    except (BrokenPipeError, ConnectionResetError):
        pass


@pytest.mark.parametrize("how", ["whole", "by bytes"])
@pytest.mark.parametrize("case", **named(REFUSED))
def test_a_bad_head_is_refused_and_nothing_behind_it_is_read(server, case, how):
    _, data, status = case
    with Http(server) as client:
        if how == "whole":
            send_all(client, data + MARK)
        else:
            send_all(client, data, 1)
        # "GET /\r\n" is refused by what its next line is not.
        answer = client.answer()
        assert answer.status == status, answer
        assert answer.headers["connection"] == "close"
        assert client.rest() == b"", "something behind it was answered"


@pytest.mark.parametrize("how", ["whole", "by bytes"])
@pytest.mark.parametrize("case", **named(ACCEPTED))
def test_a_good_head_is_answered_by_the_gateway(server, case, how):
    """Whatever stands behind it is the next request."""
    _, data, _ = case
    method = data.lstrip().split(b" ")[0].decode("latin-1")
    with Http(server) as client:
        client.send(data, 1 if how == "by bytes" else None)
        answer = client.answer(method)
        # An SDK's errors name their type; a refused head's does not.
        assert "x-amzn-requestid" in answer.headers, answer
        assert answer.status in (403, 405, 426), answer
        if "close" in answer.headers.get("connection", ""):
            assert client.rest() == b""
        else:
            client.send(MARK)
            assert client.answer().status == 403


# --- many requests on one connection ------------------------------------------

def test_a_connection_is_kept_for_more_requests(server):
    with Http(server) as client:
        for i in range(50):
            answer = client.ask("GET", f"/nowhere{i}")
            assert answer.status == 403
            assert "close" not in answer.headers.get("connection", "")


def test_requests_in_one_packet_are_answered_in_order(server):
    """Answers that come at once (403) and answers that come later (pushes to
    what may be another worker's connection) do not overtake each other."""
    with WebSocket(server) as ws, Http(server) as client:
        packet, expected = b"", []
        for i in range(60):
            if i % 3 == 0:
                packet += client.head("GET", "/nowhere")
                expected.append(403)
            elif i % 3 == 1:
                body = b"%d" % i
                packet += client.head(
                    "POST", f"/dev/@connections/{ws.id}",
                    [("Content-Length", len(body))]) + body
                expected.append(200)
            else:
                packet += client.head("GET", f"/dev/@connections/{ws.id}")
                expected.append(200)
        client.send(packet)
        answers = [client.answer() for _ in expected]
        assert [a.status for a in answers] == expected
        for i, answer in enumerate(answers):
            assert (b"connectedAt" in answer.body) == (i % 3 == 2)
        assert [ws.receive() for _ in range(20)] == \
            [str(i) for i in range(1, 60, 3)]


def test_more_is_sent_ahead_than_is_kept_ahead(gatewire):
    """Requests that wait for the one before them are not read without end:
    the socket fills, and all are answered in the end."""
    server = gatewire(["--workers", "2"])
    with WebSocket(server) as ws, Http(server) as client:
        body = b"x" * 4000
        one = client.head("POST", f"/dev/@connections/{ws.id}",
                          [("Content-Length", len(body))]) + body
        many = 400
        client.socket.setblocking(False)
        todo, got = one * many, 0
        while todo or got < many:
            try:
                todo = todo[client.socket.send(todo):] if todo else todo
            except BlockingIOError:
                pass
            if todo:
                continue
            client.socket.settimeout(PATIENCE)
            assert client.answer().status == 200
            got += 1
        for _ in range(many):
            assert ws.receive() == body.decode()


def test_a_request_in_two_packets_after_another(server):
    """The first request leaves half of the second behind."""
    with Http(server) as client:
        one = client.head("GET", "/nowhere")
        for cut in range(1, len(one)):
            client.send(one + one[:cut])
            assert client.answer().status == 403
            client.send(one[cut:])
            assert client.answer().status == 403


@pytest.mark.parametrize("fields, kept", [
    ([], False),
    ([("Connection", "keep-alive")], True),
    ([("Connection", "close")], False),
])
def test_http_1_0(server, fields, kept):
    with Http(server) as client:
        client.send(client.head("GET", "/nowhere", fields, "HTTP/1.0"))
        answer = client.answer()
        assert answer.status == 403
        assert answer.headers["connection"] == (
            "keep-alive" if kept else "close")
        if kept:
            assert client.ask("GET", "/nowhere").status == 403
        else:
            assert client.rest() == b""


def test_close_is_honoured_and_ends_a_pipeline(server):
    with Http(server) as client:
        client.send(client.head("GET", "/nowhere") +
                    client.head("GET", "/nowhere", [("Connection", "close")]) +
                    client.head("GET", "/behind"))
        assert "connection" not in client.answer().headers
        assert client.answer().headers["connection"] == "close"
        assert client.rest() == b""


def test_head_is_answered_without_a_body(server):
    with WebSocket(server) as ws, Http(server) as client:
        get = client.ask("GET", "/nowhere")
        head = client.ask("HEAD", "/nowhere")
        assert head.status == get.status == 403
        assert head.headers["content-length"] == \
            get.headers["content-length"] != "0"
        assert client.ask("HEAD", f"/dev/@connections/{ws.id}").status == 403
        assert client.ask("HEAD", "/dev").status in (405, 426)
        assert client.ask("GET", "/nowhere").body == get.body


def test_a_client_that_is_done_sending_still_gets_its_answer(server):
    with Http(server) as client:
        client.send(client.head("GET", "/nowhere"))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer().status == 403
        assert client.rest() == b""


# --- bodies ------------------------------------------------------------------

def chunked(pieces, trailers=b""):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + \
        b"0\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize("step", [None, 1, 7], ids=["whole", "1", "7"])
@pytest.mark.parametrize("body, message", [
    (chunked([b"hello"]), "hello"),
    (chunked([b"h", b"e", b"llo", b" there"]), "hello there"),
    (chunked([]), ""),
    (chunked([b"x" * 70000, b"y" * 3]), "x" * 70000 + "yyy"),
    (b"5;name=value\r\nhello\r\n0\r\n\r\n", "hello"),
    (b"000005\r\nhello\r\n000\r\n\r\n", "hello"),
    (chunked([b"hello"], b"X-Trailer: dropped\r\n"), "hello"),
], ids=["one", "four", "none", "large", "extension", "zeros", "trailer"])
def test_chunks_are_one_message(server, body, message, step):
    if step == 1 and len(body) > 1000:
        step = 1447
    with WebSocket(server) as ws, Http(server) as client:
        client.send(client.head("POST", f"/dev/@connections/{ws.id}",
                                [("Transfer-Encoding", "chunked")]))
        client.send(body, step)
        assert client.answer().status == 200
        assert ws.receive() == message
        # Nothing of it is left over to be a request.
        assert client.ask("GET", "/nowhere").status == 403


@pytest.mark.parametrize("body", [
    b"5 \r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n",
    b"5\r\nhelloX\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n",
    b"\r\nhello\r\n0\r\n\r\n", b"g\r\n", b"5\r\nhello\r\n0\r\nBad Trailer\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n",
], ids=repr)
def test_bad_chunks_are_refused_and_end_the_connection(server, body):
    with WebSocket(server) as ws, Http(server) as client:
        client.send(client.head("POST", f"/dev/@connections/{ws.id}",
                                [("Transfer-Encoding", "chunked")]))
        send_all(client, body + MARK)
        assert client.answer().status in (400, 413)
        assert client.rest() == b""
        assert ws.call("nothing came") == "nothing came"


def test_continue_is_said_when_it_is_waited_for(server):
    with WebSocket(server) as ws, Http(server) as client:
        target = f"/dev/@connections/{ws.id}"
        for fields, body in [
                ([("Content-Length", 5)], b"hello"),
                ([("Transfer-Encoding", "chunked")], chunked([b"hello"]))]:
            client.send(client.head(
                "POST", target, fields + [("Expect", "100-continue")]))
            assert client._head()[0] == 100
            client.send(body)
            answer = client.answer()
            assert (answer.status, answer.interim) == (200, [])
            assert ws.receive() == "hello"


def test_continue_need_not_be_said_when_the_body_is_there(server):
    with WebSocket(server) as ws, Http(server) as client:
        answer = client.ask("POST", f"/dev/@connections/{ws.id}", b"hello",
                            [("Expect", "100-continue")])
        assert answer.status == 200
        assert set(answer.interim) <= {100}
        assert ws.receive() == "hello"


def test_continue_is_not_said_to_what_is_refused(server):
    with Http(server) as client:
        client.send(client.head("POST", "/dev/@connections/x", [
            ("Expect", "100-continue"), ("Content-Length", 10 * MB + 1)]))
        answer = client.answer()
        assert (answer.status, answer.interim) == (413, [])
        assert client.rest() == b""


@pytest.fixture(scope="module")
def small():
    """A server with bounds small enough to be reached in a test."""
    g = Gatewire(["dev", "--set", "limits.maxBodyBytes=1000000",
                  "--set", "limits.headTimeout=300ms",
                  "--set", "limits.bodyTimeout=300ms",
                  "--set", "limits.keepAliveTimeout=600ms"])
    yield g
    assert g.stop() == 0, g.output


def test_a_body_too_large_is_refused_by_its_length(small):
    with Http(small) as client:
        client.send(client.head("POST", "/dev", [("Content-Length", 1000001)]))
        assert client.answer().status == 413
        assert client.rest() == b""


def test_a_body_too_large_is_refused_while_it_comes_in_chunks(small):
    with Http(small) as client:
        client.send(client.head("POST", "/dev",
                                [("Transfer-Encoding", "chunked")]))
        piece = b"fa00\r\n" + b"x" * 64000 + b"\r\n"
        for _ in range(17):  # one more than fits; the end never comes
            send_all(client, piece)
        assert client.answer().status == 413
        assert client.rest() == b""


def test_a_body_of_exactly_the_limit_is_read(small):
    with Http(small) as client:
        answer = client.ask("POST", "/dev", b"x" * 1000000)
        assert answer.status in (405, 426)
        client.send(client.head("POST", "/dev",
                                [("Transfer-Encoding", "chunked")]))
        client.send(chunked([b"x" * 500000] * 2))
        assert client.answer().status in (405, 426)


# --- deadlines ---------------------------------------------------------------

def trickle(client, data, every):
    """Sends byte after byte until an answer (or the end) comes; the answer's
    time, counted from the first byte."""
    began = time.monotonic()
    client.socket.settimeout(every)
    for i in range(len(data)):
        send_all(client, data[i:i + 1])
        try:
            client.socket.recv(1, socket.MSG_PEEK)
            break
        except TimeoutError:
            pass
    client.socket.settimeout(PATIENCE)
    client.socket.recv(1, socket.MSG_PEEK)
    return time.monotonic() - began


def test_a_slow_head_is_given_up_however_it_trickles(small):
    before = small.metric("timeouts_head")
    with Http(small) as client:
        took = trickle(client, b"GET /dev HTTP/1.1\r\nX: " + b"y" * 5000, 0.02)
        assert client.answer().status == 408
        assert 0.2 < took < 2, took
        assert client.rest() == b""
    assert small.metric("timeouts_head") > before


def test_a_slow_head_is_counted_from_its_first_byte(small):
    """The next request has the keep-alive time to begin, and once begun the
    head's time to be complete."""
    with Http(small) as client:
        assert client.ask("GET", "/nowhere").status == 403
        # Longer than headTimeout, shorter than keepAliveTimeout: it may.
        client.socket.settimeout(0.4)
        with pytest.raises(TimeoutError):
            client.socket.recv(1, socket.MSG_PEEK)
        client.socket.settimeout(PATIENCE)
    with Http(small) as client:
        assert client.ask("GET", "/nowhere").status == 403
        took = trickle(client, b"GET /dev HTTP/1.1\r\nX: " + b"y" * 5000, 0.02)
        assert client.answer().status == 408
        assert 0.2 < took < 0.58, "the keep-alive time was waited for"
        assert client.rest() == b""


def test_a_slow_body_is_given_up(small):
    with Http(small) as client:
        client.send(client.head("POST", "/dev", [("Content-Length", 5000)]))
        took = trickle(client, b"y" * 5000, 0.02)
        assert client.answer().status == 408
        assert 0.2 < took < 2, took
        assert client.rest() == b""


def test_a_connection_that_says_nothing_is_closed(small):
    with Http(small) as client:
        assert client.rest() == b""


def test_an_idle_connection_is_closed_after_the_keep_alive_time(small):
    with Http(small) as client:
        assert client.ask("GET", "/nowhere").status == 403
        began = time.monotonic()
        assert client.rest() == b""
        assert 0.5 < time.monotonic() - began < 3


def test_a_connection_in_use_outlives_the_keep_alive_time(small):
    with Http(small) as client:
        end = time.monotonic() + 0.9
        while time.monotonic() < end:
            assert client.ask("GET", "/nowhere").status == 403


# --- bounds ------------------------------------------------------------------

@pytest.mark.parametrize("size, status", [(4096, 403), (4097, 414)])
@pytest.mark.parametrize("step", [None, 1], ids=["whole", "by bytes"])
def test_the_longest_target(server, size, status, step):
    with Http(server) as client:
        send_all(client, client.head("GET", "/" + "x" * (size - 1)), step)
        assert client.answer().status == status


def padded(client, size):
    """A head whose field lines, with their ends, have that many bytes."""
    lines = [f"Host: {client.host}\r\n"]
    left = size - len(lines[0])
    while left:
        n = min(left, 2000)
        if 0 < left - n < 10:
            n -= 10
        lines.append("X: " + "y" * (n - 5) + "\r\n")
        left -= n
    head = "GET /nowhere HTTP/1.1\r\n" + "".join(lines) + "\r\n"
    return head.encode()


@pytest.mark.parametrize("size, status", [(10240, 403), (10241, 431)])
@pytest.mark.parametrize("step", [None, 1], ids=["whole", "by bytes"])
def test_the_longest_headers(server, size, status, step):
    with Http(server) as client:
        send_all(client, padded(client, size), step)
        assert client.answer().status == status


def test_a_head_without_end_is_refused_not_kept(server):
    with Http(server) as client:
        send_all(client, b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * MB)
        assert client.answer().status == 431
        assert client.rest() == b""
    with Http(server) as client:
        send_all(client, b"GET /" + b"y" * MB)
        assert client.answer().status == 414
        assert client.rest() == b""


# --- never HTTP/2 ------------------------------------------------------------

def test_http_2_with_prior_knowledge_is_refused(server):
    with Http(server) as client:
        # The preface and a SETTINGS frame: RFC 9113, 3.4.
        send_all(client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
                 bytes.fromhex("000000040000000000"))
        assert client.answer().status == 505
        assert client.rest() == b""


def test_an_upgrade_to_http_2_is_not_taken(server):
    with Http(server) as client:
        answer = client.ask("GET", "/dev", fields=[
            ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA")])
        assert answer.status in (400, 426)
        assert answer.headers.get("upgrade") in (None, "websocket")
        assert client.ask("GET", "/nowhere").status == 403


# --- clients that leave ------------------------------------------------------

def test_clients_that_leave_at_any_point_leave_nothing_behind(gatewire):
    server = gatewire(["dev"])
    with WebSocket(server) as ws:
        whole = (f"POST /dev/@connections/{ws.id} HTTP/1.1\r\nHost: a\r\n"
                 "Content-Length: 5\r\n\r\nhello").encode()
        for cut in range(len(whole)):
            s = dial(server)
            s.sendall(whole[:cut])
            if cut % 2:  # a reset, not a goodbye
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\1\0\0\0\0\0\0\0")
            s.close()
        assert ws.call("alive") == "alive"
        until(lambda: server.metric("sockets_open") <= 2,
              what="the end of all sockets but the WebSocket and /metrics")
