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
from tests.acceptance.icmp_judge import Result, Sent, answered, judge
from tests.acceptance.icmp_network import FLOATING, SILENT, UPLINK, End, ends
from tests.acceptance.icmp_reading import Message, is_answer, messages

SEND = str(Path(__file__).with_name("icmp_send.py"))
_PATIENCE = 3.0
"""Seconds that an answer may take."""
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
            watched = {sent.case.sender for sent in (*self._sent, *self._last)} | {_SERVER}
            for name in sorted(watched):
                end = self._ends[name]
                self._captures[name] = stack.enter_context(self._lab.tcpdump(end.watched_at, end.watched, "ip"))
            self._exchange()
            for capture in self._captures.values():
                capture.stop()
            seen = {name: messages(capture.path) for name, capture in self._captures.items()}
            return [*self._judged(), *icmp_overall.judge(seen, self._ends)]

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

    def _arrived(self) -> dict[int, bytes]:
        """What came for the silent address, by IP identification."""
        found = (m.ip for m in messages(self._captures[_SERVER].path) if m.ip.destination == SILENT)
        return {ip.ident: ip.data[: ip.length] for ip in found}

    def _all_answered(self, sent: list[Sent]) -> bool:
        came = self._came()
        return all(answered(each, came.get((each.case.sender, each.mark.number), ())) for each in sent)

    def _came(self) -> dict[tuple[str, int], list[Message]]:
        """The answers that came to each sender, by its name and the mark's number."""
        found: dict[tuple[str, int], list[Message]] = {}
        for name, capture in self._captures.items():
            for message in messages(capture.path):
                if is_answer(message) and message.ip.destination in (self._ends[name].address, SILENT):
                    assert message.mark is not None
                    found.setdefault((name, message.mark), []).append(message)
        return found

    def _judged(self) -> list[Result]:
        came, anywhere = self._came(), self._anywhere()
        results = []
        for sent in self._sent:
            mine = came.get((sent.case.sender, sent.mark.number), [])
            # A complaint is itself such a message on its way in: what matters is whether it comes to the VM.
            seen = (
                mine if sent.case.then is not None else [m for m in anywhere.get(sent.mark.number, ()) if not _is_probe(m, sent)]
            )
            results.append(judge(sent, mine, seen, self._forwarded(sent)))
        return results

    def _forwarded(self, sent: Sent) -> bool:
        """Whether the probe is seen where it was not sent; its source may have been translated on the way."""
        others = (capture for name, capture in self._captures.items() if name != sent.case.sender)
        return sent.case.expect.what == "lost" and any(_is_probe(m, sent) for c in others for m in messages(c.path))

    def _anywhere(self) -> dict[int, list[Message]]:
        found: dict[int, list[Message]] = {}
        for capture in self._captures.values():
            for message in messages(capture.path):
                if is_answer(message):
                    assert message.mark is not None
                    found.setdefault(message.mark, []).append(message)
        return found


def _frames(sent: Sent) -> list[bytes]:
    probe, end = sent.case.probe, sent.end
    return [icmp_frames.frame(packet, probe.mac or end.gateway_mac, end.mac, probe.padding) for packet in sent.packets]


def _is_probe(message: Message, sent: Sent) -> bool:
    """Whether it is the probe itself, for an echo reply that is sent looks like one that is answered."""
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
