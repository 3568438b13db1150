"""OVN with the same way out, in a lab of the same shape, so that its gateways can be killed the same way.

Its central daemons stay up throughout, which is the better case for it: the standby's ovn-controller needs them to take over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mininet_topos.hypervisor import EXTERNAL_BRIDGE
from mininet_topos.lab import Lab
from mininet_topos.loading import Serving
from mininet_topos.outside import PHYSICAL_NETWORK, SERVER_ADDRESS, UPSTREAM_ADDRESS
from mininet_topos.scenarios import Document, two_tier
from mininet_topos.scenarios_out import RED_FLOATING, RED_UP
from tests.acceptance import failing_over
from tests.acceptance.failing_over import Kind, Outages
from tests.acceptance.waiting import until
from tests.bench.ovn import OvnSide, installed
from tests.bench.ovn_words import Command, make_tenant, transaction

__all__ = ["installed", "ovn", "rounds"]

GUESTS = {"red-db-3": "hv3", "red-web-2": "hv2", "red-web-3": "hv3"}
PROBES = {name: probe for name, probe in failing_over.PROBES.items() if not name.startswith("VIP")}
AFTER = 6.0
"""Seconds of tries after the death of a gateway: OVN takes some."""


class OvnOut(OvnSide):
    """OVN on three hypervisors that all map the physical network."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.lab = Lab(name, hypervisors=3, underlay_mtu=1600, controller_app=None, external=True)


@contextmanager
def ovn(name: str) -> Iterator[Lab]:
    """The lab, with red's switches, router, VMs and way out made; it answers when this enters."""
    with OvnOut(name) as side:
        lab = side.lab
        for host in lab.hypervisors.values():
            mapping = f"external_ids:ovn-bridge-mappings={PHYSICAL_NETWORK}:{EXTERNAL_BRIDGE}"
            host.vsctl("--no-wait", "set", "Open_vSwitch", ".", mapping)
        tenant = two_tier("red", 1)
        for number, port in enumerate(tenant["routers"][0]["ports"], start=1):
            port["mac"] = f"02:00:00:00:01:{number:02x}"
        side.nbctl("--wait=hv", *transaction([*make_tenant(tenant), *_way_out()]))
        for tier in tenant["switches"]:
            gateway = tier["subnets"][0].replace(".0/24", ".1")
            for port in tier["ports"]:
                _guest(lab, port, gateway)
        side.nbctl("--wait=hv", "sync")
        with Serving(lab.server, tcp=[80], udp=[53]), Serving(lab.vms["red-web-3"], tcp=[80]):
            until("OVN's VM reaches the server", lambda: _reached(lab), 60)
            yield lab


def rounds(lab: Lab, kind: Kind, count: int) -> Outages:
    """Kill and mend the gateway `count` times: the outages of each probe, in seconds."""
    gone: Outages = {name: [] for name in PROBES}
    for _ in range(count):
        for name, seconds in failing_over.during(lab, kind.kill, PROBES, AFTER).items():
            gone[name].append(seconds)
        kind.mend(lab)
        until("OVN's gateway is back", lambda: _carries(lab, failing_over.GATEWAY), 60)
        until("the server is reached again", lambda: _reached(lab), 60)
    return gone


def _way_out() -> Iterator[Command]:
    yield ["ls-add", "ext"]
    yield ["lsp-add", "ext", "ext-net"]
    yield ["lsp-set-type", "ext-net", "localnet"]
    yield ["lsp-set-addresses", "ext-net", "unknown"]
    yield ["lsp-set-options", "ext-net", f"network_name={PHYSICAL_NETWORK}"]
    yield ["lrp-add", "red.r1", "up", "02:00:00:00:01:99", f"{RED_UP}/24"]
    yield ["lsp-add", "ext", "ext-r1"]
    yield ["lsp-set-type", "ext-r1", "router"]
    yield ["lsp-set-addresses", "ext-r1", "router"]
    yield ["lsp-set-options", "ext-r1", "router-port=up"]
    yield ["lrp-set-gateway-chassis", "up", failing_over.GATEWAY, "20"]
    yield ["lrp-set-gateway-chassis", "up", "hv2", "10"]
    yield ["lr-nat-add", "red.r1", "snat", RED_UP, "10.0.0.0/16"]
    yield ["lr-nat-add", "red.r1", "dnat_and_snat", RED_FLOATING, "10.0.1.13"]
    yield ["lr-route-add", "red.r1", "0.0.0.0/0", UPSTREAM_ADDRESS]


def _guest(lab: Lab, port: Document, gateway: str) -> None:
    if port["name"] in GUESTS:
        lab.vm(port["name"], GUESTS[port["name"]], port["mac"], f"{port['addresses'][0]}/24", gateway)


def _reached(lab: Lab) -> bool:
    return all(lab.ping(lab.vms[name], SERVER_ADDRESS, count=3, timeout=0.5).lost == 0 for name in ("red-db-3", "red-web-2"))


def _carries(lab: Lab, chassis: str) -> bool:
    """Whether what a VM on a third chassis sends leaves by this one."""
    with lab.tcpdump(lab.hypervisors[chassis], "ext0", f"src host {RED_UP} and icmp") as capture:
        lab.ping(lab.vms["red-db-3"], SERVER_ADDRESS, count=2, timeout=0.3)
        return any("ICMP echo request" in line for line in capture.stop())
