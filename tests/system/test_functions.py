"""AWS_PROXY and AWS against an Invoke endpoint (websocket-api.md 3, 4 and
11.1): a small one, which believes only calls that botocore's own signer would
have signed the same way."""

import base64
import json
import threading
import traceback

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import pytest

from conftest import Backend, until
from wire import config, connect, error_frame, handshake

KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "a/token+of=ours"
ACCOUNT = "arn:aws:lambda:eu-west-1:123456789012:function:"
GATEWAY = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/"
FAILED = error_frame("Internal server error")


def signature_of(request, region):
    """What botocore makes of the request, given what it says was signed."""
    names = request.headers["authorization"].split(
        "SignedHeaders=")[1].split(",")[0].split(";")
    again = botocore.awsrequest.AWSRequest(
        method=request.method,
        url=f"http://{request.headers['host']}{request.target}",
        data=request.body, headers={n: request.headers[n] for n in names})
    again.context["timestamp"] = request.headers["x-amz-date"]
    signer = botocore.auth.SigV4Auth(
        botocore.credentials.Credentials(KEY, SECRET), "lambda", region)
    to_sign = signer.string_to_sign(again, signer.canonical_request(again))
    return signer.signature(to_sign, again)


class Functions(Backend):
    """An Invoke API. Functions are added by name: handler(event) returns what
    the function does; one that raises fails as the original's do. `invoked`
    has the requests with their events, by name."""

    def __init__(self, signed=True):
        super().__init__()
        self.handlers, self.signed, self.complaints = {}, signed, []

        class Answers(dict):
            def get(_, path, default):
                return self._invoke
        self.answers = Answers()

    def add(self, name, handler):
        self.handlers[name] = handler
        return self.url + f"/2015-03-31/functions/{name}/invocations"

    def _invoke(self, request):
        try:
            return self._answer(request)
        except Exception:
            self.complaints.append(traceback.format_exc())
            return 500, {}, b""

    def _answer(self, request):
        h = request.headers
        assert request.method == "POST"
        assert h["content-type"] == "application/json"
        assert h["x-amzn-trace-id"].startswith("Root=1-")
        if self.signed:
            assert h["authorization"].split("Signature=")[1] == signature_of(
                request, "eu-west-1")
            assert h["x-amz-security-token"] == TOKEN
        else:
            assert "authorization" not in h and "x-amz-date" not in h
        name = request.path.split("/")[3].replace("%3A", ":")
        assert request.path == (f"/2015-03-31/functions/"
                                f"{name.replace(':', '%3A')}/invocations")
        handler = self.handlers.get(name.removeprefix(ACCOUNT))
        if not handler:
            return 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, (
                b'{"Type":"User","Message":"Function not found"}')
        request.event = json.loads(request.body)
        if h["x-amz-invocation-type"] == "Event":
            threading.Thread(target=handler, args=[request.event]).start()
            return 202, {}, b""
        assert h["x-amz-invocation-type"] == "RequestResponse"
        try:
            return 200, {}, json.dumps(handler(request.event)).encode()
        except Exception as e:
            return 200, {"X-Amz-Function-Error": "Unhandled"}, json.dumps({
                "errorMessage": str(e), "errorType": type(e).__name__,
                "stackTrace": []}).encode()

    def close(self):
        super().close()
        assert not self.complaints, "\n".join(self.complaints)


@pytest.fixture
def functions():
    f = Functions()
    yield f
    f.close()


def proxy(uri, **more):
    return {"integration": {"type": "AWS_PROXY", "integrationUri": uri,
                            **more}, "routeResponse": True}


def settings(functions, **more):
    return {"lambda": {"endpoint": functions.url, "accessKeyId": KEY,
                       "secretAccessKey": SECRET, "sessionToken": TOKEN},
            **more}


OK = {"statusCode": 200}


# --- a whole life ------------------------------------------------------------

def test_a_conversation(gatewire, functions):
    """Every event of a connection, over a signed call to a function that the
    original's ARN names."""
    events = []

    def handler(event):
        events.append(event)
        kind = event["requestContext"]["eventType"]
        if kind == "CONNECT":
            return {**OK, "headers": {"X-Seen": "yes"}}
        return {**OK, "body": json.dumps({"you said": event.get("body")})}

    functions.add("chat:live", handler)
    uri = GATEWAY + ACCOUNT + "chat:${stageVariables.alias}/invocations"
    g = gatewire(config=config(
        {key: proxy(uri) for key in ("$connect", "$disconnect", "$default")},
        stages={"dev": {"stageVariables": {"alias": "live"}}},
        **settings(functions)))
    with connect(g, "/dev?token=a%20b&x=1&x=2",
                 {"User-Agent": "me/1", "X-Own": "ü"}) as client:
        assert client.answer.get("X-Seen") == "yes"
        client.send('{"action": "x",  "n": 1.50}')
        assert json.loads(client.text()) == {
            "you said": '{"action": "x",  "n": 1.50}'}
        client.send("no JSON")
        assert json.loads(client.text()) == {"you said": "no JSON"}
        client.say_close(4001, "enough")
    until(lambda: len(events) == 4, what="the goodbye")
    came, said, _, left = events
    context = came["requestContext"]
    assert list(came) == [
        "headers", "multiValueHeaders", "queryStringParameters",
        "multiValueQueryStringParameters", "stageVariables", "requestContext",
        "isBase64Encoded"]
    assert came["queryStringParameters"] == {"token": "a b", "x": "2"}
    assert came["multiValueQueryStringParameters"] == {
        "token": ["a b"], "x": ["1", "2"]}
    assert came["stageVariables"] == {"alias": "live"}
    assert came["headers"]["User-Agent"] == "me/1"
    assert came["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert came["headers"]["X-Own"] == "\ufffd"  # no UTF-8 on the wire
    assert "Upgrade" not in came["headers"]
    assert context["routeKey"] == "$connect"
    assert context["identity"] == {"userAgent": "me/1",
                                   "sourceIp": "127.0.0.1"}
    assert context["requestId"] == context["extendedRequestId"]
    assert context["connectedAt"] <= context["requestTimeEpoch"]
    assert list(said) == ["stageVariables", "requestContext", "body",
                          "isBase64Encoded"]
    assert said["requestContext"]["routeKey"] == "$default"
    assert left["requestContext"]["disconnectStatusCode"] == 4001
    assert left["requestContext"]["disconnectReason"] == "enough"
    assert left["headers"]["x-restapi"] == ""
    for event in said, left:
        for same in "connectionId", "connectedAt", "domainName", "identity":
            assert event["requestContext"][same] == context[same]


def test_a_function_posts_to_where_its_event_says(gatewire, functions):
    """As every sample of the original's does it, with an SDK nobody changed:
    the endpoint is domainName and stage."""
    def handler(event):
        context = event["requestContext"]
        api = boto3.client(
            "apigatewaymanagementapi", region_name="us-east-1",
            endpoint_url="http://{domainName}/{stage}".format(**context),
            aws_access_key_id=KEY, aws_secret_access_key=SECRET,
            config=botocore.config.Config(
                retries={"total_max_attempts": 1}))
        api.post_to_connection(ConnectionId=context["connectionId"],
                               Data=event["body"].upper().encode())
        return OK

    functions.add("send", handler)
    g = gatewire(config=config(
        {"$default": {"integration": {"type": "AWS_PROXY",
                                      "integrationUri": ACCOUNT + "send"}}},
        credentials=[{"accessKeyId": KEY, "secretAccessKey": SECRET}],
        **settings(functions)))
    for path in "/dev", "/chat/dev":
        with connect(g, path, {"Host": f"127.0.0.1:{g.port}"}) as client:
            client.send("hello")
            assert client.text() == "HELLO"


# --- handshakes --------------------------------------------------------------

def throws(event):
    raise ValueError("not you")


HANDSHAKES = [
    (lambda e: OK, 101, None),
    (lambda e: {"statusCode": 401, "body": "who?"}, 401, b"who?"),
    (lambda e: {"statusCode": "403"}, 403, b""),
    (lambda e: None, 502, None),
    (lambda e: {**OK, "extra": 1}, 502, None),
    (throws, 502, None),
]


def test_functions_decide_handshakes(gatewire, functions):
    g = gatewire(config=config(
        {"$connect": proxy(ACCOUNT + "door")}, **settings(functions)))
    for handler, status, body in HANDSHAKES:
        functions.add("door", handler)
        reply = handshake(g)
        assert reply.status == status
        if body is not None:
            assert reply.body == body
        if status == 502:
            assert reply.json()["message"] == "Internal server error"


def test_a_function_that_takes_too_long(gatewire, functions):
    go_on = threading.Event()
    functions.add("slow", lambda e: go_on.wait(30) and OK)
    g = gatewire(config=config(
        {"$connect": proxy(ACCOUNT + "slow", timeoutInMillis=100)},
        **settings(functions)))
    reply = handshake(g)
    go_on.set()
    assert reply.status == 504
    assert reply.json()["message"] == "Endpoint request timed out"


# --- messages ----------------------------------------------------------------

def test_what_fails_is_said_and_the_client_stays(gatewire, functions):
    functions.add("bad", throws)
    functions.add("odd", lambda e: {**OK, "Data": "x"})
    functions.add("good", lambda e: {
        **OK, "body": base64.b64encode("ü".encode()).decode(),
        "isBase64Encoded": True})
    g = gatewire(config=config(
        {name: proxy(ACCOUNT + name)
         for name in ("bad", "odd", "good", "nosuch")}, **settings(functions)))
    with connect(g) as client:
        for name in "bad", "odd", "nosuch":
            client.send({"action": name})
            assert FAILED.fullmatch(client.text()), name
        client.send({"action": "good"})
        assert client.text() == "ü"


def test_calls_without_credentials_are_not_signed(gatewire):
    """Any emulator, at a URL; its function fails as the Runtime Interface
    Emulator says it: 200, and nothing but the payload."""
    functions = Functions(signed=False)
    url = functions.add("function", lambda e: OK)
    g = gatewire(config=config({"$default": proxy(url)}),
                 env={k: "" for k in ("AWS_ACCESS_KEY_ID",
                                      "AWS_SECRET_ACCESS_KEY")})
    with connect(g) as client:
        client.send("x")
        assert client.text() == ""
        functions.add("function", lambda e: {"errorMessage": "no",
                                             "errorType": "Error"})
        client.send("x")
        assert FAILED.fullmatch(client.text())
    functions.close()


def test_credentials_of_the_environment(gatewire, functions):
    functions.add("f", lambda e: {**OK, "body": "yes"})
    g = gatewire(config=config({"$default": proxy(ACCOUNT + "f")},
                               **{"lambda": {"endpoint": functions.url}}),
                 env={"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
                      "AWS_SESSION_TOKEN": TOKEN})
    with connect(g) as client:
        client.send("x")
        assert client.text() == "yes"


def test_other_credentials_after_a_reload(gatewire, functions, tmp_path):
    """A secret in a file, renewed."""
    secret = tmp_path / "secret.txt"
    secret.write_text("another\n")
    functions.add("f", lambda e: {**OK, "body": "yes"})
    text = config({"$default": proxy(ACCOUNT + "f")}, **{"lambda": {
        "endpoint": functions.url, "accessKeyId": KEY, "sessionToken": TOKEN,
        "secretAccessKeyFile": str(secret)}})
    g = gatewire(config=text)
    with connect(g) as client:
        client.send("x")
        assert FAILED.fullmatch(client.text())
        assert "Signature" in functions.complaints.pop()
        secret.write_text(SECRET + "\n")
        assert g.reload(text) == "done"
        client.send("x")
        assert client.text() == "yes"


# --- AWS ---------------------------------------------------------------------

def test_templates_around_a_function(gatewire, functions):
    seen = []

    def handler(event):
        seen.append(event)
        if event["say"] == "no":
            raise PermissionError("access denied, " + event["id"])
        return {"said": event["say"]}

    functions.add("f", handler)
    g = gatewire(config=config({"$default": {
        "integration": {
            "type": "AWS", "integrationUri": ACCOUNT + "f",
            "requestTemplates": {"$default":
                '{"id":"$context.connectionId",'
                '"say":$input.json(\'$.text\')}'},
            "responses": {
                "/.*denied.*/": {"responseTemplates": {"$default":
                    '{"error":$input.json(\'$.errorMessage\')}'}},
                "$default": {"responseTemplates": {"$default":
                    '{"ok":$input.json(\'$.said\')}'}}}},
        "routeResponse": True}}, **settings(functions)))
    with connect(g) as client:
        client.send({"text": "hello"})
        assert json.loads(client.text()) == {"ok": "hello"}
        client.send({"text": "no"})
        assert json.loads(client.text()) == {
            "error": "access denied, " + seen[0]["id"]}


def test_an_invocation_nobody_waits_for(gatewire, functions):
    go_on, ran = threading.Event(), threading.Event()

    def handler(event):
        go_on.wait(30)
        ran.set()

    functions.add("f", handler)
    g = gatewire(config=config({"$default": {
        "integration": {
            "type": "AWS", "integrationUri": ACCOUNT + "f",
            "requestParameters": {
                "integration.request.header.X-Amz-Invocation-Type":
                    "'Event'"}},
        "routeResponse": True}}, **settings(functions)))
    with connect(g) as client:
        client.send({"text": "hello"})
        assert client.text() == ""
        go_on.set()
        assert ran.wait(30)
