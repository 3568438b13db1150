"""Errors from the internet about what a VM sent through NAT: they come back, and forged ones do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.acceptance.icmp_case import NOTHING, Case, Complaint, Expect, exceeded, too_large
from tests.acceptance.icmp_frames import ICMP, TCP, UDP, Probe
from tests.acceptance.icmp_network import FLOATING, MTU, SILENT, UPLINK

_NAMES = {UDP: "UDP", ICMP: "an echo", TCP: "TCP"}
_MIDDLE = "192.0.2.9"
"""A router somewhere on the internet."""
_HOPS, _PORTS = 2, 46000
_TRANSLATED = _NO_SESSION = "5508 4.2.1"
_FORGED = {
    "port": ("of a port that sent nothing", _NO_SESSION),
    "destination": ("of a packet to somebody else", _NO_SESSION),
    "inside": ("with the VM's own address in it", f"{_NO_SESSION}, 5927 4.3"),
    "short": ("that quotes fewer than eight bytes behind the header", f"1122 3.2.2, {_NO_SESSION}"),
    "checksum": ("with a wrong checksum", "5508 4.1"),
}


def _error(kind: int, code: int, source: str = SILENT, mtu: int = 0) -> Expect:
    return Expect("error", source, (kind, code), mtu, (_HOPS,), router=False)


def _true() -> Iterator[Case]:
    for sender, by in (("a-1", "SNAT"), ("a-3", "a floating IP")):
        for protocol in (UDP, ICMP, TCP):
            what = f"host unreachable about {_NAMES[protocol]} through {by}"
            name = f"nat-{'snat' if sender == 'a-1' else 'floating'}-{'echo' if protocol == ICMP else _NAMES[protocol].lower()}"
            yield Case(name, what, _TRANSLATED, sender, Probe(SILENT, protocol), _error(3, 1), Complaint(3, 1))
    probe = Probe(SILENT, UDP, 1200, dont_fragment=True)
    smaller = Complaint(3, 4, mtu=1100)
    yield Case(
        "nat-size",
        "fragmentation needed about UDP through SNAT",
        "5508 7.1.2",
        "a-1",
        probe,
        _error(3, 4, mtu=1100),
        smaller,
    )
    for kind, code, name in ((11, 0, "TTL exceeded"), (3, 2, "protocol unreachable")):
        expect, then = _error(kind, code, _MIDDLE), Complaint(kind, code, source=_MIDDLE)
        of = name.lower().replace(" ", "-")
        yield Case(f"nat-{of}", f"{name} by a router in between", _TRANSLATED, "a-1", Probe(SILENT, UDP), expect, then)


def _false() -> Iterator[Case]:
    for forged, (what, rfc) in _FORGED.items():
        for protocol in (UDP, TCP, ICMP):
            if forged == "port" and protocol == ICMP:
                continue
            name = "echo" if protocol == ICMP else _NAMES[protocol].lower()
            text = f"error about {_NAMES[protocol]} {what}"
            yield Case(
                f"forged-{forged}-{name}", text, rfc, "a-1", Probe(SILENT, protocol), NOTHING, Complaint(3, 1, forged=forged)
            )
    yield Case(
        "forged-floating", "error to a floating IP, of a port that sent nothing", _NO_SESSION, "a-3", Probe(SILENT, UDP), NOTHING,
        Complaint(3, 1, forged="port"),
    )  # fmt: skip


def _replies() -> Iterator[Case]:
    """What answers a VM's connection through NAT, and cannot go on: the error is about what the server sent, as it sent it."""
    for number, (sender, ttl, hops, outer) in enumerate((("a-1", 2, 1, UPLINK), ("b-2", 3, 2, UPLINK), ("a-3", 2, 1, FLOATING))):
        inner, other = _PORTS + number, _PORTS + number + 100
        opens = (sender, Probe(SILENT, UDP, port=other, from_port=inner))
        back = Probe(outer, UDP, source=SILENT, port=inner, from_port=other)
        what = f"UDP of the server to {sender} in a connection that {sender} began through NAT"
        rfc = "5508 7.2" if hops == 1 else "5508 4.2.2"
        expiring, large = replace(back, ttl=ttl), replace(back, size=1500, dont_fragment=True)
        yield Case(f"back-ttl-{sender}", f"{what}, TTL {ttl}", rfc, "server", expiring, exceeded(UPLINK, hops), before=opens)
        yield Case(
            f"back-size-{sender}",
            f"{what}, with DF",
            "1191 4, 5508 7.1.1",
            "server",
            large,
            too_large(MTU, UPLINK, 1),
            before=opens,
        )


NAT_CASES = (*_true(), *_false(), *_replies())
