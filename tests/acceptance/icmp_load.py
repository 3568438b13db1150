"""Who sends much and who is watched meanwhile, in a lab of `icmp_network`, ours or OVN's; and what that costs.

On hv1 a-1, a-2 and raw-1 send much: echo requests to their router, or UDP whose TTL ends there. Watched are b-2 of the same
tenant and e-1 of another on the same chassis, and a-3 on hv2.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mininet_topos.hypervisor import Hypervisor
from mininet_topos.lab import Lab
from mininet_topos.outside import SERVER_ADDRESS, UPSTREAM_ADDRESS
from mininet_topos.processes import ProcessId
from mininet_topos.vm import VM
from tests.bench.cost import cpu_seconds
from tests.bench.remote import Agent

LOUD = ("a-1", "a-2", "raw-1")
_SETTLE = 30.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What is offered: by which agent of the benchmarks, to which address; and which agent times single ones."""

    name: str
    agent: str
    timed_by: str
    target: str


ECHO = Kind("echo", "echo_flood", "echo_latency", "10.1.1.1")
TTL_EXCEEDED = Kind("TTL exceeded", "expire", "hop_latency", "10.1.2.11")


@dataclass(frozen=True, slots=True)
class Watched:
    """A VM that asks for little: what it is to the loud, whom it talks to, and the hops on the way."""

    what: str
    vm: str
    target: str
    hops: tuple[str, ...]


SAME_TENANT = Watched("same tenant", "b-2", "10.1.3.11", ("10.1.2.1", "100.64.0.1", "10.1.3.11"))
OTHER_TENANT = Watched("another tenant", "e-1", SERVER_ADDRESS, ("10.1.1.1", UPSTREAM_ADDRESS, SERVER_ADDRESS))
OTHER_CHASSIS = Watched("another chassis", "a-3", "10.1.2.11", ("10.1.1.1", "100.64.0.2", "10.1.2.11"))
WATCHED = (SAME_TENANT, OTHER_TENANT, OTHER_CHASSIS)


@dataclass
class Cost:
    """Processor seconds a second, of what answers for the routers of hv1 and of the switch there."""

    answering: float = 0.0
    switch: float = 0.0
    seconds: float = 0.0

    def over(self, seconds: float) -> Cost:
        """The same work in other seconds."""
        return Cost(self.answering * self.seconds / seconds, self.switch * self.seconds / seconds, seconds)


@contextmanager
def costs(lab: Lab) -> Iterator[Cost]:
    """What the block costs, known at its end."""
    found, processes = Cost(), (_answering(lab), _switch(lab))
    before, began = [cpu_seconds([process]) for process in processes], time.monotonic()
    yield found
    found.seconds = time.monotonic() - began
    found.answering, found.switch = ((cpu_seconds([p]) - b) / found.seconds for p, b in zip(processes, before))


@contextmanager
def first(lab: Lab, loud: Agent) -> Iterator[None]:
    """Meanwhile what answers for the routers of hv1 and the switch there have the processors before all else, as on a host that
    keeps some from its guests; next is the agent that sends much, so that it keeps its rate.
    """
    ours = (_answering(lab).pid, _switch(lab).pid)
    try:
        for pid, priority in (*((pid, 2) for pid in ours), (loud.pid, 1)):
            _schedule(pid, os.SCHED_RR, priority)
        yield
    finally:
        for pid in ours:
            _schedule(pid, os.SCHED_OTHER, 0)


def flood(vm: VM, kind: Kind, rate: int, seconds: float) -> Agent:
    """Begin to offer so many a second, for so many seconds at most; it sends when this returns."""
    return Agent(vm, kind.agent, kind.target, rate, seconds, ready="sending")


def settle_seconds(seconds: float) -> float:
    """How long an agent may take that is to send for so many seconds."""
    return 2 * seconds + _SETTLE


def chassis(lab: Lab) -> Hypervisor:
    """Where the loud are."""
    return lab.hypervisors["hv1"]


def _schedule(pid: int, policy: int, priority: int) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), policy, os.sched_param(priority))


def _switch(lab: Lab) -> ProcessId:
    found = chassis(lab).vswitch.process("ovs-vswitchd")
    assert found is not None
    return found


def _answering(lab: Lab) -> ProcessId:
    """Our controller, or the ovn-controller of that chassis."""
    theirs = chassis(lab).folder / "run" / "ovn-controller.pid"
    if theirs.exists():
        return ProcessId.of(int(theirs.read_text()))
    assert lab.controller.ryu is not None
    return ProcessId.of(lab.controller.ryu.pid)
