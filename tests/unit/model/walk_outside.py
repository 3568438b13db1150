"""The network that the walk's tests of ways out send packets through: `walk_network`'s words, and uplinks for its two tenants.

    web 10.0.1.0/24 -- r1 -- up 203.0.113.11 (red), .12 (blue) -- internet, gateway .1
     a b c d           `---- r2 -- db 10.0.2.0/24: e

Floating IPs: .101 is a, .105 is e behind r2; blue's external addresses are each one higher. SNAT of web but d as the uplink,
ports from 20000 on. Load balancers: .20:80 to b (8080) and c; 10.9.9.9:53/udp to c; on web 10.0.1.100:80 to b (d is drained),
10.0.1.100:81 to nobody.
"""

from __future__ import annotations

from typing import Any

from ryu_overlay.model.network import Network
from ryu_overlay.model.walk import Facts, walk, walk_in
from ryu_overlay.model.walk_values import TCP, UDP, Delivered, Hop, Ip, Left, Packet, Path
from tests.unit.model.bodies import Body, edit, make
from tests.unit.model.walk_network import ip4

UPSTREAM = "02:00:00:00:0f:01"
INTERNET: Body = {"physical_network": "physnet1", "subnet": "203.0.113.0/24", "gateway": "203.0.113.1"}
FACTS = Facts(mtu=1450, neighbours={("internet",): {ip4("203.0.113.1"): UPSTREAM}})


def mac(kind: int, number: int) -> str:
    return f"02:00:00:00:{kind:02x}:{number:02x}"


A, B, C, D, E = (mac(1, n) for n in range(5))
R1, UP, LINK, R2 = (mac(2, n) for n in range(4))
FLOATING_A, FLOATING_E = mac(3, 0), mac(3, 1)
NEAR = mac(4, 0)


def tenant(name: str, nth: int) -> dict[str, Any]:
    """The `nth` tenant, from 0."""
    web = [{"name": f"{name}-{letter}", "mac": mac(1, n), "addresses": [f"10.0.1.1{n + 1}"]} for n, letter in enumerate("abcd")]
    db = [{"name": f"{name}-e", "mac": E, "addresses": ["10.0.2.11"]}]
    return {
        "name": name,
        "switches": [
            {"name": "web", "subnets": ["10.0.1.0/24"], "ports": web},
            {"name": "db", "subnets": ["10.0.2.0/24"], "ports": db},
        ],
        "routers": [_first_router(name, nth), _second_router()],
        "load_balancers": _balancers(name, nth),
    }


def _external(number: int, nth: int) -> str:
    return f"203.0.113.{number + nth}"


def _first_router(name: str, nth: int) -> dict[str, Any]:
    uplink = {"name": "up", "mac": mac(2 + 4 * nth, 1), "addresses": [f"{_external(11, nth)}/24"], "external": "internet"}
    return {
        "name": "r1",
        "ports": [
            {"name": "web", "mac": R1, "addresses": ["10.0.1.1/24"], "switch": "web"},
            uplink,
            {"name": "link", "mac": LINK, "addresses": ["100.64.0.0/31"], "peer": "r2/link"},
        ],
        "routes": [{"prefix": "10.0.2.0/24", "nexthops": ["100.64.0.1"]}],
        "snats": [{"name": "most", "prefixes": ["10.0.1.11/32", "10.0.1.12/31"], "ports": "20000-65535"}],
        "floating_ips": [
            {"name": letter, "address": _external(number, nth), "mac": mac(3 + 4 * nth, n), "port": f"{name}-{letter}"}
            for n, (letter, number) in enumerate((("a", 101), ("e", 105)))
        ],
    }


def _second_router() -> dict[str, Any]:
    return {
        "name": "r2",
        "ports": [
            {"name": "link", "addresses": ["100.64.0.1/31"]},
            {"name": "db", "mac": R2, "addresses": ["10.0.2.1/24"], "switch": "db"},
        ],
        "routes": [{"prefix": "0.0.0.0/0", "nexthops": ["100.64.0.0"]}],
    }


def _balancers(name: str, nth: int) -> list[dict[str, Any]]:
    b, c, d = ({"name": letter, "port": f"{name}-{letter}"} for letter in "bcd")
    web, near = {"port": 80, "router": "r1"}, {"vip": "10.0.1.100", "switch": "web"}
    return [
        {"name": "public", "vip": _external(20, nth), "members": [{**b, "number": 8080}, c], **web},
        {"name": "names", "vip": "10.9.9.9", "port": 53, "protocol": "udp", "router": "r1", "members": [c]},
        {"name": "near", "port": 80, "mac": NEAR, "members": [b, {**d, "drained": True}], **near},
        {"name": "none", "port": 81, "members": [], **near},
    ]


def world() -> Network:
    return make(tenant("red", 0), tenant("blue", 1), base=edit(Network(), "external_network", "internet", INTERNET).network)


NET = world()


def out(name: str, dst: str, *after: Path, to: str = R1, **more: Any) -> Path:
    """The way of what red's port sends: UDP from 40000 to 53 if not said otherwise."""
    port = NET.port_by_name[f"red-{name}"]
    ip = Ip(port.addresses[0], ip4(dst), **{"proto": UDP, "l4": (40000, 53), **more})
    return walk(NET, port, Packet(port.mac, to, ip), facts=FACTS, after=after)


def into(dst: str, *after: Path, to: str = UP, src: str = "198.18.0.1", **more: Any) -> Path:
    """The way of what comes from the wire."""
    ip = Ip(ip4(src), ip4(dst), **{"proto": UDP, "l4": (40000, 53), **more})
    return walk_in(NET, ("internet",), Packet(UPSTREAM, to, ip), facts=FACTS, after=after)


def tcp(dport: int, sport: int = 40000, **more: Any) -> dict[str, Any]:
    return {"proto": TCP, "l4": (sport, dport), **more}


def left(path: Path) -> tuple[str, Ip]:
    """The source MAC and the packet that left by the gateway."""
    assert isinstance(path.outcome, Left), path.outcome
    packet = path.outcome.packet
    assert path.outcome.network == ("internet",) and isinstance(packet.body, Ip)
    return packet.eth_src, packet.body


def got(path: Path) -> tuple[str, Ip]:
    """Who was handed what."""
    assert isinstance(path.outcome, Delivered), path.outcome
    [(port, packet)] = path.outcome.to
    assert isinstance(packet.body, Ip)
    return port.name, packet.body


def hop(path: Path, kind: type) -> Hop:
    """The only hop at such a place."""
    [found] = [h for h in path.hops if isinstance(h.position, kind)]
    return found
