"""Captures from start to end: flows and meters on bridges while they last, packets in, a stream out, and nothing left behind."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from typing import Any

import eventlet
import pytest
from scapy.utils import RawPcapNgReader

from ryu_overlay.engine.events import PlanTunnels, Read, Remember, Send
from ryu_overlay.oam.capture import Busy, NotPossible, NotReady, Wanted
from ryu_overlay.oam.filters import parse_filter
from ryu_overlay.oam.looking import BITS
from ryu_overlay.oam.responder import Responder
from ryu_overlay.openflow import messages
from ryu_overlay.openflow.fields import TUN_ID, Field
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.tables import CAPTURE_METERS
from ryu_overlay.southbound import capture as module
from ryu_overlay.southbound.capture import Capture
from ryu_overlay.southbound.captures import MAX_CAPTURES, Captures
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.punts import Punts
from tests.unit.engine.outdoors import outdoors
from tests.unit.oam.test_pcapng import blocks, options
from tests.unit.southbound.test_punts import packet_in

NAT = ("uplink:t1/r/up/before-nat", "uplink:t1/r/up/after-nat")
UNTIL = 5.0


class Rig:
    """A world whose bridges work by themselves, and captures there. `meters` are (packets, dropped) by bridge and number."""

    def __init__(self) -> None:
        self.world = outdoors()
        self.loop = Loop(self.world.engine)
        for effect in (Send, Read, PlanTunnels, Remember):
            self.loop.hand(effect, self._carry_out)
        self.meters: dict[tuple[int, int], tuple[int, int]] = {}
        self.captures = Captures(self.loop, self, 5000)  # type: ignore[arg-type]

    def _carry_out(self, effect: Any) -> None:
        self.world._carry_out(effect)

    def pump(self) -> None:
        while True:
            for hv in self.world.hypervisors.values():
                hv.switch.work()
                while hv.switch.outbox:
                    self.loop.post(hv.switch.outbox.popleft())
            eventlet.sleep(0.001)

    def ask(self, dpid: int, request: Callable[[int], bytes]) -> list[bytes]:
        """In place of switches: the meters' statistics, with one band each."""
        assert request(1) == messages.meter_stats_request(1)
        counts = [(number, *both) for (of, number), both in self.meters.items() if of == dpid]
        return [b"".join(struct.pack("!IH6xIQQII QQ", n, 56, 0, passed, 0, 0, 0, dropped, 0) for n, passed, dropped in counts)]

    def start(self, *points: str, words: str = "", **limits: int) -> Capture:
        return self.captures.start(Wanted(points, parse_filter(words), **limits))

    def numbers(self, name: str = "hv1") -> dict[int, int]:
        """By table, the number in the cookie of a flow on the bridge that looks there."""
        found = {key[0]: read_cookie(value[0]) for key, value in self.world[name].switch.flows.items()}
        return {table: why.key for table, why in found.items() if why is not None and why.feature is Feature.PUNT_OBSERVED}

    def looking(self) -> set[str]:
        """The bridges that have flows or meters of captures."""
        switches = {name: hv.switch for name, hv in self.world.hypervisors.items()}
        features = {name: {read_cookie(v[0]) for v in switch.flows.values()} for name, switch in switches.items()}
        flows = {n for n, whys in features.items() if any(w is not None and w.feature is Feature.PUNT_OBSERVED for w in whys)}
        return flows | {name for name, switch in switches.items() if any(number in CAPTURE_METERS for number in switch.meters)}

    def send(self, number: int, frame: bytes, dpid: int = 1, fields: dict[Field, int] | None = None) -> None:
        why = Why(Feature.PUNT_OBSERVED, key=number)
        self.captures.heard(dpid, number, packet_in(why.cookie, fields or {}, frame))

    def until(self, what: Callable[[], object]) -> None:
        with eventlet.Timeout(UNTIL):
            while not what():
                eventlet.sleep(0.001)

    def at_rest(self) -> None:
        """Nothing of captures is left anywhere, and the bridges have what the network asks for."""
        self.until(lambda: not self.looking() and all(self.world.engine.settled(name) for name in self.world.hypervisors))
        self.world.assert_converged()
        assert self.captures.running() == []


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(module, "BEAT", 0.02)
    monkeypatch.setattr(module, "STRAGGLERS", 0.05)
    made = Rig()
    threads = [eventlet.spawn(made.pump), eventlet.spawn(made.loop.run)]
    yield made
    for thread in threads:
        thread.kill()


def read(stream: bytes) -> list[tuple[str, bytes, int]]:
    """(interface, frame, length it had) of each packet."""
    reader = RawPcapNgReader(io.BytesIO(stream))
    found: list[tuple[str, bytes, int]] = []
    while True:
        try:
            data, meta = reader._read_packet()
        except EOFError:
            return found
        found.append((meta.ifname.decode(), data, meta.wirelen))


def last(stream: bytes) -> list[tuple[int, int, str]]:
    """(received, dropped, comment) of each interface, as it was told last."""
    states: dict[int, tuple[int, int, str]] = {}
    for kind, body in blocks(stream):
        if kind == 5:
            told = options(body[12:])
            counts = [int.from_bytes(told[n], "little") for n in (4, 5)]
            states[int.from_bytes(body[:4], "little")] = counts[0], counts[1], told.get(1, b"").decode()
    return [states[number] for number in sorted(states)]


def test_packets_come_out_by_point_and_nothing_is_left_when_the_stream_ends(rig: Rig) -> None:
    capture = rig.start(*NAT, words="tcp port 80 and dst host 10.0.1.11", packets=3, snaplen=100)
    assert rig.looking() == {"hv1", "hv2", "hv3"} == set(capture.chassis)
    assert set(rig.numbers()) == {24, 28, 36, 50, 82}
    number = rig.numbers()
    rig.send(number[50], b"before" * 20)
    rig.send(number[82], b"after")
    rig.send(number[24], b"answer", dpid=2)
    stream = b"".join(capture)
    assert read(stream) == [(NAT[0], (b"before" * 20)[:100], 120), (NAT[1], b"after", 5), (NAT[0], b"answer", 6)]
    assert [dropped for _, dropped, _ in last(stream)] == [0, 0]
    assert {comment for _, _, comment in last(stream)} == {"ended after 3 packets"}
    assert rig.looking() == set() and capture.gone
    rig.at_rest()
    rig.send(number[50], b"late")


def test_the_last_counts_are_the_meters(rig: Rig) -> None:
    capture = rig.start("router-port:t1/r/s1", packets=10)
    (meter,) = capture.room.meters
    number = rig.numbers()
    for _ in range(3):
        rig.send(number[90], b"frame")
    rig.meters = {(1, meter.number): (9, 2), (2, meter.number): (1, 0), (2, 1): (50, 50)}
    capture.end("enough")
    told = "enough; not captured: 7 (2 above the rate, 5 lost on the way to the controller)"
    assert last(b"".join(capture)) == [(10, 7, told)]


def test_who_takes_the_stream_sees_that_it_goes_on_and_what_is_counted(rig: Rig) -> None:
    capture = rig.start("port:t1-p1")
    assert read(next(capture)) == []
    rig.meters = {(1, capture.room.meters[0].number): (4, 4)}
    rig.until(lambda: capture.tallies[0].passed == 4)
    assert last(next(capture)) == [(4, 4, "")]
    capture.close()
    rig.at_rest()


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_it_ends_when_nobody_takes_it_any_more(rig: Rig, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = rig.start("port:t1-p1/in")
    for _ in range(taken):
        next(capture)
    capture.close()
    capture.close()
    rig.at_rest()
    monkeypatch.setattr(module, "STALLED", 0.05)
    other = rig.start("port:t1-p1/in")
    for _ in range(taken):
        next(other)
    rig.at_rest()
    assert b"".join(other)


def test_it_ends_after_its_time_and_by_request(rig: Rig) -> None:
    capture = rig.start("port:t1-p1", seconds=1)
    assert {comment for *_, comment in last(b"".join(capture))} == {"ended after 1 s"}
    other = rig.start("port:t1-p1")
    assert [c.number for c in rig.captures.running()] == [other.number] and other.number != capture.number
    assert rig.captures.end(other.number) and not rig.captures.end(capture.number)
    rig.send(rig.numbers()[0], b"came before it was over")
    stream = b"".join(other)
    assert read(stream) == [("port:t1-p1", b"came before it was over", 23)]
    assert {comment for *_, comment in last(stream)} == {"ended by request"}
    rig.at_rest()


def test_what_cannot_wait_is_counted(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 4)
    capture = rig.start("port:t1-p1/in")
    for n in range(7):
        rig.send(rig.numbers()[0], bytes([n]))
    assert capture.tallies[0].crowded_out == 3
    capture.end("enough")
    stream = b"".join(capture)
    assert [data for _, data, _ in read(stream)] == [bytes([n]) for n in range(4)]
    assert last(stream) == [(7, 3, "enough; not captured: 3 (3 more than could be taken in)")]
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 300)
    capture = rig.start("port:t1-p1/in")
    for _ in range(5):
        rig.send(rig.numbers()[0], bytes(50))
    assert 0 < capture.tallies[0].crowded_out < 5
    capture.close()


def test_what_a_flow_looked_at_comes_here_and_goes_nowhere_else() -> None:
    heard: list[tuple[int, int, bytes]] = []
    punts = Punts(Responder(), pytest.fail, pytest.fail, lambda *what: heard.append(what))  # type: ignore[arg-type]
    data = packet_in(Why(Feature.PUNT_OBSERVED, key=77).cookie, {}, b"frame")
    assert punts.answer(5, data) is None and heard == [(5, 77, data)]


def test_a_packet_of_a_tunnel_has_its_network(rig: Rig) -> None:
    capture = rig.start("tunnel:hv1/hv3/in", packets=1)
    rig.send(rig.numbers()[4], b"inside", fields={TUN_ID: 77})
    assert b"hv1, vni 77" in b"".join(capture)


def test_several_look_at_the_same_point_without_knowing_of_each_other(rig: Rig) -> None:
    first, second = rig.start("port:t1-p1/in", packets=1), rig.start("port:t1-p1/in", words="icmp", packets=1)
    flows = [key for key, value in rig.world["hv1"].switch.flows.items() if key[0] == 0 and key[1] == 65002]
    assert len(flows) == 2
    assert {room.meters[0].number for room in (first.room, second.room)} == {100, 101}
    rig.send(first.room.slots[0, "in"][1], b"one")
    rig.send(second.room.slots[0, "in"][1], b"two")
    assert [read(b"".join(c))[0][1] for c in (second, first)] == [b"two", b"one"]
    rig.at_rest()


def test_it_goes_with_the_port(rig: Rig) -> None:
    capture = rig.start("port:t1-p1/in", packets=2)
    rig.send(rig.numbers()[0], b"here")
    rig.world["hv1"].vifs.clear()
    rig.world["hv2"].plug("t1-p1")
    rig.world.report("hv1", "hv2")
    rig.until(lambda: rig.numbers("hv2") and not rig.numbers("hv1"))
    rig.send(rig.numbers("hv2")[0], b"there", dpid=2)
    stream = b"".join(capture)
    assert [data for _, data, _ in read(stream)] == [b"here", b"there"] and b"hv2" in stream
    rig.at_rest()


def refusal(rig: Rig, *points: str, **limits: Any) -> tuple[type, str, str]:
    with pytest.raises(NotPossible) as caught:
        rig.start(*points, **limits)
    return type(caught.value), caught.value.field, caught.value.reason


def test_what_is_wrong_is_told_by_field_and_nothing_is_begun(rig: Rig) -> None:
    assert refusal(rig, "port:t1-p1", "port:x") == (NotPossible, "points[1]", "there is no port x")
    assert refusal(rig, "port:t1-p1", "port:t1-p1")[:2] == (NotPossible, "points[1]")
    rig.world.disconnect("hv1")
    assert refusal(rig, "port:t1-p1") == (NotReady, "points[0]", "hv1 is not connected")
    assert rig.captures.running() == []


def test_a_bridge_that_does_not_take_the_flows_is_named(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ryu_overlay.southbound.captures.BEGIN_WITHIN", 0.5)
    rig.world["hv2"].switch.refuses = lambda message: True
    assert refusal(rig, NAT[0]) == (NotReady, "points", "hv2 did not take the flows within 0.5 s")
    rig.world["hv2"].switch.refuses = lambda message: False
    rig.until(lambda: rig.captures.running() == [] and not rig.looking())


def test_there_is_room_for_so_many(rig: Rig) -> None:
    running = [rig.start("port:t1-p1/in", rate=1) for _ in range(MAX_CAPTURES)]
    assert refusal(rig, "port:t1-p1/in", rate=1)[0] is Busy
    running[3].close()
    rig.until(lambda: len(rig.captures.running()) == MAX_CAPTURES - 1)
    rig.start("port:t1-p1/in", rate=1)


def test_bits_are_shared_out_and_come_back(rig: Rig) -> None:
    many = [f"uplink:t1/r/up/{stage}" for stage in ("inside", "outside", "before-nat", "after-nat")]
    many += ["router-port:t1/r/s1", "router-port:t1/r/s2", "port:t1-p1", "external:internet"]
    first = rig.start(*many, rate=1)
    second = rig.start(*many[:-1], rate=1)
    told = "1 directions of points can be looked at beside what runs, these have 2"
    assert refusal(rig, "router-port:t1/r/up", rate=1) == (Busy, "points", told)
    bits = [bit for capture in (first, second) for bit, _ in capture.room.slots.values()]
    assert len(bits) == len(set(bits)) == BITS - 1
    first.close()
    rig.until(lambda: len(rig.captures.running()) == 1)
    rig.start("router-port:t1/r/up", rate=1)


def test_no_chassis_is_asked_for_more_than_it_may_send(rig: Rig) -> None:
    assert rig.start("port:t1-p1", "port:t1-p2").room.rate == 1000
    assert rig.start("router-port:t1/r/s1", "router-port:t1/r/s2").room.rate == 1000
    assert rig.start("router-port:t1/r/s1", "router-port:t1/r/s2", "router-port:t1/r/up").room.rate == 666
    told = refusal(rig, "port:t1-p1", rate=3)
    assert told == (Busy, "rate", "2 of 5000 packets a second are left for captures on hv1, for all these points together")
    assert rig.start("port:t1-p1", rate=2).room.rate == 2
    assert refusal(rig, "port:t1-p1")[:2] == (Busy, "rate")
    assert rig.start("port:t1-p3", rate=1000).room.rate == 1000
