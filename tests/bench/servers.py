"""The servers that are measured: how each is started, found and stopped.

Every server runs alone on one core, listens on a free port of loopback, keeps
its files in a folder of its own, and is ended by its process id.
"""

import contextlib
import csv
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = os.path.join(ROOT, "build", "bench")
PEERS = os.path.join(ROOT, "tests", "bench", "peers")
PACKAGES = os.path.join(ROOT, "tests", "bench", "node_modules")
FUNCTION = os.path.join(PEERS, "function")
GATEWIRE = os.environ.get("GATEWIRE", os.path.join(ROOT, "build", "gatewire"))
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
NCHAN = "/usr/lib/nginx/modules/ngx_nchan_module.so"

CREDENTIAL = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

START_SECONDS = 30
STOP_SECONDS = 10


class Failed(Exception):
    """A server or the generator did not do its part; says why."""


def raise_file_limit():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def descendants(pid):
    """The processes below one: nginx has a worker that does the work, gatewire
    has a keeper and functions."""
    below = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        below.setdefault(parent, []).append(int(entry))
    found = [pid]
    for parent in found:
        found += below.get(parent, [])
    return found[1:]


class Server:
    """One server process; `with server.on(core):` runs it."""

    name = ""
    path = "/"
    besides = ()  # servers to run beside the generator
    spread = False  # it and the generator have all cores

    def missing(self):
        """Why it cannot run here, or None."""
        return None

    def command(self):
        raise NotImplementedError

    def environment(self):
        """What is added to that of the bench."""
        return {}

    def on(self, core):
        self.core = core
        return self

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="gatewire-bench-")
        self.port = free_port()
        self.process = None
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def _start(self):
        self.log = open(os.path.join(self.folder, "log"), "w+b")
        self.process = subprocess.Popen(
            self.command(),
            cwd=self.folder,
            env=os.environ | self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            preexec_fn=lambda: self.spread or os.sched_setaffinity(0, {self.core}),
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{self.name} did not start: {self.said()}")
            time.sleep(0.02)

    def _answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def said(self):
        """The end of what it printed, on one line."""
        self.log.seek(0)
        return " ".join(self.log.read().decode(errors="replace").split())[-300:]

    def _stop(self):
        if self.process and self.process.poll() is None:
            below = descendants(self.process.pid)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                for pid in [self.process.pid, *below]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self.process.wait()
        if getattr(self, "log", None):
            self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def to(self):
        return f"127.0.0.1:{self.port}"

    def words(self):
        """Options of the generator that only a running server knows."""
        return {}

    def pids(self):
        return [self.process.pid, *descendants(self.process.pid)]

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class Bare(Server):
    name = "bare epoll"

    def command(self):
        return [os.path.join(PROGRAMS, "echo_epoll"), self.to()]


class Backend(Server):
    name = "bare HTTP backend"

    def command(self):
        return [os.path.join(PROGRAMS, "backend_epoll"), self.to()]


class Runtimes(Server):
    """Attached to a function at this address, which is gatewire's to open."""

    name = "runtimes in C"

    def command(self):
        return [os.path.join(PROGRAMS, "runtime"), self.to()]

    def _answers(self):
        return True


class NodeServer(Server):
    package = ""

    def missing(self):
        if not shutil.which("node"):
            return "node is not installed"
        if not os.path.isdir(os.path.join(PACKAGES, self.package)):
            return "npm ci in tests/bench is missing"
        return None


class NodeWs(NodeServer):
    name = "Node.js ws"
    package = "ws"

    def command(self):
        return ["node", os.path.join(PEERS, "echo_ws.mjs"), str(self.port)]


class ServerlessOffline(NodeServer):
    """The function behind a two-way route. It starts a worker thread for every
    event that finds none idle; or none at all, and calls the function itself."""

    package = "serverless-offline"
    spread = True

    def __init__(self, in_process=False):
        self.in_process = in_process
        self.name = "serverless-offline" + (", in its process" if in_process else "")

    def environment(self):
        return {
            "HOME": self.folder,
            "SLS_NOTIFICATIONS_MODE": "off",
            "SLS_TELEMETRY_DISABLED": "1",
        }

    def command(self):
        shutil.copytree(FUNCTION, self.folder, dirs_exist_ok=True)
        # Or else it asks npm where packages are, which takes seconds.
        os.symlink(PACKAGES, os.path.join(self.folder, "node_modules"))
        self.write("serverless.json", json.dumps(self.service(), indent=2))
        program = os.path.join(PACKAGES, "serverless", "bin", "serverless.js")
        return ["node", program, "offline", "start"]

    def service(self):
        """The event $connect is required there: without one it refuses clients."""
        answers = {"routeResponseSelectionExpression": "$default"}
        return {
            "service": "bench",
            "provider": {
                "name": "aws",
                "runtime": "nodejs20.x",
                "websocketsApiRouteSelectionExpression": "$request.body.action",
            },
            "plugins": ["serverless-offline"],
            "custom": {
                "serverless-offline": {
                    "host": "127.0.0.1",
                    "websocketPort": self.port,
                    "httpPort": free_port(),
                    "lambdaPort": free_port(),
                    "useInProcess": self.in_process,
                }
            },
            "functions": {
                "echo": {
                    "handler": "app.handler",
                    "events": [
                        {"websocket": {"route": "$connect"}},
                        {"websocket": {"route": "$default"} | answers},
                    ],
                }
            },
        }


class Nginx(Server):
    """nginx with one worker, everything in its own folder, and one site."""

    name = "nginx"
    modules = ""
    outside = ""  # in http, beside the server

    def missing(self):
        return None if NGINX else "nginx is not installed"

    def site(self):
        raise NotImplementedError

    def command(self):
        user = "user root;" if os.geteuid() == 0 else ""
        folders = "\n".join(
            f"    {kind}_temp_path {self.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = self.write(
            "nginx.conf",
            f"""{self.modules}
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {resource.getrlimit(resource.RLIMIT_NOFILE)[1]};
pid {self.folder}/pid;
error_log stderr warn;
events {{ worker_connections 19500; }}
http {{
{folders}
    access_log off;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    {self.outside}
    server {{
        listen {self.to()} backlog=4096;
{self.site()}
    }}
}}
""",
        )
        return [NGINX, "-p", self.folder, "-e", "stderr", "-c", config]


class NginxGone(Nginx):
    def site(self):
        return '        location / { return 410 ""; }'


class NginxProxy(Nginx):
    name = "nginx proxy"

    def __init__(self):
        self.besides = (Backend(),)

    def command(self):
        self.outside = (
            f"upstream backend {{ server {self.besides[0].to()};"
            " keepalive 128; keepalive_requests 1000000000; }"
        )
        return super().command()

    def site(self):
        return """        location / {
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }"""


class Nchan(Nginx):
    """nchan as cheap as it gets: in memory, for those who are there now."""

    name = "nchan"
    modules = f"load_module {NCHAN};"

    def missing(self):
        return super().missing() or (
            None if os.path.exists(NCHAN) else "libnginx-mod-nchan is not installed"
        )

    def site(self):
        return """        location ~ ^/pub/(\\d+)$ {
            nchan_publisher;
            nchan_channel_id $1;
            nchan_store_messages off;
        }
        location ~ ^/sub/(\\d+)$ {
            nchan_subscriber websocket;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
        }"""


class Gatewire(Server):
    """`gatewire dev` with its built-in demo."""

    name = "gatewire"
    path = "/dev"

    def missing(self):
        return None if os.access(GATEWIRE, os.X_OK) else f"{GATEWIRE} is not there"

    def command(self):
        return [
            os.path.abspath(GATEWIRE),
            "dev",
            *("--listen", self.to()),
            *("--admin", f"127.0.0.1:{free_port()}"),
            *("--workers", "1"),
            *("--set", "log.access=false"),
        ]


class GatewireServing(Gatewire):
    """`gatewire serve` with credentials, routes to an HTTP backend (all, or
    $disconnect alone), and its state in a Redis."""

    def __init__(self, backend=None, redis=None, goodbyes=False, signed=True):
        self.backend, self.redis, self.goodbyes = backend, redis, goodbyes
        self.signed = signed
        self.besides = tuple(server for server in (backend, redis) if server)

    def missing(self):
        return super().missing() or (self.redis and self.redis.missing())

    def words(self):
        return {"watch": self.backend.to()} if self.goodbyes else {}

    def command(self):
        config = self.write("gatewire.yaml", json.dumps(self.config(), indent=2))
        return [os.path.abspath(GATEWIRE), "serve", "-c", config]

    def config(self):
        """JSON is YAML."""
        key_id, secret = CREDENTIAL
        routes = {
            "$default": mock("$input.body"),
            "whoami": mock('{"connectionId":"$context.connectionId"}'),
        }
        if self.backend:
            routes["$disconnect" if self.goodbyes else "http"] = {
                "integration": {
                    "type": "HTTP_PROXY",
                    "integrationUri": f"http://{self.backend.to()}/",
                    "integrationMethod": "POST",
                },
            } | ({} if self.goodbyes else {"routeResponse": True})
        return {
            **({"redis": f"redis://{self.redis.to()}"} if self.redis else {}),
            **({} if self.signed else {"managementAuth": "none"}),
            "listen": self.to(),
            "admin": f"127.0.0.1:{free_port()}",
            "workers": 1,
            "log": {"access": False},
            "credentials": [{"accessKeyId": key_id, "secretAccessKey": secret}],
            "apis": {
                "bench": {
                    "protocolType": "WEBSOCKET",
                    "routeSelectionExpression": "$request.body.action",
                    "routes": routes,
                    "stages": {"dev": {}},
                }
            },
        }


class GatewireFunctions(Gatewire):
    """`gatewire serve` with one function, which it runs on Node.js or leaves to
    the runtimes that attach to it, behind a two-way route."""

    PROCESSES = 4

    def __init__(self, runtimes=None):
        self.runtimes = runtimes
        self.spread = not runtimes
        self.besides = (runtimes,) if runtimes else ()

    def command(self):
        config = self.write("gatewire.yaml", json.dumps(self.config(), indent=2))
        return [os.path.abspath(GATEWIRE), "serve", "-c", config]

    def function(self):
        if self.runtimes:
            return {"runtimeApi": self.runtimes.to()}
        return {
            "runtime": "nodejs20.x",
            "handler": "app.handler",
            "codeUri": FUNCTION,
            "concurrency": self.PROCESSES,
        }

    def config(self):
        proxy = {"type": "AWS_PROXY", "integrationUri": "function:echo"}
        return {
            "listen": self.to(),
            "admin": f"127.0.0.1:{free_port()}",
            "workers": 1,
            "log": {"access": False},
            "managementAuth": "none",
            "functions": {"echo": self.function()},
            "apis": {
                "bench": {
                    "protocolType": "WEBSOCKET",
                    "routeSelectionExpression": "$request.body.action",
                    "routes": {"$default": {"integration": proxy, "routeResponse": True}},
                    "stages": {"dev": {}},
                }
            },
        }

    def _answers(self):
        started = self.runtimes or len(self.pids()) > self.PROCESSES + 1  # a keeper
        return started and super()._answers()


class GatewirePair(GatewireServing):
    """Two nodes and their Redis, all on one core: clients are connected to
    this one, requests go to the other."""

    def __init__(self):
        super().__init__(signed=False)
        self.shared = Redis()
        self.other = GatewireServing(redis=self.shared, signed=False)

    def missing(self):
        return super().missing() or self.shared.missing()

    def config(self):
        return super().config() | {"redis": f"redis://{self.shared.to()}"}

    def __enter__(self):
        self.running = contextlib.ExitStack()
        try:
            self.running.enter_context(self.shared.on(self.core))
            self.running.enter_context(self.other.on(self.core))
            return super().__enter__()
        except BaseException:
            self.running.close()
            raise

    def __exit__(self, *error):
        super().__exit__(*error)
        self.running.close()

    def pids(self):
        return super().pids() + self.other.pids() + self.shared.pids()

    def words(self):
        return {"via": self.other.to()}


class Redis(Server):
    name = "redis-server"

    def missing(self):
        return None if shutil.which("redis-server") else "redis-server is not installed"

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                "--save", "", "--dir", self.folder]


class RedisPublish(Redis):
    """What `redis-benchmark` makes of PUBLISH, one at a time on each of 64
    connections, nobody listening: the least that a message over Redis costs."""

    name = "redis PUBLISH"
    REQUESTS = 150_000

    def measure(self, core):
        before = self._cpu_ns()
        done = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), "-c", "64", "--csv",
             "-n", str(self.REQUESTS), "PUBLISH", "bench", "x" * 64],
            capture_output=True, text=True, check=False, timeout=60,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        if done.returncode:
            raise Failed(" ".join(done.stderr.split()))
        cpu_ns = self._cpu_ns() - before
        (row,) = (line for line in csv.DictReader(done.stdout.splitlines()))
        return {
            "cpu_us": cpu_ns / 1e3 / self.REQUESTS,
            "rate": float(row["rps"]),
            "p50_us": float(row["p50_latency_ms"]) * 1e3,
            "p99_us": float(row["p99_latency_ms"]) * 1e3,
        }

    def _cpu_ns(self):
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat",
                      encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total


def mock(template):
    """A two-way MOCK route that answers with a template."""
    return {
        "integration": {
            "type": "MOCK",
            "responses": {"$default": {"responseTemplates": {"$default": template}}},
        },
        "routeResponse": True,
    }
