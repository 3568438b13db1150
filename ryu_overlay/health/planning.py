"""Which paths of the underlay to probe, few, so that every single fault can be told from every other; and the proof.

A part is known by its signature: the probed paths that pass it. If one part is broken, just these fail. So each part needs a
signature that is not empty and that no other part has.

A probe tries both directions of its path, so a cable counts as one part here. Nothing is lost by that: whether a link is broken
towards its chassis (`link_in`) or from it (`link_out`) is read from which direction of these same paths fails.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from ryu_overlay.health.topology import Candidates, Groups, Pair, Part, ProbePath, Topology, Underlay, signatures

_PIECE = 3
_SLACK = 1.1
_NEARLY = 0.9
"""A path that gains this much of what the best one may gain is as good: that costs no paths, and saves most of the time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Paths in order, and the pairs that could be chosen from (None: all)."""

    paths: tuple[ProbePath, ...]
    wanted: frozenset[Pair] | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a plan can tell. `mesh` is the full mesh: pairs that may be probed, times entropies.

    `alike` are the classes of parts that this plan cannot tell apart, `unseen` the parts that it does not pass; `always_alike`
    and `never_seen` are what the full mesh leaves of them.
    """

    chassis: int
    parts: int
    paths: int
    mesh: int
    alike: tuple[tuple[Part, ...], ...] = ()
    unseen: tuple[Part, ...] = ()
    always_alike: tuple[tuple[Part, ...], ...] = ()
    never_seen: tuple[Part, ...] = ()

    @property
    def ratio(self) -> float:
        """Paths for each chassis."""
        return self.paths / self.chassis if self.chassis else 0.0

    @property
    def complete(self) -> bool:
        """Whether the plan tells all that the full mesh could."""
        return self.alike == self.always_alike and self.unseen == self.never_seen


def plan(topology: Topology, wanted: Collection[Pair] | None = None, before: Collection[ProbePath] = ()) -> Plan:
    """Few paths between `wanted` pairs of chassis (in either order; None: all) that tell all parts apart that can be told at all.

    Of the paths `before` it keeps what still serves, unless that makes it over a tenth larger than from scratch. The same for the
    same arguments. Raises ValueError for a wanted pair of one chassis or of one that is not in the topology.

    Links need most of the paths, and two paths tell three links apart. So the wanted pairs are first cut into pieces of three
    chassis; then paths are added that split what still looks alike, and those left out that are not needed any more.
    """
    underlay = Underlay(topology)
    candidates = Candidates(underlay, wanted)
    paths = _completed(underlay, candidates, _spread(underlay, _pieces(candidates)))
    if old := sorted(set(filter(candidates.has, before))):
        kept = _completed(underlay, candidates, old)
        paths = kept if len(kept) <= 1 + _SLACK * len(paths) else paths
    return Plan(tuple(sorted(paths)), None if wanted is None else frozenset((min(pair), max(pair)) for pair in wanted))


def _completed(underlay: Underlay, candidates: Candidates, paths: Collection[ProbePath]) -> list[ProbePath]:
    """These paths and more, until they tell all that can be told, without those that are not needed."""
    doubtful = _doubtful(signatures(range(len(underlay.parts)), map(underlay.passed, paths)))
    more = candidates.telling(doubtful)
    hopeless: set[int] = set()
    for key, group in signatures(doubtful, map(underlay.passed, more)).items():
        hopeless.update(group[1:] if key else group)
    cover = _Cover(number for number in range(len(underlay.parts)) if number not in hopeless)
    for path in paths:
        cover.add(path, underlay.passed(path))
    _fix(cover, ((path, underlay.passed(path)) for path in more))
    for path in cover.paths:
        cover.leave_out(path)
    return cover.paths


def every(pairs: Collection[Pair]) -> tuple[ProbePath, ...]:
    """A path for each pair."""
    return tuple(sorted(ProbePath(min(pair), max(pair)) for pair in pairs))


def certificate(topology: Topology, plan: Plan) -> Certificate:
    """What the paths of a plan can tell, from these paths alone. Raises ValueError as `plan` does, and for a path that may not be
    probed."""
    underlay = Underlay(topology)
    candidates = Candidates(underlay, plan.wanted)
    for path in plan.paths:
        if path.b not in candidates.neighbours.get(path.a, ()):
            raise ValueError(f"{path} is between chassis that are not wanted")
    groups = signatures(range(len(underlay.parts)), map(underlay.passed, plan.paths))
    doubtful = _doubtful(groups)
    best = signatures(doubtful, map(underlay.passed, candidates.telling(doubtful)))
    return Certificate(
        len(topology.racks),
        len(underlay.parts),
        len(plan.paths),
        candidates.pairs * topology.entropies,
        *_classes(underlay, groups),
        *_classes(underlay, best),
    )


def _classes(underlay: Underlay, groups: Groups) -> tuple[tuple[tuple[Part, ...], ...], tuple[Part, ...]]:
    """The parts that look alike, and those that are not passed, in order."""
    alike = sorted(sorted(group) for key, group in groups.items() if key and len(group) > 1)
    unseen = sorted(groups.get((), ()))
    return tuple(tuple(underlay.parts[n] for n in group) for group in alike), tuple(underlay.parts[n] for n in unseen)


def lines(found: Certificate) -> list[str]:
    """A certificate for people."""
    said = [
        f"{found.chassis} chassis, {found.parts} parts; {found.paths} paths, {found.ratio:.2f} a chassis; full mesh {found.mesh}"
    ]
    if found.complete:
        limits = ", as far as any paths could" if found.always_alike or found.never_seen else ""
        said.append(f"every single fault is told from every other{limits}")
    for group in found.alike:
        hint = "" if group in found.always_alike else " (other paths could tell more)"
        said.append(f"look alike: {', '.join(part.text for part in group)}{hint}")
    if found.unseen:
        hint = "" if found.unseen == found.never_seen else " (other paths could pass more)"
        said.append(f"not passed: {', '.join(part.text for part in found.unseen)}{hint}")
    return said


def _doubtful(groups: Groups) -> list[int]:
    """The parts that are not passed, or not told from another."""
    return [part for key, group in groups.items() if len(group) > 1 or not key for part in group]


class _Cover:
    """Chosen paths, and which parts they tell apart; "nothing is broken" counts as one more part, which no path passes.

    Parts that no choice of paths could tell from another, or pass, are to be left out of `parts`.
    """

    def __init__(self, parts: Iterable[int]) -> None:
        self._signature = dict.fromkeys(parts, 0)
        self._sharing = Counter({0: len(self._signature) + 1})
        self._chosen: dict[ProbePath, tuple[int, Collection[int]]] = {}
        self._numbers = count()

    @property
    def paths(self) -> list[ProbePath]:
        return list(self._chosen)

    def gain(self, on: Iterable[int]) -> int:
        """How many pairs of parts a further path over these parts would tell apart."""
        met: dict[int, int] = {}
        for part in on:
            if part in self._signature:
                signature = self._signature[part]
                met[signature] = met.get(signature, 0) + 1
        return sum(here * (self._sharing[signature] - here) for signature, here in met.items())

    def add(self, path: ProbePath, on: Collection[int]) -> None:
        self._chosen[path] = next(self._numbers), on
        self._toggle(path)

    def leave_out(self, path: ProbePath) -> None:
        """Leave out a path, unless it is needed."""
        self._toggle(path)
        _, on = self._chosen[path]
        if all(self._sharing[self._signature[part]] == 1 for part in on if part in self._signature):
            del self._chosen[path]
        else:
            self._toggle(path)

    def _toggle(self, path: ProbePath) -> None:
        number, on = self._chosen[path]
        for part in on:
            if part in self._signature:
                before = self._signature[part]
                after = self._signature[part] = before ^ 1 << number
                self._sharing[after] += 1
                self._sharing[before] -= 1
                if not self._sharing[before]:
                    del self._sharing[before]


def _fix(cover: _Cover, more: Iterable[tuple[ProbePath, Collection[int]]]) -> None:
    """Add the paths that tell most pairs of parts apart, until none tells any. What a path gains only falls as others are added,
    so one whose last known gain is below what another has now need not be looked at."""
    queue = [(-cover.gain(on), path, on) for path, on in more]
    heapq.heapify(queue)
    while queue:
        _, path, on = heapq.heappop(queue)
        gain = cover.gain(on)
        if queue and gain < _NEARLY * -queue[0][0]:
            heapq.heappush(queue, (-gain, path, on))
        elif gain:
            cover.add(path, on)


def _spread(underlay: Underlay, pairs: Iterable[Pair]) -> list[ProbePath]:
    """Paths between these pairs, each by the way that tells most parts apart, of those by the one used least so far."""
    used: Counter[int] = Counter()
    cover = _Cover(range(len(underlay.parts)))
    for a, b in pairs:
        ways = [(path, underlay.passed(path)) for path in underlay.paths(a, b)]
        path, on = min(ways, key=lambda way: (-cover.gain(way[1]), sum(used[part] for part in way[1])))
        used.update(on)
        cover.add(path, on)
    return cover.paths


def _pieces(candidates: Candidates) -> Iterator[Pair]:
    """Pairs that connect the chassis into many pieces, each of three or more where so many hang together."""
    seen: set[str] = set()
    for root in candidates.neighbours:
        if root not in seen:
            tree = candidates.tree(root)
            seen.update(tree)
            yield from _cut(tree, root)


def _cut(tree: Mapping[str, str], root: str) -> list[Pair]:
    """The edges that stay when a tree is cut into as many pieces of three or more as it can be: from its ends to the root a piece
    is cut off as soon as it is large enough, and what is left at the root joins a neighbour. `tree` has what is before each."""
    size = Counter([root, *tree])
    kept, cut = [], []
    for name in reversed(list(tree)):
        edge = name, tree[name]
        if size[name] < _PIECE:
            kept.append(edge)
            size[tree[name]] += size[name]
        else:
            cut.append(edge)
    if size[root] < _PIECE:
        rest = {root, *(name for name, before in kept if before == root)}
        kept += [edge for edge in cut if edge[1] in rest][:1]
    return kept
