"""What `ofproto/trace` prints, as values: the flows met, with the registers then, and what the datapath is told to do.

The packet at each output is worked out from the datapath's actions, not from the flows', so it is what would be sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from ryu_overlay.model.walk_values import Arp, Ip, Packet
from ryu_overlay.pipeline.registers import DATAPATH, IN_LPORT


@dataclass(frozen=True, slots=True)
class Step:
    """One of our flows that the packet met. `held_back`: Open vSwitch did not send it out of the port it came by."""

    table: int
    cookie: int
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """Sent out of a datapath port; by a tunnel with the outer destination and the VNI."""

    port: int
    packet: Packet
    tunnel: tuple[IPv4Address, int] | None = None


@dataclass(frozen=True, slots=True)
class Punt:
    """Sent to the controller: the flow's cookie, and the logical position as the registers had it."""

    cookie: int
    datapath: int
    in_lport: int
    packet: Packet


@dataclass(frozen=True)
class Trace:
    """One trace. `warnings` are Open vSwitch's own, such as too many resubmits."""

    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]
    punts: tuple[Punt, ...]
    warnings: tuple[str, ...]
    text: str


_STEP = re.compile(r"^\s*(\d+)\. .*priority \d+, cookie 0x([0-9a-f]+)$")
_SET = re.compile(r"^\s*set_field:(\w+)->(\w+)$")
_WARNING = re.compile(r"^\s*>>(?:>>)? (.*?)(?: <<<<)?$")
_HELD_BACK = "skipping output to input port"
_ACTIONS = "Datapath actions: "


def read_trace(text: str, packet: Packet) -> Trace:
    """The trace of `packet`. Raises ValueError for a datapath action that no flow of ours should cause."""
    steps: list[Step] = []
    registers = {DATAPATH.field.name: 0, IN_LPORT.field.name: 0}
    at_punt: list[dict[str, int]] = []
    warnings = []
    done = _Datapath(packet)
    for line in text.splitlines():
        if found := _STEP.match(line):
            steps.append(Step(int(found[1]), int(found[2], 16)))
        elif found := _SET.match(line):
            registers[found[2]] = int(found[1], 0)
        elif line.strip() == "CONTROLLER:65535":
            at_punt.append(dict(registers))
        elif (found := _WARNING.match(line)) and found[1] == _HELD_BACK:
            steps[-1] = replace(steps[-1], held_back=True)
        elif found:
            warnings.append(found[1])
        elif line.startswith(_ACTIONS):
            done.run(line.removeprefix(_ACTIONS))
    punts = [
        Punt(cookie, seen[DATAPATH.field.name], seen[IN_LPORT.field.name], punted)
        for (cookie, punted), seen in zip(done.punts, at_punt)
    ]
    return Trace(tuple(steps), tuple(done.outputs), tuple(punts), tuple(warnings), text)


@dataclass
class _Datapath:
    """Does the datapath's actions to a packet."""

    packet: Packet
    outputs: list[Output] = field(default_factory=list)
    punts: list[tuple[int, Packet]] = field(default_factory=list)
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
            elif name not in ("meter", "drop"):
                raise ValueError(f"{name} in {actions}")


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
        return replace(packet, eth_src=fields.get("src", packet.eth_src), eth_dst=fields.get("dst", packet.eth_dst))
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
