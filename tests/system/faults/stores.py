"""Redis as the cluster knows it: one server, or a master with a replica and
sentinels beside it. Real programs, on ports that stay free when they are down."""

import asyncio
import contextlib
import pathlib
import signal
import subprocess
import time

import ports
from redis_server import RedisServer, call


class Single:
    """One redis-server, with a proxy before it for each node."""

    def __init__(self):
        self.redis = RedisServer(port=ports.free())

    def url(self, proxy):
        return f"redis://127.0.0.1:{proxy.port}"

    @property
    def target(self):
        return "127.0.0.1", self.redis.port

    async def call(self, *words):
        return await asyncio.to_thread(self.redis.call, *words)

    async def restart(self, forget=False, away=0.0):
        await asyncio.to_thread(self.redis.kill)
        if forget:
            self.redis.forget()
        await asyncio.sleep(away)
        await asyncio.to_thread(self.redis.start)

    @contextlib.asynccontextmanager
    async def stopped(self):
        self.redis.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.redis.signal(signal.SIGCONT)

    def close(self):
        self.redis.close()


class Sentinel:
    def __init__(self, folder, masters_port):
        self.port = ports.free()
        path = pathlib.Path(folder) / f"sentinel-{self.port}.conf"
        path.write_text(f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
                        f"sentinel monitor main 127.0.0.1 {masters_port} 2\n"
                        "sentinel down-after-milliseconds main 1000\n"
                        "sentinel failover-timeout main 5000\n")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "redis-server", path,
             "--sentinel"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def close(self):
        self.process.kill()
        self.process.wait(30)


class Watched:
    """A master, a replica, three sentinels of which two must agree."""

    def __init__(self, folder):
        self.master = RedisServer(port=ports.free())
        self.replica = RedisServer(
            "--replicaof", "127.0.0.1", str(self.master.port),
            port=ports.free())
        self.sentinels = [Sentinel(folder, self.master.port) for _ in range(3)]
        self._settle()

    def _settle(self):
        """The sentinels must know each other and the replica."""
        end = time.monotonic() + 30
        while not all(self._knows(s) for s in self.sentinels):
            assert time.monotonic() < end, "the sentinels do not meet"
            time.sleep(0.1)

    def _knows(self, sentinel):
        try:
            state = call(sentinel.port, "SENTINEL", "MASTER", "main")
        except OSError:
            return False
        said = dict(zip(state[::2], state[1::2]))
        return (int(said[b"num-other-sentinels"]) == 2 and
                int(said[b"num-slaves"]) == 1)

    def url(self, _):
        return "redis-sentinel://" + ",".join(
            f"127.0.0.1:{s.port}" for s in self.sentinels) + "/main"

    @property
    def target(self):
        return "127.0.0.1", self.master.port  # behind a proxy nobody uses

    async def kill_master(self):
        await asyncio.to_thread(self.master.kill)

    async def promoted(self):
        """Until the replica is the master."""
        while b"role:master" not in await asyncio.to_thread(
                self.replica.call, "INFO", "replication"):
            await asyncio.sleep(0.1)

    def close(self):
        for part in *self.sentinels, self.replica, self.master:
            part.close()
