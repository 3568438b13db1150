"""The hands of traces over a real loop and engine: what is sent, heard, waited for and observed, and pings that come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import eventlet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.engine.events import PlanTunnels, Read, Remember, Send
from ryu_overlay.oam.frames import answer_of, echo_of
from ryu_overlay.oam.pinging import Echo, Summary
from ryu_overlay.oam.start import Start, Traffic, start
from ryu_overlay.oam.world import Unable
from ryu_overlay.openflow.actions import Instructions, Punt
from ryu_overlay.openflow.fields import IN_PORT
from ryu_overlay.openflow.flow import Block, Flow, make_match
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.openflow.messages import EXPERIMENTER, PACKET_OUT, STATS_FLOW, meter_request
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.registers import PROBE
from ryu_overlay.southbound import probes as module
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.probes import Probes
from ryu_overlay.southbound.switches import NoAnswer
from tests.unit.engine.outdoors import outdoors
from tests.unit.oam.bridges import dumped
from tests.unit.oam.pretend_bridge import Bridge
from tests.unit.southbound.test_punts import packet_in

UNTIL = 5.0
FROM, TO = "t1-p1", "t1-p2"
FLOW = Flow(0, 9, make_match({IN_PORT: 7}), Instructions((Punt(),)), Why(Feature.PUNT_GUEST).cookie)


class Rig:
    """A world whose bridges work by themselves, with packets, too. `guests` serve everything, `deaf` bridges do nothing."""

    def __init__(self) -> None:
        self.world = outdoors()
        self.loop = Loop(self.world.engine)
        for effect in (Send, Read, PlanTunnels, Remember):
            self.loop.hand(effect, self.world._carry_out)
        self.sent: list[tuple[int, bytes]] = []
        self.asked: list[int] = []
        self.answer: Callable[[int], list[bytes]] = lambda dpid: [b""]
        self.deaf: set[str] = set()
        self.confirms = True
        self.probes = Probes(self.loop, self)  # type: ignore[arg-type]
        self.bridges = {name: self._bridge(name) for name in self.world.hypervisors}

    def _bridge(self, name: str) -> Bridge:
        groups = {group.number: group for group in self.world.engine.programs[name].groups()}
        dpid = self.world[name].switch.dpid
        return Bridge(Lookup(()), groups, lambda data: self.probes.heard(dpid, data), lambda *out: self._out(name, *out))

    def send(self, dpid: int, out: tuple[bytes, ...]) -> None:
        """In place of switches."""
        [name] = [name for name, hv in self.world.hypervisors.items() if hv.switch.dpid == dpid]
        for data in out:
            self.sent.append((dpid, data))
            if name not in self.deaf:
                eventlet.spawn_n(self._in(name).message, data)

    def ask(self, dpid: int, request: Callable[[int], bytes]) -> list[bytes]:
        self.asked.append(dpid)
        data = request(1)
        if data[8:10] != STATS_FLOW.to_bytes(2, "big"):
            return self.answer(dpid)
        [name] = [name for name, hv in self.world.hypervisors.items() if hv.switch.dpid == dpid]
        return [dumped(flow) for flow in self.world.engine.programs[name].flows() if flow.table == data[16]]

    def _in(self, name: str) -> Bridge:
        program = self.world.engine._desired(name)
        assert program is not None
        self.bridges[name].lookup = Lookup(program.flows())
        return self.bridges[name]

    def _out(self, name: str, ofport: int, tun_id: int, frame: bytes) -> None:
        here = self.world[name]
        far = next((str(ip) for ip, port in here.tunnels.items() if port.ofport == ofport), None)
        if far is not None:
            [there] = [hv for hv in self.world.hypervisors.values() if str(hv.encap_ip) == far]
            back = there.tunnels[here.encap_ip].ofport
            self._in(there.name).receive(frame, back, tun_id)
        elif (answer := answer_of(frame, 7)) is not None:
            self._in(name).receive(answer, ofport)

    def pump(self) -> None:
        while True:
            for hv in self.world.hypervisors.values() if self.confirms else ():
                hv.switch.work()
                while hv.switch.outbox:
                    self.loop.post(hv.switch.outbox.popleft())
            eventlet.sleep(0.001)

    def start(self, sender: str = FROM, to: str = TO) -> Start:
        return start(self.world.network, sender, to, Traffic())

    def until(self, what: Callable[[], object]) -> None:
        with eventlet.Timeout(UNTIL):
            while not what():
                eventlet.sleep(0.001)

    def at_rest(self) -> None:
        """Nothing of probes is left, and the bridges have what the network asks for."""
        register = self.probes.tracer._register
        assert not register._journeys and not register._answers and not self.probes.tracer._running
        self.until(lambda: all(self.world.engine.settled(name) for name in self.world.hypervisors))
        self.world.assert_converged()


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    threads = [eventlet.spawn(made.pump), eventlet.spawn(made.loop.run)]
    yield made
    for thread in threads:
        thread.kill()


def test_a_trace_over_real_hands(rig: Rig) -> None:
    report = rig.probes.tracer.trace(rig.start(), deliver=True)
    assert report.verdict.kind == "ok", report.verdict
    assert report.there.places[0].hop.name == FROM and report.there.places[-1].hop.name == TO
    rig.at_rest()


def test_pings_end_with_a_summary(rig: Rig) -> None:
    told = list(rig.probes.ping(rig.start(), 3, 0.0))
    *echoes, last = told
    assert [(e.seq, e.kind) for e in echoes if isinstance(e, Echo)] == [(1, "ok"), (2, "ok"), (3, "ok")]
    assert isinstance(last, Summary) and (last.sent, last.received, last.network_lost) == (3, 3, 0)
    numbers = {echo_of(data[24 + int.from_bytes(data[16:18], "big") :]) for _, data in rig.sent if data[1] == PACKET_OUT}
    assert {seq for _, seq in numbers} == {1, 2, 3} and len({ident for ident, _ in numbers}) == 1
    rig.at_rest()


def test_a_ping_that_cannot_even_be_sent_is_refused(rig: Rig) -> None:
    rig.world.disconnect("hv1")
    with pytest.raises(Unable):
        next(rig.probes.ping(rig.start(), 3, 0.0))


def test_one_that_cannot_be_sent_later_is_told_as_it_is(rig: Rig) -> None:
    told = rig.probes.ping(rig.start(), 3, 0.0)
    first = next(told)
    rig.world.disconnect("hv1")
    second = next(told)
    rig.world.connect("hv1")
    third, last = told
    assert [e.kind for e in (first, second, third) if isinstance(e, Echo)] == ["ok", "chassis_away", "ok"]
    assert isinstance(last, Summary) and (last.sent, last.received, last.network_lost) == (3, 2, 1)


def test_nothing_is_left_of_pings_that_nobody_listens_to(rig: Rig) -> None:
    told = rig.probes.ping(rig.start(), 100, 0.0)
    next(told)
    told.close()  # type: ignore[attr-defined]
    rig.at_rest()
    assert not rig.probes._waiting


def test_nothing_is_left_of_one_who_is_killed_while_he_waits(rig: Rig) -> None:
    rig.deaf = {"hv2"}
    thread = eventlet.spawn(rig.probes.tracer.trace, rig.start(), None, True)
    rig.until(lambda: rig.probes._waiting)
    thread.kill()
    rig.until(lambda: thread.dead)
    rig.at_rest()


def test_several_at_once(rig: Rig) -> None:
    threads = [
        eventlet.spawn(rig.probes.tracer.trace, rig.start(*ends), None, True) for ends in ((FROM, TO), (TO, FROM), ("t1-p3", TO))
    ]
    reports = [thread.wait() for thread in threads]
    assert [(r.verdict.kind, r.there.places[0].hop.name) for r in reports] == [("ok", FROM), ("ok", TO), ("ok", "t1-p3")]
    rig.at_rest()


def test_waiting_ends_with_what_was_heard(rig: Rig) -> None:
    heard: list[int] = []
    waiters = [eventlet.spawn(rig.probes.wait, lambda n=n: len(heard) >= n, UNTIL) for n in (0, 1, 2)]
    eventlet.sleep(0)
    assert waiters[0].dead and not waiters[1].dead
    for expected in ([True, True, False], [True, True, True]):
        heard.append(0)
        rig.probes.heard(1, b"anything")
        eventlet.sleep(0)
        eventlet.sleep(0)
        assert [bool(waiter.dead) for waiter in waiters] == expected
    assert all(waiter.wait() for waiter in waiters) and not rig.probes._waiting


def test_waiting_ends_with_its_time(rig: Rig) -> None:
    assert not rig.probes.wait(lambda: False, 0.001)
    assert not rig.probes.wait(lambda: False, 0)
    assert rig.probes.wait(lambda: True, 0)
    assert not rig.probes._waiting


@given(st.binary(max_size=120), st.integers(0, 60))
def test_any_bytes_do_no_harm(noise: bytes, at: int) -> None:
    rig = _SHARED[0] if _SHARED else Rig()
    _SHARED[:] = [rig]
    before = rig.probes.unknown
    whole = packet_in(Why(Feature.PUNT_SEEN).cookie, {PROBE.field: 1}, b"x" * 60)
    guests = packet_in(Why(Feature.PUNT_GUEST).cookie, {IN_PORT: 4}, b"\xff" * 20)
    for data in (noise, whole[:at] + noise, whole[:at] + noise + whole[at + len(noise) :], guests[:at] + noise):
        rig.probes.heard(1, data)
        rig.probes.heard(99, data)
    assert rig.probes.unknown > before


_SHARED: list[Rig] = []
"""Only what was heard changes."""


def test_what_nobody_waits_for_is_counted(rig: Rig) -> None:
    rig.probes.heard(1, packet_in(Why(Feature.PUNT_SEEN).cookie, {PROBE.field: 1}, b"x" * 60))
    assert rig.probes.unknown == 1
    rig.probes.heard(1, packet_in(Why(Feature.PUNT_GUEST).cookie, {IN_PORT: 4}, b"x" * 60))
    assert rig.probes.unknown == 1 and [dpid for dpid, _ in rig.sent] == [1], "a guest's own packet goes on"


def test_observed_flows_are_there_when_it_is_said_so(rig: Rig) -> None:
    blocks = {"hv1": Block((FLOW,)), "hv3": Block((FLOW,))}
    assert rig.probes.observe("mine", blocks)
    assert [name for name, hv in rig.world.hypervisors.items() if FLOW.key in hv.switch.flows] == ["hv1", "hv3"]
    assert rig.probes.observe("mine", None)
    rig.at_rest()


def test_a_bridge_that_does_not_confirm(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CONFIRMED_WITHIN", 0.01)
    rig.confirms = False
    assert not rig.probes.observe("mine", {"hv1": Block((FLOW,))})
    rig.confirms = True
    assert rig.probes.observe("mine", None)
    rig.at_rest()


def test_who_does_not_answer_is_silent(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rig.probes.ask("hv1", meter_request) == [b""] and rig.asked == [1]
    rig.answer = _silent
    assert rig.probes.ask("hv1", meter_request) is None
    monkeypatch.setattr(module, "_ANSWERED_WITHIN", 0.001)
    rig.answer = lambda dpid: eventlet.sleep(UNTIL) or []
    assert rig.probes.ask("hv1", meter_request) is None
    assert rig.probes.ask("hv9", meter_request) is None
    rig.world.disconnect("hv1")
    assert rig.probes.ask("hv1", meter_request) is None and rig.asked == [1, 1, 1]


def _silent(dpid: int) -> list[bytes]:
    raise NoAnswer("it is silent")


def test_messages_go_to_bridges_that_are_there(rig: Rig) -> None:
    rig.deaf = {"hv1"}
    rig.probes.send("hv1", b"message")
    rig.probes.send("hv9", b"message")
    assert rig.sent == [(1, b"message")]
    rig.world.disconnect("hv1")
    rig.probes.send("hv1", b"message")
    assert rig.sent == [(1, b"message")]


def test_the_world_is_the_engine_s(rig: Rig) -> None:
    world = rig.probes.world()
    assert world.network is rig.world.network and world.bound[FROM][0] == "hv1"
    assert EXPERIMENTER not in {data[1] for _, data in rig.sent}
