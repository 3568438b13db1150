"""Kinds of fault for simulated fabrics, and what has to be told of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.unit.health.simulated import Fabric
from tests.unit.health.troubles import Trouble

Break = Callable[[Fabric, str, str], None]
HARD = 1.0
"""Seconds within which a hard fault is told of."""


@dataclass(frozen=True, slots=True)
class Case:
    """How chassis `a`, or its ways to and from `b`, break; how that is told, and within how many seconds; and how many seconds
    after it is mended no sign of it is left."""

    kind: str
    element: str
    break_: Break
    within: float = HARD
    over: float = 2.0


def link(trouble: Trouble, **sides: bool) -> Break:
    return lambda fabric, a, b: fabric.trouble(trouble, fabric.between(a, **sides))


def path(trouble: Trouble) -> Break:
    return lambda fabric, a, b: fabric.trouble(trouble, [(a, b)])


def pair(trouble: Trouble) -> Break:
    return lambda fabric, a, b: fabric.trouble(trouble, [(a, b), (b, a)])


def unplugged(fabric: Fabric, a: str, b: str) -> None:
    fabric.chassis[a].carrier = False
    fabric.trouble(LOST, fabric.between(a))


def powered_off(fabric: Fabric, a: str, b: str) -> None:
    fabric.stop(a)
    fabric.chassis[a].database = False


def starved(fabric: Fabric, a: str, b: str) -> None:
    fabric.chassis[a].late = 0.15


def astray(fabric: Fabric, a: str, b: str) -> None:
    fabric.astray[a, b] = min(fabric.chassis.keys() - {a, b})


LOST, HOLE, LATE, CHANGED = Trouble(loss=1), Trouble(full_loss=1), Trouble(delay=0.05), Trouble(corrupt=0.3)
NO_VNI, DIVERGED = Trouble(vnis=frozenset({7})), Trouble(diverged=frozenset({7}))

HARD_ONES = {
    "link down": Case("down", "link {a}", link(LOST)),
    "no carrier": Case("down", "link {a}", unplugged),
    "link deaf": Case("down", "link-in {a}", link(LOST, out=False)),
    "link mute": Case("down", "link-out {a}", link(LOST, into=False)),
    "path down": Case("down", "path {a}>{b}", path(LOST)),
    "pair down": Case("down", "pair {pair}", pair(LOST)),
    "vswitch killed": Case("vswitch_down", "vswitch {a}", lambda fabric, a, b: fabric.stop(a)),
    "powered off": Case("chassis_down", "chassis {a}", powered_off),
    "vswitch hung": Case("vswitch_hung", "vswitch {a}", lambda fabric, a, b: fabric.hang(a)),
    "channel closed": Case("channel_down", "channel {a}", lambda fabric, a, b: fabric.cut(a)),
    "channel silent": Case("channel_down", "channel {a}", lambda fabric, a, b: fabric.hang(a, forwards=True)),
}
SOFT_ONES = {
    "half of a path lost": Case("lossy", "path {a}>{b}", path(Trouble(loss=0.5)), 8, 8),
    "a tenth of a path lost": Case("lossy", "path {a}>{b}", path(Trouble(loss=0.1)), 9, 10),
    "a hundredth of a path lost": Case("lossy", "path {a}>{b}", path(Trouble(loss=0.01)), 14, 20),
    "half of a link lost": Case("lossy", "link {a}", link(Trouble(loss=0.5)), 12, 8),
    "a tenth of a link lost": Case("lossy", "link {a}", link(Trouble(loss=0.1)), 12, 10),
    "a hundredth of a link lost": Case("lossy", "link {a}", link(Trouble(loss=0.01)), 14, 20),
    "size hole of a path": Case("mtu_hole", "path {a}>{b}", path(HOLE), 4, 4),
    "size hole of a link": Case("mtu_hole", "link {a}", link(HOLE), 4, 4),
    "path slow": Case("slow", "path {a}>{b}", path(LATE), 7, 4),
    "link slow": Case("slow", "link {a}", link(LATE), 10, 4),
    "path corrupting": Case("corrupting", "path {a}>{b}", path(CHANGED), 8, 25),
    "path congested": Case("congested", "path {a}>{b}", path(Trouble(loss=0.1, delay=0.04)), 10, 10),
    "network lost on a path": Case("vni_lost", "vni red/net7 {a}>{b}", path(NO_VNI), 8, 4),
    "network lost on its way in": Case("vni_lost", "vni red/net7 *>{a}", link(NO_VNI, out=False), 8, 4),
    "network lost on its way out": Case("vni_lost", "vni red/net7 {a}>*", link(NO_VNI, into=False), 8, 4),
    "tunnel leads astray": Case("wrong_vtep", "tunnel {a}>{b}", astray, 2, 5),
    "datapath diverged": Case("datapath_diverged", "datapath {a}", path(DIVERGED), 15, 15),
    "vswitch starved": Case("starved", "vswitch {a}", starved, 10, 10),
}
ALL = HARD_ONES | SOFT_ONES
