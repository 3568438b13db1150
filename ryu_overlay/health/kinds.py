"""The kinds of fault that are told apart: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ryu_overlay.health.elements import Layer

Effect = Literal["all", "some", "none"]


@dataclass(frozen=True, slots=True)
class Kind:
    """`words` follow the element's name in a sentence. `effect`: which of the traffic over the element suffers. `provider`:
    whether it is the provider's to mend, not the tenant's."""

    name: str
    layer: Layer
    words: str
    effect: Effect
    provider: bool = True


def _kinds() -> tuple[Kind, ...]:
    return (
        Kind("down", "underlay", "carries nothing", "all"),
        Kind("lossy", "underlay", "loses some packets", "some"),
        Kind("mtu_hole", "underlay", "loses large packets, and carries small ones", "some"),
        Kind("slow", "underlay", "takes longer than it did", "some"),
        Kind("congested", "underlay", "has more traffic than it can carry", "some"),
        Kind("corrupting", "underlay", "changes bytes of packets", "some"),
        Kind("external_down", "underlay", "has no carrier", "all"),
        Kind("vni_lost", "tunnel", "is lost, where other networks pass", "all"),
        Kind("tunnel_missing", "tunnel", "is not there", "all"),
        Kind("wrong_vtep", "tunnel", "leads to another chassis", "all"),
        Kind("vswitch_down", "host", "is dead", "all"),
        Kind("vswitch_hung", "host", "does not answer and forwards nothing", "all"),
        Kind("chassis_down", "host", "is away: neither its vswitch nor its database answers, and nothing passes", "all"),
        Kind("channel_down", "host", "is cut; what was installed goes on forwarding, but nothing can be changed", "none"),
        Kind("starved", "host", "answers late", "some"),
        Kind("datapath_diverged", "host", "does not do what its flows say", "some"),
        Kind("conntrack_full", "host", "takes no new connections", "some"),
        Kind("vnic_down", "host", "was taken down on the host", "all"),
        Kind("not_converged", "host", "does not confirm what it was told", "some"),
        Kind("flow_missing", "virtual", "was missing", "all"),
        Kind("flow_altered", "virtual", "was altered", "all"),
        Kind("flow_extra", "virtual", "was not asked for", "some"),
        Kind("flow_foreign", "virtual", "is somebody else's, and takes packets away", "some"),
        Kind("group_altered", "virtual", "was altered", "all"),
        Kind("nat_exhausted", "virtual", "has no external address and port left for new connections", "some"),
        Kind("no_gateway", "virtual", "is carried by no chassis", "all"),
        Kind("guest_off", "guest", "has no carrier: the guest is off", "all", provider=False),
        Kind("guest_silent", "guest", "does not answer ARP", "all", provider=False),
    )


KINDS: dict[str, Kind] = {kind.name: kind for kind in _kinds()}
