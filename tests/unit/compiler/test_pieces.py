"""What single features compile to, and what holds for every compiled flow."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Any

from hypothesis import given

from ryu_overlay.compiler.base import base, meters
from ryu_overlay.compiler.keys import ALWAYS
from ryu_overlay.compiler.limiting import PUNT
from ryu_overlay.compiler.program import compile_all
from ryu_overlay.openflow.actions import Resubmit, ToGroup
from ryu_overlay.openflow.flow import Flow, Program
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.limits import Limits
from ryu_overlay.pipeline.tables import (
    ARP_METER,
    ECHO_METER,
    GUEST_METER,
    HEALTH_METER,
    LR_IN_ROUTE,
    LS_IN_LOOKUP,
    LS_IN_SECURITY,
    LS_OUT_PORT,
    OAM_METER,
    PHY_IN_PORT,
    PUNT_METER,
    PUNT_PORT,
    TABLES,
    USE_IN_PEER,
    USE_OUT_PEER,
)
from tests.golden.networks import Placed, placed_networks
from tools.scenarios import Chassis, fabric_of, network_of

MAC = "02:00:00:00:01:{:02x}"
METERS = {
    Feature.PUNT_CROSSED: OAM_METER,
    Feature.PUNT_ECHO: ECHO_METER,
    # Probes that are here were let in: by the controller, or by the meter of those from outside.
    **dict.fromkeys((Feature.PUNT_SEEN, Feature.PUNT_CAUGHT), None),
}
"""Of punts that no VM causes."""
TUNNELS = {"hv1": {"hv2": 102}, "hv2": {"hv1": 101}}


def compiled(
    ports: Iterable[dict[str, Any]], bound: dict[str, dict[str, int | None]], tunnels: Any = TUNNELS, **more: Any
) -> dict[str, Program]:
    """Programs for one switch with these ports, bound to chassis hv1 and hv2; `more` is more of the tenant."""
    switch = {"name": "web", "subnets": ["10.0.1.0/24"], "ports": list(ports)}
    network = network_of({"tenants": [{"name": "red", "switches": [switch], **more}]})
    chassis = {n: Chassis(IPv4Address("172.31.0.1"), bound.get(n, {}), tunnels.get(n, {})) for n in ("hv1", "hv2")}
    return compile_all(network, fabric_of(network, chassis), Limits(100, 10))


def port(number: int, **more: Any) -> dict[str, Any]:
    return {"name": f"p{number}", "mac": MAC.format(number), "addresses": [f"10.0.1.{number}"], **more}


def of(program: Program, table: int, *features: Feature) -> list[Flow]:
    """The program's flows in a table with one of these features and an object."""
    return [
        flow
        for flow in program.flows()
        if flow.table == table and (why := read_cookie(flow.cookie)) and why.feature in features and why.key
    ]


def actions(flows: Iterable[Flow]) -> list[str]:
    return sorted(flow.instructions.text for flow in flows)


def test_every_table_says_what_a_miss_does() -> None:
    assert {f.table for f in base().flows if f.priority == 0 and not f.match} == {t.number for t in TABLES.values()}


def test_each_kind_of_punt_passes_a_meter_of_its_own() -> None:
    rates = {meter.number: meter.rate for meter in meters(100)}
    punts = (PUNT_METER, HEALTH_METER, ARP_METER, OAM_METER, GUEST_METER, ECHO_METER)
    assert [rates[number] for number in punts] == [100] * 6
    for flow in base().flows:
        why = read_cookie(flow.cookie)
        assert why is not None
        if why.feature.name.startswith("PUNT_"):
            assert flow.instructions.meter == METERS.get(why.feature)
            assert why.feature in METERS or flow.instructions.actions[-2:] == PUNT, "by way of the meters"
        elif why.feature is not Feature.LIMIT:
            assert flow.instructions.meter not in {*punts} - {OAM_METER}


def test_a_bound_port_is_entered_with_its_mac_only_and_any_other_is_dropped() -> None:
    flows = of(compiled([port(11)], {"hv1": {"p11": 7}})["hv1"], PHY_IN_PORT.number, Feature.BINDING, Feature.DROP_SPOOFED_MAC)
    assert [(f.match_text, f.instructions.text) for f in flows] == [
        ("in_port=7,eth_src=02:00:00:00:01:0b", "set_field:0x1->metadata,set_field:0x7->reg7,set_field:0x2->reg14,goto_table:8"),
        ("in_port=7", "drop"),
    ]


def test_a_port_without_security_skips_the_table_of_addresses() -> None:
    program = compiled([port(11, port_security=False)], {"hv1": {"p11": 7}})["hv1"]
    (flow,) = of(program, PHY_IN_PORT.number, Feature.BINDING)
    assert (flow.match_text, flow.instructions.goto) == ("in_port=7", TABLES["ls_in_arp"].number)
    assert not of(program, LS_IN_SECURITY.number, *Feature)


def test_a_disabled_port_sends_and_gets_nothing_wherever_it_is() -> None:
    programs = compiled([port(11, enabled=False), port(12)], {"hv1": {"p11": 7}, "hv2": {"p12": 7}})
    drops = [of(programs[c], table, Feature.DROP_PORT_DISABLED) for c in programs for table in (0, LS_OUT_PORT.number)]
    assert [len(found) for found in drops] == [1, 1, 0, 1]
    assert not of(programs["hv1"], PHY_IN_PORT.number, Feature.BINDING)


def test_a_port_elsewhere_is_behind_the_tunnel_to_its_chassis() -> None:
    programs = compiled([port(11), port(12)], {"hv1": {"p11": 7}, "hv2": {"p12": 8}})
    here, there = (of(programs[c], LS_OUT_PORT.number, Feature.BINDING, Feature.TUNNEL) for c in ("hv1", "hv2"))
    vni = "load:0x1->NXM_NX_TUN_ID[0..21]"
    assert actions(here) == [
        f"resubmit(,85),{vni},set_field:0x10066->reg3,goto_table:98",
        "resubmit(,85),set_field:0x7->reg3,goto_table:98",
    ]
    assert actions(there) == [
        f"resubmit(,85),{vni},set_field:0x10065->reg3,goto_table:98",
        "resubmit(,85),set_field:0x8->reg3,goto_table:98",
    ]


def test_a_port_with_no_known_way_there_is_not_sent_to() -> None:
    without_tunnel = compiled([port(11), port(12)], {"hv1": {"p11": 7}, "hv2": {"p12": 8}}, tunnels={})["hv1"]
    assert actions(of(without_tunnel, LS_OUT_PORT.number, Feature.BINDING, Feature.TUNNEL)) == [
        "resubmit(,85),set_field:0x7->reg3,goto_table:98"
    ]
    not_said = compiled([port(11)], {"hv1": {"p11": None}})["hv1"]
    assert not of(not_said, LS_OUT_PORT.number, *Feature) and not of(not_said, PHY_IN_PORT.number, *Feature)


def test_flooding_goes_once_to_each_chassis_and_from_a_tunnel_only_to_ports_here() -> None:
    bound: dict[str, dict[str, int | None]] = {"hv1": {"p11": 7}, "hv2": {"p12": 8, "p13": 9}}
    from_here, from_tunnel = of(compiled([port(n) for n in (11, 12, 13)], bound)["hv1"], LS_IN_LOOKUP.number, Feature.FLOODING)
    into_tunnel = "load:0x1->NXM_NX_TUN_ID[0..21],set_field:0x10066->reg3,resubmit(,98)"
    assert from_here.instructions.text == f"set_field:0x2->reg15,resubmit(,60),{into_tunnel}"
    assert from_tunnel.instructions.text == "set_field:0x2->reg15,resubmit(,60)"


def test_flooding_that_nobody_would_get_is_a_named_drop() -> None:
    programs = compiled([port(11, enabled=False)], {"hv1": {"p11": 7}})
    assert actions(of(programs["hv1"], LS_IN_LOOKUP.number, Feature.DROP_UNKNOWN_MAC)) == ["drop", "drop"]


def test_a_chassis_gets_flows_only_of_networks_that_reach_it() -> None:
    programs = compiled([port(11)], {"hv1": {"p11": 7}})
    ours = {(flow.table, flow.match_text) for flow in set(programs["hv2"].flows()) - set(base().flows)}
    assert ours == {(PHY_IN_PORT.number, "in_port=101"), (PUNT_PORT.number, "reg7=0x65")}


def routed(*routes: tuple[str, list[str]]) -> Program:
    """A router on the switch, 10.0.1.1/24, and on two links."""
    links = [{"name": "up", "addresses": ["100.64.0.0/31", "100.64.1.1/30"]}]
    ports = [{"name": "web", "addresses": ["10.0.1.1/24"], "switch": "web"}, *links]
    given = [{"prefix": prefix, "nexthops": hops} for prefix, hops in routes]
    router = {"name": "r1", "ports": ports, "routes": given}
    return compiled([port(11)], {"hv1": {"p11": 7}}, routers=[router])["hv1"]


def test_a_longer_prefix_wins_and_at_equal_length_what_is_connected() -> None:
    program = routed(("0.0.0.0/0", ["10.0.1.2"]), ("10.0.1.0/24", ["10.0.1.3"]), ("10.0.1.9/32", ["10.0.1.4"]))
    flows = of(program, LR_IN_ROUTE.number, Feature.ROUTING)
    assert [f.match_text.split(",")[1] for f in sorted(flows, key=lambda f: -f.priority)] == [
        "nw_dst=10.0.1.9",
        "nw_dst=100.64.0.0/255.255.255.254",
        "nw_dst=100.64.1.0/255.255.255.252",
        "nw_dst=10.0.1.0/255.255.255.0",
        "nw_dst=10.0.1.0/255.255.255.0",
        "metadata=0x3",
    ]
    connected = max((f for f in flows if "10.0.1.0/255" in f.match_text), key=lambda f: f.priority)
    assert connected.instructions.text.startswith("move:NXM_OF_IP_DST[]->NXM_NX_REG0[]")


def test_ends_of_a_subnet_are_no_hosts_but_for_a_link_of_two() -> None:
    ends = of(routed(), LR_IN_ROUTE.number, Feature.DROP_DIRECTED_BROADCAST)
    assert {f.match_text.split(",")[1].removeprefix("nw_dst=") for f in ends} == {
        *("10.0.1.0", "10.0.1.255"),
        *("100.64.1.0", "100.64.1.3"),
    }


def test_several_next_hops_are_a_group_with_a_bucket_each() -> None:
    program = routed(("10.9.0.0/16", ["10.0.1.2", "10.0.1.3"]), ("10.8.0.0/16", ["10.0.1.2"]))
    (group,) = [group for group in program.groups() if group.number != ALWAYS]
    assert [a.text() for bucket in group.buckets if isinstance(bucket, tuple) for a in bucket[:1]] == [
        "set_field:0xa000102->reg0",
        "set_field:0xa000103->reg0",
    ]
    (flow,) = [f for f in program.flows() if ToGroup(group.number) in f.instructions.actions]
    assert "nw_dst=10.9.0.0/255.255.0.0" in flow.match_text


@given(placed_networks(most_hops=3))
def test_every_flow_is_whole(placed: Placed) -> None:
    for program in compile_all(placed.network, placed.fabric, Limits(100, 10)).values():
        groups = {group.number for group in program.groups()}
        tables = {flow.table for flow in program.flows()}
        for flow in program.flows():
            why = read_cookie(flow.cookie)
            assert why is not None and (not why.key or why.key in placed.network.by_key)
            done = flow.instructions
            does_nothing = not done.actions and done.goto is None and done.meter is None
            if why.feature is Feature.COUNTER:
                assert not done.actions or flow.table in (USE_OUT_PEER.number, USE_IN_PEER.number)
            else:
                assert why.feature.is_drop == does_nothing
            assert flow.instructions.goto is None or flow.table < flow.instructions.goto in tables
            for action in flow.instructions.actions:
                assert not isinstance(action, ToGroup) or action.group in groups
                assert not isinstance(action, Resubmit) or action.table in tables
