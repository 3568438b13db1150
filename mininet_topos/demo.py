"""A walk through the project on three hypervisors: what an operator types, what comes back, and whether it held.

    make demo

Ends with 0 only if everything held. Nothing of it touches the host's own network: controller, fabric, hypervisors and
VMs are namespaces, gone when it ends.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from mininet_topos.demo_oam import STEPS as OAM
from mininet_topos.demo_out import STEPS as OUTSIDE
from mininet_topos.lab import Lab
from mininet_topos.node import LabNode
from mininet_topos.scenarios import DEMO

NAME = "overlay"
WAIT = 20.0


class Tour:
    """Says what happens, shows what tools print, and counts what did not hold."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.failed: list[str] = []
        self._step = 0

    def step(self, title: str) -> None:
        self._step += 1
        print(f"\n== {self._step}. {title}\n", flush=True)

    def say(self, text: str) -> None:
        print(text)

    def show(self, command: str, output: str, most: int = 30, prompt: str = "$") -> None:
        """A command as one would type it, and what it printed."""
        lines = output.strip().splitlines()
        cut = [f"... ({len(lines) - most} more lines)"] if len(lines) > most else []
        print(f"{prompt} {command}")
        print("\n".join(f"  {line}" for line in [*lines[:most], *cut]), end="\n\n", flush=True)

    def overlayctl(self, *args: str, stdin: str | None = None, check: bool = True, most: int = 30) -> str:
        output = self.lab.overlayctl(*args, stdin=stdin, check=check).stdout
        self.show(" ".join(("overlayctl", *args)), output, most)
        return output

    def run(self, node: LabNode, *args: str) -> str:
        output: str = node.run(*args, check=False, timeout=60).stdout
        self.show(" ".join(args), output, prompt=f"{node.name}$")
        return output

    def ask(self, what: str) -> list[dict[str, Any]]:
        """One of REST's lists."""
        found: list[dict[str, Any]] = self.lab.rest.get(f"/v1/{what}").json[what]
        return found

    def hold(self, what: str, held: bool) -> None:
        """Say whether something held."""
        print(f"   [{'ok' if held else 'FAILED'}] {what}", flush=True)
        if not held:
            self.failed.append(what)

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Hold that `condition` comes true in time."""
        deadline = time.monotonic() + WAIT
        while not (held := condition()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.hold(what, held)


def joining(tour: Tour) -> None:
    lab = tour.lab
    tour.step("Three hypervisors join, by ovs-vsctl alone")
    for host in lab.hypervisors.values():
        line = f"external_ids:system-id={host.name} external_ids:overlay-encap-ip={host.encap_ip} \\\n    "
        line += f"external_ids:overlay-bridge-mappings={host.physical_network}:br-ex"
        print(f"{host.name}$ ovs-vsctl set Open_vSwitch . {line} -- set-manager tcp:{lab.controller.ip}:6640")
        host.join()
    tour.until("all three are connected", lambda: [c["state"] for c in tour.ask("chassis")] == ["connected"] * 3)
    tour.overlayctl("chassis")


def tenants(tour: Tour) -> None:
    tour.step("Three tenants, one JSON document; red and blue have the same addresses")
    tour.say("red and blue: switches web 10.0.1.0/24 and db 10.0.2.0/24 on one router, a VM of each on every hypervisor.")
    tour.say("green: switch a - r1 - transit switch - r2 - peer link - r3 - switch b.\n")
    tour.overlayctl("apply", "-", "--wait", "20", stdin=json.dumps(DEMO.document))
    for guest in DEMO.guests():
        tour.lab.vm(guest.name, guest.hypervisor, guest.mac, guest.address, guest.gateway)
    tour.overlayctl("wait", "--timeout", "20")
    tour.overlayctl("bindings")
    tour.until(
        "a tunnel each way between hypervisors that share a network, all up", lambda: all(t["up"] for t in tour.ask("tunnels"))
    )


def rewriting(tour: Tour) -> None:
    lab, vm, far = tour.lab, tour.lab.vms["red-web-1"], tour.lab.vms["red-db-2"]
    tour.step("A packet through a router that does not exist")
    tour.say("red-web-1 on hv1 pings red-db-2 on hv2; the wire between the hypervisors is watched.\n")
    with lab.tcpdump(lab.hypervisors["hv1"], "phy0", "udp port 4789") as wire:
        output = tour.run(vm, "ping", "-n", "-c", "3", "-i", "0.2", far.ip)
        lines = [line for line in wire.wait_for(2) if "ICMP echo" in line]
    tour.show("tcpdump -nne -i phy0 udp port 4789", "\n".join(lines[:2]), prompt="hv1$")
    tour.hold("three pings, none lost, TTL one less", " 0% packet loss" in output and "ttl=63" in output)
    tour.hold("routed before the tunnel: inside is already red-db-2's MAC", f"> {far.mac}" in lines[0])


def isolation(tour: Tour) -> None:
    lab, red, blue = tour.lab, tour.lab.vms["red-web-1"], tour.lab.vms["blue-web-2"]
    tour.step("Same addresses, other tenant: nothing crosses")
    with (
        lab.tcpdump(blue, "eth0", f"ether src {red.mac}") as at_blue,
        lab.tcpdump(lab.vms["red-web-2"], "eth0", "icmp") as at_red,
    ):
        tour.run(red, "ping", "-n", "-c", "2", "-i", "0.2", blue.ip)
        tour.hold(f"{blue.ip} answered, and it was red's", len(at_red.wait_for(4)) >= 4)
        tour.hold("blue's VM with that address saw nothing", at_blue.stop() == [])


def hops(tour: Tour) -> None:
    vm = tour.lab.vms["green-a-1"]
    tour.step("Traceroute through three routers, none of which is a device")
    output = tour.run(vm, "traceroute", "-n", "10.1.2.12")
    tour.hold(
        "every hop with the address it was entered by",
        all(h in output for h in ("10.1.1.1", "100.64.0.2", "100.64.1.2", "10.1.2.12")),
    )
    unreachable = tour.run(vm, "ping", "-n", "-c", "1", "203.0.113.1")
    tour.hold("no route is said by the router", "From 10.1.1.1" in unreachable and "Net Unreachable" in unreachable)


def forging(tour: Tour) -> None:
    vm = tour.lab.vms["blue-web-1"]
    tour.step("A VM that lies about its address")
    vm.script("ip address add 10.0.1.99/24 dev eth0\n")
    tour.run(vm, "ping", "-n", "-c", "3", "-i", "0.2", "-W", "0.5", "-I", "10.0.1.99", "10.0.1.12")
    vm.script("ip address del 10.0.1.99/24 dev eth0\n")
    port = "blue/web/blue-web-1"
    tour.until("dropped by a named rule of that port", lambda: any(d["object"] == port for d in tour.ask("drops")))
    tour.overlayctl("drops")


def dying(tour: Tour) -> None:
    lab, vm = tour.lab, tour.lab.vms["red-web-1"]
    tour.step("The controller dies, and nobody notices")
    with lab.pinging(vm, "10.0.2.12", interval=0.01) as pinging:
        lab.ping(vm, "10.0.2.13", count=20, interval=0.02)
        print("c0$ kill -9 (ryu-manager); start it again")
        lab.controller.kill9()
        lab.ping(vm, "10.0.2.13", count=20, interval=0.02)
        lab.controller.start()
        lab.controller.wait()
        tour.until("every chassis is back", lambda: lab.rest.get("/v1/revision?wait=20").json["converged"])
        lab.ping(vm, "10.0.2.13", count=20, interval=0.02)
        result = pinging.stop()
    tour.hold(f"{result.sent} pings at 100 a second meanwhile, {result.lost} lost", result.lost == 0 and result.sent > 100)


def healing(tour: Tour) -> None:
    host = tour.lab.hypervisors["hv1"]
    tour.step("Somebody deletes flows by hand")
    print("hv1$ ovs-ofctl del-flows br-int table=60")
    before = len(host.ofctl("dump-flows", "br-int", "table=60").splitlines())
    host.ofctl("del-flows", "br-int", "table=60")
    tour.until("put back by the next audit", lambda: len(host.ofctl("dump-flows", "br-int", "table=60").splitlines()) == before)
    tour.overlayctl("drift")


def moving(tour: Tour) -> None:
    lab, vm, watcher = tour.lab, tour.lab.vms["red-db-2"], tour.lab.vms["red-web-1"]
    tour.step("A VM moves from hv2 to hv3 while it is pinged")
    with lab.pinging(watcher, vm.ip, interval=0.002) as pinging:
        lab.ping(watcher, vm.ip, count=5, interval=0.02)
        lab.move(vm, "hv3")
        tour.until("reachable on hv3", lambda: lab.ping(watcher, vm.ip, count=3, interval=0.01, timeout=0.3).lost == 0)
        result = pinging.stop()
    tour.say(f"   longest gap between answers: {result.longest_gap:.0f} ms")
    port = lab.rest.get("/v1/ports/red-db-2").json
    tour.hold("the controller has it on hv3", port["binding"]["chassis"] == "hv3")


STEPS = (joining, tenants, rewriting, isolation, hops, forging, dying, healing, moving, *OUTSIDE, *OAM)


def main() -> int:
    """Run the tour; 0 when everything held."""
    began = time.monotonic()
    print("ryu_overlay: networks that do not exist as devices, on three hypervisors with an Open vSwitch each.")
    options = {"audit-interval": 2}
    with Lab(NAME, hypervisors=DEMO.hypervisors, controller_options=options, join=False, external=True) as lab:
        tour = Tour(lab)
        for step in STEPS:
            step(tour)
    took = time.monotonic() - began
    if tour.failed:
        print(f"\nDid not hold: {'; '.join(tour.failed)}")
        return 1
    print(f"\nEverything held, in {took:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
