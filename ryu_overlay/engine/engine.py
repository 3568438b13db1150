"""step(events, now) -> effects.

1. Take all waiting events in. What chassis say waits until the network and the store's memory are known.
2. If the network or the fabric changed, compile every chassis' program (what did not change is remembered).
3. Plan each chassis' tunnels; remember in the store what is new of the fabric.
4. For each bridge whose chassis has reported and which has been read, send the difference to its program.

A chassis is left as it is until its own facts, the network and what the store remembers are all known: so a
restarted controller finds everything as it should be and sends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from ryu_overlay.compiler.program import Compiler
from ryu_overlay.engine.bindings import Bindings
from ryu_overlay.engine.bridge import Bridge
from ryu_overlay.engine.events import (
    ChassisForgotten,
    ChassisLost,
    ChassisReported,
    Confirmed,
    Effect,
    Event,
    FabricRemembered,
    Log,
    NetworkChanged,
    PlanTunnels,
    Refusal,
    Remember,
    SwitchConnected,
    SwitchGone,
    SwitchRead,
    Tick,
)
from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.fabric.placement import Device, Fabric, reach, wanted_tunnels
from ryu_overlay.model.network import Network
from ryu_overlay.openflow.flow import EMPTY, Program


WAIT_FOR_CHASSIS = 10.0
"""Seconds after the start that remembered chassis have to report before others may take over what is bound there."""

_TOKENS = range(1, 0x80000000)


@dataclass(frozen=True, slots=True)
class Options:
    """`punt_rate`: packets a second a chassis may send to the controller. `audit_every`: seconds between audits."""

    punt_rate: int = 2000
    audit_every: float = 30.0


class Engine:
    """All state that decides anything. Everything public besides `step` and `distrust` is for reading.

    `problems` has, by chassis, why its bridge is not worked on though it is there.
    """

    def __init__(self, options: Options) -> None:
        self.network = Network()
        self.facts: dict[str, ChassisFacts] = {}
        self.connected: set[str] = set()
        self.encap_ips: dict[str, IPv4Address] = {}
        self.bindings = Bindings()
        self.bridges: dict[int, Bridge] = {}
        self.programs: dict[str, Program] = {}
        self.changed_at: dict[str, int] = {}
        self.tunnels_wanted: dict[str, frozenset[str]] = {}
        self.problems: dict[str, str] = {}
        self._options = options
        self._compiler = Compiler(options.punt_rate)
        self._tunnels = Tunnels()
        self._channels: set[int] = set()
        self._tokens = _tokens()
        self._memory = Memory()
        self._lost_at: dict[str, int] = {}
        self._network_known = False
        self._remembered: FabricRemembered | None = None
        self._early: dict[str, Event] = {}
        self._loaded_at: float | None = None
