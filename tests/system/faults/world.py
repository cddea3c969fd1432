"""One run of one fault: everything there is, from its making to its end.

    world.py FAULT FOLDER [--connections N] [--short]

writes FOLDER/journal.jsonl and the nodes' settings and logs. It judges
nothing. All it starts dies with it."""

import argparse
import asyncio
import pathlib
import random
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from backend import Backend  # noqa: E402
from cluster import Cluster, Node, settings  # noqa: E402
from crowd import Crowd  # noqa: E402
from faults import BY_NAME  # noqa: E402
from journal import Journal  # noqa: E402
from proxy import Proxy  # noqa: E402
from pusher import Pusher  # noqa: E402
from stores import Single, Watched  # noqa: E402

NODES = (1, 2, 3)
PUSHES_A_SECOND = 250     # of all connections together
WARM_SECONDS = 2.0
HEAL_SECONDS = 40.0       # until every client is there and is pushed to again
QUIET_SECONDS = 3.0       # in which what should not come would come
DRAIN = {"window": "2s"}


class World:
    def __init__(self, fault, folder, connections, short):
        self.fault, self.folder, self.short = fault, folder, short
        self.journal = Journal(folder / "journal.jsonl")
        self.store, self.proxies = None, {}
        self.backend = Backend(self.journal, NODES)
        self.cluster = Cluster({})
        self.connections = connections
        self.lag = None

    async def start(self):
        await self.backend.up()
        await self._start_store()
        for n in NODES:
            self.cluster.nodes[n] = Node(n, self.folder, settings(
                n, self.backend, self.store.url(self.proxies[n]), DRAIN),
                self.journal)
        await self.cluster.start()
        pause = max(1.0, self.connections / PUSHES_A_SECOND)
        self.pusher = Pusher(self.journal, self.cluster, self.backend, pause)
        self.crowd = Crowd(self.journal, self.cluster, self.pick,
                           self.connections)
        self.crowd.on_open = self.pusher.on_open
        self.crowd.on_ended = self.pusher.on_ended
        self.lag = asyncio.create_task(self._watch_lag())
        await self.crowd.start()

    async def _start_store(self):
        self.store = await asyncio.to_thread(
            Single if self.fault.store == "single" else
            lambda: Watched(self.folder))
        for n in NODES:
            self.proxies[n] = Proxy(self.store.target)
            await self.proxies[n].start()

    async def _watch_lag(self):
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(0.1)
            if (late := loop.time() - began - 0.1) > 0.3:
                self.journal.write("harness.lag", seconds=round(late, 2))

    def pick(self):
        """Where the next client goes."""
        return self.cluster.pick()

    async def run(self):
        await asyncio.sleep(WARM_SECONDS)
        self.journal.write("fault.begin")
        await self.fault.run(self)
        self.journal.write("fault.over")
        await self.heal()
        self.restlessness(False)
        await self.owed_are_said(self.fault.rule.bound + 5)
        await self.quiet()
        await self.crowd.end()
        await self.owed_are_said(self.fault.rule.bound + 5)
        await asyncio.sleep(QUIET_SECONDS)
        await self.cluster.leave()
        self.journal.write("run.end")

    async def heal(self):
        """Every client is there, and has been pushed to since the fault."""
        over = self.journal.now()

        def missing():
            if not self.crowd.comes_back:
                return []
            there = {c.number for c in self.crowd.clients if c.restless or
                     self.pusher.accepted.get(c.token, 0) > over}
            return [c.number for c in self.crowd.clients
                    if c.number not in there]

        try:
            async with asyncio.timeout(HEAL_SECONDS):
                while missing():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            self.journal.write("run.unhealed", missing=missing())

    async def quiet(self):
        """Nothing new is asked, and what was is answered."""
        self.crowd.is_quiet = self.pusher.is_quiet = True
        await asyncio.sleep(QUIET_SECONDS)

    # --- what faults ask for ---

    def a_node(self):
        return self.cluster.nodes[random.choice(self.cluster.there)]

    def victim(self, node):
        self.journal.write("fault.victim", node=node.number)

    def restlessness(self, on):
        for client in self.crowd.clients:
            client.restless = on and client.number < len(
                self.crowd.clients) * self.crowd.restless_share

    def heal_proxies(self):
        for proxy in self.proxies.values():
            proxy.heal()

    def goodbyes_of(self, node, count):
        """A future of the node that says the count-th goodbye from now; of
        that node, when one is given."""
        future, left = asyncio.get_running_loop().create_future(), count

        def on_goodbye(via):
            nonlocal left
            if node is None or via == node.number:
                left -= 1
                if left == 0:
                    future.set_result(via)

        self.backend.on_goodbye = on_goodbye
        return asyncio.wait_for(future, 60)

    def owed(self):
        open_now = {c.token for c in self.crowd.open()}
        return [c for token, c in self.backend.ids.items()
                if token not in open_now and c not in self.backend.goodbyes]

    async def owed_are_said(self, seconds=30):
        """Until nobody waits for a goodbye; the checker will see, otherwise."""
        try:
            async with asyncio.timeout(seconds):
                while self.owed():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass

    async def records_are_back(self, bound):
        """How long until Redis holds a record for every open connection."""
        began = self.journal.now()
        want = {self.backend.ids[c.token].encode() for c in self.crowd.open()}
        while self.journal.now() - began < 2 * bound:
            have = set()
            for key in await self.store.call("KEYS", "gatewire:*:conns:*"):
                have.update(await self.store.call("HKEYS", key))
            if want <= have:
                break
            await asyncio.sleep(0.1)
        self.journal.write("fault.saw", name="records back", bound=bound,
                           seconds=round(self.journal.now() - began, 2))

    def close(self):
        if self.lag:
            self.lag.cancel()
            self.pusher.close()
        self.cluster.destroy()
        for proxy in self.proxies.values():
            proxy.close()
        if self.store:
            self.store.close()
        self.journal.close()


class OneNode(World):
    """All clients are on one node, and it is this one that is struck."""

    def pick(self):
        return 1 if 1 in self.cluster.ready else None

    def a_node(self):
        self.crowd.comes_back = False
        return self.cluster.nodes[1]


async def main():
    args = argparse.ArgumentParser()
    args.add_argument("fault", choices=BY_NAME)
    args.add_argument("folder", type=pathlib.Path)
    args.add_argument("--connections", type=int, default=300)
    args.add_argument("--short", action="store_true")
    args = args.parse_args()
    fault = BY_NAME[args.fault]
    world = (OneNode if fault.connections else World)(
        fault, args.folder, fault.connections or args.connections, args.short)
    try:
        await world.start()
        await world.run()
    finally:
        world.close()


if __name__ == "__main__":
    asyncio.run(main())
