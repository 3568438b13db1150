"""Translations that were not made: counters that grow, the rules that were at it, and whether conntrack has room."""

from __future__ import annotations

from ipaddress import IPv4Network

import eventlet
import pytest

from ryu_overlay.health.evidence import Exhausted
from ryu_overlay.health.frames import ROOM_PROTO, ROOM_WAY, ROOM_ZONE, room_out
from ryu_overlay.model.objects import Snat
from ryu_overlay.openflow.messages import ct_flush
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.tables import LR_OUT_SNAT, LR_OUT_TRACKED, LR_OUT_TRANSLATED
from ryu_overlay.southbound import asking
from ryu_overlay.southbound.translations_lost import Lost
from tests.unit.engine.outdoors import outdoors
from tests.unit.southbound.talking import Talking

NARROW = Snat("t1", "r", "few", 199, "u-few", (IPv4Network("10.0.1.0/28"),))
ASKED = [room_out(), ct_flush(ROOM_ZONE, ROOM_PROTO, original=ROOM_WAY)]
ALL, FEW = "t1/r/all", "t1/r/few"


class Rig:
    """What is lost in a world of two NAT rules; each second bridges are read."""

    def __init__(self) -> None:
        self.world = outdoors(NARROW)
        self.talking = Talking(self.world)
        self.lost = Lost(self.world.engine, self.talking)  # type: ignore[arg-type]
        self.now = 10.0
        self.read()

    def read(self) -> tuple[Exhausted, ...]:
        self.now += 1.0
        self.lost.read(self.now)
        return self.lost.exhausted()

    def drop(self, chassis: str, packets: int, *rules: int) -> None:
        """A chassis has nothing left to translate these packets to, the first of connections by rules with these keys."""
        self.talking.counted(chassis, LR_OUT_TRANSLATED.number, Why(Feature.DROP_NAT_EXHAUSTED), packets)
        for rule in rules:
            self.talking.counted(chassis, LR_OUT_TRACKED.number, Why(Feature.SNAT, 1, rule), packets)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_what_was_dropped_before_it_was_looked_at_is_nobodys_fault(rig: Rig) -> None:
    fresh = Lost(rig.world.engine, rig.talking)  # type: ignore[arg-type]
    rig.drop("hv1", 7, 185)
    fresh.read(1.0)
    fresh.read(2.0)
    assert fresh.exhausted() == () and rig.talking.sent == []


def test_growth_is_summed_up_with_the_rules_by_which_connections_began(rig: Rig) -> None:
    rig.drop("hv1", 7, 185)
    assert rig.read() == (Exhausted("hv1", 7, rig.now, None, (ALL,)),)
    since = rig.now
    assert rig.read() == (Exhausted("hv1", 7, since, None, (ALL,)),)
    rig.drop("hv1", 5, 199, 185)
    rig.drop("hv2", 1, 199)
    one, two = rig.read()
    assert one == Exhausted("hv1", 12, since, None, (ALL, FEW)) and two == Exhausted("hv2", 1, rig.now, None, (FEW,))


def test_a_rule_that_only_translated_is_not_at_fault(rig: Rig) -> None:
    rig.talking.counted("hv1", LR_OUT_TRACKED.number, Why(Feature.SNAT, 1, 199), 50)
    rig.read()
    rig.drop("hv1", 7, 185)
    (found,) = rig.read()
    assert found.rules == (ALL,)


def test_drops_without_a_rule_that_grew_keep_those_known_before(rig: Rig) -> None:
    rig.drop("hv1", 7, 185)
    rig.read()
    rig.drop("hv1", 7)
    (found,) = rig.read()
    assert (found.packets, found.rules) == (14, (ALL,))


def test_all_flows_that_drop_so_count_and_no_others(rig: Rig) -> None:
    rig.talking.counted("hv1", LR_OUT_SNAT.number, Why(Feature.DROP_NAT_EXHAUSTED), 3)
    rig.talking.counted("hv1", LR_OUT_TRANSLATED.number, Why(Feature.DROP_NAT_EXHAUSTED, 1, 110), 4)
    rig.talking.counted("hv1", LR_OUT_SNAT.number, Why(Feature.SNAT, 1, 185), 100)
    (found,) = rig.read()
    assert (found.packets, found.rules) == (7, ())


def test_it_is_over_6_s_after_the_last_drop(rig: Rig) -> None:
    rig.drop("hv1", 7, 185)
    assert [len(rig.read()) for _ in range(8)] == [1] * 7 + [0]
    rig.drop("hv1", 2, 185)
    assert rig.read() == (Exhausted("hv1", 2, rig.now, None, (ALL,)),), "it begins anew"


def test_counters_that_are_made_anew_are_no_growth(rig: Rig) -> None:
    rig.drop("hv1", 7, 185)
    rig.read()
    rig.talking.counts.clear()
    rig.drop("hv1", 3, 185)
    (found,) = rig.read()
    assert found.packets == 7
    rig.drop("hv1", 3, 185)
    (found,) = rig.read()
    assert found.packets == 10


def test_whether_there_is_room_is_tried_where_it_is_wanted_every_2_s_at_most(rig: Rig) -> None:
    for _ in range(10):
        rig.drop("hv1", 1, 185)
        rig.lost.read(rig.now)
        rig.now += 0.5
    assert rig.talking.sent == [("hv1", data) for data in ASKED] * 3


def test_a_chassis_tells_of_its_room(rig: Rig) -> None:
    rig.drop("hv1", 7, 185)
    rig.read()
    rig.lost.room("hv2", False)
    assert [e.room for e in rig.lost.exhausted()] == [None]
    for has in (False, True):
        rig.lost.room("hv1", has)
        assert [e.room for e in rig.lost.exhausted()] == [has]
    rig.drop("hv1", 1, 185)
    assert [(e.packets, e.room) for e in rig.read()] == [(8, True)]


def test_one_that_does_not_answer_is_passed_over_and_loses_nothing(rig: Rig) -> None:
    rig.talking.mute = {"hv1"}
    rig.drop("hv1", 7, 185)
    rig.drop("hv2", 1, 185)
    assert [e.chassis for e in rig.read()] == ["hv2"]
    rig.talking.mute = set()
    assert [(e.chassis, e.packets) for e in sorted(rig.read(), key=lambda e: e.chassis)] == [("hv1", 7), ("hv2", 1)]


def test_one_that_hangs_or_is_silent_holds_nobody_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_SOON", 0.1)
    rig.drop("hv2", 1, 185)
    rig.talking.hung = {"hv1"}
    with eventlet.Timeout(0.4):
        assert [e.chassis for e in rig.read()] == ["hv2"]
    rig.talking.asked.clear()
    rig.lost.read(rig.now, {"hv1"})
    assert {*rig.talking.asked} == {"hv2", "hv3"}
