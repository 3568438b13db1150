"""One capture as values: what was asked for, what came of it at each point, and how that reads in a pcapng stream.

It does not know how packets come, nor where flows are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ryu_overlay import __version__
from ryu_overlay.oam import pcapng
from ryu_overlay.oam.filters import Filter
from ryu_overlay.oam.pcapng import Direction
from ryu_overlay.oam.points import Point

MAX_POINTS = 16
MAX_PACKETS = 10_000_000
MAX_SECONDS = 86_400
MAX_RATE = 100_000
MIN_SNAPLEN, MAX_SNAPLEN = 14, 65_535
"""How much one capture may ask for: `MAX_RATE` is packets a second, a snaplen is in octets."""
DEFAULT_PACKETS, DEFAULT_SECONDS, DEFAULT_RATE = 100_000, 600, 1_000


class NotPossible(Exception):
    """What was asked for is wrong in itself: `field` and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Busy(NotPossible):
    """There is no room for it beside what runs."""


class NotReady(NotPossible):
    """The bridges do not do it now."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator asks for.

    `rate` is packets a second that each point may send up from one chassis (None: as many as there is room for, at most
    DEFAULT_RATE). `packets` and `seconds` end the capture. Of each packet `snaplen` octets are kept.
    """

    points: tuple[str, ...]
    filter: Filter
    packets: int = DEFAULT_PACKETS
    seconds: int = DEFAULT_SECONDS
    rate: int | None = None
    snaplen: int = MAX_SNAPLEN


@dataclass(slots=True)
class Tally:
    """What came of the packets of one point.

    `passed` went through the filter there, as its meters counted them, and `limited` of these were above the rate. `came` reached
    the controller; `crowded_out` of them found no room to wait in, and `written` are in the stream.
    """

    passed: int = 0
    limited: int = 0
    came: int = 0
    crowded_out: int = 0
    written: int = 0

    @property
    def received(self) -> int:
        """Meters are read now and then: what came since is known to have passed."""
        return max(self.passed, self.came + self.limited)

    @property
    def missing(self) -> int:
        """Those that passed the filter and are not in the stream."""
        return self.received - self.written

    @property
    def lost(self) -> int:
        """Lost between bridge and controller."""
        return max(self.received - self.limited - self.came, 0)

    def sentence(self, final: bool) -> str:
        """Why some are missing, for the operator; empty if none is."""
        if not final or not self.missing:
            return ""
        after = max(self.came - self.crowded_out - self.written, 0)
        why = {
            "above the rate": self.limited,
            "lost on the way to the controller": self.lost,
            "more than could be taken in": self.crowded_out,
            "after the end": after,
        }
        return f"not captured: {self.missing} (" + ", ".join(f"{count} {word}" for word, count in why.items() if count) + ")"


@dataclass(frozen=True, slots=True)
class Seen:
    """A packet as it came: at which of the capture's points, when (nanoseconds since 1970), where, and in which network (VNI)."""

    point: int
    direction: Direction
    time: int
    frame: bytes
    length: int
    chassis: str
    vni: int | None = None

    def block(self) -> bytes:
        """As it stands in the stream."""
        place = self.chassis if self.vni is None else f"{self.chassis}, vni {self.vni}"
        return pcapng.packet(self.point, self.time, self.frame, self.length, self.direction, place)


def head(wanted: Wanted, points: Sequence[Point]) -> bytes:
    """How the stream begins: who made it, and its interfaces."""
    remark = "times are those of arrival at the controller; a packet's comment is the chassis that saw it"
    parts = [pcapng.section(f"ryu_overlay {__version__}", remark)]
    parts += [pcapng.interface(point.name, point.description, wanted.snaplen, wanted.filter.text) for point in points]
    return b"".join(parts)


def state(tallies: Sequence[Tally], began: int, now: int, *, final: bool, reason: str = "") -> bytes:
    """What was counted at each point so far, or in all. `reason` is why the capture ended."""
    return b"".join(_states(tallies, began, now, final, reason))


def _states(tallies: Sequence[Tally], began: int, now: int, final: bool, reason: str) -> Iterator[bytes]:
    for number, tally in enumerate(tallies):
        comment = "; ".join(text for text in (reason, tally.sentence(final)) if text)
        yield pcapng.statistics(number, now, began, tally.received, tally.missing, final=final, comment=comment)
