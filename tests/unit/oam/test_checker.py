"""When members are tried, what is made of it, and that nothing a VM sends makes it raise."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import pairwise
from math import inf
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import TCP

from ryu_overlay.oam.checker import FIRST_PORT, FIRST_TRY_WITHIN, LAST_PORT, Checker, Frame, Target, Verdict
from ryu_overlay.oam.tcp import ACK, RST, SYN, Segment, after, make, read
from tests.unit.oam.peer import MEMBER_MAC, ROUTER_MAC, VIP, answer, seen, target

OPEN, CLOSED = "SA", "RA"


class World:
    """A checker, its clock, and servers that answer SYNs with the flags in `servers`, by OpenFlow port; others are silent."""

    def __init__(self, *targets: Target, now: float = 1000.0, seed: int = 1) -> None:
        self.checker = Checker(Random(seed))
        self.servers: dict[int, str] = {}
        self.sent: list[tuple[float, Frame]] = []
        self.now = now
        self.checker.targets(targets, now)

    def run(self, seconds: float) -> None:
        """Let time pass, from one due moment to the next."""
        end = self.now + seconds
        while self.now + (wait := self.checker.due(self.now)) <= end:
            self.now += wait
            for frame in self.step():
                flags = self.servers.get(frame.ofport)
                if flags is not None and seen(frame.data)[TCP].flags == "S":
                    self.hear(frame, answer(frame.data, flags))
        self.now = end

    def step(self) -> list[Frame]:
        return self._note(self.checker.step(self.now))

    def hear(self, to: Frame, data: bytes, **elsewhere: Any) -> list[Frame]:
        place = {"chassis": to.chassis, "ofport": to.ofport, **elsewhere}
        return self._note(self.checker.heard(data, now=self.now, **place))

    def _note(self, frames: list[Frame]) -> list[Frame]:
        self.sent += [(self.now, frame) for frame in frames]
        return frames

    def first(self) -> Frame:
        """Wait for the next frame."""
        while True:
            self.now += self.checker.due(self.now)
            frames = self.step()
            if frames:
                return frames[0]

    def state(self, key: int = 1) -> str:
        return self.checker.verdicts()[key].state

    def syns(self) -> list[tuple[float, Frame]]:
        return [(at, frame) for at, frame in self.sent if seen(frame.data)[TCP].flags == "S"]


def test_a_member_is_unknown_until_it_was_tried() -> None:
    world = World(target())
    assert world.checker.verdicts() == {1: Verdict("unknown", 1000.0, "not tried yet")}
    world.servers[7] = OPEN
    world.run(1)
    verdict = world.checker.verdicts()[1]
    assert (verdict.state, verdict.reason) == ("up", "connected") and verdict.since >= 1000.0


def test_a_new_member_goes_down_after_fall_bad_ones() -> None:
    world = World(target())
    world.servers[7] = CLOSED
    world.run(3)
    assert world.checker.verdicts()[1] == Verdict("unknown", 1000.0, "connection refused")
    world.run(2)
    assert world.checker.verdicts()[1] == Verdict("down", 1004.0, "connection refused")


def test_states_change_only_after_as_many_in_a_row() -> None:
    world = World(target(rise=2, fall=3))
    for flags, state in zip(
        (OPEN, CLOSED, CLOSED, OPEN, CLOSED, CLOSED, CLOSED, OPEN, CLOSED, OPEN, OPEN, CLOSED),
        ("up", "up", "up", "up", "up", "up", "down", "down", "down", "down", "up", "up"),
    ):
        world.servers[7] = flags
        world.run(2 - 1e-6)
        assert world.state() == state
    assert world.checker.verdicts()[1] == Verdict("up", 1020.0, "connected")


def test_a_state_keeps_its_beginning_and_takes_the_newest_reason() -> None:
    world = World(target(fall=1))
    world.servers[7] = CLOSED
    world.run(1)
    del world.servers[7]
    world.run(4)
    assert world.checker.verdicts()[1] == Verdict("down", 1000.0, "no answer within 1 s")


def test_http_is_asked_under_the_balancers_name() -> None:
    world = World(target(check="http", path="/up"))
    syn = world.first()
    asked = world.hear(syn, answer(syn.data, "SA"))[0]
    assert b"GET /up HTTP/1.1\r\nHost: 203.0.113.20:80\r\n" in asked.data
    world.hear(syn, answer(asked.data, "A", b"HTTP/1.1 500 Oops\r\n"))
    assert world.checker.verdicts()[1].reason == "HTTP 500"
    assert seen(world.sent[-1][1].data)[TCP].flags == "R"


def test_tries_keep_their_interval_whatever_comes_of_them() -> None:
    world = World(target(timeout=2.0), target(2, ofport=8))
    world.servers[8] = OPEN
    world.run(21)
    for ofport, again in ((7, 2), (8, 1)):
        times = [at for at, frame in world.syns() if frame.ofport == ofport][::again]
        assert len(times) in (10, 11)
        assert [b - a for a, b in pairwise(times)] == pytest.approx([2.0] * (len(times) - 1))


def test_ports_and_sequence_numbers_change_from_try_to_try() -> None:
    near = frozenset(range(FIRST_PORT, LAST_PORT + 1)) - {40000, 40001, 40002, 50000}
    world = World(target(source=(ROUTER_MAC, IPv4Address(VIP), 50000), avoid=near, interval=0.5, timeout=0.4))
    world.servers[7] = OPEN
    world.run(10)
    segments = [seen(frame.data)[TCP] for _, frame in world.syns()]
    assert Counter(s.sport for s in segments) == {40000: 7, 40001: 7, 40002: 7}
    assert all(a.sport != b.sport for a, b in pairwise(segments))
    assert len({s.seq for s in segments}) == len(segments)


def test_no_port_left_is_no_try() -> None:
    world = World(target(avoid=frozenset(range(FIRST_PORT, LAST_PORT + 1))))
    world.run(10)
    assert world.sent == [] and world.state() == "unknown"


def test_two_balancers_of_one_member_do_not_share_a_port() -> None:
    two = frozenset(range(FIRST_PORT, LAST_PORT + 1)) - {40000, 40001}
    world = World(*(target(key, avoid=two) for key in (1, 2, 3)))
    world.run(1.99)
    assert {seen(frame.data)[TCP].sport for _, frame in world.syns()} == {40000, 40001}


def test_frames_of_others_are_ignored() -> None:
    world = World(target())
    syn = world.first()
    good = answer(syn.data, "SA")
    for forged in (
        good[:6] + bytes.fromhex("02000000010b") + good[12:],
        bytes.fromhex("020000000102") + good[6:],
        answer(syn.data, "SA", ack=7),
        good[:-1] + bytes([good[-1] ^ 1]),
        syn.data,
    ):
        assert world.hear(syn, forged) == []
    assert world.hear(syn, good, chassis="hv2") == []
    assert world.hear(syn, good, ofport=8) == []
    assert world.state() == "unknown"
    assert len(world.hear(syn, good)) == 1 and world.state() == "up"
    assert world.hear(syn, good) == []


def test_overlapping_tenants_are_told_apart_by_their_vifs() -> None:
    world = World(target(1, ofport=7), target(2, ofport=8), seed=3)
    world.servers.update({7: OPEN, 8: CLOSED})
    world.run(10)
    assert (world.state(1), world.state(2)) == ("up", "down")


def test_a_change_keeps_history_and_gives_up_the_try() -> None:
    world = World(target())
    world.servers[7] = OPEN
    world.run(1)
    before = world.checker.verdicts()
    del world.servers[7]
    syn = world.first()
    (last,) = world.checker.targets([target(chassis="hv2", ofport=3)], world.now)
    assert (last.chassis, last.ofport) == (syn.chassis, syn.ofport) and seen(last.data)[TCP].flags == "R"
    assert seen(last.data)[TCP].seq == seen(syn.data)[TCP].seq + 1
    assert world.checker.verdicts() is before
    assert world.hear(syn, answer(syn.data, "SA")) == []
    moved = world.first()
    assert (moved.chassis, moved.ofport) == ("hv2", 3)
    assert len(world.hear(moved, answer(moved.data, "SA"))) == 1
    assert world.checker.verdicts() is before


def test_the_same_targets_again_change_nothing() -> None:
    world, other = World(target(), target(2, ofport=8)), World(target(), target(2, ofport=8))
    for _ in range(50):
        world.run(0.1)
        world.checker.targets([target(2, ofport=8), target()], world.now)
    other.run(5)
    assert [frame for _, frame in world.sent] == [frame for _, frame in other.sent] != []


def test_who_is_no_target_is_forgotten() -> None:
    world = World(target(), target(2, ofport=8))
    world.servers[7] = OPEN
    world.run(5)
    assert world.checker.targets([target(2, ofport=8)], world.now) == [], "no try was under way"
    assert set(world.checker.verdicts()) == {2}
    world.first()
    (last,) = world.checker.targets([], world.now)
    assert (last.ofport, seen(last.data)[TCP].flags) == (8, "R")
    assert world.checker.verdicts() == {} and world.checker.due(world.now) == inf and world.step() == []
    world.checker.targets([target()], world.now)
    assert world.checker.verdicts() == {1: Verdict("unknown", world.now, "not tried yet")}


def test_a_bad_target_spoils_no_other() -> None:
    world = World(target())
    bad = replace(target(), source=("", IPv4Address(VIP), 80))
    with pytest.raises(ValueError):
        world.checker.targets([target(2, ofport=8), bad, target(3, ofport=9)], world.now)
    world.servers.update({7: OPEN, 8: OPEN})
    world.run(10)
    assert {key: verdict.state for key, verdict in world.checker.verdicts().items()} == {1: "up", 2: "up"}


def test_members_that_come_and_go_leave_nothing_behind() -> None:
    world = World()
    world.servers[7] = OPEN
    for key in range(200):
        world.checker.targets([target(key, interval=3600.0)], world.now)
        world.run(5)
        assert world.state(key) == "up"
    assert len(world.checker._heap) < 10 and not world.checker._open


def test_a_long_interval_does_not_delay_the_first_try() -> None:
    world = World(*(target(key, ofport=key, interval=3600.0) for key in range(100)))
    world.run(FIRST_TRY_WITHIN)
    assert {frame.ofport for _, frame in world.sent} == set(range(100))


def test_a_standstill_takes_nobody_down_and_brings_no_crowd() -> None:
    members = [target(key, ofport=key, fall=1) for key in range(100)]
    world = World(*members)
    world.servers = dict.fromkeys(range(100), OPEN)
    world.run(10)
    waiting = [world.first() for _ in range(15)]
    world.now += 60
    late = [frame for frame in world.step() if frame not in waiting]
    for syn in waiting + late:
        world.hear(syn, answer(syn.data, "SA"))
    assert len(late) == 85
    world.run(10)
    assert all(verdict.state == "up" for verdict in world.checker.verdicts().values())
    last = Counter(int(at * 10) for at, _ in world.syns() if at > world.now - 4)
    assert max(last.values()) <= 8


def test_a_thousand_members_are_spread_and_cost_little() -> None:
    """Costs are counted, not timed: a SYN and a reset for each try, and no step in which nothing is sent but to end one."""
    checker = Checker(Random(1))
    checker.targets([target(key, ofport=key) for key in range(1000)], 0.0)
    now, steps, kinds, by_time = 0.0, 0, Counter[int](), Counter[int]()
    while (now := now + checker.due(now)) < 20.0:
        steps += 1
        for frame in checker.step(now):
            got = read(frame.data)
            assert got is not None
            kinds[got[1].flags] += 1
            by_time[int(now * 10)] += 1
            reply = make(got[0].turned(), Segment(99, after(got[1].seq, 1), SYN | ACK), 1000)
            back = checker.heard(reply, frame.chassis, frame.ofport, now + 0.001)
            kinds[RST] += len(back)
    assert kinds == {SYN: 10_000, RST: 10_000}
    assert steps <= 10_000
    assert min(by_time.values()) >= 45 and max(by_time.values()) <= 55
    assert all(verdict == Verdict("up", verdict.since, "connected") for verdict in checker.verdicts().values())


def started(check: str) -> tuple[Checker, list[bytes]]:
    """A checker in the middle of a try, and what it has said."""
    checker = Checker(Random(5))
    checker.targets([target(check=check)], 0.0)
    said = [frame.data for frame in checker.step(0.0)]
    return checker, said


noise = st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: answer(started("http")[1][0], "SA") + tail)


@given(
    st.sampled_from(("tcp", "http")), st.lists(noise, max_size=5), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)))
)
def test_random_bytes_never_raise(check: str, frames: list[bytes], changes: list[tuple[int, int]]) -> None:
    checker, said = started(check)
    for frame in frames:
        changed = bytearray(frame)
        for at, value in changes:
            if at < len(changed):
                changed[at] = value
        for data in (frame, bytes(changed), memoryview(frame)):
            for sent in checker.heard(data, "hv1", 7, 0.1):
                seen(sent.data)
    assert said and checker.verdicts()[1].state in ("unknown", "up")


segments = st.tuples(
    st.sampled_from(("", "S", "SA", "A", "PA", "FA", "R", "RA", "SR", "FSRPA", "UEC")),
    st.binary(max_size=40) | st.just(b"HTTP/1.1 200 OK\r\n") | st.just(b"HTTP/1."),
    st.none() | st.integers(0, 2**32 - 1) | st.integers(-3, 3).map(lambda n: (n - 6) % 2**32),
    st.none() | st.integers(0, 2**32 - 1),
    st.floats(0, 0.5),
)


@given(st.sampled_from(("tcp", "http")), st.lists(segments, max_size=12))
def test_hostile_segments_end_in_a_verdict_by_the_deadline(check: str, hostile: list[Any]) -> None:
    """Whatever a VM says between the right ends, in whatever order: a try ends, and what we say stays well formed."""
    checker, said = started(check)
    now = 0.0
    for flags, content, seq, ack, later in hostile:
        now += later
        said += [frame.data for frame in checker.step(now)]
        said += [f.data for f in checker.heard(answer(said[-1], flags, content, seq, ack), "hv1", 7, now)]
    for data in said:
        packet = seen(data)
        assert (packet.src, packet.dst, packet[TCP].dport) == (ROUTER_MAC, MEMBER_MAC, 8080)
    for tick in range(300):
        checker.step(now + tick / 10)
    assert checker.verdicts()[1].reason != "not tried yet"


def test_sequence_numbers_are_not_to_be_guessed() -> None:
    """Without being told, they come from the operating system: a VM that sees many cannot tell the next."""
    numbers = set()
    for _ in range(20):
        checker = Checker()
        checker.targets([target()], 0.0)
        numbers.add(seen(checker.step(0.0)[0].data)[TCP].seq)
    assert len(numbers) > 15
