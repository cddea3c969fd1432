"""Clients that do not read, and clients that vanish."""

import http.client
import threading
import urllib.parse

from conftest import until
from wire import TEXT, config, connect, frame, http as integration, mock

MESSAGE = b"x" * 60000


class Pusher:
    """Posts to connections over one kept HTTP connection."""

    def __init__(self, g):
        self.http = http.client.HTTPConnection("127.0.0.1", g.port, timeout=30)

    def post(self, asked, body=MESSAGE):
        identity = urllib.parse.quote(
            asked.headers["x-gatewire-connection-id"])
        self.http.request("POST", f"/chat/dev/@connections/{identity}", body)
        reply = self.http.getresponse()
        reply.read()
        return reply.status


def watched(gatewire, backend, **settings):
    return gatewire(config=config({
        "$connect": backend.url + "/connect",
        "$disconnect": backend.url + "/disconnect",
        "$default": mock(), }, **settings))


def join(g, backend, count, **more):
    """(client, what its $connect was asked), one after another."""
    out = []
    for n in range(count):
        client = connect(g, **more)
        out.append((client, backend.wait_for(
            "/connect", len(out) + 1)[-1]))
    return out


def test_a_client_that_does_not_read_is_closed(gatewire, backend):
    g = watched(gatewire, backend, limits={"outQueueBytes": 200000})
    with connect(g) as reader:
        slow = connect(g, receive_buffer=4096)
        asked_reader, asked_slow = backend.wait_for("/connect", 2)
        pusher = Pusher(g)
        statuses = []
        while not statuses or statuses[-1] == 200:
            statuses.append(pusher.post(asked_slow))
            assert pusher.post(asked_reader) == 200
            assert reader.message() == (TEXT, MESSAGE)
            assert len(statuses) < 2000
        assert statuses[-1] == 429, "LimitExceededException"
        assert pusher.post(asked_slow) == 410
        gone, = backend.wait_for("/disconnect")
        h = gone.headers
        assert h["x-gatewire-connection-id"] == (
            asked_slow.headers["x-gatewire-connection-id"])
        assert h["x-gatewire-disconnect-status-code"] == "1008"
        assert g.metric("slow_clients_closed_total") == 1
        assert g.metric("out_queued_bytes") == 0
        assert pusher.post(asked_reader) == 200
        assert reader.message() == (TEXT, MESSAGE)
        slow.close()


def test_replies_count_too(gatewire, backend):
    """A client that asks and does not read: its own answers fill the queue."""
    g = watched(gatewire, backend, limits={"outQueueBytes": 100000})
    with connect(g, receive_buffer=4096) as slow:
        slow.socket.settimeout(None)
        ask = frame(TEXT, "x" * 30000)

        def flood():
            try:
                while True:
                    slow.write(ask)
            except OSError:
                pass
        flooder = threading.Thread(target=flood, daemon=True)
        flooder.start()
        # Either its socket is read no more, or it is closed: the memory it
        # takes is bounded all the same.
        until(lambda: g.metric("out_queued_bytes") > 0
              or g.metric("slow_clients_closed_total"))
        with connect(g) as other:
            for _ in range(50):
                other.send("x")
                assert other.text() == "x"
                assert g.metric("out_queued_bytes") <= 200000
        slow.socket.shutdown(2)
        flooder.join(20)
    backend.wait_for("/disconnect", 1)


def test_slow_is_not_stuck(gatewire, backend):
    """A client that reads late gets everything, in order."""
    g = watched(gatewire, backend, limits={"outQueueBytes": "8MB"})
    with connect(g, receive_buffer=4096) as slow:
        asked, = backend.wait_for("/connect")
        pusher = Pusher(g)
        for n in range(60):
            assert pusher.post(asked, b"%d " % n + MESSAGE) == 200
        assert g.metric("out_queued_bytes") > 0
        for n in range(60):
            opcode, payload = slow.message()
            assert payload.startswith(b"%d " % n)
            assert len(payload) == len(b"%d " % n) + len(MESSAGE)
        assert slow.alive()
    assert g.metric("slow_clients_closed_total") == 0


def test_when_all_together_is_too_much_the_largest_goes(gatewire, backend):
    g = watched(gatewire, backend, workers=1, limits={
        "outQueueBytes": "8MB", "outQueueTotalBytes": "4MB"})
    (small, asked_small), = join(g, backend, 1, receive_buffer=4096)
    large = connect(g, receive_buffer=4096)
    asked_large = backend.wait_for("/connect", 2)[1]
    pusher = Pusher(g)
    while g.metric("out_queued_bytes") == 0:  # the system's buffers are full
        assert pusher.post(asked_small) == 200
    for _ in range(5):
        assert pusher.post(asked_small) == 200
    status = 200
    while g.metric("queues_shed_total") == 0:
        status = pusher.post(asked_large)
    assert status in (200, 429)
    gone, = backend.wait_for("/disconnect")
    assert gone.headers["x-gatewire-connection-id"] == (
        asked_large.headers["x-gatewire-connection-id"])
    assert gone.headers["x-gatewire-disconnect-status-code"] == "1008"
    assert pusher.post(asked_small) == 200
    for _ in range(6):  # the other one did not lose anything
        assert small.message() == (TEXT, MESSAGE)
    small.close()
    large.close()


def test_a_close_cannot_reach_who_reads_nothing(gatewire, backend):
    """Its goodbye is delivered all the same, and the process ends."""
    g = watched(gatewire, backend, limits={"outQueueBytes": "8MB"})
    with connect(g, receive_buffer=4096):
        asked, = backend.wait_for("/connect")
        pusher = Pusher(g)
        while g.metric("out_queued_bytes") == 0:
            assert pusher.post(asked) == 200
        assert g.stop() == 0
        gone, = backend.wait_for("/disconnect")
        assert gone.headers["x-gatewire-disconnect-status-code"] == "1012"


def test_many_vanish_at_once(gatewire, backend):
    g = watched(gatewire, backend)
    clients = [connect(g) for _ in range(200)]
    ids = {r.headers["x-gatewire-connection-id"]
           for r in backend.wait_for("/connect", 200)}
    with connect(g) as stays:
        for client in clients:
            client.reset()
        gone = backend.wait_for("/disconnect", 200)
        assert {r.headers["x-gatewire-connection-id"] for r in gone} == ids
        assert {r.headers["x-gatewire-disconnect-status-code"]
                for r in gone} == {"1006"}
        until(lambda: g.metric("connections_open") == 1)
        stays.send("x")
        assert stays.text() == "x"
    assert len(backend.wait_for("/disconnect", 201)) == 201


def test_many_vanish_with_their_answers_under_way(gatewire, backend):
    release = threading.Event()
    backend.answers["/held"] = lambda r: (
        release.wait(30) and (200, {}, MESSAGE))
    g = gatewire(config=config({
        "$default": integration(backend.url + "/held", "HTTP_PROXY",
                                maxInFlight=1000),
        "$disconnect": backend.url + "/disconnect"}))
    clients = [connect(g) for _ in range(100)]
    for client in clients:
        client.send("x")
    backend.wait_for("/held", 100)
    for client in clients:
        client.reset()
    backend.wait_for("/disconnect", 100)
    release.set()
    until(lambda: g.metric("exchanges_in_flight") == 0)
    assert g.metric("connections_open") == 0
