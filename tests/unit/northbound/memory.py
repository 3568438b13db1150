"""A service in memory, with two chassis, for tests of REST: the real model, no store and no switches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from ipaddress import IPv4Address
from typing import Any, Literal

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Member, Port, RouterPort
from ryu_overlay.model.walk import Facts
from ryu_overlay.northbound.dispatch import Api
from ryu_overlay.northbound.http import Incoming, Response
from ryu_overlay.northbound.service import (
    BindingStatus,
    ChassisStatus,
    DriftEntry,
    DropCount,
    LimitStatus,
    MemberStatus,
    RevisionStatus,
    StoreAway,
    TunnelStatus,
    UplinkStatus,
)
from ryu_overlay.oam.pinging import Echo, Summary
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.world import Unable
from tests.unit.northbound import canned_trace
from tests.unit.northbound.memory_captures import MemoryCaptures
from tests.unit.northbound.memory_devices import MemoryDevices
from tests.unit.northbound.memory_health import MemoryHealth
from tests.unit.northbound.memory_usage import MemoryUsage

UPSTREAM = "02:00:00:00:0f:01"

SINCE = datetime(2024, 5, 1, 12, 30, tzinfo=timezone.utc)
RED: dict[str, Any] = {
    "name": "red",
    "description": "the first",
    "switches": [
        {
            "name": "web",
            "subnets": ["10.0.1.0/24"],
            "vni": 7,
            "ports": [{"name": "web-1", "mac": "02:00:00:00:01:0b", "addresses": ["10.0.1.11"]}],
        }
    ],
    "routers": [
        {
            "name": "r1",
            "ports": [
                {"name": "web", "mac": "02:00:00:00:00:01", "addresses": ["10.0.1.1/24"], "switch": "web"},
                {"name": "up", "addresses": ["100.64.0.1/30"], "peer": "r2/down"},
            ],
            "routes": [{"prefix": "10.9.0.0/16", "nexthops": ["100.64.0.2"]}],
        },
        {"name": "r2", "ports": [{"name": "down", "addresses": ["100.64.0.2/30"]}]},
    ],
}
INTERNET: dict[str, Any] = {
    "name": "internet",
    "physical_network": "physnet1",
    "vlan": 100,
    "subnet": "203.0.113.0/24",
    "gateway": "203.0.113.1",
    "pools": ["203.0.113.50-203.0.113.99"],
    "mtu": 1500,
}
GREEN: dict[str, Any] = {
    "name": "green",
    "switches": [
        {
            "name": "lan",
            "subnets": ["10.0.1.0/24"],
            "ports": [{"name": "g-1", "addresses": ["10.0.1.11"]}, {"name": "g-2", "addresses": ["10.0.1.12"]}],
        }
    ],
    "routers": [
        {
            "name": "r1",
            "ports": [
                {"name": "lan", "addresses": ["10.0.1.1/24"], "switch": "lan"},
                {"name": "up", "external": "internet", "gateways": ["hv1", "hv2"], "preempt": False},
            ],
            "snats": [{"name": "out", "prefixes": ["10.0.1.0/25"], "ports": "20000-20010"}],
            "floating_ips": [{"name": "web", "port": "g-1"}],
        }
    ],
    "load_balancers": [
        {
            "name": "www",
            "vip": "203.0.113.20",
            "port": 80,
            "router": "r1",
            "check": "http",
            "members": [{"name": "a", "port": "g-1", "number": 8080}, {"name": "b", "port": "g-2", "drained": True}],
        }
    ],
}
"""A tenant with a way out, into the external network INTERNET."""


class MemoryService:
    """`confirmed` is what the chassis have; `away` makes the store refuse; `meddle` runs once, between an edit and its commit."""

    def __init__(self) -> None:
        self.network = Network()
        self.confirmed = 10**9
        self.away = False
        self.meddle: Callable[[], object] | None = None
        self.waits: list[tuple[int, float]] = []
        self.forgotten: list[str] = []
        self.breaths = 0
        self.traced: list[tuple[Start, int | None, bool]] = []
        self.pinged: list[tuple[Start, int, float, str | None]] = []
        self.echoes: list[Echo | Summary] = []
        self.unable: Unable | None = None
        self.spoil: Callable[[Report], Report] = lambda good: good
        self.unbound: set[str] = set()
        self.devices = MemoryDevices()
        self.captures = MemoryCaptures()
        self.health = MemoryHealth()
        self.usage = MemoryUsage()

    def write(self, edit: Callable[[Network], Network]) -> Network:
        while True:
            if self.away:
                raise StoreAway("connection refused")
            base = self.network
            after = edit(base)
            meddle, self.meddle = self.meddle, None
            if meddle is not None:
                meddle()
            if self.network is base:
                self.network = after
                return after

    def wait(self, revision: int, seconds: float) -> bool:
        self.waits.append((revision, seconds))
        return self.confirmed >= revision

    def revision(self) -> RevisionStatus:
        confirmed = min(self.confirmed, self.network.revision)
        return {
            "revision": self.network.revision,
            "chassis": {
                "hv2": {"confirmed": confirmed, "connected": True},
                "hv1": {"confirmed": confirmed, "connected": False},
            },
        }

    def chassis(self) -> list[ChassisStatus]:
        common = ("3.1.0", "netdev", 1500, 1450, min(self.confirmed, self.network.revision))
        hv1 = ChassisStatus(
            "hv1", IPv4Address("172.31.0.1"), "disconnected", *common, 0, 0, ("no OpenFlow",), {"physnet1": "br-ex"}
        )
        return [ChassisStatus("hv2", IPv4Address("172.31.0.2"), "connected", *common, 120, 1), hv1]

    def forget_chassis(self, name: str) -> bool:
        self.forgotten.append(name)
        return name == "hv1"

    def binding(self, port: Port) -> BindingStatus:
        if port.name in self.unbound or not port.name.endswith("-1"):
            return BindingStatus(port.name, port.tenant, port.switch, None, None, "unbound")
        return BindingStatus(port.name, port.tenant, port.switch, "hv2", "tap0", "bound")

    def bindings(self) -> list[BindingStatus]:
        return [self.binding(port) for port in self.network.port_by_name.values()]

    def tunnels(self) -> list[TunnelStatus]:
        return [TunnelStatus("hv1", "hv2", IPv4Address("172.31.0.2"), "vx-2", 5, ("red/web",), True)]

    def uplinks(self) -> list[UplinkStatus]:
        ports = [p for p in self.network.tables["router_port"].values() if p.external]
        return [self._uplink(port) for port in reversed(ports)]

    def _uplink(self, port: RouterPort) -> UplinkStatus:
        named = (port.tenant, port.router, port.name, port.external or "", port.addresses[0], port.gateways)
        if not port.gateways:
            return UplinkStatus(*named, None, "pending", "no chassis maps physnet1")
        return UplinkStatus(*named, port.gateways[0], "active")

    def members(self) -> list[MemberStatus]:
        return [self._member(member) for member in reversed([*self.network.tables["member"].values()])]

    def _member(self, member: Member) -> MemberStatus:
        port = self.network.port_by_name[member.port]
        balancer = self.network.tables["load_balancer"][member.tenant, member.load_balancer]
        state: Literal["drained", "down", "unchecked"] = "drained"
        if not member.drained:
            state = "down" if balancer.check == "http" else "unchecked"
        return MemberStatus(
            tenant=member.tenant,
            load_balancer=member.load_balancer,
            member=member.name,
            port=port.name,
            chassis=self.binding(port).chassis,
            address=port.addresses[0],
            number=member.number or balancer.port,
            weight=member.weight,
            state=state,
            since=None if member.drained else SINCE,
            reason="answered 503" if state == "down" else None,
        )

    def drops(self) -> list[DropCount]:
        return [
            DropCount("spoofed_mac", "hv2", "port", "red/web/web-1", 3, 180),
            DropCount("no_route", "hv2", "router", "red/r1", 1, 60),
            DropCount("spoofed_mac", "hv2", "port", "red/web/web-1", 2, 120),
            DropCount("not_attached", "hv2", "router_port", "red/r1/web", 1, 60),
            DropCount("unknown", "hv1", None, None, 9, 900),
        ]

    def limits(self) -> list[LimitStatus]:
        return [
            LimitStatus("port", "red/web/web-1", "hv2", 200, 30, 4),
            LimitStatus("chassis", "answers", "hv2", 2000, 30, 0),
            LimitStatus("controller", "answers", None, 10000, 30, 0),
        ]

    def drift(self) -> list[DriftEntry]:
        return [DriftEntry(SINCE, "hv2", "missing", "ls_in_mac", "priority=1 actions=drop", True)]

    def punts(self) -> dict[str, tuple[int, int]]:
        return {"ttl_exceeded": (7, 2)}

    def faults(self) -> dict[str, int]:
        return {"steps": 0, "malformed": 3}

    def vm_mtu(self) -> int | None:
        return 1450

    def facts(self) -> Facts:
        return Facts(1450, {("internet",): {IPv4Address("203.0.113.1"): UPSTREAM}})

    def trace(self, start: Start, full_size: int | None, deliver: bool) -> Report:
        self.traced.append((start, full_size, deliver))
        if self.unable is not None:
            raise self.unable
        return self.spoil(canned_trace.report(self.network, start, self.facts()))

    def ping(self, start: Start, count: int, interval: float, chassis: str | None) -> Iterator[Echo | Summary]:
        self.pinged.append((start, count, interval, chassis))
        if self.unable is not None:
            raise self.unable
        yield from self.echoes

    def breathe(self) -> None:
        self.breaths += 1


class Caller:
    """Calls the API with JSON bodies and checks what every answer has to be."""

    def __init__(self, service: MemoryService) -> None:
        self.service = service
        self.api = Api(service)

    def __call__(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> tuple[int, Any, Response]:
        """The status, the decoded body and the whole response."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = self.raw(method, path, raw, query, **headers)
        return response.status, json.loads(response.body) if response.body else None, response

    def raw(self, method: str, path: str, raw: bytes = b"", query: str = "", **headers: str) -> Response:
        headers.setdefault("content_type", "application/json")
        response = self.api.handle(Incoming(method, path, query, read=lambda: raw, **headers))
        if response.status >= 400:
            assert response.content_type == "application/problem+json"
            document = json.loads(response.body)
            assert document["status"] == response.status
            assert document["detail"]
            assert all(set(error) == {"field", "reason"} and error["reason"] for error in document["errors"])
        return response

    def refused(self, status: int, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> dict[str, str]:
        """The reasons by field of a request that has to be refused with `status`, and must change nothing."""
        before = self.service.network
        answered, document, _ = self(method, path, body, query, **headers)
        assert answered == status, document
        assert self.service.network is before
        return {error["field"]: error["reason"] for error in document["errors"]}
