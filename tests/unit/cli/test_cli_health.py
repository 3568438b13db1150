"""`overlayctl health`, `impact` and `depends` against this project's own REST: one screen, exit codes, streams, silences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ryu_overlay.cli import health_text, things
from ryu_overlay.cli.client import Client
from ryu_overlay.cli.commands import health
from ryu_overlay.cli.main import cli
from ryu_overlay.health.elements import SHAPES
from ryu_overlay.health.report import Silence
from ryu_overlay.northbound.service_health import BEAT_SECONDS
from tests.unit.cli.fake_rest import Run
from tests.unit.cli.test_cli_northbound import red, run, service  # noqa: F401
from tests.unit.northbound.memory import MemoryService
from tests.unit.northbound.memory_health import AT, DOWN, LOSSY, MISSING, OFF, SINCE, fault


def lines(result: Result) -> list[str]:
    """Its lines, with single blanks."""
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.output.splitlines()]


def test_one_screen(run: Run, service: MemoryService) -> None:  # noqa: F811
    service.health.silences = [Silence("element", "path hv1>hv2", AT + 5400, "new cable"), Silence("chassis", "hv9", None)]
    assert lines(run("health")) == [
        "LAYER STATE FAULTS WATCHED UNKNOWN BY",
        "underlay fault 2 0 0 what watches the underlay",
        "tunnel unknown 0 10 1 what watches the tunnel",
        "host ok 0 20 2 what watches the host",
        "virtual ok 0 30 3 what watches the virtual",
        "guest fault 1 40 4 what watches the guest",
        "",
        "lasting faults:",
        "FAULT LAYER WHAT SINCE (UTC) FOR HITS QUIET",
        "f3 underlay link hv2 carries nothing (came back 2 times) 2024-05-01 12:30:00 1m 33s "
        "2 tenants, 3 switches, 1 router, 2 ports, 1 floating IP -",
        "f2 underlay path hv1>hv2 loses some packets 2024-05-01 10:30:00 2h 1m 1 tenant, 2 ports silenced",
        "f4 guest port web-1 has no carrier: the guest is off 2024-05-01 12:31:00 33s nobody -",
        "",
        "faults that ended in the last hour:",
        "FAULT LAYER WHAT SINCE (UTC) LASTED HIT",
        "f1 virtual flow hv1 ls_in_lookup port red/web/web-1 was missing 2024-05-01 12:20:00 0.5s nobody",
        "",
        "silences:",
        "SILENCED UNTIL (UTC) LEFT REASON",
        "path hv1>hv2 2024-05-01 14:01:33 1h 30m new cable",
        "hv9 (maintenance) - - -",
    ]


def test_a_healthy_network_is_a_short_screen(run: Run, service: MemoryService) -> None:  # noqa: F811
    service.health.faults = ()
    assert lines(run("health"))[6:] == ["", "no lasting faults"]


def test_many_faults_stay_one_screen(run: Run, service: MemoryService) -> None:  # noqa: F811
    guests = tuple(fault(f"g{n}", "guest_off", f"port p{n}", SINCE) for n in range(30))
    over = tuple(fault(f"o{n}", "down", f"link hv{n}", SINCE, SINCE + 1) for n in range(12))
    service.health.faults = (*guests, *over, DOWN)
    told = lines(run("health"))
    assert told[9].startswith("f3 ") and told.count("and 11 more: overlayctl health --all") == 1
    assert "and 2 more: overlayctl health --all" in told and len(told) < 50
    assert sum(line.startswith(("g", "o")) for line in lines(run("health", "--all"))) == 43


@pytest.mark.parametrize(
    ("faults", "status"),
    [((), 0), ((OFF,), 0), ((LOSSY,), 0), ((MISSING,), 0), ((OFF, DOWN), 2), ((replace(LOSSY, quiet=""),), 2)],
)
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_check_fails_on_what_is_to_be_mended_and_not_quiet(
    run: Run,  # noqa: F811
    service: MemoryService,  # noqa: F811
    faults: Any,
    status: int,
    more: tuple[str, ...],
) -> None:
    service.health.faults = faults
    assert run("health", "--check", *more).exit_code == status
    assert run("health", *more).exit_code == 0


def test_explain_has_evidence_commands_and_everybody(run: Run) -> None:  # noqa: F811
    assert lines(run("health", "explain", "f3")) == [
        "link hv2 carries nothing",
        "",
        "fault f3",
        "layer underlay",
        "kind down",
        "element link hv2",
        "since (UTC) 2024-05-01 12:30:00",
        "raised (UTC) 2024-05-01 12:30:00",
        "came back 2",
        "quiet -",
        "",
        "evidence:",
        "evidence of f3",
        "",
        "to check it by hand:",
        "check f3",
        "",
        "hit:",
        "tenants blue, red",
        "switches blue/a, red/db, red/web",
        "routers red/r1",
        "ports b-1, web-1",
        "floating IPs red/r1/web",
    ]


def test_explain_of_what_is_over_and_of_a_guest_s_own(run: Run) -> None:  # noqa: F811
    told = lines(run("health", "explain", "f1"))
    assert "until (UTC) 2024-05-01 12:20:00" in told and "lasted 0.5s" in told and told[-1] == "nobody is hit"
    assert "whose the guest's own" in lines(run("health", "explain", "f4"))
    refused = run("health", "explain", "f9")
    assert (refused.exit_code, refused.output) == (1, "error: fault: there is no fault f9\n")


def stream(monkeypatch: pytest.MonkeyPatch, *pieces: bytes) -> None:
    """Have a stream give these bytes, and then Ctrl-C."""
    left = list(pieces)

    def read() -> bytes:
        if not left:
            raise KeyboardInterrupt
        return left.pop(0)

    @contextmanager
    def stream(*_: Any, **__: Any) -> Iterator[Any]:
        yield {}, read

    monkeypatch.setattr(Client, "stream", stream)


def test_watch_has_a_line_an_event_until_ctrl_c(run: Run, service: MemoryService, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    service.health.events = [DOWN, None, replace(DOWN, quiet="maintenance", flaps=3), replace(DOWN, until=SINCE + 75)]
    ended = run("health", "watch")
    assert (ended.exit_code, ended.stderr) == (1, "error: the controller ended the stream\n")
    hit = "2 tenants, 3 switches, 1 router, 2 ports, 1 floating IP"
    assert ended.stdout.splitlines() == [
        "2024-05-01 12:30:00 raised  f3 underlay: link hv2 carries nothing (came back 2 times); "
        f"since 2024-05-01 12:30:00; {hit}",
        "                    changed f3 underlay: link hv2 carries nothing (came back 3 times); "
        f"since 2024-05-01 12:30:00; {hit} (maintenance)",
        f"2024-05-01 12:31:15 ended   f3 underlay: link hv2 carries nothing (came back 2 times); lasted 1m 15s; {hit}",
    ]
    whole = json.loads(run("health", "watch", "--json").stdout.splitlines()[2])
    assert (whole["id"], whole["until"]) == ("f3", "2024-05-01T12:31:15Z")
    raw = json.dumps(whole).encode() + b"\n"
    stream(monkeypatch, b"\n", raw[:10], raw[10:], b"\n")
    result = run("health", "watch")
    assert (result.exit_code, len(result.output.splitlines())) == (0, 1)


def test_watching_outlasts_the_silence_of_a_healthy_network() -> None:
    assert health.PATIENCE >= 3 * BEAT_SECONDS


def test_silences_and_maintenance(run: Run, service: MemoryService) -> None:  # noqa: F811
    made = run("health", "silence", "vni", "red/web", "hv1>hv2", "--for", "2h", "--reason", "new cable")
    assert re.fullmatch(r"vni red/web hv1>hv2 is silenced until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n", made.output)
    [silence] = service.health.silences
    assert (silence.what, silence.name, silence.reason) == ("element", "vni red/web hv1>hv2", "new cable")
    assert run("health", "silence", "vni red/web hv1>hv2").output.endswith("is silenced until that is taken back\n")
    assert [s.until for s in service.health.silences] == [None]
    gone = run("health", "unsilence", "vni", "red/web", "hv1>hv2")
    assert (gone.exit_code, gone.output) == (0, "vni red/web hv1>hv2 is silenced no more\n")
    assert run("health", "maintenance", "hv1", "--for", "90").output.startswith("hv1 is under maintenance until 2")
    assert [(s.what, s.name) for s in service.health.silences] == [("chassis", "hv1")]
    assert run("health", "maintenance", "hv1", "--end").output == "maintenance of hv1 is over\n"
    assert service.health.silences == []


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("health silence link hv9", 1, "error: name: there is no hv9"),
        ("health silence cable 1", 1, "error: name: 'cable' is no kind of element"),
        ("health silence link hv1 --for 0", 1, "error: seconds: must be at least 1"),
        ("health unsilence link hv1", 1, "error: name: element link hv1 is not silenced"),
        ("health maintenance hv9", 1, "error: chassis: there is no chassis hv9"),
        ("health maintenance hv1 --end", 1, "error: name: chassis hv1 is not silenced"),
        ("health maintenance hv1 --end --for 1h", 2, "--end goes without --for"),
        ("health silence link hv1 --for soon", 2, "'soon' is no time such as 90s"),
        ("health --check plan", 2, "--check goes with `health` alone"),
        ("health silence", 2, "Missing argument 'ELEMENT'"),
        ("impact link hv9", 1, "error: element: there is no hv9"),
        ("impact tunnel hv1", 1, "error: element: tunnel needs 2 names: chassis, chassis"),
        ("depends web-9", 1, "error: port: there is no port web-9"),
    ],
)
def test_what_is_refused(run: Run, service: MemoryService, words: str, status: int, told: str) -> None:  # noqa: F811
    result = run(*words.split())
    assert result.exit_code == status and told in result.stderr, result.output
    assert service.health.silences == []


def test_impact_and_depends(run: Run, red: None) -> None:  # noqa: F811
    assert lines(run("impact", "link", "hv2"))[:2] == [
        "link hv2: 2 tenants, 3 switches, 1 router, 2 ports, 1 floating IP",
        "tenants blue, red",
    ]
    assert run("impact", "link hv1").output == "link hv1: nobody\n"
    assert run("depends", "web-1").output == "vnic hv2 web-1\nvni red/web hv1>hv2\n"


def test_the_plan(run: Run) -> None:  # noqa: F811
    assert run("health", "plan").output == "3 elements, 2 paths\nnot told apart: link hv1, chassis hv1\n"


@pytest.mark.parametrize(
    "words",
    [
        *("health", "health explain f3", "health plan", "health silence link hv1", "health maintenance hv2"),
        *("impact link hv2", "depends web-1"),
    ],
)
def test_json_is_what_rest_answered(run: Run, red: None, words: str) -> None:  # noqa: F811
    before, after = run(*words.split(), "--json"), run("--json", *words.split())
    assert before.exit_code == 0 and json.loads(before.output).keys() == json.loads(after.output).keys()
    assert json.loads(run("health", "--json", "plan").output)["lines"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("health ex", ["explain"]),
        ("health explain f", ["f4", "f3", "f2", "f1", "f0"]),
        ("health maintenance ", ["hv1", "hv2"]),
        ("health silence link", ["link", "link-in", "link-out"]),
        ("impact link-in h", ["hv1", "hv2"]),
        ("impact port ", ["web-1"]),
        ("impact tunnel ", ["hv1>hv2"]),
        ("impact pair ", ["hv1=hv2"]),
        ("impact router-port ", ["red/r1/up", "red/r1/web", "red/r2/down"]),
        ("impact link hv1 ", [""]),
        ("depends w", ["web-1"]),
    ],
)
def test_names_are_completed(run: Run, red: None, line: str, words: list[str]) -> None:  # noqa: F811
    typed = f"overlayctl {line}"
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1), "_OVERLAYCTL_COMPLETE": "bash_complete"}
    told = CliRunner().invoke(cli, [], env=asked, prog_name="overlayctl").output
    assert [word.partition(",")[2] for word in told.splitlines()] == words


def test_kinds_that_are_completed_are_those_that_can_break() -> None:
    spelled = {kind.replace("_", "-"): names for kind, names in SHAPES.items()}
    assert {*things.ON_CHASSIS, *things.BETWEEN, *things.OBJECTS} == set(spelled)
    assert {k for k, names in spelled.items() if names[0] == "chassis"} - set(things.BETWEEN) == set(things.ON_CHASSIS)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0s"),
        (-1.0, "0.0s"),
        (9.94, "9.9s"),
        (42.4, "42s"),
        (60.0, "1m"),
        (303.0, "5m 3s"),
        (7800.0, "2h 10m"),
        (3 * 86_400 + 59, "3d"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert health_text.duration(seconds) == text


@pytest.mark.parametrize(("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("30m", 1800.0), ("1.5h", 5400.0), ("1d", 86_400.0)])
def test_durations_as_typed(text: str, seconds: float) -> None:
    assert health_text.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1w", "1h30m", "1.2.3s", "٣h", "inf"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no time such as"):
        health_text.parse_duration(text)
