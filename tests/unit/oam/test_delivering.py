"""Packets that are handed over: who gets them, what is held up meanwhile, and how long a guest took."""

from __future__ import annotations

from itertools import count

import pytest

from ryu_overlay.oam.delivering import Delivery, Target
from ryu_overlay.oam.doors import Door
from ryu_overlay.oam.frames import to_frame
from ryu_overlay.oam.register import Register
from ryu_overlay.oam.sending import Sender
from ryu_overlay.oam.world import Unable
from ryu_overlay.openflow.packet_in import parse_packet_in
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.tables import LR_IN_ADMIT, PHY_IN_PORT
from tests.unit.oam.asked import NET
from tests.unit.oam.bridges import PATCH, Bridges, arp_reply, host_outside, observer
from tests.unit.oam.sightings import packet

WEB, DB = "red-web-1", "red-db-3"
OUTSIDE = "198.51.100.10"
UPLINK = NET.tables["router_port"]["red", "r1", "up"].key


class Parts:
    """A packet that has found its target once."""

    def __init__(self, to: str, sender: str = WEB) -> None:
        self.bridges = Bridges(outside=host_outside)
        self.bridges.serve()
        self.register = Register(count(100))
        self.bridges.tracer._register = self.register
        world = self.bridges.world()
        self.sender = Sender(self.register, self.bridges, world, observer())
        self.frame = to_frame(packet(sender, to), 0, echo=(5, 6))
        router = NET.tables["router"]["red", "r1"].key
        outside = to == OUTSIDE
        self.doors = [Door(*world.bound[sender])] if sender in world.bound else [Door("hv1", None, router, outside)]
        first = self.sender.go(self.frame, self.doors)
        self.sender.forget_connections()
        self.turns: set[object] = set()
        self.target = Target(self.bridges, self.register, self.sender, world, first, self.turns)

    def ask(self, look_out: bool = False) -> Delivery:
        with self.target as target:
            if look_out:
                target.look_out(UPLINK, self.frame)
            found = target.ask(self.frame, self.doors, 1.0)
        self.sender.done()
        assert self.bridges.left_behind() == []
        return found

    def held_up(self) -> list[tuple[str, int]]:
        blocks = [block for blocks in self.bridges.observed.values() for block in blocks.items()]
        return sorted({(name, flow.table) for name, block in blocks for flow in block.flows})


def test_a_guest_is_where_the_first_probe_found_it() -> None:
    parts = Parts(DB)
    assert parts.target.door == Door(*parts.bridges.now_world.bound[DB]) and not parts.target.is_outside
    found = parts.ask()
    assert found.there.end == "out" and found.back is not None and found.back.end == "out"
    assert found.back.way()[0].chassis == "hv3" and found.is_there is None
    assert found.guest_ms is not None and found.guest_ms >= 0 and found.answer is not None


def test_answers_are_held_up_only_while_they_are_waited_for() -> None:
    parts = Parts(DB)
    assert parts.held_up() == []
    with parts.target:
        assert parts.held_up() == [("hv3", PHY_IN_PORT.number)]
    assert parts.held_up() == []
    outside = Parts(OUTSIDE)
    with outside.target:
        assert outside.held_up() == [], "conntrack knows the answer"
        outside.target.look_out(UPLINK, outside.frame)
        assert outside.held_up() == [("hv1", LR_IN_ADMIT.number)]
    assert outside.held_up() == []


def test_each_has_flows_for_its_own_time() -> None:
    """They end by themselves, and a second delivery that shared them would be without before it has its answer."""
    one, two, other = Parts(DB), Parts(DB), Parts(DB, "red-web-2")
    for parts in (two, other):
        parts.target._hands, parts.target._turns = one.bridges, one.turns
    with one.target:
        with other.target:
            assert len(one.bridges.observed) == 2, "from another address"
        with pytest.raises(Unable) as refused, two.target:
            pass
        assert refused.value.code == "busy" and len(one.bridges.observed) == 1, "nobody else's are taken away"
        one.bridges.meanwhile = [lambda: None, lambda: one.target.__exit__()]
        with two.target:
            assert len(one.bridges.observed) == 1
    assert one.bridges.observed == {} and not one.turns


@pytest.mark.parametrize(("serves", "is_there"), [(True, True), (False, False)])
def test_a_guest_that_does_not_answer_is_asked_whether_it_is_there(serves: bool, is_there: bool) -> None:
    parts = Parts(DB)
    parts.bridges.guests.clear()
    if serves:
        parts.bridges.serve(DB, by=arp_reply)
    found = parts.ask()
    assert (found.back, found.answer, found.guest_ms, found.is_there) == (None, None, None, is_there)


def test_what_is_lost_on_its_way_is_not_the_guest_s_fault() -> None:
    parts = Parts(DB)
    parts.bridges.passes = lambda *_: False
    found = parts.ask()
    assert found.there.end == "into_tunnel" and found.is_there is None
    assert not [got for got in parts.bridges.received if got[2][12:14] == b"\x08\x06"], "it is not even asked by ARP"


def test_another_s_arp_does_not_count() -> None:
    parts = Parts(DB)
    parts.bridges.guests.clear()
    parts.bridges.serve(DB, by=lambda port, frame: _as_another(arp_reply(port, frame)))
    assert parts.ask().is_there is False


def _as_another(frame: bytes | None) -> bytes | None:
    return None if frame is None else frame[:28] + bytes([10, 0, 2, 77]) + frame[32:]


def test_a_host_outside_is_known_by_its_connection() -> None:
    parts = Parts(OUTSIDE)
    assert parts.target.is_outside and parts.target.door == Door("hv1", PATCH)
    found = parts.ask()
    assert found.back is not None and found.back.end == "out" and found.back.way()[0].chassis == "hv1"
    assert found.guest_ms is not None and found.guest_ms >= 0
    assert found.back.begun == found.back.way()[0].seen[0].at


def test_nobody_answers_outside() -> None:
    parts = Parts(OUTSIDE)
    parts.bridges.outside = lambda frame: None
    found = parts.ask()
    assert found == Delivery(found.there) and found.there.end == "out"


def test_an_answer_of_which_only_the_far_end_is_heard() -> None:
    """Its packet-ins before the tunnel were lost."""
    parts = Parts(OUTSIDE, "blue-db-3")
    parts.bridges.hears = lambda chassis, data: chassis == "hv3" or not _is_back(data)
    found = parts.ask()
    assert found.there.end == "out" and found.back is None and found.answer is None


def _is_back(data: bytes) -> bool:
    return b"\xc6\x33\x64\x0a\x0a" in data


def test_a_router_looks_out_for_its_own_answer() -> None:
    parts = Parts(OUTSIDE, "router:red/r1")
    found = parts.ask(look_out=True)
    assert found.back is None and found.answer is not None and found.guest_ms is not None
    silent = Parts(OUTSIDE, "router:red/r1")
    silent.bridges.outside = lambda frame: None
    assert silent.ask(look_out=True).answer is None


def test_an_answer_to_what_no_bridge_told_of_is_no_error() -> None:
    """As when a chassis comes back: it hands the packet over, and what it told of that is lost."""
    parts = Parts(DB)
    parts.bridges.hears = lambda chassis, data: read_cookie(parse_packet_in(data).cookie) == Why(Feature.PUNT_GUEST)
    found = parts.ask()
    assert not found.there.stays and (found.back, found.answer) == (None, None)
