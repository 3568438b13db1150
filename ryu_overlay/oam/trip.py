"""There and back: a packet's way, what a normal guest or host would answer, that answer's way, and whether the two can talk.

Where equal ways are chosen among, `trips` goes all of them, up to a limit. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Member, Port
from ryu_overlay.model.walk import NO_FACTS, Choose, Facts
from ryu_overlay.model.walk_choice import Script, first
from ryu_overlay.model.walk_rules import ANSWER_TTL
from ryu_overlay.model.walk_values import (
    ECHO_REPLY,
    ECHO_REQUEST,
    ICMP,
    TCP,
    Answered,
    AnswerKind,
    Delivered,
    Ip,
    Left,
    Packet,
    Path,
)
from ryu_overlay.oam.expected import outcome_of, walked
from ryu_overlay.oam.hops import Outcome
from ryu_overlay.oam.start import Start, Unsendable, held_macs, next_mac

MAX_WAYS = 64
"""Combinations of choices that are gone through, there and back together."""

Option = TypeVar("Option")
Part = Literal["way", "answer"]

STRANGE_ANSWER = "strange_answer"
"""The reason of an answer that arrives, but is not taken for one: it comes from another address or port than was asked."""
ASTRAY = "astray"
"""The reason of an answer that arrives elsewhere."""
NO_ANSWER = "no_answer"
"""The reason where a packet arrives and its answer cannot even be sent."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was taken where a hash of the connection decides, and of how many: a next hop, an address, or a member."""

    taken: str
    of: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Why nothing is answered by whoever gets a packet. `due`: it ought to be."""

    why: str
    due: bool = False


@dataclass(frozen=True, slots=True)
class Trip:
    """A packet and its way, and the answer, or why there is none, and its way (None without one).

    `choices` are those on both ways, in the order they were made.
    """

    start: Start
    there: Path
    answer: Start | Silence
    back: Path | None
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it comes to what was asked for: the packet arrives, and its answer arrives where the packet began and is taken for
    it there; where no answer is expected, the packet alone. `part` is which of the two ended as `outcome`."""

    talks: bool
    part: Part
    outcome: Outcome


def trip(network: Network, start: Start, choose: Choose = first, facts: Facts = NO_FACTS) -> Trip:
    """The way there and back; `choose` decides among equal ways on both."""
    noting = _Noting(choose)
    there = walked(network, start, noting, facts)
    answer = _answer(network, there)
    back = None if isinstance(answer, Silence) else walked(network, answer, noting, facts, after=(there,))
    return Trip(start, there, answer, back, tuple(noting.choices))


def trips(network: Network, start: Start, facts: Facts = NO_FACTS, most: int = MAX_WAYS) -> tuple[list[Trip], bool]:
    """There and back by every choice among equal ways, the first of each first; and whether that is all.

    At most `most` (1 or more) are gone through. Trips that come to the same are there once.
    """
    found: dict[tuple[Path, Path | None], Trip] = {}
    untried: list[tuple[int, ...]] = [()]
    for _ in range(most):
        script = Script(untried.pop(0))
        one = trip(network, start, script, facts)
        found.setdefault((one.there, one.back), one)
        # What cannot come up any more is not kept: a way may have very many choices.
        untried += script.alternatives[: most - len(untried)]
        if not untried:
            return list(found.values()), True
    return list(found.values()), False


def verdict(trip: Trip) -> Verdict:
    """Whether the two ends of a trip talk."""
    there, begun = trip.there.outcome, trip.there
    outcome = outcome_of(begun)
    if isinstance(there, Answered):
        if there.kind is not AnswerKind.ECHO_REPLY:
            return Verdict(False, "way", outcome)
        return _judged(trip, there.way_back)
    if not isinstance(there, (Delivered, Left)) or (isinstance(there, Delivered) and not there.to):
        return Verdict(False, "way", outcome)
    if isinstance(trip.answer, Silence):
        if not trip.answer.due:
            return Verdict(True, "way", outcome)
        unsent = f"{outcome.sentence}, but {trip.answer.why}"
        return Verdict(False, "way", replace(outcome, sentence=unsent, reason=NO_ANSWER))
    return Verdict(False, "way", outcome) if trip.back is None else _judged(trip, trip.back)


def _judged(trip: Trip, back: Path) -> Verdict:
    """Of an answer: it has to arrive where the packet began, as the answer to that."""
    outcome = outcome_of(back)
    at, end, sent = trip.start.at, back.outcome, trip.start.packet.body
    came = None
    if isinstance(end, Delivered) and isinstance(at, Port):
        came = next((packet.body for port, packet in end.to if port.ref == at.ref), None)
    elif isinstance(end, Left) and end.network == at:
        came = end.packet.body
    if not isinstance(came, Ip) or not isinstance(sent, Ip):
        lost = isinstance(end, (Delivered, Left))
        return Verdict(False, "answer", replace(outcome, reason=ASTRAY) if lost else outcome)
    ports = came.proto == ICMP or came.l4 == (sent.l4[1], sent.l4[0])
    if (came.src, came.dst) != (sent.dst, sent.src) or not ports:
        strange = f"{outcome.sentence}, but as from {came.src}, which was not asked"
        return Verdict(False, "answer", replace(outcome, sentence=strange, reason=STRANGE_ANSWER))
    return Verdict(True, "answer", outcome)


def _answer(network: Network, there: Path) -> Start | Silence:
    """What the end of a path sends back."""
    end = there.outcome
    if isinstance(end, Left):
        return _from_outside(network, end)
    if isinstance(end, Answered):
        return Silence("it is answered on its way")
    if not isinstance(end, Delivered):
        return Silence("it does not arrive")
    if len(end.to) != 1:
        return Silence("it was flooded")
    [(port, packet)] = end.to
    back = _reply(packet.body)
    if back is None:
        return _NOT_ANSWERED
    if back.src not in port.addresses:
        return Silence(f"{port.name} does not have the address {back.src}", due=True)
    try:
        mac = next_mac(network.switch_views[port.tenant, port.switch], port, back.src, back.dst)
    except Unsendable as error:
        return Silence(f"it cannot answer: {error.reason}", due=True)
    return Start(port, Packet(port.mac, mac, back))


def _from_outside(network: Network, end: Left) -> Start | Silence:
    """The host outside answers by whoever its packets came from: `next_hop` is its router, or itself."""
    back = _reply(end.packet.body)
    if back is None:
        return _NOT_ANSWERED
    mac = held_macs(network.external_views[end.network]).get(back.dst, end.packet.eth_src)
    return Start(end.network, Packet(end.packet.eth_dst, mac, back))


def _reply(body: object) -> Ip | None:
    """What a normal peer answers: an echo reply, a segment with SYN and ACK, or the same back. None if nothing."""
    if not isinstance(body, Ip) or body.later_fragment or body.rst:
        return None
    if body.dst.is_multicast or (body.proto == ICMP and body.l4 != (ECHO_REQUEST, 0)):
        return None
    l4 = (ECHO_REPLY, 0) if body.proto == ICMP else (body.l4[1], body.l4[0])
    back = Ip(body.dst, body.src, body.proto, ANSWER_TTL, l4, size=body.size, df=body.df)
    if body.proto != TCP:
        return back
    # Segments of any size are acknowledged with short ones.
    goes_on = body.ack or body.syn_ack
    return replace(back, size=None, ack=goes_on, syn_ack=not goes_on)


_NOT_ANSWERED = Silence("it is not of a kind that is answered")


class _Noting:
    """A choice that is written down."""

    def __init__(self, choose: Choose) -> None:
        self.choices: list[Choice] = []
        self._choose = choose

    def __call__(self, options: tuple[Option, ...], /) -> Option:
        taken = self._choose(options)
        self.choices.append(Choice(_option_name(taken), len(options)))
        return taken


def _option_name(option: object) -> str:
    if isinstance(option, tuple) and isinstance(option[0], Member):
        return f"member {'/'.join(option[0].ref)}"
    return str(option)
