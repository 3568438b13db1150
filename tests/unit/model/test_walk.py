"""The reference walk, rule by rule, on one tenant's network (and another's that looks the same).

    web 10.0.1.0/24 -- r1 ==100.64.0.0/31== r2 -- db 10.0.2.0/24      r2/stub 10.0.3.0/24 leads nowhere
     a b c(open) off                              d

c's port security is off, `off` is disabled. r1 has a default route to r2, r2 a route to web.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import count

import pytest

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object, Port, Route, Router, RouterPort, Switch, Tenant
from ryu_overlay.model.walk import walk, walks
from ryu_overlay.model.walk_values import (
    ARP_REPLY,
    ARP_REQUEST,
    BROADCAST,
    ICMP,
    TCP,
    UDP,
    Answered,
    AnswerKind,
    Arp,
    AtPort,
    AtRouter,
    AtSwitch,
    Delivered,
    Dropped,
    DropReason,
    Ip,
    Packet,
    Path,
)

A, B, C, OFF, D = ("02:00:00:00:01:%02x" % n for n in range(5))
R1_WEB, R1_UP, R2_DOWN, R2_DB, R2_STUB = ("02:00:00:00:02:%02x" % n for n in range(5))
NOBODY = "02:00:00:00:09:09"
NO_ADDRESS = IPv4Address("0.0.0.0")


def ip4(text: str) -> IPv4Address:
    return IPv4Address(text)


def with_objects(network: Network, *objects: Object) -> Network:
    draft = Draft(network)
    for obj in objects:
        draft.put(obj)
    return draft.freeze(network.revision + 1)


class Maker:
    """Makes a tenant's objects, numbering them as it goes."""

    def __init__(self, tenant: str, first: int) -> None:
        self.tenant, self.numbers = tenant, count(first)

    def ids(self) -> dict[str, object]:
        number = next(self.numbers)
        return {"key": number, "uuid": f"{number:036x}"}

    def switch(self, name: str, subnet: str) -> Switch:
        number = next(self.numbers)
        return Switch(self.tenant, name, number, f"{number:036x}", number, (IPv4Network(subnet),))

    def port(self, switch: str, name: str, mac: str, *addresses: str, **more: bool) -> Port:
        return Port(self.tenant, switch, name, mac=mac, addresses=tuple(map(ip4, addresses)), **self.ids(), **more)

    def router(self, name: str) -> Router:
        return Router(self.tenant, name, **self.ids())

    def router_port(self, router: str, name: str, mac: str, *addresses: str, **to: object) -> RouterPort:
        interfaces = tuple(map(IPv4Interface, addresses))
        return RouterPort(self.tenant, router, name, mac=mac, addresses=interfaces, **self.ids(), **to)

    def route(self, router: str, prefix: str, *hops: str) -> Route:
        return Route(self.tenant, router, IPv4Network(prefix), tuple(map(ip4, hops)), **self.ids())


def tenant_objects(name: str, first: int) -> list[Object]:
    make = Maker(name, first)
    return [
        Tenant(name, first, f"{name:>36}"),
        make.switch("web", "10.0.1.0/24"),
        make.switch("db", "10.0.2.0/24"),
        make.port("web", f"{name}-a", A, "10.0.1.11"),
        make.port("web", f"{name}-b", B, "10.0.1.12", "10.0.1.22"),
        make.port("web", f"{name}-c", C, "10.0.1.13", port_security=False),
        make.port("web", f"{name}-off", OFF, "10.0.1.14", enabled=False),
        make.port("db", f"{name}-d", D, "10.0.2.11"),
        make.router("r1"),
        make.router("r2"),
        make.router_port("r1", "web", R1_WEB, "10.0.9.1/24", "10.0.1.1/24", switch="web"),
        make.router_port("r1", "up", R1_UP, "100.64.0.1/31"),
        make.router_port("r2", "down", R2_DOWN, "100.64.0.0/31", peer=("r1", "up")),
        make.router_port("r2", "db", R2_DB, "10.0.2.1/24", switch="db"),
        make.router_port("r2", "stub", R2_STUB, "10.0.3.1/24"),
        make.route("r1", "0.0.0.0/0", "100.64.0.0"),
        make.route("r2", "10.0.1.0/24", "100.64.0.1"),
    ]


RED = Maker("red", 900)
NET = with_objects(Network(), *tenant_objects("red", 1), *tenant_objects("blue", 100))


def send(name: str, packet: Packet, network: Network = NET) -> Path:
    return walk(network, network.port_by_name[f"red-{name}"], packet)


def udp(dst: str, to: str = R1_WEB, src: str = "10.0.1.11", mac: str = A, **more: object) -> Packet:
    return Packet(mac, to, Ip(ip4(src), ip4(dst), **{"proto": UDP, "l4": (4000, 33434), **more}))


def arp(tpa: str, spa: str = "10.0.1.11", mac: str = A, sha: str = A, op: int = ARP_REQUEST, to: str = BROADCAST) -> Packet:
    return Packet(mac, to, Arp(op, sha, ip4(spa), "00:00:00:00:00:00", ip4(tpa)))


def reached(path: Path) -> list[str]:
    assert isinstance(path.outcome, Delivered), path.outcome
    return [port.name for port in path.outcome.ports]


def reason(path: Path) -> DropReason:
    assert isinstance(path.outcome, Dropped), path.outcome
    assert path.outcome.at == path.hops[-1].position
    return path.outcome.reason


def answer(path: Path, kind: AnswerKind) -> tuple[Answered, Ip]:
    assert isinstance(path.outcome, Answered) and path.outcome.kind is kind, path.outcome
    reply = path.outcome.reply.body
    assert isinstance(reply, Ip) and (reply.dst, reply.ttl) == (ip4("10.0.1.11"), 64)
    return path.outcome, reply


# 1. From a VIF


def test_a_disabled_port_sends_nothing() -> None:
    path = send("off", udp("10.0.1.11", to=A, src="10.0.1.14", mac=OFF))
    assert reason(path) is DropReason.PORT_DISABLED
    assert [h.position for h in path.hops] == [AtPort(("red", "web", "red-off"), "from")]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (udp("10.0.1.12", to=B, mac=NOBODY), DropReason.SPOOFED_MAC),
        (Packet(NOBODY, B, 0x86DD), DropReason.SPOOFED_MAC),
        (udp("10.0.1.12", to=B, src="10.0.1.12"), DropReason.SPOOFED_IP),
        (udp("10.0.1.12", to=B, src="0.0.0.0"), DropReason.SPOOFED_IP),
        (arp("10.0.1.12", spa="10.0.1.12"), DropReason.SPOOFED_ARP),
        (arp("10.0.1.12", sha=B), DropReason.SPOOFED_ARP),
        (arp("10.0.1.12", spa="10.0.1.1", op=ARP_REPLY, to=B), DropReason.SPOOFED_ARP),
        (Packet(A, B, 0x86DD), DropReason.NOT_ALLOWED_TYPE),
    ],
    ids=str,
)
def test_port_security_drops_what_is_not_the_ports_own(packet: Packet, expected: DropReason) -> None:
    assert reason(send("a", packet)) is expected


def test_a_port_may_use_each_of_its_addresses() -> None:
    for src in ("10.0.1.12", "10.0.1.22"):
        assert reached(send("b", udp("10.0.1.11", to=A, src=src, mac=B))) == ["red-a"]


@pytest.mark.parametrize("body", [0x86DD, 0x88CC, 0x8100])
def test_without_port_security_everything_passes(body: int) -> None:
    assert reached(send("c", Packet(NOBODY, B, body))) == ["red-b"]
    assert reached(send("c", udp("10.0.1.12", to=B, src="8.8.8.8", mac=NOBODY))) == ["red-b"]


# 2. ARP


@pytest.mark.parametrize(
    ("tpa", "owner"), [("10.0.1.12", B), ("10.0.1.22", B), ("10.0.1.14", OFF), ("10.0.1.1", R1_WEB), ("10.0.9.1", R1_WEB)]
)
@pytest.mark.parametrize("to", [BROADCAST, B])
def test_the_switch_answers_arp_for_addresses_it_knows(tpa: str, owner: str, to: str) -> None:
    path = send("a", arp(tpa, to=to))
    reply = Packet(owner, A, Arp(ARP_REPLY, owner, ip4(tpa), A, ip4("10.0.1.11")))
    port = NET.port_by_name["red-a"]
    assert isinstance(path.outcome, Answered)
    assert (path.outcome.kind, path.outcome.by, path.outcome.reply) == (AnswerKind.ARP_REPLY, ("red", "web"), reply)
    assert path.outcome.way_back.outcome == Delivered(((port, reply),))


@pytest.mark.parametrize(
    "packet", [arp("10.0.1.11"), arp("10.0.1.11", spa="0.0.0.0"), arp("10.0.1.99"), arp("10.0.2.11")], ids=str
)
def test_arp_for_ones_own_or_an_unknown_address_is_flooded(packet: Packet) -> None:
    assert reached(send("a", packet)) == ["red-b", "red-c"]


def test_a_probe_for_anothers_address_is_answered() -> None:
    assert isinstance(send("a", arp("10.0.1.12", spa="0.0.0.0")).outcome, Answered)


def test_an_arp_reply_goes_where_its_mac_says() -> None:
    assert reached(send("a", arp("10.0.1.12", op=ARP_REPLY, to=B))) == ["red-b"]
    assert reason(send("a", arp("10.0.1.1", op=ARP_REPLY, to=R1_WEB))) is DropReason.NOT_IPV4


# 3. Switch


def test_a_known_mac_leads_to_its_port_and_the_packet_is_untouched() -> None:
    packet = udp("10.0.1.12", to=B, ttl=1)
    path = send("a", packet)
    assert path.outcome == Delivered(((NET.port_by_name["red-b"], packet),))
    places = [AtPort(("red", "web", "red-a"), "from"), AtSwitch(("red", "web")), AtPort(("red", "web", "red-b"), "to")]
    assert [(h.position, h.packet) for h in path.hops] == [(place, packet) for place in places]


@pytest.mark.parametrize("to", [BROADCAST, "01:00:5e:00:00:fb", "33:33:00:00:00:01"])
def test_groups_are_flooded_to_the_other_ports_only(to: str) -> None:
    path = send("a", udp("224.0.0.251", to=to))
    assert reached(path) == ["red-b", "red-c"]
    assert len(path.hops) == 4


def test_unknown_own_and_other_networks_macs() -> None:
    assert reason(send("a", udp("10.0.1.12", to=NOBODY))) is DropReason.UNKNOWN_MAC
    assert reason(send("a", udp("10.0.2.11", to=D))) is DropReason.UNKNOWN_MAC
    assert reason(send("a", udp("10.0.1.11", to=A))) is DropReason.HAIRPIN


# 4. Router


def test_two_routers_take_two_off_the_ttl_and_rewrite_macs() -> None:
    path = send("a", udp("10.0.2.11", ttl=9))
    assert path.outcome == Delivered(((NET.port_by_name["red-d"], udp("10.0.2.11", to=D, mac=R2_DB, ttl=7)),))
    r1, r2 = path.hops[2:4]
    assert r1.position == AtRouter(("red", "r1"), ("red", "r1", "web"), ("red", "r1", "up"))
    assert r1.packet == udp("10.0.2.11", ttl=9)
    assert r2.position == AtRouter(("red", "r2"), ("red", "r2", "down"), ("red", "r2", "db"))
    assert r2.packet == udp("10.0.2.11", to=R2_DOWN, mac=R1_UP, ttl=8)


def test_a_router_takes_ipv4_only() -> None:
    assert reason(send("c", Packet(C, R1_WEB, 0x86DD))) is DropReason.NOT_IPV4


@pytest.mark.parametrize("src", ["0.0.0.0", "0.9.9.9", "127.0.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255"])
@pytest.mark.parametrize("dst", ["10.0.2.11", "10.0.1.1"])
def test_sources_that_must_not_be_routed(src: str, dst: str) -> None:
    assert reason(send("c", udp(dst, src=src))) is DropReason.BAD_SOURCE


@pytest.mark.parametrize("dst", ["224.0.0.5", "239.1.1.1", "255.255.255.255"])
@pytest.mark.parametrize("ttl", [1, 64])
def test_multicast_is_not_routed(dst: str, ttl: int) -> None:
    assert reason(send("a", udp(dst, ttl=ttl))) is DropReason.MULTICAST


@pytest.mark.parametrize("dst", ["10.0.1.255", "10.0.1.0", "10.0.2.255", "10.0.2.0", "10.0.9.255"])
def test_directed_broadcast_is_dropped(dst: str) -> None:
    assert reason(send("a", udp(dst))) is DropReason.DIRECTED_BROADCAST


def test_both_addresses_of_a_31_are_hosts() -> None:
    for dst in ("100.64.0.0", "100.64.0.1"):
        answer(send("a", udp(dst)), AnswerKind.PORT_UNREACHABLE)


@pytest.mark.parametrize("ttl", [0, 1])
def test_an_ended_ttl_is_answered_from_the_address_in_the_senders_subnet(ttl: int) -> None:
    outcome, reply = answer(send("a", udp("10.0.2.11", ttl=ttl)), AnswerKind.TTL_EXCEEDED)
    assert (outcome.by, reply.src, reply.proto, reply.l4) == (("red", "r1", "web"), ip4("10.0.1.1"), ICMP, (11, 0))
    assert outcome.reply == Packet(R1_WEB, A, reply)
    assert reached(outcome.way_back) == ["red-a"]
    assert outcome.way_back.hops[0].position == AtRouter(("red", "r1"), None, ("red", "r1", "web"))
    assert outcome.way_back.hops[-1].packet == Packet(R1_WEB, A, reply)


def test_a_sender_in_no_subnet_of_the_port_is_answered_from_its_first_address() -> None:
    path = send("c", udp("10.0.2.11", ttl=1, src="10.0.2.11"))
    assert isinstance(path.outcome, Answered) and isinstance(path.outcome.reply.body, Ip)
    assert path.outcome.reply.body.src == ip4("10.0.9.1")
    assert reached(path.outcome.way_back) == ["red-d"]


def test_the_second_router_answers_from_its_side_and_the_answer_is_routed_back() -> None:
    outcome, reply = answer(send("a", udp("10.0.2.11", ttl=2)), AnswerKind.TTL_EXCEEDED)
    assert (outcome.by, reply.src) == (("red", "r2", "down"), ip4("100.64.0.0"))
    assert reached(outcome.way_back) == ["red-a"]
    assert outcome.way_back.hops[-1].packet == Packet(R1_WEB, A, replace(reply, ttl=63))


@pytest.mark.parametrize("dst", ["8.8.8.8", "10.0.4.1"])
def test_no_route(dst: str) -> None:
    outcome, reply = answer(send("a", udp(dst)), AnswerKind.NET_UNREACHABLE)
    assert (outcome.by, reply.src, reply.l4) == (("red", "r2", "down"), ip4("100.64.0.0"), (3, 0))


@pytest.mark.parametrize("own", ["10.0.1.1", "10.0.9.1", "100.64.0.1", "10.0.2.1", "10.0.3.1"])
@pytest.mark.parametrize("ttl", [3, 64])
def test_every_router_address_answers_ping(own: str, ttl: int) -> None:
    outcome, reply = answer(send("a", udp(own, proto=ICMP, l4=(8, 0), ttl=ttl)), AnswerKind.ECHO_REPLY)
    assert (reply.src, reply.proto, reply.l4) == (ip4(own), ICMP, (0, 0))
    assert reached(outcome.way_back) == ["red-a"]


def test_an_own_address_is_reached_with_the_last_ttl() -> None:
    answer(send("a", udp("10.0.1.1", proto=ICMP, l4=(8, 0), ttl=1)), AnswerKind.ECHO_REPLY)


def test_later_fragments_of_a_ping_go_back_as_fragments() -> None:
    _, reply = answer(send("a", udp("10.0.1.1", proto=ICMP, later_fragment=True)), AnswerKind.ECHO_REPLY)
    assert reply.later_fragment


@pytest.mark.parametrize("type_", [0, 3, 11, 13])
def test_other_icmp_to_the_router_is_dropped(type_: int) -> None:
    assert reason(send("a", udp("10.0.1.1", proto=ICMP, l4=(type_, 0)))) is DropReason.OWN_ICMP


@pytest.mark.parametrize(
    ("proto", "kind", "l4"),
    [
        (UDP, AnswerKind.PORT_UNREACHABLE, (3, 3)),
        (TCP, AnswerKind.TCP_RESET, (80, 4000)),
        (47, AnswerKind.PROTOCOL_UNREACHABLE, (3, 2)),
    ],
)
def test_a_router_offers_no_service(proto: int, kind: AnswerKind, l4: tuple[int, int]) -> None:
    outcome, reply = answer(send("a", udp("10.0.2.1", proto=proto, l4=(4000, 80))), kind)
    assert (outcome.by, reply.src, reply.l4) == (("red", "r2", "down"), ip4("10.0.2.1"), l4)
    assert (reply.proto, reply.rst) == ((TCP, True) if proto == TCP else (ICMP, False))
    assert reached(outcome.way_back) == ["red-a"]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (udp("10.0.2.11", ttl=1, proto=ICMP, l4=(3, 3)), DropReason.TTL_EXCEEDED),
        (udp("8.8.8.8", later_fragment=True), DropReason.NET_UNREACHABLE),
        (udp("10.0.3.9", src="240.0.0.1"), DropReason.HOST_UNREACHABLE),
        (udp("0.0.0.0"), DropReason.NET_UNREACHABLE),
        (udp("10.0.1.1", later_fragment=True), DropReason.PORT_UNREACHABLE),
        (udp("10.0.1.1", proto=47, later_fragment=True), DropReason.PROTOCOL_UNREACHABLE),
        (udp("10.0.1.1", proto=TCP, rst=True), DropReason.TCP_RESET),
    ],
    ids=str,
)
def test_where_the_rfcs_forbid_an_answer_there_is_none(packet: Packet, expected: DropReason) -> None:
    assert reason(send("c", packet)) is expected


@pytest.mark.parametrize("type_", [0, 8, 13])
def test_icmp_that_is_no_error_is_answered(type_: int) -> None:
    answer(send("a", udp("10.0.2.11", ttl=1, proto=ICMP, l4=(type_, 0))), AnswerKind.TTL_EXCEEDED)


def test_the_longest_prefix_wins_and_connected_wins_a_tie() -> None:
    tie = with_objects(NET, RED.route("r1", "10.0.1.0/24", "100.64.0.0"))
    assert reached(send("a", udp("10.0.1.12"), tie)) == ["red-b"]
    longer = with_objects(NET, RED.route("r1", "10.0.1.12/32", "100.64.0.0"))
    assert len([h for h in send("a", udp("10.0.1.12", ttl=5), longer).hops if isinstance(h.position, AtRouter)]) == 5
    assert reached(send("a", udp("10.0.1.22"), longer)) == ["red-b"]


def test_a_loop_ends_with_the_ttl() -> None:
    loop = with_objects(NET, RED.route("r2", "0.0.0.0/0", "100.64.0.1"))
    path = send("a", udp("8.8.8.8", ttl=255), loop)
    outcome, reply = answer(path, AnswerKind.TTL_EXCEEDED)
    assert len(path.hops) == 2 + 255
    assert (outcome.by, reply.src) == (("red", "r1", "up"), ip4("100.64.0.1"))


# 5. Next hop


@pytest.mark.parametrize(
    ("dst", "by", "src"),
    [
        ("10.0.1.99", "web", "10.0.1.1"),
        ("10.0.9.7", "web", "10.0.1.1"),
        ("10.0.2.99", "down", "100.64.0.0"),
        ("10.0.3.7", "down", "100.64.0.0"),
    ],
)
def test_an_address_nobody_has_is_unreachable(dst: str, by: str, src: str) -> None:
    outcome, reply = answer(send("a", udp(dst)), AnswerKind.HOST_UNREACHABLE)
    assert (outcome.by[2], reply.src, reply.l4) == (by, ip4(src), (3, 1))


def test_a_peer_takes_only_its_own_addresses() -> None:
    wide = with_objects(
        NET,
        RED.router_port("r1", "wide", NOBODY, "100.65.0.1/24", peer=("r2", "wide")),
        RED.router_port("r2", "wide", NOBODY, "100.65.0.2/24"),
    )
    assert reason_or_kind(send("a", udp("100.65.0.2"), wide)) is AnswerKind.PORT_UNREACHABLE
    assert reason_or_kind(send("a", udp("100.65.0.3"), wide)) is AnswerKind.HOST_UNREACHABLE


def reason_or_kind(path: Path) -> object:
    return path.outcome.kind if isinstance(path.outcome, Answered) else reason(path)


def test_a_router_on_the_same_switch_is_a_next_hop() -> None:
    beside = with_objects(
        NET,
        RED.router("r3"),
        RED.router_port("r3", "web", NOBODY, "10.0.1.3/24", switch="web"),
        RED.route("r1", "198.18.0.0/15", "10.0.1.3"),
    )
    outcome, reply = answer(send("a", udp("198.18.0.1"), beside), AnswerKind.NET_UNREACHABLE)
    assert (outcome.by, reply.src) == (("red", "r3", "web"), ip4("10.0.1.3"))


def test_a_packet_may_come_back_to_its_sender_through_a_router() -> None:
    assert reached(send("b", udp("10.0.1.22", src="10.0.1.12", mac=B))) == ["red-b"]


# 6. To a port, answers' ways, equal cost


@pytest.mark.parametrize("to", [OFF, R1_WEB])
def test_a_disabled_port_gets_nothing(to: str) -> None:
    path = send("a", udp("10.0.1.14", to=to))
    assert reason(path) is DropReason.PORT_DISABLED
    assert path.hops[-1].position == AtPort(("red", "web", "red-off"), "to")


def test_an_answer_that_cannot_get_back_says_why() -> None:
    for src, expected in [("8.8.8.8", DropReason.NET_UNREACHABLE), ("10.0.1.99", DropReason.HOST_UNREACHABLE)]:
        path = send("c", udp("10.0.2.1", src=src, proto=ICMP, l4=(8, 0)))
        assert isinstance(path.outcome, Answered)
        assert isinstance(path.outcome.way_back.outcome, Dropped if src == "8.8.8.8" else Answered)
        end = path.outcome.way_back
        while isinstance(end.outcome, Answered):
            end = end.outcome.way_back
        assert reason(end) in (expected, DropReason.OWN_ICMP)


def test_equal_cost_next_hops_give_a_path_each_but_one_per_connection() -> None:
    pair = with_objects(
        NET,
        RED.router_port("r1", "up2", "02:00:00:00:03:01", "100.64.1.1/31", peer=("r2", "down2")),
        RED.router_port("r2", "down2", "02:00:00:00:03:02", "100.64.1.0/31"),
        RED.route("r1", "0.0.0.0/0", "100.64.0.0", "100.64.1.0"),
        RED.route("r2", "10.0.1.0/24", "100.64.0.1", "100.64.1.1"),
    )
    port, there = pair.port_by_name["red-a"], udp("10.0.2.11")
    paths = walks(pair, port, there)
    assert {p.hops[3].position.in_port for p in paths} == {("red", "r2", "down"), ("red", "r2", "down2")}  # type: ignore[union-attr]
    assert len(paths) == 2 and walk(pair, port, there) in paths
    assert walk(pair, port, there, lambda hops: hops[-1]) in paths
    assert len(walks(pair, port, udp("8.8.8.8"))) == 2 * 2
    loop = with_objects(pair, RED.route("r2", "0.0.0.0/0", "100.64.0.1"))
    assert len(walks(loop, port, udp("8.8.8.8", ttl=200))) == 2


def test_tenants_with_the_same_addresses_do_not_meet() -> None:
    path = walk(NET, NET.port_by_name["blue-a"], udp("10.0.2.11"))
    assert reached(path) == ["blue-d"]
    assert {hop.position.ref[0] for hop in path.hops} == {"blue"}
