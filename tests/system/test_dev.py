"""`gatewire dev` with functions to run: its own certificate, what it prints, and
what is left of it afterwards. (That the functions run: test_dev_template.py.)"""

import os
import socket
import ssl
import urllib.error
import urllib.request

import pytest

from wire import connect

API = """  {name}:
    routeSelectionExpression: $request.body.action
    routes: {{ $default: 'function:send' }}
    stages: {{ dev: {{}}, prod: {{}} }}
"""
FUNCTIONS = """functions:
  send: { runtime: nodejs20.x, handler: app.handler, codeUri: ../code }
"""
CONFIG = "apis:\n" + API.format(name="chat") + FUNCTIONS


@pytest.fixture
def start(gatewire, tmp_path):
    """A gateway whose run folder is under tmp_path/run."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.js").write_text(
        "exports.handler = async () => ({ statusCode: 200 });\n")
    (tmp_path / "run").mkdir()

    def start(config=CONFIG, verb="dev", *args):
        return gatewire([verb, *args], config=config,
                        env={"TMPDIR": str(tmp_path / "run")})
    return start


@pytest.fixture
def folder(tmp_path):
    def folder():
        found = list((tmp_path / "run").glob("gatewire-*"))
        assert len(found) <= 1
        return found[0] if found else None
    return folder


def certificate(g, trusted, host="127.0.0.1"):
    """What the gateway shows, as somebody sees it who trusts that file."""
    context = ssl.create_default_context(cafile=trusted)
    with socket.create_connection(("127.0.0.1", g.port), 10) as plain:
        with context.wrap_socket(plain, server_hostname=host) as s:
            return s.getpeercert(True)


def status(url, trusted):
    context = ssl.create_default_context(cafile=trusted)
    try:
        return urllib.request.urlopen(url, context=context).status
    except urllib.error.HTTPError as e:
        return e.code


def test_functions_can_reach_it_by_tls(start, folder):
    g = start()
    for trusted in "ca.pem", "bundle.pem":
        for host in "127.0.0.1", "localhost":
            assert certificate(g, folder() / trusted, host)
    # An SDK's way from an event: https:// + domainName + / + stage
    url = f"https://127.0.0.1:{g.port}/dev/@connections/L0SM9cOFvHcCIhw%3D"
    assert status(url, folder() / "ca.pem") == 410
    assert status(url.replace("https", "http"), folder() / "ca.pem") == 410
    with pytest.raises(ssl.SSLCertVerificationError):
        certificate(g, None)


def test_the_certificate_outlives_a_reload(start, folder):
    g = start()
    before = certificate(g, folder() / "ca.pem")
    assert g.reload(CONFIG.replace("prod", "test")) == "done"
    assert "only a restart" not in g.output
    assert certificate(g, folder() / "ca.pem") == before


def test_nothing_is_left_behind(start, folder):
    g = start()
    made = folder()
    assert {"ca.pem", "bundle.pem", "cert.pem", "key.pem"} <= set(
        os.listdir(made))
    assert made.stat().st_mode & 0o777 == 0o700
    assert all(p.stat().st_mode & 0o077 == 0 for p in made.iterdir())
    assert g.stop() == 0
    assert folder() is None


def test_serve_and_plain_files_have_no_certificate_made(start, folder):
    g = start("managementAuth: none\n" + CONFIG, "serve")
    g.wait_for_line("listen .* tls=no ")
    assert not (folder() / "ca.pem").exists()
    with pytest.raises(OSError):
        certificate(g, None)
    assert g.stop() == 0
    g = start(CONFIG.replace(FUNCTIONS, "").replace("function:send",
                                                    "http://127.0.0.1:1/"))
    g.wait_for_line("listen .* tls=no ")
    assert folder() is None


def test_serve_warns_of_names_that_clients_choose(start):
    """An event's domainName is where a function posts to."""
    g = start("managementAuth: none\n" + CONFIG, "serve")
    g.wait_for_line(r"warn +domain ")
    for config, verb in ((CONFIG, "dev"), (
            "domainName: ws.example.com\nmanagementAuth: none\n" + CONFIG,
            "serve")):
        g = start(config, verb)
        g.wait_for_line(r"function +name=send")
        assert " domain " not in g.output


def test_it_says_how_to_talk_to_it(start):
    g = start()
    for line in (r"stage .*url=ws://127.0.0.1:\d+/dev$",
                 r"stage .*url=ws://127.0.0.1:\d+/prod$",
                 r"function +name=send runtime=nodejs20.x concurrency=4",
                 rf"try +npx wscat -c ws://127.0.0.1:{g.port}/dev$"):
        g.wait_for_line(line)
    several = CONFIG.replace("functions:", API.format(name="more") +
                             "functions:")
    g = start(several)
    g.wait_for_line(rf"try +npx wscat -c ws://127.0.0.1:{g.port}/chat/dev$")


TEMPLATE = """Transform: AWS::Serverless-2016-10-31
Resources:
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: $default, Target: !Sub 'integrations/${Mock}' }
  Mock:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: MOCK
      RequestTemplates: { $default: '{"statusCode": 200}' }
  Live:
    Type: AWS::ApiGatewayV2::Stage
    Properties: { ApiId: !Ref Chat, StageName: live }
Outputs:
  Url: { Value: !Sub '${Chat.ApiEndpoint}/${Live}' }
  Callback: { Value: !Sub 'https://${Chat}.execute-api.${AWS::Region}.amazonaws.com/${Live}' }
"""


def test_outputs_have_local_values(gatewire, tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    g = gatewire(["dev", str(path)])
    g.wait_for_line(rf"output +Url=ws://127.0.0.1:{g.port}/live$")
    g.wait_for_line(rf"output +Callback=http://127.0.0.1:{g.port}/live$")
    connect(g, "/live").close()
