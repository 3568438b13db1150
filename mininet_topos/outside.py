"""The world outside the overlay: an upstream router and a server behind it, both plain kernels in namespaces.

    hv1   hv2   hv3            `ext0` of the hypervisors that map physnet1
     |     |     |
     `- outside -'             a bridge in a namespace: it learns MACs, and each of its links can be cut
           |  203.0.113.1/24 (`out0`)
       upstream                ip_forward, in this namespace only
           |  198.51.100.1/24 (`far0`)
          far
           |  198.51.100.10/24 (`eth0`)
         server

All addresses are for documentation (RFC 5737). Nothing here knows a route to the tenants' own addresses: what leaves untranslated
is seen on `out0` and answered by nobody. Knows nothing of the overlay.
"""

from __future__ import annotations

from typing import Any

from mininet.link import Link
from mininet.net import Mininet
from mininet.node import Host, Node, Switch

from mininet_topos.fabric import Segment
from mininet_topos.node import LabNode
from mininet_topos.vswitch import VSwitch
from mininet_topos.workspace import Workspace

PHYSICAL_NETWORK = "physnet1"
UPSTREAM_ADDRESS = "203.0.113.1"
FAR_GATEWAY = "198.51.100.1"
SERVER_ADDRESS = "198.51.100.10"
PREFIX = 24
MTU = 1500
# Probes come faster than a kernel likes to answer with errors, and paths need not be symmetric.
_FREELY = """
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done
"""


class Outsider(LabNode, Host):  # type: ignore[misc]
    """A plain Linux machine. Interfaces are plugged in by a Segment, then addressed by `address`."""

    def config(self, **_params: Any) -> dict[str, Any]:
        """Mininet's hook: nothing is left to configure, and Mininet's default address is not wanted."""
        return {}

    def address(self, interface: str, address: str | None = None, gateway: str | None = None, mtu: int = MTU) -> None:
        """Bring `interface` up with `address` (with prefix) and a default route; `mtu` in bytes, 68 to 65535."""
        lines = [f"ip link set {interface} mtu {mtu} up", f"ethtool -K {interface} tx off >/dev/null"]
        if address is not None:
            lines.append(f"ip address replace {address} dev {interface}")
        if gateway is not None:
            lines.append(f"ip route replace default via {gateway}")
        self.script("\n".join([*lines, _FREELY]))

    def mtu(self, interface: str, mtu: int) -> None:
        """Change the MTU of an interface; bytes."""
        self.script(f"ip link set {interface} mtu {mtu}\n")

    def mac(self, interface: str) -> str:
        """The MAC of an interface."""
        found: str = self.run("cat", f"/sys/class/net/{interface}/address").stdout.strip()
        return found


class Router(Outsider):
    """One that forwards."""

    def forward(self) -> None:
        """Begin to."""
        self.script("echo 1 > /proc/sys/net/ipv4/ip_forward\n")

    def change_mac(self, mac: str, interface: str = "out0") -> None:
        """Go on under another MAC, as after an exchange of hardware: silently, nothing is announced."""
        self.script(
            f"echo 0 > /proc/sys/net/ipv4/conf/{interface}/arp_notify\n"
            f"ip link set {interface} down\nip link set {interface} address {mac}\nip link set {interface} up\n"
        )


class AccessSwitch(LabNode, Switch):  # type: ignore[misc]
    """A switch whose `trunk` carries tagged frames and whose `access` is an access port of one VLAN.

    Open vSwitch, because not every kernel knows VLANs.
    """

    def __init__(self, name: str, workspace: Workspace | None = None, **params: Any) -> None:
        self.controlIntf = None
        super().__init__(name, workspace=workspace, dpid="0", **params)
        self.vswitch = VSwitch(self)

    def boot(self, vlan: int) -> None:
        """Start it, with both ports plugged in; `vlan` 1 to 4094."""
        self.script("ip link set trunk up\nip link set access up\n")
        self.vswitch.start_database()
        self.vswitch.vsctl(
            "--no-wait", "add-br", "switch", "--", "set", "Bridge", "switch", "datapath_type=netdev", "fail_mode=standalone",
            "--", "add-port", "switch", "trunk", "--", "add-port", "switch", "access", f"tag={vlan}",
        )  # fmt: skip
        self.vswitch.start_vswitchd()

    def stop(self, deleteIntfs: bool = True) -> None:
        """Mininet's hook: end Open vSwitch."""
        self.vswitch.stop()


class Outside:
    """The segments `outside` and `far`, and the nodes `upstream` and `server`, made at once."""

    def __init__(self, net: Mininet, workspace: Workspace) -> None:
        self._net, self._workspace = net, workspace
        self.outside: Segment = net.addSwitch("outside", cls=Segment, workspace=workspace, mtu=MTU)
        self.far: Segment = net.addSwitch("far", cls=Segment, workspace=workspace, mtu=MTU)
        self.upstream: Router = self.stranger("upstream", Router)
        self.server: Outsider = self.stranger("server")
        self.plug(self.outside, self.upstream, "out0")
        self.plug(self.far, self.upstream, "far0")
        self.plug(self.far, self.server, "eth0")
        self.upstream.address("out0", f"{UPSTREAM_ADDRESS}/{PREFIX}")
        self.upstream.address("far0", f"{FAR_GATEWAY}/{PREFIX}")
        self.upstream.forward()
        self.server.address("eth0", f"{SERVER_ADDRESS}/{PREFIX}", FAR_GATEWAY)

    def stranger(self, name: str, cls: type[Outsider] = Outsider) -> Any:
        """One more machine, on no network yet."""
        return self._net.addHost(name, cls=cls, workspace=self._workspace)

    def tagged(self, vlan: int, address: str) -> str:
        """Give `upstream` a foot in a VLAN (1 to 4094) of the outside; returns its interface there. `address` with prefix."""
        interface, name = f"out{vlan}", f"vlan{vlan}"
        switch: AccessSwitch = self._net.addSwitch(name, cls=AccessSwitch, workspace=self._workspace)
        self.plug(self.outside, switch, "trunk")
        self._net.links.append(Link(switch, self.upstream, intfName1="access", intfName2=interface))
        switch.boot(vlan)
        self.upstream.address(interface, address)
        return interface

    def plug(self, segment: Segment, node: Node, interface: str) -> None:
        """Give `node` an interface on a segment."""
        self._net.links.append(segment.plug(node, interface))
        # Open vSwitch in userspace passes on the bytes it gets: a checksum left to hardware that does not exist stays wrong.
        segment.script(f"ethtool -K {node.name} tx off >/dev/null\n")
