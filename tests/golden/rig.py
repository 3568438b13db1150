"""Several chassis on one dummy Open vSwitch, joined by VXLAN: packets go in at a VIF or a tunnel, and are traced to the end.

    br-hv1  --+
    br-hv2  --+-- br-phy (the underlay's side, so that tunnels have a way out)
    br-hv3  --+

Every tunnel has a remote address of its own, because one Open vSwitch cannot have two tunnels to the same one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from pathlib import Path

from ovs.unixctl.client import UnixctlClient

from ryu_overlay.model.walk_values import Packet
from ryu_overlay.openflow.flow import Program
from ryu_overlay.pipeline.registers import PROBE
from tests.dummy import DummySwitch
from tests.golden.packets import to_flow
from tests.golden.tracing import Frozen, Trace, read_trace
from tools.scenarios import Chassis, Scenario

_UNDERLAY = IPv4Address("172.31.0.0")
_BRIDGE = re.compile(r"^  (\S+):$")
_PORT = re.compile(r"^    (\S+) (\d+)/(\d+): ")


class Rig:
    """Bridges of chassis, with the ports and tunnels that `chassis` names."""

    def __init__(self, switch: DummySwitch, chassis: Mapping[str, Chassis]) -> None:
        self.switch = switch
        self.chassis = chassis
        self._remotes: dict[IPv4Address, tuple[str, str]] = {}
        self._add_underlay()
        for name, here in chassis.items():
            self._add(name, here)
        self._ofports = {odp: (bridge.removeprefix("br-"), ofport) for bridge, ofport, odp in self._ports()}
        error, self._client = UnixctlClient.create(str(switch.directory / "vswitchd.ctl"))
        assert not error

    def close(self) -> None:
        self._client.close()

    @staticmethod
    def bridge(chassis: str) -> str:
        return f"br-{chassis}"

    def management(self, chassis: str) -> str:
        """Where `ovs-ofctl` finds the chassis' bridge."""
        return f"unix:{self.switch.directory}/{self.bridge(chassis)}.mgmt"

    def load(self, programs: Mapping[str, Program]) -> None:
        """Make the programs what the bridges have."""
        for name, program in programs.items():
            self.switch.load(self.bridge(name), program)

    def trace(self, chassis: str, in_port: str, packet: Packet) -> Trace:
        """What becomes of a packet that comes in there; `in_port` is a match such as `in_port=1`."""
        return read_trace(self._ask("ofproto/trace", self.bridge(chassis), f"{in_port},{to_flow(packet)}"), packet)

    def trace_probe(self, chassis: str, in_port: str, packet: Packet, probe: int) -> Trace:
        """What becomes of a packet that the controller lets in there as a probe, with this value of the register."""
        actions = f"set_field:{probe}->{PROBE.field.name},resubmit(,0)"
        answer = self._ask("ofproto/trace-packet-out", self.bridge(chassis), f"{in_port},{to_flow(packet)}", actions)
        return read_trace(answer, packet)

    def trace_out(self, chassis: str, packet_out: bytes, packet: Packet, dp_hash: int) -> Trace:
        """What becomes of a packet that the controller sends with `packet_out`."""
        flow = f"in_port=CONTROLLER,dp_hash={dp_hash},{to_flow(packet)}"
        return read_trace(self._ask("ofproto/trace-packet-out", self.bridge(chassis), flow, self._actions(packet_out)), packet)

    def resume(self, chassis: str, frozen: Frozen, state: str, packet: Packet, mark: int = 0) -> Trace:
        """What becomes of a packet that comes back from connection tracking, in this state and of a connection so marked."""
        flow = f"{frozen.fields},ct_state={state},ct_mark={mark},{to_flow(packet)}"
        answer = self._ask("ofproto/trace-packet-out", self.bridge(chassis), flow, f"resubmit(,{frozen.table})")
        return read_trace(answer, packet)

    def resubmit(self, chassis: str, table: int, flow: str) -> str:
        """The trace, as printed, of a packet that starts in this table, `flow` being all that can be matched of it."""
        return self._ask("ofproto/trace-packet-out", self.bridge(chassis), flow, f"resubmit(,{table})")

    def port(self, odp: int) -> tuple[str, int]:
        """(chassis, OpenFlow port) of a datapath port."""
        return self._ofports[odp]

    def tunnel(self, remote: IPv4Address) -> tuple[str, str]:
        """(chassis, the other chassis) of the tunnel to this outer address."""
        return self._remotes[remote]

    def remote(self, chassis: str, other: str) -> IPv4Address:
        """The outer address of a chassis' tunnel to another."""
        names = list(self.chassis)
        return _UNDERLAY + 256 * (1 + names.index(chassis)) + names.index(other) + 1

    def dump_connections(self) -> list[str]:
        """What connection tracking has, in lines."""
        return sorted(self._ask("dpctl/dump-conntrack").splitlines())

    def push_counters(self) -> None:
        """Have flows count what their datapath flows have counted."""
        self._ask("revalidator/purge")

    def _ask(self, command: str, *args: str) -> str:
        broken, refused, answer = self._client.transact(command, list(args))
        assert not broken and not refused, f"{command} {args}: {broken or refused}"
        return answer

    def _actions(self, packet_out: bytes) -> str:
        length = int.from_bytes(packet_out[16:18], "big")
        return _actions_text(self.switch, packet_out[8:24] + packet_out[24 : 24 + length])

    def _add_underlay(self) -> None:
        self.switch.add_bridge("br-phy", [("uplink", 1)], [])
        self.switch.ofctl("add-flow", f"unix:{self.switch.directory}/br-phy.mgmt", "actions=output:1")
        self.switch.appctl("netdev-dummy/ip4addr", "br-phy", f"{_UNDERLAY + 1}/16")
        self.switch.appctl("ovs/route/add", f"{_UNDERLAY}/16", "br-phy")

    def _add(self, name: str, here: Chassis) -> None:
        tunnels = []
        for other, ofport in here.tunnels.items():
            remote = self.remote(name, other)
            self._remotes[remote] = (name, other)
            tunnels.append((f"{name}-{other}", ofport, str(remote)))
            self.switch.appctl("tnl/neigh/set", "br-phy", str(remote), "02:00:00:00:00:01")
        ofports = [*(ofport for ofport in here.ports.values() if ofport is not None), *here.physical.values()]
        ports = [(f"{name}.{ofport}", ofport) for ofport in ofports]
        self.switch.add_bridge(self.bridge(name), ports, tunnels)

    def _ports(self) -> Iterator[tuple[str, int, int]]:
        bridge = ""
        for line in self.switch.appctl("dpif/show").splitlines():
            if found := _BRIDGE.match(line):
                bridge = found[1]
            elif found := _PORT.match(line):
                yield bridge, int(found[2]), int(found[3])


@lru_cache(maxsize=4096)
def _actions_text(switch: DummySwitch, body: bytes) -> str:
    """The actions of a packet-out in words."""
    header = b"\x04\x0d" + (8 + len(body)).to_bytes(2, "big") + bytes(4)
    words = re.search(r"actions=(\S+)", switch.ofctl("ofp-print", (header + body).hex()))
    assert words is not None
    return words[1]


@dataclass(frozen=True)
class Loaded:
    """A scenario, and a rig whose bridges have its programs."""

    scenario: Scenario
    rig: Rig


@contextmanager
def rig(directory: Path, chassis: Mapping[str, Chassis]) -> Iterator[Rig]:
    """A rig that ends with the block."""
    switch = DummySwitch(directory)
    try:
        switch.start()
        made = Rig(switch, chassis)
        yield made
        made.close()
    finally:
        switch.stop()
