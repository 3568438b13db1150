"""Values as OVSDB's JSON has them (RFC 7047 section 5.1), and the strings that lists and ranges are kept in; pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Json = Any
JsonRow = dict[str, Json]
T = TypeVar("T")


def uuid_json(uuid: str) -> Json:
    """A reference to the row with this UUID."""
    return ["uuid", uuid]


def optional_json(value: Json | None) -> Json:
    """A column that holds one value or none."""
    return ["set", []] if value is None else value


def words(values: tuple[Any, ...]) -> str:
    return " ".join(map(str, values))


def parsed(make: Callable[[str], T], text: str) -> tuple[T, ...]:
    """The values in `words`. Raises ValueError as `make` does."""
    return tuple(make(word) for word in text.split())


def range_word(pair: tuple[Any, Any]) -> str:
    return f"{pair[0]}-{pair[1]}"


def parsed_range(make: Callable[[str], T]) -> Callable[[str], tuple[T, T]]:
    """Reads what `range_word` wrote; it raises ValueError as `make` does."""

    def read(word: str) -> tuple[T, T]:
        first, _, last = word.partition("-")
        return make(first), make(last)

    return read


def checked(text: str) -> str:
    """`text`, if OVSDB can hold it; its JSON knows neither U+0000 nor lone surrogates, and it hangs up on them.

    Raises ValueError if it cannot.
    """
    if "\0" in text:
        raise ValueError(f"{text!r} holds the character U+0000")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{text!r} is not Unicode text: {error}") from None
    return text
