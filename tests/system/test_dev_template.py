"""`gatewire dev template.yaml` with clients/examples/chat-sam as it stands: its
functions on gatewire's runtimes, its table in dynalite, its clients on sockets."""

import json
import pathlib
import re
import shutil

import boto3
import pytest

from conftest import ROOT, Program, until
from wire import connect

SAMPLE = ROOT / "clients/examples/chat-sam"
TABLE = "chat-connections"


@pytest.fixture
def tables():
    program = Program(["node", str(SAMPLE / "tables.mjs")], PORT="0")
    program.wait_for("tables at ")
    yield program.output.split()[-1]
    program.process.terminate()
    program.end()


@pytest.fixture
def table(tables):
    return boto3.resource(
        "dynamodb", endpoint_url=tables, region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret"
    ).Table(TABLE)


def on_table(table):
    return {item["connectionId"] for item in table.scan()["Items"]}


def serve(gatewire, tables, template=SAMPLE / "template.yaml", *more):
    return gatewire(["dev", str(template), "--set", f"tables.endpoint={tables}",
                     *more])


def say(client, text):
    client.send('{"action":"sendmessage","data":"%s"}' % text)


def test_the_classic_chat(gatewire, tables, table):
    g = serve(gatewire, tables)
    ada = connect(g, "/prod")
    (first,) = until(lambda: on_table(table))
    bo = connect(g, "/prod")
    until(lambda: len(on_table(table)) == 2)
    (second,) = on_table(table) - {first}
    say(ada, "hello")
    assert ada.text() == "hello" and bo.text() == "hello"
    say(bo, "grüße ☃")
    assert ada.text() == "grüße ☃" and bo.text() == "grüße ☃"
    bo.reset()  # vanishes: no close frame
    until(lambda: on_table(table) == {first}, what="bo's $disconnect")
    # A goodbye that was never said: the next post to it is a 410.
    table.put_item(Item={"connectionId": second})
    say(ada, "still there?")
    assert ada.text() == "still there?"
    until(lambda: on_table(table) == {first}, what="the end of a gone one")
    ada.close()
    until(lambda: not on_table(table), what="ada's $disconnect")


def test_what_it_prints_can_be_pasted(gatewire, tables):
    g = serve(gatewire, tables)
    url = f"ws://127.0.0.1:{g.port}/prod"
    g.wait_for_line(r"WebSocketURI\b.*" + re.escape(url))
    g.wait_for_line(r"wscat -c " + re.escape(url))
    for name in ("ConnectFunction", "DisconnectFunction", "SendFunction"):
        g.wait_for_line(name)


@pytest.fixture
def copy(tmp_path):
    """The sample, to be changed."""
    to = tmp_path / "chat"
    shutil.copytree(SAMPLE, to, symlinks=True,
                    ignore=shutil.ignore_patterns("node_modules"))
    (to / "node_modules").symlink_to((SAMPLE / "node_modules").resolve())
    return to


def test_a_changed_file_is_in_force_and_nobody_notices(gatewire, tables, table,
                                                       copy):
    g = serve(gatewire, tables, copy / "template.yaml")
    ada = connect(g, "/prod")
    say(ada, "one")
    assert ada.text() == "one"
    code = copy / "src/sendmessage/app.mjs"
    code.write_text(code.read_text() + "\nconsole.log('second edition')\n")

    def is_new():
        say(ada, "again")
        assert ada.text() == "again"
        return "second edition" in g.output
    until(is_new, what="the new code")
    assert ada.alive()
    ada.close()


def test_code_that_does_not_load_leaves_the_old(gatewire, tables, table, copy):
    g = serve(gatewire, tables, copy / "template.yaml")
    ada = connect(g, "/prod")
    say(ada, "one")
    assert ada.text() == "one"
    code = copy / "src/sendmessage/app.mjs"
    good = code.read_text()
    code.write_text("export const handler = (")
    g.wait_for_line(r"function\.init .*SendFunction.*UserCodeSyntaxError")
    say(ada, "two")
    assert ada.text() == "two"
    code.write_text(good + "\nconsole.log('mended')\n")
    g.wait_for_line("mended")
    say(ada, "three")
    assert ada.text() == "three"
    ada.close()


POSTS = {
    "Js": """\
const { ApiGatewayManagementApi } =
  require("@aws-sdk/client-apigatewaymanagementapi");
exports.handler = async ({ requestContext: { domainName, stage, connectionId } }) => {
  const endpoint = `https://${domainName}/${stage}`;
  const client = new ApiGatewayManagementApi({ endpoint });
  await client.postToConnection({ ConnectionId: connectionId, Data: "Js" });
  return { statusCode: 200 };
};
""",
    "Py": """\
import boto3
def handler(event, context):
    request = event["requestContext"]
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"https://{request['domainName']}/{request['stage']}")
    client.post_to_connection(ConnectionId=request["connectionId"], Data=b"Py")
    return {"statusCode": 200}
"""}


@pytest.mark.parametrize("place", ["CodeUri", "InlineCode"])
def test_sdks_post_without_being_told_where(gatewire, tmp_path, place):
    """With nothing but the event's domainName and stage: by TLS, to the name
    that dev's own certificate has; and what inline code asks for is found
    beside the template, as the code of a folder finds it."""
    (tmp_path / "node_modules").symlink_to((SAMPLE / "node_modules").resolve())
    functions = {}
    for (name, text), runtime in zip(POSTS.items(), ("nodejs20.x", "python3.12")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / ("index.js" if name == "Js" else "index.py")).write_text(text)
        functions[name] = {
            "Type": "AWS::Serverless::Function", "Properties": {
                "Runtime": runtime, "Handler": "index.handler", "Timeout": 20,
                place: name if place == "CodeUri" else text,
                # Where this Python has its modules, whichever is started.
                "Environment": {"Variables": {"PYTHONPATH": str(
                    pathlib.Path(boto3.__file__).parents[1])}}}}
    template = tmp_path / "template.json"
    template.write_text(json.dumps({
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {**functions, "Api": {
            "Type": "AWS::Serverless::WebSocketApi", "Properties": {
                "RouteSelectionExpression": "$request.body.action",
                "StageName": "dev",
                "Routes": {name: {"FunctionArn": {"Fn::GetAtt": [name, "Arn"]}}
                           for name in functions}}}}}))
    g = gatewire(["dev", str(template)])
    with connect(g, "/dev") as client:
        for name in functions:
            client.send({"action": name})
            assert client.text() == name
