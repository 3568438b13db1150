"""What there is without a controller: two hypervisors, one VXLAN port each way, one NORMAL flow."""

from __future__ import annotations

from functools import partial
from types import TracebackType

from mininet_topos.hypervisor import Hypervisor
from mininet_topos.lab import Lab, in_parallel
from tests.bench.results import PLAIN

_VNI = 77


class PlainSide:
    """See `sides.Side`, which it implements. Its VMs share one segment: nothing here routes."""

    title = PLAIN

    def __init__(self, name: str) -> None:
        """`name` is the lab's. Nothing is built before the `with` block."""
        self.lab = Lab(name, hypervisors=2, controller_app=None)

    def __enter__(self) -> PlainSide:
        self.lab.open()
        first, second = self.lab.hypervisors.values()
        try:
            in_parallel([partial(_bridge, first, second.encap_ip), partial(_bridge, second, first.encap_ip)])
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.lab.close()


def _bridge(host: Hypervisor, remote: str) -> None:
    host.vsctl(
        "--", "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev", "fail_mode=secure",
        "--", "add-port", "br-int", "vx0", "--", "set", "Interface", "vx0", "type=vxlan", f"options:remote_ip={remote}",
        f"options:local_ip={host.encap_ip}", f"options:key={_VNI}",
    )  # fmt: skip
    host.ofctl("add-flow", "br-int", "actions=NORMAL")
