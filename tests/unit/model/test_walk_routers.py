"""The reference walk through routers, rule by rule. Numbers are those of the steps in its docstring."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ryu_overlay.model.walk import walk, walks
from ryu_overlay.model.walk_values import (
    ICMP,
    TCP,
    UDP,
    Answered,
    AnswerKind,
    AtPort,
    AtRouter,
    Delivered,
    DropReason,
    Ip,
    Packet,
)
from tests.unit.model.walk_network import (
    NET,
    NOBODY,
    OFF,
    R1_UP,
    R1_WEB,
    R2_DB,
    R2_DOWN,
    RED,
    A,
    B,
    C,
    D,
    answer,
    ending,
    ip4,
    reached,
    reason,
    send,
    udp,
    with_objects,
)

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


@pytest.mark.parametrize("dst", ["224.0.0.5", "239.1.1.1", "255.255.255.255", "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9"])
@pytest.mark.parametrize("ttl", [1, 64])
def test_what_is_no_destination_is_not_routed(dst: str, ttl: int) -> None:
    assert reason(send("a", udp(dst, ttl=ttl))) is DropReason.MULTICAST


@pytest.mark.parametrize("dst", ["10.0.1.255", "10.0.1.0", "10.0.2.255", "10.0.2.0", "10.0.9.255"])
def test_directed_broadcast_is_dropped(dst: str) -> None:
    assert reason(send("a", udp(dst))) is DropReason.DIRECTED_BROADCAST


@pytest.mark.parametrize("dst", ["10.0.1.255", "10.0.1.0"])
def test_directed_broadcast_is_not_complained_of_where_it_is_known(dst: str) -> None:
    assert reason(send("a", udp(dst, ttl=1))) is DropReason.DIRECTED_BROADCAST


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


@pytest.mark.parametrize("l4", [(0, 0), (3, 0), (8, 1), (11, 0), (13, 0)])
def test_other_icmp_to_the_router_is_dropped(l4: tuple[int, int]) -> None:
    assert reason(send("a", udp("10.0.1.1", proto=ICMP, l4=l4))) is DropReason.OWN_ICMP


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
    assert ending(send("a", udp("100.65.0.2"), wide)) is AnswerKind.PORT_UNREACHABLE
    assert ending(send("a", udp("100.65.0.3"), wide)) is AnswerKind.HOST_UNREACHABLE


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


def test_an_answer_with_no_way_back_is_dropped_where_it_starts() -> None:
    path = send("c", udp("10.0.2.1", src="8.8.8.8", proto=ICMP, l4=(8, 0)))
    assert isinstance(path.outcome, Answered)
    assert reason(path.outcome.way_back) is DropReason.NET_UNREACHABLE
    assert path.outcome.way_back.outcome.at == AtRouter(("red", "r2"), None, None)  # type: ignore[union-attr]


def test_an_answer_that_gets_lost_further_on_is_answered_itself() -> None:
    path = send("c", udp("10.0.2.1", src="10.0.1.99", proto=ICMP, l4=(8, 0)))
    assert isinstance(path.outcome, Answered)
    lost = path.outcome.way_back.outcome
    assert isinstance(lost, Answered)
    assert (lost.kind, lost.by) == (AnswerKind.HOST_UNREACHABLE, ("red", "r1", "up"))
    assert reason(lost.way_back) is DropReason.OWN_ICMP


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
    assert len(walks(loop, port, udp("8.8.8.8", ttl=201))) == 2


def test_tenants_with_the_same_addresses_do_not_meet() -> None:
    path = walk(NET, NET.port_by_name["blue-a"], udp("10.0.2.11"))
    assert reached(path) == ["blue-d"]
    assert {hop.position.ref[0] for hop in path.hops} == {"blue"}
