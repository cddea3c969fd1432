"""The faults: one row each, with the rule it is judged by. To add one: its
function, its row. A function does its harm, has healed it when it returns, and
journals whose connections it may have cost (world.victim, or what a node
journals of itself)."""

import asyncio
import dataclasses
import random
import typing

from checker import Rule

KILLED = (1006,)
LOST = (1006, 1012)         # stopped, cut off: told when it can be told
RECORDS_BACK_SECONDS = 5.0

# A lease lasts 6 s, and is looked at once a second.
INHERITED = 15.0
# After a break of the link an heir looks again when it has lasted for 8 s.
INHERITED_LATER = 25.0


# --- nodes -------------------------------------------------------------------

async def kill(world):
    world.a_node().kill()


async def kill_and_start(world):
    """As a supervisor would: the same node, at once."""
    node = world.a_node()
    node.kill()
    await node.start()


async def kill_owner_saying_goodbye(world):
    """A third of its clients leave; it dies when it has said the first ten of
    these goodbyes."""
    node = world.a_node()
    leaving = world.crowd.open(node.number)
    world.backend.goodbye_seconds = 1
    said = world.goodbyes_of(node, 10)
    world.crowd.leave(leaving)
    await said
    node.kill()
    world.backend.goodbye_seconds = 0


async def kill_heir(world):
    """Kills a node, then the one that says the first goodbyes of it."""
    first = world.a_node()
    world.restlessness(False)
    await world.owed_are_said()
    world.backend.goodbye_seconds = 1
    heard = world.goodbyes_of(None, 10)
    first.kill()
    heir = world.cluster.nodes[await heard]
    heir.kill()
    world.backend.goodbye_seconds = 0
    world.restlessness(True)


async def stop(world):
    node = world.a_node()
    node.stop()
    await asyncio.sleep(20)
    node.resume()


async def pause(world):
    """Shorter than its lease: nobody may notice more than a delay."""
    node = world.a_node()
    node.stop()
    await asyncio.sleep(3)
    node.resume()


async def rolling_restart(world):
    for node in world.cluster.nodes.values():
        world.victim(node)
        await node.leave()
        await node.start()
        await world.cluster.until_ready(node)


# --- Redis -------------------------------------------------------------------

async def redis_restarts(world):
    await world.store.restart(away=random.uniform(0, 3))


async def redis_forgets(world):
    """It comes back empty. Everybody's records must be back in time; then a
    node dies, and its heirs must find them."""
    world.restlessness(False)
    await world.store.restart(forget=True)
    await world.records_are_back(RECORDS_BACK_SECONDS)
    world.restlessness(True)
    world.a_node().kill()


async def redis_flushed(world):
    """The same with unbroken connections: FLUSHALL."""
    world.restlessness(False)
    await world.store.call("FLUSHALL")
    await world.records_are_back(RECORDS_BACK_SECONDS)
    world.restlessness(True)


async def redis_stops(world):
    async with world.store.stopped():
        await asyncio.sleep(15 if world.short else 60)


async def kill_while_redis_is_stopped(world):
    """What its clients have ended with in the meantime is in no record."""
    async with world.store.stopped():
        await asyncio.sleep(5)
        world.a_node().kill()
        await asyncio.sleep(10)


async def redis_swallows(world):
    for proxy in world.proxies.values():
        proxy.swallow = True
    await asyncio.sleep(15)
    world.heal_proxies()


async def redis_gone_for_one(world):
    """One node is cut off from Redis, and only it."""
    node = world.a_node()
    world.victim(node)
    world.proxies[node.number].cut()
    await asyncio.sleep(20)
    world.heal_proxies()


async def redis_slow(world):
    for proxy in world.proxies.values():
        proxy.delay = 0.1
    await asyncio.sleep(10)
    world.heal_proxies()


async def redis_full(world):
    await world.store.call("CONFIG", "SET", "maxmemory", "1")
    await asyncio.sleep(12)
    await world.store.call("CONFIG", "SET", "maxmemory", "0")


async def redis_reads_only(world):
    """What was the master is a replica, of somebody who is not there."""
    await world.store.call("REPLICAOF", "127.0.0.1", "1")
    await asyncio.sleep(12)
    await world.store.call("REPLICAOF", "NO", "ONE")


async def redis_talks_garbage(world):
    for proxy in world.proxies.values():
        proxy.answer_with(b"!\0garbage\r\n", {"EVALSHA", "PING", "PUBLISH"})
    await asyncio.sleep(10)
    world.heal_proxies()


async def sentinel_failover(world):
    await world.store.kill_master()
    await world.store.promoted()


# --- the backend -------------------------------------------------------------

async def backend_down(world):
    """Down while everybody leaves; all goodbyes have to wait for it."""
    world.backend.down()
    world.crowd.leave(world.crowd.open())
    await asyncio.sleep(10)
    await world.backend.up()


# --- the table ---------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    run: typing.Callable
    rule: Rule
    store: str = "single"       # or "watched", by sentinels
    connections: int = 0        # as many as the run says, or so many
    heavy: bool = False         # needs the machine for itself


OF_DEATH = dict(closes=KILLED, tail=True, redelivery=True, unheard=True)
OF_LOSS = dict(closes=LOST, tail=True, early=True, redelivery=True,
               unheard=True)
OF_OUTAGE = dict(outage=True, redelivery=True)

FAULTS = [
    Fault("node-killed", kill, Rule(INHERITED, **OF_DEATH)),
    Fault("node-killed-and-started", kill_and_start,
          Rule(INHERITED, **OF_DEATH)),
    Fault("node-killed-saying-goodbye", kill_owner_saying_goodbye,
          Rule(INHERITED, **OF_DEATH)),
    Fault("heir-killed", kill_heir, Rule(2 * INHERITED, **OF_DEATH)),
    Fault("node-of-5000-killed", kill, Rule(INHERITED, **OF_DEATH),
          connections=5000, heavy=True),
    Fault("node-stopped-20s", stop, Rule(INHERITED, **OF_LOSS)),
    Fault("node-stopped-3s", pause, Rule(INHERITED, redelivery=True)),
    Fault("rolling-restart", rolling_restart,
          Rule(INHERITED, closes=(1012,), nothing_fails=True)),
    Fault("redis-restarted", redis_restarts, Rule(INHERITED, **OF_OUTAGE)),
    Fault("redis-restarted-empty", redis_forgets,
          Rule(INHERITED_LATER, outage=True, **OF_DEATH)),
    Fault("redis-flushed", redis_flushed, Rule(INHERITED, **OF_OUTAGE)),
    Fault("redis-stopped-60s", redis_stops, Rule(INHERITED, **OF_OUTAGE)),
    Fault("node-killed-while-redis-stopped", kill_while_redis_is_stopped,
          Rule(INHERITED_LATER, outage=True, **OF_DEATH)),
    Fault("redis-black-holed-15s", redis_swallows,
          Rule(INHERITED, **OF_OUTAGE)),
    Fault("redis-cut-off-from-one-node", redis_gone_for_one,
          Rule(INHERITED, outage=True, **OF_LOSS)),
    Fault("redis-slow-100ms", redis_slow, Rule(INHERITED)),
    Fault("redis-out-of-memory", redis_full, Rule(INHERITED, **OF_OUTAGE)),
    Fault("redis-read-only", redis_reads_only, Rule(INHERITED, **OF_OUTAGE)),
    Fault("redis-garbage", redis_talks_garbage, Rule(INHERITED, **OF_OUTAGE)),
    Fault("sentinel-failover", sentinel_failover,
          Rule(INHERITED, **OF_OUTAGE), store="watched"),
    Fault("backend-down", backend_down, Rule(INHERITED, outage=True)),
]

BY_NAME = {fault.name: fault for fault in FAULTS}
