"""A trace: probes sent and heard of, there and back, and asked after where they were lost.

1. The packet is put into the bridge where it begins, marked; each table tells of it on its way (`sending`).
2. Where it arrives, what a normal peer would answer is put in there, and goes back.
3. If it did not go as the model says, it is tried again, smaller, and bridges are asked what they have (`asking`).
4. The connections that it began are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from ryu_overlay.model.objects import Port
from ryu_overlay.model.walk_values import Answered, Ip
from ryu_overlay.oam.asking import evidence
from ryu_overlay.oam.expected import way_of
from ryu_overlay.oam.frames import answer_of, to_frame
from ryu_overlay.oam.guided import Guided
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.judging import Direction, Evidence, Leg, judge
from ryu_overlay.oam.observed import Observer
from ryu_overlay.oam.sending import Register, Sender
from ryu_overlay.oam.sighting import sighting
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.trip import Trip, trip
from ryu_overlay.oam.verdicts import Verdict
from ryu_overlay.oam.world import Hands, Lookups, Unable, World
from ryu_overlay.openflow.fields import IN_PORT
from ryu_overlay.pipeline.registers import OFPORT

TRIES = 3
"""How often a packet is sent before it counts as lost for good."""
SMALL = 84
"""Bytes of a packet that any tunnel has to carry."""
_ETHERNET = 14
_PLAIN = ("ok", "answered", "dropped", "no_gateway", "vni_lost", "lossy")
"""Verdicts that need no more evidence."""

Where = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Report:
    """A trace. `expected` is what the model says. `size` is that of the packet sent, in bytes with the IPv4 header;
    `full_size` the verdict on larger ones, if they were tried; `seconds` is what it took."""

    expected: Trip
    there: Leg
    back: Leg | None
    verdict: Verdict
    full_size: Verdict | None
    size: int
    seconds: float


class Tracer:
    """Traces, as many at a time as there are callers. `heard` takes what bridges tell of probes."""

    def __init__(self, hands: Hands, random: Random) -> None:
        self._hands = hands
        self._random = random
        self._lookups = Lookups()
        self._register = Register(_numbers(random))

    def heard(self, chassis: str, data: bytes) -> bool:
        """A packet-in about a probe; whether it was one of ours. Raises struct.error or ValueError for what is cut short."""
        seen = sighting(chassis, self._hands.now(), data)
        journey = None if seen is None else self._register.find(seen)
        if seen is None or journey is None:
            return False
        journey.take(seen)
        return True

    def trace(self, start: Start, full_size: int | None = None) -> Report:
        """The way of a packet and of its answer, by probes. Raises Unable where it cannot be sent from.

        `full_size`: if all went well, try packets of so many bytes, too.
        """
        began, world = self._hands.now(), self._hands.world()
        observer = Observer(world.network, self._lookups.now(world.programs), world.places)
        sender = Sender(self._register, self._hands, world, observer)
        run = _Run(self._hands, world, observer, sender, self._random)
        try:
            where = places(world, start)
            frame = to_frame(start.packet, 0, echo=(run.number(), 1), seq=run.number())
            there, back, found = run.both(start, frame, where)
            larger = full_size is not None and found.kind == "ok" and run.crosses(there, back)
            large = run.large(start, full_size or 0, where) if larger else None
            expected = run.expected(start)
        except LookupError as error:
            raise Unable("from", str(error), "busy") from error
        finally:
            sender.done()
        verdict = found if large is None or large.kind in ("ok", "answered") else large
        return Report(expected, there, back, verdict, large, len(frame) - _ETHERNET, self._hands.now() - began)


def places(world: World, start: Start) -> list[tuple[str, int]]:
    """Where a packet comes into bridges. Raises Unable if that is nowhere, or cannot be reached."""
    if isinstance(start.at, Port):
        where = world.bound.get(start.at.name)
        if where is None:
            raise Unable("from", f"port {start.at.name} is bound on no chassis", "not_bound")
        if where[0] not in world.connected:
            raise Unable("from", f"{where[0]}, where port {start.at.name} is, is not connected", "chassis_away")
        return [where]
    network = world.network.external_views[start.at].network
    patches = [where for where in world.patches(network.physical_network) if where[0] in world.connected]
    if not patches:
        raise Unable("from", f"no connected chassis maps {network.physical_network}", "not_bound")
    return patches


def _numbers(random: Random) -> Iterator[int]:
    while True:
        yield random.randrange(1, 0x10000)


class _Run:
    """One trace under way."""

    def __init__(self, hands: Hands, world: World, observer: Observer, sender: Sender, random: Random) -> None:
        self._hands = hands
        self._world = world
        self._observer = observer
        self._sender = sender
        self._random = random
        self._guide = Guided()
        self._expected: tuple[Start, int, Trip] | None = None

    def number(self) -> int:
        return self._random.randint(1, 0xFFFF)

    def expected(self, start: Start) -> Trip:
        """What the model says, with choices made as they were seen to be made."""
        known = self._expected
        if known is None or known[:2] != (start, self._guide.version):
            found = trip(self._world.network, start, self._guide, self._world.facts)
            known = self._expected = start, self._guide.version, found
        return known[2]

    def both(self, start: Start, frame: bytes, where: Where) -> tuple[Leg, Leg | None, Verdict]:
        """There, and if that went well back."""
        there = self._leg("there", start, frame, where)
        found = self._judged(there)
        if found.kind != "ok" or isinstance(self.expected(start).there.outcome, Answered):
            return there, None, found
        last = there.journey.way()[-1].last
        answer = answer_of(last.frame, 0, self.number())
        if answer is None:
            return there, None, found
        back = self._leg("back", start, answer, [(last.chassis, last.register(OFPORT))])
        judged = self._judged(back)
        if judged.kind == "ok":
            judged = replace(found, sentence=f"{found.sentence}; an answer from there comes back")
        return there, back, judged

    @staticmethod
    def crosses(*legs: Leg | None) -> bool:
        """Whether there is a tunnel on the way."""
        return any(stay.by_tunnel for leg in legs if leg is not None for stay in leg.journey.stays)

    def large(self, start: Start, size: int, where: Where) -> Verdict:
        """Whether packets of this size in bytes get there and back as well."""
        body = start.packet.body
        assert isinstance(body, Ip)
        large = replace(start, packet=replace(start.packet, body=replace(body, size=size, df=True)))
        self._sender.forget_connections()
        return self.both(large, to_frame(large.packet, 0, echo=(self.number(), 1), seq=self.number()), where)[2]

    def _leg(self, direction: Direction, start: Start, frame: bytes, where: Where) -> Leg:
        """Send a packet, again if it was lost, and see what became of it."""
        lost, blocked = 0, dict[tuple[str, int], int]()
        journeys: list[Journey] = []
        while len(journeys) < TRIES:
            if journeys:
                self._sender.forget_connections()
            journey = self._sender.go(frame, where)
            journeys.append(journey)
            lost += journey.end == "into_tunnel"
            uncrossed = journey.uncrossed()
            for before, _ in uncrossed:
                blocked[before.chassis, before.vni] = blocked.get((before.chassis, before.vni), 0) + 1
            if not lost and not uncrossed:
                break
        kept = next((j for j in reversed(journeys) if j.end != "into_tunnel"), journeys[-1])
        self._guide.saw(kept)
        expected = self.expected(start)
        path = expected.there if direction == "there" or expected.back is None else expected.back
        return Leg(direction, kept, tuple(self._observer.read(kept)), way_of(path), len(journeys), lost, blocked)

    def _judged(self, leg: Leg) -> Verdict:
        found = judge(self._observer, leg)
        return found if found.kind in _PLAIN else judge(self._observer, leg, self._evidence(leg))

    def _evidence(self, leg: Leg) -> Evidence:
        asked = evidence(self._hands, self._world, self._observer, leg)
        if leg.journey.end == "into_tunnel" and not asked.away and not asked.silent and leg.lost >= TRIES:
            return replace(asked, passed=self._passes(leg))
        return asked

    def _passes(self, leg: Leg) -> int | None:
        """The largest size in bytes that gets through the tunnel where a leg was lost, None if not even a small packet does."""
        first = leg.journey.way()[0]
        frame, where = first.seen[0].frame, [(first.chassis, first.seen[0].state.get(IN_PORT, 0))]

        def passes(size: int) -> bool:
            return self._sender.resized(frame, size, where).end != "into_tunnel"

        low, high = SMALL, len(frame) - _ETHERNET
        if high <= low or not passes(low):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if passes(middle) else (low, middle)
        return low
