"""What crossed the border, counted on the wires outside, without anything of the controller's.

An address of the model is its tenant's, every other the internet's. A frame that a hypervisor sends is what the tenant of its
source sent, a frame that a hypervisor gets is what the tenant of its destination got.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from mininet_topos.hypervisor import EXTERNAL_NIC
from mininet_topos.lab import Lab
from mininet_topos.measure import Capture
from mininet_topos.node import LabNode
from tests.acceptance import wire

SNAP = 64
_ETHERNET = 14
_KINDS = {0x0806: "ARP", 0x86DD: "IPv6", 0x8902: "announcements"}
Key = tuple[str, str, str]
"""Tenant, peer (internet, own, others) and way (out, in)."""


@dataclass
class Wires:
    """Captures of both directions of every `ext0`. `packets` and `bytes` by key are there when the block is over."""

    outward: dict[str, Capture]
    inward: dict[str, Capture]
    packets: Counter[Key] = field(default_factory=Counter)
    bytes: Counter[Key] = field(default_factory=Counter)
    dropped: int = 0

    def count(self, tenants: Mapping[str, str]) -> None:
        """Count all frames; `tenants` by their external addresses."""
        for way, captures in (("out", self.outward), ("in", self.inward)):
            for capture in captures.values():
                self.dropped += capture.dropped
                for packet in wire.packets(capture.path):
                    self._count(packet, way, tenants)

    def _count(self, packet: wire.Packet, way: str, tenants: Mapping[str, str]) -> None:
        here, there = packet.ip.source, packet.ip.destination
        if way == "in":
            here, there = there, here
        tenant, other = tenants.get(here), tenants.get(there)
        if tenant is not None:
            key = tenant, "internet" if other is None else "own" if other == tenant else "others", way
            self.packets[key] += 1
            self.bytes[key] += packet.ip.length + _ETHERNET


@contextmanager
def watching(lab: Lab, tenants: Mapping[str, str]) -> Iterator[Wires]:
    """Capture on all of the hypervisors' wires outside until the block ends, when nothing passes any more."""
    with ExitStack() as stack:

        def capture(host: LabNode, way: str) -> Capture:
            return stack.enter_context(lab.tcpdump(host, EXTERNAL_NIC, "ip", SNAP, way))

        outward = {name: capture(host, "out") for name, host in lab.hypervisors.items()}
        inward = {name: capture(host, "in") for name, host in lab.hypervisors.items()}
        made = Wires(outward, inward)
        yield made
        for each in (*outward.values(), *inward.values()):
            each.stop()
        made.count(tenants)


@dataclass
class Other:
    """Frames on the wires outside that are no IPv4, by what they are and way."""

    frames: Counter[tuple[str, str]] = field(default_factory=Counter)

    def total(self, way: str) -> int:
        """How many there were."""
        return sum(number for (_, of), number in self.frames.items() if of == way)

    def summary(self, way: str) -> str:
        """By what they are."""
        return ", ".join(f"{number} {what}" for (what, of), number in sorted(self.frames.items()) if of == way) or "none"


@contextmanager
def infrastructure(lab: Lab) -> Iterator[Other]:
    """Capture what is no IPv4 until the block ends."""
    made, captures = Other(), []
    with ExitStack() as stack:
        for host in lab.hypervisors.values():
            for way in ("out", "in"):
                captures.append((way, stack.enter_context(lab.tcpdump(host, EXTERNAL_NIC, "not ip", SNAP, way))))
        yield made
        for way, capture in captures:
            capture.stop()
            for _, frame in wire.frames(capture.path):
                kind = int.from_bytes(frame[12:14], "big")
                made.frames[_KINDS.get(kind, f"{kind:#06x}"), way] += 1


def counters(lab: Lab) -> Counter[str]:
    """The frames that all `ext0` sent and got since they were made, as their kernels count them."""
    found: Counter[str] = Counter()
    for host in lab.hypervisors.values():
        for way, name in (("out", "tx_packets"), ("in", "rx_packets")):
            found[way] += int(host.run("cat", f"/sys/class/net/{EXTERNAL_NIC}/statistics/{name}").stdout)
    return found


def instant(text: str) -> float:
    """Seconds since 1970 of a time as REST tells it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@dataclass(frozen=True)
class Told:
    """The same as the controller has it."""

    packets: Counter[Key]
    bytes: Counter[Key]
    inside: Counter[str]


def told(lab: Lab, since: str = "2000-01-01T00:00:00Z") -> Told:
    """What the controller tells of the time since then."""
    answer = lab.rest.get(f"/v1/usage?by=tenant&since={since}")
    assert answer.status == 200, answer.text
    found = Told(Counter(), Counter(), Counter())
    for row in answer.json["rows"]:
        for peer in ("internet", "own", "others"):
            for way, name in (("out", "out"), ("in", "into")):
                amount = row[peer][name]
                if amount["packets"]:
                    found.packets[row["tenant"], peer, way] += amount["packets"]
                    found.bytes[row["tenant"], peer, way] += amount["bytes"]
        if row["inside"]["packets"]:
            found.inside[row["tenant"]] += row["inside"]["bytes"]
    return found
