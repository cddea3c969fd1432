"""A Docker engine: the one that runs, or one of our own, which leaves nothing
behind."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


class NoEngine(Exception):
    """Why there is none."""


class Failed(Exception):
    """A command that should have worked."""


def run(*command, seconds=600, check=True, stdin=None):
    """Its output, both streams together. `check`: a status other than 0
    fails the test."""
    done = subprocess.run(command, cwd=ROOT, text=True, timeout=seconds,
                          stdin=stdin or subprocess.DEVNULL, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and done.returncode:
        raise Failed(f"{' '.join(command)[:200]}\n{done.stdout[-3000:]}")
    return done.stdout.strip()


def works(*command):
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


class Firewall:
    """What an engine writes into the machine's rules, and does not take back:
    as it was when this was made."""

    TOOLS = ("iptables", "ip6tables")

    def __init__(self):
        self.rules = {t: run(t + "-save", check=False) + "\n"
                      for t in self.TOOLS if shutil.which(t + "-save")}
        self.forward = FORWARD.read_text()
        self.bridge = works("ip", "link", "show", "docker0")

    def restore(self):
        for tool, rules in self.rules.items():
            # Without its table's name, a table that was not there stays.
            for table in ("filter", "nat"):
                if f"*{table}" not in rules:
                    rules += empty(table)
            subprocess.run([tool + "-restore"], input=rules, text=True,
                           stderr=subprocess.DEVNULL)
        FORWARD.write_text(self.forward)
        if not self.bridge:
            run("ip", "link", "delete", "docker0", check=False)


def empty(table):
    chains = {"filter": "INPUT FORWARD OUTPUT",
              "nat": "PREROUTING INPUT OUTPUT POSTROUTING"}[table]
    return "\n".join([f"*{table}", *(f":{c} ACCEPT [0:0]"
                                     for c in chains.split()), "COMMIT\n"])


class OwnEngine:
    """dockerd, with folders and a socket of its own."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="gatewire-docker-"))
        self.socket = f"unix://{self.folder}/socket"
        self.firewall = Firewall()
        self.log = open(self.folder / "log", "w+")
        self.process = subprocess.Popen(
            ["dockerd", "--data-root", self.folder / "data",
             "--exec-root", self.folder / "exec",
             "--pidfile", self.folder / "pid", "--host", self.socket],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True)
        os.environ["DOCKER_HOST"] = self.socket

    def wait(self):
        end = time.monotonic() + START_SECONDS
        while not works("docker", "info"):
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                last = (self.log.read().strip() or "no word").splitlines()[-1]
                raise NoEngine(f"dockerd does not start: {last}")
            time.sleep(0.2)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.firewall.restore()
        for line in Path("/proc/mounts").read_text().splitlines():
            place = line.split()[1]
            if place.startswith(f"{self.folder}/"):
                run("umount", place, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        del os.environ["DOCKER_HOST"]


def find():
    """Makes `docker` answer. The engine to stop in the end, or None if it is
    somebody else's."""
    if works("docker", "info"):
        return None
    if os.environ.get("DOCKER_HOST"):
        raise NoEngine(f"none answers at {os.environ['DOCKER_HOST']}")
    if os.geteuid() != 0:
        raise NoEngine("none is running, and only root can start one")
    if not shutil.which("dockerd"):
        try:
            run("make", "deps-docker")
        except Failed as failed:
            raise NoEngine(f"it cannot be installed: {failed}") from failed
    engine = OwnEngine()
    try:
        engine.wait()
    except BaseException:
        engine.stop()
        raise
    return engine


def find_compose():
    """The command: Docker's plugin, or Debian's docker-compose."""
    if works("docker", "compose", "version"):
        return ["docker", "compose"]
    if not shutil.which("docker-compose"):
        run("make", "deps-compose")
    return ["docker-compose"]
