"""What holds for every packet that crosses borders: nothing inside shows outside, and connections stay what they began as."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.model.external import own_addresses
from ryu_overlay.model.objects import Port
from ryu_overlay.model.walk import walk, walk_in
from ryu_overlay.model.walk_values import (
    ICMP,
    TCP,
    UDP,
    Answered,
    AtBorder,
    AtExternal,
    AtRouter,
    Delivered,
    Ip,
    Left,
    Packet,
    Path,
)
from tests.unit.model.walk_outside import FACTS, NEAR, NET, R1, R2, UPSTREAM

INTERNET = ("internet",)
HELD = {
    mac: (view, addresses)
    for view in NET.external_views[INTERNET].routers
    for mac, addresses in [
        *((uplink.mac, own_addresses(view)) for uplink in view.ports if uplink.external),
        *((floating.mac, (floating.address,)) for floating, _ in view.floating_ips),
    ]
}
OUTER = [address for _, addresses in HELD.values() for address in addresses]
INNER = [*map(IPv4Address, ("10.0.1.1", "10.0.1.100", "10.0.2.11", "10.9.9.9", "100.64.0.1"))]
ELSEWHERE = [*map(IPv4Address, ("198.18.0.1", "203.0.113.1", "203.0.113.77"))]


def ips(sources: list[IPv4Address], destinations: list[IPv4Address]) -> st.SearchStrategy[Ip]:
    ports = st.tuples(st.sampled_from([40000, 53, 80, 8080]), st.sampled_from([53, 80, 81, 33434]))
    types = st.sampled_from([(8, 0), (8, 0), (0, 0), (13, 0)])
    ttls = st.sampled_from([64, 64, 1, 2, 3, 4])
    by_proto = [
        st.builds(Ip, st.sampled_from(sources), st.sampled_from(destinations), st.just(proto), ttls, ports if ported else types)
        for proto, ported in ((UDP, True), (TCP, True), (ICMP, False), (47, False))
    ]
    return st.one_of(by_proto)


@st.composite
def sent(draw: st.DrawFn) -> tuple[Port, Packet]:
    port = draw(st.sampled_from(sorted(NET.port_by_name.values(), key=lambda p: p.name)))
    body = draw(ips(list(port.addresses), OUTER * 2 + INNER + ELSEWHERE))
    gateway = R2 if port.switch == "db" else NEAR if body.dst == INNER[1] else R1
    return port, Packet(port.mac, gateway, body)


@st.composite
def received(draw: st.DrawFn) -> Packet:
    mac = draw(st.sampled_from(sorted(HELD)))
    return Packet(UPSTREAM, mac, draw(ips(ELSEWHERE[:1], [*HELD[mac][1], *INNER])))


def legs(path: Path) -> Iterator[Path]:
    yield path
    if isinstance(path.outcome, Answered):
        yield from legs(path.outcome.way_back)


def nothing_shows(path: Path) -> None:
    for leg in legs(path):
        for hop in leg.hops:
            if isinstance(hop.position, AtExternal) and isinstance(hop.packet.body, Ip) and hop.packet.eth_src != UPSTREAM:
                assert hop.packet.body.src in OUTER
                about = hop.packet.body.about
                assert about is None or (about.dst in OUTER and about.src not in INNER)
        if isinstance(leg.outcome, Left) and isinstance(leg.outcome.packet.body, Ip):
            view, addresses = HELD[leg.outcome.packet.eth_src]
            src, is_error = leg.outcome.packet.body.src, leg.outcome.packet.body.about is not None
            assert src in addresses or (is_error and src in own_addresses(view))


@given(sent())
def test_nothing_inside_shows_outside(case: tuple[Port, Packet]) -> None:
    nothing_shows(walk(NET, *case, facts=FACTS))


@given(received())
def test_nor_in_answers(packet: Packet) -> None:
    nothing_shows(walk_in(NET, INTERNET, packet, facts=FACTS))


@given(sent())
def test_tenants_meet_outside_only(case: tuple[Port, Packet]) -> None:
    for leg in legs(walk(NET, *case, facts=FACTS)):
        tenant = leg.hops[0].position.ref[0]
        for hop in leg.hops:
            if isinstance(hop.position, AtBorder) and hop.position.direction == "in":
                tenant = hop.position.ref[0]
            assert isinstance(hop.position, AtExternal) or hop.position.ref[0] == tenant


@given(sent())
def test_each_router_takes_one_off_the_ttl_wherever_the_packet_goes(case: tuple[Port, Packet]) -> None:
    port, packet = case
    path = walk(NET, port, packet, facts=FACTS)
    assert isinstance(packet.body, Ip)
    passed = sum(isinstance(h.position, AtRouter) and h.position.out_port is not None for h in path.hops)
    bodies = [path.outcome.packet.body] if isinstance(path.outcome, Left) else []
    bodies += [p.body for _, p in path.outcome.to] if isinstance(path.outcome, Delivered) else []
    for body in bodies:
        assert isinstance(body, Ip) and body.ttl == packet.body.ttl - passed


@given(sent())
def test_the_next_packet_goes_the_same_way_and_begins_nothing(case: tuple[Port, Packet]) -> None:
    port, packet = case
    once = walk(NET, port, packet, lambda options: options[-1], FACTS)
    again = walk(NET, port, packet, facts=FACTS, after=[once])
    assert again.connections == ()
    assert [h.packet for h in again.hops] == [h.packet for h in once.hops]
    if not isinstance(once.outcome, Answered):
        assert again.outcome == once.outcome


@given(sent())
def test_an_answer_comes_back_to_who_asked(case: tuple[Port, Packet]) -> None:
    """From outside, to the address and port that the question showed there."""
    port, packet = case
    path = walk(NET, port, packet, facts=FACTS)
    if not isinstance(path.outcome, Left) or not isinstance(path.outcome.packet.body, Ip):
        return
    shown = path.outcome.packet.body
    back = (0, 0) if shown.proto == ICMP else (shown.l4[1], shown.l4[0])
    answer = replace(shown, src=shown.dst, dst=shown.src, ttl=64, l4=back)
    reply = walk_in(NET, INTERNET, Packet(UPSTREAM, path.outcome.packet.eth_src, answer), facts=FACTS, after=[path])
    assert isinstance(reply.outcome, Delivered)
    [(receiver, got)] = reply.outcome.to
    assert isinstance(got.body, Ip) and isinstance(packet.body, Ip) and receiver == port
    assert (got.body.src, got.body.dst) == (packet.body.dst, packet.body.src)
    assert packet.body.proto == ICMP or got.body.l4 == (packet.body.l4[1], packet.body.l4[0])
