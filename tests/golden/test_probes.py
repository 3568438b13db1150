"""Probes on a real Open vSwitch: they meet the flows that tenants' packets meet, reach nobody, and cost tenants nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ryu_overlay.model.walk_rules import is_group
from ryu_overlay.model.walk_values import Packet
from ryu_overlay.oam.launch import resumed
from ryu_overlay.oam.sighting import LOOKING, Sighting, only_looks
from ryu_overlay.openflow.fields import IN_PORT
from ryu_overlay.openflow.flow import Block, Flow, Program
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.registers import DELIVERED, REGISTERS
from ryu_overlay.pipeline.tables import LR_IN_ADMIT, LR_IN_SERVICE, LS_IN_ARP, PHY_OUT, TABLES
from tests.golden.conntrack import Conntrack
from tests.golden.expectations import Case
from tests.golden.following import Follower
from tests.golden.packets import to_frame
from tests.golden.rig import Loaded, Rig
from tests.golden.tracing import Output, Punt, Trace
from tools.scenarios import Scenario, scenarios

SCENARIOS = scenarios()
MARK, GROUP_BIT = 1 << 23, 0x01
COUNTERS = {table.number for table in TABLES.values() if table.name.startswith(("lr_count_", "tun_count_", "use_", "punt_"))}

pytestmark = pytest.mark.ovs


@dataclass
class Pass:
    """One pass through a bridge: which flows were met, in which tables it was told of, and what became of it."""

    met: list[tuple[int, Feature, int]]
    told: list[int]
    outputs: list[Output]
    caught: list[Punt]
    punted: list[Feature]


def whole(made: Rig, chassis: str, trace: Trace) -> Pass:
    """A pass through a bridge, with the parts of connection tracking and of the controller done as often as they are due."""
    found = Pass([], [], [], [], [])
    conntrack = Conntrack()
    while True:
        assert not trace.warnings, trace.text
        add(found, trace)
        held = trace.punts[-1] if trace.punts and is_held(trace) else None
        if held is not None:
            trace = made.trace_out(chassis, resumed(sighting(chassis, held)), held.packet, 1)
        elif trace.frozen is not None:
            state, packet = conntrack.track(trace.frozen.ct, trace.frozen.packet)
            trace = made.resume(chassis, trace.frozen, state, packet, conntrack.mark)
        else:
            return found


def is_held(trace: Trace) -> bool:
    """Whether it ended in a router that left it to the controller to send it on."""
    why = read_cookie(trace.steps[-1].cookie)
    return why is not None and why.feature is Feature.PUNT_SEEN


def sighting(chassis: str, punt: Punt) -> Sighting:
    state = {register.field: punt.registers.get(register.field.name, 0) for register in REGISTERS}
    state[IN_PORT] = punt.registers.get(IN_PORT.name, 0)
    return Sighting(0, chassis, LR_IN_ADMIT.number, Feature.PUNT_SEEN, state, to_frame(punt.packet))


def add(found: Pass, trace: Trace) -> None:
    for step in trace.steps:
        why = read_cookie(step.cookie)
        assert why is not None
        if why.feature is Feature.PUNT_SEEN:
            found.told.append(step.table)
        elif step.table not in COUNTERS:
            found.met.append((step.table, why.feature, why.key))
    found.outputs += trace.outputs
    for punt in trace.punts:
        why = read_cookie(punt.cookie)
        assert why is not None
        if why.feature is Feature.PUNT_CAUGHT:
            found.caught.append(punt)
        elif why.feature not in LOOKING:
            found.punted.append(why.feature)


def tables(found: Pass) -> list[int]:
    return [table for table, _, _ in found.met]


def entrances(scenario: Scenario) -> Iterator[tuple[str, int, Packet]]:
    """Every packet at every VIF and physical network: those at the wrong ones are dropped somewhere on the way."""
    for given in scenario.packets:
        case = Case(scenario, given)
        for chassis, here in scenario.chassis.items():
            for ofport in (*here.ports.values(), *here.physical.values()):
                if ofport is not None:
                    yield chassis, ofport, case.packet


def everywhere(scenario: Scenario) -> Iterator[tuple[str, str, Packet]]:
    """So, and from one tunnel of each chassis, with each VNI and with one that nobody has."""
    for chassis, ofport, packet in entrances(scenario):
        yield chassis, f"in_port={ofport},dp_hash=1", packet
    for chassis, here in scenario.chassis.items():
        for ofport in list(here.tunnels.values())[:1]:
            for vni in (*scenario.network.vnis, 1 << 21):
                for packet in (Case(scenario, given).packet for given in scenario.packets):
                    # By a tunnel, what a group seems to have sent is a probe.
                    if not is_group(packet.eth_src):
                        yield chassis, f"in_port={ofport},tun_id={vni},dp_hash=1", packet


def is_like(tenants: Pass, probes: Pass) -> bool:
    """Whether a probe met what a tenant's packet met, up to where that was dropped, flooded or its ARP answered."""
    if not probes.caught:
        return probes.met[:-1] == tenants.met[:-1] and (
            probes.met[-1] == tenants.met[-1] or probes.met[-1][0] == tenants.met[-1][0] == PHY_OUT.number
        )
    *before, (table, feature, _) = probes.met
    same = tenants.met[: len(before)]
    ended = tenants.met[len(before)]
    ends = ended[1].is_drop or ended[1] in (Feature.FLOODING, Feature.ARP) or ended[0] == LS_IN_ARP.number
    return feature is Feature.PUNT_CAUGHT and same == before and ended[0] == table and ends


def test_a_probe_meets_what_a_tenants_packet_meets_and_is_told_of_in_each_table(loaded: Loaded) -> None:
    for chassis, ofport, packet in entrances(loaded.scenario):
        at = f"in_port={ofport},dp_hash=1"
        tenants = whole(loaded.rig, chassis, loaded.rig.trace(chassis, at, packet))
        probes = whole(loaded.rig, chassis, loaded.rig.trace_probe(chassis, at, packet, 1))
        assert is_like(tenants, probes), (chassis, at, packet, tenants, probes)
        assert probes.told == tables(probes), (chassis, at, packet)
        assert probes.punted == tenants.punted
        assert all(output.tunnel is not None for output in probes.outputs), "to nobody here"


def test_a_probe_is_sent_into_a_tunnel_in_both_ways_and_known_at_the_other_end(loaded: Loaded) -> None:
    for chassis, ofport, packet in entrances(loaded.scenario):
        at = f"in_port={ofport},dp_hash=1"
        tenants = whole(loaded.rig, chassis, loaded.rig.trace(chassis, at, packet))
        probes = whole(loaded.rig, chassis, loaded.rig.trace_probe(chassis, at, packet, 1))
        if probes.caught:
            assert not probes.outputs
            continue
        expected: list[Output] = []
        for output in tenants.outputs:
            if output.tunnel is not None:
                remote, vni = output.tunnel
                expected += [replace(output, tunnel=(remote, vni | MARK)), replace(output, packet=grouped(output.packet))]
        assert probes.outputs == expected, (chassis, at, packet)
        for real, marked, plain in zip([o for o in tenants.outputs if o.tunnel], expected[::2], expected[1::2]):
            check_arrival(loaded.rig, real, marked, plain)


def grouped(packet: Packet) -> Packet:
    first, _, rest = packet.eth_src.partition(":")
    return replace(packet, eth_src=f"{int(first, 16) | GROUP_BIT:02x}:{rest}")


def arrive(made: Rig, output: Output) -> Pass:
    assert output.tunnel is not None
    remote, vni = output.tunnel
    here, there = made.tunnel(remote)
    at = f"in_port={made.chassis[there].tunnels[here]},tun_id=0x{vni:x},dp_hash=1"
    return whole(made, there, made.trace(there, at, output.packet))


def check_arrival(made: Rig, real: Output, marked: Output, plain: Output) -> None:
    tenants, probes, crossed = (arrive(made, output) for output in (real, marked, plain))
    probes.met = [met for met in probes.met if met[1] is not Feature.PROBE or met[0] == PHY_OUT.number]
    assert is_like(tenants, probes), (tenants, probes)
    assert probes.told == tables(probes)[1:], "not yet known where it comes in"
    assert all(output.tunnel is not None for output in probes.outputs)
    assert crossed.met[-1][1] is Feature.PUNT_CROSSED and not crossed.outputs


def test_a_probe_that_is_to_be_delivered_gets_where_a_tenants_packet_gets(loaded: Loaded) -> None:
    for chassis, ofport, packet in entrances(loaded.scenario):
        at = f"in_port={ofport},dp_hash=1"
        trace = loaded.rig.trace(chassis, at, packet)
        tenants = whole(loaded.rig, chassis, trace)
        probes = whole(loaded.rig, chassis, loaded.rig.trace_probe(chassis, at, packet, DELIVERED))
        answered = any(met[:2] == (LR_IN_SERVICE.number, Feature.ROUTER_ADDRESS) for met in tenants.met)
        if probes.caught or answered:
            assert all(output.tunnel for output in probes.outputs)
            continue
        assert handed_out(probes) == handed_out(tenants)
        for output in (o for o in probes.outputs if o.tunnel is not None and o.tunnel[1] & MARK):
            assert output.packet == grouped(output.packet)
            real = next(o for o in tenants.outputs if o.tunnel is not None)
            assert handed_out(arrive(loaded.rig, output)) == handed_out(arrive(loaded.rig, real))


def handed_out(found: Pass) -> list[tuple[int, Packet]]:
    """What left by VIFs and physical networks."""
    return [(output.port, output.packet) for output in found.outputs if output.tunnel is None]


_CHANCE = re.compile(r"recirc(?:_id)?[=(]\w+|rule_cookie=\w+|src=(?:\w\w:){5}\w\w,dl_type")
"""What differs from one trace to the next: numbers of what is to be resumed, and the underlay's own MAC."""


def costs(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Megaflows and datapath actions of all traces that it takes to follow the scenario's packets, and of what goes astray."""
    texts: list[str] = []
    ask = Rig._ask

    def listening(self: Rig, *args: str) -> str:
        texts.append(ask(self, *args))
        return texts[-1]

    with monkeypatch.context() as patched:
        patched.setattr(Rig, "_ask", listening)
        follower = Follower(loaded.rig, loaded.scenario.network, loaded.scenario.fabric)
        for given in loaded.scenario.packets:
            Case(loaded.scenario, given)._follow(follower, 1)
        for chassis, at, packet in everywhere(loaded.scenario):
            loaded.rig.trace(chassis, at, packet)
    return [
        [_CHANCE.sub("", t) for t in text.splitlines() if t.startswith(("Megaflow: ", "Datapath actions: "))] for text in texts
    ]


def fields(megaflow: str) -> dict[str, str]:
    words = (word.partition("=") for word in megaflow.removeprefix("Megaflow: ").split(","))
    return {name: value for name, _, value in words}


def test_tenants_datapath_flows_are_those_there_would_be_without_probes(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for one bit of the source MAC where a tunnel ends, and one of the connection's mark where it comes from outside."""
    tunnels = {ofport for here in loaded.scenario.chassis.values() for ofport in here.tunnels.values()}
    with_probes = costs(loaded, monkeypatch)
    loaded.rig.load({name: unprobed(program) for name, program in loaded.scenario.programs.items()})
    try:
        without = costs(loaded, monkeypatch)
    finally:
        loaded.rig.load(loaded.scenario.programs)
    assert len(with_probes) == len(without) > 0
    for had, has in zip(without, with_probes):
        assert len(had) == len(has) > 0
        for before, now in zip(had, has):
            if before.startswith("Megaflow: "):
                check_megaflow(fields(before), fields(now), tunnels)
            else:
                assert now == before


def check_megaflow(before: dict[str, str], now: dict[str, str], tunnels: set[int]) -> None:
    more: dict[str, Any] = {name: value for name, value in now.items() if before.get(name) != value}
    if more.pop("dl_src", None) == "00:00:00:00:00:00/01:00:00:00:00:00":
        assert "dl_src" not in before and int(now["in_port"]) in tunnels
    if more.pop("ct_mark", None) == "0/0x1":
        assert "ct_mark" not in before and "ct_state" in now
    assert not more and before.keys() <= now.keys(), (before, now)


def unprobed(program: Program) -> Program:
    flows = tuple(f for f in program.flows() if not of_probes(f))
    return Program({0: Block(flows, tuple(program.groups()), tuple(program.own_meters()))}, program.meters)


def of_probes(flow: Flow) -> bool:
    """Whether a flow is there for probes, those of tunnels as well; or to pass them by where others are counted."""
    why = read_cookie(flow.cookie)
    assert why is not None
    passes = flow.table in COUNTERS and not why.key and bool(flow.match) and why.feature is not Feature.LIMIT
    return only_looks(flow) or why.feature is Feature.PUNT_ECHO or passes
