"""One direction of a trace: a packet sent, again where it was lost, read, and judged with what bridges say when asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from ryu_overlay.model.objects import Port
from ryu_overlay.model.walk_values import ICMP_ERRORS, DropReason
from ryu_overlay.oam.asking import evidence, leaving
from ryu_overlay.oam.delivering import Delivery, Target
from ryu_overlay.oam.doors import Door, own_uplink
from ryu_overlay.oam.expected import expected, way_of
from ryu_overlay.oam.frames import from_frame
from ryu_overlay.oam.guided import Guided
from ryu_overlay.oam.hops import Way
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.judging import Direction, Evidence, Leg, judge
from ryu_overlay.oam.observed import Observer
from ryu_overlay.oam.reading import read
from ryu_overlay.oam.sending import Sender
from ryu_overlay.oam.start import Start
from ryu_overlay.oam.trip import Trip, trip
from ryu_overlay.oam.verdicts import Verdict
from ryu_overlay.oam.world import Hands, World
from ryu_overlay.openflow.fields import ICMP_CODE, ICMP_TYPE, IPV4_SRC
from ryu_overlay.openflow.headers import headers
from ryu_overlay.pipeline.registers import OFPORT, TUNNEL

TRIES = 3
"""How often a packet is sent before it counts as lost for good."""
SMALL = 84
"""Bytes of a packet that any tunnel has to carry."""
_PLAIN = ("ok", "answered", "dropped", "no_gateway", "vni_lost", "lossy")
"""Verdicts that need no more evidence."""
_TAKEN = (DropReason.OWN_ICMP.name.lower(),)
_TAKEN_BY_UPLINK = (*_TAKEN, DropReason.NOT_TRACKED.name.lower())


class Legs:
    """The legs of one trace in one world."""

    def __init__(self, hands: Hands, world: World, observer: Observer, sender: Sender) -> None:
        self.world = world
        self.sender = sender
        self._hands = hands
        self._observer = observer
        self._guide = Guided()
        self._expected: tuple[Start, int, Trip] | None = None
        self._left: set[str] = set()
        """The chassis whose way out was looked at."""

    def expected(self, start: Start) -> Trip:
        """What the model says, with choices made as they were seen to be made."""
        known = self._expected
        if known is None or known[:2] != (start, self._guide.version):
            found = trip(self.world.network, start, self._guide, self.world.facts)
            known = self._expected = start, self._guide.version, found
        return known[2]

    def leg(self, direction: Direction, start: Start, frame: bytes, entry: Sequence[Door]) -> Leg:
        """Send a packet, again if it was lost, and see what became of it."""
        return self.read(direction, start, self._tried(self.sender.go(frame, entry), frame, entry))

    def _tried(self, first: Journey, frame: bytes, entry: Sequence[Door]) -> list[Journey]:
        """A packet's journey, and more of the same if it was lost."""
        journeys = [first]
        while len(journeys) < TRIES and (any(j.end == "into_tunnel" for j in journeys) or journeys[-1].uncrossed()):
            self.sender.forget_connections()
            journeys.append(self.sender.go(frame, entry))
        return journeys

    def read(
        self, direction: Direction, start: Start, journeys: Sequence[Journey], *, own: bool = False, from_outside: bool = False
    ) -> Leg:
        """What became of packets of one kind. `own`: a peer sent them by itself. `from_outside`: neither the wire that they came
        from nor the border was seen."""
        lost, blocked = Counter[tuple[str, str]](), dict[tuple[str, int], int]()
        for journey in journeys:
            if journey.end == "into_tunnel":
                last = journey.way()[-1].last
                peer = self.world.places.tunnels.get((last.chassis, last.register(OFPORT) & ~TUNNEL), "?")
                lost[last.chassis, peer] += 1
            for before, _ in journey.uncrossed():
                blocked[before.chassis, before.vni] = blocked.get((before.chassis, before.vni), 0) + 1
        kept = next((j for j in reversed(journeys) if j.end != "into_tunnel"), journeys[-1])
        self._guide.saw(kept)
        both = self.expected(start)
        way = way_of(both.there if direction == "there" or both.back is None else both.back)
        if from_outside:
            way = _behind_border(way)
        return Leg(direction, kept, tuple(read(self._observer, kept)), way, len(journeys), lost.total(), own, blocked, lost)

    def judged(self, leg: Leg) -> Verdict:
        """What became of a leg, with evidence where it is needed."""
        found = judge(self._observer, leg)
        if found.kind == "ok":
            finding = leaving(self._hands, self.world, self._observer, leg, self._left)
            return found if finding is None else judge(self._observer, leg, Evidence(finding))
        return found if found.kind in _PLAIN else judge(self._observer, leg, self._evidence(leg))

    def taken(self, start: Start, found: Verdict) -> Verdict:
        """A router that sent something takes the answer, and that is the end of it."""
        by_router = not isinstance(start.at, Port) and start.at in self.world.network.router_views
        # From outside, conntrack is asked first, which knows nothing of what a router sends from an address of its own.
        taken = _TAKEN_BY_UPLINK if by_router and own_uplink(self.world, start) is not None else _TAKEN
        if not by_router or found.kind != "dropped" or found.reason not in taken:
            return found
        outcome = way_of(self.expected(start).there).outcome
        if outcome.kind == "answered" and outcome.reason != "echo_reply":
            return Verdict("answered", outcome.sentence, found.direction, object=outcome.at, reason=outcome.reason)
        return Verdict("ok", outcome.sentence, found.direction)

    def talked(self, start: Start, there: Verdict, back: Verdict) -> Verdict:
        """Of both ways."""
        back = self.taken(start, back)
        if back.kind != "ok":
            return back
        return replace(there, sentence=f"{there.sentence}; an answer from there comes back")

    def silent(self, there: Leg, target: Target, delivery: Delivery) -> Verdict:
        """Handed over, and no answer came."""
        chassis = target.door.chassis
        if target.is_outside:
            sentence = f"{there.expected.outcome.sentence}, sent out by {chassis}, and no answer came back from there"
            return Verdict("outside_silent", sentence, chassis=chassis)
        name = self.world.places.vifs.get((chassis, target.door.ofport or 0), "?")
        if delivery.is_there:
            sentence = f"handed to {name} on {chassis}, which answers ARP but not this"
            return Verdict("guest_silent", sentence, chassis=chassis, object=f"port {name}")
        sentence = f"handed to {name} on {chassis}, which answers neither this nor ARP"
        return Verdict("guest_off", sentence, chassis=chassis, object=f"port {name}")

    def refused_outside(self, there: Leg, target: Target, delivery: Delivery) -> Verdict | None:
        """What became of a packet that an ICMP error from outside came back for; None if something else did. The model knows of
        nothing out there that would send one, so that its way back is not judged."""
        fields = headers(delivery.answer or b"")
        reason = ICMP_ERRORS.get(fields.get(ICMP_TYPE, 0))
        if not target.is_outside or reason is None:
            return None
        by = IPv4Address(fields.get(IPV4_SRC, 0))
        said = f"answered there by {by}: {reason.replace('_', ' ')}, code {fields.get(ICMP_CODE, 0)}"
        sentence = f"{there.expected.outcome.sentence}, sent out by {target.door.chassis}, and {said}"
        return Verdict("answered", sentence, chassis=target.door.chassis, reason=reason)

    def of_guest(self, start: Start, target: Target, delivery: Delivery) -> Leg:
        """The way of what a guest answered, beside what the model says of that very packet."""
        assert delivery.back is not None and delivery.answer is not None
        journeys = [delivery.back]
        if not target.is_outside:
            journeys = self._tried(delivery.back, delivery.answer, [target.door])
        leg = self.read("back", start, journeys, own=True, from_outside=target.is_outside)
        name = self.world.places.vifs.get((target.door.chassis, target.door.ofport or 0))
        port = None if name is None else self.world.network.find_port(name)
        if port is None:
            return leg
        said = Start(port, from_frame(delivery.answer))
        before = (self.expected(start).there,)
        return replace(leg, is_own=False, expected=expected(self.world.network, said, self._guide, self.world.facts, before))

    def _evidence(self, leg: Leg) -> Evidence:
        asked = evidence(self._hands, self.world, self._observer, leg)
        if leg.journey.end == "into_tunnel" and not asked.away and not asked.silent and leg.lost >= TRIES:
            return replace(asked, passed=self._passes(leg))
        return asked

    def _passes(self, leg: Leg) -> int | None:
        """The largest size in bytes that gets through the tunnel where a leg was lost, None if not even a small packet does."""

        def passes(size: int) -> bool:
            return self.sender.resized(leg.journey, size).end != "into_tunnel"

        low, high = SMALL, self.sender.size(leg.journey)
        if high <= low or not passes(low):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if passes(middle) else (low, middle)
        return low


def _behind_border(way: Way) -> Way:
    """What an answer's way looks like from the first hop inside the border on."""
    hops = list(way.hops)
    while hops and hops[0].kind in ("external", "nat"):
        hops.pop(0)
    return Way(tuple(hops), way.outcome)
