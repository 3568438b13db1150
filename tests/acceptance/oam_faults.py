"""The table of faults: what is broken, what is asked then, and the verdict that has to come of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from mininet_topos.lab import Lab
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios_out import INSIDE_VIP
from ryu_overlay.pipeline.tables import TABLES
from tests.acceptance import oam_breaking as breaking
from tests.acceptance.oam_traces import Question, Trace, ask, question
from tests.acceptance.outdoors import LONG_PORT

Breaks = Callable[[Lab], AbstractContextManager[None]]
S = SERVER_ADDRESS


@dataclass(frozen=True)
class Want:
    """A verdict. What is None in `where` has to be null; what is not there at all may be anything."""

    kind: str
    layer: str
    direction: str = "there"
    where: tuple[tuple[str, Any], ...] = ()

    def wrong(self, verdict: dict[str, Any]) -> dict[str, Any]:
        """What is not so, as it is."""
        wanted = {"kind": self.kind, "layer": self.layer, "direction": self.direction, **dict(self.where)}
        return {name: verdict[name] for name, value in wanted.items() if verdict[name] != value}


def want(kind: str, layer: str, direction: str = "there", **where: Any) -> Want:
    return Want(kind, layer, direction, tuple(where.items()))


@dataclass(frozen=True)
class Row:
    """A fault. `asked` has questions with their verdicts while it lasts; `healthy` is what has to be well before and after.

    `long`: more of the same, for the long run only.
    """

    what: str
    breaks: Breaks
    asked: tuple[tuple[Question, Want], ...]
    healthy: Question
    long: bool = False


WEB = question("red-web-1", "red-web-2")
WEB_BACK = question("red-web-2", "red-web-1")
DB = question("red-db-1", "red-db-2")
ROUTED = question("red-web-1", "red-db-2")
ROUTED_BACK = question("red-db-2", "red-web-1")
OUT = question("red-db-3", S, "udp", 53)
FROM_HV3 = question("red-web-3", "red-web-2")
INSIDE = question("red-web-2", INSIDE_VIP, "tcp", 80)
OK = want("ok", "none")


def vni(lab: Lab, switch: str = "red/web") -> int:
    tenant, _, name = switch.partition("/")
    return int(lab.rest.get(f"/v1/tenants/{tenant}/switches/{name}").json["vni"])


def _fabric() -> Iterator[Row]:
    lost = want("lost_in_underlay", "physical", chassis="hv1", peer="hv2")
    there: dict[str, Any] = {"chassis": "hv1", "peer": "hv2"}
    back: dict[str, Any] = {"chassis": "hv2", "peer": "hv1"}
    yield Row(
        "underlay link of hv2 down",
        lambda lab: breaking.cut(lab, "hv2"),
        ((WEB, lost), (WEB_BACK, want("lost_in_underlay", "physical", **back)), (question("red-web-1", "red-web-3"), OK)),
        WEB,
    )
    yield Row(
        "hv2 does not hear hv1, hv1 hears hv2",
        lambda lab: breaking.deaf(lab, "hv2", "hv1"),
        ((WEB, lost), (WEB_BACK, want("lost_in_underlay", "physical", "back", **there)), (FROM_HV3, OK)),
        WEB,
    )
    yield Row(
        "the fabric loses one VNI on its way to hv2",
        lambda lab: breaking.vni_lost(lab, "hv2", vni(lab)),
        ((WEB, want("vni_lost", "physical", **there)), (WEB_BACK, want("vni_lost", "physical", "back", **there)), (DB, OK)),
        WEB,
    )
    yield Row(
        "the fabric loses the VNI of probes alone",
        lambda lab: breaking.vni_lost(lab, "hv2", vni(lab) | 1 << 23),
        ((WEB, want("probe_vni_lost", "physical", **there)), (DB, OK)),
        WEB,
    )
    yield from _holes(there)


def _holes(there: dict[str, Any]) -> Iterator[Row]:
    hole: dict[str, Any] = {**there, "size": 1200}
    yield Row(
        "the fabric loses what is above 1,200 bytes on its way to hv2",
        lambda lab: breaking.mtu_hole(lab, "hv2", 1200),
        (
            (question("red-web-1", "red-web-2", size=None), want("mtu_hole", "physical", **hole)),
            (WEB, OK),
        ),
        question("red-web-1", "red-web-2", size=None),
    )
    yield Row(
        "the same, the other way round, and at a size that is given",
        lambda lab: breaking.mtu_hole(lab, "hv2", 1200),
        (
            (question("red-web-2", "red-web-1", size=None), want("mtu_hole", "physical", "back", **hole)),
            (question("red-web-1", "red-db-2", "udp", 53, size=1300), want("mtu_hole", "physical", **hole)),
        ),
        question("red-web-1", "red-web-2", size=None),
        long=True,
    )


Place = tuple[str, str]
"""Table and chassis."""


def _broken_flow(
    asked: Question, at: Place, how: Callable[[Lab, str, str], AbstractContextManager[None]], direction: str = "there"
) -> Breaks:
    """Break the flow that a trace met at a place last."""

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        met = ask(lab, asked).flows(*at, direction)
        assert met, (asked, at)
        words = ["nw_src="] if at[0] == "ls_in_security" else []
        with how(lab, at[1], breaking.flow(lab, met[-1], *words)):
            yield

    return breaks


BACK: tuple[tuple[Question, Place], ...] = (
    (OUT, ("ext_in", "hv1")),
    (OUT, ("ext_lookup", "hv1")),
    (OUT, ("lr_in_admit", "hv1")),
    (OUT, ("ls_out_port", "hv3")),
)
"""Questions, and places that only answers pass."""

DELETED: tuple[tuple[Question, Question | None, Place, str | None], ...] = (
    (ROUTED, ROUTED_BACK, ("phy_in_port", "hv1"), "port red/web/red-web-1"),
    (ROUTED, None, ("ls_in_security", "hv1"), "port red/web/red-web-1"),
    (WEB, WEB_BACK, ("ls_in_lookup", "hv1"), "port red/web/red-web-2"),
    (ROUTED, ROUTED_BACK, ("lr_in_route", "hv1"), "router-port red/r1/db"),
    (ROUTED, ROUTED_BACK, ("lr_in_resolve", "hv1"), "port red/db/red-db-2"),
    (ROUTED, ROUTED_BACK, ("lr_out_port", "hv1"), "router-port red/r1/db"),
    (WEB, WEB_BACK, ("ls_out_port", "hv1"), "port red/web/red-web-2"),
    (WEB, WEB_BACK, ("ls_out_port", "hv2"), "port red/web/red-web-2"),
    (WEB, WEB_BACK, ("phy_in_tunnel", "hv2"), "switch red/web"),
    (WEB, None, ("phy_out", "hv1"), None),
    (WEB, None, ("phy_out", "hv2"), None),
    (INSIDE, None, ("lr_in_own", "hv2"), "load-balancer red/inside"),
    (INSIDE, None, ("lr_in_vip_tracked", "hv2"), "load-balancer red/inside"),
    (OUT, None, ("lr_out_uplink", "hv3"), "router-port red/r1/up"),
    (OUT, None, ("lr_out_border", "hv1"), "router-port red/r1/up"),
    (OUT, None, ("lr_out_tracked", "hv1"), "snat red/r1/all"),
    (OUT, None, ("lr_out_external", "hv1"), "router-port red/r1/up"),
    (OUT, None, ("ext_physical", "hv1"), "external-network internet"),
)
"""Question, the same in the other direction (None: it is not hit), place, object."""


def _flows() -> Iterator[Row]:
    for asked, other, at, obj in DELETED:
        table, chassis = at
        there = want("flow_missing", "virtual", chassis=chassis, object=obj)
        more = ((other, want("flow_missing", "virtual", "back", chassis=chassis, object=obj)),) if other is not None else ()
        yield Row(
            f"flow deleted: {table} on {chassis}", _broken_flow(asked, at, breaking.deleted), ((asked, there), *more), asked
        )
    for asked, at in BACK:
        breaks = _broken_flow(asked, at, breaking.deleted, "back")
        back = want("flow_missing", "virtual", "back", chassis=at[1])
        long = at[0] != "ext_in"
        yield Row(f"flow deleted: {at[0]} on {at[1]}, which answers pass", breaks, ((asked, back),), asked, long)
    yield from _altered()
    yield from _foreign()
    for table, chassis in (("ls_in_lookup", "hv1"), ("lr_in_route", "hv1"), ("phy_in_tunnel", "hv2"), ("phy_in_port", "hv1")):
        yield Row(
            f"all flows deleted: {table} on {chassis}",
            lambda lab, table=table, chassis=chassis: breaking.emptied(lab, chassis, TABLES[table].number),  # type: ignore[misc]
            ((ROUTED, want("flow_missing", "virtual", chassis=chassis)),),
            ROUTED,
            long=table != "ls_in_lookup",
        )
    yield Row(
        "all flows deleted on hv2",
        lambda lab: breaking.emptied(lab, "hv2"),
        ((ROUTED, want("flow_missing", "virtual", chassis="hv2")), (ROUTED_BACK, want("flow_missing", "virtual", chassis="hv2"))),
        ROUTED,
    )


def _altered() -> Iterator[Row]:
    def changing(was: str, becomes: str) -> Callable[[Lab, str, str], AbstractContextManager[None]]:
        return lambda lab, chassis, line: breaking.altered(lab, chassis, line, was, becomes)

    port = r"(set_field:|load:)0x[0-9a-f]+(/0x\w+)?->(NXM_NX_REG3\[[0-9.]*\]|reg3)"
    cases = (
        ("a port that is not there", WEB, WEB_BACK, ("ls_out_port", "hv2"), port, r"\g<1>0xfee\2->\3"),
        ("another MAC", ROUTED, ROUTED_BACK, ("lr_in_resolve", "hv1"), r"02:00:00:01:02:0c", "02:00:00:01:02:0d"),
        ("drop", ROUTED, ROUTED_BACK, ("lr_in_route", "hv1"), r"^.*$", "drop"),
        ("drop", WEB, WEB_BACK, ("ls_in_lookup", "hv1"), r"^.*$", "drop"),
        ("drop", OUT, None, ("lr_out_external", "hv1"), r"^.*$", "drop"),
    )
    for what, asked, other, at, was, becomes in cases:
        found = want("flow_altered", "virtual", chassis=at[1])
        more = ((other, want("flow_altered", "virtual", "back", chassis=at[1])),) if other is not None else ()
        breaks = _broken_flow(asked, at, changing(was, becomes))
        yield Row(f"flow altered: {at[0]} on {at[1]}: {what}", breaks, ((asked, found), *more), asked)
    grouped = want("group_altered", "virtual", chassis="hv3", object="router-port red/r1/up")
    yield Row("group altered: red's uplink on hv3: drop", _group, ((OUT, grouped),), OUT)
    yield Row("flow altered: ls_out_port on hv1: the tunnel to hv3", _other_tunnel, ((WEB, _ALTERED),), WEB)


@contextmanager
def _group(lab: Lab) -> Iterator[None]:
    """The group by which hv3 finds a gateway for red's uplink."""
    met = ask(lab, OUT).flows("lr_out_uplink", "hv3", "there")
    number = re.search(r"group:(\d+)", breaking.flow(lab, met[-1]))
    assert number is not None
    with breaking.group_drops(lab, "hv3", int(number[1])):
        yield


_ALTERED = want("flow_altered", "virtual", chassis="hv1", object="port red/web/red-web-2")


@contextmanager
def _other_tunnel(lab: Lab) -> Iterator[None]:
    """What is for red-web-2 on hv2 goes into the tunnel to hv3."""
    lines = []
    for target in ("red-web-2", "red-web-3"):
        met = ask(lab, question("red-web-1", target)).flows("ls_out_port", "hv1", "there")
        lines.append(breaking.flow(lab, met[0]))
    becomes = lines[1].split("actions=")[1].replace("\\", "\\\\")
    with breaking.altered(lab, "hv1", lines[0], r"^.*$", becomes):
        yield


def _foreign() -> Iterator[Row]:
    def before(priority: int) -> Callable[[Lab, str, str], AbstractContextManager[None]]:
        def adds(lab: Lab, chassis: str, line: str) -> AbstractContextManager[None]:
            match = breaking.match_of(line).replace("priority=", "was=")
            fields = [part for part in match.split(",") if "was=" not in part]
            return breaking.foreign(lab, chassis, f"{','.join([*fields, f'priority={priority}'])} actions=drop")

        return adds

    cases: tuple[tuple[Question, Question | None, Place, int], ...] = (
        (ROUTED, ROUTED_BACK, ("ls_in_lookup", "hv1"), 60_000),
        (ROUTED, ROUTED_BACK, ("lr_in_route", "hv1"), 60_000),
        (WEB, WEB_BACK, ("ls_out_port", "hv2"), 60_000),
        (WEB, WEB_BACK, ("ls_out_port", "hv2"), 65_535),
        (WEB, WEB_BACK, ("ls_in_lookup", "hv1"), 65_535),
        (WEB, None, ("phy_out", "hv2"), 5),
    )
    for asked, other, at, priority in cases:
        found = want("flow_foreign", "virtual", chassis=at[1])
        more = ((other, want("flow_foreign", "virtual", "back", chassis=at[1])),) if other is not None else ()
        breaks = _broken_flow(asked, at, before(priority))
        what = f"foreign flow that drops: {at[0]} on {at[1]}, priority {priority}"
        yield Row(what, breaks, ((asked, found), *more), asked, long=at[0] == "lr_in_route")


def _hosts() -> Iterator[Row]:
    silent = want("switch_silent", "host", chassis="hv1", peer="hv2")
    yield Row(
        "vswitchd of hv2 hung",
        lambda lab: breaking.hung(lab, "hv2"),
        ((WEB, silent), (WEB_BACK, want("switch_silent", "host", chassis="hv2"))),
        WEB,
    )
    wrong = want("wrong_vtep", "host", chassis="hv1", peer="hv2")
    yield Row("wrong VTEP: hv1's tunnel to hv2 leads to hv3", lambda lab: breaking.rewired(lab), ((WEB, wrong),), WEB)
    away = want("chassis_away", "host", chassis="hv1", peer="hv2")
    yield Row("vswitchd of hv2 dead", lambda lab: breaking.dead(lab, "hv2"), ((WEB, away),), WEB)
    yield Row("OpenFlow of hv2 cut", lambda lab: breaking.speechless(lab, "hv2"), ((WEB, away),), WEB)
    yield Row(
        "gateway hv1 dead",
        lambda lab: breaking.dead(lab, "hv1"),
        ((OUT, OK), (question("red-web-2", "red-web-1"), want("chassis_away", "host", chassis="hv2", peer="hv1"))),
        OUT,
    )
    none = want("no_gateway", "host", chassis="hv3", object="router-port red/r1/up")
    yield Row("both gateways dead", lambda lab: breaking.dead(lab, "hv1", "hv2"), ((OUT, none),), OUT)
    yield Row("both gateways cut from the underlay", lambda lab: breaking.cut(lab, "hv1", "hv2"), ((OUT, none),), OUT)


def _guests() -> Iterator[Row]:
    asked = question("red-web-1", "red-web-2", deliver=True)
    at: dict[str, Any] = {"chassis": "hv2", "object": "port red-web-2"}
    for what, breaks, kind in (
        ("guest off", breaking.guest_off, "guest_off"),
        ("guest firewall", breaking.guest_firewall, "guest_silent"),
    ):
        yield Row(
            f"{what}: red-web-2",
            lambda lab, breaks=breaks: breaks(lab, "red-web-2"),  # type: ignore[misc]
            ((asked, want(kind, "guest", **at)), (WEB, OK)),
            asked,
        )


def _intent() -> Iterator[Row]:
    spoofed = question("red-web-1", "red-web-2", source="10.0.1.99")
    drop = want("dropped", "virtual", chassis="hv1", object="port red/web/red-web-1", reason="spoofed_ip", intended=True)
    yield Row("port security: another's source", lambda _: nullcontext(), ((spoofed, drop),), WEB)
    disabled: dict[str, Any] = {"object": "port red/web/red-web-2", "reason": "port_disabled", "intended": True}
    yield Row(
        "port disabled by its operator",
        lambda lab: breaking.changed(lab, "tenants/red/switches/web/ports/red-web-2", {"enabled": False}),
        ((WEB, want("dropped", "virtual", **disabled)),),
        WEB,
    )
    dumb = want("outside_silent", "none", chassis="hv1")
    outside = question("red-db-3", S, deliver=True)
    yield Row("nobody answers outside", breaking.server_off, ((outside, dumb), (OUT, OK)), outside)
    yield Row("link outside of the gateway cut", breaking.external_cut, ((OUT, OK),), OUT)
    unbound = want("not_bound", "host", chassis="hv1", object="port red/web/red-web-2")
    yield Row("VIF of red-web-2 unplugged", lambda lab: breaking.unplugged(lab, "red-web-2"), ((WEB, unbound),), WEB)
    no_route = want("answered", "virtual", object="router-port green/r2/r3", reason="net_unreachable", intended=True)
    yield Row(
        "no route: green/r2 has no default route",
        _no_default,
        ((question("green-b-1", S), no_route),),
        question("green-b-1", S),
    )
    full = want("nat_exhausted", "virtual", chassis="hv2", object="router blue/r1")
    asked = question("blue-web-2", S, "tcp", LONG_PORT)
    yield Row("NAT pool empty", breaking.pool_used_up, ((asked, full), (question("blue-web-2", S, "tcp", 80), OK)), asked)


@contextmanager
def _no_default(lab: Lab) -> Iterator[None]:
    routes = [r for r in lab.rest.get("/v1/tenants/green/routers/r2").json["routes"] if r["prefix"] != "0.0.0.0/0"]
    kept = [{"prefix": r["prefix"], "nexthops": r["nexthops"]} for r in routes]
    with breaking.changed(lab, "tenants/green/routers/r2", {"routes": kept}):
        yield


ROWS: tuple[Row, ...] = (*_fabric(), *_flows(), *_hosts(), *_guests(), *_intent())


def wrong(lab: Lab, row: Row) -> tuple[list[str], list[Trace]]:
    """What a row's traces got wrong while it was broken, and the traces."""
    found, traces = [], []
    with row.breaks(lab):
        for asked, wanted in row.asked:
            trace = ask(lab, asked)
            traces.append(trace)
            off = wanted.wrong(trace.verdict)
            if off:
                found.append(f"{asked}: {off} instead of {wanted}:\n{trace.told()}")
    return found, traces
