"""MACs on external networks: asked for, waited for, kept fresh, forgotten."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from ryu_overlay.engine.events import Unresolved
from ryu_overlay.engine.neighbours import REFRESH, SHARE, SILENCE, TRIES, WAITING_AT_MOST, Neighbours, Question
from ryu_overlay.model.network import Draft, Network
from tests.unit.engine.outdoors import GATEWAY, GATEWAY_MAC, INTERNET, NEIGHBOUR, NEIGHBOUR_MAC, UPLINK, unresolved

NET = INTERNET.ref
OTHER_MAC = "02:aa:00:00:00:09"


def network(*externals: object) -> Network:
    draft = Draft(Network())
    for external in externals:
        draft.put(external)  # type: ignore[arg-type]
    return draft.freeze(1)


QUIET = network(replace(INTERNET, gateway=None))
WITH_GATEWAY = network(INTERNET)

FLOODERS = range(1, WAITING_AT_MOST // SHARE + 1)
"""Uplinks that take all room together."""


def somebody(uplink: int, number: int) -> IPv4Address:
    """An address that nobody but this uplink asks for."""
    return IPv4Address(f"10.{uplink}.{number // 256}.{number % 256}")


class Life:
    """Neighbours and a clock."""

    def __init__(self, net: Network = QUIET, notes: dict[str, str] | None = None) -> None:
        self.network, self.now = net, 100.0
        self.neighbours = Neighbours()
        self.neighbours.start(notes or {}, net, self.now)

    @property
    def macs(self) -> dict[IPv4Address, str]:
        return dict(self.neighbours.macs.get(NET, {}))

    def heard(self, address: IPv4Address, mac: str) -> tuple[bool, list[Unresolved]]:
        return self.neighbours.heard(NET, address, mac, self.now)

    def need(self, address: IPv4Address, frame: bytes = b"frame", by: int = UPLINK) -> list[Question]:
        return self.neighbours.unresolved(NET, unresolved(1, address, frame, by))

    def flood(self, by: int, first: int = 0, count: int = SHARE) -> int:
        """An uplink's packets go to `count` addresses of its own, from the one with number `first`. How many are asked for."""
        return sum(len(self.need(somebody(by, number), by=by)) for number in range(first, first + count))

    def learn(self, address: IPv4Address, mac: str) -> None:
        self.need(address)
        self.heard(address, mac)

    def tick(self, seconds: float = 1.0, speaking: bool = True) -> tuple[bool, list[IPv4Address], list[Unresolved]]:
        self.now += seconds
        refs = [NET] if speaking and NET in self.network.tables["external_network"] else []
        forgotten, questions, given_up = self.neighbours.tick(self.network, refs, self.now)
        assert all(question.network == NET for question in questions)
        return forgotten, [question.address for question in questions], given_up


def test_a_packet_waits_while_its_owner_is_asked() -> None:
    life = Life()
    assert life.need(NEIGHBOUR, b"one") == [Question(NET, NEIGHBOUR)]
    assert life.need(NEIGHBOUR, b"two") == [], "asked already"
    assert life.heard(NEIGHBOUR, NEIGHBOUR_MAC) == (True, [unresolved(1, NEIGHBOUR, b"two")])
    assert life.macs == {NEIGHBOUR: NEIGHBOUR_MAC}
    assert life.heard(NEIGHBOUR, NEIGHBOUR_MAC) == (False, []), "neither news nor waited for any more"
    assert life.tick()[1:] == ([], [])


def test_it_is_given_up_after_some_tries() -> None:
    life = Life()
    life.need(NEIGHBOUR)
    for _ in range(TRIES - 1):
        assert life.tick() == (False, [NEIGHBOUR], [])
    assert life.tick() == (False, [], [unresolved(1, NEIGHBOUR)])
    assert life.tick() == (False, [], [])
    assert life.heard(NEIGHBOUR, NEIGHBOUR_MAC) == (False, []), "too late"
    assert life.need(NEIGHBOUR) == [Question(NET, NEIGHBOUR)], "the next packet asks anew"


def test_strangers_are_not_learned() -> None:
    life = Life()
    before = life.neighbours.macs
    assert life.heard(NEIGHBOUR, NEIGHBOUR_MAC) == (False, []) and life.macs == {} and life.neighbours.macs is before


def test_another_mac_is_news() -> None:
    life = Life()
    life.learn(NEIGHBOUR, NEIGHBOUR_MAC)
    shown = life.neighbours.macs[NET]
    assert life.heard(NEIGHBOUR, NEIGHBOUR_MAC) == (False, []) and life.neighbours.macs[NET] is shown
    assert life.heard(NEIGHBOUR, OTHER_MAC) == (True, [])
    assert life.macs == {NEIGHBOUR: OTHER_MAC} and shown == {NEIGHBOUR: NEIGHBOUR_MAC}, "what was shown does not change"


def test_it_is_asked_again_now_and_then_and_forgotten_when_silent() -> None:
    life = Life()
    life.learn(NEIGHBOUR, NEIGHBOUR_MAC)
    asked = []
    while life.now < 100 + SILENCE - 1:
        forgotten, questions, _ = life.tick()
        assert not forgotten and life.macs
        asked += [life.now for _ in questions]
    assert asked == [100 + REFRESH * n for n in range(1, int(SILENCE / REFRESH))]
    assert life.tick()[0] and life.macs == {}
    assert life.tick() == (False, [], []), "nor is it asked for any more"


def test_who_answers_is_kept() -> None:
    life = Life()
    life.learn(NEIGHBOUR, NEIGHBOUR_MAC)
    for _ in range(int(3 * SILENCE)):
        forgotten, questions, _ = life.tick()
        assert not forgotten
        if questions:
            life.heard(NEIGHBOUR, NEIGHBOUR_MAC)
    assert life.macs == {NEIGHBOUR: NEIGHBOUR_MAC}


def test_the_gateway_is_asked_for_until_it_answers_and_never_forgotten() -> None:
    life = Life(WITH_GATEWAY)
    for _ in range(5):
        assert [life.tick()[1] for _ in range(TRIES + 1)] == [*[[GATEWAY]] * TRIES, []]
    life.tick()
    assert life.heard(GATEWAY, GATEWAY_MAC) == (True, [])
    for _ in range(int(3 * SILENCE)):
        assert not life.tick()[0]
    assert life.macs == {GATEWAY: GATEWAY_MAC}
    assert life.heard(GATEWAY, OTHER_MAC) == (True, []), "another box took its place"


def test_what_waits_for_the_gateway_goes_on_when_it_answers_or_is_given_up() -> None:
    life = Life(WITH_GATEWAY)
    life.tick()
    assert life.need(GATEWAY, b"one") == [], "it is asked for already"
    assert life.heard(GATEWAY, GATEWAY_MAC) == (True, [unresolved(1, GATEWAY, b"one")])
    life = Life(WITH_GATEWAY)
    assert life.need(GATEWAY) == [Question(NET, GATEWAY)]
    given_up = [life.tick()[2] for _ in range(2 * TRIES)]
    assert [packets for packets in given_up if packets] == [[unresolved(1, GATEWAY)]]


def test_nobody_is_asked_where_nobody_can_speak() -> None:
    life = Life(WITH_GATEWAY)
    life.learn(NEIGHBOUR, NEIGHBOUR_MAC)
    for _ in range(int(SILENCE) - 1):
        assert life.tick(speaking=False) == (False, [], [])
    assert life.tick(speaking=False)[0]


def test_a_flood_is_bounded() -> None:
    life = Life()
    assert life.flood(UPLINK, count=WAITING_AT_MOST) == SHARE
    for _ in range(TRIES):
        assert len(life.tick()[1]) <= SHARE
    assert life.flood(UPLINK) == SHARE, "there is room again"


def test_who_floods_leaves_room_for_others() -> None:
    life = Life()
    life.flood(1, count=WAITING_AT_MOST)
    assert life.need(NEIGHBOUR, by=2) == [Question(NET, NEIGHBOUR)]


def test_if_all_room_is_taken_the_largest_share_loses_its_oldest() -> None:
    life = Life()
    for flooder in FLOODERS:
        assert life.flood(flooder) == SHARE
    assert life.need(NEIGHBOUR, by=99) == [Question(NET, NEIGHBOUR)]
    asked = life.neighbours.asked(NET)
    assert len(asked) == WAITING_AT_MOST
    assert somebody(1, 0) not in asked and {somebody(1, 1), somebody(2, 0), NEIGHBOUR} <= asked.keys()
    assert life.heard(somebody(1, 0), OTHER_MAC) == (False, []), "its packet is gone"
    assert life.heard(NEIGHBOUR, NEIGHBOUR_MAC) == (True, [unresolved(1, NEIGHBOUR, by=99)])


def test_floods_come_to_equal_shares_that_they_do_not_take_from_each_other() -> None:
    life = Life()
    for flooder in FLOODERS:
        life.flood(flooder)
    late = len(FLOODERS) + 1
    assert life.flood(late, count=2 * SHARE) == WAITING_AT_MOST // late
    before = life.neighbours.asked(NET)
    assert sum(life.flood(flooder, 2 * SHARE) for flooder in (*FLOODERS, late)) == 0
    assert life.neighbours.asked(NET) == before and len(before) == WAITING_AT_MOST


def test_what_several_ask_for_is_in_the_share_of_who_asks_for_least() -> None:
    life = Life()
    life.need(NEIGHBOUR, by=1)
    assert life.flood(1) == SHARE - 1
    life.need(NEIGHBOUR, by=2)
    assert life.flood(1, SHARE, 2) == 1, "it is in the other's share now"
    life.need(NEIGHBOUR, by=1)
    assert life.flood(2) == SHARE - 1, "and stays there"


def test_the_gateway_is_in_nobodys_share() -> None:
    life = Life(WITH_GATEWAY)
    life.need(GATEWAY, by=1)
    life.tick()
    for flooder in FLOODERS:
        assert life.flood(flooder) == SHARE
    life.need(GATEWAY, by=99)
    assert life.flood(100, count=SHARE) > 0 and GATEWAY in life.neighbours.asked(NET)
    assert len(life.neighbours.asked(NET)) == WAITING_AT_MOST + 1
    assert life.heard(GATEWAY, GATEWAY_MAC) == (True, [unresolved(1, GATEWAY, by=99)])


def test_the_gateway_is_asked_for_though_all_room_is_taken() -> None:
    life = Life(WITH_GATEWAY)
    for flooder in FLOODERS:
        life.flood(flooder)
    assert GATEWAY in life.tick()[1]


def test_a_clock_that_is_set_back_does_not_stop_it() -> None:
    life = Life()
    life.learn(NEIGHBOUR, NEIGHBOUR_MAC)
    life.now = 0.0
    assert life.tick(0.0) == (True, [NEIGHBOUR], [])


@pytest.mark.parametrize("gone", [QUIET, network()])
def test_what_is_remembered_is_told_once(gone: Network) -> None:
    life = Life(WITH_GATEWAY)
    life.learn(NEIGHBOUR, NEIGHBOUR_MAC)
    life.learn(GATEWAY, GATEWAY_MAC)
    notes = life.neighbours.notes(life.network)
    assert notes == {"neighbour/u-internet/203.0.113.1": GATEWAY_MAC, "neighbour/u-internet/203.0.113.200": NEIGHBOUR_MAC}
    assert life.neighbours.notes(life.network) == {}
    life.heard(NEIGHBOUR, OTHER_MAC)
    assert life.neighbours.notes(life.network) == {"neighbour/u-internet/203.0.113.200": OTHER_MAC}
    life.network = gone
    life.tick(SILENCE)
    assert life.neighbours.notes(gone) == dict.fromkeys(notes)


def test_what_is_remembered_is_known_again() -> None:
    notes = {"neighbour/u-internet/203.0.113.1": GATEWAY_MAC, "neighbour/u-other/203.0.113.7": OTHER_MAC, "gateways/u-up": "[]"}
    life = Life(WITH_GATEWAY, notes)
    assert life.macs == {GATEWAY: GATEWAY_MAC}
    assert life.tick() == (False, [], []), "as if heard just now"
    assert life.neighbours.notes(life.network) == {"neighbour/u-other/203.0.113.7": None}


def test_a_network_that_goes_is_forgotten_whole() -> None:
    life = Life()
    life.learn(NEIGHBOUR, NEIGHBOUR_MAC)
    life.need(NEIGHBOUR + 1)
    life.network = network()
    assert life.tick(speaking=False)[0] and NET not in life.neighbours.macs
    for _ in range(TRIES):
        assert not life.tick(speaking=False)[0]
    assert life.tick(speaking=False) == (False, [], [])
