"""The hands of steady monitoring: probes out and in, a clock that is patient, what is planned, told and remembered."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from ipaddress import IPv4Address

import eventlet
import pytest
from eventlet.queue import LightQueue

from ryu_overlay.engine.events import SwitchTouched
from ryu_overlay.health.elements import LAYERS, read_element
from ryu_overlay.health.frames import room_out
from ryu_overlay.health.probes import Probe
from ryu_overlay.health.report import Silence
from ryu_overlay.oam.arp import announcement
from ryu_overlay.openflow.fields import CT_MARK, IN_PORT, TUN_ID
from ryu_overlay.openflow.messages import PACKET_OUT
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.tables import ECHO_BACK_VNI, LR_OUT_TRANSLATED, LS_IN_LOOKUP, PHY_IN_PORT, ROOM_VNI
from ryu_overlay.southbound import monitor as module
from tests.unit.engine.outdoors import outdoors
from tests.unit.engine.world import World, port, tenant
from tests.unit.southbound.test_punts import packet_in
from tests.unit.southbound.watched import PROBED, Watched, both_ways, sent

NAMES = ("hv1", "hv2", "hv3")
PAIRS = {(a, b) for a in NAMES for b in NAMES if a != b}
Make = Callable[..., Watched]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda world=None, guests_every=0.0: Watched(world or outdoors(), monkeypatch, guests_every)


@pytest.fixture
def watched(make: Make) -> Watched:
    return make()


def probe(watched: Watched) -> tuple[Probe, bytes]:
    """A probe on its way, of which nothing was heard yet, and its frame."""
    while not any(data[1] == PACKET_OUT for _, data in watched.talking.sent):
        watched.clock.go(0.02)
        watched.monitor._step()
    name, data = next(each for each in watched.talking.take() if each[1][1] == PACKET_OUT)
    found = next(p.probe for p in watched.monitor.watch.prober._pending.values() if p.probe.sender == name)
    out = sent(data)
    assert out is not None
    return found, out[2]


def passed(watched: Watched, a: str, b: str) -> bool:
    direction = watched.monitor.watch.prober.directions.get((a, b, False))
    return direction is not None and direction.passed_at is not None


# -- probes


def test_all_is_tried_both_ways_and_nothing_is_told_of_what_is_well(watched: Watched) -> None:
    watched.run(6.0)
    directions = watched.monitor.watch.prober.directions
    assert {key[:2] for key in directions} == PAIRS and all(d.passed_at and not d.run for d in directions.values())
    assert {pair[:2] for pair in watched.probes} == PAIRS and not watched.told and not watched.monitor.failures
    assert watched.monitor.watched("underlay") == (6, 0)


def test_full_sized_probes_are_as_large_as_guests_may_send(watched: Watched) -> None:
    watched.run(6.0)
    assert watched.world.engine.mtu == 1350
    assert {size for *_, size in watched.probes} == {14 + 84, 14 + 1350}


def test_as_many_are_counted_as_were_sent(watched: Watched) -> None:
    del watched.world["hv1"].tunnels[IPv4Address("172.31.0.2")]
    watched.world.report("hv1")
    watched.run(4.0)
    assert watched.monitor.watch.prober.sent == len(watched.probes)


def test_a_probe_is_heard_where_it_comes_and_where_it_comes_back(watched: Watched) -> None:
    of, frame = probe(watched)
    assert watched.tell(of.receiver, Feature.PUNT_ECHO, PROBED, frame)
    assert passed(watched, of.sender, of.receiver) and not passed(watched, of.receiver, of.sender)
    assert watched.tell(of.sender, Feature.PUNT_ECHO, {TUN_ID: ECHO_BACK_VNI}, frame)
    assert passed(watched, of.receiver, of.sender)


def test_a_probe_in_a_networks_vni_crosses(watched: Watched) -> None:
    watched.run(1.0)
    burst = watched.monitor.watch.prober.schedule.burst(("hv1", "hv3"), 3, watched.monitor._clock, vni=101)
    watched.run(0.5)
    assert (burst.left, burst.lost, burst.count) == (0, 0, 3)


def test_a_probe_with_other_bytes_is_heard_as_such(watched: Watched) -> None:
    of, frame = probe(watched)
    assert watched.tell(of.receiver, Feature.PUNT_ECHO, PROBED, frame[:-1] + bytes([frame[-1] ^ 1]))
    assert len(watched.monitor.watch.prober.directions[of.sender, of.receiver, of.full].corrupted) == 1


def test_what_comes_out_elsewhere_is_told_of(watched: Watched) -> None:
    of, frame = probe(watched)
    (third,) = {*NAMES} - {of.sender, of.receiver}
    assert watched.tell(third, Feature.PUNT_ECHO, PROBED, frame)
    assert watched.monitor.watch.prober.misled[of.sender, of.receiver][0] == third
    assert not passed(watched, of.sender, of.receiver)


def test_only_what_tells_of_tunnels_is_taken(watched: Watched) -> None:
    of, frame = probe(watched)
    for feature in {*Feature} - {Feature.PUNT_ECHO, Feature.PUNT_CROSSED}:
        assert not watched.tell(of.receiver, feature, PROBED, frame), feature
    assert not passed(watched, of.sender, of.receiver)


def test_probes_of_traces_are_left_to_them(watched: Watched) -> None:
    assert not watched.tell("hv1", Feature.PUNT_CROSSED, PROBED, bytes(100))
    assert not watched.monitor.heard(1, packet_in(0x1234, PROBED, bytes(100)))


def test_a_bridge_that_is_nobodys_tells_nothing(watched: Watched) -> None:
    of, frame = probe(watched)
    assert watched.monitor.heard(99, packet_in(Why(Feature.PUNT_ECHO).cookie, PROBED, frame))
    assert not passed(watched, of.sender, of.receiver)


def test_what_is_cut_short_is_refused(watched: Watched) -> None:
    whole = packet_in(Why(Feature.PUNT_ECHO).cookie, PROBED, b"")
    for length in range(8, len(whole)):
        with pytest.raises((struct.error, ValueError)):
            watched.monitor.heard(1, whole[:length])
    assert not watched.monitor.heard(1, whole)


def test_without_a_tunnel_nothing_is_sent_and_nothing_lost(watched: Watched) -> None:
    """Not from the one that has it, either: nobody could send it back."""
    del watched.world["hv1"].tunnels[IPv4Address("172.31.0.2")]
    watched.world.report("hv1")
    watched.run(8.0)
    assert {p[:2] for p in watched.probes} == PAIRS - both_ways("hv1", ["hv2"])
    assert not any(d.run or d.strays(0.0) for d in watched.monitor.watch.prober.directions.values())
    assert watched.kinds() == {("tunnel_missing", "tunnel hv1>hv2")}


def test_to_one_that_is_being_told_what_to_do_nothing_is_sent(watched: Watched) -> None:
    watched.world.disconnect("hv3")
    watched.world.connect("hv3")
    watched.run(3.0)
    assert {p[:2] for p in watched.probes} == both_ways("hv1", ["hv2"]) and not watched.told
    watched.world.settle()
    watched.run(3.0)
    assert {p[:2] for p in watched.probes} == PAIRS and not watched.told


def test_one_whose_channel_is_cut_is_tried_by_others(watched: Watched) -> None:
    watched.run(2.0)
    watched.world.disconnect("hv3")
    watched.probes.clear()
    watched.run(3.0)
    assert {p[:2] for p in watched.probes} == both_ways("hv1", ["hv2"]) | {("hv1", "hv3"), ("hv2", "hv3")}
    assert watched.kinds() == {("channel_down", "channel hv3")}


def test_of_one_whose_channel_is_cut_nothing_else_is_told(watched: Watched) -> None:
    """What it gets in a network's VNI it cannot tell of."""
    for second in range(12):
        watched.run(1.0)
        watched.count()
        if second == 2:
            watched.world.disconnect("hv2")
    assert {(fault.verdict.kind, fault.verdict.element.text) for fault in watched.told} == {("channel_down", "channel hv2")}


def test_before_the_network_is_known_nothing_is_done(make: Make) -> None:
    watched = make(World(2))
    watched.run(2.0)
    assert not watched.probes and not watched.told and watched.monitor.watched("host") == (0, 0)


# -- faults


def test_a_dead_link_is_told_within_a_second_and_so_is_its_end(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    watched.run(5.0)
    watched.cut = both_ways("hv1", ["hv2", "hv3"])
    watched.run(1.2)
    assert watched.kinds() == {("down", "link hv1")}
    (fault,) = watched.told
    assert fault.impact.tenants == ("t1",) and "t1-p1" in fault.impact.ports
    watched.cut = set()
    watched.run(13.0)
    assert watched.kinds() == set() and watched.told[-1].until is not None
    words = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == module.__name__]
    assert words[0] == ("WARNING", f"fault {fault.id} (underlay): link hv1 carries nothing")
    assert words[-1] == ("INFO", f"over {fault.id} (underlay): link hv1 carries nothing")


def test_a_hung_vswitch_is_asked_and_told(watched: Watched) -> None:
    watched.run(3.0)
    watched.hung = {"hv2"}
    watched.run(1.5)
    assert watched.kinds() == {("vswitch_hung", "vswitch hv2")}


def test_a_flow_that_was_missing_is_told_from_then_on(watched: Watched) -> None:
    watched.run(2.0)
    world = watched.world
    lost = next(k for k, v in world["hv1"].switch.ours.items() if k[0] == LS_IN_LOOKUP.number and v[0] & 0xFFFFFF == 141)
    del world["hv1"].switch.flows[lost]
    world.now = watched.clock.time()
    world.step(SwitchTouched(1))
    world.settle()
    watched.run(0.5)
    (fault,) = watched.told
    assert (fault.verdict.kind, fault.verdict.element.text) == ("flow_missing", "flow hv1 ls_in_lookup port t1/s1/t1-p1")
    assert fault.since == pytest.approx(world.now)


def test_an_uplink_that_nobody_carries_is_told_after_5_s(watched: Watched) -> None:
    watched.run(1.0)
    for name in ("hv1", "hv2"):
        watched.world[name].mappings = {}
    watched.world.report("hv1", "hv2")
    watched.world.settle()
    watched.run(4.9)
    assert not watched.told
    watched.run(0.4)
    assert watched.kinds() == {("no_gateway", "router-port t1/r/up")}


# -- time


def test_a_pause_of_the_controller_hardly_moves_the_clock(watched: Watched) -> None:
    watched.run(1.0)
    before = watched.monitor._clock
    assert before == pytest.approx(1.0)
    watched.clock.go(2.0)
    watched.monitor._step()
    assert 0 < watched.monitor._clock - before <= 0.06 + 1e-9
    watched.run(1.0)
    assert watched.monitor._clock == pytest.approx(before + 1.06)


def test_pauses_of_the_controller_are_no_fault(watched: Watched) -> None:
    for _ in range(6):
        watched.run(1.5)
        watched.clock.go(2.0)
        watched.monitor._step()
        watched._bridges()
    assert not watched.told


# -- what bridges are asked for now and then


@pytest.mark.parametrize("has", [True, False])
def test_room_is_told_of_by_the_mark(watched: Watched, has: bool) -> None:
    watched.run(0.1)
    watched.count()
    watched.talking.counted("hv1", LR_OUT_TRANSLATED.number, Why(Feature.DROP_NAT_EXHAUSTED), 9)
    watched.count()
    data = room_out()
    frame = data[24 + struct.unpack_from("!H", data, 16)[0] :]
    assert ("hv1", data) in watched.talking.sent
    assert watched.tell("hv1", Feature.PUNT_ECHO, {TUN_ID: ROOM_VNI, **({CT_MARK: 1} if has else {})}, frame)
    (found,) = watched.monitor._lost.exhausted()
    assert (found.chassis, found.room) == ("hv1", has)


@pytest.mark.parametrize(("table", "taken"), [(LS_IN_LOOKUP.number, True), (PHY_IN_PORT.number, False), (70, False)])
def test_a_guest_answers_where_only_its_bridge_can_say_so(make: Make, table: int, taken: bool) -> None:
    watched = make(guests_every=2.0)
    for _ in range(8):
        watched.run(1.0)
        watched.count()
    assert watched.monitor._guests.silent() == ("t1-p1", "t1-p2", "t1-p3", "t1-p4")
    said = announcement("02:01:00:01:00:01", IPv4Address("10.0.1.11"))
    for frame in (said, said[:30], b""):
        assert not watched.tell("hv1", Feature.PUNT_GUEST, {IN_PORT: 1001}, frame, table), "it may be a trace's, too"
    assert ("t1-p1" not in watched.monitor._guests.silent()) is taken


def test_groups_that_differ_are_audited(watched: Watched) -> None:
    watched.run(0.1)
    watched.count()
    assert not watched.talking.posted
    group = watched.world["hv2"].switch.groups.pop(130)
    watched.run(3.0)
    watched.count()
    watched.run(1.0)
    watched.count()
    assert watched.talking.posted == [SwitchTouched(2)], "every 3 s"
    watched.world["hv2"].switch.groups[130] = group[0], b""
    watched.run(2.2)
    watched.count()
    assert watched.talking.posted == [SwitchTouched(2)] * 2
    watched.world["hv2"].switch.groups |= {130: group, 1 << 28: (0, b"somebody else's")}
    watched.run(3.2)
    watched.count()
    assert len(watched.talking.posted) == 2


def test_silent_bridges_are_asked_for_nothing_else(watched: Watched) -> None:
    watched.run(2.0)
    watched.hung = {"hv1"}
    watched.run(2.0)
    watched.talking.asked.clear()
    watched.count()
    assert {*watched.talking.asked} == {"hv2", "hv3"}


# -- the plan


def test_a_few_pairs_are_all_tried_and_the_certificate_says_what_that_tells(watched: Watched) -> None:
    watched.run(0.1)
    found = watched.monitor.certificate
    assert found is not None and (found.chassis, found.paths, found.mesh) == (3, 3, 3)
    assert found.complete and not found.alike and not found.unseen


def large(hypervisors: int) -> World:
    world = World(hypervisors)
    world.edit(*tenant(1), *(port(1, 1, n) for n in range(1, hypervisors + 1)))
    for n in range(1, hypervisors + 1):
        world[f"hv{n}"].plug(f"t1-p{n}")
    world.start()
    return world


def test_of_many_pairs_some_are_planned_that_tell_each_link_from_every_other(make: Make) -> None:
    watched = make(large(6))
    watched.run(3.0)
    found = watched.monitor.certificate
    assert found is not None and (found.chassis, found.mesh) == (6, 15) and found.paths < 12 and found.complete
    tried = {tuple(sorted(p[:2])) for p in watched.probes}
    assert len(tried) == found.paths and {name for pair in tried for name in pair} == {f"hv{n}" for n in range(1, 7)}
    assert not watched.told


def test_the_plan_follows_what_shares_a_network(make: Make) -> None:
    watched = make(large(3))
    watched.run(1.0)
    watched.probes.clear()
    del watched.world["hv3"].vifs["t1-p3"]
    watched.world.report("hv3")
    watched.world.settle()
    watched.run(2.0)
    assert {p[:2] for p in watched.probes} == both_ways("hv1", ["hv2"])
    assert watched.monitor.certificate is not None and watched.monitor.certificate.paths == 1


def test_what_is_the_same_is_not_planned_anew(make: Make) -> None:
    watched = make(large(3))
    watched.run(0.1)
    found = watched.monitor.certificate
    wanted = watched.world.engine.tunnels_wanted
    watched.world.edit(port(1, 1, 9))
    watched.world["hv1"].plug("t1-p9")
    watched.world.tell()
    watched.world.report("hv1")
    watched.world.settle()
    watched.run(0.1)
    assert watched.world.engine.tunnels_wanted is not wanted and watched.monitor.certificate is found


# -- who is told


class Hasty(LightQueue):  # type: ignore[misc]
    """Waits a thousandth of the time."""

    def get(self, block: bool = True, timeout: float | None = None) -> object:
        return super().get(block, None if timeout is None else timeout / 1000)


def test_who_listens_hears_of_what_lasts_then_of_news_and_a_beat_in_between(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LightQueue", Hasty)
    watched.run(5.0)
    watched.cut = both_ways("hv1", ["hv2", "hv3"])
    watched.run(1.5)
    late = watched.monitor.listen()
    first = next(late)
    assert first is not None and first.verdict.element.text == "link hv1" and first.until is None
    assert next(late) is None and next(late) is None
    watched.cut = set()
    watched.run(13.0)
    over = next(late)
    assert over is not None and over.id == first.id and over.until is not None
    assert next(late) is None
    late.close()  # type: ignore[attr-defined]
    assert not watched.monitor._listeners
    assert next(watched.monitor.listen()) is None, "what is over does not last"


def test_one_who_does_not_listen_misses_the_oldest_and_keeps_nobody(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LightQueue", Hasty)
    watched.run(5.0)
    slow = watched.monitor.listen()
    assert next(slow) is None
    watched.cut = both_ways("hv1", ["hv2", "hv3"])
    watched.run(1.5)
    (fault,) = watched.told
    for _ in range(1500):
        watched.monitor._tell(fault)
    heard = [next(slow) for _ in range(1000)]
    assert heard == [fault] * 1000 and next(slow) is None


def test_silences_are_kept_and_remembered(watched: Watched, make: Make) -> None:
    watched.run(5.0)
    watched.monitor.silence(Silence("element", "link hv1", None, "work"))
    watched.monitor.silence(Silence("chassis", "hv2", watched.clock.time() + 60.0))
    watched.cut = both_ways("hv1", ["hv2", "hv3"])
    watched.run(1.5)
    assert [fault.quiet for fault in watched.told] == ["silenced"]
    other = make(watched.world)
    other.monitor.remembered(watched.kept[-1])
    assert other.monitor.book.silences(other.clock.time()) == watched.monitor.book.silences(watched.clock.time())
    assert len(other.monitor.book.silences(other.clock.time())) == 2
    assert watched.monitor.unsilence("element", "link hv1") and not watched.monitor.unsilence("element", "link hv1")
    other.monitor.remembered("")
    assert len(other.monitor.book.silences(other.clock.time())) == 2
    third = make(watched.world)
    third.monitor.remembered(watched.kept[-1])
    assert [s.name for s in third.monitor.book.silences(third.clock.time())] == ["hv2"]


def test_the_ground_is_the_same_while_nothing_changed(watched: Watched) -> None:
    before = watched.monitor.ground()
    watched.world.tick()
    assert watched.monitor.ground() is before
    watched.world.edit(port(1, 1, 9))
    watched.world.tell()
    assert watched.monitor.ground() is not before and watched.monitor.ground().network is watched.world.network


def test_impact_is_of_things_as_they_are(watched: Watched) -> None:
    assert watched.monitor.impact(read_element("vnic hv1 t1-p1")).ports == ("t1-p1",)
    assert watched.monitor.impact(read_element("vnic hv2 t1-p1")).ports == ()


# -- what is watched


def test_how_much_of_each_layer_is_watched_and_known(watched: Watched) -> None:
    watched.run(2.0)
    watched.count()
    keys = len(watched.monitor._counters.known)
    assert keys > 4
    expected = {"underlay": (6, 0), "tunnel": (keys, 0), "host": (3, 0), "virtual": (3, 0), "guest": (4, 0)}
    assert {layer: watched.monitor.watched(layer) for layer in LAYERS} == expected
    watched.run(3.5)
    assert watched.monitor.watched("tunnel") == (keys, keys), "nobody read the counters"


def test_what_a_silent_chassis_hides_counts_once(watched: Watched) -> None:
    watched.run(2.0)
    watched.count()
    watched.hung = {"hv3"}
    watched.run(2.0)
    watched.count()
    assert watched.monitor.watched("underlay") == (2, 0) and watched.monitor.watched("host") == (3, 1)
    assert watched.monitor.watched("tunnel") == (sum("hv3" not in key for key in watched.monitor._counters.known), 0)
    watched.world.lose("hv3")
    assert watched.monitor.watched("guest") == (4, 2)


def test_what_is_down_is_known(watched: Watched) -> None:
    watched.run(2.0)
    watched.cut = both_ways("hv1", ["hv2", "hv3"])
    watched.run(6.0)
    assert watched.monitor.watched("underlay") == (6, 0)


def test_what_was_not_tried_lately_is_unknown_and_then_not_watched(watched: Watched) -> None:
    watched.run(2.0)
    watched.monitor.watch.prober.schedule.steady([], watched.monitor._clock)
    watched.run(5.0)
    assert watched.monitor.watched("underlay") == (6, 6)
    watched.run(26.0)
    assert watched.monitor.watched("underlay") == (0, 0)


# -- greenthreads


def test_a_failure_is_counted_ends_nothing_and_is_not_called_well(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(eventlet, "sleep", pauses.append)
    calls = iter([None, ZeroDivisionError(), None, GreenletEnd()])

    def step() -> None:
        raised = next(calls)
        if raised is not None:
            raise raised

    watched.run(2.0)
    with pytest.raises(GreenletEnd):
        watched.monitor._run(0.02, step)
    assert watched.monitor.failures == 1 and pauses == [0.02, 0.02, 1.0, 0.02, 0.02]
    assert watched.monitor.watched("host") == (3, 3)
    watched.run(10.1)
    assert watched.monitor.watched("host") == (3, 0)


class GreenletEnd(BaseException):
    """In the place of what ends a greenthread."""


def test_both_greenthreads_begin(watched: Watched) -> None:
    monitor, begun = watched.monitor, list[tuple[float, object]]()
    monitor._run = lambda *what: begun.append(what)  # type: ignore[method-assign]
    monitor.start()
    eventlet.sleep(0)
    assert begun == [(0.02, monitor._step), (1.0, monitor._count)]
