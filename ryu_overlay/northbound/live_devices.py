"""Routers and switches of the running controller as if they were boxes: what REST shows of them, model beside reality."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone
from ipaddress import IPv4Address
from typing import Literal

from ryu_overlay.engine.engine import Engine
from ryu_overlay.engine.journal import Name
from ryu_overlay.model.network import RouterView, SwitchView
from ryu_overlay.model.objects import Ref
from ryu_overlay.model.problems import Problem, Refused
from ryu_overlay.northbound import live_arp, live_interfaces, live_nat, live_routes, live_switch
from ryu_overlay.northbound.live_look import Ask, Looking
from ryu_overlay.northbound.service_devices import (
    Balancers,
    DeviceLog,
    Interfaces,
    LogLine,
    MacTable,
    NatStatus,
    NeighbourTable,
    RouterTable,
    Translations,
)
from ryu_overlay.southbound.checks import Checks
from ryu_overlay.southbound.translating import Translating

_UNDER_ROUTER = frozenset({"router_port", "route", "snat", "floating_ip"})


class LiveDevices:
    """See `service_devices.Devices`, which it implements."""

    def __init__(
        self, engine: Engine, ask: Ask, checks: Checks, translating: Translating, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._looking = Looking(engine, ask)
        self._checks = checks
        self._translating = translating
        self._clock = clock

    def routes(self, router: Ref, address: IPv4Address | None) -> RouterTable:
        return live_routes.table(self._engine, self._looking, self._router(router), address)

    def neighbours(self, router: Ref) -> NeighbourTable:
        return live_arp.of_router(self._engine, self._looking, self._router(router), self._clock())

    def router_interfaces(self, router: Ref) -> Interfaces:
        return live_interfaces.of_router(self._engine, self._looking, self._router(router))

    def nat(self, router: Ref) -> NatStatus:
        return live_nat.status(self._engine, self._looking, self._router(router))

    def translations(self, router: Ref, seconds: float) -> Translations:
        return live_nat.translations(self._engine, self._translating, self._router(router), seconds)

    def balancers(self, router: Ref) -> Balancers:
        return live_nat.balancers(self._engine, self._looking, self._checks, self._router(router))

    def macs(self, switch: Ref) -> MacTable:
        return live_switch.macs(self._engine, self._looking, self._switch(switch))

    def switch_interfaces(self, switch: Ref) -> Interfaces:
        return live_interfaces.of_switch(self._engine, self._looking, self._switch(switch))

    def switch_neighbours(self, switch: Ref) -> NeighbourTable:
        return live_arp.of_switch(self._engine, self._looking, self._switch(switch))

    def log(self, kind: Literal["router", "switch"], ref: Ref, most: int) -> DeviceLog:
        if kind == "router":
            router = self._router(ref)
            concerns = _of_router(router, self._looking.reached(("router", router.router.key)))
        else:
            switch = self._switch(ref)
            concerns = _of_switch(switch, self._looking.reached(("switch", switch.switch.key)))
        entries = self._engine.journal.concerning(concerns, most)
        return DeviceLog(
            tuple(
                LogLine(
                    datetime.fromtimestamp(e.at, timezone.utc),
                    "error" if e.level >= logging.ERROR else "warning" if e.level >= logging.WARNING else "info",
                    e.text,
                    tuple(f"{kind.replace('_', '-')} {'/'.join(name)}" for kind, name in e.about),
                )
                for e in entries
            )
        )

    def _router(self, ref: Ref) -> RouterView:
        view = self._engine.network.router_views.get(ref)
        if view is None:
            raise Refused("conflict", (Problem("router", f"{'/'.join(ref)} is too new: ask again"),))
        return view

    def _switch(self, ref: Ref) -> SwitchView:
        view = self._engine.network.switch_views.get(ref)
        if view is None:
            raise Refused("conflict", (Problem("switch", f"{'/'.join(ref)} is too new: ask again"),))
        return view


def _of_router(view: RouterView, reached: list[str]) -> Callable[[Name], bool]:
    """What an entry has to be about to concern a router: it, what is in it and on it, its outside, its chassis."""
    ref, balancers = view.router.ref, {b.balancer.ref for b in view.balancers}
    external = None if view.external is None else view.external.ref

    def concerns(name: Name) -> bool:
        kind, about = name
        if kind == "chassis":
            return about[0] in reached
        if kind in ("load_balancer", "member"):
            return about[:2] in balancers
        if kind == "external_network":
            return about == external
        return (kind == "router" and about == ref) or (kind in _UNDER_ROUTER and about[:2] == ref)

    return concerns


def _of_switch(view: SwitchView, reached: list[str]) -> Callable[[Name], bool]:
    ref, routers = view.switch.ref, {port.ref for port in view.router_ports}
    balancers = {b.balancer.ref for b in view.balancers}

    def concerns(name: Name) -> bool:
        kind, about = name
        if kind == "chassis":
            return about[0] in reached
        if kind in ("load_balancer", "member"):
            return about[:2] in balancers
        if kind == "router_port":
            return about in routers
        return (kind == "switch" and about == ref) or (kind == "port" and about[:2] == ref)

    return concerns
