"""What is measured, and what it is held against.

A measure is one run of the generator against one server. A row of the table
takes one figure of one measure of gatewire's and judges it beside another.
"""

from dataclasses import dataclass, field

from servers import (
    CREDENTIAL,
    Backend,
    Bare,
    Gatewire,
    GatewireFunctions,
    GatewirePair,
    GatewireServing,
    Nchan,
    NginxGone,
    NginxProxy,
    NodeWs,
    Redis,
    RedisPublish,
    Runtimes,
    ServerlessOffline,
)


@dataclass
class Measure:
    server: object
    mode: str
    options: dict = field(default_factory=dict)
    timed: bool = True  # takes --seconds; otherwise ends when it is done
    warmup: float = 0  # seconds, at least: what runs JavaScript begins slowly
    half_of: tuple = ()  # open loop: half the rate the first one found keeps up


@dataclass
class Row:
    group: str
    what: str
    ours: str  # keys of MEASURES
    peer: str  # "": the goal is a plain number
    goal: float | None  # None: only shown
    figure: str = "cpu_us"
    peer_figure: str = ""  # the same
    # Goal: ours / peer at most; else peer / ours (of rates ours / peer) at least.
    at_most: bool = False
    peer_name: str = ""  # the server's

    def measures(self):
        return [key for key in (self.ours, self.peer) if key]


MEASURES = {}
ROWS = []


def add_echo(group, what, goal, **options):
    for name, server in (("gatewire", Gatewire), ("bare", Bare), ("node", NodeWs)):
        MEASURES[f"{group}/{name}"] = Measure(server(), "echo", options)
    for name, least in (("bare", goal), ("node", 2.0)):
        ROWS.append(Row(group, what, f"{group}/gatewire", f"{group}/{name}", least))


add_echo("echo64x1", "echo 64 B, 64 connections x 1 in flight", 0.85)
add_echo("echo64x16", "echo 64 B, 64 connections x 16 in flight", 0.5, depth=16)
add_echo("echo1000x1", "echo 64 B, 1,000 connections x 1", 0.8, connections=1000)
add_echo("echo16k", "echo 16 KB, 64 connections x 1", 0.75, size=16384)

MEASURES |= {
    "idle/gatewire": Measure(Gatewire(), "echo", {"idle": 10000}),
    "open/gatewire": Measure(Gatewire(), "open", {"connections": 19000}, timed=False),
    "open/bare": Measure(Bare(), "open", {"connections": 19000}, timed=False),
    "push/gatewire": Measure(Gatewire(), "push"),
    "push/nchan": Measure(Nchan(), "push", {"style": "nchan"}),
    "gone/gatewire": Measure(Gatewire(), "post", {"gone": "yes", "status": 410}),
    "gone/nginx": Measure(NginxGone(), "post", {"status": 410}),
    "signed/gatewire": Measure(
        GatewireServing(), "push", {"key-id": CREDENTIAL[0], "secret": CREDENTIAL[1]}
    ),
    "http/gatewire": Measure(GatewireServing(Backend()), "echo", {"action": "http"}),
    "http/nginx": Measure(NginxProxy(), "post"),
    "remote/gatewire": Measure(GatewirePair(), "push"),
    "remote/redis": Measure(RedisPublish(), "publish", timed=False),
    "registry/gatewire": Measure(
        GatewireServing(redis=Redis()), "open", {"connections": 15000}, timed=False
    ),
    "registry/none": Measure(
        GatewireServing(), "open", {"connections": 15000}, timed=False
    ),
    "goodbye/gatewire": Measure(
        GatewireServing(Backend(), Redis(), goodbyes=True),
        "goodbye",
        {"connections": 10000},
        timed=False,
    ),
    "goodbye/none": Measure(
        GatewireServing(Backend(), goodbyes=True),
        "goodbye",
        {"connections": 10000},
        timed=False,
    ),
}
MEASURES["invoke/gatewire"] = Measure(GatewireFunctions(Runtimes()), "echo")
ROWS += [
    Row(
        "invoke",
        "message to function to answer, its runtimes in C",
        "invoke/gatewire",
        "",
        40,
        at_most=True,
    ),
    Row(
        "invoke",
        "lost, duplicated, reordered in that",
        "invoke/gatewire",
        "",
        0,
        "faults",
        at_most=True,
    ),
]


def add_function(group, what, warmup, **options):
    """The goals are for its worker threads, which is how it comes and where a
    function is apart from the server, as here."""
    peers = {"threads": ServerlessOffline(), "process": ServerlessOffline(True)}
    for name, server in {"gatewire": GatewireFunctions(), **peers}.items():
        MEASURES[f"{group}/{name}"] = Measure(server, "echo", options, warmup=warmup)
    ours = f"{group}/gatewire"
    for name, rate, p99 in (("threads", 5.0, 0.2), ("process", None, None)):
        peer = f"{group}/{name}"
        ROWS.extend(
            [
                Row(group, f"{what}, a second", ours, peer, rate, "rate"),
                Row(group, "the same, p99", ours, peer, p99, "p99_us", at_most=True),
            ]
        )
    lost = "lost, duplicated, reordered in that"
    ROWS.append(Row(group, lost, ours, "", 0, "faults", at_most=True))


add_function("function4", "4 Node runtimes, 4 connections x 1", 3, connections=4)
add_function("function64", "4 Node runtimes, 64 connections x 1", 6)

for contender, made in (("gatewire", Gatewire), ("bare", Bare)):
    MEASURES[f"latency/{contender}"] = Measure(
        made(), "echo", half_of=("echo64x1/gatewire", "echo64x1/bare")
    )

ROWS += [
    Row(
        "idle",
        "echo 64 B, 64 connections among 10,000 idle",
        "idle/gatewire",
        "echo64x1/gatewire",
        1.05,
        at_most=True,
        peer_name="the 64 alone",
    ),
    Row(
        "idle",
        "resident memory per idle connection",
        "idle/gatewire",
        "",
        2560,
        "memory_bytes",
        at_most=True,
    ),
    Row(
        "open",
        "opening a connection, 19,000 in a row",
        "open/gatewire",
        "open/bare",
        1.5,
        at_most=True,
    ),
    Row(
        "open",
        "opening the last 4,000 of them",
        "open/gatewire",
        "open/gatewire",
        1.1,
        "last_us",
        "first_us",
        at_most=True,
        peer_name="the first 5,000",
    ),
    Row("push", "HTTP POST to WebSocket frame", "push/gatewire", "push/nchan", 1.3),
    Row(
        "push",
        "the same, p99",
        "push/gatewire",
        "push/nchan",
        1.0,
        "p99_us",
        at_most=True,
    ),
    Row("gone", "POST answered 410", "gone/gatewire", "gone/nginx", 0.9),
    Row(
        "signed",
        "POST to frame, SigV4 verified",
        "signed/gatewire",
        "push/gatewire",
        0.8,
        peer_name="without SigV4",
    ),
    Row(
        "http",
        "HTTP integration, 64 connections x 1",
        "http/gatewire",
        "http/nginx",
        0.9,
    ),
    Row(
        "remote",
        "POST to frame on another node, both nodes and Redis",
        "remote/gatewire",
        "remote/redis",
        0.25,
    ),
    Row(
        "remote",
        "the same, p99",
        "remote/gatewire",
        "remote/redis",
        None,
        "p99_us",
        at_most=True,
    ),
    Row(
        "registry",
        "opening a connection, registry on Redis",
        "registry/gatewire",
        "registry/none",
        0.7,
        peer_name="without Redis",
    ),
    Row(
        "goodbye",
        "goodbyes of 10,000 connections, registry on Redis",
        "goodbye/gatewire",
        "goodbye/none",
        None,
        peer_name="without Redis",
    ),
    Row(
        "goodbye",
        "told twice or more of those",
        "goodbye/gatewire",
        "",
        0,
        "faults",
        at_most=True,
    ),
    Row(
        "latency",
        "p99, open loop at half of capacity",
        "latency/gatewire",
        "latency/bare",
        1.5,
        "p99_us",
        at_most=True,
    ),
    Row(
        "latency",
        "lost, duplicated, reordered in that",
        "latency/gatewire",
        "",
        0,
        "faults",
        at_most=True,
    ),
]


def select(names):
    """The rows of the named groups, or all, and the keys they need."""
    groups = {row.group for row in ROWS}
    for name in names:
        if name not in groups:
            raise SystemExit(f"--rows: no \"{name}\"; there are: {', '.join(sorted(groups))}")
    rows = [row for row in ROWS if not names or row.group in names]
    wanted = set()
    for row in rows:
        for key in row.measures():
            wanted.add(key)
            wanted.update(MEASURES[key].half_of)
    return rows, [key for key in MEASURES if key in wanted]
