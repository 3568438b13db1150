"""What only shows from outside: exit codes without a controller, start-up, completion, the reference."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ryu_overlay.cli.reference import reference
from tests.unit.cli.fake_rest import FakeRest, Run

ROOT = Path(__file__).parents[3]


def overlayctl(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ryu_overlay.cli.main", *words]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def test_nobody_at_the_url() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = overlayctl("list", "--url", url)
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == f"error: no controller at {url}: connection refused\n"


@pytest.mark.parametrize("answer", [("text/html", b"<html>"), ("application/json", b"{"), ("application/json", b"\xff")])
def test_something_else_at_the_url(run: Run, rest: FakeRest, answer: tuple[str, bytes]) -> None:
    rest.raw = answer
    result = run("list")
    assert result.exit_code == 3 and result.stderr.startswith("error: no controller at http://127.0.0.1:")


def test_an_answer_that_breaks_off_leaves_the_write_in_doubt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "ryu_overlay.cli.main", "add", "tenant", "red", "--url", url]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = listener.accept()
            connection.recv(1)
            connection.close()
            _, said = process.communicate(timeout=20)
    assert process.returncode == 1 and "broke off" in said and "not known" in said


def test_the_url_is_taken_before_and_after_the_command(rest: FakeRest) -> None:
    url = os.environ["OVERLAY_URL"]
    for words in (("--url", url, "list"), ("list", "--url", url)):
        assert overlayctl(*words, OVERLAY_URL="http://127.0.0.1:1").stdout == "no tenants\n"


def test_help_loads_nothing_that_is_slow_to_load() -> None:
    script = "import sys; from ryu_overlay.cli.main import cli; cli(['--help'], standalone_mode=False); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(result.stdout.splitlines()[-1].split())
    assert "click" in loaded
    assert not loaded & {"asyncio", "eventlet", "http.client", "json", "pydantic", "rich", "ryu", "urllib.request"}
    assert not any(module.startswith("ryu_overlay.cli.commands.") for module in loaded)


def test_a_closed_pipe_is_no_traceback(red: FakeRest) -> None:
    # More than fits in a pipe (64 KiB), so that the command is still writing when nobody reads any more.
    red.tenants[0]["switches"][0]["ports"] *= 1500
    command = f"{shlex.quote(sys.executable)} -m ryu_overlay.cli.main list ports | head -1"
    result = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("PORT") and result.stderr == ""


COMPLETIONS = {
    "overlayctl sh": ["show"],
    "overlayctl show sw": ["switch"],
    "overlayctl show switch r": ["red/web"],
    "overlayctl show port ": ["web-1", "red/web/web-1"],
    "overlayctl set router-port red/r1/u": ["red/r1/up"],
    "overlayctl add port red": ["red/web"],
    "overlayctl add router-port red/r1 x --switch ": ["web"],
    "overlayctl add router-port red/r1 x --peer r2": ["r2/down"],
    "overlayctl add router-port red/r1 x --external ": ["internet"],
    "overlayctl add router-port red/r1 x --gateway h": ["hv1"],
    "overlayctl add snat red/": ["red/r2", "red/r1"],
    "overlayctl add floating-ip red/r1 x --port ": ["web-1"],
    "overlayctl set floating-ip ": ["red/r1/www-ip"],
    "overlayctl add member red/www b --port w": ["web-1"],
    "overlayctl add load-balancer red/x --router r1": ["r1"],
    "overlayctl show external-network ": ["internet"],
    "overlayctl list snats ": ["red/r2", "red/r1"],
    "overlayctl list members ": ["red/www"],
    "overlayctl list --tenant ": ["red"],
    "overlayctl export r": ["red"],
    "overlayctl chassis ": ["hv1"],
}


def complete(line: str, **env: str) -> list[str]:
    words = line.split(" ")
    asked = {"_OVERLAYCTL_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    script = "from ryu_overlay.cli.main import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, **asked, **env}, capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
    return [word.partition(",")[2] for word in result.stdout.splitlines() if word]


@pytest.mark.parametrize("line", COMPLETIONS)
def test_completes_names_from_the_controller(out: FakeRest, line: str) -> None:
    assert complete(line) == COMPLETIONS[line]


def test_completion_is_silent_without_a_controller() -> None:
    assert complete("overlayctl show switch r", OVERLAY_URL="http://127.0.0.1:1") == []
    assert complete("overlayctl show switch r", OVERLAY_URL="nonsense") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(run: Run, shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0 and "_OVERLAYCTL_COMPLETE" in result.stdout and shell in result.stdout


def test_the_reference_is_what_the_commands_say() -> None:
    written = (ROOT / "docs" / "cli.md").read_text()
    assert written == reference(), "run: python -m ryu_overlay.cli.reference > docs/cli.md"
