"""The judge of the ICMP cases on packets made by hand: it takes the right one, and of each wrong one says what is wrong."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scapy.utils import PcapWriter, checksum

from mininet_topos.node import LabNode
from tests.acceptance import icmp_frames
from tests.acceptance.icmp_case import NOTHING, OWN, VOID, Case, Expect, exceeded, reply, reset, too_large
from tests.acceptance.icmp_frames import ICMP, TCP, UDP, Mark, Probe
from tests.acceptance.icmp_judge import Result, Sent, judge
from tests.acceptance.icmp_network import End
from tests.acceptance.icmp_reading import is_answer, messages
from tests.acceptance.icmp_table import ALL
from tests.acceptance.icmp_tools import parse

VM, VM_MAC, ROUTER_MAC = "10.1.1.11", "02:00:00:00:00:01", "02:00:00:00:00:02"
NODE = cast(LabNode, SimpleNamespace(name="a-1"))
END = End(NODE, "eth0", VM, VM_MAC, ROUTER_MAC, NODE, "v-a-1")
Change = Callable[[bytearray], None]


def sent(probe: Probe, expect: Expect) -> Sent:
    return Sent(Case("it", "a case", "792", "a-1", probe, expect), Mark(7), END)


def judged(tmp_path: Path, what: Sent, *packets: bytes, mac: str = VM_MAC) -> Result:
    path = tmp_path / "seen.pcap"
    with PcapWriter(str(path), linktype=1) as writer:
        writer.write_header(None)
        for packet in packets:
            writer.write_packet(icmp_frames.frame(packet, mac, ROUTER_MAC))
    seen = [message for message in messages(path) if is_answer(message)]
    return judge(what, seen, seen)


def error(what: Sent, change: Change | None = None, **changed: Any) -> bytes:
    """The right ICMP error, but for what is changed; `change` works on what is quoted."""
    expect = what.case.expect
    given: dict[str, Any] = {"source": OWN, "kind": expect.kind, "rest": expect.mtu, "tos": 0xC0, "ttl": 64, "broken": False}
    given |= changed
    quote = bytearray(what.packets[0][:548])
    quote[8] = 1
    if change is not None:
        change(quote)
    quote[10:12] = b"\0\0"
    quote[10:12] = struct.pack("!H", checksum(bytes(quote[:20])))
    kind, code = given["kind"]
    message = icmp_frames.icmp(kind, code, struct.pack("!I", given["rest"]) + bytes(quote), given["broken"])
    head = icmp_frames.header(given["source"], VM, ICMP, 20 + len(message), 1, given["ttl"], given["tos"])
    return head + message


def _cut(quote: bytearray) -> None:
    del quote[100:]


def _translated(quote: bytearray) -> None:
    quote[12:16] = bytes([203, 0, 113, 11])


def _another_port(quote: bytearray) -> None:
    quote[21] ^= 1


def _another_byte(quote: bytearray) -> None:
    quote[40] ^= 1


def _unexpired(quote: bytearray) -> None:
    quote[8] = 2


def _padded(quote: bytearray) -> None:
    quote += bytes(18)


@pytest.mark.parametrize(
    ("change", "changed", "said"),
    [
        (None, {}, "right"),
        (None, {"ttl": 254}, "right but for TTL 254"),
        (None, {"ttl": 60}, "TTL 60"),
        (None, {"tos": 0}, "right but for precedence 0"),
        (None, {"source": "10.1.3.1"}, "TTL exceeded from 10.1.3.1"),
        (None, {"kind": (3, 1)}, "host unreachable from 10.1.1.1"),
        (None, {"broken": True}, "wrong checksum (icmp)"),
        (None, {"rest": 0x00110000}, "unused bytes 0x0011"),
        (None, {"tos": 0xC1}, "ECN 1"),
        (_unexpired, {}, "quotes TTL 2"),
        (None, {"rest": 1400}, "MTU 1400"),
        (_cut, {}, "right but for quotes 100 bytes of 200"),
        (_translated, {}, "quotes source 203.0.113.11"),
        (_another_port, {}, "quotes ports (20006, 33500)"),
        (_another_byte, {}, "quotes another byte 40"),
        (_padded, {}, "quotes 218 bytes of 200"),
    ],
)
def test_errors(tmp_path: Path, change: Change | None, changed: dict[str, Any], said: str) -> None:
    what = sent(Probe("10.1.2.11", UDP, 200, ttl=2), exceeded(OWN))
    result = judged(tmp_path, what, error(what, change, **changed))
    assert result.said.startswith(said), result
    assert (result.right, result.usable) == (said == "right", said.startswith("right"))


def test_an_error_that_tells_an_mtu(tmp_path: Path) -> None:
    what = sent(Probe("10.1.2.11", UDP, 1450, dont_fragment=True), too_large(1400, OWN))
    assert judged(tmp_path, what, error(what)).right
    assert judged(tmp_path, what, error(what, rest=1450)).said == "MTU 1450"


def test_what_must_not_come_and_what_must(tmp_path: Path) -> None:
    silent, answered = (sent(Probe("10.1.2.11", UDP, ttl=1), expect) for expect in (NOTHING, exceeded(OWN)))
    assert judged(tmp_path, silent).right
    assert judged(tmp_path, silent, error(answered)).said == "answered: TTL exceeded from 10.1.1.1"
    assert judged(tmp_path, answered).said == "no answer"
    assert judged(tmp_path, answered, error(answered), error(answered)).said == "2 answers: TTL exceeded from 10.1.1.1"
    assert judged(tmp_path, answered, error(answered), mac=ROUTER_MAC).said == f"to MAC {ROUTER_MAC}"


def test_what_no_receiver_takes_is_an_answer_unless_the_case_says_so(tmp_path: Path) -> None:
    """A wrong checksum, and a fragment alone, which the IP identification tells whose it is."""
    for expect, right in ((NOTHING, False), (VOID, True)):
        what = sent(Probe(OWN, size=1800, pieces="later"), expect)
        alone = icmp_frames.header(OWN, VM, ICMP, 100, what.mark.ident, fragment=100) + bytes(80)
        assert judged(tmp_path, what, alone).right is right
        bad = icmp_frames.icmp(0, 0, struct.pack("!HH", what.mark.port, 1), broken=True)
        assert judged(tmp_path, what, icmp_frames.header(OWN, VM, ICMP, 20 + len(bad), 1) + bad).right is right
        good = icmp_frames.icmp(0, 0, struct.pack("!HH", what.mark.port, 1))
        assert not judged(tmp_path, what, icmp_frames.header(OWN, VM, ICMP, 20 + len(good), 1) + good).right


@pytest.mark.parametrize(
    ("changed", "said"), [({}, "right"), ({"tos": 0}, "TOS 0x00"), ({"at": 30}, "not the data that was sent")]
)
def test_replies_in_fragments(tmp_path: Path, changed: dict[str, int], said: str) -> None:
    what = sent(Probe(OWN, size=1500, tos=0xB8), reply(OWN))
    data = bytearray(what.payload[4:])
    if "at" in changed:
        data[changed["at"]] ^= 1
    message = icmp_frames.icmp(0, 0, bytes(data))
    tos = changed.get("tos", 0xB8)
    pieces = [(message[:800], 0x2000), (message[800:], 100)]
    packets = [icmp_frames.header(OWN, VM, ICMP, 20 + len(p), 5, tos=tos, fragment=f) + p for p, f in pieces]
    assert judged(tmp_path, what, *packets[::-1]).said == said
    assert judged(tmp_path, what, packets[0]).said == "no answer"


@pytest.mark.parametrize(
    ("flags", "sequence", "acknowledged", "answer", "said"),
    [
        ("S", 0, 0x7FFF1, 0x14, "right"),
        ("S", 0, 0x7FFF0, 0x14, "acknowledgement 524272, not 524273"),
        ("A", 77, 0, 0x04, "right"),
        ("A", 0, 0x7FFF1, 0x14, "sequence 0, not 77"),
    ],
)
def test_resets(tmp_path: Path, flags: str, sequence: int, acknowledged: int, answer: int, said: str) -> None:
    what = sent(Probe(OWN, TCP, 40, port=81, flags=flags), reset(OWN))
    segment = struct.pack("!HHIIBBHHH", 81, what.mark.port, sequence, acknowledged, 5 << 4, answer, 0, 0, 0)
    head = icmp_frames.header(OWN, VM, TCP, 40, 1)
    total = checksum(head[12:20] + struct.pack("!HH", TCP, 20) + segment)
    packet = head + segment[:16] + struct.pack("!H", total) + segment[18:]
    assert judged(tmp_path, what, packet).said.startswith(said)


def test_what_tools_print() -> None:
    traceroute = "traceroute to 10.1.2.11, 6 hops max\n 1  10.1.1.1  0.4 ms\n 2  *\n 3  10.1.2.11  0.5 ms\n"
    assert parse("traceroute", traceroute) == ["10.1.1.1", "*", "10.1.2.11"]
    assert parse("traceroute", " 1  10.1.1.1  0.4 ms\n 2  10.1.1.1  0.5 ms !H\n") == ["10.1.1.1", "10.1.1.1 !H"]
    replies = (
        "64 bytes from 10.1.1.1: icmp_seq=1 ttl=64 time=0.1 ms\n64 bytes from 10.1.1.1: icmp_seq=1 ttl=64 time=0.2 ms (DUP!)\n"
    )
    assert parse("ping", replies) == ["10.1.1.1", "10.1.1.1 (DUP!)"]
    mtr = "HOST: x  Loss%   Snt\n  1.|-- 10.1.1.1   0.0%     2\n  2.|-- ???       100.0     2\n  3.|-- 10.1.2.11  50.0%     2\n"
    assert parse("mtr", mtr) == ["10.1.1.1", "*", "10.1.2.11 (50.0% lost)"]
    tracepath = (
        " 1?: [LOCALHOST]    pmtu 1450\n 1:  10.1.1.1   0.4ms \n 1:  10.1.1.1   0.4ms \n 2:  no reply\n     Resume: pmtu 1400 \n"
    )
    assert parse("tracepath", tracepath) == ["10.1.1.1", "*", "pmtu 1400"]


def test_every_case_has_a_name_of_its_own_and_a_section() -> None:
    assert len({case.id for case in ALL}) == len(ALL)
    assert all(case.rfc and case.what and case.text for case in ALL)
