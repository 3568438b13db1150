"""What has to hold of all that the cases brought, together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.acceptance import wire
from tests.acceptance.icmp_case import OWN, R1_C, R1_T, R2_B, R2_T, R3_D
from tests.acceptance.icmp_judge import Flaw, Result, result
from tests.acceptance.icmp_network import ELSEWHERE, INSIDE_VIP, PRIVATE, UPLINK, VIP, End
from tests.acceptance.icmp_reading import Message, is_answer

_ROUTERS = frozenset({OWN, R1_C, R1_T, R2_B, R2_T, R3_D, UPLINK, ELSEWHERE, VIP, INSIDE_VIP})
_LEAST = 0.9
"""Share of identifications that differ: a few of a hundred random ones may be the same."""
_DONT_FRAGMENT = 0x40


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
)


def judge(seen: Mapping[str, Sequence[Message]], ends: Mapping[str, End]) -> list[Result]:
    """What came of each of OVERALL; `seen` is what was seen at each end, by its name."""
    alike = _alike(m for name, messages in seen.items() for m in messages if m.ip.destination == ends[name].address)
    outside = ends["upstream"]
    private = {a for message in seen["upstream"] if message.from_mac != outside.mac for a in _inside(message)}
    flaws = (
        [Flaw(f"{alike[1] - alike[0]} of {alike[1]} are another's")] if alike[0] < _LEAST * alike[1] else [],
        [Flaw(", ".join(sorted(private)))] if private else [],
    )
    return [result(case.id, found) for case, found in zip(OVERALL, flaws)]


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
