"""The Invoke API (websocket-api.md 11.1), called by clients that nobody changed
for us: the AWS SDKs for JavaScript and Python, and the AWS CLI."""

import base64
import json
import os
import re
import shutil
import subprocess
import threading

import boto3
import botocore.config
import pytest

from attached import Answer, Attached, Lost
from conftest import PATIENCE, Gatewire, free_port, until
from test_sdks import CLEAN, CLIENTS, KEY, SECRET
from wire import ask, config

AWS = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else shutil.which("aws")
PREFIX = "arn:aws:lambda:eu-west-1:000000000000:function:"
NAMES = ("echo", "echo:live", "echo:$LATEST", "000000000000:function:echo",
         PREFIX + "echo", PREFIX + "echo:7")
MB = 1 << 20


def handler(event, context):
    """What an event is answered with, it says itself."""
    what = event.get("do") if isinstance(event, dict) else None
    if what == "raise":
        raise ValueError("no such thing")
    if what == "end":
        raise Lost
    if what == "context":
        return {"arn": context.header("Invoked-Function-Arn"),
                "client": context.header("Client-Context"),
                "trace": context.header("Trace-Id"), "id": context.id}
    if what == "garbage":
        return Answer(b"no JSON")
    if what == "large":
        return Answer(b'"' + b"x" * event["bytes"] + b'"')
    return {"you said": event}


def settings(door, workers=2, **more):
    return config({"$default": "http://127.0.0.1:1/"}, region="eu-west-1",
                  workers=workers, functions={
                      "echo": {"runtimeApi": f"127.0.0.1:{door}"},
                      "never": {"runtimeApi": f"127.0.0.1:{free_port()}",
                                "timeout": 1},
                      "closed": {"runtimeApi": f"127.0.0.1:{free_port()}",
                                 "concurrency": 0},
                  }, **more)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Two workers, signed calls, four runtimes."""
    door = free_port()
    g = Gatewire(["serve"], settings(door, credentials=[
        {"accessKeyId": KEY, "secretAccessKey": SECRET}]),
        tmp_path_factory.mktemp("invoke"))
    with Attached(door, handler, 4) as g.runtime:
        yield g
        g.runtime.closing = True
        assert g.stop() == 0, g.output


def boto(server, secret=SECRET, **more):
    return boto3.client(
        "lambda", endpoint_url=server.http, region_name="eu-west-1",
        aws_access_key_id=KEY, aws_secret_access_key=secret,
        config=botocore.config.Config(
            retries={"total_max_attempts": 1}, **more))


def said(answer):
    return json.loads(answer["Payload"].read())


# --- boto3 -----------------------------------------------------------------------

@pytest.mark.parametrize("name", NAMES)
def test_boto3_names(served, name):
    answer = boto(served).invoke(FunctionName=name, Payload=b'{"n": 1.50}')
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer and "LogResult" not in answer
    assert said(answer) == {"you said": {"n": 1.5}}


def test_boto3_is_told_the_id_of_the_run(served):
    answer = boto(served).invoke(FunctionName="echo", Qualifier="live",
                                 Payload=b'{"do": "context"}')
    told = said(answer)
    assert told["id"] == answer["ResponseMetadata"]["RequestId"]
    assert told["arn"].startswith(PREFIX + "echo")
    assert told["trace"].startswith("Root=1-")
    assert told["client"] is None


def test_boto3_client_context(served):
    context = json.dumps({"custom": {"a": "b"}}, indent=1)
    told = said(boto(served).invoke(
        FunctionName="echo", Payload=b'{"do": "context"}',
        ClientContext=base64.b64encode(context.encode()).decode()))
    assert json.loads(told["client"]) == {"custom": {"a": "b"}}


def test_boto3_without_a_payload(served):
    assert said(boto(served).invoke(FunctionName="echo")) == {"you said": {}}


def test_boto3_function_errors(served):
    lam = boto(served)
    answer = lam.invoke(FunctionName="echo", Payload=b'{"do": "raise"}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert said(answer) == {"errorMessage": "no such thing",
                            "errorType": "ValueError", "stackTrace": []}
    answer = lam.invoke(FunctionName="echo", Payload=b'{"do": "end"}')
    assert answer["FunctionError"] == "Unhandled"
    assert said(answer)["errorType"] == "Runtime.ExitError"
    answer = lam.invoke(FunctionName="echo", Payload=json.dumps(
        {"do": "large", "bytes": 7 * MB}).encode())
    assert answer["FunctionError"] == "Unhandled"
    assert said(answer)["errorType"] == "Function.ResponseSizeTooLarge"


def test_boto3_large_ones(served):
    lam = boto(served)
    payload = b'"' + b"x" * (6 * MB - 2) + b'"'
    # 15 more than it was told: within the 100 that an answer may have.
    assert said(lam.invoke(FunctionName="echo", Payload=payload)) == {
        "you said": "x" * (6 * MB - 2)}
    with pytest.raises(lam.exceptions.RequestTooLargeException) as error:
        lam.invoke(FunctionName="echo", Payload=payload + b" ")
    assert error.value.response["Error"]["Message"].startswith(
        f"{6 * MB + 1} byte payload is too large")


def test_boto3_dry_run(served):
    before = len(served.runtime.events)
    answer = boto(served).invoke(FunctionName="echo", InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    assert len(served.runtime.events) == before


def test_boto3_events(served):
    before = len(served.runtime.events)
    lam = boto(served)
    ids = set()
    for n in range(20):
        answer = lam.invoke(FunctionName="echo", InvocationType="Event",
                            Payload=json.dumps({"event": n}).encode())
        assert answer["StatusCode"] == 202 and not answer["Payload"].read()
        ids.add(answer["ResponseMetadata"]["RequestId"])
    lam.invoke_async(FunctionName="echo", InvokeArgs=b'{"event": 20}')
    came = served.runtime.wait_for(before + 21)[before:]
    assert sorted(e["event"] for e, _ in came) == list(range(21))
    assert ids < {c.id for _, c in came}
    until(lambda: served.metric("async_held_bytes") == 0)


def test_boto3_an_event_that_fails(served):
    retried = served.metric("async_retried")
    boto(served).invoke(FunctionName="echo", InvocationType="Event",
                        Payload=b'{"do": "raise"}')
    served.wait_for_line(r"async\.failed function=echo request=\S+ failures=1 "
                         r"again_in_ms=60000")
    assert served.metric("async_retried") == retried + 1


def test_boto3_errors(served):
    lam = boto(served)
    e = lam.exceptions
    with pytest.raises(e.ResourceNotFoundException) as error:
        lam.invoke(FunctionName="nobody")
    assert error.value.response["Error"]["Message"] == (
        f"Function not found: {PREFIX}nobody")
    with pytest.raises(e.InvalidRequestContentException) as error:
        lam.invoke(FunctionName="echo", Payload=b"STRING_VALUE")
    assert error.value.response["Error"]["Message"].startswith(
        "Could not parse request body into json: ")
    with pytest.raises(e.InvalidRequestContentException):
        lam.invoke(FunctionName="echo", ClientContext="no")
    with pytest.raises(e.InvalidParameterValueException):
        lam.invoke(FunctionName="echo:1", Qualifier="2")
    with pytest.raises(e.InvalidParameterValueException):
        lam.invoke(FunctionName="echo", InvocationType="Later")
    with pytest.raises(e.TooManyRequestsException) as error:
        lam.invoke(FunctionName="closed")
    assert error.value.response["Reason"].endswith("LimitExceeded")
    assert error.value.response["retryAfterSeconds"] == "1"
    for call in (lambda: lam.get_function(FunctionName="echo"),
                 lam.list_functions):
        with pytest.raises(e.ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == (
            "UnknownOperationException")


def test_boto3_where_it_may_not(served):
    before = len(served.runtime.events)
    lam = boto(served, secret="other")
    with pytest.raises(lam.exceptions.ClientError) as error:
        lam.invoke(FunctionName="echo")
    assert error.value.response["Error"]["Code"] == "InvalidSignatureException"
    reply = ask(served.port, "POST",
                "/2015-03-31/functions/echo/invocations", body=b"{}")
    assert reply.status == 403
    assert reply.get("x-amzn-ErrorType") == (
        "MissingAuthenticationTokenException")
    assert len(served.runtime.events) == before


def test_boto3_a_runtime_that_never_comes(served):
    """Nobody waits for ever; the SDK's own patience is 60 s."""
    lam = boto(served)
    with pytest.raises(lam.exceptions.TooManyRequestsException):
        lam.invoke(FunctionName="never")


# --- the AWS SDK for JavaScript ----------------------------------------------------

class Sdk:
    def __init__(self, server, secret=SECRET):
        self.process = subprocess.Popen(
            ["node", "invoke.mjs", server.http, KEY, secret], cwd=CLIENTS,
            env=CLEAN, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)

    def call(self, name, function, payload=None, **more):
        request = {"call": name, "FunctionName": function, **more}
        if payload is not None:
            request["payload"] = base64.b64encode(payload).decode()
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        out = json.loads(self.process.stdout.readline())
        if "Payload" in out:
            out["Payload"] = base64.b64decode(out["Payload"])
        return out

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(PATIENCE) == 0


def test_javascript_sdk(served):
    with Sdk(served) as sdk:
        for name in NAMES:
            out = sdk.call("Invoke", name, b'{"n":1}')
            assert json.loads(out["Payload"]) == {"you said": {"n": 1}}
            assert (out["StatusCode"], out["ExecutedVersion"]) == (
                200, "$LATEST")
            assert "FunctionError" not in out
        assert json.loads(sdk.call("Invoke", "echo")["Payload"]) == {
            "you said": {}}
        out = sdk.call("Invoke", "echo", b'{"do":"context"}',
                       Qualifier="$LATEST")
        assert json.loads(out["Payload"])["id"] == out["id"]
        out = sdk.call("Invoke", "echo", b'{"do":"raise"}')
        assert out["FunctionError"] == "Unhandled"
        assert json.loads(out["Payload"])["errorMessage"] == "no such thing"
        out = sdk.call("Invoke", "echo", InvocationType="DryRun")
        assert out["StatusCode"] == 204

        before = len(served.runtime.events)
        out = sdk.call("Invoke", "echo", b'{"event":1}',
                       InvocationType="Event")
        assert out["StatusCode"] == 202
        assert sdk.call("InvokeAsync", "echo:live", b'{"event":2}')[
            "Status"] == 202
        came = served.runtime.wait_for(before + 2)[before:]
        assert sorted(e["event"] for e, _ in came) == [1, 2]


def test_javascript_sdk_errors(served):
    with Sdk(served) as sdk:
        def error(*args, **more):
            error = sdk.call("Invoke", *args, **more)["error"]
            return error["name"], error["status"], error["isTyped"]

        assert error("nobody") == ("ResourceNotFoundException", 404, True)
        assert sdk.call("Invoke", "nobody")["error"]["message"] == (
            f"Function not found: {PREFIX}nobody")
        assert error("echo", b"{") == (
            "InvalidRequestContentException", 400, True)
        assert error("echo", InvocationType="Later") == (
            "InvalidParameterValueException", 400, True)
        assert error("echo", b" " * (6 * MB + 1)) == (
            "RequestTooLargeException", 413, True)
        assert error("closed") == ("TooManyRequestsException", 429, True)
        told = sdk.call("Invoke", "closed")["error"]
        assert (told["retryAfter"], told["message"]) == ("1", "Rate Exceeded.")
        assert told["reason"].endswith("LimitExceeded")
        told = sdk.call("GetFunction", "echo")["error"]
        assert (told["name"], told["status"]) == (
            "UnknownOperationException", 404)
    with Sdk(served, secret="other") as sdk:
        told = sdk.call("Invoke", "echo", b"{}")["error"]
        assert (told["name"], told["status"]) == (
            "InvalidSignatureException", 403)


# --- the AWS CLI -------------------------------------------------------------------

def aws(server, out, *args):
    return subprocess.run(
        [AWS, "lambda", "invoke", *args, "--endpoint-url", server.http,
         "--region", "eu-west-1", "--cli-binary-format", "raw-in-base64-out",
         str(out)],
        env={**CLEAN, "AWS_MAX_ATTEMPTS": "1"}, capture_output=True, text=True,
        timeout=PATIENCE)


@pytest.mark.skipif(not AWS, reason="there is no aws command")
def test_aws_cli(served, tmp_path):
    out = tmp_path / "out"
    run = aws(served, out, "--function-name", PREFIX + "echo", "--payload",
              '{"a": "ü"}')
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"StatusCode": 200,
                                      "ExecutedVersion": "$LATEST"}
    assert json.loads(out.read_text()) == {"you said": {"a": "ü"}}
    run = aws(served, out, "--function-name", "nobody")
    assert run.returncode and "(ResourceNotFoundException)" in run.stderr


# --- where nobody signs --------------------------------------------------------------

def invoke(g, name="echo", body=b"{}", headers=None):
    return ask(g.port, "POST", f"/2015-03-31/functions/{name}/invocations",
               headers or {}, body)


def test_dev_needs_no_signature(gatewire):
    door = free_port()
    g = gatewire(["dev"], settings(door))
    with Attached(door, handler) as runtime:
        assert invoke(g, body=b"[1]").json() == {"you said": [1]}
        assert said(boto(g, secret="any").invoke(FunctionName="echo")) == {
            "you said": {}}
        # but not for pages that a developer happens to look at
        reply = invoke(g, headers={"Origin": "https://a.example"})
        assert reply.status == 403
        assert reply.get("x-amzn-ErrorType") == "AccessDeniedException"
        assert len(runtime.events) == 2
        runtime.closing = True
        g.stop()


def test_without_functions_there_is_nothing(dev):
    reply = invoke(dev)
    assert (reply.status, reply.json()) == (403, {"message": "Forbidden"})


def test_who_leaves_has_started_it_all_the_same(gatewire):
    door, go = free_port(), threading.Event()
    g = gatewire(["dev"], settings(door))

    def wait(event, context):
        assert go.wait(PATIENCE)
        return handler(event, context)

    with Attached(door, wait) as runtime:
        with pytest.raises(TimeoutError):
            ask(g.port, "POST", "/2015-03-31/functions/echo/invocations", {},
                b'{"n":1}', patience=0.2)
        runtime.wait_for(1)
        until(lambda: g.metric("sockets_open") <= 1)
        go.set()
        assert invoke(g, body=b"2").json() == {"you said": 2}
        until(lambda: g.metric("invokes_held_bytes") == 0)
        runtime.closing = True
        g.stop()
