"""A request's body: from bytes to the fields it gives, or to the reason why not.

JSON is taken strictly (RFC 8259, and of its interoperability advice: unique names, no NaN, no lone surrogates, bounded
depth and size), because whatever a parser silently mends is something the operator did not mean.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from ryu_overlay.northbound.http import JSON
from ryu_overlay.northbound.problems import BODY, invalid, problem, shown
from ryu_overlay.northbound.shape import MAX_FAULTS, Faults, TooManyFaults

MAX_ITEMS = 1_000_000
"""Objects, lists and commas of one body: about what 200,000 ports have. Bounds the time that one request can take."""
MAX_FIELDS = 64
"""Fields of one object; no shape has a quarter of that."""


class _Unfit(ValueError):
    """An object that JSON's grammar allows, but nobody can have meant: which field, and the reason."""


def check_type(content_type: str) -> None:
    """Raises HttpProblem 415 unless the content type is JSON in UTF-8 (which JSON always is, RFC 8259 section 8.1)."""
    kind, _, rest = content_type.partition(";")
    if kind.strip().lower() != JSON:
        raise problem(415, "Content-Type", f"must be {JSON}")
    for parameter in rest.lower().split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') != "utf-8":
            raise problem(415, "Content-Type", "JSON is UTF-8")


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Raises HttpProblem: 400 when it is malformed, 413 when it has too many items, 422 when it is
    no object."""
    if raw.count(b"{") + raw.count(b"[") + raw.count(b",") > MAX_ITEMS:
        raise problem(413, BODY, f"has more than {MAX_ITEMS} values")
    try:
        # The first parser is the strict one (depth, UTF-8, surrogates, size of numbers); only the second sees a name given twice.
        from_json(raw, allow_inf_nan=False, cache_strings="none")
        value = json.loads(raw, object_pairs_hook=_once)
    except _Unfit as error:
        raise problem(400, *error.args) from error
    except ValueError as error:
        raise problem(400, BODY, f"malformed JSON: {error}") from error
    if not isinstance(value, dict):
        raise problem(422, BODY, "must be a JSON object")
    return value


def given(model: type[BaseModel], value: dict[str, Any]) -> dict[str, Any]:
    """The fields that `value` gives, converted, without those that are read-only. Raises HttpProblem 422."""
    try:
        return model.model_validate(value, context=Faults()).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise invalid(error) from error
    except TooManyFaults as error:
        raise problem(422, BODY, f"has more than {MAX_FAULTS} wrong values, among them {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_FIELDS:
        raise _Unfit(shown(pairs[MAX_FIELDS][0]), f"is one too many: an object has at most {MAX_FIELDS} fields")
    value = dict(pairs)
    if len(value) < len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise _Unfit(shown(name), "is given twice in one object")
    return value
