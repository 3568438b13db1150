"""The reference walk and compiled flows agree on every packet: positions, chassis, ends, and each packet as it arrives.

The two share no code: one reads the model, the other is Open vSwitch on what the compiler made of it, with the responder's
own bytes for answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.compiler.program import compile_all
from ryu_overlay.model.walk import walk, walks, walks_in
from tests.golden.effort import heavy
from tests.golden.following import Follower
from tests.golden.networks import Placed, packets, placed_networks
from tests.golden.networks_out import INTERNET, packets_in, packets_out, placed_outside
from tests.golden.rig import Rig
from tests.golden.telling import Teller, facts_of
from tests.golden.ways import Way
from tools.scenarios import LIMITS

PACKETS = 6
"""Tried on each network; loading it takes longer than tracing them."""
DEEPEST = 60
"""Routers that a packet and its answer may pass for certain: Open vSwitch goes back to an earlier table at most 64 times."""
TOO_DEEP = "lost: over max translation depth 64"

pytestmark = pytest.mark.ovs


@pytest.fixture(scope="module")
def ends() -> Iterator[Counter[str]]:
    """How packets ended, counted over a test's examples."""
    seen: Counter[str] = Counter()
    yield seen
    print(f"\npacket cases: {sum(seen.values())}\n" + "\n".join(f"{n:6} {end}" for end, n in seen.most_common()))


def follower(made: Rig, placed: Placed) -> Follower:
    made.load(compile_all(placed.network, placed.fabric, LIMITS))
    return Follower(made, placed.network, placed.fabric)


def agree(traced: Way, walked: Way) -> bool:
    """Whether both are the same way, as far as Open vSwitch follows a packet that goes in circles."""
    if traced[-1].end != TOO_DEEP:
        return traced == walked
    *before, last = traced
    same = walked[len(before)]
    passed = sum(" router " in position for leg in walked for position in leg.path)
    return walked[: len(before)] == tuple(before) and same.path[: len(last.path) - 1] == last.path[:-1] and passed > DEEPEST


def shown(way: Way) -> str:
    """How its legs ended."""
    return ", then ".join(leg.end.partition(":")[0] if leg.end.startswith(("delivered", "left")) else leg.end for leg in way)


@heavy(1.5)
@given(data=st.data())
def test_by_the_only_way(chassis: Rig, ends: Counter[str], data: st.DataObject) -> None:
    placed = data.draw(placed_networks())
    if not placed.bound:
        return
    following = follower(chassis, placed)
    for _ in range(PACKETS):
        port, name, ofport = data.draw(st.sampled_from(placed.bound))
        packet = data.draw(packets(placed.network, port))
        walked = Teller(placed.network, placed.fabric, name).way(walk(placed.network, port, packet))
        traced = following.from_port(name, ofport, packet)
        assert agree(traced, walked)
        ends[shown(walked)] += 1


@heavy(0.3)
@given(data=st.data())
def test_by_one_of_several_equal_ways(chassis: Rig, data: st.DataObject) -> None:
    placed = data.draw(placed_networks(most_hops=3))
    if not placed.bound:
        return
    following = follower(chassis, placed)
    port, name, ofport = data.draw(st.sampled_from(placed.bound))
    packet = data.draw(packets(placed.network, port))
    teller = Teller(placed.network, placed.fabric, name)
    walked = {teller.way(path) for path in walks(placed.network, port, packet)}
    for dp_hash in range(1, 9):
        traced = following.from_port(name, ofport, packet, dp_hash)
        assert any(agree(traced, way) for way in walked)


@heavy(1)
@given(data=st.data())
def test_by_a_way_out(chassis: Rig, ends: Counter[str], data: st.DataObject) -> None:
    placed = data.draw(placed_outside())
    if not placed.bound:
        return
    following, facts = follower(chassis, placed), facts_of(placed.network, placed.fabric)
    for _ in range(PACKETS):
        port, name, ofport = data.draw(st.sampled_from(placed.bound))
        packet = data.draw(packets_out(placed.network, port))
        teller = Teller(placed.network, placed.fabric, name)
        walked = {teller.way(path) for path in walks(placed.network, port, packet, facts)}
        traced = following.from_port(name, ofport, packet, data.draw(st.integers(1, 16)))
        assert any(agree(traced, way) for way in walked), (traced, walked)
        ends[shown(traced)] += 1


@heavy(1)
@given(data=st.data())
def test_from_outside(chassis: Rig, ends: Counter[str], data: st.DataObject) -> None:
    placed = data.draw(placed_outside())
    if not placed.fabric.gateways:
        return
    following, facts = follower(chassis, placed), facts_of(placed.network, placed.fabric)
    teller = Teller(placed.network, placed.fabric)
    for _ in range(PACKETS):
        packet = data.draw(packets_in(placed.network))
        walked = {teller.way(path) for path in walks_in(placed.network, INTERNET, packet, facts)}
        traced = following.from_wire(INTERNET, packet, data.draw(st.integers(1, 16)))
        assert any(agree(traced, way) for way in walked), (traced, walked)
        ends[shown(traced)] += 1
