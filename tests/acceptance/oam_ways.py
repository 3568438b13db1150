"""Ways that traces have to tell hop by hop, written down beforehand; and the same packets sent for real, to hold both against.

A line is `CHASSIS KIND NAME: SOURCE>TARGET TTL`, as in `oam_traces.line`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scapy.layers.inet import IP
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap

from mininet_topos.lab import Lab
from mininet_topos.measure import Capture
from mininet_topos.node import LabNode
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios_out import GREEN_FLOATING, GREEN_UP, INSIDE_VIP, RED_UP, VIP
from tests.acceptance.oam_traces import SMALL, SOURCE_PORT, Question, Trace, question

S, UP = SERVER_ADDRESS, GREEN_UP
A1, B1, B2 = "10.1.1.11", "10.1.2.11", "10.1.2.12"
OUTSIDE = f"outside:internet/{S}"
BEHIND_UPSTREAM = 63
"""The TTL of the server's packets where they come into the overlay."""
Lines = list[str]


@dataclass(frozen=True)
class Way:
    """A question, and the lines there and back, given the number of the member that serves it (0: nothing is balanced).

    `client` is the node that asks the same for real.
    """

    what: str
    asked: Question
    client: str
    lines: Callable[[int], tuple[Lines, Lines]]
    balanced: bool = False


def _snat(_: int) -> tuple[Lines, Lines]:
    there = [
        f"hv2 port green-b-2 from: {B2}>{S} 64",
        f"hv2 switch green/b: {B2}>{S} 64",
        f"hv2 router green/r3 b>r2: {B2}>{S} 64",
        f"hv2 router green/r2 r3>transit: {B2}>{S} 63",
        f"hv2 switch green/transit: {B2}>{S} 62",
        f"hv2 router green/r1 transit>up: {B2}>{S} 62",
        "hv2 tunnel to hv1",
        f"hv1 nat green/r1/up out snat green/r1/all: {B2}>{S} 61 => {UP}>{S}",
        f"hv1 external internet: {UP}>{S} 61",
    ]
    back = [
        f"hv1 external internet: {S}>{UP} 64",
        f"hv1 nat green/r1/up in snat green/r1/all: {S}>{UP} 64 => {S}>{B2}",
        f"hv1 router green/r1 up>transit: {S}>{B2} 64",
        f"hv1 switch green/transit: {S}>{B2} 63",
        f"hv1 router green/r2 transit>r3: {S}>{B2} 63",
        f"hv1 router green/r3 r2>b: {S}>{B2} 62",
        f"hv1 switch green/b: {S}>{B2} 61",
        "hv1 tunnel to hv2",
        f"hv2 port green-b-2 to: {S}>{B2} 61",
    ]
    return there, back


def _east_west(_: int) -> tuple[Lines, Lines]:
    there = [
        f"hv1 port green-a-1 from: {A1}>{B2} 64",
        f"hv1 switch green/a: {A1}>{B2} 64",
        f"hv1 router green/r1 a>transit: {A1}>{B2} 64",
        f"hv1 switch green/transit: {A1}>{B2} 63",
        f"hv1 router green/r2 transit>r3: {A1}>{B2} 63",
        f"hv1 router green/r3 r2>b: {A1}>{B2} 62",
        f"hv1 switch green/b: {A1}>{B2} 61",
        "hv1 tunnel to hv2",
        f"hv2 port green-b-2 to: {A1}>{B2} 61",
    ]
    back = [
        f"hv2 port green-b-2 from: {B2}>{A1} 64",
        f"hv2 switch green/b: {B2}>{A1} 64",
        f"hv2 router green/r3 b>r2: {B2}>{A1} 64",
        f"hv2 router green/r2 r3>transit: {B2}>{A1} 63",
        f"hv2 switch green/transit: {B2}>{A1} 62",
        f"hv2 router green/r1 transit>a: {B2}>{A1} 62",
        f"hv2 switch green/a: {B2}>{A1} 61",
        "hv2 tunnel to hv1",
        f"hv1 port green-a-1 to: {B2}>{A1} 61",
    ]
    return there, back


_RULE, _FIP = "floating-ip green/r1/one", GREEN_FLOATING


def _floating_in(_: int) -> tuple[Lines, Lines]:
    there = [
        f"hv3 external internet: {S}>{_FIP} 63",
        f"hv3 nat green/r1/up in {_RULE}: {S}>{_FIP} 63 => {S}>{B1}",
        f"hv3 router green/r1 up>transit: {S}>{B1} 63",
        f"hv3 switch green/transit: {S}>{B1} 62",
        f"hv3 router green/r2 transit>r3: {S}>{B1} 62",
        f"hv3 router green/r3 r2>b: {S}>{B1} 61",
        f"hv3 switch green/b: {S}>{B1} 60",
        f"hv3 port green-b-1 to: {S}>{B1} 60",
    ]
    back = [
        f"hv3 port green-b-1 from: {B1}>{S} 64",
        f"hv3 switch green/b: {B1}>{S} 64",
        f"hv3 router green/r3 b>r2: {B1}>{S} 64",
        f"hv3 router green/r2 r3>transit: {B1}>{S} 63",
        f"hv3 switch green/transit: {B1}>{S} 62",
        f"hv3 router green/r1 transit>up: {B1}>{S} 62",
        f"hv3 nat green/r1/up out {_RULE}: {B1}>{S} 61 => {_FIP}>{S}",
        f"hv3 external internet: {_FIP}>{S} 61",
    ]
    return there, back


def _floating_out(_: int) -> tuple[Lines, Lines]:
    incoming, outgoing = _floating_in(0)
    back = [line.replace(" 63", " 64").replace(" 62", " 63").replace(" 61", " 62").replace(" 60", " 61") for line in incoming]
    return outgoing, back


def _floating_central(_: int) -> tuple[Lines, Lines]:
    """The gateway is hv1 then, and translates; the VM stays on hv3."""
    incoming, outgoing = _floating_in(0)
    there = [line.replace("hv3", "hv1") for line in incoming[:-1]] + ["hv1 tunnel to hv3", incoming[-1]]
    back = [*outgoing[:6], "hv3 tunnel to hv1", *(line.replace("hv3", "hv1") for line in outgoing[6:])]
    return there, back


def _vip(balancer: str) -> Callable[[int], tuple[Lines, Lines]]:
    """From outside to a virtual address whose member is on hvN."""

    def lines(n: int) -> tuple[Lines, Lines]:
        member, address, rule = f"red-db-{n}", f"10.0.2.1{n}", f"member red/{balancer}/m{n}"
        crossed = n != 1
        there = [
            f"hv1 external internet: {S}>{VIP} 63",
            f"hv1 nat red/r1/up in {rule}: {S}>{VIP} 63 => {S}>{address}",
            f"hv1 router red/r1 up>db: {S}>{address} 63",
            f"hv1 switch red/db: {S}>{address} 62",
            *[f"hv1 tunnel to hv{n}"] * crossed,
            f"hv{n} port {member} to: {S}>{address} 62",
        ]
        back = [
            f"hv{n} port {member} from: {address}>{S} 64",
            f"hv{n} switch red/db: {address}>{S} 64",
            f"hv{n} router red/r1 db>up: {address}>{S} 64",
            *[f"hv{n} tunnel to hv1"] * crossed,
            f"hv1 nat red/r1/up out {rule}: {address}>{S} 63 => {VIP}>{S}",
            f"hv1 external internet: {VIP}>{S} 63",
        ]
        return there, back

    return lines


def _inside_vip(n: int) -> tuple[Lines, Lines]:
    client, member, address, crossed = "10.0.1.12", f"red-db-{n}", f"10.0.2.1{n}", n != 2
    there = [
        f"hv2 port red-web-2 from: {client}>{INSIDE_VIP} 64",
        f"hv2 switch red/web: {client}>{INSIDE_VIP} 64",
        f"hv2 balancer red/inside member red/inside/m{n}: {client}>{INSIDE_VIP} 64 => {client}>{address}",
        f"hv2 router red/r1 web>db: {client}>{address} 64",
        f"hv2 switch red/db: {client}>{address} 63",
        *[f"hv2 tunnel to hv{n}"] * crossed,
        f"hv{n} port {member} to: {client}>{address} 63",
    ]
    back = [
        f"hv{n} port {member} from: {address}>{client} 64",
        f"hv{n} switch red/db: {address}>{client} 64",
        f"hv{n} router red/r1 db>web: {address}>{client} 64",
        f"hv{n} switch red/web: {address}>{client} 63",
        *[f"hv{n} tunnel to hv2"] * crossed,
        f"hv2 port red-web-2 to: {address}>{client} 63 => {INSIDE_VIP}>{client}",
    ]
    return there, back


def _snat_udp(_: int) -> tuple[Lines, Lines]:
    there = [
        f"hv3 port red-db-3 from: 10.0.2.13>{S} 64",
        f"hv3 switch red/db: 10.0.2.13>{S} 64",
        f"hv3 router red/r1 db>up: 10.0.2.13>{S} 64",
        "hv3 tunnel to hv1",
        f"hv1 nat red/r1/up out snat red/r1/all: 10.0.2.13>{S} 63 => {RED_UP}>{S}",
        f"hv1 external internet: {RED_UP}>{S} 63",
    ]
    back = [
        f"hv1 external internet: {S}>{RED_UP} 64",
        f"hv1 nat red/r1/up in snat red/r1/all: {S}>{RED_UP} 64 => {S}>10.0.2.13",
        f"hv1 router red/r1 up>db: {S}>10.0.2.13 64",
        f"hv1 switch red/db: {S}>10.0.2.13 63",
        "hv1 tunnel to hv3",
        f"hv3 port red-db-3 to: {S}>10.0.2.13 63",
    ]
    return there, back


_IN: dict[str, Any] = {"ttl": BEHIND_UPSTREAM}
WAYS = (
    Way("three routers and SNAT, ICMP", question("green-b-2", S), "green-b-2", _snat),
    Way("three routers and SNAT, TCP", question("green-b-2", S, "tcp", 80), "green-b-2", _snat),
    Way("SNAT, UDP", question("red-db-3", S, "udp", 53), "red-db-3", _snat_udp),
    Way("three routers between VMs, ICMP", question("green-a-1", "green-b-2"), "green-a-1", _east_west),
    Way("floating IP behind three routers, in, ICMP", question(OUTSIDE, _FIP, **_IN), "server", _floating_in),
    Way("floating IP behind three routers, in, TCP", question(OUTSIDE, _FIP, "tcp", 80, **_IN), "server", _floating_in),
    Way("floating IP behind three routers, out, TCP", question("green-b-1", S, "tcp", 80), "green-b-1", _floating_out),
    Way("VIP from outside, TCP", question(OUTSIDE, VIP, "tcp", 80, **_IN), "server", _vip("public"), balanced=True),
    Way("VIP from outside, UDP", question(OUTSIDE, VIP, "udp", 53, **_IN), "server", _vip("names"), balanced=True),
    Way("VIP inside, TCP", question("red-web-2", INSIDE_VIP, "tcp", 80), "red-web-2", _inside_vip, balanced=True),
)
CENTRAL = (
    Way("floating IP at the gateway, in, ICMP", question(OUTSIDE, _FIP, **_IN), "server", _floating_central),
    Way("floating IP at the gateway, in, TCP", question(OUTSIDE, _FIP, "tcp", 80, **_IN), "server", _floating_central),
)
"""The same with green's floating IP translated by the uplink's gateway."""

_CONNECT = """
import select, socket, sys
kind, host, port, source = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", source))
s.settimeout(5)
s.connect((host, port))
# A server that speaks first closes at once, and resets the connection if there is something that it did not read.
if kind == "udp" or not select.select([s], [], [], 1)[0]:
    s.send(b"GET / HTTP/1.1\\r\\n\\r\\n")
print(s.recv(9999).decode())
"""


def really(lab: Lab, way: Way) -> int:
    """Send the same for real, from the same port. The number of the member that answered, 0 where nothing is balanced."""
    for host in lab.hypervisors.values():
        # One that ended a moment ago would hold its port, and this one be given another.
        host.appctl("dpctl/flush-conntrack")
    node: LabNode = lab.server if way.client == "server" else lab.vms[way.client]
    to, protocol = way.asked["to"], way.asked["protocol"]
    if protocol == "icmp":
        target = to if to[0].isdigit() else lab.vms[to].ip
        assert lab.ping(node, target, count=1, size=SMALL).received == 1, way.what
        return 0
    done = node.run(sys.executable, "-c", _CONNECT, protocol, to, str(way.asked["port"]), str(SOURCE_PORT))
    name = done.stdout.strip().splitlines()[-1].split()[0]
    assert not way.balanced or name.startswith("red-db-"), done.stdout
    return int(name[-1]) if way.balanced else 0


Seen = tuple[str, str, str, str, int, int]
"""MACs, addresses (source first), TTL, protocol."""


def first(capture: Capture, source: str, target: str) -> Seen:
    """The first IPv4 packet of a capture between these. Raises AssertionError if there was none."""
    for frame in rdpcap(str(capture.path)):
        if IP in frame and (frame[IP].src, frame[IP].dst) == (source, target):
            return _seen(frame)
    raise AssertionError(f"nothing from {source} to {target} in {capture.path}: {capture.lines()}")


def _seen(frame: Any) -> Seen:
    ip = frame[IP]
    return frame[Ether].src, frame[Ether].dst, ip.src, ip.dst, ip.ttl, ip.proto


def told(hop: dict[str, Any], ttl: int = 0) -> Seen:
    """The packet of a hop at the wire, in the same form; `ttl` more."""
    packet = {**hop["packet"], **{k: v for k, v in (hop["after"] or {}).items() if v is not None}}
    proto = {"icmp": 1, "tcp": 6, "udp": 17}[packet["protocol"]]
    return packet["eth_src"], packet["eth_dst"], packet["src"], packet["dst"], packet["ttl"] + ttl, proto


def ends(trace: Trace) -> list[str]:
    """Where it begins and ends, as `oam_wires.quiet` names it."""
    found = [_end(hop) for _, hops in trace.legs() for hop in (hops[0], hops[-1])]
    return list(dict.fromkeys(found))


def _end(hop: dict[str, Any]) -> str:
    return "outside" if hop["kind"] == "external" else str(hop["name"])


def compare(trace: Trace, captures: dict[str, Capture]) -> int:
    """That the packets that were really sent were at the ends of the way, there and back, what the trace says. How many ends."""
    compared = 0
    for direction, hops in trace.legs():
        # The server is behind one router more than who answers in its place.
        ttl = BEHIND_UPSTREAM - 64 if direction == "back" and hops[0]["kind"] == "external" else 0
        for hop in (hops[0], hops[-1]):
            expected = told(hop, ttl)
            found = first(captures[_end(hop)], expected[2], expected[3])
            assert found == expected, (direction, hop["name"], found, expected)
            compared += 1
    return compared
