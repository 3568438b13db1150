"""The drawn networks of `networks` with ways out: uplinks, source NAT, floating IPs and load balancers; and packets for them.

External addresses are 203.0.113.0/24: 11 to 14 uplinks, 21 to 28 of NAT rules, 31 to 34 of load balancers, 101 on floating IPs.
Each router that has an uplink has its own.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import count
from uuid import UUID

from hypothesis import strategies as st

from ryu_overlay.model.edit import put_network
from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port, Ref
from ryu_overlay.model.walk_rules import is_group
from ryu_overlay.model.walk_values import BROADCAST, ICMP, TCP, UDP, Arp, Ip, Packet
from tests.golden.networks import CHASSIS, NOWHERE, TENANTS, USUALLY, Document, Placed, bound, mac, packets, tenants
from tools.scenarios import Outside, fabric_of

PATCH = 200
"""The OpenFlow port towards the physical network, on each chassis that has it."""
INTERNET = ("internet",)
GATEWAY, NEIGHBOUR = IPv4Address("203.0.113.1"), IPv4Address("203.0.113.9")
UPSTREAM = mac(15, 0, 1)
OUTSIDE = tuple(map(IPv4Address, ("198.18.0.1", "203.0.113.9", "203.0.113.77", "203.0.113.255")))
_SUBNET = IPv4Network("203.0.113.0/24")
_EXTERNAL = {"name": "internet", "physical_network": "physnet1", "subnet": _SUBNET, "gateway": GATEWAY}
_SERVICES = ((80, "tcp"), (53, "udp"))
_RARELY = st.sampled_from([False] * 6 + [True])
_SOMETIMES = st.sampled_from([True, False, False])


def outer(first: int, tenant: int, router: int, nth: int = 0) -> IPv4Address:
    return IPv4Address(f"203.0.113.{first + 2 * tenant + router + 4 * nth}")


@st.composite
def with_way_out(draw: st.DrawFn, number: int, tenant: Document) -> Document:
    """The tenant's document with uplinks on its first routers, and load balancers anywhere."""
    balancers: list[Document] = []
    routers = []
    for r, router in enumerate(tenant["routers"]):
        has_uplink = r < 2 and draw(USUALLY)
        routers.append(draw(_uplinked(number, r, router, tenant)) if has_uplink else router)
        vips = [outer(31, number, r)] if has_uplink else []
        vip = draw(st.sampled_from([*vips * 3, IPv4Address(f"10.9.{number}.{r}")]))
        balancers += draw(_balancers(f"r{r}", {"router": router["name"], "vip": vip}, tenant["switches"]))
    for s, switch in enumerate(tenant["switches"]):
        balancers += draw(_balancers(f"s{s}", {"switch": switch["name"], "vip": IPv4Address(f"10.0.{s}.100")}, [switch]))
    return {**tenant, "routers": routers, "load_balancers": balancers}


@st.composite
def _uplinked(draw: st.DrawFn, number: int, r: int, router: Document, tenant: Document) -> Document:
    here = [IPv4Interface(f"{outer(11, number, r)}/24")]
    uplink: Document = {"name": "up", "mac": mac(4, number, r), "external": "internet", "addresses": here}
    attached = [port["switch"] for port in router["ports"] if "switch" in port]
    inside = [s for s in tenant["switches"] if s["name"] in attached]
    covered = [s["subnets"][0] for s in inside if draw(USUALLY)]
    addresses = [outer(21, number, r), outer(21, number, r, 1)][: draw(st.integers(0, 2))]
    snats = [{"name": "all", "prefixes": covered, "addresses": addresses}] if covered else []
    floating = []
    for s, switch in enumerate(inside):
        for n, port in enumerate(switch["ports"]):
            if port["addresses"] and draw(_SOMETIMES):
                address = IPv4Address(f"203.0.113.{101 + 40 * number + 20 * r + 3 * s + n}")
                to = {"name": f"f{s}{n}", "mac": mac(5 + r, number, 3 * s + n), "address": address, "port": port["name"]}
                floating.append({**to, "distributed": draw(USUALLY)})
    return {**router, "ports": [*router["ports"], uplink], "snats": snats, "floating_ips": floating}


@st.composite
def _balancers(draw: st.DrawFn, name: str, where: Document, switches: list[Document]) -> list[Document]:
    """Up to one for each service, at the same address."""
    numbers: st.SearchStrategy[int | None] = st.sampled_from([None, 8080])
    servers: list[str] = [port["name"] for switch in switches for port in switch["ports"] if port["addresses"]]
    found: list[Document] = []
    for port, protocol in _SERVICES:
        if len(servers) > 0 and draw(_SOMETIMES):
            chosen = draw(st.lists(st.sampled_from(servers), unique=True, max_size=3))
            members = [
                {"name": f"m{n}", "port": server, "number": draw(numbers), "drained": draw(_RARELY)}
                for n, server in enumerate(chosen)
            ]
            found.append({"name": f"{name}-{protocol}", "port": port, "protocol": protocol, "members": members, **where})
    return found


@st.composite
def placed_outside(draw: st.DrawFn) -> Placed:
    """Two tenants with ways out, on chassis of which some have the physical network and one or two are gateways."""
    documents = [draw(with_way_out(n, draw(tenants(name)))) for n, name in enumerate(TENANTS)]
    numbers = count(1)
    network = put_network(Network(), documents, [_EXTERNAL], new_uuid=lambda: UUID(int=next(numbers))).network
    able = draw(st.lists(st.sampled_from(CHASSIS), unique=True, min_size=1))
    chassis = {
        name: replace(here, physical={"physnet1": PATCH}) if name in able else here for name, here in draw(bound(network)).items()
    }
    orders = st.lists(st.sampled_from(able), unique=True, min_size=1).map(tuple)
    gateways = {uplink.ref: draw(orders) for uplink in network.uplinks(INTERNET)}
    dead = frozenset(m.key for m in network.tables["member"].values() if not draw(USUALLY))
    neighbours: dict[Ref, dict[IPv4Address, str]] = {INTERNET: {GATEWAY: UPSTREAM, NEIGHBOUR: mac(15, 0, 9)}}
    known = Outside(gateways, neighbours, dead, draw(st.sampled_from([None, 1450])))
    return Placed(network, chassis, fabric_of(network, chassis, known))


def holdings(network: Network) -> list[tuple[str, tuple[IPv4Address, ...]]]:
    """Each MAC outside, with the addresses that it answers for."""
    found: list[tuple[str, tuple[IPv4Address, ...]]] = []
    for view in network.external_views[INTERNET].routers:
        assert view.uplink is not None
        found.append((view.uplink.mac, own_addresses(view)))
        found += [(floating.mac, (floating.address,)) for floating, _ in view.floating_ips]
    return found


@st.composite
def packets_out(draw: st.DrawFn, network: Network, port: Port) -> Packet:
    """What the VIF of `port` may send: what `packets` has, or its own to the outside, to others' addresses there, to services.

    What is flooded is nothing that load balancing looks at: the trace of one packet does not come back several times. Nobody
    inside forges a router's external address, or sends there as from any other of a router: whether that is complained of depends
    on the chassis where it comes in.
    """
    if not port.addresses or not draw(USUALLY):
        packet = draw(packets(network, port))
        ip = packet.body
        if not isinstance(ip, Ip):
            return packet
        own = {a.ip for p in network.tables["router_port"].values() for a in p.addresses}
        forged = ip.src in _SUBNET or (ip.dst in _SUBNET and ip.src in own)
        src = IPv4Address("10.0.9.9") if forged else ip.src
        return replace(packet, body=replace(ip, src=src, proto=47 if is_group(packet.eth_dst) else ip.proto))
    balancers = network.balancers.get(port.tenant, ())
    vips = [b.balancer.vip for b in balancers]
    theirs = [address for _, addresses in holdings(network) for address in addresses]
    to = draw(st.sampled_from([*OUTSIDE * 2, *theirs * 2, *vips * 3]))
    body = draw(_varied(draw(_ips(draw(st.sampled_from(port.addresses)), to))))
    on_switch = [b.balancer.mac for b in balancers if b.balancer.switch == port.switch and b.balancer.vip == to]
    beside = [p.mac for p in network.tables["router_port"].values() if (p.tenant, p.switch) == (port.tenant, port.switch)]
    return Packet(port.mac, draw(st.sampled_from(on_switch or beside or [mac(9, 9, 9)])), body)


@st.composite
def packets_in(draw: st.DrawFn, network: Network) -> Packet:
    """What may come from the wire: mostly to a MAC and an address that go together, as neighbours send it; also ARP."""
    held = holdings(network)
    theirs = [address for _, addresses in held for address in addresses]
    own, addresses = draw(st.sampled_from([*held, (mac(9, 9, 9), (OUTSIDE[1],))]))
    inside = [IPv4Address("10.0.0.10"), IPv4Address("10.0.0.1"), *map(IPv4Address, NOWHERE)]
    source = draw(st.sampled_from([*OUTSIDE[:3] * 4, *map(IPv4Address, NOWHERE[4:])]))
    if not draw(USUALLY):
        asked_alone = draw(st.booleans())
        target = draw(st.sampled_from([*(addresses if asked_alone else theirs), OUTSIDE[2], GATEWAY]))
        teller = draw(st.sampled_from([NEIGHBOUR, GATEWAY]))
        arp = Arp(draw(st.sampled_from([1, 1, 2])), UPSTREAM, teller, mac(0, 0, 0), target)
        return Packet(UPSTREAM, own if asked_alone else BROADCAST, arp)
    to = draw(st.sampled_from([*addresses * 6, *inside]))
    return Packet(UPSTREAM, own, draw(_varied(draw(_ips(source, to)))))


@st.composite
def _ips(draw: st.DrawFn, source: IPv4Address, to: IPv4Address) -> Ip:
    proto = draw(st.sampled_from([UDP, ICMP, TCP, TCP, 47]))
    l4 = draw(st.sampled_from([(8, 0), (8, 0), (0, 0), (3, 1)])) if proto == ICMP else (0, 0)
    return Ip(source, to, proto, draw(st.sampled_from([64, 64, 64, 0, 1, 2, 3])), l4, later_fragment=draw(_RARELY))


@st.composite
def _varied(draw: st.DrawFn, ip: Ip) -> Ip:
    """With ports that services have, sizes near MTUs, and segments that begin nothing."""
    if ip.proto in (TCP, UDP):
        to = draw(st.sampled_from([80 if ip.proto == TCP else 53, 33434]))
        sport = draw(st.sampled_from([40000, 40000, 40000, 8080, 80 if ip.proto == TCP else 53]))
        ip = replace(ip, l4=(sport, to), ack=ip.proto == TCP and not ip.rst and draw(_SOMETIMES))
    if ip.later_fragment:
        return ip
    return replace(ip, size=draw(st.sampled_from([None, None, 1450, 1451, 1501])), df=True)
