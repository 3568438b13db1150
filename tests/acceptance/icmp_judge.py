"""Says of each case, from the packets alone, whether what came back is right; and if not, what is wrong about it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scapy.utils import checksum

from tests.acceptance import wire
from tests.acceptance.icmp_case import Case, Expect
from tests.acceptance.icmp_frames import TIMESTAMP, Mark, packets, whole
from tests.acceptance.icmp_network import End
from tests.acceptance.icmp_reading import Message

_STARTS = (64, 128, 255)
"""TTLs that a sender may begin with."""
_LONGEST = 576
_SILENT = ("nothing", "void", "lost")
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_DAY = 24 * 3600 * 1000


@dataclass(frozen=True)
class Sent:
    """A case's probe as it was sent: from where, and its IP packets."""

    case: Case
    mark: Mark
    end: End

    @property
    def packets(self) -> list[bytes]:
        return packets(self.case.probe, self.mark, self.end.address)

    @property
    def payload(self) -> bytes:
        return whole(self.case.probe, self.mark, self.end.address)


@dataclass(frozen=True)
class Flaw:
    """What is not right about an answer. It is `slight` where tools and senders get on all the same."""

    text: str
    slight: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a case. `said` is "right" or what is wrong; `usable` that nothing worse than slight is."""

    name: str
    right: bool
    usable: bool
    said: str


def judge(sent: Sent, came: Sequence[Message], anywhere: Iterable[Message], forwarded: bool = False) -> Result:
    """`came` are the answers to the probe that came to its sender, `anywhere` all that were seen on any wire; `forwarded`
    says that the probe itself was seen on another.
    """
    expect = sent.case.expect
    if expect.what == "lost" and forwarded:
        return _result(sent, [Flaw("forwarded")])
    if expect.what in _SILENT:
        void = expect.what == "void"
        heard = [message for message in anywhere if not (void and (message.wrong_sums or not message.whole))]
        return _result(sent, [Flaw(f"answered: {heard[0]}")] if heard else [])
    if not came:
        return _result(sent, [] if expect.what == "stamp" else [Flaw("no answer")])
    if len(came) > 1:
        return _result(sent, [Flaw(f"{len(came)} answers: {', '.join(dict.fromkeys(map(str, came)))}")])
    check = {"reply": _reply, "error": _error, "reset": _reset, "stamp": _stamp}[expect.what]
    return _result(sent, [*_any(sent, came[0], expect), *check(sent, came[0], expect)])


def answered(sent: Sent, came: Sequence[Message]) -> bool:
    """Whether nothing more is to be waited for."""
    return bool(came) or sent.case.expect.what in (*_SILENT, "stamp")


def result(name: str, flaws: Sequence[Flaw]) -> Result:
    """What came of the case of this name, for which these were found."""
    usable = all(flaw.slight for flaw in flaws)
    text = ", ".join(dict.fromkeys(flaw.text for flaw in flaws))
    said = f"right but for {text}" if flaws and usable else text or "right"
    return Result(name, not flaws, usable, said)


def _result(sent: Sent, flaws: list[Flaw]) -> Result:
    return result(sent.case.id, flaws)


def _any(sent: Sent, got: Message, expect: Expect) -> list[Flaw]:
    """What holds for every answer: addresses, checksums, TTL."""
    found = []
    if got.ip.source != expect.source:
        found.append(Flaw(str(got)))
    if got.to_mac != sent.end.mac:
        found.append(Flaw(f"to MAC {got.to_mac}"))
    if got.wrong_sums:
        found.append(Flaw(f"wrong checksum ({', '.join(got.wrong_sums)})"))
    allowed = {start - hops for start in _STARTS for hops in expect.hops}
    if got.ip.ttl not in allowed:
        # A router may take from the TTL of its own packets, too; then it looks farther away than it is.
        found.append(Flaw(f"TTL {got.ip.ttl}", slight=not allowed.isdisjoint({got.ip.ttl + 1, got.ip.ttl + 2})))
    return found


def _reply(sent: Sent, got: Message, expect: Expect) -> list[Flaw]:
    if got.icmp != (0, 0):
        return [Flaw(str(got))]
    found, asked = [], sent.payload
    if got.payload[4:] != asked[4:]:
        found.append(Flaw("not the data that was sent"))
    if got.tos != sent.case.probe.tos:
        found.append(Flaw(f"TOS {got.tos:#04x}"))
    if len(got.headers) == 1 and got.ip.length != (got.ip.data[0] & 15) * 4 + len(asked):
        found.append(Flaw(f"{got.ip.length} bytes long"))
    return found


def _error(sent: Sent, got: Message, expect: Expect) -> list[Flaw]:
    if got.icmp != expect.kind:
        return [Flaw(str(got))]
    assert got.quote is not None
    found = [*_rest(got, expect), *_quoted(got.quote, sent)]
    if expect.router and expect.kind == (11, 0) and len(got.quote) > 8 and got.quote[8] > 1:
        # Traceroute marks such a hop.
        found.append(Flaw(f"quotes TTL {got.quote[8]}"))
    if expect.router and got.tos >> 5 not in (6, 7):
        found.append(Flaw(f"precedence {got.tos >> 5}", slight=True))
    if got.tos & 3:
        found.append(Flaw(f"ECN {got.tos & 3}"))
    if got.ip.length > _LONGEST:
        found.append(Flaw(f"{got.ip.length} bytes long"))
    if len(got.headers) > 1:
        found.append(Flaw("in fragments"))
    return found


def _rest(got: Message, expect: Expect) -> list[Flaw]:
    """The four bytes behind the checksum: the next hop's MTU, else zeros, of RFC 4884 the length that says "no extension"."""
    unused, mtu = struct.unpack_from("!HH", got.payload, 4)
    if unused:
        return [Flaw(f"unused bytes {unused:#06x}")]
    return [] if mtu == expect.mtu else [Flaw(f"MTU {mtu}", slight=0 < mtu < expect.mtu)]


def _quoted(quote: bytes, sent: Sent) -> list[Flaw]:
    """The quote has to be what the sender sent, as much of it as fits; only TTL and checksum of its header are another's."""
    asked = sent.packets[0]
    header = (quote[0] & 15) * 4 if quote else 0
    if len(quote) < 28:
        return [Flaw(f"quotes {len(quote)} bytes")]
    found = []
    if checksum(quote[:header]):
        found.append(Flaw("wrong checksum in the quote"))
    if quote[8] > asked[8]:
        found.append(Flaw(f"quotes TTL {quote[8]}"))
    if len(quote) != min(len(asked), _LONGEST - 28):
        found.append(Flaw(f"quotes {len(quote)} bytes of {len(asked)}", slight=len(quote) < len(asked)))
    if _masked(quote) != _masked(asked[: len(quote)]):
        found.append(Flaw(f"quotes {_difference(quote, asked)}"))
    return found


def _masked(packet: bytes) -> bytes:
    return packet[:8] + packet[9:10] + packet[12:]


def _difference(quote: bytes, asked: bytes) -> str:
    ip, other = wire.header(quote), wire.header(asked)
    if ip is None or other is None:
        return "no IPv4 header"
    for what in ("source", "destination", "ident", "ports", "protocol", "length"):
        if getattr(ip, what) != getattr(other, what):
            return f"{what} {getattr(ip, what)}"
    at = next(n for n in range(len(quote)) if n not in (8, 10, 11) and quote[n : n + 1] != asked[n : n + 1])
    return f"another byte {at}"


def _reset(sent: Sent, got: Message, expect: Expect) -> list[Flaw]:
    """RFC 9293 section 3.5.2: a segment with ACK is reset at what it acknowledges, another by acknowledging all it occupies."""
    if got.ip.protocol != wire.TCP or len(got.payload) < 20:
        return [Flaw(str(got))]
    sport, dport, sequence, acknowledged, offset, flags = struct.unpack_from("!HHIIBB", sent.payload)
    length = len(sent.payload) - (offset >> 4) * 4 + bool(flags & _SYN) + bool(flags & _FIN)
    wanted: dict[str, int] = {"source port": dport, "destination port": sport}
    if flags & _ACK:
        wanted |= {"sequence": acknowledged, "flags": _RST}
    else:
        wanted |= {"sequence": 0, "acknowledgement": (sequence + length) & 0xFFFFFFFF, "flags": _RST | _ACK}
    names = ("source port", "destination port", "sequence", "acknowledgement", "offset", "flags")
    given = dict(zip(names, struct.unpack_from("!HHIIBB", got.payload)))
    return [Flaw(f"{name} {given[name]}, not {value}") for name, value in wanted.items() if given[name] != value]


def _stamp(sent: Sent, got: Message, expect: Expect) -> list[Flaw]:
    """A timestamp reply has the originate time back, and receive and transmit times of a day, or marked as none."""
    if got.icmp != (14, 0) or sent.case.probe.kind != TIMESTAMP:
        return [Flaw(str(got))]
    found = [] if got.payload[4:12] == sent.payload[4:12] else [Flaw("not the times that were sent")]
    times = struct.unpack_from("!II", got.payload, 12)
    return found + [Flaw(f"time {value}") for value in times if not value >> 31 and value >= _DAY]
