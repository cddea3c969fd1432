"""TLS on the public port: beside plain text, its versions, what is negotiated
and what is not, certificates exchanged under way, peers that break off."""

import hashlib
import os
import socket
import ssl
import threading

import pytest

from conftest import PATIENCE, until
from bare import (
    Http, WebSocket, config, dial, frame, make_certificate, text_frames)

CLIENT_HELLO = 0x16


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    return {name: make_certificate(folder, name) for name in ("one", "two")}


class Secure:
    """A server whose certificate and key can be put in place of others."""

    def __init__(self, gatewire, certificates, folder, settings="",
                 args=("serve",)):
        self.certificates = certificates
        self.certificate, self.key = folder / "tls.pem", folder / "tls.key"
        self.use("one", "one")
        self.config = config(
            f"tls: {{ certificate: {self.certificate}, key: {self.key} }}\n"
            + settings, binaryecho="dev")
        self.server = gatewire(list(args), config=self.config)

    def use(self, certificate, key):
        self.certificate.write_bytes(
            self.certificates[certificate][0].read_bytes())
        self.key.write_bytes(self.certificates[key][1].read_bytes())

    def reload(self):
        return self.server.reload(self.config)


@pytest.fixture
def secure(gatewire, certificates, tmp_path):
    return lambda **more: Secure(gatewire, certificates, tmp_path, **more)


def trusting(certificates, name="one", version=None, alpn=None):
    """A client's context that believes in that certificate only."""
    context = ssl.create_default_context(cafile=certificates[name][0])
    if version:
        context.maximum_version = version
        context.minimum_version = version
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def test_one_port_takes_plain_text_and_tls(secure, certificates):
    server = secure().server
    with WebSocket(server) as plain, \
            WebSocket(server, tls=trusting(certificates)) as tls:
        for _ in range(3):
            assert plain.call("plain") == "plain"
            assert tls.call("tls") == "tls"
        # They are connections of one gateway.
        with Http(server, tls=trusting(certificates)) as http:
            answer = http.ask("POST", f"/dev/@connections/{plain.id}", b"hi")
            assert answer.status == 200
            assert plain.receive() == "hi"
        with Http(server) as http:
            answer = http.ask("POST", f"/dev/@connections/{tls.id}", b"hi")
            assert answer.status == 200
            assert tls.receive() == "hi"
        plain.leave()
        tls.leave()
    assert server.metric("tls_failed") == 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_versions_that_are_taken(secure, certificates, version):
    server = secure().server
    with WebSocket(server, tls=trusting(certificates, version=version)) as ws:
        assert ws.socket.version() == {
            ssl.TLSVersion.TLSv1_2: "TLSv1.2",
            ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
        assert ws.call("hello") == "hello"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1,
                                     ssl.TLSVersion.TLSv1_1])
def test_versions_that_are_refused(secure, certificates, version):
    server = secure().server
    context = trusting(certificates, version=version)
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # OpenSSL's own veto lifted
    with pytest.raises(ssl.SSLError) as refusal:
        dial(server, tls=context)
    # The server's alert, not our own library's refusal to try.
    assert "alert protocol version" in str(refusal.value).lower()
    until(lambda: server.metric("tls_failed") == 1, what="the count")


@pytest.mark.parametrize("alpn", [
    ["h2"], ["h2", "http/1.1"], ["http/1.1"], ["http/1.1", "h2"], ["acme"]],
    ids=" ".join)
def test_http_2_is_never_negotiated(secure, certificates, alpn):
    server = secure().server
    with WebSocket(server, tls=trusting(certificates, alpn=alpn)) as ws:
        assert ws.socket.selected_alpn_protocol() in (None, "http/1.1")
        assert ws.call("hello") == "hello"


def test_a_websocket_byte_by_byte(secure, certificates):
    """Each byte is a TLS record of its own."""
    server = secure().server
    with WebSocket(server, tls=trusting(certificates)) as ws:
        for message in ("", "a", "grüße" * 50, b"\0\xff" * 70):
            ws.send(message, step=1)
            assert ws.receive() == message


class Slow:
    """Stands between a TLS client and the server, and passes the client's
    bytes on one at a time: handshake records in pieces too."""

    def __init__(self, server):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listener.getsockname()
        self.server = server
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        client, _ = self.listener.accept()
        with client, dial(self.server) as far:
            threading.Thread(target=self.back, args=(far, client),
                             daemon=True).start()
            while data := client.recv(65536):
                for i in range(len(data)):
                    far.sendall(data[i:i + 1])
            far.shutdown(socket.SHUT_WR)

    @staticmethod
    def back(far, client):
        try:
            while data := far.recv(65536):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_records_in_pieces(secure, certificates):
    with WebSocket(Slow(secure().server), tls=trusting(certificates)) as ws:
        assert ws.call("hello") == "hello"
        assert ws.call("x" * 20000) == "x" * 20000
        ws.leave()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_large_messages_to_a_client_that_reads_late(
        secure, certificates, version):
    """More than sockets hold, both ways, and none of it is lost or mixed: the
    server does not read from who does not read."""
    server = secure().server
    context = trusting(certificates, version=version)
    with WebSocket(server, tls=context) as ws:
        ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        messages = [f"{i:03}" + chr(97 + i) * 120_000 for i in range(20)]
        sender = threading.Thread(
            target=lambda: [ws.send(message) for message in messages])
        sender.start()
        sender.join(0.2)  # by then what can fill is full
        for message in messages:
            assert ws.receive() == message
        sender.join()
        big = os.urandom(120_000)
        for _ in range(10):
            assert ws.call(big) == big


def test_large_messages_while_others_talk(secure, certificates):
    server = secure().server
    context = trusting(certificates)
    sockets = [WebSocket(server, tls=context) for _ in range(8)]
    for i, ws in enumerate(sockets):
        ws.send(f"{i}" * 100_000)
    for i, ws in reversed(list(enumerate(sockets))):
        assert ws.receive() == f"{i}" * 100_000
        ws.leave()


def test_pushes_over_tls_keep_their_order(secure, certificates):
    server = secure(args=("serve", "--workers", "2")).server
    context = trusting(certificates)
    with WebSocket(server, tls=context) as ws, Http(server, tls=context) as http:
        for i in range(300):
            answer = http.ask("POST", f"/dev/@connections/{ws.id}", b"%d" % i)
            assert answer.status == 200
        assert [ws.receive() for _ in range(300)] == \
            [str(i) for i in range(300)]


# --- certificates ------------------------------------------------------------

def fingerprint(server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with dial(server, tls=context) as s:
        return hashlib.sha256(s.getpeercert(True)).digest()


def fingerprint_of(certificates, name):
    pem = certificates[name][0].read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()


@pytest.mark.parametrize("workers", ["1", "4"])
def test_a_new_certificate_without_dropping_anybody(
        secure, certificates, workers):
    s = secure(args=("serve", "--workers", workers))
    one, two = (fingerprint_of(certificates, name) for name in ("one", "two"))
    assert fingerprint(s.server) == one
    old = [WebSocket(s.server, tls=trusting(certificates)) for _ in range(8)]
    s.use("two", "two")
    assert s.reload() == "done"
    # Each worker takes it up on its own.
    until(lambda: all(fingerprint(s.server) == two for _ in range(12)),
          what="the new certificate")
    for ws in old:
        assert ws.call("still here") == "still here"
    with WebSocket(s.server, tls=trusting(certificates, "two")) as ws:
        assert ws.call("new") == "new"
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(s.server, tls=trusting(certificates, "one"))
    for ws in old:
        ws.leave()


@pytest.mark.parametrize("spoil, said", [
    (lambda s: s.key.write_text("no key"), "tls.key"),
    (lambda s: s.certificate.write_text("none"), "tls.certificate"),
    (lambda s: s.key.unlink(), "tls.key"),
    (lambda s: s.use("two", "one"), "tls.key"),
], ids=["bad key", "bad certificate", "no key", "pair that does not fit"])
def test_a_bad_pair_changes_nothing_and_is_named(
        secure, certificates, spoil, said):
    s = secure()
    before = fingerprint(s.server)
    with WebSocket(s.server, tls=trusting(certificates)) as ws:
        start = len(s.server.lines)
        spoil(s)
        assert s.reload() == "refused"
        assert said in "".join(s.server.lines[start:])
        assert fingerprint(s.server) == before
        assert ws.call("still here") == "still here"
        s.use("two", "two")
        assert s.reload() == "done"
        until(lambda: fingerprint(s.server) != before, what="the new one")


# --- peers that break off ----------------------------------------------------

@pytest.fixture
def hasty(secure):
    """With little patience for heads, and so for handshakes."""
    return secure(settings="limits: { headTimeout: 300ms }\n").server


def hello(certificates):
    """The first bytes a real client would send."""
    near, far = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(certificates).wrap_bio(near, far,
                                             server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    data = far.read()
    assert data[0] == CLIENT_HELLO
    return data


def ends(s):
    """Whatever it says (an alert), the server hangs up."""
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize("sent", ["nothing", "one byte", "half", "whole"])
def test_a_handshake_that_stalls_is_given_up(hasty, certificates, sent):
    data = hello(certificates)
    data = {"nothing": b"", "one byte": data[:1],
            "half": data[:len(data) // 2], "whole": data}[sent]
    with dial(hasty) as s:
        s.sendall(data)
        assert ends(s)
    until(lambda: hasty.metric("sockets_open") <= 1, what="the end of it")
    assert hasty.metric("timeouts_head") == 1
    with WebSocket(hasty, tls=trusting(certificates)) as ws:
        assert ws.call("fine") == "fine"


def test_a_client_that_says_nothing_after_its_handshake(hasty, certificates):
    with dial(hasty, tls=trusting(certificates)) as s:
        assert s.recv(1) == b""  # close_notify: a clean end
    assert hasty.metric("tls_failed") == 0


def test_a_head_that_trickles_over_tls(hasty, certificates):
    with Http(hasty, tls=trusting(certificates)) as http:
        http.send(b"GET /dev HTTP/1.1\r\n")
        assert http.answer().status == 408
        assert http.rest() == b""


@pytest.mark.parametrize("rubbish", [
    b"\x16", b"\x16" * 1000, b"\x16\x03\x01\xff\xff" + b"\0" * 500,
    b"\x16GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\0\x05\x01\0\0\x01\0",
    b"\x16" + os.urandom(3000),
], ids=["one", "same", "large", "http", "empty hello", "random"])
def test_rubbish_is_no_handshake(hasty, certificates, rubbish):
    with WebSocket(hasty, tls=trusting(certificates)) as ws:
        with dial(hasty) as s:
            s.sendall(rubbish)
            assert ends(s)
        until(lambda: hasty.metric("tls_failed") == 1, what="the count")
        assert ws.call("fine") == "fine"
    until(lambda: hasty.metric("sockets_open") <= 1, what="the end of it")


def test_handshakes_cut_off_at_every_byte(secure, certificates):
    server = secure().server
    data = hello(certificates)
    with WebSocket(server, tls=trusting(certificates)) as ws:
        for cut in range(0, len(data), 7):
            with dial(server) as s:
                s.sendall(data[:cut])
        until(lambda: server.metric("sockets_open") <= 2, what="their end")
        assert ws.call("fine") == "fine"


def test_a_first_byte_that_comes_late(secure, certificates):
    """The port waits for it to know TLS from plain text, and then takes
    either. Others are served meanwhile."""
    server = secure().server
    waiting = [dial(server) for _ in range(4)]
    with WebSocket(server, tls=trusting(certificates)) as ws:
        assert ws.call("meanwhile") == "meanwhile"
    for i, s in enumerate(waiting):
        if i % 2:
            s = trusting(certificates).wrap_socket(
                s, server_hostname="localhost")
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        s.settimeout(PATIENCE)
        assert s.makefile("rb").readline().startswith(b"HTTP/1.1 403")
        s.close()


def test_sockets_that_say_nothing_do_not_hold_up_the_end(secure):
    server = secure(settings="limits: { headTimeout: 1h }\n").server
    silent = [dial(server) for _ in range(3)]
    until(lambda: server.metric("sockets_open") == 4, what="their arrival")
    server.process.terminate()
    for s in silent:
        assert ends(s)
        s.close()
    assert server.process.wait(PATIENCE) == 0


def test_plain_text_in_the_middle_of_tls(secure, certificates):
    """A record that does not authenticate ends its connection, and no other."""
    server = secure().server
    context = trusting(certificates)
    with WebSocket(server, tls=context) as good:
        bad = WebSocket(server, tls=context)
        raw = socket.socket(fileno=os.dup(bad.socket.fileno()))
        raw.sendall(frame(1, b"hello"))
        raw.settimeout(PATIENCE)
        assert ends(raw)
        raw.close()
        assert good.call("fine") == "fine"
        until(lambda: server.metric("connections_open") == 1, what="its end")
        bad.http.close()


def test_an_end_without_close_notify(secure, certificates):
    server = secure().server
    with WebSocket(server, tls=trusting(certificates)) as good:
        bad = WebSocket(server, tls=trusting(certificates))
        bad.socket.sendall(text_frames("hello")[:3])
        bad.stream.close()
        bad.socket.shutdown(socket.SHUT_RDWR)
        bad.socket.close()
        until(lambda: server.metric("connections_open") == 1, what="its end")
        assert good.call("fine") == "fine"


def test_the_admin_port_stays_plain(secure):
    server = secure().server
    with Http(("127.0.0.1", server.admin)) as http:
        assert http.ask("GET", "/healthz").status == 200


def test_without_a_certificate_tls_is_not_understood(gatewire, certificates):
    server = gatewire(["dev"])
    with dial(server) as s:
        s.sendall(hello(certificates))
        assert s.recv(12).startswith(b"HTTP/1.1 400")
