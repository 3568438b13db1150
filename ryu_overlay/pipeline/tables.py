"""The tables of br-int, in order. Numbers have gaps for what is to come.

A packet from a VM enters at phy_in_port, one from another chassis too (by a tunnel port). Everything a virtual network
does to it is worked out here, on the chassis where it came in; the destination's chassis only looks up the MAC.
A router's output goes back to the tables of the next switch or router (a resubmit), as often as there are hops.
"""

from __future__ import annotations

from dataclasses import replace

from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    ICMP_CODE,
    ICMP_TYPE,
    IN_PORT,
    IP_FRAG,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    NW_TTL,
    TUN_ID,
    VLAN_VID,
)
from ryu_overlay.pipeline.registers import ANSWER, DATAPATH, FROM_TUNNEL, IN_LPORT, NEXT_HOP, OUT_LPORT
from ryu_overlay.pipeline.table import Table

_DP, _IN, _OUT, _TUN, _HOP = DATAPATH.field, IN_LPORT.field, OUT_LPORT.field, FROM_TUNNEL.field, NEXT_HOP.field

ORIGIN_TTL = 64
"""The TTL of what routers send themselves (RFC 1700). The way out of a router takes one off, so it is set one higher there."""

PUNT_METER = 1
"""The meter every flow passes that sends packets to the controller."""

_DECLARED = (
    Table(
        0,
        "phy_in_port",
        "Which logical port, or which tunnel, the packet came by; a VM's source MAC.",
        frozenset({IN_PORT, ETH_SRC}),
        frozenset({_DP, _IN, _TUN}),
        {"miss": 0, "any": 10, "mac": 20},
        frozenset({"phy_in_tunnel", "ls_in_security", "ls_in_arp"}),
        miss="drop unknown_in_port",
    ),
    Table(
        4,
        "phy_in_tunnel",
        "From a tunnel: the VNI says the logical switch.",
        frozenset({TUN_ID}),
        frozenset({_DP}),
        {"miss": 0, "vni": 10},
        frozenset({"ls_in_lookup"}),
        miss="drop unknown_vni",
    ),
    Table(
        8,
        "ls_in_security",
        "Port security (from_lport): IPv4 and ARP source addresses.",
        frozenset({_IN, ETH_TYPE, VLAN_VID, IPV4_SRC, ARP_SPA, ARP_SHA}),
        frozenset(),
        {"miss": 0, "spoofed": 10, "allow": 20, "tagged": 30},
        frozenset({"ls_in_arp", "ls_in_lookup"}),
        miss="drop not_allowed_type",
    ),
    Table(
        12,
        "ls_in_arp",
        "ARP requests for addresses the model knows are answered in place of their owner.",
        frozenset({_DP, _IN, ETH_TYPE, ARP_OP, ARP_TPA}),
        frozenset({ETH_SRC, ETH_DST, ARP_OP, ARP_SPA, ARP_TPA, ARP_SHA, ARP_THA}),
        {"miss": 0, "answer": 10, "own": 20},
        frozenset({"ls_in_lookup"}),
        emits=True,
        miss="go on to ls_in_lookup",
    ),
    Table(
        16,
        "ls_in_lookup",
        "Destination MAC to logical port, router, or flooding. A router's output comes back in here.",
        frozenset({_DP, _IN, _TUN, ETH_DST}),
        frozenset({_DP, _IN, _OUT, TUN_ID}),
        {"miss": 0, "flood": 10, "mac": 20, "hairpin": 30},
        frozenset({"lr_in_admit", "ls_out_port"}),
        emits=True,
        miss="drop unknown_mac",
    ),
    Table(
        24,
        "lr_in_admit",
        "A router takes IPv4 only, and only from sources that may be routed.",
        frozenset({ETH_TYPE, VLAN_VID, IPV4_SRC}),
        frozenset(),
        {"miss": 0, "ip": 10, "bad_source": 20, "tagged": 30},
        frozenset({"lr_in_own"}),
        miss="drop not_ipv4",
    ),
    Table(
        28,
        "lr_in_own",
        "Packets to an address of the router itself; multicast ends here.",
        frozenset({_DP, ETH_TYPE, IPV4_DST}),
        frozenset(),
        {"miss": 0, "multicast": 10, "own": 20},
        frozenset({"lr_in_service", "lr_in_ttl"}),
        miss="go on to lr_in_ttl",
    ),
    Table(
        32,
        "lr_in_service",
        "What a router does with packets to itself: echo reply, reset, unreachable. The only table that looks at layer 4.",
        frozenset({ETH_TYPE, IP_PROTO, ICMP_TYPE, ICMP_CODE, IP_FRAG, ANSWER.field}),
        frozenset({IPV4_SRC, IPV4_DST, ICMP_TYPE, _HOP, ANSWER.field}),
        {"miss": 0, "protocol": 10, "echo": 20, "later_fragment": 30},
        frozenset({"lr_in_route"}),
        punts=True,
        miss="to controller: protocol unreachable",
    ),
    Table(
        36,
        "lr_in_ttl",
        "A packet whose TTL ends here is answered.",
        frozenset({ETH_TYPE, NW_TTL}),
        frozenset(),
        {"miss": 0, "expired": 10},
        frozenset({"lr_in_route"}),
        punts=True,
        miss="go on to lr_in_route",
    ),
    Table(
        40,
        "lr_in_route",
        "Longest prefix to next hop and out port. Packets that a router makes itself enter here.",
        frozenset({_DP, ETH_TYPE, IPV4_DST}),
        frozenset({_HOP, _OUT}),
        {"miss": 0, "prefix": (100, 100 + 2 * 32 + 1), "directed_broadcast": 200},
        frozenset({"lr_in_resolve"}),
        emits=True,
        punts=True,
        miss="to controller: net unreachable",
    ),
    Table(
        44,
        "lr_in_resolve",
        "Next hop to MAC, from the model.",
        frozenset({_OUT, _HOP}),
        frozenset({ETH_DST}),
        {"miss": 0, "known": 10},
        frozenset({"lr_out_port"}),
        punts=True,
        miss="to controller: host unreachable",
    ),
    Table(
        48,
        "lr_out_port",
        "TTL and source MAC, then into the switch or router at the other end of the router port.",
        frozenset({_OUT, ETH_TYPE}),
        frozenset({ETH_SRC, _DP, _IN, _TUN}),
        {"miss": 0, "port": 10},
        frozenset({"ls_in_lookup", "lr_in_admit"}),
        miss="drop not_bound",
    ),
    Table(
        60,
        "ls_out_port",
        "Delivery (to_lport): to the VIF here, or into the tunnel to the chassis where it is.",
        frozenset({_OUT, _TUN}),
        frozenset({TUN_ID}),
        {"miss": 0, "remote": 10, "stale": 10, "local": 20},
        emits=True,
        miss="drop not_bound",
    ),
)


def _linked(declared: tuple[Table, ...]) -> dict[str, Table]:
    """The tables by name, each knowing the numbers of those that may follow. Raises ValueError for what cannot be."""
    numbers = {t.name: t.number for t in declared}
    if len(numbers) != len(declared) or len(set(numbers.values())) != len(declared):
        raise ValueError("two tables share a name or a number")
    if list(numbers.values()) != sorted(numbers.values()) or not all(0 <= n < 254 for n in numbers.values()):
        raise ValueError("tables are not in order, or not within 0 to 253")
    tables = {}
    for table in declared:
        if not table.next <= numbers.keys():
            raise ValueError(f"{table.name} leads to tables that do not exist: {table.next - numbers.keys()}")
        tables[table.name] = replace(table, numbers={n: numbers[n] for n in table.next})
    return tables


TABLES = _linked(_DECLARED)

PHY_IN_PORT = TABLES["phy_in_port"]
PHY_IN_TUNNEL = TABLES["phy_in_tunnel"]
LS_IN_SECURITY = TABLES["ls_in_security"]
LS_IN_ARP = TABLES["ls_in_arp"]
LS_IN_LOOKUP = TABLES["ls_in_lookup"]
LR_IN_ADMIT = TABLES["lr_in_admit"]
LR_IN_OWN = TABLES["lr_in_own"]
LR_IN_SERVICE = TABLES["lr_in_service"]
LR_IN_TTL = TABLES["lr_in_ttl"]
LR_IN_ROUTE = TABLES["lr_in_route"]
LR_IN_RESOLVE = TABLES["lr_in_resolve"]
LR_OUT_PORT = TABLES["lr_out_port"]
LS_OUT_PORT = TABLES["ls_out_port"]
