"""One packet, sent as a probe and followed for as long as something is heard of it.

What a router would answer is made and goes on as the same probe. A frame that leaves for a MAC of the overlay's own is put in
again where it would come in: the wire between is not ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ryu_overlay.model.walk_values import Ip
from ryu_overlay.oam.doors import Door
from ryu_overlay.oam.frames import echo_of, from_frame, ident_of, to_frame
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.launch import as_probe, forget, resumed, stamped
from ryu_overlay.oam.observed import ANSWERS, Observer
from ryu_overlay.oam.register import Register
from ryu_overlay.oam.responder import Responder
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.oam.start import held_macs
from ryu_overlay.oam.world import Hands, World
from ryu_overlay.openflow.messages import meter_request
from ryu_overlay.pipeline.registers import OFPORT

PATIENCE = 0.25
"""Seconds that are waited for a probe to be heard of again."""
AFTER = 0.03
"""Seconds that are waited for all other copies of one that has arrived."""
MOST_ANSWERS = 3
"""An answer may be answered, as when it is too large for the way back."""
_ETHERNET = 14


class Sender:
    """Sends the packets of one trace. `journeys` are those that were sent and may have left connections behind."""

    def __init__(self, register: Register, hands: Hands, world: World, observer: Observer) -> None:
        self.journeys: list[Journey] = []
        self._forgotten = 0
        self._sent: dict[int, tuple[bytes, Sequence[Door]]] = {}
        self._register = register
        self._hands = hands
        self._world = world
        self._observer = observer
        self._responder = Responder(lambda: world.facts.mtu)
        self._responder.network(world.network)

    def go(self, frame: bytes, doors: Sequence[Door], *, deliver: bool = False, over_wire: bool = False) -> Journey:
        """Send a frame into bridges by all of these doors, to be delivered, or (`over_wire`) so only behind the wire on its way.

        Raises Busy while too many probes are under way.
        """
        frame = stamped(frame, self._register.free())
        journey = Journey(ident_of(frame) or 0, doors[0].chassis if len(doors) == 1 else "", self._hands.now())
        journey.expected, journey.put_in = len(doors), tuple(door.chassis for door in doors)
        self._sent[journey.ident] = frame, doors
        self.journeys.append(journey)
        self._register.begin(journey)
        for door in doors:
            self._hands.send(door.chassis, door.put(frame, deliver and not over_wire))
        self.follow(journey, deliver)
        return journey

    def follow(self, journey: Journey, deliver: bool = False) -> None:
        """Until nothing more is heard of it. Behind a wire it is to be delivered."""
        answered, carried = 0, set()
        while self._hands.wait(lambda: journey.end not in ("under_way", "into_tunnel"), PATIENCE):
            last = journey.way()[-1].last
            if journey.end == "held":
                if not self._resume(journey, last):
                    break
            elif journey.end == "sent_up" and last.feature in ANSWERS and answered < MOST_ANSWERS:
                answered += 1
                if not self._answer(journey, last):
                    break
            elif journey.end == "out" and last.chassis not in carried and (others := self._beyond_wire(last)):
                carried.add(last.chassis)
                self._carry(journey, last, others, deliver)
            else:
                break
        self._hands.wait(lambda: journey.is_told and not journey.uncrossed(), AFTER)

    def size(self, journey: Journey) -> int:
        """That of the packet that was sent, in bytes with its IPv4 header."""
        return len(self._sent[journey.ident][0]) - _ETHERNET

    def resized(self, journey: Journey, size: int) -> Journey:
        """The same packet by the same doors, with another size in bytes, its IPv4 header included."""
        frame, doors = self._sent[journey.ident]
        packet = from_frame(frame)
        assert isinstance(packet.body, Ip)
        self.forget_connections()
        body = replace(packet.body, size=size)
        return self.go(to_frame(replace(packet, body=body), 0, echo=echo_of(frame)), doors)

    def forget_connections(self) -> None:
        """Have bridges forget what the packets so far began, and wait until they have: the next packet comes by others."""
        for chassis in self._forget():
            self._hands.ask(chassis, meter_request)

    def _forget(self) -> set[str]:
        asked = set()
        for journey in self.journeys[self._forgotten :]:
            for chassis, data in forget(self._observer, journey):
                self._hands.send(chassis, data)
                asked.add(chassis)
        self._forgotten = len(self.journeys)
        return asked

    def done(self) -> None:
        """Leave nothing behind, and return when that is so: the next trace may be of the same connection."""
        try:
            self.forget_connections()
        finally:
            self._register.end(self.journeys)

    def _resume(self, journey: Journey, last: Sighting) -> bool:
        """A probe that was held goes on. Whether it does."""
        stay = journey.way()[-1]
        known = len(stay.seen)
        self._hands.send(last.chassis, resumed(last))
        return self._hands.wait(lambda: len(stay.seen) > known, PATIENCE)

    def _answer(self, journey: Journey, last: Sighting) -> bool:
        """What the router answers, on its way. Whether it answers at all."""
        out = self._responder.answer(last.raw)
        if out is None:
            return False
        stay = journey.way()[-1]
        known = len(stay.seen)
        for data in as_probe(out, journey.ident):
            self._hands.send(last.chassis, data)
        return self._hands.wait(lambda: len(stay.seen) > known, PATIENCE)

    def _carry(self, journey: Journey, last: Sighting, others: Sequence[Door], deliver: bool) -> None:
        """To all others on the wire, until each has told whether it has to do with it."""
        entered = journey.entered
        journey.expected += len(others)
        journey.over_wire = True
        for door in others:
            self._hands.send(door.chassis, door.put(last.frame, deliver))
        self._hands.wait(lambda: journey.entered >= entered + len(others), PATIENCE)

    def _beyond_wire(self, last: Sighting) -> list[Door]:
        world = self._world
        physical = world.places.patches.get((last.chassis, last.register(OFPORT)))
        mac = last.frame[:6].hex(":")
        views = [v for v in world.network.external_views.values() if v.network.physical_network == physical]
        if not any(mac in held_macs(view).values() for view in views):
            return []
        patches = world.patches(physical or "")
        return [Door(name, port) for name, port in patches if name != last.chassis and name in world.connected]
