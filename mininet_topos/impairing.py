"""Holds packets up, or changes a byte of them, on their way to a port.

    python -m mininet_topos.impairing PORT TAP MARK [--delay MS] [--jitter MS] [--corrupt P]

What is sent to TAP, an interface that it makes and that ends with it, it sends out of PORT with the socket mark MARK, in order
unless there is jitter. Something else has to turn packets to TAP: a filter of tc, which lets pass what has the mark. It prints
`ready` once it reads. SIGINT ends it: what it holds then is sent at once.

    --delay MS      milliseconds that each packet is held
    --jitter MS     as many more or less at random, for each packet by itself
    --corrupt P     share of the packets, 0 to 1, of which a byte behind all headers in the tunnel is changed, and nothing else
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import heapq
import os
import random
import select
import signal
import socket
import struct
import subprocess
import time

_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
_NAME_AND_FLAGS = struct.Struct("16sH22x")
_FRAME_LIMIT = 65_535
_QUEUE = 10_000
"""Packets that the kernel keeps for us while we do not run."""
_VXLAN_PORT = 4789
_OUTER = 50
"""Bytes before the Ethernet header inside: Ethernet, IPv4 without options, UDP, VXLAN."""
_ETHERNET, _IPV4, _ARP, _CFM = 14, 0x0800, 0x0806, 0x8902
_ICMP, _TCP, _UDP = 1, 6, 17


def payload(frame: bytes) -> range:
    """Where the bytes behind all headers are that a frame of the underlay has inside; empty where there are none.

    Of ARP, continuity checks and fragments nothing counts as payload; of what is not IPv4 all behind the Ethernet header does.
    """
    if len(frame) < _OUTER + _ETHERNET or frame[23] != _UDP or int.from_bytes(frame[36:38], "big") != _VXLAN_PORT:
        return range(0)
    inner = _OUTER + _ETHERNET
    kind = int.from_bytes(frame[inner - 2 : inner], "big")
    if kind in (_ARP, _CFM):
        return range(0)
    return _of_ipv4(frame, inner) if kind == _IPV4 else range(inner, len(frame))


def _of_ipv4(frame: bytes, at: int) -> range:
    if len(frame) < at + 20 or int.from_bytes(frame[at + 6 : at + 8], "big") & 0x3FFF:
        return range(0)
    layer4, end = at + 4 * (frame[at] & 0x0F), at + int.from_bytes(frame[at + 2 : at + 4], "big")
    headers = {_ICMP: 8, _UDP: 8}
    if frame[at + 9] == _TCP and len(frame) > layer4 + 12:
        headers[_TCP] = 4 * (frame[layer4 + 12] >> 4)
    return range(layer4 + headers.get(frame[at + 9], 0), min(end, len(frame)))


def corrupted(frame: bytes, chance: random.Random) -> bytes:
    """The same with one byte of its payload changed."""
    where = payload(frame)
    if not where:
        return frame
    changed = bytearray(frame)
    changed[chance.choice(where)] ^= chance.randint(1, 255)
    return bytes(changed)


def open_tap(name: str) -> int:
    """A file to read the frames from that are sent to a new interface `name`, one each time; without blocking."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, _TUNSETIFF, _NAME_AND_FLAGS.pack(name.encode(), _IFF_TAP | _IFF_NO_PI))
    subprocess.run(["ip", "link", "set", name, "txqueuelen", str(_QUEUE), "up"], check=True)
    return tap


def open_port(name: str, mark: int) -> socket.socket:
    """A socket that sends frames out of an interface with a mark."""
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    port.bind((name, 0))
    return port


class Impairment:
    """Packets on their way from the tap to the port. Times in seconds."""

    def __init__(self, tap: int, port: socket.socket, delay: float, jitter: float, corrupt: float) -> None:
        self.tap, self.port = tap, port
        self.delay, self.jitter, self.corrupt = delay, jitter, corrupt
        self.held: list[tuple[float, int, bytes]] = []
        """When to send, a number that rises, and the frame; a heap."""
        self.count = 0
        self.chance = random.Random()

    def run(self, stop: int) -> None:
        """Until there is something to read from the file `stop`."""
        while True:
            wait = max(0.0, self.held[0][0] - time.monotonic()) if self.held else None
            ready, _, _ = select.select([self.tap, stop], [], [], wait)
            if stop in ready:
                self.take()
                self.send(float("inf"))
                return
            if self.tap in ready:
                self.take()
            self.send(time.monotonic())

    def take(self) -> None:
        """All that is there to be read now."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.keep(os.read(self.tap, _FRAME_LIMIT))

    def keep(self, frame: bytes) -> None:
        if self.corrupt and self.chance.random() < self.corrupt:
            frame = corrupted(frame, self.chance)
        held = self.delay + self.chance.uniform(-self.jitter, self.jitter) if self.jitter else self.delay
        self.count += 1
        heapq.heappush(self.held, (time.monotonic() + max(0.0, held), self.count, frame))

    def send(self, until: float) -> None:
        """What is due then."""
        while self.held and self.held[0][0] <= until:
            frame = heapq.heappop(self.held)[2]
            # A port that is down, or whose own queue is full, loses packets.
            with contextlib.suppress(OSError):
                self.port.send(frame)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m mininet_topos.impairing")
    parser.add_argument("port")
    parser.add_argument("tap")
    parser.add_argument("mark", type=int)
    for name in ("delay", "jitter", "corrupt"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    given = parser.parse_args()
    stop, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    # Started in the background by a shell, it would otherwise ignore this signal.
    signal.signal(signal.SIGINT, lambda *_: None)
    impairment = Impairment(
        open_tap(given.tap), open_port(given.port, given.mark), given.delay / 1000, given.jitter / 1000, given.corrupt
    )
    print("ready", flush=True)
    impairment.run(stop)


if __name__ == "__main__":
    main()
