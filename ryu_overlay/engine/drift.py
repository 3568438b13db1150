"""What a bridge has against what it should have, where nobody of ours changed it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ryu_overlay.engine.events import SwitchRead
from ryu_overlay.openflow.diff import COUNTING, Installed
from ryu_overlay.openflow.flow import UNLIMITED, FlowKey, FlowValue, Meter
from ryu_overlay.openflow.replies import InstalledFlow
from ryu_overlay.pipeline.cookies import is_ours

MISSING, CHANGED, EXTRA, FOREIGN = "missing", "changed", "extra", "foreign"
GROUP_NUMBER_BITS = 28
"""Groups of ours have numbers below 2 ** 28: four bits of what the group is for above an object's key."""


_COUNTS = Meter(COUNTING.start, UNLIMITED, UNLIMITED).encoded


@dataclass(frozen=True, slots=True)
class Drift:
    """One finding of an audit. `value` is what the bridge should have (what it has, for extra and foreign flows)."""

    chassis: str
    at: float
    what: str
    key: FlowKey
    value: FlowValue
    healed: bool


def ours(read: SwitchRead, believed: Installed) -> tuple[Installed, list[InstalledFlow]]:
    """What of a dump is ours, and the foreign flows.

    Ours are flows by cookie, or by standing where one of ours belongs, and groups and meters by number: higher numbers
    than ours are somebody else's, but for meters that do no more than count.
    """
    flows: dict[FlowKey, FlowValue] = {}
    foreign = []
    for flow in read.flows:
        if is_ours(flow.value[0]) or flow.key in believed.flows:
            flows[flow.key] = flow.value
        else:
            foreign.append(flow)
    groups = {n: value for n, value in read.groups.items() if not n >> GROUP_NUMBER_BITS}
    meters = {n: value for n, value in read.meters.items() if n not in COUNTING or value == _COUNTS}
    return Installed(flows, groups, meters), foreign


K = TypeVar("K")
V = TypeVar("V")


def overlaid(seen: Mapping[K, V], believed: Mapping[K, V], touched: Collection[K]) -> dict[K, V]:
    """What was seen, but what is believed of keys that were `touched` since the reading was asked for."""
    now = {key: value for key, value in seen.items() if key not in touched}
    now.update((key, believed[key]) for key in touched if key in believed)
    return now


def findings(believed: Mapping[K, V], now: Mapping[K, V]) -> Iterator[tuple[str, K, V]]:
    """Where what a bridge has `now` differs from what was believed: what happened, key, and the value of `Drift`."""
    for key, value in believed.items():
        if now.get(key) != value:
            yield CHANGED if key in now else MISSING, key, value
    for key, value in now.items():
        if key not in believed:
            yield EXTRA, key, value
