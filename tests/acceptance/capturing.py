"""`overlayctl capture` as an operator runs it in a lab, and its file as tshark reads it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType

from mininet_topos.controller import installed
from mininet_topos.lab import Lab
from mininet_topos.node import LabNode
from tests.acceptance.waiting import until

TOP = 65002
"""The priority of flows that look at packets for a capture."""
_FIELDS = (
    *("frame.interface_name", "frame.comment", "frame.len", "frame.cap_len", "eth.src", "eth.dst", "ip.src", "ip.dst", "ip.id"),
    *("ip.ttl", "ip.proto", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "icmp.type", "icmp.seq", "frame.time_epoch"),
)
_COUNTS = re.compile(r"(?P<point>\S+): (?P<packets>\d+) packets?(, (?P<passed>\d+) passed the filter)?(; (?P<said>.*))?")
_numbers = count(1)


@dataclass(frozen=True)
class Counts:
    """What was said of one point at the end. `said` is why the capture ended, and why packets are missing."""

    packets: int
    passed: int
    said: str

    def missing(self, why: str) -> int:
        """How many are missing for this reason, "not captured" for any."""
        found = re.search(rf"not captured: (\d+)|(\d+) {why}" if why == "not captured" else rf"(\d+) {why}", self.said)
        return 0 if found is None else int(next(group for group in found.groups() if group))


class Capturing:
    """A capture that runs, from when its flows are there. Leaving the block ends it as Ctrl-C does."""

    def __init__(self, lab: Lab, *points: str, words: str = "", **limits: int) -> None:
        self.lab = lab
        number = next(_numbers)
        folder = lab.controller.folder
        self.path, self._said = folder / f"capture-{number}.pcapng", folder / f"capture-{number}.log"
        options = [f"--{name}={value}" for name, value in limits.items()]
        options += ["--filter", words] if words else []
        command = (installed("overlayctl"), "capture", *points, "--write", str(self.path), *options)
        self.process = lab.controller.spawn(*command, log=self._said)
        until(f"a capture runs: {self._said}", self._begun)

    def __enter__(self) -> Capturing:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.end()

    def end(self) -> dict[str, Counts]:
        """Ctrl-C, unless it has ended by itself; see `wait`."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self, seconds: float = 30.0) -> dict[str, Counts]:
        """What was said at the end, by point. Raises AssertionError if it did not end well."""
        assert self.process.wait(seconds) == 0, self._said.read_text()
        found = {}
        for line in self._said.read_text().splitlines():
            match = _COUNTS.fullmatch(line)
            assert match is not None, line
            packets = int(match["packets"])
            found[match["point"]] = Counts(packets, int(match["passed"] or packets), match["said"] or "")
        return found

    def came(self, many: int) -> None:
        """Wait until the file has so many packets."""
        until(f"{many} packets in {self.path}", lambda: len(read(self.path)) >= many)

    def _begun(self) -> bool:
        assert self.process.poll() is None or self.path.exists(), self._said.read_text()
        return self.path.exists() and self.path.stat().st_size > 0


@dataclass(frozen=True)
class Frame:
    """A frame as tshark reads it; what is not in it is empty."""

    point: str
    place: str
    fields: dict[str, str]

    def __getitem__(self, field: str) -> str:
        return self.fields[field]

    @property
    def content(self) -> tuple[str, ...]:
        """What no router and no translation changes."""
        return tuple(self[f] for f in ("ip.id", "ip.proto", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "icmp.seq"))

    @property
    def ends(self) -> tuple[str, str]:
        return self["ip.src"], self["ip.dst"]


def read(path: Path, expression: str = "") -> list[Frame]:
    """The frames in a file of any capture, in its order, as far as they are whole. `expression` is tshark's."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"]
    command += [word for field in _FIELDS for word in ("-e", field)] + (["-Y", expression] if expression else [])
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 2), done.stderr  # 2: the file ends in the middle of a block
    rows = (dict(zip(_FIELDS, line.split("|"))) for line in done.stdout.splitlines())
    return [Frame(row["frame.interface_name"], row["frame.comment"], row) for row in rows]


def looking(lab: Lab) -> dict[str, int]:
    """By hypervisor, the flows that look at packets and the meters that limit them, where there are any."""
    found = {}
    for name, host in lab.hypervisors.items():
        flows = sum(f"priority={TOP}," in line for line in host.ofctl("dump-flows").splitlines())
        meters = len(re.findall(r"meter=1\d\d\b", host.ofctl("dump-meters")))
        if flows + meters:
            found[name] = flows + meters
    return found


def flood(node: LabNode, address: str, port: int, packets: int, rate: int) -> int:
    """Send UDP packets of 64 octets, so many a second as near as can be. Gives how many were sent."""
    code = f"""
import socket, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began = time.monotonic()
for n in range({packets}):
    while n > (time.monotonic() - began) * {rate}:
        time.sleep(0.001)
    out.sendto(n.to_bytes(64, "big"), ("{address}", {port}))
print(time.monotonic() - began)
"""
    took = float(node.run(sys.executable, "-c", code, timeout=120).stdout)
    return round(packets / took)
