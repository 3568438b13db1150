"""Faults and their life: raised once, the same while they come back, one where one explains others, quiet where asked for."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.health.book import HOLD, UNKNOWN, UNKNOWN_FOR, Book
from ryu_overlay.health.elements import Element, read_element
from ryu_overlay.health.faults import Fault, Impact, Verdict
from ryu_overlay.health.report import Silence

LINK = Verdict("down", Element("link", ("hv2",)), ("nothing passes",))
PATH = Verdict("down", Element("path", ("hv1", "hv2")), ("hv1 is not heard",))
OTHER = Verdict("flow_missing", Element("flow", ("hv1", "ls_in_lookup", "port a/b/c")))


def absorbs(a: Verdict, b: Verdict) -> bool:
    return a.element.kind == "link" and b.element.kind == "path" and a.element.names[0] in b.element.names


class Told:
    """A book, and what it told of, step by step. `ports` are on everything."""

    def __init__(self, **holds: float) -> None:
        self.book = Book(lambda element: Impact(ports=tuple(self.ports)), absorbs, holds)
        self.ports: list[str] = []
        self.unknown = False
        self.events: list[tuple[float, Fault]] = []

    def step(self, now: float, *verdicts: Verdict, since: float | None = None) -> list[Fault]:
        found = self.book.step(now, [(v, now if since is None else since) for v in verdicts], lambda element: self.unknown)
        self.events += [(now, fault) for fault in found]
        return found

    def during(self, start: int, stop: int, *verdicts: Verdict) -> list[Fault]:
        return [fault for now in range(start, stop) for fault in self.step(now, *verdicts)]

    @property
    def lasting(self) -> list[Fault]:
        return [fault for fault in self.book.faults(0.0) if fault.until is None]


def test_raised_at_once_and_told_once() -> None:
    told = Told()
    (fault,) = told.step(100, LINK, since=98)
    assert (fault.since, fault.raised, fault.until, fault.flaps) == (98, 100, None, 0)
    assert told.during(101, 200, LINK) == []
    assert told.book.lasts("down", LINK.element) and not told.book.lasts("lossy", LINK.element)


def test_ends_after_a_while_and_since_it_was_last_seen() -> None:
    told = Told(flow_missing=3)
    told.during(0, 6, LINK, OTHER)
    told.during(6, 60)
    assert [(now, fault.verdict.kind, fault.until) for now, fault in told.events[2:]] == [(8, "flow_missing", 5), (15, "down", 5)]
    assert not told.book.lasts("down", LINK.element)
    assert told.step(60, LINK)[0].id != told.events[0][1].id, "what comes after the end is another"


def test_one_that_comes_back_is_the_same() -> None:
    told = Told()
    told.during(0, 5, LINK)
    told.during(5, 12)
    assert told.during(12, 20, LINK) == []
    (fault,) = told.lasting
    assert (fault.id, fault.since, fault.flaps) == (told.events[0][1].id, 0, 1)


def test_a_flapping_link_is_one_alarm() -> None:
    told = Told()
    for start in range(0, 120, 10):
        told.during(start, start + 3, LINK)
        told.during(start + 3, start + 10)
    told.during(120, 200)
    (_, raised), (flaps_at, flapping), (end, ended) = told.events
    assert raised.id == flapping.id == ended.id
    assert (flaps_at, flapping.flaps) == (30, 3)
    assert "came back 3 times" in flapping.verdict.evidence[-1]
    assert (end, ended.flaps, ended.until) == (142, 11, 112), "30 s of quiet"


def test_rare_returns_are_no_flapping() -> None:
    told = Told()
    for start in range(0, 400, 40):
        told.during(start, start + 33, LINK)
        told.during(start + 33, start + 40)
    assert len(told.events) == 1


def test_what_blinks_did_not_go_away() -> None:
    told = Told()
    for tenth in range(100):
        told.step(tenth / 10, *([LINK] if tenth % 3 else []))
    assert told.lasting[0].flaps == 0


def test_unknown_neither_ends_nor_changes() -> None:
    told = Told()
    told.during(0, 5, LINK)
    told.unknown, told.ports = True, ["p"]
    assert told.during(5, 100) == []
    told.unknown = False
    told.during(100, 105, LINK)
    assert told.lasting[0].flaps == 0, "nobody knows that it went away"
    told.unknown = True
    told.during(105, 150)
    told.unknown = False
    told.during(150, 170)
    assert [(now, fault.until) for now, fault in told.events[-1:]] == [(149 + HOLD, 104)]


def test_unknown_for_long_ends() -> None:
    told = Told()
    told.during(0, 5, LINK)
    told.unknown = True
    told.during(5, 300)
    _, (end, fault) = told.events
    assert (end, fault.until, fault.verdict.evidence) == (5 + UNKNOWN_FOR, 4, (*LINK.evidence, UNKNOWN))


def test_a_wider_one_takes_over() -> None:
    told = Told()
    told.step(10, PATH, since=8)
    narrow, wide = told.step(11, PATH, LINK, since=9)
    assert (wide.verdict, wide.since) == (LINK, 8)
    assert (narrow.verdict.element, narrow.until) == (PATH.element, 11)
    assert told.during(12, 60, PATH, LINK) == []
    assert told.lasting == [wide]
    gone = told.book.faults(60)[1]
    assert (gone.verdict.element, gone.until) == (PATH.element, 11)
    assert wide.id in gone.verdict.evidence[-1]


@pytest.mark.parametrize("order", [(PATH, LINK), (LINK, PATH)])
def test_only_the_wider_of_two_at_once_is_told(order: Iterable[Verdict]) -> None:
    told = Told()
    assert [fault.verdict for fault in told.step(10, *order)] == [LINK]
    assert len(told.book.faults(10)) == 1


def test_a_narrower_one_is_told_when_the_wider_is_over() -> None:
    told = Told()
    told.during(0, 5, LINK, PATH)
    assert told.during(5, 14, PATH) == []
    assert [fault.verdict for fault in told.step(14, PATH)] == [LINK, PATH]
    told.step(15, LINK, PATH, since=13)
    assert [(fault.verdict, fault.since) for fault in told.lasting] == [(LINK, 13)]


def test_the_wider_is_as_old_as_a_narrower_that_comes_later() -> None:
    told = Told()
    told.step(5, LINK)
    told.step(6, LINK, PATH, since=3)
    assert told.lasting[0].since == 3


def test_evidence_is_the_newest() -> None:
    told = Told()
    told.step(1, LINK)
    assert told.step(2, Verdict(LINK.kind, LINK.element, ("now more",), ("ping",))) == []
    assert told.lasting[0].verdict.evidence == ("now more",)


def test_impact_is_told_when_it_changes_every_five_seconds() -> None:
    told = Told()
    told.step(0, LINK)
    told.ports = ["a"]
    assert told.during(1, 5, LINK) == []
    told.ports = ["b"]
    assert [fault.impact.ports for fault in told.during(5, 20, LINK)] == [("b",)]


def test_silenced_and_under_maintenance() -> None:
    told = Told()
    told.during(0, 2, LINK, OTHER)
    told.book.silence(Silence("chassis", "hv1", 10.0))
    told.book.silence(Silence("element", " link hv2 ", None))
    assert {fault.quiet for fault in told.lasting} == {"silenced", "maintenance"}
    assert sorted(fault.quiet for fault in told.during(2, 9, LINK, OTHER)) == ["maintenance", "silenced"]
    assert [(f.verdict, f.quiet) for f in told.during(9, 20, LINK, OTHER)] == [(OTHER, "")], "told as it runs out"
    assert [s.what for s in told.book.silences(20.0)] == ["element"]
    assert told.book.unsilence("element", " link hv2 ") and not told.book.unsilence("element", " link hv2 ")
    assert [fault.quiet for fault in told.step(20, LINK, OTHER)] == [""]


@pytest.mark.parametrize("text", ["path hv1>hv2", "path hv2>hv1", "split hv1,hv3|hv2,hv4", "vni red/web hv2>hv1", "vnic hv1 p"])
def test_either_end_is_enough_for_maintenance(text: str) -> None:
    told = Told()
    told.book.silence(Silence("chassis", "hv1", None))
    assert told.step(0, Verdict("down", read_element(text)))[0].quiet == "maintenance"
    assert told.step(1, Verdict("down", Element("port", ("hv1",))))[0].quiet == "", "a port's name is not a chassis'"


def test_ended_ones_are_kept_for_an_hour_and_not_all() -> None:
    told = Told(down=0)
    many = [Verdict("down", Element("link", (f"hv{n}",))) for n in range(600)]
    told.step(0, *many)
    told.step(1)
    told.step(2, OTHER)
    assert len(told.book.faults(2)) == 501 and told.book.faults(2)[0].verdict == OTHER
    assert len(told.book.faults(3600)) == 501 and len(told.book.faults(3601)) == 1


def test_ids_are_short_the_same_and_differ() -> None:
    """The last two would have the same."""
    many = [Verdict("down", Element("link", (f"hv{n}",))) for n in (*range(200), 3656, 6850)]
    ids = [[fault.id for fault in Told().step(5, *many)] for _ in range(2)]
    assert ids[0] == ids[1] and len(set(ids[0])) == 202
    assert all(len(id) == 6 and id.isalnum() for id in ids[0])


steps = st.lists(st.tuples(st.floats(0.1, 20), st.sets(st.sampled_from((LINK, PATH, OTHER))), st.booleans()), max_size=60)


@given(steps)
def test_every_fault_is_raised_once_and_ends_at_most_once(course: list[tuple[float, set[Verdict], bool]]) -> None:
    told, now = Told(), 0.0
    lasting = set[str]()
    for gap, verdicts, told.unknown in course:
        now += gap
        for fault in told.step(now, *verdicts):
            assert (fault.id in lasting) == (fault.raised < now), "only what was raised changes or ends"
            lasting = lasting - {fault.id} if fault.until is not None else lasting | {fault.id}
            assert fault.since <= fault.raised <= now and (fault.until is None or fault.raised <= fault.until <= now)
        there = {fault.id for fault in told.lasting}
        over = {fault.id for fault in told.book.faults(now) if fault.until is not None}
        assert there <= lasting <= there | over, "a narrower one ends without a word"
        lasting = there
        for verdict in verdicts:
            wide = verdict == PATH and told.book.lasts("down", LINK.element)
            assert wide or told.book.lasts(verdict.kind, verdict.element)
