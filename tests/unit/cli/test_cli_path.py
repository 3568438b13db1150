"""`overlayctl path` against this project's own REST: tables, verdicts, exit codes, and errors with the fields of the file."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mininet_topos.scenarios_out import WAY_OUT
from ryu_overlay.cli import hops
from ryu_overlay.cli.main import cli
from tests.unit.cli.fake_rest import Run
from tests.unit.cli.test_cli_northbound import run, service  # noqa: F401
from tests.unit.northbound.memory import MemoryService


@pytest.fixture
def way_out(run: Run) -> Iterator[Run]:  # noqa: F811
    """The scenario, loaded."""
    assert run("apply", "-", input=json.dumps(WAY_OUT.document)).exit_code == 0
    yield run


def red(**router: Any) -> str:
    """A file that changes red's router."""
    tenant = copy.deepcopy(WAY_OUT.document["tenants"][0])
    tenant["routers"][0] |= router
    return json.dumps(tenant)


def lines(result: Result) -> list[str]:
    """Its lines, with single blanks."""
    return [" ".join(line.split()) for line in result.output.splitlines()]


def test_there_and_back_one_line_a_hop(way_out: Run) -> None:
    result = way_out("path", "green-b-2", "198.51.100.10")
    assert result.exit_code == 0
    told = lines(result)
    assert told[1:3] == ["the way there:", "HOP AT PACKET BECOMES"]
    assert told[3] == "1 port green-b-2 sends 10.1.2.12 > 198.51.100.10 icmp echo request ttl 64 -"
    assert told[5] == "3 router green/r3: b to r2 10.1.2.12 > 198.51.100.10 icmp echo request ttl 64 -"
    assert told[9] == (
        "7 NAT green/r1/up out: snat green/r1/all 10.1.2.12 > 198.51.100.10 icmp echo request ttl 61 203.0.113.13 > 198.51.100.10"
    )
    back = told.index("the answer's way:")
    assert told[back + 3].startswith(
        "2 NAT green/r1/up in: snat green/r1/all (known) 198.51.100.10 > 203.0.113.13 icmp echo reply"
    )
    assert told[-1] == "yes: left by internet to 203.0.113.1; answer: delivered to green-b-2"


def test_a_load_balancer_says_its_choice(way_out: Run) -> None:
    told = lines(way_out("path", "red-web-1", "203.0.113.20", "--protocol", "tcp", "--port", "80"))
    assert any(
        line.startswith("3 load balancer red/public: member red/public/m1 10.0.1.11:49152 > 203.0.113.20:80 tcp") for line in told
    )
    assert told[-1] == "this is one of 3 ways (member red/public/m1 of 3); 3 of them lead there and back"


def test_no_is_exit_code_1_and_shows_the_error_s_way(way_out: Run) -> None:
    result = way_out("path", "outside:internet/198.51.100.10", "203.0.113.33", "--size", "1500", "--df")
    assert result.exit_code == 1
    told = lines(result)
    assert told[told.index("the answer's way:") + 2].startswith(
        "1 green/r1/up answers: fragmentation needed 203.0.113.13 > 198.51.100.10 icmp too large ttl 64 about"
    )
    assert told[-1].startswith("no: answered by router-port green/r1/up: ICMP fragmentation needed")
    result = way_out("path", "red-web-1", "10.0.2.11", "--source", "10.0.1.77")
    assert result.exit_code == 1 and "no: dropped at port red-web-1" in result.output


def test_an_answer_is_expected_or_not(way_out: Run) -> None:
    router = way_out("path", "red-web-1", "10.0.2.1")
    assert router.exit_code == 0 and "no answer is expected" not in router.output
    assert lines(router)[-1] == "yes: answered by router-port red/r1/web: ICMP echo reply; answer: delivered to red-web-1"
    flood = way_out("path", "red-web-1", "10.0.1.255")
    assert flood.exit_code == 0 and lines(flood)[-1] == "no answer is expected: it was flooded"


def test_before_and_after_a_change(way_out: Run) -> None:
    result = way_out("path", "red-web-1", "203.0.113.1", "--with", "-", input=red(snats=[]))
    assert result.exit_code == 1
    told = lines(result)
    assert "before the change, yes: left by internet to 203.0.113.1; answer: delivered to red-web-1" in told
    assert told[-1].startswith("after the change, no: dropped at the border of red/r1/up: no NAT rule covers it")
    assert way_out("path", "red-web-1", "red-db-1", "--with", "-", input=red(snats=[])).exit_code == 0


def test_which_pairs_a_change_stops(way_out: Run, tmp_path: Any) -> None:
    file = tmp_path / "change.json"
    file.write_text(red(snats=[]))
    result = way_out("path", "--with", str(file))
    assert result.exit_code == 1
    told = lines(result)
    assert told[0] == "CHANGE FROM TO PAIRS BEFORE AFTER"
    assert told[1].startswith("stops red-db-1, red-db-2, red-db-3 203.0.113.1 3 left by internet to 203.0.113.1 dropped at")
    assert told[-1] == "70 pairs of tenants red: 5 stop, 0 talk by some ways only, 0 start, 0 end otherwise"
    harmless = way_out("path", "--with", "-", input=red(routes=[{"prefix": "10.7.0.0/16", "nexthops": ["10.0.1.12"]}]))
    assert harmless.exit_code == 0 and harmless.output.startswith("no differences")


def test_json_is_what_rest_answered(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    result = way_out("path", "red-web-1", "10.0.2.77", "--json")
    assert result.exit_code == 1 and json.loads(result.output)["before"]["reason"] == "host_unreachable"
    assert json.loads(way_out("path", "red-web-1", "red-db-1", "--protocol", "47", "--json").output)["before"]["talks"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("", 2, "give FROM and TO"),
        ("red-web-1", 2, "give FROM and TO"),
        ("--with - --source 10.0.1.11", 2, "--source goes with FROM and TO"),
        ("nobody red-db-1", 1, "error: from: there is no port nobody"),
        ("red-web-1 red-db-1 --protocol tcp", 1, "error: port: is required with tcp and udp"),
        ("red-web-1 red-db-1 --protocol gre", 1, "error: protocol: must be icmp, tcp, udp, or a number from 0 to 255"),
        ("red-web-1 red-db-1 --with /nowhere/at-all", 2, "No such file"),
    ],
)
def test_what_is_wrong_is_said(way_out: Run, words: str, code: int, said: str) -> None:
    result = way_out("path", *words.split(), input="{}")
    assert result.exit_code == code and said in result.output, result.output


def test_what_is_wrong_in_the_file_is_named_as_in_the_file(way_out: Run) -> None:
    wrong = red(snats=[{"name": "x", "prefixes": ["ten"]}])
    for words in (["red-web-1", "red-db-1"], []):
        result = way_out("path", *words, "--with", "-", input=wrong)
        assert result.exit_code == 1 and result.output.startswith("error: routers[0].snats[0].prefixes[0]: ten is not"), (
            result.output
        )
    assert "not JSON" in way_out("path", "--with", "-", input="{").output


def test_senders_are_completed(way_out: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"COMP_WORDS": "overlayctl path ", "COMP_CWORD": "2", "_OVERLAYCTL_COMPLETE": "bash_complete"}
    told = CliRunner().invoke(cli, [], env=words, prog_name="overlayctl").output
    assert "plain,red-web-1" in told and "outside:internet" in told


def test_packets_of_every_kind_have_words() -> None:
    macs = {"eth_src": "02:00:00:00:00:01", "eth_dst": "ff:ff:ff:ff:ff:ff"}
    bare: dict[str, Any] = {**macs, "src": None, "dst": None, "protocol": "0x86dd"}
    bare |= {"ports": None, "icmp": None, "ttl": None, "size": None, "df": False, "later_fragment": False, "about": None}
    assert hops.packet(bare) == "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff 0x86dd"
    ip = {**bare, "src": "10.0.0.1", "dst": "10.0.0.2", "protocol": "icmp", "ttl": 3}
    assert hops.packet({**ip, "icmp": [13, 0]}) == "10.0.0.1 > 10.0.0.2 icmp type 13 code 0 ttl 3"
    assert hops.packet({**ip, "size": 99, "df": True, "later_fragment": True}).endswith("ttl 3 size 99 df later fragment")
    error = {**ip, "icmp": [3, 1], "about": {**ip, "protocol": "udp", "ports": [1, 2]}}
    assert hops.packet(error) == "10.0.0.1 > 10.0.0.2 icmp host unreachable ttl 3 about 10.0.0.1:1 > 10.0.0.2:2"
    hop = {"kind": "nat", "name": "r/up", "after": error, "direction": "out", "rule": None, "known": False}
    assert hops.becomes({**hop, "packet": error}) == "", "the same is no translation"
    hop["packet"] = {**error, "about": ip}
    assert hops.place(hop) == "NAT r/up out" and hops.becomes(hop) == "10.0.0.1 > 10.0.0.2 about 10.0.0.1:1 > 10.0.0.2:2"
