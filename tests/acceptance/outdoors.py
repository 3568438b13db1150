"""The lab of the way out with its servers, and the streams of connections that run through it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from mininet_topos.lab import Lab
from mininet_topos.loading import Serving, Tries, Trying
from mininet_topos.node import LabNode
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios_out import (
    BLUE_FLOATING,
    BLUE_UP,
    GREEN_FLOATING,
    GREEN_UP,
    INSIDE_VIP,
    MEMBER_PORT,
    RED_FLOATING,
    RED_UP,
    SWITCH_VIP,
    VIP,
)
from tests.acceptance.waiting import until

PUBLIC = ("203.0.113.0/24", "198.51.100.0/24")
"""All that may ever be seen outside."""
PRIVATE = "net 10.0.0.0/8 or net 100.64.0.0/10 or net 172.16.0.0/12"
WEIGHTS = {"red-db-1": 1, "red-db-2": 2, "red-db-3": 3}
MEMBERS = frozenset(WEIGHTS)
LONG_PORT = 7


@dataclass
class Services:
    """The servers that run, by node."""

    running: dict[str, Serving] = field(default_factory=dict)

    def start(self, node: LabNode) -> Serving:
        """The servers that belong on `node`, anew if they had been killed."""
        ports: dict[str, tuple[int, ...]] = {"tcp": (80,), "udp": (53,), "echo": (LONG_PORT,)}
        if node.name in MEMBERS:
            ports = {"tcp": (MEMBER_PORT,), "udp": (53,), "http": (80,), "echo": (LONG_PORT,)}
        self.running[node.name] = serving = Serving(node, **ports)
        return serving


@contextmanager
def services(lab: Lab) -> Iterator[Services]:
    """Servers on the machine outside and in the VMs that others connect to, until the block ends."""
    names = (*sorted(MEMBERS), "red-web-3", "blue-web-1", "green-b-1")
    made = Services()
    try:
        for node in (lab.server, *(lab.vms[name] for name in names)):
            made.start(node)
        yield made
    finally:
        for serving in made.running.values():
            serving.stop()


@dataclass(frozen=True)
class Stream:
    """Connections of one kind: who makes them, to what, which servers may answer, and which source these have to see.

    `sources` is empty where the source says nothing of interest.
    """

    what: str
    client: str
    target: str
    port: int
    servers: frozenset[str]
    sources: frozenset[str] = frozenset()
    udp: bool = False
    request: bool = False

    def begin(self, lab: Lab, count: int, timeout: float = 5.0) -> Trying:
        node = lab.server if self.client == "server" else lab.vms[self.client]
        options: dict[str, Any] = {"udp": self.udp, "request": self.request, "timeout": timeout}
        return Trying(node, self.target, self.port, count=count, concurrency=4, every=0.0, **options)

    def wrong(self, tries: Tries) -> list[str]:
        """What is not as it has to be."""
        found = [f"{self.what}: {tries.summary()}"] if tries.failed else []
        if not set(tries.servers) <= self.servers:
            found.append(f"{self.what}: answered by {dict(tries.servers)}")
        if self.sources and not tries.sources <= self.sources:
            found.append(f"{self.what}: from {sorted(tries.sources)}, not {sorted(self.sources)}")
        return found


def _stream(what: str, client: str, target: str, port: int, servers: set[str] | frozenset[str], **rest: Any) -> Stream:
    sources = frozenset({rest.pop("source")} if "source" in rest else ())
    return Stream(what, client, target, port, frozenset(servers), sources, **rest)


FLOATING = (
    _stream("red floating IP in", "server", RED_FLOATING, 80, {"red-web-3"}, source=SERVER_ADDRESS),
    _stream("red floating IP in, UDP", "server", RED_FLOATING, 53, {"red-web-3"}, source=SERVER_ADDRESS, udp=True),
    _stream("red floating IP out", "red-web-3", SERVER_ADDRESS, 80, {"server"}, source=RED_FLOATING),
    _stream("blue floating IP in", "server", BLUE_FLOATING, 80, {"blue-web-1"}, source=SERVER_ADDRESS),
    _stream("blue floating IP out", "blue-web-1", SERVER_ADDRESS, 80, {"server"}, source=BLUE_FLOATING),
    _stream("green floating IP in, behind three routers", "server", GREEN_FLOATING, 80, {"green-b-1"}, source=SERVER_ADDRESS),
    _stream("green floating IP out", "green-b-1", SERVER_ADDRESS, 80, {"server"}, source=GREEN_FLOATING),
    _stream("own tenant's floating IP (hairpin)", "red-web-1", RED_FLOATING, 80, {"red-web-3"}),
    _stream("own floating IP (hairpin to itself)", "red-web-3", RED_FLOATING, 80, {"red-web-3"}),
    _stream("another tenant's floating IP, from SNAT", "blue-web-2", RED_FLOATING, 80, {"red-web-3"}, source=BLUE_UP),
    _stream(
        "another tenant's floating IP, from a floating IP", "blue-web-1", RED_FLOATING, 80, {"red-web-3"}, source=BLUE_FLOATING
    ),
)
SNAT = (
    _stream("red SNAT", "red-web-1", SERVER_ADDRESS, 80, {"server"}, source=RED_UP),
    _stream("red SNAT, UDP", "red-db-2", SERVER_ADDRESS, 53, {"server"}, source=RED_UP, udp=True),
    _stream("blue SNAT from the same address as red's", "blue-db-1", SERVER_ADDRESS, 80, {"server"}, source=BLUE_UP),
    _stream("green SNAT, through three routers", "green-b-2", SERVER_ADDRESS, 80, {"server"}, source=GREEN_UP),
)
BALANCED = (
    _stream("VIP from outside", "server", VIP, 80, MEMBERS, source=SERVER_ADDRESS),
    _stream("VIP from outside, UDP", "server", VIP, 53, MEMBERS, source=SERVER_ADDRESS, udp=True),
    _stream("external VIP from inside (hairpin)", "red-web-2", VIP, 80, MEMBERS),
    _stream("external VIP from a member of it (hairpin)", "red-db-1", VIP, 80, MEMBERS),
    _stream("external VIP from another tenant", "blue-web-3", VIP, 80, MEMBERS, source=BLUE_UP),
    _stream("inside VIP on the router", "red-web-1", INSIDE_VIP, 80, MEMBERS, request=True),
    _stream("inside VIP on the router, from a member (hairpin)", "red-db-3", INSIDE_VIP, 80, MEMBERS, request=True),
    _stream("VIP on a switch, through the router", "red-web-3", SWITCH_VIP, 80, MEMBERS, request=True),
    _stream("VIP on a switch, from the switch (a member)", "red-db-2", SWITCH_VIP, 80, MEMBERS, request=True),
)


def run(lab: Lab, streams: tuple[Stream, ...], count: int) -> dict[Stream, Tries]:
    """All streams at once, `count` connections each, to their end."""
    with ExitStack() as stack:
        begun = [(stream, stack.enter_context(stream.begin(lab, count))) for stream in streams]
        return {stream: trying.wait() for stream, trying in begun}


def settle(lab: Lab, seconds: int = 20) -> None:
    """Wait until every chassis has confirmed what was written."""
    answer = lab.rest.get(f"/v1/revision?wait={seconds}")
    assert answer.json["converged"], answer.text


def patch(lab: Lab, path: str, body: dict[str, Any]) -> None:
    """Change an object and wait for it on every chassis."""
    answer = lab.rest.patch(f"/v1/{path}?wait=20", body)
    assert (answer.status, answer.headers.get("x-converged")) == (200, "true"), answer.text


def active(lab: Lab, tenant: str) -> str | None:
    """The chassis that carries the tenant's uplink, as the controller sees it."""
    uplinks = lab.rest.get("/v1/uplinks").json["uplinks"]
    found: list[str | None] = [uplink["active"] for uplink in uplinks if uplink["tenant"] == tenant]
    return found[0] if found else None


def member_states(lab: Lab, balancer: str) -> dict[str, str]:
    """State by member."""
    members = lab.rest.get("/v1/members").json["members"]
    return {m["member"]: m["state"] for m in members if (m["tenant"], m["load_balancer"]) == ("red", balancer)}


def ready(lab: Lab) -> None:
    """Wait until everything goes: gateways are active, members are up, each tenant reaches the server."""
    until("an active gateway for each uplink", lambda: all(active(lab, tenant) for tenant in ("red", "blue", "green")))
    until("members up", lambda: {s for name in ("public", "inside") for s in member_states(lab, name).values()} == {"up"})
    clients = [lab.vms[name] for name in ("red-web-1", "blue-db-1", "green-b-2")]
    until("the server reached", lambda: all(lab.ping(vm, SERVER_ADDRESS, count=1, timeout=0.5).received for vm in clients))


def off_weights(servers: Mapping[str, int]) -> dict[str, float]:
    """How far each member's connections are from its weight's share, in standard deviations of so many independent draws."""
    total, weights = sum(servers.values()), sum(WEIGHTS.values())
    shares = {name: weight / weights for name, weight in WEIGHTS.items()}
    return {
        name: (servers.get(name, 0) - total * share) / math.sqrt(total * share * (1 - share)) for name, share in shares.items()
    }


def floating_at(lab: Lab) -> set[str]:
    """Where red-web-3's own connections leave: the hypervisors whose `ext0` sends packets from its floating IP."""
    found = set()
    for name, host in lab.hypervisors.items():
        with lab.tcpdump(host, "ext0", f"src host {RED_FLOATING} and icmp") as capture:
            lab.ping(lab.vms["red-web-3"], SERVER_ADDRESS, count=2, timeout=0.3)
            if any(f"{RED_FLOATING} > {SERVER_ADDRESS}" in line for line in capture.stop()):
                found.add(name)
    return found


def exhausted(lab: Lab, router: str) -> int:
    """Packets dropped because no external address and port was left for them, of a router such as `blue/r1`."""
    found = lab.rest.get("/v1/drops").json["drops"]
    return sum(d["packets"] for d in found if d["reason"] == "nat_exhausted" and str(d["object"]).startswith(router))
