"""What was on the wires while traces ran, read by nobody of ours: tcpdump writes it, scapy takes it apart.

A probe is in a tunnel twice: with bit 23 of the VNI set, and in the network's own VNI from a source MAC that has the group bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.utils import rdpcap

from mininet_topos.lab import Lab
from mininet_topos.measure import Capture
from mininet_topos.node import LabNode
from tests.acceptance.oam_traces import SOURCE_PORT, Trace

VXLAN_PORT = 4789
MARK = 1 << 23
GROUP = 0x01
MONITORED = "02:ff:ff:ff:ff:02"
"""Where the steady probes of the monitor go."""
NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17}
SNAP = 2048


@dataclass(frozen=True)
class Crossing:
    """A packet of a probe's in a tunnel: from which chassis to which, and what it is inside."""

    sender: str
    receiver: str
    vni: int
    eth_src: str
    eth_dst: str
    src: str
    dst: str
    proto: int
    ttl: int
    ports: tuple[int, int] | None

    @property
    def marked(self) -> bool:
        return bool(self.vni & MARK)

    @property
    def grouped(self) -> bool:
        return bool(int(self.eth_src[:2], 16) & GROUP)


@dataclass
class Underlay:
    """Captures on the underlay link of each hypervisor."""

    lab: Lab
    captures: dict[str, Capture] = field(default_factory=dict)

    def stop(self) -> dict[str, list[Crossing]]:
        """The probes' packets, by the hypervisor at whose link they were seen."""
        encaps = {host.encap_ip: name for name, host in self.lab.hypervisors.items()}
        found: dict[str, list[Crossing]] = {}
        for name, capture in self.captures.items():
            capture.stop()
            assert capture.dropped == 0
            crossings = (_crossing(frame, encaps) for frame in rdpcap(str(capture.path)))
            probes = [c for c in crossings if c is not None and (c.marked or c.grouped)]
            found[name] = [c for c in probes if c.eth_dst != MONITORED]
        return found


@contextmanager
def underlay(lab: Lab) -> Iterator[Underlay]:
    """Watch all tunnels."""
    with ExitStack() as stack:
        made = Underlay(lab)
        for name, host in lab.hypervisors.items():
            made.captures[name] = stack.enter_context(lab.tcpdump(host, "phy0", f"udp port {VXLAN_PORT}", SNAP))
        yield made


def _crossing(frame: Any, encaps: dict[str, str]) -> Crossing | None:
    if VXLAN not in frame:
        return None
    inner = frame[VXLAN].payload
    if IP not in inner:
        return None
    ip = inner[IP]
    l4 = ip.getlayer(TCP) or ip.getlayer(UDP)
    ports = None if l4 is None else (l4.sport, l4.dport)
    ends = encaps[frame[IP].src], encaps[frame[IP].dst]
    ether = inner[Ether]
    return Crossing(*ends, int(frame[VXLAN].vni), ether.src, ether.dst, ip.src, ip.dst, ip.proto, ip.ttl, ports)


def wanted(trace: Trace) -> list[Crossing]:
    """The packets that a trace says were sent into tunnels, marked: what the hop before each tunnel made of them."""
    found = []
    for _, hops in trace.legs():
        for before, tunnel in pairwise(hops):
            if tunnel["kind"] == "tunnel":
                packet = before["packet"] if before["after"] is None else {**before["packet"], **_given(before["after"])}
                found.append(_as_told(tunnel, packet))
    return found


def arrived(trace: Trace) -> list[tuple[Crossing, dict[str, Any]]]:
    """For each tunnel that leads to a port directly: the packet as `wanted`, and as it was handed to that port."""
    found = []
    for _, hops in trace.legs():
        for before, tunnel, after in zip(hops, hops[1:], hops[2:]):
            if tunnel["kind"] == "tunnel" and after["kind"] == "port":
                found.append((_as_told(tunnel, after["packet"]), before["packet"]))
    return found


def _given(packet: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in packet.items() if value is not None}


def _as_told(tunnel: dict[str, Any], packet: dict[str, Any]) -> Crossing:
    proto = NUMBERS[packet["protocol"]]
    ports = None if packet["ports"] is None else (packet["ports"][0], packet["ports"][1])
    macs = packet["eth_src"], packet["eth_dst"]
    ends = tunnel["chassis"], tunnel["peer"]
    return Crossing(*ends, tunnel["vni"] | MARK, *macs, packet["src"], packet["dst"], proto, packet["ttl"], ports)


def plain(marked: Crossing) -> Crossing:
    """The copy that goes in the network's own VNI."""
    first, _, rest = marked.eth_src.partition(":")
    eth_src = f"{int(first, 16) | GROUP:02x}:{rest}"
    return Crossing(**{**marked.__dict__, "vni": marked.vni & ~MARK, "eth_src": eth_src})


def check(trace: Trace, seen: dict[str, list[Crossing]]) -> int:
    """That just what the trace tells of was on the links of both ends, each once, and nothing else. How many tunnels it took."""
    told = wanted(trace)
    both = [copy for crossing in told for copy in (crossing, plain(crossing))]
    for chassis, crossings in seen.items():
        expected = [c for c in both if chassis in (c.sender, c.receiver)]
        assert sorted(crossings, key=repr) == sorted(expected, key=repr), (chassis, trace.told())
    for handed, _ in arrived(trace):
        assert handed in told, (handed, trace.told())
    return len(told)


@dataclass
class Quiet:
    """Captures where no probe may be seen unless it is delivered: at all VMs, and on the wire outside."""

    captures: dict[str, Capture] = field(default_factory=dict)

    def frames(self) -> dict[str, int]:
        """How many frames were seen so far, where there were any."""
        found = {name: len(capture.lines()) for name, capture in self.captures.items()}
        return {name: count for name, count in found.items() if count}

    def stop(self) -> dict[str, int]:
        """The same, at the end."""
        for capture in self.captures.values():
            capture.stop()
        return self.frames()


@contextmanager
def quiet(lab: Lab, *names: str) -> Iterator[Quiet]:
    """Watch VMs and the wire `outside`, or only those of these names, for what traces of these tests would look like there.

    That is echoes, ICMP errors, and their source port.
    """
    expression = f"icmp or port {SOURCE_PORT}"
    with ExitStack() as stack:
        made = Quiet()
        ends: dict[str, tuple[LabNode, str]] = {name: (vm, "eth0") for name, vm in lab.vms.items()}
        ends["outside"] = (lab.upstream, "out0")
        for name in names or ends:
            made.captures[name] = stack.enter_context(lab.tcpdump(*ends[name], expression, SNAP))
        yield made
