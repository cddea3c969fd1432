"""`gatewire post|get|close`, against the real thing and against servers that
are not."""

import asyncio
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading

import pytest
import websockets

from conftest import BINARY, PATIENCE, free_port, until
from wire import ask, config, connect

SIGNED = """
credentials:
  - { accessKeyId: AKID, secretAccessKey: open sesame }
apis:
  echo:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $default: { integration: { type: MOCK } }
    stages: { dev: {} }
"""


def run(*args, stdin=b"", **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    done = subprocess.run([str(BINARY), *args], input=stdin, timeout=PATIENCE,
                          capture_output=True, env={**clean, **env})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def use_a_connection(url, env):
    async with websockets.connect(url) as ws:
        async def received():
            return await asyncio.wait_for(ws.recv(), PATIENCE)

        await ws.send('{"action":"whoami"}')
        name = json.loads(await received())["connectionId"]
        assert run("post", name, "--data", "grüße", **env) == (0, "", "")
        assert await received() == "grüße"
        assert run("post", name, stdin=b"from a pipe\n", **env) == (0, "", "")
        assert await received() == "from a pipe\n"
        encoded = name.replace("=", "%3D")
        assert run("post", "--data", "x", encoded, **env) == (0, "", "")
        assert await received() == "x"
        status, out, err = run("get", name, **env)
        assert (status, err) == (0, "")
        assert json.loads(out)["identity"]["sourceIp"] == "127.0.0.1"
        assert run("close", name, **env) == (0, "", "")
        await asyncio.wait_for(ws.wait_closed(), PATIENCE)
        return name


def test_a_connection_is_sent_to_shown_and_closed(dev):
    env = {"GATEWIRE_ENDPOINT": dev.http + "/dev"}
    name = asyncio.run(use_a_connection(dev.ws + "/dev", env))
    gone = "gatewire: gone: no such connection (410)\n"
    assert run("post", name, "--data", "x", **env) == (1, "", gone)
    assert run("get", name, **env) == (1, "", gone)
    assert run("close", name, **env) == (1, "", gone)


def test_calls_are_signed(gatewire, tmp_path):
    g = gatewire(config=SIGNED)
    secret = tmp_path / "secret"
    secret.write_text("open sesame\n")
    some_id = "L0SM9cOFvHcCIhw="  # nobody's: admitted, and gone
    gone = (1, "", "gatewire: gone: no such connection (410)\n")

    def post(*args, **env):
        return run("post", some_id, "--data", "x", "--endpoint",
                   g.http + "/dev/", *args, **env)

    assert post() == (1, "", "gatewire: not signed: Missing Authentication "
                             "Token (403)\n")
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "open sesame"}
    assert post(**keys) == gone
    assert post(**keys, AWS_REGION="eu-west-3", AWS_SESSION_TOKEN="t") == gone
    assert post("--access-key", "AKID", "--secret-file", str(secret)) == gone
    assert post("--region", "mars-1", **keys) == gone
    status, _, err = post(**{**keys, "AWS_SECRET_ACCESS_KEY": "simsim"})
    assert status == 1 and err.startswith("gatewire: wrongly signed: ")
    assert err.count("\n") == 1
    status, _, err = post(**{**keys, "AWS_ACCESS_KEY_ID": "OTHER"})
    assert status == 1 and err.startswith("gatewire: unknown key: ")


@pytest.mark.parametrize("args", [
    ["post"],
    ["get", "a", "b"],
    ["get", "a", "--data", "x"],
    ["get", "a", "--endpoint"],
    ["get", "a", "--loudly"],
    ["get", "a", "--endpoint", "example.com/dev"],
    ["get", "a", "--endpoint", "http://user@example.com/dev"],
    ["get", "a", "--endpoint", "http:///dev"],
    ["get", "a", "--access-key", "A"],
    ["get", "a", "--access-key", "A", "--secret-file", "/nowhere"],
    ["health", "a"],
    ["health", "--endpoint", "http://127.0.0.1:8080/dev"],
    ["health", "--data", "x"],
    ["health", "--admin"],
])
def test_wrong_usage_is_said(args):
    status, out, err = run(*args)
    assert (status, out) == (2, "") and err.startswith("gatewire: ")


@pytest.mark.parametrize("verb", ["post", "health"])
def test_help_fits_a_screen(verb):
    status, out, err = run(verb, "--help")
    assert (status, err) == (0, "")
    assert len(out.splitlines()) <= 24
    assert max(map(len, out.splitlines())) <= 80


def test_nobody_there():
    status, _, err = run("get", "a", "--endpoint",
                         f"http://127.0.0.1:{free_port()}/dev")
    assert status == 69
    assert err.endswith("cannot be reached: Connection refused\n")


@pytest.mark.parametrize("address", [
    "127.0.0.1:{}", "0.0.0.0:{}", ":{}", "[::]:{}", "[::1]:{}"])
def test_health_is_asked_where_the_server_listens(gatewire, address):
    address = address.format(free_port())
    g = gatewire(["dev", "--admin", address])
    assert run("health", "--admin", address) == (0, "", "")
    assert run("health", GATEWIRE_ADMIN=address) == (0, "", "")
    g.stop()
    status, out, err = run("health", GATEWIRE_ADMIN=address)
    assert (status, out) == (69, "")
    assert err == f"gatewire: {address} cannot be reached: Connection refused\n"


def test_one_that_drains_is_alive(gatewire, backend):
    release = threading.Event()
    backend.answers["/held"] = lambda _: release.wait(PATIENCE) and (200, {}, b"")
    g = gatewire(config=config({"$default": backend.url + "/held"}))
    admin = ["health", "--admin", f"127.0.0.1:{g.admin}"]
    with connect(g) as client:
        client.send("1")
        backend.wait_for("/held")
        g.process.send_signal(signal.SIGTERM)
        until(lambda: ask(g.admin, "GET", "/readyz").status == 503)
        assert run(*admin) == (0, "", "")
        release.set()
    assert g.process.wait(PATIENCE) == 0


def test_an_answer_that_is_no_ok_is_ill():
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            peer, _ = server.accept()
            with peer:
                asked.append(peer.recv(65536).split(b"\r\n")[0])
                peer.sendall(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
        asked = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        assert run("health", "--admin", f"127.0.0.1:{port}") == (
            1, "",
            f"gatewire: 127.0.0.1:{port} is ill: Service Unavailable (503)\n")
        thread.join(PATIENCE)
    assert asked == [b"GET /healthz HTTP/1.1"]


@pytest.mark.parametrize("answer", [
    b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
    b"\r\nabc"])
def test_what_is_no_answer_counts_as_nobody(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(answer)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        status, out, err = run(
            "get", "a", "--endpoint",
            f"http://127.0.0.1:{server.getsockname()[1]}/dev")
        thread.join(PATIENCE)
    assert (status, out) == (69, "")
    assert "cannot be reached" in err


def test_tls_is_verified(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_DELETE(self):
            asked.append((self.path, self.headers["Host"]))
            self.send_response(429)
            self.send_header("x-amzn-ErrorType", "ns#TeapotException:http://x")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b'e\r\n{"Message":"a\\\r\n'
                             b'8\r\nu001bb"}\r\n0\r\n\r\n')

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    try:
        status, _, err = run("close", "a/b", "--endpoint",
                             f"https://localhost:{port}/")
        assert status == 69 and "self-signed certificate" in err
        trusted = {"SSL_CERT_FILE": str(cert)}
        status, _, err = run("close", "a/b", "--endpoint",
                             f"https://127.0.0.1:{port}", **trusted)
        assert status == 69 and "mismatch" in err
        assert not asked
        status, _, err = run("close", "a/b", "--endpoint",
                             f"wss://localhost:{port}/", **trusted)
        assert (status, err) == (1, "gatewire: TeapotException: ab (429)\n")
        assert asked == [("/@connections/a%2Fb", f"localhost:{port}")]
    finally:
        server.shutdown()
        server.server_close()
