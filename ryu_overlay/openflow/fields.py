"""Match fields of OpenFlow 1.3 and Open vSwitch: OXM headers, widths, and how `ovs-ofctl` writes their values."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

OXM_BASIC = 0x8000  # OpenFlow 1.3.5 section 7.2.3.2
NXM_OLD = 0x0000  # Open vSwitch ovs-fields(7)
NXM_NX = 0x0001

ETH_IP = 0x0800
ETH_ARP = 0x0806


@dataclass(frozen=True, slots=True)
class Field:
    """One match field. `bits` is its width, `size` the bytes it takes on the wire; `header` leaves mask bit and length out.

    `nxm` is the older header and name that Open vSwitch uses for the field in a move, where it differs.
    """

    name: str
    oxm_class: int
    number: int
    bits: int
    size: int
    style: str = "int"
    nxm: tuple[int, str] | None = None

    @property
    def header(self) -> int:
        return self.oxm_class << 16 | self.number << 9

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
        return hex(value) if self.style == "hex" else str(value)


def mac_to_int(mac: str) -> int:
    """A MAC address in colon notation as a 48-bit number."""
    return int(mac.replace(":", ""), 16)


def _basic(name: str, number: int, bits: int, style: str = "int", nxm: tuple[int, str] | None = None) -> Field:
    return Field(name, OXM_BASIC, number, bits, (bits + 7) // 8, style, nxm)


def _nxm(oxm_class: int, number: int, name: str) -> tuple[int, str]:
    return oxm_class << 16 | number << 9, name


IN_PORT = _basic("in_port", 0, 32)
METADATA = _basic("metadata", 2, 64, "hex")
ETH_DST = _basic("eth_dst", 3, 48, "mac", _nxm(NXM_OLD, 1, "NXM_OF_ETH_DST[]"))
ETH_SRC = _basic("eth_src", 4, 48, "mac", _nxm(NXM_OLD, 2, "NXM_OF_ETH_SRC[]"))
ETH_TYPE = _basic("eth_type", 5, 16, "hex")
VLAN_VID = _basic("vlan_vid", 6, 13, "hex")
IP_PROTO = _basic("nw_proto", 10, 8)
IPV4_SRC = _basic("nw_src", 11, 32, "ip", _nxm(NXM_OLD, 7, "NXM_OF_IP_SRC[]"))
IPV4_DST = _basic("nw_dst", 12, 32, "ip", _nxm(NXM_OLD, 8, "NXM_OF_IP_DST[]"))
ICMP_TYPE = _basic("icmp_type", 19, 8)
ICMP_CODE = _basic("icmp_code", 20, 8)
ARP_OP = _basic("arp_op", 21, 16)
ARP_SPA = _basic("arp_spa", 22, 32, "ip", _nxm(NXM_OLD, 16, "NXM_OF_ARP_SPA[]"))
ARP_TPA = _basic("arp_tpa", 23, 32, "ip", _nxm(NXM_OLD, 17, "NXM_OF_ARP_TPA[]"))
ARP_SHA = _basic("arp_sha", 24, 48, "mac", _nxm(NXM_NX, 17, "NXM_NX_ARP_SHA[]"))
ARP_THA = _basic("arp_tha", 25, 48, "mac", _nxm(NXM_NX, 18, "NXM_NX_ARP_THA[]"))
TUN_ID = _basic("tun_id", 38, 64, "hex")
IP_FRAG = Field("nw_frag", NXM_NX, 26, 8, 1)
NW_TTL = Field("nw_ttl", NXM_NX, 29, 8, 1)


def register(number: int) -> Field:
    """Open vSwitch's 32-bit register `number` (0 to 15), which lasts for one pass of a packet through the bridge."""
    return Field(f"reg{number}", NXM_NX, number, 32, 4, "hex", _nxm(NXM_NX, number, f"NXM_NX_REG{number}[]"))


VLAN_PRESENT = 0x1000
"""vlan_vid's bit that says there is a tag (OFPVID_PRESENT)."""

FRAG_LATER = 3
"""nw_frag of a fragment other than the first."""

WIRE_ORDER: tuple[Field, ...] = (
    *(IN_PORT, ETH_DST, ETH_SRC, ETH_TYPE, VLAN_VID),
    *(IPV4_SRC, IPV4_DST, IP_FRAG, NW_TTL, IP_PROTO, ICMP_TYPE, ICMP_CODE),
    *(ARP_OP, ARP_SPA, ARP_TPA, ARP_SHA, ARP_THA),
    TUN_ID,
    *(register(n) for n in range(16)),
    METADATA,
)
"""The order in which Open vSwitch writes fields; each comes after what it needs (OpenFlow 1.3.5 section 7.2.3.6)."""
