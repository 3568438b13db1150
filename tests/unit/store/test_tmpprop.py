"""Whatever the networks, going from one to the next through the database gives exactly the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import count
from uuid import NAMESPACE_OID, uuid5

from hypothesis import given, settings, Phase
from hypothesis import strategies as st

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
from ryu_overlay.store.server import PrivateServer
from tests.unit.store.store_lab import Client, until

NAMES = ("a", "b", "c")
addresses = st.lists(st.integers(0, 2**32 - 1).map(IPv4Address), max_size=3).map(tuple)
interfaces = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(IPv4Interface), max_size=3).map(tuple)
prefixes = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda p: IPv4Network(p, strict=False))
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


numbers_of_ports = st.integers(1, 65535)
milliseconds = st.integers(1, 3_600_000).map(lambda n: n / 1000)
some_names = st.lists(st.sampled_from(NAMES), unique=True)
chassis = st.lists(st.sampled_from(("hv1", "hv2")), unique=True).map(tuple)


class Maker:
    """Draws a network's objects under few names, each with one of two uuids: names come back with either."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.made: list[Object] = []
        self.keys = count(data.draw(st.integers(1, 9)))
        self.externals = self.draw(some_names)
        self.pairs: dict[tuple[str, ...], tuple[str, str]] = {}

    def uuid(self, kind: str, *ref: str) -> str:
        return str(uuid5(NAMESPACE_OID, repr((kind, ref, self.draw(st.booleans())))))

    def one_of(self, names: Sequence[str]) -> str | None:
        return self.draw(st.none() | st.sampled_from(names)) if names else None

    def paired(self, tenant: str, own: tuple[str, str]) -> tuple[str, str] | None:
        """A far router port, unless one of the two has another peer already."""
        far = self.draw(st.none() | st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)))
        if far is None or far == own or self.pairs.setdefault((tenant, *own), far) != far:
            return None
        return far if self.pairs.setdefault((tenant, *far), own) == own else None

    def everything(self) -> list[Object]:
        for name in self.externals:
            self.external(name)
        for tenant in self.draw(some_names):
            self.made.append(Tenant(tenant, next(self.keys), self.uuid("tenant", tenant), self.draw(text)))
            switches, routers = self.draw(some_names), self.draw(some_names)
            for name in switches:
                self.switch(tenant, name)
            for name in routers:
                self.router(tenant, name, switches)
            for name in self.draw(some_names):
                self.balancer(tenant, name, switches, routers)
        return self.made

    def external(self, name: str) -> None:
        pairs = st.tuples(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**32 - 1).map(IPv4Address))
        external = ExternalNetwork(
            name,
            next(self.keys),
            self.uuid("external_network", name),
            self.draw(text),
            self.draw(prefixes),
            self.draw(st.none() | st.integers(1, 4094)),
            self.draw(st.none() | st.integers(0, 2**32 - 1).map(IPv4Address)),
            tuple(self.draw(st.lists(pairs, max_size=2))),
            self.draw(st.integers(0, 65535)),
        )
        self.made.append(external)

    def switch(self, tenant: str, name: str) -> None:
        subnets = tuple(self.draw(st.lists(prefixes, max_size=2)))
        uuid = self.uuid("switch", tenant, name)
        self.made.append(Switch(tenant, name, next(self.keys), uuid, next(self.keys), subnets))
        for stem in self.draw(some_names):
            port, mac = f"{tenant}-{name}-{stem}", self.draw(st.text("0123456789abcdef:", max_size=17))
            secure, enabled = self.draw(st.booleans()), self.draw(st.booleans())
            uuid = self.uuid("port", tenant, name, port)
            self.made.append(Port(tenant, name, port, next(self.keys), uuid, mac, self.draw(addresses), secure, enabled))

    def router(self, tenant: str, name: str, switches: Sequence[str]) -> None:
        self.made.append(Router(tenant, name, next(self.keys), self.uuid("router", tenant, name)))
        for stem in self.draw(some_names):
            key, uuid, values = next(self.keys), self.uuid("router_port", tenant, name, stem), self.draw(interfaces)
            switch, peer = self.one_of(switches), self.paired(tenant, (name, stem))
            uplink = (self.one_of(self.externals), self.draw(chassis), self.draw(st.booleans()), key, key)
            self.made.append(RouterPort(tenant, name, stem, key, uuid, "", values, switch, peer, *uplink))
        for prefix in self.draw(st.lists(prefixes, unique=True, max_size=2)):
            uuid = self.uuid("route", tenant, name, str(prefix))
            self.made.append(Route(tenant, name, prefix, self.draw(addresses), next(self.keys), uuid))
        for stem in self.draw(some_names):
            uuid, ports = (
                self.uuid("snat", tenant, name, stem),
                self.draw(st.none() | st.tuples(numbers_of_ports, numbers_of_ports)),
            )
            inside = tuple(self.draw(st.lists(prefixes, max_size=2)))
            self.made.append(Snat(tenant, name, stem, next(self.keys), uuid, inside, self.draw(addresses), ports))
        for stem in self.draw(some_names):
            uuid, port = self.uuid("floating_ip", tenant, name, stem), f"{tenant}-{stem}-{self.draw(st.sampled_from(NAMES))}"
            outer, inner = self.draw(interfaces.filter(bool)), self.draw(addresses)
            standing = (inner[0] if inner else None, self.draw(st.booleans()))
            self.made.append(FloatingIp(tenant, name, stem, next(self.keys), uuid, outer[0].ip, "", port, *standing))

    def balancer(self, tenant: str, name: str, switches: Sequence[str], routers: Sequence[str]) -> None:
        router, switch = self.one_of(routers), self.one_of(switches)
        vip, port = self.draw(interfaces.filter(bool))[0].ip, self.draw(numbers_of_ports)
        uuid = self.uuid("load_balancer", tenant, name)
        balancer = LoadBalancer(tenant, name, next(self.keys), uuid, vip, port, "", "udp", router, switch)
        self.made.append(replace(balancer, path=self.draw(text), interval=self.draw(milliseconds), rise=7))
        for stem in self.draw(some_names):
            uuid, port_name = self.uuid("member", tenant, name, stem), f"{tenant}-{stem}-{stem}"
            values = (port_name, self.draw(st.none() | numbers_of_ports), next(self.keys), self.draw(st.booleans()))
            self.made.append(Member(tenant, name, stem, next(self.keys), uuid, *values))


def network_of(held: Network, made: list[Object]) -> Network:
    draft = Draft(held)
    wanted = {(o.kind, o.ref) for o in made}
    for kind, table in held.tables.items():
        for ref, obj in table.items():
            if (kind, ref) not in wanted:
                draft.delete(obj)
    for obj in made:
        draft.put(obj)
    draft.next_key += 1
    return draft.freeze(held.revision + 1)


def test_any_network_after_any_other(server: PrivateServer, client: Client, connect: Callable[..., Client]) -> None:
    other = connect(server.remote)

    @settings(phases=(Phase.explicit, Phase.generate), report_multiple_bugs=False, max_examples=400, derandomize=False)
    @given(st.data(), st.integers(2, 3))
    def check(data: st.DataObject, steps: int) -> None:
        for made in [[], *(Maker(data).everything() for _ in range(steps))]:
            new = network_of(client.network, made)
            assert client.store.commit(client.network, new) is new
            until(lambda: other.network.revision == client.network.revision)
            assert other.network == new

    check()
    assert connect(server.remote).network == client.network
