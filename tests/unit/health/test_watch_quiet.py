"""What is no fault raises none: ten minutes of whatever goes on in a healthy fabric, and what was lost once."""

from __future__ import annotations

from random import Random

import pytest

from ryu_overlay.health.book import FLAPPING_HOLD
from tests.unit.health.catalogue import ALL
from tests.unit.health.simulated import Fabric, warm
from tests.unit.health.troubles import Noise, Pauses, Trouble

TEN_MINUTES = 600


def quiet(fabric: Fabric) -> None:
    assert fabric.told == []
    assert all(fabric.watch.evidence.directions[path.a, path.b, False].run == 0 for path in fabric.paths)


@pytest.mark.parametrize("held", [[], ["cpu"], ["pauses"], ["cpu", "pauses"]], ids=" ".join)
def test_a_machine_short_of_cpu_and_a_controller_that_pauses_are_no_faults(held: list[str]) -> None:
    fabric = warm(3)
    fabric.noise = Noise(Random(5)) if "cpu" in held else None
    fabric.pauses = Pauses(every=10, seconds=2 * ("pauses" in held))
    fabric.run(TEN_MINUTES if held == ["cpu"] else TEN_MINUTES / 4)
    quiet(fabric)


@pytest.mark.parametrize("seed", range(2))
def test_many_chassis_short_of_cpu_are_no_fault(seed: int) -> None:
    fabric = warm(10, seed)
    fabric.noise = Noise(Random(seed))
    fabric.run(60)
    quiet(fabric)


@pytest.mark.parametrize("size", [2, 3])
def test_if_all_is_late_it_is_the_controller(size: int) -> None:
    fabric = warm(size)
    for host in fabric.chassis.values():
        host.late = 0.06
    fabric.run(40)
    quiet(fabric)


@pytest.mark.parametrize("size", [2, 6])
def test_chassis_come_and_go(size: int) -> None:
    fabric = warm(size)
    for number in range(15):
        fabric.run(8 * fabric.random.random())
        fabric.join(f"new{number}")
        fabric.run(8 * fabric.random.random())
        fabric.leave(fabric.random.choice(sorted(fabric.chassis)))
    fabric.run(10)
    quiet(fabric)


def test_a_chassis_that_is_not_told_all_yet_or_has_no_tunnels_yet_is_no_fault() -> None:
    fabric = warm(3)
    fabric.join("new")
    fabric.chassis["new"].confirmed = False
    fabric.unmade = {frozenset(pair) for pair in fabric.between("new")}
    fabric.run(3)
    fabric.chassis["new"].confirmed = True
    fabric.run(1.5)
    fabric.unmade = set()
    fabric.run(10)
    quiet(fabric)


@pytest.mark.parametrize(("loss", "seconds"), [(0.9, 0.1), (1.0, 0.1), (1.0, 0.3)])
def test_what_is_lost_once_is_no_lasting_fault(loss: float, seconds: float) -> None:
    fabric = warm(3)
    fabric.trouble(Trouble(loss=loss), fabric.between("hv1"))
    fabric.run(seconds)
    fabric.mend()
    fabric.run(60)
    quiet(fabric)


def test_a_restarted_vswitch_takes_a_while_to_have_its_flows() -> None:
    fabric = warm(3)
    fabric.stop("hv1")
    fabric.run(3)
    fabric.mend()
    fabric.chassis["hv1"].confirmed = False
    fabric.run(2)
    fabric.chassis["hv1"].confirmed = True
    fabric.run(30)
    assert {fault.verdict.kind for fault in fabric.told} == {"vswitch_down"}
    assert fabric.lasting == []


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happened_once_it_is_mended_all_is_well(seed: int) -> None:
    fabric = warm(3, seed)
    random = fabric.random
    for _ in range(random.randint(2, 6)):
        case = random.choice(list(ALL.values()))
        case.break_(fabric, *random.sample(sorted(fabric.chassis), 2))
        fabric.run(random.choice((0.2, 1, 5, 20)) * random.random())
    fabric.mend()
    fabric.run(FLAPPING_HOLD + max(case.over for case in ALL.values()))
    assert fabric.lasting == []
    told = len(fabric.told)
    fabric.run(20)
    assert len(fabric.told) == told
