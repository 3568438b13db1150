"""A world with a way out: an external network, two chassis that map it, and a tenant with one of everything at its border."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from ryu_overlay.engine.events import ArpHeard, Effect, Send, Unresolved
from ryu_overlay.model.objects import ExternalNetwork, FloatingIp, LoadBalancer, Member, Object, RouterPort, Snat
from ryu_overlay.oam import arp
from tests.unit.engine.world import World, port, tenant

NET, UPLINK, FLOATING, CENTRAL, BALANCER, MEMBER = 9000, 180, 181, 182, 183, 184
GATEWAY, NEIGHBOUR = IPv4Address("203.0.113.1"), IPv4Address("203.0.113.200")
GATEWAY_MAC, NEIGHBOUR_MAC = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
INTERNET = ExternalNetwork("internet", NET, "u-internet", "physnet1", IPv4Network("203.0.113.0/24"), gateway=GATEWAY)


def uplink(*gateways: str, preempt: bool = True) -> RouterPort:
    """Tenant t1's uplink, 203.0.113.11."""
    address = (IPv4Interface("203.0.113.11/24"),)
    ways = {"external": "internet", "gateways": gateways, "preempt": preempt, "vni": 190, "zone": 65535}
    return RouterPort("t1", "r", "up", UPLINK, "u-up", "02:00:00:01:00:80", address, **ways)  # type: ignore[arg-type]


def border() -> list[Object]:
    """What stands at tenant t1's border: NAT, floating IPs of t1-p1 (at home with it) and t1-p3 (not), a load balancer."""
    vip = IPv4Address("203.0.113.21")
    return [
        INTERNET,
        uplink(),
        Snat("t1", "r", "all", 185, "u-snat", (IPv4Network("10.0.0.0/16"),)),
        FloatingIp("t1", "r", "f", FLOATING, "u-f", IPv4Address("203.0.113.101"), "02:00:00:01:00:81", "t1-p1"),
        FloatingIp("t1", "r", "g", CENTRAL, "u-g", IPv4Address("203.0.113.102"), "02:00:00:01:00:82", "t1-p3", distributed=False),
        LoadBalancer("t1", "lb", BALANCER, "u-lb", vip, 80, "02:00:00:01:00:83", router="r"),
        Member("t1", "lb", "a", MEMBER, "u-a", "t1-p2"),
        Member("t1", "lb", "b", MEMBER + 2, "u-b", "t1-p4", number=8080),
        LoadBalancer(
            "t1", "inner", 187, "u-inner", IPv4Address("10.0.2.80"), 53, "02:00:00:01:00:87", protocol="udp", switch="s2"
        ),
        Member("t1", "inner", "a", 188, "u-inner-a", "t1-p2"),
    ]


def outdoors(*objects: Object) -> World:
    """Tenant t1 with ports p1 and p3 on s1, p2 and p4 on s2: p1 is on hv1, p2 on hv2, p3 and p4 on hv3. hv1 and hv2 map physnet1.
    hv3's underlay takes less than others'.

    `objects` take the place of `border`'s, or come on top.
    """
    world = World()
    world.edit(*tenant(1), *(port(1, 2 - n % 2, n) for n in (1, 2, 3, 4)), *border())
    world.edit(*objects)
    for name, known in (("hv1", "t1-p1"), ("hv2", "t1-p2"), ("hv3", "t1-p3"), ("hv3", "t1-p4")):
        world[name].plug(known)
    for name in ("hv1", "hv2"):
        world[name].mappings = {"physnet1": "br-ex"}
    world["hv3"].mtu = 1400
    world.start()
    return world


def heard(dpid: int, address: IPv4Address, mac: str) -> ArpHeard:
    """A bridge hears from a neighbour on the external network."""
    return ArpHeard(dpid, NET, arp.announcement(mac, address))


def unresolved(dpid: int, address: IPv4Address, frame: bytes = b"frame", by: int = UPLINK) -> Unresolved:
    """A bridge has a packet for an address, which leaves by the uplink with key `by`."""
    return Unresolved(dpid, NET, by, address, frame)


def frames(effects: list[Effect]) -> list[tuple[int, bytes]]:
    """(datapath id, frame) of each packet-out."""
    out = [(e.dpid, message) for e in effects if isinstance(e, Send) for message in e.messages if message[1] == 13]
    return [(dpid, message[24 + int.from_bytes(message[16:18], "big") :]) for dpid, message in out]


def arps(effects: list[Effect]) -> list[tuple[int, str, str]]:
    """(datapath id, sender, target) of each ARP request that is sent."""
    said = [(dpid, arp.parse(frame)) for dpid, frame in frames(effects)]
    return [(dpid, str(a.spa), str(a.tpa)) for dpid, a in said if a is not None and a.op == arp.REQUEST]
