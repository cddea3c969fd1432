"""What system tests stand on: the real binary on free ports, and a backend
that remembers what it was asked.

    def test_echo(dev):                 # `gatewire dev`, the demo API
    def test_more(gatewire, backend):   # gatewire(args=[...], config="yaml")
"""

import http.server
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = (ROOT / os.environ.get("GATEWIRE", "build/gatewire")).absolute()
PATIENCE = 30  # seconds for what must come; sanitizers and busy machines are slow


def until(condition, seconds=PATIENCE, what="the condition"):
    """Waits for something that announces itself in no other way."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} did not come about"
        time.sleep(0.01)
    return value


class Program:
    """A process whose output is kept, and can be waited for."""

    def __init__(self, args, **env):
        self.lines = []
        self.news = threading.Condition()
        self.ended = False
        self.process = subprocess.Popen(
            args, env={**os.environ, **env}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, errors="replace")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line)
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    @property
    def output(self):
        return "".join(self.lines)

    def wait_for(self, words, seconds=30):
        with self.news:
            self.news.wait_for(lambda: self.ended or words in self.output,
                               seconds)
            assert words in self.output, self.output

    def send(self, number):
        self.process.send_signal(number)

    def end(self, seconds=30):
        """Waits for the end, and returns the status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("does not end:\n" + self.output)
        finally:
            self.reader.join(5)


class Gatewire(Program):
    """A running gatewire. `host` and `port` are the public listener's, `admin`
    is the port of the other one."""

    def __init__(self, args, config=None, folder=None, env=None):
        self.config_path = None
        command = [str(BINARY), *args]
        if config is not None:
            self.config_path = pathlib.Path(folder) / "gatewire.yaml"
            self.config_path.write_text(config)
            command += ["-c", str(self.config_path)]
        if not any(a == "--listen" for a in args):
            command += ["--listen", "127.0.0.1:0"]
        if not any(a == "--admin" for a in args):
            command += ["--admin", "127.0.0.1:0"]
        if "drain" not in (config or ""):
            command += ["--set", "drain.window=0s"]
        command += ["--set", "log.level=info"]
        super().__init__(command, **(env or {}))
        line = self.wait_for_line(r"listen +address=\S+:(\d+) .*admin=(\S+)")
        self.host = "127.0.0.1"
        self.port = int(line[1])
        self.admin = int(line[2].rsplit(":")[-1]) if ":" in line[2] else None

    def wait_for_line(self, pattern, seconds=PATIENCE, start=0):
        """The match of the first line from `start` on that has the pattern."""
        def find():
            for line in self.lines[start:]:
                if match := re.search(pattern, line):
                    return match
            return None
        with self.news:
            self.news.wait_for(lambda: find() or self.ended, seconds)
            match = find()
            assert match, f"no line {pattern!r} in:\n{self.output}"
            return match

    @property
    def http(self):
        return f"http://{self.host}:{self.port}"

    @property
    def ws(self):
        return f"ws://{self.host}:{self.port}"

    def metric(self, name):
        """The value of gatewire_<name>, from /metrics."""
        import urllib.request
        with urllib.request.urlopen(
                f"http://127.0.0.1:{self.admin}/metrics", timeout=PATIENCE) as r:
            text = r.read().decode()
        match = re.search(rf"^gatewire_{name}(?:_total)? (\d+)$", text, re.M)
        assert match, f"no metric {name}"
        return int(match[1])

    def reload(self, config):
        """Writes the file anew, sends SIGHUP, returns the line that answers."""
        start = len(self.lines)
        self.config_path.write_text(config)
        self.process.send_signal(signal.SIGHUP)
        return self.wait_for_line(r"reload\.(done|refused)", start=start)[1]

    def stop(self, number=signal.SIGTERM):
        """Ends it, and returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.end(PATIENCE)


def factory(parent):
    """Yields a function that starts servers, and ends them all with the
    fixture: each with its expected status, which also means that no sanitizer
    complained."""
    running = []

    def start(args=None, config=None, env=None, status=0):
        args = list(args) if args is not None else (
            ["serve"] if config is not None else ["dev"])
        if args and args[0] not in ("serve", "dev"):
            args.insert(0, "dev")
        folder = parent / str(len(running))
        folder.mkdir()
        g = Gatewire(args, config, folder, env)
        g.expected_status = status
        running.append(g)
        return g

    yield start
    for g in running:
        status = g.stop()
        assert status == g.expected_status, f"exit {status}:\n{g.output}"


@pytest.fixture
def gatewire(tmp_path):
    """gatewire(config=...) is `serve`, gatewire(["dev", ...]) is `dev`."""
    yield from factory(tmp_path)


@pytest.fixture
def dev(gatewire):
    return gatewire(["dev"])


@pytest.fixture(scope="module")
def shared_dev(tmp_path_factory):
    """One `gatewire dev` for all tests of a file: for tables of cases."""
    for start in factory(tmp_path_factory.mktemp("shared")):
        yield start(["dev"])


class Request:
    """What a backend was asked. Headers by lower-case name, last one wins."""

    def __init__(self, handler, body):
        self.method, self.target = handler.command, handler.path
        self.path = handler.path.split("?")[0]
        self.headers = {k.lower(): v for k, v in handler.headers.items()}
        self.raw_headers = handler.headers.items()
        self.body = body

    def __repr__(self):
        return f"<{self.method} {self.target} {self.body[:80]!r}>"


class Backend:
    """An HTTP backend. `answers` maps a path to (status, headers, body), or to
    a function of the request that returns one; every other path is a 200.
    What was asked is in `requests`; wait_for waits for more."""

    def __init__(self, port=0):
        self.requests, self.answers = [], {}
        self.news = threading.Condition()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self):
                length = int(self.headers.get("Content-Length", 0))
                request = Request(self, self.rfile.read(length))
                with backend.news:
                    backend.requests.append(request)
                    backend.news.notify_all()
                found = backend.answers.get(request.path, (200, {}, b""))
                status, headers, body = (
                    found(request) if callable(found) else found)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 1024

            def handle_error(self, request, client_address):
                pass  # clients that leave are part of the tests

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True,
                         kwargs={"poll_interval": 0.05}).start()

    def wait_for(self, path, count=1, seconds=PATIENCE):
        """The requests for that path, once there are `count` of them."""
        def found():
            return [r for r in self.requests if r.path == path]
        with self.news:
            assert self.news.wait_for(lambda: len(found()) >= count, seconds), (
                f"{path} was asked {len(found())} times, not {count}: "
                f"{self.requests}")
            return found()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def backend():
    b = Backend()
    yield b
    b.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]
