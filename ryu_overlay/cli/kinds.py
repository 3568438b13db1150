"""The kinds of object an operator names: how each is written on the command line and where REST keeps it.

A name is the path of names from the tenant down (`red/web`), except that a logical port, unique over all tenants, and
a floating IP, where only one has that name, may be named alone. This file does not know options, tables or HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


def member(collection: str) -> str:
    """What a collection's part of a path is called in documents: `floating_ips` for `floating-ips`."""
    return collection.replace("-", "_")


@dataclass(frozen=True)
class Kind:
    """One kind: `path` alternates collections of REST and what the name in it is called."""

    name: str
    plural: str
    path: tuple[tuple[str, str], ...]

    @property
    def written(self) -> str:
        """How a full name of this kind is written: `TENANT/ROUTER/PORT`."""
        return "/".join(word for _, word in self.path)

    @property
    def collection(self) -> str:
        """The member of the parent's document (of the network's, for want of a parent) that holds objects of this kind."""
        return member(self.path[-1][0])

    @property
    def id_field(self) -> str:
        """The field that names an object among its siblings."""
        return "prefix" if self.name == "route" else "name"

    def split(self, name: str) -> tuple[str, ...]:
        """The names in a full name. A prefix keeps its slash. Raises ValueError when there are too few or too many."""
        limit = len(self.path) - 1 if self.name == "route" else -1
        names = tuple(name.split("/", limit))
        if len(names) != len(self.path) or not all(names):
            raise ValueError(f"a {self.name} is named {self.written}, not {name!r}")
        return names

    def segments(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """What goes into the URL after /v1/: one name short of the full path gives the collection."""
        parts = [part for (collection, _), name in zip(self.path, names, strict=False) for part in (collection, name)]
        return (*parts, self.path[len(names)][0]) if len(names) < len(self.path) else tuple(parts)


_TENANT = ("tenants", "TENANT")
_SWITCH = ("switches", "SWITCH")
_ROUTER = ("routers", "ROUTER")
_BALANCER = ("load-balancers", "BALANCER")
_ALL = (
    Kind("tenant", "tenants", (_TENANT,)),
    Kind("switch", "switches", (_TENANT, _SWITCH)),
    Kind("port", "ports", (_TENANT, _SWITCH, ("ports", "PORT"))),
    Kind("router", "routers", (_TENANT, _ROUTER)),
    Kind("router-port", "router-ports", (_TENANT, _ROUTER, ("ports", "PORT"))),
    Kind("route", "routes", (_TENANT, _ROUTER, ("routes", "PREFIX"))),
    Kind("external-network", "external-networks", (("external-networks", "NETWORK"),)),
    Kind("snat", "snats", (_TENANT, _ROUTER, ("snats", "SNAT"))),
    Kind("floating-ip", "floating-ips", (_TENANT, _ROUTER, ("floating-ips", "FLOATING-IP"))),
    Kind("load-balancer", "load-balancers", (_TENANT, _BALANCER)),
    Kind("member", "members", (_TENANT, _BALANCER, ("members", "MEMBER"))),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
PLURALS: Mapping[str, Kind] = {kind.plural: kind for kind in _ALL}
CHASSIS = Kind("chassis", "chassis", (("chassis", "CHASSIS"),))
"""No logical object: it joins by itself. One that is gone for good is removed like an object."""
READ_ONLY = frozenset({"uuid", "key"})
READ_ONLY_IN: Mapping[str, frozenset[str]] = {
    "switches": frozenset({"mtu"}),
    "ports": frozenset({"binding", "vni", "zone"}),
}
"""Fields that answers carry and writes ignore: in every object, and in those of one collection."""


def walk(kind: Kind, objects: list[Document], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Document]]:
    """Every object of `kind` in these documents, with its names; `above` are the names of what the documents stand under."""

    def below(names: tuple[str, ...], objects: list[Document], depth: int) -> Iterator[tuple[tuple[str, ...], Document]]:
        for each in objects:
            label = str(each.get("prefix" if kind.path[depth][0] == "routes" else "name", ""))
            if depth == len(kind.path) - 1:
                yield (*names, label), each
            else:
                yield from below((*names, label), each.get(member(kind.path[depth + 1][0])) or [], depth + 1)

    return below(above, objects, len(above))
