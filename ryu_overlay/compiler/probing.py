"""Flows for the controller's probes, the same on every bridge: what tells where a probe is, and what keeps it from doing harm.

A probe is a packet with the register `probe` set. It goes through the flows that tenants' packets go through, and each table
first tells the controller how it got there. What those flows do is theirs to say; nothing here knows any network.
"""

from __future__ import annotations

from collections.abc import Iterator

from ryu_overlay.compiler.limiting import PUNT
from ryu_overlay.openflow.actions import OFPP_IN_PORT, Action, Output, Punt, Resubmit, SetField
from ryu_overlay.openflow.actions_nicira import Load, OutputTo
from ryu_overlay.openflow.fields import CT_MARK, ETH_ARP, ETH_DST, ETH_SRC, ETH_TYPE, TUN_ID
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.pipeline.cookies import Feature, Why
from ryu_overlay.pipeline.limits import OF_GUESTS
from ryu_overlay.pipeline.registers import DELIVERED, HELD, LINK, OFPORT, PROBE, ROUTERS_AT, ROUTERS_BITS, SEEN, TUNNEL
from ryu_overlay.pipeline.table import Match, Table
from ryu_overlay.pipeline.tables import (
    ECHO_BACK_VNI,
    ECHO_METER,
    ECHO_VNI,
    EXT_BEAT,
    EXT_CLOCK,
    EXT_STEADY,
    GROUP_BIT,
    GUEST_MAC,
    LR_COUNT_IN,
    LR_COUNT_OUT,
    LR_IN_ADMIT,
    LR_IN_TRACKED,
    LS_IN_LOOKUP,
    MARK_BIT,
    OAM_METER,
    PHY_IN_TUNNEL,
    PHY_OUT,
    PUNT_CHASSIS,
    PUNT_PORT,
    PUNT_UPLINK,
    ROOM_VNI,
    TABLES,
    TUN_COUNT_IN,
    TUN_COUNT_OUT,
    USE_IN,
    USE_IN_PEER,
    USE_INSIDE,
    USE_OUT,
    USE_OUT_PEER,
)

_MARKED: Match = {TUN_ID: (1 << MARK_BIT, 1 << MARK_BIT)}
_GROUP: Match = {ETH_SRC: (1 << GROUP_BIT, 1 << GROUP_BIT)}
_IS_PROBE: Match = {PROBE.field: (1, 1)}
_UNMARK = Load(TUN_ID, 0, MARK_BIT, 1)
_COUNTERS = (LR_COUNT_IN, LR_COUNT_OUT, USE_INSIDE, USE_IN, USE_OUT, TUN_COUNT_IN, TUN_COUNT_OUT)
_PEERS = ((USE_OUT_PEER, USE_OUT), (USE_IN_PEER, USE_IN))
_NOT_LOOKED_AT = (EXT_CLOCK, EXT_BEAT, EXT_STEADY, USE_OUT_PEER, USE_IN_PEER, PUNT_UPLINK, PUNT_PORT, PUNT_CHASSIS, *_COUNTERS)


def base_flows() -> Iterator[Flow]:
    """All of them."""
    for table in TABLES.values():
        if table not in _NOT_LOOKED_AT:
            yield from _gate(table)
        if "caught" in table.priorities:
            yield table.flow("caught", _IS_PROBE, (Punt(),), why=Why(Feature.PUNT_CAUGHT))
    for table in _COUNTERS:
        yield table.flow("miss", {}, why=Why(Feature.COUNTER))
    for table, count in _PEERS:
        yield table.flow("miss", {}, (SetField(LINK.field, 0),), goto=count, why=Why(Feature.COUNTER))
    not_counted = [(table, _IS_PROBE) for table in (LR_COUNT_IN, LR_COUNT_OUT, USE_INSIDE, USE_IN, USE_OUT)]
    for table, match in (*not_counted, (TUN_COUNT_IN, _GROUP)):
        yield table.flow("probe", match, why=Why(Feature.COUNTER))
    yield from _out()
    yield from _from_tunnel()
    yield from _echo()
    # What a host outside answers to a probe is known by the connection that the probe began.
    answer: Match = {CT_MARK: (1, 1), PROBE.field: (0, 1)}
    then = (SetField(PROBE.field, 1), Resubmit(LR_IN_TRACKED.number))
    yield LR_IN_TRACKED.flow("answer", answer, then, meter=OAM_METER, why=Why(Feature.PROBE))
    # Here destinations are looked up anyway: further in front this would make a datapath flow for each of them.
    said: Match = {ETH_TYPE: ETH_ARP, ETH_DST: GUEST_MAC}
    of_guest = (SetField(LINK.field, OF_GUESTS), *PUNT)
    yield LS_IN_LOOKUP.flow("guest", said, of_guest, why=Why(Feature.PUNT_GUEST))


def _gate(table: Table) -> Iterator[Flow]:
    """Tells of a probe that has come to the table, once, and has it looked up there in earnest.

    Some routers hold it instead, for the controller to send it on (see `HELD`).
    """
    why = Why(Feature.PUNT_SEEN)
    seen: tuple[Action, ...] = (Punt(), SetField(SEEN.field, table.bit))
    # What is looked up in the table itself has to be there as it came.
    seen += () if table is PHY_IN_TUNNEL else (Load(TUN_ID, 1, MARK_BIT, 1),)
    unseen = table.unseen(_IS_PROBE)
    if table is not LR_IN_ADMIT:
        yield table.flow("gate", unseen, (*seen, Resubmit(table.number)), why=why)
        return
    for routers in range(HELD + 1):
        counted = {**unseen, PROBE.field: (1 | routers << ROUTERS_AT, 1 | (1 << ROUTERS_BITS) - 1 << ROUTERS_AT)}
        onward = (*seen, Load(PROBE.field, routers + 1, ROUTERS_AT, ROUTERS_BITS), Resubmit(table.number))
        yield table.flow("gate", counted, onward if routers < HELD else (Punt(),), why=why)


def _out() -> Iterator[Flow]:
    """Into a tunnel twice: with the mark, and in the network's own VNI, which is what tells whether the fabric carries that."""
    send, why = OutputTo(OFPORT.field), Why(Feature.PROBE)
    counted: Match = {OFPORT.field: (TUNNEL, TUNNEL)}
    tunnel: Match = {**counted, PROBE.field: (1, 1)}
    as_tenant = (_UNMARK, Load(ETH_SRC, 1, GROUP_BIT, 1), send)
    yield PHY_OUT.flow("miss", {}, (send,), why=Why(Feature.PIPELINE))
    yield PHY_OUT.flow("counted", counted, (Resubmit(TUN_COUNT_OUT.number), send), why=Why(Feature.PIPELINE))
    yield PHY_OUT.flow("probe", _IS_PROBE, (SetField(SEEN.field, 0),), why=why)
    delivered: Match = {PROBE.field: (DELIVERED, DELIVERED)}
    yield PHY_OUT.flow("delivered", delivered, (send,), why=why)
    yield PHY_OUT.flow("into_tunnel", tunnel, (send, *as_tenant), why=why)
    beyond: Match = {**delivered, OFPORT.field: (TUNNEL, TUNNEL)}
    yield PHY_OUT.flow("delivered_behind_tunnel", beyond, (Load(ETH_SRC, 1, GROUP_BIT, 1), send, _UNMARK, send), why=why)


def _from_tunnel() -> Iterator[Flow]:
    again, why = Resubmit(PHY_IN_TUNNEL.number), Why(Feature.PROBE)
    plain = Load(ETH_SRC, 0, GROUP_BIT, 1)
    crossed = Why(Feature.PUNT_CROSSED)
    yield PHY_IN_TUNNEL.flow("crossed", _GROUP, (Punt(),), meter=OAM_METER, why=crossed)
    yield PHY_IN_TUNNEL.flow("probe", _MARKED, (SetField(PROBE.field, 1), _UNMARK, again), meter=OAM_METER, why=why)
    delivered = (SetField(PROBE.field, DELIVERED), _UNMARK, plain, again)
    yield PHY_IN_TUNNEL.flow("delivered", {**_MARKED, **_GROUP}, delivered, meter=OAM_METER, why=why)


def _echo() -> Iterator[Flow]:
    """A probe of the tunnel itself, whatever is in it: told of here, sent back, and told of there. It has no register."""
    back, why = (Punt(), SetField(TUN_ID, ECHO_BACK_VNI), Output(OFPP_IN_PORT)), Why(Feature.PUNT_ECHO)
    yield PHY_IN_TUNNEL.flow("echo", {TUN_ID: ECHO_VNI}, back, meter=ECHO_METER, why=why)
    for vni in (ECHO_BACK_VNI, ROOM_VNI):
        yield PHY_IN_TUNNEL.flow("echo", {TUN_ID: vni}, (Punt(),), meter=ECHO_METER, why=why)
