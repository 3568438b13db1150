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
_STARVED, _STARVED_TIMES, _STARVED_OVER = 0.1, 4, 6.0
"""Seconds that an answer takes at a starved vswitch, how many such, and over how many seconds."""


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
    if life.unreflected < _UNREFLECTED:
        return _untried(evidence, host, quiet)
    tried = f"{life.unreflected} probes in a row that others sent to it did not come back"
    if not host.channel and not host.database:
        words, kind = "neither its OpenFlow nor its OVSDB is connected", "chassis_down"
    elif not host.channel:
        words, kind = "its OpenFlow is closed, while its OVSDB is connected", "vswitch_down"
    else:
        words, kind = "its bridge does not answer, while its OVSDB is connected", "vswitch_hung"
    element = Element("chassis" if kind == "chassis_down" else "vswitch", (name,))
    return Verdict(kind, element, (words, tried), (f"systemctl status openvswitch-switch  # on {name}",)), quiet


def _untried(evidence: Evidence, host: Host, quiet: float) -> Found | None:
    """A chassis that is not heard of, and that no other can try: whether it forwards is not known."""
    if evidence.now - quiet < _ALONE or any(_can_try(evidence, other, host.name) for other in evidence.hosts.values()):
        return None
    if not host.channel and host.database:
        words = ("its OpenFlow is closed, while its OVSDB is connected", "no other chassis can try whether it forwards")
        return Verdict("vswitch_down", Element("vswitch", (host.name,)), words, (f"ovs-vsctl show  # on {host.name}",)), quiet
    words = ("it is not heard of", "no other chassis can try whether it forwards")
    return Verdict("channel_down", Element("channel", (host.name,)), words, (f"ovs-vsctl show  # on {host.name}",)), quiet


def _can_try(evidence: Evidence, other: Host, name: str) -> bool:
    return other.name != name and other.channel and other.silent is None and (other.name, name, False) in evidence.directions


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
            words = (f"its answers of the last {_STARVED_OVER:.0f} s took {1000 * min(_recent(life, now)):.0f} ms at least",)
            yield Verdict("starved", Element("vswitch", (name,)), words, (f"top  # on {name}",)), now
    for port in evidence.silent_guests:
        yield Verdict("guest_silent", Element("port", (port,)), ("it did not answer ARP from its own chassis",), ()), now


def _is_starved(life: Life, evidence: Evidence) -> bool:
    """Late all the time, where others are not: else it is the controller, or all of the machine, that is late."""
    own = _recent(life, evidence.now)
    others = [median(took) for other in evidence.lives.values() if other is not life and (took := _recent(other, evidence.now))]
    return len(own) >= _STARVED_TIMES and min(own) > _STARVED and (not others or min(own) > 4 * max(others))


def _recent(life: Life, now: float) -> list[float]:
    return [seconds for at, seconds in life.took if now - at < _STARVED_OVER]
