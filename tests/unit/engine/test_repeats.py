"""What is sent again for a while."""

from __future__ import annotations

from ryu_overlay.engine.events import Effect, MembersJudged, Send
from ryu_overlay.engine.repeats import TICKS, Repeats
from ryu_overlay.openflow.messages import EXPERIMENTER
from tests.unit.engine.outdoors import MEMBER, outdoors

ONE, OTHER = Send(1, (b"one",)), Send(2, (b"other",))


def test_it_is_given_now_and_at_each_of_the_next_ticks() -> None:
    repeats = Repeats()
    assert repeats.take(iter([ONE])) == [ONE]
    assert [repeats.tick() for _ in range(TICKS + 2)] == [[ONE]] * TICKS + [[], []]


def test_what_comes_later_lasts_longer() -> None:
    repeats = Repeats()
    repeats.take([ONE])
    assert repeats.tick() == [ONE]
    repeats.take([OTHER])
    assert repeats.tick() == [ONE, OTHER]
    assert [repeats.tick() for _ in range(TICKS)] == [[OTHER]] * (TICKS - 1) + [[]]


def test_nothing_is_nothing() -> None:
    repeats = Repeats()
    assert repeats.take([]) == [] and repeats.tick() == []


def flushes(effects: list[Effect]) -> list[tuple[int, tuple[bytes, ...]]]:
    return [(e.dpid, e.messages) for e in effects if isinstance(e, Send) and e.messages[0][1] == EXPERIMENTER]


def test_connections_of_a_member_that_falls_are_forgotten_again() -> None:
    """A packet that met a cached flow may have made conntrack know the connection again."""
    world = outdoors()
    first = flushes(world.step(MembersJudged(frozenset({MEMBER}))))
    assert {dpid for dpid, _ in first} == {1, 2, 3}
    world.settle()
    assert [flushes(world.tick()) for _ in range(TICKS + 1)] == [first] * TICKS + [[]]
