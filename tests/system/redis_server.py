"""A real redis-server on a free port of 127.0.0.1, its files in a folder of
its own. It can be killed, stopped, brought back with or without its data."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(port, *words):
    """One command on a connection of its own; errors raise RuntimeError."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        s.sendall(b"*%d\r\n" % len(parts) +
                  b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        with s.makefile("rb") as replies:
            return _read(replies)


def _read(replies):
    line = replies.readline()
    if not line:
        raise ConnectionError("redis-server hung up")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest.decode()
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        if rest == b"-1":
            return None
        return replies.read(int(rest) + 2)[:-2]
    return [_read(replies) for _ in range(int(rest))]


class RedisServer:
    def __init__(self, *options, port=None):
        self.port = port or free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gatewire-redis-"))
        self.options = options
        self.process = None
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL",  # whatever ends us ends it
             "redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
             "--dir", str(self.folder), "--save", "", "--appendonly", "yes",
             "--appendfsync", "everysec", "--daemonize", "no", *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while True:
            try:
                if self.call("PING") == "PONG":
                    return
            except RuntimeError:
                pass  # LOADING
            except OSError:
                assert self.process.poll() is None, "redis-server does not start"
            assert time.monotonic() < end, "redis-server does not answer"
            time.sleep(0.01)

    def call(self, *words):
        return call(self.port, *words)

    def kill(self, number=signal.SIGKILL):
        """Ends it; its data stays for start()."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
        self.process.wait(30)

    def signal(self, number):
        self.process.send_signal(number)

    def forget(self):
        """After kill(): the data is gone."""
        shutil.rmtree(self.folder)
        os.mkdir(self.folder)

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
