"""Functions that fail in every way there is, and many at once: what the client
and the caller see, and that nobody else notices. Through a WebSocket (AWS_PROXY)
and through the Invoke API."""

import collections
import json
import re
import signal
import threading

import pytest

from attached import Answer, Attached, Lost
from conftest import PATIENCE, free_port, until
from wire import Wire, ask, config, connect, error_frame, request_bytes

MB = 1 << 20
FAILED = error_frame("Internal server error")


hanging = threading.Semaphore(0)  # released when it has been too long


def handler(event, context):
    """As an event's text says: the payload of an invocation, or the body of a
    message."""
    is_message = "requestContext" in event
    request = json.loads(event["body"]) if is_message else event
    what = request.get("do")
    if what == "throw":
        raise ValueError("on purpose")
    if what == "exit":
        raise Lost
    if what == "hang":
        assert hanging.acquire(timeout=PATIENCE)
        return {}  # nobody waits for it any more
    if what == "garbage":
        return Answer(b"\x00\xff no JSON")
    if what == "large":
        return Answer(b'"' + b"x" * (7 * MB) + b'"')
    answer = {"n": request.get("n")}
    return {"statusCode": 200, "body": json.dumps(answer)} if (
        is_message) else answer


def settings(door, **function):
    return config({"$default": {"integration": "function:f",
                                "routeResponse": True}},
                  workers=2, functions={"f": {
                      "runtimeApi": f"127.0.0.1:{door}", **function}})


@pytest.fixture
def start(gatewire):
    """start(handler, threads) serves f; runtimes end before the gateway."""
    running = []

    def start(handler, threads=4, **function):
        door = free_port()
        g = gatewire(["dev"], settings(door, **function))
        g.door, g.runtime = door, Attached(door, handler, threads)
        running.append(g.runtime)
        return g

    yield start
    for runtime in running:
        runtime.close()
        assert not runtime.complaints


def invoke_bytes(request, headers=()):
    return request_bytes("POST", "/2015-03-31/functions/f/invocations",
                         headers, json.dumps(request).encode())


def invoke(g, request):
    with Wire(g.port) as wire:
        wire.write(invoke_bytes(request))
        return wire.reply()


# --- one that fails --------------------------------------------------------------

FAULTS = [
    # what it does, and its error: type and message
    ("throw", "ValueError", "on purpose"),
    ("exit", "Runtime.ExitError", "RequestId: {id} Error: "),
    ("hang", "Sandbox.Timedout",
     r"RequestId: {id} Error: Task timed out after 1\.00 seconds"),
    ("large", "Function.ResponseSizeTooLarge", r".*\(6291556 bytes\)"),
]


@pytest.mark.parametrize("what, kind, message", FAULTS,
                         ids=[f[0] for f in FAULTS])
def test_a_fault(start, what, kind, message):
    g = start(handler, threads=2, timeout=1)
    with connect(g) as client, connect(g) as other:
        for _ in range(2):  # as many as there are runtimes
            reply = invoke(g, {"do": what})
            assert reply.status == 200
            assert reply.get("X-Amz-Function-Error") == "Unhandled"
            told = reply.json()
            assert told["errorType"] == kind
            assert re.match(message.format(
                id=reply.get("x-amzn-RequestId")), told["errorMessage"])
            if what == "hang":
                hanging.release()

            client.send({"do": what})
            assert FAILED.fullmatch(client.text())
            if what == "hang":
                hanging.release()
        # The others go on, and so does who has failed.
        for c in (other, client):
            c.send({"n": 7})
            assert c.json() == {"n": 7}
        assert invoke(g, {"n": 8}).json() == {"n": 8}


def test_garbage(start):
    """It is the caller's to judge: the original passes it on as it is."""
    g = start(handler)
    with connect(g) as client:
        reply = invoke(g, {"do": "garbage"})
        assert (reply.status, reply.body) == (200, b"\x00\xff no JSON")
        client.send({"do": "garbage"})
        assert FAILED.fullmatch(client.text())
        g.wait_for_line(r"access .* error=UPSTREAM .* why=expected a JSON object")
        client.send({"n": 1})
        assert client.json() == {"n": 1}


# --- many at once -----------------------------------------------------------------

def check_once(g, count):
    """Every message was run, and none twice."""
    runs = collections.Counter(
        json.loads(event["body"])["n"] if "body" in event else event["n"]
        for event, _ in g.runtime.events)
    assert runs == {n: 1 for n in range(count)}


@pytest.mark.parametrize("clients, each", [(1000, 1), (20, 50)])
def test_a_thousand_messages_on_four_runtimes(start, clients, each):
    g = start(handler)
    open_ones = [connect(g) for _ in range(clients)]
    for round in range(each):
        for i, client in enumerate(open_ones):
            client.send({"n": i * each + round})
    for i, client in enumerate(open_ones):
        came = sorted(client.json()["n"] for _ in range(each))
        assert came == list(range(i * each, (i + 1) * each))
    for client in open_ones:
        client.close()
    check_once(g, clients * each)


def test_a_thousand_calls_on_four_runtimes(start):
    g = start(handler)
    calls = []
    for n in range(1000):
        calls.append(Wire(g.port))
        calls[-1].write(invoke_bytes({"n": n}))
    for n, call in enumerate(calls):
        reply = call.reply()
        assert (reply.status, reply.json()) == (200, {"n": n})
        call.close()
    check_once(g, 1000)


def test_a_thousand_events_on_four_runtimes(start):
    g = start(handler)
    with Wire(g.port) as wire:
        for n in range(1000):
            wire.write(invoke_bytes(
                {"n": n}, {"X-Amz-Invocation-Type": "Event"}))
            assert wire.reply().status == 202
    g.runtime.wait_for(1000)
    until(lambda: g.metric("async_held_bytes") == 0)
    check_once(g, 1000)


# --- the same, run by gatewire ----------------------------------------------------

APP = """
import json, os, subprocess, sys, time

def handler(event, context):
    is_message = "requestContext" in event
    request = json.loads(event["body"]) if is_message else event
    what = request.get("do")
    if what == "throw":
        raise ValueError("on purpose")
    if what == "exit":
        sys.stdout.flush()
        os._exit(3)
    if what == "kill":
        os.kill(os.getpid(), 9)
    if what == "hang":
        time.sleep(1000)
    if what == "garbage":
        return object()
    if what == "large":
        return "x" * (7 << 20)
    if what == "fork":  # in its group, and in one of its own
        for own in (False, True):
            child = subprocess.Popen(["sleep", "1000"], start_new_session=own)
            with open(request["pids"], "a") as f:
                print(child.pid, file=f)
        os._exit(0)
    time.sleep(request.get("seconds", 0))
    answer = {"n": request.get("n")}
    return {"statusCode": 200, "body": json.dumps(answer)} if (
        is_message) else answer
"""

APP_JS = """
const fs = require("node:fs");
const { spawn } = require("node:child_process");

exports.handler = async (event) => {
  const isMessage = "requestContext" in event;
  const request = isMessage ? JSON.parse(event.body) : event;
  if (request.do === "throw")
    throw Object.assign(new Error("on purpose"), { name: "ValueError" });
  if (request.do === "exit") process.exit(3);
  if (request.do === "kill") process.kill(process.pid, "SIGKILL");
  if (request.do === "hang") for (;;); // not even its loop turns
  if (request.do === "garbage") return { circle: 1n };
  if (request.do === "large") return "x".repeat(7 << 20);
  if (request.do === "fork") {
    for (const detached of [false, true]) {
      const child = spawn("sleep", ["1000"], { detached });
      fs.appendFileSync(request.pids, `${child.pid}\\n`);
    }
    process.exit(0);
  }
  await new Promise((done) => setTimeout(done, 1000 * (request.seconds ?? 0)));
  const answer = { n: request.n };
  return isMessage ? { statusCode: 200, body: JSON.stringify(answer) } : answer;
};
"""

RUNTIMES = {"python3.12": ("app.py", APP), "nodejs20.x": ("app.js", APP_JS)}

RUN_FAULTS = [
    FAULTS[0],
    ("exit", "Runtime.ExitError",
     "RequestId: {id} Error: Runtime exited with error: exit status 3"),
    ("kill", "Runtime.ExitError",
     "RequestId: {id} Error: Runtime exited with error: signal: killed"),
    FAULTS[2],
    # Python's word for it, and Node's.
    ("garbage", "Runtime.(MarshalError|JSONStringifyError)", ""),
    FAULTS[3],
]


@pytest.fixture(params=RUNTIMES)
def run_app(gatewire, tmp_path, request):
    """run_app(**function) serves f, whose processes are gatewire's, and whose
    code is run_app.code; run_app.settings(**function) is its configuration."""
    name, text = RUNTIMES[request.param]
    code = tmp_path / "code"
    code.mkdir()

    def settings(**function):
        return config(
            {"$default": {"integration": "function:f", "routeResponse": True}},
            workers=2, functions={"f": {
                "runtime": request.param, "handler": "app.handler",
                "codeUri": str(code), **function}})

    def run_app(**function):
        return gatewire(["dev"], settings(**function))

    run_app.settings, run_app.code, run_app.text = settings, code / name, text
    run_app.code.write_text(text)
    return run_app


@pytest.mark.parametrize("what, kind, message", RUN_FAULTS,
                         ids=[f[0] for f in RUN_FAULTS])
def test_a_fault_of_a_process(run_app, what, kind, message):
    g = run_app(timeout=1, concurrency=2)
    with connect(g) as client, connect(g) as other:
        for _ in range(2):
            reply = invoke(g, {"do": what})
            assert reply.get("X-Amz-Function-Error") == "Unhandled"
            told = reply.json()
            assert re.fullmatch(kind, told["errorType"])
            assert re.match(message.format(
                id=reply.get("x-amzn-RequestId")), told["errorMessage"])
            client.send({"do": what})
            assert FAILED.fullmatch(client.text())
        for c in (other, client):
            c.send({"n": 7})
            assert c.json() == {"n": 7}
        assert invoke(g, {"n": 8}).json() == {"n": 8}


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_children_end_with_their_function(run_app, tmp_path):
    g = run_app(concurrency=1)
    pids = tmp_path / "pids"
    reply = invoke(g, {"do": "fork", "pids": str(pids)})
    assert reply.json()["errorType"] == "Runtime.ExitError"
    children = [int(pid) for pid in pids.read_text().split()]
    assert len(children) == 2
    until(lambda: not any(map(is_alive, children)), what="their end")
    assert invoke(g, {"n": 1}).json() == {"n": 1}


def test_a_thousand_messages_on_four_processes(run_app):
    g = run_app(concurrency=4, timeout=60)
    clients = [connect(g) for _ in range(1000)]
    for n, client in enumerate(clients):
        client.send({"n": n})
    for n, client in enumerate(clients):
        assert client.json() == {"n": n}
        client.close()
    assert g.metric("invocations") == 1000


# --- while all of it changes --------------------------------------------------------

class Talk:
    """Clients that send one message after another, and check each answer."""

    def __init__(self, g, clients):
        self.g, self.stop, self.complaints = g, threading.Event(), []
        self.answered = [0] * clients
        self.threads = [threading.Thread(target=self._talk, args=(i,))
                        for i in range(clients)]
        for t in self.threads:
            t.start()

    def _talk(self, index):
        try:
            with connect(self.g) as client:
                while not self.stop.is_set():
                    n = [index, self.answered[index]]
                    client.send({"n": n})
                    assert client.json()["n"] == n
                    self.answered[index] += 1
        except Exception as e:
            self.complaints.append(repr(e))

    def go_on(self, count):
        """Waits until as many more have been answered."""
        before = sum(self.answered)
        until(lambda: self.complaints or sum(self.answered) >= before + count)

    def end(self):
        """How many messages there were."""
        self.stop.set()
        for t in self.threads:
            t.join(PATIENCE)
        assert not self.complaints
        return sum(self.answered)


def test_reloads_under_load(start):
    """No message is lost, whatever is put into force meanwhile."""
    g = start(handler)
    talk = Talk(g, 20)
    for timeout in range(4, 14):
        assert g.reload(settings(g.door, timeout=timeout)) == "done"
        talk.go_on(100)
    assert talk.end() == len(g.runtime.events)


class Versions:
    """Code that tells its version, put in place while it is in use."""

    ALL = (1, 2, 3)

    def __init__(self, g, app):
        self.g, self.app, self.asked = g, app, 0

    def write(self, version):
        fresh = self.app.code.with_suffix(".fresh")
        fresh.write_text(re.sub(r"answer = {", f"answer = {{\"version\": {version},",
                                self.app.text))
        fresh.rename(self.app.code)

    def is_in_force(self, version):
        self.asked += 1
        return invoke(self.g, {}).json().get("version") == version


def check_each_once(g, talk, versions):
    """Every message had its answer, as Talk has seen, of one run."""
    count = talk.end() + versions.asked
    assert g.metric("invocation_errors") == 0
    assert g.metric("invocations") == count


def test_new_code_under_load(run_app):
    """Old processes finish what they have, and the new ones take over."""
    g = run_app(concurrency=4, timeout=60, reload=True)
    versions, talk = Versions(g, run_app), Talk(g, 8)
    for version in Versions.ALL:
        talk.go_on(100)
        versions.write(version)
        until(lambda: talk.complaints or versions.is_in_force(version))
    check_each_once(g, talk, versions)


def test_reloads_of_processes_under_load(run_app):
    """SIGHUP, with other settings and with other code."""
    g = run_app(concurrency=4, timeout=60)
    versions, talk = Versions(g, run_app), Talk(g, 8)
    for version, timeout in zip(Versions.ALL, (60, 60, 59)):
        talk.go_on(100)
        versions.write(version)
        assert g.reload(run_app.settings(concurrency=4,
                                         timeout=timeout)) == "done"
        until(lambda: talk.complaints or versions.is_in_force(version))
    check_each_once(g, talk, versions)


class Gate:
    """A handler whose runs wait until they are let through."""

    def __init__(self):
        self.open = threading.Event()

    def __call__(self, event, context):
        assert self.open.wait(PATIENCE)
        return handler(event, context)


def test_what_runs_is_waited_for(start):
    """SIGTERM: a call gets its answer, and an event runs to its end."""
    gate = Gate()
    g = start(gate, timeout=60)
    with Wire(g.port) as wire, Wire(g.port) as other:
        wire.write(invoke_bytes({"n": 1}))
        other.write(invoke_bytes({"n": 2}, {"X-Amz-Invocation-Type": "Event"}))
        assert other.reply().status == 202
        g.runtime.wait_for(2)
        g.send(signal.SIGTERM)
        g.wait_for_line(r" drain ")
        gate.open.set()
        assert wire.reply().json() == {"n": 1}
    g.runtime.closing = True
    assert g.end() == 0
    assert "async.dropped" not in g.output


def test_a_drain_waits_for_what_was_taken(run_app):
    """Two processes, two hundred messages, and SIGTERM when all have come."""
    g = run_app(concurrency=2, timeout=60)
    clients = [connect(g) for _ in range(10)]
    for n in range(20):
        for client in clients:
            client.send({"n": n, "seconds": 0.02})
    until(lambda: g.metric("messages_in") == 200)
    assert g.metric("invocations") < 200
    g.send(signal.SIGTERM)
    for client in clients:
        assert sorted(client.json()["n"] for _ in range(20)) == list(range(20))
        assert client.closed()[0] == 1012
        client.close()
    assert g.end() == 0


def test_a_function_that_goes_takes_its_calls_along(start):
    """Those that wait do not run, so they may be sent again; and runtimes that
    had attached to it have nobody to answer to."""
    gate = Gate()
    g = start(gate, threads=1, timeout=60)
    with Wire(g.port) as first, Wire(g.port) as second:
        first.write(invoke_bytes({"n": 1}))
        g.runtime.wait_for(1)
        second.write(invoke_bytes({"n": 2}))
        until(lambda: g.metric("invocations_waiting") == 1)
        g.runtime.closing = True
        assert g.reload(config({"$default": "http://127.0.0.1:1/"},
                               workers=2)) == "done"
        reply = second.reply()
        assert (reply.status, reply.get("x-amzn-ErrorType")) == (
            404, "ResourceNotFoundException")
        assert first.reply().json()["errorType"] == "Runtime.ExitError"
        gate.open.set()
