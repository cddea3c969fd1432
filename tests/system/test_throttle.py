"""Token buckets of routes and stages: websocket-api.md 1.3, 3.7, 8. One
worker: each has its own buckets."""

from wire import config, connect, error_frame, handshake, mock

ROUTES = {"$default": mock("default"), "rare": mock("rare"),
          "never": mock("never")}


def settings(rate, burst):
    return {"throttlingRateLimit": rate, "throttlingBurstLimit": burst}


def count(client, action, times):
    """(answers, refusals), the connection stays open in between."""
    client.write(b"")
    texts = []
    for _ in range(times):
        client.send({"action": action})
    for _ in range(times):
        texts.append(client.text())
    refused = [t for t in texts if t.startswith("{")]
    assert all(error_frame("Too Many Requests").fullmatch(t) for t in refused)
    return times - len(refused), len(refused)


def test_messages(gatewire):
    g = gatewire(config=config(ROUTES, workers=1, stages={"dev": {
        "defaultRouteSettings": settings(0.01, 3),
        "routeSettings": {"rare": settings(0.01, 1),
                          "never": settings(0, 0)}}}))
    with connect(g) as client:
        assert count(client, "x", 5) == (3, 2)
        assert count(client, "rare", 3) == (1, 2)
        assert count(client, "never", 2) == (0, 2)
        assert client.alive()
    with connect(g) as other:  # the stage's, not the connection's
        assert count(other, "x", 2) == (0, 2)
    assert g.metric("throttled_total") == 8


def test_tokens_come_back(gatewire):
    g = gatewire(config=config(ROUTES, workers=1, stages={"dev": {
        "defaultRouteSettings": settings(50, 1)}}))
    with connect(g) as client:
        accepted = 0
        while accepted < 5:
            accepted += count(client, "x", 1)[0]


def test_only_the_stage_that_says_so(gatewire):
    g = gatewire(config=config(ROUTES, workers=1, stages={
        "dev": {"routeSettings": {"$default": settings(0.01, 1)}},
        "prod": {}}))
    with connect(g, "/dev") as dev, connect(g, "/prod") as prod:
        assert count(dev, "x", 3) == (1, 2)
        assert count(dev, "rare", 3) == (3, 0)
        assert count(prod, "x", 3) == (3, 0)


def test_handshakes(gatewire, backend):
    g = gatewire(config=config(
        {"$connect": backend.url + "/connect", **ROUTES}, workers=1,
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
