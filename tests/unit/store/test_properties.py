"""Whatever the networks, going from one to the next through the database gives exactly the next."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from uuid import NAMESPACE_OID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object, Port, Route, Router, RouterPort, Switch, Tenant
from ryu_overlay.store.server import PrivateServer
from tests.unit.store.store_lab import Client, until

NAMES = ("a", "b", "c")
addresses = st.lists(st.integers(0, 2**32 - 1).map(IPv4Address), max_size=3).map(tuple)
interfaces = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(IPv4Interface), max_size=3).map(tuple)
prefixes = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda p: IPv4Network(p, strict=False))
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@st.composite
def objects(draw: st.DrawFn) -> list[Object]:
    """A whole network's objects under few names, each with one of two uuids: names come back with either."""
    made: list[Object] = []
    numbers = iter(draw(st.permutations(range(1, 200))))

    def uuid(kind: str, *ref: str) -> str:
        return str(uuid5(NAMESPACE_OID, repr((kind, ref, draw(st.booleans())))))

    def names() -> list[str]:
        return draw(st.lists(st.sampled_from(NAMES), unique=True))

    pairs: dict[tuple[str, ...], tuple[str, str]] = {}

    def paired(tenant: str, own: tuple[str, str], far: tuple[str, str] | None) -> tuple[str, str] | None:
        """`far`, unless one of the two has another peer already."""
        if far is None or far == own or pairs.setdefault((tenant, *own), far) != far:
            return None
        return far if pairs.setdefault((tenant, *far), own) == own else None

    for tenant in names():
        made.append(Tenant(tenant, next(numbers), uuid("tenant", tenant), draw(text)))
        switches = names()
        for name in switches:
            subnets = tuple(draw(st.lists(prefixes, max_size=2)))
            made.append(Switch(tenant, name, next(numbers), uuid("switch", tenant, name), next(numbers), subnets))
            for stem in names():
                port, mac = f"{tenant}-{name}-{stem}", draw(st.text("0123456789abcdef:", max_size=17))
                secure, enabled = draw(st.booleans()), draw(st.booleans())
                port_uuid = uuid("port", tenant, name, port)
                made.append(Port(tenant, name, port, next(numbers), port_uuid, mac, draw(addresses), secure, enabled))
        for name in names():
            made.append(Router(tenant, name, next(numbers), uuid("router", tenant, name)))
            for stem in names():
                switch = draw(st.none() | st.sampled_from(switches)) if switches else None
                peer = paired(tenant, (name, stem), draw(st.none() | st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))))
                port_uuid, values = uuid("router_port", tenant, name, stem), draw(interfaces)
                made.append(RouterPort(tenant, name, stem, next(numbers), port_uuid, "", values, switch, peer))
            for prefix in draw(st.lists(prefixes, unique=True, max_size=2)):
                route_uuid = uuid("route", tenant, name, str(prefix))
                made.append(Route(tenant, name, prefix, draw(addresses), next(numbers), route_uuid))
    return made


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

    @given(st.lists(objects(), min_size=2, max_size=3))
    def check(steps: list[list[Object]]) -> None:
        for made in [[], *steps]:
            new = network_of(client.network, made)
            assert client.store.commit(client.network, new) is new
            until(lambda: other.network.revision == client.network.revision)
            assert other.network == new

    check()
    assert connect(server.remote).network == client.network
