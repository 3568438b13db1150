"""Chassis, bindings, tunnels, drops, drift, revisions and metrics."""

from __future__ import annotations

import re

from ryu_overlay.northbound.service import DropCount
from tests.unit.northbound.memory import Caller, MemoryService


def test_chassis(red: Caller, service: MemoryService) -> None:
    hv1, hv2 = red("GET", "/v1/chassis")[1]["chassis"]
    assert hv1 == {
        "name": "hv1",
        "encap_ip": "172.31.0.1",
        "state": "disconnected",
        "ovs_version": "3.1.0",
        "datapath_type": "netdev",
        "underlay_mtu": 1500,
        "vm_mtu": 1450,
        "revision": 1,
        "flows": 0,
        "vifs": 0,
        "problems": ["no OpenFlow"],
        "bridge_mappings": {"physnet1": "br-ex"},
    }
    assert red("GET", "/v1/chassis/hv2")[:2] == (200, hv2)
    assert list(red.refused(404, "GET", "/v1/chassis/hv9")) == ["chassis"]
    assert red("DELETE", "/v1/chassis/hv1")[0] == 204
    assert list(red.refused(404, "DELETE", "/v1/chassis/hv9")) == ["chassis"]
    assert service.forgotten == ["hv1", "hv9"]


def test_bindings_tunnels_and_drift(red: Caller) -> None:
    red("POST", "/v1/tenants/red/switches/web/ports", {"name": "a"})
    unbound, bound = red("GET", "/v1/bindings")[1]["bindings"]
    assert (unbound["port"], unbound["state"], unbound["chassis"]) == ("a", "unbound", None)
    assert (bound["port"], bound["chassis"]) == ("web-1", "hv2")
    [tunnel] = red("GET", "/v1/tunnels")[1]["tunnels"]
    assert (tunnel["peer"], tunnel["remote_ip"], tunnel["networks"]) == ("hv2", "172.31.0.2", ["red/web"])
    [entry] = red("GET", "/v1/drift")[1]["drift"]
    assert (entry["what"], entry["healed"], entry["time"]) == ("missing", True, "2024-05-01T12:30:00Z")


def test_drops_of_one_reason_and_object_are_one(red: Caller) -> None:
    drops = red("GET", "/v1/drops")[1]["drops"]
    assert [d["reason"] for d in drops] == ["no_route", "not_attached", "spoofed_mac", "unknown"]
    assert drops[1]["kind"] == "router-port"
    assert drops[2] == {
        "reason": "spoofed_mac",
        "chassis": "hv2",
        "kind": "port",
        "object": "red/web/web-1",
        "packets": 5,
        "bytes": 300,
    }


def test_revision_waits_for_the_newest(red: Caller, service: MemoryService) -> None:
    status = {"name": "hv1", "confirmed": 1, "connected": False}
    assert red("GET", "/v1/revision")[1]["chassis"][0] == status
    told = red("GET", "/v1/revision", query="wait=3")[1]
    assert (told["revision"], told["converged"]) == (1, True)
    assert (1, 3.0) in service.waits
    service.confirmed = 0
    assert red("GET", "/v1/revision", query="wait=0")[1]["converged"] is False


def test_the_store_being_away_is_said_and_nothing_else(red: Caller, service: MemoryService) -> None:
    service.away = True
    status, _, response = red("POST", "/v1/tenants", {"name": "blue"})
    assert (status, response.headers["Retry-After"]) == (503, "1")
    assert red("GET", "/v1/tenants/red")[0] == 200


def test_a_failure_is_logged_under_the_id_that_is_answered(red: Caller, service: MemoryService, caplog) -> None:  # type: ignore[no-untyped-def]
    service.drops = lambda: 1 // 0  # type: ignore[method-assign, return-value, assignment]
    status, document, _ = red("GET", "/v1/drops")
    assert status == 500
    assert document["request_id"] in caplog.text and "ZeroDivisionError" in caplog.text
    assert "ZeroDivisionError" not in str(document)


def test_metrics(red: Caller, service: MemoryService) -> None:
    red("GET", "/v1/tenants/nobody")
    red("BREW", "/v1/tenants/nobody")
    response = red.raw("GET", "/metrics")
    assert response.content_type is not None and response.content_type.startswith("text/plain; version=")
    lines = response.body.decode().splitlines()
    for expected in (
        "overlay_revision 1.0",
        'overlay_objects{kind="router-port"} 3.0',
        'overlay_chassis_connected{chassis="hv1"} 0.0',
        'overlay_ports{chassis="hv2",state="bound"} 1.0',
        'overlay_drop_packets_total{chassis="hv2",kind="port",object="red/web/web-1",reason="spoofed_mac"} 5.0',
        'overlay_drift{chassis="hv2",healed="true",what="missing"} 1.0',
        'overlay_punts_total{answered="false",reason="ttl_exceeded"} 2.0',
        'overlay_faults_total{kind="malformed"} 3.0',
    ):
        assert expected in lines
    text = "\n".join(lines)
    assert re.search(r'overlay_rest_requests_total\{method="GET",path="/v1/tenants/\{tenant\}",status="404"\}', text)
    assert 'method="other"' in text and "BREW" not in text
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(samples) == len(set(samples))


def test_metrics_escape_what_a_name_may_hold(red: Caller, service: MemoryService) -> None:
    service.drops = lambda: [DropCount('a"\n\\', "hv1", None, None, 1, 1)]  # type: ignore[method-assign]
    assert 'reason="a\\"\\n\\\\"' in red.raw("GET", "/metrics").body.decode()
