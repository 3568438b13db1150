"""Choices of the reference walk as they were seen to be made: where a hash decides, what the packet did is what is expected."""

from __future__ import annotations

from typing import TypeVar

from ryu_overlay.model.objects import Member
from ryu_overlay.oam.journey import Journey
from ryu_overlay.openflow.fields import IPV4_DST, IPV4_SRC
from ryu_overlay.pipeline.registers import NEXT_HOP

Option = TypeVar("Option")


class Guided:
    """Chooses what was seen, else the first: see `model.walk_choice.Choose`."""

    def __init__(self) -> None:
        self._addresses: set[int] = set()

    @property
    def version(self) -> int:
        """Another number whenever choices may have become others."""
        return len(self._addresses)

    def saw(self, journey: Journey) -> None:
        """Take in a journey: the next hops and addresses that its packet had on the way."""
        for stay in journey.stays:
            for seen in stay.seen:
                self._addresses.update((seen.register(NEXT_HOP), seen.state.get(IPV4_SRC, 0), seen.state.get(IPV4_DST, 0)))

    def __call__(self, options: tuple[Option, ...], /) -> Option:
        return next((option for option in options if self._was_seen(option)), options[0])

    def _was_seen(self, option: object) -> bool:
        if isinstance(option, tuple) and isinstance(option[0], Member):
            return any(int(address) in self._addresses for address in option[1].addresses[:1])
        try:
            return int(option) in self._addresses  # type: ignore[call-overload]
        except TypeError:
            return False
