"""Routers and switches in memory: fixed values of every shape, and what was asked for."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Literal

from ryu_overlay.model.objects import Ref
from ryu_overlay.northbound import service_devices as shapes
from ryu_overlay.northbound.service import MemberStatus, UplinkStatus
from ryu_overlay.northbound.service_devices import OnChassis

ASKED = (shapes.Asked("hv1", True, True, 3), shapes.Asked("hv2", False, False, 0))
HERE = OnChassis("hv1", "installed", 10, 1000)
GONE = OnChassis("hv2", "missing", detail=("missing: table=40",))
FOREIGN = shapes.Beyond("hv1", "foreign", 40, "table=40,priority=1,cookie=0x0,actions=drop", 0, 0)
OUTSIDE = IPv4Address("203.0.113.50")


class MemoryDevices:
    """Says the same of every router and switch; `asked` are the calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def routes(self, router: Ref, address: IPv4Address | None) -> shapes.RouterTable:
        self.asked.append(("routes", router, address))
        route = shapes.RouteStatus("C", IPv4Network("10.0.1.0/24"), (shapes.Via(None, "web"),), (HERE, GONE))
        return shapes.RouterTable(3, ASKED, (route,), (FOREIGN,))

    def neighbours(self, router: Ref) -> shapes.NeighbourTable:
        self.asked.append(("neighbours", router))
        learned = shapes.NeighbourStatus(IPv4Address("203.0.113.1"), "02:aa:00:00:00:01", "up", "learned", age=1.5, on=(HERE,))
        asked = shapes.NeighbourStatus(IPv4Address("203.0.113.9"), None, "up", "asked", tries=2)
        return shapes.NeighbourTable(3, ASKED, (learned, asked))

    def router_interfaces(self, router: Ref) -> shapes.Interfaces:
        self.asked.append(("router_interfaces", router))
        return self._interfaces("router-port")

    def nat(self, router: Ref) -> shapes.NatStatus:
        self.asked.append(("nat", router))
        snat = shapes.SnatStatus("out", (IPv4Network("10.0.1.0/24"),), (OUTSIDE,), "1024-65535", 7, (HERE,))
        floating = shapes.FloatingStatus(
            "web", IPv4Address("203.0.113.51"), IPv4Address("10.0.1.11"), "web-1", "02:00:00:00:00:05", "hv1", True, 2, (GONE,)
        )
        uplink = UplinkStatus(
            router[0], router[1], "up", "internet", IPv4Interface("203.0.113.50/24"), ("hv1", "hv2"), "hv1", "active"
        )
        return shapes.NatStatus(3, ASKED, uplink, (snat,), (floating,), (shapes.Drop("nat_exhausted", "hv1", 1, 60),))

    def translations(self, router: Ref, seconds: float) -> shapes.Translations:
        self.asked.append(("translations", router, seconds))
        ends = (IPv4Address("10.0.1.11"), 40000, OUTSIDE, 40000, IPv4Address("198.51.100.10"), 80)
        return shapes.Translations(3, seconds, (shapes.Translation(6, *ends, "out", 12, "hv1", "snat out"),))

    def balancers(self, router: Ref) -> shapes.Balancers:
        self.asked.append(("balancers", router))
        status = MemberStatus("red", "www", "a", "web-1", "hv1", IPv4Address("10.0.1.11"), 8080, 1, "up")
        member = shapes.MemberShare(status, 5, 1.0, (HERE,))
        balancer = shapes.BalancerStatus("www", IPv4Address("203.0.113.20"), 80, "tcp", "http", (member,), (HERE,))
        return shapes.Balancers(3, ASKED, (balancer,))

    def macs(self, switch: Ref) -> shapes.MacTable:
        self.asked.append(("macs", switch))
        mac = shapes.MacStatus("02:00:00:00:01:0b", "port", "red/web/web-1", ("10.0.1.11",), "hv1", "tap0", 5, (HERE, GONE))
        return shapes.MacTable(3, ASKED, (mac,))

    def switch_interfaces(self, switch: Ref) -> shapes.Interfaces:
        self.asked.append(("switch_interfaces", switch))
        return self._interfaces("port")

    def switch_neighbours(self, switch: Ref) -> shapes.NeighbourTable:
        self.asked.append(("switch_neighbours", switch))
        return shapes.NeighbourTable(3, ASKED, ())

    def log(self, kind: Literal["router", "switch"], ref: Ref, most: int) -> shapes.DeviceLog:
        self.asked.append(("log", kind, ref, most))
        return shapes.DeviceLog()

    def _interfaces(self, kind: Literal["router-port", "port"]) -> shapes.Interfaces:
        counters = shapes.Counter(10, 1000, (HERE,)), shapes.Counter(0, 0, (GONE,))
        addresses = ("10.0.1.1/24",)
        drops = (shapes.Drop("directed_broadcast", "hv1", 1, 60),)
        web = shapes.InterfaceStatus(
            "web", kind, "up", None, "switch red/web", "02:00:00:00:00:01", addresses, 1450, *counters, drops
        )
        return shapes.Interfaces(3, ASKED, (web,))
