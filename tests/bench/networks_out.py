"""The networks with a way out that are measured, as documents (docs/rest-and-cli.md); each side builds the same from them.

Every address is given, and every MAC but those of floating IPs, which each side assigns or derives. Knows no side.
"""

from __future__ import annotations

from mininet_topos.outside import PHYSICAL_NETWORK
from mininet_topos.scenarios_out import INTERNET
from tests.bench.networks import CHASSIS, PREFIX, Document, port, router_mac, small

ROUTER = "r"
GATEWAYS = ("hv3", "hv2")
"""Of the small network with a way out, the preferred one first: no VM of it is there."""
UPLINK = "203.0.113.11"
VIP = "203.0.113.20"
VIP_PORT, MEMBER_PORT = 80, 8080
MEMBERS = ("near", "across", "behind")
MOST_FLOATING = 100
"""How many addresses `floating` deals out before it comes back to the first."""
WIDE: Document = {
    "name": "wide",
    "physical_network": PHYSICAL_NETWORK,
    "subnet": "198.18.0.0/16",
    "gateway": "198.18.255.254",
}
"""Room for many uplinks and floating IPs; nothing outside has an address in it."""
_WIDE_PREFIX = 16
_FIRST_FLOATING = 64 << 8
"""In the last two bytes of an address: above every uplink's."""
_UP = 3
"""In MACs of router ports, where those on switches have 1 and 2."""
_INSIDE = 5
"""In MACs of ports, where those of `networks.tenants` have 1 and 2."""


def way_out() -> Document:
    """The small network with an uplink into INTERNET, SNAT of everything inside, and a load balancer of three VMs."""
    tenant = small()
    router = _with_uplink(tenant["routers"][0], 0, INTERNET["name"], f"{UPLINK}/{PREFIX}", GATEWAYS)
    members = [{"name": name, "port": name, "number": MEMBER_PORT} for name in MEMBERS]
    balancer = {"name": "web", "vip": VIP, "port": VIP_PORT, "router": ROUTER, "members": members}
    return {**tenant, "routers": [router], "load_balancers": [balancer]}


def floating(number: int, port_name: str) -> Document:
    """A floating IP of the small network's; those with numbers MOST_FLOATING apart share an address."""
    return {"name": f"new-{number}", "address": f"203.0.113.{100 + number % MOST_FLOATING}", "port": port_name}


def uplinks(count: int, floating_ips: int) -> list[Document]:
    """`count` tenants (to 16,000), each a router with one switch, an uplink into WIDE and SNAT, on two gateways of three;
    `floating_ips` (to 200 a tenant) dealt out to them in turn, each for a port of its own.
    """
    each, more = divmod(floating_ips, count)
    return [
        _tenant(number, each + (number <= more), (number - 1) * each + min(number - 1, more)) for number in range(1, count + 1)
    ]


def _tenant(number: int, ports: int, before: int) -> Document:
    """One of them; `before` floating IPs belong to those before it."""
    names = [f"u{number}p{n}" for n in range(1, ports + 1)]
    inside = [port(name, _mac(number, n), f"10.0.1.{10 + n}") for n, name in enumerate(names, 1)]
    connected = {"name": "a", "mac": router_mac(number, 1), "addresses": [f"10.0.1.1/{PREFIX}"], "switch": "a"}
    gateways = (f"hv{number % CHASSIS + 1}", f"hv{(number + 1) % CHASSIS + 1}")
    address = f"198.18.{number >> 8}.{number & 255}/{_WIDE_PREFIX}"
    router = _with_uplink({"name": ROUTER, "ports": [connected]}, number, WIDE["name"], address, gateways)
    first = _FIRST_FLOATING + before
    router["floating_ips"] = [
        {"name": name, "address": f"198.18.{(first + n) >> 8}.{(first + n) & 255}", "port": name} for n, name in enumerate(names)
    ]
    return {
        "name": f"u{number}",
        "switches": [{"name": "a", "subnets": [f"10.0.1.0/{PREFIX}"], "ports": inside}],
        "routers": [router],
    }


def _with_uplink(router: Document, number: int, network: str, address: str, gateways: tuple[str, ...]) -> Document:
    """`router` with an uplink called `up`, and SNAT of 10.0.0.0/16 to its address."""
    uplink = {
        "name": "up",
        "mac": router_mac(number, _UP),
        "addresses": [address],
        "external": network,
        "gateways": list(gateways),
    }
    return {
        **router,
        "ports": [*router["ports"], uplink],
        "snats": [{"name": "all", "prefixes": ["10.0.0.0/16"]}],
        "floating_ips": [],
    }


def _mac(tenant: int, number: int) -> str:
    return f"02:{tenant >> 8:02x}:{tenant & 255:02x}:{_INSIDE:02x}:01:{10 + number:02x}"
