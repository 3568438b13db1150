"""Traffic of every class among three tenants and the internet, and changes of every sort while it runs.

What is one way only goes on through all of them. Replies to what rules translate, and what comes to addresses that move from one
gateway to the other, rests while gateways change: which of two gateways had to take such a frame cannot be seen from outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mininet_topos.lab import Lab
from mininet_topos.loading import Serving, Streaming, Trying
from mininet_topos.node import LabNode
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios_out import (
    BLUE_FLOATING,
    BLUE_UP,
    GREEN_FLOATING,
    GREEN_UP,
    RED_FLOATING,
    RED_UP,
    VIP,
)
from tests.acceptance.waiting import until

EXTRA, SECOND = "203.0.113.50", "203.0.113.60"
TENANTS = {
    **dict.fromkeys((RED_UP, RED_FLOATING, VIP, EXTRA), "red"),
    **dict.fromkeys((BLUE_UP, BLUE_FLOATING), "blue"),
    **dict.fromkeys((GREEN_UP, GREEN_FLOATING, SECOND), "green"),
}
"""Whose each external address is."""
_ONE_WAY: tuple[tuple[str, int, float, tuple[str, ...]], ...] = (
    ("red-web-1", 6000, 150, (SERVER_ADDRESS,)),
    ("blue-db-1", 6000, 100, (SERVER_ADDRESS,)),
    ("green-b-1", 6000, 50, (SERVER_ADDRESS,)),
    ("green-a-1", 6000, 50, (SERVER_ADDRESS,)),
    ("server", 6001, 150, (RED_FLOATING,)),
    ("red-web-3", 6001, 50, (SERVER_ADDRESS,)),
    ("blue-web-2", 6002, 100, (RED_FLOATING,)),
    ("red-db-2", 6003, 100, (RED_FLOATING,)),
    ("red-web-2", 6004, 150, ("10.0.2.11",)),
)
"""Who sends from and to which UDP port, how often a second, and where to."""
_SINKS = (("server", 6000), ("red-web-3", 6002), ("red-web-3", 6003), ("red-db-1", 6004))
MOVED = ("red-web-1", "red-web-2", "blue-db-2", "green-a-2")


def _node(lab: Lab, name: str) -> LabNode:
    return lab.server if name == "server" else lab.vms[name]


@contextmanager
def one_way(lab: Lab) -> Iterator[None]:
    """What goes on through everything."""
    with ExitStack() as stack:
        for name, port in _SINKS:
            stack.enter_context(Streaming(_node(lab, name), port, 0.001, "127.0.0.1"))
        for name, port, rate, addresses in _ONE_WAY:
            stack.enter_context(Streaming(_node(lab, name), port, rate, *addresses))
        yield


@contextmanager
def both_ways(lab: Lab) -> Iterator[None]:
    """Connections through rules and load balancers, and what comes to a floating IP that may move to a gateway."""
    with ExitStack() as stack:
        stack.enter_context(Serving(lab.vms["blue-web-1"], udp=(6005,)))
        for client, target, port, options in (
            ("red-db-3", SERVER_ADDRESS, 53, {"udp": True}),
            ("blue-web-3", SERVER_ADDRESS, 80, {}),
            ("server", BLUE_FLOATING, 6005, {"udp": True}),
            ("server", VIP, 53, {"udp": True}),
        ):
            given: dict[str, Any] = {"concurrency": 2, "every": 0.05, "timeout": 0.5, "seconds": 900.0, **options}
            stack.enter_context(Trying(_node(lab, client), target, port, **given))
        yield


@dataclass
class Changes:
    """Random changes, and how many of each sort there were."""

    lab: Lab
    random: Random
    made: Counter[str] = field(default_factory=Counter)
    _there: set[str] = field(default_factory=set)

    def make(self) -> None:
        """One more."""
        sorts: tuple[Callable[[], str], ...] = (self._route, self._rule, self._floating, self._port, self._enabled, self._weight)
        self.made[self.random.choice(sorts)()] += 1

    def move(self) -> None:
        """A live migration."""
        vm = self.lab.vms[self.random.choice(MOVED)]
        here = self.lab.host_of(vm).name
        self.lab.move(vm, self.random.choice([name for name in self.lab.hypervisors if name != here]))
        self.made["migration"] += 1

    def gateways(self, order: list[str]) -> None:
        """Have red's and blue's uplinks carried by other gateways."""
        for tenant in ("red", "blue"):
            self._write("patch", f"tenants/{tenant}/routers/r1/ports/up", {"gateways": order})
        self.made["gateways"] += 1

    def _toggle(self, path: str, document: dict[str, Any]) -> None:
        if path in self._there:
            self._there.discard(path)
            self._write("delete", path, None)
        else:
            self._there.add(path)
            self._write("put", path, document)

    def _route(self) -> str:
        prefix = f"10.77.{self.random.randrange(4)}.0%2F24"
        self._toggle(f"tenants/red/routers/r1/routes/{prefix}", {"nexthops": ["10.0.1.12"]})
        return "route"

    def _rule(self) -> str:
        self._write(
            "patch", "tenants/red/routers/r1/snats/all", {"addresses": self.random.choice([[], [EXTRA], [EXTRA, RED_UP]])}
        )
        return "NAT rule"

    def _floating(self) -> str:
        self._toggle("tenants/green/routers/r1/floating-ips/two", {"address": SECOND, "port": "green-a-1"})
        return "floating IP"

    def _port(self) -> str:
        number = self.random.randrange(4)
        self._toggle(f"tenants/blue/switches/db/ports/blue-new-{number}", {"addresses": [f"10.0.2.{200 + number}"]})
        return "port"

    def _enabled(self) -> str:
        self._write("patch", "tenants/red/switches/db/ports/red-db-2", {"enabled": self.random.random() < 0.7})
        return "port enabled"

    def _weight(self) -> str:
        self._write("patch", "tenants/red/load-balancers/names/members/m1", {"weight": self.random.randrange(1, 9)})
        return "weight"

    def _write(self, method: str, path: str, body: Any) -> None:
        call = getattr(self.lab.rest, method)

        def answered() -> Any:
            """After a restart the controller's database may take a moment."""
            answer = call(f"/v1/{path}") if body is None else call(f"/v1/{path}", body)
            return answer if answer.status != 503 else None

        answer = until("the store is there", answered)
        assert answer.status in (200, 201, 204), (method, path, answer.status, answer.text)
