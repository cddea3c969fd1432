"""Runtimes that attach to a function's door: a handler in Python, in as many
threads as asked for.

    with Attached(port, handler, threads=4) as runtime:
        ...                             # handler(event, context) -> answer

A handler that raises fails as a Python function of the original's does; one
that returns an Answer says itself what is posted.
"""

import http.client
import json
import socket
import threading

PREFIX = "/2018-06-01/runtime"


class Answer:
    """Bytes to post: a response, or an error."""

    def __init__(self, body, kind="response"):
        self.body, self.kind = body, kind


class Lost(Exception):
    """The runtime ends without an answer."""


class Context:
    def __init__(self, headers, connection):
        self.headers, self.connection = headers, connection
        self.id = headers["Lambda-Runtime-Aws-Request-Id"]

    def header(self, name):
        return self.headers.get("Lambda-Runtime-" + name)


class Attached:
    def __init__(self, port, handler, threads=1):
        self.port, self.handler = port, handler
        self.closing, self.complaints = False, []
        self.news, self.events = threading.Condition(), []
        self.connections = []
        self.threads = [threading.Thread(target=self._run, daemon=True)
                        for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        try:
            while not self.closing:
                connection = http.client.HTTPConnection("127.0.0.1", self.port)
                connection.connect()
                self.connections.append(connection.sock)
                try:
                    while True:
                        self._serve(connection)
                except Lost:
                    connection.close()
        except (OSError, http.client.HTTPException) as e:
            if not self.closing:
                self.complaints.append(repr(e))

    def _serve(self, connection):
        connection.request("GET", PREFIX + "/invocation/next")
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, (response.status, body)
        context = Context(response.headers, connection)
        event = json.loads(body)
        with self.news:
            self.events.append((event, context))
            self.news.notify_all()
        try:
            answer = self.handler(event, context)
            if not isinstance(answer, Answer):
                answer = Answer(json.dumps(answer).encode())
        except Lost:
            raise
        except Exception as e:
            answer = Answer(json.dumps({
                "errorMessage": str(e), "errorType": type(e).__name__,
                "stackTrace": []}).encode(), "error")
        connection.request(
            "POST", f"{PREFIX}/invocation/{context.id}/{answer.kind}",
            answer.body, {"Content-Type": "application/json"})
        connection.getresponse().read()

    def wait_for(self, count, seconds=30):
        """The events so far, once there are that many."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.events) >= count,
                                      seconds), self.events
            return list(self.events)

    def close(self):
        self.closing = True
        for s in self.connections:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        assert kind or not self.complaints, self.complaints
