"""The underlay as a graph: what can break in it, and which parts of it a probe passes."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Literal, get_args

import networkx as nx

PartKind = Literal["link", "leaf", "uplink", "spine", "core"]
Pair = tuple[str, str]
Groups = dict[tuple[int, ...], list[int]]
Node = tuple[str, str | int]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing of the underlay that can break; a cable is one part, both directions.

    A `link` is the cable of a chassis, a `leaf` the switch of a rack, an `uplink` the cable from a leaf to a spine (named by
    both) or, where spines are not known, all that is between a leaf and the `core`.
    """

    kind: PartKind
    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """`link hv1`, `leaf r1`, `uplink r1 to spine 0`, `uplink r1`, `spine 0`, `core`."""
        return f"{self.kind} {' to spine '.join(self.names)}".strip()


@dataclass(frozen=True, slots=True, order=True)
class ProbePath:
    """The way of a probe from chassis `a` to `b` and back, where `a` is before `b` in the alphabet. `entropy`, from 0, stands for
    an outer source port: it chooses among equally short ways (entropy k takes spine k modulo their number)."""

    a: str
    b: str
    entropy: int = 0


@dataclass(frozen=True, slots=True)
class Topology:
    """Chassis in order, each with its rack (None: not known), and how many spines connect the racks (0: what is behind the leaves
    is one opaque core). Raises ValueError for a chassis named twice or a negative number of spines.

    If no rack is known, all between the chassis is one opaque thing, and only links are parts. A chassis without rack among
    others that have one is taken to be connected to every spine, or to the core, and all of that is its link.
    """

    racks: tuple[tuple[str, str | None], ...]
    spines: int = 0

    def __post_init__(self) -> None:
        if len(dict(self.racks)) < len(self.racks):
            raise ValueError("a chassis is named twice")
        if self.spines < 0:
            raise ValueError(f"{self.spines} spines")

    @classmethod
    def of(cls, racks: Mapping[str, str | None], spines: int = 0) -> Topology:
        """From a map of chassis to racks."""
        return cls(tuple(sorted(racks.items())), spines)

    @property
    def racked(self) -> bool:
        return any(rack is not None for _, rack in self.racks)

    @property
    def entropies(self) -> int:
        """How many ways there are between two racks."""
        return max(1, self.spines) if self.racked else 1


def graph(topology: Topology) -> nx.Graph:
    """Chassis, leaves, and spines or the core as nodes, cables as edges, each with its `part` where it can break by itself."""
    found = nx.Graph()
    racks = sorted({rack for _, rack in topology.racks if rack is not None})
    centres: list[Node] = [("spine", k) for k in range(topology.spines)] if topology.racked else []
    for name, rack in topology.racks:
        for towards in [("leaf", rack)] if rack is not None else centres or [("core", "")]:
            found.add_edge(("chassis", name), towards, part=Part("link", (name,)))
    for rack in racks:
        found.add_node(("leaf", rack), part=Part("leaf", (rack,)))
        for kind, number in centres or [("core", "")]:
            spine = (str(number),) if kind == "spine" else ()
            found.add_edge(("leaf", rack), (kind, number), part=Part("uplink", (rack, *spine)))
    for _, k in centres:
        found.add_node(("spine", k), part=Part("spine", (str(k),)))
    if topology.racked and not centres:
        found.add_node(("core", ""), part=Part("core"))
    return found


class Underlay:
    """The parts of a topology, numbered, and which of them a path passes."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.racks = dict(topology.racks)
        self._graph = graph(topology)
        holders = [*self._graph.edges(data="part"), *self._graph.nodes(data="part")]
        parts = dict.fromkeys(part for *_, part in holders if part is not None)
        self.parts: tuple[Part, ...] = tuple(sorted(parts, key=lambda part: get_args(PartKind).index(part.kind)))
        self.numbers = {part: number for number, part in enumerate(self.parts)}
        self._links = {part.names[0]: number for part, number in self.numbers.items() if part.kind == "link"}
        self._between: dict[tuple[str | None, str | None], list[tuple[int, ...]]] = {}

    def paths(self, a: str, b: str) -> list[ProbePath]:
        """The paths between two chassis, one for each way. Raises KeyError for a chassis that is not there."""
        return [ProbePath(min(a, b), max(a, b), entropy) for entropy in range(len(self._ways(a, b)))]

    def passed(self, path: ProbePath) -> tuple[int, ...]:
        """The numbers of the parts that a path passes. Raises KeyError for a chassis that is not there."""
        ways = self._ways(path.a, path.b)
        return (self._links[path.a], self._links[path.b], *ways[path.entropy % len(ways)])

    def parts_of(self, path: ProbePath) -> frozenset[Part]:
        """The parts that a path passes. Raises KeyError for a chassis that is not there."""
        return frozenset(self.parts[number] for number in self.passed(path))

    def _ways(self, a: str, b: str) -> list[tuple[int, ...]]:
        """What is passed between the links of two chassis, by each way; the same for all chassis of the same two racks."""
        racks = self.racks[a], self.racks[b]
        if racks not in self._between:
            links = {self._links[a], self._links[b]}
            ways = map(self._numbers_along, self._shortest(a, b))
            self._between[racks] = [tuple(number for number in way if number not in links) for way in ways]
        return self._between[racks]

    def _shortest(self, a: str, b: str) -> Iterator[list[Node]]:
        doors = [("leaf", rack) if (rack := self.racks[c]) is not None else ("chassis", c) for c in (a, b)]
        if doors[0] == doors[1]:
            yield [("chassis", a), doors[0], ("chassis", b)]
            return
        for centre in sorted(nx.common_neighbors(self._graph, *doors)):
            yield list(dict.fromkeys([("chassis", a), doors[0], centre, doors[1], ("chassis", b)]))

    def _numbers_along(self, nodes: list[Node]) -> Iterator[int]:
        held = [self._graph.edges[edge].get("part") for edge in nx.utils.pairwise(nodes)]
        held += [self._graph.nodes[node].get("part") for node in nodes]
        return (self.numbers[part] for part in held if part is not None)


class Candidates:
    """The paths that may be probed: those between `wanted` pairs of chassis (None: all), in either order, by every way.

    Raises ValueError for a pair of one chassis or of one that is not in the topology.
    """

    def __init__(self, underlay: Underlay, wanted: Collection[Pair] | None) -> None:
        self._underlay = underlay
        self._place = {name: place for place, name in enumerate(_ring(underlay.topology))}
        self.neighbours: dict[str, list[str]] = {name: [] for name in self._place}
        self.pairs = 0
        self._samples: dict[tuple[str | None, str | None], list[Pair]] = {}
        common: dict[tuple[str | None, str | None], set[str]] = {}
        for pair in combinations(self._place, 2) if wanted is None else self._ordered(wanted):
            a, b = pair
            self.pairs += 1
            self.neighbours[a].append(b)
            self.neighbours[b].append(a)
            racks = underlay.racks[a], underlay.racks[b]
            shared = common.setdefault(racks, {*pair, ""})  # with what no pair has, so that the first one counts
            if not shared.issubset(pair):
                self._samples.setdefault(racks, []).append(pair)
                shared.intersection_update(pair)

    def has(self, path: ProbePath) -> bool:
        """Whether it is one of them, with the smallest entropy for its way."""
        return path.b in self.neighbours.get(path.a, ()) and path in self._underlay.paths(path.a, path.b)

    def telling(self, parts: Iterable[int]) -> list[ProbePath]:
        """Candidates that tell apart any two of these parts (by number) that all candidates could, without going through all.

        Parts other than links do not depend on which chassis of two racks talk. So of the pairs of two racks a few do: those that
        together have no chassis in common, unless all pairs have. Of the neighbours of a chassis two of its own rack do, and two
        of two other racks each: among them is one that avoids any other link, leaf or uplink that can be avoided.
        """
        pairs = [pair for pairs in self._samples.values() for pair in pairs]
        for number in parts:
            part = self._underlay.parts[number]
            if part.kind == "link":
                pairs += self._near(part.names[0])
        return list(dict.fromkeys(path for pair in pairs for path in self._underlay.paths(*pair)))

    def tree(self, root: str) -> dict[str, str]:
        """All chassis that hang together with one, in the order of a depth-first search, each with the one before it."""
        before: dict[str, str] = {}
        stack = [(root, self._others(root))]
        while stack:
            name, left = stack[-1]
            found = next((other for other in left if other not in before and other != root), None)
            if found is None:
                stack.pop()
            else:
                before[found] = name
                stack.append((found, self._others(found)))
        return before

    def _others(self, name: str) -> Iterator[str]:
        """The neighbours of a chassis, those after it in the ring first."""
        near = self.neighbours[name]
        after = bisect(near, self._place[name], key=self._place.__getitem__)
        return chain(near[after:], near[:after])

    def _near(self, name: str) -> Iterator[Pair]:
        racks = self._underlay.racks
        met = {racks[name]: 0}
        for other in self._others(name):
            if racks[other] in met or len(met) < 3:
                met[racks[other]] = met.get(racks[other], 0) + 1
                if met[racks[other]] <= 2:
                    yield name, other

    def _ordered(self, wanted: Collection[Pair]) -> list[Pair]:
        for pair in wanted:
            if len(pair) != 2 or pair[0] == pair[1] or not self._place.keys() >= set(pair):
                raise ValueError(f"{pair} is no pair of chassis of this topology")
        places = sorted({tuple(sorted((self._place[a], self._place[b]))) for a, b in wanted})
        names = list(self._place)
        return [(names[a], names[b]) for a, b in places]


def _ring(topology: Topology) -> list[str]:
    """All chassis in an order in which those of each rack are spread evenly."""
    members: dict[str | None, list[str]] = {}
    for name, rack in topology.racks:
        members.setdefault(rack, []).append(name)
    keyed = [((i + 0.5) / len(all_), rack or "", name) for rack, all_ in members.items() for i, name in enumerate(all_)]
    return [name for *_, name in sorted(keyed)]


def signatures(parts: Iterable[int], passed: Iterable[Collection[int]]) -> Groups:
    """Parts (by number) by the paths that pass them, where `passed` has the parts of each path."""
    over: dict[int, list[int]] = {part: [] for part in parts}
    for number, on in enumerate(passed):
        for part in on:
            if part in over:
                over[part].append(number)
    groups: Groups = {}
    for part, numbers in over.items():
        groups.setdefault(tuple(numbers), []).append(part)
    return groups
