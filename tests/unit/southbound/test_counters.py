"""What bridges count of tunnels, read and understood: whose each flow is, what is put into the ledger, and what is forgotten."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import eventlet
import pytest

from ryu_overlay.health.conservation import STALE, Ledger
from ryu_overlay.health.counted import Key
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.describe import read_match
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.openflow.flow import FlowKey
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import OFPORT, TUNNEL
from ryu_overlay.pipeline.tables import TUN_COUNT_IN, TUN_COUNT_OUT
from ryu_overlay.southbound.counters import Counters
from tests.unit.engine.outdoors import outdoors
from tests.unit.southbound.talking import Talking

S1, S2, UP = 101, 102, 190
COUNTING = TUN_COUNT_IN.number, TUN_COUNT_OUT.number


class Rig:
    """Counters of a world whose bridges are read once a second."""

    def __init__(self) -> None:
        self.world = outdoors()
        self.talking = Talking(self.world)
        self.counters = Counters(self.world.engine, self.talking)  # type: ignore[arg-type]
        self.ledger = Ledger()
        self.now = 10.0

    def read(self) -> None:
        self.now += 1.0
        self.talking.age += 1.0
        self.counters.read(self.ledger, lambda: self.now)

    def flow(self, chassis: str, out: bool, vni: int, port: int) -> FlowKey:
        """The flow that counts a VNI's packets out or in by an OpenFlow port."""
        table, field, value = (TUN_COUNT_OUT, OFPORT.field, TUNNEL | port) if out else (TUN_COUNT_IN, IN_PORT, port)
        wanted = {(field, value), (TUN_ID, vni)}
        keys = self.world[chassis].switch.flows
        return next(k for k in keys if k[0] == table.number and {(f, v) for f, v, _ in read_match(k[2])[0]} == wanted)

    def carry(self, key: Key, sent: int, came: int) -> None:
        """Packets go from one chassis to another."""
        vni, a, b = key
        for flow, packets in (
            ((a, self.flow(a, True, vni, int(b[2:]))), sent),
            ((b, self.flow(b, False, vni, int(a[2:]))), came),
        ):
            self.talking.counts[flow] = self.talking.counts.get(flow, 0) + packets

    def known(self) -> set[Key]:
        return {key for key in self.counters.known if self.ledger.known(key, self.now)}


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_every_counting_flow_means_something_and_both_ends_of_a_pair_the_same(rig: Rig) -> None:
    rig.read()
    both = {(S1, "hv1", "hv3"), (S1, "hv3", "hv1"), (S2, "hv2", "hv3"), (S2, "hv3", "hv2")}
    assert both < rig.counters.known and {key[0] for key in rig.counters.known} == {S1, S2, UP}
    assert {key for key in rig.counters.known if key[0] == UP} == {
        (UP, a, b) for a in ("hv1", "hv2", "hv3") for b in ("hv1", "hv2") if a != b
    }
    counting = [
        (name, key)
        for name, hv in rig.world.hypervisors.items()
        for key, (cookie, _) in hv.switch.flows.items()
        if (why := read_cookie(cookie)) and why.feature is Feature.COUNTER and key[0] in COUNTING and why.key
    ]
    meant = [(name, key) for name, (_, _, flows) in rig.counters._meant.items() for key in flows]
    assert sorted(meant) == sorted(counting)
    assert rig.known() == rig.counters.known


def test_what_was_sent_is_held_against_what_was_received(rig: Rig) -> None:
    lossy, whole = (S1, "hv1", "hv3"), (S1, "hv3", "hv1")
    for _ in range(12):
        rig.carry(lossy, 100, 80)
        rig.carry(whole, 50, 50)
        rig.read()
    (loss,) = rig.ledger.findings(rig.now)
    assert loss.key == lossy and loss.share == pytest.approx(0.2)
    assert rig.ledger.traffic(lossy) == pytest.approx(100) and rig.ledger.traffic(whole) == pytest.approx(50)
    assert {key for key, rate in rig.ledger.busy(rig.now).items() if rate} == {lossy, whole}


def test_bridges_bring_their_counters_up_to_date_before_they_are_asked_and_nothing_changes_by_it(rig: Rig) -> None:
    rig.read()
    sent = rig.talking.take()
    assert sorted(name for name, _ in sent) == ["hv1", "hv2", "hv3"] and {data[1] for _, data in sent} == {messages.FLOW_MOD}
    before = {name: dict(hv.switch.flows) for name, hv in rig.world.hypervisors.items()}
    for name, data in sent:
        rig.world[name].switch.inbox.append(data)
    rig.world.settle()
    assert {name: hv.switch.flows for name, hv in rig.world.hypervisors.items()} == before
    rig.world.assert_converged()


def test_of_a_chassis_that_does_not_answer_nothing_is_known_and_of_others_all(rig: Rig) -> None:
    rig.read()
    rig.talking.mute = {"hv3"}
    for _ in range(int(STALE) + 1):
        rig.read()
    assert rig.known() == {key for key in rig.counters.known if "hv3" not in key} != set()
    rig.talking.mute = set()
    rig.read()
    assert rig.known() == rig.counters.known


def test_one_that_hangs_holds_up_the_others_for_less_than_what_is_known_lasts(rig: Rig) -> None:
    rig.talking.hung = {"hv1"}
    reading = eventlet.spawn(rig.read)
    with eventlet.Timeout(STALE):
        reading.wait()
    assert {key for key in rig.counters.known if rig.ledger.known(key, rig.now)} >= {(S2, "hv2", "hv3"), (S2, "hv3", "hv2")}


def test_one_that_is_known_to_be_silent_is_not_asked(rig: Rig) -> None:
    rig.counters.read(rig.ledger, lambda: rig.now, {"hv1"})
    assert {name for name, _ in rig.talking.sent} == {*rig.talking.asked} == {"hv2", "hv3"}


def test_one_that_is_being_told_something_is_not_asked(rig: Rig) -> None:
    rig.world["hv1"].switch.flows.pop(rig.flow("hv1", True, S1, 3))
    rig.world.tick(60.0)
    rig.world["hv1"].switch.work()
    rig.world.deliver("hv1")
    rig.read()
    assert "hv1" not in rig.talking.asked


def test_both_counters_are_of_one_moment(rig: Rig) -> None:
    """That when the questions go out, however long the answers take."""
    times: Iterator[float] = iter((20.0, 30.0, 40.0))
    rig.counters.read(rig.ledger, lambda: next(times))
    assert rig.ledger.known((S1, "hv1", "hv3"), 20.0 + STALE) and not rig.ledger.known((S1, "hv1", "hv3"), 20.1 + STALE)


def test_what_is_not_counted_any_more_is_forgotten(rig: Rig) -> None:
    key = (S1, "hv1", "hv3")
    for _ in range(12):
        rig.carry(key, 100, 80)
        rig.read()
    del rig.world["hv3"].vifs["t1-p3"]
    rig.world.report("hv3")
    rig.world.settle()
    rig.read()
    assert key not in rig.counters.known and key not in rig.ledger.busy(rig.now) and not rig.ledger.findings(rig.now)


def test_what_a_chassis_counted_that_leaves_is_forgotten(rig: Rig) -> None:
    rig.read()
    rig.world.disconnect("hv3")
    rig.read()
    assert any("hv3" in key for key in rig.counters.known), "it may come back"
    rig.world.lose("hv3", left=True)
    rig.world.settle()
    rig.read()
    assert not any("hv3" in key for key in rig.counters.known)


def test_a_tunnel_that_comes_by_another_port_is_the_same_pair(rig: Rig) -> None:
    rig.read()
    keys = set(rig.counters.known)
    world = rig.world
    ip = world["hv3"].encap_ip
    world["hv1"].tunnels[ip] = type(world["hv1"].tunnels[ip])(ip, "vx-hv3", 77, True)
    world.report("hv1")
    world.settle()
    rig.talking.counts[("hv1", rig.flow("hv1", True, S1, 77))] = 9
    rig.read()
    assert rig.counters.known == keys == rig.known()


def test_counters_of_nobodys_are_passed_over(rig: Rig) -> None:
    oxm = struct.pack("!IQ", TUN_ID.header | TUN_ID.size, 5)
    rig.world["hv1"].switch.flows[TUN_COUNT_OUT.number, 9, oxm] = 0x77, b""
    rig.read()
    assert {key[0] for key in rig.counters.known} == {S1, S2, UP}
