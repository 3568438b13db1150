"""pcapng streams, read by a reader that is not ours."""

from __future__ import annotations

import io
import random
import struct

from scapy.utils import RawPcapNgReader

from ryu_overlay.oam import capture, pcapng
from ryu_overlay.oam.capture import Seen, Tally, Wanted
from ryu_overlay.oam.filters import parse_filter
from ryu_overlay.oam.points import Point

T0 = 1_700_000_000_123_456_789


def blocks(stream: bytes) -> list[tuple[int, bytes]]:
    """(type, body) of each block; fails where lengths do not agree."""
    found, offset = [], 0
    while offset < len(stream):
        kind, length = struct.unpack_from("<II", stream, offset)
        assert length % 4 == 0 and stream[offset + length - 4 : offset + length] == struct.pack("<I", length)
        found.append((kind, stream[offset + 8 : offset + length - 4]))
        offset += length
    assert offset == len(stream)
    return found


def options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    offset = 0
    while offset < len(data):
        code, length = struct.unpack_from("<HH", data, offset)
        if code == 0:
            assert offset + 4 == len(data), "the end of options is the end of the block"
            return found
        found[code] = data[offset + 4 : offset + 4 + length]
        offset += 4 + (length + 3) // 4 * 4
    raise AssertionError("options without an end")


def test_another_reader_finds_the_frames_their_times_and_their_interfaces() -> None:
    made = random.Random(3)
    frames = [(made.randrange(2), T0 + n * 1_000_003, made.randbytes(60 + n)) for n in range(9)]
    stream = pcapng.section("ryu_overlay 1", "a remark")
    stream += pcapng.interface("port:a", "VIF", 100, "tcp") + pcapng.interface("port:b", "", 100)
    for number, at, frame in frames:
        stream += pcapng.packet(number, at, frame, len(frame) + 7, "in", "hv1")
    stream += pcapng.statistics(0, T0 + 10**10, T0, 12, 3, final=True, comment="why")
    stream += pcapng.statistics(1, T0 + 10**10, T0, 9, 0, final=False)
    reader = RawPcapNgReader(io.BytesIO(stream))
    for number, at, frame in frames:
        data, meta = reader._read_packet()
        assert (data, meta.wirelen, meta.ifname) == (frame, len(frame) + 7, [b"port:a", b"port:b"][number])
        assert (meta.tshigh << 32 | meta.tslow) == at and meta.tsresol == 10**9


def test_each_block_says_what_it_has_to() -> None:
    kind, body = blocks(pcapng.section("someone", "a remark"))[0]
    assert kind == 0x0A0D0D0A and struct.unpack_from("<IHHq", body) == (0x1A2B3C4D, 1, 0, -1)
    assert options(body[16:]) == {1: b"a remark", 4: b"someone"}
    kind, body = blocks(pcapng.interface("port:a", "VIF of a", 64, "icmp"))[0]
    assert (kind, *struct.unpack_from("<HHI", body)) == (1, 1, 0, 64)
    assert options(body[8:]) == {2: b"port:a", 3: b"VIF of a", 9: b"\x09", 11: b"\0icmp"}
    kind, body = blocks(pcapng.packet(2, T0, b"12345", 99, "out"))[0]
    assert (kind, *struct.unpack_from("<IIIII", body)) == (6, 2, T0 >> 32, T0 & 0xFFFFFFFF, 5, 99)
    assert body[20:28] == b"12345\0\0\0" and options(body[28:]) == {2: struct.pack("<I", 2)}
    assert blocks(pcapng.packet(0, T0, b"1234", 4))[0][1][24:] == b"", "no options, no end of them"
    kind, body = blocks(pcapng.statistics(1, T0 + 5, T0, 7, 2, final=True, comment="c"))[0]
    assert (kind, *struct.unpack_from("<III", body)) == (5, 1, (T0 + 5) >> 32, (T0 + 5) & 0xFFFFFFFF)
    told = options(body[12:])
    assert struct.unpack("<Q", told[4]) + struct.unpack("<Q", told[5]) == (7, 2) and told[1] == b"c"
    assert told[2] == struct.pack("<II", T0 >> 32, T0 & 0xFFFFFFFF) and told[3][:4] == told[2][:4]
    assert 3 not in options(blocks(pcapng.statistics(1, T0, T0, 7, 2, final=False))[0][1][12:])


def test_a_long_text_is_cut_at_a_character() -> None:
    text = options(blocks(pcapng.interface("ü" * pcapng.MAX_TEXT, "", 0))[0][1][8:])[2]
    assert len(text) == pcapng.MAX_TEXT and text.decode() == "ü" * (pcapng.MAX_TEXT // 2)


def test_a_stream_begins_with_its_points_and_ends_with_what_became_of_them() -> None:
    wanted = Wanted(("port:a", "tunnel:hv1/hv2"), parse_filter("icmp"), snaplen=80)
    head = blocks(capture.head(wanted, [Point("port:a", "VIF", ()), Point("tunnel:hv1/hv2", "tunnel", (), tunnel=True)]))
    assert [kind for kind, _ in head] == [0x0A0D0D0A, 1, 1]
    assert [options(body[8:])[2] for _, body in head[1:]] == [b"port:a", b"tunnel:hv1/hv2"]
    packet = options(blocks(Seen(1, "in", T0, b"abcd", 4, "hv2", 12).block())[0][1][24:])
    assert packet == {1: b"hv2, vni 12", 2: struct.pack("<I", 1)}
    assert options(blocks(Seen(0, "out", T0, b"abcd", 4, "hv2").block())[0][1][24:])[1] == b"hv2"
    tallies = [Tally(passed=20, limited=5, came=14, crowded_out=2, written=11), Tally(passed=3, came=3, written=3)]
    last = [options(body[12:]) for _, body in blocks(capture.state(tallies, T0, T0 + 9, final=True, reason="enough"))]
    assert [int.from_bytes(o[n], "little") for o in last for n in (4, 5)] == [20, 9, 3, 0]
    reasons = "5 above the rate, 1 lost on the way to the controller, 2 more than could be taken in, 1 after the end"
    assert [o[1].decode() for o in last] == [f"enough; not captured: 9 ({reasons})", "enough"]
    beat = [options(body[12:]) for _, body in blocks(capture.state(tallies, T0, T0 + 9, final=False))]
    assert all(1 not in o and 3 not in o for o in beat)


def test_what_came_since_a_meter_was_read_counts_too() -> None:
    behind = Tally(passed=10, limited=4, came=12, written=12)
    assert (behind.received, behind.missing, behind.lost) == (16, 4, 0)
