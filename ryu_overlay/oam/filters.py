"""Which packets a capture wants, in the words of pcap-filter(7) as far as flows can say them, as OpenFlow matches.

`tcp port 80 and host 10.0.0.5` becomes one match for each way in which a packet can be that: a flow looks at source and target
separately. What no flow can match is refused by the word that asks for it. Knows words and fields; does not know any network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ryu_overlay.oam.filter_words import Terms, primitive
from ryu_overlay.openflow.fields import Field
from ryu_overlay.pipeline.table import Match

MAX_MATCHES = 64
"""Matches, hence flows, that one filter may become at each point."""
MAX_LENGTH = 500
"""Characters of the longest filter."""
MAX_DEPTH = 20
"""Brackets within brackets."""

_TOKEN = re.compile(r"\s*(\(|\)|&&|\|\||!|[^\s()&|!]+|.)")
_SPELLINGS = {"&&": "and", "||": "or", "!": "not"}


class FilterError(ValueError):
    """A filter that cannot be carried out. The message says which word of it, and why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A packet passes if one of `matches` is true of it. `text` is as the operator wrote it, "" for everything."""

    text: str
    matches: tuple[Match, ...]


EVERYTHING = Filter("", ({},))


def parse_filter(text: str) -> Filter:
    """Raises FilterError."""
    words = [_SPELLINGS.get(word, word) for word in _TOKEN.findall(text.rstrip())]
    if not words:
        return EVERYTHING
    if len(text) > MAX_LENGTH:
        raise FilterError(f"has {len(text)} characters; at most {MAX_LENGTH} are read")
    parser = _Parser(words)
    found = parser.conditions(0)
    if parser.words:
        raise FilterError(f"{parser.words[0]!r} is not expected here; join two conditions with 'and' or 'or'")
    if not found:
        raise FilterError("no packet can be all of that at once")
    return Filter(text, tuple(found))


class _Parser:
    """Reads words from the left. `and` and `or` bind alike there, as pcap-filter(7) has it."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def conditions(self, depth: int) -> list[Match]:
        found = self._condition(depth)
        while True:
            if self._take("and"):
                more = self._condition(depth)
                joined = (both(a, b) for a in found for b in more)
                found = [match for match in joined if match is not None]
            elif self._take("or"):
                found = [*found, *self._condition(depth)]
            else:
                return found
            found = _limited(_without_narrower(found))

    def _condition(self, depth: int) -> list[Match]:
        if self._take("not"):
            raise FilterError("'not' cannot be had: a flow matches what a packet is, not what it is not")
        if self._take("("):
            if depth == MAX_DEPTH:
                raise FilterError(f"'(': at most {MAX_DEPTH} are within each other")
            found = self.conditions(depth + 1)
            if not self._take(")"):
                raise FilterError("')' is missing" + (f" before {self.words[0]!r}" if self.words else ""))
            return found
        try:
            terms: Terms = primitive(self.words)
        except ValueError as error:
            raise FilterError(str(error)) from error
        return _limited(_without_narrower(terms))

    def _take(self, word: str) -> bool:
        if self.words[:1] != [word]:
            return False
        del self.words[0]
        return True


def _limited(matches: list[Match]) -> list[Match]:
    if len(matches) > MAX_MATCHES:
        raise FilterError(f"needs more than {MAX_MATCHES} flows at each point; say less in one filter")
    return matches


def both(a: Match, b: Match) -> Match | None:
    """What is both; None if nothing is."""
    joined = dict(a)
    for field, given in b.items():
        value, mask = _masked(field, given)
        there, bits = _masked(field, joined.get(field, (0, 0)))
        if (value ^ there) & mask & bits:
            return None
        whole = mask | bits
        joined[field] = value | there if whole == field.full else (value | there, whole)
    return joined


def _masked(field: Field, given: int | tuple[int, int]) -> tuple[int, int]:
    value, mask = given if isinstance(given, tuple) else (given, field.full)
    return value & mask, mask


def _without_narrower(matches: list[Match]) -> list[Match]:
    """The same packets with fewer matches: what another one takes in as well is left out."""
    kept: list[Match] = []
    for match in matches:
        if not any(_takes_in(other, match) for other in kept):
            kept = [other for other in kept if not _takes_in(match, other)]
            kept.append(match)
    return kept


def _takes_in(wide: Match, narrow: Match) -> bool:
    for field, given in wide.items():
        value, mask = _masked(field, given)
        there, bits = _masked(field, narrow.get(field, (0, 0)))
        if mask & ~bits or (value ^ there) & mask:
            return False
    return True
