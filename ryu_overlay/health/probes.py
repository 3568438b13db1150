"""What is sent to learn of tunnels and bridges, as values."""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[str, str]
"""From the first chassis to the second."""
Path = tuple[str, str, int]
"""Two chassis in any order, and which of the ways between them (outer source ports)."""


@dataclass(frozen=True, slots=True)
class Probe:
    """To be sent from one chassis into its tunnel to another. `token` is the number that tells it from others.

    `full`: as large as the largest. `vni`: in this VNI of a network, not in that of probes.
    """

    sender: str
    receiver: str
    token: int
    way: int = 0
    full: bool = False
    vni: int | None = None

    @property
    def there(self) -> Pair:
        """From where to where it is sent."""
        return self.sender, self.receiver

    @property
    def back(self) -> Pair:
        """From where to where it is sent back."""
        return self.receiver, self.sender


@dataclass(frozen=True, slots=True)
class Ask:
    """A chassis' bridge is to be asked for a sign of life; the answer has the token."""

    chassis: str
    token: int


@dataclass(slots=True)
class Burst:
    """Probes of one kind in quick succession. `left` are not judged yet."""

    count: int
    left: int
    lost: int = 0


class Tokens:
    """Numbers that tell what is sent apart."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """From 1 to 2**32 - 1, over and over."""
        self._last = self._last % 0xFFFFFFFF + 1
        return self._last
