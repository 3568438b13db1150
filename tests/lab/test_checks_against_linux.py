"""Health checks against a real TCP stack: the Checker's frames go to a member as raw Ethernet, and its answers come back.

this test -- packet socket on v-member, in namespace `chassis` -- veth -- eth0 of VM `member`: Linux, python's http.server
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from mininet_topos.cleanup import claim, clear
from mininet_topos.http import namespace_path
from mininet_topos.outside import Outsider
from mininet_topos.processes import wait_until
from mininet_topos.vm import VM
from ryu_overlay.oam.checker import Checker, Frame, Target, Verdict

ROUTER_MAC, MEMBER_MAC = "02:00:00:00:01:01", "02:00:00:00:01:0a"
VIP, MEMBER, GATEWAY = IPv4Address("203.0.113.20"), IPv4Address("10.0.1.10"), "10.0.1.1"
OFPORT = 7
CLONE_NEWNET = 0x40000000
ETH_P_IP = 0x0800
LISTENER = """
import socket, time
listening = [socket.create_server(("10.0.1.10", 8000), backlog=1)]
time.sleep(600)
"""


def target(key: int = 1, **changes: Any) -> Target:
    source, destination = (ROUTER_MAC, VIP, 80), (MEMBER_MAC, MEMBER, 8000)
    made = Target(key, "hv1", OFPORT, source, destination, "tcp", "/", interval=0.2, timeout=0.2, rise=2, fall=3)
    return replace(made, **changes)


def packet_socket(pid: int, interface: str) -> socket.socket:
    """A raw socket on an interface of the namespace of `pid`."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter_and_bind() -> socket.socket:
        handle = os.open(namespace_path(pid), os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(handle, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(handle)
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        made.bind((interface, ETH_P_IP))
        made.setblocking(False)
        return made

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(enter_and_bind).result()


@dataclass
class Rig:
    """A member, and a checker whose frames go to it and come from it."""

    member: VM
    wire: socket.socket
    folder: Path
    checker: Checker = field(default_factory=Checker)
    sent: int = 0
    heard_bytes: int = 0

    def run(self, until: Callable[[], object], seconds: float = 10.0) -> None:
        """Carry frames to and fro until a condition holds. Fails when it does not within `seconds`."""
        end = time.monotonic() + seconds
        while not until():
            now = time.monotonic()
            assert now < end, f"not within {seconds:g} s: {dict(self.checker.verdicts())}"
            self._send(self.checker.step(now))
            if not select.select([self.wire], [], [], min(self.checker.due(time.monotonic()), 0.05))[0]:
                continue
            frame = self.wire.recv(65535)
            self.heard_bytes += len(frame)
            self._send(self.checker.heard(frame, "hv1", OFPORT, time.monotonic()))

    def _send(self, frames: list[Frame]) -> None:
        for frame in frames:
            assert (frame.chassis, frame.ofport) == ("hv1", OFPORT)
            self.wire.send(frame.data)
            self.sent += 1

    def check(self, *targets: Target) -> None:
        self._send(self.checker.targets(targets, time.monotonic()))

    def verdict(self, key: int = 1) -> Verdict:
        return self.checker.verdicts()[key]

    def says(self, state: str, reason: str, key: int = 1) -> Callable[[], bool]:
        return lambda: (self.verdict(key).state, self.verdict(key).reason) == (state, reason)

    def spawn(self, *argv: str) -> subprocess.Popen[str]:
        """Start a server and wait until it listens."""
        server = self.member.spawn(sys.executable, *argv, log=self.folder / "server.log")
        wait_until(lambda: ":8000" in self.member.run("ss", "-Hltn").stdout, 10, "the server listening")
        return server

    def serve(self) -> subprocess.Popen[str]:
        return self.spawn("-u", "-m", "http.server", "8000", "--bind", str(MEMBER), "--directory", str(self.folder))

    def connections(self) -> str:
        """Every TCP socket of the member, half-open ones too, but those that listen."""
        return self.member.run("ss", "-Htan", "state", "connected").stdout


@pytest.fixture
def rig(lab_name: str, tmp_path: Path) -> Iterator[Rig]:
    workspace = claim(lab_name)
    nodes: list[Any] = []
    try:
        nodes.append(chassis := Outsider("chassis", workspace=workspace))
        nodes.append(member := VM("member", MEMBER_MAC, f"{MEMBER}/24", workspace=workspace))
        member.wire(chassis)
        member.script(
            f"ip neigh replace {GATEWAY} lladdr {ROUTER_MAC} dev eth0 nud permanent\n"
            # No default route: http.server asks for the name of its address, and should be told at once that nobody knows.
            f"ip route add {VIP} via {GATEWAY}\n"
        )
        with closing(packet_socket(chassis.pid, "v-member")) as wire:
            yield Rig(member, wire, tmp_path)
    finally:
        clear(workspace)
        for node in nodes:
            node.forget()


def test_an_open_port_is_good_and_a_closed_one_is_refused(rig: Rig) -> None:
    rig.serve()
    rig.check(target(1), target(2, destination=(MEMBER_MAC, MEMBER, 8001)))
    rig.run(lambda: rig.says("up", "connected", 1)() and rig.says("down", "connection refused", 2)())
    wait_until(lambda: not rig.connections(), 5, "nothing left at the member")


def test_tries_do_not_fill_the_queue_of_a_program_that_never_accepts(rig: Rig) -> None:
    rig.spawn("-c", LISTENER)
    rig.check(target(interval=0.01, timeout=1.0))
    rig.run(lambda: rig.sent >= 200)
    assert rig.says("up", "connected")()
    wait_until(lambda: not rig.connections(), 5, "nothing left at the member")


def test_http_status_decides(rig: Rig) -> None:
    (rig.folder / "content").write_bytes(bytes(5_000_000))
    rig.serve()
    rig.check(
        *(target(key, check="http", path=path, timeout=0.5, interval=0.5) for key, path in enumerate(("/", "/none", "/content")))
    )
    rig.run(lambda: rig.says("up", "HTTP 200", 0)() and rig.says("down", "HTTP 404", 1)() and rig.says("up", "HTTP 200", 2)())
    wait_until(lambda: not rig.connections(), 5, "nothing left at the member")
    log = (rig.folder / "server.log").read_text()
    assert '"GET / HTTP/1.1" 200' in log and '"GET /none HTTP/1.1" 404' in log
    assert rig.heard_bytes < 100_000


def test_a_server_that_dies_goes_down_and_comes_back(rig: Rig) -> None:
    server = rig.serve()
    rig.check(target(1), target(2, check="http"))
    both = (1, 2)
    rig.run(lambda: all(rig.verdict(key).state == "up" for key in both))
    server.kill()
    server.wait()
    rig.run(lambda: all(rig.says("down", "connection refused", key)() for key in both))
    rig.serve()
    rig.run(lambda: all(rig.verdict(key).state == "up" for key in both))


def test_a_program_that_hangs_is_found_by_http_alone(rig: Rig) -> None:
    server = rig.serve()
    rig.check(target(1), target(2, check="http"))
    rig.run(lambda: all(rig.verdict(key).state == "up" for key in (1, 2)))
    server.send_signal(signal.SIGSTOP)
    rig.run(rig.says("down", "no HTTP answer within 0.2 s", 2))
    assert rig.verdict(1).state == "up"
    server.send_signal(signal.SIGCONT)
    rig.run(lambda: rig.verdict(2).state == "up")


def test_a_try_that_is_given_up_leaves_nothing_at_the_server(rig: Rig) -> None:
    rig.spawn("-c", LISTENER)
    rig.check(target(check="http", timeout=60.0))
    rig.run(lambda: rig.sent >= 2)
    assert rig.connections()
    rig.check()
    wait_until(lambda: not rig.connections(), 5, "nothing left at the member")


def test_a_machine_that_is_gone_does_not_answer(rig: Rig) -> None:
    rig.serve()
    rig.check(target())
    rig.run(rig.says("up", "connected"))
    rig.member.script("ip link set eth0 down\n")
    rig.run(rig.says("down", "no answer within 0.2 s"))
