"""How large packets of VMs may be: what every chassis' underlay carries inside a tunnel."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ryu_overlay.fabric.facts import VXLAN_OVERHEAD, ChassisFacts

NOTE = "mtu/"
"""What the memory's notes about a chassis' underlay begin with; its name follows."""


class Mtu:
    """`value` is in bytes, None while no chassis has told.

    What chassis told is remembered: else a controller that starts would first take its own flows away, and one chassis that is
    away would make packets larger than it can take.
    """

    def __init__(self) -> None:
        self.value: int | None = None
        self._underlays: dict[str, int] = {}
        self._stored: dict[str, str] = {}

    def start(self, notes: Mapping[str, str], chassis: Collection[str]) -> None:
        """Begin with what the store remembers of these chassis."""
        self._stored = {name: value for name, value in notes.items() if name.startswith(NOTE)}
        remembered = {name.removeprefix(NOTE): value for name, value in self._stored.items()}
        self._underlays = {name: int(value) for name, value in remembered.items() if name in chassis and value.isdecimal()}
        self._measure()

    def saw(self, facts: ChassisFacts) -> bool:
        """A chassis reported. Returns whether VMs may use another size now."""
        if facts.mtu is not None:
            self._underlays[facts.name] = facts.mtu
        return self._measure()

    def forget(self, chassis: str) -> None:
        """A chassis is no more."""
        self._underlays.pop(chassis, None)
        self._measure()

    def notes(self) -> dict[str, str | None]:
        """What the memory does not have yet of it (None: to be forgotten), now taken as stored."""
        wanted = {f"{NOTE}{name}": str(mtu) for name, mtu in self._underlays.items()}
        news: dict[str, str | None] = {name: value for name, value in wanted.items() if self._stored.get(name) != value}
        news |= {name: None for name in self._stored if name not in wanted}
        self._stored = wanted
        return news

    def _measure(self) -> bool:
        before = self.value
        self.value = min(self._underlays.values()) - VXLAN_OVERHEAD if self._underlays else None
        return self.value != before
