"""Desired beside installed: what is asked for, and the words for what differs."""

from __future__ import annotations

import pytest

from ryu_overlay.oam.standing import OnChassis, Question, Report, beyond, doubts, standings, wanted
from ryu_overlay.openflow.actions import Instructions, Output, ToGroup
from ryu_overlay.openflow.fields import ETH_DST, IN_PORT, METADATA
from ryu_overlay.openflow.flow import Flow, Group, make_match
from ryu_overlay.openflow.replies import InstalledFlow
from ryu_overlay.pipeline.cookies import Feature, Why

COOKIE = Why(Feature.ROUTING, 1, 5).cookie
ONE = Flow(40, 7, make_match({METADATA: 9, IN_PORT: 1}), Instructions((Output(3),)), COOKIE)
TWO = Flow(40, 7, make_match({METADATA: 9, IN_PORT: 2}), Instructions((ToGroup(4),)), COOKIE)
GROUP = Group(4, ((Output(1),),))
WHOLE = (1 << 64) - 1


def there(flow: Flow, packets: int = 0, **changed: object) -> InstalledFlow:
    value = (int(str(changed.get("cookie", flow.cookie))), changed.get("instructions", flow.value[1]))
    return InstalledFlow(flow.key, value, packets, 10 * packets)  # type: ignore[arg-type]


def report(*seen: InstalledFlow, groups: dict[int, tuple[int, bytes]] | None = None) -> Report:
    desired = {flow.key: flow for flow in (ONE, TWO)}
    return Report("hv1", desired, {4: GROUP}, {flow.key: flow for flow in seen}, groups)


def on(given: Report) -> OnChassis:
    ((found,),) = standings([given], lambda flow: "it").values()
    return found


@pytest.mark.parametrize(
    ("question", "covers"),
    [
        (Question(), True),
        (Question(40), True),
        (Question(41), False),
        (Question(40, make_match({METADATA: 9})), True),
        (Question(40, make_match({METADATA: 8})), False),
        (Question(40, make_match({METADATA: 9, ETH_DST: 1})), False),
        (Question(cookie=COOKIE, mask=WHOLE), True),
        (Question(cookie=COOKIE + 1, mask=WHOLE), False),
        (Question(cookie=COOKIE ^ 2, mask=WHOLE ^ 2), True),
    ],
)
def test_a_question_covers_what_a_switch_would_tell(question: Question, covers: bool) -> None:
    assert question.covers(ONE) is covers
    assert (ONE.key in wanted([question], [ONE])) is covers


def test_all_there() -> None:
    assert on(report(there(ONE, 2), there(TWO, 3))) == OnChassis("hv1", "installed", 5, 50, 2)
    assert on(report(there(ONE), there(TWO), groups={4: GROUP.value})).state == "installed"


def test_the_worst_counts_and_is_told() -> None:
    gone = on(report(there(ONE, 2)))
    assert (gone.state, gone.packets) == ("missing", 2) and gone.detail[0].startswith("missing: table=40")
    altered = on(report(there(ONE, instructions=b""), there(TWO)))
    assert altered.state == "altered" and [line.split(":")[0] for line in altered.detail] == ["is", "should be"]
    assert on(report(there(ONE, cookie=0))).state == "missing"
    assert on(report(there(ONE, cookie=0), there(TWO))).state == "altered"


def test_groups_that_flows_lead_to_count() -> None:
    assert on(report(there(ONE), there(TWO), groups={})).state == "missing"
    assert on(report(there(ONE), there(TWO), groups={4: (1, b"")})).state == "altered"


def test_who_did_not_answer_is_not_known() -> None:
    silent = Report("hv1", {ONE.key: ONE})
    assert on(silent) == OnChassis("hv1", "unknown")
    assert list(beyond([silent])) == [] and doubts(silent, [Question()], 9) == []


def test_only_what_was_asked_for_by_cookie_is_looked_for_again() -> None:
    by_cookie, by_match = Question(cookie=COOKIE, mask=WHOLE), Question(40, make_match({METADATA: 9}))
    (again,) = doubts(report(there(ONE)), [by_cookie], 9)
    assert again.covers(TWO) and again.mask == 0
    assert doubts(report(there(ONE)), [by_cookie, by_match], 9) == []
    assert len(doubts(report(), [by_cookie], 1)) == 1


def test_what_nobody_wants_is_told_unless_it_looks_for_a_while() -> None:
    other = Flow(40, 1, (), Instructions(), 0x99)
    stale = Flow(40, 2, (), Instructions(), COOKIE)
    looking = Flow(40, 3, (), Instructions(), Why(Feature.PUNT_OBSERVED, key=1).cookie)
    found = list(beyond([report(*(there(flow) for flow in (ONE, other, stale, looking)))]))
    assert [(b.what, b.table) for b in found] == [("foreign", 40), ("extra", 40)]
