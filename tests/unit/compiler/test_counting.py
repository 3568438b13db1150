"""What is sent between two chassis in a network is counted by both, by those that may send it and by those that take it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given

from ryu_overlay.compiler.program import compile_all
from ryu_overlay.model.network import Network
from ryu_overlay.openflow.fields import ETH_SRC, IN_PORT, TUN_ID
from ryu_overlay.openflow.flow import Program
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.limits import Limits
from ryu_overlay.pipeline.registers import OFPORT, TUNNEL
from ryu_overlay.pipeline.tables import GROUP_BIT, TUN_COUNT_IN, TUN_COUNT_OUT
from tests.golden.networks import Placed, placed_networks
from tests.golden.networks_out import placed_outside
from tools.scenarios import Chassis, Outside, fabric_of, network_of

NAMES = ("hv1", "hv2", "hv3")
TUNNELS = {here: {there: 101 + n for n, there in enumerate(NAMES) if there != here} for here in NAMES}
WEB, DB, UP = 1, 2, 3
"""VNIs."""
Pair = tuple[int, str, str]
"""VNI, sender, receiver."""


def network(*routers: dict[str, Any]) -> Network:
    switches = [
        {"name": name, "vni": vni, "subnets": [f"10.0.{vni}.0/24"], "ports": [{"name": f"{name}-{n}"} for n in NAMES]}
        for name, vni in (("web", WEB), ("db", DB))
    ]
    outside = {"name": "internet", "physical_network": "physnet1", "subnet": "203.0.113.0/24"}
    tenant = {"name": "red", "switches": switches, "routers": list(routers)}
    return network_of({"external_networks": [outside], "tenants": [tenant]})


def router(*more: dict[str, Any]) -> dict[str, Any]:
    inside = [{"name": name, "addresses": [f"10.0.{vni}.1/24"], "switch": name} for name, vni in (("web", WEB), ("db", DB))]
    return {"name": "r1", "ports": [*inside, *more]}


UPLINK = {"name": "up", "addresses": ["203.0.113.11/24"], "external": "internet"}


def programs(net: Network, *bound: str, gateways: tuple[str, ...] = (), tunnels: Any = TUNNELS) -> dict[str, Program]:
    """With the ports of these names bound, each to the chassis it is named after."""
    ports = {name: {port: n for n, port in enumerate(bound, 1) if port.endswith(name)} for name in NAMES}
    chassis = {n: Chassis(IPv4Address("172.31.0.1"), ports[n], tunnels.get(n, {}), {"physnet1": 200}) for n in NAMES}
    outside = Outside({("red", "r1", "up"): gateways} if gateways else {})
    return compile_all(net, fabric_of(net, chassis, outside), Limits(100, 10))


def counted(made: Mapping[str, Program]) -> tuple[set[Pair], set[Pair]]:
    """What is counted where it is sent, and what where it is received. None is counted twice."""
    sent, received = Counter[Pair](), Counter[Pair]()
    for here, program in made.items():
        names = {ofport: there for there, ofport in TUNNELS[here].items()}
        for flow in program.flows():
            match = {field: value for field, value, mask in flow.match if mask is None}
            if flow.table == TUN_COUNT_OUT.number and match:
                assert match.keys() == {TUN_ID, OFPORT.field} and match[OFPORT.field] & TUNNEL
                sent[match[TUN_ID], here, names[match[OFPORT.field] & ~TUNNEL]] += 1
            elif flow.table == TUN_COUNT_IN.number and match:
                assert match.keys() == {TUN_ID, IN_PORT}
                received[match[TUN_ID], names[match[IN_PORT]], here] += 1
    assert set((sent | received).values()) <= {1}
    return set(sent), set(received)


def among(vni: int, senders: str, receivers: str) -> set[Pair]:
    """All pairs of two different ones: "123" for hv1, hv2, hv3."""
    return {(vni, f"hv{a}", f"hv{b}") for a in senders for b in receivers if a != b}


@pytest.mark.parametrize(
    ("net", "bound", "gateways", "expected"),
    [
        (network(), ("web-hv1", "web-hv2"), (), among(WEB, "12", "12")),
        (network(), ("web-hv1", "web-hv2", "db-hv3"), (), among(WEB, "12", "12")),
        (network(), ("web-hv1",), (), set()),
        (network(router()), ("web-hv1", "web-hv2", "db-hv3"), (), among(WEB, "123", "12") | among(DB, "123", "3")),
        (network(router(UPLINK)), ("web-hv1",), ("hv2", "hv3"), among(WEB, "123", "1") | among(UP, "123", "23")),
        (network(router(UPLINK)), ("web-hv1",), (), set()),
    ],
    ids=["a switch", "of two", "on one chassis", "a router between", "two gateways", "no gateway"],
)
def test_who_counts_what(net: Network, bound: tuple[str, ...], gateways: tuple[str, ...], expected: set[Pair]) -> None:
    assert counted(programs(net, *bound, gateways=gateways)) == (expected, expected)


def test_nothing_is_counted_where_there_is_no_tunnel() -> None:
    made = programs(network(), "web-hv1", "web-hv2", tunnels={"hv1": TUNNELS["hv1"]})
    assert counted(made) == (among(WEB, "1", "2"), among(WEB, "2", "1")), "each on hv1"


def test_a_flow_says_whose_it_counts() -> None:
    net = network(router(UPLINK))
    made = programs(net, "web-hv1", gateways=("hv2",))
    owners = {WEB: net.tables["switch"]["red", "web"].key, UP: net.tables["router_port"]["red", "r1", "up"].key}
    found = {
        (value, read_cookie(flow.cookie))
        for flow in made["hv2"].flows()
        for field, value, _ in flow.match
        if flow.table in (TUN_COUNT_IN.number, TUN_COUNT_OUT.number) and field is TUN_ID
    }
    assert found == {(vni, Why(Feature.COUNTER, net.tables["tenant"]["red",].key, key)) for vni, key in owners.items()}


@pytest.mark.parametrize(("group", "priority"), [(0, 10), (1 << GROUP_BIT, 20)])
def test_what_a_group_seems_to_have_sent_is_a_probe_and_not_counted(group: int, priority: int) -> None:
    lookup = Lookup(programs(network(), "web-hv1", "web-hv2")["hv1"].flows())
    flow = lookup.find(TUN_COUNT_IN.number, {IN_PORT: 102, TUN_ID: WEB, ETH_SRC: 2 << 40 | group})
    assert flow is not None and flow.priority == priority


def check(placed: Placed) -> None:
    sent, received = counted(compile_all(placed.network, placed.fabric, Limits(100, 10)))
    assert sent == received


@given(placed_networks(most_hops=3))
def test_both_ends_count_the_same_in_any_network(placed: Placed) -> None:
    check(placed)


@given(placed_outside())
def test_both_ends_count_the_same_at_any_border(placed: Placed) -> None:
    check(placed)
