"""As much HTTP/1.1 as the harness speaks, on asyncio: heads and bodies with a
Content-Length, one request at a time on a connection that is kept."""

import asyncio


class Head:
    def __init__(self, text):
        self.line, *fields = text.decode("latin-1").split("\r\n")
        self.fields = {}
        for field in fields:
            name, _, value = field.partition(":")
            self.fields[name.lower()] = value.strip()

    def get(self, name, default=None):
        return self.fields.get(name, default)


class Stream(asyncio.Protocol):
    """Cuts what comes in into messages: on_message(head, body)."""

    def __init__(self):
        self.transport, self.data = None, bytearray()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = Head(bytes(self.data[:end]))
            whole = end + 4 + int(head.get("content-length", 0))
            if len(self.data) < whole:
                return
            body = bytes(self.data[end + 4:whole])
            del self.data[:whole]
            self.on_message(head, body)


class Reply:
    def __init__(self, head, body):
        self.status = int(head.line.split(" ")[1])
        self.head, self.body = head, body


class Connection(Stream):
    """A client's, kept between requests."""

    def __init__(self, port):
        super().__init__()
        self.port, self.waiting, self.usable = port, None, True

    async def ask(self, method, target, body=b""):
        """ConnectionError when it ends without an answer."""
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(
            f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        try:
            return await self.waiting
        except asyncio.CancelledError:
            self.close()  # what comes now would be taken for the next answer
            raise
        finally:
            self.waiting = None

    def on_message(self, head, body):
        if head.get("connection", "").lower() == "close":
            self.close()
        if self.waiting and not self.waiting.done():
            self.waiting.set_result(Reply(head, body))

    def connection_lost(self, _):
        self.usable = False
        if self.waiting and not self.waiting.done():
            self.waiting.set_exception(ConnectionResetError("no answer"))

    def close(self):
        self.usable = False
        self.transport.close()


async def connect(port):
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(port), "127.0.0.1", port)
    return connection
