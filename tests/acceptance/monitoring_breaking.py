"""More ways to break a lab, like `oam_breaking`: the fabric and the links to it. Each holds once its block is entered.

Several at once on one link are fine: each filter of the fabric has a number, and lets pass what a later one has marked (see
`mininet_topos.impairing`), so that nothing is hit twice.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count
from threading import Event
from typing import Literal

from mininet_topos.lab import Lab
from mininet_topos.measure import end_politely
from mininet_topos.node import LabNode
from mininet_topos.processes import wait_until
from tests.acceptance.oam_wires import VXLAN_PORT

_NUMBERS = count(1)
_MARK, _RANDOM = "32 0 0 4294963220", "32 0 0 4294963256"
_EQUAL, _AT_LEAST = 21, 53
_LOSE, _ON = 2, 4294967295
"""What a program says of a packet: lose it, or go on to the next filter."""
_FRAME = 1514

Side = Literal["egress", "ingress"]
"""Of the fabric's port towards a hypervisor: what it receives, what it sent."""


@dataclass(frozen=True, slots=True)
class Check:
    """An instruction that loads something of a packet, how that is compared with `value`, and what has to come of it."""

    load: str
    jump: int
    value: int
    wanted: bool = True


_IPV4 = (Check("40 0 0 12", _EQUAL, 0x0800),)
_ARP = (Check("40 0 0 12", _EQUAL, 0x0806),)
VXLAN = (*_IPV4, Check("48 0 0 23", _EQUAL, 17), Check("40 0 0 36", _EQUAL, VXLAN_PORT))


@dataclass(frozen=True, slots=True)
class Filter:
    """What passes all `checks` at a side of the fabric's port towards `hv` is lost, or turned to another interface."""

    hv: str
    side: Side
    checks: tuple[Check, ...] = ()
    turned_to: str | None = None

    def line(self, number: int) -> str:
        """For `tc -batch`."""
        checks = (Check(_MARK, _AT_LEAST, number, wanted=False), *self.checks)
        head = f"filter add dev {self.hv} {self.side} pref {number} bpf"
        if self.turned_to is None:
            return f"{head} da bytecode {program(checks, _LOSE, _ON)}"
        return f"{head} bytecode {program(checks, _ON, 0)} action mirred egress redirect dev {self.turned_to}"


def program(checks: tuple[Check, ...], hit: int, missed: int) -> str:
    """Classic BPF as tc takes it, in one word: returns `hit` for a packet that passes all checks, else `missed`."""
    lines = []
    for number, check in enumerate(checks):
        away = 2 * (len(checks) - number) - 1
        jumps = f"0 {away}" if check.wanted else f"{away} 0"
        lines += [check.load, f"{check.jump} {jumps} {check.value}"]
    lines += [f"6 0 0 {hit}", f"6 0 0 {missed}"]
    return '"' + ",".join([str(len(lines)), *lines]) + '"'


@contextmanager
def filtered(lab: Lab, *filters: Filter, number: int | None = None) -> Iterator[None]:
    """All of these at once. `number` is the mark that they let pass, one of their own when left out."""
    pref = next(_NUMBERS) if number is None else number
    ports = {(f.hv, f.side) for f in filters}
    try:
        for hv in {f.hv for f in filters}:
            # There already where another filter is.
            lab.fabric.run("tc", "qdisc", "add", "dev", hv, "clsact", check=False)
        lab.fabric.run("tc", "-batch", "-", stdin="".join(f"{f.line(pref)}\n" for f in filters))
        yield
    finally:
        lines = [f"filter del dev {hv} {side} pref {pref}\n" for hv, side in ports]
        lab.fabric.run("tc", "-force", "-batch", "-", stdin="".join(lines), check=False)
        for hv in {f.hv for f in filters}:
            left = [lab.fabric.run("tc", "filter", "show", "dev", hv, side).stdout for side in ("egress", "ingress")]
            if not any(left):
                lab.fabric.run("tc", "qdisc", "del", "dev", hv, "clsact", check=False)


@contextmanager
def filterable(lab: Lab) -> Iterator[None]:
    """Filters come and go without loss. Otherwise the first and the last one of a port stop what it sends for some ms."""
    nothing = (Check(_MARK, _EQUAL, _ON),)
    with filtered(lab, *(Filter(hv, "egress", nothing) for hv in lab.hypervisors)):
        yield


def _sent_by(lab: Lab, hv: str, at: int) -> Check:
    return Check(f"32 0 0 {at}", _EQUAL, int(IPv4Address(lab.hypervisors[hv].encap_ip)))


def _some(share: float) -> tuple[Check, ...]:
    """A share of packets, above 0 and at most 1. Raises ValueError."""
    if not 0 < share <= 1:
        raise ValueError(f"share {share} is not above 0 and at most 1")
    return () if share == 1 else (Check(_RANDOM, _AT_LEAST, round(share * 2**32), wanted=False),)


@contextmanager
def random_loss(lab: Lab, receiver: str, share: float, sender: str | None = None) -> Iterator[None]:
    """The fabric loses a share (0 to 1) of the tunnels' packets to `receiver`; of all senders', or of one's."""
    who = (_sent_by(lab, sender, 26),) if sender is not None else ()
    with filtered(lab, Filter(receiver, "egress", (*VXLAN, *who, *_some(share)))):
        yield


@contextmanager
def link_loss(lab: Lab, hv: str, share: float) -> Iterator[None]:
    """The link of a hypervisor loses a share (0 to 1) of the tunnels' packets, each way."""
    checks = (*VXLAN, *_some(share))
    with filtered(lab, Filter(hv, "egress", checks), Filter(hv, "ingress", checks)):
        yield


@contextmanager
def mute(lab: Lab, hv: str) -> Iterator[None]:
    """Nothing that a hypervisor sends gets into the fabric; it receives all. Its carrier stays."""
    with filtered(lab, Filter(hv, "ingress")):
        yield


@contextmanager
def deafened(lab: Lab, hv: str) -> Iterator[None]:
    """A hypervisor receives nothing from the fabric; what it sends arrives. Its carrier stays."""
    with filtered(lab, Filter(hv, "egress")):
        yield


@contextmanager
def partition(lab: Lab, group: set[str], other: set[str]) -> Iterator[None]:
    """Nothing passes between two sets of hypervisors, neither IP nor ARP; within each all does."""
    pairs = [(a, b) for one, two in ((group, other), (other, group)) for a in one for b in two]
    kinds = ((_IPV4, 26), (_ARP, 28))
    with filtered(lab, *(Filter(to, "egress", (*kind, _sent_by(lab, by, at))) for by, to in pairs for kind, at in kinds)):
        yield


@contextmanager
def uplink_down(lab: Lab, hv: str) -> Iterator[None]:
    """The link of a hypervisor, taken down from its own side. `oam_breaking.cut` does it from the fabric's."""
    host = lab.hypervisors[hv]
    host.uplink(False)
    try:
        yield
    finally:
        host.uplink(True)


@contextmanager
def flapping(lab: Lab, hv: str, period: float, times: int) -> Iterator[list[float]]:
    """The link of a hypervisor is cut and mended, `times` over: half of `period` seconds each. Gives when it was cut (monotonic).

    The first time is over when the block is entered, and nothing is cut any more once it is left.
    """
    host, ended, cuts = lab.hypervisors[hv], Event(), [0.0]

    def flap() -> None:
        for again in range(times):
            if again:
                lab.fabric.cut(host)
                cuts.append(time.monotonic())
            ended.wait(period / 2)
            lab.fabric.mend(host)
            if ended.wait(period / 2):
                return

    with ThreadPoolExecutor(1) as pool:
        try:
            lab.fabric.cut(host)
            cuts[0] = time.monotonic()
            flaps = pool.submit(flap)
            yield cuts
        finally:
            ended.set()
            lab.fabric.mend(host)
    flaps.result()


@contextmanager
def narrow(node: LabNode, interface: str, rate_mbit: float, packets: int = 30) -> Iterator[None]:
    """What an interface sends is held to a rate in Mbit/s, with a queue of so many full frames: what does not fit is lost."""
    burst = max(2 * _FRAME, round(rate_mbit * 125))
    size = ["rate", f"{rate_mbit:g}mbit", "burst", str(burst), "limit", str(packets * _FRAME)]
    node.run("tc", "qdisc", "add", "dev", interface, "root", "tbf", *size)
    try:
        yield
    finally:
        node.run("tc", "qdisc", "del", "dev", interface, "root")


@contextmanager
def congested(lab: Lab, hv: str, rate_mbit: float) -> Iterator[None]:
    """The fabric carries no more than so many Mbit/s to a hypervisor; a short queue delays, and what is above is lost."""
    with narrow(lab.fabric, hv, rate_mbit):
        yield


@contextmanager
def _impaired(lab: Lab, hv: str, *options: str) -> Iterator[None]:
    """The tunnels' packets to a hypervisor pass through `mininet_topos.impairing`."""
    number = next(_NUMBERS)
    tap, log = f"tap{number}", lab.fabric.folder / "log" / f"impairing-{number}.log"
    log.write_text("")
    process = lab.fabric.spawn(sys.executable, "-m", "mininet_topos.impairing", hv, tap, str(number), *options, log=log)
    try:
        wait_until(lambda: "ready" in log.read_text() or process.poll() is not None, 10.0, f"impairing ({log})")
        assert process.poll() is None, log.read_text()
        with filtered(lab, Filter(hv, "egress", VXLAN, tap), number=number):
            yield
    finally:
        end_politely(process)


@contextmanager
def delayed(lab: Lab, hv: str, ms: float, jitter_ms: float = 0.0) -> Iterator[None]:
    """Tunnels' packets to a hypervisor come so many ms late, give or take a jitter, and with one not always in order."""
    with _impaired(lab, hv, "--delay", f"{ms:g}", "--jitter", f"{jitter_ms:g}"):
        yield


@contextmanager
def corrupted(lab: Lab, hv: str, share: float) -> Iterator[None]:
    """A share (0 to 1) of the tunnels' packets to a hypervisor has a wrong byte behind all headers."""
    with _impaired(lab, hv, "--corrupt", f"{share:g}"):
        yield
