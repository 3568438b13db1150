"""The reference walk and compiled flows agree on every packet: positions, chassis, ends, and each packet as it arrives.

The two share no code: one reads the model, the other is Open vSwitch on what the compiler made of it, with the responder's
own bytes for answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.compiler.program import compile_all
from ryu_overlay.model.walk import walk, walks
from tests.golden.effort import effort
from tests.golden.following import Follower
from tests.golden.networks import CHASSIS, MAX_BOUND, TUNNELS, Placed, packets, placed_networks
from tests.golden.rig import Rig, rig
from tests.golden.ways import Teller, Way
from tools.scenarios import PUNT_RATE, Chassis

MAX_PACKETS = 8
DEEPEST = 60
"""Routers a packet and its echo reply pass before Open vSwitch gives up on a loop (64 resubmits that go back)."""

pytestmark = pytest.mark.ovs


@pytest.fixture(scope="module")
def chassis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    ports = {f"vif{n}": n for n in range(1, MAX_BOUND + 1)}
    empty = {name: Chassis(IPv4Address("172.31.0.1"), ports, TUNNELS[name]) for name in CHASSIS}
    with rig(tmp_path_factory.mktemp("ovs"), empty) as made:
        yield made


@pytest.fixture(scope="module")
def ends() -> Iterator[Counter[str]]:
    """How packets ended, counted over a test's examples."""
    seen: Counter[str] = Counter()
    yield seen
    print(f"\npacket cases: {sum(seen.values())}: " + ", ".join(f"{n} {end}" for end, n in seen.most_common()))


def follower(made: Rig, placed: Placed) -> Follower:
    made.load(compile_all(placed.network, placed.fabric, PUNT_RATE))
    return Follower(made, placed.network, placed.fabric)


def gave_up(traced: Way, walked: Way) -> bool:
    """Whether Open vSwitch gave up on a packet that goes in circles for longer than it follows any."""
    passed = sum(" router " in position for leg in walked for position in leg.path)
    return traced[-1].end.startswith("lost: ") and passed > DEEPEST


@effort(short=40, full=500)
@given(data=st.data())
def test_by_the_only_way(chassis: Rig, ends: Counter[str], data: st.DataObject) -> None:
    placed = data.draw(placed_networks())
    if not placed.bound:
        return
    following = follower(chassis, placed)
    for _ in range(data.draw(st.integers(1, MAX_PACKETS))):
        port, name, ofport = data.draw(st.sampled_from(placed.bound))
        packet = data.draw(packets(placed.network, port))
        walked = Teller(placed.network, placed.fabric, name).way(walk(placed.network, port, packet))
        traced = following.from_port(name, ofport, packet)
        assert traced == walked or gave_up(traced, walked)
        ends[walked[0].end.partition(" 02:")[0].partition(" ")[0] if "delivered" in walked[0].end else walked[0].end] += 1


@effort(short=15, full=150)
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
        assert traced in walked or any(gave_up(traced, way) for way in walked)
