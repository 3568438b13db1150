"""What the store keeps of the fabric, and what it does not have yet."""

from __future__ import annotations

from typing import Any

from ryu_overlay.engine.events import Remember
from ryu_overlay.fabric.facts import ChassisFacts


class Memory:
    """Gathers what is new, until it is given to the store."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, ...]] = {}
        self._news: dict[str, ChassisFacts | None] = {}

    def saw(self, facts: ChassisFacts) -> None:
        """A chassis reported."""
        kept = (facts.encap_ip, facts.mtu, facts.bridge_mappings, facts.datapath_type, facts.ovs_version)
        if self._kept.get(facts.name) != kept:
            self._kept[facts.name] = kept
            self._news[facts.name] = facts

    def forgot(self, name: str) -> None:
        """A chassis is no more."""
        self._kept.pop(name, None)
        self._news[name] = None

    def remember(self, bindings: dict[str, str | None], notes: dict[str, str | None]) -> list[Remember]:
        """What the store is to be told, with news of bindings and notes; now taken as told."""
        if not self._news and not bindings and not notes:
            return []
        chassis, self._news = self._news, {}
        return [Remember(chassis, bindings, notes)]
