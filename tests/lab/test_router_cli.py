"""Standing on routers and switches that do not exist: real counters, real neighbours, and flows that somebody took away."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from mininet_topos.lab import Lab
from mininet_topos.loading import Serving, Trying
from mininet_topos.outside import SERVER_ADDRESS, UPSTREAM_ADDRESS
from mininet_topos.scenarios import populate
from mininet_topos.scenarios_out import RED_FLOATING, RED_UP, VIP, WAY_OUT
from tests.acceptance.waiting import until

AUDIT_EVERY = 3600
"""Seconds: what a test breaks stays so until it looks."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    options = {"audit-interval": AUDIT_EVERY, "audit-on-change": False, "guest-check-interval": 0}
    with Lab(f"r{os.getpid()}", hypervisors=3, controller_options=options, external=WAY_OUT.external) as made:
        populate(made, WAY_OUT)
        web = made.vms["red-web-1"]
        until("the way out works", lambda: made.ping(web, SERVER_ADDRESS, count=1, timeout=0.5).received)
        yield made


def router(lab: Lab, *words: str, name: str = "red/r1") -> Any:
    """What a command of the router says, as JSON."""
    return json.loads(lab.overlayctl("router", name, *words, "--json").stdout)


def counted(lab: Lab, name: str) -> tuple[int, int, int, int]:
    """Packets and bytes in, packets and bytes out, of a port of blue/r1, where nothing happens by itself."""
    row = next(i for i in router(lab, "show", "interfaces", name="blue/r1")["interfaces"] if i["name"] == name)
    return (*(row["input"][what] for what in ("packets", "bytes")), *(row["output"][what] for what in ("packets", "bytes")))


def ofctl(lab: Lab, chassis: str, *args: str) -> str:
    return lab.hypervisors[chassis].run("ovs-ofctl", "-O", "OpenFlow13", *args).stdout


def key(lab: Lab, path: str) -> str:
    """The key of a router or router port of tenant red, as flows match on it."""
    return hex(lab.rest.get(f"/v1/tenants/red/routers/{path}").json["key"])


def flow_of(lab: Lab, chassis: str, table: int, *words: str) -> str:
    """The match, with priority, of the one flow of a table that matches on these words."""
    lines = ofctl(lab, chassis, "--no-stats", "dump-flows", "br-int", f"table={table}").splitlines()
    matches = [found[1] for line in lines if (found := re.search(r"(priority=\S+) actions=", line)) is not None]
    (match,) = [match for match in matches if set(words) <= set(match.split(","))]
    return f"table={table},{match}"


def unchanged(lab: Lab, *command: str) -> str:
    """What a device tells once no chassis is being changed: neighbours outside may just have been learned."""

    def told() -> str | None:
        text = lab.overlayctl(*command).stdout
        return None if "\n%" in text else text

    return until(f"nothing being changed: {command}", told) or ""


def test_everything_is_installed_everywhere(lab: Lab) -> None:
    table = router(lab, "show", "ip", "route")
    assert {(r["code"], r["prefix"]) for r in table["routes"]} >= {
        ("C", "10.0.1.0/24"),
        ("L", "10.0.2.1/32"),
        ("S*", "0.0.0.0/0"),
        ("V", f"{VIP}/32"),
    }
    for what in ("show ip route", "show arp", "show interfaces", "show nat", "show lb"):
        assert "!!" not in unchanged(lab, "router", "red/r1", *what.split())
    for what in ("show mac", "show interfaces", "show arp"):
        assert "!!" not in unchanged(lab, "switch", "red/web", *what.split())


def test_interfaces_count_exactly_what_crosses_them(lab: Lab) -> None:
    web, db = lab.vms["blue-web-1"], lab.vms["blue-db-2"]
    assert lab.ping(web, db.ip, count=1).lost == 0
    before = {name: counted(lab, name) for name in ("web", "db")}
    assert lab.ping(web, db.ip, count=20, size=1000, interval=0.01).lost == 0

    def grown() -> dict[str, tuple[int, ...]]:
        return {name: tuple(b - a for a, b in zip(before[name], counted(lab, name))) for name in before}

    # Of the request, web counts in and db out; of the answer the other way round. Ethernet, but no VXLAN.
    once = (20, 20 * 1014, 20, 20 * 1014)
    until("counters have it all", lambda: grown() == {"web": once, "db": once})


def test_a_flow_that_somebody_deleted_is_missing_there_and_nowhere_else(lab: Lab) -> None:
    flow = flow_of(lab, "hv2", 40, "nw_dst=10.0.2.0/24", f"metadata={key(lab, 'r1')}")
    ofctl(lab, "hv2", "--strict", "del-flows", "br-int", flow)
    text = lab.overlayctl("router", "red/r1", "sh", "ip", "ro").stdout
    (line,) = [each for each in text.splitlines() if each.startswith("C") and "10.0.2.0/24" in each]
    assert line.endswith("on hv1, hv3 !! missing on hv2")
    assert "!! hv2, 10.0.2.0/24: missing: table=40" in text
    others = [r for r in router(lab, "show", "ip", "route")["routes"] if (r["code"], r["prefix"]) != ("C", "10.0.2.0/24")]
    assert {o["state"] for r in others for o in r["on"]} == {"installed"}


def test_a_flow_that_somebody_altered_and_one_that_he_added(lab: Lab) -> None:
    flow = flow_of(lab, "hv3", 44, "reg0=0xa00020c", f"reg15={key(lab, 'r1/ports/db')}")
    ofctl(lab, "hv3", "--strict", "mod-flows", "br-int", f"{flow},actions=drop")
    extra = f"table=40,priority=60000,ip,metadata={key(lab, 'r1')},nw_dst=10.0.1.99"
    ofctl(lab, "hv1", "add-flow", "br-int", f"cookie=0x99,{extra},actions=drop")
    rows = {n["address"]: n for n in router(lab, "show", "arp")["neighbours"]}
    assert {o["chassis"]: o["state"] for o in rows["10.0.2.12"]["on"]} == {
        "hv1": "installed",
        "hv2": "installed",
        "hv3": "altered",
    }
    (added,) = router(lab, "show", "ip", "route")["beyond"]
    assert (added["chassis"], added["what"]) == ("hv1", "foreign") and "priority=60000" in added["flow"]
    ofctl(lab, "hv1", "del-flows", "br-int", "cookie=0x99/-1")


def test_the_upstream_router_was_learned(lab: Lab) -> None:
    rows = {n["address"]: n for n in router(lab, "show", "arp", UPSTREAM_ADDRESS)["neighbours"]}
    upstream = rows[UPSTREAM_ADDRESS]
    assert upstream["source"] == "learned" and upstream["mac"] and upstream["age"] < 60
    assert (
        f"neighbour {UPSTREAM_ADDRESS} on internet is at {upstream['mac']}"
        in lab.overlayctl("router", "red/r1", "show", "logging").stdout
    )


def test_an_address_that_does_not_answer_is_incomplete(lab: Lab) -> None:
    web = lab.vms["red-web-1"]

    def asked() -> bool:
        lab.ping(web, "203.0.113.9", count=1, timeout=0.2)
        text = lab.overlayctl("router", "red/r1", "show", "arp", "203.0.113.9").stdout
        return "incomplete" in text

    until("it is asked for", asked)


def test_translations_are_what_crosses_the_border(lab: Lab) -> None:
    web = lab.vms["red-web-2"]
    with lab.pinging(web, SERVER_ADDRESS, interval=0.05):
        found = router(lab, "show", "nat", "translations", "2")["translations"]
    mine = [t for t in found if t["inside"] == web.ip and t["peer"] == SERVER_ADDRESS]
    assert [(t["outside"], t["direction"], t["rule"], t["protocol"]) for t in mine] == [(RED_UP, "out", "snat all", 1)], found
    assert mine[0]["packets"] > 20
    for name in lab.hypervisors:
        until("the flows are gone", lambda: "controller(" not in ofctl(lab, name, "dump-flows", "br-int"))  # noqa: B023


def test_translations_of_tcp_both_ways(lab: Lab) -> None:
    web, server = lab.vms["red-web-1"], lab.server
    with (
        Serving(server, tcp=[80]),
        Serving(lab.vms["red-web-3"], tcp=[81]),
        Trying(web, SERVER_ADDRESS, 80, every=0.02),
        Trying(server, RED_FLOATING, 81, every=0.02),
    ):
        found = router(lab, "show", "nat", "translations")["translations"]
    ours = [t for t in found if (t["inside"], t["peer_port"]) == (web.ip, 80)]
    assert ours and {(t["outside"], t["direction"], t["rule"]) for t in ours} == {(RED_UP, "out", "snat all")}
    assert all(t["inside_port"] and t["outside_port"] for t in ours)
    theirs = [t for t in found if t["outside"] == RED_FLOATING]
    vm = lab.vms["red-web-3"].ip
    assert theirs and {(t["inside"], t["inside_port"], t["outside_port"], t["direction"]) for t in theirs} == {(vm, 81, 81, "in")}
    assert {t["chassis"] for t in theirs} == {"hv3"}


def test_an_uplink_counts_each_packet_once_wherever_its_vm_is(lab: Lab) -> None:
    web = lab.vms["blue-web-3"]
    assert lab.ping(web, SERVER_ADDRESS, count=1).lost == 0
    before = counted(lab, "up")
    assert lab.ping(web, SERVER_ADDRESS, count=20, size=1000, interval=0.01).lost == 0
    once = (20, 20 * 1014, 20, 20 * 1014)
    until("counted", lambda: tuple(b - a for a, b in zip(before, counted(lab, "up"))) == once)


def test_the_mac_table_says_where_vms_are(lab: Lab) -> None:
    body = json.loads(lab.overlayctl("switch", "red/web", "show", "mac", "--json").stdout)
    rows = {m["object"]: m for m in body["macs"]}
    for number in (1, 2, 3):
        vm = rows[f"red/web/red-web-{number}"]
        assert (vm["chassis"], vm["mac"]) == (f"hv{number}", lab.vms[f"red-web-{number}"].mac)
        assert {o["state"] for o in vm["on"]} == {"installed"}
    assert rows["red/r1/web"]["kind"] == "router-port"


def test_a_switchs_ports_count_what_their_vms_send(lab: Lab) -> None:
    def sent() -> int:
        body = json.loads(lab.overlayctl("switch", "red/web", "show", "interfaces", "--json").stdout)
        return int(next(i for i in body["interfaces"] if i["name"] == "red-web-3")["input"]["packets"])

    before = sent()
    assert lab.ping(lab.vms["red-web-3"], "10.0.1.1", count=10, interval=0.01).lost == 0
    until("ten more", lambda: sent() >= before + 10)


def test_a_session_at_the_prompt(lab: Lab) -> None:
    said = lab.overlayctl("router", "red/r1", stdin="sh int web\nsho nonsense\nshow lb\nexit\n").stdout
    assert said.startswith("web is up, attached to switch red/web\n") and "% unknown: nonsense" in said
    assert f"public: {VIP}:80/tcp, check tcp" in said


def test_a_chassis_that_is_cut_off_is_not_known(lab: Lab) -> None:
    def silent() -> bool:
        return "% hv3 did not answer: what is there is not known" in lab.overlayctl("router", "red/r1", "show", "nat").stdout

    lab.control.cut(lab.hypervisors["hv3"])
    try:
        until("it does not answer", silent)
        assert "? not known on hv3" in lab.overlayctl("router", "red/r1", "show", "ip", "route").stdout
    finally:
        lab.control.mend(lab.hypervisors["hv3"])
    until("it is back", lambda: not silent(), 60)
