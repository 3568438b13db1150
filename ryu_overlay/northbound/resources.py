"""The logical network's resources: each handler is a plain function of (kind, service, request) that gives the response.

Handlers of one kind of object are the same for all; what differs is in `Kind`. Knows the model's edits and the service;
does not know routing, JSON parsing or transports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ryu_overlay.model.edit import Mode, delete, put_tenants, upsert
from ryu_overlay.model.kinds import NAMES, PARAMETERS, ancestors
from ryu_overlay.model.network import Network, changes
from ryu_overlay.model.objects import Object, Ref
from ryu_overlay.model.values import parse_prefix
from ryu_overlay.northbound import documents
from ryu_overlay.northbound.http import Request, Response, answer, check_conditions
from ryu_overlay.northbound.problems import missing
from ryu_overlay.northbound.service import Service


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object in REST: the model's name for it, the path of its collection, and the names in that path."""

    name: str
    path: str

    @property
    def collection(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def param(self) -> str:
        return PARAMETERS[self.name]

    def ref(self, names: Mapping[str, str], last: str | None = None) -> Ref:
        """The ref that the names in a path make, with `last` (default: the object's own name in the path) at the end.

        A route's prefix that is none is left as it is: nothing has that ref.
        """
        own = names["own"] if last is None else last
        above = tuple(names[kind] for kind, _ in ancestors(self.name, ("",) * len(NAMES[self.name])))
        if self.name == "route":
            try:
                own = str(parse_prefix(own))
            except ValueError:
                return (*above, own)
        return (*above, own)


TENANT = Kind("tenant", "/v1/tenants")
SWITCH = Kind("switch", "/v1/tenants/{tenant}/switches")
PORT = Kind("port", "/v1/tenants/{tenant}/switches/{switch}/ports")
ROUTER = Kind("router", "/v1/tenants/{tenant}/routers")
ROUTER_PORT = Kind("router_port", "/v1/tenants/{tenant}/routers/{router}/ports")
ROUTE = Kind("route", "/v1/tenants/{tenant}/routers/{router}/routes")
