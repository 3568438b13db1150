"""Points of a network with everything: where each is seen, and what is said of one that is not."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from ryu_overlay.engine.engine import Engine
from ryu_overlay.fabric.placement import Fabric, Placement, Spot, components
from ryu_overlay.model.objects import Ref
from ryu_overlay.oam.filters import parse_filter
from ryu_overlay.oam.looking import BITS, Look, blocks
from ryu_overlay.oam.points import Point, PointError, Where, resolve
from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.flow import make_match
from tests.unit.engine.outdoors import outdoors
from tests.unit.engine.world import World
from tests.unit.model.bodies import make

UP, WEB = 180, 121
"""Keys of t1/r/up and t1/r/s1."""
NETWORK = 9000


@pytest.fixture(scope="module")
def world() -> World:
    """hv1 and hv2 carry t1's uplink; t1-p1 is on hv1, t1-p2 on hv2."""
    return outdoors()


def where(world: World) -> Where:
    engine: Engine = world.engine
    return Where(engine.network, engine.fabric, engine.parts())


def seen(point: Point) -> list[str]:
    """`in hv1 phy_in_port in_port=1001` for each place."""

    def text(match: dict[Field, int | tuple[int, int]]) -> str:
        return ",".join(f.match_text(v, None if m == f.full else m) for f, v, m in make_match(match))

    return [f"{s.direction} {p.chassis} {p.table.name} {text(dict(p.match))}" for s in point.sites for p in s.places]


ALL = ("hv1", "hv2", "hv3")


def everywhere(direction: str, table: str, match: str, chassis: tuple[str, ...] = ALL) -> list[str]:
    return [f"{direction} {name} {table} {match}" for name in chassis]


CAME, LEFT = f"reg14={UP:#x}", f"reg15={UP:#x}"
IN_OUTSIDE, OUT_OUTSIDE = everywhere("in", "lr_in_admit", CAME), everywhere("out", "ext_out", LEFT)
IN_INSIDE = everywhere("in", "lr_in_own", CAME) + everywhere("in", "lr_in_ttl", CAME)
OUT_INSIDE = everywhere("out", "lr_out_border", LEFT)
PLAIN = "eth_src=00:00:00:00:00:00/01:00:00:00:00:00,tun_id=0x0/0x800000"

R1_WEB = f"reg14={WEB:#x}"
SEEN = {
    "port:t1-p1": ["in hv1 phy_in_port in_port=1001", "out hv1 phy_out reg3=0x3e9"],
    "port:t1/s1/t1-p1/out": ["out hv1 phy_out reg3=0x3e9"],
    "port:u-t1-p1/in": ["in hv1 phy_in_port in_port=1001"],
    "router-port:t1/r/s1": everywhere("in", "lr_count_in", R1_WEB) + everywhere("out", "ls_in_lookup", R1_WEB),
    "router-port:t1/r/up/out": OUT_OUTSIDE,
    "uplink:t1/r/up/before-nat": IN_OUTSIDE + OUT_INSIDE,
    "uplink:t1/r/up/after-nat": IN_INSIDE + OUT_OUTSIDE,
    "uplink:t1/r/up/inside": IN_INSIDE + OUT_INSIDE,
    "uplink:t1/r/up/outside/in": IN_OUTSIDE,
    "external:internet": everywhere("in", "ext_in", f"metadata={NETWORK:#x}", ("hv1", "hv2"))
    + everywhere("out", "ext_physical", f"metadata={NETWORK:#x}", ("hv1", "hv2")),
    "tunnel:hv1/hv3": [f"in hv1 phy_in_tunnel in_port=3,{PLAIN}", "out hv1 phy_out reg3=0x10003"],
    "tunnel:hv1/*/out": ["out hv1 phy_out reg3=0x10002", "out hv1 phy_out reg3=0x10003"],
}


@pytest.mark.parametrize(("name", "places"), SEEN.items())
def test_a_point_is_seen_where_its_packets_are(world: World, name: str, places: list[str]) -> None:
    point = resolve(name, where(world))
    assert seen(point) == places
    assert point.name == name and point.description and point.tunnel == name.startswith("tunnel")
    assert point.chassis == {place.split(" ")[1] for place in places}


REFUSED = {
    "t1-p1": "is not a point; known: port:NAME",
    "vm:t1-p1": "is not a point; known: port:NAME",
    "port:": "is not port:NAME",
    "port:t1-p1/both": "is not port:",
    "port:t1/t1-p1": "is not port:",
    "port:t1/s1/t1-p1/in/in": "is not port:",
    "port:nobody": "there is no port nobody",
    "port:in/in": "there is no port in",
    "port:t1/s2/t1-p1": "there is no port t1/s2/t1-p1",
    "router-port:t1/r": "is not router-port:TENANT/ROUTER/PORT",
    "router-port:t1/r/x": "there is no router port t1/r/x",
    "router-port:t9/r/s1": "there is no router port t9/r/s1",
    "router-port:t1//s1": "is not router-port:",
    "uplink:t1/r/up": "is not uplink:TENANT/ROUTER/PORT",
    "uplink:t1/r/up/in": "'in' is not one of before-nat",
    "uplink:t1/r/up/inside/in/out": "is not uplink:",
    "uplink:t1/r/up/between": "'between' is not one of before-nat, after-nat, inside, outside",
    "uplink:t1/r/s1/inside": "t1/r/s1 is no uplink",
    "external:extranet": "there is no external network extranet",
    "tunnel:hv9/hv1": "there is no chassis hv9",
    "tunnel:hv1/hv9": "there is no chassis hv9",
    "tunnel:hv1/hv1": "hv1 has no tunnel to hv1",
}


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_what_is_no_point_is_refused(world: World, name: str, reason: str) -> None:
    with pytest.raises(PointError, match=reason):
        resolve(name, where(world))


def test_what_is_nowhere_now_is_refused_too() -> None:
    world = outdoors()
    world["hv1"].vifs.clear()
    world.report("hv1")
    with pytest.raises(PointError, match="port t1-p1 is bound nowhere now"):
        resolve("port:t1-p1", where(world))


def test_what_leaves_towards_another_router_is_seen_there() -> None:
    network = make(
        {
            "name": "red",
            "switches": [{"name": "web", "subnets": ["10.0.1.0/24"], "ports": [{"name": "a"}]}],
            "routers": [
                {
                    "name": "r1",
                    "ports": [
                        {"name": "web", "addresses": ["10.0.1.1/24"], "switch": "web"},
                        {"name": "up", "addresses": ["100.64.0.1/30"], "peer": "r2/down"},
                        {"name": "spare", "addresses": ["10.9.0.1/24"]},
                    ],
                },
                {"name": "r2", "ports": [{"name": "down", "addresses": ["100.64.0.2/30"]}]},
            ],
        }
    )
    bound: dict[Ref, Placement] = {("red", "web"): Placement({network.port_by_name["a"].key: Spot("hv2", 5)})}
    here = Where(network, Fabric({"hv2": IPv4Address("172.31.0.2")}, bound), components(network))
    key = {port.name: port.key for port in network.tables["router_port"].values()}
    for name, far in (("r1/up", "down"), ("r2/down", "up")):
        assert seen(resolve(f"router-port:red/{name}/out", here)) == [f"out hv2 lr_count_in reg14={key[far]:#x}"]
    assert seen(resolve("router-port:red/r1/spare", here)) == [f"in hv2 lr_count_in reg14={key['spare']:#x}"]
    with pytest.raises(PointError, match="is on no chassis now"):
        resolve("router-port:red/r1/spare/out", here)


def texts(world: World, name: str, words: str, *, bit: int = 4, snaplen: int = 65535) -> dict[str, list[str]]:
    point = resolve(name, where(world))
    looks = [Look(site, bit + n, 7 + n, 101) for n, site in enumerate(point.sites)]
    made = blocks(looks, parse_filter(words), snaplen)
    return {chassis: [flow.text for flow in block.flows] for chassis, block in made.items()}


def test_a_site_is_looked_at_on_top_once_and_not_for_probes(world: World) -> None:
    flows = texts(world, "port:t1-p1", "", snaplen=100)
    look = "controller(max_len=100,meter_id=101)"
    assert flows == {
        "hv1": [
            "table=0,priority=65002,in_port=1001,reg5=0x0/0x10,reg6=0x0/0x1,cookie=0xe7a4d0000000007,"
            f"actions={look},load:0x1->NXM_NX_REG5[4],resubmit(,0),load:0x0->NXM_NX_REG5[4]",
            "table=98,priority=65002,reg3=0x3e9,reg5=0x0/0x20,reg6=0x0/0x1,cookie=0xe7a4d0000000008,"
            f"actions={look},load:0x1->NXM_NX_REG5[5],resubmit(,98),load:0x0->NXM_NX_REG5[5]",
        ]
    }


def test_every_way_to_pass_the_filter_is_a_flow_of_its_own(world: World) -> None:
    flows = texts(world, "external:internet/in", "tcp port 80 or arp")
    assert sorted(flows) == ["hv1", "hv2"]
    matches = [text.partition(",reg5")[0].partition("65002,")[2] for text in flows["hv1"]]
    assert matches == ["tcp,tcp_src=80", "tcp,tcp_dst=80", "arp"]


def test_where_place_and_filter_exclude_each_other_there_is_no_flow(world: World) -> None:
    assert texts(world, "tunnel:hv1/hv3/in", "ether src 03:00:00:00:00:01") == {}
    (flow,) = texts(world, "tunnel:hv1/hv3/in", "ether src 02:00:00:00:00:01")["hv1"]
    assert "eth_src=02:00:00:00:00:01," in flow


def test_flows_of_one_chassis_never_share_table_and_match(world: World) -> None:
    sites = [site for name in (*SEEN, *SEEN) for site in resolve(name, where(world)).sites][:BITS]
    looks = [Look(site, bit, bit + 1, 101) for bit, site in enumerate(sites)]
    for block in blocks(looks, parse_filter("host 10.0.0.1"), 96).values():
        assert len({flow.key for flow in block.flows}) == len(block.flows) > 40
