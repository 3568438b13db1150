"""Loss that is spread over many peers and networks, as the sums of what a chassis sends and gets show it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from random import Random

import pytest

from ryu_overlay.health.conservation import Ledger
from ryu_overlay.health.counted import Key
from ryu_overlay.health.elements import ANY
from tests.unit.health.wire import Clock, Wire, steady

CHASSIS = ("hv1", "hv2", "hv3", "hv4")
INTO_HV2: Key = (0, ANY, "hv2")


class Together(Clock):
    """All counters of a chassis are read at about the same moment: as many reads as it has counters are one."""

    def __init__(self, random: Random, reads: int) -> None:
        super().__init__(random)
        self._reads, self._count, self._late = reads, 0, 0.0

    def read(self, received: bool) -> float:
        if self._count % self._reads == 0:
            self._late = super().read(received)
        self._count += 1
        return self._late


class Fabric:
    """Two networks between four chassis; what goes to hv2 loses a share."""

    def __init__(self, seed: int, share: float, rate: float = 42.0) -> None:
        random = Random(seed)
        clocks = {name: Together(random, 4 * (len(CHASSIS) - 1)) for name in CHASSIS}
        self.wires = {
            (vni, a, b): Wire(random, steady(rate), steady(share if b == "hv2" else 0.0), (clocks[a], clocks[b]))
            for vni in (7, 8)
            for a, b in permutations(CHASSIS, 2)
        }
        self.ledger = Ledger()

    def read(self, readings: int) -> Iterator[float]:
        for _ in range(readings):
            for key, wire in self.wires.items():
                at, sent, received = wire.read()
                self.ledger.take(key, at, sent, received)
            yield at

    def first(self, readings: int, *, hints: bool) -> float | None:
        """When hv2 is named first."""
        return next((at for at in self.read(readings) if INTO_HV2 in {e.key for e in self.ledger.ends(at, hints)}), None)


@pytest.mark.parametrize("seed", range(6))
def test_a_thin_loss_is_hinted_at_by_the_sum_no_later_than_two_networks_show_it(seed: int) -> None:
    hint, other = Fabric(seed, 0.01).first(20, hints=True), Fabric(seed, 0.01)
    alone = next((t for t in other.read(40) if len({loss.key for loss in other.ledger.findings(t)}) > 1), 99.0)
    assert hint is not None and hint <= alone
    sure = Fabric(seed, 0.01).first(30, hints=False)
    assert sure is not None and hint <= sure


def test_where_nothing_is_lost_nothing_is_said() -> None:
    fabric = Fabric(1, 0.0)
    assert [end for at in fabric.read(300) for end in fabric.ledger.ends(at)] == []


def test_only_the_ends_that_lose_are_named() -> None:
    fabric = Fabric(2, 0.2)
    named = {end.key for at in fabric.read(8) for end in fabric.ledger.ends(at)}
    assert INTO_HV2 in named and not any(b == ANY and a == "hv2" for _, a, b in named)


def test_networks_that_come_and_go_are_no_loss() -> None:
    fabric, random = Fabric(3, 0.0), Random(3)
    for _ in range(60):
        gone = random.choice(list(fabric.wires))
        wire = fabric.wires.pop(gone)
        assert not [end for at in fabric.read(3) for end in fabric.ledger.ends(at)]
        fabric.wires[gone] = Wire(random, steady(42.0), steady(0.0)) if random.random() < 0.5 else wire
        for _ in range(3):
            wire.read()


def test_what_is_forgotten_says_nothing_of_what_comes() -> None:
    fabric = Fabric(1, 0.2)
    *_, at = fabric.read(10)
    assert fabric.ledger.ends(at)
    fabric.ledger.forget((7, "hv1", "hv2"))
    assert not [end for end in fabric.ledger.ends(at) if "hv2" in end.key]


def test_what_was_not_read_for_a_while_is_not_known() -> None:
    fabric = Fabric(1, 0.2)
    *_, at = fabric.read(10)
    assert fabric.ledger.ends(at) and not fabric.ledger.ends(at + 10.0)
