"""The Node and Python runtimes in clients/functions: a table of handlers each,
run against a strict Runtime API.

AWS's own Node runtime goes through the same table where it is installed (`make
deps-ric`).
"""

import base64
import concurrent.futures
import json
import os
import re
import time

import pytest

from conftest import PATIENCE, until
from runtime_api import (ARN, NODE, PYTHON, RIC, Runtime, RuntimeApi,
                         needs_ric)


class Row:
    """Files, an event, and what comes of it: `gives` is the answer's value,
    `fails` is (errorType, pattern of the message) of an invocation's error and
    `start` of one at the start; `exits` is the status the process then ends
    with, None that it lives. `ours`: where and why AWS's own does otherwise."""

    def __init__(self, name, files, event=None, gives=..., fails=None,
                 start=None, lost=False, exits=None, handler="index.handler",
                 ours=None):
        self.__dict__.update(locals())

    def write(self, folder):
        for name, text in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)


def js(body, name="index.js", **files):
    return {name: body, **files}


def matches(expected, told):
    kind, pattern = expected
    assert told["errorType"] == kind, told
    assert re.search(pattern, told["errorMessage"]), told


def run_row(row, command, folder):
    """Runs a row and returns the answer, whose body is checked."""
    row.write(folder)
    with RuntimeApi() as api, Runtime(command, api, folder,
                                      row.handler) as runtime:
        if row.start:
            answer = api.init_errors.get(timeout=PATIENCE)
            matches(row.start, answer.json)
            status = runtime.end()
            assert status == (row.exits or 1) or command is RIC and status
            return answer
        answer = api.invoke(row.event)
        if row.fails:
            assert answer.kind == "error", f"{answer}\n{runtime.output}"
            matches(row.fails, answer.json)
        elif row.lost:
            assert answer.kind == "lost", answer
        else:
            assert answer.kind == "response", f"{answer}\n{runtime.output}"
            assert answer.json == row.gives
        if row.exits is not None:
            assert runtime.end() == row.exits, runtime.output
        else:   # and it takes the next
            assert api.invoke(row.event).kind == answer.kind
        return answer


@pytest.fixture(scope="module")
def results(request, tmp_path_factory):
    """results(row, command): what run_row gave. Starting processes is all that
    takes time here, so the rows of all selected tests run side by side."""
    commands = {test_node: NODE, test_python: PYTHON,
                test_node_as_the_original: RIC}
    wanted = [(item.callspec.params["row"], commands[item.function])
              for item in request.session.items
              if getattr(item, "function", None) in commands
              and not any(m.args[0] for m in item.iter_markers("skipif"))]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = {
            (row, command[1]): pool.submit(
                run_row, row, command, tmp_path_factory.mktemp("row"))
            for row, command in wanted}
        yield lambda row, command: running[row, command[1]].result()


# --- Node ------------------------------------------------------------------------

PACKAGE_MODULE = {"package.json": '{"type": "module"}'}
NODE_ROWS = [
    # Where the handler is, and in which kind of module.
    Row("CommonJS in .js", js("exports.handler = async (e) => ({ got: e })"),
        event={"n": 1}, gives={"got": {"n": 1}}),
    Row("CommonJS in .cjs", js("exports.handler = async () => module.id != null",
                               "index.cjs"), gives=True),
    Row("ES module in .mjs", js("export const handler = async (e) => e + 1;"
                                "import.meta.url;", "index.mjs"),
        event=1, gives=2),
    Row("ES module by package.json",
        js("export const handler = async () => import.meta.url.slice(0, 8)",
           **PACKAGE_MODULE), gives="file:///"),
    Row("the nearest package.json counts",
        {"package.json": '{"type": "module"}', "src/package.json": "{}",
         "src/app.js": "exports.handler = async () => typeof require"},
        handler="src/app.handler", gives="function"),
    Row("a package.json further up counts",
        {"package.json": '{"type": "module"}',
         "src/deep/app.js": "export const handler = async () => 1"},
        handler="src/deep/app.handler", gives=1),
    Row(".cjs in a package of modules",
        js("exports.handler = async () => 1", "index.cjs", **PACKAGE_MODULE),
        gives=1),
    Row("a folder with an index",
        {"app/index.js": "exports.handler = async () => 'folder'"},
        handler="app.handler", gives="folder"),
    Row("a file before a folder of that name",
        files={"app/index.js": "exports.handler = async () => 'folder'",
               "app.js": "exports.handler = async () => 'file'"},
        handler="app.handler", gives="file"),
    Row("from node_modules",
        {"node_modules/acme/index.js": "exports.handler = async () => 'acme'"},
        handler="acme.handler", gives="acme"),
    Row("a path with ./", {"a/b.js": "exports.handler = async () => 1"},
        handler="./a/b.handler", gives=1),
    Row("a nested export", js("exports.api = { v1: { get: async () => 7 } }"),
        handler="index.api.v1.get", gives=7),
    Row("a top-level await", js(
        "const ready = await Promise.resolve('ready');"
        "export const handler = async () => ready", "index.mjs"),
        gives="ready"),
    Row("requires its neighbours", js(
        "exports.handler = async () => require('./lib/x')",
        **{"lib/x.js": "module.exports = 5"}), gives=5),

    # Ways to answer.
    Row("callback", js("exports.handler = (e, c, done) => "
                       "setTimeout(done, 1, null, { ok: e })"),
        event=3, gives={"ok": 3}),
    Row("callback with an error", js(
        "exports.handler = (e, c, done) => { done(new TypeError('no')) }"),
        fails=("TypeError", "^no$")),
    Row("callback with a text as error",
        js("exports.handler = (e, c, done) => { done('no') }"),
        fails=("string", "^no$")),
    Row("callback, then a throw", js(
        "exports.handler = (e, c, done) => {"
        "  c.callbackWaitsForEmptyEventLoop = false;"
        "  done(null, 1); throw new Error('too late') }"), gives=1),
    Row("neither callback nor promise", js("exports.handler = (e, c, done) => {}"),
        gives=None),
    Row("callback waits until nothing is left", js(
        "let seen = 0; exports.handler = (e, c, done) => {"
        "  const answer = { get seen() { return seen } };"
        "  setTimeout(() => { seen = 1 }, 30); done(null, answer) }"),
        gives={"seen": 1}),
    Row("callback does not wait", js(
        "exports.handler = (e, c, done) => {"
        "  c.callbackWaitsForEmptyEventLoop = false;"
        "  setInterval(() => {}, 1000); done(null, 'now') }"), gives="now"),
    Row("async does not wait", js(
        "exports.handler = async () => { setInterval(() => {}, 1000); return 1 }"
    ), gives=1),
    Row("succeed", js("exports.handler = (e, c) => { c.succeed({ a: 1 }) }"),
        gives={"a": 1}),
    Row("succeed, and an arrow that returns a timer",
        js("exports.handler = (e, c) => setTimeout(c.succeed, 5, 'late')"),
        gives="late"),
    Row("fail", js("exports.handler = (e, c) => { c.fail(new RangeError('r')) }"),
        fails=("RangeError", "^r$")),
    Row("fail with nothing", js("exports.handler = (e, c) => { c.fail() }"),
        fails=("string", "^handled$")),
    Row("done", js("exports.handler = (e, c) => { c.done(null, 2) }"), gives=2),
    Row("the first answer counts", js(
        "exports.handler = (e, c) => { c.done(null, 1); c.succeed(2);"
        " c.fail(new Error('3')) }"), gives=1),
    Row("a sync handler's plain value", js(
        "exports.handler = (e) => ({ statusCode: 200, body: e.text })"),
        ours="null before Node.js 24",
        event={"text": "hi"}, gives={"statusCode": 200, "body": "hi"}),
    Row("undefined", js("exports.handler = async () => {}"), gives=None),
    Row("a function", ours="takes none, by mistake",
        files=js("exports.handler = async () => () => {}"), gives=None),
    Row("toJSON", js("exports.handler = async () => new Date(0)"),
        gives="1970-01-01T00:00:00.000Z"),
    Row("a thenable", js(
        "exports.handler = () => ({ then: (yes) => { yes('then') } })"),
        gives="then"),

    # Failures.
    Row("throws", js("exports.handler = () => { throw new Error('sync') }"),
        fails=("Error", "^sync$")),
    Row("rejects", js("class OwnError extends Error { name = 'OwnError' }"
                      "exports.handler = async () => { throw new OwnError('x') }"),
        fails=("OwnError", "^x$")),
    Row("rejects with a text", js("exports.handler = () => Promise.reject('text')"),
        fails=("string", "^text$")),
    Row("rejects with nothing", js("exports.handler = () => Promise.reject()"),
        fails=("string", "^handled$")),
    Row("an error that cannot be read", js(
        "exports.handler = async () => { throw Object.defineProperty("
        "new Error('x'), 'message', { get() { throw 1 } }) }"),
        fails=("handled", ".")),
    Row("an answer that refers to itself", js(
        "exports.handler = async () => { const a = {}; a.a = a; return a }"),
        ours="the type was Error before Node.js 24",
        fails=("Runtime.JSONStringifyError", "^Unable to stringify response")),
    Row("a BigInt", js("exports.handler = async () => 1n"),
        ours="the type was Error before Node.js 24",
        fails=("Runtime.JSONStringifyError", "BigInt")),
    Row("a promise that is never settled", js(
        "exports.handler = async () => { await new Promise(() => {}) }"),
        ours="null in older versions",
        fails=("Runtime.NodeJsExit", ".")),
    Row("an error type that is no header", js(
        "exports.handler = async () => { throw Object.assign("
        "new Error('grüße ☃'), { name: 'Schnee\\n☃' }) }"),
        fails=("Schnee\n☃", "^grüße ☃$")),
    Row("uncaught, from a timer", js(
        "exports.handler = () => new Promise(() => setTimeout(() => {"
        " throw new RangeError('in a timer') }))"),
        fails=("RangeError", "^in a timer$"), exits=129),
    Row("a rejection that nobody looks at", js(
        "exports.handler = () => new Promise(() => {"
        " Promise.reject(new Error('unseen')) })"),
        fails=("Runtime.UnhandledPromiseRejection", "^Error: unseen$"),
        exits=128),
    Row("a rejection that is no error", js(
        "exports.handler = () => new Promise(() => { Promise.reject('why') })"),
        fails=("Runtime.UnhandledPromiseRejection", "^why$"), exits=128),
    Row("an answer, and an unseen rejection beside it", ours="posts both", files=js(
        "exports.handler = async () => { Promise.reject(new Error('unseen'));"
        " return 'answered' }"), gives="answered", exits=128),
    Row("process.exit", js("exports.handler = async () => process.exit(3)"),
        lost=True, exits=3),

    # At the start.
    Row("no such module", js("exports.handler = 1"), handler="nope.handler",
        start=("Runtime.ImportModuleError", "Cannot find module 'nope'"),
        exits=1),
    Row("requires what is missing", js("require('./missing')"),
        start=("Runtime.ImportModuleError", "Cannot find module './missing'")),
    Row("imports what is missing", ours="tells CommonJS only",
        files=js("import './missing.mjs'", "index.mjs"),
        start=("Runtime.ImportModuleError", "Cannot find module")),
    Row("syntax error", js("exports.handler = async ( => 1"),
        start=("Runtime.UserCodeSyntaxError", "^SyntaxError: ")),
    Row("syntax error in a module", js("export const = 1", "index.mjs"),
        start=("Runtime.UserCodeSyntaxError", "^SyntaxError: ")),
    Row("no such export", js("exports.other = 1"),
        start=("Runtime.HandlerNotFound",
               "^index.handler is undefined or not exported$")),
    Row("not a function", js("exports.handler = { a: 1 }"),
        start=("Runtime.HandlerNotFound", "^index.handler is not a function$")),
    Row("throws while it loads", js("throw new TypeError('at load')"),
        start=("TypeError", "^at load$")),
    Row("throws soon after it loads", js(
        "setImmediate(() => { throw new TypeError('soon') });"
        "const until = Date.now() + 50; while (Date.now() < until);"
        "export const handler = 1; await new Promise(() => "
        "setTimeout(() => {}, 9999))", "index.mjs"),
        start=("TypeError", "^soon$"), exits=129),
    Row("a name without a dot", js("exports.handler = 1"), handler="index",
        start=("Runtime.MalformedHandlerName", "Bad handler")),
    Row("a name that climbs", js("exports.handler = 1"), handler="../index.handler",
        start=("Runtime.MalformedHandlerName", ".")),
]


@pytest.mark.parametrize("row", NODE_ROWS, ids=lambda r: r.name)
def test_node(row, results):
    answer = results(row, NODE)
    if row.fails or row.start:
        told = answer.json
        assert set(told) == {"errorType", "errorMessage", "trace"}
        kind = answer.headers["lambda-runtime-function-error-type"]
        assert kind == re.sub(r"[^ -~]", "?", told["errorType"])


@needs_ric
@pytest.mark.parametrize("row", [r for r in NODE_ROWS if not r.ours],
                         ids=lambda r: r.name)
def test_node_as_the_original(row, results):
    results(row, RIC)


NODE_CONTEXT = js("""
exports.handler = async (event, context) => ({
  ...context, left: context.getRemainingTimeInMillis(),
  waits: context.callbackWaitsForEmptyEventLoop,
  functions: ['succeed', 'fail', 'done'].map((f) => typeof context[f]),
  trace: process.env._X_AMZN_TRACE_ID ?? null })
""")
NAMES = {
    "functionName": "greeter", "functionVersion": "$LATEST",
    "memoryLimitInMB": "256", "logGroupName": "/aws/lambda/greeter",
    "logStreamName": "2026/11/22/[$LATEST]0", "invokedFunctionArn": ARN,
    "waits": True, "functions": ["function"] * 3}


def check_node_context(command, folder):
    Row("context", NODE_CONTEXT).write(folder)
    with RuntimeApi() as api, Runtime(command, api, folder,
                                      "index.handler") as runtime:
        first = api.begin(seconds=20, headers={
            "Lambda-Runtime-Trace-Id": "Root=1-5f-2a;Parent=b;Sampled=0",
            "Lambda-Runtime-Client-Context":
                '{"custom": {"name": "Zoë"}}'.encode().decode("latin-1"),
            "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId": "c"}'})
        got = first.wait().json
        assert NAMES.items() <= got.items()
        assert got["awsRequestId"] == first.id
        assert got["clientContext"] == {"custom": {"name": "Zoë"}}
        assert got["identity"] == {"cognitoIdentityId": "c"}
        assert got["trace"] == "Root=1-5f-2a;Parent=b;Sampled=0"
        assert 20000 - PATIENCE * 1000 < got["left"] <= 20000

        second = api.begin(seconds=-1)
        got = second.wait().json
        assert got["awsRequestId"] == second.id
        assert not {"clientContext", "identity"} & got.keys()
        assert got["trace"] is None
        assert got["left"] <= -1000
        runtime.process.kill()


def test_node_context(tmp_path):
    check_node_context(NODE, tmp_path)


def test_node_log(tmp_path):
    Row("log", js("""
console.log('at the start');
exports.handler = async (event, context) => {
  console.log('one %s', 'two', { a: [1] });
  console.warn('first\\nsecond');
  console.error('bad'); console.debug('d'); console.trace('t');
  console.info();
  throw Object.assign(new Error('failed'), { code: 'E' });
}""")).write(tmp_path)
    with RuntimeApi() as api, Runtime(NODE, api, tmp_path,
                                      "index.handler") as runtime:
        invocation = api.begin()
        assert invocation.wait().kind == "error"
        runtime.wait_for("Invoke Error")
        # read as text: what the runtime writes as a carriage return is a \n here
        lines = [line.split("\t", 3) for line in runtime.output.splitlines()]
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
    assert [line[1:] for line in lines if len(line) == 4] == [
        ["undefined", "INFO", "at the start"],
        [invocation.id, "INFO", "one two { a: [ 1 ] }"],
        [invocation.id, "WARN", "first"],
        [invocation.id, "ERROR", "bad"],
        [invocation.id, "DEBUG", "d"],
        [invocation.id, "TRACE", "t"],
        [invocation.id, "INFO", ""],
        [invocation.id, "ERROR", lines[-1][3]]]
    assert all(re.match(stamp, line[0]) for line in lines if len(line) == 4)
    assert ["second"] in lines
    title, _, told = lines[-1][3].partition("\t")
    assert title == "Invoke Error "
    assert json.loads(told)["errorMessage"] == "failed"


# --- Node: streaming handlers ----------------------------------------------------

def stream(body, tmp_path, end=None):
    """The answer of a streaming handler, and of a second event."""
    Row("stream", js("exports.handler = awslambda.streamifyResponse("
                     f"async (event, out, context) => {{ {body} }})")
        ).write(tmp_path)
    with RuntimeApi() as api, Runtime(NODE, api, tmp_path,
                                      "index.handler") as runtime:
        first = api.invoke("grüße")
        if end is None:
            assert api.invoke("grüße").kind == first.kind
            assert api.connections == 1
        else:
            assert runtime.end() == end
        return first


def test_node_streams(tmp_path):
    answer = stream("out.setContentType('text/plain'); out.write('one ');"
                    "await new Promise((r) => setTimeout(r, 5));"
                    "out.write(event); out.end()", tmp_path)
    assert answer.kind == "response"
    assert answer.body.decode() == "one grüße"
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert answer.trailers == {}


def test_node_streams_with_a_prelude(tmp_path):
    answer = stream(
        "out = awslambda.HttpResponseStream.from(out, { statusCode: 201 });"
        "require('stream').Readable.from(['a', 'b']).pipe(out)", tmp_path)
    assert answer.headers["content-type"] == (
        "application/vnd.awslambda.http-integration-response")
    assert answer.body == b'{"statusCode":201}' + b"\0" * 8 + b"ab"


def test_node_fails_before_the_first_byte(tmp_path):
    answer = stream("throw new TypeError('early')", tmp_path)
    assert answer.kind == "error"
    matches(("TypeError", "^early$"), answer.json)


@pytest.mark.parametrize("body, kind, end", [
    ("out.write('x'); throw new TypeError('late')", "TypeError", None),
    ("out.write('x'); setTimeout(() => { throw new TypeError('late') });"
     "await new Promise((r) => setTimeout(r, 9999))", "TypeError", 129),
])
def test_node_fails_in_mid_stream(tmp_path, body, kind, end):
    answer = stream(body, tmp_path, end)
    assert answer.kind == "response"
    assert answer.body == b"x"
    assert answer.trailers["lambda-runtime-function-error-type"] == kind
    matches((kind, "^late$"), json.loads(base64.b64decode(
        answer.trailers["lambda-runtime-function-error-body"])))


def test_node_never_writes(tmp_path):
    answer = stream("", tmp_path)
    assert answer.kind == "error"
    matches(("Runtime.InvalidStreamingOperation", "not finished"), answer.json)


# --- Python ----------------------------------------------------------------------

def py(body, name="index.py", **files):
    return {name: body, **files}


PYTHON_ROWS = [
    Row("function", py("def handler(event, context):\n  return {'got': event}"),
        event={"n": [1, None, "x"]}, gives={"got": {"n": [1, None, "x"]}}),
    Row("a module in a folder",
        {"src/app.py": "def main(e, c): return 1"}, handler="src/app.main",
        gives=1),
    Row("a module in a package, with dots",
        {"pkg/__init__.py": "", "pkg/app.py": "from . import x\n"
         "def main(e, c): return x.y", "pkg/x.py": "y = 2"},
        handler="pkg.app.main", gives=2),
    Row("imports its neighbours", py(
        "import helper\ndef handler(e, c): return helper.x",
        **{"helper.py": "x = 3"}), gives=3),
    Row("a module of the runtime's own name",
        {"bootstrap.py": "def handler(e, c): return __name__"},
        handler="bootstrap.handler", gives="bootstrap"),
    Row("a callable object", py(
        "class App:\n  def __call__(self, e, c): return 'called'\n"
        "handler = App()"), gives="called"),
    Row("None", py("def handler(e, c): pass"), gives=None),
    Row("bytes are JSON already", py("def handler(e, c): return b'[1]'"),
        gives=[1]),
    Row("decimals", py("from decimal import Decimal as D\n"
                       "def handler(e, c): return [D('200'), D('1.5')]"),
        gives=[200, 1.5]),
    Row("a text that is no Unicode", py("def handler(e, c): return '\\ud800'"),
        gives="\ud800"),
    Row("raises", py("class OwnError(Exception): pass\n"
                     "def handler(e, c): raise OwnError('x')"),
        fails=("OwnError", "^x$")),
    Row("an error type that is no header", py(
        "Größe = type('Größe', (Exception,), {})\n"
        "def handler(e, c): raise Größe('☃')"), fails=("Größe", "^☃$")),
    Row("an answer that is no JSON", py("def handler(e, c): return {1, 2}"),
        fails=("Runtime.MarshalError", "^Unable to marshal response: Object of "
               "type set is not JSON serializable$")),
    Row("an answer that refers to itself", py(
        "def handler(e, c):\n  a = []\n  a.append(a)\n  return a"),
        fails=("Runtime.MarshalError", "^Unable to marshal response: Circular")),
    Row("takes too few", py("def handler(e): return 1"),
        fails=("TypeError", "positional argument")),
    Row("not callable", py("handler = 5"), fails=("TypeError", "not callable")),
    Row("sys.exit", py("import sys\ndef handler(e, c): sys.exit(4)"),
        lost=True, exits=4),
    Row("os._exit", py("import os\ndef handler(e, c): os._exit(5)"),
        lost=True, exits=5),
    Row("no such module", py(""), handler="nope.handler",
        start=("Runtime.ImportModuleError",
               "^Unable to import module 'nope': No module named 'nope'$")),
    Row("imports what is missing", py("import nope"),
        start=("Runtime.ImportModuleError",
               "^Unable to import module 'index': No module named 'nope'$")),
    Row("syntax error", py("def handler(e, c:\n  pass"),
        start=("Runtime.UserCodeSyntaxError",
               r"^Syntax error in module 'index': .*\(index.py, line 1\)$")),
    Row("no such function", py(""), start=(
        "Runtime.HandlerNotFound", "^Handler 'handler' missing on module 'index'$")),
    Row("a name without a dot", py(""), handler="index",
        start=("Runtime.MalformedHandlerName", "^Bad handler 'index'")),
    Row("a built-in module", py(""), handler="sys.exit",
        start=("Runtime.BuiltInModuleConflict", "^Cannot use built-in module sys")),
    Row("raises while it loads", py("1 / 0"),
        start=("ZeroDivisionError", "division by zero")),
]


@pytest.mark.parametrize("row", PYTHON_ROWS, ids=lambda r: r.name)
def test_python(row, results):
    answer = results(row, PYTHON)
    if row.fails or row.start:
        told = answer.json
        assert set(told) == {"errorType", "errorMessage", "requestId",
                             "stackTrace"}
        assert bool(told["requestId"]) == bool(row.fails)
        assert not any("clients/functions" in s for s in told["stackTrace"])


def test_python_stack(tmp_path):
    Row("stack", py("def deep():\n    raise KeyError('k')\n"
                    "def handler(e, c):\n    deep()\n")).write(tmp_path)
    with RuntimeApi() as api, Runtime(PYTHON, api, tmp_path,
                                      "index.handler") as runtime:
        told = api.invoke().json
        assert told["errorMessage"] == "'k'"
        assert told["stackTrace"] == [
            f'  File "{tmp_path}/index.py", line 4, in handler\n    deep()\n',
            f'  File "{tmp_path}/index.py", line 2, in deep\n'
            "    raise KeyError('k')\n"]
        runtime.wait_for("[ERROR] KeyError: 'k'")


def test_python_context(tmp_path):
    Row("context", py("""
import os
def handler(event, context):
    client = context.client_context
    return {**{k: v for k, v in vars(context).items() if k not in (
                "client_context", "identity", "_deadline_ms")},
            "left": context.get_remaining_time_in_millis(),
            "identity": [context.identity.cognito_identity_id,
                         context.identity.cognito_identity_pool_id],
            "client": client and [client.custom, client.env,
                                  client.client.app_title],
            "trace": os.environ.get("_X_AMZN_TRACE_ID")}
""")).write(tmp_path)
    with RuntimeApi() as api, Runtime(PYTHON, api, tmp_path, "index.handler"):
        first = api.begin(seconds=20, headers={
            "Lambda-Runtime-Trace-Id": "Root=1-5f-2a",
            "Lambda-Runtime-Client-Context":
                '{"custom": {"name": "Zoë"}, "client": {"app_title": "t"}}'
                .encode().decode("latin-1"),
            "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId": "c"}'})
        got = first.wait().json
        left = got.pop("left")
        assert 20000 - PATIENCE * 1000 < left <= 20000
        same = {
            "function_name": "greeter", "function_version": "$LATEST",
            "memory_limit_in_mb": "256", "tenant_id": None,
            "log_group_name": "/aws/lambda/greeter",
            "log_stream_name": "2026/11/22/[$LATEST]0",
            "invoked_function_arn": ARN}
        assert got == {**same, "aws_request_id": first.id,
                       "client": [{"name": "Zoë"}, None, "t"],
                       "identity": ["c", None], "trace": "Root=1-5f-2a"}
        second = api.begin(seconds=-1)
        assert second.wait().json == {
            **same, "aws_request_id": second.id, "client": None,
            "identity": [None, None], "trace": None, "left": 0}


def test_python_log(tmp_path):
    Row("log", py("""
import logging
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    print("grüße", end="")
    print()
    logging.info("to the log")
    context.log("by the context\\n")
    raise ValueError("two\\nlines")
""")).write(tmp_path)
    with RuntimeApi() as api, Runtime(PYTHON, api, tmp_path, "index.handler",
                                      LC_ALL="C") as runtime:
        invocation = api.begin()
        assert invocation.wait().kind == "error"
        runtime.wait_for("Traceback")
        lines = runtime.output.splitlines()
    assert lines[0] == "grüße"
    assert re.fullmatch(r"\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t"
                        + invocation.id + "\tto the log", lines[1])
    assert lines[2:6] == ["by the context", "[ERROR] ValueError: two", "lines",
                          "Traceback (most recent call last):"]


# --- both: the wire ----------------------------------------------------------------

ECHO = {**js("exports.handler = async (e) => e"),
        **py("def handler(e, c): return e")}
both = pytest.mark.parametrize("command", [NODE, PYTHON], ids=["node", "python"])


@pytest.fixture
def echo(tmp_path):
    Row("echo", ECHO).write(tmp_path)
    return tmp_path


@both
def test_one_connection_for_many_events(command, echo):
    with RuntimeApi() as api, Runtime(command, api, echo, "index.handler"):
        for n in range(20):
            answer = api.invoke(n)
            assert (answer.json, answer.connection) == (n, 1)
        # and the body says how long it is
        assert answer.headers["content-length"] == "2"
        assert answer.headers["content-type"] == "application/json"


@both
def test_no_proxy_is_asked(command, echo):
    nobody = "http://127.0.0.1:1"
    with RuntimeApi() as api, Runtime(
            command, api, echo, "index.handler", http_proxy=nobody,
            HTTP_PROXY=nobody, NODE_USE_ENV_PROXY="1"):
        assert api.invoke(1).json == 1


@both
def test_large_events_in_any_script(command, echo):
    with RuntimeApi() as api, Runtime(command, api, echo, "index.handler"):
        event = {"text": "☃ grüße 🎉" * 300_000}   # 6 MB in UTF-8
        assert api.invoke(raw=json.dumps(event, ensure_ascii=False).encode()
                          ).json == event


@both
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
@pytest.mark.parametrize("size", [1, 5, 1 << 20], ids=["1", "5", "whole"])
def test_events_in_pieces(command, echo, chunked, size):
    with RuntimeApi() as api, Runtime(command, api, echo, "index.handler"):
        api.chunked = chunked
        api.pieces = lambda answer: (
            answer[i:i + size] for i in range(0, len(answer), size))
        for event in ("☃" * 10, 1, ""):
            answer = api.invoke(event)
            assert (answer.json, answer.connection) == (event, 1)


@both
@pytest.mark.parametrize("answer", [
    b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n12"],
    ids=["nothing", "cut short", "no chunk", "a chunk cut short"])
def test_an_api_that_breaks_off(command, echo, answer):
    def break_off(handler):
        handler.wfile.write(answer)
        handler.close_connection = True
    with RuntimeApi() as api, Runtime(command, api, echo,
                                      "index.handler") as runtime:
        api.invocations.put(break_off)
        assert runtime.end() == 1
        runtime.wait_for("the runtime API is gone: ")


@both
def test_an_event_that_is_no_json(command, echo):
    with RuntimeApi() as api, Runtime(command, api, echo, "index.handler"):
        assert api.invoke(raw=b"{").kind == "error"
        assert api.invoke(1).json == 1


@both
@pytest.mark.parametrize("status, told", [
    (413, "RequestEntityTooLarge"), (400, "InvalidRequestID"), (500, "Internal")])
def test_an_answer_that_is_not_taken(command, echo, status, told):
    with RuntimeApi() as api, Runtime(command, api, echo,
                                      "index.handler") as runtime:
        api.refusals = [(status, {"errorType": told})]
        assert api.invoke("large").json == "large"
        assert api.invoke("next").json == "next"
        runtime.wait_for(f"{status} ")
        runtime.wait_for(told)


@both
def test_a_connection_that_was_closed_meanwhile(command, echo):
    with RuntimeApi() as api, Runtime(command, api, echo, "index.handler"):
        api.drop_after = 2   # each connection: one event, one answer
        for n in range(5):
            assert api.invoke(n).json == n


@both
def test_the_api_goes_away(command, echo):
    with RuntimeApi() as api, Runtime(command, api, echo,
                                      "index.handler") as runtime:
        assert api.invoke(1).json == 1
        api.close()
        assert runtime.end() == 1
        runtime.wait_for("the runtime API is gone")


@both
@pytest.mark.parametrize("status, headers", [
    (403, {}), (500, {}), (200, {"Content-Type": "application/json"})],
    ids=["403", "500", "no id"])
def test_next_gives_no_event(command, echo, status, headers):
    with RuntimeApi() as api, Runtime(command, api, echo,
                                      "index.handler") as runtime:
        api.invocations.put(lambda h: h.reply(status, b"{}", headers))
        assert runtime.end() == 1
        runtime.wait_for("the runtime API is gone: ")


@both
def test_nobody_there(command, echo):
    with RuntimeApi() as api:
        api.close()
        with Runtime(command, api, echo, "index.handler") as runtime:
            assert runtime.end() == 1


@both
def test_waiting_costs_nothing(command, echo):
    """A runtime without events sleeps."""
    with RuntimeApi() as api, Runtime(command, api, echo,
                                      "index.handler") as runtime:
        assert api.invoke(1).json == 1

        def ticks():
            with open(f"/proc/{runtime.process.pid}/stat") as stat:
                return sum(map(int, stat.read().split()[13:15]))
        until(lambda: api.running is None, what="the answer")
        time.sleep(0.1)   # there is no event for "has gone to sleep"
        before = ticks()
        time.sleep(0.3)
        assert ticks() - before <= 2
