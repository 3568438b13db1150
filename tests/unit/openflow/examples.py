"""One flow for every kind of match and action there is, with the words that `ovs-ofctl` has for it."""

from __future__ import annotations

from ryu_overlay.openflow.actions import (
    OFPP_IN_PORT,
    Action,
    CheckLarger,
    Ct,
    CtClear,
    DecTtl,
    ForgetInPort,
    Instructions,
    Move,
    Multipath,
    Nat,
    Output,
    PopVlan,
    Punt,
    PushVlan,
    Resubmit,
    SetField,
    SetTtl,
    ToGroup,
)
from ryu_overlay.openflow.actions_nicira import Controller, Load, OutputTo
from ryu_overlay.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    CT_DNAT,
    CT_EST,
    CT_INV,
    CT_MARK,
    CT_NEW,
    CT_NW_DST,
    CT_NW_PROTO,
    CT_NW_SRC,
    CT_STATE,
    CT_TP_DST,
    CT_TP_SRC,
    CT_TRK,
    CT_ZONE,
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
    TCP_ACK,
    TCP_DST,
    TCP_FLAGS,
    TCP_SRC,
    TCP_SYN,
    TUN_ID,
    UDP_DST,
    UDP_SRC,
    VLAN_PRESENT,
    VLAN_VID,
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
    "tcp,tcp_src=1,tcp_dst=65535,reg1=0x1": {**_IP, IP_PROTO: 6, TCP_DST: 65535, TCP_SRC: 1, register(1): 1},
    "tcp,nw_src=10.0.1.11,nw_frag=first,tcp_dst=80,tcp_flags=+syn-ack,tun_id=0x1": {
        TUN_ID: 1,
        TCP_FLAGS: (TCP_SYN, TCP_SYN | TCP_ACK),
        TCP_DST: 80,
        IP_FRAG: 1,
        IPV4_SRC: ADDRESS,
        IP_PROTO: 6,
        **_IP,
    },
    "tcp,tcp_flags=0x2": {**_IP, IP_PROTO: 6, TCP_FLAGS: TCP_SYN},
    "tcp,tcp_dst=1024/64512": {**_IP, IP_PROTO: 6, TCP_DST: (0x400, 0xFC00)},
    "udp,udp_src=53,udp_dst=5353": {**_IP, IP_PROTO: 17, UDP_SRC: 53, UDP_DST: 5353},
    "udp,nw_frag=no": {**_IP, IP_PROTO: 17, IP_FRAG: 0},
    "udp,nw_frag=not_later,udp_dst=53": {**_IP, IP_PROTO: 17, UDP_DST: 53, IP_FRAG: (0, 2)},
    "ip,nw_frag=yes": {**_IP, IP_FRAG: (1, 1)},
    "ip,reg15=0x1,ct_state=+new-est+trk,ct_zone=65535,ct_mark=0x1,metadata=0x5": {
        METADATA: 5,
        CT_MARK: 1,
        CT_ZONE: 65535,
        CT_STATE: (CT_NEW | CT_TRK, CT_NEW | CT_EST | CT_TRK),
        register(15): 1,
        **_IP,
    },
    "ip,ct_state=-inv+trk,ct_nw_src=10.0.1.11,ct_nw_dst=10.0.1.12,ct_nw_proto=6,ct_tp_src=1,ct_tp_dst=65535": {
        CT_TP_DST: 65535,
        CT_TP_SRC: 1,
        CT_NW_PROTO: 6,
        CT_NW_DST: ADDRESS + 1,
        CT_NW_SRC: ADDRESS,
        CT_STATE: (CT_TRK, CT_TRK | CT_INV),
        **_IP,
    },
    "ip,ct_state=+trk+dnat": {**_IP, CT_STATE: (CT_TRK | CT_DNAT, CT_TRK | CT_DNAT)},
    "ip,vlan_vid=0x1005": {**_IP, VLAN_VID: VLAN_PRESENT | 5},
    "ip,nw_proto=47": {**_IP, IP_PROTO: 47},
    "arp,arp_op=1,arp_tpa=10.0.1.11": {**_ARP, ARP_OP: 1, ARP_TPA: ADDRESS},
    "arp,arp_spa=10.0.1.11,arp_sha=02:00:00:00:01:0b": {**_ARP, ARP_SPA: ADDRESS, ARP_SHA: MAC},
    "arp,arp_tha=02:00:00:00:01:0b": {**_ARP, ARP_THA: MAC},
}

ACTIONS: dict[str, tuple[Action, ...]] = {
    "output:7": (Output(7),),
    "IN_PORT": (Output(OFPP_IN_PORT),),
    "CONTROLLER:65535": (Punt(),),
    "CONTROLLER:128": (Controller(128),),
    "controller(max_len=128,meter_id=1),resubmit(,40)": (Controller(128, 1), Resubmit(40)),
    "controller(max_len=0,meter_id=1)": (Controller(0, 1),),
    "controller(meter_id=1)": (Controller(65535, 1),),
    "set_field:0x5->metadata,set_field:0xffffff->reg15": (SetField(METADATA, 5), SetField(register(15), 2**24 - 1)),
    "set_field:02:00:00:00:01:0b->eth_dst": (SetField(ETH_DST, MAC),),
    "set_field:0x3fffff->tun_id,output:100": (SetField(TUN_ID, 2**22 - 1), Output(100)),
    "load:0xffff->NXM_OF_IN_PORT[]": (ForgetInPort(),),
    "load:0x3fffff->NXM_NX_TUN_ID[0..21]": (Load(TUN_ID, 2**22 - 1, 0, 22),),
    "load:0x1->NXM_NX_TUN_ID[23]": (Load(TUN_ID, 1, 23, 1),),
    "load:0x0->NXM_OF_ETH_SRC[40],output:7": (Load(ETH_SRC, 0, 40, 1), Output(7)),
    "load:0x2->NXM_NX_REG6[2..3],output:NXM_NX_REG3[0..15]": (Load(register(6), 2, 2, 2), OutputTo(register(3))),
    "resubmit(,40)": (Resubmit(40),),
    "group:16777215": (ToGroup(2**24 - 1),),
    "group:268435455": (ToGroup(2**28 - 1),),
    "push_vlan:0x8100,set_field:0x1005->vlan_vid,output:7": (PushVlan(), SetField(VLAN_VID, VLAN_PRESENT | 5), Output(7)),
    "check_pkt_larger(1514)->NXM_NX_REG15[0]": (CheckLarger(1514, register(15)),),
    "multipath(symmetric_l3l4+udp,0,modulo_n,256,0,NXM_NX_REG3[0..15])": (Multipath("symmetric_l3l4+udp", 256, register(3)),),
}
IP_ACTIONS: dict[str, tuple[Action, ...]] = {
    "multipath(nw_src,0,modulo_n,65536,0,NXM_NX_REG3[0..15])": (Multipath("nw_src", 65536, register(3)),),
    "ct(zone=5)": (Ct(5),),
    "ct(zone=0)": (Ct(0),),
    "ct(table=70,zone=NXM_NX_REG15[0..15],nat)": (Ct(register(15), 70, nat=Nat()),),
    "ct(commit,zone=NXM_NX_REG0[0..15],nat(src=10.0.1.11))": (Ct(register(0), commit=True, nat=Nat("src", ADDRESS)),),
    "ct(commit,table=0,zone=65535,nat(src=10.0.1.11:1024-65535)),ct_clear": (
        Ct(65535, 0, commit=True, nat=Nat("src", ADDRESS, ports=(1024, 65535))),
        CtClear(),
    ),
    "ct(commit,zone=5,nat(src=10.0.1.11-10.0.1.13:10-20))": (Ct(5, commit=True, nat=Nat("src", ADDRESS, ADDRESS + 2, (10, 20))),),
    "ct(commit,zone=5,nat(dst=10.0.1.11:80))": (Ct(5, commit=True, nat=Nat("dst", ADDRESS, ADDRESS, (80, 80))),),
    "ct(commit,zone=5,nat(dst=10.0.1.11-10.0.1.12))": (Ct(5, commit=True, nat=Nat("dst", ADDRESS, ADDRESS + 1)),),
    "ct(commit,zone=5,nat(src))": (Ct(5, commit=True, nat=Nat("src")),),
    "ct(commit,zone=5,nat)": (Ct(5, commit=True, nat=Nat()),),
    "ct(commit,zone=5,exec(move:NXM_NX_REG6[0]->NXM_NX_CT_MARK[0]))": (Ct(5, commit=True, mark=register(6)),),
    "ct(commit,table=53,zone=65535,nat(src=10.0.1.11),exec(move:NXM_NX_REG6[0]->NXM_NX_CT_MARK[0]))": (
        Ct(65535, 53, commit=True, nat=Nat("src", ADDRESS), mark=register(6)),
    ),
    "move:NXM_NX_REG1[]->NXM_OF_IP_SRC[]": (Move(register(1), IPV4_SRC),),
    "dec_ttl,mod_nw_ttl:65": (DecTtl(), SetTtl(65)),
    "set_field:10.0.1.11->nw_src": (SetField(IPV4_SRC, ADDRESS),),
    "move:NXM_OF_IP_DST[]->NXM_NX_REG0[],move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],move:NXM_NX_REG0[]->NXM_OF_IP_SRC[]": (
        Move(IPV4_DST, register(0)),
        Move(IPV4_SRC, IPV4_DST),
        Move(register(0), IPV4_SRC),
    ),
}
VLAN_ACTIONS: dict[str, tuple[Action, ...]] = {"pop_vlan,output:7": (PopVlan(), Output(7))}
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
    for some, match in (
        (ACTIONS, ""),
        (IP_ACTIONS, "ip,nw_ttl=1"),
        (VLAN_ACTIONS, "ip,vlan_vid=0x1005"),
        (ARP_ACTIONS, "arp,arp_op=1,arp_tpa=10.0.1.11"),
    ):
        for text, actions in some.items():
            add(match, text, Instructions(actions))
            add(match, f"meter:1,{text},goto_table:60", Instructions(actions, 60, 1))
    return found


FLOWS = _flows()
"""Flows by the text that stands for them."""
