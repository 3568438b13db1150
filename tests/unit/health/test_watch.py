"""Each kind of fault at random places of simulated fabrics: told once, by its name, soon, and until it is mended."""

from __future__ import annotations

import pytest

from ryu_overlay.health.book import FLAPPING_HOLD, HOLD
from tests.unit.health.catalogue import ALL, HARD, HARD_ONES, HOLE, LOST, SOFT_ONES, Case
from tests.unit.health.simulated import EPOCH, Fabric, warm
from tests.unit.health.troubles import Noise, Pauses, Trouble
from tests.unit.health.ways import METER


def told(fabric: Fabric) -> list[tuple[str, str]]:
    return [(fault.verdict.kind, fault.verdict.element.text) for fault in fabric.lasting]


def ways(fabric: Fabric) -> dict[str, str]:
    """A chassis, and one that it is tried with."""
    one = fabric.random.choice(fabric.paths)
    a, b = fabric.random.sample((one.a, one.b), 2)
    return {"a": a, "b": b, "pair": f"{one.a}={one.b}"}


def check(case: Case, size: int, seed: int) -> None:
    fabric = warm(size, seed)
    names = ways(fabric)
    began = EPOCH + fabric.raw
    case.break_(fabric, names["a"], names["b"])
    fabric.run(case.within + 2)
    assert told(fabric) == [(case.kind, case.element.format(**names))]
    first = min(fault.raised for fault in fabric.told) - began
    (lasting,) = fabric.lasting
    assert 0 < first <= lasting.raised - began <= case.within
    assert lasting.since <= lasting.raised
    ids = {fault.id for fault in fabric.told}
    fabric.run(2)
    fabric.mend()
    fabric.run(case.over + HOLD)
    assert told(fabric) == []
    assert {fault.id for fault in fabric.told} == ids
    if case in HARD_ONES.values():
        assert len(ids) == 1


@pytest.mark.parametrize("size", [3, 10])
@pytest.mark.parametrize("name", HARD_ONES)
def test_hard_faults_are_told_within_a_second(name: str, size: int) -> None:
    check(HARD_ONES[name], size, seed=size)


@pytest.mark.parametrize(
    ("name", "size"), [*((name, 4) for name in SOFT_ONES), *((name, 10) for name in SOFT_ONES if "link" in name)]
)
def test_soft_faults_are_told_within_seconds(name: str, size: int) -> None:
    check(SOFT_ONES[name], size, seed=size)


@pytest.mark.parametrize(
    ("name", "size", "seconds"),
    [
        ("link down", 10, 30),
        ("vswitch killed", 3, 40),
        ("path slow", 3, 150),
        ("half of a path lost", 3, 40),
        ("path corrupting", 3, 40),
        ("size hole of a link", 10, 30),
        ("network lost on a path", 3, 40),
        ("datapath diverged", 3, 60),
    ],
)
def test_what_lasts_is_one_fault_all_the_time(name: str, size: int, seconds: float) -> None:
    fabric = warm(size)
    names = ways(fabric)
    ALL[name].break_(fabric, names["a"], names["b"])
    fabric.run(seconds)
    assert told(fabric) == [(ALL[name].kind, ALL[name].element.format(**names))]
    assert fabric.lasting[0].flaps == 0
    assert len({fault.id for fault in fabric.told}) == 1


def test_loss_is_found_without_traffic() -> None:
    fabric = Fabric(3, rate=0)
    fabric.run(10)
    fabric.trouble(Trouble(loss=0.1), [("hv1", "hv2")])
    fabric.run(60)
    assert told(fabric) == [("lossy", "path hv1>hv2")]
    assert fabric.lasting[0].flaps == 0


def test_what_no_probe_tries_is_found_by_what_networks_lose() -> None:
    fabric = warm(10)
    tried = {(path.a, path.b) for path in fabric.paths}
    a, b = next(pair for pair in sorted(fabric.between("hv1", into=False)) if {pair, pair[::-1]}.isdisjoint(tried))
    fabric.trouble(LOST, [(a, b)])
    fabric.run(10)
    assert told(fabric) == [("down", f"path {a}>{b}")]


def test_a_size_hole_is_told_as_one_though_networks_lose_packets_by_it() -> None:
    fabric = warm(3)
    for flow in fabric.flows.values():
        flow.full = 0.5
    fabric.trouble(HOLE, [("hv1", "hv2")])
    fabric.run(30)
    assert told(fabric) == [("mtu_hole", "path hv1>hv2")]


@pytest.mark.parametrize("size", [4, 10])
def test_a_split_is_one_fault(size: int) -> None:
    fabric = warm(size)
    names = sorted(fabric.chassis)
    sides = names[: size // 2], names[size // 2 :]
    fabric.trouble(LOST, [pair for a in sides[0] for b in sides[1] for pair in ((a, b), (b, a))])
    fabric.run(5)
    assert told(fabric) == [("down", f"split {'|'.join(map(','.join, sides))}")]


@pytest.mark.parametrize(
    ("sides", "element"), [({}, "pair hv1=hv2"), ({"out": False}, "path hv2>hv1"), ({"into": False}, "path hv1>hv2")]
)
def test_between_two_chassis_nobody_knows_whose_link_it_is(sides: dict[str, bool], element: str) -> None:
    fabric = warm(2)
    fabric.trouble(LOST, fabric.between("hv1", **sides))
    fabric.run(2)
    assert told(fabric) == [("down", element)]


def test_two_faults_at_once_are_two() -> None:
    fabric = warm(4)
    fabric.trouble(LOST, fabric.between("hv1"))
    fabric.trouble(Trouble(loss=0.2), [("hv2", "hv3")])
    fabric.run(10)
    assert sorted(told(fabric)) == [("down", "link hv1"), ("lossy", "path hv2>hv3")]
    assert min(fault.raised for fault in fabric.lasting) - EPOCH < 21 + HARD + 1


def test_a_dead_vswitch_hides_what_was_wrong_with_its_link() -> None:
    fabric = warm(3)
    fabric.trouble(LOST, fabric.between("hv1"))
    fabric.run(4)
    fabric.stop("hv1")
    fabric.run(4)
    assert told(fabric) == [("vswitch_down", "vswitch hv1")]


def test_a_flapping_link_is_one_alarm() -> None:
    fabric = warm(3)
    for _ in range(6):
        fabric.trouble(LOST, fabric.between("hv1"))
        fabric.run(3)
        fabric.mend()
        fabric.run(4)
    assert told(fabric) == [("down", "link hv1")]
    fabric.run(FLAPPING_HOLD)
    assert told(fabric) == []
    assert len({fault.id for fault in fabric.told}) == 1
    assert fabric.told[-1].flaps == 5


def test_while_the_channels_of_both_ends_are_cut_a_fault_between_them_is_unknown() -> None:
    fabric = warm(3)
    fabric.trouble(LOST, [("hv1", "hv2"), ("hv2", "hv1")])
    fabric.run(3)
    fabric.cut("hv1")
    fabric.cut("hv2")
    fabric.run(3 * HOLD)
    assert ("down", "pair hv1=hv2") in told(fabric)


@pytest.mark.parametrize("held", [Pauses(every=10, seconds=2), None], ids=["pauses", "short of cpu"])
def test_a_controller_that_is_held_up_finds_faults_all_the_same(held: Pauses | None) -> None:
    fabric = warm(3)
    fabric.pauses, fabric.noise = (held, None) if held else (Pauses(), Noise(fabric.random))
    fabric.trouble(LOST, fabric.between("hv1"))
    fabric.run(10)
    assert told(fabric) == [("down", "link hv1")]
    assert len(fabric.told) == 1


@pytest.mark.parametrize("name", ["link down", "no carrier", "powered off", "a tenth of a link lost", "half of a link lost"])
def test_no_fault_is_met_by_more_probes_than_bridges_may_tell_of(name: str) -> None:
    fabric = warm(10)
    ALL[name].break_(fabric, "hv1", "hv2")
    fabric.run(15)
    assert max(fabric.told_of.values()) < METER / 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("half of a path lost", "channel closed"),
        ("network lost on its way out", "powered off"),
        ("network lost on its way out", "vswitch hung"),
        ("channel silent", "network lost on its way in"),
        ("powered off", "half of a link lost"),
        ("datapath diverged", "channel closed"),
        ("link down", "a tenth of a link lost"),
        ("link deaf", "link mute"),
        ("path corrupting", "vswitch starved"),
        ("tunnel leads astray", "size hole of a link"),
    ],
)
def test_what_one_fault_hides_says_nothing_of_the_other(one: str, other: str) -> None:
    fabric = warm(4)
    wanted = set()
    for name, (a, b) in ((one, ("hv1", "hv4")), (other, ("hv2", "hv3"))):
        ALL[name].break_(fabric, a, b)
        wanted.add((ALL[name].kind, ALL[name].element.format(a=a, b=b, pair=f"{a}={b}")))
    fabric.run(25)
    assert set(told(fabric)) == wanted


def test_a_size_hole_beside_another_fault_stays_that_of_its_link() -> None:
    """Of so many chassis only some pairs are tried all the time."""
    fabric = warm(6)
    ALL["link mute"].break_(fabric, "hv5", "hv1")
    ALL["size hole of a link"].break_(fabric, "hv4", "hv2")
    fabric.run(8)
    for _ in range(20):
        fabric.run(1)
        assert set(told(fabric)) == {("down", "link-out hv5"), ("mtu_hole", "link hv4")}


@pytest.mark.parametrize("lost", [0.01, 0.05])
def test_what_is_changed_on_its_way_may_be_lost_by_it_and_that_is_no_fault_besides(lost: float) -> None:
    fabric = warm(4)
    fabric.trouble(Trouble(corrupt=0.05, loss=lost), fabric.between("hv2", out=False))
    fabric.run(30)
    assert told(fabric) == [("corrupting", "link-in hv2")]
