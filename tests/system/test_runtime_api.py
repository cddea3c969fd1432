"""The Lambda Runtime API of functions that runtimes attach to (websocket-api.md
11.2): every call by hand; runtimes that were not written for us; more pollers
and more events than there is room for."""

import base64
import contextlib
import json
import os
import re
import selectors
import signal
import time
import types

import pytest

from attached import Attached
from conftest import PATIENCE, Gatewire, Program, free_port, until
from runtime_api import NODE, PYTHON, RIC, Runtime, needs_ric
from test_functions import FAILED, proxy
from wire import Wire, config, connect, error_frame, request_bytes

API = "/2018-06-01"
NEXT = API + "/runtime/invocation/next"
INIT_ERROR = API + "/runtime/init/error"
PREFIX = "arn:aws:lambda:eu-west-1:000000000000:function:"
ANSWER_MAX = 6 * (1 << 20) + 100
QUEUE, POLLERS = 5, 1000
ACCEPTED = (202, {"status": "OK"})
BAD_ID = (400, {"errorMessage": "Invalid request ID",
                "errorType": "InvalidRequestID"})
TOO_LARGE = (413, {
    "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
    "errorType": "RequestEntityTooLarge"})


def no_transition(start, end):
    return 403, {
        "errorMessage": f"State transition from {start} to {end} failed for "
                        "runtime. Error: State transition is not allowed",
        "errorType": "InvalidStateTransition"}


# --- both sides of a function ------------------------------------------------------

class Poller(Wire):
    """A runtime by hand: one connection to a door, and the last event's id."""

    id = "00000000-0000-4000-8000-000000000000"

    def call(self, method, path, body=b"", headers=()):
        self.write(request_bytes(method, path, headers, body))
        return self.reply(method)

    def poll(self, headers=()):
        self.write(request_bytes("GET", NEXT, headers))

    def event(self):
        reply = self.reply()
        assert reply.status == 200, (reply.status, reply.body)
        self.id = reply.get("Lambda-Runtime-Aws-Request-Id")
        return reply

    def next(self, headers=()):
        self.poll(headers)
        return self.event()

    def path(self, kind="response"):
        return f"{API}/runtime/invocation/{self.id}/{kind}"

    def told(self):
        reply = self.reply()
        assert reply.get("Content-Type") == "application/json"
        return reply.status, reply.json()

    def post(self, body=b"{}", kind="response", headers=()):
        self.write(request_bytes("POST", self.path(kind), headers, body))
        return self.told()

    def head(self, *headers):
        """A response whose body is written by the test."""
        self.write("\r\n".join([f"POST {self.path()} HTTP/1.1", "Host: h",
                                *headers, "", ""]).encode())


class Invocation(Wire):
    """A synchronous one that is under way."""

    def __init__(self, g, name="echo", body=b"{}", headers=()):
        super().__init__(g.port)
        self.write(request_bytes(
            "POST", f"/2015-03-31/functions/{name}/invocations", headers, body))

    def outcome(self):
        """(its payload, whether that is an error)"""
        reply = self.reply()
        assert reply.status == 200, (reply.status, reply.body)
        told = reply.get("X-Amz-Function-Error")
        assert told in (None, "Unhandled")
        self.id = reply.get("x-amzn-RequestId")
        return reply.body, bool(told)

    def failure(self):
        payload, is_error = self.outcome()
        assert is_error, payload
        return json.loads(payload)


def settings(doors, workers):
    functions = {name: {"runtimeApi": f"127.0.0.1:{port}", "timeout": 60}
                 for name, port in doors.items()}
    functions["brief"]["timeout"] = 1
    routes = {name: proxy(f"function:{name}") for name in doors}
    routes["plain"] = {"routeResponse": True, "integration": {
        "type": "AWS", "integrationUri": "function:echo"}}
    return config(routes, region="eu-west-1", workers=workers,
                  limits={"functionQueue": QUEUE}, functions=functions)


@pytest.fixture(scope="module", params=[1, 2], ids=["1 worker", "2 workers"])
def shared(request, tmp_path_factory):
    doors = {"echo": free_port(), "brief": free_port()}
    folder = tmp_path_factory.mktemp("runtime-api")
    g = Gatewire(["dev"], settings(doors, request.param), folder)
    g.doors, g.folder = doors, str(folder)
    yield g
    assert g.stop() == 0, g.output


@pytest.fixture
def g(shared):
    """Nothing of an earlier test is left when one begins."""
    for name in ("runtimes_waiting", "invocations_waiting",
                 "invocations_running"):
        until(lambda: shared.metric(name) == 0, what=f"an end of {name}")
    return shared


@pytest.fixture
def poller(g):
    with Poller(g.doors["echo"]) as p:
        yield p


def attach(g, handler, threads=1):
    return Attached(g.doors["echo"], handler, threads)


def message(g, route="echo", **more):
    client = connect(g)
    client.send({"action": route, **more})
    return client


def said(text):
    """What makes a message of a proxy integration's answer."""
    return json.dumps({"statusCode": 200, "body": text}).encode()


# --- GET next ------------------------------------------------------------------------

def test_an_event_has_its_headers(g, poller):
    context = b'{"custom": {"a": "b"}}'
    before = time.time()
    with Invocation(g, body=b' {"n": 1.50}', headers={
            "X-Amz-Client-Context": base64.b64encode(context).decode(),
            "X-Amzn-Trace-Id":
                "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"}) as i:
        event = poller.next({"User-Agent": "me/1"})
        assert poller.post(b"1") == ACCEPTED
        assert i.outcome() == (b"1", False)
    assert event.body == b' {"n": 1.50}'
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                        poller.id) and poller.id == i.id
    deadline = event.get("Lambda-Runtime-Deadline-Ms")
    assert deadline.isdecimal()
    assert before + 59 < int(deadline) / 1000 < time.time() + 61
    assert event.get("Lambda-Runtime-Invoked-Function-Arn") == PREFIX + "echo"
    assert event.get("Lambda-Runtime-Trace-Id").startswith(
        "Root=1-5759e988-bd862e3fe1be46a994272793")
    assert event.get("Lambda-Runtime-Client-Context").encode() == context
    assert event.get("Content-Type") == "application/json"
    assert event.get("Content-Length") == "12"
    assert event.get("Transfer-Encoding") is None
    assert event.get("Connection") in (None, "keep-alive")
    with Invocation(g) as i:   # and without any of them
        event = poller.next()
        assert poller.post() == ACCEPTED and i.outcome() == (b"{}", False)
    for name in ("Client-Context", "Cognito-Identity", "Aws-Tenant-Id"):
        assert event.get("Lambda-Runtime-" + name) is None


def test_a_message_is_an_event(g, poller):
    with message(g, text="grüße") as client:
        event = poller.next().json()
        assert event["body"] == json.dumps({"action": "echo", "text": "grüße"})
        assert event["requestContext"]["routeKey"] == "echo"
        assert poller.post(said("hello")) == ACCEPTED
        assert client.text() == "hello"


# --- POST response, POST error --------------------------------------------------------

def chunks(*parts, trailers=()):
    lines = b"".join(b"%s\r\n" % t.encode() for t in trailers)
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p)
                    for p in parts) + b"0\r\n" + lines + b"\r\n"


ERROR = b'{"errorMessage":"no","errorType":"Own","stackTrace":["a"]}'
TRAILERS = ("Trailer: Lambda-Runtime-Function-Error-Type, "
            "Lambda-Runtime-Function-Error-Body")
STREAMING = "Lambda-Runtime-Function-Response-Mode: streaming"
INTEGRATION = "application/vnd.awslambda.http-integration-response"
PRELUDE = b'{"statusCode":200}' + bytes(8) + b"text"


class Row:
    """An answer, and what the caller gets."""

    def __init__(self, name, headers=(), body=b"", chunked=None, trailers=(),
                 kind="response", told=ACCEPTED, outcome=(b"", False)):
        self.__dict__.update(locals())

    def bytes(self, poller):
        if self.chunked is None:
            sized, body = f"Content-Length: {len(self.body)}", self.body
        else:
            sized = "Transfer-Encoding: chunked"
            body = chunks(*self.chunked, trailers=self.trailers)
        return "\r\n".join([
            f"POST {poller.path(self.kind)} HTTP/1.1", "Host: h",
            *self.headers, sized, "", ""]).encode() + body


ROWS = [
    Row("JSON", ["Content-Type: application/json"], b'{"a": 1}',
        outcome=(b'{"a": 1}', False)),
    Row("Go's", ["Content-Type: application/octet-stream"], b"1",
        outcome=(b"1", False)),
    Row("C++'s", ["Content-Type: text/html"], b"1", outcome=(b"1", False)),
    Row("without a type", body=b"1", outcome=(b"1", False)),
    Row("nothing at all"),
    Row("no JSON", body=b"\xff\x00", outcome=(b"\xff\x00", False)),
    Row("error", ["Content-Type: application/json"], ERROR, kind="error",
        outcome=(ERROR, True)),
    Row("error with headers", [
        "Lambda-Runtime-Function-Error-Type: Runtime.Other",
        'Lambda-Runtime-Function-XRay-Error-Cause: {"exceptions":[]}'],
        ERROR, kind="error", outcome=(ERROR, True)),
    Row("error with its cause",
        ["Content-Type: application/vnd.aws.lambda.error.cause+json"],
        ERROR[:-1] + b',"errorCause":{"paths":[]}}', kind="error",
        outcome=(ERROR, True)),
    Row("chunked", chunked=[b"1", b"23" * 1000, b"4"],
        outcome=(b"1" + b"23" * 1000 + b"4", False)),
    Row("chunked, nothing at all", chunked=[]),
    Row("chunked, with trailers that are not sent", [TRAILERS], chunked=[b"1"],
        outcome=(b"1", False)),
    Row("chunked, with trailers that are empty", [TRAILERS], chunked=[b"1"],
        trailers=["Lambda-Runtime-Function-Error-Type:",
                  "Lambda-Runtime-Function-Error-Body:"],
        outcome=(b"1", False)),
    Row("chunked, failing at its end", [TRAILERS, STREAMING], chunked=[b"1"],
        trailers=["Lambda-Runtime-Function-Error-Type: Own",
                  "Lambda-Runtime-Function-Error-Body: "
                  + base64.b64encode(ERROR).decode()],
        outcome=(ERROR, True)),
    Row("chunked, failing without words", [TRAILERS], chunked=[b"1"],
        trailers=["Lambda-Runtime-Function-Error-Type: Own"],
        outcome=(b'{"errorMessage":"","errorType":"Own"}', True)),
    Row("streaming", [STREAMING], chunked=[b"1", b"2"],
        outcome=(b"12", False)),
    Row("a streamed HTTP answer", [STREAMING, "Content-Type: " + INTEGRATION],
        chunked=[PRELUDE[:18], PRELUDE[18:26], PRELUDE[26:]],
        outcome=(PRELUDE, False)),
    Row("another mode", ["Lambda-Runtime-Function-Response-Mode: buffered"],
        b"1", told=(400, {"errorMessage": "Invalid function response mode",
                          "errorType": "InvalidFunctionResponseMode"}),
        outcome=(b'{"errorMessage":"Invalid function response mode",'
                 b'"errorType":"Runtime.InvalidResponseModeHeader"}', True)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_answers(g, poller, row):
    with Invocation(g) as i:
        poller.next()
        poller.write(row.bytes(poller))
        assert poller.told() == row.told
        assert i.outcome() == row.outcome
        # it is over, once and for all, and the connection is good for more
        assert poller.post() == no_transition("RuntimeResponseSentState",
                                              "InvocationResponse")
    with Invocation(g) as i:
        poller.next()
        assert poller.post(b"2") == ACCEPTED
        assert i.outcome() == (b"2", False)


def test_answers_byte_by_byte(g, poller):
    row = next(r for r in ROWS if r.name == "chunked, failing at its end")
    with Invocation(g) as i:
        for byte in request_bytes("GET", NEXT):
            poller.write(bytes([byte]))
        poller.event()
        for byte in row.bytes(poller):
            poller.write(bytes([byte]))
        assert poller.told() == row.told
        assert i.outcome() == row.outcome


def test_answers_may_wait_to_be_wanted(g, poller):
    with Invocation(g) as i:
        poller.next()
        poller.head("Content-Length: 1", "Expect: 100-continue")
        assert poller.take_through(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
        poller.write(b"1")
        assert poller.told() == ACCEPTED
        assert i.outcome() == (b"1", False)


def test_answers_may_come_on_any_connection(g, poller):
    with Invocation(g) as i, Poller(g.doors["echo"]) as other:
        poller.next()
        other.id = "".join(f"%{ord(c):02x}" if c == "-" else c
                           for c in poller.id)
        assert other.post(b"1") == ACCEPTED
        assert i.outcome() == (b"1", False)


def test_errors_of_a_message(g, poller):
    with message(g) as client:
        poller.next()
        assert poller.post(ERROR, "error") == ACCEPTED
        assert FAILED.fullmatch(client.text())


@pytest.mark.parametrize("id", [
    "00000000-0000-4000-8000-000000000000", "x", "x" * 4000, "%zz", "%00",
    "%2f", "..", ""])
def test_ids_that_do_not_exist(g, poller, id):
    poller.id = id
    for kind in ("response", "error"):
        assert poller.post(b"1", kind) == BAD_ID


def test_another_functions_id(g, poller):
    with Invocation(g) as i, Poller(g.doors["brief"]) as other:
        poller.next()
        other.id = poller.id
        assert other.post(b"1") == BAD_ID
        assert poller.post(b"2") == ACCEPTED
        assert i.outcome() == (b"2", False)


def test_late_answers(g):
    with Poller(g.doors["brief"]) as poller:
        with Invocation(g, "brief") as i:
            poller.next()
            failure = i.failure()
            assert failure == {
                "errorType": "Sandbox.Timedout",
                "errorMessage": f"RequestId: {poller.id} Error: Task timed out "
                                "after 1.00 seconds"}
            assert poller.post() == BAD_ID
            assert poller.post(ERROR, "error") == BAD_ID
        with message(g, "brief") as client:   # and it takes the next
            poller.next()
            assert FAILED.fullmatch(client.text())
            assert poller.post() == BAD_ID


# --- states ---------------------------------------------------------------------------

def test_next_is_refused_while_an_answer_is_owed(g, poller):
    with Invocation(g) as i:
        poller.next()
        poller.poll()
        assert poller.told() == no_transition("Running", "Ready")
        reply = poller.call("POST", INIT_ERROR, ERROR)
        assert (reply.status, reply.json()) == no_transition(
            "Running", "InitError")
        assert poller.post(b"1") == ACCEPTED
        assert i.outcome() == (b"1", False)


def test_a_runtime_may_fail_to_start(g, poller):
    start = len(g.lines)
    reply = poller.call("POST", INIT_ERROR, ERROR, {
        "Lambda-Runtime-Function-Error-Type": "Own"})
    assert (reply.status, reply.json()) == ACCEPTED
    g.wait_for_line(r"function\.init function=echo error=Own ", start=start)
    reply = poller.call("POST", INIT_ERROR, ERROR)
    assert (reply.status, reply.json()) == no_transition(
        "InitError", "InitError")
    poller.poll()
    assert poller.told() == no_transition("InitError", "Ready")


PATHS = [
    ("GET", "/ping", 200, None),
    ("POST", "/ping", 405, "GET"),
    ("POST", "/runtime/invocation/next", 405, "GET"),
    ("DELETE", "/runtime/invocation/next", 405, "GET"),
    ("GET", "/runtime/invocation/x/response", 405, "POST"),
    ("PUT", "/runtime/invocation/x/error", 405, "POST"),
    ("GET", "/runtime/init/error", 405, "POST"),
    ("GET", "/runtime/restore/next", 404, None),
    ("POST", "/runtime/restore/error", 404, None),
    ("POST", "/runtime/invocation/x", 404, None),
    ("POST", "/runtime/invocation/x/response/", 404, None),
    ("GET", "/runtime/invocation/", 404, None),
    ("GET", "/../2015-03-31/functions", 404, None),
    ("GET", "", 404, None),
]


@pytest.mark.parametrize("method, path, status, allow", PATHS,
                         ids=lambda v: str(v) if v else "-")
def test_paths_and_methods(g, poller, method, path, status, allow):
    reply = poller.call(method, API + path)
    assert (reply.status, reply.get("Allow")) == (status, allow)
    reply = poller.call("GET", API + "/ping")   # the connection stays
    assert (reply.status, reply.body) == (200, b"pong")


def test_a_door_is_only_a_door(g, poller):
    for path in ("/", "/dev", "/@connections/x", "/metrics", "/health",
                 "/2015-03-31/functions/echo/invocations"):
        assert poller.call("GET", path).status == 404


@pytest.mark.parametrize("rest", [
    b"GET\r\n\r\n", b"\0\r\n\r\n", b"GET / HTTP/1.1\r\nA\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n"])
def test_what_is_no_http(g, poller, rest):
    poller.write(rest)
    status, told = poller.told()
    assert (status, told["errorType"]) == (400, "InvalidRequest")
    assert poller.ends() == b""


def test_pipelined(g, poller):
    """An answer with the next poll behind it; and what is asked behind a poll
    is answered after it."""
    with Invocation(g) as first, Invocation(g) as second:
        events = {poller.next().get("Lambda-Runtime-Aws-Request-Id")}
        poller.write(request_bytes("POST", poller.path(), body=b"1")
                     + request_bytes("GET", NEXT))
        assert poller.told() == ACCEPTED
        poller.event()
        assert poller.id not in events
        assert poller.post(b"1") == ACCEPTED
        assert first.outcome() == second.outcome() == (b"1", False)
    poller.write(request_bytes("GET", API + "/ping") * 2
                 + request_bytes("GET", NEXT)
                 + request_bytes("GET", API + "/ping"))
    assert [poller.reply().body for _ in range(2)] == [b"pong"] * 2
    until(lambda: g.metric("runtimes_waiting") == 1)
    with Invocation(g, body=b"7") as i:
        assert poller.event().body == b"7"
        assert poller.reply().body == b"pong"
        assert poller.post(b"8") == ACCEPTED
        assert i.outcome() == (b"8", False)


# --- too large, cut off -----------------------------------------------------------------

def test_as_large_as_may_be(g, poller):
    answer = b'"' + b"x" * (ANSWER_MAX - 2) + b'"'
    for headers in (["Content-Length: %d" % ANSWER_MAX],
                    ["Transfer-Encoding: chunked"]):
        with Invocation(g) as i:
            poller.next()
            poller.head(*headers)
            poller.write(answer if "Length" in headers[0] else chunks(
                answer[:1000], answer[1000:]))
            assert poller.told() == ACCEPTED
            assert i.outcome() == (answer, False)


def test_large_answers_behind_each_other(g, poller):
    """More than limits.outQueueBytes each, for a caller that asked for both
    and takes its time to read them."""
    answer = b"x" * (4 << 20)
    request = request_bytes(
        "POST", "/2015-03-31/functions/echo/invocations", body=b"{}")
    with Wire(g.port, receive_buffer=4096) as caller:
        caller.write(request * 3)
        for n in range(3):
            poller.next()
            assert poller.post(b"%d" % n + answer) == ACCEPTED
            until(lambda: g.metric("out_queued_bytes") > 1 << 20)
            assert g.metric("runtimes_waiting") == 0
            assert caller.reply().body == b"%d" % n + answer


@pytest.mark.parametrize("how", ["sized", "chunked", "error"])
def test_too_large(g, poller, how):
    answer = b"x" * (7 << 20)
    with Invocation(g) as i:
        poller.next()
        if how == "chunked":
            poller.head("Transfer-Encoding: chunked")
            poller.write(chunks(answer))
        else:
            poller.write(request_bytes("POST", poller.path(
                "error" if how == "error" else "response"), body=answer))
        assert poller.told() == TOO_LARGE
        assert poller.ends() == b""
        failure = i.failure()
    assert failure["errorType"] == "Function.ResponseSizeTooLarge"
    assert re.fullmatch(
        r"Response payload size \(\d+ bytes\) exceeded maximum allowed payload "
        r"size \(6291556 bytes\)\.", failure["errorMessage"])


CUTS = [("sized", ["Content-Length: 10"], b"12345"),
        ("chunked", ["Transfer-Encoding: chunked"], b"5\r\n12345\r\n"),
        ("amid a chunk", ["Transfer-Encoding: chunked"], b"5\r\n12"),
        ("amid the trailers", ["Transfer-Encoding: chunked"],
         b"1\r\n1\r\n0\r\nLambda-Runtime-Function-Error-Type: x")]


@pytest.mark.parametrize("name, headers, sent", CUTS, ids=[c[0] for c in CUTS])
@pytest.mark.parametrize("end", [Wire.close, Wire.reset], ids=["FIN", "RST"])
def test_cut_off(g, name, headers, sent, end):
    with Invocation(g) as i:
        poller = Poller(g.doors["echo"])
        poller.next()
        poller.head(*headers)
        poller.write(sent)
        if end is Wire.reset:
            # What was not read is lost with a reset: that it has begun to
            # answer need not be known, that it is gone must.
            poller.reset()
            assert i.failure()["errorType"] in ("Runtime.TruncatedResponse",
                                                "Runtime.ExitError")
        else:
            poller.close()
            assert i.failure() == {
                "errorMessage": "The response was truncated",
                "errorType": "Runtime.TruncatedResponse"}


def test_chunks_that_are_none(g, poller):
    with Invocation(g) as i:
        poller.next()
        poller.head("Transfer-Encoding: chunked")
        poller.write(b"5\r\n12345\r\nxyz\r\n")
        assert poller.told() == (400, {
            "errorMessage": "HTTP request detected as truncated",
            "errorType": "TruncatedHTTPRequest"})
        assert poller.ends() == b""
        assert i.failure()["errorType"] == "Runtime.TruncatedResponse"


# --- lost runtimes ----------------------------------------------------------------------

@pytest.mark.parametrize("end", [Wire.close, Wire.reset], ids=["FIN", "RST"])
def test_lost(g, end):
    """At once: the function's own timeout is more than a test's patience."""
    poller = Poller(g.doors["echo"])
    with Invocation(g) as i:
        poller.next()
        end(poller)
        failure = i.failure()
        assert failure == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {poller.id} Error: Runtime exited "
                            "with error: it closed its connection"}
    poller = Poller(g.doors["echo"])
    with message(g) as client:
        poller.next()
        end(poller)
        assert FAILED.fullmatch(client.text())


def test_lost_with_nothing_owed(g):
    """Who hangs up while it waits is given nothing, and the event goes to who
    waits behind it."""
    first, second = (Poller(g.doors["echo"]) for _ in range(2))
    with second:
        first.poll()
        until(lambda: g.metric("runtimes_waiting") == 1)
        second.poll()
        until(lambda: g.metric("runtimes_waiting") == 2)
        first.close()
        until(lambda: g.metric("runtimes_waiting") == 1)
        with Invocation(g) as i:
            second.event()
            assert second.post(b"1") == ACCEPTED
            assert i.outcome() == (b"1", False)


@pytest.mark.parametrize("line, headers", [
    ("HTTP/1.1", "Host: h\r\nConnection: close\r\n"), ("HTTP/1.0", ""),
    ("HTTP/1.1", "Host: h\r\nUser-Agent: curl/7.88.1\r\n"),
    ("HTTP/1.1", "Host: h\r\nUser-Agent: Wget/1.21.3\r\n")],
    ids=["said so", "HTTP/1.0", "curl", "wget"])
def test_who_comes_back(g, line, headers):
    with message(g) as client, Poller(g.doors["echo"]) as other:
        with Poller(g.doors["echo"]) as poller:
            poller.write(f"GET {NEXT} {line}\r\n{headers}\r\n".encode())
            poller.event()
            if "User-Agent" not in headers:
                assert poller.ends() == b""
        other.id = poller.id
        assert other.post(said("back")) == ACCEPTED
        assert client.text() == "back"


def test_who_said_so_and_does_not_come_back(g):
    with Invocation(g, "brief") as i:
        with Poller(g.doors["brief"]) as poller:
            poller.next({"Connection": "close"})
        assert i.failure()["errorType"] == "Sandbox.Timedout"


# --- many on one door -------------------------------------------------------------------

def test_first_come_first_served(g):
    """On both sides: pollers that wait, and events that wait."""
    with contextlib.ExitStack() as stack:
        pollers = [stack.enter_context(Poller(g.doors["echo"]))
                   for _ in range(QUEUE)]
        for n, poller in enumerate(pollers, 1):
            poller.poll()
            until(lambda: g.metric("runtimes_waiting") == n)
        running = []
        for n, poller in enumerate(pollers):
            running.append(stack.enter_context(
                Invocation(g, body=b"%d" % n)))
            assert poller.event().body == b"%d" % n
        for n in range(QUEUE):
            running.append(stack.enter_context(
                Invocation(g, body=b"%d" % (QUEUE + n))))
            until(lambda: g.metric("invocations_waiting") == n + 1)
        assert g.metric("invocations_running") == QUEUE
        for n, poller in enumerate(reversed(pollers)):
            assert poller.post(b"%d" % n) == ACCEPTED
            assert poller.next().body == b"%d" % (QUEUE + n)
            assert poller.post(b"%d" % (QUEUE + n)) == ACCEPTED
        assert [i.outcome()[0] for i in running] == [
            b"%d" % n for n in [*reversed(range(QUEUE)),
                                *range(QUEUE, 2 * QUEUE)]]


def test_each_event_once(g):
    """4 runtimes, 8 clients with 50 messages each, one after the other."""
    def handler(event, context):
        return {"statusCode": 200, "body": event["body"]}

    with contextlib.ExitStack() as stack:
        runtime = stack.enter_context(attach(g, handler, 4))
        clients = [stack.enter_context(connect(g)) for _ in range(8)]
        sent = set()
        for n in range(50):
            for c, client in enumerate(clients):
                text = json.dumps({"action": "echo", "n": n, "c": c})
                sent.add(text)
                client.send(text)
                if c >= 4:   # no more than 4 and the queue's 5 at once
                    assert clients[c - 4].json() == {
                        "action": "echo", "n": n, "c": c - 4}
            for c, client in enumerate(clients[4:], 4):
                assert client.json() == {"action": "echo", "n": n, "c": c}
        bodies = [event["body"] for event, _ in runtime.events]
        assert len(bodies) == 400 and set(bodies) == sent
        assert len({context.id for _, context in runtime.events}) == 400
        runtime.closing = True


def test_as_many_at_once_as_there_are_pollers(g):
    with contextlib.ExitStack() as stack:
        pollers = [stack.enter_context(Poller(g.doors["echo"]))
                   for _ in range(3)]
        calls = []
        for poller in pollers:
            calls.append(stack.enter_context(Invocation(g)))
            poller.next()
        calls += [stack.enter_context(Invocation(g)) for _ in range(QUEUE)]
        until(lambda: g.metric("invocations_waiting") == QUEUE)
        for _ in range(QUEUE):
            assert g.metric("invocations_running") == 3
            assert pollers[0].post(b"1") == ACCEPTED
            pollers[0].next()
        assert g.metric("invocations_running") == 3
        for poller in pollers:
            assert poller.post(b"1") == ACCEPTED
        assert {i.outcome() for i in calls} == {(b"1", False)}


def test_only_so_many_wait(g):
    with contextlib.ExitStack() as stack:
        pollers = [stack.enter_context(Poller(g.doors["echo"]))
                   for _ in range(POLLERS)]
        for poller in pollers:
            poller.poll()
        until(lambda: g.metric("runtimes_waiting") == POLLERS)
        late = stack.enter_context(Poller(g.doors["echo"]))
        late.poll()
        assert late.told() == (503, {
            "errorMessage": "Too many runtimes wait for this function",
            "errorType": "TooManyRuntimes"})
        pollers.pop().close()
        until(lambda: g.metric("runtimes_waiting") == POLLERS - 1)
        late.poll()   # the same one, when there is room again
        until(lambda: g.metric("runtimes_waiting") == POLLERS)

        selector = stack.enter_context(selectors.DefaultSelector())
        for poller in (*pollers, late):
            selector.register(poller.socket, selectors.EVENT_READ, poller)
        for n in range(POLLERS):
            with Invocation(g, body=b"%d" % n) as i:
                (key, _), = selector.select(PATIENCE)
                assert key.data.event().body == b"%d" % n
                assert key.data.post(b"1") == ACCEPTED
                assert i.outcome() == (b"1", False)
            selector.unregister(key.data.socket)
        assert key.data is late


# --- more events than may wait ------------------------------------------------------------

def test_the_queue_is_full(g):
    refused = g.metric("invocations_refused")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(message(g)) for _ in range(QUEUE)]
        until(lambda: g.metric("invocations_waiting") == QUEUE)
        client = stack.enter_context(message(g))
        assert error_frame("Service Unavailable").fullmatch(client.text())
        assert client.alive()
        with Invocation(g) as i:
            reply = i.reply()
        assert reply.status == 429
        assert reply.get("x-amzn-ErrorType") == "TooManyRequestsException"
        assert reply.get("Retry-After") == "1"
        assert reply.json() == {
            "Type": "User", "message": "Rate Exceeded.",
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}
        assert g.metric("invocations_refused") == refused + 2
        with attach(g, lambda *_: {"statusCode": 200, "body": "at last"}) as r:
            assert {c.text() for c in clients} == {"at last"}
            client.send({"action": "echo"})
            assert client.text() == "at last"
            r.closing = True


# --- runtimes that were not written for this ------------------------------------------------

# The loop of the original's tutorial for custom runtimes, and its handler.
LOOP = r"""
set -euo pipefail
handler() { echo "Echoing request: '$1'"; }
while true
do
  HEADERS="$(mktemp)"
  EVENT_DATA=$(curl -sS -LD "$HEADERS" "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next")
  REQUEST_ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEADERS" | tr -d '[:space:]' | cut -d: -f2)
  RESPONSE=$($(echo "$_HANDLER" | cut -d. -f2) "$EVENT_DATA")
  curl "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/$REQUEST_ID/response" -d "$RESPONSE"
done
"""


class Shell(Program):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        """With the curl that waits, which is what keeps it from ending."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.end()


def test_a_shell_with_curl(g):
    """On one message after the other, and when it has to wait for the first."""
    with Shell(["setsid", "bash", "-c", LOOP], _HANDLER="function.handler",
                 AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{g.doors['echo']}",
                 no_proxy="127.0.0.1", TMPDIR=g.folder) as shell, \
            message(g, "plain", n=0) as client:
        for n in range(1, 6):
            assert client.text() == (
                'Echoing request: \'{"action": "plain", "n": %d}\'' % (n - 1))
            client.send({"action": "plain", "n": n})
        client.text()
        with Invocation(g, body=b"7") as i:
            assert i.outcome() == (b"Echoing request: '7'", False)
        assert shell.process.poll() is None, shell.output


NODE_CODE = {"index.js": r"""
exports.handler = async (event, context) => {
  switch (event.do ?? JSON.parse(event.body).do) {
    case "raise": throw new RangeError("nö");
    case "exit": process.exit(3);
    case "context": return {
      id: context.awsRequestId, arn: context.invokedFunctionArn,
      left: context.getRemainingTimeInMillis() };
  }
  return { statusCode: 200, body: JSON.stringify({ text: "☃", event }) };
};
"""}
PYTHON_CODE = {"index.py": r"""
import json, os

def handler(event, context):
    what = event.get("do") or json.loads(event["body"]).get("do")
    if what == "raise":
        raise ValueError("nö")
    if what == "exit":
        os._exit(3)
    if what == "context":
        return {"id": context.aws_request_id,
                "arn": context.invoked_function_arn,
                "left": context.get_remaining_time_in_millis()}
    return {"statusCode": 200,
            "body": json.dumps({"text": "☃", "event": event})}
"""}
RUNTIMES = pytest.mark.parametrize("command, files, error", [
    pytest.param(NODE, NODE_CODE, ("RangeError", "trace"), id="node"),
    pytest.param(PYTHON, PYTHON_CODE, ("ValueError", "stackTrace"),
                 id="python"),
    pytest.param(RIC, NODE_CODE, ("RangeError", "trace"), id="aws-lambda-ric",
                 marks=needs_ric)])


@contextlib.contextmanager
def running(g, command, files, folder):
    for name, text in files.items():
        (folder / name).write_text(text)
    api = types.SimpleNamespace(address=f"127.0.0.1:{g.doors['echo']}")
    with Runtime(command, api, folder, "index.handler") as runtime:
        yield runtime


@RUNTIMES
def test_runtimes(g, tmp_path, command, files, error):
    with running(g, command, files, tmp_path), message(g, n=1) as client:
        for n in range(1, 4):
            told = client.json()
            assert told["text"] == "☃"
            assert json.loads(told["event"]["body"]) == {
                "action": "echo", "n": n}
            client.send({"action": "echo", "n": n + 1})
        client.json()
        client.send({"action": "echo", "do": "raise"})
        assert FAILED.fullmatch(client.text())
        client.send({"action": "echo", "n": 9})
        assert json.loads(client.json()["event"]["body"])["n"] == 9

        with Invocation(g, body=b'{"do": "context"}') as i:
            payload, is_error = i.outcome()
            told = json.loads(payload)
            assert not is_error and told["id"] == i.id
            assert told["arn"] == PREFIX + "echo"
            assert 50_000 < told["left"] < 60_100   # by another clock
        with Invocation(g, body=b'{"do": "raise"}') as i:
            failure = i.failure()
            kind, trace = error
            assert (failure["errorType"], failure["errorMessage"]) == (
                kind, "nö")
            assert any("index." in line for line in failure[trace])
            if command is PYTHON:
                assert failure["requestId"] == i.id
            assert set(failure) - {"requestId"} == {
                "errorType", "errorMessage", trace}
        large = "x" * (2 << 20)
        with Invocation(g, body=json.dumps({"do": large}).encode()) as i:
            told = json.loads(json.loads(i.outcome()[0])["body"])
            assert told["event"]["do"] == large


@RUNTIMES
def test_runtimes_that_exit(g, tmp_path, command, files, error):
    with running(g, command, files, tmp_path) as runtime:
        with Invocation(g, body=b'{"do": "exit"}') as i:
            assert i.failure()["errorType"] == "Runtime.ExitError"
        assert runtime.end() == 3


@RUNTIMES
def test_several_runtimes(g, tmp_path, command, files, error):
    """Two processes: what the one is lost with, the other is spared."""
    with running(g, command, files, tmp_path), \
            running(g, command, files, tmp_path):
        until(lambda: g.metric("runtimes_waiting") == 2)
        with Invocation(g, body=b'{"do": "exit"}') as lost, \
                message(g, n=1) as client:
            assert client.json()["text"] == "☃"
            assert lost.failure()["errorType"] == "Runtime.ExitError"
            client.send({"action": "echo"})
            assert client.json()["text"] == "☃"
