"""Who rests on an element, and what a port rests on: one by one on scenario way-out, and on drawn networks by what can talk.

In way-out (`mininet_topos/scenarios_out.py`) hv1 is the gateway of red and green here, hv2 that of blue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given

from mininet_topos.scenarios_out import WAY_OUT, way_out
from ryu_overlay.health.elements import SHAPES, Element, read_element
from ryu_overlay.health.faults import Impact
from ryu_overlay.health.impact import impact
from ryu_overlay.health.rests import Ground, depends
from ryu_overlay.model.objects import Ref
from tests.golden.networks import CHASSIS
from tests.unit.health.talks import Oracle, grounds
from tools.scenarios import Chassis, fabric_of, network_of

ACTIVE: dict[Ref, str | None] = {("red", "r1", "up"): "hv1", ("green", "r1", "up"): "hv1", ("blue", "r1", "up"): "hv2"}
OFFICE = {"name": "office", "physical_network": "physnet1", "vlan": 7, "subnet": "192.0.2.0/24"}
LONE = {"name": "lone", "switches": [{"name": "lan", "ports": [{"name": "lone-1"}, {"name": "lone-2"}]}]}
NOWHERE: dict[str, str | None] = {port: None for port, _ in WAY_OUT.placement}
RED_WEB, RED_DB = ("red-web-1", "red-web-2", "red-web-3"), ("red-db-1", "red-db-2", "red-db-3")


def ground(
    moves: Mapping[str, str | None] | None = None, *tenants: Any, active: Mapping[Ref, str | None] = ACTIVE, central: bool = False
) -> Ground:
    """Way-out with these tenants too (or instead), and ports that are elsewhere or nowhere."""
    scenario = way_out(central)
    added = {tenant["name"]: tenant for tenant in (*scenario.tenants, *tenants)}
    network = network_of({"external_networks": [*scenario.external_networks, OFFICE], "tenants": list(added.values())})
    places: dict[str, str | None] = {**dict(scenario.placement), **(moves or {})}
    chassis = {}
    for n, name in enumerate(CHASSIS, 1):
        here: dict[str, int | None] = {port: m for m, (port, at) in enumerate(places.items(), 1) if at == name}
        physical = {"physnet1": 200} if name in scenario.external else {}
        chassis[name] = Chassis(IPv4Address(f"172.31.0.{n}"), here, {}, physical)
    return Ground(network, fabric_of(network, chassis), active)


DEMO = ground()


def hit(text: str, on: Ground = DEMO) -> Impact:
    return impact(on, read_element(text))


def on(chassis: str, *tenants: str) -> set[str]:
    return {
        port for port, at in WAY_OUT.placement if at == chassis and port.split("-")[0] in (tenants or ("red", "blue", "green"))
    }


def test_a_chassis_without_uplinks_hits_what_is_on_it() -> None:
    found = hit("vswitch hv3")
    assert found.tenants == ("blue", "green", "red")
    assert found.switches == ("blue/db", "blue/web", "green/a", "green/b", "red/db", "red/web")
    assert found.routers == ()
    assert found.ports == ("blue-db-3", "blue-web-3", "green-a-2", "green-b-1", "red-db-3", "red-web-3")
    assert found.floating_ips == ("green/r1/one", "red/r1/one")
    assert hit("chassis hv3") == hit("datapath hv3") == found


def test_a_gateway_hits_all_that_it_translates() -> None:
    found = hit("vswitch hv1")
    assert found.routers == ("green/r1", "red/r1")
    assert found.floating_ips == ("blue/r1/one",), "red's and green's are at home on hv3"
    away = {"red-web-3", "green-b-1"}, on("hv2", "blue"), on("hv3", "blue")
    assert set(found.ports) == {port for port, _ in WAY_OUT.placement}.difference(*away), "they leave by their floating IPs"
    assert hit("vswitch hv1", ground(active={})).routers == ()


def test_a_link_hits_only_what_crosses_it() -> None:
    assert set(hit("link hv3").ports) == on("hv3") and hit("link hv3").floating_ips == ()
    assert hit("link-in hv3") == hit("link-out hv3") == hit("link hv3")
    assert set(hit("link hv1").ports) == on("hv1") | {"red-web-2", *RED_DB, "green-a-2", "green-b-2"}
    assert hit("link hv1").routers == ("green/r1", "red/r1")
    stays = ground({"lone-1": "hv3", "lone-2": "hv3"}, LONE)
    assert set(hit("link hv3", stays).ports) == on("hv3"), "what never leaves the chassis is not hit"
    assert set(hit("vswitch hv3", stays).ports) == {*on("hv3"), "lone-1", "lone-2"}
    assert "lone-1" in hit("link hv3", ground({"lone-1": "hv3", "lone-2": "hv2"}, LONE)).ports


def test_a_part_on_one_chassis_crosses_the_link_to_its_gateway() -> None:
    together = ground({port: "hv2" for port, _ in WAY_OUT.placement if port.startswith("red")})
    assert {"red-web-1", *RED_DB} < set(hit("link hv2", together).ports)
    at_gateway = ground({port: "hv1" for port, _ in WAY_OUT.placement if port.startswith("red")})
    assert "red" not in hit("link hv1", at_gateway).tenants
    assert hit("link hv2", together).routers == ("blue/r1",), "red's gateway works; it is the ports that are cut off"


def test_a_path_hits_both_ends_of_what_it_joins() -> None:
    found = hit("path hv2>hv3")
    assert set(found.ports) == on("hv2") | on("hv3")
    assert found.routers == ("blue/r1",) and found.floating_ips == ()
    assert hit("tunnel hv3>hv2") == hit("tunnel hv2>hv3") == found
    assert hit("path hv2>hv2") == Impact()


def test_a_path_to_a_gateway_hits_who_needs_it() -> None:
    alone = ground({**NOWHERE, "red-web-2": "hv2", "red-web-3": "hv3"}, central=True)
    found = hit("path hv1>hv2", alone)
    assert (found.ports, found.routers, found.floating_ips) == (("red-web-2",), ("red/r1",), ())
    assert hit("path hv3>hv1", alone).floating_ips == ("red/r1/one",), "its gateway translates it, for hv3 cannot"
    assert hit("path hv3>hv1", replace(alone, active={})) == Impact()


def test_a_split_hits_what_the_paths_across_it_do() -> None:
    places = {"blue-web-1": "hv1", "blue-db-1": "hv2", "red-web-2": "hv2", "red-web-3": "hv3", "green-b-2": "hv3"}
    some = ground({**NOWHERE, **places})
    for text in ("split hv1|hv2,hv3", "split hv2,hv3|hv1"):
        assert set(hit(text, some).ports) == {"blue-web-1", "blue-db-1", "red-web-2", "green-b-2"}
        assert hit(text, some).routers == ("green/r1", "red/r1")
    assert hit("split hv1,hv2|hv3", some).ports == ("green-b-2", "red-web-2", "red-web-3")
    assert hit("pair hv2=hv3", some) == hit("path hv2>hv3", some) == hit("path hv3>hv2", some)


def test_a_vni_of_a_switch_hits_who_receives_and_who_sends() -> None:
    found = hit("vni red/web hv3>hv2")
    assert found.ports == ("red-db-3", "red-web-2", "red-web-3"), "whatever is on hv3 may send to red-web-2"
    assert (found.switches, found.routers) == (("red/db", "red/web"), ())
    assert hit("vni red/web hv1>hv2").routers == ("red/r1",), "its answers from outside come this way"
    assert hit("vni green/b hv3>hv1") == Impact(), "no port of it is there"
    assert hit("vni red/web hv1>hv1") == Impact()
    only = ground({**NOWHERE, "red-web-2": "hv2", "red-web-3": "hv3"}, central=True)
    assert hit("vni red/web hv1>hv3", only) == Impact(("red",), ("red/web",), ("red/r1",), ("red-web-3",), ("red/r1/one",))
    assert hit("vni red/db hv1>hv3", only) == Impact()


def test_a_vni_of_an_uplink_hits_who_sends_to_the_gateway() -> None:
    found = hit("vni red/r1/up hv3>hv1")
    assert (found.ports, found.routers) == (("red-db-3",), ("red/r1",)), "red-web-3 leaves by its floating IP"
    assert hit("vni red/r1/up hv3>hv2") == hit("vni red/r1/up hv1>hv3") == Impact(), "hv2 only stands by"


def test_control_concerns_what_is_there() -> None:
    for text in ("channel hv1", "program hv1"):
        assert set(hit(text).ports) == on("hv1")
        assert hit(text).routers == ("green/r1", "red/r1")


def test_conntrack_hits_what_is_translated() -> None:
    found = hit("conntrack hv3")
    assert set(found.ports) == {"red-web-3", "red-db-3", "green-b-1"}, "clients of red's load balancers, and floating IPs"
    assert found.floating_ips == ("green/r1/one", "red/r1/one")
    found = hit("conntrack hv2")
    assert set(found.ports) == on("hv2", "red") | {"blue-web-2", "blue-web-3", "blue-db-1", "blue-db-2", "blue-db-3"}
    assert found.routers == ("blue/r1",)


def test_an_external_link_hits_who_goes_out_by_it() -> None:
    found = hit("external-link hv3 physnet1")
    assert (found.ports, found.routers) == (("green-b-1", "red-web-3"), ())
    assert hit("external-link hv2 physnet1").routers == ("blue/r1",)
    assert hit("external-link hv2 physnet2") == Impact()


def test_a_port_hits_itself() -> None:
    own = Impact(("red",), ("red/web",), (), ("red-web-3",), ("red/r1/one",))
    assert hit("port red-web-3") == hit("vnic hv3 red-web-3") == own
    assert hit("vnic hv1 red-web-3") == Impact(), "it is not there any more"
    assert hit("port red-web-3", ground({"red-web-3": None})) == own


def test_an_uplink_without_gateway_hits_who_needs_one() -> None:
    found = hit("router-port red/r1/up")
    assert (found.routers, found.floating_ips) == (("red/r1",), ())
    assert set(found.ports) == {"red-web-1", "red-web-2", *RED_DB}
    assert hit("router-port red/r1/up", ground(active={})) == found
    assert hit("router-port red/r1/up", ground(central=True)).floating_ips == ("red/r1/one",)
    assert hit("snat red/r1/all") == found


def test_a_router_port_inside_hits_whom_it_is_for() -> None:
    assert hit("router-port green/r1/a").ports == ("green-a-1", "green-a-2")
    assert set(hit("router-port green/r2/r3").ports) == on("hv1", "green") | on("hv2", "green") | on("hv3", "green")
    assert hit("router-port green/r1/transit") == Impact(("green",), (), ("green/r1",))


@pytest.mark.parametrize(
    ("text", "ports", "routers"),
    [
        ("hv1 port red/web/red-web-1", ("red-web-1",), ()),
        ("hv3 port red/web/red-web-1", ("red-db-3", "red-web-1", "red-web-3"), ()),
        ("hv1 port green/b/green-b-2", ("green-a-1", "green-b-2"), ("green/r1",)),
        ("hv3 switch red/web", ("red-web-3",), ()),
        ("hv1 switch green/b", (), ()),
        ("hv3 router red/r1", ("red-db-3", "red-web-3"), ("red/r1",)),
        ("hv3 route green/r1/10.1.2.0/24", ("green-a-2", "green-b-1"), ("green/r1",)),
        ("hv1 route green/r3/0.0.0.0/0", ("green-a-1", "green-a-2", "green-b-2"), ("green/r3",)),
        ("hv3 router-port red/r1/web", ("red-db-3", "red-web-3"), ("red/r1",)),
        ("hv3 router-port red/r1/up", ("red-db-3", "red-web-3"), ("red/r1",)),
        ("hv1 router-port red/r1/up", ("red-db-1", "red-db-2", "red-db-3", "red-web-1", "red-web-2"), ("red/r1",)),
        ("hv1 snat red/r1/all", ("red-db-1", "red-db-2", "red-db-3", "red-web-1", "red-web-2"), ("red/r1",)),
        ("hv2 snat red/r1/all", (), ()),
        ("hv2 floating-ip red/r1/one", ("red-web-3",), ()),
        ("hv3 load-balancer red/near", ("red-db-1", "red-db-2", "red-db-3", "red-web-3"), ()),
        ("hv3 member red/inside/m1", ("red-db-1", "red-db-3", "red-web-3"), ()),
        ("hv3 external-network internet", ("green-b-1", "red-web-3"), ()),
        ("hv3 external-network office", (), ()),
        ("hv2 tenant green", ("green-b-2",), ()),
        ("hv2 switch red/none", (), ()),
        ("hv9 router red/r1", (), ()),
        ("hv2 nonsense", (), ()),
    ],
)
def test_a_flow_hits_by_the_object_that_it_is_for(text: str, ports: tuple[str, ...], routers: tuple[str, ...]) -> None:
    chassis, _, obj = text.partition(" ")
    found = hit(f"flow {chassis} some_table {obj}")
    assert (found.ports, found.routers) == (ports, routers)
    assert hit(f"group {text}") == found


def test_a_flow_for_no_object_hits_all_that_is_there() -> None:
    assert hit("flow hv1 phy_in_port -") == hit("vswitch hv1")


def test_a_flow_hits_floating_ips_where_they_need_it() -> None:
    for obj in ("router red/r1", "router-port red/r1/web", "router-port red/r1/up", "floating-ip red/r1/one"):
        found = hit(f"flow hv1 some_table {obj}", ground(central=True))
        assert found.floating_ips == ("red/r1/one",) and "red-web-3" in found.ports
    lonely = ground({**NOWHERE, "red-web-3": "hv3"})
    own = Impact(("red",), ("red/web",), ("red/r1",), ("red-web-3",), ("red/r1/one",))
    assert hit("flow hv3 lr_out_uplink router-port red/r1/up", lonely) == own
    assert hit("flow hv1 ext_resolve floating-ip red/r1/one", ground(NOWHERE)).ports == ()


def test_members_are_hit_by_flows_for_those_outside() -> None:
    gone = ground(dict.fromkeys((*RED_WEB, *RED_DB), "hv3"))
    assert hit("flow hv1 lr_in_tracked load-balancer red/public", gone).ports == RED_DB
    assert hit("flow hv1 lb_member member red/public/m2", gone).ports == ("red-db-2",)
    for text in ("flow hv1 lr_in_vip load-balancer red/inside", "flow hv2 lr_in_tracked load-balancer red/public"):
        assert hit(text, gone) == Impact(), "no client comes by there"
    assert hit("flow hv1 ls_in_lookup port red/web/red-web-3", gone) == Impact(), "nor anything for red-web-3"


def test_what_cannot_talk_is_not_hit() -> None:
    off = {**LONE, "switches": [{"name": "lan", "ports": [{"name": "lone-1"}, {"name": "lone-2", "enabled": False}]}]}
    half = ground({"lone-1": "hv3", "lone-2": "hv2", "red-web-2": None}, off)
    assert not {"lone-2", "red-web-2"} & set(hit("vswitch hv2", half).ports)
    assert "lone-1" not in hit("path hv2>hv3", half).ports
    assert depends(half, "lone-2") == depends(half, "red-web-2") == depends(half, "nobody") == ()


@pytest.mark.parametrize(
    "text",
    [
        *("vswitch hv9", "link hv9", "path hv1>hv9", "vni red/none hv1>hv2", "vni red/web hv1>hv9", "vni red/r1/none hv1>hv2"),
        *("port none", "snat red/r1/none", "router-port red/r1/none", "router-port red/r9/up", "vnic hv1 none"),
    ],
)
def test_what_is_not_there_hits_nobody(text: str) -> None:
    assert hit(text) == Impact()


def test_every_kind_of_element_has_an_impact() -> None:
    for kind, shape in SHAPES.items():
        assert impact(DEMO, Element(kind, ("hv9",) * len(shape))) == Impact()


def test_what_a_port_rests_on() -> None:
    assert [e.text for e in depends(DEMO, "blue-web-1")] == [
        *("vnic hv1 blue-web-1", "vswitch hv1", "chassis hv1", "datapath hv1", "channel hv1", "link hv1"),
        *("path hv1>hv2", "vni blue/db hv1>hv2", "vni blue/web hv1>hv2", "path hv2>hv1", "vni blue/web hv2>hv1"),
        *("path hv1>hv3", "vni blue/db hv1>hv3", "vni blue/web hv1>hv3", "path hv3>hv1", "vni blue/web hv3>hv1"),
        *("router-port blue/r1/web", "external-link hv1 physnet1", "conntrack hv1"),
    ]
    outside = {e.text for e in depends(DEMO, "blue-db-1")} - {e.text for e in depends(DEMO, "blue-web-1")}
    assert outside == {
        *("vnic hv1 blue-db-1", "vni blue/r1/up hv1>hv2", "vni blue/db hv2>hv1", "vni blue/db hv3>hv1"),
        *("router-port blue/r1/db", "router-port blue/r1/up", "snat blue/r1/all"),
        *("vswitch hv2", "chassis hv2", "datapath hv2", "link hv2", "external-link hv2 physnet1", "conntrack hv2"),
    }


@given(grounds())
def test_hit_are_exactly_those_that_lose_something(drawn: Ground) -> None:
    oracle = Oracle(drawn)
    for element in oracle.elements():
        found = impact(drawn, element)
        assert set(found.ports) == oracle.ports(element), element.text
        assert set(found.routers) == {"/".join(ref) for ref in oracle.routers(element)}, element.text
        assert set(found.floating_ips) == {"/".join(ref) for ref in oracle.floating_ips(element)}, element.text


@given(grounds())
def test_a_port_rests_on_exactly_the_elements_that_hit_it(drawn: Ground) -> None:
    universe = list(Oracle(drawn).elements())
    inner = [p.ref for p in drawn.network.tables["router_port"].values() if p.external is None]
    universe += [Element("router_port", ("/".join(ref),)) for ref in inner]
    hits = {element: impact(drawn, element).ports for element in universe}
    for port in drawn.network.port_by_name:
        found = depends(drawn, port)
        assert len(found) == len(set(found))
        assert set(found) == {element for element, ports in hits.items() if port in ports}


@given(grounds())
def test_impact_is_in_order_and_complete(drawn: Ground) -> None:
    for element in Oracle(drawn).elements():
        found = impact(drawn, element)
        for names in (found.tenants, found.switches, found.routers, found.ports, found.floating_ips):
            assert list(names) == sorted(set(names))
        ports = [drawn.network.port_by_name[name] for name in found.ports]
        assert set(found.switches) == {f"{p.tenant}/{p.switch}" for p in ports}
        owned = (*found.switches, *found.routers, *found.floating_ips)
        assert set(found.tenants) == {name.partition("/")[0] for name in owned}
