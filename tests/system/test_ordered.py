"""Messages of one connection: started in order, run side by side; one at a
time where a route says so; no more at a time than the bound."""

import json
import threading

import pytest

from conftest import until
from wire import config, connect, http, mock, push, two_way


class Held:
    """A backend path whose answers wait to be let go, one by one. The body
    names the message."""

    def __init__(self, backend, path="/held"):
        self.backend, self.path = backend, path
        self.gates, self.lock = {}, threading.Lock()
        backend.answers[path] = self.answer

    def gate(self, name):
        with self.lock:
            return self.gates.setdefault(name, threading.Event())

    def answer(self, request):
        name = json.loads(request.body)["n"]
        self.gate(name).wait(30)
        return 200, {}, str(name).encode()

    def arrived(self, count):
        return [json.loads(r.body)["n"]
                for r in self.backend.wait_for(self.path, count)]

    def let_all_go(self, names):
        for name in names:
            self.gate(name).set()


def test_messages_run_side_by_side(gatewire, backend):
    held = Held(backend)
    g = gatewire(config=config({"$default": two_way(held.backend.url
                                                    + held.path)}))
    with connect(g) as client:
        for n in range(20):
            client.send({"n": n})
        assert sorted(held.arrived(20)) == list(range(20))
        for n in reversed(range(20)):  # answers come as they are ready
            held.gate(n).set()
            assert client.text() == str(n)


def test_messages_start_in_order(gatewire, backend):
    """One at a time at the backend: the order there is that of sending."""
    held = Held(backend)
    held.let_all_go(range(50))
    g = gatewire(config=config({"$default": http(
        backend.url + held.path, "HTTP_PROXY", maxInFlight=1)}))
    with connect(g) as client:
        for n in range(50):
            client.send({"n": n})
        assert [client.text() for _ in range(50)] == [
            str(n) for n in range(50)]
    assert held.arrived(50) == list(range(50))


def test_ordered_is_one_at_a_time(gatewire, backend):
    held = Held(backend)
    g = gatewire(config=config({
        "$default": two_way(backend.url + held.path, ordered=True),
        "free": mock("free")}))
    with connect(g) as client, connect(g) as other:
        for n in range(5):
            client.send({"n": n})
        other.send({"n": "other"})
        assert sorted(map(str, held.arrived(2))) == ["0", "other"], (
            "each connection has its own order")
        client.send({"action": "free"})
        assert client.text() == "free", "other routes do not wait"
        for n in range(5):
            assert len(held.arrived(n + 2)) == n + 2
            held.gate(n).set()
            assert client.text() == str(n)
        held.gate("other").set()
        assert other.text() == "other"


def test_a_failure_does_not_stop_the_order(gatewire, backend):
    held = Held(backend)
    held.let_all_go([1, 2])
    g = gatewire(config=config({"$default": http(
        backend.url + held.path, "HTTP_PROXY", {"ordered": True},
        timeoutInMillis=200)}))
    with connect(g) as client:
        for n in range(3):
            client.send({"n": n})  # the first is held until its timeout
        assert client.json()["message"] == "Endpoint request timed out"
        assert client.text() == "1"
        assert client.text() == "2"
    held.gate(0).set()


def test_what_waited_in_order_survives_its_client(gatewire, backend):
    """An accepted message is handled, even when its sender has gone; the
    goodbye does not wait for it."""
    held = Held(backend)
    g = gatewire(config=config({
        "$default": two_way(backend.url + held.path, ordered=True),
        "$disconnect": backend.url + "/disconnect"}))
    with connect(g) as client:
        for n in range(3):
            client.send({"n": n})
        held.arrived(1)
        assert client.alive()  # all three were read
        client.say_close(1000)
        client.closed()
    backend.wait_for("/disconnect")
    held.let_all_go(range(3))
    assert held.arrived(3) == [0, 1, 2]
    until(lambda: g.metric("exchanges_in_flight") == 0)


def test_the_bound_stops_reading_and_goes_on(gatewire, backend):
    held = Held(backend)
    g = gatewire(config=config(
        {"$connect": backend.url + "/connect",
         "$default": two_way(backend.url + held.path),
         "$disconnect": backend.url + "/disconnect"},
        limits={"maxInFlightPerConnection": 4}))
    with connect(g) as client, connect(g) as other:
        asked = backend.wait_for("/connect")
        for n in range(40):
            client.send({"n": n})
        assert sorted(held.arrived(4)) == [0, 1, 2, 3]
        # Others and pushes do not notice, and nothing more is begun.
        other.send({"n": "other"})
        held.gate("other").set()
        assert other.text() == "other"
        for r in backend.wait_for("/connect", 2):
            assert push(r, b"pushed").status == 200
        assert client.text() == "pushed" and other.text() == "pushed"
        assert len(held.arrived(5)) == 5
        assert g.metric("exchanges_in_flight") == 4
        for n in range(40):
            held.gate(n).set()
        assert sorted(int(client.text()) for _ in range(40)) == list(range(40))
        assert client.alive()
    assert asked


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_with_much_in_flight(gatewire, backend, how):
    held = Held(backend)
    g = gatewire(config=config(
        {"$default": two_way(backend.url + held.path),
         "$disconnect": backend.url + "/disconnect"},
        limits={"maxInFlightPerConnection": 4}))
    client = connect(g)
    for n in range(3):
        client.send({"n": n})
    held.arrived(3)
    getattr(client, how)()
    gone = backend.wait_for("/disconnect")
    assert gone[0].headers["x-gatewire-disconnect-status-code"] == "1006"
    held.let_all_go(range(3))
    until(lambda: g.metric("exchanges_in_flight") == 0)
    assert g.metric("connections_open") == 0
