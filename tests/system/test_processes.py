"""Functions that gatewire runs itself: what they are told, what they print, and
that their processes end when and only when they should."""

import glob
import json
import os
import pathlib
import re
import shutil
import signal
import threading

import pytest

from conftest import Gatewire, until
from wire import ask, config, connect

HANDLER = """
import os, subprocess, sys, time
print("loaded")
def handler(event, context):
    do = event.get("do")
    if do == "family":
        child = subprocess.Popen(["sleep", "1000"])
        daemon = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        return [os.getpid(), child.pid, daemon.pid]
    if do == "environment":
        return dict(os.environ)
    if do == "print":
        print(event["text"])
    if do == "flood":
        for i in range(event["lines"]):
            print("flood", i)
    if do == "sleep":
        open(event["began"], "w").close()
        time.sleep(event["seconds"])
    if do == "eat":
        event["food"] = bytearray(event["mb"] << 20)
        time.sleep(1000)
    return [os.getpid(), VERSION]
VERSION = 1
"""


def invoke(server, payload, function="worker"):
    """(is an error, what it returned)."""
    reply = ask(server.port, "POST",
                f"/2015-03-31/functions/{function}/invocations", [],
                json.dumps(payload).encode())
    assert reply.status == 200, reply.body
    return reply.get("x-amz-function-error") is not None, reply.json()


def answer(server, payload):
    is_error, told = invoke(server, payload)
    assert not is_error, told
    return told


def is_gone(pid):
    """Nobody there, or only a name that its parent has not taken yet."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rsplit(")", 1)[1].split()[0] == "Z"


def until_gone(pids):
    for pid in pids:
        until(lambda: is_gone(pid), what=f"the end of {pid}")


@pytest.fixture
def serve(tmp_path):
    """serve(verb, concurrency=4, ...) with the function `worker`."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text(HANDLER)
    folders = tmp_path / "tmp"
    folders.mkdir()
    running = []

    def settings(**function):
        return config({"$default": {"integration": "function:worker",
                                    "routeResponse": True}},
                      functions={"worker": {
                          "runtime": "python3.12", "handler": "app.handler",
                          "codeUri": str(code), "timeout": 20,
                          "memorySize": 256, **function}})

    def start(env=None, **function):
        g = Gatewire(["dev"], settings(**function), tmp_path,
                     env={"TMPDIR": str(folders), **(env or {})})
        running.append(g)
        g.code = code
        g.settings = settings
        g.folders = lambda: glob.glob(f"{folders}/gatewire-*")
        return g

    yield start
    for g in running:
        if g.process.poll() is None:
            g.send(signal.SIGTERM)
        g.end()
        until(lambda: not g.folders(), what="the end of the run folder")


def family(g):
    return answer(g, {"do": "family"})


def test_stops_with_the_gateway(serve):
    g = serve()
    pids = [pid for _ in range(3) for pid in family(g)]
    assert not any(is_gone(pid) for pid in pids)
    assert len(g.folders()) == 1
    g.send(signal.SIGTERM)
    assert g.end() == 0, g.output
    until_gone(pids)


def test_ends_when_the_gateway_is_killed(serve):
    g = serve()
    pids = [pid for _ in range(3) for pid in family(g)]
    g.send(signal.SIGKILL)
    g.end()
    until_gone(pids)
    until(lambda: not g.folders(), what="the end of the run folder")


def test_ends_when_gateway_and_keepers_are_killed(serve):
    g = serve()
    pids = family(g)
    keepers = children(g.process.pid)
    assert keepers
    for pid in [g.process.pid, *keepers]:
        os.kill(pid, signal.SIGKILL)
    g.end()
    until_gone([*pids, *keepers])
    for folder in g.folders():  # nobody was left to do this
        shutil.rmtree(folder)


def children(parent):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            fields = pathlib.Path(path).read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent:
            found.append(int(path.split("/")[2]))
    return found


def test_a_killed_keeper_is_replaced(serve):
    g = serve()
    pids = family(g)
    for pid in children(g.process.pid):
        os.kill(pid, signal.SIGKILL)
    until_gone(pids)
    until(lambda: not invoke(g, {})[0], what="an answer of new processes")
    assert answer(g, {})[0] not in pids


def test_what_is_left_of_a_process_goes_with_it(serve):
    g = serve(concurrency=1)
    leader, child, daemon = family(g)
    os.kill(leader, signal.SIGKILL)
    until_gone([child, daemon])
    assert answer(g, {})[0] != leader


def test_an_interrupt_of_the_terminal_is_the_gateways_alone(serve, tmp_path):
    """Ctrl-C: everybody in the foreground is told, and a run under way is
    answered before its process ends."""
    g = serve()
    began = tmp_path / "began"
    told = []
    caller = threading.Thread(target=lambda: told.append(invoke(
        g, {"do": "sleep", "seconds": 1, "began": str(began)})))
    caller.start()
    until(began.exists, what="the run")
    for pid in [g.process.pid, *children(g.process.pid)]:
        os.kill(pid, signal.SIGINT)
    assert g.end() == 0, g.output
    caller.join()
    is_error, (pid, version) = told[0]
    assert not is_error and version == 1
    assert is_gone(pid)


def test_secrets_of_the_gateway_stay_there(serve):
    g = serve(env={"GATEWIRE_LOG_LEVEL": "info", "AWS_SESSION_TOKEN": "operator",
                   "AWS_SECRET_ACCESS_KEY": "operator",
                   "HOME": "/home/operator", "DATABASE_URL": "operator"},
              environment={"TABLE_NAME": "chat"})
    told = answer(g, {"do": "environment"})
    assert told["TABLE_NAME"] == "chat"
    assert told["AWS_LAMBDA_FUNCTION_NAME"] == "worker"
    assert told["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert "operator" not in json.dumps(told)
    assert not [name for name in told if name.startswith("GATEWIRE")]


SENDER = """
import boto3

def handler(event, context):
    c = event["requestContext"]
    boto3.client(
        "apigatewaymanagementapi",
        endpoint_url="http://{domainName}/{stage}".format(**c),
    ).post_to_connection(ConnectionId=c["connectionId"], Data=b"signed")
    return {"statusCode": 200}
"""


def test_serve_gives_functions_a_key_that_is_good_for_pushes(gatewire, tmp_path):
    (tmp_path / "sender").mkdir()
    (tmp_path / "sender/app.py").write_text(SENDER)
    g = gatewire(config=config(
        {"$default": "function:sender"},
        credentials=[{"accessKeyId": "FIRST", "secretAccessKey": "one"},
                     {"accessKeyId": "SECOND", "secretAccessKey": "two"}],
        functions={"sender": {
            "runtime": "python3.12", "handler": "app.handler", "timeout": 20,
            "codeUri": str(tmp_path / "sender"), "memorySize": 256}}))
    with connect(g, headers={"Host": f"127.0.0.1:{g.port}"}) as client:
        client.send("x")
        assert client.text() == "signed"
        assert ask(g.port, "POST", "/dev/@connections/x").status == 403


def test_its_output_is_logged_with_the_run(serve):
    g = serve(concurrency=1)
    answer(g, {"do": "print", "text": "mark-1\nmark-2"})
    ids = {g.wait_for_line(r"([0-9a-f]{8}-[0-9a-f-]{27}).*" + mark)[1]
           for mark in ("mark-1", "mark-2")}
    assert len(ids) == 1
    g.wait_for_line(r"worker.*loaded")


def test_a_flood_of_output_is_all_there(serve):
    g = serve(concurrency=2)
    answer(g, {"do": "flood", "lines": 20000})
    g.wait_for("flood 19999")
    seen = re.findall(r"flood (\d+)$", g.output, re.M)
    assert [int(n) for n in seen] == list(range(20000))


def test_too_much_memory_ends_a_process(serve):
    g = serve(memorySize=128)
    is_error, told = invoke(g, {"do": "eat", "mb": 300})
    assert is_error and told["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in told["errorMessage"]
    g.wait_for_line(r"worker.*used \d{3} MB of memory, and may use 128")
    assert answer(g, {})[1] == 1


def test_settings_replace_processes(serve):
    g = serve(environment={"A": "1"})
    assert answer(g, {"do": "environment"})["A"] == "1"
    g.reload(g.settings(environment={"A": "2"}))
    until(lambda: answer(g, {"do": "environment"})["A"] == "2",
          what="the new environment")


def test_new_code_takes_over_without_a_failure(serve):
    g = serve(reload=True, concurrency=2)
    old = answer(g, {})
    assert old[1] == 1
    (g.code / "app.py").write_text(
        HANDLER.replace("VERSION = 1", "VERSION = 2"))
    until(lambda: answer(g, {})[1] == 2, what="the new code")
    until_gone([old[0]])
