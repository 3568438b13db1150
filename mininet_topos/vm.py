"""A virtual machine: a namespace whose `eth0` can be wired to several hypervisors and hears one of them at a time.

`eth0` is a Linux bridge with one veth for each hypervisor the VM is wired to, called like the hypervisor. The bridge learns
nothing, passes nothing from veth to veth, and sends only to the active one. So switching over, the moment of a live
migration, is a change of two flags, and the guest sees no carrier change, as under QEMU. Knows nothing of Open vSwitch.
"""

from __future__ import annotations

from typing import Any

from mininet.link import Intf, Link
from mininet.node import Host

from mininet_topos.node import LabNode
from mininet_topos.workspace import Workspace

VXLAN_OVERHEAD = 50
"""Bytes that VXLAN over IPv4 adds to a tenant's IP packet (RFC 7348 section 5)."""
NAME_LIMIT = 13
"""Characters: the hypervisor's end is called `v-<name>` and Linux allows an interface 15."""


def _kept(*_: object) -> None:
    """For Mininet's Intf: the interface is where it belongs already."""


class VM(LabNode, Host):  # type: ignore[misc]
    """A guest with one interface. Everything about it is set when it is made; Mininet's later configuration changes nothing."""

    def __init__(
        self,
        name: str,
        mac: str,
        address: str | None = None,
        gateway: str | None = None,
        mtu: int = 1500 - VXLAN_OVERHEAD,
        iface_id: str | None = None,
        workspace: Workspace | None = None,
        **params: Any,
    ) -> None:
        """`address` with prefix, "10.0.1.11/24", or None for none; `mtu` in bytes, of the guest's IP packets; `iface_id` is the
        logical port's name or UUID, the VM's name when left out. Raises ValueError for a name over 13 characters.
        """
        if len(name) > NAME_LIMIT:
            raise ValueError(f"VM name {name!r}: at most {NAME_LIMIT} characters")
        self.mac, self.address, self.gateway, self.mtu = mac, address, gateway, mtu
        self.iface_id = iface_id or name
        self.vif = f"v-{name}"
        self.active: str | None = None
        super().__init__(name, workspace=workspace, **params)
        self.script(self._interface_script())
        # Below any port number that Mininet hands out, which makes it the node's default interface.
        intf = Intf("eth0", node=self, port=-1, mac=mac, moveIntfFn=_kept)
        if address is not None:
            intf.ip, _, intf.prefixLen = address.partition("/")

    @property
    def ip(self) -> str:
        """The address without its prefix. Raises LookupError for a VM made without one."""
        if self.address is None:
            raise LookupError(f"{self.name} has no address")
        return self.address.partition("/")[0]

    def config(self, **_params: Any) -> dict[str, Any]:
        """Mininet's hook: nothing is left to configure, and Mininet's default address is not wanted."""
        return {}

    def wire(self, hypervisor: LabNode) -> Link:
        """Lay a veth to `hypervisor`, silent until `activate` (the first one is active at once)."""
        link = Link(self, hypervisor, intfName1=hypervisor.name, intfName2=self.vif)
        self.take_up(hypervisor)
        return link

    def take_up(self, hypervisor: LabNode) -> None:
        """Join the veth that a Link made to `eth0`."""
        port, on = hypervisor.name, "off" if self.active else "on"
        self.script(
            f"ip link set {port} mtu {self.mtu} up\n"
            # OVS in userspace forwards bytes as they are: a checksum left to hardware that does not exist would stay wrong.
            f"ethtool -K {port} tx off >/dev/null\n"
            f"ip link set {port} master eth0\n"
            f"bridge link set dev {port} learning off isolated on flood {on} mcast_flood {on} bcast_flood {on}\n"
        )
        hypervisor.script(f"ip link set {self.vif} mtu {self.mtu} up\n")
        self.active = self.active or port

    def wired(self) -> list[str]:
        """The names of the hypervisors this VM has a veth to."""
        return [name for name in self.nameToIntf if name != "eth0"]

    def activate(self, hypervisor: LabNode) -> None:
        """From now on send to `hypervisor` and to no other."""
        new, old = hypervisor.name, self.active
        lines = f"link set dev {new} flood on mcast_flood on bcast_flood on\n"
        if old not in (None, new):
            lines = f"link set dev {old} flood off mcast_flood off bcast_flood off\n" + lines
        self.run("bridge", "-batch", "-", stdin=lines)
        self.active = new

    def unwire(self, hypervisor: LabNode) -> None:
        """Take the veth to `hypervisor` away."""
        interface = self.nameToIntf[hypervisor.name]
        self.script(f"ip link delete {hypervisor.name}\n")
        for end in (interface, hypervisor.nameToIntf[self.vif]):
            end.node.delIntf(end)
        if self.active == hypervisor.name:
            self.active = None

    def _interface_script(self) -> str:
        lines = [
            f"ip link add eth0 address {self.mac} type bridge stp_state 0 mcast_snooping 0 forward_delay 0",
            f"ip link set eth0 mtu {self.mtu} up",
        ]
        if self.address is not None:
            lines.append(f"ip address add {self.address} dev eth0")
        if self.gateway is not None:
            lines.append(f"ip route add default via {self.gateway}")
        return "\n".join([*lines, ""])
