"""Cases of real tools: what ping, traceroute, mtr and tracepath print, from a VM and from the internet.

A traceroute that keeps its ports is what Paris traceroute does: every probe is of the same flow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mininet_topos.lab import Lab
from mininet_topos.outside import FAR_GATEWAY, SERVER_ADDRESS, UPSTREAM_ADDRESS
from tests.acceptance.icmp_case import OWN, R1_C, R1_T, R2_B, R2_T
from tests.acceptance.icmp_judge import Result
from tests.acceptance.icmp_network import (
    ELSEWHERE,
    EXTERNAL_MTU,
    FLOATING,
    FLOATING_ELSEWHERE,
    FLOATING_FAR,
    MTU,
    UPLINK,
    VIP,
    ends,
)

_AT_ONCE = 4
_TRACEROUTE = ("traceroute", "-n", "-q", "1", "-w", "1", "-m", "6")
_MTR = ("mtr", "-n", "-r", "-c", "2", "-i", "0.2", "-G", "1", "-m", "6")
_TRACES: dict[str, tuple[str, ...]] = {
    "traceroute": _TRACEROUTE,
    "traceroute -I": (*_TRACEROUTE, "-I"),
    "traceroute -T": (*_TRACEROUTE, "-T"),
    "paris UDP": (*_TRACEROUTE, "-U", "-p", "33500"),
    "paris TCP": (*_TRACEROUTE, "-T", "-p", "81"),
    "mtr": _MTR,
    "mtr -u": (*_MTR, "-u"),
    "mtr -T": (*_MTR, "-T", "-P", "81"),
    "tracepath": ("tracepath", "-n", "-m", "6"),
}
_FIRST_PORT = 41000
"""Of those that keep their ports; one each, for they run at the same time."""
_ROWS = {
    "ping": re.compile(r"^\d+ bytes from ([\d.]+):.*?( \(DUP!\))?$", re.M),
    "traceroute": re.compile(r"^ *\d+  (\S+)(?:  [\d.]+ ms)?( !\S+)?", re.M),
    "mtr": re.compile(r"^ *\d+\.\|-- (\S+) +([\d.]+)%?", re.M),
    "tracepath": re.compile(r"^ *(\d+): +(\S+)", re.M),
}
_PMTU = re.compile(r"^ *Resume: pmtu (\d+)", re.M)


@dataclass(frozen=True)
class Tool:
    """One run of a tool by `sender`, and the hops that it has to list; tracepath lists the path's MTU at the end."""

    id: str
    what: str
    rfc: str
    sender: str
    argv: tuple[str, ...]
    hops: tuple[str, ...]

    @property
    def text(self) -> str:
        """What has to be listed, for the table of cases."""
        return " ".join(self.hops)


@dataclass(frozen=True)
class _Way:
    name: str
    sender: str
    to: str
    hops: tuple[str, ...]
    mtu: int


_WAYS = (
    _Way("east", "a-1", "10.1.2.11", (OWN, R2_T, "10.1.2.11"), MTU),
    _Way("out", "a-1", SERVER_ADDRESS, (OWN, UPSTREAM_ADDRESS, SERVER_ADDRESS), EXTERNAL_MTU),
    _Way("far-out", "b-2", SERVER_ADDRESS, (R2_B, R1_T, UPSTREAM_ADDRESS, SERVER_ADDRESS), EXTERNAL_MTU),
    _Way("in", "server", FLOATING, (FAR_GATEWAY, UPLINK, FLOATING), MTU),
    _Way("far-in", "server", FLOATING_FAR, (FAR_GATEWAY, UPLINK, UPLINK, FLOATING_FAR), MTU),
    _Way("other-tenant", "a-1", FLOATING_ELSEWHERE, (OWN, ELSEWHERE, FLOATING_ELSEWHERE), EXTERNAL_MTU),
    _Way("hairpin", "a-1", FLOATING, (OWN, UPLINK, FLOATING), EXTERNAL_MTU),
)
_ENDS = (
    _Way("own-gateway", "a-1", OWN, (OWN,), MTU),
    _Way("far-port", "a-1", R1_C, (R1_C,), MTU),
    _Way("second-router-far", "a-1", R2_B, (OWN, R2_B), MTU),
    _Way("uplink", "a-1", UPLINK, (UPLINK,), MTU),
    _Way("in-uplink", "server", UPLINK, (FAR_GATEWAY, UPLINK), 1500),
)
"""Traces that end at a router."""


def _tools() -> Iterator[Tool]:
    for way in (*_WAYS, *_ENDS):
        rfc = "1122 3.2.2.6" if way in _WAYS else "1812 4.3.3.6"
        argv = ("ping", "-n", "-c", "2", "-i", "0.05", "-W", "1", way.to)
        yield Tool(f"ping-{way.name}", f"ping, {way.sender} to {way.to}", rfc, way.sender, argv, (way.to, way.to))
    for number, way in enumerate(_WAYS):
        port = f"--sport={_FIRST_PORT + number}"
        for name in _TRACES:
            yield _trace(way, name, *((port,) if name.startswith("paris") else ()))
    for way in _ENDS:
        yield from (_trace(way, name) for name in ("traceroute", "traceroute -T", "mtr"))
    for way in (_Way("in-vip", "server", VIP, (FAR_GATEWAY, UPLINK, VIP), MTU), _Way("vip", "a-1", VIP, (OWN, VIP), MTU)):
        yield _trace(way, "traceroute -T", "-p", "80")


def _trace(way: _Way, name: str, *more: str) -> Tool:
    hops = (*way.hops, f"pmtu {way.mtu}") if name == "tracepath" else way.hops
    rfc = "1191 4, 1812 5.3.1" if name == "tracepath" else "1812 5.3.1"
    of = name.lower().replace(" ", "-").replace("--", "-")
    return Tool(f"{of}-{way.name}", f"{name}, {way.sender} to {way.to}", rfc, way.sender, (*_TRACES[name], *more, way.to), hops)


TOOLS = tuple(_tools())


def run(lab: Lab) -> list[Result]:
    """Run all, some at a time: what each listed, in their order."""
    found = ends(lab)

    def listed(tool: Tool) -> Result:
        output = found[tool.sender].node.run(*tool.argv, check=False, timeout=60).stdout
        hops = tuple(parse(tool.argv[0], output))
        right = hops == tool.hops
        return Result(tool.id, right, right, "right" if right else " ".join(hops) or "no answer")

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return list(pool.map(listed, TOOLS))


def parse(program: str, output: str) -> list[str]:
    """The hops that a tool listed, "*" where nobody answered; of mtr also how much was lost, if anything."""
    rows = _ROWS[program].findall(output)
    if program == "ping":
        # Each reply, so that one of two is not taken for both.
        return [address + twice for address, twice in rows]
    if program == "traceroute":
        return [address + complaint for address, complaint in rows]
    if program == "mtr":
        return ["*" if address == "???" else address if lost == "0.0" else f"{address} ({lost}% lost)" for address, lost in rows]
    # Of tracepath a hop may have several rows; the last one is the one that went on.
    last = {number: "*" if address == "no" else address for number, address in rows if not address.startswith("[")}
    return [*last.values(), *(f"pmtu {mtu}" for mtu in _PMTU.findall(output))]
