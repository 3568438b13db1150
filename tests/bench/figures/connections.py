"""Figure: how many datapath flows new connections through a router make."""

from __future__ import annotations

import re
from typing import NamedTuple

from mininet_topos.hypervisor import Hypervisor
from tests.bench import remote
from tests.bench.effort import Effort
from tests.bench.networks import FAR, GUESTS, NEAR
from tests.bench.results import Aim, Figure, Row
from tests.bench.sides import Bench, Controlled
from tests.bench.stats import Sample

HOW = """UDP from {count:,} source ports of one VM to an echo server behind the router on another chassis, each
connection one datagram and its echo. The ingress chassis' datapath flows are purged first; counted are those it has
afterwards (`ovs-appctl dpctl/dump-flows`), both directions, that it did not have right after the purge. Source ports
are taken from 32,768 up, as Linux does, and then spread over 1,024 to 65,535, the worst case for whatever matches on
ports."""
_AIM = 6
_MANY = 20_000
_PORT = 7
_SECONDS = 120
_EPHEMERAL = 32_768
_UNPRIVILEGED = 1024
_PORTS = 65_536
_SHARE = 0.99
_STATISTICS = re.compile(r", packets:.*")


class Sources(NamedTuple):
    """Source ports: the first one, and the distance from each to the next."""

    first: int
    stride: int


class Unanswered(Exception):
    """Fewer than 99 of 100 connections were answered, so that the count of flows would say little."""


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network."""
    bench.small_network()
    count = effort.connections
    sources = (
        ("ephemeral source ports", Sources(_EPHEMERAL, 1)),
        ("source ports spread over all", Sources(_UNPRIVILEGED, (_PORTS - _UNPRIVILEGED) // count)),
    )
    rows = tuple(_row(bench, effort, what, each) for what, each in sources)
    return Figure("connections", f"Datapath flows after {count:,} new connections", HOW.format(count=count), rows)


def _row(bench: Bench, effort: Effort, what: str, sources: Sources) -> Row:
    counts: dict[str, list[float]] = {side.title: [] for side in bench.controlled()}
    for _ in range(effort.connection_rounds):
        for side in bench.controlled():
            counts[side.title].append(_new_flows(bench, side, effort.connections, sources))
    aim = Aim(f"at most {_AIM}", _AIM) if effort.connections >= _MANY else None
    return Row(what, "", {title: Sample.of(each) for title, each in counts.items()}, digits=0, aim=aim)


def _new_flows(bench: Bench, side: Controlled, count: int, sources: Sources) -> int:
    guests = bench.guests(side)
    far = next(guest for guest in GUESTS if guest.ip == FAR)
    ingress = side.lab.hypervisors[f"hv{NEAR.chassis}"]
    with remote.Agent(guests[far.name], "echo", _PORT, _SECONDS, ready="listening"):
        ingress.appctl("revalidator/purge")
        before = _megaflows(ingress)
        found = remote.run(guests[NEAR.name], "connections", FAR, _PORT, count, *sources, seconds=_SECONDS)
        made = _megaflows(ingress) - before
    if found["answered"] < _SHARE * count:
        raise Unanswered(f"{side.title}: {found['answered']} of {count} connections were answered")
    return len(made)


def _megaflows(host: Hypervisor) -> set[str]:
    """The matches of the flows in the datapath."""
    lines = host.appctl("dpctl/dump-flows").splitlines()
    return {_STATISTICS.sub("", line) for line in lines if "packets:" in line}
