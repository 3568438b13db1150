"""Bad and good directions to elements: the fewest that explain all, none that a good one clears."""

from __future__ import annotations

from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.health.elements import Element
from ryu_overlay.health.explain import explain, undecided
from ryu_overlay.health.probes import Pair

ABCD = "abcd"
MESH = {n: set(permutations(ABCD[:n], 2)) for n in (2, 3, 4)}


def pairs(text: str) -> set[Pair]:
    """`a>b` is one direction, `a=b` both, `a*` all from and to a chassis, `a>*` and `*>a` half of these."""
    found = set[Pair]()
    for word in text.split():
        if word.endswith("*") and ">" not in word:
            found |= {p for p in MESH[4] if word[0] in p}
        elif "=" in word:
            found |= {(word[0], word[2]), (word[2], word[0])}
        else:
            found |= {p for p in MESH[4] if p[0] in (word[0], *"abcd"[: 4 * (word[0] == "*")]) and word[2] in (p[1], "*")}
    return found


def said(bad: set[Pair], good: set[Pair]) -> list[str]:
    return [element.text for element in explain(bad, good)]


@pytest.mark.parametrize(
    ("bad", "element"),
    [
        ("a*", "link a"),
        ("a>*", "link-out a"),
        ("*>a", "link-in a"),
        ("a>b", "path a>b"),
        ("a=b", "pair a=b"),
        ("a=c a=d b=c b=d", "split a,b|c,d"),
    ],
)
def test_one_element_explains_what_crosses_it(bad: str, element: str) -> None:
    assert said(pairs(bad), MESH[4] - pairs(bad)) == [element]


@pytest.mark.parametrize(
    ("bad", "elements"),
    [
        ("a* b>c", ["link a", "path b>c"]),
        ("a=b c=d", ["pair a=b", "pair c=d"]),
        ("a>b c>d", ["path a>b", "path c>d"]),
        ("a>* b>*", ["link-out a", "link-out b"]),
        ("a>b a>c", ["path a>b", "path a>c"]),
    ],
)
def test_else_the_fewest_that_do(bad: str, elements: list[str]) -> None:
    assert sorted(said(pairs(bad), MESH[4] - pairs(bad))) == elements


def test_nothing_bad_is_nothing_at_fault() -> None:
    assert said(set(), MESH[4]) == []


def test_of_two_chassis_it_may_be_either_link_or_what_is_between() -> None:
    assert said(MESH[2], set()) == ["pair a=b"]
    assert said({("a", "b")}, {("b", "a")}) == ["path a>b"]


def test_what_is_not_known_does_not_speak_against_the_wider_one() -> None:
    assert said(pairs("a=b a=c"), {("b", "c"), ("c", "b")}) == ["link a"]


def test_if_nothing_is_good_the_fewest_links_are_taken() -> None:
    assert len(said(MESH[3], set())) == 2


def test_the_widest_comes_first() -> None:
    bad = pairs("a* b>c")
    assert said(bad, MESH[4] - bad) == ["link a", "path b>c"]


def test_a_direction_that_is_good_clears_what_it_crosses() -> None:
    assert said(pairs("a*") - {("a", "b")}, MESH[4] - pairs("a*") | {("a", "b")}) != ["link a"]
    assert "link-in a" in said(pairs("a*") - {("a", "b")}, MESH[4] - pairs("a*") | {("a", "b")})


known = st.dictionaries(st.sampled_from(sorted(MESH[4])), st.booleans())


@given(known)
def test_all_that_is_bad_is_explained_and_nothing_good_is_blamed(found: dict[Pair, bool]) -> None:
    bad = {pair for pair, is_bad in found.items() if is_bad}
    good = found.keys() - bad
    elements = explain(bad, good)
    assert len(set(elements)) == len(elements) <= len(bad)
    crossed = [{p for p in found if crosses(p, element)} for element in elements]
    assert set().union(*crossed) >= bad
    assert all(pairs_ and not pairs_ & good for pairs_ in crossed)


def crosses(pair: Pair, element: Element) -> bool:
    if element.kind == "split":
        first, second = (side.split(",") for side in element.names)
        return (pair[0] in first and pair[1] in second) or (pair[1] in first and pair[0] in second)
    if element.kind == "pair":
        return set(pair) == set(element.names)
    ends = {"link": set(pair), "link_in": {pair[1]}, "link_out": {pair[0]}}
    return pair == element.names if element.kind == "path" else element.names[0] in ends[element.kind]


@pytest.mark.parametrize("kind", ["link", "link_in", "link_out"])
def test_every_single_link_is_told_from_what_was_tried_because_of_one_direction(kind: str) -> None:
    """As the watch does: one direction is seen to be bad, what is not decided is tried, until all is known."""
    for name, names in ((n, ABCD[:size]) for size in (3, 4) for n in ABCD[:size]):
        at_fault = {p for p in permutations(names, 2) if crosses(p, Element(kind, (name,)))}
        for first in at_fault:
            bad, good = {first}, set[Pair]()
            while more := undecided(bad, good, names):
                bad |= more & at_fault
                good |= more - at_fault
            assert said(bad, good) == [Element(kind, (name,)).text]


def test_only_so_many_are_tried_as_it_takes() -> None:
    chassis = [f"hv{number}" for number in range(50)]
    wanted = undecided({("hv1", "hv2")}, set(), chassis)
    assert 12 <= len(wanted) <= 24
    assert all({"hv1", "hv2"} & {*pair} for pair in wanted)
    assert ("hv1", "hv2") not in wanted
    assert len(undecided({("hv1", "hv2")}, set(), chassis, peers=3)) < len(wanted)


def test_what_is_known_is_not_tried_again() -> None:
    bad, good = {("a", "b")}, {("b", "a"), ("a", "c")}
    assert undecided(bad, good, "abc") == {("c", "a"), ("b", "c"), ("c", "b")}
    assert undecided(set(), good, "abc") == set()


def test_names_of_pairs_and_splits_are_in_order() -> None:
    for one, two in combinations(ABCD, 2):
        assert explain({(two, one), (one, two)}, set()) == [Element("pair", (one, two))]
