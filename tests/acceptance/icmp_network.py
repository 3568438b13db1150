"""The network of the ICMP cases, in two labs of the same shape: ours and OVN's.

    a-1 a-2 (hv1) a-3 (hv2)  raw-1 (hv1)      c-1 (hv2)              b-1 (hv3) b-2 (hv1)      d-1 (hv2)
            `---- switch a ----'            switch c                     switch b             switch d
                      |  10.1.1.1              | 10.1.3.1                    | 10.1.2.1           | 10.1.4.1
                      `---------- r1 ----------'  100.64.0.1 - transit - .2  r2                   r3, which leads nowhere
                                  | 203.0.113.11 on hv2, standby hv3; SNAT of 10.1.0.0/16
            external network of 1,400 bytes, gateway 203.0.113.1 (upstream), behind it the server 198.51.100.10

Another tenant has a router at 203.0.113.12 on hv3 and, with the same inside addresses, e-1 (hv1) with floating IP .32.

203.0.113.31 is the floating IP of a-3, .33 that of b-1; .20, and inside 10.1.9.9, are VIPs (TCP 80 to a-2 and c-1).
198.51.100.77 is an address that the server gets packets for and is silent about; 198.51.100.99 stands behind a link of
1,300 bytes. raw-1's port lets any source address pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from mininet_topos.controller import Option
from mininet_topos.lab import Lab
from mininet_topos.node import LabNode
from mininet_topos.outside import SERVER_ADDRESS, UPSTREAM_ADDRESS
from mininet_topos.scenarios import Document, Scenario, populate
from mininet_topos.scenarios_out import INTERNET
from tests.acceptance.waiting import until
from tests.bench.ovn import OvnSide
from tests.bench.ovn_words import Command, transaction

MTU, EXTERNAL_MTU, NARROW_MTU = 1450, 1400, 1300
UPLINK, FLOATING, FLOATING_FAR, VIP = "203.0.113.11", "203.0.113.31", "203.0.113.33", "203.0.113.20"
SILENT, NARROW = "198.51.100.77", "198.51.100.99"
INSIDE_VIP, ELSEWHERE, FLOATING_ELSEWHERE = "10.1.9.9", "203.0.113.12", "203.0.113.32"
UPLINK_MAC = "02:00:00:aa:00:99"
GATEWAYS = ("hv2", "hv3")
PRIVATE = ("10.0.0.0/8", "100.64.0.0/10")

_SWITCHES = {"a": 1, "b": 2, "c": 3, "d": 4}
_PLACES = {
    "a-1": "hv1",
    "a-2": "hv1",
    "a-3": "hv2",
    "raw-1": "hv1",
    "c-1": "hv2",
    "b-1": "hv3",
    "b-2": "hv1",
    "d-1": "hv2",
    "e-1": "hv1",
}
_ADDRESSES = {
    "a-1": "10.1.1.11",
    "a-2": "10.1.1.12",
    "a-3": "10.1.1.13",
    "raw-1": "10.1.1.14",
    "c-1": "10.1.3.11",
    "b-1": "10.1.2.11",
    "b-2": "10.1.2.12",
    "d-1": "10.1.4.11",
}


_OTHER_VM_MAC, _OTHER_ROUTER_MAC = "02:00:00:05:01:0b", "02:00:00:aa:02:01"


def _port(name: str) -> Document:
    port = {"name": name, "mac": mac_of(name), "addresses": [_ADDRESSES[name]]}
    return {**port, "port_security": False} if name == "raw-1" else port


def mac_of(name: str) -> str:
    """A VM's MAC."""
    return "02:00:00:{:02x}:{:02x}:{:02x}".format(*map(int, _ADDRESSES[name].split(".")[1:]))


def router_mac(switch: str) -> str:
    """The MAC of the router's port on a switch."""
    return f"02:00:00:aa:00:{_SWITCHES[switch]:02x}"


def _switch(name: str) -> Document:
    prefix = f"10.1.{_SWITCHES[name]}."
    ports = [_port(vm) for vm, address in _ADDRESSES.items() if address.startswith(prefix)]
    return {"name": name, "subnets": [f"{prefix}0/24"], "ports": ports}


def _router_port(switch: str) -> Document:
    return {"name": switch, "mac": router_mac(switch), "addresses": [f"10.1.{_SWITCHES[switch]}.1/24"], "switch": switch}


def _transit(number: int) -> Document:
    return {"name": "t", "mac": f"02:00:00:aa:01:0{number}", "addresses": [f"100.64.0.{number}/24"], "switch": "transit"}


def _tenant() -> Document:
    uplink = {"name": "up", "mac": UPLINK_MAC, "external": "internet", "addresses": [f"{UPLINK}/24"], "gateways": list(GATEWAYS)}
    r1 = {
        "name": "r1",
        "ports": [_router_port("a"), _router_port("c"), _transit(1), uplink],
        "routes": [{"prefix": "10.1.2.0/24", "nexthops": ["100.64.0.2"]}],
        "snats": [{"name": "all", "prefixes": ["10.1.0.0/16"]}],
        "floating_ips": [
            {"name": "near", "address": FLOATING, "port": "a-3"},
            {"name": "far", "address": FLOATING_FAR, "port": "b-1"},
        ],
    }
    r2 = {
        "name": "r2",
        "ports": [_router_port("b"), _transit(2)],
        "routes": [{"prefix": "0.0.0.0/0", "nexthops": ["100.64.0.1"]}],
    }
    members = [{"name": f"m{n}", "port": vm, "number": 80} for n, vm in enumerate(("a-2", "c-1"))]
    balancers = [
        {"name": name, "vip": vip, "port": 80, "router": "r1", "members": members}
        for name, vip in (("web", VIP), ("inside", INSIDE_VIP))
    ]
    return {
        "name": "conf",
        "switches": [*map(_switch, _SWITCHES), {"name": "transit", "subnets": ["100.64.0.0/24"], "ports": []}],
        "routers": [r1, r2, {"name": "r3", "ports": [_router_port("d")]}],
        "load_balancers": balancers,
    }


def _elsewhere() -> Document:
    """Another tenant, with the same addresses inside."""
    vm = {"name": "e-1", "mac": _OTHER_VM_MAC, "addresses": ["10.1.1.11"]}
    uplink = {"name": "up", "mac": "02:00:00:aa:02:99", "external": "internet", "addresses": [f"{ELSEWHERE}/24"]}
    inside = {"name": "a", "mac": _OTHER_ROUTER_MAC, "addresses": ["10.1.1.1/24"], "switch": "a"}
    router = {
        "name": "r1",
        "ports": [inside, {**uplink, "gateways": ["hv3", "hv1"]}],
        "snats": [{"name": "all", "prefixes": ["10.1.0.0/16"]}],
        "floating_ips": [{"name": "one", "address": FLOATING_ELSEWHERE, "port": "e-1"}],
    }
    return {"name": "else", "switches": [{"name": "a", "subnets": ["10.1.1.0/24"], "ports": [vm]}], "routers": [router]}


EXTERNAL_NETWORK = {**INTERNET, "mtu": EXTERNAL_MTU}
CONFORMANCE = Scenario(
    name="icmp",
    hypervisors=3,
    tenants=(_tenant(), _elsewhere()),
    placement=tuple(_PLACES.items()),
    external_networks=(EXTERNAL_NETWORK,),
    external=("hv1", "hv2", "hv3"),
)


@dataclass(frozen=True)
class End:
    """Who sends: where it runs, its interface and address, and where what it sends and gets is watched."""

    node: LabNode
    interface: str
    address: str
    mac: str
    gateway_mac: str
    watched_at: LabNode
    watched: str


def ends(lab: Lab) -> dict[str, End]:
    """All senders by name, the VMs and those outside."""
    found = {}
    for name, vm in lab.vms.items():
        gateway = _OTHER_ROUTER_MAC if name == "e-1" else router_mac(name[0] if name != "raw-1" else "a")
        found[name] = End(vm, "eth0", vm.ip, vm.mac, gateway, lab.host_of(vm), vm.vif)
    upstream, server = lab.upstream, lab.server
    server_mac, far_mac = server.mac("eth0"), upstream.mac("far0")
    found["server"] = End(server, "eth0", SERVER_ADDRESS, server_mac, far_mac, server, "eth0")
    found["upstream"] = End(upstream, "out0", UPSTREAM_ADDRESS, upstream.mac("out0"), UPLINK_MAC, upstream, "out0")
    return found


@contextmanager
def ours(name: str = "i", options: Mapping[str, Option] | None = None) -> Iterator[Lab]:
    """Our lab; it answers when this enters. `name` is a letter for each that is open at a time.

    Guests are not asked whether they are there: what they answer passes the meter whose count is compared with what was sent.
    """
    given = {"guest-check-interval": 0, **(options or {})}
    with Lab(f"{name}{os.getpid()}", hypervisors=3, controller_options=given, external=CONFORMANCE.external) as lab:
        populate(lab, CONFORMANCE)
        _furnish(lab)
        yield lab


@contextmanager
def ovn(balancers_on_switches: bool = True, answers: int | None = None) -> Iterator[Lab]:
    """OVN's lab of the same shape; it answers when this enters.

    With load balancers on the switches VMs reach VIPs of their own network, as here, but each packet of theirs passes conntrack
    (ovn-northd(8), "Pre-LB"), which costs time and takes no small fragments. `answers` is how many errors and resets a second
    its control plane protection lets each router have; by default it has none.
    """
    with OvnSide(f"n{os.getpid()}") as side:
        side.put(list(CONFORMANCE.tenants), (EXTERNAL_NETWORK,))
        side.nbctl("--wait=hv", *transaction(_more_for_ovn(balancers_on_switches, answers)))
        for guest in CONFORMANCE.guests():
            side.lab.vm(guest.name, guest.hypervisor, guest.mac, guest.address, guest.gateway, mtu=MTU)
        side.nbctl("--wait=hv", "sync")
        _furnish(side.lab)
        yield side.lab


def _more_for_ovn(balancers_on_switches: bool, answers: int | None) -> Iterator[Command]:
    """Static routes, and what its operators set: the MTU outside, port security, load balancers on the clients' switches too."""
    for router in _tenant()["routers"]:
        for route in router.get("routes", ()):
            yield ["lr-route-add", f"conf.{router['name']}", route["prefix"], *route["nexthops"]]
    for balancer in _tenant()["load_balancers"] if balancers_on_switches else ():
        yield from (["ls-lb-add", f"conf.{switch}", f"conf.{balancer['name']}"] for switch in _SWITCHES)
    for name, address in _ADDRESSES.items():
        if name != "raw-1":
            yield ["lsp-set-port-security", name, f"{mac_of(name)} {address}"]
    yield ["set", "Logical_Router_Port", "conf.r1-up", f"options:gateway_mtu={EXTERNAL_MTU}"]
    if answers is not None:
        yield ["--fair", "meter-add", "answers", "drop", str(answers), "pktps", str(answers)]
        yield from (["copp-add", "protected", kind, "answers"] for kind in ("icmp4-error", "tcp-reset"))
        routers = [f"{tenant['name']}.{router['name']}" for tenant in CONFORMANCE.tenants for router in tenant["routers"]]
        yield from (["lr-copp-add", "protected", router] for router in routers)


def _furnish(lab: Lab) -> None:
    """The silent and the narrow address outside; then wait until VMs and the outside reach each other."""
    mac = lab.server.mac("eth0")
    # Linux keeps one account for a peer's errors of all kinds; without a limit on some, nothing is ever left for the others.
    lab.upstream.script("echo 0 > /proc/sys/net/ipv4/icmp_ratemask\n")
    for vm in lab.vms.values():
        vm.script("echo 0 > /proc/sys/net/ipv4/icmp_ratelimit\n")
    lab.upstream.script(
        f"ip neigh replace {SILENT} lladdr {mac} dev far0 nud permanent\n"
        f"ip neigh replace {NARROW} lladdr {mac} dev far0 nud permanent\n"
        f"ip route add {NARROW}/32 dev far0 mtu lock {NARROW_MTU}\n"
    )
    pairs = [(lab.vms[vm], target) for vm in ("a-1", "a-3", "b-1") for target in (SERVER_ADDRESS, "10.1.3.11", "10.1.2.12")]
    pairs += [(lab.vms["a-1"], address) for address in (FLOATING, FLOATING_ELSEWHERE, ELSEWHERE, UPSTREAM_ADDRESS)]
    pairs.append((lab.vms["e-1"], SERVER_ADDRESS))
    pairs += [(lab.server, address) for address in (FLOATING, FLOATING_FAR, FLOATING_ELSEWHERE, UPLINK)]
    for node, target in pairs:
        until(f"{node.name} reaches {target}", partial(_reaches, lab, node, target), 60)


def _reaches(lab: Lab, node: LabNode, target: str) -> bool:
    return lab.ping(node, target, count=1, timeout=0.5).received == 1
