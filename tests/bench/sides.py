"""The sides of a comparison, behind one face, and the bench that holds them open while figures are measured."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property, partial
from types import TracebackType
from typing import Protocol

from mininet_topos.hypervisor import EXTERNAL_NIC, Hypervisor
from mininet_topos.lab import Lab
from mininet_topos.measure import ping
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.processes import ProcessId, wait_until
from mininet_topos.scenarios_out import INTERNET
from mininet_topos.vm import VM
from tests.acceptance.kernel_nat import KernelNat
from tests.bench import ovn
from tests.bench.networks import GUESTS, NEAR, PREFIX, Document, Guest, places, small
from tests.bench.networks_out import GATEWAYS, way_out
from tests.bench.ours import OurSide
from tests.bench.plain import PlainSide
from tests.bench.stubs import make_stubs

_WARM_SECONDS = 15.0
_SETTLE_SECONDS = 60.0
_PROBES = 10
"""Pings: more than the frames that a chassis sends of its own accord meanwhile."""
GUEST_MTU = 1450
"""Bytes of the largest IP packet of every VM, on every side."""


class Side(Protocol):
    """A lab in which VMs can talk."""

    @property
    def title(self) -> str: ...

    @property
    def lab(self) -> Lab: ...


class Controlled(Side, Protocol):
    """A side whose network is told to a controller. Writes return when every chassis has confirmed; they raise on refusal."""

    def put(self, documents: list[Document], externals: tuple[Document, ...] = ()) -> None:
        """Make tenants, and external networks, that are not there yet, in one transaction."""

    def clear(self) -> None:
        """Remove everything that `put` made."""

    def add_port(self, tenant: str, switch: str, port: Document) -> None:
        """Make one port."""

    def remove_port(self, tenant: str, switch: str, port: str) -> None:
        """Remove one port."""

    def add_floating(self, tenant: str, router: str, floating: Document) -> None:
        """Make one floating IP."""

    def remove_floating(self, tenant: str, router: str, floating: Document) -> None:
        """Remove one floating IP."""

    def leave_alone(self) -> None:
        """Stop what a failover is meant to do without, if there is anything."""

    def come_back(self) -> None:
        """Undo `leave_alone`; returns when every chassis has confirmed everything again."""

    def notice(self, interfaces: int) -> None:
        """Return when the controller knows of at least so many interfaces with an iface-id."""

    def processes(self) -> list[ProcessId]:
        """What would not run without the controller: it, its databases, its agents on the chassis; never Open vSwitch itself."""


class Bench:
    """The sides, each opened when first asked for, all ended with the `with` block."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._guests: dict[str, dict[str, VM]] = {}
        self._stubs: dict[str, set[str]] = {}

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    @cached_property
    def ours(self) -> OurSide:
        return self._stack.enter_context(OurSide(_lab_name("ours")))

    @cached_property
    def ovn(self) -> ovn.OvnSide | None:
        """None where OVN is not installed."""
        return self._stack.enter_context(ovn.OvnSide(_lab_name("ovn"))) if ovn.installed() else None

    @cached_property
    def plain(self) -> PlainSide:
        return self._stack.enter_context(PlainSide(_lab_name("plain")))

    def controlled(self) -> list[Controlled]:
        """Ours, and OVN where it is installed."""
        return [self.ours] if self.ovn is None else [self.ours, self.ovn]

    def small_network(self) -> None:
        """Have the small network, and nothing else, on every controlled side, with its VMs talking."""
        for side in self.controlled():
            self.guests(side)
            side.clear()
            side.put([small()])
            self.warm(side, GUESTS)

    def way_out(self) -> None:
        """Have the small network with its way out, and nothing else, on every controlled side, its first gateway active."""
        for side in self.controlled():
            self.guests(side)
            side.clear()
            side.put([way_out()], (INTERNET,))
            self.warm(side, GUESTS)
            self.settled(side)

    def settled(self, side: Side) -> None:
        """Return when NEAR reaches the server outside, and by the first gateway. Raises Timeout."""
        near, gateway = self.guests(side)[NEAR.name], side.lab.hypervisors[GATEWAYS[0]]
        wait_until(partial(_leaves_by, gateway, near), _SETTLE_SECONDS, f"{side.title}: {gateway.name} being the gateway")

    def warm(self, side: Side, guests: Iterable[Guest]) -> None:
        """Return when NEAR reaches all of `guests`: ARP in VMs and underlay is not what is measured. Raises Timeout."""
        near = self.guests(side)[NEAR.name]
        for guest in guests:
            if guest is not NEAR:
                wait_until(partial(_answers, near, guest.ip), _WARM_SECONDS, f"{side.title}: {guest.name} answering")

    def plain_network(self) -> None:
        """Have those VMs talk on plain Open vSwitch that can: it does not route."""
        self.warm(self.plain, (guest for guest in GUESTS if guest.switch == NEAR.switch))

    @cached_property
    def kernel(self) -> KernelNat:
        """NAT by the kernel, between our lab's server and a machine of its own."""
        return KernelNat(self.ours.lab)

    def stubs(self, documents: list[Document]) -> None:
        """Have an interface for each port of these tenants on every controlled side; those that are there stay."""
        wanted = list(places(documents))
        for side in self.controlled():
            present = self._stubs.setdefault(side.title, set())
            make_stubs(side.lab, [place for place in wanted if place.port not in present])
            present |= {place.port for place in wanted}
            side.notice(len(present))

    def guests(self, side: Side) -> dict[str, VM]:
        """The VMs of the small network, by name, made when first asked for; the network itself is not written by this."""
        if side.title not in self._guests:
            self._guests[side.title] = {
                guest.name: side.lab.vm(
                    guest.name, f"hv{guest.chassis}", guest.mac, f"{guest.ip}/{PREFIX}", guest.gateway, mtu=GUEST_MTU
                )
                for guest in GUESTS
            }
        return self._guests[side.title]


def _answers(vm: VM, target: str) -> bool:
    return ping(vm, target, count=1, timeout=0.5).received == 1


def _leaves_by(gateway: Hypervisor, vm: VM) -> bool:
    """Whether the server answers, and every packet towards it leaves through `gateway`."""
    before = _sent(gateway)
    result = ping(vm, SERVER_ADDRESS, count=_PROBES, interval=0.02, timeout=0.5)
    return result.received == _PROBES and _sent(gateway) - before >= _PROBES


def _sent(host: Hypervisor) -> int:
    """Frames that went out of its external port."""
    return int(host.run("cat", f"/sys/class/net/{EXTERNAL_NIC}/statistics/tx_packets").stdout)


def _lab_name(side: str) -> str:
    """Its own for each process, so that several runs on one machine do not meet."""
    return f"b{os.getpid()}{side}"
