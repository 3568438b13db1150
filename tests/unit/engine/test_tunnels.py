"""Which tunnels and patch ports chassis are to have, and which tunnels are checked often."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.engine.bindings import Bindings
from ryu_overlay.engine.events import PlanTunnels
from ryu_overlay.engine.tunnels import Tunnels
from ryu_overlay.engine.uplinks import Uplinks
from ryu_overlay.fabric.facts import Vif
from ryu_overlay.fabric.placement import components
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Ref
from tests.unit.engine.outdoors import INTERNET, outdoors, uplink
from tests.unit.engine.world import port, tenant

CHASSIS = ("hv1", "hv2", "hv3", "hv4")
ADDRESSES = {name: IPv4Address(f"172.31.0.{n}") for n, name in enumerate(CHASSIS, 1)}
NUMBERS = range(1, len(CHASSIS) + 1)
UP = ("t1", "r", "up")


def network() -> Network:
    """Tenants t1 to t3 with a port for each chassis; t1 has an uplink."""
    draft = Draft(Network())
    for obj in (INTERNET, *(obj for n in (1, 2, 3) for obj in (*tenant(n), *(port(n, 1, p) for p in NUMBERS))), uplink()):
        draft.put(obj)
    return draft.freeze(1)


NETWORK = network()
PARTS = components(NETWORK)


def plans(
    spread: dict[int, set[str]], gateways: dict[Ref, tuple[str, ...]], maps: Collection[str] = ()
) -> dict[str, PlanTunnels]:
    """The plans where tenants (by number) have a port on these chassis."""
    bindings, uplinks = Bindings(), Uplinks()
    bindings.start(NETWORK, (), {})
    for number, name in enumerate(CHASSIS, 1):
        claimed = [f"t{t}-p{number}" for t, where in spread.items() if name in where]
        bindings.report(name, {c: Vif(c, c, n) for n, c in enumerate(claimed, 1)})
    uplinks.gateways = dict(gateways)
    uplinks.mappings = {name: {"physnet1": "br-ex", "other": "br-o"} for name in maps}
    made = Tunnels().plan(NETWORK, PARTS, bindings, uplinks, ADDRESSES)
    return {plan.chassis: plan for plan in made}


def fast(found: dict[str, PlanTunnels]) -> dict[str, set[str]]:
    return {name: set(plan.fast) for name, plan in found.items() if plan.fast}


def test_gateways_have_tunnels_to_all_that_have_the_routers_network() -> None:
    found = plans({1: {"hv3", "hv4"}, 2: {"hv4"}}, {UP: ("hv1", "hv2")})
    assert {name: set(plan.tunnels) for name, plan in found.items()} == {name: set(CHASSIS) - {name} for name in CHASSIS}
    assert fast(found) == {
        "hv1": {"hv2", "hv3", "hv4"},
        "hv2": {"hv1", "hv3", "hv4"},
        "hv3": {"hv1", "hv2"},
        "hv4": {"hv1", "hv2"},
    }


def test_tunnels_of_networks_without_uplink_are_checked_at_leisure() -> None:
    assert fast(plans({2: set(CHASSIS)}, {})) == {}
    assert fast(plans({1: {"hv1"}, 2: set(CHASSIS)}, {UP: ("hv1",)})) == {}, "nobody else has what hv1 carries"


def test_both_ends_agree_though_they_share_several_networks() -> None:
    """hv1 carries an uplink of t1 and also has t2, with hv3; hv2 has t1 only."""
    found = plans({1: {"hv2"}, 2: {"hv1", "hv3"}}, {UP: ("hv1",)})
    assert fast(found) == {"hv1": {"hv2"}, "hv2": {"hv1"}}
    assert set(found["hv1"].tunnels) == {"hv2", "hv3"}


SPREAD = st.dictionaries(st.integers(1, 3), st.sets(st.sampled_from(CHASSIS)))


@given(SPREAD, st.lists(st.sampled_from(CHASSIS), unique=True).map(tuple))
def test_any_pair_agrees(spread: dict[int, set[str]], gateways: tuple[str, ...]) -> None:
    found = plans(spread, {UP: gateways})
    for name, plan in found.items():
        assert plan.fast <= plan.tunnels.keys()
        for other in plan.tunnels:
            assert name in found[other].tunnels
            assert (other in plan.fast) == (name in found[other].fast)
            with_t1 = spread.get(1, set()) | set(gateways)
            assert (other in plan.fast) == ({name, other} <= with_t1 and bool({name, other} & set(gateways)))


def test_patch_ports_are_for_physical_networks_in_use_that_the_chassis_maps() -> None:
    found = plans({1: {"hv1", "hv2"}, 2: {"hv3"}}, {}, maps={"hv1", "hv3"})
    assert {name: plan.patches for name, plan in found.items()} == {
        "hv1": {"physnet1"},
        **dict.fromkeys(("hv2", "hv3", "hv4"), frozenset()),
    }


def test_a_plan_is_given_once_and_again_when_gateways_change() -> None:
    world = outdoors()
    assert not [e for e in world.report("hv1", "hv2") + world.tick() if isinstance(e, PlanTunnels)]
    world.edit(uplink("hv2"))
    changed = [e for e in world.tell() if isinstance(e, PlanTunnels)]
    assert {plan.chassis: set(plan.fast) for plan in changed} == {"hv1": {"hv2"}, "hv3": {"hv2"}}
    world.settle()
    world.assert_converged()
