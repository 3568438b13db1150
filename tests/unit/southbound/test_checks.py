"""Health checks carried out: frames out by the right bridge, answers in, verdicts to the engine."""

from __future__ import annotations

import struct
from dataclasses import replace

import eventlet
import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from ryu_overlay.engine.events import Event, MembersJudged
from ryu_overlay.model.objects import LoadBalancer
from ryu_overlay.southbound import checks
from ryu_overlay.southbound.checks import Checks
from tests.unit.engine.outdoors import BALANCER, MEMBER, outdoors
from tests.unit.engine.world import World


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def monotonic(self) -> float:
        return self.now


class Rig:
    """Checks of the members a (on hv2) and b (on hv3) of a world's load balancer."""

    def __init__(self, world: World) -> None:
        self.world, self.engine = world, world.engine
        self.posted: list[Event] = []
        self.sent: list[tuple[int, bytes]] = []
        self.checks = Checks(self, self)  # type: ignore[arg-type]

    def post(self, event: Event) -> None:
        self.posted.append(event)

    def send(self, dpid: int, out: tuple[bytes, ...]) -> None:
        self.sent += [(dpid, message) for message in out]

    def run(self, clock: Clock, seconds: float) -> None:
        """Do what the greenthread does, ten times a second."""
        for _ in range(round(seconds * 10)):
            clock.now += 0.1
            thread = eventlet.spawn(self.checks.run)
            eventlet.sleep(0)
            thread.kill()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(checks, "time", made)
    return made


@pytest.fixture
def rig() -> Rig:
    world = outdoors()
    balancer = world.network.by_key[BALANCER]
    assert isinstance(balancer, LoadBalancer)
    world.edit(replace(balancer, check="tcp"))
    world.tell()
    world.settle()
    return Rig(world)


def out(message: bytes) -> tuple[int, bytes]:
    """(OpenFlow port, frame) of a packet-out with one output."""
    (length,) = struct.unpack_from("!H", message, 16)
    kind, _, ofport = struct.unpack_from("!HHI", message, 24)
    assert (message[1], kind) == (13, 0)
    return ofport, message[24 + length :]


def refusal(frame: bytes) -> bytes:
    """The reset by which a member refuses the SYN in `frame`."""
    eth = Ether(frame)
    ip, tcp = eth[IP], eth[TCP]
    reset = TCP(sport=tcp.dport, dport=tcp.sport, flags="RA", ack=tcp.seq + 1)
    return bytes(Ether(src=eth.dst, dst=eth.src) / IP(src=ip.dst, dst=ip.src) / reset)


def test_members_are_tried_by_their_own_bridge_and_port(rig: Rig, clock: Clock) -> None:
    rig.run(clock, 3)
    spots = {"t1-p2": (2, 1001), "t1-p4": (3, 1002)}
    assert {(dpid, out(message)[0]) for dpid, message in rig.sent} == set(spots.values())
    targets = {bytes([10, 0, 2, 12]), bytes([10, 0, 2, 14])}
    assert {out(message)[1][30:34] for _, message in rig.sent} == targets


def test_who_does_not_answer_is_down_and_told_once(rig: Rig, clock: Clock) -> None:
    rig.run(clock, 12)
    assert {verdict.state for verdict in rig.checks.verdicts.values()} == {"down"}
    told = [event.dead for event in rig.posted if isinstance(event, MembersJudged)]
    assert told[-1] == {MEMBER, MEMBER + 2} and len(told) == len(set(told)) and len(told) <= 3
    assert not rig.checks.failures


def test_an_answer_goes_to_its_try(rig: Rig, clock: Clock) -> None:
    reasons = set()
    for _ in range(100):
        rig.run(clock, 0.1)
        for dpid, message in rig.sent:
            ofport, frame = out(message)
            assert rig.checks.answer(dpid, ofport, refusal(frame)) is None
        rig.sent.clear()
        reasons |= {verdict.reason for verdict in rig.checks.verdicts.values() if verdict.state == "down"}
    assert reasons and all("refuse" in reason for reason in reasons), reasons


def test_answers_of_bridges_that_are_not_there_do_no_harm(rig: Rig, clock: Clock) -> None:
    rig.run(clock, 3)
    _, frame = out(rig.sent[0][1])
    assert rig.checks.answer(99, 1001, refusal(frame)) is None
    assert rig.checks.answer(2, 1001, b"no frame") is None


def test_what_is_remembered_down_stays_so_until_it_is_known_again(rig: Rig, clock: Clock) -> None:
    rig.engine.members.dead = frozenset({MEMBER})
    rig.run(clock, 0.2)
    assert {verdict.state for verdict in rig.checks.verdicts.values()} == {"unknown"}
    assert [event.dead for event in rig.posted if isinstance(event, MembersJudged)] == [frozenset({MEMBER})]


def test_a_member_that_moved_is_tried_where_it_is(rig: Rig, clock: Clock) -> None:
    rig.run(clock, 3)
    world = rig.world
    del world["hv2"].vifs["t1-p2"]
    world["hv1"].plug("t1-p2")
    world.report("hv1")
    world.report("hv2")
    world.settle()
    rig.run(clock, 0.2)
    rig.sent.clear()
    rig.run(clock, 4)
    assert {dpid for dpid, _ in rig.sent} == {1, 3}


def test_a_fault_is_counted_and_does_not_end_it(rig: Rig, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(rig.checks, "_retarget", lambda: 1 / 0)
        rig.run(clock, 0.2)
    assert rig.checks.failures == 2
    rig.run(clock, 3)
    assert rig.sent and rig.checks.failures == 2
