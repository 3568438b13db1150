"""One new port, timed: from the write to its first answered packet through a router, and to every chassis confirming.

Used with a small network in place and with a large one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from mininet_topos.vm import VM
from tests.bench.cost import cpu_seconds
from tests.bench.networks import FAR, GATEWAY, NEW_ADDRESS, NEW_MAC, PREFIX, TENANT, port, router_mac
from tests.bench.remote import Agent
from tests.bench.sides import GUEST_MTU, Bench, Controlled
from tests.bench.stats import Sample

_VM = "new"
_HOST = "hv1"
_SWITCH = "a"
_PATIENCE = 20.0


class NoFirstPacket(Exception):
    """The new port's packets were not answered in time, or were before it was made. The text says which."""


@dataclass(slots=True)
class Timings:
    """Milliseconds, a value for each round; `cpu` is the controller's processor time for making and removing one port."""

    first_packet: list[float] = field(default_factory=list)
    confirmed: list[float] = field(default_factory=list)
    cpu: float = 0.0


def measure_new_ports(bench: Bench, rounds: int) -> dict[str, Timings]:
    """By side, in turns. The small network has to be in place, its far VM warm; each round's port has another name."""
    sides = bench.controlled()
    vms = {side.title: _vm(bench, side) for side in sides}
    timings = {side.title: Timings() for side in sides}
    spent = {side.title: 0.0 for side in sides}
    for number in range(rounds):
        for side in sides:
            began = cpu_seconds(side.processes())
            _one(side, vms[side.title], f"new-{number}", timings[side.title])
            spent[side.title] += cpu_seconds(side.processes()) - began
    for title, seconds in spent.items():
        timings[title].cpu = seconds / rounds * 1000
    return timings


def samples(timings: dict[str, Timings], what: str) -> dict[str, Sample]:
    """One of the fields of Timings, by side."""
    return {title: Sample.of(getattr(each, what)) for title, each in timings.items()}


def _vm(bench: Bench, side: Controlled) -> VM:
    """The VM behind the new ports, plugged in and waiting, made once a lab."""
    vms = side.lab.vms
    if _VM not in vms:
        vm = side.lab.vm(_VM, _HOST, NEW_MAC, f"{NEW_ADDRESS}/{PREFIX}", GATEWAY, iface_id=f"{_VM}-none", mtu=GUEST_MTU)
        # Its kernel would ask for the gateway once a second, which is a thousand times too coarse here.
        vm.script(f"ip neighbour replace {GATEWAY} lladdr {router_mac(0, 1)} dev eth0 nud permanent\n")
    return vms[_VM]


def _one(side: Controlled, vm: VM, name: str, timings: Timings) -> None:
    host = side.lab.hypervisors[_HOST]
    host.vsctl("set", "Interface", vm.vif, f"external_ids:iface-id={name}")
    with Agent(vm, "first_reply", FAR, _PATIENCE, ready="sending") as prober:
        written = time.monotonic_ns()
        side.add_port(TENANT, _SWITCH, port(name, NEW_MAC, NEW_ADDRESS))
        confirmed = time.monotonic_ns()
        reply = prober.result(_PATIENCE + 5)["at"]
    side.remove_port(TENANT, _SWITCH, name)
    if reply is None or reply < written:
        why = f"no answer in {_PATIENCE:g} s" if reply is None else "answered before the write"
        raise NoFirstPacket(f"{side.title}: port {name}: {why}")
    timings.first_packet.append((reply - written) / 1e6)
    timings.confirmed.append((confirmed - written) / 1e6)


def command_cost(bench: Bench, calls: int = 9) -> float | None:
    """Milliseconds that one `ovn-nbctl` call takes which only reads one value; None without OVN."""
    if bench.ovn is None:
        return None
    times: Sequence[float] = [_timed_call(bench) for _ in range(calls)]
    return Sample.of(times).median


def _timed_call(bench: Bench) -> float:
    began = time.monotonic()
    assert bench.ovn is not None
    bench.ovn.nbctl("get", "NB_Global", ".", "nb_cfg")
    return (time.monotonic() - began) * 1000
