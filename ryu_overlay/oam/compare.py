"""What a change would do to who can talk to whom, without a packet: every question before and after, told where it differs.

Bounded: at most MAX_QUESTIONS are gone through, each by at most MAX_WAYS equal ways, and no more once the caller has had enough;
what was left out is counted. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ryu_overlay.model.network import Network
from ryu_overlay.model.walk import Facts
from ryu_overlay.oam.expected import outcome_of
from ryu_overlay.oam.questions import Question, Questions, tenants_concerned
from ryu_overlay.oam.start import Traffic, Unsendable, check
from ryu_overlay.oam.trip import trips, verdict

MAX_QUESTIONS = 4_000
MAX_WAYS = 8
"""Combinations of choices that are gone through for one question."""
MAX_NAMED = 10
"""Names of ports or other ends that are told for one difference."""

Talks = Literal["yes", "partly", "no"]
"""By all of its ways, by some, by none."""
Change = Literal["stops", "starts", "partly", "otherwise"]
"""They talk no more; they talk now; by some of their ways only, now; whether they talk is as before, but it ends elsewhere or for
another reason."""
CHANGES: tuple[Change, ...] = ("stops", "partly", "starts", "otherwise")


@dataclass(frozen=True, slots=True)
class Finding:
    """What comes of one pair's packet and the answer to it, by all its ways (`ways`; `complete`: there are no more).

    `ends` are the places where the packet itself ends. `reason` and `sentence` are of the first way that fails, else of the
    first; `reason` is None where nothing is wrong, and an Unsendable's code where it would not even be sent. `sentence` may be
    the answer's, and then says so.
    """

    talks: Talks
    reason: str | None
    sentence: str
    ends: tuple[str, ...] = ()
    ways: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """A group of pairs that a change makes a difference to. At most MAX_NAMED of its `senders` and `targets` are named."""

    change: Change
    senders: tuple[str, ...]
    sender_count: int
    targets: tuple[str, ...]
    target_count: int
    pairs: int
    before: Finding
    after: Finding


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, worst first. `pairs` were asked about, by `questions` that each stand for pairs that come to the same;
    `left_out` more pairs were not. `counts` are pairs by change."""

    tenants: tuple[str, ...]
    pairs: int
    questions: int
    left_out: int
    counts: dict[Change, int]
    differences: tuple[Difference, ...]


def compare(
    before: Network,
    after: Network,
    traffic: Traffic,
    facts: Facts,
    go_on: Callable[[], bool] = lambda: True,
    most: int = MAX_QUESTIONS,
) -> Comparison:
    """Ask every question of the tenants that the change touches. `go_on` is asked between questions.

    Raises Unsendable when the traffic itself cannot be.
    """
    check(traffic)
    tenants = tenants_concerned(before, after)
    questions = Questions(before, after, tenants)
    found: list[Difference] = []
    asked = pairs = 0
    for question in islice(questions, most):
        if not go_on():
            break
        asked += 1
        pairs += question.pairs
        difference = _difference(question, *(ask(network, question, traffic, facts) for network in (before, after)))
        if difference is not None:
            found.append(difference)
    found.sort(key=lambda difference: CHANGES.index(difference.change))
    counts = {change: sum(d.pairs for d in found if d.change == change) for change in CHANGES}
    return Comparison(tenants, pairs, asked, questions.pairs - pairs, counts, tuple(found))


def ask(network: Network, question: Question, traffic: Traffic, facts: Facts) -> Finding:
    """What comes of a question in one network."""
    try:
        start = question.start(network, traffic, facts)
    except Unsendable as error:
        return Finding("no", error.code, f"not sent: {error.reason}")
    found, complete = trips(network, start, facts, MAX_WAYS)
    verdicts = [verdict(trip) for trip in found]
    outcomes = [outcome_of(trip.there) for trip in found]
    ends = tuple(sorted({outcome.at or outcome.sentence for outcome in outcomes}))
    bad = next((v for v in verdicts if not v.talks), None)
    if bad is None:
        return Finding("yes", None, outcomes[0].sentence, ends, len(found), complete)
    talks: Talks = "partly" if any(v.talks for v in verdicts) else "no"
    said = f"answer: {bad.outcome.sentence}" if bad.part == "answer" else bad.outcome.sentence
    return Finding(talks, bad.outcome.reason, said, ends, len(found), complete)


def _difference(question: Question, before: Finding, after: Finding) -> Difference | None:
    change = _change(before, after)
    if change is None:
        return None
    senders, targets = question.senders, tuple(target.name for target in question.targets)
    named = (senders[:MAX_NAMED], len(senders), targets[:MAX_NAMED], len(targets))
    return Difference(change, *named, question.pairs, before, after)


def _change(before: Finding, after: Finding) -> Change | None:
    if before.talks == after.talks:
        same = (before.ends, before.reason) == (after.ends, after.reason)
        return None if same else "otherwise"
    by_talks: dict[Talks, Change] = {"yes": "starts", "partly": "partly", "no": "stops"}
    return by_talks[after.talks]
