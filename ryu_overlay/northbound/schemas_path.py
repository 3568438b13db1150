"""The shapes of questions about paths and of their answers: where a packet would go, and what a change would do to that."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema

from ryu_overlay.model import limits
from ryu_overlay.northbound.answers import Changes
from ryu_overlay.northbound.schemas import NetworkDocument
from ryu_overlay.northbound.shape import Shape
from ryu_overlay.northbound.values import Address, L4Port
from ryu_overlay.oam.compare import Change, Finding
from ryu_overlay.oam.hops import Way
from ryu_overlay.oam.start import MAX_SIZE, OUTSIDE, PROTOCOLS, ROUTER, Code
from ryu_overlay.oam.trip import Choice, Part

NAME = rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{limits.MAX_NAME_LENGTH - 1}}}"
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
BY_ROUTER = rf"{ROUTER}{NAME}/{NAME}(/{NAME})?"
"""What a router, or one of its ports, sends itself."""
_SENDER = re.compile(rf"({OUTSIDE}{NAME}(/({_OCTET}\.){{3}}{_OCTET})?|{NAME})")
_PROBER = re.compile(rf"({BY_ROUTER}|{_SENDER.pattern})")
_TARGET = re.compile(NAME)


def _sender(value: Any) -> str:
    if isinstance(value, str) and _SENDER.fullmatch(value):
        return value
    raise ValueError(f"must be {_SENDERS}")


def _prober(value: Any) -> str:
    if isinstance(value, str) and _PROBER.fullmatch(value):
        return value
    raise ValueError(f"must be {_SENDERS}, or {ROUTER}TENANT/ROUTER, or {ROUTER}TENANT/ROUTER/PORT")


_SENDERS = f"a logical port, or {OUTSIDE}EXTERNAL-NETWORK, or {OUTSIDE}EXTERNAL-NETWORK/ADDRESS"


def _target(value: Any) -> str:
    if isinstance(value, str) and _TARGET.fullmatch(value):
        return value
    raise ValueError("must be an IPv4 address such as 10.0.1.11, or a logical port")


def _protocol(value: Any) -> int:
    number = PROTOCOLS.get(value, -1) if isinstance(value, str) else value
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 255:
        return number
    raise ValueError(f"must be {', '.join(PROTOCOLS)}, or a number from 0 to 255")


Sender = Annotated[Any, PlainValidator(_sender), WithJsonSchema({"type": "string", "pattern": f"^{_SENDER.pattern}$"})]
"""A logical port by name or UUID, or the outside."""
Prober = Annotated[Any, PlainValidator(_prober), WithJsonSchema({"type": "string", "pattern": f"^{_PROBER.pattern}$"})]
"""Those, or a router, or one of its ports."""
Target = Annotated[Any, PlainValidator(_target), WithJsonSchema({"type": "string", "pattern": f"^{NAME}$"})]
"""An address, or a logical port by name or UUID."""
Protocol = Annotated[
    Any,
    PlainValidator(_protocol),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": list(PROTOCOLS)}, {"type": "integer", "minimum": 0, "maximum": 255}]}),
]
"""Becomes the number."""


class TrafficFields(Shape):
    """What is sent: an echo request if nothing is given. TCP and UDP need a `port`. `size` is in bytes with the IPv4 header."""

    protocol: Protocol = "icmp"
    port: L4Port | None = None
    source_port: L4Port | None = None
    size: Annotated[int, Field(ge=20, le=MAX_SIZE)] | None = None
    ttl: Annotated[int, Field(ge=1, le=255)] = 64
    df: bool = False


class PathQuestion(TrafficFields):
    """Where would it go? `to` is an address, or a port's first one. It comes from the first address of `from`, or from `source`.
    With `change`, also after that change, which is not made."""

    sender: Sender = Field(alias="from")
    to: Target
    source: Address | None = None
    change: NetworkDocument | None = None


class ChangeQuestion(TrafficFields):
    """Who would stop or start talking by `change`, which is not made?"""

    change: NetworkDocument


class Unsent(BaseModel):
    """Why nobody would send it. `code` is stable."""

    field: str
    reason: str
    code: Code


class RoundTrip(BaseModel):
    """A packet's way `there`, and that of the answer (`back`; or `silence` says why none is expected).

    `talks`: both arrive, or no answer is due. If not, `part` is which of the two fails, and `reason` why. Where equal ways are
    chosen among, the first is shown and `choices` says what was taken; of `ways` in all `talking` do well; if not `complete`
    there may be more. What would not even be sent is `unsent` and has no way.
    """

    there: Way | None
    back: Way | None
    silence: str | None
    talks: bool
    part: Part
    reason: str | None
    sentence: str
    choices: tuple[Choice, ...] = ()
    ways: int = 0
    talking: int = 0
    complete: bool = True
    unsent: Unsent | None = None


class PathAnswer(BaseModel):
    """As it is, and as it would be after the change that was given."""

    before: RoundTrip
    after: RoundTrip | None
    change: Changes | None


class PairDifference(BaseModel):
    """Pairs to which the change makes the same difference; at most ten ends of each side are named."""

    change: Change
    senders: list[str]
    sender_count: int
    targets: list[str]
    target_count: int
    pairs: int
    before: Finding
    after: Finding


class ChangeCounts(BaseModel):
    """Pairs by what the change does to them."""

    stops: int
    partly: int
    starts: int
    otherwise: int


class PathChanges(BaseModel):
    """Which pairs of the tenants concerned a change makes a difference to, the worst first. `left_out` pairs were not looked at,
    `limit` says why."""

    change: Changes
    tenants: list[str]
    pairs: int
    questions: int
    left_out: int
    limit: Literal["questions", "time"] | None
    counts: ChangeCounts
    differences: list[PairDifference]
