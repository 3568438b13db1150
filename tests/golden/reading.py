"""From the flows that a trace met to the words of a way: where the packet was, read from tables and cookies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import ExternalNetwork, FloatingIp, Member, Port, Ref, RouterPort, Snat
from ryu_overlay.pipeline.cookies import Feature, Why, read_cookie
from ryu_overlay.pipeline.tables import (
    EXT_IN,
    EXT_LOOKUP,
    EXT_RESOLVE,
    LB_MEMBER,
    LR_IN_ADMIT,
    LR_IN_SERVICE,
    LR_IN_TRACKED,
    LR_OUT_BORDER,
    LR_OUT_EXTERNAL,
    LR_OUT_NO_GATEWAY,
    LR_OUT_PORT,
    LR_OUT_TRACKED,
    LR_OUT_UPLINK,
    LS_IN_LOOKUP,
    LS_OUT_PORT,
    PHY_IN_PORT,
    PHY_IN_TUNNEL,
    PHY_OUT,
)
from tests.golden.tracing import Trace
from tests.golden.ways import Leg, at_balancer, at_border, from_port, in_external, in_router, in_switch, to_port


@dataclass
class Reading:
    """A way in the making: the legs that ended, the path of the one that did not, and where the packet is in it.

    `state` is what connection tracking said last. `leaving` is the uplink that the packet is on its way to, `border` the one
    where it is, `vif` the port whose VIF it is about to be sent out of.
    """

    network: Network
    chassis: str
    sender: Ref | None = None
    switch: Ref | None = None
    router: Ref | None = None
    in_port: RouterPort | None = None
    leaving: RouterPort | None = None
    border: RouterPort | None = None
    vif: Port | None = None
    entering: bool = False
    external: ExternalNetwork | None = None
    state: str = ""
    legs: list[Leg] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    arrivals: list[str] = field(default_factory=list)
    why: Why | None = None

    def read(self, trace: Trace) -> None:
        """Go where the flows of a trace say."""
        for step in trace.steps:
            self.why = read_cookie(step.cookie)
            assert self.why is not None, trace.text
            obj = self.network.by_key.get(self.why.key)
            if step.table == PHY_OUT.number:
                self._sent(step.held_back)
            else:
                self._inside(step.table, self.why, obj)
                self._outside(step.table, self.why, obj)

    def answer_arp(self) -> None:
        """The flows answered an ARP request: what follows is the answer's leg, back to who asked."""
        assert self.switch is not None and self.sender is not None
        self.path.append(in_switch(self.chassis, self.switch))
        self.arrivals.clear()
        self.end("answered: arp_reply")
        self.arrivals.append(to_port(self.chassis, self.sender))

    def answer_arp_outside(self) -> None:
        """So they did on the wire."""
        assert self.external is not None
        self.end("answered: arp_reply")
        self.path.append(in_external(self.chassis, self.external.ref))

    def end(self, how: str) -> None:
        """The leg ended."""
        if self.router is not None:
            self.leave_router(None)
        self.legs.append(Leg((*self.path, *sorted(self.arrivals)), how))
        self.path, self.arrivals, self.leaving, self.border = [], [], None, None

    def leave_router(self, out_port: RouterPort | None) -> None:
        """By this port, or nowhere."""
        assert self.router is not None
        came = self.in_port.ref if self.in_port is not None else None
        self.path.append(in_router(self.chassis, self.router, came, out_port.ref if out_port is not None else None))
        self.router = self.in_port = None

    def cross(self, chassis: str) -> None:
        """By tunnel to a gateway of the uplink."""
        self._leave_by_uplink()
        self.chassis = chassis

    def _inside(self, table: int, why: Why, obj: Any) -> None:
        if table == PHY_IN_PORT.number and isinstance(obj, Port):
            self.path.append(from_port(self.chassis, obj.ref))
            self.sender, self.switch = obj.ref, (obj.tenant, obj.switch)
        elif table == LS_IN_LOOKUP.number and self.switch is not None:
            self.path.append(in_switch(self.chassis, self.switch))
            self.in_port = obj if why.feature is Feature.ROUTING else None
        elif table == LR_IN_ADMIT.number:
            assert self.in_port is not None
            self.router, self.border = (self.in_port.tenant, self.in_port.router), None
        elif table == LR_IN_SERVICE.number and why.feature is Feature.ROUTER_ADDRESS:
            router = self.router if self.border is None else (self.border.tenant, self.border.router)
            self.end("answered: echo_reply")
            self.router = router
        elif table == LR_OUT_PORT.number and isinstance(obj, RouterPort):
            self._out(obj)
        elif table == LS_OUT_PORT.number and why.feature is Feature.BINDING:
            self.vif = obj
        elif table == LS_OUT_PORT.number and why.feature is Feature.DROP_PORT_DISABLED:
            self.arrivals.append(to_port(self.chassis, obj.ref))

    def _sent(self, held_back: bool) -> None:
        """Out of the bridge, if Open vSwitch did not hold it back."""
        if self.vif is not None and not held_back:
            self.arrivals.append(to_port(self.chassis, self.vif.ref))
        self.vif = None

    def _out(self, port: RouterPort) -> None:
        self.leave_router(port)
        if port.switch is not None:
            self.switch = (port.tenant, port.switch)
        else:
            self.in_port = self.network.router_views[port.tenant, port.router].peers[port.name]

    def _outside(self, table: int, why: Why, obj: Any) -> None:
        if table == PHY_IN_PORT.number and isinstance(obj, ExternalNetwork):
            self.external = obj
        elif table in (EXT_IN.number, EXT_RESOLVE.number) and self.external is not None:
            self.path.append(in_external(self.chassis, self.external.ref))
        elif table == EXT_LOOKUP.number and obj is not None:
            self.in_port = self._uplink(obj)
        elif table == LR_IN_TRACKED.number:
            self._enter(why, obj)
        elif table == LB_MEMBER.number and isinstance(obj, Member):
            self._balanced(obj)
        elif table == LR_IN_SERVICE.number and self.entering:
            self._at_border("in", None)
        elif table >= LR_OUT_UPLINK.number or table == PHY_IN_TUNNEL.number:
            self._outward(table, why, obj)

    def _outward(self, table: int, why: Why, obj: Any) -> None:
        """On the way to an uplink, or behind it."""
        by_uplink = why.feature in (Feature.UPLINK, Feature.FLOATING_IP)
        if table in (LR_OUT_UPLINK.number, PHY_IN_TUNNEL.number) and by_uplink:
            self.leaving = self._uplink(obj)
        elif table == LR_OUT_NO_GATEWAY.number:
            self.leaving = None
        elif table == LR_OUT_BORDER.number:
            self._leave_by_uplink()
            if why.feature is Feature.ROUTER_ADDRESS:
                self._at_border("out", None)
        elif table == LR_OUT_TRACKED.number and not (why.feature is Feature.UPLINK and "inv" in self.state):
            self._at_border("out", obj)
        elif table == LR_OUT_EXTERNAL.number:
            self._leave_to_external()

    def _enter(self, why: Why, obj: Any) -> None:
        """In by the border. Who gets a balanced connection comes out later."""
        assert self.in_port is not None
        self.border = self.in_port
        self.entering = why.feature is Feature.BALANCING
        if not self.entering:
            self._at_border("in", obj)
            if why.feature.is_drop:
                self.router = None

    def _balanced(self, member: Member) -> None:
        if self.entering:
            self._at_border("in", member)
        else:
            self.path.append(at_balancer(self.chassis, member))

    def _at_border(self, direction: str, by: Any) -> None:
        assert self.border is not None
        known = any(word in self.state.split("|") for word in ("est", "rel", "snat", "dnat"))
        rule = by if isinstance(by, (Snat, FloatingIp, Member)) else None
        self.path.append(at_border(self.chassis, self.border.ref, direction, rule, known))
        self.entering = False

    def _leave_by_uplink(self) -> None:
        if self.router is not None and self.leaving is not None:
            self.leave_router(self.leaving)
        self.border = self.leaving

    def _leave_to_external(self) -> None:
        assert self.border is not None
        view = self.network.router_views[self.border.tenant, self.border.router]
        self.external, self.border, self.leaving = view.external, None, None

    def _uplink(self, obj: Any) -> RouterPort | None:
        return self.network.router_views[obj.tenant, obj.router].uplink
