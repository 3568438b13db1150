"""What captures have to hold: one connection on both sides of its translation, and a flood that is too much to take whole."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mininet_topos.lab import Lab
from mininet_topos.loading import connect
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios_out import RED_UP
from tests.acceptance.capturing import Capturing, Counts, Frame, flood, read

BEFORE, AFTER = "uplink:red/r1/up/before-nat", "uplink:red/r1/up/after-nat"
VM, ADDRESS = "red-web-2", "10.0.1.12"
"""A VM on hv2, while hv1 carries the uplink."""
FLOODED = f"port:{VM}/in"


def around_nat(lab: Lab, port: int) -> list[Frame]:
    """A connection to the server outside, captured before and after NAT; each packet once at both, as it was there.

    Held against tcpdump at the VM's VIF and outside. A server has to listen at the port.
    """
    vm, words = lab.vms[VM], f"tcp port {port}"
    with (
        lab.tcpdump(lab.host_of(vm), vm.vif, words) as inside,
        lab.tcpdump(lab.upstream, "out0", words) as outside,
        Capturing(lab, BEFORE, AFTER, words=f"{words} and host {SERVER_ADDRESS}") as capture,
    ):
        assert not connect(vm, SERVER_ADDRESS, port, 1).failed
        inside.stop()
        outside.stop()
        wires = [Counter(f.content for f in read(wire.path)) for wire in (inside, outside)]
        capture.came(2 * wires[0].total())
        counts = capture.end()
    frames = read(capture.path)
    seen = {point: Counter(f.content for f in frames if f.point == point) for point in (BEFORE, AFTER)}
    assert seen[BEFORE] == seen[AFTER] == wires[0] == wires[1] and len(seen[BEFORE]) > 6
    assert {f.ends for f in frames if f.point == BEFORE} == {(ADDRESS, SERVER_ADDRESS), (SERVER_ADDRESS, RED_UP)}
    assert {f.ends for f in frames if f.point == AFTER} == {(RED_UP, SERVER_ADDRESS), (SERVER_ADDRESS, ADDRESS)}
    assert {f.place for f in frames} == {"hv1"}
    assert {counts[p].packets for p in counts} == {len(frames) // 2} and {counts[p].said for p in counts} == {"ended by request"}
    return frames


@dataclass(frozen=True)
class Flooded:
    """`offered` packets a second; what was said of them; how long REST took to answer meanwhile, in milliseconds."""

    offered: int
    count: Counts
    answered_ms: list[float]


def of_flood(lab: Lab, packets: int, rate: int) -> Flooded:
    """A capture of more than it may take: all are accounted for, and the controller answers all the while."""
    answered = []
    with Capturing(lab, FLOODED, words="udp dst port 5301") as capture, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(flood, lab.vms[VM], "10.0.2.13", 5301, packets, rate)
        while not sending.done():
            began = time.monotonic()
            assert lab.rest.get("/v1/revision?wait=1").json["converged"]
            answered.append((time.monotonic() - began) * 1000)
        count = capture.end()[FLOODED]
    # A busy machine may lose some before Open vSwitch has them.
    assert packets // 2 < count.passed <= packets and count.packets == len(read(capture.path))
    assert count.packets + count.missing("not captured") == count.passed
    assert count.missing("above the rate") > count.passed // 2
    return Flooded(sending.result(), count, answered)
