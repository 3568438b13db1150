"""The same work done by the kernel: nft NAT in a namespace, beside ours in the same run; and what the work costs in CPU.

    inside 192.168.77.10 -- natbox -- far (the segment of `server`) 198.51.100.2

Clients and servers are the same programs, three members on three ports of `inside`. There is no hypervisor on this way.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mininet.link import Link

from mininet_topos.lab import Lab
from mininet_topos.loading import Serving
from mininet_topos.outside import Outsider, Router

NAT_ADDRESS = "198.51.100.2"
INSIDE = "192.168.77.10"
_INSIDE_GATEWAY = "192.168.77.1"
_MEMBER_PORTS = (8081, 8082, 8083)
_TICKS = os.sysconf("SC_CLK_TCK")
_BUSY = (0, 1, 2, 5, 6)
"""Columns of /proc/stat that are work: user, nice, system, irq, softirq."""
_RULES = f"""
table ip nat {{
    chain out {{
        type nat hook postrouting priority srcnat;
        oifname "far0" snat to {NAT_ADDRESS}
    }}
    chain in {{
        type nat hook prerouting priority dstnat;
        iifname "far0" tcp dport 80 dnat ip to {INSIDE} : numgen random mod 6 map {{
            0 : 8081, 1 : 8082, 2 : 8082, 3 : 8083, 4 : 8083, 5 : 8083 }}
    }}
}}
"""


class KernelNat:
    """`natbox` and `inside`, with the members' servers on `inside`."""

    def __init__(self, lab: Lab) -> None:
        """Builds both in `lab`, which ends them."""
        self.box: Router = lab.world.stranger("natbox", Router)
        self.inside: Outsider = lab.world.stranger("inside")
        lab.world.plug(lab.world.far, self.box, "far0")
        lab.net.links.append(Link(self.inside, self.box, intfName1="eth0", intfName2="in0"))
        self.box.address("far0", f"{NAT_ADDRESS}/24")
        self.box.address("in0", f"{_INSIDE_GATEWAY}/24")
        self.inside.address("eth0", f"{INSIDE}/24", _INSIDE_GATEWAY)
        self.box.forward()
        self.box.run("nft", "-f", "-", stdin=_RULES)
        self.serving = Serving(self.inside, tcp=_MEMBER_PORTS)


@dataclass(frozen=True)
class Cost:
    """CPU seconds that the whole machine, and of it some processes, were busy since `begin`."""

    machine: float
    processes: float


class Meter:
    """Reads CPU time twice. The machine's includes the load itself and whatever else runs."""

    def __init__(self, lab: Lab) -> None:
        found = [host.vswitch.process("ovs-vswitchd") for host in lab.hypervisors.values()]
        self._pids = [process.pid for process in found if process is not None]
        self._began = self._read()

    def cost(self) -> Cost:
        machine, processes = self._read()
        return Cost(machine - self._began[0], processes - self._began[1])

    def _read(self) -> tuple[float, float]:
        columns = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        machine = sum(int(columns[i]) for i in _BUSY) / _TICKS
        return machine, sum(_process_seconds(pid) for pid in self._pids)


def per_thousand(seconds: float, connections: int) -> str:
    """CPU milliseconds for a thousand connections."""
    return f"{seconds * 1_000_000 / max(1, connections):.0f} ms CPU per 1,000"


def _process_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
