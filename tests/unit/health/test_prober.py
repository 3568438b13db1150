"""Probes: when which is sent, what is heard of them, and which are lost for certain."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ryu_overlay.health.lives import ASKED_AT_LEAST, SILENT_AFTER
from ryu_overlay.health.prober import CONFIRMED_BY, GRACE
from ryu_overlay.health.probes import Ask, Probe
from ryu_overlay.health.schedule import FULL_EVERY, INTERVAL
from tests.unit.health.asked import PATH, TICK, Lab, both, lost, nobody, only


def test_each_path_is_tried_steadily_from_either_end_in_turn_now_and_then_in_full() -> None:
    lab = Lab(PATH, ("a", "b", 3)).run(10 * FULL_EVERY * INTERVAL)
    for way in (0, 3):
        times, probes = zip(*((at, probe) for at, probe in lab.sent if probe.way == way))
        assert all(later - at == pytest.approx(INTERVAL, abs=2 * TICK) for at, later in pairwise(times))
        assert [probe.sender for probe in probes[:4]] == ["a", "b", "a", "b"]
        for sender in "ab":
            full = [probe.full for probe in probes if probe.sender == sender]
            assert full[: 2 * FULL_EVERY] == [False, False, False, True] * 2
    assert len({probe.token for _, probe in lab.sent}) == len(lab.sent) == lab.prober.sent


def test_paths_are_spread_over_time() -> None:
    lab = Lab(*(("a", "b", way) for way in range(16))).run(INTERVAL)
    assert len({at for at, _ in lab.sent}) > 8


def test_one_probe_tries_both_directions() -> None:
    lab = Lab(PATH).run(0.9 * INTERVAL)
    assert len(lab.sent) == 1
    assert lab.runs() == {"a>b": 0, "b>a": 0}
    assert all(direction.passed_at is not None for direction in lab.prober.directions.values())


@pytest.mark.parametrize(("a", "b"), [("a", "b"), ("b", "a")])
def test_a_loss_is_that_of_its_direction(a: str, b: str) -> None:
    runs = Lab(PATH).run(2, lost(a, b)).runs()
    assert runs[f"{a}>{b}"] >= CONFIRMED_BY
    assert runs[f"{b}>{a}"] == 0


def test_nothing_is_lost_before_both_bridges_answered_twice() -> None:
    for answer in (("a",), ("b",), ()):
        lab = Lab(PATH).run(2, nobody, answer)
        assert set(lab.runs().values()) <= {0}, answer
    assert max(Lab(PATH).run(2, nobody).runs().values()) > 0


def test_two_questions_are_asked_after_the_patience_for_a_probe() -> None:
    lab = Lab(PATH)
    while not lab.sent:
        lab.run(TICK)
    at, _ = lab.sent[0]
    lab = Lab(PATH)
    while not any(lab.runs().values()):
        lab.run(TICK, nobody)
    asked = [when for when, ask in lab.asks if ask.chassis == "b" and when >= at + GRACE]
    assert len(asked) >= 2
    assert lab.now - at < GRACE + 5 * TICK


def test_a_first_loss_is_confirmed_at_once_and_no_other() -> None:
    lab = Lab(PATH).run(0.9 * INTERVAL)
    lab.sent.clear()
    while not any(lab.runs().values()):
        lab.run(TICK, nobody)
    before = len(lab.sent)
    lab.run(0.2, nobody)
    assert CONFIRMED_BY <= len(lab.sent) - before <= CONFIRMED_BY + 2


def test_a_full_one_that_is_lost_says_nothing_of_small_ones() -> None:
    lab = Lab(PATH).run(4, lambda probe: () if probe.full else both(probe))
    assert set(lab.runs().values()) == {0}
    assert max(lab.runs(full=True).values()) >= CONFIRMED_BY


def test_a_bridge_that_does_not_answer_is_silent_and_loses_nothing() -> None:
    lab = Lab(PATH).run(1)
    began = lab.now
    lab.run(2, nobody, ("a",))
    since = lab.prober.silent("b", lab.now)
    assert since is not None and began <= since <= began + 0.5
    assert lab.prober.silent("a", lab.now) is None
    assert set(lab.runs().values()) == {0}
    assert lab.prober.lives["b"].unreflected > 0
    lab.run(ASKED_AT_LEAST + 0.1)
    assert lab.prober.silent("b", lab.now) is None
    assert lab.prober.lives["b"].unreflected == 0


def test_a_bridge_that_is_heard_is_not_silent() -> None:
    lab = Lab(PATH).run(1).run(2 * SILENT_AFTER, both, ())
    assert lab.prober.silent("a", lab.now) is None


def test_of_a_chassis_that_is_away_it_is_known_whether_it_sends_probes_back() -> None:
    lab = Lab(PATH, present=("a",)).run(1, only(("a", True)))
    assert {probe.sender for _, probe in lab.sent} == {"a"}
    assert lab.runs() == {"a>b": 0, "b>a": 0}
    lab.run(1, nobody)
    assert min(lab.runs().values()) > 0


def test_while_time_stands_still_nothing_is_lost() -> None:
    lab = Lab(PATH)
    while not lab.sent:
        lab.run(TICK, nobody)
    for _ in range(50):
        for each in lab.prober.step(lab.now, lab.now + 60):
            assert isinstance(each, Ask)
            lab.prober.answered(each.token, lab.now, lab.now + 60)
    assert lab.runs() == {}


def test_a_probe_that_comes_late_after_all_was_not_lost() -> None:
    lab = Lab(PATH)
    while not lab.runs().get("a>b"):
        lab.run(TICK, nobody)
    (_, first), *_ = lab.sent
    assert lab.prober.heard(first.token, "b", False, lab.now, lab.now)
    assert lab.runs()["a>b"] == 0


def test_bursts_are_counted() -> None:
    lab = Lab().run(1)
    number = iter(range(1000))
    burst = lab.prober.schedule.burst(("a", "b"), 100, lab.now)
    lab.run(2, lambda probe: both(probe) if next(number) % 4 else ())
    assert (burst.left, burst.lost, burst.count) == (0, 25, 100)
    assert len({at for at, _ in lab.sent}) > 30, "spread over time"


def test_what_could_not_be_sent_is_neither_lost_nor_passed() -> None:
    lab = Lab(present=("b",)).run(1)
    burst = lab.prober.schedule.burst(("a", "b"), 10, lab.now)
    other = lab.prober.schedule.burst(("b", "a"), 10, lab.now)
    for _ in range(20):
        lab.now += TICK
        for each in lab.prober.step(lab.now, lab.now):
            if isinstance(each, Probe):
                lab.prober.unsent(each)
    assert [(each.left, each.lost, each.count) for each in (burst, other)] == [(0, 0, 0)] * 2


def test_a_network_is_tried_one_way_and_says_nothing_of_the_direction() -> None:
    lab = Lab().run(1)
    passes = lab.prober.schedule.burst(("a", "b"), 10, lab.now, vni=7)
    lab.run(1)
    fails = lab.prober.schedule.burst(("a", "b"), 10, lab.now, vni=7)
    lab.run(1, nobody)
    assert (passes.left, passes.lost, fails.left, fails.lost) == (0, 0, 0, 10)
    assert lab.prober.directions == {}
    assert {probe.vni for _, probe in lab.sent} == {7}


def test_a_probe_that_comes_out_elsewhere_tells_of_it() -> None:
    lab = Lab(PATH, present=("a", "b", "c")).run(0.9 * INTERVAL, lambda probe: [("c", False)])
    where, at = lab.prober.misled["a", "b"]
    assert where == "c"
    assert at == lab.sent[-1][0]


def test_other_bytes_are_those_of_the_direction_that_changed_them() -> None:
    lab = Lab(PATH)
    for there, back in ((True, False), (False, False), (True, True)):
        before = len(lab.sent)
        while len(lab.sent) == before:
            lab.run(TICK, nobody)
        probe = lab.sent[-1][1]
        lab.prober.heard(probe.token, probe.receiver, False, lab.now, lab.now, there)
        lab.prober.heard(probe.token, probe.sender, True, lab.now, lab.now, back)
    corrupted = {f"{a}>{b}": d.corruptions(0.0) for (a, b, _), d in lab.prober.directions.items()}
    assert corrupted == {"b>a": 2, "a>b": 0}


def test_paths_may_be_tried_for_a_while_only() -> None:
    lab = Lab()
    lab.prober.schedule.also([("b", "a")], lab.now, 2.0)
    lab.run(2.5).sent.clear()
    lab.run(1)
    assert lab.sent == []
    lab.prober.schedule.once(lab.now, ("a", "b"))
    lab.run(TICK)
    assert [probe.sender for _, probe in lab.sent] == ["a"]


def test_what_is_excused_is_not_confirmed() -> None:
    lab = Lab(PATH).run(1)
    lab.sent.clear()
    for _ in range(20):
        lab.prober.excuse({"b"}, lab.now)
        lab.run(0.1, nobody)
    assert len(lab.sent) <= 2 / INTERVAL + 1
    lab.prober.excuse((), lab.now)
    assert set(lab.runs().values()) == {0}


def test_forgotten_is_as_never_known() -> None:
    lab = Lab(PATH, ("b", "c", 0), present=("a", "b", "c")).run(1)
    lab.prober.forget("a")
    assert lab.runs().keys() == {"b>c", "c>b"}
    assert lab.prober.lives.keys() == {"b", "c"}


def test_what_it_never_sent_is_not_its_own() -> None:
    lab = Lab(PATH).run(1)
    assert not lab.prober.heard(0xFFFFFFFF, "a", False, lab.now, lab.now)
    lab.prober.answered(0xFFFFFFFF, lab.now, lab.now)
