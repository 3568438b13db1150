"""mtr for long, from near-1 to far-3 behind two routers, under load, and the controller killed once in the middle.

Hops 1 and 2 are the controller's to answer, the third is the VM itself. The addresses of both routers are pinged all the time:
echo replies are the flows'.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from mininet_topos.lab import Lab
from mininet_topos.measure import end_politely
from tests.acceptance.icmp_paths import FAR, NEAR, TRANSIT, VM_FAR
from tests.acceptance.waiting import until

LOAD = ("-u", "-b", "30M", "-l", "1200")
"""UDP, evenly: what TCP sends at once is more than the queues of virtual links here hold, whatever carries it."""
_HOP = re.compile(r"^ *\d+\.\|-- (\S+) +([\d.]+)% +(\d+) +[\d.]+ +([\d.]+)", re.M)
_PORT = 5301


@dataclass(frozen=True)
class Round:
    """One run of mtr: its hops, how many probes each got and lost, and their average round trip in ms."""

    hops: tuple[str, ...]
    sent: tuple[int, ...]
    lost: tuple[int, ...]
    average: tuple[float, ...]


@dataclass(frozen=True)
class Long:
    """All runs; `away` are seconds from the controller's death to every chassis being connected again, in run `killed_in`;
    `pings` how many echo requests to each router address were sent and lost."""

    rounds: list[Round]
    killed_in: int
    away: float
    pings: dict[str, tuple[int, int]]


def run(lab: Lab, rounds: int, cycles: int, interval: float, away_for: float) -> Long:
    """mtr `rounds` times, each of `cycles` probes for each hop, one every `interval` seconds; the controller stays dead for
    `away_for` seconds."""
    vm, killed_in = lab.vms["near-1"], rounds // 2
    found: list[Round] = []
    with ExitStack() as stack:
        stack.enter_context(_load(lab, rounds * (cycles * interval + 10)))
        pings = {target: stack.enter_context(lab.pinging(vm, target, 0.1)) for target in (NEAR, TRANSIT, FAR, VM_FAR)}
        for _ in range(killed_in):
            found.append(_mtr(lab, cycles, interval))
        with ThreadPoolExecutor(1) as pool:
            restarted = pool.submit(restart, lab, away_for)
            found.append(_mtr(lab, cycles, interval))
            away = restarted.result()
        while len(found) < rounds:
            found.append(_mtr(lab, cycles, interval))
        results = {target: each.stop() for target, each in pings.items()}
    return Long(found, killed_in, away, {target: (r.sent, r.unanswered) for target, r in results.items()})


def _mtr(lab: Lab, cycles: int, interval: float) -> Round:
    words = ("mtr", "-n", "-r", "-c", str(cycles), "-i", f"{interval:g}", "-G", "1", "-m", "5", VM_FAR)
    output = lab.vms["near-1"].run(*words, timeout=cycles * interval + 60).stdout
    rows = _HOP.findall(output)
    assert rows, output
    sent = tuple(int(row[2]) for row in rows)
    lost = tuple(round(float(row[1]) * n / 100) for row, n in zip(rows, sent))
    return Round(tuple(row[0] for row in rows), sent, lost, tuple(float(row[3]) for row in rows))


def restart(lab: Lab, away_for: float) -> float:
    """Kill the controller, let it be dead for a while, start it; how long nobody was served."""
    began = time.monotonic()
    lab.controller.kill9()
    until("it was dead for long enough", lambda: time.monotonic() > began + away_for, away_for + 5)
    lab.controller.start()
    lab.controller.wait()
    until("all chassis back", lambda: all(c["state"] == "connected" for c in lab.rest.get("/v1/chassis").json["chassis"]), 60)
    return time.monotonic() - began


@contextmanager
def _load(lab: Lab, seconds: float) -> Iterator[None]:
    """Some 3,000 packets a second from near-2 to far-3, through both routers."""
    client, server = lab.vms["near-2"], lab.vms["far-3"]
    serve = server.spawn("iperf3", "-s", "-p", str(_PORT), log=server.folder / "log" / "iperf3.log")
    try:
        until("iperf3 listening", lambda: f":{_PORT}" in server.run("ss", "-Htln").stdout)
        argv = ("iperf3", "-c", server.ip, "-p", str(_PORT), "-t", str(round(seconds)), *LOAD)
        load = client.spawn(*argv, log=client.folder / "log" / "iperf3.log")
        try:
            yield
            assert load.poll() is None, "the load lasted"
        finally:
            end_politely(load)
    finally:
        end_politely(serve)
