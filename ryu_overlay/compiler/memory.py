"""What was compiled before, by scope, so that only what changed is compiled again.

Inputs are immutable and shared between versions, so "did not change" is `is`; small plain values are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Make = Callable[..., Any]
Scope = tuple[Any, ...]


class Values(tuple[Any, ...]):
    """A tuple of plain values, to be compared as such."""

    __slots__ = ()


_PLAIN = frozenset({int, str, bool, frozenset, Values})


class Memory:
    """Results of `recall` by scope, each with the inputs it was made from."""

    def __init__(self) -> None:
        self._kept: dict[Scope, tuple[tuple[Any, ...], Any]] = {}
        self._prune_at = 10_000

    def recall(self, scope: Scope, inputs: tuple[Any, ...], make: Make) -> Any:
        """What `make(*inputs)` gives, made again only if an input is not the one of last time."""
        kept = self._kept.get(scope)
        if kept is None or len(kept[0]) != len(inputs) or not all(map(_same, kept[0], inputs)):
            kept = (inputs, make(*inputs))
            self._kept[scope] = kept
        return kept[1]

    def prune(self, alive: Mapping[int, Any]) -> None:
        """Once it has doubled, forget scopes that name the key of an object that is no more, and all of whole components."""
        if len(self._kept) < self._prune_at:
            return
        gone = [
            s
            for s in self._kept
            if s[0] in ("inputs", "part", "borders") or any(isinstance(x, int) and x not in alive for x in s)
        ]
        for scope in gone:
            del self._kept[scope]
        self._prune_at = max(10_000, 2 * len(self._kept))


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) in _PLAIN and a == b)
