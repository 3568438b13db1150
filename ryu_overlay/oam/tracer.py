"""A trace: probes sent and heard of, there and back, and asked after where they were lost.

1. The packet is put into the bridge where it begins, marked; each table tells of it on its way (`sending`).
2. Where it arrives, what a normal peer would answer is put in there, and goes back. Or, if that is asked for, the packet is sent
   once more and handed over, and the peer's own answer goes back (`delivering`).
3. If it did not go as the model says, it is tried again, smaller, and bridges are asked what they have (`asking`).
4. The connections that it began are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random

from ryu_overlay.model.walk_values import Answered, Ip
from ryu_overlay.oam.delivering import Target
from ryu_overlay.oam.doors import Door, doors, own_uplink
from ryu_overlay.oam.frames import answer_of, to_frame
from ryu_overlay.oam.guests import arp_sender
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.judging import Leg
from ryu_overlay.oam.launch import onward
from ryu_overlay.oam.legs import Legs
from ryu_overlay.oam.observed import Observer
from ryu_overlay.oam.register import Busy, Register
from ryu_overlay.oam.sending import Sender
from ryu_overlay.oam.sighting import Sighting, sighting
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.trip import Silence, Trip
from ryu_overlay.oam.verdicts import Verdict
from ryu_overlay.oam.world import Hands, Lookups, Unable
from ryu_overlay.openflow.fields import IN_PORT
from ryu_overlay.pipeline.cookies import Feature
from ryu_overlay.pipeline.registers import OFPORT
from ryu_overlay.pipeline.tables import LS_IN_LOOKUP

DELIVERED_WITHIN = 1.0
"""Seconds that a guest or host has to answer."""
MOST_AT_ONCE = 64
"""Traces, for the controller's sake."""
_ETHERNET = 14


@dataclass(frozen=True, slots=True)
class Report:
    """A trace. `expected` is what the model says. `size` is that of the packet sent, in bytes with the IPv4 header;
    `full_size` the verdict on larger ones, if they were tried; `seconds` is what it took. `guest_ms` is how long the one that it
    was delivered to took to answer."""

    expected: Trip
    there: Leg
    back: Leg | None
    verdict: Verdict
    full_size: Verdict | None
    size: int
    seconds: float
    guest_ms: float | None = None


class Tracer:
    """Traces, as many at a time as there are callers. `heard` takes what bridges tell of probes."""

    def __init__(self, hands: Hands, random: Random) -> None:
        self._hands = hands
        self._random = random
        self._lookups = Lookups()
        self._register = Register(_numbers(random))
        self._running = 0
        self._turns = set[object]()

    def heard(self, chassis: str, data: bytes) -> bool:
        """A packet-in about a probe; whether it was one of ours. Raises struct.error or ValueError for what is cut short."""
        seen = sighting(chassis, self._hands.now(), data)
        if seen is None:
            return False
        if seen.feature is Feature.PUNT_GUEST:
            return self._guest(seen)
        journey = self._register.journey_of(seen)
        if journey is not None:
            journey.take(seen)
        return journey is not None

    def trace(
        self,
        start: Start,
        full_size: int | None = None,
        deliver: bool = False,
        echo: tuple[int, int] | None = None,
        chassis: str | None = None,
    ) -> Report:
        """The way of a packet and of its answer, by probes. Raises Unable where it cannot be sent from.

        `full_size`: if all went well, try packets of so many bytes, too. `deliver`: hand it over, and follow the real answer.
        `echo` is the identifier and sequence number of an echo request. What a router sends begins at `chassis`, if one is given.
        """
        began = self._hands.now()
        with self.run() as (legs, sender):
            entry = doors(legs.world, start, chassis)
            frame = to_frame(start.packet, 0, echo=echo or (self.number(), 1), seq=self.number())
            there, back, found = self._both(legs, start, frame, entry)
            guest_ms = None
            if deliver and there.journey.end == "out" and not isinstance(legs.expected(start).there.outcome, Answered):
                there, back, found, guest_ms = self._delivered(legs, sender, start, frame, entry, there)
            larger = full_size is not None and found.kind == "ok" and crosses(there, back)
            large = self._large(legs, start, full_size or 0, entry) if larger else None
            expected = legs.expected(start)
        verdict = found if large is None or large.kind in ("ok", "answered") else large
        return Report(expected, there, back, verdict, large, len(frame) - _ETHERNET, self._hands.now() - began, guest_ms)

    @contextmanager
    def run(self) -> Iterator[tuple[Legs, Sender]]:
        """What sends packets and judges them, as things are now; in the end nothing is left of them. Raises Unable."""
        if self._running >= MOST_AT_ONCE:
            raise Unable("from", f"{self._running} traces run already", "busy")
        world = self._hands.world()
        observer = Observer(world.network, self._lookups.of(world.programs), world.places)
        sender = Sender(self._register, self._hands, world, observer)
        self._running += 1
        try:
            yield Legs(self._hands, world, observer, sender), sender
        except Busy as error:
            raise Unable("from", str(error), "busy") from error
        finally:
            self._running -= 1
            sender.done()

    def number(self) -> int:
        """For identifiers that nothing else has to know."""
        return self._random.randint(1, 0xFFFF)

    def target(self, legs: Legs, sender: Sender, first: Journey) -> Target:
        """Whoever a packet arrived at."""
        return Target(self._hands, self._register, sender, legs.world, first, self._turns)

    def _guest(self, seen: Sighting) -> bool:
        """What a guest said. If nobody waits for it, it goes on."""
        if seen.table == LS_IN_LOOKUP.number:
            self._register.told(seen.chassis, seen.state.get(IN_PORT, 0), arp_sender(seen))
            return True
        ofport, answer = seen.state.get(IN_PORT, 0), self._register.answered(seen.frame)
        if answer is not None:
            answer.frames.append((seen.at, seen.chassis, ofport, seen.frame))
        else:
            self._hands.send(seen.chassis, onward(seen))
        return True

    def _both(self, legs: Legs, start: Start, frame: bytes, entry: Sequence[Door]) -> tuple[Leg, Leg | None, Verdict]:
        """There, and if that went well back, with what a normal peer would answer."""
        there = legs.leg("there", start, frame, entry)
        found = legs.taken(start, legs.judged(there))
        if found.kind != "ok" or there.journey.end != "out" or isinstance(legs.expected(start).there.outcome, Answered):
            return there, None, found
        if own_uplink(legs.world, start) is not None and there.expected.outcome.kind == "left":
            # The answer to a router itself is no connection's that conntrack knows: it has to be looked out for.
            return there, None, found
        last, expected = there.journey.way()[-1].last, legs.expected(start).answer
        if isinstance(expected, Silence):
            return there, None, replace(found, sentence=f"{found.sentence}; {expected.why}") if expected.due else found
        answer = answer_of(last.frame, 0, self.number())
        if answer is None:
            return there, None, found
        # By its own routes, which need not be where the packet came from.
        answer = bytes.fromhex(expected.packet.eth_dst.replace(":", "")) + answer[6:]
        back = legs.leg("back", start, answer, [Door(last.chassis, last.register(OFPORT))])
        return there, back, legs.talked(start, found, legs.judged(back))

    def _delivered(
        self, legs: Legs, sender: Sender, start: Start, frame: bytes, entry: Sequence[Door], first: Leg
    ) -> tuple[Leg, Leg | None, Verdict, float | None]:
        """The same once more, handed over. The connections of the first are forgotten before."""
        sender.forget_connections()
        with self.target(legs, sender, first.journey) as target:
            uplink = own_uplink(legs.world, start) if target.is_outside else None
            if uplink is not None:
                target.look_out(uplink, frame)
            delivery = target.ask(frame, entry, DELIVERED_WITHIN)
        # Lost where the first was not: some pass.
        there = legs.read(
            "there", start, [first.journey, delivery.there] if delivery.there.end == "into_tunnel" else [delivery.there]
        )
        found = legs.judged(there)
        if found.kind != "ok":
            return there, None, found, None
        if delivery.back is None:
            heard = replace(found, sentence=f"{found.sentence}; its answer comes back")
            judged = legs.silent(there, target, delivery) if delivery.answer is None else heard
            return there, None, judged, delivery.guest_ms
        refused = legs.refused_outside(there, target, delivery)
        if refused is not None:
            return there, None, refused, delivery.guest_ms
        back = legs.of_guest(start, target, delivery)
        return there, back, legs.talked(start, found, legs.judged(back)), delivery.guest_ms

    def _large(self, legs: Legs, start: Start, size: int, entry: Sequence[Door]) -> Verdict:
        """Whether packets of this size in bytes get there and back as well."""
        body = start.packet.body
        assert isinstance(body, Ip)
        large = replace(start, packet=replace(start.packet, body=replace(body, size=size, df=True)))
        legs.sender.forget_connections()
        frame = to_frame(large.packet, 0, echo=(self.number(), 1), seq=self.number())
        return self._both(legs, large, frame, entry)[2]


def crosses(*legs: Leg | None) -> bool:
    """Whether there is a tunnel on the way."""
    return any(stay.by_tunnel for leg in legs if leg is not None for stay in leg.journey.stays)


def _numbers(random: Random) -> Iterator[int]:
    while True:
        yield random.randrange(1, 0x10000)
