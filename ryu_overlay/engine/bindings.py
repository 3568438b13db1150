"""Which chassis each logical port is on, decided from what the chassis claim.

1. A chassis claims a port by an Interface that has the port's name or UUID as iface-id.
2. The latest claim wins: while a VM migrates, both sides may claim, and the one that began later has it.
3. When the winner stops claiming, the port goes to another that still does, else it is bound nowhere.
4. A binding that the store remembers stands until its chassis has reported without claiming it, or another claims it.
5. Claims in a chassis' first report after the controller's start are not later than what the store remembers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ryu_overlay.fabric.facts import ChassisFacts, Vif
from ryu_overlay.fabric.placement import Placement, Spot
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port, Ref


class Bindings:
    """Claims in, placements out. Placements are replaced only for switches where something changed."""

    def __init__(self) -> None:
        self.placements: dict[Ref, Placement] = {}
        self._claims: dict[str, dict[str, Vif]] = {}
        self._bound: dict[str, str] = {}
        self._stored: dict[str, str] = {}
        self._reported: set[str] = set()
        self._network = Network()

    def remember(self, bindings: Mapping[str, str]) -> None:
        """What the store knew when the controller started. The network must be known before."""
        self._stored = dict(bindings)
        known = {u: c for u, c in bindings.items() if u in self._network.port_by_uuid}
        self._bound = {**known, **self._bound}
        self._replace(self._network.port_by_uuid.values())

    def network(self, network: Network) -> None:
        """The logical network changed: ports came, went or changed."""
        before, self._network = self._network, network
        if before.port_by_uuid is network.port_by_uuid and before.switch_views is network.switch_views:
            return
        touched = [p for u, p in network.port_by_uuid.items() if before.port_by_uuid.get(u) is not p]
        gone = [p for u, p in before.port_by_uuid.items() if u not in network.port_by_uuid]
        for port in gone:
            self._bound.pop(port.uuid, None)
        for port in touched:
            claims = self._claimants(port)
            if claims and self._bound.get(port.uuid) not in claims:
                self._bound[port.uuid] = min(claims)
        self._replace([*touched, *gone])

    def report(self, name: str, before: ChassisFacts | None, after: ChassisFacts | None) -> None:
        """A chassis' claims changed; `after` is None when it left."""
        old = before.vifs if before is not None else {}
        new = after.vifs if after is not None else {}
        first = name not in self._reported
        self._reported.add(name)
        changed = [i for i in new if old.get(i) != new[i]] + [i for i in old if i not in new]
        for iface_id in changed:
            if iface_id in new:
                self._claims.setdefault(iface_id, {})[name] = new[iface_id]
            else:
                self._drop_claim(iface_id, name)
        ports = [p for i in changed if (p := self._network.find_port(i)) is not None]
        for port in ports:
            self._decide(port, name, started=not first)
        if first or after is None:
            ports += self._unclaimed(name)
        self._replace(ports)

    def spot(self, port: Port) -> Spot | None:
        """Where a port is bound, or None."""
        placement = self.placements.get((port.tenant, port.switch))
        return None if placement is None else placement.spots.get(port.key)

    def interface(self, port: Port) -> str | None:
        """The name of the Interface that a port is bound by, once its chassis has said."""
        vif = self._claimants(port).get(self._bound.get(port.uuid, ""))
        return None if vif is None else vif.interface

    def unstored(self) -> dict[str, str | None]:
        """Bindings that the store does not have yet (chassis, or None to forget), now taken as stored."""
        news: dict[str, str | None] = {u: c for u, c in self._bound.items() if self._stored.get(u) != c}
        news |= {u: None for u in self._stored if u not in self._bound}
        self._stored = dict(self._bound)
        return news

    def _claimants(self, port: Port) -> dict[str, Vif]:
        return self._claims.get(port.name) or self._claims.get(port.uuid) or {}

    def _drop_claim(self, iface_id: str, chassis: str) -> None:
        claims = self._claims.get(iface_id, {})
        claims.pop(chassis, None)
        if not claims:
            self._claims.pop(iface_id, None)

    def _decide(self, port: Port, chassis: str, started: bool) -> None:
        claims = self._claimants(port)
        holder = self._bound.get(port.uuid)
        if chassis in claims and chassis != holder:
            if started or holder not in claims or self._stored.get(port.uuid) == chassis:
                self._bound[port.uuid] = chassis
        elif chassis not in claims and chassis == holder:
            if claims:
                self._bound[port.uuid] = min(claims)
            else:
                del self._bound[port.uuid]

    def _unclaimed(self, chassis: str) -> list[Port]:
        """Ports that the store remembers on a chassis which has now reported without them."""
        ports = [self._network.port_by_uuid.get(u) for u, c in self._bound.items() if c == chassis]
        gone = [p for p in ports if p is not None and chassis not in self._claimants(p)]
        for port in gone:
            self._decide(port, chassis, started=True)
        return gone

    def _replace(self, ports: Iterable[Port]) -> None:
        for ref in {(p.tenant, p.switch) for p in ports}:
            view = self._network.switch_views.get(ref)
            spots: dict[int, Spot] = {}
            for port in view.ports if view is not None else ():
                chassis = self._bound.get(port.uuid)
                if chassis is not None:
                    vif = self._claimants(port).get(chassis)
                    spots[port.key] = Spot(chassis, None if vif is None else vif.ofport)
            if spots:
                self.placements[ref] = Placement(spots)
            else:
                self.placements.pop(ref, None)
