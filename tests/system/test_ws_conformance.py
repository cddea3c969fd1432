"""Every case of tests/conformance/ws.cases against a live server that sends
back what it gets, over raw TCP: in one write, and byte by byte.

The notation is described at the head of that file.
"""

import base64
import hashlib
import itertools
import pathlib
import re
import socket
import struct
import threading

import pytest

CASES = pathlib.Path(__file__).parents[1] / "conformance" / "ws.cases"
FIRST = {"text": 0x81, "binary": 0x82, "cont": 0x80,
         "close": 0x88, "ping": 0x89, "pong": 0x8A}
OPCODE = {first & 15: kind for kind, first in FIRST.items()}
MASK = bytes.fromhex("37fa213d")
DEFAULTS = {"frame": 32768, "message": 131072, "binary": True}
BYTE_BY_BYTE = 1500  # longer streams go by segments
SEGMENT = 1447
WAIT = 10  # seconds, for what must come

ECHO = """
limits: {{ maxFrameBytes: {frame}, maxMessageBytes: {message} }}
apis:
  echo:
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
    stages:
      dev: {{}}
"""


# --- the notation ------------------------------------------------------------

class Scanner:
    def __init__(self, text):
        self.text, self.at = text, 0

    def take(self, pattern):
        match = re.compile(pattern).match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def times(self):
        match = self.take(r"(\d+)\*")
        return int(match[1]) if match else 1


def read_data(s):
    times = s.times()
    if match := s.take(r'"([^"]*)"'):
        return times * match[1].encode()
    if match := s.take(r"#(\d+)"):
        return times * struct.pack(">H", int(match[1]))
    return times * bytes.fromhex(s.take(r"([0-9a-f]{2})+")[0])


def read_payload(s):
    payload = b""
    s.take(r"\(")
    while not s.take(r"\)"):
        payload += read_data(s)
        s.take(" ")
    return payload


def frame(first, payload, wide=None, masked=True):
    if wide is None:
        wide = 64 if len(payload) > 65535 else 16 if len(payload) > 125 else 0
    len7 = {0: len(payload), 16: 126, 64: 127}[wide]
    head = bytes([first, len7 | (0x80 if masked else 0)])
    if wide:
        head += len(payload).to_bytes(wide // 8, "big")
    if not masked:
        return head + payload
    return head + MASK + bytes(
        a ^ b for a, b in zip(payload, itertools.cycle(MASK)))


def read_frame(s):
    match = s.take(r"(!?)(?:@(..)|(text|binary|cont|close|ping|pong))"
                   r"(-?)(?::(\d+))?(?=\()")
    if not match:
        return read_data(s)
    unmasked, code, kind, more, wide = match.groups()
    first = int(code, 16) if code else FIRST[kind]
    return frame(first & 0x7F if more else first, read_payload(s),
                 int(wide) if wide else None, not unmasked)


def read_event(s):
    return s.take(r"[a-z]+")[0], read_payload(s)


def read_terms(text, read):
    s, terms = Scanner(text), []
    while s.at < len(text):
        times, start = s.times(), s.at
        for _ in range(times):
            s.at = start
            terms.append(read(s))
        s.take(" ")
    return terms


class Case:
    def __init__(self, line):
        self.name, flags, stream, events = (
            part.strip() for part in line.split("|"))
        self.stream = b"".join(read_terms(stream, read_frame))
        self.events = read_terms(events, read_event)
        self.settings, self.cut = dict(DEFAULTS), False
        for flag in flags.split():
            key, _, value = flag.partition("=")
            if value:
                self.settings[key] = int(value)
            elif flag == "no-binary":
                self.settings["binary"] = False
            elif flag == "cut":
                self.cut = True


def all_cases():
    for line in CASES.read_text().splitlines():
        if line and not line.startswith("#"):
            yield Case(line)


ALL = list(all_cases())
ORDINARY = [c for c in ALL if c.settings == DEFAULTS]
SPECIAL = {}
for c in ALL:
    if c.settings != DEFAULTS:
        key = " ".join(f"{k}={v}" for k, v in c.settings.items())
        SPECIAL.setdefault(key, []).append(c)


# --- a client that hides nothing ---------------------------------------------

class Client:
    def __init__(self, server):
        self.socket = socket.create_connection((server.host, server.port), WAIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        self.handshake(server)

    def handshake(self, server):
        key = base64.b64encode(b"sixteen bytes ok").decode()
        self.socket.sendall(
            f"GET /dev HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            .encode())
        lines = [line.rstrip(b"\r\n").decode()
                 for line in iter(self.stream.readline, b"\r\n") if line]
        assert lines[0].startswith("HTTP/1.1 101"), lines
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        digest = hashlib.sha1(
            (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert headers["sec-websocket-accept"] == \
            base64.b64encode(digest).decode().lower()
        assert headers["upgrade"] == "websocket"
        assert "sec-websocket-extensions" not in headers

    def send(self, stream, step):
        """The server may close before it has read all: that is its right."""
        try:
            for at in range(0, len(stream), step):
                self.socket.sendall(stream[at:at + step])
        except OSError:
            pass

    def read(self, n):
        data = self.stream.read(n)
        if len(data) < n:
            raise EOFError
        return data

    def frame(self):
        """(first byte, payload), or None at the end."""
        try:
            first, len7 = self.read(2)
            assert len7 < 0x80, "a server does not mask"
            size = len7
            if len7 > 125:
                wide = 2 if len7 == 126 else 8
                size = int.from_bytes(self.read(wide), "big")
                assert size > (125 if wide == 2 else 65535), "not minimal"
            return first, self.read(size)
        except (EOFError, ConnectionError):
            return None

    def event(self):
        """(kind, payload) with messages put together, or None."""
        kind, message = None, b""
        while got := self.frame():
            first, payload = got
            opcode = first & 15
            assert first & 0x70 == 0 and opcode in OPCODE, f"{first:02x}"
            if opcode & 8:
                assert first & 0x80 and len(payload) <= 125
                return OPCODE[opcode], payload
            assert (opcode == 0) == (kind is not None), "fragments mixed up"
            kind, message = kind or OPCODE[opcode], message + payload
            if first & 0x80:
                return kind, message
        return None

    def close(self):
        self.stream.close()
        self.socket.close()


def expected(case):
    """What a live server has to say: messages, pongs, and the close code (of
    b"" when there is none), or None when it stays open."""
    messages, pongs, code = [], [], None
    for kind, payload in case.events:
        if kind in ("text", "binary"):
            messages.append((kind, payload))
        elif kind == "ping":
            pongs.append(payload)
        elif kind in ("close", "refuse"):
            code = payload[:2]
    return messages, pongs, code


class Talk:
    """What has come; pongs may overtake messages."""

    def __init__(self, client):
        self.client = client
        self.messages, self.pongs, self.code = [], [], None
        self.ended = False

    def step(self):
        got = self.client.event()
        if got is None:
            self.ended = True
        elif got[0] == "close":
            self.code = got[1][:2]
        elif got[0] == "pong":
            self.pongs.append(got[1])
        else:
            self.messages.append(got)

    def has(self, messages, pongs, code):
        return (len(self.messages) >= len(messages) and
                len(self.pongs) >= len(pongs) and
                (code is None or self.code is not None))

    def until_end(self):
        while not self.ended:
            self.step()


def finish(client, talk, case, code):
    """Nothing else may come: asks for the end in a way that shows it."""
    sentinel = b"nothing before this"
    if code is not None:
        client.send(frame(0x88, code), 99)  # ours, if the server is waiting
        talk.until_end()
    elif case.cut:
        client.socket.shutdown(socket.SHUT_WR)
        talk.until_end()
        talk.code = None  # it may well complain now
    else:
        client.send(frame(0x89, sentinel), 99)
        while not talk.ended and sentinel not in talk.pongs:
            talk.step()
        assert talk.pongs and talk.pongs.pop() == sentinel


def hold(server, case, by_bytes):
    want = expected(case)
    step = max(1, len(case.stream))
    if by_bytes:
        step = 1 if len(case.stream) <= BYTE_BY_BYTE else SEGMENT
    client = Client(server)
    talk = Talk(client)
    sender = threading.Thread(target=client.send, args=(case.stream, step))
    sender.start()
    try:
        while not talk.ended and not talk.has(*want):
            talk.step()
        sender.join(WAIT)
        finish(client, talk, case, want[2])
        assert (talk.messages, talk.pongs, talk.code) == want, case.name
    finally:
        client.close()
        sender.join(WAIT)


# --- the tests ---------------------------------------------------------------

@pytest.mark.parametrize("by_bytes", [False, True], ids=["whole", "by bytes"])
@pytest.mark.parametrize("case", ORDINARY, ids=lambda c: c.name)
def test_case_holds(shared_dev, case, by_bytes):
    hold(shared_dev, case, by_bytes)


@pytest.mark.parametrize("settings", SPECIAL)
def test_cases_hold_with_other_settings(gatewire, settings):
    cases = SPECIAL[settings]
    server = gatewire(config=ECHO.format(
        **{**cases[0].settings,
           "binary": str(cases[0].settings["binary"]).lower()}))
    for case in cases:
        hold(server, case, by_bytes=False)
        hold(server, case, by_bytes=True)


def test_the_table_is_read_as_it_is_meant():
    """The notation against frames written out in RFC 6455, section 5.7."""
    by_name = {case.name: case for case in ALL}
    assert len(by_name) == len(ALL) >= 250
    assert frame(0x81, b"Hello").hex() == "818537fa213d7f9f4d5158"
    assert by_name["rfc: 256 bytes of binary"].stream[:4].hex() == "82fe0100"
    assert by_name["rfc: fragmented text, masked"].events == \
        [("text", b"Hello")]
