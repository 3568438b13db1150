"""What a bridge has against what it should have, where nobody of ours changed it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ryu_overlay.openflow.diff import Installed
from ryu_overlay.openflow.flow import FlowKey, FlowValue
from ryu_overlay.openflow.messages import InstalledFlow
from ryu_overlay.pipeline.cookies import is_ours

MISSING, CHANGED, EXTRA, FOREIGN = "missing", "changed", "extra", "foreign"


@dataclass(frozen=True, slots=True)
class Drift:
    """One finding of an audit. `value` is what the bridge should have (what it has, for extra and foreign flows)."""

    chassis: str
    at: float
    what: str
    key: FlowKey
    value: FlowValue
    healed: bool


def ours(flows: Iterable[InstalledFlow], believed: Installed) -> tuple[dict[FlowKey, FlowValue], list[InstalledFlow]]:
    """The flows of a dump that are ours (by cookie, or by standing where one of ours belongs), and the foreign ones."""
    own: dict[FlowKey, FlowValue] = {}
    foreign = []
    for flow in flows:
        if is_ours(flow.value[0]) or flow.key in believed.flows:
            own[flow.key] = flow.value
        else:
            foreign.append(flow)
    return own, foreign


def findings(
    chassis: str, now: float, believed: Installed, seen: dict[FlowKey, FlowValue], touched: set[FlowKey]
) -> list[Drift]:
    """Where a dump differs from what was believed, leaving out keys that were being changed while it was taken."""
    found = []
    for key, value in believed.flows.items():
        if key in touched or seen.get(key) == value:
            continue
        found.append(Drift(chassis, now, CHANGED if key in seen else MISSING, key, value, True))
    for key, value in seen.items():
        if key not in believed.flows and key not in touched:
            found.append(Drift(chassis, now, EXTRA, key, value, True))
    return found
