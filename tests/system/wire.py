"""Both ends of the wire, by hand: a WebSocket client that can misbehave, HTTP
requests as bytes, a backend that answers whatever a test wants, and the
configuration between them.

    client = connect(g, "/dev")         # after the 101
    client.send("hello"); client.text()
    reply = handshake(g, "/dev")        # any status
    reply = ask(g.port, "GET", "/dev")  # a plain request
"""

import base64
import hashlib
import json
import os
import re
import socket
import struct
import threading
import urllib.parse

from conftest import PATIENCE

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, 1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Reply:
    """An HTTP answer."""

    def __init__(self, head):
        line, *fields = head.decode("latin-1").split("\r\n")
        self.version, status, _ = (line + " ").split(" ", 2)
        self.status = int(status)
        self.fields = [tuple(f.split(": ", 1)) if ": " in f
                       else (f.rstrip(":"), "") for f in fields]
        self.body = b""

    def all(self, name):
        return [v for k, v in self.fields if k.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) < 2, (name, values)
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)


class Wire:
    """A socket that can be read by measure."""

    def __init__(self, port, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.read = b""

    def write(self, data):
        self.socket.sendall(data)

    def take(self, count):
        while len(self.read) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.read)
            self.read += more
        out, self.read = self.read[:count], self.read[count:]
        return out

    def take_through(self, mark):
        while mark not in self.read:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.read)
            self.read += more
        out, self.read = self.read.split(mark, 1)
        return out

    def reply(self, to="GET"):
        reply = Reply(self.take_through(b"\r\n\r\n"))
        length = reply.get("Content-Length")
        if length and to != "HEAD" and reply.status != 101:
            reply.body = self.take(int(length))
        return reply

    def ends(self):
        """Reads to the end; what came before it."""
        try:
            while more := self.socket.recv(65536):
                self.read += more
        except ConnectionResetError:
            pass
        return self.read

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends with a RST, as a crashed machine would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def frame(opcode, payload=b"", final=True):
    """One frame of a client: masked."""
    payload = payload.encode() if isinstance(payload, str) else payload
    size, mask = len(payload), os.urandom(4)
    head = bytes([opcode | (0x80 if final else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += struct.pack(">BH", 0x80 | 126, size)
    else:
        head += struct.pack(">BQ", 0x80 | 127, size)
    number = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    masked = (int.from_bytes(payload, "big") ^ number).to_bytes(size, "big")
    return head + mask + masked


class Client(Wire):
    """A WebSocket client after its handshake; `reply` is the 101."""

    def send(self, payload):
        if not isinstance(payload, (str, bytes)):
            payload = json.dumps(payload)
        self.write(frame(BINARY if isinstance(payload, bytes) else TEXT,
                         payload))

    def frame(self):
        first, size = self.take(2)
        assert not size & 0x80, "a server does not mask"
        if size == 126:
            size, = struct.unpack(">H", self.take(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.take(8))
        return first, self.take(size)

    def message(self):
        """(opcode, payload) of the next message, its fragments together."""
        first, payload = self.frame()
        while not first & 0x80:
            more, rest = self.frame()
            assert more & 15 == CONT
            first |= more & 0x80
            payload += rest
        return first & 15, payload

    def text(self):
        opcode, payload = self.message()
        assert opcode == TEXT, (opcode, payload)
        return payload.decode()

    def json(self):
        return json.loads(self.text())

    def closed(self):
        """(code, reason) of the server's close frame, then the end."""
        first, payload = self.frame()
        assert first == 0x80 | CLOSE, (first, payload)
        code = struct.unpack(">H", payload[:2])[0] if payload else 1005
        return code, payload[2:].decode()

    def say_close(self, code=None, reason=""):
        payload = b"" if code is None else (
            struct.pack(">H", code) + reason.encode())
        self.write(frame(CLOSE, payload))

    def alive(self):
        """True when a ping comes back: nothing else was on its way."""
        self.write(frame(PING, b"?"))
        return self.frame() == (0x80 | PONG, b"?")


def request_bytes(method, target, headers=(), body=b""):
    fields = list(headers.items() if isinstance(headers, dict) else headers)
    if not any(k.lower() == "host" for k, _ in fields):
        fields.insert(0, ("Host", "localhost"))
    if body or method in ("POST", "PUT"):
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1"] + [f"{k}: {v}" for k, v in fields]
    return "\r\n".join(lines + ["", ""]).encode("latin-1") + body


def upgrade_bytes(target="/dev", headers=()):
    fields = list(headers.items() if isinstance(headers, dict) else headers)
    return request_bytes("GET", target, fields + [
        ("Connection", "Upgrade"), ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", KEY)])


def begin(g, target="/dev", headers=(), behind=b"", receive_buffer=None):
    """A client whose handshake is sent and not yet answered."""
    client = Client(g.port, receive_buffer)
    client.write(upgrade_bytes(target, headers) + behind)
    return client


def handshake(g, target="/dev", headers=()):
    with begin(g, target, headers) as client:
        return client.reply()


def connect(g, target="/dev", headers=(), behind=b"", receive_buffer=None):
    client = begin(g, target, headers, behind, receive_buffer)
    reply = client.reply()
    assert reply.status == 101, (reply.status, reply.body)
    client.answer = reply
    return client


def ask(port, method, target, headers=(), body=b""):
    with Wire(port) as wire:
        wire.write(request_bytes(method, target, headers, body))
        return wire.reply(method)


def ask_url(url, method, body=b"", headers=()):
    """The same for a whole URL, as the holder of an endpoint would."""
    parts = urllib.parse.urlsplit(url)
    return ask(parts.port, method, parts.path,
               [("Host", parts.netloc), *headers], body)


def push(request, body=b"", method="POST", connection=None):
    """Calls @connections as a backend does that was asked `request`."""
    connection = connection or request.headers["x-gatewire-connection-id"]
    return ask_url(request.headers["x-gatewire-endpoint"] + "/@connections/"
                   + urllib.parse.quote(connection), method, body)


def error_frame(message, connection=None):
    """A pattern of websocket-api.md 3.7's frame, to the letter."""
    one = r"[A-Za-z0-9_-]{15}="
    return re.compile(
        r'\{"message": "' + re.escape(message) + r'", "connectionId":"('
        + (re.escape(connection) if connection else one)
        + r')", "requestId":"(' + one + r')"\}')


# --- the configuration -------------------------------------------------------

def config(routes, stages=None, api=None, **settings):
    """A configuration with the API `chat`; JSON is YAML."""
    return json.dumps({**settings, "apis": {"chat": {
        "protocolType": "WEBSOCKET",
        "routeSelectionExpression": "$request.body.action",
        **(api or {}), "routes": routes, "stages": stages or {"dev": {}}}}})


def two_way(url, **more):
    return {"integration": url, "routeResponse": True, **more}


def mock(body="$input.body", **more):
    """A two-way route that answers with a template."""
    return {"integration": {"type": "MOCK", "responses": {"$default": {
        "responseTemplates": {"$default": body}}}}, "routeResponse": True,
        **more}


def http(url, kind="HTTP", route=None, **integration):
    """A two-way route with a whole integration."""
    return {"integration": {"type": kind, "integrationUri": url,
                            "integrationMethod": "POST", **integration},
            "routeResponse": True, **(route or {})}


ECHO = {"$default": mock()}


# --- a backend that answers with bytes ---------------------------------------

class RawBackend:
    """talk(socket, request bytes) for every request; its socket closes when
    talk returns, unless that returns True: then the next one is read."""

    def __init__(self, talk):
        self.talk, self.requests = talk, []
        self.connections = 0
        self.open = []
        self.server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                s, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(s)
            threading.Thread(target=self._serve, args=[s],
                             daemon=True).start()

    def _serve(self, s):
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    more = s.recv(65536)
                    if not more:
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                while len(data) < length:
                    data += s.recv(65536)
                request, data = head + b"\r\n\r\n" + data[:length], \
                    data[length:]
                self.requests.append(request)
                if not self.talk(s, request):
                    return
        except OSError:
            pass
        finally:
            s.close()

    def close(self):
        self.server.close()
        for s in self.open:
            s.close()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


assert base64.b64encode(hashlib.sha1(
    (KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
).decode() == ACCEPT
