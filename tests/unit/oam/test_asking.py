"""What is asked of bridges after a packet was lost, and what they have that is not as it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ryu_overlay.oam.asking import evidence, leaving
from ryu_overlay.oam.hops import Outcome, Way
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.judging import Evidence, Leg
from ryu_overlay.oam.reading import read
from ryu_overlay.openflow.actions import Instructions, Output
from ryu_overlay.openflow.actions_nicira import OutputTo
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.openflow.flow import Flow, Group, make_match
from ryu_overlay.openflow.messages import group_request, meter_request
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT, OFPORT, TUNNEL
from ryu_overlay.pipeline.tables import LS_IN_LOOKUP, LS_IN_SECURITY, LS_OUT_PORT, PHY_IN_PORT, PHY_IN_TUNNEL, PHY_OUT
from tests.unit.oam.asked import NET
from tests.unit.oam.bridges import Bridges, observer, tunnel
from tests.unit.oam.sightings import seen

WEB, PORT = NET.switch_views["red", "web"].switch, NET.port_by_name["red-web-1"]
FRONT = seen("hv1", PHY_IN_PORT, fields={IN_PORT: 1})
SECURITY = seen("hv1", LS_IN_SECURITY, {DATAPATH: WEB.key, IN_LPORT: PORT.key}, fields={IN_PORT: 1})
LOOKUP = seen("hv1", LS_IN_LOOKUP, {DATAPATH: WEB.key, IN_LPORT: PORT.key}, fields={IN_PORT: 1})
INTO = seen("hv1", PHY_OUT, {OFPORT: TUNNEL | tunnel("hv3")}, fields={TUN_ID: WEB.vni})
OUT = seen("hv1", PHY_OUT, {OFPORT: 2})
Edit = Callable[[list[Flow]], list[Flow]]


def leg(*sightings: Any, put_in: tuple[str, ...] = ("hv1",)) -> Leg:
    journey = Journey(7, put_in[0] if len(put_in) == 1 else "", 0.0)
    journey.put_in = put_in
    for sighting in sightings:
        journey.take(sighting)
    return Leg("there", journey, tuple(read(observer(), journey)), Way((), Outcome("delivered", "", "")))


def asked(bridges: Bridges, *sightings: Any, put_in: tuple[str, ...] = ("hv1",)) -> Evidence:
    return evidence(bridges, bridges.world(), observer(), leg(*sightings, put_in=put_in))


def altered(table: int, edit: Edit | None = None, but: Callable[[Flow], bool] = lambda flow: True) -> Edit:
    """All flows of a table, or those that are not `but`, are not there, or as `edit` makes them."""

    def change(flows: list[Flow]) -> list[Flow]:
        found = [flow for flow in flows if flow.table == table and but(flow)]
        kept = [flow for flow in flows if flow not in found]
        return [*kept, *(edit(found) if edit is not None else [])]

    return change


def found(name: str, edit: Edit, *sightings: Any, **more: Any) -> tuple[str, str, str] | None:
    bridges = Bridges()
    bridges.install(name, edit)
    finding = asked(bridges, *sightings, **more).finding
    return None if finding is None else (finding.what, finding.met.table, finding.met.chassis)


def is_tenants(flow: Flow) -> bool:
    return flow.priority < 65000


def do_nothing(flows: list[Flow]) -> list[Flow]:
    return [replace(flow, instructions=Instructions((Output(1),))) for flow in flows]


def test_bridges_that_are_as_they_should_be() -> None:
    for sightings in ((), (FRONT, SECURITY), (FRONT, SECURITY, LOOKUP, INTO), (FRONT, SECURITY, LOOKUP, OUT)):
        assert asked(Bridges(), *sightings) == Evidence()


def test_who_is_away_and_who_is_silent() -> None:
    bridges = Bridges()
    bridges.away("hv3")
    assert asked(bridges, FRONT, INTO) == Evidence(away=frozenset({"hv3"}))
    assert set(bridges.asked) == {"hv1"}, "who is not there is not asked"
    bridges = Bridges(silent={"hv3"})
    assert asked(bridges, FRONT, INTO) == Evidence(silent=frozenset({"hv3"}))
    assert bridges.asked.count("hv3") == 1, "nor is who did not answer once"
    bridges = Bridges(silent={"hv2"})
    assert asked(bridges, put_in=("hv1", "hv2")) == Evidence(silent=frozenset({"hv2"}))
    assert asked(bridges, FRONT, INTO) == Evidence(), "that one has nothing to do with it"


def test_who_has_gone_meanwhile_is_away() -> None:
    bridges = Bridges()
    then = bridges.world()
    bridges.away("hv1")
    assert evidence(bridges, then, observer(), leg(FRONT)).away == {"hv1"}


def test_a_bridge_that_falls_silent_while_it_is_asked() -> None:
    bridges = Bridges()
    ask = bridges.ask

    def only_meters(chassis: str, request: Callable[[int], bytes]) -> list[bytes] | None:
        return ask(chassis, request) if request(1) == meter_request(1) else None

    bridges.ask = only_meters  # type: ignore[method-assign]
    assert asked(bridges, FRONT, SECURITY, LOOKUP) == Evidence()


@pytest.mark.parametrize("sighting", [FRONT, SECURITY, LOOKUP], ids=["phy_in_port", "ls_in_security", "ls_in_lookup"])
@pytest.mark.parametrize(
    ("what", "edit"), [("flow_missing", None), ("flow_altered", do_nothing)], ids=["is missing", "does something else"]
)
def test_a_flow(sighting: Any, what: str, edit: Edit | None) -> None:
    there = altered(sighting.table, edit, is_tenants)
    expected = what, {FRONT.table: "phy_in_port", SECURITY.table: "ls_in_security", LOOKUP.table: "ls_in_lookup"}[sighting.table]
    assert found("hv1", there, FRONT, SECURITY, LOOKUP) == (*expected, "hv1")
    assert found("hv2", there, FRONT, SECURITY, LOOKUP) is None


def test_a_cookie_that_is_another_s() -> None:
    edit = altered(LOOKUP.table, lambda flows: [replace(flow, cookie=flow.cookie + 1) for flow in flows], is_tenants)
    assert found("hv1", edit, FRONT, LOOKUP) == ("flow_altered", "ls_in_lookup", "hv1")


def foreign(priority: int, match: Any = ()) -> Edit:
    return lambda flows: [*flows, Flow(LS_IN_LOOKUP.number, priority, match, Instructions(), 0)]


def test_a_foreign_flow_counts_where_it_stands_before_the_one_that_is_met() -> None:
    assert found("hv1", foreign(60000), FRONT, LOOKUP) == ("flow_foreign", "ls_in_lookup", "hv1")
    assert found("hv1", foreign(0), FRONT, LOOKUP) is None
    assert found("hv1", foreign(60000, make_match({IN_PORT: 1})), FRONT, LOOKUP) == ("flow_foreign", "ls_in_lookup", "hv1")
    assert found("hv1", foreign(60000, make_match({IN_PORT: 2})), FRONT, LOOKUP) is None


def test_a_foreign_flow_whose_fields_are_in_another_order() -> None:
    backwards = (*make_match({DATAPATH.field: WEB.key}), *make_match({IN_PORT: 1}))
    assert found("hv1", foreign(60000, backwards), FRONT, LOOKUP) == ("flow_foreign", "ls_in_lookup", "hv1")


def test_what_cannot_be_read_is_passed_over() -> None:
    class Strange(Flow):
        match_bytes = bytes.fromhex("0001e010") + bytes(16)

    strange = Strange(LS_IN_LOOKUP.number, 60000, (), Instructions(), 0)
    assert found("hv1", lambda flows: [*flows, strange], FRONT, LOOKUP) is None


def test_the_first_on_the_way_is_told() -> None:
    def both(flows: list[Flow]) -> list[Flow]:
        return altered(LOOKUP.table, None, is_tenants)(altered(SECURITY.table, None, is_tenants)(flows))

    assert found("hv1", both, FRONT, SECURITY, LOOKUP) == ("flow_missing", "ls_in_security", "hv1")


def test_where_nobody_saw_it_what_tells_of_probes_is_looked_at() -> None:
    no_gate = altered(PHY_IN_PORT.number, None, lambda flow: flow.priority > 65000)
    assert found("hv1", no_gate) == ("flow_missing", "phy_in_port", "hv1")
    assert found("hv2", no_gate, put_in=("hv1", "hv2")) == ("flow_missing", "phy_in_port", "hv2")
    other = altered(PHY_IN_PORT.number, do_nothing, lambda flow: flow.priority > 65000)
    assert found("hv1", other) == ("flow_altered", "phy_in_port", "hv1")
    over = Flow(PHY_IN_PORT.number, 65535, (), Instructions(), 0)
    assert found("hv1", lambda flows: [*flows, over]) == ("flow_foreign", "phy_in_port", "hv1")
    assert found("hv1", lambda flows: [*flows, replace(over, priority=64000)]) is None


def test_where_it_was_seen_last_the_next_table_is_looked_at() -> None:
    assert found("hv1", altered(LS_IN_SECURITY.number, None, lambda flow: flow.priority > 65000), FRONT) == (
        "flow_missing",
        "ls_in_security",
        "hv1",
    )
    assert found("hv1", altered(LS_OUT_PORT.number, None, lambda flow: flow.priority > 65000), FRONT) is None


def test_what_it_ought_to_meet_at_the_other_end_of_a_tunnel() -> None:
    not_for_tunnel = altered(PHY_IN_PORT.number, None, lambda flow: (IN_PORT, tunnel("hv1"), None) in flow.match)
    assert found("hv3", not_for_tunnel, FRONT, INTO) == ("flow_missing", "phy_in_port", "hv3")
    not_for_vni = altered(PHY_IN_TUNNEL.number, None, lambda flow: (TUN_ID, WEB.vni, None) in flow.match)
    assert found("hv3", not_for_vni, FRONT, INTO) == ("flow_missing", "phy_in_tunnel", "hv3")
    marked = altered(PHY_IN_TUNNEL.number, None, lambda flow: (TUN_ID, 1 << 23, 1 << 23) in flow.match)
    assert found("hv3", marked, FRONT, INTO) == ("flow_missing", "phy_in_tunnel", "hv3")
    arrived = seen("hv3", PHY_IN_TUNNEL, fields={TUN_ID: WEB.vni, IN_PORT: tunnel("hv1")})
    assert found("hv3", marked, FRONT, INTO, arrived) is None, "it has come across"


@pytest.mark.parametrize("change", ["missing", "altered"])
def test_a_group(change: str) -> None:
    bridges = Bridges()
    report = bridges.trace("red-web-1", "10.0.2.100", protocol=6, port=80)
    now = bridges.world()
    assert evidence(bridges, now, observer(), report.there).finding is None
    mine = bridges.bridges["hv1"].groups
    [number] = [n for n in mine if n == NET.tables["load_balancer"]["red", "near"].key]
    if change == "missing":
        del mine[number]
    else:
        mine[number] = Group(number, mine[number].buckets[1:])
    finding = evidence(bridges, now, observer(), report.there).finding
    assert finding is not None
    assert (finding.what, finding.met.object) == ("group_altered", "load-balancer red/near")
    assert finding.text.startswith(f"group_id={number},type=select")


def test_groups_are_asked_for_once_and_only_if_one_is_met() -> None:
    bridges, requests = Bridges(), list[bytes]()
    ask = bridges.ask

    def noting(chassis: str, request: Callable[[int], bytes]) -> list[bytes] | None:
        requests.append(request(1))
        return ask(chassis, request)

    bridges.ask = noting  # type: ignore[method-assign]
    asked(bridges, FRONT, SECURITY, LOOKUP, SECURITY, LOOKUP, OUT)
    assert len(requests) == len(set(requests)) > 1, "no table is asked for twice"
    assert group_request(1) not in requests


def test_the_flow_by_which_tenants_packets_leave() -> None:
    bridges, known = Bridges(), set[str]()
    way = leg(FRONT, SECURITY, LOOKUP, OUT)
    assert leaving(bridges, bridges.world(), observer(), way, known) is None and known == {"hv1"}
    is_last = lambda flow: flow.instructions.actions == (OutputTo(OFPORT.field),) and is_tenants(flow)  # noqa: E731
    bridges.install("hv1", altered(PHY_OUT.number, None, is_last))
    assert leaving(bridges, bridges.world(), observer(), way, known) is None, "it was asked before"
    finding = leaving(bridges, bridges.world(), observer(), way, set())
    assert finding is not None and (finding.what, finding.met.table) == ("flow_missing", "phy_out")
    assert leaving(bridges, bridges.world(), observer(), leg(FRONT, SECURITY), set()) is None, "it did not leave"
