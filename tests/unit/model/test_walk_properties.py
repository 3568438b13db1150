"""What holds for every packet in every network: two tenants that look alike, routers in any arrangement, loops included."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Object, Port, Tenant
from ryu_overlay.model.walk import walk, walks
from ryu_overlay.model.walk_rules import is_group
from ryu_overlay.model.walk_values import (
    BROADCAST,
    ICMP,
    TCP,
    UDP,
    Answered,
    Arp,
    AtRouter,
    AtSwitch,
    Delivered,
    Dropped,
    Ip,
    Packet,
    Path,
)
from tests.unit.model.walk_network import Maker, with_objects

PREFIXES = ["0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.0.10/32", "192.0.2.0/24"]
ELSEWHERE = [
    "192.0.2.1",
    "10.0.0.255",
    "10.0.1.0",
    "10.0.9.9",
    "255.255.255.255",
    "224.0.0.5",
    "0.0.0.0",
    "127.0.0.1",
    "240.0.0.1",
]


ICMP_OR_PORTS = st.tuples(st.sampled_from([8, 0, 3, 11]), st.sampled_from([0, 1]))
USUALLY = st.sampled_from([True, True, True, True, True, False])


def mac(kind: int, owner: int, number: int) -> str:
    return f"02:00:00:{kind:02x}:{owner:02x}:{number:02x}"


@st.composite
def tenants_objects(draw: st.DrawFn, name: str, first: int) -> list[Object]:
    """A tenant with up to 3 switches and 3 routers, attached and peered at random, with random routes between them."""
    make = Maker(name, first)
    switches, routers = range(draw(st.integers(1, 3))), range(draw(st.sampled_from([2, 3, 1, 0])))
    objects: list[Object] = [Tenant(name, first, f"{name:>36}")]
    for s in switches:
        objects.append(make.switch(f"s{s}", f"10.0.{s}.0/24"))
        for p in range(draw(st.integers(0 if s else 1, 3))):
            state = {"enabled": draw(USUALLY), "port_security": draw(st.booleans())}
            addresses = [f"10.0.{s}.{10 + p}", f"10.0.{s}.{20 + p}"][: draw(st.sampled_from([1, 2, 0]))]
            objects.append(make.port(f"s{s}", f"{name}-{s}-{p}", mac(1, s, p), *addresses, **state))
    neighbours: dict[int, list[str]] = {r: [f"10.0.{s}.{n}" for s in switches for n in (10, 99)] for r in routers}
    for r in routers:
        objects.append(make.router(f"r{r}"))
        for s in switches:
            if draw(USUALLY):
                objects.append(make.router_port(f"r{r}", f"s{s}", mac(2, r, s), f"10.0.{s}.{1 + r}/24", switch=f"s{s}"))
            neighbours[r] += [f"10.0.{s}.{1 + other}" for other in routers if other != r]
    for n, (a, b) in enumerate(combinations(routers, 2)):
        if draw(USUALLY):
            objects.append(make.router_port(f"r{a}", f"to{b}", mac(3, a, b), f"100.64.{n}.0/31", peer=(f"r{b}", f"to{a}")))
            objects.append(make.router_port(f"r{b}", f"to{a}", mac(3, b, a), f"100.64.{n}.1/31"))
        neighbours[a].append(f"100.64.{n}.1")
        neighbours[b].append(f"100.64.{n}.0")
    for r in routers:
        for prefix in draw(st.lists(st.sampled_from(PREFIXES), unique=True, max_size=2)):
            hops = draw(st.lists(st.sampled_from(neighbours[r]), unique=True, min_size=1, max_size=2))
            objects.append(make.route(f"r{r}", prefix, *hops))
    return objects


@st.composite
def cases(draw: st.DrawFn) -> tuple[Network, Port, Packet]:
    network = with_objects(Network(), *draw(tenants_objects("red", 1)), *draw(tenants_objects("blue", 1000)))
    port = draw(st.sampled_from(sorted(network.port_by_name.values(), key=lambda p: p.name)))
    routers = [p for p in network.tables["router_port"].values() if p.tenant == port.tenant]
    ports = [p for p in network.port_by_name.values() if p.tenant == port.tenant]
    known = [str(a) for p in ports for a in p.addresses] + [str(a.ip) for p in routers for a in p.addresses]
    addresses = st.sampled_from(known * 5 + ELSEWHERE).map(IPv4Address)
    sources = st.sampled_from([*(port.addresses * 9), *map(IPv4Address, known + ELSEWHERE)])
    here = [p.mac for p in routers if p.switch == port.switch]
    others = [p.mac for p in [*routers, *ports] if p is not port]
    macs = st.sampled_from(here * 20 + others + [BROADCAST, port.mac, mac(9, 9, 9)])
    ttls = st.sampled_from([64, 255]) | st.integers(0, 9)
    ips = st.builds(Ip, sources, addresses, st.sampled_from([UDP, ICMP, TCP, 47]), ttls, ICMP_OR_PORTS)
    arps = st.builds(Arp, st.sampled_from([1, 2]), st.just(port.mac), sources, st.just(mac(0, 0, 0)), addresses)
    bodies: list[st.SearchStrategy[Ip | Arp | int]] = [*[ips] * 12, *[arps] * 2, st.just(0x86DD)]
    body = draw(draw(st.sampled_from(bodies)))
    return network, port, Packet(draw(st.sampled_from([port.mac] * 9 + [mac(9, 9, 9)])), draw(macs), body)


def legs(path: Path) -> Iterator[Path]:
    """The path, the way back of its answer, and so on."""
    yield path
    if isinstance(path.outcome, Answered):
        yield from legs(path.outcome.way_back)


@given(cases())
def test_it_ends_in_one_of_the_possible_paths(case: tuple[Network, Port, Packet]) -> None:
    path = walk(*case)
    assert path in walks(*case)
    assert len(list(legs(path))) <= 4
    for leg in legs(path):
        ttl = leg.hops[0].packet.body.ttl if isinstance(leg.hops[0].packet.body, Ip) else 0
        assert len(leg.hops) <= 2 * (ttl + 2) + 9


@given(cases())
def test_tenants_never_meet(case: tuple[Network, Port, Packet]) -> None:
    _, port, _ = case
    for path in walks(*case):
        for leg in legs(path):
            assert {hop.position.ref[0] for hop in leg.hops} == {port.tenant}
            if isinstance(leg.outcome, Delivered):
                assert {p.tenant for p in leg.outcome.ports} <= {port.tenant}


@given(cases())
def test_only_routers_change_a_packet_and_each_takes_one_off_the_ttl(case: tuple[Network, Port, Packet]) -> None:
    for leg in legs(walk(*case)):
        for hop, after in pairwise(leg.hops):
            if not isinstance(hop.position, AtRouter):
                assert after.packet == hop.packet
                continue
            before, body = hop.packet.body, after.packet.body
            assert isinstance(before, Ip) and isinstance(body, Ip)
            assert body.ttl == before.ttl - (hop.position.in_port is not None) >= 1
            assert (body.src, body.dst, body.proto, body.l4) == (before.src, before.dst, before.proto, before.l4)


@given(cases())
def test_who_gets_a_packet_may_have_it(case: tuple[Network, Port, Packet]) -> None:
    _, port, _ = case
    for leg in legs(walk(*case)):
        if not isinstance(leg.outcome, Delivered):
            continue
        routed = any(isinstance(hop.position, AtRouter) for hop in leg.hops)
        for receiver, packet in leg.outcome.to:
            assert receiver.enabled
            assert is_group(packet.eth_dst) or packet.eth_dst == receiver.mac or isinstance(packet.body, Arp)
            assert receiver.ref != port.ref or routed or isinstance(packet.body, Arp)


@given(cases())
def test_a_port_with_security_speaks_only_for_itself(case: tuple[Network, Port, Packet]) -> None:
    _, port, packet = case
    path = walk(*case)
    passed = len(path.hops) > 1
    assert passed == (not isinstance(path.outcome, Dropped) or path.outcome.at != path.hops[0].position)
    if not passed:
        return
    assert port.enabled and isinstance(path.hops[1].position, AtSwitch)
    if port.port_security:
        assert packet.eth_src == port.mac and isinstance(packet.body, (Ip, Arp))
        claimed = packet.body.src if isinstance(packet.body, Ip) else packet.body.spa
        assert claimed in port.addresses or (isinstance(packet.body, Arp) and claimed == IPv4Address("0.0.0.0"))
