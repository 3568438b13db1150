"""The shell of routers and switches: words, abbreviations, errors that do not end it, and what it prints."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter

from ryu_overlay.cli import shell
from ryu_overlay.cli.answers import Failed
from ryu_overlay.cli.commands import router as router_command
from ryu_overlay.cli.commands import switch as switch_command
from ryu_overlay.cli.main import PROGRAM, cli
from ryu_overlay.cli.session import Session
from ryu_overlay.cli.shell import Command, Device, completions, resolve
from tests.unit.cli.fake_rest import FakeRest, Json, Run
from tests.unit.northbound.memory_devices import MemoryDevices

ROOT = Path(__file__).parents[3]
R1, WEB = ("red", "r1"), ("red", "web")
DEVICES = MemoryDevices()
ANSWERS: dict[str, Any] = {
    "routers/r1/table": DEVICES.routes(R1, None),
    "routers/r1/arp": DEVICES.neighbours(R1),
    "routers/r1/interfaces": DEVICES.router_interfaces(R1),
    "routers/r1/nat": DEVICES.nat(R1),
    "routers/r1/nat/translations": DEVICES.translations(R1, 2.0),
    "routers/r1/balancers": DEVICES.balancers(R1),
    "routers/r1/log": DEVICES.log("router", R1, 100),
    "switches/web/macs": DEVICES.macs(WEB),
    "switches/web/interfaces": DEVICES.switch_interfaces(WEB),
    "switches/web/arp": DEVICES.switch_neighbours(WEB),
    "switches/web/log": DEVICES.log("switch", WEB, 100),
}


@pytest.fixture
def devices(red: FakeRest, monkeypatch: pytest.MonkeyPatch) -> FakeRest:
    """The fake controller with tenant red, whose router and switch answer as REST would."""
    plain = red.answer

    def answer(method: str, path: str, query: Json, body: Any) -> tuple[int, Json | None]:
        value = ANSWERS.get(path.removeprefix("/v1/tenants/red/"))
        if value is None or red.problem:
            return plain(method, path, query, body)
        assert is_dataclass(value)
        red.asked.append((method, path, query, body))
        return 200, json.loads(TypeAdapter(type(value)).dump_json(value))

    monkeypatch.setattr(red, "answer", answer)
    return red


def typed(*lines: str, name: str = "red/r1", kind: str = "router") -> list[str]:
    """What the shell prints for these lines, without a terminal."""
    result = CliRunner().invoke(cli, [kind, name], input="\n".join(lines) + "\n", prog_name=PROGRAM)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


@pytest.mark.parametrize(
    ("words", "meant", "rest"),
    [
        ("show ip route", "show ip route", ()),
        ("sh ip ro", "show ip route", ()),
        ("s i r 10.0.2.5", None, ()),
        ("sh ip r 10.0.2.5", "show ip route", ("10.0.2.5",)),
        ("show int web ch", "show interfaces", ("web", "ch")),
        ("sh nat", "show nat", ()),
        ("sh na tr 5", "show nat translations", ("5",)),
        ("sh lo 5", "show logging", ("5",)),
        ("sh l", None, ()),
        ("show", None, ()),
        ("shw", None, ()),
        ("show nat 5", None, ()),
        ("show ip route 10.0.2.5 now", None, ()),
    ],
)
def test_words_are_understood_as_far_as_they_are_clear(words: str, meant: str | None, rest: tuple[str, ...]) -> None:
    if meant is None:
        with pytest.raises(click.UsageError):
            resolve(router_command.COMMANDS, words.split())
    else:
        command, behind = resolve(router_command.COMMANDS, words.split())
        assert (" ".join(command.words), behind) == (meant, rest)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sh l", "'l' is ambiguous: lb, logging"),
        ("sh i", "'i' is ambiguous: ip, interfaces"),
        ("show", "incomplete; after 'show' comes: ip, arp, interfaces, nat, lb, logging"),
        ("show me", "unknown: me; after 'show' comes: ip, arp, interfaces, nat, lb, logging"),
        ("reload", "unknown: reload; here comes: ping, trace, show"),
        ("show nat 5", "'5' is too much; it is: show nat"),
    ],
)
def test_what_is_not_understood_says_what_would_be(words: str, said: str) -> None:
    with pytest.raises(click.UsageError) as error:
        resolve(router_command.COMMANDS, words.split())
    assert error.value.message == said


def test_one_command_without_a_prompt(run: Run, devices: FakeRest) -> None:
    result = run("router", "red/r1", "sh", "ip", "ro")
    assert result.exit_code == 0
    assert result.output.splitlines()[3:] == [
        "C    10.0.1.0/24 is directly connected, web  on hv1 !! missing on hv2",
        "!! hv2, 10.0.1.0/24: missing: table=40",
        "!! hv1 has a flow that is not ours: table=40,priority=1,cookie=0x0,actions=drop",
        "% hv2 did not answer: what is there is not known",
    ]
    assert [asked[1] for asked in devices.asked] == ["/v1/tenants/red/routers/r1/table"]


def test_json_is_what_rest_said(run: Run, devices: FakeRest) -> None:
    result = run("router", "red/r1", "show", "arp", "--json")
    assert json.loads(result.output)["neighbours"][1]["source"] == "asked"
    assert json.loads(result.output)["neighbours"][0] == json.loads(
        json.dumps(asdict(DEVICES.neighbours(R1).neighbours[0]), default=str)
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("router", "red/r1", "show"), 2, "incomplete"),
        (("router", "red/r1", "--bogus"), 2, "unknown: --bogus"),
        (("router", "red"), 2, "a router is named TENANT/ROUTER"),
        (("router", "red/r9"), 1, "there is no r9"),
        (("switch", "red/web", "show", "ip", "route"), 2, "unknown: ip"),
        (("router", "red/r1", "show", "nat", "translations", "31"), 2, "SECONDS must be a number from 1 to 30"),
        (("router", "red/r1", "show", "logging", "all"), 2, "LINES must be a number from 1 to 1000"),
        (("router", "red/r1", "show", "interfaces", "eth0"), 2, "there is no interface eth0; there are: web"),
    ],
)
def test_wrong_usage(run: Run, devices: FakeRest, words: tuple[str, ...], code: int, said: str) -> None:
    result = run(*words)
    assert result.exit_code == code and said in result.stderr


def test_questions_go_with_their_arguments(run: Run, devices: FakeRest) -> None:
    run("router", "red/r1", "show", "ip", "route", "10.0.1.5")
    run("router", "red/r1", "show", "logging", "7")
    run("router", "red/r1", "show", "nat", "tr", "5")
    assert [asked[2] for asked in devices.asked] == [{"address": "10.0.1.5"}, {"lines": "7"}, {"seconds": "5"}]


def test_the_prompt_goes_on_after_whatever_goes_wrong(devices: FakeRest) -> None:
    printed = typed("show me", "", "show interfaces eth0", "show lb", "exit", "show arp")
    assert printed[0].startswith("% unknown: me")
    assert printed[1] == "% there is no interface eth0; there are: web"
    assert printed[2].startswith("www: 203.0.113.20:80/tcp")
    assert not any(asked[1].endswith("/arp") for asked in devices.asked)


def test_refusals_and_faults_are_said_and_do_not_end_it(devices: FakeRest, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise Failed("it broke off")

    def bug(*_: Any) -> None:
        raise KeyError("x")

    commands = (Command(("away",), away, ""), Command(("bug",), bug, ""))
    monkeypatch.setattr(router_command, "COMMANDS", commands)
    assert typed("away", "bug", "away") == ["% it broke off", "% KeyError: 'x'", "% it broke off"]


def test_help_at_every_depth(devices: FakeRest) -> None:
    assert typed("?") == typed("help")
    assert any(line.startswith("  show ip route [ADDRESS]") for line in typed("?"))
    assert [line.split("  ")[1] for line in typed("show nat ?")] == ["show nat", "show nat translations [SECONDS]"]
    assert typed("show nothing ?")[0].startswith("% unknown: nothing")


def test_an_interrupt_at_the_prompt_is_no_end(devices: FakeRest, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[BaseException | str] = [EOFError(), "show logging", KeyboardInterrupt()]

    def read(prompt: str) -> str:
        line = lines.pop()
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", read)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert typed() == ["^C", "nothing happened to it since the controller started"]


@pytest.mark.parametrize(
    ("before", "begun", "offered"),
    [
        ("", "s", ["show"]),
        ("", "", ["ping", "trace", "show", "exit", "help"]),
        ("show", "i", ["ip", "interfaces"]),
        ("sh ip", "", ["route"]),
        ("show interfaces", "", ["web", "up", "chassis"]),
        ("show interfaces web", "c", ["chassis"]),
        ("show interfaces web chassis", "", []),
        ("show nat", "", ["translations"]),
        ("show nothing", "", []),
    ],
)
def test_tab_completes(devices: FakeRest, before: str, begun: str, offered: list[str]) -> None:
    device = Device("router", R1)
    assert completions(Session(), device, router_command.COMMANDS, before.split(), begun) == offered


def test_completion_is_silent_without_a_controller(devices: FakeRest) -> None:
    nowhere = Session()
    nowhere.url = "http://127.0.0.1:9"
    assert completions(nowhere, Device("router", R1), router_command.COMMANDS, ["show", "arp"], "") == []


ROUTER_SAYS = {
    "show arp": [
        "Address      Age (s)  Hardware address   Type      Interface  Whose  Bound on  Installed",
        "203.0.113.1  2        02:aa:00:00:00:01  learned   up         -      -         on hv1",
        "203.0.113.9  -        incomplete         asked 2x  up         -      -         -",
        "% hv2 did not answer: what is there is not known",
    ],
    "show arp 203.0.113.9": [
        "Address      Age (s)  Hardware address  Type      Interface  Whose  Bound on  Installed",
        "203.0.113.9  -        incomplete        asked 2x  up         -      -         -",
        "% hv2 did not answer: what is there is not known",
    ],
    "show interfaces web chassis": [
        "web is up, attached to switch red/web",
        "  Hardware address is 02:00:00:00:00:01, internet address is 10.0.1.1/24",
        "  MTU 1450 bytes",
        "  10 packets input, 1000 bytes",
        "    hv1: 10 packets, 1000 bytes",
        "  0 packets output, 0 bytes",
        "    hv2: 0 packets, 0 bytes",
        "    !! its counter is missing or altered on hv2: what passed there is not counted",
        "  Dropped directed_broadcast on hv1: 1 packets, 60 bytes",
        "% hv2 did not answer: what is there is not known",
    ],
    "show nat": [
        "Uplink up into internet, 203.0.113.50/24, carried by hv1; gateways hv1,hv2",
        "",
        "Source NAT  Inside       Outside       Ports       Begun  Installed",
        "out         10.0.1.0/24  203.0.113.50  1024-65535  7      on hv1",
        "",
        "Floating IP  Outside       Inside     Port   Translated on  Begun  Installed",
        "web          203.0.113.51  10.0.1.11  web-1  hv1            2      !! missing on hv2",
        "Dropped nat_exhausted on hv1: 1 packets, 60 bytes",
        "!! hv2, web: missing: table=40",
        "% hv2 did not answer: what is there is not known",
    ],
    "show nat translations": [
        "Pro  Inside           Outside             Peer              Begun   Packets  Chassis  Rule",
        "tcp  10.0.1.11:40000  203.0.113.50:40000  198.51.100.10:80  inside  12       hv1      snat out",
        "What carried traffic in 2 s; what was silent is not shown.",
    ],
    "show lb": [
        "www: 203.0.113.20:80/tcp, check http, on hv1",
        "  Member  Server          State  Weight  Begun  Share  Bound on  Reason  Installed",
        "  a       10.0.1.11:8080  up     1       5      100%   hv1       -       on hv1",
        "% hv2 did not answer: what is there is not known",
    ],
    "show ip route 10.0.1.5": [
        "Routing entry for 10.0.1.0/24",
        '  Known via "connected"',
        "  * directly connected, via web",
        "  Installed on hv1 !! missing on hv2",
        "  Matched 10 packets, 1000 bytes",
        "!! hv2, 10.0.1.0/24: missing: table=40",
        "!! hv1 has a flow that is not ours: table=40,priority=1,cookie=0x0,actions=drop",
        "% hv2 did not answer: what is there is not known",
    ],
}
SWITCH_SAYS = {
    "show mac": [
        "Mac address        Type  Whose          Addresses  Bound on  Interface  OpenFlow port  Installed",
        "02:00:00:00:01:0b  port  red/web/web-1  10.0.1.11  hv1       tap0       5              on hv1 !! missing on hv2",
        "!! hv2, 02:00:00:00:01:0b: missing: table=40",
        "% hv2 did not answer: what is there is not known",
    ],
    "show mac web-2": [
        "Mac address  Type  Whose  Addresses  Bound on  Interface  OpenFlow port  Installed",
        "% hv2 did not answer: what is there is not known",
    ],
    "show arp": [
        "Address  Hardware address  Whose  Bound on  Answered",
        "% hv2 did not answer: what is there is not known",
    ],
    "show logging": ["nothing happened to it since the controller started"],
}


@pytest.mark.parametrize("line", ROUTER_SAYS)
def test_what_a_router_says(devices: FakeRest, line: str) -> None:
    assert typed(line) == ROUTER_SAYS[line]


@pytest.mark.parametrize("line", SWITCH_SAYS)
def test_what_a_switch_says(devices: FakeRest, line: str) -> None:
    assert typed(line, kind="switch", name="red/web") == SWITCH_SAYS[line]


def test_a_terminal_has_a_prompt_and_completes(devices: FakeRest) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "ryu_overlay.cli.main", "router", "red/r1"]
    env = {**os.environ, "TERM": "dumb", "INPUTRC": os.devnull}
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, cwd=ROOT, env=env) as child:
        os.close(follower)

        def until(words: bytes) -> bytes:
            said = b""
            while words not in said:
                assert select.select([leader], [], [], 20)[0], said
                said += os.read(leader, 1024)
            return said

        try:
            until(b"red/r1> ")
            os.write(leader, b"sh lo\t")
            until(b"sh logging")
            os.write(leader, b"\n")
            until(b"since the controller started\r\nred/r1> ")
            os.write(leader, b"\x04")
            assert child.wait(20) == 0
        finally:
            child.kill()
            os.close(leader)


def test_every_command_is_explained() -> None:
    for commands in (router_command.COMMANDS, switch_command.COMMANDS):
        assert all(c.help and bool(c.arguments) == bool(c.most) for c in commands)
        assert len({c.words for c in commands}) == len(commands)
    assert shell.LEAVE and not {c.words[0] for c in router_command.COMMANDS} & {*shell.LEAVE, *shell.HELP}
