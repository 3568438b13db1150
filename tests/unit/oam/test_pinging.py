"""What traces come to as pings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Literal, get_args

import pytest

from ryu_overlay.oam.pinging import GUEST, Echo, Summary, as_line, echo, summary, unsent
from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.verdicts import MEANINGS, Kind, Verdict
from ryu_overlay.oam.world import Unable
from tests.unit.oam.bridges import Bridges, arp_reply, host_outside

WEB, DB = "red-web-1", "red-db-3"


def report(sender: str = WEB, to: str = DB, serve: bool = True) -> Report:
    bridges = Bridges(outside=host_outside)
    if serve:
        bridges.serve()
    else:
        bridges.serve(by=arp_reply)
    return bridges.trace(sender, to, deliver=True)


def test_an_echo_has_the_times_of_its_parts() -> None:
    whole = report()
    found = echo(3, whole)
    assert (found.seq, found.kind, found.layer, found.reply) == (3, "ok", "none", "echo")
    there, back = whole.there.journey, whole.back.journey if whole.back else None
    assert back is not None and found.ms is not None and found.there_ms is not None and found.back_ms is not None
    assert found.there_ms == round((there.way()[-1].last.at - there.begun) * 1000, 3)
    assert found.back_ms == round((back.last_seen - back.begun) * 1000, 3)
    assert found.ms == round(found.there_ms + (found.guest_ms or 0) + found.back_ms, 3)


def test_a_router_answers_in_no_parts() -> None:
    found = echo(1, report(to="10.0.1.1"))
    assert found.kind == "ok" and found.ms is not None and found.ms > 0
    assert (found.there_ms, found.guest_ms, found.back_ms) == (None, None, None)


def test_an_answer_to_a_router_ends_at_its_border() -> None:
    found = echo(1, report("router:red/r1", "198.51.100.10"))
    assert found.kind == "ok" and found.guest_ms is not None and found.back_ms is None and found.ms is not None


def test_what_was_not_answered_has_no_time() -> None:
    found = echo(1, report(serve=False))
    assert found == Echo(1, "guest_silent", "guest", "handed to red-db-3 on hv3, which answers ARP but not this")
    lost = replace(report(), verdict=Verdict("lost_in_underlay", "lost"))
    assert echo(2, lost) == Echo(2, "lost_in_underlay", "physical", "lost")


@pytest.mark.parametrize("code", ["not_bound", "chassis_away"])
def test_one_that_could_not_be_sent(code: Literal["not_bound", "chassis_away"]) -> None:
    found = unsent(4, Unable("from", "hv1 is not connected", code))
    assert found.kind == code and found.layer == MEANINGS[found.kind][0] == "host"
    assert (found.seq, found.sentence, found.ms) == (4, "hv1 is not connected", None)


def one(kind: Kind, ms: float | None = None) -> Echo:
    return Echo(1, kind, MEANINGS[kind][0], "", ms)


def test_a_summary_tells_guests_from_the_network() -> None:
    kinds: tuple[Kind, ...] = ("guest_off", "guest_silent", "outside_silent", "lossy", "answered")
    echoes = [one("ok", 1.0), one("ok", 4.0), *map(one, kinds)]
    assert summary(echoes) == Summary(7, 2, 3, 2, 1.0, 2.5, 4.0)
    assert summary([one("ok", 1.0), one("ok", 1.0), one("ok", 2.0)]).avg_ms == 1.333
    assert summary([one("lossy")]) == Summary(1, 0, 0, 1, None, None, None)
    assert {MEANINGS[kind][0] for kind in GUEST if kind in get_args(Kind)} == {"guest", "none"}  # type: ignore[index]


def test_lines_are_json() -> None:
    told = as_line(one("ok", 1.5)), as_line(summary([]))
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in told)
    first, last = map(json.loads, told)
    assert (first["reply"], first["ms"], last["reply"], last["sent"], last["min_ms"]) == ("echo", 1.5, "summary", 0, None)
