"""Few probe paths that tell every single broken part of the underlay from every other, and the certificate of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.health.planning import Plan, certificate, lines, plan
from ryu_overlay.health.topology import Pair, Part, ProbePath, Topology, Underlay

Classes = frozenset[frozenset[str]]


def star(chassis: int) -> Topology:
    return Topology.of({f"hv{n:04}": None for n in range(chassis)})


def fabric(chassis: int, racks: int, spines: int) -> Topology:
    return Topology.of({f"hv{n:04}": f"r{n % racks:02}" for n in range(chassis)}, spines)


def passed(topology: Topology, path: ProbePath) -> set[str]:
    """What a path passes, said in another way than the code does."""
    links = {f"link {path.a}", f"link {path.b}"}
    racks = [dict(topology.racks)[name] for name in (path.a, path.b)]
    if not any(rack for _, rack in topology.racks):
        return links
    links |= {f"leaf {rack}" for rack in racks if rack}
    if racks[0] == racks[1] and racks[0]:
        return links
    if not topology.spines:
        return links | {"core"} | {f"uplink {rack}" for rack in racks if rack}
    spine = f"spine {path.entropy % topology.spines}"
    return links | {spine} | {f"uplink {rack} to {spine}" for rack in racks if rack}


def parts(topology: Topology) -> set[str]:
    racks = {rack for _, rack in topology.racks if rack}
    spines = [f"spine {k}" for k in range(topology.spines)] if racks else []
    uplinks = {f"uplink {rack} to {spine}" for rack, spine in product(racks, spines)}
    if racks and not spines:
        spines, uplinks = ["core"], {f"uplink {rack}" for rack in racks}
    return {f"link {name}" for name, _ in topology.racks} | {f"leaf {rack}" for rack in racks} | set(spines) | uplinks


def told(topology: Topology, paths: Iterable[ProbePath]) -> tuple[Classes, set[str]]:
    """The classes of parts that look alike and the parts that are not passed, by brute force."""
    over: dict[str, set[ProbePath]] = {part: set() for part in parts(topology)}
    for path in paths:
        for part in passed(topology, path):
            over[part].add(path)
    classes = {frozenset(p for p in over if over[p] == signature) for signature in over.values() if signature}
    return frozenset(group for group in classes if len(group) > 1), {part for part in over if not over[part]}


def mesh(topology: Topology, wanted: Iterable[Pair]) -> list[ProbePath]:
    return [ProbePath(min(pair), max(pair), k) for pair in wanted for k in range(max(1, topology.spines))]


def texts(classes: Iterable[Iterable[Part]]) -> Classes:
    return frozenset(frozenset(part.text for part in group) for group in classes)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Topology, list[Pair] | None]:
    names = [f"hv{n}" for n in range(draw(st.integers(0, 9)))]
    racks: list[list[str | None]] = [[None], ["r1", None], ["r1", "r2", None], ["r1", "r2", "r3", "r4"]]
    rack = st.sampled_from(draw(st.sampled_from(racks)))
    topology = Topology.of({name: draw(rack) for name in names}, draw(st.integers(0, 3)))
    pairs = [pair if draw(st.booleans()) else pair[::-1] for pair in combinations(names, 2)]
    return topology, draw(st.none() | (st.lists(st.sampled_from(pairs), unique=True) if pairs else st.just([])))


@given(worlds())
def test_a_plan_tells_what_can_be_told_between_those_that_share_a_tunnel(world: tuple[Topology, list[Pair] | None]) -> None:
    topology, wanted = world
    pairs = list(combinations(dict(topology.racks), 2)) if wanted is None else wanted
    best = told(topology, mesh(topology, pairs))
    found = plan(topology, wanted)
    assert told(topology, found.paths) == best
    assert {frozenset((path.a, path.b)) for path in found.paths} <= {frozenset(pair) for pair in pairs}
    seen = certificate(topology, found)
    assert seen.complete and (seen.alike, seen.unseen) == (seen.always_alike, seen.never_seen)
    assert (texts(seen.alike), {part.text for part in seen.unseen}) == best
    assert (seen.chassis, seen.parts) == (len(topology.racks), len(parts(topology)))
    assert (seen.paths, seen.mesh) == (len(set(found.paths)), len(pairs) * topology.entropies)
    assert plan(topology, wanted and [pair[::-1] for pair in reversed(wanted)]) == found, "whatever the order"
    for path in found.paths:
        assert told(topology, set(found.paths) - {path}) != best, f"{path} is superfluous"


@given(worlds(), st.lists(st.builds(ProbePath, *[st.sampled_from(["hv1", "hv2", "hv3", "hv10"])] * 2, st.integers(0, 3))))
def test_what_there_was_before_does_no_harm(world: tuple[Topology, list[Pair] | None], before: list[ProbePath]) -> None:
    topology, wanted = world
    new = plan(topology, wanted)
    found = plan(topology, wanted, before)
    assert certificate(topology, found).complete
    assert len(found.paths) <= 1 + 1.1 * len(new.paths)
    assert plan(topology, wanted, found.paths) == found, "and stays when nothing changes"


@pytest.mark.parametrize("spines", [0, 4])
def test_one_more_chassis_leaves_the_paths_of_the_others_alone(spines: int) -> None:
    before = plan(fabric(100, 10, spines)).paths
    more = plan(fabric(101, 10, spines), before=before).paths
    assert set(before) < set(more) and len(more) == len(before) + 1


@given(worlds(), st.data())
def test_a_certificate_is_of_the_paths_that_there_are(world: tuple[Topology, list[Pair] | None], data: st.DataObject) -> None:
    topology, wanted = world
    pairs = list(combinations(dict(topology.racks), 2)) if wanted is None else wanted
    all_ = mesh(topology, pairs)
    some = tuple(data.draw(st.lists(st.sampled_from(all_), unique=True))) if all_ else ()
    seen = certificate(topology, Plan(some, None if wanted is None else frozenset(wanted)))
    assert (texts(seen.alike), {part.text for part in seen.unseen}) == told(topology, some)
    in_doubt = set(seen.unseen).union(*seen.alike)
    alike, unseen = told(topology, all_)
    assert texts(seen.always_alike) == alike and {part.text for part in seen.never_seen} == unseen
    assert set(seen.never_seen).union(*seen.always_alike) <= in_doubt


@given(worlds())
def test_a_path_passes_what_is_on_it(world: tuple[Topology, list[Pair] | None]) -> None:
    topology, _ = world
    underlay = Underlay(topology)
    assert sorted(part.text for part in underlay.parts) == sorted(parts(topology))
    for path in mesh(topology, combinations(dict(topology.racks), 2)):
        for at in (path, replace(path, entropy=path.entropy + topology.entropies)):
            assert {part.text for part in underlay.parts_of(at)} == passed(topology, path)


@pytest.mark.parametrize(("chassis", "paths"), list(zip(range(13), (0, 0, 1, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8))))
def test_a_star_needs_two_paths_for_three_links(chassis: int, paths: int) -> None:
    """Fewer cannot do: paths and links are edges and nodes of a graph, and each piece of it needs three nodes."""
    assert len(plan(star(chassis)).paths) == paths


def test_what_a_chain_of_tunnels_needs() -> None:
    names = [f"hv{n:04}" for n in range(9)]
    assert len(plan(star(9), list(pairwise(names))).paths) == 6
    assert len(plan(star(9), [(names[4], name) for name in names if name != names[4]]).paths) == 8, "all tunnels end at one"


@pytest.mark.parametrize(("chassis", "racks", "spines", "elements"), [(256, 16, 4, 340), (1000, 32, 8, 1296)])
def test_leaf_and_spine_need_no_more_paths_than_links_do(chassis: int, racks: int, spines: int, elements: int) -> None:
    topology = fabric(chassis, racks, spines)
    found = certificate(topology, plan(topology))
    assert (found.parts, found.paths, found.mesh) == (elements, chassis - chassis // 3, chassis * (chassis - 1) // 2 * spines)
    assert found.ratio <= 1.25 and found.complete and not found.always_alike and not found.never_seen
    assert lines(found)[1:] == ["every single fault is told from every other"]


@pytest.mark.parametrize(("chassis", "racks", "spines"), [(256, 16, 0), (256, 16, 1), (256, 32, 8), (120, 10, 4)])
def test_other_fabrics_stay_within_the_aim(chassis: int, racks: int, spines: int) -> None:
    topology = fabric(chassis, racks, spines)
    found = certificate(topology, plan(topology))
    assert found.ratio <= 1.25 and found.complete


def test_no_chassis_is_in_many_paths() -> None:
    paths = plan(fabric(256, 16, 4)).paths
    assert max(sum(name in (path.a, path.b) for path in paths) for name in {path.a for path in paths}) <= 3


def test_lines_say_what_cannot_be_told() -> None:
    topology = fabric(10, 2, 2)
    assert lines(certificate(topology, plan(topology))) == [
        "10 chassis, 18 parts; 7 paths, 0.70 a chassis; full mesh 90",
        "every single fault is told from every other, as far as any paths could",
        "look alike: uplink r00 to spine 0, uplink r01 to spine 0, spine 0",
        "look alike: uplink r00 to spine 1, uplink r01 to spine 1, spine 1",
    ]
    lonely = Topology.of({"hv1": "r1", "hv2": "r1", "hv3": "r2"})
    assert lines(certificate(lonely, plan(lonely, [("hv1", "hv2")])))[2:] == [
        "look alike: link hv1, link hv2, leaf r1",
        "not passed: link hv3, leaf r2, uplink r1, uplink r2, core",
    ]
    assert lines(certificate(star(4), Plan((ProbePath("hv0000", "hv0001"),)))) == [
        "4 chassis, 4 parts; 1 paths, 0.25 a chassis; full mesh 6",
        "look alike: link hv0000, link hv0001 (other paths could tell more)",
        "not passed: link hv0002, link hv0003 (other paths could pass more)",
    ]


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="named twice"):
        Topology((("hv1", None), ("hv1", "r1")))
    with pytest.raises(ValueError, match="-1 spines"):
        Topology.of({}, -1)
    for pair in (("hv0000", "hv0000"), ("hv0000", "hv9")):
        with pytest.raises(ValueError, match="no pair of chassis"):
            plan(star(2), [pair])
    with pytest.raises(ValueError, match="not wanted"):
        certificate(star(3), Plan((ProbePath("hv0000", "hv0001"),), frozenset({("hv0001", "hv0002")})))
