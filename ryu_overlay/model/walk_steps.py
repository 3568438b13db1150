"""Where a packet of the reference walk stands, and what the walk carries along: hops so far, connections, choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from typing import Any

from ryu_overlay.model.network import ExternalView, Network, RouterView, SwitchView
from ryu_overlay.model.objects import Port, RouterPort
from ryu_overlay.model.walk_border import Facts
from ryu_overlay.model.walk_choice import Choose, Option
from ryu_overlay.model.walk_memory import Memory
from ryu_overlay.model.walk_values import AtBorder, Connection, Hop, Ip, Packet, Position


@dataclass(frozen=True, slots=True)
class FromPort:
    """Its VIF sends it."""

    port: Port
    packet: Packet


@dataclass(frozen=True, slots=True)
class InSwitch:
    """In a switch; `sender` is the port that it came by, None for a router's."""

    view: SwitchView
    sender: Port | None
    packet: Packet


@dataclass(frozen=True, slots=True)
class InRouter:
    """At a router, by one of its ports."""

    port: RouterPort
    packet: Packet


@dataclass(frozen=True, slots=True)
class ToPort:
    """About to be handed to a port's VIF."""

    port: Port
    packet: Packet


@dataclass(frozen=True, slots=True)
class InExternal:
    """`hop` is where a router sends it, None if it came from the wire."""

    view: ExternalView
    hop: IPv4Address | None
    packet: Packet


@dataclass(frozen=True, slots=True)
class IntoBorder:
    """It came in by the router's uplink."""

    view: RouterView
    uplink: RouterPort
    packet: Packet


@dataclass(frozen=True, slots=True)
class OutOfBorder:
    """It is to go to `hop` behind the uplink, as `ip`; the router got it as `packet`, by `in_port` (None: made it itself)."""

    view: RouterView
    uplink: RouterPort
    in_port: RouterPort | None
    hop: IPv4Address
    packet: Packet
    ip: Ip


@dataclass(frozen=True, slots=True)
class Admitted:
    """A router has let it in by `port`, with inside addresses."""

    view: RouterView
    port: RouterPort
    packet: Packet


@dataclass(frozen=True, slots=True)
class Served:
    """It is for the router itself. `at` is the border where that came out, None for inside the router."""

    view: RouterView
    port: RouterPort
    packet: Packet
    at: AtBorder | None


Step = FromPort | InSwitch | InRouter | ToPort | InExternal | IntoBorder | OutOfBorder | Admitted | Served


@dataclass(frozen=True)
class Trail:
    """What one packet's walk knows and leaves behind. An answer's way back has hops of its own and shares the rest."""

    network: Network
    choose: Choose
    facts: Facts
    memory: Memory
    chosen: dict[object, Any] = field(default_factory=dict)
    hops: list[Hop] = field(default_factory=list)
    begun: list[Connection] = field(default_factory=list)

    def back(self) -> Trail:
        """For an answer."""
        return Trail(self.network, self.choose, self.facts, self.memory)

    def passes(self, position: Position, packet: Packet, after: Packet | None = None) -> None:
        self.hops.append(Hop(position, packet, after))

    def begin(self, connections: tuple[Connection, ...]) -> None:
        for connection in connections:
            self.memory.add(connection)
            self.begun.append(connection)

    def one_of(self, what: object, options: tuple[Option, ...]) -> Option:
        """The choice for `what`: asked for once."""
        if what not in self.chosen:
            self.chosen[what] = self.choose(options)
        chosen: Option = self.chosen[what]
        return chosen

    def chooser(self, *what: object) -> Choose:
        """`one_of` for `what`."""
        choose: Callable[..., Any] = partial(self.one_of, what)
        return choose
