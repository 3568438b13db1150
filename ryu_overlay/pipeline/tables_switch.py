"""Tables of a logical switch, and of the way into and out of the bridge."""

from __future__ import annotations

from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    CT_STATE,
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    ICMP_TYPE,
    IN_PORT,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    TCP_DST,
    TCP_SRC,
    TUN_ID,
    UDP_DST,
    UDP_SRC,
    VLAN_VID,
)
from ryu_overlay.pipeline.registers import (
    ANSWER,
    CAME_BY,
    CHOSEN,
    DATAPATH,
    FROM_TUNNEL,
    HOME,
    IN_LPORT,
    LINK,
    NEXT_HOP,
    OFPORT,
    OUT_LPORT,
    OUTSIDE,
    PROBE,
    SEEN,
    SOURCE,
    ZONE,
)
from ryu_overlay.pipeline.table import Table

_DP, _IN, _OUT, _TUN, _HOP = DATAPATH.field, IN_LPORT.field, OUT_LPORT.field, FROM_TUNNEL.field, NEXT_HOP.field
_HOME, _SRC, _CHOSEN, _OUTSIDE = HOME.field, SOURCE.field, CHOSEN.field, OUTSIDE.field
_TO_PORT = frozenset({IP_PROTO, TCP_DST, UDP_DST})
_FROM_PORT = frozenset({IP_PROTO, TCP_SRC, UDP_SRC})


PHY_IN = (
    Table(
        0,
        "phy_in_port",
        "Which logical port, tunnel or physical network the packet came by; a VM's source MAC.",
        frozenset({IN_PORT, ETH_SRC, ETH_DST, ETH_TYPE, VLAN_VID}),
        frozenset({_DP, _IN, _TUN, _OUTSIDE, CAME_BY.field}),
        {"miss": 0, "refused": 5, "caught": 7, "any": 10, "mac": 20, "clock": 30},
        frozenset({"phy_in_tunnel", "ls_in_security", "ls_in_arp", "ext_in", "ext_clock", "tun_count_in"}),
        miss="drop unknown_in_port",
    ),
    Table(
        4,
        "phy_in_tunnel",
        "From a tunnel: the VNI says the logical switch, or the uplink that this chassis is to carry.",
        frozenset({TUN_ID, ETH_SRC, ETH_TYPE}),
        frozenset({_DP, _IN, _HOME, ANSWER.field, PROBE.field, TUN_ID, ETH_SRC}),
        {"miss": 0, "caught": 1, "vni": 10, "crossed": 20, "probe": 30, "delivered": 40, "echo": 50, "answer": 60},
        frozenset({"ls_in_lookup", "lr_in_route", "phy_in_tunnel"}),
        emits=True,
        punts=True,
        miss="drop unknown_vni",
    ),
)

LS_IN = (
    Table(
        8,
        "ls_in_security",
        "Port security (from_lport): IPv4 and ARP source addresses.",
        frozenset({_IN, ETH_TYPE, VLAN_VID, IPV4_SRC, ARP_SPA, ARP_SHA}),
        frozenset(),
        {"miss": 0, "spoofed": 10, "caught": 15, "allow": 20, "tagged": 30},
        frozenset({"ls_in_arp", "ls_in_lookup"}),
        miss="drop not_allowed_type",
    ),
    Table(
        12,
        "ls_in_arp",
        "ARP requests for addresses the model knows are answered in place of their owner.",
        frozenset({_DP, _IN, ETH_TYPE, ARP_OP, ARP_TPA}),
        frozenset({ETH_SRC, ETH_DST, ARP_OP, ARP_SPA, ARP_TPA, ARP_SHA, ARP_THA, _OUT}),
        {"miss": 0, "answer": 10, "own": 20},
        frozenset({"ls_in_lookup", "ls_out_port"}),
        reflects=True,
        miss="go on to ls_in_lookup",
    ),
    Table(
        16,
        "ls_in_lookup",
        "Destination MAC to logical port, router, load balancer, or flooding. A router's output comes back in here.",
        frozenset({_DP, _IN, _TUN, ETH_DST, ETH_TYPE}),
        frozenset({_DP, _IN, _OUT, TUN_ID, OFPORT.field, LINK.field}),
        {"miss": 0, "flood": 10, "caught": 15, "guest": 18, "mac": 20, "hairpin": 30},
        frozenset({"lr_in_admit", "ls_in_vip", "ls_out_port", "lr_count_in", "phy_out", "punt_uplink"}),
        punts=True,
        miss="drop unknown_mac",
    ),
    Table(
        18,
        "ls_in_vip",
        "Packets to a virtual address on a switch: to conntrack, in the tenant's zone.",
        frozenset({_DP, ETH_TYPE, IPV4_SRC, IPV4_DST}) | _FROM_PORT | _TO_PORT,
        frozenset({_SRC, ZONE.field}),
        {"miss": 0, "caught": 1, "reply": 10, "service": 20},
        tracks=frozenset({"ls_in_vip_tracked", "ls_in_vip_reply"}),
        miss="drop vip_port",
    ),
    Table(
        19,
        "ls_in_vip_tracked",
        "Known connections go on to their member; for a new one a member is chosen.",
        frozenset({_DP, ETH_TYPE, IPV4_DST, CT_STATE}) | _TO_PORT,
        frozenset({_CHOSEN, LINK.field}),
        {"miss": 0, "caught": 1, "new": 10, "known": 20},
        frozenset({"ls_in_balanced", "lb_slot"}),
        emits=True,
        miss="drop not_tracked",
    ),
    Table(
        20,
        "ls_in_balanced",
        "Behind the choice of a member: on to its MAC. A member that got itself sees the virtual address as the sender.",
        frozenset({_DP, _CHOSEN, ETH_TYPE, IPV4_SRC, IPV4_DST, CT_STATE}),
        frozenset({ETH_DST, ETH_SRC, _IN}),
        {"miss": 0, "caught": 1, "chosen": 10, "itself": 20, "itself_chosen": 30},
        frozenset({"ls_in_lookup"}),
        tracks=frozenset({"ls_in_lookup"}),
        reflects=True,
        miss="drop nat_exhausted",
    ),
    Table(
        22,
        "ls_in_vip_reply",
        "What a member sends to the virtual address: its side of a connection to itself, or the answer to a health check.",
        frozenset({_DP, ETH_TYPE, IPV4_DST, IP_PROTO, CT_STATE}),
        frozenset({ETH_DST, _IN, LINK.field}),
        {"miss": 0, "known": 10},
        frozenset({"ls_in_lookup", "punt_uplink"}),
        punts=True,
        reflects=True,
        miss="to controller: health",
    ),
)

LS_OUT = (
    Table(
        60,
        "ls_out_port",
        "Delivery (to_lport): to the VIF here, or into the tunnel to the chassis where it is.",
        frozenset({_OUT, _TUN}),
        frozenset({TUN_ID, OFPORT.field}),
        {"miss": 0, "stale": 4, "refused": 6, "caught": 8, "remote": 10, "local": 20},
        frozenset({"ls_out_balance", "phy_out", "use_inside"}),
        miss="drop not_bound",
    ),
    Table(
        62,
        "ls_out_balance",
        "In networks with load balancers: what a member's service sends to a VIF here is looked up in conntrack, and errors too.",
        frozenset({_DP, ETH_TYPE, IPV4_SRC, ICMP_TYPE}) | _FROM_PORT,
        frozenset({_SRC}),
        {"miss": 0, "member": 10, "error": 10},
        frozenset({"phy_out"}),
        tracks=frozenset({"ls_out_tracked"}),
        miss="go on to phy_out",
    ),
    Table(
        63,
        "ls_out_tracked",
        "An error that another than the member sent keeps its sender.",
        frozenset({_DP, _SRC, ETH_TYPE, CT_STATE}),
        frozenset({IPV4_SRC}),
        {"miss": 0, "error": 10, "member": 20},
        frozenset({"phy_out"}),
        miss="go on to phy_out",
    ),
)

TUNNEL_COUNT = (
    Table(
        92,
        "tun_count_in",
        "Counts what comes by each tunnel in each VNI, on its way.",
        frozenset({IN_PORT, TUN_ID, ETH_SRC}),
        frozenset(),
        {"miss": 0, "network": 10, "probe": 20},
        miss="not counted",
    ),
    Table(
        93,
        "tun_count_out",
        "Counts what is put into each tunnel in each VNI, on its way.",
        frozenset({OFPORT.field, TUN_ID}),
        frozenset(),
        {"miss": 0, "network": 10},
        miss="not counted",
    ),
)

PUNT = (
    Table(
        94,
        "punt_uplink",
        "On the way to the controller: the meter of the uplink that the packet came into its router by. Tunnels are shared.",
        frozenset({_IN}),
        frozenset(),
        {"miss": 0, "uplink": 10, "probe": 20},
        frozenset({"punt_port"}),
        miss="go on to punt_port",
    ),
    Table(
        95,
        "punt_port",
        "Then the meter of the port that the packet came by, so that nobody spends what others may use.",
        frozenset({CAME_BY.field}),
        frozenset(),
        {"miss": 0, "port": 10, "probe": 20},
        frozenset({"punt_chassis"}),
        miss="go on to punt_chassis",
    ),
    Table(
        96,
        "punt_chassis",
        "Then the chassis' own meter, of what is to be answered, of answers to health checks, or of what guests say.",
        frozenset({LINK.field}),
        frozenset(),
        {"miss": 0, "kind": 10, "probe": 20},
        miss="metered as what is to be answered",
    ),
)

PHY_OUTWARD = (
    Table(
        98,
        "phy_out",
        "Out of the bridge by the port in `ofport`. A probe goes into tunnels, to a VIF or a wire only if it is to be delivered.",
        frozenset({OFPORT.field}),
        frozenset({SEEN.field, TUN_ID, ETH_SRC}),
        {"miss": 0, "counted": 5, "probe": 10, "delivered": 20, "into_tunnel": 30, "delivered_behind_tunnel": 40},
        frozenset({"tun_count_out"}),
        emits=True,
        miss="output",
    ),
)
