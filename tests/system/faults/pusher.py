"""The application's other half: it posts numbered messages to connections,
through whichever node the load balancer gives it, one at a time for each
connection, so that their order is defined. It repeats nothing: what was not
answered with 200 counts as not accepted, and the next number follows.

As a load balancer does: connections are kept, but only to nodes that are
ready, and a connection that cannot be made is tried with another node."""

import asyncio
import random
import urllib.parse

import http1

DEADLINE_SECONDS = 10.0
TARGET = "/dev/@connections/"


class Pool:
    """Idle connections to one node's port."""

    def __init__(self):
        self.idle = []

    async def take(self, port):
        while self.idle:
            connection = self.idle.pop()
            if connection.usable:
                return connection
        return await http1.connect(port)

    def give(self, connection):
        if connection.usable:
            self.idle.append(connection)

    def close(self):
        for connection in self.idle:
            connection.close()
        self.idle.clear()


class Pusher:
    """Pushes to every open connection each `pause` seconds, about."""

    def __init__(self, journal, cluster, backend, pause):
        self.journal, self.cluster, self.backend = journal, cluster, backend
        self.pause, self.is_quiet = pause, False
        self.pools = {}
        self.accepted = {}  # token -> when its last 200 came
        self.tasks = {}

    def on_open(self, client):
        token = client.token
        self.tasks[token] = asyncio.create_task(self._run(token))

    def on_ended(self, client):
        if task := self.tasks.pop(client.token, None):
            task.cancel()
        self.accepted.pop(client.token, None)

    async def _run(self, token):
        connection = self.backend.ids[token]
        n, pause = 0, random.uniform(0, self.pause)
        while True:
            await asyncio.sleep(pause)
            pause = random.uniform(0.5, 1.5) * self.pause
            if not self.is_quiet:
                n += 1
                await asyncio.shield(self._push(token, connection, n))

    async def _push(self, token, connection, n):
        began = self.journal.now()
        node, wire = await self._reach()
        if wire is None:
            return  # nobody is there: nothing was asked
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                status = (await wire.ask(
                    "POST", TARGET + urllib.parse.quote(connection, safe=""),
                    f"push {connection} {n}".encode())).status
        except (OSError, TimeoutError):
            status = 0
        self._release(node, wire)
        if status == 200:
            self.accepted[token] = self.journal.now()
        self.journal.write("push.answered", connection=connection, n=n,
                           status=status, via=node,
                           seconds=round(self.journal.now() - began, 4))

    async def _reach(self):
        """A node, and a connection to it; (None, None): there is none."""
        while (node := self.cluster.pick()) is not None:
            port = self.cluster.port_of(node)
            try:
                return node, await self.pools.setdefault(port, Pool()).take(port)
            except OSError:
                await asyncio.sleep(0.05)
        return None, None

    def _release(self, node, wire):
        pool = self.pools[wire.port]
        if self.cluster.is_usable(node):
            pool.give(wire)
        else:
            wire.close()
            pool.close()

    def close(self):
        for task in self.tasks.values():
            task.cancel()
        for pool in self.pools.values():
            pool.close()
