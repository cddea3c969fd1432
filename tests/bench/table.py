"""The results as one table, in Markdown."""

import functools
import os
import platform
import re
import shutil
import statistics
import subprocess
import textwrap

from rows import MEASURES
from servers import NGINX, PACKAGES

LEGEND = """\
One server at a time on one core, the load generator on another (functions on
Node.js: both on all cores); loopback, no TLS. Figures are the server's own CPU time, user and system, per message (per
request, per opened connection), unless the row names something else: how fast
the generator is does not enter. Medians of {rounds} round(s) of {seconds:g} s, servers
taking turns. x with a goal of ">=" is the peer's figure divided by gatewire's (of rates
the other way round), with "<=" gatewire's divided by the peer's. Rates and p99 are gatewire's, then
the peer's; in the closed loops (all rows but one) one core is saturated, and p99
follows from the rate. Memory is the process's own: the kernel's socket buffers are not in it."""


def faults(result):
    """Messages lost, duplicated, reordered; None: they were not counted."""
    if "lost" not in result:
        return None
    return sum(result[name] for name in ("lost", "duplicated", "reordered"))


def median(results, key, figure):
    """The median of a figure over the rounds; None: it was never measured."""
    values = []
    for result in results.get(key, []):
        if "error" in result:
            continue
        value = faults(result) if figure == "faults" else result.get(figure)
        if value is not None:
            values.append(value)
    if not values:
        return None
    # A fault in one round is a fault.
    return max(values) if figure == "faults" else statistics.median(values)


def trouble(results, key):
    for result in results.get(key, []):
        if "error" in result:
            return f"{MEASURES[key].server.name}: {result['error']}"
    return None


def show(value, figure):
    if value is None:
        return "-"
    if figure == "faults":
        return f"{value:.0f}"
    if figure == "memory_bytes":
        return f"{value:,.0f} B"
    if figure == "rate":
        return f"{value:,.0f}"
    if value >= 1000:
        return f"{value / 1000:.3g} ms"
    return f"{value:.3g} us" if value < 100 else f"{value:.0f} us"


def pair(results, row, figure, write):
    """A figure beside the one that is judged: ours, then the peer's."""
    if row.peer == row.ours or not row.peer and row.figure != "cpu_us":
        return ""
    values = [
        "-" if value is None else write(value)
        for value in (median(results, key, figure) for key in row.measures())
    ]
    return " / ".join(values) if set(values) != {"-"} else ""


def judge(results, row):
    """(ours, peer, x, met); None where there is nothing to say."""
    figure = row.peer_figure or row.figure
    ours = median(results, row.ours, row.figure)
    peer = median(results, row.peer, figure) if row.peer else None
    if ours is None or (row.peer and peer is None):
        return ours, peer, None, None
    if not row.peer:
        return ours, None, None, ours <= row.goal
    x = ours / peer if row.at_most or row.figure == "rate" else peer / ours
    if row.goal is None:
        return ours, peer, x, None
    return ours, peer, x, x <= row.goal if row.at_most else x >= row.goal


def line(results, row):
    ours, peer, x, met = judge(results, row)
    goal = f"{'<=' if row.at_most else '>='} "
    if row.goal is None:
        goal = ""
    else:
        goal += f"{row.goal:g}" if row.peer else show(row.goal, row.figure)
    name = row.peer_name or (MEASURES[row.peer].server.name if row.peer else "")
    verdict = {True: "yes", False: "**no**", None: "" if x else "not measured"}[met]
    cells = [
        row.what,
        show(ours, row.figure),
        name,
        show(peer, row.peer_figure or row.figure) if row.peer else "",
        f"{x:.2f}" if x is not None else "",
        goal,
        verdict,
        pair(results, row, "rate", lambda v: f"{v / 1000:,.1f}k"),
        pair(results, row, "p99_us", lambda v: f"{v / 1000:.2f}"),
    ]
    return "| " + " | ".join(cells) + " |"


def others(results):
    """How busy everything else was, which a reader should know."""
    shares = [
        result["others_share"]
        for rounds in results.values()
        for result in rounds
        if "others_share" in result
    ]
    if not shares:
        return ""
    return (
        f"Beside the bench, other processes and the host took {statistics.median(shares):.0%}"
        f" of a core (median of the measures), {max(shares):.0%} at most."
    )


def said(command, pattern):
    """A version out of what a program says of itself."""
    if not command[0] or not shutil.which(command[0]):
        return "missing"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(1) if found else "?"


def package_version(name):
    return said(
        ["node", "-p", f"require('{PACKAGES}/{name}/package.json').version"], r"^([\d.]+)"
    )


@functools.cache
def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    nchan = said(
        ["dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan"], r"(?:\d+:)?([\d.]+)"
    )
    return (
        f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores,"
        f" Linux {platform.release()}; nginx {said([NGINX, '-v'], r'nginx/([0-9.]+)')},"
        f" nchan {nchan}, Node.js {said(['node', '-v'], r'v([0-9.]+)')}, ws {package_version('ws')},"
        f" serverless-offline {package_version('serverless-offline')}"
    )


def render(results, rows, rounds, seconds):
    lines = [
        "| what | gatewire | peer | its figure | x | goal | met | a second | p99 ms |",
        "|---|---:|---|---:|---:|---:|---|---:|---:|",
        *(line(results, row) for row in rows),
        "",
        textwrap.fill(f"{machine()}. {others(results)}", 80),
        "",
        textwrap.fill(LEGEND.format(rounds=rounds, seconds=seconds), 80),
    ]
    keys = dict.fromkeys(key for row in rows for key in row.measures())
    troubles = [f"- {key}: {text}" for key in keys if (text := trouble(results, key))]
    if troubles:
        lines += ["", "Not measured, or not in every round:", "", *troubles]
    return "\n".join(lines)


def render_measures(results):
    """What was measured of every server, for `--peers` and the curious."""
    lines = [
        "| measure | server | figure | a second | of its core | p50 ms | p99 ms | faults |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for key in results:
        figures = {
            name: median(results, key, name)
            for name in ("cpu_us", "rate", "cpu_share", "p50_us", "p99_us", "faults")
        }
        if figures["cpu_us"] is None:
            continue
        cells = [
            key.partition("/")[0],
            MEASURES[key].server.name,
            show(figures["cpu_us"], "cpu_us"),
            "" if figures["rate"] is None else f"{figures['rate'] / 1000:,.1f}k",
            "" if figures["cpu_share"] is None else f"{figures['cpu_share']:.0%}",
            "" if figures["p50_us"] is None else f"{figures['p50_us'] / 1000:.2f}",
            "" if figures["p99_us"] is None else f"{figures['p99_us'] / 1000:.2f}",
            "" if figures["faults"] is None else f"{figures['faults']:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", textwrap.fill(f"{machine()}. {others(results)}", 80)]
    troubles = [f"- {key}: {text}" for key in results if (text := trouble(results, key))]
    if troubles:
        lines += ["", "Not measured, or not in every round:", "", *troubles]
    return "\n".join(lines)
