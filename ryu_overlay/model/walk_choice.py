"""Choices on the way of the reference walk, where a hash of the connection decides in the data plane; and all of them in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

Option = TypeVar("Option")
Result = TypeVar("Result")


class Choose(Protocol):
    """Picks one of several equal-cost next hops, of a NAT rule's addresses, or of a load balancer's members in service.

    Asked once for each such set and connection.
    """

    def __call__(self, options: tuple[Option, ...], /) -> Option: ...


def first(options: tuple[Option, ...], /) -> Option:
    """The choice of the first."""
    return options[0]


def every(take: Callable[[Choose], Result]) -> frozenset[Result]:
    """What `take` gives, for every way to choose in it. There may be as many as the product of all that could be chosen."""
    found: set[Result] = set()
    untried: list[tuple[int, ...]] = [()]
    while untried:
        script = Script(untried.pop())
        found.add(take(script))
        untried += script.alternatives
    return frozenset(found)


class Script:
    """Chooses as given, then always the first; `alternatives` are the scripts that would have chosen otherwise from there."""

    def __init__(self, choices: tuple[int, ...]) -> None:
        self.alternatives: list[tuple[int, ...]] = []
        self._choices = list(choices)
        self._asked = 0

    def __call__(self, options: tuple[Option, ...], /) -> Option:
        if self._asked == len(self._choices):
            self.alternatives += [(*self._choices, other) for other in range(1, len(options))]
            self._choices.append(0)
        self._asked += 1
        return options[self._choices[self._asked - 1]]
