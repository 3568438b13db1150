"""Whose a packet-in is: the probes under way by their IPv4 identification, and the answers that are waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ryu_overlay.oam.frames import ident_of
from ryu_overlay.oam.guests import Answer
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.sighting import Sighting


class Busy(Exception):
    """More is under way than can be told apart."""


@dataclass(slots=True)
class ArpAnswer:
    """A guest's, that is waited for: from behind an OpenFlow port of a chassis, about an IPv4 address. `came`: whether it did."""

    chassis: str
    ofport: int
    address: int
    came: bool = False


class Register:
    """What is waited for."""

    def __init__(self, numbers: Iterator[int]) -> None:
        """`numbers` gives identifications to try, 1 to 65535, without end."""
        self._arps: list[ArpAnswer] = []
        self._numbers = numbers
        self._journeys: dict[int, Journey] = {}
        self._answers: list[Answer] = []

    def free(self) -> int:
        """An identification that no probe under way has. Raises Busy while too many have one."""
        for _, ident in zip(range(1000), self._numbers):
            if ident not in self._journeys:
                return ident
        raise Busy("too many probes are under way")

    def begin(self, journey: Journey) -> None:
        """Have what is seen of a probe, which has its identification from `free`, come to its journey, until `end`."""
        self._journeys[journey.ident] = journey

    def end(self, journeys: Iterable[Journey]) -> None:
        """Their identifications are free again. Ending one twice does no harm."""
        for journey in journeys:
            self._journeys.pop(journey.ident, None)

    def expect(self, answer: Answer) -> None:
        """Wait for an answer, until `expect_no_more`."""
        self._answers.append(answer)

    def expect_no_more(self, answer: Answer) -> None:
        """Wait no longer. Nothing happens if it was not waited for."""
        # By identity: others may wait for the same at the same time.
        self._answers = [a for a in self._answers if a is not answer]

    def expect_arp(self, answer: ArpAnswer) -> None:
        """Wait for a guest to tell by ARP that it has an address, until `expect_arp_no_more`."""
        self._arps.append(answer)

    def expect_arp_no_more(self, answer: ArpAnswer) -> None:
        """Wait no longer. Nothing happens if it was not waited for."""
        # By identity: others may wait for the same at the same time.
        self._arps = [a for a in self._arps if a is not answer]

    def told(self, chassis: str, ofport: int, address: int) -> None:
        """The guest behind an OpenFlow port tells so."""
        for answer in self._arps:
            answer.came = answer.came or (answer.chassis, answer.ofport, answer.address) == (chassis, ofport, address)

    def journey_of(self, seen: Sighting) -> Journey | None:
        """The probe that a sighting is of: by its identification, or as the answer of a host outside."""
        found = self._journeys.get(ident_of(seen.frame) or 0)
        if found is not None:
            return found
        return next((a.journey for a in self._answers if a.journey is not None and a.is_it(seen.frame)), None)

    def answered(self, frame: bytes) -> Answer | None:
        """The answer that a guest's frame is."""
        return next((a for a in self._answers if a.journey is None and a.is_it(frame)), None)
