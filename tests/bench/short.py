"""Short TCP connections, one at a time and many at once, by several ways in turns: how many a second, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mininet_topos.hypervisor import Hypervisor
from mininet_topos.lab import Lab
from mininet_topos.loading import connect
from mininet_topos.node import LabNode
from mininet_topos.processes import ProcessId
from tests.bench.cost import cpu_seconds, machine_seconds
from tests.bench.effort import Effort
from tests.bench.results import Aim, Row
from tests.bench.stats import Sample

MANY = 32
"""Connections at once, where it is not one at a time."""
_TIMEOUT = 5.0
_MOST_FAILED = 0.01
_THOUSAND = 1000


class TooManyFailed(Exception):
    """More than one connection in a hundred: no rate to speak of. The text says what became of them."""


@dataclass(frozen=True, slots=True)
class Way:
    """Who connects, and to what; `lab` is where Open vSwitch carries it, None where only the kernel does."""

    title: str
    client: LabNode
    host: str
    port: int
    lab: Lab | None


@dataclass(slots=True)
class Measured:
    """Of one way, a value for each turn: connections a second, how many failed, and processor milliseconds for a thousand."""

    rates: list[float] = field(default_factory=list)
    machine: list[float] = field(default_factory=list)
    switches: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)


def rows(ways: list[Way], effort: Effort) -> tuple[Row, ...]:
    """All of it, in turns. Raises TooManyFailed."""
    kinds = (("one at a time", effort.one_at_a_time, 1), (f"{MANY} at once", effort.at_once, MANY))
    found: list[Row] = []
    for what, count, concurrency in kinds:
        measured = {way.title: Measured() for way in ways}
        for _ in range(effort.short_rounds):
            for way in ways:
                _turn(way, count, concurrency, measured[way.title])
        found += _rows(what, count, measured)
    return tuple(found)


def _turn(way: Way, count: int, concurrency: int, into: Measured) -> None:
    switches = [] if way.lab is None else [_switch(host) for host in way.lab.hypervisors.values()]
    machine, spent = machine_seconds(), cpu_seconds(switches)
    tries = connect(way.client, way.host, way.port, count, concurrency, _TIMEOUT)
    machine, spent = machine_seconds() - machine, cpu_seconds(switches) - spent
    failed = tries.failed.total()
    if failed > _MOST_FAILED * count:
        raise TooManyFailed(f"{way.title}: {tries.summary()}")
    into.rates.append(tries.rate)
    into.failed.append(failed)
    into.machine.append(machine / count * _THOUSAND * 1000)
    if switches:
        into.switches.append(spent / count * _THOUSAND * 1000)


def _switch(host: Hypervisor) -> ProcessId:
    """Its ovs-vswitchd. Raises LookupError when it does not run."""
    found = host.vswitch.process("ovs-vswitchd")
    if found is None:
        raise LookupError(f"{host.name} has no ovs-vswitchd")
    return found


def _rows(what: str, count: int, measured: dict[str, Measured]) -> Iterator[Row]:
    def samples(field_name: str) -> dict[str, Sample]:
        values = {title: getattr(each, field_name) for title, each in measured.items()}
        return {title: Sample.of(each) for title, each in values.items() if each}

    yield Row(f"{what}: connections", "/s", samples("rates"), digits=0)
    yield Row(f"{what}: processor time for 1,000, ovs-vswitchd", "ms", samples("switches"), digits=0)
    yield Row(f"{what}: processor time for 1,000, whole machine", "ms", samples("machine"), digits=0)
    total = {title: Sample.of([sum(each.failed)]) for title, each in measured.items()}
    yield Row(f"{what}: failed, in all turns of {count:,}", "", total, digits=0, paired=False, aim=Aim("none", 0))
