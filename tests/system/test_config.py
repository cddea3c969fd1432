"""The command line and its configuration: check, print, refuse, explain."""

import os
import socket
import subprocess

import pytest

from conftest import BINARY
from wire import ECHO, config, connect

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CREDENTIALS = [{"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": SECRET}]


def run(*args, env=None):
    done = subprocess.run([str(BINARY), *map(str, args)], text=True,
                          capture_output=True, timeout=30,
                          stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def write(tmp_path):
    def write(text, name="gatewire.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path
    return write


def test_a_good_file(write):
    status, out, err = run("check", "-c", write(config(
        ECHO, listen="127.0.0.1:8080")))
    assert status == 0 and err == ""
    assert "1 api, 1 route, 1 stage" in out


def test_a_good_file_that_serve_would_refuse(write):
    """The file is right; where it would listen is another question."""
    status, out, err = run("check", "-c", write(config(ECHO)))
    assert status == 0 and out == "ok: 1 api, 1 route, 1 stage\n"
    assert err.startswith("note: ") and "managementAuth: none" in err


def test_functions_are_shown(write, tmp_path):
    (tmp_path / "send").mkdir()
    path = write("""apis:
  chat:
    routeSelectionExpression: $request.body.action
    routes: { $default: 'function:send', report: 'function:report' }
    stages: { dev: {} }
functions:
  send: { runtime: nodejs20.x, handler: app.handler, codeUri: send }
  report: { runtimeApi: 0.0.0.0:9001 }
""")
    status, out, _ = run("check", path)
    assert status == 0
    assert out.startswith("ok: 1 api, 2 routes, 1 stage, 2 functions\n")
    lines = [line.split() for line in out.splitlines()]
    assert ["route", "report", "->", "AWS_PROXY", "report"] in lines
    assert ["function", "send", "nodejs20.x", "app.handler",
            f"{tmp_path}/send"] in lines
    assert ["function", "report", "attached", "at", "0.0.0.0:9001"] in lines
    assert any(line[0] == "note" and "(report)" in line for line in lines)


BAD_FILES = [
    # file, where (line:column), what is said
    ("", "", "apis"),
    ("apis: [", "", ""),
    ("apis: {}\nlisten: nowhere\n", ":2:9:", "expected an address"),
    ("lisen: 127.0.0.1:1\napis: {}\n", ":1:1:", "listen"),
    ("limits:\n  maxFrameByte: 1\napis: {}\n", ":2:3:", "maxFrameBytes"),
    ("limits:\n  idleTimeout: soon\napis: {}\n", ":2:16:", "duration"),
    ("workers: 1000\napis: {}\n", ":1:10:", "auto"),
    ("""apis:
  chat:
    routeSelectionExpression: $request.header.x
    routes: { $default: { integration: { type: MOCK } } }
    stages: { dev: {} }
""", ":3:31:", "$request.body"),
    ("""apis:
  chat:
    routeSelectionExpression: $request.body.action
    routes:
      $other: { integration: { type: MOCK } }
    stages: { dev: {} }
""", ":5:7:", "$connect"),
    ("""apis:
  chat:
    routeSelectionExpression: $request.body.action
    routes:
      $default: ftp://127.0.0.1/
    stages: { dev: {} }
""", ":5:", "http"),
    ("""apis:
  chat:
    routeSelectionExpression: $request.body.action
    routes:
      $default:
        integration: { type: AWS_PROXY, integrationUri: x }
    stages: { dev: {} }
""", ":6:57:", "expected a function: its ARN"),
    ("""apis:
  chat:
    routeSelectionExpression: $request.body.action
    routes:
      $default:
        integration:
          type: HTTP
          integrationUri: http://127.0.0.1/{id}
          integrationMethod: POST
          timeoutInMillis: 49
    stages: { dev: {} }
""", ":10:", "50"),
    ("apis: {}\nfunctions:\n  f: { runtime: java21 }\n", ":3:17:",
     "runtimeApi"),
    ("credentials: [ { accessKeyId: A, secretAccessKeyFile: /nowhere } ]\n"
     "apis: {}\n", ":1:", "/nowhere"),
]


def test_bad_files(write):
    for text, where, said in BAD_FILES:
        path = write(text)
        for verb in "check", "serve":
            status, out, err = run(verb, "-c", path)
            assert status == 78, (text, err)
            assert out == ""
            line = next((l for l in err.splitlines()
                         if str(path) + where in l and said in l), None)
            assert line, (text, err)


def test_every_mistake_is_named_at_once(write):
    _, _, err = run("check", "-c", write(
        "lisen: x\nworkers: many\nlimits: { maxPostBytes: -1 }\napis: {}\n"))
    assert [l.split(":")[1] for l in err.splitlines()][:3] == ["1", "2", "3"]


def test_files_that_are_not_there(tmp_path):
    for verb in "check", "serve", "dev":
        status, _, err = run(verb, "-c", tmp_path / "nothing.yaml")
        assert status == 78 and "nothing.yaml" in err


USAGE = [
    [], ["nonsense"], ["serve"], ["check"], ["serve", "-c"],
    ["check", "a.yaml", "b.yaml"], ["dev", "--nonsense", "x"], ["dev", "--set", "x"], ["dev", "--set"],
]


def test_wrong_usage():
    for args in USAGE:
        status, out, err = run(*args)
        assert status == 2 and out == "" and err, args


def test_wrong_settings_on_the_command_line():
    for args, said in [(["--set", "limits.maxFrameByte=1"], "maxFrameBytes"),
                       (["--workers", "many"], "auto"),
                       (["--listen", "here"], "expected an address")]:
        status, _, err = run("dev", *args)
        assert status == 78 and said in err, args
    status, _, err = run("dev", env={"GATEWIRE_WORKERS": "many"})
    assert status == 78 and "GATEWIRE_WORKERS" in err


def test_where_a_setting_comes_from(write):
    path = write(config(ECHO, workers=3, region="file-1",
                        limits={"maxFrameBytes": "1KB"}))
    status, out, err = run(
        "check", "-c", path, "--print-config", "--workers", "5", "--set",
        "limits.maxFrameBytes=2KB", env={"GATEWIRE_WORKERS": "4",
                                         "GATEWIRE_REGION": "environment-1"})
    assert status == 0, err

    def line(key):
        return next(l.strip() for l in out.splitlines()
                    if l.strip().startswith(key + ":"))
    assert line("workers").split() == ["workers:", "5", "#", "--workers"]
    assert line("region").split() == [
        "region:", "environment-1", "#", "GATEWIRE_REGION"]
    assert line("maxFrameBytes").split() == [
        "maxFrameBytes:", "2048", "#", "--set"]
    assert line("maxMessageBytes").split() == [
        "maxMessageBytes:", "131072", "#", "default"]


def test_secrets_are_never_printed(write, tmp_path):
    write(SECRET + "\n", "secret")
    for credentials in (CREDENTIALS, [{
            "accessKeyId": "AKIDEXAMPLE", "secretAccessKeyFile": "secret"}]):
        path = write(config(ECHO, credentials=credentials))
        for args in (["serve", "-c", path, "--print-config"],
                     ["check", "-c", path]):
            status, out, err = run(*args)
            assert status == 0, err
            assert SECRET not in out + err
            if "--print-config" in args:
                assert "AKIDEXAMPLE" in out
    path = write(config(ECHO))
    status, out, err = run(
        "serve", "-c", path, "--print-config",
        env={"GATEWIRE_CREDENTIALS": f"AKIDEXAMPLE:{SECRET}"})
    assert status == 0 and SECRET not in out + err


def test_what_is_printed_can_be_read_again(write):
    status, out, _ = run("check", "-c", write(config(ECHO)), "--print-config")
    assert status == 0
    again = write(out + "apis: {}\n", "again.yaml")
    status, _, err = run("check", "-c", again)
    assert "expected" not in err or "apis" in err, err


TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Name: { Type: String, Default: chat, AllowedPattern: '[a-z]+' }
Resources:
  Chat:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      Routes:
        $default: { FunctionArn: !GetAtt Answer.Arn }
      StageName: !Ref Name
  Answer:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: nodejs20.x
      Tracing: Active
  Queue: { Type: AWS::SQS::Queue }
Outputs:
  Url: { Value: !Sub 'wss://${Chat}.execute-api.${AWS::Region}.amazonaws.com/${Chat.Stage}' }
"""


@pytest.fixture
def template(write, tmp_path):
    (tmp_path / "src").mkdir()
    return write(TEMPLATE, "template.yaml")


def test_a_template(template, tmp_path):
    for args in ([template], ["-c", template]):
        status, out, err = run("check", *args, "--set",
                               "listen=127.0.0.1:8080")
        assert status == 0 and err == ""
        assert out.splitlines() == [
            "ok: 1 api, 1 route, 1 stage, 1 function, 0 tables",
            "  api       chat",
            "  stage     chat",
            "  route     $default -> AWS_PROXY Answer",
            f"  function  Answer nodejs20.x app.handler {tmp_path}/src/",
            "  output    Url = wss://chat.execute-api.us-east-1.amazonaws.com"
            "/chat",
            "  note      AWS::SQS::Queue: it is not served here, and nothing "
            "is made of it (Queue)",
            "  note      `Tracing`: it has no effect here (Answer)",
        ]


def test_a_template_with_parameters(template):
    status, out, err = run("check", template, "--parameter", "Name=lobby",
                           "--parameter", "AWS::Region=eu-west-1")
    assert status == 0, err
    assert "Url = wss://chat.execute-api.eu-west-1.amazonaws.com/lobby" in out
    for given, said in [("Name=LOBBY", "--parameter Name: expected a text "
                         "that matches [a-z]+"),
                        ("Nam=lobby", "did you mean `Name`?")]:
        status, out, err = run("check", template, "--parameter", given)
        assert status == 78 and out == "" and said in err
    assert run("check", template, "--parameter", "Name")[0] == 2


def test_a_bad_template(write, template):
    path = write(TEMPLATE.replace("!GetAtt Answer.Arn", "!GetAtt Anser.Arn"),
                 "bad.yaml")
    for verb in "check", "serve", "dev":
        status, out, err = run(verb, path)
        assert status == 78 and out == ""
        assert f"{path}:10:34: Chat: there is no resource `Anser`" in err


def test_nobody_is_served_by_accident(write):
    path = write(config(ECHO))
    for listen in "0.0.0.0:0", ":0", "[::]:0":
        status, out, err = run("serve", "-c", path, "--listen", listen)
        assert status == 78, listen
        # both ways out
        assert "`credentials`" in err and "`managementAuth: none`" in err


def test_both_ways_out(gatewire):
    for extra in ({"credentials": CREDENTIALS}, {"managementAuth": "none"}):
        g = gatewire(["serve", "--listen", "0.0.0.0:0"],
                     config=config(ECHO, **extra))
        with connect(g) as client:
            client.send("x")
            assert client.text() == "x"
        if "managementAuth" in extra:  # and it says what that means
            g.wait_for_line("need no signature")


def test_a_reload_cannot_open_the_door(gatewire):
    g = gatewire(["serve", "--listen", "0.0.0.0:0"],
                 config=config(ECHO, credentials=CREDENTIALS))
    start = len(g.lines)
    assert g.reload(config(ECHO)) == "refused"
    g.wait_for_line("credentials", start=start)


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as s:
        status, _, err = run("dev", "--admin", "127.0.0.1:0", "--listen",
                             f"127.0.0.1:{s.getsockname()[1]}")
        assert status == 69 and err


@pytest.mark.parametrize("args", [
    ["--help"], ["serve", "--help"], ["dev", "--help"], ["check", "-h"],
    ["post", "--help"], ["get", "--help"], ["close", "--help"], ["help"]])
def test_help_fits_a_screen(args):
    status, out, err = run(*args)
    assert status == 0 and err == ""
    lines = out.splitlines()
    assert 3 < len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_version():
    status, out, _ = run("version")
    assert status == 0 and out.startswith("gatewire ")
    assert run("--version")[1] == out


def test_a_second_dev_on_the_same_port_says_so(gatewire):
    """Instead of sharing the port with the first, unnoticed."""
    first = gatewire(["dev"])
    status, _, err = run("dev", "--listen", f"127.0.0.1:{first.port}",
                         "--admin", "127.0.0.1:0")
    assert status == 69
    assert "another server on this port" in err
