"""Time exceeded, unreachable, fragmentation needed, resets: cases of packets that cannot go on, and must be answered."""

from __future__ import annotations

from collections.abc import Iterator

from mininet_topos.outside import SERVER_ADDRESS, UPSTREAM_ADDRESS
from tests.acceptance.icmp_case import OWN, R1_C, R1_T, R2_B, R2_T, R3_D, Case, Expect, exceeded, reset, too_large, unreachable
from tests.acceptance.icmp_frames import ICMP, TCP, UDP, Probe
from tests.acceptance.icmp_network import (
    ELSEWHERE,
    EXTERNAL_MTU,
    FLOATING,
    FLOATING_ELSEWHERE,
    FLOATING_FAR,
    INSIDE_VIP,
    MTU,
    NARROW,
    NARROW_MTU,
    UPLINK,
    VIP,
)

_FAR_VM, _MISSING, _MISSING_FAR = "10.1.2.11", "10.1.3.200", "10.1.2.200"
_SCTP, _GRE = 132, 47
_NAMES = {UDP: "UDP", ICMP: "ICMP", TCP: "TCP", _SCTP: "SCTP", _GRE: "GRE"}
_TTL = "1812 5.3.1"
_QUOTE = "1812 4.3.2.3"
_BY_NAT, _FROM_OUTSIDE, _FROM_INSIDE, _HAIRPIN = "5508 7.2", "5508 4.2.1", "5508 4.2.2", "5508 5"
"""TTL exceeded by the router that translates; errors that come to it from the external network, or from the private one; and
those that it turns back.
"""
_CLOSED = "1122 3.2.2.1, 1812 5.2.7.1"
_PORT, _PROTOCOL = 3, 2

_UPSTREAM = exceeded(UPSTREAM_ADDRESS, 1, router=False)
_UPSTREAM_FAR = exceeded(UPSTREAM_ADDRESS, 2, router=False)

# Who sends to whom, with TTL 1, 2, ...: who answers, and how many routers are in between.
_WAYS: tuple[tuple[str, str, str, tuple[tuple[int, Expect], ...]], ...] = (
    ("east", "a-1", _FAR_VM, ((1, exceeded(OWN)), (2, exceeded(R2_T, 1)))),
    ("out", "a-1", SERVER_ADDRESS, ((1, exceeded(OWN)), (2, _UPSTREAM))),
    ("far-out", "b-2", SERVER_ADDRESS, ((1, exceeded(R2_B)), (2, exceeded(R1_T, 1)), (3, _UPSTREAM_FAR))),
    ("floating-out", "a-3", SERVER_ADDRESS, ((1, exceeded(OWN)), (2, _UPSTREAM))),
    ("in", "server", FLOATING, ((2, exceeded(UPLINK, 1)),)),
    ("far-in", "server", FLOATING_FAR, ((2, exceeded(UPLINK, 1)), (3, exceeded(UPLINK, 2)))),
    ("other-tenant", "a-1", FLOATING_ELSEWHERE, ((1, exceeded(OWN)), (2, exceeded(ELSEWHERE, 1)))),
    ("hairpin", "a-1", FLOATING, ((1, exceeded(OWN)), (2, exceeded(UPLINK, 0, 1)))),
)  # fmt: skip


_EXPIRED = {
    ("in", 2): _BY_NAT,
    ("far-in", 2): _BY_NAT,
    ("far-in", 3): _FROM_INSIDE,
    ("other-tenant", 2): f"{_BY_NAT}, {_FROM_OUTSIDE}",
    ("hairpin", 2): _BY_NAT,
}
"""What such an answer rests on, where NAT has a part in it."""


def _expiring() -> Iterator[Case]:
    for name, sender, to, hops in _WAYS:
        for protocol in (UDP, ICMP, TCP):
            for ttl, expect in hops:
                what = f"{_NAMES[protocol]}, TTL {ttl}, {sender} to {to}"
                rfc = _EXPIRED.get((name, ttl), _TTL if expect.router else _FROM_OUTSIDE)
                yield Case(
                    f"ttl-{name}-{ttl}-{_NAMES[protocol].lower()}", what, rfc, sender, Probe(to, protocol, ttl=ttl), expect
                )
    for name, vip in (("vip", VIP), ("vip-of-router", INSIDE_VIP)):
        probe = Probe(vip, TCP, ttl=1, port=80)
        yield Case(f"ttl-{name}-1-tcp", f"TCP, TTL 1, a-1 to {vip}", f"{_TTL}, {_QUOTE}", "a-1", probe, exceeded(OWN))
    probe = Probe(VIP, TCP, ttl=2, port=80)
    yield Case("ttl-in-vip-2-tcp", f"TCP, TTL 2, server to {VIP}", _BY_NAT, "server", probe, exceeded(UPLINK, 1))


_FIRST = f"{_TTL}, 1812 4.3.2.7"


def _east(name: str, what: str, rfc: str = _TTL, ttl: int = 1, **probe: object) -> Case:
    expect = exceeded(OWN) if ttl < 2 else exceeded(R2_T, 1)
    made = Probe(_FAR_VM, ttl=ttl, **{"protocol": UDP, **probe})  # type: ignore[arg-type]
    return Case(f"ttl-{name}", what, rfc, "a-1", made, expect)


def _expiring_oddly() -> Iterator[Case]:
    yield _east("0", "UDP that arrives with TTL 0", ttl=0)
    for protocol in (_SCTP, _GRE):
        for ttl in (1, 2):
            yield _east(f"{_NAMES[protocol].lower()}-{ttl}", f"{_NAMES[protocol]}, TTL {ttl}", ttl=ttl, protocol=protocol)
    yield _east("ack", "TCP without SYN, TTL 2", ttl=2, protocol=TCP, flags="A")
    yield _east("first-fragment", "first fragment, TTL 1", _FIRST, size=2000, pieces="first")
    yield _east("first-fragment-far", "first fragment, TTL 2", _FIRST, ttl=2, size=2000, pieces="first")
    yield _east("options", "UDP with IP options, TTL 1: quoted, too", _QUOTE, options=b"\x01\x01\x01\x00")
    yield _east("bad-udp-sum", "wrong UDP checksum, TTL 1: a router does not look", _TTL, broken="udp")
    yield _east("no-udp-sum", "UDP without checksum, TTL 1", _QUOTE, broken="no udp sum")
    yield _east("class", "DSCP EF and ECT(0), TTL 1: error with precedence 6, quote as sent", "1812 4.3.2.5", tos=(46 << 2) | 2)
    yield _east(
        "class-far", "DSCP EF and ECT(0), TTL 2: error with precedence 6, quote as sent", "1812 4.3.2.5", ttl=2, tos=(46 << 2) | 2
    )
    yield _east("dont-fragment", "UDP with DF, TTL 1", _QUOTE, dont_fragment=True)
    yield _east(
        "short", "UDP without data in a padded frame: padding is not quoted", f"894, {_QUOTE}", size=28, padding=b"\xa5" * 18
    )
    yield _east("quote-548", "548 bytes, TTL 1: quoted whole, without length field", f"{_QUOTE}, 4884 4", size=548)
    yield _east("quote-549", "549 bytes, TTL 1: 548 quoted", f"{_QUOTE}, 4884 4", size=549)
    yield _east("quote-mtu", f"{MTU:,} bytes, TTL 1: 548 quoted", f"{_QUOTE}, 4884 4", size=MTU)
    yield _east("quote-odd", "an odd length, TTL 2", _QUOTE, ttl=2, size=333)
    probe = Probe(SERVER_ADDRESS, UDP, ttl=2, size=1000)
    yield Case("ttl-quote-out", "1,000 bytes through SNAT, TTL 2: 548 quoted as sent", _FROM_OUTSIDE, "a-1", probe, _UPSTREAM)
    probe = Probe(FLOATING, UDP, ttl=2, size=1000)
    yield Case(
        "ttl-quote-in",
        "1,000 bytes to a floating IP, TTL 2: 548 quoted as sent",
        f"{_BY_NAT}, {_QUOTE}",
        "server",
        probe,
        exceeded(UPLINK, 1),
    )


_TOWARDS = (
    ("own-gateway", "a-1", OWN, 0),
    ("far-port", "a-1", R1_C, 0),
    ("second-router", "a-1", R2_T, 1),
    ("second-router-far", "a-1", R2_B, 1),
    ("uplink", "a-1", UPLINK, 0),
    ("back-far-port", "b-1", OWN, 1),
    ("in-uplink", "server", UPLINK, 1),
    ("in-vip", "server", VIP, 1),
    ("vip-inside", "a-1", VIP, 0),
    ("vip-of-router", "a-1", INSIDE_VIP, 0),
    ("other-uplink", "a-1", ELSEWHERE, 1),
)
"""Addresses of routers, where no port is open and no protocol is spoken but ICMP; hops on the way back."""


def _closed() -> Iterator[Case]:
    for name, sender, to, hops in _TOWARDS:
        of = f"{sender} to {to}"
        yield Case(f"port-{name}", f"UDP {of}", _CLOSED, sender, Probe(to, UDP), unreachable(_PORT, to, hops))
        yield Case(f"reset-{name}", f"SYN {of}", "9293 3.5.2", sender, Probe(to, TCP, size=40, port=81), reset(to, hops))
    probe, expect = Probe(VIP, UDP, ttl=2), unreachable(_PORT, VIP, 1)
    yield Case("port-in-vip-ttl", f"UDP server to {VIP}, TTL 2", f"{_CLOSED}, 1812 4.2.2.9", "server", probe, expect)
    for name, sender, to, hops in (_TOWARDS[0], _TOWARDS[2], _TOWARDS[4], _TOWARDS[6]):
        what = f"SCTP {sender} to {to}"
        yield Case(f"protocol-{name}", what, _CLOSED, sender, Probe(to, _SCTP), unreachable(_PROTOCOL, to, hops))
    for flags, name, size in (
        ("A", "ack", 40),
        ("F", "fin", 40),
        ("S", "syn-data", 77),
        ("PA", "data", 1000),
        ("SF", "syn-fin", 40),
    ):
        probe = Probe(OWN, TCP, flags=flags, size=size)
        yield Case(
            f"reset-{name}",
            f"{name.upper().replace('-', ' and ')} of {size} bytes to the router",
            "9293 3.5.2",
            "a-1",
            probe,
            reset(OWN),
        )


def _from_machines() -> Iterator[Case]:
    """Unreachable by the VMs themselves: their errors cross the translations back."""
    for name, sender, to, hops, rfc in (
        ("vm", "a-1", _FAR_VM, (2,), "1122 3.2.2.1"),
        ("in-floating", "server", FLOATING, (2,), _FROM_INSIDE),
        ("in-floating-far", "server", FLOATING_FAR, (3,), _FROM_INSIDE),
        ("other-tenant", "a-1", FLOATING_ELSEWHERE, (2,), f"{_FROM_INSIDE}, {_FROM_OUTSIDE}"),
        ("hairpin", "a-1", FLOATING, (1, 2), _HAIRPIN),
        ("internet", "a-1", SERVER_ADDRESS, (2,), _FROM_OUTSIDE),
    ):
        expect = unreachable(_PORT, to, *hops, router=False)
        yield Case(f"port-{name}", f"UDP {sender} to {to}, closed there", rfc, sender, Probe(to, UDP), expect)


def _cut() -> Iterator[Case]:
    """What may be cut is cut, and the VM that gets it answers it whole."""
    probe, expect = Probe(FLOATING, UDP, size=1500), unreachable(_PORT, FLOATING, 2, router=False)
    yield Case("port-in-cut", "UDP without DF, for the overlay, to a closed port", "1812 4.2.2.7", "server", probe, expect)


def _behind_vips() -> Iterator[Case]:
    """A member that listens on nothing: its answer is the VIP's."""
    for name, sender, vip, hops in (
        ("in", "server", VIP, (2,)),
        ("inside", "a-1", VIP, (0, 1)),
        ("own", "a-1", INSIDE_VIP, (0, 1)),
    ):
        what = f"SYN {sender} to {vip}, closed at the member"
        probe = Probe(vip, TCP, size=40, port=80)
        yield Case(f"reset-member-{name}", what, "9293 3.5.2", sender, probe, reset(vip, *hops))


def _nowhere() -> Iterator[Case]:
    rfc = "1812 4.3.3.1, 1812 5.2.7.1"
    for protocol in (UDP, ICMP, TCP):
        name = _NAMES[protocol]
        expect = unreachable(0, R3_D)
        yield Case(f"net-{name.lower()}", f"{name} for which no route is", rfc, "d-1", Probe("192.0.2.7", protocol), expect)
        expect = unreachable(1, OWN)
        yield Case(f"host-{name.lower()}", f"{name} to nobody's address", rfc, "a-1", Probe(_MISSING, protocol), expect)
    far = unreachable(1, R2_T, 1)
    yield Case("host-far", "UDP to nobody's address behind the second router", rfc, "a-1", Probe(_MISSING_FAR, UDP), far)
    probe = Probe("192.0.2.7", UDP)
    outside = unreachable(0, UPSTREAM_ADDRESS, 1, router=False)
    yield Case("net-outside", "UDP for which the provider has no route", _FROM_OUTSIDE, "a-1", probe, outside)


def _oversize() -> Iterator[Case]:
    rfc = "1191 4"
    for protocol in (UDP, ICMP, TCP):
        name = _NAMES[protocol]
        large = Probe(SERVER_ADDRESS, protocol, MTU, dont_fragment=True)
        yield Case(
            f"size-out-{name.lower()}",
            f"{name} with DF, for the external network",
            rfc,
            "a-1",
            large,
            too_large(EXTERNAL_MTU, OWN),
        )
        beyond = Probe(NARROW, protocol, EXTERNAL_MTU, dont_fragment=True)
        told = too_large(NARROW_MTU, UPSTREAM_ADDRESS, 1, router=False)
        yield Case(f"size-beyond-{name.lower()}", f"{name} with DF, for a link beyond", "5508 7.1.2", "a-1", beyond, told)
        inward = Probe(FLOATING, protocol, 1500, dont_fragment=True)
        told = too_large(MTU, UPLINK, 1)
        yield Case(f"size-in-{name.lower()}", f"{name} with DF, for the overlay", rfc, "server", inward, told)
    inward = Probe(VIP, TCP, 1500, port=80, dont_fragment=True)
    yield Case(
        "size-in-vip", "TCP with DF, to a VIP, for the overlay", f"{rfc}, 5508 7.1.1", "server", inward, too_large(MTU, UPLINK, 1)
    )
    large = Probe(SERVER_ADDRESS, UDP, MTU, dont_fragment=True)
    yield Case("size-far-out", "UDP with DF, behind two routers", rfc, "b-2", large, too_large(EXTERNAL_MTU, R1_T, 1))
    yield Case("size-floating-out", "UDP with DF, from a floating IP", rfc, "a-3", large, too_large(EXTERNAL_MTU, OWN))
    inward = Probe(FLOATING_FAR, UDP, 1500, dont_fragment=True)
    yield Case(
        "size-far-in", "UDP with DF, to a floating IP behind two routers", rfc, "server", inward, too_large(MTU, UPLINK, 1)
    )


ERROR_CASES = (
    *_expiring(),
    *_expiring_oddly(),
    *_closed(),
    *_from_machines(),
    *_behind_vips(),
    *_cut(),
    *_nowhere(),
    *_oversize(),
)
