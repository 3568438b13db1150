"""From what bridges told of a packet to its way, in the words of `observed`: where it was is read off its registers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ryu_overlay.model.objects import FloatingIp, Member, RouterPort, Snat
from ryu_overlay.model.problems import spelled
from ryu_overlay.oam.expected import packet_view
from ryu_overlay.oam.frames import from_frame
from ryu_overlay.oam.hops import Direction, Hop, HopKind, PacketView
from ryu_overlay.oam.journey import Journey, Stay
from ryu_overlay.oam.observed import ANSWERS, Crossing, FlowMet, Observer, Seen, SeenHop, flow_met
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.openflow.fields import CT_REL, CT_STATE, IN_PORT
from ryu_overlay.pipeline import tables as t
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import DATAPATH, FROM_TUNNEL, IN_LPORT, OFPORT, OUT_LPORT, TUNNEL


@dataclass(slots=True)
class _Begun:
    """A hop in the making."""

    kind: HopKind
    name: str
    packet: PacketView
    seen: Sighting
    after: PacketView | None = None
    direction: Direction | None = None
    in_port: str | None = None
    out_port: str | None = None
    rule: str | None = None
    known: bool = False
    flows: list[FlowMet] = field(default_factory=list)


def read(observer: Observer, journey: Journey) -> list[Seen]:
    """A journey's hops in order. Translations that are seen begin are known by their rule in journeys read later."""
    reading, way = _Reading(observer, journey), journey.way()
    for number, stay in enumerate(way):
        reading.stay(stay, way[number + 1] if number + 1 < len(way) else None)
    return reading.done()


def view(frame: bytes) -> PacketView:
    """A frame in the words of `hops`."""
    return packet_view(from_frame(frame))


class _Reading:
    """One journey being read. The hop that the packet is at gets the flows met; `_router` is the router it is in, `_left` the
    last one that it was in."""

    def __init__(self, observer: Observer, journey: Journey) -> None:
        self._observer = observer
        self._journey = journey
        self._found: list[_Begun | Crossing] = []
        self._at: _Begun | None = None
        self._router: _Begun | None = None
        self._left: _Begun | None = None
        self._border: _Begun | None = None
        self._flows: list[FlowMet] = []
        self._answering = False
        self._entering = False
        self._sent_up: tuple[_Begun, str] | None = None

    def done(self) -> list[Seen]:
        return [each if isinstance(each, Crossing) else self._finished(each) for each in self._found]

    def stay(self, stay: Stay, following: Stay | None) -> None:
        """All of a stay, and the tunnel to the following one."""
        for seen in stay.seen:
            if seen.feature is Feature.PUNT_SEEN:
                step = _STEPS.get(seen.table)
                if step is not None:
                    step(self, seen)
                self._met(flow_met(self._observer, seen))
            elif seen.feature in ANSWERS and (router := self._router or self._left) is not None:
                self._sent_up = router, ANSWERS[seen.feature]
                if router is self._router:
                    self._leave(router, None)
        if stay.end == "into_tunnel":
            self._cross(stay, following)
        elif stay.end in ("caught", "sent_up"):
            self._caught()

    def _finished(self, begun: _Begun) -> SeenHop:
        hop = Hop(
            begun.kind,
            begun.name,
            begun.packet,
            begun.after,
            begun.direction,
            begun.in_port,
            begun.out_port,
            begun.rule,
            begun.known,
        )
        return SeenHop(hop, begun.seen.chassis, self._ms(begun.seen.at), tuple(begun.flows))

    def _ms(self, at: float) -> float:
        return round((at - self._journey.begun) * 1000, 3)

    def _met(self, flow: FlowMet) -> None:
        (self._flows if self._at is None else self._at.flows).append(flow)

    def _begin(self, hop: _Begun, *, keep: bool = True) -> _Begun:
        hop.flows, self._flows = self._flows, []
        self._at = hop
        if keep:
            self._found.append(hop)
        return hop

    def _cross(self, stay: Stay, following: Stay | None) -> None:
        last, places = stay.last, self._observer.places
        peer = places.tunnels.get((stay.chassis, last.register(OFPORT) & ~TUNNEL), "?")
        received = None if following is None else self._ms(following.seen[0].at)
        by = following.chassis if following is not None and following.chassis != peer else None
        there = peer if by is None else by
        own = (there, stay.vni) in self._journey.crossed
        # The hop's last flow, or all since the last hop, is what sends it there.
        flows = (self._at.flows.pop(),) if self._at is not None else tuple(self._flows)
        self._found.append(Crossing(stay.chassis, peer, stay.vni, self._ms(last.at), received, by, own, flows))
        self._at, self._flows = None, []

    def _caught(self) -> None:
        """It ends here: at the border of a router, or in the router."""
        router, border = self._router, self._border
        if router is not None and border is not None and border.kind == "nat" and border.after is None:
            border.flows[:0] = router.flows
        elif router is not None:
            self._leave(router, None)

    def _port(self, name: str, seen: Sighting, direction: Direction) -> None:
        self._begin(_Begun("port", name, view(seen.frame), seen, direction=direction))

    # One method for each table that tells of a new place.

    def _came_in(self, seen: Sighting) -> None:
        where = (seen.chassis, seen.state.get(IN_PORT, 0))
        if where in self._observer.places.vifs:
            self._port(self._observer.places.vifs[where], seen, "from")

    def _in_switch(self, seen: Sighting) -> None:
        if not seen.register(FROM_TUNNEL):
            self._begin(_Begun("switch", self._observer.name(seen.register(DATAPATH)), view(seen.frame), seen))

    def _in_router(self, seen: Sighting) -> None:
        name = self._observer.name(seen.register(DATAPATH))
        came = self._observer.network.by_key.get(seen.register(IN_LPORT))
        in_port = came.name if isinstance(came, RouterPort) else None
        self._router = self._begin(_Begun("router", name, view(seen.frame), seen, in_port=in_port), keep=False)
        self._border, self._answering = None, False

    def _tracked_in(self, seen: Sighting) -> None:
        router = self._router
        if router is None:
            # The answer of a host outside is known as a probe's only here.
            self._in_router(seen)
            return
        uplink = self._observer.name(seen.register(IN_LPORT))
        border = _Begun("nat", uplink, _bare(router.packet), seen, direction="in")
        self._entering = self._rule(border, seen)
        self._border = border
        self._found.append(border)
        self._at = border

    def _rule(self, border: _Begun, seen: Sighting) -> bool:
        """What translates at a border. Gives whether a member is still to be chosen."""
        flow = self._observer.flow(seen)
        why, obj = None if flow is None else read_cookie(flow.cookie), self._observer.object_of(flow)
        if isinstance(obj, (Snat, FloatingIp)) and seen.state.get(CT_STATE, 0) & CT_REL:
            # An error about a connection that the rule has begun.
            border.rule, border.known = spelled(obj), True
        elif isinstance(obj, (Snat, FloatingIp)):
            self._begins(border, spelled(obj))
        elif why is not None and why.feature is Feature.UPLINK:
            border.rule, border.known = self._observer.rules.get((border.name, border.direction or "")), True
        return why is not None and why.feature is Feature.BALANCING

    def _begins(self, border: _Begun, rule: str) -> None:
        """What comes back across the border is translated by the same rule."""
        border.rule = rule
        self._observer.rules[border.name, "in" if border.direction == "out" else "out"] = rule

    def _member(self, seen: Sighting) -> None:
        member = self._observer.object_of(self._observer.flow(seen))
        if not isinstance(member, Member):
            return
        if self._entering and self._border is not None:
            self._begins(self._border, spelled(member))
            return
        name = f"{member.tenant}/{member.load_balancer}"
        self._border = self._begin(_Begun("balancer", name, view(seen.frame), seen, rule=spelled(member)))

    def _inside(self, seen: Sighting) -> None:
        """In a router, behind what translates on the way in."""
        if self._border is not None and self._border.after is None and self._border.direction != "out":
            after = view(seen.frame)
            if _addresses(after) != _addresses(self._border.packet):
                self._border.after = _bare(after) if self._border.kind == "nat" else after
            self._border = None
        if self._router is not None and not self._answering:
            if self._router.in_port is not None:
                self._router.packet = view(seen.frame)
            self._at = self._router

    def _service(self, seen: Sighting) -> None:
        self._inside(seen)
        flow = self._observer.flow(seen)
        why = None if flow is None else read_cookie(flow.cookie)
        self._answering = why is not None and why.feature is Feature.ROUTER_ADDRESS

    def _routed(self, seen: Sighting) -> None:
        router = self._router
        if self._answering and (by := router or self._left) is not None:
            self._answer(by, seen, "echo_reply")
        elif self._sent_up is not None:
            router, kind = self._sent_up
            self._sent_up = None
            self._answer(router, seen, kind)
        elif router is None and not seen.register(FROM_TUNNEL):
            # A router's own ping enters where routes are looked up.
            name = self._observer.name(seen.register(DATAPATH))
            self._router = self._begin(_Begun("router", name, _less_ttl(view(seen.frame)), seen), keep=False)
        else:
            self._inside(seen)

    def _answer(self, router: _Begun, seen: Sighting, kind: str) -> None:
        if self._router is router:
            self._leave(router, None)
        by = f"{router.name}/{router.in_port}" if router.in_port else router.name
        packet = _less_ttl(view(seen.frame))
        self._found.append(_Begun("answer", by, packet, seen, rule=kind))
        self._router = self._begin(_Begun("router", router.name, packet, seen), keep=False)
        self._answering = False

    def _leave(self, router: _Begun, out_port: str | None) -> None:
        router.out_port = out_port
        self._found.append(router)
        self._router, self._left = None, router

    def _to_uplink(self, seen: Sighting) -> None:
        if self._router is None and self._sent_up is not None:
            # It was not answered, but cut: its first piece goes on here.
            self._router, self._sent_up = self._sent_up[0], None
            self._found.remove(self._router)
            self._at = self._router
        out = self._observer.network.by_key.get(seen.register(OUT_LPORT))
        if self._router is not None and isinstance(out, RouterPort) and out.external is not None:
            self._leave(self._router, out.name)

    def _out(self, seen: Sighting) -> None:
        out = self._observer.network.by_key.get(seen.register(OUT_LPORT))
        if self._router is not None and isinstance(out, RouterPort):
            self._leave(self._router, out.name)

    def _border_out(self, seen: Sighting) -> None:
        name = self._observer.name(seen.register(OUT_LPORT))
        self._border = self._begin(_Begun("nat", name, _less_ttl(_bare(view(seen.frame))), seen, direction="out"))

    def _tracked_out(self, seen: Sighting) -> None:
        if self._border is not None:
            self._rule(self._border, seen)

    def _beyond(self, seen: Sighting) -> None:
        if self._border is not None and self._border.direction == "out":
            after = _less_ttl(_bare(view(seen.frame)))
            self._border.after = after if _addresses(after) != _addresses(self._border.packet) else None
            self._border = None

    def _from_wire(self, seen: Sighting) -> None:
        name, last = self._observer.name(seen.register(DATAPATH)), self._found[-1] if self._found else None
        if not (isinstance(last, _Begun) and (last.kind, last.name) == ("external", name)):
            self._external(seen)

    def _external(self, seen: Sighting) -> None:
        self._begin(_Begun("external", self._observer.name(seen.register(DATAPATH)), view(seen.frame), seen))

    def _resolved(self, seen: Sighting) -> None:
        if self._at is not None and self._at.kind == "external":
            self._at.packet = view(seen.frame)

    def _towards_port(self, seen: Sighting) -> None:
        self._port(self._observer.name(seen.register(OUT_LPORT)), seen, "to")

    def _leaving(self, seen: Sighting) -> None:
        at = self._at
        if at is None or at.kind != "port" or at.direction != "to":
            return
        if seen.register(OFPORT) & TUNNEL:
            # It is another chassis that hands it to the port.
            self._flows += at.flows
            self._found.remove(at)
            self._at = None
        elif (after := view(seen.frame)) != at.packet:
            at.after = after


def _bare(packet: PacketView) -> PacketView:
    return replace(packet, eth_src=None, eth_dst=None)


def _less_ttl(packet: PacketView) -> PacketView:
    """As the router sends it: flows take one off the TTL only where they write the source MAC."""
    return packet if packet.ttl is None else replace(packet, ttl=max(packet.ttl - 1, 0))


def _addresses(packet: PacketView) -> tuple[object, ...]:
    return packet.src, packet.dst, packet.ports


_STEPS = {
    t.PHY_IN_PORT.number: _Reading._came_in,
    t.LS_IN_LOOKUP.number: _Reading._in_switch,
    t.LR_IN_ADMIT.number: _Reading._in_router,
    t.LR_IN_TRACKED.number: _Reading._tracked_in,
    t.LB_MEMBER.number: _Reading._member,
    t.LR_IN_OWN.number: _Reading._inside,
    t.LR_IN_BALANCED.number: _Reading._inside,
    t.LS_IN_BALANCED.number: _Reading._inside,
    t.LR_IN_TTL.number: _Reading._inside,
    t.LR_IN_SERVICE.number: _Reading._service,
    t.LR_IN_ROUTE.number: _Reading._routed,
    t.LR_OUT_UPLINK.number: _Reading._to_uplink,
    t.LR_OUT_PORT.number: _Reading._out,
    t.LR_OUT_BORDER.number: _Reading._border_out,
    t.LR_OUT_TRACKED.number: _Reading._tracked_out,
    t.LR_OUT_EXTERNAL.number: _Reading._beyond,
    t.EXT_IN.number: _Reading._from_wire,
    t.EXT_RESOLVE.number: _Reading._external,
    t.EXT_OUT.number: _Reading._resolved,
    t.LS_OUT_PORT.number: _Reading._towards_port,
    t.PHY_OUT.number: _Reading._leaving,
}
"""What each table tells of where the packet is; those that are not here belong to the place before."""
