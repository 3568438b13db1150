"""Verdicts on the virtual network as it is realised: flows that differ from what was asked for, translations that run out,
gateways."""

from __future__ import annotations

from collections.abc import Iterator

from ryu_overlay.health.elements import Element
from ryu_overlay.health.evidence import Altered, Evidence
from ryu_overlay.health.faults import Verdict
from ryu_overlay.health.underlay import Found

MANY = 10
"""Flows of one chassis that are told as one: more than an operator would look at one by one."""
TOLD_FOR = 3.0
"""Seconds that what was put right at once is told of."""
_KINDS = {
    "missing": "flow_missing",
    "changed": "flow_altered",
    "extra": "flow_extra",
    "foreign": "flow_foreign",
    "group": "group_altered",
}


def on_virtual(evidence: Evidence) -> list[Found]:
    """All of them."""
    return [*_flows(evidence), *_translations(evidence), *_orphans(evidence)]


def _flows(evidence: Evidence) -> Iterator[Found]:
    recent: dict[tuple[str, str], list[Altered]] = {}
    for one in evidence.altered:
        if one.lasts or evidence.now - one.since < TOLD_FOR:
            recent.setdefault((one.chassis, one.what), []).append(one)
    for (chassis, what), found in sorted(recent.items()):
        healed = "" if any(one.lasts for one in found) else "; put right"
        check = ("overlayctl drift",)
        if len(found) > MANY:
            words = (f"{len(found)} flows{healed}", *(one.text for one in found[:MANY]))
            yield Verdict(_KINDS[what], Element("program", (chassis,)), words, check), min(one.since for one in found)
            continue
        places: dict[Element, list[Altered]] = {}
        for one in found:
            shape = (chassis, one.object) if what == "group" else (chassis, one.table, one.object)
            places.setdefault(Element("group" if what == "group" else "flow", shape), []).append(one)
        for element, ones in places.items():
            yield Verdict(_KINDS[what], element, tuple(o.text + healed for o in ones), check), min(o.since for o in ones)


def _translations(evidence: Evidence) -> Iterator[Found]:
    for one in evidence.exhausted:
        lost = f"{one.packets} packets that begin a connection were dropped for want of a translation on {one.chassis}"
        if one.room is False:
            words = (lost, "conntrack did not take a connection of the controller's own either")
            check = (f"ovs-appctl dpctl/ct-get-nconns; ovs-appctl dpctl/ct-get-maxconns  # on {one.chassis}",)
            yield Verdict("conntrack_full", Element("conntrack", (one.chassis,)), words, check), one.since
        elif one.room:
            for rule in one.rules:
                words = (lost, "conntrack has room for other connections")
                router = rule.rpartition("/")[0]
                yield (
                    Verdict("nat_exhausted", Element("snat", (rule,)), words, (f"overlayctl router {router} show nat",)),
                    one.since,
                )


def _orphans(evidence: Evidence) -> Iterator[Found]:
    for uplink in evidence.orphans:
        yield (
            Verdict("no_gateway", Element("router_port", (uplink,)), ("no chassis can carry it",), ("overlayctl uplinks",)),
            evidence.now,
        )
