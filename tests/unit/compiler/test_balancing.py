"""How a new connection gets a member, for clients inside and outside, on routers and on switches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from ryu_overlay.compiler.shares import SLOTS
from ryu_overlay.model.network import Network
from ryu_overlay.oam.sighting import only_looks
from ryu_overlay.openflow.flow import Program
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.tables import TABLES
from tests.unit.compiler.test_borders import edited, network, of, one, owner, programs, usual
from tests.unit.model.bodies import edit


def member(net: Network, *ref: str) -> int:
    key: int = net.tables["member"][ref].key
    return key


def ways(program: Program, net: Network, name: str) -> Counter[str]:
    """How many buckets of a load balancer's group lead to each member."""
    key = net.tables["load_balancer"]["red", name].key
    (group,) = [g for g in program.groups() if g.number == key]
    names = {m.key: m.name for m in net.tables["member"].values()}
    chosen = [bucket[0] for bucket in group.buckets if isinstance(bucket, tuple)]
    return Counter(names[action.value] for action in chosen)  # type: ignore[union-attr]


def test_buckets_are_shared_by_weight() -> None:
    assert ways(usual()["hv1"], network(), "web") == {"a": SLOTS // 4, "b": 3 * SLOTS // 4}


@pytest.mark.parametrize("why", ["dead", "drained", "unbound"])
def test_who_is_dead_drained_or_bound_nowhere_gets_nothing(why: str) -> None:
    net = network()
    changes: dict[str, Any] = {}
    if why == "dead":
        changes = {"dead": frozenset({member(net, "red", "web", "a")})}
    elif why == "drained":
        net = edited("member", "red/web/a", {"drained": True})
    else:
        changes = {"places": {"red-2": "hv3", "red-db": "hv4"}}
    for name in ("hv2", "hv3"):
        assert ways(programs(net, **changes)[name], net, "web") == {"b": 1}


def test_connections_of_who_is_drained_go_on() -> None:
    net = edited("member", "red/web/a", {"drained": True})
    key = member(net, "red", "web", "a")
    assert one(programs(net)["hv3"], "lb_member", f"reg2={key:#x}").endswith("nat(dst=10.0.1.11:8080))")
    assert of(programs(net)["hv3"], "lr_in_balanced", "nw_src=10.0.1.11")


def test_clients_inside_are_balanced_where_they_are_in_the_tenants_zone() -> None:
    for program in usual().values():
        assert (
            one(program, "lr_in_vip", "nw_dst=203.0.113.21,tcp_dst=80") == "set_field:0x1->reg13,ct_clear,ct(table=30,zone=1,nat)"
        )
        key = network().tables["load_balancer"]["red", "web"].key
        assert one(program, "lr_in_vip_tracked", "nw_dst=203.0.113.21") == f"group:{key}"
        flows = of(program, "lb_member", "table=35")
        assert [(owner(f), f.instructions.text.rpartition("nat")[2]) for f in sorted(flows, key=owner)] == [
            ("member red/web/a", "(dst=10.0.1.11:8080))"),
            ("member red/web/b", "(dst=10.0.1.12:80))"),
        ]


def test_clients_outside_are_balanced_at_gateways_in_the_uplinks_zone() -> None:
    found = {name: [f.instructions.text for f in of(p, "lr_in_tracked", "tcp_dst=80", "group")] for name, p in usual().items()}
    key = network().tables["load_balancer"]["red", "web"].key
    at_gateway = [f"set_field:0xffff->reg13,group:{key}"]
    assert found == {"hv1": at_gateway, "hv2": at_gateway, "hv3": [], "hv4": []}


def test_answers_are_translated_back_where_clients_are() -> None:
    for switch in ("web", "db"):
        key = network().tables["switch"]["red", switch].key
        flows = of(usual()["hv3"], "ls_out_balance", f"metadata={key:#x}")
        matches = {f.match_text.split(",metadata")[0]: owner(f) for f in flows}
        assert matches == {
            "tcp,nw_src=10.0.1.11,tcp_src=8080": "load_balancer red/web",
            "tcp,nw_src=10.0.1.12,tcp_src=80": "load_balancer red/web",
            "udp,nw_src=10.0.2.11,udp_src=53": "load_balancer red/dns",
            **{f"icmp,icmp_type={kind}": "" for kind in (3, 11, 12)},
        }
        assert all("ct_clear,ct(table=63,zone=1,nat)" in f.instructions.text for f in flows)


def test_a_tenant_without_load_balancers_is_not_looked_up() -> None:
    net = edited("tenant", "red", {"load_balancers": []})
    program = programs(net)["hv3"]
    assert not [f for f in program.flows() if f.table == TABLES["ls_out_balance"].number and f.match and not only_looks(f)]
    port = net.port_by_name["red-2"].key
    assert one(program, "ls_out_port", f"reg15={port:#x}") == "resubmit(,85),set_field:0x2->reg3,goto_table:98"


def drops(program: Program, feature: Feature) -> list[str]:
    return [owner(flow) for flow in program.flows() if (why := read_cookie(flow.cookie)) and why.feature is feature and why.key]


def test_nobody_is_left() -> None:
    net = network()
    dead = frozenset({member(net, "red", "web", "a"), member(net, "red", "web", "b")})
    program = programs(dead=dead)["hv1"]
    assert not [g for g in program.groups() if g.number == net.tables["load_balancer"]["red", "web"].key]
    service = TABLES["lr_in_service"].number
    assert one(program, "lr_in_vip_tracked", "nw_dst=203.0.113.21") == f"goto_table:{service}", "the router answers"
    assert one(program, "lr_in_tracked", "tcp_dst=80") == f"goto_table:{service}"
    assert drops(program, Feature.DROP_NO_MEMBER) == ["load_balancer red/dns"], "on a switch nobody can"


def test_udp_is_shared_by_slots_since_groups_leave_its_ports_out() -> None:
    net = edited("member", "red/dns/a", {"drained": False})
    body = {"port": "red-db", "number": 54, "weight": 3}
    net = edit(net, "member", "red/dns/b", body, "put").network
    program = programs(net)["hv3"]
    key = net.tables["load_balancer"]["red", "dns"].key
    assert one(program, "ls_in_vip_tracked", "+new") == (
        f"set_field:{key:#x}->reg2,multipath(symmetric_l3l4+udp,0,modulo_n,{SLOTS},0,NXM_NX_REG4[0..15]),resubmit(,33)"
    )
    slots: dict[str, list[int]] = {"a": [], "b": []}
    for name, found in slots.items():
        for flow in of(program, "lb_slot", f"reg2={key:#x}", f"{member(net, 'red', 'dns', name):#x}->reg2"):
            ((value, mask),) = [(value, mask) for field, value, mask in flow.match if field.name == "reg4" and mask is not None]
            found += [slot for slot in range(SLOTS) if slot & mask == value]
    assert [sorted(found) for found in slots.values()] == [list(range(SLOTS // 4)), list(range(SLOTS // 4, SLOTS))]


def shared(*more: Mapping[str, Any]) -> Network:
    """Further load balancers at the address of red/dns, or elsewhere, in front of the same member."""
    net = network()
    for body in more:
        given = {"switch": "db", "protocol": "udp", **body, "members": [{"name": "a", "port": "red-db"}]}
        net = edit(net, "load_balancer", f"red/{given.pop('name')}", given, "put").network
    return net


def test_load_balancers_at_one_address_share_a_mac() -> None:
    net = shared(
        {"name": "aaa", "vip": "10.0.2.53", "port": 99}, {"name": "zzz", "vip": "10.0.2.53", "port": 53, "protocol": "tcp"}
    )
    program = programs(net)["hv3"]
    mac = net.tables["load_balancer"]["red", "aaa"].mac
    assert mac in one(program, "ls_in_arp", "arp_tpa=10.0.2.53")
    assert len(of(program, "ls_in_vip", "nw_dst=10.0.2.53", "_dst=")) == 3 + 3
    macs = {net.tables["load_balancer"]["red", name].mac for name in ("aaa", "dns", "zzz")}
    assert [m for m in macs if of(program, "ls_in_lookup", f"eth_dst={m}")] == [mac]
    assert mac in one(program, "lr_in_resolve", f"reg0={0x0A000235:#x}")
