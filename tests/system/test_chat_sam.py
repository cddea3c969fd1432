"""The functions of clients/examples/chat-sam by themselves: each in our Node
runtime, with dynalite for the table, and an @connections endpoint of the test's
own at https://{domainName}/{stage}."""

import http.server
import json
import re
import ssl
import subprocess
import threading
import urllib.parse

import boto3
import pytest
import yaml

from conftest import ROOT, Program
from runtime_api import NODE, Runtime, RuntimeApi

SAMPLE = ROOT / "clients/examples/chat-sam"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
TABLE = "guests"


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags, which are dropped."""


Loader.add_multi_constructor("!", lambda loader, tag, node: (
    loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode)
    else loader.construct_sequence(node, deep=True)))
TEMPLATE = yaml.load((SAMPLE / "template.yaml").read_text(), Loader)


class Connections:
    """@connections: remembers what is posted, and answers 410 for `gone`."""

    def __init__(self, folder):
        self.posts, self.gone, self.failing = [], set(), set()
        self.lock = threading.Lock()
        connections = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stage, _, name = self.path.partition("/@connections/")
                name = urllib.parse.unquote(name)
                status, kind = 200, None
                if not re.match(r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/"
                                "eu-west-1/execute-api/aws4_request, ",
                                self.headers["Authorization"]):
                    status, kind = 403, "ForbiddenException"
                elif name in connections.gone:
                    status, kind = 410, "GoneException"
                elif name in connections.failing:
                    status, kind = 400, "BadRequestException"
                else:
                    with connections.lock:
                        connections.posts.append((stage, name, body.decode()))
                self.send_response(status)
                if kind:
                    self.send_header("x-amzn-ErrorType", kind)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.certificate = folder / "certificate"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
             "-subj", "/CN=test", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", folder / "key", "-out", self.certificate],
            check=True, capture_output=True)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, folder / "key")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True)
        self.name = f"localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def connections(tmp_path):
    c = Connections(tmp_path)
    yield c
    c.close()


@pytest.fixture(scope="module")
def tables():
    """The endpoint of the sample's own stand-in."""
    program = Program(["node", str(SAMPLE / "tables.mjs")], PORT="0",
                      TABLE_NAME=TABLE)
    program.wait_for("tables at ")
    yield program.output.split()[-1]
    program.process.terminate()
    program.end()


@pytest.fixture
def table(tables):
    """The table, empty."""
    table = boto3.resource(
        "dynamodb", endpoint_url=tables, region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret"
    ).Table(TABLE)
    for item in table.scan()["Items"]:
        table.delete_item(Key=item)
    return table


def on_table(table):
    return sorted(item["connectionId"] for item in table.scan()["Items"])


@pytest.fixture
def call(tables, connections):
    """call("ConnectFunction", "id", body): the function's answer. Each function
    is started once, in the way the template says."""
    running = {}

    def start(name):
        spec = {**TEMPLATE["Globals"]["Function"],
                **TEMPLATE["Resources"][name]["Properties"]}
        assert spec["Environment"] == {"Variables": {"TABLE_NAME": "TableName"}}
        api = RuntimeApi()
        running[name] = api, Runtime(
            NODE, api, SAMPLE / spec["CodeUri"], spec["Handler"], **KEYS,
            TABLE_NAME=TABLE, AWS_ENDPOINT_URL_DYNAMODB=tables,
            NODE_EXTRA_CA_CERTS=str(connections.certificate))

    def call(name, connection_id, body=None):
        if name not in running:
            start(name)
        event = {"requestContext": {
            "connectionId": connection_id, "domainName": connections.name,
            "stage": "prod"}, "isBase64Encoded": False}
        if body is not None:
            event["body"] = json.dumps(body)
        answer = running[name][0].invoke(event)
        assert answer.kind == "response", running[name][1].output
        return answer.json

    yield call
    for api, runtime in running.values():
        with api, runtime:
            pass


def test_who_connects_is_on_the_table(call, table):
    assert call("ConnectFunction", "Ada=")["statusCode"] == 200
    assert call("ConnectFunction", "Bo=")["statusCode"] == 200
    assert on_table(table) == ["Ada=", "Bo="]
    assert call("DisconnectFunction", "Ada=")["statusCode"] == 200
    assert on_table(table) == ["Bo="]
    # nobody there, nothing to say
    assert call("DisconnectFunction", "Ada=")["statusCode"] == 200


def say(call, data):
    return call("SendFunction", "a-1=", {"action": "sendmessage", "data": data})


def test_everybody_gets_what_one_sends(call, table, connections):
    everybody = ["a-1=", "b_2=", "c-3="]
    for name in everybody:
        table.put_item(Item={"connectionId": name})
    assert say(call, "grüße ☃")["statusCode"] == 200
    assert sorted(connections.posts) == [
        ("/prod", name, "grüße ☃") for name in everybody]


def test_who_is_gone_leaves_the_table(call, table, connections):
    for name in ("a-1=", "b_2=", "c-3="):
        table.put_item(Item={"connectionId": name})
    connections.gone = {"b_2="}
    assert say(call, "hi")["statusCode"] == 200
    assert on_table(table) == ["a-1=", "c-3="]
    assert sorted(name for _, name, _ in connections.posts) == ["a-1=", "c-3="]


def test_another_failure_is_told_and_stops_nobody(call, table, connections):
    for name in ("a-1=", "b_2="):
        table.put_item(Item={"connectionId": name})
    connections.failing = {"a-1="}
    assert say(call, "hi")["statusCode"] == 500
    assert on_table(table) == ["a-1=", "b_2="]
    assert connections.posts == [("/prod", "b_2=", "hi")]


def test_a_message_without_data(call, table, connections):
    table.put_item(Item={"connectionId": "a-1="})
    assert say(call, None)["statusCode"] == 400
    assert connections.posts == []


def test_the_template_says_what_goes_where():
    """Each route leads to the function of its name, which is in its folder."""
    resources = TEMPLATE["Resources"]
    routes = {r["Properties"]["RouteKey"]: r["Properties"]["Target"]
              for r in resources.values()
              if r["Type"] == "AWS::ApiGatewayV2::Route"}
    called = {}
    for key, (_, (_, integration)) in routes.items():
        uri = resources[integration]["Properties"]["IntegrationUri"]
        called[key] = re.search(r"\$\{(\w+)\.Arn\}", uri)[1]
    assert called == {
        "$connect": "ConnectFunction", "$disconnect": "DisconnectFunction",
        "sendmessage": "SendFunction"}
