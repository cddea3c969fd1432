"""The proxy, between a client and a real Redis."""

import asyncio
import time

import pytest

from proxy import Proxy, resp_end
from redis_server import RedisServer


@pytest.fixture(scope="module")
def redis():
    server = RedisServer()
    yield server
    server.close()


class Peer:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def send(self, *commands):
        for words in commands:
            words = [w.encode() for w in words.split(" ")]
            self.writer.write(b"*%d\r\n" % len(words) + b"".join(
                b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    async def line(self, seconds=10):
        async with asyncio.timeout(seconds):
            return await self.reader.readline()


def through_proxy(redis, talk):
    """Runs talk(proxy, connect)."""
    async def run():
        proxy = Proxy(("127.0.0.1", redis.port))
        await proxy.start()

        async def connect():
            return Peer(*await asyncio.open_connection("127.0.0.1", proxy.port))

        try:
            await talk(proxy, connect)
        finally:
            proxy.close()

    asyncio.run(run())


@pytest.mark.parametrize("data, end", [
    (b"+OK\r\n", 5), (b":12\r\n+", 5), (b"$3\r\na\r\n\r\n", 9),
    (b"$-1\r\n", 5), (b"*0\r\n", 4), (b"*-1\r\n", 5),
    (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\nrest", 19),
    (b"*2\r\n$1\r\na\r\n", None), (b"$3\r\nab", None), (b"+OK", None)])
def test_where_a_value_ends(data, end):
    assert resp_end(data) == end


def test_it_passes_everything_on(redis):
    async def talk(proxy, connect):
        peer = await connect()
        peer.send("SET a " + "x" * 100000, "STRLEN a", "GET nothing")
        assert [await peer.line() for _ in range(3)] == [
            b"+OK\r\n", b":100000\r\n", b"$-1\r\n"]
    through_proxy(redis, talk)


def test_messages_are_no_replies(redis):
    """A push from a subscription does not count as the answer to a command."""
    async def talk(proxy, connect):
        proxy.answer_with(b"-OOM no\r\n", {"PING"})
        peer, other = await connect(), await connect()
        peer.send("SUBSCRIBE news")
        for word in b"*3", b"$9", b"subscribe", b"$4", b"news", b":1":
            assert await peer.line() == word + b"\r\n"
        other.send("PUBLISH news 1")
        assert await other.line() == b":1\r\n"
        for word in b"*3", b"$7", b"message", b"$4", b"news", b"$1", b"1":
            assert await peer.line() == word + b"\r\n"
        peer.send("PING")
        assert await peer.line() == b"-OOM no\r\n"
    through_proxy(redis, talk)


def test_its_own_answers_keep_the_order(redis):
    async def talk(proxy, connect):
        peer = await connect()
        proxy.answer_with(b"-READONLY no\r\n", {"SET"})
        peer.send("ECHO 1", "set k v", "EXISTS k", "SET k v")
        assert [await peer.line() for _ in range(5)] == [
            b"$1\r\n", b"1\r\n", b"-READONLY no\r\n", b":0\r\n",
            b"-READONLY no\r\n"]
        proxy.heal()
        peer.send("SET k v")
        assert await peer.line() == b"+OK\r\n"
    through_proxy(redis, talk)


def test_it_delays_each_way_and_keeps_the_order(redis):
    async def talk(proxy, connect):
        peer = await connect()
        proxy.delay = 0.1
        began = time.monotonic()
        peer.send("ECHO 1")
        await peer.line()
        assert time.monotonic() - began >= 0.2
        await peer.line()
        peer.send("ECHO 2")
        await asyncio.sleep(0.05)
        proxy.heal()
        peer.send("ECHO 3")
        assert [await peer.line() for _ in range(4)] == [
            b"$1\r\n", b"2\r\n", b"$1\r\n", b"3\r\n"]
    through_proxy(redis, talk)


def test_it_swallows(redis):
    async def talk(proxy, connect):
        peer = await connect()
        peer.send("PING")
        assert await peer.line() == b"+PONG\r\n"
        proxy.swallow = True
        late = await connect()
        for p in peer, late:
            p.send("PING")
        with pytest.raises(TimeoutError):
            await peer.line(0.2)
        with pytest.raises(TimeoutError):
            await late.line(0.1)
        proxy.heal()
        assert await peer.line() == b"", "what was swallowed is not made up for"
        peer = await connect()
        peer.send("PING")
        assert await peer.line() == b"+PONG\r\n"
    through_proxy(redis, talk)


def test_it_cuts(redis):
    async def ends(peer):
        try:
            return await peer.line() == b""
        except ConnectionResetError:
            return True

    async def talk(proxy, connect):
        peer = await connect()
        peer.send("PING")
        assert await peer.line() == b"+PONG\r\n"
        proxy.cut()
        assert await ends(peer)
        assert await ends(await connect())
        proxy.heal()
        peer = await connect()
        peer.send("PING")
        assert await peer.line() == b"+PONG\r\n"
    through_proxy(redis, talk)
