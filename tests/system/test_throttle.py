"""Token buckets of routes and stages: websocket-api.md 1.3, 3.7, 8. They are
the process's: connections of all workers share them."""

from wire import config, connect, error_frame, handshake, mock

ROUTES = {"$default": mock("default"), "rare": mock("rare"),
          "never": mock("never")}


def settings(rate, burst):
    return {"throttlingRateLimit": rate, "throttlingBurstLimit": burst}


def count(client, action, times):
    """(answers, refusals), the connection stays open in between."""
    texts = []
    for _ in range(times):
        client.send({"action": action})
    for _ in range(times):
        texts.append(client.text())
    refused = [t for t in texts if t.startswith("{")]
    assert all(error_frame("Too Many Requests").fullmatch(t) for t in refused)
    return times - len(refused), len(refused)


def test_messages(gatewire):
    g = gatewire(config=config(ROUTES, workers=4, stages={"dev": {
        "defaultRouteSettings": settings(0.01, 3),
        "routeSettings": {"rare": settings(0.01, 1),
                          "never": settings(0, 0)}}}))
    with connect(g) as client:
        assert count(client, "x", 5) == (3, 2)
        assert count(client, "rare", 3) == (1, 2)
        assert count(client, "never", 2) == (0, 2)
        assert client.alive()
    for _ in range(8):  # the stage's, not the connection's
        with connect(g) as other:
            assert count(other, "x", 1) == (0, 1)
    assert g.metric("throttled_total") == 14


def test_tokens_come_back(gatewire):
    g = gatewire(config=config(ROUTES, workers=4, stages={"dev": {
        "defaultRouteSettings": settings(50, 1)}}))
    with connect(g) as client:
        accepted = 0
        while accepted < 5:
            accepted += count(client, "x", 1)[0]


def test_only_the_stage_that_says_so(gatewire):
    g = gatewire(config=config(ROUTES, workers=4, stages={
        "dev": {"routeSettings": {"$default": settings(0.01, 1)}},
        "prod": {}}))
    with connect(g, "/dev") as dev, connect(g, "/prod") as prod:
        assert count(dev, "x", 3) == (1, 2)
        assert count(dev, "rare", 3) == (3, 0)
        assert count(prod, "x", 3) == (3, 0)


def test_handshakes(gatewire, backend):
    g = gatewire(config=config(
        {"$connect": backend.url + "/connect", **ROUTES}, workers=4,
        stages={"dev": {"routeSettings": {"$connect": settings(0.01, 2)}}}))
    with connect(g) as one, connect(g) as two:
        reply = handshake(g)
        assert reply.status == 429
        assert reply.body == b'{"message":"Too Many Requests"}'
        assert reply.get("x-amzn-ErrorType") == "TooManyRequestsException"
        assert reply.get("Content-Type") == "application/json"
        for client in one, two:
            client.send("x")
            assert client.text() == "default"
    assert len(backend.requests) == 2, "nobody was asked"
