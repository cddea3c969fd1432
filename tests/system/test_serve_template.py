"""`gatewire serve template.yaml`: the functions of a template in production, with
credentials and a certificate, through reloads and to the end."""

import collections
import json
import pathlib
import signal
import threading

import boto3
import pytest

from bare import make_certificate
from conftest import PATIENCE, ROOT, Gatewire, until
from test_processes import children, until_gone
from wire import CLOSE, TEXT, ask, connect

MODULES = ROOT / "clients/examples/chat-sam/node_modules"
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def function(runtime, code, **environment):
    return {"Type": "AWS::Serverless::Function", "Properties": {
        "Runtime": runtime, "Handler": "index.handler", "Timeout": 20,
        "InlineCode": code, "Environment": {"Variables": environment}}}


def template(functions):
    """A two-way route for each, of its name."""
    integration = ("arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/"
                   "functions/${%s.Arn}/invocations")
    api = {"ApiId": {"Ref": "Api"}}
    resources = {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {
            "Name": "chat", "ProtocolType": "WEBSOCKET",
            "RouteSelectionExpression": "$request.body.action"}},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {
            **api, "StageName": "prod", "AutoDeploy": True}}}
    for name, resource in functions.items():
        resources |= {
            name: resource,
            f"{name}To": {
                "Type": "AWS::ApiGatewayV2::Integration", "Properties": {
                    **api, "IntegrationType": "AWS_PROXY",
                    "IntegrationUri": {"Fn::Sub": integration % name}}},
            f"{name}Route": {
                "Type": "AWS::ApiGatewayV2::Route", "Properties": {
                    **api, "RouteKey": name,
                    "RouteResponseSelectionExpression": "$default",
                    "Target": {"Fn::Sub": "integrations/${%sTo}" % name}}},
            f"{name}Response": {
                "Type": "AWS::ApiGatewayV2::RouteResponse", "Properties": {
                    **api, "RouteId": {"Ref": f"{name}Route"},
                    "RouteResponseKey": "$default"}}}
    return json.dumps({"Transform": "AWS::Serverless-2016-10-31",
                       "Resources": resources})


@pytest.fixture
def serve(tmp_path):
    """serve(functions, *settings): one worker each for them and for others."""
    (tmp_path / "node_modules").symlink_to(MODULES.resolve())
    folders = tmp_path / "tmp"
    folders.mkdir()
    running = []

    def start(functions, *settings):
        g = Gatewire(["serve", "--workers", "2",
                      *(a for s in settings for a in ("--set", s))],
                     template(functions), tmp_path,
                     env={"TMPDIR": str(folders),
                          "GATEWIRE_CREDENTIALS": f"{KEY}:{SECRET}"})
        g.expected_status = 0
        g.folders = lambda: list(folders.glob("gatewire-*"))
        running.append(g)
        return g

    yield start
    for g in running:
        assert g.stop() == g.expected_status, g.output
        assert not g.folders()


POST_JS = """
const { ApiGatewayManagementApi } =
  require("@aws-sdk/client-apigatewaymanagementapi");
exports.handler = async ({ requestContext: { domainName, stage, connectionId } }) => {
  const endpoint = `https://${domainName}/${stage}`;
  const client = new ApiGatewayManagementApi({ endpoint });
  try {
    await client.postToConnection({ ConnectionId: connectionId, Data: "a post" });
  } catch (e) {
    return { statusCode: 500, body: e.name };
  }
  return { statusCode: 200, body: "posted" };
};
"""
POST_PY = """
import boto3, botocore.exceptions
def handler(event, context):
    request = event["requestContext"]
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"https://{request['domainName']}/{request['stage']}")
    try:
        client.post_to_connection(
            ConnectionId=request["connectionId"], Data=b"a post")
    except botocore.exceptions.ClientError as e:
        return {"statusCode": 500, "body": e.response["Error"]["Code"]}
    return {"statusCode": 200, "body": "posted"}
"""


@pytest.mark.parametrize("runtime, code", [
    ("nodejs20.x", POST_JS), ("python3.12", POST_PY)], ids=["node", "python"])
def test_posts_are_signed_with_the_gateways_credentials(
        serve, tmp_path, runtime, code):
    """By TLS to the certificate of the settings; the function is told by its
    owner whom to trust, and with its own keys it is somebody else."""
    certificate, key = make_certificate(tmp_path, "own")
    trust = {"NODE_EXTRA_CA_CERTS": str(certificate),
             "AWS_CA_BUNDLE": str(certificate),
             "PYTHONPATH": str(pathlib.Path(boto3.__file__).parents[1])}
    g = serve({"post": function(runtime, code, **trust),
               "stranger": function(runtime, code, **trust,
                                    AWS_SECRET_ACCESS_KEY="another")},
              f"tls.certificate={certificate}", f"tls.key={key}")
    host = {"Host": f"127.0.0.1:{g.port}"}  # the events' domainName
    with connect(g, "/prod", host) as client:
        client.send({"action": "post"})
        assert [client.text(), client.text()] == ["a post", "posted"]
        client.send({"action": "stranger"})
        assert client.text() in ("InvalidSignatureException",
                                 "ForbiddenException")
    assert ask(g.port, "GET", "/prod/@connections/AAAAAAAAAAAAAAA=").status == 403


COUNT_PY = """
import json, os, time
def handler(event, context):
    message = json.loads(event["body"])
    time.sleep(0.01)
    with open(os.environ["RUNS"], "a") as f:
        f.write(json.dumps(message["n"]) + "\\n")
    return {"statusCode": 200, "body": json.dumps(message["n"])}
"""


class Flood:
    """Clients that send without waiting for answers, until they are closed."""

    def __init__(self, g, clients):
        self.answers, self.complaints = [], []
        self.news = threading.Condition()
        self.threads = []
        for index in range(clients):
            client, over = connect(g, "/prod"), threading.Event()
            for talk in (self._send, self._read):
                t = threading.Thread(target=talk, args=(client, over, index))
                t.start()
                self.threads.append(t)

    def _send(self, client, over, index):
        try:
            for n in range(500):
                if over.is_set():
                    break
                client.send({"action": "count", "n": [index, n]})
        except OSError:
            pass  # it is closed

    def _read(self, client, over, index):
        try:
            while (message := client.message())[0] == TEXT:
                with self.news:
                    self.answers.append(tuple(json.loads(message[1])))
                    self.news.notify_all()
            assert message == (CLOSE, b"\x03\xf4Service restart")
            over.set()
            client.say_close(1012)
        except Exception as e:
            self.complaints.append(repr(e))

    def wait_for(self, count):
        with self.news:
            assert self.news.wait_for(
                lambda: len(self.answers) >= count or self.complaints, PATIENCE)

    def end(self):
        for t in self.threads:
            t.join(PATIENCE)
        assert not self.complaints
        return collections.Counter(self.answers)


def test_the_end_comes_in_a_flood(serve, tmp_path):
    """SIGTERM: what has been taken is run, once, and answered; then functions,
    keepers and the run folder are gone, too."""
    runs = tmp_path / "runs"
    g = serve({"count": function("python3.12", COUNT_PY, RUNS=str(runs))})
    flood = Flood(g, 4)
    flood.wait_for(100)
    keepers = children(g.process.pid)
    processes = [p for w in [c for k in keepers for c in children(k)]
                 for p in (w, *children(w))]
    assert len(processes) >= 5, "a warden each, and the functions"
    g.send(signal.SIGTERM)
    answered = flood.end()
    assert g.end() == 0, g.output
    ran = collections.Counter(
        tuple(json.loads(line)) for line in runs.read_text().splitlines())
    assert ran == answered and set(ran.values()) == {1}
    assert len(ran) < 2000, "it came too late to be in the middle of anything"
    # No gaps: of each client's messages the first so many.
    for index in range(4):
        numbers = sorted(n for client, n in ran if client == index)
        assert numbers == list(range(len(numbers)))
    until_gone([*keepers, *processes])
    assert not g.folders()


def test_nothing_outlives_a_kill(serve, tmp_path):
    g = serve({"count": function("python3.12", COUNT_PY,
                                 RUNS=str(tmp_path / "runs"))})
    with connect(g, "/prod") as client:
        client.send({"action": "count", "n": 1})
        assert client.json() == 1
    keepers = children(g.process.pid)
    processes = [p for w in [c for k in keepers for c in children(k)]
                 for p in (w, *children(w))]
    g.expected_status = -signal.SIGKILL
    g.send(signal.SIGKILL)
    g.end()
    until_gone([*keepers, *processes])
    until(lambda: not g.folders(), what="the end of the run folder")


ECHO_JS = """
exports.handler = async () => ({ statusCode: 200, body: process.env.EDITION });
"""


def test_a_template_changes(serve):
    """SIGHUP: another variable, another function with its route, one that is
    gone; and who is connected stays so."""
    def edition(text):
        return function("nodejs20.x", ECHO_JS, EDITION=text)

    g = serve({"old": edition("old"), "both": edition("first")})
    with connect(g, "/prod") as client:
        def ask_for(action):
            client.send({"action": action})
            return client.text()

        assert (ask_for("old"), ask_for("both")) == ("old", "first")
        assert g.reload(template({"new": edition("new"),
                                  "both": edition("second")})) == "done"
        assert ask_for("new") == "new"
        until(lambda: ask_for("both") == "second", what="the new variable")
        assert json.loads(ask_for("old"))["message"] == "Forbidden"
        # A mistake changes nothing.
        assert g.reload(template({"new": {"Type": "AWS::Serverless::Function",
                                          "Properties": {}}})) == "refused"
        assert (ask_for("new"), ask_for("both")) == ("new", "second")
