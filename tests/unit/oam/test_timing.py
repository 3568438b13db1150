"""Times of places: what came before was not later, whenever it was heard of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.oam.hops import Hop, PacketView
from ryu_overlay.oam.observed import Crossing, Seen, SeenHop
from ryu_overlay.oam.timing import in_order

HOP = Hop("switch", "red/web", PacketView(None, None, "10.0.1.11", "10.0.2.11", "icmp"))
times = st.floats(0, 100)
hops = st.builds(SeenHop, st.just(HOP), st.just("hv1"), times)
crossings = st.builds(Crossing, st.just("hv1"), st.just("hv2"), st.just(7), times, st.none() | times)

places: st.SearchStrategy[Seen] = st.one_of(hops, crossings)


def moments(seen: Seen) -> list[float]:
    if isinstance(seen, SeenHop):
        return [seen.at_ms]
    return [seen.sent_ms] if seen.received_ms is None else [seen.sent_ms, seen.received_ms]


def test_a_bridge_that_was_heard_late() -> None:
    seen: list[Seen] = [
        SeenHop(HOP, "hv1", 1.0),
        Crossing("hv1", "hv2", 7, 5.5, 2.0),
        SeenHop(HOP, "hv2", 2.4),
        SeenHop(HOP, "hv2", 2.6),
    ]
    assert [moments(each) for each in in_order(seen)] == [[1.0], [2.0, 2.0], [2.4], [2.6]]


@given(st.lists(places))
def test_in_order_and_never_later_than_heard(way: list[Seen]) -> None:
    found = in_order(way)
    told = [moment for each in found for moment in moments(each)]
    heard = [moment for each in way for moment in moments(each)]
    assert told == sorted(told)
    assert all(t <= h for t, h in zip(told, heard, strict=True))
    assert in_order(found) == found
    assert told == heard or heard != sorted(heard), "what was heard in order is left as it is"
