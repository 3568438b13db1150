"""Which networks hang together, which chassis they reach, and which tunnels that needs."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Interface
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.fabric.placement import NOWHERE, Device, Placement, Spot, components, reach, wanted_tunnels
from ryu_overlay.model.edit import put_tenants
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref
from tests.golden.networks import placed_networks


def router(name: str, *switches: str, peers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A router with a port on each switch; `peers` maps its other ports to router/port."""
    number = ord(name[-1])
    ports = [{"name": s, "addresses": [IPv4Interface(f"10.{ord(s)}.0.{number}/24")], "switch": s} for s in switches]
    for port, far in (peers or {}).items():
        link = f"100.64.0.{number % 2}/31"
        given = {"name": port, "addresses": [IPv4Interface(link)]}
        ports.append(given | ({"peer": tuple(far.split("/"))} if far else {}))
    return {"name": name, "ports": ports}


def network(**tenants: tuple[str, list[dict[str, Any]]]) -> Network:
    """Tenants by name: their switches' names, one letter each, and their routers."""
    documents = [{"name": n, "switches": [{"name": s} for s in names], "routers": rs} for n, (names, rs) in tenants.items()]
    return put_tenants(Network(), documents).network


def parts(net: Network) -> set[frozenset[str]]:
    return {frozenset("/".join(ref) for _, ref in part) for part in components(net)}


def part(*switches: Ref) -> frozenset[Device]:
    return frozenset(("switch", ref) for ref in switches)


def on(*chassis: str) -> Placement:
    return Placement({n: Spot(name, n) for n, name in enumerate(chassis, 1)})


A, B, C = ("t", "a"), ("t", "b"), ("t", "c")


def test_a_switch_alone_is_a_component() -> None:
    assert parts(network(t=("ab", []))) == {frozenset({"t/a"}), frozenset({"t/b"})}


def test_a_router_joins_its_switches() -> None:
    assert parts(network(t=("abc", [router("r1", "a", "b")]))) == {frozenset({"t/a", "t/r1", "t/b"}), frozenset({"t/c"})}


def test_routers_join_by_a_switch_between_them() -> None:
    net = network(t=("abc", [router("r1", "a", "b"), router("r2", "b", "c")]))
    assert parts(net) == {frozenset({"t/a", "t/r1", "t/b", "t/r2", "t/c"})}


def test_routers_join_as_peers_whichever_names_the_other() -> None:
    for here, there in (("r2/x", ""), ("", "r1/x")):
        net = network(t=("ac", [router("r1", "a", peers={"x": here}), router("r2", "c", peers={"x": there})]))
        assert parts(net) == {frozenset({"t/a", "t/r1", "t/r2", "t/c"})}


def test_a_port_attached_to_nothing_joins_nothing() -> None:
    assert parts(network(t=("a", [router("r1", peers={"x": ""})]))) == {frozenset({"t/a"}), frozenset({"t/r1"})}


def test_tenants_never_join() -> None:
    same = ("a", [router("r1", "a")])
    assert parts(network(red=same, blue=same)) == {frozenset({"red/a", "red/r1"}), frozenset({"blue/a", "blue/r1"})}


def test_a_component_reaches_the_chassis_where_any_of_its_switches_has_a_port() -> None:
    joined, alone = part(A, B), part(C)
    placements: dict[Ref, Placement] = {A: on("hv1"), B: on("hv2", "hv2"), C: on("hv2")}
    reached = reach([joined, alone], placements, {})
    assert {name: set(found) for name, found in reached.items()} == {"hv1": {joined}, "hv2": {joined, alone}}


def test_a_component_reaches_the_chassis_that_may_carry_an_uplink_of_its_routers() -> None:
    joined: frozenset[Device] = frozenset({("switch", A), ("router", ("t", "r"))})
    gateways: dict[Ref, tuple[str, ...]] = {
        ("t", "r", "up"): ("hv3", "hv1"),
        ("t", "other", "up"): ("hv4",),
        ("t", "r", "none"): (),
    }
    reached = reach([joined, part(B)], {A: on("hv1"), B: on("hv2")}, gateways)
    assert reached == {"hv1": [joined], "hv2": [part(B)], "hv3": [joined]}


def test_what_is_bound_nowhere_reaches_nothing() -> None:
    assert reach([part(A)], {}, {}) == {}
    assert reach([part(A)], {A: NOWHERE}, {}) == {}


def test_tunnels_are_wanted_where_a_component_is_shared() -> None:
    one, other = part(A), part(B)
    reached = {"hv1": [one], "hv2": [one, other], "hv3": [other], "hv4": [part(C)]}
    assert wanted_tunnels(reached) == {
        "hv1": frozenset({"hv2"}),
        "hv2": frozenset({"hv1", "hv3"}),
        "hv3": frozenset({"hv2"}),
        "hv4": frozenset(),
    }


@given(placed_networks())
def test_components_are_exactly_what_packets_can_cross(placed: Any) -> None:
    found = components(placed.network)
    devices = [device for part in found for device in part]
    assert len(devices) == len(set(devices))
    views = placed.network.switch_views, placed.network.router_views
    assert set(devices) == {("switch", ref) for ref in views[0]} | {("router", ref) for ref in views[1]}
    home = {device: part for part in found for device in part}
    for ref, view in placed.network.router_views.items():
        beside = [("switch", (p.tenant, p.switch)) for p in view.ports if p.switch is not None]
        beside += [("router", (p.tenant, p.router)) for p in view.peers.values()]
        assert all(home[device] is home["router", ref] for device in beside)
    assert all(len(part) == 1 or len({ref[0] for _, ref in part}) == 1 for part in found)


@given(st.dictionaries(st.sampled_from("1234"), st.lists(st.sampled_from([part(A), part(B), part(C)]), unique=True)))
def test_tunnels_are_wanted_at_both_ends(reached: dict[str, list[frozenset[Device]]]) -> None:
    wanted = wanted_tunnels(reached)
    for here, others in wanted.items():
        assert here not in others
        for there in others:
            assert here in wanted[there] and set(reached[here]) & set(reached[there])
