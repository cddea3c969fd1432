"""The application behind the gateway. It says yes to everything, answers
messages, and writes down each answer that it has given.

Every node has a port of its own here, so that the journal knows which node
(`via`) has asked. The application can be down (connections are refused and
cut), hang (ask, and wait for ever), or take its time over goodbyes."""

import asyncio
import random

import http1
import ports


class Peer(http1.Stream):
    """One connection of one node."""

    def __init__(self, backend, via):
        super().__init__()
        self.backend, self.via = backend, via

    def connection_made(self, transport):
        super().connection_made(transport)
        self.backend.peers.add(self)

    def connection_lost(self, _):
        self.backend.peers.discard(self)

    def on_message(self, head, body):
        self.backend.asked(self, head, body)

    def answer(self, body=b""):
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                             % (len(body), body))


class Backend:
    def __init__(self, journal, nodes):
        self.journal = journal
        self.ports = {node: ports.free() for node in nodes}
        self.servers, self.peers = [], set()
        self.hangs = False
        self.goodbye_seconds = 0  # until one is answered, at most
        self.ids = {}          # token -> connection id, of those accepted
        self.goodbyes = set()  # connection ids that have had theirs
        self.on_goodbye = lambda via: None

    async def up(self):
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(lambda via=node: Peer(self, via),
                                     "127.0.0.1", port, backlog=4096)
            for node, port in self.ports.items()]

    def down(self):
        for server in self.servers:
            server.close()
        for peer in list(self.peers):
            peer.transport.abort()
        self.servers = []

    def url(self, node, path):
        return f"http://127.0.0.1:{self.ports[node]}/{path}"

    def asked(self, peer, head, body):
        path, _, query = head.line.split(" ")[1].partition("?")
        status = None if self.hangs else 200
        connection = head.get("x-gatewire-connection-id")
        if path == "/goodbye":
            self.goodbye(peer, connection, head, status)
            return
        reply = b""
        if path == "/connect":
            token = query.partition("client=")[2]
            self.journal.write("backend.connect", token=token, status=status,
                               connection=connection, via=peer.via)
            if status:
                self.ids[token] = connection
        else:
            n = int(body)
            self.journal.write("backend.message", n=n, status=status,
                               connection=connection)
            reply = b"answer %d" % n
        if status:
            peer.answer(reply)

    def goodbye(self, peer, connection, head, status):
        def write(status):
            self.journal.write(
                "backend.goodbye", connection=connection, status=status,
                event=head.get("x-gatewire-event-id"),
                attempt=int(head.get("x-gatewire-attempt", 0)),
                code=int(head.get("x-gatewire-disconnect-status-code", 0)),
                via=peer.via)

        def answer():
            if peer not in self.peers:
                write(None)
                return
            write(status)
            self.goodbyes.add(connection)
            peer.answer()
            self.on_goodbye(peer.via)

        if not status:
            write(None)
        elif self.goodbye_seconds:
            asyncio.get_running_loop().call_later(
                random.uniform(0, self.goodbye_seconds), answer)
        else:
            answer()
