"""What others see while VMs send far more than routers answer: traceroute and mtr, REST, and what was counted."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from mininet_topos.lab import Lab
from tests.acceptance.icmp_load import TTL_EXCEEDED, WATCHED, Watched, chassis, flood, settle_seconds
from tests.acceptance.icmp_network import GATEWAYS
from tests.bench.remote import Agent
from tests.bench.stats import Sample

_MTR_EVERY = 0.2
_COUNTED_WITHIN = 3.0
_HOP = re.compile(r"^ *\d+ +(?:(?P<address>[\d.]+) +)?(?P<rest>.*)$")
_TIME = re.compile(r"([\d.]+) ms")
_MTR = re.compile(r"\|-- (?P<address>\S+) +(?P<loss>[\d.]+)% +\d+ +[\d.]+ +(?P<average>[\d.]+) +[\d.]+ +(?P<worst>[\d.]+)")


@dataclass(frozen=True, slots=True)
class Seen:
    """What traceroute and mtr said to one VM: runs of traceroute whose hops were not those that there are, probes without an
    answer, milliseconds to the answers; mtr's hops, the loss at the worst of them in per cent, its highest average and time.
    """

    wrong: int
    silent: int
    milliseconds: Sample
    mtr_hops: tuple[str, ...]
    mtr_loss: float
    mtr_average: float
    mtr_worst: float

    def flaws(self, watched: Watched) -> list[str]:
        """What is not as it should be, whatever the times are."""
        found = [f"{self.wrong} traceroutes with other hops"] if self.wrong else []
        found += [f"{self.silent} probes of traceroute without an answer"] if self.silent else []
        found += [f"mtr lost {self.mtr_loss:g} %"] if self.mtr_loss else []
        return found + ([f"mtr's hops {self.mtr_hops}"] if self.mtr_hops != watched.hops else [])


@dataclass(frozen=True, slots=True)
class Flooded:
    """What each of the loud sent and had answered, what others saw meanwhile, in their order in `WATCHED`, and the milliseconds
    that REST took meanwhile (none where there is none).
    """

    sent: dict[str, int]
    answered: dict[str, int]
    seconds: float
    seen: list[Seen]
    rest: Sample | None


@dataclass
class _Rest:
    milliseconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def watch(lab: Lab, traces: int, cycles: int) -> list[Seen]:
    """What all of `WATCHED` see at the same time: `traces` runs of traceroute each, and one of mtr with so many cycles."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda watched: _watch(lab, watched, traces, cycles), WATCHED))


def flooded(lab: Lab, loud: Sequence[str], rate: int, traces: int, cycles: int, longest: float = 60.0) -> Flooded:
    """`watch` while each of `loud` sends `rate` packets a second that die at its router. Raises AgentFailed if they end first."""
    with ExitStack() as stack:
        agents = {vm: stack.enter_context(_flood(lab, vm, rate, longest)) for vm in loud}
        with _asking(lab) as rest:
            seen = watch(lab, traces, cycles)
        found = {vm: agent.finish(settle_seconds(longest)) for vm, agent in agents.items()}
    assert not rest.failed, rest.failed[:3]
    sent, answered = ({vm: each[key] for vm, each in found.items()} for key in ("sent", "answered"))
    times = Sample.of(rest.milliseconds) if rest.milliseconds else None
    return Flooded(sent, answered, max(each["seconds"] for each in found.values()), seen, times)


@dataclass(frozen=True, slots=True)
class Counted:
    """Packets that passed and were too many by VM, as `overlayctl limits` tells, and dropped as `overlayctl drops` tells; those
    too many for the chassis and for the controller.
    """

    passed: Counter[str]
    exceeded: Counter[str]
    drops: Counter[str]
    shared: int

    def since(self, before: Counted) -> Counted:
        """What came to it."""

        def more(now: Counter[str], then: Counter[str]) -> Counter[str]:
            return Counter({vm: count - then[vm] for vm, count in now.items()})

        passed, exceeded = more(self.passed, before.passed), more(self.exceeded, before.exceeded)
        return Counted(passed, exceeded, more(self.drops, before.drops), self.shared - before.shared)


def counted(lab: Lab) -> Counted:
    """What the controller has counted so far on the chassis of the loud."""
    limits = [limit for limit in lab.rest.get("/v1/limits").json["limits"] if limit["chassis"] in (None, chassis(lab).name)]
    ports = {limit["name"].rpartition("/")[2]: limit for limit in limits if limit["kind"] == "port"}
    found = [drop for drop in lab.rest.get("/v1/drops").json["drops"] if drop["reason"] == "punt_rate_exceeded"]
    return Counted(
        Counter({vm: limit["passed"] for vm, limit in ports.items()}),
        Counter({vm: limit["exceeded"] for vm, limit in ports.items()}),
        Counter({drop["object"].rpartition("/")[2]: drop["packets"] for drop in found if drop["kind"] == "port"}),
        sum(limit["exceeded"] for limit in limits if limit["kind"] in ("chassis", "controller")),
    )


@dataclass(frozen=True, slots=True)
class AtGateway:
    """Packets at the gateway of the loud's router: that came by its uplink's meter and passed it, and that were too many for what
    many share there."""

    uplink_came: int
    uplink_passed: int
    shared_exceeded: int


def at_gateway(lab: Lab) -> AtGateway:
    """What was counted so far."""
    here = [limit for limit in lab.rest.get("/v1/limits").json["limits"] if limit["chassis"] == GATEWAYS[0]]
    uplink = [limit for limit in here if limit["kind"] == "uplink"]
    passed, exceeded = (sum(limit[what] for limit in uplink) for what in ("passed", "exceeded"))
    shared = sum(limit["exceeded"] for limit in here if limit["kind"] in ("tunnel", "physical-network", "chassis"))
    return AtGateway(passed + exceeded, passed, shared)


def counted_at_last(lab: Lab, before: Counted, flood_: Flooded) -> Counted:
    """What was counted of that flood, once all of it is or nothing comes any more: counters of the switch are a moment behind."""
    deadline = time.monotonic() + _COUNTED_WITHIN
    while True:
        found = counted(lab).since(before)
        missing = any(found.passed[vm] + found.exceeded[vm] < sent for vm, sent in flood_.sent.items())
        if not missing or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _flood(lab: Lab, vm: str, rate: int, longest: float) -> Agent:
    return flood(lab.vms[vm], TTL_EXCEEDED, rate, longest)


@contextmanager
def _asking(lab: Lab) -> Iterator[_Rest]:
    """Ask REST over and over meanwhile, where there is one."""
    found, over = _Rest(), threading.Event()

    def ask() -> None:
        controller = lab.controller.rest(timeout=10)
        while not over.wait(0.02):
            began = time.monotonic()
            answer = controller.get("/v1/revision")
            found.milliseconds.append((time.monotonic() - began) * 1000)
            if answer.status != 200:
                found.failed.append(answer.text)

    if not lab.net.controllers:
        yield found
        return
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        try:
            yield found
        finally:
            over.set()
        asked.result()


def _watch(lab: Lab, watched: Watched, traces: int, cycles: int) -> Seen:
    vm, hops = lab.vms[watched.vm], list(watched.hops)
    wrong = silent = 0
    times: list[float] = []
    for _ in range(traces):
        lines = vm.run("traceroute", "-n", "-q", "3", "-w", "1", "-m", "6", watched.target, timeout=60).stdout.splitlines()[1:]
        found = [match for line in lines if (match := _HOP.match(line))]
        wrong += [match["address"] for match in found] != hops
        silent += sum(match["rest"].count("*") for match in found)
        times += [float(value) for match in found for value in _TIME.findall(match["rest"])]
    argv = ("mtr", "-n", "-r", "-c", str(cycles), "-i", str(_MTR_EVERY), "-G", "1", watched.target)
    output = vm.run(*argv, timeout=cycles + 60).stdout
    rows = list(_MTR.finditer(output))
    worst = [max((float(row[key]) for row in rows), default=0.0) for key in ("loss", "average", "worst")]
    return Seen(wrong, silent, Sample.of(times), tuple(row["address"] for row in rows), *worst)
