"""Figure: TCP throughput on one chassis, between two, and routed between two, beside plain Open vSwitch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from mininet_topos.measure import end_politely
from mininet_topos.processes import wait_until
from mininet_topos.vm import VM
from tests.bench.effort import Effort
from tests.bench.networks import NEAR
from tests.bench.results import PLAIN, Aim, Figure, Row
from tests.bench.sides import Bench, Side
from tests.bench.stats import Sample

HOW = """iperf3, one TCP connection, {seconds} s, in turns; every VM has an MTU of 1,450 on every side. Ratios are of
turns next to each other. "Routed" is set beside plain Open vSwitch's two hypervisors with one tunnel, which do not
route."""
_PORT = 5201
_SPARE = 20
_LONG = 5
_PATHS = (
    ("same chassis", "beside", "beside", None),
    ("two chassis, same switch", "across", "across", None),
    ("two chassis, routed", "behind", "across", Aim("at least 97 % of plain", 0.97, at_least=True, of=PLAIN)),
)
"""What, the VM that receives, the one that does on plain Open vSwitch, and what the issue asks."""


class NoThroughput(Exception):
    """iperf3 failed. The text holds what it said."""


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network, and plain Open vSwitch beside it."""
    bench.small_network()
    bench.plain_network()
    # Ours next to plain in every turn: theirs is the ratio that is asked for.
    sides: list[Side] = [bench.plain, *bench.controlled()]
    rows = []
    for what, receiver, plain_receiver, aim in _PATHS:
        values: dict[str, list[float]] = {side.title: [] for side in sides}
        for _ in range(effort.throughput_rounds):
            for side in sides:
                to = bench.guests(side)[plain_receiver if side.title == PLAIN else receiver]
                values[side.title].append(_megabits(bench.guests(side)[NEAR.name], to, effort.throughput_seconds))
        samples = {title: Sample.of(each) for title, each in values.items()}
        rows.append(Row(what, "Mbit/s", samples, digits=0, aim=aim if effort.throughput_seconds >= _LONG else None))
    return Figure("throughput", "TCP throughput", HOW.format(seconds=effort.throughput_seconds), tuple(rows))


def _megabits(sender: VM, receiver: VM, seconds: int) -> float:
    """Megabits a second that arrived. Raises NoThroughput."""
    with _server(receiver, seconds):
        argv = ["iperf3", "--json", "-c", receiver.ip, "-p", str(_PORT), "-t", str(seconds)]
        said = json.loads(sender.run(*argv, check=False, timeout=seconds + _SPARE).stdout)
    if "error" in said:
        raise NoThroughput(f"{sender.name} to {receiver.name}: {said['error']}")
    bits: float = said["end"]["sum_received"]["bits_per_second"]
    return bits / 1e6


@contextmanager
def _server(vm: VM, seconds: int) -> Iterator[None]:
    """An iperf3 server for one client, listening."""
    log = vm.folder / "log" / "iperf3.log"
    log.write_text("")
    process = vm.spawn("iperf3", "-s", "-1", "-p", str(_PORT), "--forceflush", log=log)
    try:
        wait_until(lambda: "listening" in log.read_text(), seconds + _SPARE, f"{vm.name}: iperf3 listening")
        yield
    finally:
        end_politely(process)
