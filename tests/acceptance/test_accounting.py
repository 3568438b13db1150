"""Accounting on real packets: what the ledger says of uplinks and floating IPs is what crossed the wires, to the byte."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from mininet_topos.lab import Lab
from mininet_topos.scenarios import populate
from mininet_topos.scenarios_out import WAY_OUT
from tests.acceptance import accounting_traffic as traffic
from tests.acceptance import accounting_wires as wires
from tests.acceptance import outdoors
from tests.acceptance.evidence import FULL, Evidence
from tests.acceptance.outdoors import active, settle
from tests.acceptance.waiting import until

CAPABILITY = "accounting"
TITLE = "the uplink of a router that does not exist"
pytestmark = pytest.mark.lab

CLOSURE = "Closure: everything at once, changes, migrations, gateways, controllers killed"
SECONDS = 600.0 if FULL else 25.0
CHANGES = 1000 if FULL else 40
KILLS = 3 if FULL else 1
SEED = int(os.environ.get("SEED", "1"))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(f"b{os.getpid()}", hypervisors=3, external=WAY_OUT.external) as made:
        populate(made, WAY_OUT)
        with outdoors.services(made):
            outdoors.ready(made)
            yield made


def still(lab: Lab) -> wires.Told:
    """What is told, once all chassis are read and it has not grown for as long as packets may be on their way."""
    last = wires.told(lab)
    since = time.monotonic()

    def has_not_grown() -> bool:
        nonlocal last, since
        ages, now = lab.rest.get("/v1/usage/rates").json["ages"], wires.told(lab)
        if now != last or len(ages) < len(lab.hypervisors) or max(ages.values()) > 1.5:
            last, since = now, time.monotonic()
        return time.monotonic() - since > 2.5

    until("usage grows no more", has_not_grown, 40)
    return last


def at_rest(lab: Lab) -> None:
    """Both gateways carry what they carry in the first place."""
    until("gateways in place", lambda: (active(lab, "red"), active(lab, "blue")) == ("hv1", "hv2"))


def test_what_is_told_is_what_crossed_the_wires(lab: Lab, evidence: Evidence) -> None:
    """Traffic of every class while everything changes: the same packets and bytes in each class, without any difference."""
    before = still(lab)
    changes = traffic.Changes(lab, random.Random(SEED))
    with wires.watching(lab, traffic.TENANTS) as seen:
        with traffic.one_way(lab):
            _disturb(lab, changes)
        after = still(lab)
    packets, octets = after.packets - before.packets, after.bytes - before.bytes
    for what, number in sorted(changes.made.items()):
        evidence.show(CLOSURE, f"changes, {what}", number)
    for key in sorted(seen.packets | packets):
        name = " ".join(key)
        evidence.show(CLOSURE, f"{name}, on the wires", f"{seen.packets[key]} packets, {seen.bytes[key]} bytes")
        evidence.show(CLOSURE, f"{name}, in the ledger", f"{packets[key]} packets, {octets[key]} bytes")
    evidence.show(CLOSURE, "frames that no capture could keep", seen.dropped)
    assert seen.dropped == 0
    assert packets == seen.packets and octets == seen.bytes
    assert sum(changes.made.values()) >= CHANGES
    classes = {(peer, way) for _, peer, way in seen.packets}
    assert classes == {(peer, way) for peer in ("internet", "own", "others") for way in ("out", "in")}


def _disturb(lab: Lab, changes: traffic.Changes) -> None:
    """Half of the time with what goes both ways, then gateways change and come back, then the other half."""
    kills = 0
    for half in range(2):
        with traffic.both_ways(lab):
            begun, share = time.monotonic(), SECONDS / 2
            for number in range(CHANGES // 2):
                changes.make()
                if number % 20 == 10:
                    changes.move()
                if kills < KILLS and number == (CHANGES // 2) * (kills % 2 + 1) // 3 and (half == 1 or KILLS > 1):
                    kills += 1
                    lab.controller.kill9()
                    lab.controller.start()
                    lab.controller.wait()
                    changes.made["controller killed"] += 1
                due = begun + share * (number + 1) / (CHANGES // 2)
                time.sleep(max(0.0, due - time.monotonic()))
        if half == 0:
            changes.gateways(["hv2", "hv1"])
            until("other gateways", lambda: active(lab, "red") == "hv2" and active(lab, "blue") == "hv2")
            time.sleep(1)
            for tenant, order in (("red", ["hv1", "hv2"]), ("blue", ["hv2", "hv1"])):
                outdoors.patch(lab, f"tenants/{tenant}/routers/r1/ports/up", {"gateways": order})
            changes.made["gateways"] += 1
            at_rest(lab)
    settle(lab)
