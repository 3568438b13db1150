"""Verdicts on hosts: their vswitch, its channel to the controller, their interfaces; and on guests."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from ryu_overlay.health.elements import Element
from ryu_overlay.health.evidence import Evidence, Host
from ryu_overlay.health.faults import Verdict
from ryu_overlay.health.prober import Life
from ryu_overlay.health.underlay import Found

_UNREFLECTED = 3
_ALONE = 2.0
"""Seconds after which a bridge that no other chassis can try counts as dead."""
_BEHIND = 10.0
_STARVED, _STARVED_TIMES = 0.1, 5


def on_hosts(evidence: Evidence) -> list[Found]:
    """All of them. Those that say that a vswitch forwards nothing come first."""
    found = [v for name in sorted(evidence.hosts) if (v := _vswitch(evidence, evidence.hosts[name])) is not None]
    return [*found, *_others(evidence)]


def forwarding_nothing(found: list[Found]) -> set[str]:
    """The chassis of which nothing can be said by probes, because they forward nothing."""
    return {v.element.names[0] for v, _ in found if v.kind in ("vswitch_down", "vswitch_hung", "chassis_down")}


def _vswitch(evidence: Evidence, host: Host) -> Found | None:
    name, life = host.name, evidence.lives.get(host.name)
    quiet = host.gone if not host.channel else host.silent
    if quiet is None or life is None:
        return None
    reflected = life.reflected is not None and life.reflected > quiet and life.unreflected == 0
    if reflected:
        words = "its OpenFlow channel is closed" if not host.channel else "its bridge does not answer"
        told = (f"{words}, but it sends probes back that others send to it",)
        return Verdict("channel_down", Element("channel", (name,)), told, (f"ovs-vsctl show  # on {name}: is_connected",)), quiet
    if life.unreflected < _UNREFLECTED and not (_is_alone(evidence, name) and evidence.now - quiet > _ALONE):
        return None
    tried = (
        f"{life.unreflected} probes in a row that others sent to it did not come back"
        if life.unreflected
        else "nothing can try it"
    )
    if not host.channel and not host.database:
        words, kind = "neither its OpenFlow nor its OVSDB is connected", "chassis_down"
    elif not host.channel:
        words, kind = "its OpenFlow is closed, while its OVSDB is connected", "vswitch_down"
    else:
        words, kind = "its bridge does not answer, while its OVSDB is connected", "vswitch_hung"
    element = Element("chassis" if kind == "chassis_down" else "vswitch", (name,))
    return Verdict(kind, element, (words, tried), (f"systemctl status openvswitch-switch  # on {name}",)), quiet


def _is_alone(evidence: Evidence, name: str) -> bool:
    return not any(name in pair[:2] for pair in evidence.directions)


def _others(evidence: Evidence) -> Iterator[Found]:
    now = evidence.now
    for name, host in sorted(evidence.hosts.items()):
        if host.channel and host.behind is not None and now - host.behind > _BEHIND:
            words = (f"what it was told {now - host.behind:.0f} s ago is not confirmed", *host.problems)
            yield Verdict("not_converged", Element("program", (name,)), words, ("overlayctl chassis",)), host.behind
        for network in sorted(host.dead_ends):
            words = (f"the bridge of {network} has no port with a carrier",)
            yield Verdict("external_down", Element("external_link", (name, network)), words, (f"ip link  # on {name}",)), now
        for port in sorted(host.unplugged):
            yield Verdict("vnic_down", Element("vnic", (name, port)), ("its VIF is down",), (f"ip link  # on {name}",)), now
        for port in sorted(host.off):
            yield Verdict("guest_off", Element("port", (port,)), ("its VIF is up and has no carrier",), ()), now
    for name, life in sorted(evidence.lives.items()):
        if name in evidence.hosts and evidence.hosts[name].channel and _is_starved(life, evidence):
            words = (f"its last {_STARVED_TIMES} answers took {1000 * min(life.took[-_STARVED_TIMES:]):.0f} ms at least",)
            yield Verdict("starved", Element("vswitch", (name,)), words, (f"top  # on {name}",)), now
    for port in evidence.silent_guests:
        yield Verdict("guest_silent", Element("port", (port,)), ("it did not answer ARP from its own chassis",), ()), now


def _is_starved(life: Life, evidence: Evidence) -> bool:
    """Late all the time, where others are not: else it is the controller that is late."""
    if len(life.took) < _STARVED_TIMES:
        return False
    own = min(life.took[-_STARVED_TIMES:])
    others = [median(other.took) for other in evidence.lives.values() if other is not life and other.took]
    return own > _STARVED and (not others or own > 4 * min(others))
