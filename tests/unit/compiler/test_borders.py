"""What crosses a border: which flows a gateway has, a chassis where floating IPs are at home, and one that is neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Any

import pytest

from ryu_overlay.compiler.keys import ALWAYS, CONNECTED, OWNER, TO_GATEWAY, group_number
from ryu_overlay.compiler.program import Compiler, compile_all
from ryu_overlay.fabric.placement import Fabric, Placement, Spot
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Ref
from ryu_overlay.oam.sighting import only_looks
from ryu_overlay.openflow.flow import Flow, Program
from ryu_overlay.pipeline.cookies import read_cookie
from ryu_overlay.pipeline.limits import Limits
from ryu_overlay.pipeline.registers import TUNNEL as TUNNEL_BIT
from ryu_overlay.pipeline.tables import STEADY_METER, TABLES
from tests.unit.model.bodies import edit
from tests.unit.model.outside_bodies import world

CHASSIS = ("hv1", "hv2", "hv3", "hv4")
TUNNEL = {name: 101 + n for n, name in enumerate(CHASSIS)}
PATCH, MAC = 200, "02:aa:00:00:00:01"
UP = ("red", "r1", "up")


@lru_cache(maxsize=1)
def network() -> Network:
    return world()


def fabric(net: Network, places: Mapping[str, str] | None = None, **changes: Any) -> Fabric:
    """hv1 and hv2 are gateways, hv4 maps the physical network too. red-1 is on hv1, red-2 on hv3, red-db on hv4."""
    spots: dict[Ref, dict[int, Spot]] = {}
    for number, (name, where) in enumerate((places or {"red-1": "hv1", "red-2": "hv3", "red-db": "hv4"}).items(), 1):
        port = net.port_by_name[name]
        spots.setdefault((port.tenant, port.switch), {})[port.key] = Spot(where, number)
    made = Fabric(
        {name: IPv4Address(f"172.31.0.{n}") for n, name in enumerate(CHASSIS, 1)},
        {ref: Placement(found) for ref, found in spots.items()},
        {here: {name: TUNNEL[name] for name in CHASSIS if name != here} for here in CHASSIS},
        {name: {"physnet1": PATCH} for name in ("hv1", "hv2", "hv4")},
        {UP: ("hv1", "hv2")},
        {("internet",): {IPv4Address("203.0.113.1"): MAC}},
        mtu=1450,
    )
    return replace(made, **changes)


def programs(net: Network | None = None, **changes: Any) -> dict[str, Program]:
    net = net or network()
    return compile_all(net, fabric(net, **changes), Limits(100, 10))


@lru_cache(maxsize=1)
def usual() -> dict[str, Program]:
    return programs()


def edited(kind: str, path: str, body: Mapping[str, Any]) -> Network:
    return edit(network(), kind, path, body, "patch").network


def owner(flow: Flow) -> str:
    """The object that a flow's cookie names, as kind and path."""
    why = read_cookie(flow.cookie)
    assert why is not None
    obj = network().by_key.get(why.key)
    return "" if obj is None else f"{obj.kind} {'/'.join(obj.ref)}"


def of(program: Program, table: str, *words: str) -> list[Flow]:
    """The flows of a table for tenants' packets whose match or actions have all these words."""
    flows = [flow for flow in program.flows() if flow.table == TABLES[table].number and not only_looks(flow)]
    return [flow for flow in flows if all(word in f"{flow.match_text}|{flow.instructions.text}" for word in words)]


def one(program: Program, table: str, *words: str) -> str:
    """What the only such flow does."""
    (flow,) = of(program, table, *words)
    return flow.instructions.text


def group(program: Program, number: int) -> str:
    (found,) = [g.text for g in program.groups() if g.number == number]
    return found.partition("type=")[2]


UPLINK = network().tables["router_port"][UP]
FLOATING = network().tables["floating_ip"]["red", "r1", "web"]
OUT, VNI = f"reg15={UPLINK.key:#x}", f"tun_id={UPLINK.vni:#x}"
TO_GW, OWN = group_number(TO_GATEWAY, UPLINK.key), group_number(OWNER, UPLINK.key)
NO_GATEWAY = f"bucket=watch_group:{ALWAYS},actions=resubmit(,49)"


def test_each_chassis_finds_the_first_gateway_that_is_alive() -> None:
    found = usual()
    here = "bucket=watch_port:200,actions=set_field:0x1->reg9,resubmit(,50)"
    hv1, hv2 = (
        f"bucket=watch_port:{port},actions=load:{UPLINK.vni:#x}->NXM_NX_TUN_ID[0..21],"
        f"set_field:{TUNNEL_BIT | port:#x}->reg3,resubmit(,98)"
        for port in (101, 102)
    )
    assert group(found["hv1"], TO_GW) == f"ff,{here},{hv2},{NO_GATEWAY}"
    assert group(found["hv2"], TO_GW) == f"ff,{hv1},{here},{NO_GATEWAY}"
    for name in ("hv3", "hv4"):
        assert group(found[name], TO_GW) == f"ff,{hv1},{hv2},{NO_GATEWAY}"
    assert group(found["hv3"], ALWAYS) == "select,bucket=weight:1,actions=drop"


def test_a_gateway_carries_it_unless_a_better_one_is_alive() -> None:
    found = usual()
    mine = "bucket=watch_port:200,actions=set_field:0x1->reg12,resubmit(,74)"
    assert group(found["hv1"], OWN) == f"ff,{mine}"
    assert group(found["hv2"], OWN) == f"ff,bucket=watch_port:101,actions=set_field:0x0->reg12,resubmit(,74),{mine}"
    assert not any(g.number == OWN for name in ("hv3", "hv4") for g in found[name].groups())


def test_a_gateway_without_tunnel_to_another_does_not_watch_it() -> None:
    alone = programs(tunnels={})["hv2"]
    assert group(alone, OWN).count("bucket") == 1 and group(alone, TO_GW).count("bucket") == 2


def test_without_gateways_packets_are_answered() -> None:
    found = programs(gateways={})
    for name in ("hv1", "hv3", "hv4"):
        assert one(found[name], "lr_out_uplink", OUT, "goto_table:49") == "goto_table:49"
    assert not of(found["hv2"], "lr_out_uplink", OUT), "there is nothing of the router"
    assert not any(g.number == TO_GW for program in found.values() for g in program.groups())


def test_only_gateways_take_the_uplinks_packets_from_tunnels() -> None:
    enters = {name: len(of(program, "phy_in_tunnel", VNI)) for name, program in usual().items()}
    assert enters == {"hv1": 1, "hv2": 1, "hv3": 0, "hv4": 0}


OF_PROBE = "exec(move:NXM_NX_REG6[0]->NXM_NX_CT_MARK[0])"
"""What tells a probe's connection from others."""
CT_IN, CT_OUT = ("lr_in_tracked", "ct(commit"), ("lr_out_tracked", "ct(commit")


@pytest.mark.parametrize(
    ("chassis", "floating", "snats"),
    [("hv1", ["web"], True), ("hv2", ["web"], True), ("hv3", [], False), ("hv4", ["db"], False)],
)
def test_who_translates_what(chassis: str, floating: list[str], snats: bool) -> None:
    """web's port is a member of a load balancer outside, so gateways translate it; db is at home on hv4."""
    program = usual()[chassis]
    for where in (CT_IN, CT_OUT):
        assert [owner(flow) for flow in of(program, *where)] == [f"floating_ip red/r1/{name}" for name in floating]
    assert {owner(flow) for flow in of(program, "lr_out_snat", "ct(commit")} == ({"snat red/r1/all"} if snats else set())
    assert len(of(program, "lr_in_tracked", "tcp_dst=80", "group:")) == snats
    carries = bool(floating)
    for table in ("lr_out_border", "lr_out_external", "ext_lookup", "ext_out"):
        assert bool(of(program, table, "=0x" if table.startswith("ext") else OUT)) == carries


def test_translations_are_to_the_right_addresses_in_the_uplinks_zone() -> None:
    hv1, hv4 = usual()["hv1"], usual()["hv4"]
    assert one(hv1, *CT_IN) == "ct(commit,table=26,zone=65535,nat(dst=10.0.1.11))"
    assert one(hv1, *CT_OUT) == f"ct(commit,table=53,zone=65535,nat(src=203.0.113.101),{OF_PROBE})"
    assert one(hv4, *CT_OUT) == f"ct(commit,table=53,zone=65535,nat(src=203.0.113.111),{OF_PROBE})"
    assert one(hv1, "lr_out_snat", "ct(commit").endswith(f"ct(commit,table=53,zone=65535,nat(src=203.0.113.11),{OF_PROBE})")
    assert sorted(f.match_text.split(",")[1] for f in of(hv1, "lr_out_tracked", "goto_table:52")) == [
        *("nw_src=10.0.1.0/255.255.255.0", "nw_src=10.0.2.0/255.255.255.0"),
    ]


def test_several_addresses_are_shared_out_by_inside_address() -> None:
    net = edited("snat", "red/r1/all", {"addresses": ["203.0.113.21", "203.0.113.30"], "ports": "20000-20010"})
    program = programs(net)["hv1"]
    key = net.tables["snat"]["red", "r1", "all"].key
    for flow in of(program, "lr_out_tracked", "goto_table:52"):
        assert flow.instructions.text == (
            f"set_field:{key:#x}->reg2,multipath(nw_src,0,modulo_n,2,0,NXM_NX_REG4[0..15]),goto_table:52"
        )
    assert [one(program, "lr_out_snat", f"reg4={n:#x}").rpartition("nat(")[2] for n in (0, 1)] == [
        *(f"src=203.0.113.21:20000-20010),{OF_PROBE})", f"src=203.0.113.30:20000-20010),{OF_PROBE})"),
    ]


def test_what_leaves_has_the_mac_of_what_it_leaves_as() -> None:
    net, program = network(), usual()["hv1"]
    floating = net.tables["floating_ip"]["red", "r1", "web"]
    macs = {flow.priority: flow for flow in of(program, "lr_out_external", OUT)}
    assert [
        f"set_field:{mac}->eth_src" in macs[priority].instructions.text
        for priority, mac in ((10, UPLINK.mac), (20, floating.mac))
    ]
    assert "nw_src=203.0.113.101" in macs[20].match_text and f"reg2={floating.key:#x}" in macs[30].match_text


def test_floating_ips_leave_at_home_and_all_else_by_the_gateway() -> None:
    flows = {flow.match_text: flow.instructions.text for flow in of(usual()["hv4"], "lr_out_uplink", OUT)}
    assert flows[f"ip,nw_src=10.0.2.11,{OUT}"] == "set_field:0x1->reg9,goto_table:50"
    assert flows[OUT] == f"group:{TO_GW}"
    assert sum("icmp" in match for match in flows) == 3, "only conntrack at home knows whose errors these are"
    assert {flow.match_text for flow in of(usual()["hv3"], "lr_out_uplink", OUT)} == {OUT}


def test_who_answers_arp_outside_and_whether_it_depends_on_gateways() -> None:
    found = usual()
    asked = {
        name: {
            flow.match_text.split("arp_tpa=")[1].split(",")[0]: flow.instructions.text
            for flow in of(program, "ext_in", "arp_op=1,arp_tpa")
        }
        for name, program in found.items()
    }
    gateway = dict.fromkeys(("203.0.113.11", "203.0.113.21", "203.0.113.101"), f"group:{OWN}")
    assert asked == {"hv1": gateway, "hv2": gateway, "hv3": {}, "hv4": {"203.0.113.111": "set_field:0x1->reg12,resubmit(,74)"}}


def test_frames_are_tagged_as_the_network_is() -> None:
    (tagged,) = of(usual()["hv1"], "phy_in_port", "in_port=200,vlan_vid")
    assert (tagged.match_text, tagged.instructions.text.split(",")[0]) == ("in_port=200,vlan_vid=0x1064", "pop_vlan")
    tag = "push_vlan:0x8100,set_field:0x1064->vlan_vid"
    assert one(usual()["hv1"], "ext_physical", "reg3") == f"{tag},set_field:{PATCH:#x}->reg3,goto_table:98"
    untagged = programs(edited("external_network", "internet", {"vlan": None}))["hv1"]
    (flow,) = of(untagged, "phy_in_port", "in_port=200,vlan_vid")
    assert flow.match_text == "in_port=200,vlan_vid=0x0" and "pop_vlan" not in flow.instructions.text
    assert one(untagged, "ext_physical", "reg3") == f"set_field:{PATCH:#x}->reg3,goto_table:98"


def test_next_hops_outside_are_known_from_the_model_and_from_what_was_learned() -> None:
    flows = {
        flow.match_text.split(",")[0]: (owner(flow), flow.instructions.text) for flow in of(usual()["hv4"], "ext_resolve", "reg0")
    }
    for address, name, mac in (
        ("203.0.113.1", "external_network internet", MAC),
        ("203.0.113.11", "router_port red/r1/up", UPLINK.mac),
        ("203.0.113.32", "router_port blue/r1/up", network().tables["router_port"]["blue", "r1", "up"].mac),
        ("203.0.113.101", "floating_ip red/r1/web", network().tables["floating_ip"]["red", "r1", "web"].mac),
    ):
        assert flows[f"reg0={int(IPv4Address(address)):#x}"] == (name, f"resubmit(,86),set_field:{mac}->eth_dst,goto_table:82")


def test_the_model_is_believed_before_what_was_learned() -> None:
    """Somebody outside claims the uplink's address."""
    program = programs(neighbours={("internet",): {UPLINK.addresses[0].ip: MAC}})["hv1"]
    assert UPLINK.mac in one(program, "ext_resolve", f"reg0={int(UPLINK.addresses[0].ip):#x}")


def test_both_gateways_beat_and_nobody_else() -> None:
    found = usual()
    assert {name: bool(of(program, "ext_clock", "in_port=200")) for name, program in found.items()} == {
        **dict.fromkeys(("hv1", "hv2"), True),
        **dict.fromkeys(("hv3", "hv4"), False),
    }
    everybody = "ff:ff:ff:ff:ff:ff"
    assert everybody in one(found["hv2"], "ext_beat", "in_port=200"), "a standby tells everybody at each beat"
    assert everybody not in one(found["hv1"], "ext_beat", "in_port=200")
    (steady,) = of(found["hv1"], "ext_steady", f"reg4={PATCH:#x}")
    assert f"set_field:{MAC}->eth_dst" in steady.instructions.text, "the first in order tells only the gateway, and seldom"
    assert steady.instructions.meter == STEADY_METER and not of(found["hv2"], "ext_steady", "reg4=")
    macs = {mac for mac in (UPLINK.mac, FLOATING.mac) if f"set_field:{mac}->eth_src" in steady.instructions.text}
    assert macs == {UPLINK.mac, FLOATING.mac}, "the uplink's, and that of the floating IP that is not at home"


def test_a_gateway_that_reaches_nobody_is_silent() -> None:
    number = group_number(CONNECTED, PATCH)
    assert one(usual()["hv2"], "ext_clock", "in_port=200") == f"group:{number}"
    ways = [f"bucket=watch_port:{port},actions=resubmit(,{TABLES['ext_beat'].number})" for port in (101, 103, 104)]
    assert group(usual()["hv2"], number) == ",".join(["ff", *ways])
    otherwise = programs(tunnels={"hv2": {"hv4": 104, "hv1": 101, "hv3": 103}})["hv2"]
    assert group(otherwise, number) == group(usual()["hv2"], number), "in whatever order chassis were met"
    alone = programs(tunnels={"hv2": {"hv1": 101}})["hv2"]
    beat = one(alone, "ext_clock", "in_port=200")
    assert beat == f"goto_table:{TABLES['ext_beat'].number}", "with one tunnel it cannot tell who of the two is down"


def test_every_switch_port_and_uplink_has_its_size() -> None:
    def sizes(program: Program) -> dict[str, int]:
        flows = of(program, "lr_out_size", "check_pkt_larger")
        ports = {f"reg15={p.key:#x}": "/".join(p.ref) for p in network().tables["router_port"].values()}
        return {ports[f.match_text]: int(f.instructions.text.split("(")[1].split(")")[0]) - 14 for f in flows}

    assert sizes(usual()["hv1"]) == {"red/r1/up": 1450, "red/r1/web": 1450, "red/r2/db": 1450}
    assert sizes(programs(mtu=8950)["hv1"]) == {"red/r1/up": 1500, "red/r1/web": 8950, "red/r2/db": 8950}
    assert sizes(programs(mtu=None)["hv1"]) == {"red/r1/up": 1500}


def test_ports_towards_the_physical_network_count_also_while_no_gateway_does() -> None:
    """A floating IP is at home whatever gateways there are, so it appears with its chassis' port."""
    net, compiler = network(), Compiler(Limits(100, 10))
    without = fabric(net, gateways={}, physical={})
    assert not of(compiler.compile_all(net, without)["hv4"], *CT_OUT)
    after = compiler.compile_all(net, replace(without, physical={"hv4": {"physnet1": PATCH}}))
    assert [owner(flow) for flow in of(after["hv4"], *CT_OUT)] == ["floating_ip red/r1/db"]
