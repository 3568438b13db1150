"""Cases of packets that must not be answered."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.acceptance.icmp_case import LOST, NOTHING, OWN, R2_T, VOID, Case, Expect
from tests.acceptance.icmp_frames import ICMP, TCP, UDP, Probe, header
from tests.acceptance.icmp_network import FLOATING, SILENT, UPLINK

_FAR_VM = "10.1.2.11"
_ROUTERS = "1812 4.3.2.7"
_RULE = f"1122 3.2.2, {_ROUTERS}"
_QUOTED = header(_FAR_VM, "10.1.1.11", UDP, 28, 7) + struct.pack("!HHHH", 53, 53, 8, 0)
_MARTIAN, _FORGED = "1812 5.3.7", "1812 5.3.8"
_BROADCAST, _MULTICAST = "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"
_SOURCES = {
    "zero": "0.0.0.0",
    "loopback": "127.0.0.1",
    "multicast": "224.0.0.5",
    "class-e": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "subnet-broadcast": "10.1.1.255",
    "router": OWN,
}


def _silent(
    name: str, what: str, to: str = _FAR_VM, rfc: str = _RULE, sender: str = "a-1", expect: Expect = NOTHING, **probe: object
) -> Case:
    return Case(f"silent-{name}", what, rfc, sender, Probe(to, **probe), expect)  # type: ignore[arg-type]


def _errors_about_errors() -> Iterator[Case]:
    for kind, code, name in ((3, 1, "unreachable"), (11, 0, "time exceeded"), (12, 0, "parameter problem"), (5, 1, "redirect")):
        body = bytes(4) + _QUOTED
        of = name.replace(" ", "-")
        yield _silent(f"error-{of}", f"{name} with TTL 1", kind=kind, code=code, body=body, ttl=1)
    yield _silent("error-far", "port unreachable with TTL 2", kind=3, code=3, body=bytes(4) + _QUOTED, ttl=2)
    yield _silent("error-to-router", "port unreachable to the router", OWN, kind=3, code=3, body=bytes(4) + _QUOTED)
    yield _silent("error-no-host", "port unreachable to nobody's address", "10.1.3.200", kind=3, code=3, body=bytes(4) + _QUOTED)
    yield _silent(
        "error-no-route", "port unreachable without a route", "192.0.2.7", sender="d-1", kind=3, code=3, body=bytes(4) + _QUOTED
    )
    yield _silent("unknown-type", "unknown ICMP type with TTL 1", rfc="792, 1122 3.2.2", kind=200, ttl=1)


def _fragments() -> Iterator[Case]:
    yield _silent("later-udp", "a later fragment of UDP, TTL 1", protocol=UDP, size=1800, pieces="later", ttl=1)
    yield _silent("later-icmp", "a later fragment of an echo, TTL 1", size=1800, pieces="later", ttl=1)
    yield _silent("later-far", "a later fragment of UDP, TTL 2", protocol=UDP, size=1800, pieces="later", ttl=2)
    yield _silent("later-to-router", "a later fragment of UDP to the router", OWN, protocol=UDP, size=1800, pieces="later")
    yield _silent("later-tcp", "a later fragment of TCP to the second router", R2_T, protocol=TCP, size=1800, pieces="later")
    alone = "1122 3.3.2"
    yield _silent("later-echo", "a later fragment of an echo to the router", OWN, alone, expect=VOID, size=1800, pieces="later")
    yield _silent(
        "in-later-echo", "a later fragment of an echo to the uplink", UPLINK, alone, "server", VOID, size=1800, pieces="later"
    )
    yield _silent("later-protocol", "a later fragment of SCTP to the router", OWN, protocol=132, size=1800, pieces="later")
    yield _silent("later-no-host", "a later fragment to nobody's address", "10.1.3.200", protocol=UDP, size=1800, pieces="later")


def _destinations() -> Iterator[Case]:
    for protocol, name in ((ICMP, "echo"), (UDP, "UDP")):
        of, link = name.lower(), "1122 3.3.6, 1812 5.3.4"
        rfc = "1122 3.2.2.6, 1812 4.3.3.6" if protocol == ICMP else _RULE
        yield _silent(f"broadcast-{of}", f"{name} to 255.255.255.255", "255.255.255.255", rfc, protocol=protocol, mac=_BROADCAST)
        yield _silent(
            f"broadcast-mac-{of}", f"{name} to the router in a broadcast frame", OWN, link, protocol=protocol, mac=_BROADCAST
        )
        yield _silent(
            f"broadcast-ttl-{of}", f"{name}, TTL 1, in a broadcast frame", rfc=link, protocol=protocol, mac=_BROADCAST, ttl=1
        )
        yield _silent(f"multicast-{of}", f"{name} to 224.0.0.1", "224.0.0.1", rfc, protocol=protocol, mac=_MULTICAST)
        yield _silent(
            f"multicast-ttl-{of}", f"{name} to 239.1.1.1, TTL 1, in a frame to the router", "239.1.1.1", protocol=protocol, ttl=1
        )
        rfc = f"1812 4.3.3.6, {_ROUTERS}" if protocol == ICMP else _RULE
        yield _silent(
            f"limited-{of}",
            f"{name} to 255.255.255.255 in a frame to the router",
            "255.255.255.255",
            rfc,
            protocol=protocol,
            ttl=1,
        )
        rfc = "1812 5.3.5.2, 2644 3"
        yield _silent(f"directed-{of}", f"{name} to another switch's broadcast", "10.1.3.255", rfc, protocol=protocol)
        yield _silent(
            f"directed-own-{of}", f"{name} to the own switch's broadcast, by the router", "10.1.1.255", rfc, protocol=protocol
        )
        yield _silent(
            f"directed-ttl-{of}", f"{name} to another switch's broadcast, TTL 1", "10.1.3.255", protocol=protocol, ttl=1
        )
        yield _silent(f"network-{of}", f"{name} to another switch's network address", "10.1.3.0", "1812 5.3.5", protocol=protocol)
    yield _silent("zero-udp", "UDP to 0.0.0.0, TTL 1", "0.0.0.0", f"1812 4.2.3.1, {_ROUTERS}", protocol=UDP, ttl=1)


def _sources() -> Iterator[Case]:
    for name, source in _SOURCES.items():
        rfc, echo = (f"{_RULE}, {_MARTIAN}", f"1812 4.2.2.11, {_MARTIAN}") if name != "router" else (_FORGED, _FORGED)
        yield _silent(f"from-{name}", f"UDP, TTL 1, from {source}", rfc=rfc, sender="raw-1", protocol=UDP, ttl=1, source=source)
        yield _silent(f"echo-from-{name}", f"echo to the router from {source}", OWN, echo, "raw-1", source=source)
    for name in ("zero", "loopback", "multicast", "class-e", "broadcast"):
        source, rfc = _SOURCES[name], f"{_RULE}, {_MARTIAN}"
        yield _silent(f"in-from-{name}", f"UDP to the uplink from {source}", UPLINK, rfc, "upstream", protocol=UDP, source=source)
    inside = "10.1.1.11"
    yield _silent(
        "in-from-inside", f"echo to the uplink from {inside}, outside", UPLINK, f"{_FORGED}, 3704 2.2", "upstream", source=inside
    )
    yield _silent("spoofed", "echo to the router from another VM's address", OWN, "2827 3", source="10.1.1.12")


def _martians() -> Iterator[Case]:
    """What stays where it is: no router takes it on."""
    for name in ("zero", "loopback", "multicast", "broadcast"):
        probe = Probe(_FAR_VM, UDP, source=_SOURCES[name])
        yield Case(f"martian-from-{name}", f"UDP from {probe.source} to a VM", _MARTIAN, "raw-1", probe, LOST)
    for name in ("zero", "loopback", "multicast", "broadcast"):
        probe = Probe(_SOURCES[name], UDP)
        rfc = {"multicast": "5771 4", "broadcast": "1812 5.3.5.1"}.get(name, _MARTIAN)
        yield Case(f"martian-to-{name}", f"UDP to {probe.to} by the router", rfc, "a-1", probe, LOST)


def _rest() -> Iterator[Case]:
    yield _silent("reset", "TCP RST to the router", OWN, "9293 3.5.2", protocol=TCP, flags="R", size=40)
    yield _silent("reset-ack", "TCP RST and ACK to the second router", R2_T, "9293 3.5.2", protocol=TCP, flags="RA", size=40)
    yield _silent("bad-sum", "wrong IP checksum, TTL 1", rfc="1812 5.2.2", protocol=UDP, broken="ip", ttl=1)
    yield _silent("bad-sum-port", "wrong IP checksum, UDP to the router", OWN, "1812 5.2.2", protocol=UDP, broken="ip")


def _inwards() -> Iterator[Case]:
    """From the external network."""
    body = bytes(4) + header(FLOATING, SILENT, UDP, 28, 7) + struct.pack("!HHHH", 53, 53, 8, 0)
    yield _silent(
        "in-error", "port unreachable to a floating IP, TTL 2", FLOATING, sender="server", ttl=2, kind=3, code=3, body=body
    )
    yield _silent("in-error-to-uplink", "port unreachable to the uplink", UPLINK, sender="server", kind=3, code=3, body=body)
    yield _silent(
        "in-later", "a later fragment of UDP to a floating IP, TTL 2", FLOATING, _ROUTERS, "server", protocol=UDP, size=1800,
        pieces="later", ttl=2,
    )  # fmt: skip
    yield _silent(
        "in-bad-sum", "wrong IP checksum to a floating IP, TTL 1", FLOATING, "1812 5.2.2", "upstream", broken="ip", ttl=1
    )
    yield _silent("in-reset", "TCP RST to the uplink", UPLINK, "9293 3.5.2", "server", protocol=TCP, flags="R", size=40)
    for protocol, name in ((ICMP, "echo"), (UDP, "UDP")):
        of, link = name.lower(), "1122 3.3.6, 1812 5.3.4"
        for to, at, what in ((UPLINK, "uplink", "the uplink"), (FLOATING, "floating", "a floating IP")):
            yield _silent(
                f"in-broadcast-mac-{of}-{at}", f"{name} to {what} in a broadcast frame, TTL 1", to, link,
                "upstream", protocol=protocol, mac=_BROADCAST, ttl=1,
            )  # fmt: skip
        for to, what in (("203.0.113.255", "directed"), ("255.255.255.255", "limited"), ("224.0.0.1", "multicast")):
            rfc = "1812 4.3.3.6, 1812 5.3.5" if protocol == ICMP else _ROUTERS
            yield _silent(f"in-{what}-{of}", f"{name} to {to} in a frame to the uplink", to, rfc, "upstream", protocol=protocol)


SILENT_CASES = (
    *_errors_about_errors(),
    *_fragments(),
    *_destinations(),
    *_sources(),
    *_martians(),
    *_rest(),
    *_inwards(),
)
