"""Who rests on an element. A port is hit if it loses something that it could have had without the fault.

Hit are the ports at the element itself, and those elsewhere that need it on their way outside. A port elsewhere that only talks
to one that is hit is not. Switches are those of the ports that are hit. Routers are those whose uplink suffers, at its gateway or
on the way to it, and what is named. A floating IP is hit where its port is, where it is translated, and between the two.
"""

from __future__ import annotations

from collections.abc import Callable

from ryu_overlay.health.elements import ANY, Element
from ryu_overlay.health.faults import Impact
from ryu_overlay.health.hits import Hits, hit_by_flow, to_ref
from ryu_overlay.health.rests import NOBODY, Ground


def impact(ground: Ground, element: Element) -> Impact:
    """Who rests on the element as things are now; nobody if what it names is not there. Raises KeyError for an unknown kind."""
    hits = Hits(ground)
    _RULES[element.kind](hits, *element.names)
    return hits.impact


def _control(hits: Hits, chassis: str) -> None:
    for part in hits.parts(chassis):
        hits.on(part, chassis)


def _link(hits: Hits, chassis: str) -> None:
    """What never leaves the chassis is not hit."""
    for part in hits.parts(chassis):
        if part.on.keys() - {chassis}:
            hits.ports |= part.on.get(chassis, NOBODY)
        for uplink in part.uplinks:
            if uplink.active == chassis:
                for far in uplink.behind.keys() - {chassis}:
                    hits.way_to_gateway(uplink, far)
            elif uplink.active is not None:
                hits.to_gateway(uplink, chassis)


def _split(hits: Hits, one: str, other: str) -> None:
    """Both sides lose, whichever direction it is: a question without its answer is lost, too."""
    first = set(one.split(","))
    sides = first, set(other.split(",")) - first
    for part in dict.fromkeys(part for chassis in first for part in hits.parts(chassis)):
        ports = [NOBODY.union(*(part.on.get(chassis, NOBODY) for chassis in side)) for side in sides]
        hits.ports |= ports[0] | ports[1] if all(ports) else NOBODY
        for uplink in part.uplinks:
            for near, far in (sides, reversed(sides)):
                if uplink.active in far:
                    for chassis in near:
                        hits.way_to_gateway(uplink, chassis)


def _vni(hits: Hits, name: str, sender: str, receiver: str) -> None:
    everyone = hits.ground.fabric.encap_ips.keys()
    for a in everyone if sender == ANY else (sender,):
        for b in everyone if receiver == ANY else (receiver,):
            _vni_between(hits, name, a, b)


def _vni_between(hits: Hits, name: str, sender: str, receiver: str) -> None:
    """An uplink's carries what is for its gateway; a switch's what is for its ports, from ports of its part and from gateways."""
    ref = to_ref(name)
    uplink, part = hits.ground.uplinks.get(ref), hits.ground.part_of.get(("switch", ref))
    if sender == receiver:
        return
    if uplink is not None and uplink.active == receiver:
        hits.way_to_gateway(uplink, sender)
    if part is not None and receiver in part.members[ref]:
        receivers = part.members[ref][receiver]
        hits.ports |= part.on[sender] | receivers if sender in part.on else NOBODY
        for carried in (u for u in part.uplinks if u.active == sender):
            hits.answered(carried, receiver, receivers)


def _external_link(hits: Hits, chassis: str, physical_network: str) -> None:
    for uplink in (u for part in hits.parts(chassis) for u in part.uplinks):
        if uplink.network.physical_network == physical_network:
            hits.border(uplink, chassis)


def _conntrack(hits: Hits, chassis: str) -> None:
    """What is translated there: across borders, and by load balancers, whose clients are where the translation is."""
    for part in hits.parts(chassis):
        hits.ports |= part.on.get(chassis, NOBODY) if part.is_balanced else NOBODY
        for uplink in part.uplinks:
            hits.border(uplink, chassis)


def _vnic(hits: Hits, chassis: str, port: str) -> None:
    place = hits.ground.places.get(port)
    hits.named([port] if place is not None and place.chassis == chassis else ())


def _port(hits: Hits, port: str) -> None:
    hits.named([port] if port in hits.ground.network.port_by_name else ())


def _snat(hits: Hits, name: str) -> None:
    for uplink in hits.ground.uplinks.values():
        if to_ref(name) in uplink.snats:
            hits.translated(uplink, to_ref(name))


def _router_port(hits: Hits, name: str) -> None:
    """Of an uplink all that needs a gateway; of another the ports on its switch, or of the whole part if it leads to a router."""
    ref = to_ref(name)
    uplink, part = hits.ground.uplinks.get(ref), hits.ground.part_of.get(("router", ref[:2]))
    if uplink is not None:
        hits.routers.add(uplink.router)
        hits.ports.update(*uplink.behind.values())
        hits.floating |= uplink.central
    elif part is not None and ref in part.inner:
        hits.routers.add(ref[:2])
        hits.named(part.inner[ref])


_RULES: dict[str, Callable[..., None]] = {
    "link": _link,
    "link_in": _link,
    "link_out": _link,
    "path": _split,
    "pair": _split,
    "tunnel": _split,
    "split": _split,
    "external_link": _external_link,
    "vni": _vni,
    "vswitch": Hits.chassis,
    "chassis": Hits.chassis,
    "datapath": Hits.chassis,
    "channel": _control,
    "program": _control,
    "conntrack": _conntrack,
    "vnic": _vnic,
    "port": _port,
    "flow": lambda hits, chassis, _table, obj: hit_by_flow(hits, chassis, obj),
    "group": hit_by_flow,
    "snat": _snat,
    "router_port": _router_port,
}
