"""What has to hold of all that the cases brought, together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.acceptance import wire
from tests.acceptance.icmp_case import OWN, R1_C, R1_T, R2_B, R2_T, R3_D
from tests.acceptance.icmp_frames import Mark
from tests.acceptance.icmp_judge import Flaw, Result, result
from tests.acceptance.icmp_network import ELSEWHERE, INSIDE_VIP, PRIVATE, UPLINK, VIP, End
from tests.acceptance.icmp_reading import Message, is_answer

_ROUTERS = frozenset({OWN, R1_C, R1_T, R2_B, R2_T, R3_D, UPLINK, ELSEWHERE, VIP, INSIDE_VIP})
_LEAST = 0.9
"""Share of identifications that differ: a few of a hundred random ones may be the same."""
_DONT_FRAGMENT = 0x40
_MEMBERS = 80
"""The port of load balancers' members, and of what is sent to them by their VIPs."""


@dataclass(frozen=True)
class Overall:
    """One such case."""

    id: str
    what: str
    rfc: str
    text: str


OVERALL = (
    Overall("all-ids", "IP identifications of routers' errors and resets", "6864 4.1, 6864 4.3", "differ, or DF is set"),
    Overall(
        "all-outside", "addresses on the external network's wire, quotes included", "1918 3, 5508 4.2.2", "none of the inside"
    ),
    Overall("all-known", "what routers send, to anybody", "1812 4.3.2.7", "only answers to these cases, and health checks"),
    Overall("all-last", "what is sent last, everywhere where answers are made", "1812 4.3.3.6", "answered: nothing is under way"),
)


def judge(seen: Mapping[str, Sequence[Message]], ends: Mapping[str, End], probes: int, unanswered: Sequence[str]) -> list[Result]:
    """What came of each of OVERALL; `seen` is what was seen at each end, by its name, `probes` how many there are, `unanswered`
    those sent last that got no answer.
    """
    alike = _alike(m for name, messages in seen.items() for m in messages if m.ip.destination == ends[name].address)
    outside = ends["upstream"]
    private = {a for message in seen["upstream"] if message.from_mac != outside.mac for a in _inside(message)}
    strays = [message for messages in seen.values() for message in messages if _is_stray(message, probes)]
    flaws = (
        [Flaw(f"{alike[1] - alike[0]} of {alike[1]} are another's")] if alike[0] < _LEAST * alike[1] else [],
        [Flaw(", ".join(sorted(private)))] if private else [],
        [Flaw(f"{len(strays)} others, one {strays[0]} to {strays[0].ip.destination}")] if strays else [],
        [Flaw(", ".join(unanswered))] if unanswered else [],
    )
    return [result(case.id, found) for case, found in zip(OVERALL, flaws)]


def _is_stray(message: Message, probes: int) -> bool:
    """Whether a router sent it, and it is no probe on its way, translated, no answer to one, and no check of a member."""
    ip = message.ip
    is_check = ip.protocol == wire.TCP and message.payload[2:4] == _MEMBERS.to_bytes(2, "big")
    is_probe = 0 <= ip.ident - Mark(0).ident < probes
    is_known = message.mark is not None and message.mark < probes
    return ip.source in _ROUTERS and not (is_check or is_probe or is_known)


def _alike(messages: Iterable[Message]) -> tuple[int, int]:
    """How many different identifications there are among how many packets; those of other ends or protocols are no matter."""
    found: dict[tuple[str, str, int], list[int]] = {}
    for message in messages:
        made_there = message.quote is not None or message.ip.protocol == wire.TCP
        if is_answer(message) and made_there and message.ip.source in _ROUTERS and not message.ip.data[6] & _DONT_FRAGMENT:
            key = (message.ip.source, message.ip.destination, message.ip.protocol)
            found.setdefault(key, []).append(message.ip.ident)
    return sum(len(set(idents)) for idents in found.values()), sum(map(len, found.values()))


def _inside(message: Message) -> Iterator[str]:
    """The inside addresses in it."""
    headers = [*message.headers, *([quoted] if message.quote and (quoted := wire.header(message.quote)) else [])]
    for header in headers:
        yield from {header.source, header.destination} - wire.outside({header.source, header.destination}, *PRIVATE)
