"""Clients that hide nothing: HTTP/1.1 and RFC 6455 over a socket of their own,
plain or TLS, for tests that care about every byte and about the end."""

import base64
import json
import os
import socket
import struct
import subprocess

from conftest import PATIENCE


def address_of(server):
    return server if isinstance(server, tuple) else (server.host, server.port)


def dial(server, source=None, tls=None, name="localhost"):
    """A connected socket. `server` has host and port, or is such a pair;
    `tls` is an ssl.SSLContext."""
    s = socket.create_connection(
        address_of(server), PATIENCE, (source, 0) if source else None)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(s, server_hostname=name) if tls else s


class Answer:
    def __init__(self, status, reason, fields, body, interim):
        self.status, self.reason, self.body = status, reason, body
        self.fields = fields  # (name as sent, value) in order
        self.headers = {name.lower(): value for name, value in fields}
        self.interim = interim  # statuses of 1xx answers before it

    @property
    def type(self):
        return self.headers.get("x-amzn-errortype")

    @property
    def message(self):
        return json.loads(self.body)["message"]

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


class Http:
    """One connection. Answers are read strictly: a length, or none at all."""

    def __init__(self, server, source=None, tls=None):
        self.socket = dial(server, source, tls)
        self.stream = self.socket.makefile("rb")
        host, port = address_of(server)
        self.host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    def send(self, data, step=None):
        for at in range(0, len(data), step or len(data) or 1):
            self.socket.sendall(data[at:at + (step or len(data))])

    def head(self, method, target, fields=(), version="HTTP/1.1"):
        lines = [f"{method} {target} {version}", f"Host: {self.host}",
                 *(f"{name}: {value}" for name, value in fields)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def ask(self, method, target, body=None, fields=()):
        fields = list(fields.items() if isinstance(fields, dict) else fields)
        if body is not None:
            fields.append(("Content-Length", len(body)))
        self.send(self.head(method, target, fields) + (body or b""))
        return self.answer(method)

    def answer(self, method="GET"):
        """The next answer; the method decides whether it has a body."""
        interim = []
        while True:
            status, reason, fields = self._head()
            if status >= 200:
                break
            interim.append(status)
        names = [name.lower() for name, _ in fields]
        assert names.count("content-length") <= 1, fields
        assert "transfer-encoding" not in names, fields
        length = int(dict(zip(names, (v for _, v in fields)))
                     .get("content-length", 0))
        if status == 204:
            assert "content-length" not in names, fields
        body = b""
        if method != "HEAD" and status not in (204, 304):
            body = self.stream.read(length)
            assert len(body) == length, "the answer's body was cut off"
        return Answer(status, reason, fields, body, interim)

    def _head(self):
        line = self.stream.readline()
        assert line.endswith(b"\r\n"), f"no answer, but {line!r}"
        version, status, reason = line.decode("latin-1")[:-2].split(" ", 2)
        assert version == "HTTP/1.1", line
        fields = []
        while (line := self.stream.readline()) != b"\r\n":
            assert line.endswith(b"\r\n"), f"a head that ends in {line!r}"
            name, value = line.decode("latin-1")[:-2].split(": ", 1)
            fields.append((name, value))
        return int(status), reason, fields

    def rest(self):
        """All until the server hangs up: b"" when it had nothing to add."""
        return self.stream.read()


class Closed(Exception):
    """The connection is over: with a close frame's code (1005: it had none),
    or 1006 when there was no frame."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed: {code} {reason}")
        self.code, self.reason = code, reason


def mask(payload, key):
    words = (key * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^
            int.from_bytes(words, "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", final=True):
    size = len(payload)
    head = bytes([opcode | (0x80 if final else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += struct.pack(">BH", 0xFE, size)
    else:
        head += struct.pack(">BQ", 0xFF, size)
    key = os.urandom(4)
    return head + key + mask(payload, key)


def text_frames(text, most=32768):
    """A message in frames the default limits allow."""
    data = text.encode() if isinstance(text, str) else text
    pieces = [data[i:i + most] for i in range(0, len(data), most)] or [b""]
    first = 1 if isinstance(text, str) else 2
    return b"".join(
        frame(0 if i else first, piece, i == len(pieces) - 1)
        for i, piece in enumerate(pieces))


class Refused(Exception):
    def __init__(self, answer):
        super().__init__(repr(answer))
        self.answer = answer


class WebSocket:
    def __init__(self, server, target="/dev", fields=(), source=None, tls=None,
                 host=None):
        self.http = Http(server, source, tls)
        self.http.host = host or self.http.host
        self.socket, self.stream = self.http.socket, self.http.stream
        key = base64.b64encode(os.urandom(16)).decode()
        self.http.send(self.http.head("GET", target, [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", "13"),
            *(fields.items() if isinstance(fields, dict) else fields)]))
        status, reason, got = self.http._head()
        if status != 101:
            size = int(dict((n.lower(), v) for n, v in got)["content-length"])
            answer = Answer(status, reason, got, self.stream.read(size), [])
            self.http.close()
            raise Refused(answer)
        self._id = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def fileno(self):
        return self.socket.fileno()

    def send(self, message, step=None):
        self.http.send(text_frames(message), step)

    def _read(self, n):
        try:
            data = self.stream.read(n)
        except ConnectionResetError:
            data = b""
        if len(data) < n:
            raise Closed(1006)
        return data

    def receive(self):
        """The next message: str or bytes. Pings are answered."""
        kind, message = None, b""
        while True:
            first, len7 = self._read(2)
            assert len7 < 0x80, "a server does not mask"
            if len7 == 126:
                len7, = struct.unpack(">H", self._read(2))
            elif len7 == 127:
                len7, = struct.unpack(">Q", self._read(8))
            payload = self._read(len7)
            opcode = first & 15
            if opcode == 8:
                code = (struct.unpack(">H", payload[:2])[0]
                        if payload else 1005)
                raise Closed(code, payload[2:].decode())
            if opcode == 9:
                self.http.send(frame(10, payload))
            if opcode in (9, 10):
                continue
            kind, message = kind or opcode, message + payload
            if first & 0x80:
                return message.decode() if kind == 1 else message

    def call(self, message):
        self.send(message)
        return self.receive()

    @property
    def id(self):
        """Its connection id, from the route `whoami`."""
        if not self._id:
            self._id = json.loads(
                self.call('{"action":"whoami"}'))["connectionId"]
        return self._id

    def closed(self):
        """Waits for the end; what it was closed with."""
        try:
            while True:
                self.receive()
        except Closed as end:
            return end.code

    def leave(self, code=1000):
        """Closes as clients should, and waits until the server has."""
        self.http.send(frame(8, struct.pack(">H", code)))
        assert self.closed() in (code, 1005)
        assert self.stream.read() == b""
        self.http.close()


def quoted(connection_id):
    return connection_id.replace("=", "%3D").replace("+", "%2B").replace(
        "/", "%2F")


# An API whose routes answer by themselves.
API = """
  {name}:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    binary: {binary}
    routes:
      $default:
        integration:
          type: MOCK
          responses:
            $default:
              responseTemplates: {{ $default: $input.body }}
        routeResponse: true
      whoami:
        integration:
          type: MOCK
          responses:
            $default:
              responseTemplates:
                $default: '{{"connectionId":"$context.connectionId"}}'
        routeResponse: true
    stages:
      {stage}: {{}}
"""


def config(settings="", **apis):
    """A configuration: config(chat="dev") has the API chat with the stage dev;
    a name that begins with `binary` has binary: true."""
    return settings + "\napis:" + "".join(
        API.format(name=name, stage=stage,
                   binary=str(name.startswith("binary")).lower())
        for name, stage in apis.items())


def make_certificate(folder, name):
    """A certificate and its key, as openssl makes them."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    return certificate, key
