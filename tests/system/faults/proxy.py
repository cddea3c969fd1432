"""A TCP proxy in front of Redis that does it harm, steered while it runs:

    proxy.delay = 0.1            each way
    proxy.cut()                  breaks all connections; new ones are refused
    proxy.swallow = True         takes everything, passes nothing on
    proxy.answer_with(b"-OOM ...", {"EVALSHA"})
                                 such commands do not reach Redis, and are
                                 answered with that instead
    proxy.heal()                 none of it any more

It understands as much RESP as it takes to know where a command and where a
reply ends, so that what it puts between the replies keeps their order."""

import asyncio
import collections


def resp_end(data, start=0):
    """Where the value that begins at `start` ends; None: not all there."""
    left = 1
    while left:
        line_end = data.find(b"\r\n", start)
        if line_end < 0:
            return None
        kind, rest = data[start:start + 1], data[start + 1:line_end]
        start, left = line_end + 2, left - 1
        if kind == b"$" and rest != b"-1":
            start += int(rest) + 2
        elif kind == b"*" and rest != b"-1":
            left += int(rest)
    return start if start <= len(data) else None


def values(data):
    """Takes the whole values out of a bytearray."""
    while data and (end := resp_end(data)) is not None:
        value = bytes(data[:end])
        del data[:end]
        yield value


def name_of(command):
    """The first word of a command, in capitals."""
    words = command.split(b"\r\n", 3)
    return words[2].decode("latin-1").upper() if len(words) > 2 else ""


class Way:
    """One direction: what goes in comes out in order, `delay` later."""

    def __init__(self, proxy):
        self.proxy, self.to, self.waiting, self.next = proxy, None, [], 0.0

    def send(self, data):
        if self.proxy.swallow:
            return
        if self.to is None:
            self.waiting.append(data)
            return
        loop = asyncio.get_running_loop()
        self.next = max(self.next, loop.time() + self.proxy.delay)
        if self.next <= loop.time():
            self.to.write(data)
        else:
            loop.call_at(self.next, self.to.write, data)

    def open(self, transport):
        self.to, waiting, self.waiting = transport, self.waiting, []
        for data in waiting:
            self.send(data)


class End(asyncio.Protocol):
    def __init__(self, pair):
        self.pair, self.transport, self.data = pair, None, bytearray()

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _):
        self.pair.abort()

    def data_received(self, data):
        self.data += data
        for value in values(self.data):
            self.on_value(value)


class NodeEnd(End):
    def connection_made(self, transport):
        super().connection_made(transport)
        self.pair.accepted()

    def on_value(self, command):
        self.pair.command(command)


class RedisEnd(End):
    def on_value(self, reply):
        self.pair.reply(reply)


class Pair:
    """A connection of a node, and the one to Redis that belongs to it."""

    def __init__(self, proxy):
        self.proxy, self.node, self.redis = proxy, NodeEnd(self), RedisEnd(self)
        self.to_redis, self.to_node = Way(proxy), Way(proxy)
        # A reply that is to come from Redis is None; others are here already.
        self.replies = collections.deque()

    def accepted(self):
        self.to_node.open(self.node.transport)
        if self.proxy.is_cut:
            self.abort()
        else:
            self.opening = asyncio.create_task(self._open())

    async def _open(self):
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: self.redis, *self.proxy.target)
        except OSError:
            self.abort()
            return
        if self not in self.proxy.pairs:
            transport.abort()  # cut in the meantime
        self.to_redis.open(transport)

    def command(self, command):
        if self.proxy.answer and name_of(command) in self.proxy.commands:
            self.replies.append(self.proxy.answer)
            self._flush()
        else:
            self.replies.append(None)
            self.to_redis.send(command)

    def reply(self, reply):
        pushed = reply.startswith(b"*3\r\n$7\r\nmessage\r\n")
        if self.replies and not pushed:
            self.replies.popleft()
        self.to_node.send(reply)
        self._flush()

    def _flush(self):
        while self.replies and self.replies[0] is not None:
            self.to_node.send(self.replies.popleft())

    def abort(self):
        self.proxy.pairs.discard(self)
        for end in self.node, self.redis:
            if end.transport:
                end.transport.abort()


class Proxy:
    def __init__(self, target):
        self.target, self.pairs, self.is_cut = target, set(), False
        self.server = None
        self.heal()

    async def start(self):
        self.server = await asyncio.get_running_loop().create_server(
            self._accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    def _accept(self):
        pair = Pair(self)
        self.pairs.add(pair)
        return pair.node

    def cut(self):
        self.is_cut = True
        for pair in list(self.pairs):
            pair.abort()

    def answer_with(self, answer, commands):
        self.answer, self.commands = answer, commands

    def heal(self):
        """What was swallowed stays lost: its connections are cut."""
        broken = [p for p in self.pairs if getattr(self, "swallow", False)]
        self.delay, self.swallow, self.is_cut = 0.0, False, False
        self.answer, self.commands = None, frozenset()
        for pair in broken:
            pair.abort()

    def close(self):
        self.cut()
        self.server.close()
