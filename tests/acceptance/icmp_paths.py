"""Routers whose answers stand for paths, in a lab where all that can break hangs on hv3.

    near-1 (hv1)  near-2 (hv2)                   far-3 (hv3)
          `- switch near - r1 - transit - r2 - switch far -'
                           `- uplink 203.0.113.11, carried by hv3 alone

near-1 pings the far port of r2, r2's port on the transit switch, and the uplink, while something is broken; and near-2, which
none of it concerns. The controller's own channels are not broken: they have a network of their own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from mininet_topos.lab import Lab
from mininet_topos.measure import PingResult
from mininet_topos.scenarios import Document, Scenario
from mininet_topos.scenarios_out import INTERNET
from tests.acceptance.monitoring_breaking import filterable
from tests.acceptance.oam_breaking import cut, deaf
from tests.acceptance.waiting import until

NEAR, FAR, TRANSIT, UPLINK = "10.2.1.1", "10.2.2.1", "100.64.2.2", "203.0.113.41"
BESIDE, VM_FAR = "10.2.1.12", "10.2.2.13"
INSIDE = (FAR, TRANSIT)
EVERY = 0.05
"""Seconds between pings."""
CHANGES_WITHIN, BROKEN_FOR, BACK_WITHIN = 2.0, 5.0, 20.0


def _port(name: str, address: str) -> Document:
    third, fourth = address.split(".")[2:]
    return {"name": name, "mac": f"02:00:00:07:{int(third):02x}:{int(fourth):02x}", "addresses": [address]}


def _router(name: str, ports: list[Document], routes: Mapping[str, str], answers: str, without_path: str) -> Document:
    policy = {"answers": answers, "without_path": without_path}
    return {"name": name, **policy, "ports": ports, "routes": [{"prefix": p, "nexthops": [hop]} for p, hop in routes.items()]}


def tenant(answers: str = "local", without_path: str = "unreachable") -> Document:
    """The tenant, with this policy of both routers."""
    near = [_port("near-1", "10.2.1.11"), _port("near-2", BESIDE)]
    uplink = {"name": "up", "addresses": [f"{UPLINK}/24"], "external": "internet", "gateways": ["hv3"]}
    r1 = [
        {"name": "near", "addresses": [f"{NEAR}/24"], "switch": "near"},
        {"name": "t", "addresses": ["100.64.2.1/24"], "switch": "transit"},
        uplink,
    ]
    r2 = [
        {"name": "t", "addresses": [f"{TRANSIT}/24"], "switch": "transit"},
        {"name": "far", "addresses": [f"{FAR}/24"], "switch": "far"},
    ]
    return {
        "name": "path",
        "switches": [
            {"name": "near", "subnets": ["10.2.1.0/24"], "ports": near},
            {"name": "transit", "subnets": ["100.64.2.0/24"], "ports": []},
            {"name": "far", "subnets": ["10.2.2.0/24"], "ports": [_port("far-3", VM_FAR)]},
        ],
        "routers": [
            _router("r1", r1, {"10.2.2.0/24": TRANSIT}, answers, without_path),
            _router("r2", r2, {"0.0.0.0/0": "100.64.2.1"}, answers, without_path),
        ],
    }


PATHS = Scenario(
    name="paths",
    hypervisors=3,
    tenants=(tenant(),),
    placement=(("near-1", "hv1"), ("near-2", "hv2"), ("far-3", "hv3")),
    external_networks=(INTERNET,),
    external=("hv1", "hv2", "hv3"),
)


def policy(lab: Lab, answers: str, without_path: str = "unreachable") -> None:
    """What an operator types to give both routers a policy. Returns when every chassis has it."""
    for router in ("path/r1", "path/r2"):
        lab.overlayctl("set", "router", router, "--answers", answers, "--without-path", without_path, "--wait", "10")


@contextmanager
def _uplink_cut(lab: Lab) -> Iterator[None]:
    lab.hypervisors["hv3"].external(False)
    try:
        yield
    finally:
        lab.hypervisors["hv3"].external(True)


@contextmanager
def upstream_dead(lab: Lab) -> Iterator[None]:
    """The links of hypervisors to it stay: there is a switch between."""
    lab.upstream.script("ip link set out0 down\n")
    try:
        yield
    finally:
        lab.upstream.script("ip link set out0 up\n")


@contextmanager
def _chassis_dead(lab: Lab) -> Iterator[None]:
    host = lab.hypervisors["hv3"]
    with cut(lab, "hv3"):
        host.kill_vswitchd()
        try:
            yield
        finally:
            host.start_vswitchd()


@dataclass(frozen=True)
class Breakage:
    """Something that breaks, and which of the addresses are behind it."""

    name: str
    breaks: Callable[[Lab], AbstractContextManager[None]]
    behind: tuple[str, ...]


BREAKAGES = (
    Breakage("the gateway's uplink is cut", _uplink_cut, (UPLINK,)),
    Breakage("the upstream router is dead", upstream_dead, (UPLINK,)),
    Breakage("the chassis behind is dead", _chassis_dead, (FAR, TRANSIT, UPLINK)),
    Breakage("the tunnel carries nothing there", lambda lab: deaf(lab, "hv3", "hv1"), (FAR, TRANSIT, UPLINK)),
    Breakage("the tunnel carries nothing back", lambda lab: deaf(lab, "hv1", "hv3"), (FAR, TRANSIT, UPLINK)),
)


@dataclass(frozen=True)
class Seen:
    """What pings of one address saw: seconds from the breakage to the last reply (None: replies never ended), from the mending to
    the first again, whoever said something else meanwhile and what; how many were lost before and after."""

    until_change: float | None
    until_back: float | None
    errors: frozenset[tuple[str, str]]
    lost_else: int


@dataclass(frozen=True)
class Meanwhile:
    """What pings of each address saw, and those of near-2; of the time when it was broken, the hops of a traceroute to far-3,
    and how many answers were counted as not given.
    """

    seen: dict[str, Seen]
    beside: PingResult
    hops: list[str]
    withheld: int


def during(lab: Lab, breakage: Breakage) -> Meanwhile:
    """Break and mend."""
    vm = lab.vms["near-1"]
    with ExitStack() as stack:
        stack.enter_context(filterable(lab))
        pings = {target: stack.enter_context(lab.pinging(vm, target, EVERY)) for target in (FAR, TRANSIT, UPLINK)}
        beside = stack.enter_context(lab.pinging(vm, BESIDE, 0.02))
        until("pings have begun", lambda: all("bytes from" in each.log.read_text() for each in pings.values()))
        with breakage.breaks(lab):
            broken = time.time()
            until("the change has had its time", lambda: time.time() > broken + CHANGES_WITHIN)
            hops = traceroute(lab)
            until("it was broken for long enough", lambda: time.time() > broken + BROKEN_FOR)
            not_given = _withheld(lab)
        mended = time.time()
        until("far-3 is reached again", lambda: lab.ping(vm, VM_FAR, count=1, timeout=0.3).received == 1, BACK_WITHIN)
        for target, each in pings.items():
            until(f"{target} answers again", lambda: _last(each.log.read_text()) > mended + 0.5, BACK_WITHIN)  # noqa: B023
        seen = {target: _seen(each.stop(), broken, mended) for target, each in pings.items()}
        return Meanwhile(seen, beside.stop(), hops, not_given)


def traceroute(lab: Lab) -> list[str]:
    """The hops to far-3 as `traceroute -n` says them, each once: an address, with !H where it says so, or *."""
    words = ("traceroute", "-n", "-q", "1", "-w", "0.5", "-m", "4", "-N", "1", VM_FAR)
    done = lab.vms["near-1"].run(*words, check=False, timeout=30)
    found: list[str] = []
    for line in done.stdout.splitlines()[1:]:
        said = line.split()
        found.append(" ".join([said[1], *(word for word in said[2:] if word.startswith("!"))]))
    return found


def _withheld(lab: Lab) -> int:
    """Answers that were not given because a way is broken, as `overlayctl drops` tells."""
    return sum(drop["packets"] for drop in lab.rest.get("/v1/drops").json["drops"] if drop["reason"] == "no_path")


def _last(log: str) -> float:
    times = re.findall(r"\[(\d+\.\d+)\] \d+ bytes from", log)
    return float(times[-1]) if times else 0.0


def _seen(result: PingResult, broken: float, mended: float) -> Seen:
    before = [r for r in result.replies if r.at < mended]
    after = [r for r in result.replies if r.at >= mended]
    last = max((r.at for r in before), default=broken)
    back = min((r.at for r in after), default=mended)
    ended = mended - last > 10 * EVERY
    numbers = {r.sequence for r in result.replies}
    edge = [r.sequence for r in (before if ended else result.replies)]
    lost = len(set(range(min(edge), max(edge) + 1)) - numbers) if edge else 0
    return Seen(max(0.0, last - broken) if ended else None, back - mended if ended else None, frozenset(result.errors), lost)
