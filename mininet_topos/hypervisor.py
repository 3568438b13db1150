"""A hypervisor: a namespace with its own Open vSwitch that joins the overlay by `ovs-vsctl` lines alone.

`phy0` is the raw uplink, port of `br-phy` (userspace datapath), whose own interface has the encap address; `ctl0` leads to the
controller. `br-int` is made by the controller. A hypervisor with an external network has `br-ex` with the raw port `ext0` too.
Knows nothing of the logical network.
"""

from __future__ import annotations

import re
import signal
import subprocess
from typing import Any

from mininet.node import Node, Switch

from mininet_topos.node import CONTROL_PREFIX, CONTROLLER_ADDRESS, UNDERLAY_PREFIX, LabNode
from mininet_topos.vm import VM
from mininet_topos.vswitch import VSwitch
from mininet_topos.workspace import Workspace

INTEGRATION_BRIDGE = "br-int"
UPLINK = "phy0"
EXTERNAL_BRIDGE = "br-ex"
EXTERNAL_NIC = "ext0"
JOIN_SECONDS = 15.0
"""How long `attach` waits for the controller to make br-int."""


class Hypervisor(LabNode, Switch):  # type: ignore[misc]
    """Chassis number N: encap address 172.31.0.N, control address 172.31.255.(10+N)."""

    def __init__(
        self,
        name: str,
        number: int | None = None,
        underlay_mtu: int = 1500,
        workspace: Workspace | None = None,
        physical_network: str | None = None,
        **params: Any,
    ) -> None:
        """`number` 1 to 240, the digits in `name` when left out; `underlay_mtu` in bytes; `physical_network` is what
        `br-ex` is mapped to, None for a host without. Raises ValueError.
        """
        number = int(re.sub(r"\D", "", name) or 0) if number is None else number
        if not 1 <= number <= 240:
            raise ValueError(f"hypervisor {name}: number {number} is not 1 to 240")
        self.controlIntf = None
        self.underlay_mtu = underlay_mtu
        self.physical_network = physical_network
        self.encap_ip = f"172.31.0.{number}"
        self.control_ip = f"172.31.255.{10 + number}"
        self.vms: dict[str, VM] = {}
        workspace = workspace or params.pop("workspace", None)
        super().__init__(name, workspace=workspace, dpid=f"{number:x}", **params)
        self.vswitch = VSwitch(self)
        self.vsctl, self.ofctl, self.appctl = self.vswitch.vsctl, self.vswitch.ofctl, self.vswitch.appctl
        # In this node's mount namespace the usual place of OVS' sockets is its own: `ovs-vsctl show` needs no options.
        self.script(f"mkdir -p /run/openvswitch\nmount --bind {self.folder}/run /run/openvswitch\n")

    def boot(self) -> None:
        """Start Open vSwitch and set up the host's side of the network: `phy0`, `ctl0`, `br-phy`, `br-ex`. Joins nothing."""
        self.script(
            # Else the kernel answers ARP on the raw uplink too, and peers learn the wrong MAC after a link flap.
            f"echo 8 > /proc/sys/net/ipv4/conf/{UPLINK}/arp_ignore\n"
            f"ip link set {UPLINK} mtu {self.underlay_mtu} up\n"
            f"ip address replace {self.control_ip}/{CONTROL_PREFIX} dev ctl0\nip link set ctl0 up\n"
        )
        self.vswitch.start_database()
        self._physical_bridge("br-phy", UPLINK)
        if self.physical_network is not None:
            self.script(f"echo 8 > /proc/sys/net/ipv4/conf/{EXTERNAL_NIC}/arp_ignore\nip link set {EXTERNAL_NIC} up\n")
            self._physical_bridge(EXTERNAL_BRIDGE, EXTERNAL_NIC)
        self.start_vswitchd()

    def start(self, controllers: list[Node]) -> None:
        """Mininet's hook: boot, join the first controller, attach the VMs that links were laid to."""
        self.boot()
        if not controllers:
            return
        self.join(CONTROLLER_ADDRESS)
        for interface in self.intfList():
            vm = interface.link.intf1.node
            if isinstance(vm, VM):
                vm.take_up(self)
                self.attach(vm)

    def stop(self, deleteIntfs: bool = True) -> None:
        """Mininet's hook: end Open vSwitch; interfaces end with the namespace."""
        self.vswitch.stop()

    def join(self, controller_ip: str = CONTROLLER_ADDRESS) -> None:
        """What an operator types to make this host a chassis."""
        mapping = [] if self.physical_network is None else [self._mapping()]
        self.vsctl(
            "--no-wait", "set", "Open_vSwitch", ".", f"external_ids:system-id={self.name}",
            f"external_ids:overlay-encap-ip={self.encap_ip}", *mapping, "--", "set-manager", f"tcp:{controller_ip}:6640",
        )  # fmt: skip

    def map_external(self, mapped: bool) -> None:
        """What an operator types to map `br-ex` to the physical network, or to take that back. Raises LookupError without one."""
        if self.physical_network is None:
            raise LookupError(f"{self.name} has no external network")
        if mapped:
            self.vsctl("--no-wait", "set", "Open_vSwitch", ".", self._mapping())
        else:
            self.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "external_ids", "overlay-bridge-mappings")

    def leave(self) -> None:
        """What an operator types to take this host out: first tell the controller, then hang up. br-int stays."""
        self.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "external_ids", "overlay-encap-ip")
        self.vsctl("--no-wait", "del-manager")

    def attach(self, vm: VM, iface_id: str | None = None) -> None:
        """Plug `vm` into br-int, waiting 15 s for the bridge; `iface_id`: the VM's own when left out. Raises CommandFailed."""
        self._plug(vm, f"external_ids:iface-id={iface_id or vm.iface_id}", f'external_ids:attached-mac="{vm.mac}"')
        if vm.active != self.name:
            vm.activate(self)

    def detach(self, vm: VM) -> None:
        """Unplug `vm` from br-int and take its wire away."""
        self.vsctl("--if-exists", "del-port", INTEGRATION_BRIDGE, vm.vif)
        vm.unwire(self)
        self.vms.pop(vm.name, None)

    def move(self, vm: VM, other: Hypervisor) -> None:
        """Live migration: when this returns `vm` runs on `other`.

        As with libvirt the port is plugged on the destination beforehand; the switch-over itself is three things at
        once: the iface-id goes from the source's Interface to the destination's, and the VM turns to its other wire.
        """
        other._plug(vm)
        iface_id = self.vsctl("get", "Interface", vm.vif, "external_ids:iface-id").strip()
        binding = [
            other._vsctl_started("set", "Interface", vm.vif, f"external_ids:iface-id={iface_id}"),
            self._vsctl_started("remove", "Interface", vm.vif, "external_ids", "iface-id"),
        ]
        vm.activate(other)
        for process in binding:
            if process.wait(timeout=JOIN_SECONDS):
                raise RuntimeError(f"moving {vm.name} from {self.name} to {other.name}: ovs-vsctl failed, see {other.folder}/log")
        self.detach(vm)

    def kill_vswitchd(self, signum: int = signal.SIGKILL) -> None:
        """End ovs-vswitchd: with SIGKILL as in a crash, with SIGTERM in good order. Returns when it is gone."""
        self.vswitch.kill("ovs-vswitchd", signum)

    def start_vswitchd(self) -> None:
        """Start ovs-vswitchd and, since `br-phy` is new then, give it its address again, as a host's network set-up does."""
        self.vswitch.start_vswitchd()
        self.script(f"ip address replace {self.encap_ip}/{UNDERLAY_PREFIX} dev br-phy\nip link set br-phy up\n")

    def uplink(self, up: bool) -> None:
        """Set the raw uplink up or down, from the host's side (`Segment.cut` does it from the other)."""
        self.script(f"ip link set {UPLINK} {'up' if up else 'down'}\n")

    def external(self, up: bool) -> None:
        """Set the raw external port up or down, from the host's side (`Segment.cut` does it from the other)."""
        self.script(f"ip link set {EXTERNAL_NIC} {'up' if up else 'down'}\n")

    def connected(self) -> bool:
        """Mininet's hook: whether a controller of br-int is connected."""
        return "true" in self.vsctl("--bare", "--columns=is_connected", "list", "Controller")

    def dpctl(self, *args: str) -> str:
        """Mininet's hook: ovs-ofctl on br-int."""
        return self.ofctl(args[0], INTEGRATION_BRIDGE, *args[1:])

    def _mapping(self) -> str:
        return f"external_ids:overlay-bridge-mappings={self.physical_network}:{EXTERNAL_BRIDGE}"

    def _physical_bridge(self, bridge: str, nic: str) -> None:
        self.vsctl(
            "--no-wait", "--may-exist", "add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev",
            "fail_mode=standalone", "--", "--may-exist", "add-port", bridge, nic,
        )  # fmt: skip

    def _plug(self, vm: VM, *settings: str) -> None:
        if self.name not in vm.wired():
            vm.wire(self)
        columns = ["--", "set", "Interface", vm.vif, *settings] if settings else []
        wait = ("wait-until", "Bridge", INTEGRATION_BRIDGE)
        self.vsctl(*wait, "--", "--may-exist", "add-port", INTEGRATION_BRIDGE, vm.vif, *columns, timeout=JOIN_SECONDS)
        self.vms[vm.name] = vm

    def _vsctl_started(self, *args: str) -> subprocess.Popen[str]:
        log = self.folder / "log" / "move.log"
        return self.spawn("ovs-vsctl", f"--db={self.vswitch.socket}", "--no-wait", "--timeout=10", *args, log=log)
