"""What a refused edit says: which field, and why, in words for an operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ryu_overlay.model.objects import FloatingIp, Member, Object, Route, RouterPort, Snat

Status = Literal["not_found", "conflict", "invalid"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for a refusal.

    `field` is the path in the body (`switches[0].ports[3].mac`), or the name of a path parameter (`switch`) when
    the body is not what is wrong. `reason` is a sentence without a capital letter or full stop that names the other object.
    """

    field: str
    reason: str


class Refused(Exception):
    """An edit that was not made; the network it was meant for is as it was.

    `status` says what kind of refusal: `not_found`, nothing has that name; `conflict`, it does not go with what exists;
    `invalid`, a value would be wrong anywhere. `problems` is never empty and holds at most `limits.MAX_PROBLEMS`.
    """

    def __init__(self, status: Status, problems: tuple[Problem, ...]) -> None:
        super().__init__(status, problems)
        self.status = status
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(f"{p.field}: {p.reason}" for p in self.problems)


_WORDS = {
    "router_port": "router port",
    "external_network": "external network",
    "floating_ip": "floating IP",
    "load_balancer": "load balancer",
}
"""What kinds are called, where that is not their name."""


def called(kind: str) -> str:
    """What an operator calls objects of a kind: `router port`."""
    return _WORDS.get(kind, kind)


def describe(obj: Object) -> str:
    """An object as an operator would name it to another who knows the tenant: `port web-1`, `router port r1/up`."""
    if isinstance(obj, Route):
        return f"route {obj.prefix} of router {obj.router}"
    path = obj.name
    if isinstance(obj, (RouterPort, Snat, FloatingIp)):
        path = f"{obj.router}/{obj.name}"
    elif isinstance(obj, Member):
        path = f"{obj.load_balancer}/{obj.name}"
    return f"{called(obj.kind)} {path}"


def spelled(obj: Object) -> str:
    """An object as the CLI and REST spell it: `floating-ip red/r1/web`."""
    return f"{obj.kind.replace('_', '-')} {'/'.join(obj.ref)}"


def describe_fully(obj: Object) -> str:
    """An object as an operator would name it to one who thinks of another tenant: `floating IP red/r1/web`."""
    return f"{called(obj.kind)} {'/'.join(obj.ref)}"
