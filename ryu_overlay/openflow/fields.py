"""Match fields of OpenFlow 1.3 and Open vSwitch: OXM headers, widths, and how `ovs-ofctl` writes their values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address

OXM_BASIC = 0x8000  # OpenFlow 1.3.5 section 7.2.3.2
NXM_OLD = 0x0000  # Open vSwitch ovs-fields(7)
NXM_NX = 0x0001
OXM_EXPERIMENTER = 0xFFFF
_ONF = 0x4F4E4600

ETH_IP = 0x0800
ETH_ARP = 0x0806
ETH_CFM = 0x8902


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One match field, and the only object for it: equal to itself alone, so that it is quick in a dict.

    `bits` is its width, `size` the bytes it takes on the wire; `header` leaves mask bit and length out.

    `nxm` is the older header and name that Open vSwitch uses for the field in a move, where it differs. `experimenter` stands
    between header and value, and counts as part of both's length, where the class is the experimenters'.
    """

    name: str
    oxm_class: int
    number: int
    bits: int
    size: int
    style: str = "int"
    nxm: tuple[int, str] | None = None
    experimenter: int | None = None

    @property
    def header(self) -> int:
        return self.oxm_class << 16 | self.number << 9

    @property
    def handle(self) -> int:
        """How Open vSwitch's own actions name the field. Raises ValueError for a field that none of them takes."""
        return self._old[0] | self.size

    def part(self, bits: str = "") -> str:
        """Some bits of the field (`0..15`), or all, as `ovs-ofctl` names them in an action. Raises as `handle` does."""
        return self._old[1].replace("[]", f"[{bits}]")

    @property
    def _old(self) -> tuple[int, str]:
        if self.nxm is None:
            raise ValueError(f"no action takes {self.name}")
        return self.nxm

    @property
    def full(self) -> int:
        """The mask that matches the whole field."""
        return (1 << 8 * self.size) - 1

    def text(self, value: int) -> str:
        """The value as `ovs-ofctl` reads it."""
        if self.style == "mac":
            return ":".join(f"{b:02x}" for b in value.to_bytes(6, "big"))
        if self.style == "ip":
            return str(IPv4Address(value))
        return str(value) if self.style == "int" else hex(value)

    def match_text(self, value: int, mask: int | None) -> str:
        """The field in a match, as `ovs-ofctl` reads it. `mask` is None for all bits."""
        if self.style == "frag" and (value, mask) in _FRAGMENTS:
            return f"{self.name}={_FRAGMENTS[value, mask]}"
        if mask is None:
            return f"{self.name}={self.text(value)}"
        names = _FLAGS.get(self.style, ())
        if names and not mask >> len(names):
            return f"{self.name}={''.join('-+'[value >> n & 1] + name for n, name in enumerate(names) if mask >> n & 1)}"
        return f"{self.name}={self.text(value)}/{self.text(mask)}"

    def head(self, masked: bool) -> bytes:
        """What stands before the field's value, or value and mask, in a match."""
        experimenter = b"" if self.experimenter is None else self.experimenter.to_bytes(4, "big")
        mask_bit, halves = (0x100, 2) if masked else (0, 1)
        return (self.header | mask_bit | len(experimenter) + halves * self.size).to_bytes(4, "big") + experimenter


_FLAGS = {
    "ct_state": ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"),
    "tcp_flags": ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"),
}
_FRAGMENTS = {(0, None): "no", (1, None): "first", (3, None): "later", (0, 2): "not_later", (1, 1): "yes"}


def mac_to_int(mac: str) -> int:
    """A MAC address in colon notation as a 48-bit number."""
    return int(mac.replace(":", ""), 16)


def _basic(name: str, number: int, bits: int, style: str = "int", nxm: tuple[int, str] | None = None) -> Field:
    return Field(name, OXM_BASIC, number, bits, (bits + 7) // 8, style, nxm)


def _nxm(oxm_class: int, number: int, name: str) -> tuple[int, str]:
    return oxm_class << 16 | number << 9, name


IN_PORT = _basic("in_port", 0, 32)
NX_IN_PORT = Field("in_port", NXM_OLD, 0, 16, 2, nxm=_nxm(NXM_OLD, 0, "NXM_OF_IN_PORT[]"))
"""in_port as Open vSwitch's own actions write it."""
METADATA = _basic("metadata", 2, 64, "hex")
ETH_DST = _basic("eth_dst", 3, 48, "mac", _nxm(NXM_OLD, 1, "NXM_OF_ETH_DST[]"))
ETH_SRC = _basic("eth_src", 4, 48, "mac", _nxm(NXM_OLD, 2, "NXM_OF_ETH_SRC[]"))
ETH_TYPE = _basic("eth_type", 5, 16, "hex")
VLAN_VID = _basic("vlan_vid", 6, 13, "hex")
IP_PROTO = _basic("nw_proto", 10, 8)
IPV4_SRC = _basic("nw_src", 11, 32, "ip", _nxm(NXM_OLD, 7, "NXM_OF_IP_SRC[]"))
IPV4_DST = _basic("nw_dst", 12, 32, "ip", _nxm(NXM_OLD, 8, "NXM_OF_IP_DST[]"))
TCP_SRC = _basic("tcp_src", 13, 16)
TCP_DST = _basic("tcp_dst", 14, 16)
UDP_SRC = _basic("udp_src", 15, 16)
UDP_DST = _basic("udp_dst", 16, 16)
TCP_FLAGS = Field("tcp_flags", OXM_EXPERIMENTER, 42, 12, 2, "tcp_flags", experimenter=_ONF)
ICMP_TYPE = _basic("icmp_type", 19, 8)
ICMP_CODE = _basic("icmp_code", 20, 8)
ARP_OP = _basic("arp_op", 21, 16)
ARP_SPA = _basic("arp_spa", 22, 32, "ip", _nxm(NXM_OLD, 16, "NXM_OF_ARP_SPA[]"))
ARP_TPA = _basic("arp_tpa", 23, 32, "ip", _nxm(NXM_OLD, 17, "NXM_OF_ARP_TPA[]"))
ARP_SHA = _basic("arp_sha", 24, 48, "mac", _nxm(NXM_NX, 17, "NXM_NX_ARP_SHA[]"))
ARP_THA = _basic("arp_tha", 25, 48, "mac", _nxm(NXM_NX, 18, "NXM_NX_ARP_THA[]"))
TUN_ID = _basic("tun_id", 38, 64, "hex", _nxm(NXM_NX, 16, "NXM_NX_TUN_ID[]"))
IP_FRAG = Field("nw_frag", NXM_NX, 26, 8, 1, "frag")
NW_TTL = Field("nw_ttl", NXM_NX, 29, 8, 1)

CT_STATE = Field("ct_state", NXM_NX, 105, 32, 4, "ct_state")
CT_ZONE = Field("ct_zone", NXM_NX, 106, 16, 2)
CT_MARK = Field("ct_mark", NXM_NX, 107, 32, 4, "hex", _nxm(NXM_NX, 107, "NXM_NX_CT_MARK[]"))
CT_NW_PROTO = Field("ct_nw_proto", NXM_NX, 119, 8, 1)
CT_NW_SRC = Field("ct_nw_src", NXM_NX, 120, 32, 4, "ip")
CT_NW_DST = Field("ct_nw_dst", NXM_NX, 121, 32, 4, "ip")
CT_TP_SRC = Field("ct_tp_src", NXM_NX, 124, 16, 2)
CT_TP_DST = Field("ct_tp_dst", NXM_NX, 125, 16, 2)

CT_NEW, CT_EST, CT_REL, CT_RPL, CT_INV, CT_TRK, CT_SNAT, CT_DNAT = (1 << n for n in range(8))
"""ct_state's bits: new connection, established, related, reply direction, invalid, tracked, source and target translated."""

TCP_FIN, TCP_SYN, TCP_RST, TCP_PSH, TCP_ACK, TCP_URG = (1 << n for n in range(6))
"""tcp_flags' bits."""


@cache
def register(number: int) -> Field:
    """Open vSwitch's 32-bit register `number` (0 to 15), which lasts for one pass of a packet through the bridge."""
    return Field(f"reg{number}", NXM_NX, number, 32, 4, "hex", _nxm(NXM_NX, number, f"NXM_NX_REG{number}[]"))


VLAN_PRESENT = 0x1000
"""vlan_vid's bit that says there is a tag (OFPVID_PRESENT)."""

FRAG_LATER = 3
"""nw_frag of a fragment other than the first."""

WIRE_ORDER: tuple[Field, ...] = (
    *(IN_PORT, ETH_DST, ETH_SRC, ETH_TYPE, VLAN_VID),
    *(IPV4_SRC, IPV4_DST, IP_FRAG, NW_TTL, IP_PROTO),
    *(TCP_SRC, TCP_DST, TCP_FLAGS, UDP_SRC, UDP_DST, ICMP_TYPE, ICMP_CODE),
    *(ARP_OP, ARP_SPA, ARP_TPA, ARP_SHA, ARP_THA),
    TUN_ID,
    *(register(n) for n in range(16)),
    *(CT_STATE, CT_ZONE, CT_MARK),
    *(CT_NW_SRC, CT_NW_DST, CT_NW_PROTO, CT_TP_SRC, CT_TP_DST),
    METADATA,
)
"""The order in which Open vSwitch writes fields; each comes after what it needs (OpenFlow 1.3.5 section 7.2.3.6)."""
