"""All running captures, and what they share: bits, numbers, meters, and what a chassis may send up.

Packets find their capture by the number in the cookie of the flow that sent them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, islice

from ryu_overlay.model.objects import KEY_BITS
from ryu_overlay.oam.capture import DEFAULT_RATE, Busy, NotPossible, NotReady, Wanted
from ryu_overlay.oam.looking import BITS
from ryu_overlay.oam.pcapng import Direction
from ryu_overlay.oam.points import Point, PointError, Where, resolve
from ryu_overlay.openflow.fields import TUN_ID
from ryu_overlay.openflow.flow import Meter
from ryu_overlay.openflow.packet_in import parse_packet_in
from ryu_overlay.pipeline.tables import CAPTURE_METERS
from ryu_overlay.southbound.capture import Capture, Room
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.switches import Switches

MAX_CAPTURES = 8
BEGIN_WITHIN = 5.0
"""Seconds that bridges have to confirm a capture's flows."""


class Captures:
    """`rate_max` is packets a second that one chassis may send to all captures together."""

    def __init__(self, loop: Loop, switches: Switches, rate_max: int) -> None:
        self.rate_max = rate_max
        self._loop = loop
        self._engine = loop.engine
        self._switches = switches
        self._running: dict[int, Capture] = {}
        self._sites: dict[int, tuple[Capture, int, Direction]] = {}
        self._names = count(1)
        self._numbers = count()

    def running(self) -> list[Capture]:
        """Those that have not ended, in the order in which they began."""
        for capture in [c for c in self._running.values() if c.gone]:
            del self._running[capture.number]
            self._sites = {n: site for n, site in self._sites.items() if site[0] is not capture}
        return list(self._running.values())

    def start(self, wanted: Wanted) -> Capture:
        """A capture whose flows are there. Blocks this greenthread only. Raises NotPossible, Busy or NotReady, by field."""
        points = self._resolve(wanted)
        if len(self.running()) >= MAX_CAPTURES:
            raise Busy("points", f"{MAX_CAPTURES} captures run already; end one of them")
        rate = self._rate(wanted, points)
        room = self._room(points, rate)
        capture = Capture(next(self._names), wanted, points, room, self._loop, self._switches)
        self._running[capture.number] = capture
        for (point, direction), (_, number) in room.slots.items():
            self._sites[number] = capture, point, direction
        if not capture.begin(BEGIN_WITHIN):
            capture.close()
            late = [n for n in capture.chassis if self._engine.bridge_of(n) is not None and not self._engine.settled(n)]
            raise NotReady("points", f"{', '.join(late) or 'a chassis'} did not take the flows within {BEGIN_WITHIN:g} s")
        return capture

    def end(self, number: int) -> bool:
        """End a capture in good order. Returns whether there was one."""
        capture = next((c for c in self.running() if c.number == number), None)
        if capture is not None:
            capture.end("ended by request")
        return capture is not None

    def heard(self, dpid: int, number: int, data: bytes) -> None:
        """A bridge sent a packet up by a flow with this number. Called where the bytes are read: must be quick."""
        site = self._sites.get(number)
        if site is None:
            return
        capture, point, direction = site
        vni = parse_packet_in(data).fields.get(TUN_ID, 0) if capture.points[point].tunnel else None
        capture.heard(point, direction, dpid, data, vni)

    def _resolve(self, wanted: Wanted) -> list[Point]:
        where = Where(self._engine.network, self._engine.fabric, self._engine.parts())
        points = []
        for number, name in enumerate(wanted.points):
            field = f"points[{number}]"
            if name in wanted.points[:number]:
                raise NotPossible(field, f"{name!r} is given twice")
            try:
                point = resolve(name, where)
            except PointError as error:
                raise NotPossible(field, str(error)) from error
            if not any(self._engine.bridge_of(chassis) for chassis in point.chassis):
                raise NotReady(field, f"{', '.join(sorted(point.chassis))} is not connected")
            points.append(point)
        return points

    def _rate(self, wanted: Wanted, points: Sequence[Point]) -> int:
        """Packets a second for each point, such that no chassis may send more than it may to all captures."""
        left = {name: self.rate_max for point in points for name in point.chassis}
        for capture in self.running():
            for point in capture.points:
                for name in point.chassis & left.keys():
                    left[name] -= capture.room.rate
        shares = {name: left[name] // sum(name in point.chassis for point in points) for name in left}
        tightest = min(shares, key=lambda name: (shares[name], name))
        rate = wanted.rate or min(DEFAULT_RATE, shares[tightest])
        if not 0 < rate <= shares[tightest]:
            left_there = f"{max(left[tightest], 0)} of {self.rate_max} packets a second are left for captures on {tightest}"
            raise Busy("rate", f"{left_there}, for all these points together")
        return rate

    def _room(self, points: Sequence[Point], rate: int) -> Room:
        taken = [capture.room for capture in self.running()]
        used_bits = {bit for room in taken for bit, _ in room.slots.values()}
        used_meters = {meter.number for room in taken for meter in room.meters}
        wanted = [(number, site.direction) for number, point in enumerate(points) for site in point.sites]
        bits = [bit for bit in range(BITS) if bit not in used_bits]
        meters = [number for number in CAPTURE_METERS[:-1] if number not in used_meters]
        if len(bits) < len(wanted) or len(meters) < len(points):
            raise Busy("points", f"{len(bits)} directions of points can be looked at beside what runs, these have {len(wanted)}")
        slots = {key: (bit, number) for key, bit, number in zip(wanted, bits, self._fresh(len(wanted)))}
        return Room(slots, [Meter(number, rate, rate) for number in meters[: len(points)]], rate)

    def _fresh(self, many: int) -> Iterator[int]:
        """Numbers for cookies (1 to 2**24 - 1) that nothing has now, nor had lately."""
        numbers = (1 + n % ((1 << KEY_BITS) - 1) for n in self._numbers)
        return islice((n for n in numbers if n not in self._sites), many)
