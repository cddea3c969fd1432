"""The runtime of a Python function: takes events from the Lambda Runtime API,
calls the handler, and posts what it answers. One event at a time; for more,
more of these processes are started.

    AWS_LAMBDA_RUNTIME_API  host:port of the API
    _HANDLER                module.function, also folder/module.function
    LAMBDA_TASK_ROOT        the function's folder; else the current one
    AWS_LAMBDA_FUNCTION_*, AWS_LAMBDA_LOG_*  for the handler's `context`

Exits with 1 when the function does not load, or when the API is gone.
"""

import decimal
import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback

API = "/2018-06-01/runtime"
request_id = ""  # as log lines show it


class Fault(Exception):
    """An error of the runtime's own: its type, its message, and a trace in
    place of the one that leads to here."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind = f"Runtime.{kind}"
        self.trace = list(trace)


def described(error):
    """Any exception, as it is posted. The bootstrap's own frames are left out."""
    if isinstance(error, Fault):
        kind, trace = error.kind, error.trace
    else:
        kind = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        while frames and frames[0].filename == __file__:
            del frames[0]
        trace = traceback.format_list(frames)
    return {"errorMessage": str(error), "errorType": kind,
            "requestId": request_id, "stackTrace": trace}


# --- the log -------------------------------------------------------------------

def set_up_log():
    """Lines leave when they end, and whatever is in them, they can be written.
    `logging` writes to stdout, too, with the time and the request's id."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace",
                           line_buffering=True)

    class StdoutHandler(logging.Handler):
        def emit(self, record):
            record.aws_request_id = request_id
            print(self.format(record))

    handler = StdoutHandler()
    handler.setFormatter(logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s"
        "\t%(message)s", "%Y-%m-%dT%H:%M:%S"))
    handler.formatter.converter = time.gmtime
    logging.getLogger().addHandler(handler)


def log_error(told):
    """One line for the whole error: line ends inside are carriage returns."""
    lines = [f"[ERROR] {told['errorType']}: {told['errorMessage']}"]
    if told["stackTrace"]:
        lines += ["Traceback (most recent call last):", *told["stackTrace"]]
    text = "\n".join(line.rstrip("\n") for line in lines)
    print(text.replace("\n", "\r"))


# --- the API -------------------------------------------------------------------

class Api:
    """One connection, which stays: the API takes its loss for the loss of the
    process. http.client knows of no proxy."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=None)

    def call(self, method, path, body=None, headers=None):
        """(status, headers, body) of the answer."""
        while True:
            was_open = self.connection.sock is not None
            try:
                self.connection.request(method, path, body, headers or {})
                response = self.connection.getresponse()
                return response.status, response.headers, response.read()
            except (OSError, http.client.HTTPException):
                self.connection.close()
                # A kept connection may have been closed just as we wrote to
                # it; a new one tells whether anybody is there.
                if not was_open:
                    raise

    def next(self):
        """(id, headers, body) of the next event."""
        status, headers, body = self.call("GET", f"{API}/invocation/next")
        invocation = headers["Lambda-Runtime-Aws-Request-Id"]
        if status != 200 or not invocation:
            raise http.client.HTTPException(f"no event: {status} {body[:500]}")
        return invocation, headers, body

    def post(self, path, body, headers=None):
        """Posts an answer or an error. That nobody wanted it (too late, too
        large) is no reason to stop; whether the API is there, next() tells."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        headers = {"Content-Type": "application/json", **(headers or {})}
        try:
            status, _, told = self.call("POST", API + path, body, headers)
            if status != 202:
                print(f"{path}: {status} {told[:500].decode(errors='replace')}")
        except (OSError, http.client.HTTPException) as error:
            print(f"{path}: {error!r}")

    def post_error(self, path, error):
        told = described(error)
        log_error(told)
        kind = told["errorType"].encode("ascii", "replace").decode()
        self.post(path, json.dumps(told).encode(),
                  {"Lambda-Runtime-Function-Error-Type": kind})


# --- one invocation ------------------------------------------------------------

class Record:
    """Attributes by name; None where the JSON had none."""

    def __init__(self, names, values=None):
        for name, key in names.items():
            setattr(self, name, (values or {}).get(key))

    def __repr__(self):
        return f"{vars(self)}"


IDENTITY = {"cognito_identity_id": "cognitoIdentityId",
            "cognito_identity_pool_id": "cognitoIdentityPoolId"}
CLIENT_CONTEXT = {name: name for name in ("client", "custom", "env")}
CLIENT = {name: name for name in (
    "installation_id", "app_title", "app_version_name", "app_version_code",
    "app_package_name")}


class Context:
    def __init__(self, invocation, headers):
        self.aws_request_id = invocation
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.invoked_function_arn = headers[
            "Lambda-Runtime-Invoked-Function-Arn"]
        self.tenant_id = headers["Lambda-Runtime-Aws-Tenant-Id"]
        self.identity = Record(
            IDENTITY, self._json(headers["Lambda-Runtime-Cognito-Identity"]))
        self.client_context = None
        if given := self._json(headers["Lambda-Runtime-Client-Context"]):
            self.client_context = Record(CLIENT_CONTEXT, given)
            if self.client_context.client is not None:
                self.client_context.client = Record(
                    CLIENT, self.client_context.client)
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    @staticmethod
    def _json(text):
        # http.client reads headers as Latin-1; JSON in them is UTF-8.
        return json.loads(text.encode("latin-1")) if text else None

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        return f"Context({vars(self)})"


def number(value):
    """Decimals, which DynamoDB's tables give; JSON knows nothing else."""
    if not isinstance(value, decimal.Decimal):
        raise TypeError(
            f"Object of type {type(value).__name__} is not JSON serializable")
    is_whole = value.is_finite() and value == value.to_integral_value()
    return int(value) if is_whole else float(value)


def marshalled(answer):
    if isinstance(answer, bytes):
        return answer
    try:
        return json.dumps(answer, default=number).encode()
    except Exception as error:
        raise Fault("MarshalError",
                    f"Unable to marshal response: {error}") from error


def run(handler, invocation, headers, body):
    try:
        event = json.loads(body)
    except ValueError as error:
        raise Fault("UnmarshalError",
                    f"Unable to unmarshal input: {error}") from error
    return marshalled(handler(event, Context(invocation, headers)))


# --- the function's code -------------------------------------------------------

def load(name):
    module, _, function = name.rpartition(".")
    if not module:
        raise Fault("MalformedHandlerName", f"Bad handler '{name}'")
    if module.split(".")[0] in sys.builtin_module_names:
        raise Fault("BuiltInModuleConflict",
                    f"Cannot use built-in module {module} as a handler module")
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise Fault("ImportModuleError",
                    f"Unable to import module '{module}': {error}") from error
    except SyntaxError as error:
        raise Fault("UserCodeSyntaxError",
                    f"Syntax error in module '{module}': {error}",
                    [f'  File "{error.filename}" Line {error.lineno}\n'
                     f"    {error.text}"]) from error
    if not hasattr(loaded, function):
        raise Fault("HandlerNotFound",
                    f"Handler '{function}' missing on module '{module}'")
    return getattr(loaded, function)


# --- from start to end ---------------------------------------------------------

def serve(api, handler):
    global request_id
    while True:
        request_id, headers, body = api.next()
        trace = headers["Lambda-Runtime-Trace-Id"]
        if trace:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        try:
            answer = run(handler, request_id, headers, body)
        except Exception as error:
            api.post_error(f"/invocation/{request_id}/error", error)
        else:
            api.post(f"/invocation/{request_id}/response", answer)


def main():
    set_up_log()
    # The function's modules take the place of this file's folder.
    sys.path[0] = os.path.abspath(os.environ.get("LAMBDA_TASK_ROOT", ""))
    api = Api(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load(os.environ.get("_HANDLER", ""))
    except Exception as error:
        api.post_error("/init/error", error)
        return 1
    try:
        serve(api, handler)
    except (OSError, http.client.HTTPException) as error:
        print(f"the runtime API is gone: {error!r}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
