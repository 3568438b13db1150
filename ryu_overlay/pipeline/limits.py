"""How many packets a second may go to the controller, and the numbers of the meters that see to it.

A packet passes the meter of the uplink it came into its router by, if it was one; that of the port it came by; then that of its
chassis: so who sends too much has spent nothing of what others on the chassis may use. See
docs/decisions/0023-a-meter-for-each-port.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from ryu_overlay.openflow.diff import COUNTING
from ryu_overlay.openflow.flow import Meter

OF_CHECKS, OF_GUESTS = 0x10001, 0x10002
"""What `link` says of packets to the controller that are not to be answered: answers to health checks, and what guests say."""
_PORTS_FROM = COUNTING.stop
_UPLINKS_FROM = _PORTS_FROM + 0xFF00
_SCATTER = 0x9E3779B1
"""Uplinks may be more than the 256 numbers left, so some have a meter together. Tenants that are made alike have keys at equal
distances: multiplied by this (2**32 by the golden ratio), their upper bits are still spread evenly.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Packets a second, 1 to 2**32 - 1: `chassis` of all ports together, `port` of one VM's, or of one uplink. After a rest as
    many may come at once."""

    chassis: int = 2000
    port: int = 200

    @property
    def shared(self) -> int:
        """Of one tunnel, or one physical network: half of the chassis', for many stand behind it."""
        return max(1, self.chassis // 2)


DEFAULT = Limits()


def meter_number(ofport: int) -> int:
    """The number of the meter of what came by the OpenFlow port `ofport` (1 to 65279)."""
    return _PORTS_FROM + ofport


def port_meter(ofport: int, rate: int) -> Meter:
    """That meter."""
    return Meter(meter_number(ofport), rate, rate)


def ofport_of(number: int) -> int | None:
    """The OpenFlow port that the meter with that number is of, None if it is of none."""
    return number - _PORTS_FROM if _PORTS_FROM <= number < _UPLINKS_FROM else None


def uplink_meter(key: int, rate: int) -> Meter:
    """The meter of what came into a router by the uplink with that key."""
    return Meter(_UPLINKS_FROM + (key * _SCATTER >> 24 & 0xFF), rate, rate)
