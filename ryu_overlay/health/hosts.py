"""Verdicts on hosts: their vswitch, its channel to the controller, their interfaces; and on guests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median

from ryu_overlay.health.elements import Element
from ryu_overlay.health.evidence import Evidence, Host
from ryu_overlay.health.faults import Verdict
from ryu_overlay.health.lives import Life
from ryu_overlay.health.underlay import Found

_UNREFLECTED = 3
_ALONE = 2.0
"""Seconds after which a bridge that no other chassis can try counts as dead."""
_BEHIND = 10.0
_STARVED, _STARVED_LEAST, _STARVED_OVER = 0.03, 0.015, 8.0
_SUSPECT_TIMES, _STARVED_TIMES = 2, 5
"""Seconds that answers of a starved vswitch take in the middle and at least, over how many seconds that is looked at, and
how many answers make it suspect, and certain."""


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
    alone = all(other is host or (other.channel and other.silent is None) for other in evidence.hosts.values())
    if not host.channel and host.database and alone:
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
    for name in sorted(starving(evidence)):
        recent = _recent(evidence.lives[name], now)
        if (
            name in evidence.hosts
            and evidence.hosts[name].channel
            and len(recent) >= _STARVED_TIMES
            and min(recent) > _STARVED_LEAST
        ):
            words = (
                f"its answers of the last {_STARVED_OVER:.0f} s took {1000 * median(recent):.0f} ms",
                "others' took less than a quarter of that",
            )
            yield Verdict("starved", Element("vswitch", (name,)), words, (f"top  # on {name}",)), now
    for port in evidence.silent_guests:
        yield Verdict("guest_silent", Element("port", (port,)), ("it did not answer ARP from its own chassis",), ()), now


def starving(evidence: Evidence) -> set[str]:
    """Chassis that seem to get too little CPU: late, where others are not. Else it is the controller, or all of the machine,
    that is late. What such a chassis loses, its host loses."""
    usual = recent_answers(evidence.lives, evidence.now)
    latest = sorted(usual, key=lambda name: usual[name])[-2:]
    # Only the latest of all can be late beside all others.
    late = latest and usual[latest[-1]] > max(_STARVED, 4 * usual[latest[0]] if len(latest) > 1 else 0.0)
    return {latest[-1]} if late else set()


def recent_answers(lives: Mapping[str, Life], now: float) -> dict[str, float]:
    """By chassis, the seconds that its bridge took to answer lately, in the middle; only of those that answered a few times."""
    took = {name: _recent(life, now) for name, life in lives.items()}
    return {name: median(seconds) for name, seconds in took.items() if len(seconds) >= _SUSPECT_TIMES}


def _recent(life: Life, now: float) -> list[float]:
    return [seconds for at, seconds in life.took if now - at < _STARVED_OVER]
