"""Routers whose answers stand for paths: what is asked of the way, and what becomes of the answer."""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from ryu_overlay.model.network import Draft
from ryu_overlay.oam.responder import Asked, Path, Responder
from ryu_overlay.openflow.messages import PACKET_OUT
from ryu_overlay.pipeline.answers import OWN_ADDRESS, answer_mac
from ryu_overlay.pipeline.cookies import Feature
from tests.unit.oam.test_responder import R1, UP, WEB, network, packet_in, sender, udp

DPID, NEAR = 5, int(IPv4Address("10.0.9.1"))
WORKS, BROKEN, SILENT = Path(102, False, NEAR), Path(None, False, NEAR), Path(None, True, NEAR)


class Asking:
    """A responder of a network where r1's answers stand for paths, and what it asked."""

    def __init__(self, path: Path | None, answers: str = "path", admitted: bool = True) -> None:
        self.asked: list[Asked] = []
        self.sources: list[tuple[int, int]] = []
        self.path = path
        self.admitted = admitted
        self.responder = Responder(admit=self._admit, path_of=self._path_of)
        draft = Draft(network())
        draft.put(replace(network().tables["router"]["red", "r1"], answers=answers))
        self.responder.network(draft.freeze(2))

    def _admit(self, chassis: int, port: int) -> bool:
        self.sources.append((chassis, port))
        return self.admitted

    def _path_of(self, asked: Asked) -> Path | None:
        self.asked.append(asked)
        return self.path

    def __call__(self, why: Feature = Feature.PUNT_TTL_EXCEEDED, frame: bytes = udp(), port: int = UP) -> bytes | None:
        return self.responder.answer(packet_in(frame, why, port=port), DPID)


def frame(out: bytes | None) -> bytes:
    assert out is not None and out[1] == PACKET_OUT
    return out[24 + struct.unpack_from("!H", out, 16)[0] :]


def kind(out: bytes | None) -> tuple[int, int]:
    return frame(out)[34], frame(out)[35]


def test_it_asks_for_the_way_of_the_packet() -> None:
    ask = Asking(None)
    assert kind(ask(port=WEB)) == (11, 0)
    assert ask.asked == [Asked(DPID, R1, WEB, 0, int(IPv4Address("10.0.1.9")), int(IPv4Address("192.0.2.1")))]


def test_where_the_policy_is_local_nobody_is_asked() -> None:
    ask = Asking(BROKEN, answers="local")
    assert kind(ask()) == (11, 0) and ask.asked == []


def test_where_the_way_works_the_answer_goes_it_first() -> None:
    ask = Asking(WORKS)
    for why, mac in (
        (Feature.PUNT_TTL_EXCEEDED, answer_mac(R1, 0)),
        (Feature.PUNT_PORT_UNREACHABLE, answer_mac(R1, OWN_ADDRESS)),
    ):
        out = ask(why)
        assert out is not None and mac.to_bytes(6, "big") in out[24:] and sender(out) in ("100.64.0.1", "192.0.2.1")


def test_where_it_is_broken_the_host_is_unreachable_says_the_near_router() -> None:
    out = Asking(BROKEN)()
    assert kind(out) == (3, 1) and sender(out) == "10.0.9.1"
    assert sender(Asking(Path(None, False, None))()) == "100.64.0.1", "or the port that it came in by"


def test_or_nothing_is_said() -> None:
    ask = Asking(SILENT)
    assert ask() is None and ask.responder.unanswered[Feature.PUNT_TTL_EXCEEDED] == 1


def test_what_a_flow_knew_to_be_broken_is_told_while_it_is() -> None:
    assert kind(Asking(BROKEN)(Feature.PUNT_NO_PATH)) == (3, 1)
    for mended in (None, WORKS):
        assert Asking(mended)(Feature.PUNT_NO_PATH) is None, "a moment ago it was"


@pytest.mark.parametrize("admitted", [False, True])
def test_whoever_had_his_share_is_not_answered_and_his_packet_not_looked_at(admitted: bool) -> None:
    ask = Asking(None, admitted=admitted)
    assert (ask() is not None) == admitted == bool(ask.asked)
    assert ask.sources == [(DPID, 0)]
    counted = ask.responder.answered[Feature.PUNT_TTL_EXCEEDED] + ask.responder.unanswered[Feature.PUNT_TTL_EXCEEDED]
    assert counted == admitted
