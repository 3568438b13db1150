"""What `ofproto/trace` prints, as values: the flows met, with the registers then, and what the datapath is told to do.

The packet at each output is worked out from the datapath's actions, not from the flows', so it is what would be sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from ryu_overlay.model.walk_values import Arp, Ip, Packet
from tests.golden.conntrack import Ct


@dataclass(frozen=True, slots=True)
class Step:
    """One of our flows that the packet met. `held_back`: Open vSwitch did not send it out of the port it came by. `match` is in
    Open vSwitch's words."""

    table: int
    cookie: int
    held_back: bool = False
    match: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """Sent out of a datapath port; by a tunnel with the outer destination and the VNI."""

    port: int
    packet: Packet
    tunnel: tuple[IPv4Address, int] | None = None


@dataclass(frozen=True, slots=True)
class Punt:
    """Sent to the controller: the flow's cookie, and the registers then (by name in a flow's text)."""

    cookie: int
    registers: Mapping[str, int]
    packet: Packet


@dataclass(frozen=True, slots=True)
class Frozen:
    """Gone to connection tracking, to come back at `table` with these fields (registers, port and the like, in a flow's text)."""

    ct: Ct
    packet: Packet
    table: int
    fields: str


@dataclass(frozen=True)
class Trace:
    """One trace, up to where connection tracking takes over. `warnings` are Open vSwitch's own, such as too many resubmits."""

    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]
    punts: tuple[Punt, ...]
    warnings: tuple[str, ...]
    frozen: Frozen | None
    text: str


_STEP = re.compile(r"^( *)(\d+)\. (?:(.*), )?priority \d+, cookie 0x([0-9a-f]+)$")
_SET = re.compile(r"^\s*set_field:(\w+)->(\w+)$")
_LOAD = re.compile(r"^\s*load:(\w+)->NXM_NX_(REG\d+)\[(\d+)(?:\.\.(\d+))?\]$")
_NOW = re.compile(r"^\s*-> NXM_NX_(REG\d+)\[.*\] is now (\w+)$")
_CHECK = re.compile(r"^( *)check_pkt_larger\((\d+)\)")
_WARNING = re.compile(r"^\s*>>(?:>>)? (.*?)(?: <<<<)?$")
_HELD_BACK = "skipping output to input port"
_ACTIONS = "Datapath actions: "
_PARTS = re.compile(r"^=+$", re.MULTILINE)
_KEPT = re.compile(r"\b((?:reg\d+|metadata|in_port|dp_hash)=[^,\s]+)")
_VALUE = re.compile(r"\b(reg\d+|metadata)=(\w+)")
_RESUMED = re.compile(r"will be resumed at table (\d+)")
_ETHERNET = 14


def read_trace(text: str, packet: Packet) -> Trace:
    """The trace of `packet`. Raises ValueError for a datapath action that no flow of ours should cause."""
    part, *later = _PARTS.split(text)
    length = _ETHERNET + ((packet.body.size or 0) if isinstance(packet.body, Ip) else 0)
    lines = list(_taken(part.splitlines(), length))
    head = next(line for line in lines if line.startswith("Flow: "))
    registers = {name: int(value, 0) for name, value in _VALUE.findall(head)}
    steps: list[Step] = []
    at_punt: list[dict[str, int]] = []
    warnings = []
    done = _Datapath(packet)
    for line in lines:
        if found := _STEP.match(line):
            steps.append(Step(int(found[2]), int(found[4], 16), match=found[3] or ""))
        elif found := _SET.match(line):
            registers[found[2]] = int(found[1], 0)
        elif found := _LOAD.match(line):
            _load(registers, found[2].lower(), int(found[1], 0), int(found[3]), int(found[4] or found[3]))
        elif found := _NOW.match(line):
            registers[found[1].lower()] = int(found[2], 0)
        elif line.strip() == "CONTROLLER:65535":
            at_punt.append(dict(registers))
        elif (found := _WARNING.match(line)) and found[1] == _HELD_BACK:
            steps[-1] = replace(steps[-1], held_back=True)
        elif found:
            warnings.append(found[1])
        elif line.startswith(_ACTIONS):
            done.run(line.removeprefix(_ACTIONS))
    punts = [Punt(cookie, seen, punted) for (cookie, punted), seen in zip(done.punts, at_punt)]
    frozen = None if done.tracked is None else _frozen(*done.tracked, "\n".join(lines), later[1])
    return Trace(tuple(steps), tuple(done.outputs), tuple(punts), tuple(warnings), frozen, text)


def _load(registers: dict[str, int], name: str, value: int, first: int, last: int) -> None:
    bits = (1 << last + 1) - (1 << first)
    registers[name] = registers.get(name, 0) & ~bits | value << first


def _taken(lines: list[str], length: int) -> Iterator[str]:
    """Without what happens to packets of another size: Open vSwitch tells first what it does to larger ones, further in."""
    inside: int | None = None
    larger = False
    for line in lines:
        if inside is not None and (found := _STEP.match(line)) and len(found[1]) < inside:
            inside = -1 if larger else None
        if inside != -1 and (found := _CHECK.match(line)):
            inside, larger = len(found[1]), length > int(found[2])
        if line.startswith(_ACTIONS) or inside is None or (larger and inside >= 0):
            yield line


def _frozen(ct: Ct, packet: Packet, text: str, onward: str) -> Frozen:
    """What comes next in the trace says what was kept."""
    head = next(line for line in onward.splitlines() if line.startswith("Flow: "))
    return Frozen(ct, packet, int(_RESUMED.findall(text)[-1]), ",".join(_KEPT.findall(head)))


@dataclass
class _Datapath:
    """Does the datapath's actions to a packet."""

    packet: Packet
    outputs: list[Output] = field(default_factory=list)
    punts: list[tuple[int, Packet]] = field(default_factory=list)
    tracked: tuple[Ct, Packet] | None = None
    _tunnel: tuple[IPv4Address, int] | None = None

    def run(self, actions: str) -> None:
        for name, inside in _split(actions):
            if name.isdigit():
                self.outputs.append(Output(int(name), self.packet, self._tunnel))
            elif name == "set":
                [(kind, fields)] = _split(inside)
                self.packet = _rewritten(self.packet, kind, dict(_pairs(fields)))
            elif name == "clone":
                before = self.packet
                self.run(inside)
                self.packet, self._tunnel = before, None
            elif name == "tnl_push":
                self._tunnel = _outer(inside)
            elif name == "userspace":
                self.punts.append((int(re.findall(r"rule_cookie=(\w+)", inside)[0], 16), self.packet))
            elif name == "ct":
                self.tracked = (Ct.parse(inside), self.packet)
            elif name == "check_pkt_len":
                self._by_size(inside)
            elif name not in ("meter", "drop", "ct_clear", "recirc"):
                raise ValueError(f"{name} in {actions}")

    def _by_size(self, inside: str) -> None:
        ways = dict(_split(inside))
        [limit] = [name.removeprefix("size=") for name in ways if name.startswith("size=")]
        size = (self.packet.body.size or 0) if isinstance(self.packet.body, Ip) else 0
        self.run(ways["gt" if size + _ETHERNET > int(limit) else "le"])


def _split(actions: str) -> Iterator[tuple[str, str]]:
    """(name, what stands in its parentheses) of each action."""
    start = depth = 0
    for at, char in enumerate(actions + ","):
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            name, _, inside = actions[start:at].partition("(")
            yield name.strip(), inside.removesuffix(")")
            start = at + 1


def _pairs(fields: str) -> Iterator[tuple[str, str]]:
    for pair in fields.split(","):
        name, _, value = pair.partition("=")
        yield name, value


def _outer(push: str) -> tuple[IPv4Address, int]:
    return IPv4Address(re.findall(r"ipv4\(src=[\d.]+,dst=([\d.]+)", push)[0]), int(re.findall(r"vni=0x(\w+)", push)[0], 16)


def _rewritten(packet: Packet, kind: str, fields: dict[str, str]) -> Packet:
    body = packet.body
    if kind == "eth":
        source, target = _mac(fields.get("src", ""), packet.eth_src), _mac(fields.get("dst", ""), packet.eth_dst)
        return replace(packet, eth_src=source, eth_dst=target)
    if kind == "ipv4" and isinstance(body, Ip):
        src, dst = IPv4Address(fields.get("src", body.src)), IPv4Address(fields.get("dst", body.dst))
        return replace(packet, body=replace(body, src=src, dst=dst, ttl=int(fields.get("ttl", body.ttl))))
    if kind == "icmp" and isinstance(body, Ip):
        l4 = int(fields.get("type", body.l4[0])), int(fields.get("code", body.l4[1]))
        return replace(packet, body=replace(body, l4=l4))
    if kind == "arp" and isinstance(body, Arp):
        spa, tpa = IPv4Address(fields.get("sip", body.spa)), IPv4Address(fields.get("tip", body.tpa))
        arp = Arp(int(fields.get("op", body.op)), fields.get("sha", body.sha), spa, fields.get("tha", body.tha), tpa)
        return replace(packet, body=arp)
    raise ValueError(f"{kind} was rewritten in {packet}")


def _mac(change: str, before: str) -> str:
    """A MAC that was set, or of which the bits of a mask were."""
    value, _, mask = change.partition("/")
    if not mask:
        return value or before
    parts = zip(*(bytes.fromhex(mac.replace(":", "")) for mac in (value, mask, before)))
    return ":".join(f"{new & bits | old & ~bits & 0xFF:02x}" for new, bits, old in parts)
