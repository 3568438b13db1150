"""The way that an answer stands for, asked for by packet, in the network of tests/unit/fabric/test_ways.py.

a (a1 on hv1) -- r1 -- transit -- r2 -- r3 -- b (b1 on hv2, b2 on hv3)
                 |
              internet (gateways hv2, hv3), SNAT to 203.0.113.12
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from ryu_overlay.engine.engine import Engine, Options
from ryu_overlay.engine.events import SwitchConnected
from ryu_overlay.engine.ways import Ways
from ryu_overlay.fabric.facts import ChassisFacts, Vif
from ryu_overlay.fabric.placement import Fabric, Placement, Spot
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object, Port, Snat
from ryu_overlay.oam.responder import Asked, Path
from tests.unit.fabric.test_ways import NET, PORTS, fabric

SNAT = Snat("red", "r1", "all", 900, "u-all", (IPv4Network("10.0.0.0/16"),), (IPv4Address("203.0.113.12"),))
VM, TUNNEL, UPLINK = 7, 101, 500
"""OpenFlow ports: of the VM on each chassis, of the tunnel to hv1, to the physical network."""
UNHEARD: dict[str, Any] = {"silent": frozenset({("hv2", "internet")})}
DEAF: dict[str, Any] = {"deaf": {"hv1": frozenset({"hv2", "hv3"})}}


def edited(base: Network, *puts: Object) -> Network:
    draft = Draft(base)
    for obj in puts:
        draft.put(obj)
    return draft.freeze(base.revision + 1)


SNATTED = edited(NET, SNAT)


def engine(network: Network = SNATTED, on: Fabric | None = None, **signs: Any) -> Engine:
    """An engine that knows hv1, hv2 and hv3, by datapath ids 1 to 3, and what is where."""
    made = Engine(Options())
    made.network, made.fabric = network, on or fabric(network, **signs)
    for dpid, (name, ports) in enumerate(PORTS.items(), 1):
        vifs = {port: Vif(port, f"tap{ofport}", ofport) for port, ofport in ports.items()}
        made.facts[name] = ChassisFacts(name, IPv4Address(f"172.31.0.{dpid}"), dpid, vifs=vifs)
        made.bridges.take(SwitchConnected(dpid), 0.0)
    made.bridges.claim(0, 0.0)
    return made


def asked(router: str, port: str, destination: str | int, source: str = "10.0.1.11", here: int = 1, came_by: int = VM) -> Asked:
    keys = NET.tables["router"]["red", router].key, NET.tables["router_port"]["red", router, port].key
    return Asked(here, *keys, came_by, int(IPv4Address(source)), int(IPv4Address(destination)))


def near(made: Engine, what: Asked) -> str:
    """Who tells that the way is broken."""
    path = Ways(made).path_of(what)
    assert path is not None and path.ofport is None and path.near is not None
    return str(IPv4Address(path.near))


@pytest.mark.parametrize(
    ("router", "port", "destination", "ofport"),
    [
        ("r1", "a", "10.0.1.1", None),  # here
        ("r1", "a", "10.0.2.11", None),  # an error of the router that the sender stands at
        ("r2", "t", "100.64.0.2", 102),
        ("r2", "t", "10.0.2.12", 103),
        ("r2", "t", "10.0.2.99", 102),  # nobody's
        ("r1", "t", "198.18.0.1", 102),  # by the uplink
        ("r1", "a", "203.0.113.11", 102),
        ("r1", "a", "203.0.113.12", 102),
    ],
)
def test_an_answer_stands_for_the_way_to_what_it_is_about(router: str, port: str, destination: str, ofport: int | None) -> None:
    path = Ways(engine()).path_of(asked(router, port, destination))
    assert path == (None if ofport is None else Path(ofport, False, None))


def test_of_what_is_not_known_it_stands_for_nothing() -> None:
    ways, what = Ways(engine()), asked("r2", "t", "10.0.2.12")
    assert [ways.path_of(what._replace(**{name: 4321})) for name in ("dpid", "router", "in_port")] == [None] * 3


def test_a_broken_way_is_told_by_the_router_on_the_senders_switch() -> None:
    assert near(engine(**DEAF), asked("r2", "t", "10.0.2.12")) == "10.0.1.1"
    assert near(engine(**DEAF), asked("r2", "t", "10.0.2.12", source="192.0.2.1")) == "10.0.1.1", "whatever he says he is"


def test_or_not_at_all() -> None:
    silent = edited(NET, replace(NET.tables["router"]["red", "r2"], without_path="silent"))
    path = Ways(engine(silent, **DEAF)).path_of(asked("r2", "t", "10.0.2.12"))
    assert path is not None and path.ofport is None and path.silent


@pytest.mark.parametrize("address", ["203.0.113.11", "203.0.113.12"])
def test_addresses_of_nat_rules_are_where_the_uplink_is(address: str) -> None:
    for port in ("a", "up"):
        assert near(engine(**UNHEARD), asked("r1", port, address)) == "10.0.1.1"


@pytest.mark.parametrize(
    ("source", "expected"),
    [("10.0.1.11", "10.0.1.1"), ("100.64.0.9", "100.64.0.1"), ("10.0.2.11", "10.0.1.1"), ("203.0.113.11", "10.0.1.1")],
)
def test_what_comes_by_a_tunnel_is_told_by_the_router_on_the_side_of_the_sender(source: str, expected: str) -> None:
    what = asked("r1", "up", "203.0.113.11", source, here=2, came_by=TUNNEL)
    assert near(engine(**UNHEARD), what) == expected


def test_what_comes_by_the_uplink_is_told_by_it() -> None:
    what = asked("r1", "up", "203.0.113.12", "198.51.100.10", here=2, came_by=UPLINK)
    assert near(engine(**UNHEARD), what) == "203.0.113.11"


def test_a_vif_counts_where_its_port_is_bound() -> None:
    """b1's VIF is still on hv2, the port is bound on hv3 by now: hv2's port 7 is nobody's."""
    key, made = NET.port_by_name["b1"].key, fabric(**UNHEARD)
    moved = {**made.placements, ("red", "b"): Placement({key: Spot("hv3", VM)})}
    what = asked("r1", "up", "203.0.113.11", here=2)
    assert near(engine(**UNHEARD), what) == "10.0.2.1"
    assert near(engine(on=replace(made, placements=moved)), what) == "10.0.1.1"


def test_what_changes_is_noticed() -> None:
    made = engine()
    ways, what = Ways(made), asked("r2", "t", "10.0.2.13")
    assert ways.path_of(what) == Path(102, False, None), "nobody's"
    new = Port("red", "b", "b3", 901, "u-b3", "02:00:00:00:01:09", (IPv4Address("10.0.2.13"),))
    made.network = edited(SNATTED, new)
    spots = {**made.fabric.placements["red", "b"].spots, new.key: Spot("hv3", 8)}
    made.fabric = replace(made.fabric, placements={**made.fabric.placements, ("red", "b"): Placement(spots)})
    assert ways.path_of(what) == Path(103, False, None)
    made.fabric = replace(made.fabric, **DEAF)
    assert ways.path_of(what) == Path(None, False, int(IPv4Address("10.0.1.1")))
    made.network = edited(made.network, replace(NET.tables["router"]["red", "r2"], answers="path"))
    made.fabric = replace(made.fabric, deaf={})
    assert ways.path_of(what) == Path(103, False, None)


def crowded(count: int, **signs: Any) -> Engine:
    """With this many more ports on b, all on hv2."""
    ports = [
        Port("red", "b", f"x{n}", 1000 + n, f"u-x{n}", f"02:00:00:01:{n >> 8:02x}:{n & 255:02x}", (IPv4Address("10.0.2.20") + n,))
        for n in range(count)
    ]
    made = engine(edited(SNATTED, *ports), **signs)
    spots = {**made.fabric.placements["red", "b"].spots, **{port.key: Spot("hv2", port.key) for port in ports}}
    made.fabric = replace(made.fabric, placements={**made.fabric.placements, ("red", "b"): Placement(spots)})
    return made


def calls(work: Callable[[], object]) -> int:
    """How many calls `work` makes, of functions of any kind."""
    made = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("destination", ["10.0.2.10", "198.18.0.1"])
@pytest.mark.parametrize("signs", [{}, DEAF])
def test_a_destination_never_asked_for_costs_the_same_however_many_ports_there_are(
    destination: str, signs: dict[str, Any]
) -> None:
    def cost(count: int) -> tuple[int, int]:
        made = crowded(count, **signs)
        ways = Ways(made)
        ways.path_of(asked("r2", "t", "10.0.2.9"))
        new = calls(lambda: ways.path_of(asked("r2", "t", destination)))
        made.fabric = replace(made.fabric)
        made.network = edited(made.network, replace(NET.tables["router"]["red", "r1"], without_path="silent"))
        return new, calls(lambda: ways.path_of(asked("r2", "t", destination, "10.0.1.12")))

    few, many = cost(10), cost(200)
    assert many == few, "after a change elsewhere too"


def test_what_is_remembered_does_not_grow_with_what_is_asked() -> None:
    ways = Ways(engine(**DEAF))

    def kept() -> int:
        return sum(len(value) for value in vars(ways).values() if isinstance(value, dict))

    ways.path_of(asked("r2", "t", "10.0.2.9"))
    before = kept()
    for n in range(1000):
        ways.path_of(asked("r2", "t", int(IPv4Address("10.0.2.9")) + n, str(IPv4Address(n))))
    assert kept() == before
