"""Looking a packet up in a program finds the flow that Open vSwitch finds, whatever packet, table and registers.

States are made from what flows of the program ask for, so that most meet something else than a table's last flow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    CT_MARK,
    CT_STATE,
    CT_ZONE,
    ETH_ARP,
    ETH_DST,
    ETH_IP,
    ETH_SRC,
    ETH_TYPE,
    ICMP_CODE,
    ICMP_TYPE,
    IN_PORT,
    IP_FRAG,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    METADATA,
    NW_TTL,
    TCP_DST,
    TCP_FLAGS,
    TCP_SRC,
    TUN_ID,
    UDP_DST,
    UDP_SRC,
    VLAN_PRESENT,
    VLAN_VID,
    Field,
    register,
)
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.openflow.lookup import Lookup
from tests.effort import times
from tests.golden.rig import Rig, rig
from tools.scenarios import Scenario, scenarios

pytestmark = pytest.mark.ovs

ICMP, TCP, UDP = 1, 6, 17
STATES = 10
"""Tried in each example."""
ANYWHERE = (IN_PORT, METADATA, TUN_ID, CT_STATE, CT_ZONE, CT_MARK, *(register(n) for n in range(16)), ETH_DST, ETH_SRC, VLAN_VID)
ARP_FIELDS = (ARP_OP, ARP_SPA, ARP_TPA, ARP_SHA, ARP_THA)
IP_FIELDS = (IP_PROTO, IPV4_SRC, IPV4_DST, NW_TTL, IP_FRAG)
L4_FIELDS = {ICMP: (ICMP_TYPE, ICMP_CODE), TCP: (TCP_SRC, TCP_DST, TCP_FLAGS), UDP: (UDP_SRC, UDP_DST)}
FRAGMENTS = (0, 1, 3)
LIMITS = {ARP_OP: 0xFF, CT_STATE: 0xFF, TCP_FLAGS: 0xFFF, VLAN_VID: 0x1FFF, IN_PORT: 0xFEFF}

_MET = re.compile(r"^ *(\d+)\. (?:.*priority (\d+), cookie 0x([0-9a-f]+)|No match\.)$", re.MULTILINE)

State = Mapping[Field, int]


@dataclass(frozen=True)
class Loaded:
    """A scenario, its programs' flows by chassis, and a rig whose bridges have them."""

    flows: Mapping[str, tuple[Flow, ...]]
    lookups: Mapping[str, Lookup]
    rig: Rig

    def met(self, chassis: str, table: int, state: State) -> tuple[int, int] | None:
        """Priority and cookie of the flow that Open vSwitch finds."""
        first, *_ = _MET.findall(self.rig.resubmit(chassis, table, words(state)))
        assert int(first[0]) == table
        return (int(first[1]), int(first[2], 16)) if first[1] else None


@pytest.fixture(scope="module", params=scenarios(), ids=lambda s: s.name)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    scenario: Scenario = request.param
    path: Path = tmp_path_factory.mktemp("ovs")
    with rig(path, scenario.chassis) as made:
        made.load(scenario.programs)
        flows = {chassis: tuple(program.flows()) for chassis, program in scenario.programs.items()}
        yield Loaded(flows, {chassis: Lookup(some) for chassis, some in flows.items()}, made)


def words(state: State) -> str:
    """The state as `ofproto/trace` reads it."""
    return ",".join(field.match_text(value, None) for field, value in state.items())


@st.composite
def states(draw: st.DrawFn, flows: tuple[Flow, ...]) -> tuple[int, State]:
    """A table, and what a packet may be there: mostly what one of its flows asks for, for the rest what others do."""
    same = draw(st.sampled_from(flows))
    values: dict[Field, int] = {}
    for flow in (*draw(st.lists(st.sampled_from(flows), max_size=4)), same):
        for field, value, mask in flow.match:
            free = 0 if mask is None else draw(st.integers(0, field.full)) & ~mask & field.full
            values[field] = value | free
    for field in draw(st.lists(st.sampled_from(sorted(values, key=lambda f: f.name)), max_size=2)) if values else ():
        values[field] = draw(st.sampled_from((0, 1, values[field] ^ 1, field.full)))
    return same.table, possible(values)


def possible(values: State) -> State:
    """Without what no packet has, in an order in which each field comes after what it needs."""
    kind = values.get(ETH_TYPE, 0x88B5)
    taken: tuple[Field, ...] = (*ANYWHERE, ETH_TYPE)
    if kind == ETH_IP:
        proto, frag = values.get(IP_PROTO, 0), values.get(IP_FRAG, 0)
        taken += IP_FIELDS + (L4_FIELDS.get(proto, ()) if frag != FRAGMENTS[-1] else ())
    elif kind == ETH_ARP:
        taken += ARP_FIELDS
    found = {field: min(values[field], LIMITS.get(field, field.full)) for field in taken if field in values}
    found[ETH_TYPE] = kind if kind >= 0x600 and kind != 0x8100 else 0x88B5
    if IP_FRAG in found and found[IP_FRAG] not in FRAGMENTS:
        found[IP_FRAG] = 0
    if found.get(VLAN_VID, 0) < VLAN_PRESENT:
        found.pop(VLAN_VID, None)
    return found


@times(1)
@given(data=st.data())
def test_a_lookup_finds_what_open_vswitch_finds(loaded: Loaded, data: st.DataObject) -> None:
    chassis = data.draw(st.sampled_from(sorted(loaded.flows)), "chassis")
    for _ in range(STATES):
        table, state = data.draw(states(loaded.flows[chassis]))
        found = loaded.lookups[chassis].find(table, state)
        assert (None if found is None else (found.priority, found.cookie)) == loaded.met(chassis, table, state), words(state)
