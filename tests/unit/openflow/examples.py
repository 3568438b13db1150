"""One flow for every kind of match and action there is, with the words that `ovs-ofctl` has for it."""

from __future__ import annotations

from ryu_overlay.openflow.actions import (
    OFPP_IN_PORT,
    Action,
    DecTtl,
    ForgetInPort,
    Instructions,
    Move,
    Output,
    Punt,
    Resubmit,
    SetField,
    SetTtl,
    ToGroup,
)
from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    ETH_ARP,
    ETH_DST,
    ETH_IP,
    ETH_SRC,
    ETH_TYPE,
    FRAG_LATER,
    ICMP_CODE,
    ICMP_TYPE,
    IN_PORT,
    IP_FRAG,
    IP_PROTO,
    IPV4_DST,
    IPV4_SRC,
    METADATA,
    NW_TTL,
    TUN_ID,
    Field,
    mac_to_int,
    register,
)
from ryu_overlay.openflow.flow import Flow, make_match

MAC = mac_to_int("02:00:00:00:01:0b")
ADDRESS = 0x0A00010B
GROUP_BIT = 1 << 40

_IP = {ETH_TYPE: ETH_IP}
_ARP = {ETH_TYPE: ETH_ARP}

MATCHES: dict[str, dict[Field, int | tuple[int, int]]] = {
    "": {},
    "in_port=1,eth_src=02:00:00:00:01:0b": {ETH_SRC: MAC, IN_PORT: 1},
    "eth_dst=01:00:00:00:00:00/01:00:00:00:00:00,reg10=0x0,metadata=0x5": {
        METADATA: 5,
        register(10): 0,
        ETH_DST: (GROUP_BIT, GROUP_BIT),
    },
    "tun_id=0x3fffff": {TUN_ID: 2**22 - 1},
    "ip,nw_src=10.0.1.11,reg14=0xffffff": {register(14): 2**24 - 1, IPV4_SRC: ADDRESS, **_IP},
    "ip,nw_dst=10.0.1.0/255.255.255.0": {**_IP, IPV4_DST: (ADDRESS, 0xFFFFFF00)},
    "ip,nw_ttl=1": {**_IP, NW_TTL: 1},
    "icmp,icmp_type=8,icmp_code=0": {**_IP, IP_PROTO: 1, ICMP_TYPE: 8, ICMP_CODE: 0},
    "icmp,nw_frag=later": {**_IP, IP_PROTO: 1, IP_FRAG: FRAG_LATER},
    "tcp": {**_IP, IP_PROTO: 6},
    "udp": {**_IP, IP_PROTO: 17},
    "ip,nw_proto=47": {**_IP, IP_PROTO: 47},
    "arp,arp_op=1,arp_tpa=10.0.1.11": {**_ARP, ARP_OP: 1, ARP_TPA: ADDRESS},
    "arp,arp_spa=10.0.1.11,arp_sha=02:00:00:00:01:0b": {**_ARP, ARP_SPA: ADDRESS, ARP_SHA: MAC},
    "arp,arp_tha=02:00:00:00:01:0b": {**_ARP, ARP_THA: MAC},
}

ACTIONS: dict[str, tuple[Action, ...]] = {
    "output:7": (Output(7),),
    "IN_PORT": (Output(OFPP_IN_PORT),),
    "CONTROLLER:65535": (Punt(),),
    "set_field:0x5->metadata,set_field:0xffffff->reg15": (SetField(METADATA, 5), SetField(register(15), 2**24 - 1)),
    "set_field:02:00:00:00:01:0b->eth_dst": (SetField(ETH_DST, MAC),),
    "set_field:0x3fffff->tun_id,output:100": (SetField(TUN_ID, 2**22 - 1), Output(100)),
    "load:0->NXM_OF_IN_PORT[]": (ForgetInPort(),),
    "resubmit(,40)": (Resubmit(40),),
    "group:16777215": (ToGroup(2**24 - 1),),
}
IP_ACTIONS: dict[str, tuple[Action, ...]] = {
    "dec_ttl,mod_nw_ttl:65": (DecTtl(), SetTtl(65)),
    "set_field:10.0.1.11->nw_src": (SetField(IPV4_SRC, ADDRESS),),
    "move:NXM_OF_IP_DST[]->NXM_NX_REG0[],move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],move:NXM_NX_REG0[]->NXM_OF_IP_SRC[]": (
        Move(IPV4_DST, register(0)),
        Move(IPV4_SRC, IPV4_DST),
        Move(register(0), IPV4_SRC),
    ),
}
ARP_ACTIONS: dict[str, tuple[Action, ...]] = {
    "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],set_field:2->arp_op": (
        Move(ETH_SRC, ETH_DST),
        Move(ARP_SHA, ARP_THA),
        SetField(ARP_OP, 2),
    ),
}


def _flows() -> dict[str, Flow]:
    found: dict[str, Flow] = {}

    def add(match: str, actions: str, instructions: Instructions) -> None:
        number = len(found)
        words = f"{match}," if match else ""
        text = f"table=4,priority={number},{words}cookie=0xe7a000000000001,actions={actions}"
        found[text] = Flow(4, number, make_match(MATCHES[match]), instructions, 0x0E7A000000000001)

    for match in MATCHES:
        add(match, "drop", Instructions())
        add(match, "goto_table:8", Instructions(goto=8))
    for some, match in ((ACTIONS, ""), (IP_ACTIONS, "ip,nw_ttl=1"), (ARP_ACTIONS, "arp,arp_op=1,arp_tpa=10.0.1.11")):
        for text, actions in some.items():
            add(match, text, Instructions(actions))
            add(match, f"meter:1,{text},goto_table:60", Instructions(actions, 60, 1))
    return found


FLOWS = _flows()
"""Flows by the text that stands for them."""
