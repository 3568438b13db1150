"""A network segment: a Linux bridge in a namespace of its own. The underlay is one, the control network another.

Fault injection has firm ground here: the port towards hypervisor `hv1` is called `hv1` in namespace `<lab>-fabric`, its
egress (`tc ... dev hv1 egress`) is what hv1 receives, its ingress what hv1 sent. Knows nothing of Open vSwitch.
"""

from __future__ import annotations

from typing import Any

from mininet.link import Link
from mininet.node import Node, Switch

from mininet_topos.node import LabNode
from mininet_topos.workspace import Workspace


class Segment(LabNode, Switch):  # type: ignore[misc]
    """One Ethernet segment. The bridge has the node's name, no address, no spanning tree and no snooping."""

    def __init__(
        self, name: str, workspace: Workspace | None = None, mtu: int = 1500, for_controllers: bool = False, **params: Any
    ) -> None:
        """`mtu` in bytes, 68 to 65535; `for_controllers`: Mininet's controllers are plugged in by `start`."""
        self.controlIntf = None
        self.mtu = mtu
        self.for_controllers = for_controllers
        params["dpid"] = "0"
        super().__init__(name, workspace=workspace, **params)
        self.script(
            f"ip link add {name} type bridge stp_state 0 mcast_snooping 0 forward_delay 0\nip link set {name} mtu {mtu} up\n"
        )

    def plug(self, node: Node, interface: str) -> Link:
        """Give `node` an interface on this segment; the port here is called like the node."""
        link = Link(node, self, intfName1=interface, intfName2=node.name)
        self.adopt(node.name)
        return link

    def adopt(self, port: str) -> None:
        """Make an interface of this namespace a port of the bridge."""
        self.script(f"ip link set {port} mtu {self.mtu} master {self.name} up\n")

    def cut(self, node: Node) -> None:
        """Take the link to `node` down from the fabric's side; the node sees its carrier go."""
        self.script(f"ip link set {node.name} down\n")

    def mend(self, node: Node) -> None:
        """Undo `cut`."""
        self.script(f"ip link set {node.name} up\n")

    def start(self, controllers: list[Node]) -> None:
        """Mininet's hook: adopt the interfaces that links made, and plug in the controllers if this is their network."""
        for name in self.nameToIntf:
            self.adopt(name)
        for controller in controllers if self.for_controllers else ():
            self.plug(controller, "ctl0")
            controller.address_control()

    def stop(self, deleteIntfs: bool = True) -> None:
        """Mininet's hook: nothing runs here, and the bridge ends with its namespace."""
