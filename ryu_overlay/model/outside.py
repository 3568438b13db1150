"""A draft read by uplink, by what translates at it, and by load balancer; as `scope` reads it by switch and by router.

Settled objects come from the base's groups, so that an edit costs what it stands among and not the whole network.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ryu_overlay.model.objects import (
    ExternalNetwork,
    FloatingIp,
    LoadBalancer,
    Member,
    Object,
    Port,
    Ref,
    RouterPort,
    Snat,
)
from ryu_overlay.model.scope import Scope
from ryu_overlay.model.views import Group, places


class Outside:
    """How a draft stands towards the world outside.

    Every list has settled objects first, then changed ones in the order of the edit.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._changed: defaultdict[Group, list[Any]] = defaultdict(list)
        self._left: set[Group] = set()
        for kind in ("router_port", "snat", "floating_ip", "load_balancer", "member"):
            for obj in scope.changed[kind].values():
                for group in places(obj):
                    self._changed[group].append(obj)
                before: Object | None = scope.before(obj)
                self._left.update(places(before) if before is not None else ())
            for obj in scope.removed[kind].values():
                self._left.update(places(obj))
        self._ports: dict[tuple[str, str], Port] = {(p.tenant, p.name): p for p in scope.changed["port"].values()}

    def network(self, name: str) -> ExternalNetwork | None:
        """The external network of that name."""
        network: ExternalNetwork | None = self.scope.draft.get("external_network", (name,))
        return network

    def port(self, tenant: str, name: str) -> Port | None:
        """The logical port of a tenant that has that name."""
        found = self._ports.get((tenant, name))
        if found is None:
            settled = self.scope.base.port_by_name.get(name)
            if settled is not None and settled.tenant == tenant:
                found = self.scope.draft.get("port", settled.ref)
        return found

    def users(self, port: Port) -> list[FloatingIp | Member]:
        """The floating IPs and members that name a logical port."""
        return self._group("user", (port.tenant, port.name))

    def uplinks_of(self, router: Ref) -> list[RouterPort]:
        """A router's uplinks: one at most, where the network is valid."""
        return [port for port in self.scope.ports_of_router(router) if port.external is not None]

    def uplinks_in(self, network: str) -> list[RouterPort]:
        """Every uplink into an external network."""
        return self._group("uplink", (network,))

    def snats_of(self, router: Ref) -> list[Snat]:
        return self._group("snat", router)

    def floating_ips_of(self, router: Ref) -> list[FloatingIp]:
        return self._group("floating_ip", router)

    def balancers_on(self, place: str, ref: Ref) -> list[LoadBalancer]:
        """The load balancers on a "router" or a "switch"."""
        return self._group(f"on_{place}", ref)

    def balancers_of(self, tenant: str) -> list[LoadBalancer]:
        return self._group("load_balancer", (tenant,))

    def members_of(self, balancer: Ref) -> list[Member]:
        return self._group("member", balancer)

    def touched(self, obj: Object) -> bool:
        """Whether the edit put this object."""
        return (obj.kind, obj.ref) in self.scope.draft.touched

    def _group(self, role: str, ref: Ref) -> list[Any]:
        settled = self.scope.base.views.groups.get((role, ref), ())
        if (role, ref) in self._left:
            settled = tuple(obj for obj in settled if not self.touched(obj))
        return [*settled, *self._changed.get((role, ref), ())]
