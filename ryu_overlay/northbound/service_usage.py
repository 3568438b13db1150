"""What REST needs of accounting: one protocol, over the values of `accounting`.

The app implements it. Nothing here knows HTTP, SQL or bridges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ryu_overlay.accounting.values import Account, Count, Found, Use


class LedgerAway(Exception):
    """The ledger cannot be asked now. The text says why."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What passes of a use now: packets and bytes a second."""

    use: Use
    packets: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Reading:
    """How reading goes: seconds since each chassis was read last; rounds so far, and the seconds of CPU and bytes that they took;
    and why the ledger is away, None if it is not."""

    ages: Mapping[str, float]
    rounds: int
    seconds: float
    bytes: int
    away: str | None


class Usage(Protocol):
    """What uplinks and floating IPs carry and carried."""

    @property
    def interval(self) -> int:
        """The length of intervals in seconds."""
        ...

    def usage(self, since: float, until: float, *, coarse: bool) -> Found:
        """What passed in a time, to now: in the finest intervals that are left, or `coarse` for sums. Raises LedgerAway."""
        ...

    def rates(self) -> tuple[list[Rate], Mapping[str, Account]]:
        """What passes now, where there is traffic, and whose all accounts are."""
        ...

    def totals(self) -> tuple[Mapping[Use, Count], Mapping[str, Account]]:
        """What was counted since the controller started, and whose."""
        ...

    def reading(self) -> Reading:
        """How fresh all that is."""
        ...
