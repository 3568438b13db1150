"""The conformance suite as a whole: its cases as rows of docs/icmp.md, its results as rows of the evidence. Knows no lab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.acceptance.icmp_case import Case
from tests.acceptance.icmp_cases import CASES
from tests.acceptance.icmp_judge import Result
from tests.acceptance.icmp_overall import OVERALL, Overall
from tests.acceptance.icmp_tools import TOOLS, Tool

ALL: tuple[Case | Overall | Tool, ...] = (*CASES, *OVERALL, *TOOLS)
ABSENT = "not run"


def cases() -> str:
    """Each case: what is done, what it rests on, what has to come of it."""
    return _table(("case", "what", "RFC", "right is"), ((f"`{case.id}`", case.what, case.rfc, case.text) for case in ALL))


def results(ours: Sequence[Result], ovn: Sequence[Result]) -> str:
    """Each case with what came of it; `ovn` is empty where OVN is not installed."""
    said: Mapping[str, str] = {result.name: result.said for result in ovn}
    rows = ((f"`{case.id}`: {case.what}", case.rfc, r.said, said.get(case.id, ABSENT)) for case, r in zip(ALL, ours))
    return _table(("case", "RFC", "ours", "OVN"), rows)


def summary(results: Sequence[Result]) -> str:
    """How many are right, and how many more are but for what senders get on with."""
    right, usable = sum(result.right for result in results), sum(result.usable for result in results)
    slight = f", and {usable - right} but for TTL, precedence, length of the quote or too small an MTU" if usable > right else ""
    return f"{right} of {len(results)}{slight}"


def wrong(results: Iterable[Result]) -> list[str]:
    """Those that are not right, each with what is not."""
    return [f"{result.name}: {result.said}" for result in results if not result.right]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))
