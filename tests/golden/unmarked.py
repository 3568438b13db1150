"""What `ofproto/trace` says of the packets of a trace, if tenants sent them: pass by pass, held against what the trace saw.

Passes are joined as for `following`: conntrack is emulated, tunnels lead to the other bridge, wires to all, and routers' answers
are the responder's. Where a hash decides (ECMP, members of load balancers), Open vSwitch computes another one for a real packet
than `ofproto/trace` does for a described one; so of all choices, by `dp_hash`, the one is followed that was seen to be made.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.network import Network
from ryu_overlay.model.walk_values import TCP, UDP, Ip, Packet
from ryu_overlay.oam.frames import from_frame
from ryu_overlay.oam.journey import VNI, Journey, Stay
from ryu_overlay.oam.observed import Observer
from ryu_overlay.oam.responder import Responder
from ryu_overlay.oam.sighting import Sighting
from ryu_overlay.openflow.fields import IN_PORT, TUN_ID
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import OFPORT, TUNNEL
from ryu_overlay.pipeline.tables import TABLES
from tests.golden.conntrack import Conntrack, Ct
from tests.golden.following import packet_in
from tests.golden.rig import Rig
from tests.golden.tracing import Frozen, Output, Trace
from tests.golden.ways import describe

TOO_DEEP = "too deep"
"""Open vSwitch gives a packet up that goes back too often, as in a loop of routers. A probe is held up and sent on before."""

_NOT_LOOKED_AT = {
    table.number
    for table in TABLES.values()
    if table.name in ("ext_clock", "ext_beat", "ext_steady")
    or table.name.startswith(("lr_count_", "tun_count_", "use_", "punt_"))
}
_HASHES = range(1, 257)
"""Enough for every bucket of a group."""
_PORTS = re.compile(r":(\d+)-(\d+)")
_DP_HASH = re.compile(r"dp_hash=\w+")
_FRAME_AT = 24

Met = tuple[int, int | None]
"""Table and cookie of a flow; no cookie where the program has no flow for the packet."""


@dataclass(frozen=True, slots=True)
class End:
    """How a packet ended: `delivered`, `left`, `dropped`, `punted` (and not answered), `flooded` or TOO_DEEP; where, or why; and
    what routers on the way answered it, and one another's answers, with."""

    kind: str
    detail: str = ""
    answers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join([*(f"answered {a}" for a in self.answers), f"{self.kind}{self.detail and ' '}{self.detail}"])


class Unmarked:
    """Follows what traces saw over the bridges of a rig. Raises AssertionError where `ofproto/trace` says something else."""

    def __init__(self, rig: Rig, network: Network, fabric: Fabric, observer: Observer) -> None:
        self.rig = rig
        self.observer = observer
        self.responder = Responder(lambda: fabric.mtu)
        self.responder.network(network)
        self.conntracks: dict[str, Conntrack] = {}
        self.forget()

    def forget(self) -> None:
        """No connection is known."""
        self.conntracks = {name: Conntrack() for name in self.rig.chassis}

    def follow(self, journey: Journey) -> End:
        """How a journey's packet ends, having met on its way exactly the flows that were seen."""
        way = journey.way()
        assert way, "it was not seen at all"
        for stay in journey.stays:
            if stay not in way:
                assert stay.not_for_it
                _Pass(self, stay).run(None)
        answers: list[str] = []
        for number, stay in enumerate(way):
            following = way[number + 1] if number + 1 < len(way) else None
            end = _Pass(self, stay, answers).run(following)
            if end is not None:
                assert following is None or end.kind == TOO_DEEP, f"{end}, but seen on {following.chassis}"
                return end
        raise AssertionError("nothing says how it ends")


class _Pass:
    """One stay. `_told` are the flows met there, as far as no step of a trace is known for them yet, `_answers` grow."""

    def __init__(self, of: Unmarked, stay: Stay, answers: list[str] | None = None) -> None:
        self._of = of
        self._rig = of.rig
        self._stay = stay
        self._answers = [] if answers is None else answers
        self._seen = [seen for seen in stay.seen if seen.feature is Feature.PUNT_SEEN]
        self._told = [self._flow_met(seen) for seen in self._seen]
        self._ends = [seen.feature for seen in stay.seen if seen.feature is not Feature.PUNT_SEEN]

    def run(self, following: Stay | None) -> End | None:
        """To the end of the packet, or to where it is on another chassis (None)."""
        chassis, first = self._stay.chassis, self._stay.seen[0]
        packet, at = from_frame(first.frame), f"in_port={first.state.get(IN_PORT, 0)}"
        if self._stay.by_tunnel:
            at += f",tun_id=0x{first.state.get(TUN_ID, 0) & VNI:x}"
        # Behind a tunnel a probe is known as one only in the table behind the first.
        unseen = 1 if self._stay.by_tunnel else 0
        trace = self._whole(lambda dp_hash: self._rig.trace(chassis, f"{at},dp_hash={dp_hash}", packet), unseen)
        while trace.punts and not trace.warnings and (answered := self._answered(trace)) is not None:
            trace = answered
        end = self._end(trace, following)
        if end is None or end.kind != TOO_DEEP:
            assert not self._told, f"also seen: {_words(self._told)}\n{trace.text}"
        return end

    def _flow_met(self, seen: Sighting) -> Met:
        flow = self._of.observer.flow(seen)
        return seen.table, None if flow is None else flow.cookie

    def _whole(self, make: Callable[[int], Trace], unseen: int = 0) -> Trace:
        """A trace through connection tracking, to its end. `make` begins it with a hash; the first steps are not to be seen."""
        trace = self._alike(make, unseen)
        while trace.frozen is not None and not trace.warnings:
            trace = self._alike(self._resumed(trace.frozen))
        return trace

    def _resumed(self, frozen: Frozen) -> Callable[[int], Trace]:
        conntrack = self._of.conntracks[self._stay.chassis]
        state, packet = conntrack.track(self._with_port(frozen.ct, frozen.packet), frozen.packet)
        mark = conntrack.mark

        def make(dp_hash: int) -> Trace:
            fields = _DP_HASH.sub(f"dp_hash={dp_hash}", frozen.fields)
            return self._rig.resume(self._stay.chassis, replace(frozen, fields=fields), state, packet, mark)

        return make

    def _with_port(self, ct: Ct, packet: Packet) -> Ct:
        """With the port that was seen to be taken, where connection tracking may take any of several."""
        ip, found = packet.body, _PORTS.search(ct.nat or "")
        if found is None or not isinstance(ip, Ip) or ip.proto not in (TCP, UDP) or not self._told:
            return ct
        taken = from_frame(self._seen[-len(self._told)].frame).body
        assert isinstance(taken, Ip)
        if not int(found[1]) <= taken.l4[0] <= int(found[2]):
            return ct
        return replace(ct, nat=_PORTS.sub(f":{taken.l4[0]}", ct.nat or ""))

    def _alike(self, make: Callable[[int], Trace], unseen: int = 0) -> Trace:
        """The trace, by some hash, whose steps are what was seen next."""
        said: list[tuple[list[Met], Trace]] = []
        for dp_hash in _HASHES:
            trace = make(dp_hash)
            met: list[Met] = [(s.table, s.cookie) for s in trace.steps if s.table not in _NOT_LOOKED_AT]
            del met[:unseen]
            met = met[: _flooded(met) or (len(self._told) if trace.warnings else None)]
            if met == self._told[: len(met)]:
                del self._told[: len(met)]
                return trace
            said.append((met, trace))
        met, trace = said[0]
        raise AssertionError(f"seen:\n{_words(self._told)}\nby ofproto/trace:\n{_words(met)}\n{trace.text}")

    def _answered(self, trace: Trace) -> Trace | None:
        """What becomes of what the controller sends for a packet that it got; None if it sends nothing."""
        (punt,) = trace.punts
        feature = _feature(punt.cookie)
        assert not trace.outputs and self._ends[:1] == [feature], f"{feature} and seen {self._ends}"
        out = self._of.responder.answer(packet_in(punt))
        if out is None:
            return None
        self._ends.pop(0)
        self._answers.append(feature.reason)
        (length,) = struct.unpack_from("!H", out, 16)
        answer = from_frame(out[_FRAME_AT + length :])
        return self._whole(lambda dp_hash: self._rig.trace_out(self._stay.chassis, out, answer, dp_hash))

    def _end(self, trace: Trace, following: Stay | None) -> End | None:
        answers = tuple(self._answers)
        if trace.warnings:
            assert trace.warnings == ("over max translation depth 64",), trace.warnings
            return End(TOO_DEEP, answers=answers)
        last = _feature(trace.steps[-1].cookie)
        if trace.punts:
            return End("punted", _feature(trace.punts[0].cookie).reason, answers)
        if any(_feature(step.cookie) is Feature.FLOODING for step in trace.steps):
            return End("flooded", answers=answers)
        if not trace.outputs:
            assert last.is_drop and self._ends == [Feature.PUNT_CAUGHT], f"{last} and seen {self._ends}\n{trace.text}"
            return End("dropped", last.reason, answers)
        (output,) = trace.outputs
        assert not self._ends, self._ends
        return self._sent(output, following, answers)

    def _sent(self, output: Output, following: Stay | None, answers: tuple[str, ...]) -> End | None:
        """Out of the bridge, rewritten alike."""
        seen, here = self._stay.last, self._stay.chassis
        real, told = describe(from_frame(seen.frame)), describe(output.packet)
        assert real == told, f"seen {real}, but {told} by ofproto/trace"
        ofport = seen.register(OFPORT)
        if output.tunnel is not None:
            remote, vni = output.tunnel
            start, there = self._rig.tunnel(remote)
            assert (start, ofport & ~TUNNEL, self._stay.vni) == (here, self._rig.chassis[here].tunnels[there], vni)
            assert ofport & TUNNEL and following is not None and following.chassis == there and following.by_tunnel
            assert following.seen[0].state.get(TUN_ID, 0) & VNI == vni
            return None
        assert (here, ofport) == self._rig.port(output.port)
        if following is not None:
            return None
        port = self._of.observer.places.vifs.get((here, ofport))
        return End("left", here, answers) if port is None else End("delivered", port, answers)


def _feature(cookie: int | None) -> Feature:
    why = None if cookie is None else read_cookie(cookie)
    assert why is not None
    return why.feature


def _flooded(met: list[Met]) -> int | None:
    """After how many flows a packet is flooded. A probe is not."""
    return next((n for n, (_, cookie) in enumerate(met, 1) if _feature(cookie) is Feature.FLOODING), None)


def _words(met: list[Met]) -> str:
    return ", ".join(
        f"{table}:{'nothing' if cookie is None else _feature(cookie).name} {(cookie or 0) & 0xFFFFFF}" for table, cookie in met
    )
