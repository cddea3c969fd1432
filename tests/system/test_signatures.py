"""Who may call @connections: signatures as websocket-api.md sections 6.3 and
7.2 have them, made by boto3's signer and by one written out here."""

import datetime
import hashlib
import hmac
import re
import subprocess

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bare import Http, WebSocket, config, quoted
from conftest import BINARY, PATIENCE, Gatewire, until

KEY, SECRET = "AKIDEXAMPLE", "secret/with+more="
CREDENTIALS = f"""
credentials:
  - {{ accessKeyId: {KEY}, secretAccessKey: "{SECRET}" }}
  - {{ accessKeyId: SECOND, secretAccessKey: "second" }}
"""
SCOPE = "us-east-1/execute-api/aws4_request"


# --- a signer by the book (7.2), so that boto3 is not the only witness ---------

def sha256(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(method, path, host, body, when, secret=SECRET, key=KEY, scope=SCOPE,
         extra=()):
    """The headers of a signed request. `path` is as sent; every octet but
    A-Za-z0-9-_.~/ of it is encoded once more."""
    date = when.strftime("%Y%m%dT%H%M%SZ")
    fields = sorted([("host", host), ("x-amz-date", date),
                     *((n.lower(), v) for n, v in extra)])
    names = ";".join(name for name, _ in fields)
    uri = re.sub(r"[^A-Za-z0-9\-_.~/]", lambda m: f"%{ord(m[0]):02X}", path)
    canonical = "\n".join([
        method, uri, "", *(f"{n}:{v.strip()}" for n, v in fields), "", names,
        sha256(body)])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, f"{date[:8]}/{scope}",
                         sha256(canonical.encode())])
    secret_key = ("AWS4" + secret).encode()
    for part in [date[:8], *scope.split("/")]:
        secret_key = mac(secret_key, part)
    signature = mac(secret_key, to_sign).hex()
    return [("X-Amz-Date", date), *extra, (
        "Authorization",
        f"AWS4-HMAC-SHA256 Credential={key}/{date[:8]}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}")]


def test_the_signer_against_the_reference():
    """Section 7.2's vector 1."""
    when = datetime.datetime(2026, 11, 22, 10, 49, 41)
    fields = dict(sign("POST", "/prod/@connections/L0SM9cOFvHcCIhw%3D",
                       "127.0.0.1:18080", b"hello", when, secret="secret"))
    assert fields["Authorization"].endswith(
        "8c994c264f766c666bd8e0e3fa9d36d8e108c9d78e312808def3a1be19a86864")


def now(**off):
    return (datetime.datetime.now(datetime.timezone.utc)
            + datetime.timedelta(**off))


# --- the server ----------------------------------------------------------------

@pytest.fixture(scope="module")
def server(tmp_path_factory):
    g = Gatewire(["serve"], config(CREDENTIALS, chat="dev"),
                 tmp_path_factory.mktemp("signed"))
    yield g
    assert g.stop() == 0, g.output


@pytest.fixture
def ws(server):
    with WebSocket(server) as ws:
        yield ws


@pytest.fixture
def http(server):
    with Http(server) as http:
        yield http


def post(http, ws, body=b"hello", sent=None, path=None, **how):
    """A signed post; `sent` is what goes out in place of the body signed."""
    path = path or f"/dev/@connections/{quoted(ws.id)}"
    fields = sign("POST", path, http.host, body, how.pop("when", now()), **how)
    return http.ask("POST", path, sent if sent is not None else body, fields)


def forbidden(answer, kind, text):
    assert answer.status == 403, answer
    assert answer.type == kind, answer
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-requestid"]
    assert re.search(text, answer.message, re.S), answer.message
    return True


def test_what_is_signed_is_let_in(http, ws):
    assert post(http, ws).status == 200
    assert ws.receive() == "hello"
    assert post(http, ws, key="SECOND", secret="second").status == 200
    assert ws.receive() == "hello"
    for method, status in (("GET", 200), ("DELETE", 204)):
        path = f"/dev/@connections/{quoted(ws.id)}"
        fields = sign(method, path, http.host, b"", now())
        assert http.ask(method, path, None, fields).status == status
    assert ws.closed() == 1000


@pytest.mark.parametrize("base", ["/dev/@connections/", "/dev/%40connections/",
                                  "/chat/dev/@connections/"])
@pytest.mark.parametrize("write", [str, quoted], ids=["plain", "quoted"])
def test_the_path_is_signed_as_it_is_sent(http, ws, base, write):
    assert post(http, ws, path=base + write(ws.id)).status == 200
    assert ws.receive() == "hello"


@pytest.mark.parametrize("body", [b"", b"\0", b"x" * 131072, "ü".encode()],
                         ids=len)
def test_every_body_can_be_signed(http, ws, body):
    assert post(http, ws, body).status == 200
    assert ws.receive() == body.decode()


def test_the_body_s_own_hash_is_taken_when_it_is_right(http, ws):
    right = [("x-amz-content-sha256", sha256(b"hello"))]
    assert post(http, ws, extra=right).status == 200
    wrong = [("x-amz-content-sha256", sha256(b"other"))]
    forbidden(post(http, ws, extra=wrong), "InvalidSignatureException", "")


def test_a_token_may_be_signed_with_it(http, ws):
    token = [("X-Amz-Security-Token", "TOKEN/==")]
    assert post(http, ws, extra=token).status == 200


def test_a_wrong_secret(http, ws):
    answer = post(http, ws, secret="other")
    forbidden(answer, "InvalidSignatureException",
              r"^The request signature we calculated does not match the "
              r"signature you provided\. Check your AWS Secret Access Key and "
              r"signing method\. Consult the service documentation for "
              r"details\.\n\nThe Canonical String for this request should have "
              r"been\n'POST\n.*'\n\nThe String-to-Sign should have been\n'"
              r"AWS4-HMAC-SHA256\n.*'\n$")
    # What it shows is what should have been signed.
    assert "/dev/%40connections/" in answer.message
    assert sha256(b"hello") in answer.message
    assert SECRET not in answer.message
    assert ws.call("nothing came") == "nothing came"


def test_an_unknown_key(http, ws):
    forbidden(post(http, ws, key="NOBODY"), "UnrecognizedClientException",
              r"^The security token included in the request is invalid\.$")


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "PUT"])
def test_no_signature(http, ws, method):
    answer = http.ask(method, f"/dev/@connections/{ws.id}",
                      b"x" if method == "POST" else None)
    forbidden(answer, "MissingAuthenticationTokenException",
              "^Missing Authentication Token$")
    assert ws.call("nothing came") == "nothing came"


@pytest.mark.parametrize("authorization, said", [
    ("AWS4-HMAC-SHA256 ", "requires 'Credential' parameter"),
    ("AWS4-HMAC-SHA256 Credential=A/20260101/" + SCOPE,
     "requires 'Signature' parameter"),
    ("AWS4-HMAC-SHA256 Credential=A/20260101/" + SCOPE + ", Signature=0",
     "requires 'SignedHeaders' parameter"),
    ("Bearer abc", "missing equal-sign|requires 'Credential'"),
    ("Basic dXNlcjpwYXNz", "missing equal-sign|requires 'Credential'"),
    ("AWS4-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature=0",
     "5 slash-delimited"),
])
def test_an_authorization_that_is_none(http, ws, authorization, said):
    answer = http.ask("POST", f"/dev/@connections/{ws.id}", b"x", [
        ("Authorization", authorization),
        ("X-Amz-Date", now().strftime("%Y%m%dT%H%M%SZ"))])
    forbidden(answer, "IncompleteSignatureException", said)


def test_no_date(http, ws):
    fields = [f for f in sign("POST", "/x", http.host, b"x", now())
              if f[0] != "X-Amz-Date"]
    forbidden(http.ask("POST", f"/dev/@connections/{ws.id}", b"x", fields),
              "IncompleteSignatureException", "'X-Amz-Date'")


@pytest.mark.parametrize("off, status", [
    (-310, 403), (-280, 200), (280, 200), (310, 403), (-86400, 403)])
def test_the_clock_may_be_five_minutes_off(http, ws, off, status):
    answer = post(http, ws, when=now(seconds=off))
    assert answer.status == status, answer
    if status == 403:
        forbidden(answer, "InvalidSignatureException",
                  r"^Signature expired: \d{8}T\d{6}Z is now earlier than "
                  r"\d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$" if off < 0 else
                  "^Signature not yet current: ")


def test_what_was_not_signed(http, ws):
    forbidden(post(http, ws, sent=b"jello"), "InvalidSignatureException", "")
    path = f"/dev/@connections/{ws.id}"
    fields = sign("GET", path, http.host, b"", now())
    forbidden(http.ask("DELETE", path, None, fields),
              "InvalidSignatureException", "")
    forbidden(http.ask("GET", path + "?x=1", None, fields),
              "InvalidSignatureException", "")
    forbidden(http.ask("GET", "/chat" + path, None, fields),
              "InvalidSignatureException", "")
    http.host = "localhost:" + http.host.split(":")[1]
    forbidden(http.ask("GET", path, None, fields),
              "InvalidSignatureException", "")
    assert ws.call("nothing came") == "nothing came"


def test_another_service_s_signature(http, ws):
    forbidden(post(http, ws, scope="us-east-1/s3/aws4_request"),
              "InvalidSignatureException", "'execute-api'")


def test_errors_behind_the_signature(http, ws):
    """Who may call hears the same as where nobody signs."""
    gone = post(http, ws, path="/dev/@connections/xyz")
    assert (gone.status, gone.type) == (400, "BadRequestException")
    too_big = post(http, ws, b"x" * 131073)
    assert (too_big.status, too_big.type) == (413, "PayloadTooLargeException")
    wrong = post(http, ws, path=f"/other/@connections/{ws.id}")
    assert (wrong.status, wrong.type) == (403, "ForbiddenException")
    connection_id = ws.id
    ws.leave()
    path = f"/dev/@connections/{connection_id}"
    answer = http.ask("GET", path, None,
                      sign("GET", path, http.host, b"", now()))
    assert (answer.status, answer.type, answer.body) == (
        410, "GoneException", b"")


def test_a_kept_connection_is_asked_every_time(http, ws):
    assert post(http, ws).status == 200
    assert http.ask("GET", f"/dev/@connections/{ws.id}").status == 403
    assert post(http, ws).status == 200


# --- boto3's signer --------------------------------------------------------------

def presigned(server, ws, expires=300):
    request = AWSRequest(
        "GET", f"{server.http}/dev/@connections/{quoted(ws.id)}")
    signer = SigV4QueryAuth(Credentials(KEY, SECRET), "execute-api",
                            "us-east-1", expires)
    signer.add_auth(request)
    return request.url.removeprefix(server.http)


def test_a_signed_query(server, http, ws):
    target = presigned(server, ws)
    assert http.ask("GET", target).status == 200
    assert http.ask("GET", target).status == 200, "good until it expires"
    forbidden(http.ask("DELETE", target), "InvalidSignatureException", "")
    forbidden(http.ask("GET", target.replace("X-Amz-Expires=300",
                                             "X-Amz-Expires=301")),
              "InvalidSignatureException", "")
    forbidden(http.ask("GET", target.split("&X-Amz-Signature")[0]),
              "IncompleteSignatureException", "'X-Amz-Signature'")


def test_a_signed_query_expires(server, http, ws):
    target = presigned(server, ws, expires=1)
    until(lambda: http.ask("GET", target).status == 403, what="its end")
    forbidden(http.ask("GET", target), "InvalidSignatureException",
              "^Signature expired")


def test_headers_by_boto(server, http, ws):
    url = f"{server.http}/dev/@connections/{quoted(ws.id)}"
    for token in (None, "TOK/EN=="):
        request = AWSRequest("POST", url, data=b"hello",
                             headers={"Content-Type": "text/plain",
                                      "X-Amz-Meta": "  a   b  "})
        SigV4Auth(Credentials(KEY, SECRET, token), "execute-api",
                  "us-east-1").add_auth(request)
        answer = http.ask("POST", url.removeprefix(server.http), b"hello",
                          list(request.headers.items()))
        assert answer.status == 200, answer
        assert ws.receive() == "hello"


# --- where credentials come from, and when they count ------------------------------

def test_a_secret_from_a_file(gatewire, tmp_path):
    secret = tmp_path / "the-secret"
    secret.write_text(SECRET + "\n")
    server = gatewire(config=config(
        f"credentials: [ {{ accessKeyId: {KEY}, "
        f"secretAccessKeyFile: {secret} }} ]", chat="dev"))
    with WebSocket(server) as ws, Http(server) as http:
        assert post(http, ws).status == 200
        assert post(http, ws, secret="other").status == 403


def test_none_means_none_even_with_credentials(gatewire):
    server = gatewire(config=config(
        "managementAuth: none" + CREDENTIALS, chat="dev"))
    with WebSocket(server) as ws, Http(server) as http:
        assert http.ask("POST", f"/dev/@connections/{ws.id}",
                        b"x").status == 200
        assert post(http, ws, secret="other").status == 200


def test_signatures_without_credentials_are_no_configuration(tmp_path):
    path = tmp_path / "closed.yaml"
    path.write_text(config("managementAuth: sigv4", chat="dev"))
    run = subprocess.run([BINARY, "serve", "-c", path], capture_output=True,
                         text=True, timeout=PATIENCE)
    assert run.returncode == 78 and "credentials" in run.stderr


def test_dev_signs_only_when_told_to(gatewire):
    server = gatewire(["dev"], config=config(CREDENTIALS, chat="dev"))
    with WebSocket(server) as ws, Http(server) as http:
        assert http.ask("POST", f"/dev/@connections/{ws.id}",
                        b"x").status == 200


@pytest.mark.parametrize("workers", ["1", "4"])
def test_credentials_are_exchanged_by_a_reload(gatewire, workers):
    """The old secret is good until then, and not after."""
    def with_secret(secret):
        return config(f"credentials: [ {{ accessKeyId: {KEY}, "
                      f"secretAccessKey: {secret} }} ]", chat="dev")

    server = gatewire(["serve", "--workers", workers],
                      config=with_secret("old"))
    with WebSocket(server) as ws:
        callers = [Http(server) for _ in range(8)]

        def all_are(status, secret):
            return all(post(http, ws, secret=secret).status == status
                       for http in callers)

        assert all_are(200, "old") and all_are(403, "new")
        assert server.reload(with_secret("new")) == "done"
        until(lambda: all_are(200, "new"), what="the new secret")
        assert all_are(403, "old")
        assert server.reload(with_secret("''")) == "refused"
        assert all_are(200, "new")
        for http in callers:
            http.close()
        assert ws.receive() == "hello"


def test_a_reload_cannot_expose_either(gatewire):
    signed = config(CREDENTIALS, chat="dev")
    server = gatewire(["serve", "--listen", "0.0.0.0:0"], config=signed)
    with WebSocket(server) as ws, Http(server) as http:
        assert server.reload(config("", chat="dev")) == "refused"
        assert http.ask("GET", f"/dev/@connections/{ws.id}").status == 403
        assert post(http, ws).status == 200


def test_a_region_that_is_set_is_demanded(gatewire):
    def base(region):
        return f"""
region: {region}
credentials: [ {{ accessKeyId: {KEY}, secretAccessKey: {SECRET} }} ]"""
    server = gatewire(config=config(base("us-east-1"), chat="dev"))
    with WebSocket(server) as ws, Http(server) as http:
        assert post(http, ws).status == 200
        assert server.reload(config(base("eu-west-1"), chat="dev")) == "done"
        answer = post(http, ws)
        assert answer.status == 403
        assert answer.type == "InvalidSignatureException"
