"""Objects to store, and clients that store them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from uuid import uuid4

import eventlet

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object, Port, Route, Router, RouterPort, Switch, Tenant
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
    )


def _interfaces(*texts: str) -> tuple[IPv4Interface, ...]:
    return tuple(IPv4Interface(text) for text in texts)
