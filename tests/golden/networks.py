"""Networks, places and packets drawn at random, for property tests.

Tenants are drawn as documents (what `put_tenants` takes) that are valid by construction. Both tenants draw from the same
subnets and MACs, routers in any arrangement, so routes may well lead in circles or nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import combinations, count
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.document import to_document
from ryu_overlay.model.edit import put_tenants
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port
from ryu_overlay.model.walk_values import BROADCAST, ICMP, TCP, UDP, Arp, Ip, Packet
from tools.scenarios import Chassis, fabric_of

CHASSIS = ("hv1", "hv2", "hv3")
TUNNELS = {name: {other: 101 + CHASSIS.index(other) for other in CHASSIS if other != name} for name in CHASSIS}
TENANTS = ("red", "blue")
MAX_SWITCHES = MAX_PORTS = 3
MAX_BOUND = len(TENANTS) * MAX_SWITCHES * MAX_PORTS
"""Ports that may all be bound on one chassis, at OpenFlow ports from 1 on."""

PREFIXES = ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/25", "10.0.0.10/32", "192.0.2.0/24")
NOWHERE = ("192.0.2.1", "10.0.0.255", "10.0.1.0", "10.0.9.9", "255.255.255.255", "224.0.0.5", "0.0.0.0", "127.0.0.1", "240.0.0.1")
USUALLY = st.sampled_from([True] * 6 + [False])

Document = dict[str, Any]


def mac(kind: int, owner: int, number: int) -> str:
    return f"02:00:00:{kind:02x}:{owner:02x}:{number:02x}"


@st.composite
def ports(draw: st.DrawFn, tenant: str, switch: int) -> list[Document]:
    """Up to 3 logical ports of a switch."""
    found = []
    for n in range(draw(st.integers(0 if switch else 1, MAX_PORTS))):
        addresses = [IPv4Address(f"10.0.{switch}.{10 + n}"), IPv4Address(f"10.0.{switch}.{20 + n}")]
        found.append(
            {
                "name": f"{tenant}-{switch}-{n}",
                "mac": mac(1, switch, n),
                "addresses": addresses[: draw(st.sampled_from([1, 1, 2, 0]))],
                "port_security": draw(st.booleans()),
                "enabled": draw(USUALLY),
            }
        )
    return found


@st.composite
def routers(draw: st.DrawFn, switches: int, most_hops: int) -> list[Document]:
    """Up to 3 routers, attached to switches and peered at random, with routes of up to `most_hops` next hops."""
    numbers = range(draw(st.sampled_from([2, 3, 1, 0])))
    attached: dict[int, list[Document]] = {r: [] for r in numbers}
    beside: dict[int, list[str]] = {r: [] for r in numbers}
    for r in numbers:
        for s in range(switches):
            if draw(USUALLY):
                here = IPv4Interface(f"10.0.{s}.{1 + r}/24")
                attached[r].append({"name": f"s{s}", "mac": mac(2, r, s), "addresses": [here], "switch": f"s{s}"})
                beside[r] += [f"10.0.{s}.{n}" for n in (10, 99, *(1 + other for other in numbers if other != r))]
    for n, (a, b) in enumerate(combinations(numbers, 2)):
        if draw(USUALLY):
            first, length = draw(st.sampled_from([(0, 31), (1, 30)]))
            for near, far, address in ((a, b, first), (b, a, first + 1)):
                port: Document = {
                    "name": f"to{far}",
                    "mac": mac(3, near, far),
                    "addresses": [IPv4Interface(f"100.64.{n}.{address}/{length}")],
                }
                attached[near].append(port | ({"peer": (f"r{far}", f"to{near}")} if near == a else {}))
                beside[near].append(f"100.64.{n}.{2 * first + 1 - address}")
    return [{"name": f"r{r}", "ports": attached[r], "routes": draw(routes(beside[r], most_hops))} for r in numbers]


@st.composite
def routes(draw: st.DrawFn, hops: list[str], most: int) -> list[Document]:
    """Up to 3 routes to next hops out of `hops`."""
    if not hops:
        return []
    nexthops = st.lists(st.sampled_from(hops).map(IPv4Address), unique=True, min_size=1, max_size=most)
    prefixes = draw(st.lists(st.sampled_from(PREFIXES), unique=True, max_size=3))
    return [{"prefix": IPv4Network(prefix), "nexthops": draw(nexthops)} for prefix in prefixes]


@st.composite
def tenants(draw: st.DrawFn, name: str, most_hops: int = 1) -> Document:
    """A tenant's document."""
    number = draw(st.integers(1, MAX_SWITCHES))
    switches = [
        {"name": f"s{s}", "subnets": [IPv4Network(f"10.0.{s}.0/24")], "ports": draw(ports(name, s))} for s in range(number)
    ]
    return {"name": name, "switches": switches, "routers": draw(routers(number, most_hops))}


@dataclass(frozen=True)
class Placed:
    """A network and where its ports are bound."""

    network: Network
    chassis: Mapping[str, Chassis]
    fabric: Fabric

    def __repr__(self) -> str:
        tenants_ = [to_document(self.network, tenant) for tenant in self.network.tables["tenant"].values()]
        return json.dumps({"tenants": tenants_, "bound": {name: dict(c.ports) for name, c in self.chassis.items()}})

    @property
    def bound(self) -> list[tuple[Port, str, int]]:
        """(port, chassis, OpenFlow port) of every bound port."""
        found = [(self.network.port_by_name[p], c, n) for c, here in self.chassis.items() for p, n in here.ports.items()]
        return [(port, chassis, number) for port, chassis, number in found if number is not None]


@st.composite
def placed_networks(draw: st.DrawFn, most_hops: int = 1) -> Placed:
    """Two tenants, their ports bound to chassis that all have tunnels to one another, or bound nowhere."""
    documents = [draw(tenants(name, most_hops)) for name in TENANTS]
    numbers = count(1)
    network = put_tenants(Network(), documents, new_uuid=lambda: UUID(int=next(numbers))).network
    chassis = draw(bound(network))
    return Placed(network, chassis, fabric_of(network, chassis))


@st.composite
def bound(draw: st.DrawFn, network: Network) -> dict[str, Chassis]:
    """Chassis that all have tunnels to one another, with the network's ports."""
    places: dict[str, dict[str, int | None]] = {name: {} for name in CHASSIS}
    for port in network.port_by_name:
        chassis = draw(st.sampled_from([*CHASSIS * 4, None]))
        if chassis is not None:
            places[chassis][port] = len(places[chassis]) + 1
    return {n: Chassis(IPv4Address(f"172.31.0.{i}"), places[n], TUNNELS[n]) for i, n in enumerate(CHASSIS, 1)}


def packets(network: Network, port: Port) -> st.SearchStrategy[Packet]:
    """What the VIF of `port` may send: mostly IPv4 to routers, from itself; also ARP, forgeries and nonsense."""
    routers_ = [p for p in network.tables["router_port"].values() if p.tenant == port.tenant]
    others = [p for p in network.port_by_name.values() if p.tenant == port.tenant]
    known = [str(a) for p in others for a in p.addresses] + [str(a.ip) for p in routers_ for a in p.addresses]
    addresses = st.sampled_from(known * 5 + [*NOWHERE]).map(IPv4Address)
    sources = st.sampled_from([*(port.addresses * 12), *map(IPv4Address, (*known, *NOWHERE))])
    gateways = [p.mac for p in routers_ if p.switch == port.switch]
    macs = st.sampled_from([*gateways * 8, *(p.mac for p in (*routers_, *others)), BROADCAST, "01:00:5e:00:00:05", mac(9, 9, 9)])
    ips = st.builds(
        _ip, sources, addresses, st.sampled_from([UDP, ICMP, ICMP, TCP, 47]), st.sampled_from([64, 64, 0, 1, 2, 3]), USUALLY
    )
    arps = st.builds(
        Arp,
        st.sampled_from([1, 1, 2]),
        st.sampled_from([port.mac] * 6 + [mac(9, 9, 9)]),
        sources,
        st.just(mac(0, 0, 0)),
        addresses,
    )
    bodies = st.one_of(*[ips] * 8, arps, arps, st.sampled_from([0x86DD, 0x88CC, 0x0800 + 0x21]))
    return st.builds(Packet, st.sampled_from([port.mac] * 12 + [mac(9, 9, 9)]), macs, bodies)


def _ip(src: IPv4Address, dst: IPv4Address, proto: int, ttl: int, first: bool) -> Ip:
    """Where routers answer by type, the type follows from the addresses, so that every kind comes up."""
    l4 = {ICMP: ((8, 0), (8, 0), (8, 1), (0, 0), (3, 1))[int(dst) % 5], UDP: (4000, 33434), TCP: (4000, 22)}.get(proto, (0, 0))
    return Ip(src, dst, proto, ttl, l4, later_fragment=not first, rst=proto == TCP and not int(src) % 4 and first)
