"""A live trace says of a packet what `ofproto/trace` says: the flows met on each chassis, how it is rewritten, and how it ends.

Probes are really sent over Open vSwitch's dummy datapath, with its own connection tracking, meters and tunnels (`live`); what
`ofproto/trace` says is asked for the unmarked packet (`unmarked`, which tells what is done about choices by hash). And the
verdict is what the reference walk makes of the packet, no connection is left behind, and no counter of drops or interfaces moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.compiler.program import compile_all
from ryu_overlay.fabric.placement import Fabric
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import KEY_BITS, Port
from ryu_overlay.model.walk import walks, walks_in
from ryu_overlay.model.walk_values import Answered, AnswerKind, Delivered, Dropped, Ip, Left, Packet
from ryu_overlay.model.walk_values import Path as WalkPath
from ryu_overlay.oam.journey import Journey
from ryu_overlay.oam.judging import Leg
from ryu_overlay.oam.observed import Observer, flow_met
from ryu_overlay.oam.start import Start, Traffic, Unsendable, from_port
from ryu_overlay.oam.tracer import Report
from ryu_overlay.openflow.flow import FlowKey
from ryu_overlay.openflow.lookup import Lookup
from ryu_overlay.pipeline.cookies import DROP_BIT, OURS_COOKIE, OURS_MASK, Feature, Why
from tests.acceptance.evidence import Evidence
from tests.golden import expectations
from tests.golden.effort import heavy
from tests.golden.live import LiveHands, live_hands
from tests.golden.networks import packets, placed_networks
from tests.golden.networks_out import INTERNET, packets_in, packets_out, placed_outside
from tests.golden.rig import Rig, rig
from tests.golden.telling import facts_of
from tests.golden.unmarked import TOO_DEEP, End, Unmarked
from tools.scenarios import LIMITS, Scenario, scenarios

PROMISE = "Identical to `ofproto/trace`"
PACKETS = 5
"""Traced on each network; loading it takes longer than that."""

pytestmark = pytest.mark.ovs


SCENARIOS = scenarios()


@pytest.fixture(scope="module")
def hands(chassis: Rig) -> Iterator[LiveHands]:
    with live_hands(chassis) as made:
        yield made


@dataclass
class Tally:
    """Over all examples: how many networks something was traced in, the verdicts, and how packets and their answers ended."""

    networks: int = 0
    ends: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    seen = Tally()
    yield seen
    evidence = Evidence("oam_random", "traces in random networks, each beside `ofproto/trace`", run="oam")
    evidence.show(PROMISE, "scenarios and random networks", seen.networks)
    evidence.show(PROMISE, "traces that met the flows, rewrites and end that ofproto/trace tells", seen.ends.total())
    evidence.quote(PROMISE, "\n".join(f"{n:6} {end}" for end, n in seen.ends.most_common()))
    evidence.write()


@dataclass
class Case:
    """A network on the bridges, to trace in."""

    rig: Rig
    hands: LiveHands
    network: Network
    fabric: Fabric
    tally: Tally
    traced: bool = False

    def __post_init__(self) -> None:
        programs = compile_all(self.network, self.fabric, LIMITS)
        self.hands.load(self.network, self.fabric, programs)
        lookups = {name: Lookup(program.flows()) for name, program in programs.items()}
        self.observer = Observer(self.network, lookups, self.hands.world().places)
        self.counted = self.counters()

    def counters(self) -> dict[tuple[str, FlowKey], int]:
        """The packets that drops and interfaces have counted. What only passes probes by is no interface's."""
        self.rig.push_counters()
        features = ((OURS_COOKIE | DROP_BIT, OURS_MASK | DROP_BIT), (Why(Feature.COUNTER).cookie, _FEATURE))
        flows = ((n, f) for n in self.rig.chassis for wanted in features for f in self.hands.counters(n, *wanted))
        flows = ((n, f) for n, f in flows if f.value[0] & DROP_BIT or f.value[0] & KEY_MASK)
        return {(name, flow.key): flow.packets for name, flow in flows}

    def trace(self, at: Port | tuple[str, ...], packet: Packet) -> None:
        """Trace, and hold everything against what it ought to be."""
        if not isinstance(packet.body, Ip) or packet.body.later_fragment:
            return  # A probe is a whole IPv4 packet.
        report = self.hands.tracer.trace(Start(at, packet))
        self.hands.settle()
        assert not self.rig.dump_connections()
        unmarked = Unmarked(self.rig, self.network, self.fabric, self.observer)
        there = unmarked.follow(report.there.journey)
        back = None if report.back is None else unmarked.follow(report.back.journey)
        for leg in (report.there, report.back):
            if leg is not None:
                assert leg.sent == 1
                assert flows_told(leg) == flows_seen(self.observer, leg.journey)
        self.check_walk(at, packet, report.expected.there)
        self.check_verdict(report, there, back)
        both = " > ".join(_shown(end) for end in (there, back) if end is not None)
        self.tally.ends[f"{report.verdict.kind}: {both}"] += 1
        self.tally.networks += not self.traced
        self.traced = True

    def check_walk(self, at: Port | tuple[str, ...], packet: Packet, expected: WalkPath) -> None:
        """What is held against the trace is one of the ways that the packet may go."""
        facts = facts_of(self.network, self.fabric)
        if isinstance(at, Port):
            assert expected in walks(self.network, at, packet, facts)
        else:
            assert expected in walks_in(self.network, at, packet, facts)

    def check_verdict(self, report: Report, there: End, back: End | None) -> None:
        """It is what the walk says, but for what the walk does not know: where ports are, and neighbours' MACs."""
        last, path = (there, report.expected.there) if back is None else (back, report.expected.back)
        assert path is not None
        answered, outcome = _at_last(path)
        verdict = report.verdict
        if last.kind == TOO_DEEP:
            return
        if last.kind == "dropped" and last.detail in _ELSEWHERE:
            assert verdict.kind == "not_bound" and isinstance(outcome, (Delivered, Dropped))
        elif (last.kind, last.detail) == ("punted", Feature.PUNT_UNRESOLVED.reason):
            assert verdict.kind == "outside_silent" and isinstance(outcome, Left)
        elif isinstance(outcome, Dropped):
            assert (verdict.kind, verdict.reason) == ("dropped", outcome.reason.name.lower()), verdict
        elif answered is not None and answered is not AnswerKind.ECHO_REPLY:
            assert (verdict.kind, verdict.reason) == ("answered", answered.name.lower()), verdict
        else:
            assert verdict.kind == "ok" and isinstance(outcome, (Delivered, Left)), verdict

    def check_counters(self) -> None:
        """None has counted a probe."""
        now = self.counters()
        assert now.keys() == self.counted.keys()
        assert not {key: (n, now[key]) for key, n in self.counted.items() if now[key] != n}


_ELSEWHERE = (Feature.DROP_NOT_BOUND.reason, Feature.DROP_STALE_TUNNEL.reason)
KEY_MASK = (1 << KEY_BITS) - 1
_FEATURE = OURS_MASK | 0xFF << 40


def flows_told(leg: Leg) -> Counter[object]:
    """The flows in the words of a trace's hops and tunnels, without their order."""
    return Counter(flow for seen in leg.seen for flow in seen.flows)


def flows_seen(observer: Observer, journey: Journey) -> Counter[object]:
    """Those that the packet met on its way."""
    seen = (seen for stay in journey.way() for seen in stay.seen)
    return Counter(flow_met(observer, each) for each in seen if each.feature is Feature.PUNT_SEEN)


def _at_last(path: WalkPath) -> tuple[AnswerKind | None, object]:
    """What a packet is answered with first, and what becomes of it, or of its answer's answer."""
    outcome, first = path.outcome, None
    while isinstance(outcome, Answered):
        first = first or outcome.kind
        outcome = outcome.way_back.outcome
    return first, outcome


def _shown(end: End) -> str:
    detail = end.detail if end.kind in ("dropped", "punted") else ""
    return " ".join(part for part in (*(f"answered {a}," for a in end.answers), end.kind, detail) if part)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_in_every_scenario(scenario: Scenario, tmp_path: Path, tally: Tally) -> None:
    network = scenario.network
    with rig(tmp_path, scenario.chassis) as chassis, live_hands(chassis) as hands:
        case = Case(chassis, hands, network, scenario.fabric, tally)
        ports = [port for name, port in network.port_by_name.items() if name in hands.world().bound]
        for port, other in permutations(ports, 2):
            for target in other.addresses[:1] if other.tenant == port.tenant else ():
                with suppress(Unsendable):
                    case.trace(port, from_port(network, port, target, Traffic()).packet)
        for given in scenario.packets:
            one = expectations.Case(scenario, given)
            at = given["from"]
            if one.only_traced or one.earlier:
                continue
            case.trace((at["external"],) if isinstance(at, dict) else network.port_by_name[at], one.packet)
        case.check_counters()


@heavy(0.5)
@given(data=st.data())
def test_inside(chassis: Rig, hands: LiveHands, tally: Tally, data: st.DataObject) -> None:
    placed = data.draw(placed_networks(most_hops=data.draw(st.sampled_from([1, 1, 3]))))
    case = Case(chassis, hands, placed.network, placed.fabric, tally)
    for _ in range(PACKETS if placed.bound else 0):
        port, _, _ = data.draw(st.sampled_from(placed.bound))
        case.trace(port, data.draw(packets(placed.network, port)))
    case.check_counters()


@heavy(0.75)
@given(data=st.data())
def test_to_the_outside(chassis: Rig, hands: LiveHands, tally: Tally, data: st.DataObject) -> None:
    placed = data.draw(placed_outside())
    case = Case(chassis, hands, placed.network, placed.fabric, tally)
    for _ in range(PACKETS if placed.bound else 0):
        port, _, _ = data.draw(st.sampled_from(placed.bound))
        case.trace(port, data.draw(packets_out(placed.network, port)))
    case.check_counters()


@heavy(0.75)
@given(data=st.data())
def test_from_outside(chassis: Rig, hands: LiveHands, tally: Tally, data: st.DataObject) -> None:
    placed = data.draw(placed_outside())
    case = Case(chassis, hands, placed.network, placed.fabric, tally)
    for _ in range(PACKETS if placed.fabric.gateways else 0):
        case.trace(INTERNET, data.draw(packets_in(placed.network)))
    case.check_counters()
