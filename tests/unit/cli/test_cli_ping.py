"""`overlayctl ping` against this project's own REST: what is asked, a line an echo, sums, exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from ryu_overlay.cli.client import Client
from ryu_overlay.cli.commands import ping
from ryu_overlay.cli.main import cli
from ryu_overlay.oam.pinging import GUEST, Echo, Summary, as_line, summary
from ryu_overlay.oam.world import Unable
from tests.unit.cli.fake_rest import Run
from tests.unit.cli.test_cli_northbound import run, service  # noqa: F401
from tests.unit.cli.test_cli_path import way_out  # noqa: F401
from tests.unit.northbound.memory import MemoryService

GOOD = [Echo(1, "ok", "none", "delivered", 1.25, 0.5, 0.25, 0.5), Echo(2, "ok", "none", "answered", 0.75)]
SILENT = Echo(3, "guest_silent", "guest", "handed to red-db-1 on hv1, which answers ARP but not this")
LOST = Echo(4, "lost_in_underlay", "physical", "lost between hv1 and hv3 (tunnel sent, not received)")


def test_a_line_an_echo_and_the_sums(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.echoes = [*GOOD, summary(GOOD)]
    result = way_out("ping", "red-web-1", "red-db-1")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "1: 1.25 ms (there 0.50, guest 0.25, back 0.50)",
        "2: 0.75 ms",
        "",
        "2 sent, 2 answered, 0 met with silence, 0 lost by the network; min/avg/max 0.75/1.00/1.25 ms",
    ]


def test_silence_and_loss_are_told_apart(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.echoes = [SILENT, LOST, summary([SILENT, LOST])]
    result = way_out("ping", "red-web-1", "red-db-1")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "3: guest silent: handed to red-db-1 on hv1, which answers ARP but not this",
        "4: physical: lost between hv1 and hv3 (tunnel sent, not received)",
        "",
        "2 sent, 0 answered, 1 met with silence, 1 lost by the network",
    ]


def test_what_is_asked(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.echoes = [GOOD[1]]
    words = "ping router:red/r1 10.0.2.11 -c 3 -i 0.5 -s 1400 --ttl 9 --df --source 10.0.1.1 --chassis hv2"
    assert way_out(*words.split()).exit_code == 0
    [(start, *asked)] = service.pinged
    body: Any = start.packet.body
    assert asked == [3, 0.5, "hv2"]
    assert (start.at, str(body.src), body.size, body.ttl, body.df) == (("red", "r1"), "10.0.1.1", 1400, 9, True)


def test_json_is_handed_on_line_by_line(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.echoes = [*GOOD, SILENT, summary([*GOOD, SILENT])]
    result = way_out("ping", "red-web-1", "red-db-1", "--json")
    assert result.exit_code == 1 and result.output.encode() == b"".join(map(as_line, service.echoes))


def test_what_cannot_be_sent(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    refused = way_out("ping", "red-web-1", "nobody")
    assert (refused.exit_code, refused.output.startswith("error: to: ")) == (1, True)
    service.unable = Unable("from", "port red-web-1 is bound on no chassis", "not_bound")
    refused = way_out("ping", "red-web-1", "red-db-1")
    assert (refused.exit_code, refused.output) == (1, "error: from: port red-web-1 is bound on no chassis\n")


def test_ctrl_c_ends_with_the_sums_so_far(way_out: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    pieces = [as_line(GOOD[0])[:20], as_line(GOOD[0])[20:] + as_line(LOST)]

    def read() -> bytes:
        if not pieces:
            raise KeyboardInterrupt
        return pieces.pop(0)

    @contextmanager
    def stream(*_: Any) -> Iterator[Any]:
        yield {}, read

    monkeypatch.setattr(Client, "stream", stream)
    result = way_out("ping", "red-web-1", "red-db-1")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == (
        "2 sent, 1 answered, 0 met with silence, 1 lost by the network; min/avg/max 1.25/1.25/1.25 ms"
    )


def test_as_a_tenant(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.echoes = [*GOOD, SILENT, LOST, summary([*GOOD, SILENT, LOST])]
    told = way_out("ping", "red-web-1", "red-db-1", "--tenant", "red").output
    assert told.splitlines()[:4] == [
        "1: 1.25 ms (there 0.50, guest 0.25, back 0.50)",
        "2: 0.75 ms",
        "3: guest silent: handed to the VM, which is there (it answers ARP) and does not answer this",
        "4: provider: the provider's network lost it",
    ]
    others = way_out("ping", "red-web-1", "203.0.113.32", "--tenant", "red").output
    assert others.splitlines()[0] == "1: 1.25 ms", "how long another's guest takes is not told"
    assert others.splitlines()[2].startswith("3: outside silent: ")
    assert "blue" not in others and "hv" not in told + others
    assert way_out("ping", "router:red/r1", "10.0.2.11", "--tenant", "red").output.startswith("1: 1.25 ms")
    for words in (
        "router:blue/r1 10.0.2.11",
        "blue-web-1 10.0.2.11",
        "red-web-1 10.0.2.11 --chassis hv1",
        "red-web-1 blue-web-1",
    ):
        refused = way_out("ping", *words.split(), "--tenant", "red")
        assert refused.exit_code == 1 and refused.output.startswith("error: "), words


def test_senders_are_completed(way_out: Run) -> None:  # noqa: F811
    words = {"COMP_WORDS": "overlayctl ping ", "COMP_CWORD": "2", "_OVERLAYCTL_COMPLETE": "bash_complete"}
    told = CliRunner().invoke(cli, [], env=words, prog_name="overlayctl").output
    assert {"plain,red-web-1", "plain,router:red/r1", "plain,router:red/r1/up"} <= set(told.splitlines())
    assert "outside:" not in told


def test_sums_are_those_of_rest() -> None:
    assert ping.SILENT == GUEST
    echoes = [*GOOD, SILENT, LOST]
    of_rest = json.loads(as_line(summary(echoes)))
    assert {"reply": "summary", **ping.summary([json.loads(as_line(echo)) for echo in echoes])} == of_rest
    assert isinstance(summary([]), Summary) and ping.summary([])["min_ms"] is None


@pytest.mark.parametrize("command", ["ping", "pi"])
def test_a_router_pings_from_where_one_stands(way_out: Run, service: MemoryService, command: str) -> None:  # noqa: F811
    service.echoes = [GOOD[1], summary(GOOD[1:])]
    result = way_out("router", "red/r1", command, "10.0.2.11", "-c", "1")
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "2: 0.75 ms")
    [(start, count, *_)] = service.pinged
    assert (start.at, count) == (("red", "r1"), 1)


def test_a_ping_that_fails_does_not_end_the_prompt(way_out: Run, service: MemoryService) -> None:  # noqa: F811
    service.echoes = [SILENT, summary([SILENT])]
    result = way_out("router", "red/r1", input="ping 10.0.2.11\nping\nshow nonsense\n")
    assert result.exit_code == 0
    silent, _, _, missing, unknown = result.output.splitlines()
    assert "guest silent" in silent and "Missing argument" in missing and unknown.startswith("% ")
