"""How weights become slots: of `SLOTS`, each member gets a share in proportion, as whole slots.

Open vSwitch gives the buckets of a group whole slots too, of 16 where few weights are given, which is coarse: weights 1 to 2 to 3
would come out as 3 to 5 to 8. With as many equal buckets as slots each share is exact to half a slot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

SLOTS = 256
"""A power of two, and the most that Open vSwitch shares a group's traffic out over."""


def shares(weights: Sequence[int]) -> list[int]:
    """Slots for each weight (1 or more; at most `SLOTS` of them), by largest remainder; every one gets at least one.

    One or two, four, ... equal weights need no more slots than there are of them.
    """
    if not weights:
        return []
    count = len(weights)
    slots = count if len(set(weights)) == 1 and count & count - 1 == 0 else SLOTS
    total = sum(weights)
    exact = [weight * slots / total for weight in weights]
    found = [max(1, int(share)) for share in exact]
    by_remainder = sorted(range(count), key=lambda i: (found[i] - exact[i], i))
    while sum(found) < slots:
        for i in by_remainder[: slots - sum(found)]:
            found[i] += 1
    while sum(found) > slots:
        largest = max(range(count), key=lambda i: found[i] - exact[i] if found[i] > 1 else -1.0)
        found[largest] -= 1
    return found


def blocks_of(first: int, count: int) -> Iterator[tuple[int, int]]:
    """The slots from `first` on, `count` of them, as (value, mask) of a 16-bit field."""
    while count:
        size = min(first & -first or SLOTS, 1 << count.bit_length() - 1)
        yield first, 0xFFFF & ~(size - 1)
        first, count = first + size, count - size
