"""Clients that write down all they see, and come back when they are closed.

A client lives many lives, each with a token of its own (`17.3`: the third of
client 17). The token is in the handshake's query, so the backend's journal
says which connection id it got, even when the client never saw its 101.

Some clients are restless: they leave after a while, politely or not, so that
goodbyes are owed at every moment of a fault."""

import asyncio
import os
import random
import struct

MESSAGE_SECONDS = 3.0     # between two messages of a client
RESTLESS_SECONDS = 4.0    # of an open connection, about
HANDSHAKE_SECONDS = 10.0
ANSWER_SECONDS = 10.0
SENT_ON_MAX = 3           # other nodes are asked at once; then after a while
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def frame(opcode, payload):
    """Of a client: masked, and short."""
    mask = os.urandom(4)
    return (bytes([0x80 | opcode, 0x80 | len(payload)]) + mask +
            bytes(b ^ mask[i & 3] for i, b in enumerate(payload)))


class Socket(asyncio.Protocol):
    """A WebSocket: `opened` becomes the status, `ended` the close code."""

    def __init__(self, target, on_text):
        loop = asyncio.get_running_loop()
        self.opened, self.ended = loop.create_future(), loop.create_future()
        self.target, self.on_text = target, on_text
        self.data, self.is_open, self.code = bytearray(), False, 1006
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        transport.write((
            f"GET {self.target} HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        ).encode())

    def data_received(self, data):
        self.data += data
        if not self.is_open and not self._open():
            return
        while self._frame():
            pass

    def _open(self):
        end = self.data.find(b"\r\n\r\n")
        if end < 0 or self.opened.done():
            return False
        status = int(self.data.split(b" ", 2)[1])
        del self.data[:end + 4]
        self.is_open = status == 101
        self.opened.set_result(status)
        return self.is_open

    def _frame(self):
        data = self.data
        if len(data) < 2 or (data[1] == 126 and len(data) < 4):
            return False
        size, start = data[1], 2
        if size == 126:
            size, start = struct.unpack_from(">H", data, 2)[0], 4
        if len(data) < start + size:
            return False
        opcode, payload = data[0] & 15, bytes(data[start:start + size])
        del data[:start + size]
        if opcode == TEXT:
            self.on_text(payload.decode())
        elif opcode == PING:
            self.transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            self.code = struct.unpack(">H", payload[:2])[0] if payload else 1005
            self.say_close(self.code)
        return True

    def connection_lost(self, _):
        if not self.opened.done():
            self.opened.set_exception(ConnectionResetError("no answer"))
            self.opened.exception()  # nobody may be waiting
        self.ended.set_result(self.code)

    def say(self, text):
        self.transport.write(frame(TEXT, text.encode()))

    def say_close(self, code):
        self.transport.write(frame(CLOSE, struct.pack(">H", code)))


class Client:
    def __init__(self, crowd, number, restless):
        self.crowd, self.number, self.restless = crowd, number, restless
        self.lives, self.token, self.socket, self.node = 0, None, None, None
        self.answered = asyncio.Event()
        self.leaving = False   # it is the client who ends this life
        self.sent, self.turned_away = 0, 0

    async def run(self):
        while self.crowd.comes_back:
            if await self._live():
                self.turned_away = 0
            elif not self.is_sent_on():
                await asyncio.sleep(random.uniform(0.3, 0.7))

    def is_sent_on(self):
        """What one node would not have, a load balancer gives to another."""
        return 0 < self.turned_away <= SENT_ON_MAX

    async def _live(self):
        """One life; False when it was none."""
        node = self.crowd.pick()
        if node is None:
            self.turned_away = 0
            return False
        self.lives += 1
        self.token = token = f"{self.number}.{self.lives}"
        journal = self.crowd.journal
        journal.write("client.try", token=token, node=node)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                socket = await self._handshake(token, node)
                status = await socket.opened
        except (OSError, TimeoutError) as error:
            self._refused(node, isinstance(error, ConnectionRefusedError),
                          error=type(error).__name__)
            return False
        if status != 101:
            socket.transport.abort()
            self._refused(node, status == 503, status=status)
            return False
        journal.write("client.open", token=token)
        self.leaving, self.node = False, node
        self.crowd.on_open(self)
        talk = asyncio.create_task(self._talk(socket))
        code = await socket.ended
        talk.cancel()
        if not self.leaving:
            journal.write("client.ended", token=token, by="server", code=code)
        self.crowd.on_ended(self)
        return True

    def _refused(self, node, before_it_ran, **how):
        self.turned_away = self.turned_away + 1 if before_it_ran else 0
        if before_it_ran:
            self.crowd.nodes.avoid(node)
        self.crowd.journal.write("client.refused", token=self.token,
                                 sent_on=self.is_sent_on(), **how)

    async def _handshake(self, token, node):
        def on_text(text):
            self.crowd.journal.write("client.got", token=token, text=text)
            if not text.startswith("push"):
                self.answered.set()  # or told that there will be no answer

        _, self.socket = await asyncio.get_running_loop().create_connection(
            lambda: Socket(f"/dev?client={token}", on_text), "127.0.0.1",
            self.crowd.nodes.port_of(node))
        return self.socket

    async def _talk(self, socket):
        """Messages, one at a time; and now and then, if restless, the way
        out."""
        now = asyncio.get_running_loop().time
        end = now() + 0.5 + self._stay()
        while not socket.transport.is_closing():
            pause = random.uniform(0.5, 1.5) * MESSAGE_SECONDS
            await asyncio.sleep(max(0, min(pause, end - now())))
            if now() >= end:
                end = now() + self._stay()
                if self.restless:
                    self.leave(politely=random.random() < 0.5)
            elif not self.crowd.is_quiet:
                await self._say(socket, min(end, now() + ANSWER_SECONDS))

    @staticmethod
    def _stay():
        return random.expovariate(1 / RESTLESS_SECONDS)

    async def _say(self, socket, until):
        self.sent += 1
        self.answered.clear()
        self.crowd.journal.write("client.sent", token=self.token, n=self.sent)
        socket.say(str(self.sent))
        try:
            async with asyncio.timeout_at(until):
                await self.answered.wait()
        except TimeoutError:
            pass  # the checker will see

    def leave(self, politely=True):
        if self.leaving or self.socket.transport.is_closing():
            return
        self.leaving = True
        self.crowd.journal.write("client.ended", token=self.token, by="client",
                                 code=1000 if politely else 1006)
        if politely:
            self.socket.say_close(1000)
            asyncio.get_running_loop().call_later(5, self.socket.transport.abort)
        else:
            self.socket.transport.abort()


class Crowd:
    """`pick` says which of the nodes is to be asked next (None: none is
    there)."""

    def __init__(self, journal, nodes, pick, size, restless_share=0.2):
        self.journal, self.nodes, self.pick = journal, nodes, pick
        self.comes_back, self.is_quiet = True, False
        self.restless_share = restless_share
        self.on_open = self.on_ended = lambda client: None
        self.clients = [Client(self, i, i < size * restless_share)
                        for i in range(size)]
        self.tasks = []

    async def start(self, at_once=100):
        """The first life of each, not too many at a time."""
        for i in range(0, len(self.clients), at_once):
            some = self.clients[i:i + at_once]
            self.tasks += [asyncio.create_task(c.run()) for c in some]
            while not all(c.node is not None for c in some):
                await asyncio.sleep(0.02)

    def open(self, node=None):
        return [c for c in self.clients if c.socket and c.socket.is_open
                and not c.leaving and not c.socket.transport.is_closing()
                and (node is None or c.node == node)]

    def leave(self, clients, politely=True):
        for client in clients:
            client.leave(politely)

    async def end(self):
        """Everybody leaves and stays away."""
        self.comes_back = False
        for client in self.clients:
            client.restless = False
        self.leave(self.open())
        await asyncio.wait(self.tasks, timeout=15)
        for task in self.tasks:
            task.cancel()
