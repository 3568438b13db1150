"""When what a burst of probes lost is enough to say that a direction loses packets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ryu_overlay.health.counted import Loss
from ryu_overlay.health.direction import Direction
from ryu_overlay.health.elements import ANY
from ryu_overlay.health.evidence import Evidence, Host, Shot
from ryu_overlay.health.underlay import bad_shots, ends_at

PAIR = ("hv1", "hv2")
NOW = 100.0
BEGAN = 95.0


def evidence(lost: int, *replugged: float, first: float = BEGAN) -> Evidence:
    hosts = {name: Host(name, True, True) for name in ("hv1", "hv2", "hv3")}
    hosts["hv2"] = replace(hosts["hv2"], replugged=replugged)
    shots = {PAIR: Shot(lost, 240, BEGAN, first)}
    return Evidence(NOW, hosts, directions={(*PAIR, False): Direction()}, shots=shots)


def losing(vni: int, a: str, b: str, share: float = 0.01) -> Loss:
    return Loss((vni, a, b), 20, round(20 / share), share, 90.0, 5.0)


@pytest.mark.parametrize(("lost", "told"), [(0, False), (1, False), (2, True), (12, True), (230, False)])
def test_two_are_enough_and_nearly_all_is_another_matter(lost: int, told: bool) -> None:
    assert (PAIR in bad_shots(evidence(lost))) == told


@pytest.mark.parametrize(("at", "told"), [(BEGAN - 2, True), (BEGAN, False), (BEGAN + 1, False), (BEGAN + 4, True)])
def test_while_a_port_comes_or_goes_a_few_are_not_enough(at: float, told: bool) -> None:
    assert (PAIR in bad_shots(evidence(3, at))) == told
    assert PAIR in bad_shots(evidence(12, at)), "so many are"


def test_the_more_ports_come_and_go_the_more_may_be_lost_by_it() -> None:
    churn = [BEGAN + n / 10 for n in range(20)]
    assert PAIR not in bad_shots(evidence(12, *churn, first=BEGAN - 10))
    assert PAIR in bad_shots(evidence(40, *churn))


@pytest.mark.parametrize(
    ("key", "told"), [((0, ANY, "hv2"), True), ((0, "hv1", ANY), True), ((0, "hv2", ANY), False), ((0, ANY, "hv1"), False)]
)
def test_one_is_enough_where_tenants_lose_some(key: tuple[int, str, str], told: bool) -> None:
    assert (PAIR in bad_shots(replace(evidence(1), ends=(losing(*key),)))) == told
    assert PAIR in bad_shots(replace(evidence(1), losses=(losing(7, *PAIR),)))


def test_a_network_that_loses_all_says_nothing_of_the_others() -> None:
    found = replace(evidence(1), ends=(losing(0, ANY, "hv2", 0.3),))
    assert PAIR in bad_shots(found)
    assert PAIR not in bad_shots(replace(found, losses=(losing(7, "hv3", "hv2", 1.0),)))
    assert PAIR not in bad_shots(replace(found, vni_shots={(7, "hv3", "hv2"): Shot(20, 20, BEGAN, BEGAN)}))


def test_where_the_sum_of_a_chassis_may_have_been_lost() -> None:
    assert ends_at(losing(0, ANY, "hv2"), PAIR) and ends_at(losing(0, "hv1", ANY), PAIR)
    assert not ends_at(losing(0, "hv2", ANY), PAIR)
