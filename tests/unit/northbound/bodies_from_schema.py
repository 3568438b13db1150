"""Hypothesis strategies from JSON schemas: values that fit, and the same with a few things made wrong."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

POOL = (
    *("red", "blue", "web", "db", "web-1", "web-2", "r1", "r2", "up", "down", "r1/up", "r2/down", "r1/web"),
    *("10.0.1.0/24", "10.0.2.0/24", "10.0.1.1/24", "100.64.0.1/30", "100.64.0.2/30", "10.9.0.0/16", "0.0.0.0/0"),
    *("internet", "physnet1", "lan", "out", "g-1", "g-2", "www", "a", "hv1", "hv2", "203.0.113.0/24", "203.0.113.9/24"),
    *("203.0.113.1", "203.0.113.20", "203.0.113.50", "203.0.113.77", "203.0.113.50-203.0.113.99", "20000-20010"),
    *("10.0.1.11", "10.0.1.12", "10.0.2.5", "100.64.0.2", "02:00:00:00:01:0b", "02:00:00:00:00:01", "02:00:00:00:09:09"),
)
"""Texts that mean something in the network the tests start from: what fits a schema is drawn from here as often as not."""

JUNK: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(min_value=10**18, max_value=10**40),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20),
        st.sampled_from(["", "::1", "2001:db8::1/64", "x" * 5000, "\x00", "10.0.0.1/33", "256.1.1.1", "../..", "a/b/c", "null"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


class Bodies:
    """Strategies for the schemas of one OpenAPI document."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._made: dict[str, st.SearchStrategy[Any]] = {}

    def fitting(self, schema: Json) -> st.SearchStrategy[Any]:
        """Values that fit `schema`."""
        if "$ref" in schema:
            ref = schema["$ref"]
            if ref not in self._made:
                self._made[ref] = st.deferred(
                    lambda: self.fitting(self._document["components"]["schemas"][ref.rpartition("/")[2]])
                )
            return self._made[ref]
        if "anyOf" in schema:
            return st.one_of([self.fitting(each) for each in schema["anyOf"]])
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return st.one_of([self._of_type(kind, schema) for kind in kinds])

    def near(self, schema: Json) -> st.SearchStrategy[Any]:
        """Values that fit but for up to three places."""
        return st.builds(
            _spoilt, self.fitting(schema), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 3), JUNK), max_size=3)
        )

    def _of_type(self, kind: str, schema: Json) -> st.SearchStrategy[Any]:
        if kind == "object":
            required = set(schema.get("required", ()))
            members = {name: self.fitting(each) for name, each in schema.get("properties", {}).items()}
            return st.fixed_dictionaries(
                {n: s for n, s in members.items() if n in required},
                optional={n: s for n, s in members.items() if n not in required},
            )
        if kind == "array":
            return st.lists(self.fitting(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if kind == "string":
            return _text(schema)
        if kind == "integer":
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 10**6))
        if kind == "number":
            return st.floats(schema.get("minimum", 0), schema.get("maximum", 10**6))
        return {"boolean": st.booleans(), "null": st.none()}[kind]


def _text(schema: Json) -> st.SearchStrategy[str]:
    pattern = schema.get("pattern")
    if pattern is None:
        return st.text(max_size=30)
    # ECMA's $ is the very end; Python's also stands before a last newline.
    pattern = pattern.removeprefix("^").removesuffix("$")
    known = [text for text in POOL if re.fullmatch(pattern, text)]
    drawn = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    return st.one_of(st.sampled_from(known), drawn) if known else drawn


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a value with each of its keys or indexes."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _spoilt(value: Any, faults: list[tuple[int, int, Any]]) -> Any:
    """A copy of `value` with each fault done to the place its number picks: replaced, removed, doubled, joined."""
    holder = [copy.deepcopy(value)]
    for number, what, junk in faults:
        places = list(_places(holder))
        container, key = places[number % len(places)]
        if what == 0:
            container[key] = junk
        elif what == 1 and container is not holder:
            del container[key]
        elif what == 2 and isinstance(container, list) and container is not holder:
            container.append(container[key])
        elif isinstance(container, dict):
            container["colour"] = junk
    return holder[0]
