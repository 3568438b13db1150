"""A whole lab at once: fabric, control network, controller, hypervisors, then VMs as they are asked for.

    with Lab("demo", hypervisors=2) as lab:
        lab.rest.put("/v1/network", document)
        a = lab.vm("a", "hv1", "02:00:00:00:00:01", "10.0.0.1/24")
        b = lab.vm("b", "hv2", "02:00:00:00:00:02", "10.0.0.2/24")
        assert lab.ping(a, b.ip).lost == 0

Leaving the block, also by an error, ends everything; a lab whose process was killed is cleared by the next one of
its name or by `mininet_topos.cleanup`. `python -m mininet_topos.lab` opens the demo network with a command line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from mininet.net import Mininet

from mininet_topos.cleanup import claim, clear
from mininet_topos.controller import APP, Controller, Option, installed
from mininet_topos.fabric import Segment
from mininet_topos.http import Rest
from mininet_topos.hypervisor import EXTERNAL_NIC, Hypervisor
from mininet_topos.measure import Capture, Pinging, PingResult, ping
from mininet_topos.node import LabNode
from mininet_topos.outside import PHYSICAL_NETWORK, Outside, Outsider, Router
from mininet_topos.vm import VM, VXLAN_OVERHEAD
from mininet_topos.workspace import Workspace

HypervisorLike = str | Hypervisor
CONTROL_MTU = 1500


class Lab:
    """Fabric `fabric`, control network `control`, controller `c0`, hypervisors `hv1` to `hvN`, VMs by their names.

    With an external network `world` holds segments `outside` and `far`, and the nodes `upstream` and `server`.
    `net` is the Mininet network; `workspace.path` the folder with everyone's logs.
    """

    def __init__(
        self,
        name: str,
        hypervisors: int = 3,
        underlay_mtu: int = 1500,
        controller_options: Mapping[str, Option] | None = None,
        controller_app: str | None = APP,
        join: bool = True,
        external: bool | tuple[str, ...] = (),
    ) -> None:
        """`underlay_mtu` in bytes; `controller_app=None` for a lab without controller; `join=False` leaves the
        hypervisors booted but not joined; `external` names those that map physnet1 (True: all), and makes the world
        outside. Nothing is built before the `with` block or `open`.
        """
        self.name, self.underlay_mtu = name, underlay_mtu
        self._count, self._app, self._join = hypervisors, controller_app, join
        self._options = dict(controller_options or {})
        self._external = {f"hv{n}" for n in range(1, hypervisors + 1)} if external is True else set(external or ())
        self._rest: Rest | None = None
        self.workspace = Workspace(name)
        self.hypervisors: dict[str, Hypervisor] = {}
        self.vms: dict[str, VM] = {}

    @property
    def vm_mtu(self) -> int:
        """Bytes of the largest IP packet of a guest: the underlay's less what VXLAN adds."""
        return self.underlay_mtu - VXLAN_OVERHEAD

    @property
    def rest(self) -> Rest:
        """The controller's REST, one connection kept alive. For one thread; others use `controller.rest()`."""
        if self._rest is None:
            self._rest = self.controller.rest()
        return self._rest

    def open(self) -> Lab:
        """Build and start everything. Raises LabExists when a lab of this name is alive; on any error nothing is left behind."""
        self.net = Mininet(build=False, controller=None)
        self.workspace = claim(self.name)
        try:
            self._build()
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End everything and remove every trace. Harmless when called again."""
        if not self.workspace.exists():
            return
        try:
            if self._rest is not None:
                self._rest.close()
            for controller in self.net.controllers:
                controller.stop()
        finally:
            clear(self.workspace)
            for node in self.net.values():
                node.forget()

    def __enter__(self) -> Lab:
        return self.open()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def upstream(self) -> Router:
        """The router outside. Raises AttributeError in a lab without external network."""
        return self.world.upstream

    @property
    def server(self) -> Outsider:
        """The machine behind it."""
        return self.world.server

    def hypervisor(self, which: HypervisorLike) -> Hypervisor:
        """By name, or as it is. Raises KeyError."""
        return self.hypervisors[which] if isinstance(which, str) else which

    def vm(
        self,
        name: str,
        hypervisor: HypervisorLike,
        mac: str,
        address: str | None = None,
        gateway: str | None = None,
        iface_id: str | None = None,
        mtu: int | None = None,
        attach: bool = True,
    ) -> VM:
        """Make a VM wired to `hypervisor` and plug it into br-int there, unless `attach` is False. `address` with prefix."""
        host = self.hypervisor(hypervisor)
        params = {"mac": mac, "address": address, "gateway": gateway, "mtu": mtu or self.vm_mtu, "iface_id": iface_id}
        vm: VM = self.net.addHost(name, cls=VM, workspace=self.workspace, **params)
        self.vms[name] = vm
        self.net.links.append(vm.wire(host))
        if attach:
            host.attach(vm)
        return vm

    def move(self, vm: VM, hypervisor: HypervisorLike) -> None:
        """Live migration to `hypervisor` from wherever `vm` is."""
        self.host_of(vm).move(vm, self.hypervisor(hypervisor))

    def host_of(self, vm: VM) -> Hypervisor:
        """The hypervisor `vm` is plugged into. Raises LookupError when it is plugged in nowhere."""
        for host in self.hypervisors.values():
            if vm.name in host.vms:
                return host
        raise LookupError(f"{vm.name} is on no hypervisor")

    def ping(self, vm: LabNode, target: str, **options: Any) -> PingResult:
        """See `measure.ping`."""
        return ping(vm, target, **options)

    def pinging(self, vm: LabNode, target: str, interval: float = 0.01) -> Pinging:
        """Ping in the background; see `measure.Pinging`."""
        return Pinging(vm, target, interval)

    def tcpdump(self, node: LabNode, interface: str, expression: str = "", snap: int = 0, way: str = "inout") -> Capture:
        """Capture on an interface of any node; see `measure.Capture`."""
        return Capture(node, interface, expression, snap, way)

    def overlayctl(self, *args: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the operator's CLI beside the controller. Raises CommandFailed if `check` and its exit code is not 0."""
        return self.controller.run(installed("overlayctl"), *args, check=check, stdin=stdin, timeout=90)

    def _build(self) -> None:
        self.fabric: Segment = self.net.addSwitch("fabric", cls=Segment, workspace=self.workspace, mtu=self.underlay_mtu)
        self.control: Segment = self.net.addSwitch("control", cls=Segment, workspace=self.workspace, mtu=CONTROL_MTU)
        if self._external:
            self.world = Outside(self.net, self.workspace)
        if self._app is not None:
            params = {"app": self._app, "options": self._options, "workspace": self.workspace}
            self.controller: Controller = self.net.addController("c0", controller=Controller, **params)
            self.net.links.append(self.control.plug(self.controller, "ctl0"))
            self.controller.address_control()
            self.controller.start()
        for number in range(1, self._count + 1):
            self._add_hypervisor(number)

    def _add_hypervisor(self, number: int) -> None:
        physical_network = PHYSICAL_NETWORK if f"hv{number}" in self._external else None
        params = {"number": number, "underlay_mtu": self.underlay_mtu, "workspace": self.workspace}
        host: Hypervisor = self.net.addSwitch(f"hv{number}", cls=Hypervisor, physical_network=physical_network, **params)
        self.net.links += [self.fabric.plug(host, "phy0"), self.control.plug(host, "ctl0")]
        if physical_network is not None:
            self.world.plug(self.world.outside, host, EXTERNAL_NIC)
        self.hypervisors[host.name] = host

    def _start(self) -> None:
        in_parallel(host.boot for host in self.hypervisors.values())
        if self._app is not None:
            self.controller.wait()
        if self._join and self._app is not None:
            in_parallel(host.join for host in self.hypervisors.values())


def in_parallel(calls: Iterable[Callable[[], object]]) -> None:
    """Make all calls at once and wait for all. Raises the first error."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for future in [pool.submit(call) for call in calls]:
            future.result()


def main(arguments: list[str]) -> int:
    """The demo network with a command line, until `exit`; the argument is the lab's name (`demo`)."""
    from mininet_topos.cli import LabCLI
    from mininet_topos.scenarios import DEMO, populate

    with Lab(arguments[0] if arguments else "demo", hypervisors=DEMO.hypervisors) as lab:
        populate(lab, DEMO)
        LabCLI(lab)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
