"""Which chassis each logical port is on, decided from what the chassis claim.

1. A chassis claims a port by an Interface that has the port's UUID or name as iface-id. A UUID goes before a name, so
   that nobody can draw another's traffic by calling a port by its UUID.
2. The latest claim wins: while a VM migrates, both sides may claim, and the one that began later has it.
3. When the winner stops claiming, the port goes to the latest that still does, else it is bound nowhere.
4. A binding that the store remembers stands until its chassis has reported without claiming it, or another chassis
   makes a new claim. It counts as a claim made before the start.
5. What a remembered chassis claims in its first report was claimed before the start too; between such claims the
   remembered binding decides. What a chassis that the store does not know claims is new.
6. A remembered chassis is not waited for without end (`wait_no_more`): then its binding yields to any claim.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from ryu_overlay.fabric.facts import Vif
from ryu_overlay.fabric.placement import Placement, Spot
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Port, Ref

_BEFORE_START = 0
_NOTHING: Mapping[str, Vif] = MappingProxyType({})


class Bindings:
    """Claims in, placements out. A switch's placement is replaced, and `version` raised, only when something in it changed."""

    def __init__(self) -> None:
        self.placements: dict[Ref, Placement] = {}
        self.version = 0
        self._network = Network()
        self._vifs: dict[str, Mapping[str, Vif]] = {}
        self._claims: dict[str, dict[str, int]] = {}
        self._bound: dict[str, str] = {}
        self._unheard: set[str] = set()
        self._waiting = True
        self._reports = _BEFORE_START
        self._unstored: dict[str, str | None] = {}

    def start(self, network: Network, chassis: Collection[str], bindings: Mapping[str, str]) -> None:
        """Begin with what the store knows: the network, the chassis seen before, and chassis by port UUID."""
        self._network = network
        self._unheard = set(chassis)
        self._bound = {u: c for u, c in bindings.items() if u in network.port_by_uuid and c in self._unheard}
        self._unstored = {u: None for u in bindings if u not in self._bound}
        self._settle([network.port_by_uuid[u] for u in self._bound])

    def network(self, network: Network) -> None:
        """The logical network changed: ports came, went or changed."""
        before, self._network = self._network, network
        if before.port_by_uuid is network.port_by_uuid:
            return
        touched = [p for u, p in network.port_by_uuid.items() if before.port_by_uuid.get(u) is not p]
        stale = [before.port_by_uuid[p.uuid] for p in touched if p.uuid in before.port_by_uuid]
        gone = [p for u, p in before.port_by_uuid.items() if u not in network.port_by_uuid]
        for port in gone:
            if self._bound.pop(port.uuid, None) is not None:
                self._unstored[port.uuid] = None
        called = [network.port_by_name.get(p.uuid) for p in (*touched, *gone)]
        self._settle([*touched, *(p for p in called if p is not None)], left=[*stale, *gone])

    def report(self, chassis: str, vifs: Mapping[str, Vif]) -> bool:
        """All that a chassis claims now, by iface-id. Returns whether that is not what it claimed before."""
        first = chassis in self._unheard
        before = self._vifs.get(chassis, _NOTHING)
        if not first and before == vifs:
            return False
        self._unheard.discard(chassis)
        self._reports += 1
        since = _BEFORE_START if first else self._reports
        changed = [i for i in before if i not in vifs]
        for iface_id in changed:
            self._drop_claim(iface_id, chassis)
        for iface_id, vif in vifs.items():
            if before.get(iface_id) != vif:
                changed.append(iface_id)
                self._claims.setdefault(iface_id, {}).setdefault(chassis, since)
        self._vifs[chassis] = vifs
        ports = [p for i in changed if (p := self._find(i)) is not None]
        self._settle([*ports, *self._held(chassis)] if first else ports)
        return True

    def forget(self, chassis: str) -> None:
        """A chassis is no more: it claims nothing, and what is remembered of it does not count."""
        self._unheard.discard(chassis)
        for iface_id in self._vifs.pop(chassis, _NOTHING):
            self._drop_claim(iface_id, chassis)
        self._settle(self._held(chassis))

    def wait_no_more(self) -> bool:
        """Remembered chassis have had their time to report (rule 6). Returns whether that moved any port."""
        if not self._waiting:
            return False
        self._waiting = False
        absent = [p for c in self._unheard for p in self._held(c) if self._claimants(p)]
        self._settle(absent)
        return bool(absent)

    def spot(self, port: Port) -> Spot | None:
        """Where a port is bound, or None."""
        placement = self.placements.get((port.tenant, port.switch))
        return None if placement is None else placement.spots.get(port.key)

    def interface(self, port: Port) -> str | None:
        """The name of the Interface that a port is bound by, once its chassis has said."""
        vif = self._vif(port, self._bound.get(port.uuid, ""))
        return None if vif is None else vif.interface

    def unstored(self) -> dict[str, str | None]:
        """Bindings that the store does not have yet (chassis, or None to forget), now taken as stored."""
        news, self._unstored = self._unstored, {}
        return news

    def _find(self, iface_id: str) -> Port | None:
        return self._network.port_by_uuid.get(iface_id) or self._network.port_by_name.get(iface_id)

    def _vif(self, port: Port, chassis: str) -> Vif | None:
        vifs = self._vifs.get(chassis, _NOTHING)
        return vifs.get(port.uuid) or (vifs.get(port.name) if self._find(port.name) is port else None)

    def _claimants(self, port: Port) -> dict[str, int]:
        """By chassis, when it began to claim the port."""
        by_name = self._claims.get(port.name, {}) if self._find(port.name) is port else {}
        return {**by_name, **self._claims.get(port.uuid, {})}

    def _drop_claim(self, iface_id: str, chassis: str) -> None:
        claims = self._claims.get(iface_id, {})
        claims.pop(chassis, None)
        if not claims:
            self._claims.pop(iface_id, None)

    def _held(self, chassis: str) -> list[Port]:
        return [self._network.port_by_uuid[u] for u, c in self._bound.items() if c == chassis]

    def _winner(self, port: Port) -> str | None:
        claims = self._claimants(port)
        holder = self._bound.get(port.uuid)
        if holder is not None and holder in self._unheard and (self._waiting or not claims):
            claims[holder] = _BEFORE_START
        return max(sorted(claims), key=lambda c: (claims[c], c == holder), default=None)

    def _settle(self, ports: Iterable[Port], left: Iterable[Port] = ()) -> None:
        """Decide where ports are; those in `left` are no more where (or what) they were."""
        moves: dict[Ref, dict[int, Spot | None]] = {}
        for port in left:
            moves.setdefault((port.tenant, port.switch), {})[port.key] = None
        for port in ports:
            winner = self._winner(port)
            spot = None
            if winner != self._bound.get(port.uuid):
                self._unstored[port.uuid] = winner
            if winner is None:
                self._bound.pop(port.uuid, None)
            else:
                self._bound[port.uuid] = winner
                vif = self._vif(port, winner)
                spot = Spot(winner, None if vif is None else vif.ofport)
            moves.setdefault((port.tenant, port.switch), {})[port.key] = spot
        for ref, spots in moves.items():
            self._place(ref, spots)

    def _place(self, ref: Ref, moves: Mapping[int, Spot | None]) -> None:
        before = self.placements[ref].spots if ref in self.placements else {}
        if all(before.get(key) == spot for key, spot in moves.items()):
            return
        self.version += 1
        spots = {key: spot for key, spot in {**before, **moves}.items() if spot is not None}
        if spots:
            self.placements[ref] = Placement(spots)
        else:
            del self.placements[ref]
