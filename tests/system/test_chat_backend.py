"""The chat example's backend, seen from the gateway's side: its routes are
posted to as gatewire posts, and a small server stands in for @connections."""

import http.client
import http.server
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import threading
import urllib.parse

import pytest

CHAT = pathlib.Path(__file__).resolve().parents[2] / "clients/examples/chat"


class Gateway(http.server.ThreadingHTTPServer):
    """Keeps what is pushed: `pushed[id]` is a queue of events."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Push)
        self.pushed = {}
        self.gone = set()
        self.stuck = {}
        self.agents = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def next(self, connection):
        return self.pushed[connection].get(timeout=10)


class Push(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = urllib.parse.unquote(self.path)
        assert path.startswith("/dev/@connections/")
        connection = path.rsplit("/", 1)[1]
        self.server.agents.add(self.headers["User-Agent"].split("/")[0])
        if connection in self.server.stuck:
            self.server.stuck[connection].wait(20)
        if connection in self.server.gone:
            self.send_response(410)
            self.send_header("x-amzn-ErrorType", "GoneException")
        else:
            self.send_response(200)
            self.server.pushed[connection].put(json.loads(body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Backend:
    def __init__(self, gateway, port):
        self.gateway, self.port = gateway, port

    def post(self, route, connection="A=", headers=None, **message):
        body = message.pop("body", None) or json.dumps(message)
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request("POST", f"/{route}", body, headers={
                "X-Gatewire-Connection-Id": connection,
                "X-Gatewire-Endpoint":
                    f"http://127.0.0.1:{self.gateway.server_port}/dev",
                **(headers or {})})
            answer = c.getresponse()
            return answer.status, json.load(answer)
        finally:
            c.close()

    def join(self, connection, name, room="lobby", **more):
        self.gateway.pushed[connection] = queue.Queue()
        status, answer = self.post("join", connection, name=name, room=room,
                                   **more)
        assert status == 200, answer
        return answer


@pytest.fixture
def backend():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    gateway = Gateway()
    process = subprocess.Popen(
        ["node", CHAT / "server.mjs"], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PORT": str(port),
             "ALLOWED_ORIGINS": "https://chat.example"})
    try:
        assert "chat backend on" in process.stdout.readline()
        yield Backend(gateway, port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.stdout.close()
        gateway.shutdown()
        gateway.server_close()


GOOD = {"name": "Ada", "room": "lobby"}

REFUSED = [
    # route, message, status, code
    ("join", {}, 400, "bad-name"),
    ("join", {**GOOD, "name": "  "}, 400, "bad-name"),
    ("join", {**GOOD, "name": "x" * 25}, 400, "bad-name"),
    ("join", {**GOOD, "name": ["Ada"]}, 400, "bad-name"),
    ("join", {**GOOD, "name": "A\u202eda"}, 400, "bad-name"),
    ("join", {**GOOD, "name": "A\nda"}, 400, "bad-name"),
    ("join", {**GOOD, "room": None}, 400, "bad-room"),
    ("join", {**GOOD, "session": "x" * 65}, 400, "bad-session"),
    ("join", {"body": "no JSON"}, 400, "bad-name"),
    ("join", {"body": "[1]"}, 400, "bad-name"),
    ("join", {"body": "null"}, 400, "bad-name"),
    ("message", {"text": "hello"}, 409, "not-joined"),
    ("leave", {}, 409, "not-joined"),
    ("message", {"body": "x" * 20000}, 413, "too-big"),
    ("default", {"body": "hello?"}, 400, "unknown-action"),
    ("nothing", {}, 404, "no-such-route"),
    ("constructor", {}, 404, "no-such-route"),
    ("", {}, 404, "no-such-route"),
    ("/", {}, 404, "no-such-route"),
    ("join", {**GOOD, "headers": {"X-Gatewire-Endpoint": ""}},
     400, "no-gateway"),
    ("connect", {"headers": {"Origin": "https://evil.example"}},
     403, "bad-origin"),
]


def test_bad_input_is_refused_by_name(backend):
    for route, message, status, code in REFUSED:
        got, answer = backend.post(route, **message)
        assert (got, answer.get("code")) == (status, code), (route, message)
        assert answer["type"] == "error" and answer["message"]


def test_a_message_reaches_the_others_in_order(backend):
    backend.join("A=", "Ada")
    joined = backend.join("B=", "Bo")
    assert [m["name"] for m in joined["members"]] == ["Ada", "Bo"]
    assert backend.gateway.next("A=")["type"] == "arrived"
    for i in range(20):
        assert backend.post("message", "B=", text=f"m{i}")[0] == 200
    assert [backend.gateway.next("A=")["text"] for _ in range(20)] == \
        [f"m{i}" for i in range(20)]
    assert backend.gateway.pushed["B="].empty()
    assert backend.gateway.agents == {"aws-sdk-js"}


def test_a_message_sent_twice_is_said_once(backend):
    backend.join("A=", "Ada")
    backend.join("B=", "Bo")
    backend.gateway.next("A=")
    first = backend.post("message", "B=", text="hello", ref="r1")
    assert backend.post("message", "B=", text="hello", ref="r1") == first
    backend.post("message", "B=", text="bye", ref="r2")
    assert [backend.gateway.next("A=")["text"] for _ in range(2)] == \
        ["hello", "bye"]


def test_history_is_kept_and_bounded(backend):
    backend.join("A=", "Ada")
    for i in range(60):
        backend.post("message", text=f"m{i}")
    history = backend.join("B=", "Bo")["history"]
    assert [m["text"] for m in history] == [f"m{i}" for i in range(10, 60)]


def test_who_is_gone_leaves_the_room(backend):
    backend.join("A=", "Ada")
    backend.join("B=", "Bo")
    backend.gateway.next("A=")
    backend.gateway.gone.add("B=")
    backend.post("message", "A=", text="anybody?")
    departed = backend.gateway.next("A=")
    assert (departed["type"], departed["member"]["name"]) == ("departed", "Bo")
    assert backend.post("rooms")[1]["rooms"] == [
        {"name": "lobby", "members": 1}]


def test_who_is_stuck_delays_nobody(backend):
    backend.join("A=", "Ada")
    backend.join("B=", "Bo")
    backend.join("C=", "Cy")
    release = backend.gateway.stuck["B="] = threading.Event()
    try:
        for i in range(5):
            backend.post("message", "A=", text=f"m{i}")
        assert [backend.gateway.next("C=")["text"] for _ in range(5)] == \
            [f"m{i}" for i in range(5)]
    finally:
        release.set()


def test_who_comes_back_gets_the_same_seat(backend):
    backend.join("A=", "Ada")
    you = backend.join("B=", "Bo", session="secret")["you"]
    assert backend.gateway.next("A=")["type"] == "arrived"
    again = backend.join("B2=", "Bo", session="secret")
    assert again["you"] == you and len(again["members"]) == 2
    assert backend.gateway.next("B=")["type"] == "replaced"
    backend.post("disconnect", "B=")  # the old one: means nothing now
    assert len(backend.join("A=", "Ada")["members"]) == 2


def test_changing_rooms_and_leaving_are_told(backend):
    backend.join("A=", "Ada")
    backend.join("B=", "Bo")
    backend.post("join", "B=", name="Bo", room="Garden")
    assert backend.post("rooms")[1]["rooms"] == [
        {"name": "lobby", "members": 1}, {"name": "garden", "members": 1}]
    backend.post("join", "B=", name="Bo", room="lobby")
    backend.post("disconnect", "B=")
    assert [backend.gateway.next("A=")["type"] for _ in range(4)] == \
        ["arrived", "departed", "arrived", "departed"]
    assert backend.post("leave", "A=") == (200, {"type": "left"})


def test_an_allowed_origin_may_connect(backend):
    status, _ = backend.post("connect",
                             headers={"Origin": "https://chat.example"})
    assert status == 200
