"""The gateway: three processes of the real binary, each with its own settings,
log and proxy to Redis."""

import asyncio
import json
import os
import pathlib
import re
import signal
import subprocess

import http1

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = (ROOT / os.environ.get("GATEWIRE", "build/gatewire")).absolute()
START_SECONDS = 30


class Node:
    def __init__(self, number, folder, settings, journal):
        self.number, self.journal = number, journal
        self.config = pathlib.Path(folder) / f"node-{number}.yaml"
        self.config.write_text(json.dumps(settings, indent=1))  # is YAML
        self.log = pathlib.Path(folder) / f"node-{number}.log"
        self.process, self.is_stopped = None, False
        self.port = self.admin = None

    async def start(self):
        with open(self.log, "ab") as log:
            seen = log.tell()
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", str(BINARY), "serve",
                 "-c", str(self.config), "--listen", "127.0.0.1:0",
                 "--admin", "127.0.0.1:0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        async with asyncio.timeout(START_SECONDS):
            while not (found := re.search(
                    rb"listen +address=\S+:(\d+) .*admin=\S+:(\d+)",
                    self.log.read_bytes()[seen:])):
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.02)
        self.port, self.admin = int(found[1]), int(found[2])
        self.is_stopped = False
        self.journal.write("node.up", node=self.number)

    def _send(self, number, what):
        self.process.send_signal(number)
        self.journal.write("node." + what, node=self.number)

    def kill(self):
        self._send(signal.SIGKILL, "killed")
        self.process.wait()

    def stop(self):
        self.is_stopped = True
        self._send(signal.SIGSTOP, "stopped")

    def resume(self):
        self.is_stopped = False
        self._send(signal.SIGCONT, "resumed")

    async def leave(self, seconds=30):
        """SIGTERM, and its end."""
        if self.process.poll() is None:
            self._send(signal.SIGTERM, "term")
            try:
                async with asyncio.timeout(seconds):
                    while self.process.poll() is None:
                        await asyncio.sleep(0.02)
            except TimeoutError:
                self.process.kill()
                self.process.wait()
            self.journal.write("node.ended", node=self.number,
                               status=self.process.returncode)

    async def readiness(self):
        """The status of /readyz; None: it does not answer."""
        try:
            async with asyncio.timeout(1):
                connection = await http1.connect(self.admin)
                reply = await connection.ask("GET", "/readyz")
                connection.close()
                return reply.status
        except (OSError, TimeoutError):
            return None

    def destroy(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def settings(number, backend, redis_url, drain):
    """What a node is told. Everything else is the default."""
    return {
        "node": number, "redis": redis_url, "workers": 2, "drain": drain,
        "managementAuth": "none", "log": {"level": "info"},
        "apis": {"chat": {
            "protocolType": "WEBSOCKET",
            "routeSelectionExpression": "$request.body.action",
            "routes": {
                "$connect": backend.url(number, "connect"),
                "$disconnect": backend.url(number, "goodbye"),
                "$default": {"integration": backend.url(number, "message"),
                             "routeResponse": True}},
            "stages": {"dev": {}}}}}


class Cluster:
    """The nodes, and what a load balancer would know of them: who is ready.
    While nobody is (Redis is away), whoever answers at all is asked."""

    POLL_SECONDS = 0.2

    def __init__(self, nodes):
        self.nodes, self.ready, self.there, self._turn = nodes, [], [], 0
        self.poll = None

    async def start(self):
        await asyncio.gather(*(n.start() for n in self.nodes.values()))
        self.poll = asyncio.create_task(self._poll())
        async with asyncio.timeout(START_SECONDS):
            while len(self.ready) < len(self.nodes):
                await asyncio.sleep(0.02)

    async def _poll(self):
        while True:
            nodes = list(self.nodes.values())
            said = await asyncio.gather(*(n.readiness() for n in nodes))
            self.ready = [n.number for n, s in zip(nodes, said) if s == 200]
            self.there = [n.number for n, s in zip(nodes, said) if s]
            await asyncio.sleep(self.POLL_SECONDS)

    async def until_ready(self, node):
        async with asyncio.timeout(START_SECONDS):
            while node.number not in self.ready:
                await asyncio.sleep(0.02)

    def pick(self):
        """Each in its turn; None: there is none."""
        usable = self.ready or self.there
        if not usable:
            return None
        self._turn += 1
        return usable[self._turn % len(usable)]

    def avoid(self, number):
        """It has turned somebody away: not before it is asked again."""
        self.ready = [n for n in self.ready if n != number]

    def is_usable(self, number):
        return number in (self.ready or self.there)

    def port_of(self, number):
        return self.nodes[number].port

    async def leave(self):
        await asyncio.gather(*(n.leave() for n in self.nodes.values()))

    def destroy(self):
        if self.poll:
            self.poll.cancel()
        for node in self.nodes.values():
            node.destroy()
