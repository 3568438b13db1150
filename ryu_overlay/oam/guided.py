"""Choices of the reference walk as they were seen to be made: where a hash decides, what the packet did is what is expected."""

from __future__ import annotations

from typing import TypeVar

from ryu_overlay.model.objects import Member
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.openflow.fields import IPV4_SRC
from ryu_overlay.pipeline.registers import CHOSEN, NEXT_HOP
from ryu_overlay.pipeline.tables import LB_MEMBER, LR_OUT_SIZE, LR_OUT_TRANSLATED

Option = TypeVar("Option")


class Guided:
    """Chooses what was seen, else the first: see `model.walk_choice.Choose`."""

    def __init__(self) -> None:
        self._members: set[int] = set()
        self._next_hops: set[int] = set()
        self._sources: set[int] = set()

    @property
    def version(self) -> int:
        """Another number whenever choices may have become others."""
        return len(self._members) + len(self._next_hops) + len(self._sources)

    def saw(self, journey: Journey) -> None:
        """Take in a journey, for what its packet's registers and addresses were behind each choice."""
        for stay in journey.stays:
            for seen in stay.seen:
                self._saw(seen)

    def _saw(self, seen: Sighting) -> None:
        if seen.table == LB_MEMBER.number:
            self._members.add(seen.register(CHOSEN))
        elif seen.table == LR_OUT_SIZE.number:
            self._next_hops.add(seen.register(NEXT_HOP))
        elif seen.table == LR_OUT_TRANSLATED.number:
            self._sources.add(seen.state.get(IPV4_SRC, 0))

    def __call__(self, options: tuple[Option, ...], /) -> Option:
        if _member_of(options[0]) is not None:
            return next((o for o in options if _member_of(o) in self._members), options[0])
        for seen in (self._next_hops, self._sources):
            found = next((o for o in options if int(o) in seen), None)  # type: ignore[call-overload]
            if found is not None:
                return found
        return options[0]


def _member_of(option: object) -> int | None:
    """The key of the member that an option is."""
    return option[0].key if isinstance(option, tuple) and isinstance(option[0], Member) else None
