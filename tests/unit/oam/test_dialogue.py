"""One try, against a server played by hand: every way it can end, and what goes over the wire meanwhile."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from scapy.layers.inet import TCP

from ryu_overlay.oam.dialogue import MAX_STATUS_LINE, MSS, WINDOW, Dialogue, Result, request
from ryu_overlay.oam.tcp import ends, read
from tests.unit.oam.peer import FIRST, MEMBER, MEMBER_MAC, ROUTER_MAC, VIP, answer, data, seen

OURS = ends((ROUTER_MAC, IPv4Address(VIP), 40000), (MEMBER_MAC, IPv4Address(MEMBER), 8080))
ASKED = request("/health?deep=1", f"{VIP}:80")
ISN = 0xFFFFFFF0
"""So near 2**32 that the request passes it."""


class Try:
    """A dialogue and the last frame it sent."""

    def __init__(self, wanted: bytes | None = None, now: float = 0.0) -> None:
        self.dialogue = Dialogue(OURS, wanted, ISN, 1.0, now)
        self.last = self.dialogue.begin()

    def hear(self, frame: bytes, now: float = 0.1) -> list[bytes]:
        got = read(frame)
        assert got is not None and got[0] == OURS.turned()
        return self._keep(self.dialogue.heard(got[1], now))

    def wake(self, late: float = 0.0) -> list[bytes]:
        return self._keep(self.dialogue.wake(self.dialogue.due + late))

    def _keep(self, sent: list[bytes]) -> list[bytes]:
        self.last = sent[-1] if sent else self.last
        return sent

    @property
    def result(self) -> Result | None:
        return self.dialogue.result

    def flags(self) -> str:
        return str(seen(self.last)[TCP].flags)


@pytest.fixture
def tcp() -> Try:
    return Try()


@pytest.fixture
def http() -> Try:
    """One that has sent its request."""
    made = Try(ASKED)
    made.hear(answer(made.last, "SA"))
    return made


def test_the_first_frame_is_a_syn(tcp: Try) -> None:
    segment = seen(tcp.last)[TCP]
    assert (tcp.flags(), segment.seq, segment.options, segment.window) == ("S", ISN, [("MSS", MSS)], WINDOW)


def test_an_open_port_is_good_and_reset(tcp: Try) -> None:
    tcp.hear(answer(tcp.last, "SA"))
    assert tcp.result == Result(True, "connected")
    assert (tcp.flags(), seen(tcp.last)[TCP].seq) == ("R", ISN + 1)
    assert tcp.hear(answer(tcp.dialogue.begin(), "SA")) == []


def test_a_closed_port_is_bad_and_not_spoken_to(tcp: Try) -> None:
    assert tcp.hear(answer(tcp.last, "RA", seq=0)) == []
    assert tcp.result == Result(False, "connection refused")


@pytest.mark.parametrize(
    ("flags", "ack"),
    [("SA", ISN), ("SA", ISN + 2), ("RA", ISN), ("R", ISN + 1), ("S", None), ("A", None), ("SAF", None), ("FA", None), ("", 0)],
)
def test_what_does_not_answer_the_syn_changes_nothing(tcp: Try, flags: str, ack: int | None) -> None:
    assert tcp.hear(answer(tcp.last, flags, ack=ack)) == []
    assert tcp.result is None and tcp.dialogue.due == pytest.approx(1 / 3)
    tcp.hear(answer(tcp.last, "SA"))
    assert tcp.result == Result(True, "connected")


def test_silence_is_asked_once_again_and_then_bad(tcp: Try) -> None:
    first = tcp.last
    assert tcp.dialogue.due == pytest.approx(1 / 3)
    assert tcp.wake() == [first]
    assert tcp.dialogue.due == 1.0 and tcp.result is None
    tcp.wake()
    assert tcp.result == Result(False, "no answer within 1 s")
    assert (tcp.flags(), seen(tcp.last)[TCP].seq) == ("R", ISN + 1)


def test_an_answer_to_the_second_syn_is_good(tcp: Try) -> None:
    tcp.wake()
    tcp.hear(answer(tcp.last, "SA"), now=0.9)
    assert tcp.result == Result(True, "connected")


def test_who_notices_the_deadline_late_waits_a_little_more(tcp: Try) -> None:
    tcp.wake()
    assert tcp.wake(late=5.0) == [] and tcp.result is None
    assert tcp.dialogue.due == pytest.approx(6.0 + 1 / 3)
    tcp.wake(late=5.0)
    assert tcp.result == Result(False, "no answer within 1 s")


def test_who_is_late_from_the_start_asks_again_and_waits(tcp: Try) -> None:
    assert len(tcp.wake(late=5.0)) == 1
    assert tcp.result is None and tcp.dialogue.due == pytest.approx(5.0 + 2 / 3)


def test_the_request_completes_the_handshake(http: Try) -> None:
    packet = seen(http.last)
    assert (http.flags(), packet[TCP].seq, packet[TCP].ack) == ("PA", ISN + 1, FIRST + 1)
    assert data(packet).decode() == (
        "GET /health?deep=1 HTTP/1.1\r\nHost: 203.0.113.20:80\r\n"
        "Connection: close\r\nUser-Agent: ryu_overlay-health-check\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("line", "good", "reason"),
    [
        (b"HTTP/1.0 200 OK\r\n", True, "HTTP 200"),
        (b"HTTP/1.1 204\r\n", True, "HTTP 204"),
        (b"HTTP/1.1 399 \xff\n", True, "HTTP 399"),
        (b"HTTP/1.1 400 Bad\r\n", False, "HTTP 400"),
        (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n", False, "HTTP 503"),
        (b"HTTP/1.1 199 Early\r\n", False, "HTTP 199"),
        (b"HTTP/1.1 2000 OK\r\n", False, "the answer is not HTTP"),
        (b"HTTP/1.1\r\n", False, "the answer is not HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", False, "the answer is not HTTP"),
        (b"S", False, "the answer is not HTTP"),
        (b"\n", False, "the answer is not HTTP"),
        (b"HTTP/1.1 200 " + b"x" * MAX_STATUS_LINE, False, "no end of the status line within 1,024 bytes"),
    ],
)
def test_the_status_line_decides(http: Try, line: bytes, good: bool, reason: str) -> None:
    http.hear(answer(http.last, "A", line))
    assert http.result == Result(good, reason)
    assert (http.flags(), seen(http.last)[TCP].seq) == ("R", (ISN + 1 + len(ASKED)) % 2**32)


def test_a_status_line_in_pieces_is_put_together(http: Try) -> None:
    asked, line = http.last, b"HTTP/1.1 302 Found\r\n"
    for at in range(len(line)):
        assert http.result is None
        http.hear(answer(asked, "A", line[at : at + 1], seq=(FIRST + 1 + at) % 2**32))
        if at + 1 < len(line):
            assert (http.flags(), seen(http.last)[TCP].ack) == ("A", (FIRST + 2 + at) % 2**32)
    assert http.result == Result(True, "HTTP 302")


def test_only_what_comes_in_order_is_taken(http: Try) -> None:
    asked, start = http.last, FIRST + 1
    http.hear(answer(asked, "A", b" 200 OK\r\n", seq=(start + 8) % 2**32))
    assert http.result is None and seen(http.last)[TCP].ack == start
    http.hear(answer(asked, "A", b"HTTP", seq=start))
    http.hear(answer(asked, "A", b"HT", seq=start))
    assert seen(http.last)[TCP].ack == (start + 4) % 2**32
    http.hear(answer(asked, "A", b"HTTP/1.1 404 None\r\n", seq=start))
    assert http.result == Result(False, "HTTP 404")


def test_an_unacknowledged_request_is_sent_once_again(http: Try) -> None:
    asked = http.last
    assert http.dialogue.due == pytest.approx(0.1 + 1 / 3)
    assert http.wake() == [asked]
    http.wake()
    assert http.result == Result(False, "no HTTP answer within 1 s")
    assert (http.flags(), seen(http.last)[TCP].seq) == ("R", ISN + 1)


def test_an_acknowledged_request_is_not_sent_again(http: Try) -> None:
    assert http.hear(answer(http.last, "A")) == []
    assert http.wake() == []
    http.wake()
    assert http.result == Result(False, "no HTTP answer within 1 s")
    assert seen(http.last)[TCP].seq == (ISN + 1 + len(ASKED)) % 2**32


def test_a_late_handshake_leaves_no_time_to_ask_again() -> None:
    slow = Try(ASKED)
    slow.wake()
    slow.hear(answer(slow.last, "SA"), now=0.9)
    assert slow.dialogue.due == 1.0
    slow.wake()
    assert slow.result == Result(False, "no HTTP answer within 1 s")


def test_a_server_that_closes_without_a_word_is_bad(http: Try) -> None:
    http.hear(answer(http.last, "FA"))
    assert http.result == Result(False, "connection closed without an HTTP answer")
    assert http.flags() == "R"


def test_a_status_line_may_come_with_the_end(http: Try) -> None:
    http.hear(answer(http.last, "FPA", b"HTTP/1.0 200 OK\r\n"))
    assert http.result == Result(True, "HTTP 200")


@pytest.mark.parametrize(("ahead", "believed"), [(0, True), (WINDOW - 1, True), (WINDOW, False), (-1, False)])
def test_a_reset_has_to_be_in_the_window(http: Try, ahead: int, believed: bool) -> None:
    assert http.hear(answer(http.last, "R", seq=(FIRST + 1 + ahead) % 2**32)) == []
    assert http.result == (Result(False, "connection reset") if believed else None)


@pytest.mark.parametrize(("flags", "more"), [("A", 1), ("A", -len(ASKED) - 1), ("SA", 0), ("P", 0)])
def test_what_acknowledges_what_was_not_sent_is_ignored(http: Try, flags: str, more: int) -> None:
    ack = (ISN + 1 + len(ASKED) + more) % 2**32
    assert http.hear(answer(http.last, flags, b"HTTP/1.1 200 OK\r\n", ack=ack)) == []
    assert http.result is None
