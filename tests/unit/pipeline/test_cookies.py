"""A cookie says why its flow is there; every reason that the reference walk has, a flow can have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.model.objects import KEY_BITS, TENANT_KEY_BITS
from ryu_overlay.model.walk_values import AnswerKind, DropReason
from ryu_overlay.pipeline.cookies import DROP_BIT, DROP_MEANINGS, OURS_COOKIE, OURS_MASK, Feature, Why, is_ours, read_cookie

FLOWS_ANSWER = {AnswerKind.ARP_REPLY, AnswerKind.ECHO_REPLY}
ONLY_HERE = {
    *("UNKNOWN_IN_PORT", "UNKNOWN_VNI", "NOT_BOUND", "STALE_TUNNEL"),
    *("NAT_EXHAUSTED", "STANDBY", "NO_PATH"),
}
"""Drops that come from where things are and what is alive, which the walk does not know."""
ONLY_PUNTS = {"ARP", "UNRESOLVED", "NO_PATH"}
"""What goes to the controller because of what is learned on the wire, or measured."""
NEVER_ANSWERED = {"HEALTH"}
"""What goes to the controller and is the end of it there."""
OF_PROBES = {"SEEN", "CAUGHT", "CROSSED", "OBSERVED", "GUEST", "ECHO"}
"""What the controller is told of its own probes, of what they ask for, and of what captures look at."""

whys = st.builds(Why, st.sampled_from(Feature), st.integers(0, 2**TENANT_KEY_BITS - 1), st.integers(0, 2**KEY_BITS - 1))


@given(whys)
def test_it_is_read_as_it_was_written(why: Why) -> None:
    assert read_cookie(why.cookie) == why
    assert is_ours(why.cookie) and why.cookie & OURS_MASK == OURS_COOKIE
    assert why.cookie < 2**64
    assert bool(why.cookie & DROP_BIT) == why.feature.is_drop


@given(st.integers(0, 2**64 - 1) | st.integers(0, 2**48 - 1).map(lambda rest: OURS_COOKIE | rest))
def test_any_other_is_not_ours_or_means_nothing(cookie: int) -> None:
    why = read_cookie(cookie)
    assert (why is not None) == (is_ours(cookie) and cookie >> 40 & 0xFF in set(Feature))
    assert why is None or why.cookie == cookie


def test_every_drop_and_answer_of_the_walk_has_a_feature() -> None:
    punts = {f.name.removeprefix("PUNT_") for f in Feature if f.name.startswith("PUNT_")}
    drops = {f.name.removeprefix("DROP_") for f in Feature if f.is_drop}
    assert punts >= ONLY_PUNTS
    assert punts >= OF_PROBES
    punts -= ONLY_PUNTS | OF_PROBES
    assert {kind.name for kind in AnswerKind if kind not in FLOWS_ANSWER} == punts - NEVER_ANSWERED
    assert {reason.name for reason in DropReason} == (drops - ONLY_HERE) | punts
    assert drops >= ONLY_HERE


def test_names_tell_what_numbers_tell() -> None:
    for feature in Feature:
        assert feature.is_drop == feature.name.startswith("DROP_")
        assert (64 <= feature < 128) == feature.name.startswith("PUNT_")


def test_every_drop_has_a_meaning() -> None:
    assert DROP_MEANINGS.keys() == {f for f in Feature if f.is_drop}
    assert all(DROP_MEANINGS.values())
