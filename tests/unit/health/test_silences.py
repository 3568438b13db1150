"""Silences as text, and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.health.report import Silence
from ryu_overlay.health.silences import Silences

silences = st.builds(
    Silence, st.sampled_from(("element", "chassis")), st.text(min_size=1), st.none() | st.floats(10, 1e10), st.text()
)


@given(st.lists(silences))
def test_they_are_remembered(said: list[Silence]) -> None:
    first, second = Silences(), Silences()
    for silence in said:
        first.silence(silence)
    second.load(first.dump())
    assert second.at(0.0) == first.at(0.0)


documents = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(("element", "hv1")),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(("what", "name", "until", "reason")), inner),
)


@given(st.text() | documents.map(json.dumps))
def test_what_cannot_be_read_is_left_out(text: str) -> None:
    said = Silences()
    said.load(text)
    said.load('[{"what": "chassis", "name": "hv1", "until": null, "reason": ""}, {"what": "chassis"}, 5]')
    assert Silence("chassis", "hv1", None) in said.at(0.0)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, *(f'[{{"what": "chassis", "name": "a", "until": {u}, "reason": ""}}]' for u in ("true", "Infinity"))]
)
def test_what_is_no_silence_is_left_out(text: str) -> None:
    said = Silences()
    said.load(text)
    assert said.at(0.0) == ()
