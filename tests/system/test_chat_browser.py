"""The chat example, as people meet it: `run`, and a browser on its page."""

import json
import os
import pathlib
import re
import signal
import socket
import urllib.request

import pytest

from conftest import Program

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHAT = ROOT / "clients/examples/chat"
CLIENTS = ROOT / "tests/system/clients"
GATEWIRE = (ROOT / os.environ.get("GATEWIRE", "build/gatewire")).absolute()
PORTS = ("GATEWIRE_PORT", "GATEWIRE_ADMIN_PORT", "CHAT_PORT")


def free_ports(count):
    """Different ones, because all are held until the last is known."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def is_open(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Chat(Program):
    def children(self):
        """Process ids, by the name of the program."""
        pid = self.process.pid
        found = {}
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children") \
                .read_text().split():
            words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes()
            name = "backend" if b"server.mjs" in words else "gateway"
            found[name] = int(child)
        return found


@pytest.fixture
def chat():
    """A running chat on free ports."""
    ports = dict(zip(PORTS, free_ports(3)))
    program = Chat([CHAT / "run", GATEWIRE],
                      **{k: str(v) for k, v in ports.items()})
    program.ports = ports
    try:
        program.wait_for("healthz")
        yield program
    finally:
        if program.process.poll() is None:
            program.send(signal.SIGTERM)
            program.end()


def page(chat, path=""):
    url = f"http://127.0.0.1:{chat.ports['CHAT_PORT']}/{path}"
    return urllib.request.urlopen(url, timeout=10)


def test_run_says_where_everything_is(chat):
    gateway = chat.ports["GATEWIRE_PORT"]
    for words in (
            f"http://127.0.0.1:{chat.ports['CHAT_PORT']}/",
            f"npx wscat -c ws://127.0.0.1:{gateway}/dev",
            f'"http://127.0.0.1:{gateway}/dev/@connections/$ID"',
            f"--endpoint-url http://127.0.0.1:{gateway}/dev"):
        assert words in chat.output
    assert json.load(page(chat, "config.json")) == {
        "endpoint": f"ws://127.0.0.1:{gateway}/dev"}


def test_the_page_may_load_nothing_from_elsewhere(chat):
    with page(chat) as answer:
        policy = answer.headers["Content-Security-Policy"]
        html = answer.read().decode()
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert not re.search(r'(src|href)="(https?:)?//', html)
    for name in re.findall(r'(?:src|href)="([\w.]+)"', html):
        with page(chat, name) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_stops_both_and_ends_well(chat, number):
    chat.send(number)
    assert chat.end() == 0, chat.output
    assert not any(is_open(port) for port in chat.ports.values())


@pytest.mark.parametrize("victim, other", [("gateway", "backend"),
                                           ("backend", "gateway")])
def test_run_stops_one_when_the_other_dies(chat, victim, other):
    pids = chat.children()
    os.kill(pids[victim], signal.SIGKILL)
    assert chat.end() == 1
    assert f"the {victim} was ended by SIGKILL" in chat.output
    assert not pathlib.Path(f"/proc/{pids[other]}").exists()


def test_run_moves_away_from_a_taken_port():
    """3000 may be taken by somebody else already: as good for this."""
    gateway, admin = free_ports(2)
    with socket.socket() as holder:
        try:
            holder.bind(("127.0.0.1", 3000))
            holder.listen()
        except OSError:
            pass
        program = Chat([CHAT / "run", GATEWIRE], CHAT_PORT="",
                          GATEWIRE_PORT=str(gateway),
                          GATEWIRE_ADMIN_PORT=str(admin))
        try:
            program.wait_for("healthz")
            assert "port 3000 is taken: the page moves to" in program.output
        finally:
            program.send(signal.SIGTERM)
            program.end()


def test_run_refuses_a_taken_port_that_was_asked_for():
    gateway, admin = free_ports(2)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        program = Chat([CHAT / "run", GATEWIRE], CHAT_PORT=str(taken),
                          GATEWIRE_PORT=str(gateway),
                          GATEWIRE_ADMIN_PORT=str(admin))
        assert program.end() == 1
        assert f"port {taken} of CHAT_PORT is taken" in program.output


def test_two_tabs_talk(chat):
    browser = Chat(["node", CLIENTS / "chat_browser.mjs",
                       f"http://127.0.0.1:{chat.ports['CHAT_PORT']}/"])
    try:
        browser.wait_for("restart the gateway", 90)
        chat.send(signal.SIGUSR2)
        status = browser.end(90)
    finally:
        if browser.process.poll() is None:
            browser.process.kill()
    assert status == 0, browser.output + chat.output
