"""Objects to store, and clients that store them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from uuid import uuid4

import eventlet

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import (
    ExternalNetwork,
    FloatingIp,
    LoadBalancer,
    Member,
    Object,
    Port,
    Route,
    Router,
    RouterPort,
    Snat,
    Switch,
    Tenant,
)
from ryu_overlay.store.records import FabricMemory
from ryu_overlay.store.store import Store


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Let the greenthreads run until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "still not so"
        eventlet.sleep(0.002)


@contextmanager
def running(store: Store) -> Iterator[Store]:
    """The store in a greenthread of its own, until the end of the block."""
    thread = eventlet.spawn(store.run)
    try:
        yield store
    finally:
        thread.kill()
        store.close()


@dataclass
class Client:
    """A running store and everything it told."""

    store: Store
    networks: list[Network] = field(default_factory=list)
    memories: list[FabricMemory] = field(default_factory=list)

    @property
    def network(self) -> Network:
        return self.store.network

    def put(self, *objects: Object) -> Network:
        return self.store.commit(self.network, edited(self.network, puts=objects))

    def delete(self, *objects: Object) -> Network:
        return self.store.commit(self.network, edited(self.network, deletes=objects))


def edited(old: Network, puts: tuple[Object, ...] = (), deletes: tuple[Object, ...] = ()) -> Network:
    draft = Draft(old)
    for obj in deletes:
        draft.delete(obj)
    for obj in puts:
        draft.put(obj)
        draft.next_key = max(draft.next_key, obj.key + 1)
    return draft.freeze(old.revision + 1)


def a_tenant(name: str = "red", key: int = 1) -> Tenant:
    return Tenant(name, key, str(uuid4()), description="größer 🦜")


def a_switch(name: str = "web", key: int = 1, tenant: str = "red") -> Switch:
    subnets = (IPv4Network("10.0.9.0/24"), IPv4Network("10.0.1.0/24"))
    return Switch(tenant, name, key, str(uuid4()), vni=key, subnets=subnets)


def a_port(number: int, switch: str = "web", tenant: str = "red") -> Port:
    mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
    addresses = (IPv4Address("10.0.9.1") + number, IPv4Address("10.0.1.1"))
    return Port(tenant, switch, f"{tenant}-{number}", 1000 + number, str(uuid4()), mac, addresses)


def everything() -> tuple[Object, ...]:
    """One or more of each kind, with every optional field both given and not."""
    return (
        a_tenant(),
        Tenant("blue", 2, str(uuid4())),
        a_switch(),
        Switch("blue", "web", 2, str(uuid4()), vni=2),
        a_port(1),
        Port("blue", "web", "bare", 3, str(uuid4()), "02:00:00:00:00:03", (), port_security=False, enabled=False),
        Router("red", "r1", 4, str(uuid4())),
        Router("red", "r2", 5, str(uuid4())),
        RouterPort("red", "r1", "web", 6, str(uuid4()), "02:00:00:00:00:06", _interfaces("10.0.9.1/24"), switch="web"),
        RouterPort("red", "r1", "up", 7, str(uuid4()), "02:00:00:00:00:07", _interfaces("9.9.9.2/30"), peer=("r2", "down")),
        RouterPort("red", "r2", "down", 8, str(uuid4()), "02:00:00:00:00:08", _interfaces("9.9.9.1/30", "1.1.1.1/32")),
        Route("red", "r1", IPv4Network("0.0.0.0/0"), (IPv4Address("9.9.9.1"), IPv4Address("9.9.9.0")), 9, str(uuid4())),
        *outside(),
    )


def an_external(name: str = "internet", key: int = 10) -> ExternalNetwork:
    addresses = [IPv4Address(f"203.0.113.{host}") for host in (1, 90, 99, 50, 59)]
    pools = ((addresses[1], addresses[2]), (addresses[3], addresses[4]))
    subnet = IPv4Network("203.0.113.0/24")
    return ExternalNetwork(name, key, str(uuid4()), "physnet1", subnet, 100, addresses[0], pools, 9000)


def outside() -> tuple[Object, ...]:
    """What leads outside, to go with the rest of `everything`."""
    prefixes, vip = (IPv4Network("10.0.9.0/24"), IPv4Network("10.0.1.0/24")), IPv4Address("203.0.113.20")
    uplink = RouterPort("red", "r1", "out", 12, str(uuid4()), "02:00:00:00:00:0c", _interfaces("203.0.113.9/24"))
    uplink = replace(uplink, external="internet", gateways=("hv2", "hv1"), preempt=False, vni=99, zone=65535)
    return (
        an_external(),
        ExternalNetwork("lan", 11, str(uuid4()), "physnet2", IPv4Network("192.0.2.0/24")),
        uplink,
        RouterPort("red", "r2", "out", 13, str(uuid4()), "", _interfaces("192.0.2.9/24"), external="lan", vni=98, zone=65534),
        Snat("red", "r1", "all", 14, str(uuid4()), prefixes, (vip + 1, vip), (20000, 20010)),
        Snat("red", "r2", "own", 15, str(uuid4()), prefixes[:1]),
        FloatingIp("red", "r1", "one", 16, str(uuid4()), vip + 5, "02:00:00:00:00:10", "red-1", IPv4Address("10.0.9.2"), False),
        FloatingIp("red", "r1", "two", 17, str(uuid4()), vip + 6, "02:00:00:00:00:11", "red-1"),
        LoadBalancer("red", "www", 18, str(uuid4()), vip, 80, "", "tcp", "r1", None, "http", "/up?é", 0.75, 0.25, 3, 4),
        LoadBalancer("red", "dns", 19, str(uuid4()), IPv4Address("10.0.9.9"), 53, "02:00:00:00:00:13", "udp", switch="web"),
        Member("red", "www", "a", 20, str(uuid4()), "red-1", 8080, 100, drained=True),
        Member("red", "dns", "a", 21, str(uuid4()), "red-1"),
    )


def _interfaces(*texts: str) -> tuple[IPv4Interface, ...]:
    return tuple(IPv4Interface(text) for text in texts)
