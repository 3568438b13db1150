"""A probe that is handed to whoever it is for, and that one's own answer, followed back; or why there is none.

A guest that does not answer is asked by ARP, from its own chassis, whether it is there at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ryu_overlay.oam.doors import Door
from ryu_overlay.oam.guests import Answer, arp_question, diverting, looking_out, to_guest
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.register import ArpAnswer, Register
from ryu_overlay.oam.sending import Sender
from ryu_overlay.oam.world import Hands, Unable, World
from ryu_overlay.openflow.fields import IPV4_DST, IPV4_SRC
from ryu_overlay.openflow.flow import Block
from ryu_overlay.pipeline.registers import OFPORT

ATTEMPTS = 2
TURN_WITHIN, _LOOKED_AT_EVERY = 5.0, 0.02
"""Seconds that a delivery waits for others whose answers the same flows hold up: each has those for its own time."""
ARP_PATIENCE = 0.5
"""Seconds that a guest has to answer ARP."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of a packet that was delivered. `there` is its way, `back` that of the answer (None: none came, or not that far).

    `guest_ms` is how long the guest took, as its own chassis told: from when the packet was about to be handed over to when the
    answer came out. `is_there`: whether a guest that did not answer does answer ARP, None where that was not asked.
    """

    there: Journey
    back: Journey | None = None
    answer: bytes | None = None
    guest_ms: float | None = None
    is_there: bool | None = None


class Target:
    """Who answers, as the first probe found it, where it would have been handed over. To be used in a `with`."""

    def __init__(
        self, hands: Hands, register: Register, sender: Sender, world: World, first: Journey, turns: set[object]
    ) -> None:
        """`first` is the journey of that probe. `turns` has those that answers are held up for, and is kept so."""
        arrived = first.way()[-1].last
        self._over_wire = first.over_wire
        self._hands = hands
        self._register = register
        self._sender = sender
        self._arrived = arrived
        self.door = Door(arrived.chassis, arrived.register(OFPORT))
        self.is_outside = (arrived.chassis, arrived.register(OFPORT)) in world.places.patches
        self._to_router = False
        self._key = ("guest", self.door.chassis, self.door.ofport, arrived.state.get(IPV4_SRC, 0))
        self._turns = turns
        self._holds_up = False

    def __enter__(self) -> Target:
        if self.is_outside:
            return self
        try:
            self._observe({self.door.chassis: diverting(self.door.ofport or 0, self._arrived.frame)})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._holds_up:
            self._hands.observe(self._key, None)
            self._turns.discard(self._key)

    def look_out(self, uplink: int, asked: bytes) -> None:
        """Hold up answers to a router itself, which come in by its uplink (a key) where they went out."""
        self._to_router = True
        self._observe({self.door.chassis: looking_out(uplink, asked)})

    def ask(self, frame: bytes, doors: Sequence[Door], seconds: float) -> Delivery:
        """Send a frame so that it is delivered, and wait so long for the answer."""
        return self._outside(frame, doors, seconds) if self.is_outside else self._guest(frame, doors, seconds)

    def _observe(self, blocks: dict[str, Block]) -> None:
        until = self._hands.now() + TURN_WITHIN
        while self._key in self._turns:
            if self._hands.now() > until:
                raise Unable("to", "others deliver packets from the same address to there", "busy")
            self._hands.wait(lambda: self._key not in self._turns, _LOOKED_AT_EVERY)
        self._turns.add(self._key)
        self._holds_up = True
        self._hands.observe(self._key, blocks)

    def _guest(self, frame: bytes, doors: Sequence[Door], seconds: float) -> Delivery:
        answer = Answer(self._asked(frame))
        there = self._send(answer, frame, doors, seconds)
        if not answer.frames or not there.way():
            # Answered, and no bridge told of the way there: what a chassis that comes back forgets. It counts as not seen.
            return Delivery(there, is_there=self._is_there() if there.end == "out" else None)
        at, chassis, ofport, said = answer.frames[0]
        guest_ms = (at - there.way()[-1].last.at) * 1000
        back = self._sender.go(said, [Door(chassis, ofport)])
        return Delivery(there, back, said, max(guest_ms, 0.0))

    def _send(self, answer: Answer, frame: bytes, doors: Sequence[Door], seconds: float) -> Journey:
        """Send it until it is answered or lost, and give the journey of the last. `seconds` are for each.

        One is not enough: what the guest said last may have left a datapath flow behind that does not know yet that its answer is
        waited for.
        """
        self._register.expect(answer)
        try:
            for attempt in range(ATTEMPTS):
                if attempt:
                    self._sender.forget_connections()
                there = self._sender.go(frame, doors, deliver=True, over_wire=self._over_wire)
                if there.end != "out" or self._hands.wait(lambda: bool(answer.frames), seconds):
                    break
        finally:
            self._register.expect_no_more(answer)
        return there

    def _asked(self, frame: bytes) -> bytes:
        """The frame as the guest gets it: what the first probe became, with this one's own numbers."""
        return renumbered(self._arrived.frame, frame)

    def _is_there(self) -> bool:
        address = self._arrived.state.get(IPV4_DST, 0)
        answer = ArpAnswer(self.door.chassis, self.door.ofport or 0, address)
        self._register.expect_arp(answer)
        try:
            self._hands.send(answer.chassis, to_guest(answer.ofport, arp_question(address)))
            self._hands.wait(lambda: answer.came, ARP_PATIENCE)
        finally:
            self._register.expect_arp_no_more(answer)
        return answer.came

    def _outside(self, frame: bytes, doors: Sequence[Door], seconds: float) -> Delivery:
        """The answer is told by what conntrack knows, or held up as one to a router; it is not put in again."""
        if self._to_router:
            return self._heard_by_router(frame, doors, seconds)
        back = Journey(0, "", self._hands.now())
        answer = Answer(frame, back)
        self._register.expect(answer)
        try:
            there = self._sender.go(frame, doors, deliver=True, over_wire=self._over_wire)
            if there.end != "out":
                return Delivery(there)
            came = self._hands.wait(lambda: bool(back.stays), seconds)
            if came:
                self._sender.follow(back)
        finally:
            self._register.expect_no_more(answer)
        if not came or not (way := back.way()):
            return Delivery(there)
        first = way[0].seen[0]
        guest_ms = (first.at - there.way()[-1].last.at) * 1000
        back.begun = min(seen.at for stay in back.stays for seen in stay.seen)
        return Delivery(there, back, first.frame, max(guest_ms, 0.0))

    def _heard_by_router(self, frame: bytes, doors: Sequence[Door], seconds: float) -> Delivery:
        answer = Answer(frame)
        there = self._send(answer, frame, doors, seconds)
        if not answer.frames:
            return Delivery(there)
        at, _, _, said = answer.frames[0]
        return Delivery(there, None, said, max((at - there.way()[-1].last.at) * 1000, 0.0))


def renumbered(arrived: bytes, sent: bytes) -> bytes:
    """A frame as it arrived, with the echo sequence number of one that is sent. Its checksums are wrong: it is compared only."""
    at, sent_at = (14 + (frame[14] & 0x0F) * 4 for frame in (arrived, sent))
    if arrived[23] != 1 or len(arrived) < at + 8:
        return arrived
    return arrived[: at + 6] + sent[sent_at + 6 : sent_at + 8] + arrived[at + 8 :]
