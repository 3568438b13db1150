"""The network that the walk's tests send packets through, and the words they use for it.

    web 10.0.1.0/24 -- r1 ==100.64.0.0/31== r2 -- db 10.0.2.0/24      r2/stub 10.0.3.0/24 leads nowhere
     a b c(open) off                              d

c's port security is off, `off` is disabled. r1 has a default route to r2, r2 a route to web.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import count
from typing import Any

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object, Port, Route, Router, RouterPort, Switch, Tenant
from ryu_overlay.model.walk import walk
from ryu_overlay.model.walk_values import (
    ARP_REQUEST,
    BROADCAST,
    UDP,
    Answered,
    AnswerKind,
    Arp,
    Delivered,
    Dropped,
    DropReason,
    Ip,
    Packet,
    Path,
)

A, B, C, OFF, D = (f"02:00:00:00:01:{n:02x}" for n in range(5))
R1_WEB, R1_UP, R2_DOWN, R2_DB, R2_STUB = (f"02:00:00:00:02:{n:02x}" for n in range(5))
NOBODY = "02:00:00:00:09:09"


def ip4(text: str) -> IPv4Address:
    return IPv4Address(text)


def with_objects(network: Network, *objects: Object) -> Network:
    draft = Draft(network)
    for obj in objects:
        draft.put(obj)
    return draft.freeze(network.revision + 1)


class Maker:
    """Makes a tenant's objects, numbering them as it goes."""

    def __init__(self, tenant: str, first: int) -> None:
        self.tenant, self.numbers = tenant, count(first)

    def ids(self) -> Any:
        number = next(self.numbers)
        return {"key": number, "uuid": f"{number:036x}"}

    def switch(self, name: str, subnet: str) -> Switch:
        number = next(self.numbers)
        return Switch(self.tenant, name, number, f"{number:036x}", number, (IPv4Network(subnet),))

    def port(self, switch: str, name: str, mac: str, *addresses: str, **more: Any) -> Port:
        return Port(self.tenant, switch, name, mac=mac, addresses=tuple(map(ip4, addresses)), **self.ids(), **more)

    def router(self, name: str) -> Router:
        return Router(self.tenant, name, **self.ids())

    def router_port(self, router: str, name: str, mac: str, *addresses: str, **to: Any) -> RouterPort:
        interfaces = tuple(map(IPv4Interface, addresses))
        return RouterPort(self.tenant, router, name, mac=mac, addresses=interfaces, **self.ids(), **to)

    def route(self, router: str, prefix: str, *hops: str) -> Route:
        return Route(self.tenant, router, IPv4Network(prefix), tuple(map(ip4, hops)), **self.ids())


def tenant_objects(name: str, first: int) -> list[Object]:
    make = Maker(name, first)
    return [
        Tenant(name, first, f"{name:>36}"),
        make.switch("web", "10.0.1.0/24"),
        make.switch("db", "10.0.2.0/24"),
        make.port("web", f"{name}-a", A, "10.0.1.11"),
        make.port("web", f"{name}-b", B, "10.0.1.12", "10.0.1.22"),
        make.port("web", f"{name}-c", C, "10.0.1.13", port_security=False),
        make.port("web", f"{name}-off", OFF, "10.0.1.14", enabled=False),
        make.port("db", f"{name}-d", D, "10.0.2.11"),
        make.router("r1"),
        make.router("r2"),
        make.router_port("r1", "web", R1_WEB, "10.0.9.1/24", "10.0.1.1/24", switch="web"),
        make.router_port("r1", "up", R1_UP, "100.64.0.1/31"),
        make.router_port("r2", "down", R2_DOWN, "100.64.0.0/31", peer=("r1", "up")),
        make.router_port("r2", "db", R2_DB, "10.0.2.1/24", switch="db"),
        make.router_port("r2", "stub", R2_STUB, "10.0.3.1/24"),
        make.route("r1", "0.0.0.0/0", "100.64.0.0"),
        make.route("r2", "10.0.1.0/24", "100.64.0.1"),
    ]


RED = Maker("red", 900)
NET = with_objects(Network(), *tenant_objects("red", 1), *tenant_objects("blue", 100))


def send(name: str, packet: Packet, network: Network = NET) -> Path:
    return walk(network, network.port_by_name[f"red-{name}"], packet)


def udp(dst: str, to: str = R1_WEB, src: str = "10.0.1.11", mac: str = A, **more: Any) -> Packet:
    return Packet(mac, to, Ip(ip4(src), ip4(dst), **{"proto": UDP, "l4": (4000, 33434), **more}))


def arp(tpa: str, spa: str = "10.0.1.11", mac: str = A, sha: str = A, op: int = ARP_REQUEST, to: str = BROADCAST) -> Packet:
    return Packet(mac, to, Arp(op, sha, ip4(spa), "00:00:00:00:00:00", ip4(tpa)))


def reached(path: Path) -> list[str]:
    assert isinstance(path.outcome, Delivered), path.outcome
    return [port.name for port in path.outcome.ports]


def reason(path: Path) -> DropReason:
    assert isinstance(path.outcome, Dropped), path.outcome
    assert path.outcome.at == path.hops[-1].position
    return path.outcome.reason


def ending(path: Path) -> AnswerKind | DropReason:
    return path.outcome.kind if isinstance(path.outcome, Answered) else reason(path)


def answer(path: Path, kind: AnswerKind) -> tuple[Answered, Ip]:
    assert isinstance(path.outcome, Answered) and path.outcome.kind is kind, path.outcome
    reply = path.outcome.reply.body
    assert isinstance(reply, Ip) and (reply.dst, reply.ttl) == (ip4("10.0.1.11"), 64)
    return path.outcome, reply
