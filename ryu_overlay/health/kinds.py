"""The kinds of fault that are told apart: one line each."""

from __future__ import annotations

from dataclasses import dataclass

from ryu_overlay.health.elements import Layer


@dataclass(frozen=True, slots=True)
class Kind:
    """`words` follow the element's name in a sentence. `provider`: whether it is the provider's to mend, not the tenant's."""

    name: str
    layer: Layer
    words: str
    provider: bool = True


def _kinds() -> tuple[Kind, ...]:
    return (
        Kind("down", "underlay", "carries nothing"),
        Kind("lossy", "underlay", "loses some packets"),
        Kind("mtu_hole", "underlay", "loses large packets, and carries small ones"),
        Kind("slow", "underlay", "takes longer than it did"),
        Kind("congested", "underlay", "has more traffic than it can carry"),
        Kind("corrupting", "underlay", "changes bytes of packets"),
        Kind("external_down", "underlay", "has no carrier"),
        Kind("vni_lost", "tunnel", "is lost, where other networks pass"),
        Kind("tunnel_missing", "tunnel", "is not there"),
        Kind("wrong_vtep", "tunnel", "leads to another chassis"),
        Kind("vswitch_down", "host", "is dead"),
        Kind("vswitch_hung", "host", "does not answer and forwards nothing"),
        Kind("chassis_down", "host", "is away: neither its vswitch nor its database answers, and nothing passes"),
        Kind("channel_down", "host", "is cut; what was installed goes on forwarding, but nothing can be changed"),
        Kind("starved", "host", "answers late"),
        Kind("datapath_diverged", "host", "does not do what its flows say"),
        Kind("conntrack_full", "host", "takes no new connections"),
        Kind("vnic_down", "host", "was taken down on the host"),
        Kind("not_converged", "host", "does not confirm what it was told"),
        Kind("flow_missing", "virtual", "was missing"),
        Kind("flow_altered", "virtual", "was altered"),
        Kind("flow_extra", "virtual", "was not asked for"),
        Kind("flow_foreign", "virtual", "is somebody else's, and takes packets away"),
        Kind("group_altered", "virtual", "was altered"),
        Kind("nat_exhausted", "virtual", "has no external address and port left for new connections"),
        Kind("no_gateway", "virtual", "is carried by no chassis"),
        Kind("guest_off", "guest", "has no carrier: the guest is off", provider=False),
        Kind("guest_silent", "guest", "does not answer ARP", provider=False),
    )


KINDS: dict[str, Kind] = {kind.name: kind for kind in _kinds()}
