"""`overlayctl capture` against a server that streams: what is asked for, what is handed on, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ryu_overlay.cli.main import PROGRAM, cli
from ryu_overlay.cli.pcapng import Reader
from ryu_overlay.oam import pcapng
from tests.unit.cli.fake_rest import FakeRest, Run, listening

T0 = 1_700_000_000_000_000_000
HEAD = pcapng.section("x") + pcapng.interface("port:web-1", "VIF", 96, "icmp") + pcapng.interface("tunnel:hv1/hv2", "", 96)
PACKETS = [pcapng.packet(n % 2, T0 + n, bytes(60), 60, "in", "hv1") for n in range(5)]


def end(reason: str, *more: str) -> bytes:
    first = pcapng.statistics(0, T0, T0, 9, 6, final=True, comment="; ".join((reason, *more)))
    return first + pcapng.statistics(1, T0, T0, 2, 0, final=True, comment=reason)


class Controller:
    """What the server did: `asked` are bodies of captures, `deleted` the numbers of those that were ended by request."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Any] = []
        self.deleted: list[str] = []
        self.ended = threading.Event()
        self.told = threading.Event()
        self.waits = False
        self.heeds = True
        self.breaks = False
        self.refusal: dict[str, Any] | None = None

    def pieces(self) -> Iterator[bytes]:
        yield HEAD
        yield from PACKETS
        if self.waits:
            while not self.ended.wait(0.05):
                yield pcapng.statistics(0, T0, T0, 3, 0, final=False)
        yield end("ended by request" if self.ended.is_set() else "ended after 5 packets", "not captured: 6 (6 above the rate)")


def handler(controller: Controller) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            controller.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if controller.refusal is not None:
                payload = json.dumps(controller.refusal).encode()
                self.send_response(controller.refusal["status"])
                self.send_header("Content-Type", "application/problem+json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)
                return
            self.send_response(201)
            self.send_header("Content-Type", pcapng.CONTENT_TYPE)
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Location", "/v1/captures/42")
            self.end_headers()
            for piece in controller.pieces():
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                if controller.breaks:
                    self.close_connection = True
                    return
            self.wfile.write(b"0\r\n\r\n")

        def do_DELETE(self) -> None:
            controller.deleted.append(self.path)
            self.send_response(204)
            self.end_headers()
            controller.told.set()
            if controller.heeds:
                controller.ended.set()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Handler


@pytest.fixture
def controller() -> Iterator[Controller]:
    made = Controller()
    with listening(handler(made)) as made.url:
        yield made
        made.ended.set()


def run(controller: Controller, *words: str) -> Result:
    return CliRunner().invoke(cli, ["capture", *words, "--url", controller.url], prog_name=PROGRAM)


def spawn(controller: Controller, *words: str, **streams: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ryu_overlay.cli.main", "capture", *words, "--url", controller.url]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **streams)


def until_written(file: Path) -> None:
    """Wait until the client has begun to hand on what it gets."""
    deadline = time.monotonic() + 20
    while not file.exists() or not file.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.005)


SAID = [
    "port:web-1: 3 packets, 9 passed the filter; ended after 5 packets; not captured: 6 (6 above the rate)",
    "tunnel:hv1/hv2: 2 packets; ended after 5 packets",
]


def test_the_stream_goes_to_a_file_and_the_counts_to_standard_error(controller: Controller, tmp_path: Path) -> None:
    file = tmp_path / "x.pcapng"
    result = run(
        controller, "port:web-1", "tunnel:hv1/hv2", "-f", "icmp", "-w", str(file), "-c", "5", "--seconds", "6", "-s", "96"
    )
    assert result.exit_code == 0 and result.output.splitlines() == SAID
    assert file.read_bytes() == HEAD + b"".join(PACKETS) + end("ended after 5 packets", "not captured: 6 (6 above the rate)")
    points = ["port:web-1", "tunnel:hv1/hv2"]
    assert controller.asked == [{"points": points, "filter": "icmp", "packets": 5, "seconds": 6, "snaplen": 96}]
    assert controller.deleted == []


@pytest.mark.parametrize("words", [(), ("-w", "-")])
def test_without_a_file_it_goes_to_standard_output(controller: Controller, words: tuple[str, ...]) -> None:
    with spawn(controller, "port:web-1", *words, stdout=subprocess.PIPE) as process:
        out, said = process.communicate(timeout=20)
    assert process.returncode == 0 and out.startswith(HEAD + PACKETS[0])
    assert said.decode().splitlines() == SAID and controller.asked == [{"points": ["port:web-1"], "filter": ""}]


def test_a_terminal_is_told_how_to_pipe_and_nothing_begins(controller: Controller) -> None:
    ours, theirs = os.openpty()
    try:
        with spawn(controller, "port:web-1", stdout=theirs) as process:
            said = process.communicate(timeout=20)[1].decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 2 and "overlayctl capture port:web-1 | tcpdump -nr -" in said
    assert controller.asked == []


def test_ctrl_c_ends_it_in_good_order(controller: Controller, tmp_path: Path) -> None:
    controller.waits = True
    with spawn(controller, "port:web-1", "-w", str(tmp_path / "x")) as process:
        until_written(tmp_path / "x")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 0 and controller.deleted == ["/v1/captures/42"]
    assert "port:web-1: 3 packets, 9 passed the filter; ended by request; not captured: 6" in said
    assert (tmp_path / "x").read_bytes().endswith(end("ended by request", "not captured: 6 (6 above the rate)"))


def test_a_second_ctrl_c_does_not_wait(controller: Controller, tmp_path: Path) -> None:
    controller.waits, controller.heeds = True, False
    with spawn(controller, "port:web-1", "-w", str(tmp_path / "x")) as process:
        until_written(tmp_path / "x")
        process.send_signal(signal.SIGINT)
        assert controller.told.wait(20)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 0 and "ended without waiting for the last counts" in said
    assert "port:web-1: 3 packets" in said


def test_a_reader_that_has_enough_ends_it_in_good_order(controller: Controller) -> None:
    controller.waits = True
    with spawn(controller, "port:web-1", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        said = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 0 and controller.deleted == ["/v1/captures/42"]
    assert "ended by request" in said and "Traceback" not in said


def test_a_refusal_is_told_and_leaves_no_file(controller: Controller, tmp_path: Path) -> None:
    errors = [{"field": "points[0]", "reason": "there is no port web-1"}]
    controller.refusal = {"type": "about:blank", "title": "x", "status": 422, "detail": "x", "errors": errors}
    result = run(controller, "port:web-1", "-w", str(tmp_path / "x"))
    assert (result.exit_code, result.output) == (1, "error: points[0]: there is no port web-1\n")
    assert not (tmp_path / "x").exists()


def test_a_controller_that_goes_away_is_told(controller: Controller, tmp_path: Path) -> None:
    controller.breaks = True
    result = run(controller, "port:web-1", "-w", str(tmp_path / "x"))
    assert result.exit_code == 1 and "broke off" in result.output
    assert (tmp_path / "x").read_bytes() == HEAD


def test_a_file_that_cannot_be_written_is_told(controller: Controller, tmp_path: Path) -> None:
    result = run(controller, "port:web-1", "-w", str(tmp_path / "none" / "x"))
    assert result.exit_code == 1 and "cannot be written: no such file or directory" in result.output
    full = run(controller, "port:web-1", "-w", "/dev/full")
    assert full.exit_code == 1 and "error: cannot write: no space left on device" in full.output


@pytest.mark.parametrize("words", [(), ("port:web-1", "-c", "0"), ("port:web-1", "--rate", "x")])
def test_wrong_usage(controller: Controller, words: tuple[str, ...]) -> None:
    assert run(controller, *words).exit_code == 2 and not controller.asked


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_stream_is_read_in_pieces_of_any_size(size: int) -> None:
    stream = HEAD + b"".join(PACKETS) + end("enough")
    reader = Reader()
    for at in range(0, len(stream), size):
        reader.take(stream[at : at + size])
    assert [(i.name, i.packets, i.received, i.dropped, i.comment) for i in reader.interfaces] == [
        ("port:web-1", 3, 9, 6, "enough"),
        ("tunnel:hv1/hv2", 2, 2, 0, "enough"),
    ]


def complete(words: str) -> list[str]:
    environment = {"_OVERLAYCTL_COMPLETE": "bash_complete", "COMP_WORDS": f"overlayctl capture {words}", "COMP_CWORD": "2"}
    result = CliRunner().invoke(cli, [], prog_name=PROGRAM, env=environment)
    return [line.partition(",")[2] for line in result.output.splitlines() if line]


def test_points_are_completed(red: FakeRest, run: Run) -> None:
    assert complete("ro") == ["router-port:"]
    assert complete("port:web") == ["port:web-1"]
    assert sorted(complete("router-port:red/r1/")) == ["router-port:red/r1/up", "router-port:red/r1/web"]
    red.others["uplinks"] = [{"name": "x", "tenant": "red", "router": "r1", "port": "up"}]
    assert complete("uplink:red/r1/up/b") == ["uplink:red/r1/up/before-nat"]
    red.others["tunnels"] = [{"name": "x", "chassis": "hv1", "peer": "hv2"}]
    assert complete("tunnel:") == ["tunnel:hv1/hv2"]
    assert complete("external:") == ["external:internet"]
    assert complete("other:") == []
