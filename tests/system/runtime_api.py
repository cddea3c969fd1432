"""A Lambda Runtime API for one runtime process, to test runtimes with. It is
strict: what a runtime may not do goes to `faults`, which the end looks at.

    with RuntimeApi() as api, Runtime(command, api, folder, handler) as runtime:
        answer = api.invoke({"n": 1})   # kind, status, json, headers …
"""

import http.server
import json
import os
import queue
import sys
import threading
import time
import urllib.parse
import uuid

import pytest

from conftest import PATIENCE, ROOT, Program

FUNCTIONS = ROOT / "clients/functions"
NODE = ["node", str(FUNCTIONS / "node/bootstrap.mjs")]
PYTHON = ["/usr/bin/python3", str(FUNCTIONS / "python/bootstrap.py")]
RIC_FILE = ROOT / "tests/system/ric/node_modules/aws-lambda-ric/bin/index.mjs"
RIC = ["node", str(RIC_FILE), "{handler}"]   # AWS's own for Node
needs_ric = pytest.mark.skipif(
    not RIC_FILE.exists(),
    reason="aws-lambda-ric is not there: make deps-ric builds it (minutes)")
PREFIX = "/2018-06-01/runtime"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:greeter"
FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "greeter",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/greeter",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/22/[$LATEST]0",
    "AWS_REGION": "eu-west-1",
}


class Answer:
    """What became of an invocation, or of the start: `kind` is "response",
    "error", or "lost" when the connection closed without either."""

    def __init__(self, kind, body=b"", headers=None, trailers=None,
                 connection=None):
        self.kind, self.body = kind, body
        self.headers = headers or {}
        self.trailers = trailers or {}
        self.connection = connection

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.kind} {self.body[:500]!r}>"


class Invocation:
    def __init__(self, body, headers, seconds):
        self.id = str(uuid.uuid4())
        self.body = body
        self.deadline = int((time.time() + seconds) * 1000)
        self.headers = {
            "Lambda-Runtime-Aws-Request-Id": self.id,
            "Lambda-Runtime-Deadline-Ms": str(self.deadline),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Content-Type": "application/json", **headers}
        self.answers = queue.Queue()

    def wait(self, seconds=PATIENCE):
        return self.answers.get(timeout=seconds)


class RuntimeApi:
    def __init__(self):
        self.invocations = queue.Queue()
        self.init_errors = queue.Queue()
        self.running = None    # the invocation that is being worked on
        self.owner = None      # the connection that fetched it
        self.refusals = []     # (status, body) for the next posts
        self.drop_after = 0    # answers after which connections are closed
        self.chunked = False   # how answers are sent, and in which pieces
        self.pieces = lambda answer: [answer]
        self.connections = 0
        self.faults = []
        self.closing = False

        class Handler(_Handler):
            api = self

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True,
                         kwargs={"poll_interval": 0.02}).start()

    def begin(self, event=None, raw=None, headers=None, seconds=30):
        body = raw if raw is not None else json.dumps(event).encode()
        invocation = Invocation(body, headers or {}, seconds)
        self.invocations.put(invocation)
        return invocation

    def invoke(self, event=None, **more):
        return self.begin(event, **more).wait()

    def close(self):
        self.closing = True
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        assert kind or not self.faults, self.faults


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*_)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.api.connections += 1
        self.number = self.api.connections
        self.answered = 0

    def finish(self):
        if self.api.running and self.api.owner == self.number:
            running, self.api.running = self.api.running, None
            running.answers.put(Answer("lost", connection=self.number))
        try:
            super().finish()
        except OSError:
            pass

    def demand(self, holds, what):
        if not holds:
            self.api.faults.append(f"{self.command} {self.path}: {what}")

    def do_GET(self):
        self.demand(self.path == PREFIX + "/invocation/next", "no such path")
        self.demand(self.api.running is None, "next before the answer")
        self.demand(not self.read_body()[0], "has a body")
        while True:
            if self.api.closing:
                self.close_connection = True
                return
            try:
                invocation = self.api.invocations.get(timeout=0.02)
                break
            except queue.Empty:
                continue
        if callable(invocation):   # an answer of the test's own
            return invocation(self)
        self.api.running, self.api.owner = invocation, self.number
        self.reply(200, invocation.body, invocation.headers)

    def do_POST(self):
        body, trailers = self.read_body()
        headers = {k.lower(): v for k, v in self.headers.items()}
        self.demand("expect" not in headers, "expects 100-continue")
        self.demand("content-type" in headers, "has no content type")
        if self.api.refusals:
            status, told = self.api.refusals.pop(0)
        else:
            status, told = 202, {"status": "OK"}

        if self.path == PREFIX + "/init/error":
            self.api.init_errors.put(Answer("init", body, headers))
        else:
            running = self.api.running
            start = f"{PREFIX}/invocation/{running.id if running else '-'}/"
            kind = self.path.rpartition("/")[2]
            self.demand(self.path == urllib.parse.unquote(self.path)
                        == start + kind and kind in ("response", "error"),
                        f"not an answer to {start}")
            if running:
                self.api.running = None
                running.answers.put(
                    Answer(kind, body, headers, trailers, self.number))
        self.reply(status, json.dumps(told).encode(),
                   {"Content-Type": "application/json"})

    def read_body(self):
        """The body and the trailers."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0))), {}
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.demand(self.rfile.readline() == b"\r\n", "chunk without an end")
        trailers = {}
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            trailers[name.lower()] = value.strip()
        return b"".join(parts), trailers

    def reply(self, status, body, headers):
        self.answered += 1
        head = [f"HTTP/1.1 {status} Status", "Date: today"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        if self.api.chunked:
            head.append("Transfer-Encoding: chunked")
            body = b"".join(
                b"%X\r\n%s\r\n" % (len(part), part)
                for part in filter(None, (body[:7], body[7:]))) + b"0\r\n\r\n"
        else:
            head.append(f"Content-Length: {len(body)}")
        answer = "\r\n".join([*head, "", ""]).encode("latin-1") + body
        for piece in self.api.pieces(answer):
            self.wfile.write(piece)
        if self.api.drop_after and self.answered >= self.api.drop_after:
            self.close_connection = True   # and does not say so

    def log_message(self, *_):
        pass


class Runtime(Program):
    """A runtime process in the function's folder, with the environment that a
    function has. `command` may have {handler} in it."""

    def __init__(self, command, api, folder, handler, **env):
        ours = [n for n in os.environ if n.startswith(("AWS_", "_X_AMZN"))]
        super().__init__(
            ["env", "-C", str(folder), *(f"-u{name}" for name in ours),
             *(f"{name}={value}" for name, value in {
                 **FUNCTION, "AWS_LAMBDA_RUNTIME_API": api.address,
                 "_HANDLER": handler, "LAMBDA_TASK_ROOT": str(folder),
                 **env}.items()),
             *(part.format(handler=handler) for part in command)])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(5)
