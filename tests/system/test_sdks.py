"""Clients nobody changed for us: the AWS SDKs for JavaScript and Python, the
AWS CLI, and the WebSocket clients ws, wscat and Python's websockets."""

import asyncio
import base64
import datetime
import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess

import boto3
import botocore.config
import pytest
import websockets

from bare import Closed, WebSocket, config
from conftest import PATIENCE, Gatewire

CLIENTS = pathlib.Path(__file__).parent / "clients"
AWS = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else shutil.which("aws")
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CONFIG = config(f"""
credentials: [ {{ accessKeyId: {KEY}, secretAccessKey: "{SECRET}" }} ]
limits: {{ outQueueBytes: 100KB }}
""", binarychat="dev")
# Nothing of the machine's own AWS settings may matter.
CLEAN = {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
         "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
         "AWS_CONFIG_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
         "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
         "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": ""}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    g = Gatewire(["serve", "--workers", "2"], CONFIG,
                 tmp_path_factory.mktemp("sdks"))
    yield g
    assert g.stop() == 0, g.output


@pytest.fixture
def ws(server):
    with WebSocket(server, fields={"User-Agent": "bare"}) as ws:
        yield ws


def gone_id(server):
    with WebSocket(server) as ws:
        connection_id = ws.id
        ws.leave()
    return connection_id


def is_recent(when):
    age = datetime.datetime.now(datetime.timezone.utc) - when
    return abs(age.total_seconds()) < 60


# --- the AWS SDK for JavaScript ------------------------------------------------

class Sdk:
    def __init__(self, server, secret=SECRET, stage="dev"):
        self.process = subprocess.Popen(
            ["node", "management.mjs", f"{server.http}/{stage}", KEY, secret],
            cwd=CLIENTS, env=CLEAN, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)

    def call(self, name, connection_id, data=None):
        request = {"call": name, "id": connection_id}
        if data is not None:
            request["data"] = base64.b64encode(data).decode()
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(PATIENCE) == 0


def test_javascript_sdk(server, ws):
    with Sdk(server) as sdk:
        assert sdk.call("post", ws.id, "grüße".encode())["status"] == 200
        assert ws.receive() == "grüße"
        assert sdk.call("post", ws.id, b"\xff\0")["status"] == 200
        assert ws.receive() == b"\xff\0"
        assert sdk.call("post", ws.id, b"")["status"] == 200
        assert ws.receive() == ""

        got = sdk.call("get", ws.id)
        assert got["status"] == 200
        assert got["output"]["Identity"] == {"SourceIp": "127.0.0.1",
                                             "UserAgent": "bare"}
        # Dates: the SDK has parsed them, and JSON has written them again.
        for key in ("ConnectedAt", "LastActiveAt"):
            assert is_recent(datetime.datetime.fromisoformat(
                got["output"][key].replace("Z", "+00:00")))

        assert sdk.call("post", ws.id, b"x" * 131073)["error"] == {
            "name": "PayloadTooLargeException", "status": 413,
            "classes": ["PayloadTooLargeException"]}
        assert sdk.call("delete", ws.id)["status"] == 204
        assert ws.closed() == 1000
        for name, data in (("post", b"x"), ("get", None), ("delete", None)):
            assert sdk.call(name, ws.id, data)["error"] == {
                "name": "GoneException", "status": 410,
                "classes": ["GoneException"]}
        error = sdk.call("get", "malformed")["error"]
        assert (error["name"], error["status"]) == ("BadRequestException", 400)


def test_javascript_sdk_and_a_client_that_does_not_read(server, ws):
    with Sdk(server) as sdk:
        error = sdk.call("post", ws.id, b"x" * 110_000)["error"]
        assert error == {"name": "LimitExceededException", "status": 429,
                         "classes": ["LimitExceededException"]}


def test_javascript_sdk_where_it_may_not(server, ws):
    with Sdk(server, secret="other") as sdk:
        error = sdk.call("post", ws.id, b"x")["error"]
        assert (error["name"], error["status"]) == (
            "InvalidSignatureException", 403)
    with Sdk(server, stage="nowhere") as sdk:
        assert sdk.call("get", ws.id)["error"] == {
            "name": "ForbiddenException", "status": 403,
            "classes": ["ForbiddenException"]}


# --- boto3 -------------------------------------------------------------------

def boto(server, secret=SECRET, stage="dev", token=None):
    return boto3.client(
        "apigatewaymanagementapi", endpoint_url=f"{server.http}/{stage}",
        region_name="us-east-1", aws_access_key_id=KEY,
        aws_secret_access_key=secret, aws_session_token=token,
        config=botocore.config.Config(retries={"total_max_attempts": 1}))


def test_boto3(server, ws):
    api = boto(server)
    who = {"ConnectionId": ws.id}
    api.post_to_connection(Data="grüße".encode(), **who)
    assert ws.receive() == "grüße"
    api.post_to_connection(Data=b"\xff\0", **who)
    assert ws.receive() == b"\xff\0"
    # As much as there can be; 100 KB wait at most, so it takes a reader.
    api.post_to_connection(Data=b"x" * 90_000, **who)
    assert ws.receive() == "x" * 90_000

    got = api.get_connection(**who)
    assert got["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "bare"}
    assert is_recent(got["ConnectedAt"]) and is_recent(got["LastActiveAt"])
    assert got["ResponseMetadata"]["RequestId"]

    with pytest.raises(api.exceptions.PayloadTooLargeException) as error:
        api.post_to_connection(Data=b"x" * 131073, **who)
    assert error.value.response["Error"]["Message"]
    done = api.delete_connection(**who)
    assert done["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert ws.closed() == 1000
    for call in (lambda: api.post_to_connection(Data=b"x", **who),
                 lambda: api.get_connection(**who),
                 lambda: api.delete_connection(**who)):
        with pytest.raises(api.exceptions.GoneException) as error:
            call()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410


def test_boto3_with_a_session_token(server, ws):
    boto(server, token="TOK/EN==").post_to_connection(
        ConnectionId=ws.id, Data=b"hello")
    assert ws.receive() == "hello"


def test_boto3_and_a_client_that_does_not_read(server, ws):
    api = boto(server)
    with pytest.raises(api.exceptions.LimitExceededException):
        api.post_to_connection(ConnectionId=ws.id, Data=b"x" * 110_000)
    with pytest.raises(Closed):
        ws.receive()


def test_boto3_where_it_may_not(server, ws):
    api = boto(server, secret="other")
    with pytest.raises(api.exceptions.ClientError) as error:
        api.get_connection(ConnectionId=ws.id)
    assert error.value.response["Error"]["Code"] == "InvalidSignatureException"
    api = boto(server, stage="nowhere")
    with pytest.raises(api.exceptions.ForbiddenException):
        api.get_connection(ConnectionId=ws.id)


def test_boto3_where_nobody_signs(dev):
    """Its signature is not looked at."""
    with WebSocket(dev) as ws:
        boto(dev, secret="any").post_to_connection(
            ConnectionId=ws.id, Data=b"hello")
        assert ws.receive() == "hello"


# --- the AWS CLI ---------------------------------------------------------------

def aws(server, *args):
    return subprocess.run(
        [AWS, "apigatewaymanagementapi", *args, "--endpoint-url",
         f"{server.http}/dev"],
        env={**CLEAN, "AWS_MAX_ATTEMPTS": "1"}, capture_output=True,
        text=True, timeout=PATIENCE)


@pytest.mark.skipif(not AWS, reason="there is no aws command")
def test_aws_cli(server, ws, tmp_path):
    message = tmp_path / "message"
    message.write_bytes("grüße".encode())
    who = ("--connection-id", ws.id)
    run = aws(server, "post-to-connection", *who,
              "--data", f"fileb://{message}")
    assert (run.returncode, run.stderr) == (0, "")
    assert ws.receive() == "grüße"
    run = aws(server, "get-connection", *who, "--output", "json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["Identity"] == {
        "SourceIp": "127.0.0.1", "UserAgent": "bare"}
    assert aws(server, "delete-connection", *who).returncode == 0
    assert ws.closed() == 1000
    run = aws(server, "get-connection", *who)
    assert run.returncode != 0 and "(GoneException)" in run.stderr


# --- WebSocket clients -----------------------------------------------------------

def test_ws(server):
    run = subprocess.run(["node", "ws_talk.mjs", f"{server.ws}/dev"],
                         cwd=CLIENTS, capture_output=True, text=True,
                         timeout=PATIENCE)
    assert run.returncode == 0, run.stderr
    talk, greedy, lost = map(json.loads, run.stdout.splitlines())
    assert talk == {
        "extensions": "",  # offered by ws, not taken
        "protocol": "", "text": "grüße", "binary": {"binary": "AP/+"},
        "empty": "", "pong": "are you there", "fragments": 100000,
        "code": 4321}
    assert greedy == {"code": 1009}
    assert lost == {"status": 403}


class Terminal:
    """A program that believes it is typed to."""

    def __init__(self, *command):
        self.near, far = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=CLIENTS, stdin=far, stdout=far, stderr=far,
            env={**os.environ, "TERM": "dumb"}, start_new_session=True)
        os.close(far)
        self.shown = ""

    def type(self, text):
        os.write(self.near, text.encode())

    def wait_for(self, pattern):
        while not re.search(pattern, self.shown):
            ready, _, _ = select.select([self.near], [], [], PATIENCE)
            assert ready, f"{pattern!r} is not in {self.shown!r}"
            try:
                self.shown += os.read(self.near, 65536).decode()
            except OSError:  # it has ended
                assert re.search(pattern, self.shown), self.shown
        return True

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE)
        os.close(self.near)


def test_wscat(server):
    terminal = Terminal("node_modules/.bin/wscat", "-c", f"{server.ws}/dev")
    try:
        terminal.wait_for("Connected")
        terminal.type("hello there\r")
        terminal.wait_for("< hello there")
        terminal.type('{"action":"whoami"}\r')
        terminal.wait_for('< {"connectionId":"[^"]{16}"}')
        found = re.search('"connectionId":"([^"]{16})"}', terminal.shown)[1]
        boto(server).post_to_connection(ConnectionId=found, Data=b"from afar")
        terminal.wait_for("< from afar")
        boto(server).delete_connection(ConnectionId=found)
        terminal.wait_for(r"Disconnected \(code: 1000")
    finally:
        terminal.end()


async def talk(server):
    async with websockets.connect(f"{server.ws}/dev") as ws:
        async def receive():
            return await asyncio.wait_for(ws.recv(), PATIENCE)

        assert not ws.extensions and ws.subprotocol is None
        await ws.send("grüße")
        assert await receive() == "grüße"
        await ws.send(b"\0\xff")
        assert await receive() == b"\0\xff"
        await ws.send(["x" * 30000] * 3)  # an iterable goes out in fragments
        assert await receive() == "x" * 90000
        await asyncio.wait_for(await ws.ping(), PATIENCE)
        await ws.close(3000, "enough")
        assert ws.close_code == 3000
    async with websockets.connect(f"{server.ws}/dev") as ws:
        await ws.send("x" * 32769)
        with pytest.raises(websockets.ConnectionClosedError) as error:
            await asyncio.wait_for(ws.recv(), PATIENCE)
        assert error.value.rcvd.code == 1009
    with pytest.raises(websockets.InvalidStatusCode) as refusal:
        await websockets.connect(f"{server.ws}/nowhere")
    assert refusal.value.status_code == 403


def test_python_websockets(server):
    asyncio.run(talk(server))
