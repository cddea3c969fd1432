"""Several processes and one Redis: what one of them is asked for a client of
another, and what holds while Redis is away."""

import json
import pathlib
import signal
import subprocess
import time

import pytest

from bare import Closed, Http, Refused, WebSocket, config, quoted
from conftest import BINARY, PATIENCE, Program, free_port, until
from redis_server import RedisServer

LEASE = 6  # seconds, store/README.md
SEEN = 8  # a link this old can tell that an address has nobody
PASSWORD = "open sesame"
NOBODY = "L0SM9cOFvHcCIhw="  # well formed; websocket-api.md 3.1


def rights():
    """The user that the README shows: its rights must be enough for all that
    is tested here."""
    text = (pathlib.Path(__file__).parents[2] / "README.md").read_text()
    line, = (l for l in text.splitlines() if "ACL SETUSER gatewire" in l)
    return [">" + PASSWORD if word == ">PASSWORD" else word
            for word in line.split()[2:]]


class Redis(RedisServer):
    def __init__(self):
        super().__init__("--user", *rights(), "--unixsocket", "redis.sock")

    @property
    def place(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"redis://gatewire:open%20sesame@{self.place}"


@pytest.fixture
def redis():
    server = Redis()
    yield server
    if server.process.poll() is None:
        assert server.call("ACL", "LOG") == []
    server.close()


@pytest.fixture
def node(gatewire, redis):
    """node(3, ...): a `gatewire dev` that shares the Redis, as node 3."""
    def start(number, *args, url=redis.url, **more):
        return gatewire(["dev", "--redis", url, "--set", f"node={number}",
                         *args], **more)
    return start


def call(server, method, connection, body=None):
    with Http(server) as http:
        return http.ask(method, f"/dev/@connections/{quoted(connection)}", body)


def admin(g, method, path, fields=()):
    with Http(("127.0.0.1", g.admin)) as http:
        return http.ask(method, path, fields=fields)


def is_ready(g):
    return admin(g, "GET", "/readyz").status == 200


def gone(answer):
    return (answer.status, answer.type, answer.body) == (
        410, "GoneException", b"")


def knows_who_lives(g):
    """Each worker learns for itself, and which one is asked is the kernel's
    choice: so many in a row were not one worker alone."""
    until(lambda: all(gone(call(g, "POST", NOBODY, b"x")) for _ in range(12)),
          SEEN + 5)


def busy(answer):
    return (answer.status, answer.type, answer.headers.get("retry-after")) == (
        503, "ServiceUnavailableException", "1")


# --- calls go everywhere ------------------------------------------------------

def test_every_node_reaches_every_client(node):
    a, b = node(1, "--workers", "2"), node(2)
    for home in (a, b):
        for asked in (a, b):
            with WebSocket(home) as ws:
                for text in ("hello", "grüße", "x" * 100000):
                    answer = call(asked, "POST", ws.id, text.encode())
                    assert (answer.status, answer.body) == (200, b"")
                    assert ws.receive() == text
                answer = call(asked, "GET", ws.id)
                assert answer.status == 200
                assert (json.loads(answer.body)["identity"]["sourceIp"]
                        == "127.0.0.1")
                assert call(asked, "DELETE", ws.id).status == 204
                assert ws.closed() == 1000
                for anyone in (a, b):
                    assert gone(call(anyone, "POST", ws.id, b"late"))
    for g in (a, b):
        until(lambda: g.metric("bus_remote_sent") > 0
              and g.metric("bus_remote_received") > 0)
    assert a.metric("bus_remote_garbage") == 0
    assert a.metric("calls_waiting") == 0


def test_what_the_owner_says_comes_back(gatewire, redis):
    """400 and 410 are its own judgement: its stage, its connection."""
    a, b = (gatewire(["serve", "--redis", redis.url, "--set", f"node={n}"],
                     config("listen: 127.0.0.1:0\n", chat="dev", other="dev"))
            for n in (1, 2))
    with WebSocket(a, "/chat/dev") as ws, Http(b) as http:
        base = "/@connections/" + quoted(ws.id)
        assert gone(http.ask("POST", "/other/dev" + base, b"x"))
        answer = http.ask("POST", "/chat/dev" + base, b"\xff")
        assert (answer.status, answer.type) == (400, "BadRequestException")
        assert http.ask("POST", "/chat/dev" + base, b"ok").status == 200
        assert ws.receive() == "ok"


def test_pushes_keep_their_order(node):
    a, b = node(1), node(2)
    with WebSocket(a) as ws, Http(b) as http:
        path = f"/dev/@connections/{quoted(ws.id)}"
        for i in range(200):
            assert http.ask("POST", path, str(i).encode()).status == 200
        assert [ws.receive() for _ in range(200)] == [
            str(i) for i in range(200)]


def test_an_id_of_nobody_is_gone(node):
    a = node(1)
    assert call(a, "POST", "no-id", b"x").status == 400
    knows_who_lives(a)
    began = time.monotonic()
    assert gone(call(a, "POST", NOBODY, b"x"))
    assert time.monotonic() - began < 1  # nobody was waited for


# --- nodes that end -----------------------------------------------------------

def test_a_node_that_left_is_gone_at_once(node):
    a, b = node(1), node(2)
    knows_who_lives(b)
    with WebSocket(a) as ws:
        name = ws.id
        a.send(signal.SIGTERM)
        assert ws.closed() == 1012
    assert a.end() == 0
    assert gone(call(b, "POST", name, b"x"))


def test_a_node_that_died_is_gone_when_its_lease_is(node):
    a, b = node(1, status=-signal.SIGKILL), node(2)
    with WebSocket(a) as ws:
        name = ws.id
        a.send(signal.SIGKILL)
        a.end()
    died = time.monotonic()
    assert busy(call(b, "POST", name, b"x"))  # it may only be away
    until(lambda: gone(call(b, "POST", name, b"x")), 2 * SEEN)
    assert time.monotonic() - died < SEEN + 2
    # and its goodbye is said by the other
    until(lambda: b.metric("goodbyes_inherited") == 1)


def test_a_node_that_says_nothing_is_not_waited_for_long(node):
    a, b = node(1), node(2)
    with WebSocket(a) as ws:
        name = ws.id
        a.send(signal.SIGSTOP)
        began = time.monotonic()
        assert busy(call(b, "POST", name, b"x"))
        assert 1.9 < time.monotonic() - began < 4  # limits.pushTimeout
        a.send(signal.SIGCONT)
        assert ws.receive() == "x"  # it was asked, and had only been slow
        assert call(b, "POST", name, b"y").status == 200
        assert ws.receive() == "y"
    assert b.metric("bus_expired") == 1


# --- Redis that is away -------------------------------------------------------

def test_without_redis_what_is_here_goes_on(node, redis):
    a, b = node(1), node(2)
    with WebSocket(a) as on_a, WebSocket(b) as on_b:
        names = on_a.id, on_b.id
        redis.kill()
        until(lambda: busy(call(a, "POST", names[1], b"x")))
        began = time.monotonic()
        assert busy(call(a, "POST", names[1], b"x"))
        assert time.monotonic() - began < 1  # at once, not in 2 s
        assert call(a, "POST", names[0], b"here").status == 200
        assert on_a.receive() == "here"
        assert on_a.call("echo?") is not None
        until(lambda: not is_ready(a))
        with pytest.raises(Refused) as refused:
            WebSocket(a)
        assert refused.value.answer.status == 503
        until(lambda: a.metric("redis_up") == 0)

        redis.start()
        until(lambda: is_ready(a) and is_ready(b))
        until(lambda: call(a, "POST", names[1], b"again").status == 200)
        assert on_b.receive() == "again"
        until(lambda: a.metric("redis_up") > 0)
        until(lambda: a.metric("redis_reconnects") > 0)
    a.wait_for("redis.down")


def test_a_process_starts_without_redis_and_joins_later(node, redis):
    redis.kill()
    a = node(1)
    a.wait_for_line(rf"redis\.waiting .*url=redis://gatewire:\*\*\*@{redis.place} "
                    r"reason=\".*refused.*\"")
    assert admin(a, "GET", "/healthz").status == 200
    answer = admin(a, "GET", "/readyz")
    assert (answer.status, answer.body) == (503, b"waiting for redis\n")
    with pytest.raises(Refused) as refused:
        WebSocket(a)
    assert refused.value.answer.status == 503
    redis.start()
    until(lambda: is_ready(a))
    a.wait_for("registry.joined")
    with WebSocket(a) as ws:
        assert call(a, "POST", ws.id, b"x").status == 200


# --- starts that are refused --------------------------------------------------

def start(*args, **env):
    """One that is not expected to serve."""
    return Program([str(BINARY), "dev", "--listen", "127.0.0.1:0", "--admin",
                    "127.0.0.1:0", *args], **env)


def test_redis_may_be_required(redis):
    redis.kill()
    began = time.monotonic()
    p = start("--redis", f"redis://:hush@{redis.place}/0", "--require-redis")
    assert p.end() == 69
    assert time.monotonic() - began > 4  # it may just be starting, too
    assert (f"gatewire: cannot join at redis://:***@127.0.0.1:{redis.port}"
            in p.output)
    assert "refused" in p.output
    assert "hush" not in p.output


def test_the_wait_for_redis_can_be_ended(redis):
    redis.kill()
    p = start("--redis", redis.url, "--require-redis")
    p.wait_for("redis.away")  # signals are waited for by then
    p.send(signal.SIGTERM)
    assert p.end() == 0


def test_a_node_is_one_process(node, redis):
    node(7)
    p = start("--redis", redis.url, "--set", "node=7")
    assert p.end() == 69
    assert "node 7 is alive elsewhere" in p.output
    with WebSocket(node(8)) as ws:
        assert ws.id


def test_a_node_that_died_comes_back(node):
    """Its own lease is in its way, for as long as that lasts."""
    a = node(7, status=-signal.SIGKILL)
    a.send(signal.SIGKILL)
    a.end()
    with WebSocket(node(7)) as ws:
        assert ws.id


# --- who we are to Redis ------------------------------------------------------

def use_both(a, b):
    with WebSocket(a) as on_a, WebSocket(b) as on_b:
        for asked, ws in ((b, on_a), (a, on_b)):
            assert call(asked, "POST", ws.id, b"hello").status == 200
            assert ws.receive() == "hello"


def test_the_password_may_stand_elsewhere(gatewire, redis, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    url = f"redis://gatewire@{redis.place}"
    a = gatewire(["dev", "--redis", url, "--set", "node=1", "--require-redis",
                  "--set", f"redisPasswordFile={secret}"])
    b = gatewire(["dev", "--redis", url, "--set", "node=2", "--require-redis"],
                 env={"GATEWIRE_REDIS_PASSWORD": PASSWORD})
    use_both(a, b)
    for g in (a, b):
        assert PASSWORD not in g.output


def test_a_wrong_password_is_said(redis):
    p = start("--redis", f"redis://gatewire:wrong@{redis.place}",
              "--require-redis")
    assert p.end() == 69
    assert "WRONGPASS" in p.output
    assert "wrong@" not in p.output
    redis.call("ACL", "LOG", "RESET")


def test_redis_on_a_unix_socket(gatewire, redis):
    url = f"unix://{redis.folder}/redis.sock?db=3"
    use_both(*(gatewire(["dev", "--redis", url, "--set", f"node={n}",
                         "--set", "redisUser=gatewire", "--require-redis"],
                        env={"GATEWIRE_REDIS_PASSWORD": PASSWORD})
               for n in (1, 2)))


def test_two_clusters_share_a_redis(gatewire, redis):
    """With other prefixes they know nothing of each other."""
    url = f"redis://{redis.place}"  # its user may do everything
    a, b = (gatewire(["dev", "--redis", url, "--set", "node=1",
                      "--set", f"redisPrefix={prefix}"])
            for prefix in ("one:", "two:"))
    with WebSocket(a) as on_a, WebSocket(b) as on_b:
        assert not call(b, "POST", on_a.id, b"x").status == 200
        assert call(b, "POST", on_b.id, b"x").status == 200
    keys = {k.split(b":")[0] for k in redis.call("KEYS", "*")}
    assert keys == {b"one", b"two"}


# --- dead letters -------------------------------------------------------------

def letters(g, *args):
    done = subprocess.run(
        [str(BINARY), "dead-letters", *args, "--admin", f"127.0.0.1:{g.admin}"],
        capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


def dead_config(port, **settings):
    return json.dumps({
        "listen": "127.0.0.1:0", "disconnectRetryWindow": "100ms",
        **settings, "apis": {"chat": {
            "routeSelectionExpression": "$request.body.action",
            "routes": {
                "$disconnect": f"http://127.0.0.1:{port}/bye",
                "whoami": {"routeResponse": True, "integration": {
                    "type": "MOCK", "responses": {"$default": {
                        "responseTemplates": {"$default":
                            '{"connectionId":"$context.connectionId"}'}}}}}},
            "stages": {"dev": {}}}}})


@pytest.mark.parametrize("with_redis", [True, False])
def test_dead_letters_are_shown_retried_and_dropped(gatewire, redis, backend,
                                                    with_redis):
    nobody = free_port()
    settings = {"redis": redis.url} if with_redis else {}
    a = gatewire(["serve"], dead_config(nobody, **settings))
    b = (gatewire(["serve"], dead_config(nobody, **settings))
         if with_redis else a)
    names = []
    for i in range(3):
        with WebSocket(a) as ws:
            names.append(ws.id)
            ws.leave(4000 + i)
        until(lambda: len(letters(a, "list")[1].splitlines()) == i + 1)

    # any node shows them
    status, out, err = letters(b, "list")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[1] for line in lines] == names
    assert [line.split()[3] for line in lines] == ["4000", "4001", "4002"]
    assert all(line.split()[2] == "chat/dev" for line in lines)
    ids = [line.split()[-1] for line in lines]

    assert letters(b, "drop", ids[0]) == (0, "", "")
    assert letters(b, "drop", ids[0]) == (
        1, "", f"gatewire: {ids[0]}: no such dead letter (404)\n")
    assert len(letters(a, "list")[1].splitlines()) == 2

    # its backend is there again
    b.reload(dead_config(backend.port, **settings))
    assert letters(b, "retry", ids[1]) == (0, "", "")
    told = backend.wait_for("/bye")
    assert told[0].headers["x-gatewire-connection-id"] == names[1]
    assert told[0].headers["x-gatewire-disconnect-status-code"] == "4001"
    assert letters(b, "retry", "--all") == (0, "1\n", "")
    told = backend.wait_for("/bye", 2)
    assert told[1].headers["x-gatewire-connection-id"] == names[2]
    until(lambda: letters(a, "list") == (0, "", ""))


def test_no_page_gets_at_dead_letters(dev):
    for fields in ([("Origin", "https://evil.example")], [("Origin", "null")]):
        for method, path in (("GET", "/dead-letters"),
                             ("POST", "/dead-letters/1/retry"),
                             ("DELETE", "/dead-letters/1")):
            assert admin(dev, method, path, fields).status == 403
    with Http(("127.0.0.1", dev.admin)) as http:
        http.host = f"rebound.example:{dev.admin}"
        assert http.ask("DELETE", "/dead-letters/1").status == 403
        assert http.ask("GET", "/healthz").status == 200  # probes have names


def test_the_tool_explains_itself():
    run = lambda *args: subprocess.run(
        [str(BINARY), "dead-letters", *args], capture_output=True, text=True,
        timeout=PATIENCE)
    help = run("--help")
    assert help.returncode == 0
    assert len(help.stdout.splitlines()) < 24
    assert max(len(line) for line in help.stdout.splitlines()) < 80
    for wrong in ([], ["show"], ["retry"], ["drop", "--all", "1"],
                  ["list", "1"], ["retry", "a/b"], ["list", "--max"],
                  ["list", "--admin"], ["list", "--admin", "nowhere"]):
        done = run(*wrong)
        assert done.returncode == 2, wrong
        assert done.stderr.startswith("gatewire: "), wrong
    done = run("list", "--admin", f"127.0.0.1:{free_port()}")
    assert done.returncode == 69
