"""What can be wrong with a packet's way, and in which layer: the list that operators and programs rely on.

Names are stable. Which of them holds is `judging`'s to find out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layer = Literal["none", "physical", "host", "virtual", "guest", "provider"]
"""Where the trouble is."""

LAYERS: dict[Layer, str] = {
    "none": "nowhere in the overlay",
    "physical": "the underlay between chassis",
    "host": "a chassis with its vswitch",
    "virtual": "flows, NAT and routes",
    "guest": "a VM",
    "provider": "what a tenant is told in place of physical, of host, and of virtual where that is not as it should be",
}

Kind = Literal[
    "ok",
    "answered",
    "dropped",
    "lost_in_underlay",
    "vni_lost",
    "probe_vni_lost",
    "mtu_hole",
    "lossy",
    "wrong_vtep",
    "chassis_away",
    "switch_silent",
    "lost_in_bridge",
    "no_gateway",
    "not_bound",
    "flow_missing",
    "flow_altered",
    "flow_foreign",
    "group_altered",
    "nat_exhausted",
    "misplaced",
    "differs",
    "guest_off",
    "guest_silent",
    "outside_silent",
    "provider",
]

MEANINGS: dict[Kind, tuple[Layer, bool, str]] = {
    "ok": ("none", True, "it arrived, and so did its answer, the way the model says"),
    "answered": ("virtual", True, "a virtual device answered in place of the target, as the model says; `reason` is with what"),
    "dropped": ("virtual", True, "the virtual network dropped it, as the model says; `reason` is why, as in `overlayctl drops`"),
    "lost_in_underlay": (
        "physical",
        False,
        "sent into a tunnel, and the chassis at the other end, which is there, did not get it",
    ),
    "vni_lost": ("physical", False, "the tunnel carries probes, but nothing in this network's own VNI"),
    "probe_vni_lost": ("physical", False, "the tunnel carries the network's own VNI, but nothing that is marked as a probe"),
    "mtu_hole": ("physical", False, "the tunnel carries small packets, but none above the size that is given"),
    "lossy": ("physical", False, "the tunnel carries some of the packets of one kind, and loses others"),
    "wrong_vtep": ("host", False, "the tunnel's packets come out at another chassis than the one it is for"),
    "chassis_away": ("host", False, "a chassis on the way has no OpenFlow connection: nobody can tell what it does"),
    "switch_silent": ("host", False, "a chassis' vswitch is connected but does not answer"),
    "lost_in_bridge": ("host", False, "seen in a table, and nowhere after it, though the flows are there as they should be"),
    "no_gateway": ("host", False, "no chassis that may carry the uplink is alive, as seen from where the packet was"),
    "not_bound": ("host", False, "the port is bound nowhere, or where there is no tunnel to"),
    "flow_missing": ("virtual", False, "the flow that the packet ought to meet is not installed"),
    "flow_altered": ("virtual", False, "the flow that the packet ought to meet does something else than it should"),
    "flow_foreign": ("virtual", False, "a flow that is not of the program stands before the one that the packet ought to meet"),
    "group_altered": ("virtual", False, "a group that the packet ought to pass is missing, or not what it should be"),
    "nat_exhausted": ("virtual", False, "no external address and port was left for a new connection"),
    "misplaced": ("virtual", False, "dropped where it should not have come at all; `reason` is why"),
    "differs": ("virtual", False, "it went another way than the model says, by flows that are as they should be"),
    "guest_off": ("guest", False, "handed to the VM, which answers neither it nor ARP"),
    "guest_silent": ("guest", False, "handed to the VM, which is there (it answers ARP) and does not answer this"),
    "outside_silent": ("none", False, "it left by the uplink, and no answer came back from there"),
    "provider": ("provider", False, "said to tenants only: the provider's network lost it, or did not carry it as it should"),
}
"""By kind: its layer, whether it is what operators asked for, and what it means."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a packet, in one word and in a sentence.

    `direction` is whose way it is about. `chassis` and `peer` are where (`peer`: the other end of a tunnel), `object` is the
    logical object concerned, `flow` the flow. `reason` is that of a drop or an answer. `size` is in bytes with the IPv4 header:
    the largest that passes an `mtu_hole`.
    """

    kind: Kind
    sentence: str
    direction: Literal["there", "back"] = "there"
    chassis: str | None = None
    peer: str | None = None
    object: str | None = None
    flow: str | None = None
    reason: str | None = None
    size: int | None = None

    @property
    def layer(self) -> Layer:
        """Where the trouble is."""
        return MEANINGS[self.kind][0]

    @property
    def intended(self) -> bool:
        """Whether it is what operators asked for."""
        return MEANINGS[self.kind][1]
