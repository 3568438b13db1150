"""A network with every way out: SNAT, floating IPs and load balancers of tenants whose addresses overlap.

    red, blue   web 10.0.1.0/24 -.
                db  10.0.2.0/24 -+- r1 -- up (red .11, blue .12) --.
    green       b - r3 - r2 - transit - r1 -- up (.13) ------------+-- internet 203.0.113.0/24, gateway .1
                                a ------'

| external address | whose | what it is |
|---|---|---|
| 203.0.113.11, .12, .13 | red, blue, green | uplink of r1, and SNAT of all of the tenant's |
| 203.0.113.31 | red | floating IP of red-web-3, on hv3 |
| 203.0.113.32 | blue | floating IP of blue-web-1, on hv1 |
| 203.0.113.33 | green | floating IP of green-b-1, behind three routers |
| 203.0.113.20 | red | load balancers `public` :80, `long` :7 and `names` :53 (UDP) to red-db-1..3 |

Inside, red has load balancers `inside` 10.9.9.9:80 on r1 and `near` 10.0.2.100:80 on switch db.
"""

from __future__ import annotations

from typing import Any

from mininet_topos.outside import PHYSICAL_NETWORK, UPSTREAM_ADDRESS
from mininet_topos.scenarios import Document, Scenario, chained, spread, two_tier

INTERNET: Document = {
    "name": "internet",
    "physical_network": PHYSICAL_NETWORK,
    "subnet": "203.0.113.0/24",
    "gateway": UPSTREAM_ADDRESS,
    "pools": ["203.0.113.10-203.0.113.99"],
}
RED_UP, BLUE_UP, GREEN_UP = "203.0.113.11", "203.0.113.12", "203.0.113.13"
RED_FLOATING, BLUE_FLOATING, GREEN_FLOATING = "203.0.113.31", "203.0.113.32", "203.0.113.33"
VIP, INSIDE_VIP, SWITCH_VIP = "203.0.113.20", "10.9.9.9", "10.0.2.100"
MEMBER_PORT = 8080
"""What members of `public` listen on; the others' listen on the load balancer's own port."""
CHECK = {"interval": 0.5, "timeout": 0.5, "rise": 2, "fall": 2}


def _way_out(tenant: Document, address: str, gateways: list[str], prefix: str, floating: tuple[str, str]) -> Document:
    """`tenant` with an uplink at `address` on its first router, SNAT of `prefix`, and a floating IP (address, port)."""
    first, *others = tenant["routers"]
    uplink = {"name": "up", "external": "internet", "addresses": [f"{address}/24"], "gateways": gateways}
    router = {
        **first,
        "ports": [*first["ports"], uplink],
        "snats": [{"name": "all", "prefixes": [prefix]}],
        "floating_ips": [{"name": "one", "address": floating[0], "port": floating[1]}],
    }
    return {**tenant, "routers": [router, *others]}


def _members(number: int | None = None) -> list[Document]:
    given = {} if number is None else {"number": number}
    return [{"name": f"m{n}", "port": f"red-db-{n}", "weight": n, **given} for n in (1, 2, 3)]


def _balancer(name: str, vip: str, port: int, members: list[Document], **rest: Any) -> Document:
    return {"name": name, "vip": vip, "port": port, "members": members, **rest}


def _red() -> Document:
    tenant = _way_out(two_tier("red", 1), RED_UP, ["hv1", "hv2"], "10.0.0.0/16", (RED_FLOATING, "red-web-3"))
    balancers = [
        _balancer("public", VIP, 80, _members(MEMBER_PORT), router="r1", check="tcp", **CHECK),
        _balancer("names", VIP, 53, _members(), router="r1", protocol="udp"),
        _balancer("long", VIP, 7, _members(), router="r1"),
        _balancer("inside", INSIDE_VIP, 80, _members(), router="r1", check="http", path="/health", **CHECK),
        _balancer("near", SWITCH_VIP, 80, _members(), switch="db"),
    ]
    return {**tenant, "load_balancers": balancers}


def _green() -> Document:
    """The tenants' addresses behind three routers; the inner ones send what they do not know towards the first."""
    tenant = _way_out(chained(), GREEN_UP, ["hv1", "hv2"], "10.1.0.0/16", (GREEN_FLOATING, "green-b-1"))
    onward = {"r2": "100.64.0.1", "r3": "100.64.1.1"}
    routers = [
        {**router, "routes": [*router["routes"], {"prefix": "0.0.0.0/0", "nexthops": [onward[router["name"]]]}]}
        if router["name"] in onward
        else router
        for router in tenant["routers"]
    ]
    return {**tenant, "routers": routers}


def way_out(centralised: bool = False) -> Scenario:
    """The scenario. hv1 and hv2 are gateways; hv3 maps the physical network too, unless its VMs' floating IPs have to be
    `centralised`.
    """
    blue = _way_out(two_tier("blue", 2), BLUE_UP, ["hv2", "hv1"], "10.0.0.0/16", (BLUE_FLOATING, "blue-web-1"))
    green = (("green-a-1", "hv1"), ("green-a-2", "hv3"), ("green-b-1", "hv3"), ("green-b-2", "hv2"))
    return Scenario(
        name="way-out",
        hypervisors=3,
        tenants=(_red(), blue, _green()),
        placement=(*spread("red"), *spread("blue"), *green),
        external_networks=(INTERNET,),
        external=("hv1", "hv2") if centralised else ("hv1", "hv2", "hv3"),
    )


WAY_OUT = way_out()
"""With hv3 mapping the physical network: floating IPs are translated where their VMs are."""
