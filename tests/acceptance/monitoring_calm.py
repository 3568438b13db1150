"""What must not be taken for a fault of the provider's: guests, tenants' own rules, migrations, restarts, a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from random import Random

from mininet_topos.lab import Lab
from tests.acceptance import monitoring_breaking_hosts as hosts
from tests.acceptance import oam_breaking as breaking
from tests.acceptance.monitoring_faults import PORTS, WHERE
from tests.acceptance.monitoring_lab import HYPERVISORS
from tests.acceptance.outdoors import settle

LOOKED_AT_FOR = 3.0
"""Seconds after a control for which the monitor might still have said something."""
_LASTS = 5.0


def _vm(random: Random) -> str:
    return random.choice(sorted(port for port in PORTS if port.startswith(("red", "blue"))))


@contextmanager
def _guest_off(lab: Lab, random: Random) -> Iterator[None]:
    with breaking.guest_off(lab, _vm(random)):
        time.sleep(_LASTS)
        yield


@contextmanager
def _guest_firewall(lab: Lab, random: Random) -> Iterator[None]:
    with breaking.guest_firewall(lab, _vm(random)):
        time.sleep(_LASTS)
        yield


@contextmanager
def _own_rule(lab: Lab, random: Random) -> Iterator[None]:
    """A tenant disables a port of its own, to which others go on sending."""
    port = random.choice([p for p in sorted(PORTS) if p.startswith("red-web")])
    with breaking.changed(lab, f"tenants/red/switches/web/ports/{port}", {"enabled": False}):
        time.sleep(_LASTS)
        yield


@contextmanager
def _saturated(lab: Lab, random: Random) -> Iterator[None]:
    sender, target = random.sample([p for p in sorted(PORTS) if p.startswith("red-web")], 2)
    address = f"10.0.1.1{target[-1]}"
    with hosts.guest_saturates(lab, sender, address, 2, _LASTS):
        time.sleep(_LASTS)
        yield


@contextmanager
def _migration(lab: Lab, random: Random) -> Iterator[None]:
    name = random.choice([p for p in sorted(PORTS) if p.startswith("red-web")])
    there = random.choice([hv for hv in HYPERVISORS if hv != WHERE[name]])
    lab.move(lab.vms[name], there)
    time.sleep(_LASTS / 2)
    lab.move(lab.vms[name], WHERE[name])
    settle(lab)
    yield


@contextmanager
def _restart(lab: Lab, random: Random) -> Iterator[None]:
    lab.controller.restart()
    lab.controller.wait()
    settle(lab)
    time.sleep(_LASTS)
    yield


@contextmanager
def _paused(lab: Lab, random: Random) -> Iterator[None]:
    with hosts.controller_paused(lab, 2.0):
        pass
    yield


@contextmanager
def _busy(lab: Lab, random: Random) -> Iterator[None]:
    with hosts.burning(_LASTS, 2):
        time.sleep(_LASTS)
        yield


CONTROLS: dict[str, Callable[[Lab, Random], AbstractContextManager[None]]] = {
    "guest off": _guest_off,
    "guest firewall": _guest_firewall,
    "a port that its tenant disabled": _own_rule,
    "tenant saturates its own port": _saturated,
    "migration there and back": _migration,
    "controller restart": _restart,
    "probes paused for 2 s": _paused,
    "heavy CPU load": _busy,
}
SHORT = ("a port that its tenant disabled", "migration there and back", "controller restart", "probes paused for 2 s")


def churn(lab: Lab, random: Random, seconds: float) -> int:
    """Change a healthy network for so long: ports and routes come and go, VMs move. Gives how many changes were made."""
    until, changes = time.monotonic() + seconds, 0
    moved: dict[str, str] = {}
    while time.monotonic() < until:
        _ADDED[random.randrange(len(_ADDED))](lab, random.randrange(1, 1000))
        name = random.choice([p for p in sorted(PORTS) if p.startswith(("red-db", "blue"))])
        here = moved.get(name, WHERE[name])
        there = moved[name] = random.choice([hv for hv in HYPERVISORS if hv != here])
        lab.move(lab.vms[name], there)
        changes += 3
    for name, here in moved.items():
        if here != WHERE[name]:
            lab.move(lab.vms[name], WHERE[name])
    settle(lab)
    return changes


def _port(lab: Lab, number: int) -> None:
    path = f"/v1/tenants/red/switches/web/ports/churn-{number}"
    assert lab.rest.put(f"{path}?wait=10", {}).status in (200, 201)
    assert lab.rest.delete(f"{path}?wait=10").status in (200, 204)


def _route(lab: Lab, number: int) -> None:
    path = f"/v1/tenants/red/routers/r1/routes/192.168.{number % 256}.0%2F24"
    assert lab.rest.put(f"{path}?wait=10", {"nexthops": ["10.0.1.11"]}).status in (200, 201)
    assert lab.rest.delete(f"{path}?wait=10").status in (200, 204)


_ADDED = (_port, _route)
