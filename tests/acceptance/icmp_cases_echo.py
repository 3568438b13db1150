"""Echo, timestamp and the like: cases of what is asked of an address and answered by it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mininet_topos.outside import SERVER_ADDRESS, UPSTREAM_ADDRESS
from tests.acceptance.icmp_case import NOTHING, OWN, R1_C, R1_T, R2_B, R2_T, VOID, Case, Expect, reply
from tests.acceptance.icmp_frames import TIMESTAMP, Probe
from tests.acceptance.icmp_network import (
    ELSEWHERE,
    FLOATING,
    FLOATING_ELSEWHERE,
    FLOATING_FAR,
    INSIDE_VIP,
    MTU,
    UPLINK,
    VIP,
    mac_of,
)

_ECHO = "1812 4.3.3.6"
_HOST = "1122 3.2.2.6"
_FORWARD = "1812 5.2.1"
_NAT = "5508 3.1"
_NAT_INWARD = "2663 4.1"
_HAIRPIN = "5508 5"

_TO = (
    ("own-gateway", "a-1", "own gateway", OWN, reply(OWN), _ECHO),
    ("far-port", "a-1", "far port of the same router", R1_C, reply(R1_C), _ECHO),
    ("transit-port", "a-1", "own router's port on the transit switch", R1_T, reply(R1_T), _ECHO),
    ("second-router", "a-1", "the second router", R2_T, reply(R2_T, 1), _ECHO),
    ("second-router-far", "a-1", "far port of the second router", R2_B, reply(R2_B, 1), _ECHO),
    ("uplink", "a-1", "own router's uplink", UPLINK, reply(UPLINK), _ECHO),
    ("upstream", "a-1", "the provider's router, through SNAT", UPSTREAM_ADDRESS, reply(UPSTREAM_ADDRESS, 1), _NAT),
    ("internet", "a-1", "a server on the internet, through SNAT", SERVER_ADDRESS, reply(SERVER_ADDRESS, 2), _NAT),
    ("floating-out", "a-3", "a server on the internet, from a floating IP", SERVER_ADDRESS, reply(SERVER_ADDRESS, 2), _NAT),
    ("hairpin", "a-1", "a floating IP of the tenant's own", FLOATING, reply(FLOATING, 1, 2), _HAIRPIN),
    ("hairpin-self", "a-3", "the VM's own floating IP", FLOATING, reply(FLOATING, 1, 2), _HAIRPIN),
    ("vip-inside", "a-1", "a VIP, from inside", VIP, reply(VIP), _ECHO),
    ("vip-of-router", "a-1", "a VIP with an inside address", INSIDE_VIP, reply(INSIDE_VIP), _ECHO),
    ("other-tenant", "a-1", "another tenant's floating IP", FLOATING_ELSEWHERE, reply(FLOATING_ELSEWHERE, 2), _NAT),
    ("other-uplink", "a-1", "another tenant's router", ELSEWHERE, reply(ELSEWHERE, 1), _ECHO),
    ("vm-beside", "a-1", "a VM on the same switch and chassis", "10.1.1.12", reply("10.1.1.12"), _HOST),
    ("vm-across", "a-1", "a VM on the same switch, another chassis", "10.1.1.13", reply("10.1.1.13"), _HOST),
    ("vm-routed", "a-1", "a VM on another switch", "10.1.3.11", reply("10.1.3.11", 1), _FORWARD),
    ("vm-two-routers", "a-1", "a VM behind two routers", "10.1.2.11", reply("10.1.2.11", 2), _FORWARD),
    ("vm-two-routers-here", "a-1", "a VM behind two routers, on the same chassis", "10.1.2.12", reply("10.1.2.12", 2), _FORWARD),
    ("back-far-port", "b-1", "far port of the router behind the own", OWN, reply(OWN, 1), _ECHO),
    ("back-uplink", "b-1", "the uplink of the router behind the own", UPLINK, reply(UPLINK, 1), _ECHO),
    ("back-internet", "b-2", "the internet, two routers before SNAT", SERVER_ADDRESS, reply(SERVER_ADDRESS, 3), _NAT),
    ("in-uplink", "server", "the uplink, from the internet", UPLINK, reply(UPLINK, 1), _ECHO),
    ("in-uplink-near", "upstream", "the uplink, from its own network", UPLINK, reply(UPLINK), _ECHO),
    ("in-floating", "server", "a floating IP, from the internet", FLOATING, reply(FLOATING, 2), _NAT_INWARD),
    ("in-floating-far", "server", "a floating IP behind two routers", FLOATING_FAR, reply(FLOATING_FAR, 3), _NAT_INWARD),
    ("in-vip", "server", "a VIP, from the internet", VIP, reply(VIP, 1), _ECHO),
)  # fmt: skip
_BESIDE = {"10.1.1.12": mac_of("a-2"), "10.1.1.13": mac_of("a-3")}
"""Neighbours on switch a are reached without the gateway."""


def _addresses() -> Iterator[Case]:
    for name, sender, what, to, expect, rfc in _TO:
        yield Case(f"echo-{name}", f"echo to {what}", rfc, sender, Probe(to, size=84, mac=_BESIDE.get(to)), expect)


def _own(name: str, what: str, rfc: str, expect: Expect | None = None, to: str = OWN, **probe: object) -> Case:
    return Case(f"echo-{name}", what, rfc, "a-1", Probe(to, **probe), expect or reply(to))  # type: ignore[arg-type]


def _sizes() -> Iterator[Case]:
    yield _own("empty", "echo without data", _ECHO, size=28)
    yield _own("odd", "echo with one byte of data", _ECHO, size=29)
    yield _own("odd-large", "echo of an odd length", _ECHO, size=1001)
    yield _own("mtu", "echo of the MTU's size", _ECHO, size=MTU)
    yield _own("mtu-far", "echo of the MTU's size to the second router", _ECHO, reply(R2_B, 1), R2_B, size=MTU)
    yield _own("dont-fragment", "echo of the MTU's size with DF", _ECHO, size=MTU, dont_fragment=True)
    yield _own("padded", "echo in a frame with bytes behind the packet", f"894, {_ECHO}", size=29, padding=b"\xa5" * 17)
    yield _own("fragments", "echo in six fragments", "1122 3.3.2", size=3000, pieces="all")
    yield _own("fragments-turned", "echo in six fragments, last first", "1122 3.3.2", size=3000, pieces="turned")
    yield _own(
        "fragments-far", "echo in fragments to the second router", "1122 3.3.2", reply(R2_T, 1), R2_T, size=2001, pieces="all"
    )
    vm = reply("10.1.2.11", 2)
    yield _own(
        "fragments-vm", "echo in fragments to a VM behind two routers", "1812 5.2.6", vm, "10.1.2.11", size=2500, pieces="all"
    )
    # Open vSwitch in userspace tracks no fragments under 1,200 bytes, but last ones.
    for name, sender, to, hops in (
        ("floating", "server", FLOATING, 2),
        ("internet", "a-1", SERVER_ADDRESS, 2),
        ("hairpin", "a-1", FLOATING, 2),
    ):
        probe, expect = Probe(to, size=1380, pieces="all", cut=1184), reply(to, hops - (name == "hairpin"), hops)
        yield Case(f"echo-fragments-{name}", f"echo in fragments from {sender} to {to}", "4787 11", sender, probe, expect)
    to_server = reply(SERVER_ADDRESS, 2)
    yield _own(
        "cut", "echo larger than the external network's MTU, without DF", "1812 4.2.2.7", to_server, SERVER_ADDRESS, size=MTU
    )


def _contents() -> Iterator[Case]:
    record = bytes([7, 11, 4]) + bytes(8) + b"\0"
    yield _own("dscp", "echo with DSCP EF: the reply has it", "1812 4.3.2.5", tos=46 << 2)
    inward = Probe(FLOATING, tos=46 << 2)
    yield Case("echo-dscp-in", "echo with DSCP EF to a floating IP", "1812 5.3.2", "server", inward, reply(FLOATING, 2))
    outward = Probe(SERVER_ADDRESS, tos=46 << 2)
    yield Case("echo-dscp-out", "echo with DSCP EF through SNAT", "1812 5.3.2", "a-1", outward, reply(SERVER_ADDRESS, 2))
    yield Case(
        "echo-in-vip-ttl", "echo to a VIP, TTL 2, from the internet", "1812 4.2.2.9", "server", Probe(VIP, ttl=2), reply(VIP, 1)
    )
    yield _own("dscp-far", "echo with DSCP EF to the second router", "1812 4.3.2.5", reply(R2_B, 1), R2_B, tos=46 << 2)
    yield _own("ecn", "echo with ECT(0): not made CE", "3168 5", tos=2)
    yield _own("edge", "echo whose reply's checksum is all ones or zeros", "1624 3", broken="edge", size=64)
    yield _own("nops", "echo with IP options", f"791 3.1, {_ECHO}", options=b"\x01\x01\x01\x00")
    server = reply(SERVER_ADDRESS, 2)
    yield _own(
        "nops-nat", "echo with IP options through SNAT", f"791 3.1, {_NAT}", server, SERVER_ADDRESS, options=b"\x01\x01\x01\x00"
    )
    yield _own("record-route", "echo with record route", _ECHO, options=record)
    yield _own("ttl-1", "echo with TTL 1 to the router itself", "1812 4.2.2.9", ttl=1)
    yield _own("ttl-1-far", "echo with TTL 1 to the router's far port", "1812 4.2.2.9", reply(R1_C), R1_C, ttl=1)
    beside = reply("10.1.1.12")
    yield _own("ttl-1-switch", "echo with TTL 1 on one switch", "1122 3.2.1.7", beside, "10.1.1.12", ttl=1, mac=mac_of("a-2"))
    yield _own("bad-icmp-sum", "echo with a wrong ICMP checksum", "792", VOID, broken="icmp")
    yield _own("bad-ip-sum", "echo with a wrong IP checksum", "1812 5.2.2", VOID, broken="ip")
    yield _own("bad-ip-sum-far", "echo with a wrong IP checksum to the second router", "1812 5.2.2", VOID, R2_B, broken="ip")
    back = reply("10.1.1.12", 0)
    yield _own("sent-back", "echo to a VM beside, through the router", "1812 5.2.1, 1812 5.2.7.2", back, "10.1.1.12")


def _others() -> Iterator[Case]:
    stamp = Expect("stamp", OWN)
    yield _own("timestamp", "timestamp request", "1812 4.3.3.8", stamp, size=40, kind=TIMESTAMP)
    for kind, name, rfc in (
        (15, "information request", "1812 4.3.3.7, 6918 2.2"),
        (17, "address mask request", "1122 3.2.2.9, 6918 2.4"),
    ):
        yield _own(name.replace(" ", "-"), name, rfc, NOTHING, kind=kind, size=32)
    for kind, name, rfc in (
        (0, "echo reply", _ECHO),
        (200, "unknown ICMP type", "1812 4.3.2.1"),
    ):
        yield _own(name.replace(" ", "-").lower(), f"{name} to the router", rfc, NOTHING, kind=kind, size=36)
    redirect = bytes([10, 1, 1, 99]) + struct.pack("!BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 17, 0) + bytes(16)
    yield _own(
        "redirect", "redirect to the router", "1812 4.3.2.7, 1812 5.2.7.2", NOTHING, kind=5, code=1, size=60, body=redirect
    )


ECHO_CASES = (*_addresses(), *_sizes(), *_contents(), *_others())
