"""Runs the cases that are packets: all at once, watched at every sender's interface, and judged when nothing more can come.

That nothing comes is known by what is sent last: when each sender has the answers to that, made in all the places where
answers are made, then none is under way to what was sent before.
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from scapy.utils import checksum

from mininet_topos.lab import Lab
from mininet_topos.measure import Capture
from tests.acceptance import icmp_frames, icmp_overall
from tests.acceptance.icmp_case import OWN, R2_B, R3_D, Case, exceeded, reply
from tests.acceptance.icmp_frames import ICMP, UDP, Mark, Probe
from tests.acceptance.icmp_judge import Flaw, Result, Sent, answered, judge, result
from tests.acceptance.icmp_network import FLOATING, SILENT, UPLINK, End, ends
from tests.acceptance.icmp_reading import Message, is_answer, messages

Seen = dict[str, list[Message]]
SEND = str(Path(__file__).with_name("icmp_send.py"))
_PATIENCE = 3.0
"""Seconds that an answer may take."""
_LONGEST = 2048
"""Bytes of a frame: more than any has."""
_SERVER = "server"
_FAR = "10.1.2.11"
_ENDINGS = tuple(
    Case(f"last-{sender}-{number}", "sent last", "", sender, probe, expect)
    for sender, gateway, far in (
        ("a-1", OWN, _FAR),
        ("a-3", OWN, _FAR),
        ("raw-1", OWN, _FAR),
        ("b-1", R2_B, OWN),
        ("b-2", R2_B, OWN),
    )
    for number, (probe, expect) in enumerate(
        ((Probe(gateway), reply(gateway)), (Probe(far, UDP, ttl=1), exceeded(gateway)), (Probe(far, UDP, ttl=2), exceeded(far)))
    )
)
_ENDINGS += (
    Case("last-d-1", "sent last", "", "d-1", Probe("10.1.4.1"), reply(R3_D)),
    Case("last-upstream", "sent last", "", "upstream", Probe(UPLINK), reply(UPLINK)),
    Case("last-server", "sent last", "", "server", Probe(FLOATING, UDP, ttl=2), exceeded(UPLINK, 1)),
)


class Run:
    """The cases in one lab."""

    def __init__(self, lab: Lab, cases: Sequence[Case]) -> None:
        self._lab, self._ends = lab, ends(lab)
        self._sent = [Sent(case, Mark(number), self._ends[case.sender]) for number, case in enumerate(cases)]
        more = enumerate(_ENDINGS, start=len(cases))
        self._last = [Sent(case, Mark(number), self._ends[case.sender]) for number, case in more]
        self._captures: dict[str, Capture] = {}

    def results(self) -> list[Result]:
        """Run them to the end: what came of each, in their order, and of all together."""
        with ExitStack() as stack:
            for name, end in sorted(self._ends.items()):
                self._captures[name] = stack.enter_context(self._lab.tcpdump(end.watched_at, end.watched, "ip", snap=_LONGEST))
            self._exchange()
            for capture in self._captures.values():
                capture.stop()
                assert not capture.dropped, f"{capture.path}: {capture.dropped} packets were not seen"
            return self._judged(self._seen())

    def _exchange(self) -> None:
        opened = [(sent, sent.case.before) for sent in self._sent if sent.case.before is not None]
        self._send(
            [
                Sent(replace(sent.case, sender=before[0], probe=before[1]), sent.mark, self._ends[before[0]])
                for sent, before in opened
            ]
        )
        self._wait(lambda: all(sent.mark.ident in self._arrived() for sent, _ in opened))
        self._send(self._sent)
        complained = [sent for sent in self._sent if sent.case.then is not None]
        self._wait(lambda: all(sent.mark.ident in self._arrived() for sent in complained))
        arrived = self._arrived()
        frames = [_complaint(sent, arrived[sent.mark.ident]) for sent in complained if sent.mark.ident in arrived]
        server = self._ends[_SERVER]
        self._transmit(server, [icmp_frames.frame(packet, server.gateway_mac, server.mac) for packet in frames])
        self._wait(lambda: self._all_answered(self._sent))
        self._send(self._last)
        self._wait(lambda: self._all_answered(self._last))

    def _send(self, sent: Iterable[Sent]) -> None:
        by_sender: dict[str, list[Sent]] = {}
        for each in sent:
            by_sender.setdefault(each.case.sender, []).append(each)
        for name, group in by_sender.items():
            self._transmit(self._ends[name], [frame for each in group for frame in _frames(each)])

    def _transmit(self, end: End, frames: list[bytes]) -> None:
        end.node.run(sys.executable, SEND, end.interface, stdin="".join(f"{frame.hex()}\n" for frame in frames))

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Until it holds, or for as long as answers may take: what has not come then has not come."""
        deadline = time.monotonic() + _PATIENCE
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _seen(self) -> Seen:
        """What passed each end until now, by its name."""
        return {name: messages(capture.path) for name, capture in self._captures.items()}

    def _arrived(self) -> dict[int, bytes]:
        return _arrived(messages(self._captures[_SERVER].path))

    def _all_answered(self, sent: list[Sent]) -> bool:
        came = self._came(self._seen())
        return all(answered(each, came.get((each.case.sender, each.mark.number), ())) for each in sent)

    def _came(self, seen: Seen) -> dict[tuple[str, int], list[Message]]:
        """The answers that came to each sender, by its name and the mark's number."""
        found: dict[tuple[str, int], list[Message]] = {}
        for name, passed in seen.items():
            for message in passed:
                if message.whole and is_answer(message) and message.ip.destination in (self._ends[name].address, SILENT):
                    assert message.mark is not None
                    found.setdefault((name, message.mark), []).append(message)
        return found

    def _judged(self, seen: Seen) -> list[Result]:
        came, arrived = self._came(seen), _arrived(seen[_SERVER])
        everything = [message for passed in seen.values() for message in passed]
        left = {name: {h.data[: h.length] for m in passed for h in m.headers} for name, passed in seen.items()}
        results = []
        for sent in self._sent:
            case, mine = sent.case, came.get((sent.case.sender, sent.mark.number), [])
            others = [m for name, passed in seen.items() if name != case.sender for m in passed]
            # A complaint is itself such a message on its way in: what matters is whether it comes to the VM.
            answers = mine if case.then is not None else [m for m in everything if _is_answer_to(m, sent)]
            if not left[case.sender].issuperset(sent.packets):
                results.append(result(case.id, [Flaw("was not sent")]))
            elif case.then is not None and sent.mark.ident not in arrived:
                results.append(result(case.id, [Flaw("did not arrive")]))
            else:
                results.append(judge(sent, mine, answers, any(_is_probe(m, sent) for m in others)))
        unanswered = [each.case.id for each in self._last if (each.case.sender, each.mark.number) not in came]
        return [*results, *icmp_overall.judge(seen, self._ends, len(self._sent) + len(self._last), unanswered)]


def _arrived(at_server: Iterable[Message]) -> dict[int, bytes]:
    """What came for the silent address, by IP identification."""
    return {m.ip.ident: m.ip.data[: m.ip.length] for m in at_server if m.ip.destination == SILENT}


def _frames(sent: Sent) -> list[bytes]:
    probe, end = sent.case.probe, sent.end
    return [icmp_frames.frame(packet, probe.mac or end.gateway_mac, end.mac, probe.padding) for packet in sent.packets]


def _is_answer_to(message: Message, sent: Sent) -> bool:
    return is_answer(message) and message.mark == sent.mark.number and not _is_probe(message, sent)


def _is_probe(message: Message, sent: Sent) -> bool:
    """Whether it is the probe itself on its way, its source translated or not; an echo reply would look like an answer."""
    return message.ip.ident == sent.mark.ident and message.ip.destination == sent.case.probe.to


def _complaint(sent: Sent, arrived: bytes) -> bytes:
    """The IP packet that complains of `arrived`."""
    then = sent.case.then
    assert then is not None
    to = str(IPv4Address(arrived[12:16]))
    body = struct.pack("!HH", 0, then.mtu) + _forged(then.forged, arrived, sent.end.address)
    message = icmp_frames.icmp(then.kind, then.code, body, broken=then.forged == "checksum")
    return icmp_frames.header(then.source or SILENT, to, ICMP, 20 + len(message), 0, tos=0xC0) + message


def _forged(how: str, packet: bytes, inside: str) -> bytes:
    quote = bytearray(packet[:548])
    if how == "port":
        quote[20:22] = b"\0\x09"
    elif how == "destination":
        quote[16:20] = IPv4Address("198.51.100.200").packed
    elif how == "inside":
        quote[12:16] = IPv4Address(inside).packed
    elif how == "short":
        del quote[24:]
    quote[10:12] = b"\0\0"
    quote[10:12] = struct.pack("!H", checksum(bytes(quote[:20])))
    return bytes(quote)
