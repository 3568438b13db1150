"""One running capture: flows and meters on bridges while it lasts, packets in from them, and a pcapng stream out.

Whoever takes the stream drives it. When he ends it, stops taking it, or a limit is reached, the flows go.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import eventlet
from eventlet.queue import Empty, LightQueue

from ryu_overlay.engine.events import Observe
from ryu_overlay.oam import capture
from ryu_overlay.oam.capture import Seen, Tally, Wanted
from ryu_overlay.oam.looking import Look, blocks
from ryu_overlay.oam.pcapng import Direction
from ryu_overlay.oam.points import Point, PointError, Where, resolve
from ryu_overlay.openflow.flow import Block, Meter
from ryu_overlay.openflow.messages import meter_stats_request
from ryu_overlay.openflow.packet_in import packet_of
from ryu_overlay.openflow.replies import parse_meter_drops
from ryu_overlay.southbound.asking import ask_all
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.switches import Switches
from ryu_overlay.southbound.waiting import comes_true

BEAT = 1.0
"""Seconds after which something is sent at the latest, so that it shows when nobody takes it."""
STALLED = 10.0
"""Seconds after which a stream that is not taken any more is given up."""
SETTLE = 2.0
"""Seconds that bridges have to confirm that the flows are gone, before the last count."""
STRAGGLERS = 0.5
"""Seconds that packets have that were on their way to the controller then."""
MAX_WAITING, MAX_WAITING_BYTES = 5_000, 16 * 2**20
"""Packets, and bytes of them, that may wait to be taken."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Room:
    """What a capture has of what all share: for each direction of each point a bit and a number, for each point a meter."""

    slots: Mapping[tuple[int, Direction], tuple[int, int]]
    meters: Sequence[Meter]
    rate: int


class Capture:
    """An iterator over the stream's bytes. `close` ends it at once, `end` in good order; both may be called twice."""

    def __init__(self, number: int, wanted: Wanted, points: Sequence[Point], room: Room, loop: Loop, switches: Switches) -> None:
        self.number = number
        self.wanted = wanted
        self.points = points
        self.room = room
        self.began = time.time_ns()
        self.reason = ""
        self.tallies = [Tally() for _ in points]
        self.gone = False
        self._loop, self._engine, self._switches = loop, loop.engine, switches
        self._meters: dict[tuple[str, int], tuple[int, int]] = {}
        self._names: dict[int, str] = {}
        self._queue: LightQueue = LightQueue()
        self._waiting_bytes = 0
        self._written = 0
        self._fabric = self._engine.fabric
        self._event = Observe(("capture", number), self._blocks(), tuple(room.meters))
        self._left_alone_since: float | None = time.monotonic()
        self._stream = self._chunks()

    @property
    def chassis(self) -> list[str]:
        """Where it has, or had, flows."""
        return sorted(self._event.blocks or ())

    def begin(self, seconds: float) -> bool:
        """Have the flows installed. Returns whether connected bridges have confirmed them within so many seconds."""
        self._loop.post(self._event)
        eventlet.spawn(self._watch)
        return self._observed(self._event, seconds)

    def heard(self, point: int, direction: Direction, dpid: int, data: bytes, vni: int | None) -> None:
        """A bridge sent a packet up. Called where the bytes are read: must be quick."""
        tally = self.tallies[point]
        tally.came += 1
        if self.gone:
            return
        if self._queue.qsize() >= MAX_WAITING or self._waiting_bytes + len(data) > MAX_WAITING_BYTES:
            tally.crowded_out += 1
            return
        self._waiting_bytes += len(data)
        self._queue.put((point, direction, time.time_ns(), dpid, data, vni))

    def end(self, reason: str) -> None:
        """Let the stream come to its end in good order, as soon as it is taken."""
        if not self.reason:
            self.reason = reason
            self._queue.put(None)

    def close(self) -> None:
        """Nobody takes the stream any more."""
        self.end("nobody takes it any more")
        self._withdraw()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._left_alone_since = None
        try:
            return next(self._stream)
        finally:
            self._left_alone_since = time.monotonic()

    def _chunks(self) -> Iterator[bytes]:
        yield capture.head(self.wanted, self.points)
        deadline = time.monotonic() + self.wanted.seconds
        beat = time.monotonic() + BEAT
        while not self.reason:
            taken = self._take(min(beat, deadline) - time.monotonic())
            if time.monotonic() >= beat:
                taken.append(self._state(final=False))
                beat = time.monotonic() + BEAT
            if taken:
                yield b"".join(taken)
            if self._written >= self.wanted.packets:
                self.end(f"ended after {self.wanted.packets} packets")
            elif time.monotonic() >= deadline:
                self.end(f"ended after {self.wanted.seconds} s")
        self._last_count()
        while taken := self._take(0):
            yield b"".join(taken)
        yield self._state(final=True)

    def _take(self, wait: float) -> list[bytes]:
        """Packets that wait, no more than fit into one chunk; if there are none, those that come soon."""
        taken: list[bytes] = []
        while len(taken) < _AT_ONCE and self._written < self.wanted.packets:
            try:
                item = self._queue.get(timeout=wait) if wait > 0 else self._queue.get_nowait()
            except Empty:
                break
            wait = 0
            if item is not None:
                taken.append(self._packet(*item))
        return taken

    def _packet(self, point: int, direction: Direction, at: int, dpid: int, data: bytes, vni: int | None) -> bytes:
        self._waiting_bytes -= len(data)
        self._written += 1
        self.tallies[point].written += 1
        length, frame = packet_of(data)
        if dpid not in self._names:
            self._names.update((bridge.dpid, bridge.chassis) for bridge in self._engine.bridges)
        chassis = self._names.get(dpid, f"{dpid:016x}")
        return Seen(point, direction, at, frame[: self.wanted.snaplen], length, chassis, vni).block()

    def _state(self, *, final: bool) -> bytes:
        return capture.state(self.tallies, self.began, time.time_ns(), final=final, reason=self.reason)

    def _last_count(self) -> None:
        """Take the flows away, but not the meters; count when all that is on its way has come; then take these too."""
        if self.gone:
            return
        self._say(Observe(self._event.key, dict.fromkeys(self.chassis, Block()), self._event.meters))
        self._observed(self._event, SETTLE)
        self._count()
        comes_true(lambda: not any(tally.lost for tally in self.tallies), STRAGGLERS)
        self._count()
        self._observed(self._withdraw(), SETTLE)

    def _withdraw(self) -> Observe:
        nothing = Observe(self._event.key, None)
        if not self.gone:
            self.gone = True
            self._loop.post(nothing)
        return nothing

    def _say(self, event: Observe) -> None:
        self._event = event
        self._loop.post(event)

    def _observed(self, event: Observe, seconds: float) -> bool:
        def connected() -> list[str]:
            return [name for name in self.chassis if self._engine.bridge_of(name) is not None]

        return comes_true(lambda: self._engine.observed(event, connected()), seconds)

    def _watch(self) -> None:
        while not self.gone:
            eventlet.sleep(BEAT)
            since = self._left_alone_since
            if since is not None and time.monotonic() > since + STALLED:
                self.close()
            if not self.reason:
                self._follow()
                self._count()

    def _follow(self) -> None:
        """Ports move and chassis join: be where they are now. Meters stay where they have counted."""
        if self._engine.fabric is self._fabric:
            return
        self._fabric = self._engine.fabric
        found = {**dict.fromkeys(self.chassis, Block()), **self._blocks()}
        if found != self._event.blocks:
            self._say(Observe(self._event.key, found, self._event.meters))

    def _blocks(self) -> dict[str, Block]:
        where = Where(self._engine.network, self._fabric, self._engine.parts())
        looks = []
        for number, name in enumerate(self.wanted.points):
            try:
                sites = resolve(name, where).sites
            except PointError:
                continue  # it may come back
            for site in sites:
                slot = self.room.slots.get((number, site.direction))
                if slot is not None:
                    looks.append(Look(site, *slot, self.room.meters[number].number))
        return blocks(looks, self.wanted.filter, self.wanted.snaplen)

    def _count(self) -> None:
        """Read the meters. A bridge that does not answer has what it had when it last did."""
        known = {name: bridge.dpid for name in self.chassis if (bridge := self._engine.bridge_of(name)) is not None}
        answers = ask_all(self._switches, [(dpid, meter_stats_request) for dpid in known.values()])
        for name, bodies in zip(known, answers):
            for meter in (found for body in bodies or () for found in parse_meter_drops(body)):
                self._meters[name, meter.number] = meter.packets, meter.dropped
        for tally, own in zip(self.tallies, self.room.meters):
            counts = [both for (_, of), both in self._meters.items() if of == own.number]
            tally.passed, tally.limited = (sum(column) for column in zip((0, 0), *counts))
