"""The network that faults are tried in: four hypervisors, three tenants with a way out, and traffic between all pairs of
hypervisors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from mininet_topos.lab import Lab
from mininet_topos.loading import Streaming
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios import Scenario, populate
from mininet_topos.scenarios_out import way_out
from mininet_topos.vm import VM
from tests.acceptance.monitoring_breaking import filterable
from tests.acceptance.outdoors import settle

HYPERVISORS = ("hv1", "hv2", "hv3", "hv4")
_PORT = 9000


def _fourth(tenant: dict[str, Any], number: int) -> dict[str, Any]:
    """A VM more on each switch of a tenant with two."""
    switches = [
        {
            **switch,
            "ports": [
                *switch["ports"],
                {
                    "name": f"{tenant['name']}-{switch['name']}-4",
                    "mac": f"02:00:00:{number:02x}:{index:02x}:0e",
                    "addresses": [f"10.0.{index}.14"],
                },
            ],
        }
        for index, switch in enumerate(tenant["switches"], start=1)
    ]
    return {**tenant, "switches": switches}


def monitored() -> Scenario:
    """The way out's network, with VMs of red and blue on a fourth hypervisor."""
    base = way_out()
    red, blue, green = base.tenants
    placed = tuple((f"{tenant}-{switch}-4", "hv4") for tenant in ("red", "blue") for switch in ("web", "db"))
    return Scenario(
        name="monitored",
        hypervisors=4,
        tenants=(_fourth(red, 1), _fourth(blue, 2), green),
        placement=(*base.placement, *placed),
        external_networks=base.external_networks,
        external=base.external,
    )


@contextmanager
def opened(name: str) -> Iterator[Lab]:
    """A lab with this network, all confirmed, in which filters come and go without loss."""
    network = monitored()
    with Lab(name, hypervisors=network.hypervisors, external=network.external) as lab:
        populate(lab, network)
        settle(lab)
        with filterable(lab):
            yield lab


@contextmanager
def traffic(lab: Lab, rate: float = 250.0) -> Iterator[None]:
    """Each of red's VMs on web sends so many packets a second to the three others, of web and of db, in turn."""
    with ExitStack() as stack:
        for n in (1, 2, 3, 4):
            targets = [f"10.0.{net}.{10 + m}" for m in (1, 2, 3, 4) if m != n for net in (1, 2)]
            stack.enter_context(Streaming(lab.vms[f"red-web-{n}"], _PORT, rate, *targets))
        yield


_CONNECT = """
import socket, time
while True:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", ("%s", 53))
    time.sleep(0.05)
"""


@contextmanager
def connecting(vm: VM) -> Iterator[None]:
    """A VM begins twenty connections a second to the server outside."""
    process = vm.spawn(sys.executable, "-c", _CONNECT % SERVER_ADDRESS, log=vm.folder / "log" / "connecting.log")
    try:
        yield
    finally:
        process.terminate()
        process.wait()
