"""`overlayctl trace` against this project's own REST: verdict, hops and tunnels, marks where ways part, exit codes, --tenant."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ryu_overlay.cli import tables, trace_text
from ryu_overlay.oam.observed import SeenHop
from ryu_overlay.oam.tracer import Report
from ryu_overlay.oam.verdicts import MEANINGS, Verdict
from tests.unit.cli.fake_rest import Run
from tests.unit.cli.test_cli_northbound import run, service  # noqa: F401
from tests.unit.cli.test_cli_path import lines, way_out  # noqa: F401
from tests.unit.northbound.canned_trace import CHASSIS, lost
from tests.unit.northbound.memory import MemoryService


def test_verdict_first_then_a_line_a_hop(way_out: Run) -> None:  # noqa: F811
    result = way_out("trace", "red-web-1", "red-db-3")
    assert result.exit_code == 0
    told = lines(result)
    assert told[0] == "ok: delivered to red-db-3; an answer from there comes back"
    assert told[2:10] == [
        "the way there:",
        "HOP MS CHASSIS AT PACKET",
        "1 0 hv-alpha port red-web-1 sends 10.0.1.11 > 10.0.2.13 icmp echo request ttl 64",
        "2 1 hv-alpha switch red/web -",
        "3 2 hv-alpha router red/r1: web to db -",
        "4 3 hv-alpha switch red/db 10.0.1.11 > 10.0.2.13 icmp echo request ttl 63",
        "5 3.25 hv-alpha hv-alpha => hv-beta vni 7340001 sent 3.2 ms received 3.8 ms -",
        "6 4 hv-beta port red-db-3 gets -",
    ]
    assert "the answer's way:" in told and told[-1] == "28 bytes, 12.5 ms in all"


def test_translations_show_before_and_after(way_out: Run) -> None:  # noqa: F811
    told = lines(way_out("trace", "green-b-2", "198.51.100.10"))
    [nat] = [line for line in told if "NAT green/r1/up out" in line]
    assert "NAT green/r1/up out: snat green/r1/all 10.1.2.12 > 198.51.100.10 icmp" in nat
    assert nat.endswith("icmp echo request ttl 61 => 203.0.113.13 > 198.51.100.10")
    [external] = [line for line in told[: told.index("the answer's way:")] if "external network internet" in line]
    assert external.endswith("internet -"), "it has not changed since"


def test_what_is_not_translated_becomes_nothing(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    def untouched(good: Report) -> Report:
        return changed(good, 6, after=good.there.expected.hops[6].packet)

    service.spoil = untouched
    [nat] = [line for line in lines(way_out("trace", "green-b-2", "198.51.100.10")) if "NAT green/r1/up out" in line]
    assert "=>" not in nat


def test_lost_in_a_tunnel(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.spoil = lost
    result = way_out("trace", "red-web-1", "red-db-3")
    told = lines(result)
    assert result.exit_code == 1
    assert told[0] == "physical: lost between hv-alpha and hv-beta (tunnel sent, not received)"
    assert told[-5:-2] == [
        "5 3.25 hv-alpha hv-alpha => hv-beta vni 7340001 sent 3.2 ms, not received -",
        "- - - nothing more <-- expected: port red-db-3 gets -",
        "sent 3 times, lost 3 times",
    ]


def changed(good: Report, number: int, **changes: Any) -> Report:
    """A report with one place of the way there seen otherwise."""
    seen = list(good.there.seen)
    place = seen[number]
    assert isinstance(place, SeenHop)
    seen[number] = replace(place, hop=replace(place.hop, **changes))
    return replace(good, there=replace(good.there, seen=tuple(seen)))


def test_where_ways_part_is_marked(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.spoil = lambda good: changed(good, 2, out_port="up")
    told = lines(way_out("trace", "red-web-1", "red-db-3"))
    assert told[6] == "3 2 hv-alpha router red/r1: web to up <-- expected: router red/r1: web to db -"
    assert sum("<--" in line for line in told) == 1

    service.spoil = lambda good: changed(good, 3, packet=replace(good.there.expected.hops[3].packet, ttl=7))
    told = lines(way_out("trace", "red-web-1", "red-db-3"))
    assert "switch red/db <-- expected: 10.0.1.11 > 10.0.2.13 icmp echo request ttl 63 10.0.1.11" in told[7]

    def longer(good: Report) -> Report:
        return replace(good, there=replace(good.there, seen=(*good.there.seen, good.there.seen[-1])))

    service.spoil = longer
    assert "port red-db-3 gets <-- expected: no more" in way_out("trace", "red-web-1", "red-db-3").output


def test_flows(way_out: Run) -> None:  # noqa: F811
    told = lines(way_out("trace", "red-web-1", "red-db-3", "--flows"))
    at = told.index("flows on the way there:")
    assert told[at + 1 : at + 3] == [
        "HOP CHASSIS TABLE PRIORITY FEATURE OBJECT COOKIE",
        "1 hv-alpha ls_in_lookup 20 routing red-web-1 0x0e7a090003000042",
    ]
    assert "flows" not in way_out("trace", "red-web-1", "red-db-3").output


def test_what_is_sent(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    options = "--protocol tcp --port 80 --source-port 1234 --size 900 --ttl 9 --df --source 10.0.1.99 --deliver"
    assert way_out("trace", "red-web-1", "red-db-3", *options.split()).exit_code == 0
    [(start, full_size, deliver)] = service.traced
    body: Any = start.packet.body
    assert (str(body.src), body.proto, body.l4, body.size, body.ttl, body.df) == ("10.0.1.99", 6, (1234, 80), 900, 9, True)
    assert (full_size, deliver) == (None, True)
    assert way_out("trace", "red-web-1", "red-db-3", "--protocol", "47").exit_code == 0
    assert service.traced[-1][0].packet.body.proto == 47  # type: ignore[union-attr]


def test_json_is_what_rest_said(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.spoil = lost
    result = way_out("trace", "red-web-1", "red-db-3", "--json")
    assert (result.exit_code, json.loads(result.output)["verdict"]["kind"]) == (1, "lost_in_underlay")


def test_full_sized_packets_have_a_line_of_their_own(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.spoil = lambda good: replace(good, full_size=replace(good.verdict, sentence="so did larger ones"))
    assert lines(way_out("trace", "red-web-1", "red-db-3"))[1] == "packets of full size: ok: so did larger ones"
    hole = Verdict("mtu_hole", "lost between hv-alpha and hv-beta: packets above 1400 bytes do not pass", "back", *CHASSIS)
    service.spoil = lambda good: replace(good, verdict=hole, full_size=hole)
    result = way_out("trace", "red-web-1", "red-db-3")
    assert result.exit_code == 1 and result.output.count("1400") == 1
    assert lines(result)[0].startswith("physical, on the way back: lost between")


@pytest.mark.parametrize("kind", MEANINGS)
def test_exit_codes(way_out: Run, service: MemoryService, kind: Any) -> None:  # noqa: F811
    service.spoil = lambda good: replace(good, back=None, verdict=Verdict(kind, "so it is"))
    result = way_out("trace", "red-web-1", "red-db-3")
    assert result.exit_code == (0 if kind in ("ok", "answered") else 1)
    first = lines(result)[0]
    assert first.partition(":")[0] not in ("none", "") and "so it is" in first
    assert first.endswith("(as intended)") == (kind in ("answered", "dropped"))


def test_tunnels_in_words() -> None:
    crossing = {"kind": "tunnel", "chassis": "hv1", "peer": "hv3", "vni": 5, "sent_ms": 1.21, "received_ms": 1.42, "flows": []}

    def told(**more: Any) -> str:
        hop = {**crossing, "received_by": None, "own_vni": True, **more}
        return str(next(trace_text.rows({"hops": [hop], "parts_at": None}))[3])

    assert told() == "hv1 => hv3 vni 5 sent 1.2 ms received 1.4 ms"
    assert told(received_by="hv2") == "hv1 => hv3 vni 5 sent 1.2 ms received 1.4 ms by hv2"
    assert told(own_vni=False) == "hv1 => hv3 vni 5 sent 1.2 ms received 1.4 ms, but nothing in its own VNI"
    assert told(own_vni=None, received_ms=None) == "hv1 => hv3 vni 5 sent 1.2 ms, not received"


def test_as_a_tenant(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.spoil = lost
    result = way_out("trace", "red-web-1", "red-db-3", "--tenant", "red", "--flows")
    told = lines(result)
    assert told[0] == "provider: the provider's network lost it between switch red/db and port red-db-3"
    assert told[3:5] == ["HOP MS AT PACKET", "1 0 port red-web-1 sends 10.0.1.11 > 10.0.2.13 icmp echo request ttl 64"]
    assert told[8] == "- - nothing more <-- expected: port red-db-3 gets -"
    assert not [word for word in ("hv-", "7340001", "0x0e7a") if word in result.output]
    refused = way_out("trace", "blue-web-1", "red-db-3", "--tenant", "red")
    assert (refused.exit_code, refused.output) == (1, "error: from: there is no port blue-web-1\n")
    path = way_out("path", "blue-web-1", "203.0.113.20", "--protocol", "tcp", "--port", "80", "--tenant", "blue")
    assert path.exit_code == 0 and "outside" in path.output and "red" not in path.output.replace("delivered", "")
    assert way_out("path", "--with", "-", "--tenant", "red", input="tenants: []").exit_code == 2


def test_narrow_terminals_lose_nothing(way_out: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """A table that is folded holds the same words."""
    monkeypatch.setattr(tables, "PIPED_WIDTH", 60)
    result = way_out("trace", "green-b-2", "198.51.100.10")
    assert max(map(len, result.output.splitlines())) <= max(60, len(result.output.splitlines()[0]))
    assert {"=>", "snat", "green/r1/all"} <= set(result.output.split())
