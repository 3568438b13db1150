"""Traces over REST: what is sent, how a report is told, what is wrong with a question, and what a tenant sees of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from mininet_topos.scenarios_out import WAY_OUT
from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.verdicts import MEANINGS, Kind, Verdict
from ryu_overlay.oam.world import Unable
from tests.unit.northbound.canned_trace import CHASSIS, COOKIE, VNI, lost
from tests.unit.northbound.memory import Caller, MemoryService

TRACE, PATH = "/v1/trace", "/v1/path"
HIDDEN = (*CHASSIS, str(VNI), COOKIE, "hv1", "hv2", "hv3", "172.31.")


@pytest.fixture
def out(call: Caller) -> Caller:
    """Scenario way-out."""
    assert call("PUT", "/v1/network", WAY_OUT.document)[0] == 200
    return call


def ask(call: Caller, path: str = TRACE, tenant: str | None = None, **given: Any) -> Any:
    """The answer to a question; `from_` is its `from`."""
    body = {name.removesuffix("_"): value for name, value in given.items()}
    status, answer, _ = call("POST", path, body, query=f"tenant={tenant}" if tenant else "")
    assert status == 200, answer
    return answer


def keys(hops: list[Any]) -> list[tuple[str, ...]]:
    return [(hop["kind"], hop.get("name") or f"{hop['chassis']} {hop['peer']}") for hop in hops]


def test_what_is_sent_and_how_it_is_told(out: Caller, service: MemoryService) -> None:
    answer = ask(out, from_="red-web-1", to="red-db-3")
    [(start, full_size, deliver)] = service.traced
    assert (getattr(start.at, "name", None), str(start.packet.body.dst)) == ("red-web-1", "10.0.2.13")  # type: ignore[union-attr]
    assert (full_size, deliver) == (1450, False), "with no size given, full-sized packets are tried, too"
    assert answer["verdict"].items() >= {"kind": "ok", "layer": "none", "intended": True}.items()
    there = answer["there"]
    assert keys(there["hops"]) == [
        *(("port", "red-web-1"), ("switch", "red/web"), ("router", "red/r1"), ("switch", "red/db")),
        *(("tunnel", "hv-alpha hv-beta"), ("port", "red-db-3")),
    ]
    tunnel, last = there["hops"][4:]
    assert (tunnel["vni"], tunnel["sent_ms"], tunnel["received_ms"], tunnel["own_vni"]) == (VNI, 3.25, 3.75, True)
    assert (last["chassis"], last["at_ms"], last["flows"][0]["cookie"]) == ("hv-beta", 4.0, COOKIE)
    assert (there["parts_at"], there["expected"]["outcome"]["kind"], answer["back"]["parts_at"]) == (None, "delivered", None)
    assert (answer["size"], answer["ms"]) == (28, 12.5)


def test_delivery_and_size(out: Caller, service: MemoryService) -> None:
    ask(out, from_="red-web-1", to="red-db-3", deliver=True, size=900, df=True)
    [(start, full_size, deliver)] = service.traced
    assert (full_size, deliver, start.packet.body.size) == (None, True, 900)  # type: ignore[union-attr]


def test_only_a_vm_s_packets_are_bound_by_the_vms_mtu(out: Caller, service: MemoryService) -> None:
    for sender, to, size in (("red-web-1", "red-db-3", 1450), ("router:red/r1", "red-db-3", 1451)):
        ask(out, from_=sender, to=to, size=size)
    assert len(service.traced) == 2


def test_where_the_way_parts(out: Caller, service: MemoryService) -> None:
    service.spoil = lost
    answer = ask(out, from_="red-web-1", to="red-db-3")
    assert (answer["verdict"]["kind"], answer["verdict"]["layer"], answer["back"]) == ("lost_in_underlay", "physical", None)
    there = answer["there"]
    assert (there["parts_at"], there["sent"], there["lost"], there["hops"][-1]["received_ms"]) == (4, 3, 3, None)


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("size", {"from": "red-web-1", "to": "red-db-3", "size": 65_001}),
        ("size", {"from": "red-web-1", "to": "red-db-3", "size": 1451}),
        ("from", {"from": "nobody", "to": "red-db-1"}),
        ("to", {"from": "red-web-1", "to": "nobody"}),
        ("port", {"from": "red-web-1", "to": "red-db-1", "protocol": "tcp"}),
        ("deliver", {"from": "red-web-1", "to": "red-db-1", "deliver": "yes"}),
        ("change", {"from": "red-web-1", "to": "red-db-1", "change": {"tenants": []}}),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_sent(out: Caller, service: MemoryService, field: str, body: Any) -> None:
    assert set(out.refused(422, "POST", TRACE, body)) == {field}
    assert service.traced == []


def test_what_cannot_be_sent(out: Caller, service: MemoryService) -> None:
    service.unable = Unable("from", "hv1, where port red-web-1 is, is not connected", "chassis_away")
    body = {"from": "red-web-1", "to": "red-db-1"}
    assert out.refused(409, "POST", TRACE, body) == {"from": "hv1, where port red-web-1 is, is not connected"}
    told = out.refused(409, "POST", TRACE, body, query="tenant=red")
    assert told == {"from": "the provider's network cannot send from it now"}


@pytest.mark.parametrize("path", [TRACE, PATH])
def test_a_tenant_names_its_own_only(out: Caller, path: str) -> None:
    def refused(sender: str, to: str, tenant: str = "red", status: int = 422) -> dict[str, str]:
        return out.refused(status, "POST", path, {"from": sender, "to": to}, query=f"tenant={tenant}")

    uuid = out("GET", "/v1/ports/blue-web-1")[1]["uuid"]
    for other in ("blue-web-1", uuid):
        assert refused(other, "10.0.2.11") == {"from": refused("nobody", "10.0.2.11")["from"].replace("nobody", other)}
        assert refused("red-web-1", other) == {"to": refused("red-web-1", "nobody")["to"].replace("nobody", other)}
    assert set(refused("outside:internet", "203.0.113.31")) == {"from"}
    assert refused("red-web-1", "red-db-1", "grey", 404) == {"tenant": "there is no tenant grey"}
    assert set(out.refused(400, "POST", path, {"from": "red-web-1", "to": "red-db-1"}, query="tenant=red&tenant=blue")) == {
        "tenant"
    }


def test_a_tenant_sees_its_own_way_whole(out: Caller) -> None:
    whole, told = (ask(out, from_="red-web-1", to="red-db-3", tenant=tenant) for tenant in (None, "red"))
    assert told["verdict"] == whole["verdict"]
    assert told["there"]["expected"] == whole["there"]["expected"]
    places = [{**hop, "chassis": None, "flows": []} for hop in whole["there"]["hops"] if hop["kind"] != "tunnel"]
    assert told["there"]["hops"] == places


def test_other_tenants_are_outside(out: Caller) -> None:
    told = ask(out, from_="blue-web-1", to="203.0.113.20", tenant="blue", protocol="tcp", port=80)
    assert keys(told["there"]["hops"])[-3:] == [("nat", "blue/r1/up"), ("external", "internet"), ("outside", "outside")]
    assert told["there"]["expected"]["outcome"]["sentence"] == "went on outside"
    assert keys(told["back"]["hops"])[:3] == [("outside", "outside"), ("external", "internet"), ("nat", "blue/r1/up")]
    assert told["back"]["hops"][0]["packet"]["src"] == "203.0.113.20", "as it comes back, not as a member sent it"


def test_a_fault_of_the_provider(out: Caller, service: MemoryService) -> None:
    service.spoil = lost
    told = ask(out, from_="red-web-1", to="red-db-3", tenant="red")
    assert told["verdict"].items() >= {"kind": "provider", "layer": "provider", "chassis": None, "peer": None}.items()
    assert told["verdict"]["sentence"] == "the provider's network lost it between switch red/db and port red-db-3"
    assert (told["there"]["parts_at"], told["there"]["sent"], told["there"]["lost"]) == (4, 3, 3)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_verdict_is_told_without_names(out: Caller, service: MemoryService, kind: Kind) -> None:
    def spoil(good: Report) -> Report:
        flow = f"table=8,tun_id={VNI},cookie={COOKIE},actions=drop"
        verdict = Verdict(
            kind, f"{CHASSIS[0]} and {CHASSIS[1]}", "there", *CHASSIS, "port red/db/red-db-3", flow, CHASSIS[0], 1400
        )
        return replace(good, verdict=verdict)

    service.spoil = spoil
    told = ask(out, from_="red-web-1", to="red-db-3", tenant="red")
    assert told["verdict"]["layer"] not in ("physical", "host")
    intended = MEANINGS[kind][1]
    assert told["verdict"]["kind"] == kind if intended else told["verdict"]["kind"] in (kind, "provider")
    assert not [word for word in HIDDEN if word in str(told)]


def test_a_large_packet_s_fault(out: Caller, service: MemoryService) -> None:
    hole = Verdict(
        "mtu_hole", "lost between hv-alpha and hv-beta: packets above 1400 bytes do not pass", "there", *CHASSIS, size=1400
    )
    service.spoil = lambda good: replace(good, verdict=hole, full_size=hole)
    told = ask(out, from_="red-web-1", to="red-db-3", tenant="red")
    assert told["verdict"] == told["full_size"]
    assert told["verdict"]["sentence"] == "the provider's network lost it: packets above 1400 bytes do not pass"


def test_paths_of_every_pair_name_nobody_else(out: Caller) -> None:
    network = out.service.network
    ports = sorted(network.port_by_name)
    floating = [str(ip.address) for ip in network.tables["floating_ip"].values()]
    for tenant in ("red", "blue", "green"):
        others = [name for name in ("red", "blue", "green") if name != tenant]
        own = [name for name in ports if name.startswith(tenant)]
        for sender in own:
            for to in (*own, *floating, "203.0.113.20", "198.51.100.10", "10.9.9.9"):
                if to == sender:
                    continue
                body = {"from": sender, "to": to, "protocol": "tcp", "port": 80}
                told = str(out("POST", PATH, body, query=f"tenant={tenant}")[1])
                assert not [other for other in others if f"{other}/" in told or f"{other}-" in told], told


def test_a_tenant_s_change(out: Caller) -> None:
    red, blue = WAY_OUT.document["tenants"][:2]
    body: dict[str, Any] = {"from": "red-web-1", "to": "203.0.113.1", "change": {"tenants": [{**red, "load_balancers": []}]}}
    _, answer, _ = out("POST", PATH, body, query="tenant=red")
    assert {each["kind"] for each in answer["change"]["deleted"]} == {"load-balancer", "member"}
    body["change"] = {"tenants": [red, blue]}
    assert out.refused(422, "POST", PATH, body, query="tenant=red") == {"change.tenants[1].name": "there is no tenant blue"}
    body["change"] = {"tenants": [red], "external_networks": WAY_OUT.document["external_networks"]}
    assert set(out.refused(422, "POST", PATH, body, query="tenant=red")) == {"change.external_networks"}
    taken = {"name": "blue-web-1", "addresses": ["10.0.1.99"]}
    web, *rest = red["switches"]
    body["change"] = {"tenants": [{**red, "switches": [{**web, "ports": [*web["ports"], taken]}, *rest]}]}
    [reason] = out.refused(409, "POST", PATH, body, query="tenant=red").values()
    assert reason == "is another's, or collides with it"
