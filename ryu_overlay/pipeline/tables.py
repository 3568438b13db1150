"""The tables of br-int, in order. Numbers have gaps for what is to come.

A packet from a VM enters at phy_in_port, one from another chassis or a physical network too (by a tunnel or patch port).
Everything a virtual network does to it is worked out here, on the chassis where it came in; the destination's chassis only
looks up the MAC. A router's output goes back to the tables of the next switch or router (a resubmit), as often as there are
hops. Only what crosses an uplink elsewhere is finished by that uplink's gateway.
"""

from __future__ import annotations

from dataclasses import replace

from ryu_overlay.pipeline.table import Table
from ryu_overlay.pipeline.tables_border import EXT, LR_OUT, USE
from ryu_overlay.pipeline.tables_router import COUNT, LR_IN
from ryu_overlay.pipeline.tables_switch import LS_IN, LS_OUT, PHY_IN, PHY_OUTWARD, PUNT, TUNNEL_COUNT

ORIGIN_TTL = 64
"""The TTL of what routers send themselves (RFC 1700). The way out of a router takes one off, so it is set one higher there."""

PUNT_METER, HEALTH_METER, ARP_METER = 1, 2, 3
"""A chassis' meters of what goes to the controller: packets to be answered, answers to health checks, ARP. Each has its own, so
that a flood of the first takes no load balancer's members down."""

STEADY_METER, BEAT_METER = 4, 5
"""The meters of the clock's beats: one lets a beat a second through, the other bounds what forged beats can set off."""
BEAT_RATE = 50
"""Beats a second. Each physical network has ten of its own, and a forged one does nothing else than they do."""
OAM_METER, GUEST_METER = 6, 7
"""The meters of what comes as a probe from outside of the bridge, by tunnels or as an answer, and of what guests say to the
controller: a guest that talks without end does not keep probes away."""
MARK_BIT = 23
"""The bit of a VNI that marks probes. Those of networks have 22 bits."""
GROUP_BIT = 40
"""The bit of a MAC that says it is a group's. No sender's is, so a source MAC that has it is a probe's."""
GUEST_MAC = 0x02FFFFFFFF01
"""Whom guests answer when the controller asks them by ARP whether they are there."""
ECHO_METER = 8
"""The meter of what tells of the steady probes of tunnels."""
ECHO_VNI, ECHO_BACK_VNI, ROOM_VNI = 0xC00001, 0xC00002, 0xC00003
"""The VNIs of those probes, there and back, and of one that only tries conntrack. No network's, and no trace's: those have
not both of the bits above."""
THERE_VNI, BACK_VNI = 0xC00004, 0xC00005
"""The VNIs of routers' answers that go the way that they stand for, there and back, before they are given. As such."""
CAPTURE_METERS = range(100, 200)
"""The meters of captures."""

_DECLARED = (*PHY_IN, *LS_IN, *LR_IN, *LR_OUT, *LS_OUT, *EXT, *USE, *COUNT, *TUNNEL_COUNT, *PUNT, *PHY_OUTWARD)


def _linked(declared: tuple[Table, ...]) -> dict[str, Table]:
    """The tables by name, each knowing the numbers of those that may follow. Raises ValueError for what cannot be."""
    numbers = {t.name: t.number for t in declared}
    if len(numbers) != len(declared) or len(set(numbers.values())) != len(declared):
        raise ValueError("two tables share a name or a number")
    if list(numbers.values()) != sorted(numbers.values()) or not all(0 <= n < 254 for n in numbers.values()):
        raise ValueError("tables are not in order, or not within 0 to 253")
    tables = {}
    for table in declared:
        leads_to = table.next | table.tracks
        if not leads_to <= numbers.keys():
            raise ValueError(f"{table.name} leads to tables that do not exist: {leads_to - numbers.keys()}")
        tables[table.name] = replace(table, numbers={n: numbers[n] for n in leads_to}, bit=_bit(table, declared))
    for table in tables.values():
        same = [n for n in table.next | table.tracks if n != table.name and tables[n].bit == table.bit]
        if same:
            raise ValueError(f"{table.name} leads to tables that have its bit: {same}")
    return tables


_PERIOD = 28
"""After how many tables bits come again: so no table leads to one with its own, as `_linked` makes sure."""


def _bit(table: Table, declared: tuple[Table, ...]) -> int:
    """Tables in a row have different bits. All lead to the last, which has one for itself."""
    place = declared.index(table)
    return 1 << (31 if place == len(declared) - 1 else place % _PERIOD)


TABLES = _linked(_DECLARED)
TABLE_NAMES = {table.number: table.name for table in TABLES.values()}

PHY_IN_PORT = TABLES["phy_in_port"]
PHY_IN_TUNNEL = TABLES["phy_in_tunnel"]
LS_IN_SECURITY = TABLES["ls_in_security"]
LS_IN_ARP = TABLES["ls_in_arp"]
LS_IN_LOOKUP = TABLES["ls_in_lookup"]
LS_IN_VIP = TABLES["ls_in_vip"]
LS_IN_VIP_TRACKED = TABLES["ls_in_vip_tracked"]
LS_IN_BALANCED = TABLES["ls_in_balanced"]
LS_IN_VIP_REPLY = TABLES["ls_in_vip_reply"]
LR_IN_ADMIT = TABLES["lr_in_admit"]
LR_IN_TRACKED = TABLES["lr_in_tracked"]
LR_IN_TRANSLATED = TABLES["lr_in_translated"]
LR_IN_OWN = TABLES["lr_in_own"]
LR_IN_VIP = TABLES["lr_in_vip"]
LR_IN_VIP_TRACKED = TABLES["lr_in_vip_tracked"]
LR_IN_VIP_REPLY = TABLES["lr_in_vip_reply"]
LR_IN_SERVICE = TABLES["lr_in_service"]
LB_SLOT = TABLES["lb_slot"]
LB_MEMBER = TABLES["lb_member"]
LR_IN_BALANCED = TABLES["lr_in_balanced"]
LR_IN_TTL = TABLES["lr_in_ttl"]
LR_IN_ROUTE = TABLES["lr_in_route"]
LR_OUT_SIZE = TABLES["lr_out_size"]
LR_OUT_OVERSIZE = TABLES["lr_out_oversize"]
LR_OUT_UPLINK = TABLES["lr_out_uplink"]
LR_IN_RESOLVE = TABLES["lr_in_resolve"]
LR_OUT_PORT = TABLES["lr_out_port"]
LR_OUT_NO_GATEWAY = TABLES["lr_out_no_gateway"]
LR_OUT_BORDER = TABLES["lr_out_border"]
LR_OUT_TRACKED = TABLES["lr_out_tracked"]
LR_OUT_SNAT = TABLES["lr_out_snat"]
LR_OUT_TRANSLATED = TABLES["lr_out_translated"]
LR_OUT_EXTERNAL = TABLES["lr_out_external"]
LS_OUT_PORT = TABLES["ls_out_port"]
LS_OUT_BALANCE = TABLES["ls_out_balance"]
LS_OUT_TRACKED = TABLES["ls_out_tracked"]
EXT_IN = TABLES["ext_in"]
EXT_CLOCK = TABLES["ext_clock"]
EXT_BEAT = TABLES["ext_beat"]
EXT_STEADY = TABLES["ext_steady"]
EXT_OWNER = TABLES["ext_owner"]
EXT_LOOKUP = TABLES["ext_lookup"]
EXT_RESOLVE = TABLES["ext_resolve"]
EXT_OUT = TABLES["ext_out"]
EXT_PHYSICAL = TABLES["ext_physical"]
USE_INSIDE = TABLES["use_inside"]
USE_OUT_PEER = TABLES["use_out_peer"]
USE_OUT = TABLES["use_out"]
USE_IN_PEER = TABLES["use_in_peer"]
USE_IN = TABLES["use_in"]
LR_COUNT_IN = TABLES["lr_count_in"]
LR_COUNT_OUT = TABLES["lr_count_out"]
TUN_COUNT_IN = TABLES["tun_count_in"]
TUN_COUNT_OUT = TABLES["tun_count_out"]
PUNT_UPLINK = TABLES["punt_uplink"]
PUNT_PORT = TABLES["punt_port"]
PUNT_CHASSIS = TABLES["punt_chassis"]
PHY_OUT = TABLES["phy_out"]
