"""Bodies for edits, written as REST takes them, and networks made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from ryu_overlay.model.edit import Outcome, Problem, Refused, put_tenants, upsert
from ryu_overlay.model.kinds import COLLECTIONS
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import KINDS

Body = Mapping[str, Any]


def _range(make: Callable[[str], Any]) -> Callable[[str | None], Any]:
    return lambda text: None if text is None else tuple(make(end) for end in text.split("-"))


def _perhaps(make: Callable[[str], Any]) -> Callable[[str | None], Any]:
    return lambda text: None if text is None else make(text)


def _list(make: Callable[[str], Any]) -> Callable[[list[str]], list[Any]]:
    return lambda items: [make(item) for item in items]


_PARSERS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("switch", "subnets"): _list(IPv4Network),
    ("port", "addresses"): _list(IPv4Address),
    ("router_port", "addresses"): _list(IPv4Interface),
    ("router_port", "peer"): lambda peer: tuple(peer.split("/")) if peer is not None else None,
    ("route", "prefix"): IPv4Network,
    ("route", "nexthops"): _list(IPv4Address),
    ("external_network", "subnet"): IPv4Network,
    ("external_network", "gateway"): _perhaps(IPv4Address),
    ("external_network", "pools"): _list(_range(IPv4Address)),
    ("snat", "prefixes"): _list(IPv4Network),
    ("snat", "addresses"): _list(IPv4Address),
    ("snat", "ports"): _range(int),
    ("floating_ip", "address"): _perhaps(IPv4Address),
    ("floating_ip", "inside"): _perhaps(IPv4Address),
    ("load_balancer", "vip"): _perhaps(IPv4Address),
}


def parse(kind: str, body: Body) -> dict[str, Any]:
    """A body as `upsert` takes it."""
    given = {}
    for field, value in body.items():
        member = COLLECTIONS.get(kind, {}).get(field)
        if member is not None:
            given[field] = [parse(member, item) for item in value]
        else:
            given[field] = _PARSERS.get((kind, field), lambda same: same)(value)
    return given


def make(*tenants: Body, base: Network | None = None) -> Network:
    """A network of these tenants, which must be accepted."""
    return put_tenants(base or Network(), [parse("tenant", t) for t in tenants]).network


def edit(base: Network, kind: str, path: str, body: Body, mode: Any = "put") -> Outcome:
    """`upsert` of the object at `red/web/web-1` (a route's prefix keeps its slash)."""
    return upsert(base, kind, to_ref(kind, path), parse(kind, body), mode)


def the(network: Network, kind: str, *ref: str) -> Any:
    """The object at `ref`, which must be there."""
    return network.tables[kind][ref]


def to_ref(kind: str, path: str) -> tuple[str, ...]:
    return tuple(path.split("/", 2 if kind == "route" else -1))


def refusal(call: Callable[[], object]) -> Refused:
    """The Refused that `call` raises."""
    try:
        result = call()
    except Refused as refused:
        assert refused.problems
        return refused
    raise AssertionError(f"was not refused: {result}")


def refused(base: Network, kind: str, path: str, body: Body, mode: Any = "put") -> tuple[str, dict[str, str]]:
    """How an edit was refused: (status, reason by field). Sees to it that the base is as it was."""
    before = rebuilt(base)
    error = refusal(lambda: edit(base, kind, path, body, mode))
    assert_same(base, before)
    return error.status, by_field(error.problems)


def by_field(problems: tuple[Problem, ...]) -> dict[str, str]:
    """The reasons by field; several for one field joined with ` | `."""
    reasons: dict[str, list[str]] = {}
    for problem in problems:
        reasons.setdefault(problem.field, []).append(problem.reason)
    return {field: " | ".join(texts) for field, texts in reasons.items()}


def rebuilt(network: Network) -> Network:
    """The same objects put into an empty network one by one: views and indexes made from scratch."""
    draft = Draft(Network())
    for cls in KINDS:
        for obj in network.tables[cls.kind].values():  # type: ignore[attr-defined]
            draft.put(obj)
    draft.next_key, draft.next_tenant_key, draft.next_vni = network.next_key, network.next_tenant_key, network.next_vni
    draft.next_zone = network.next_zone
    return draft.freeze(network.revision)


def assert_same(one: Network, other: Network) -> None:
    """Both hold equal objects, views and indexes."""
    for kind in one.tables:
        assert one.tables[kind] == other.tables[kind]
    for index in ("views", "by_key", "port_by_name", "port_by_uuid", "vnis", "zones"):
        assert getattr(one, index) == getattr(other, index), index


RED: Body = {
    "name": "red",
    "description": "the web shop",
    "switches": [
        {
            "name": "web",
            "subnets": ["10.0.1.0/24"],
            "vni": 7,
            "ports": [
                {"name": "web-1", "mac": "02:00:00:00:01:0b", "addresses": ["10.0.1.11"]},
                {"name": "web-2", "mac": "02:00:00:00:01:0c", "addresses": ["10.0.1.12"], "port_security": False},
            ],
        },
        {"name": "db", "subnets": ["10.0.2.0/24"], "ports": [{"name": "db-1"}]},
        {"name": "bare"},
    ],
    "routers": [
        {
            "name": "r1",
            "ports": [
                {"name": "up", "addresses": ["100.64.0.1/30"], "peer": "r2/down"},
                {"name": "web", "mac": "02:00:00:00:00:01", "addresses": ["10.0.1.1/24"], "switch": "web"},
            ],
            "routes": [{"prefix": "0.0.0.0/0", "nexthops": ["100.64.0.2"]}],
        },
        {
            "name": "r2",
            "ports": [
                {"name": "db", "addresses": ["10.0.2.1/24"], "switch": "db"},
                {"name": "down", "addresses": ["100.64.0.2/30"]},
            ],
            "routes": [{"prefix": "10.0.1.0/24", "nexthops": ["100.64.0.1"]}],
        },
    ],
}
"""Two routers in a chain between two switches."""

BLUE: Body = {
    "name": "blue",
    "switches": [{"name": "web", "subnets": ["10.0.1.0/24"], "ports": [{"name": "blue-1", "addresses": ["10.0.1.11"]}]}],
}
"""Another tenant with the same addresses."""
