"""Which elements a set of bad directions between chassis comes down to.

An element explains the directions that cross it. It can only be at fault if none of those is good, and if it explains two at
least, or nothing wider explains the one. The fewest elements that explain all are taken, the widest first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

import networkx as nx

from ryu_overlay.health.elements import Element
from ryu_overlay.health.probes import Pair


def explain(bad: Collection[Pair], good: Collection[Pair]) -> list[Element]:
    """The elements at fault, in order of what they explain. Directions in neither set are not known."""
    left, found = set(bad), list[Element]()
    if not left:
        return found
    candidates = [(element, pairs) for element, pairs in _candidates(bad, good) if not pairs & set(good)]
    while left:
        element, pairs = max(
            candidates, key=lambda c: (len(c[1] & left), len(c[1] & left) == 1 and c[0].kind == "path", -_rank(c[0]))
        )
        if not pairs & left:
            break
        found.append(element)
        left -= pairs
    return found


def undecided(bad: Collection[Pair], good: Collection[Pair], chassis: Collection[str], peers: int = 6) -> set[Pair]:
    """Directions that ought to be tried to tell elements apart: those that share an end with a bad one and are not known. Between
    each end and so many `peers`: more tell no more."""
    wanted = set[Pair]()
    ends = Counter(name for pair in bad for name in pair)
    # The other ends of a chassis that several bad ones share have nothing to do with it.
    shared = {name for name, count in ends.items() if count > 1} or ends.keys()
    for name in shared:
        for peer in sorted(set(chassis) - {name})[:peers]:
            wanted |= {(name, peer), (peer, name)}
    return wanted - set(bad) - set(good)


def _candidates(bad: Collection[Pair], good: Collection[Pair]) -> Iterator[tuple[Element, set[Pair]]]:
    known = set(bad) | set(good)
    for name in sorted({name for pair in bad for name in pair}):
        out, into = {p for p in known if p[0] == name}, {p for p in known if p[1] == name}
        peers = {p[1] for p in out} | {p[0] for p in into}
        if len(peers) > 1:
            # With one peer only, it could as well be the peer's, or anything between.
            yield Element("link", (name,)), out | into
            yield Element("link_out", (name,)), out
            yield Element("link_in", (name,)), into
    yield from _split(bad, good)
    for a, b in sorted(bad):
        yield Element("path", (a, b)), {(a, b)}
        if (b, a) in bad:
            yield Element("pair", (min(a, b), max(a, b))), {(a, b), (b, a)}


def _split(bad: Collection[Pair], good: Collection[Pair]) -> Iterator[tuple[Element, set[Pair]]]:
    """Two sides, each of two chassis or more, between which nothing is good."""
    graph = nx.Graph()
    graph.add_nodes_from(name for pair in (*bad, *good) for name in pair)
    graph.add_edges_from(good)
    sides = sorted(sorted(side) for side in nx.connected_components(graph))
    if len(sides) == 2 and all(len(side) > 1 for side in sides):
        first, second = sides
        across = {p for p in bad if (p[0] in first) != (p[1] in first)}
        yield Element("split", (",".join(first), ",".join(second))), across


def _rank(element: Element) -> int:
    return ("link_in", "link_out", "link", "split", "pair", "path").index(element.kind)
