"""The images that the compose file names: pulled, or made here."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from engine import ROOT, Failed, run

CHAT = ROOT / "clients/examples/chat"
BASE = "debian:bookworm-slim"
OTHERS = {"REDIS_IMAGE": "redis:7-bookworm",
          "HAPROXY_IMAGE": "haproxy:2.8-bookworm",
          "NODE_IMAGE": "node:22-bookworm-slim"}
OWN_BASE, STANDIN = "gatewire-test-base", "gatewire-test-standin"

# What is slim about debian:bookworm-slim.
NOT_IN_SLIM = ("usr/share/doc", "usr/share/man", "usr/share/locale",
               "usr/share/info", "var/cache/apt/archives", "var/lib/apt/lists")


def pull(image):
    try:
        run("docker", "pull", "-q", image)
    except (Failed, subprocess.TimeoutExpired):
        return False
    return True


def bootstrap(archive):
    """A minimal Debian as a tar file; kept for the next run."""
    run("make", "deps-docker")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gatewire-base-") as folder:
        run("debootstrap", "--variant=minbase", "bookworm", folder)
        for name in NOT_IN_SLIM:
            for entry in (Path(folder) / name).iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        partial = archive.with_suffix(".partial")
        run("tar", "-C", folder, "-cf", str(partial), ".")
        partial.rename(archive)


def find_base(say):
    if pull(BASE):
        return BASE
    archive = ROOT / "build/docker/base.tar"
    if not archive.exists():
        say(f"{BASE} cannot be pulled: made with debootstrap instead")
        bootstrap(archive)
    run("docker", "import", str(archive), OWN_BASE)
    return OWN_BASE


class Standin:
    """Built while others are."""

    def __init__(self, base):
        self.folder = tempfile.TemporaryDirectory(prefix="gatewire-standin-")
        shutil.copy(Path(__file__).parent / "standin/Dockerfile",
                    self.folder.name)
        shutil.copytree(CHAT / "node_modules",
                        Path(self.folder.name) / "node_modules")
        self.process = subprocess.Popen(
            ["docker", "build", "-q", "--build-arg", f"BASE={base}",
             "-t", STANDIN, self.folder.name], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def wait(self):
        output = self.process.communicate(timeout=600)[0]
        self.folder.cleanup()
        if self.process.returncode:
            raise Failed(output[-3000:])


def find_others(base, say):
    """The names for the compose file, and what is still being built."""
    missing = [v for v, image in OTHERS.items() if not pull(image)]
    if not missing:
        return {}, None
    say(f"{', '.join(OTHERS[v] for v in missing)} cannot be pulled: Debian's "
        "packages stand in")
    return {v: STANDIN for v in missing}, Standin(base)
