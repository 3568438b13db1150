"""The third part of the tour: what operators had on real devices, on devices that do not exist."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from mininet_topos.controller import installed
from mininet_topos.demo_out import SERVER

if TYPE_CHECKING:
    from mininet_topos.demo import Tour

UPLINK = "uplink:red/r1/up"


def standing(tour: Tour) -> None:
    """A router to stand on: its table, a ping from it, a packet watched on its way."""
    tour.step("Stand on a router, ping from it, and watch a packet on its way")
    tour.overlayctl("router", "red/r1", "show", "ip", "route")
    output = tour.overlayctl("ping", "router:red/r1", "red-db-1", "--count", "2", "--interval", "0.2")
    tour.hold("the VM answers its router", "2 answered" in output)
    output = tour.overlayctl("trace", "red-web-2", SERVER)
    way = ("hv2 => hv1", "NAT red/r1/up out: snat red/r1/all", "hv1 => hv2", "port red-web-2 gets")
    tour.hold("there and back through tunnel, router and NAT", all(hop in output for hop in way))
    tour.overlayctl("router", "red/r1", "show", "interfaces")


def capturing(tour: Tour) -> None:
    """One ping, captured on both sides of a translation that no device makes."""
    lab, vm = tour.lab, tour.lab.vms["red-web-2"]
    tour.step("Capture one packet before and after NAT")
    line = f"overlayctl capture {UPLINK}/before-nat/out {UPLINK}/after-nat/out --packets 2 --seconds 10 | tcpdump -nr -"
    command = f"{shlex.quote(installed('overlayctl'))} {line.partition(' ')[2]}"
    with lab.controller.popen(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as capture:
        tour.until("two points are watched", lambda: len(tour.ask("captures")) == 1)
        lab.ping(vm, SERVER, count=3, interval=0.2)
        output = capture.communicate(timeout=20)[0]
    tour.show(line, output)
    tour.hold("the same request with both addresses", f"{vm.ip} > {SERVER}" in output and f"203.0.113.11 > {SERVER}" in output)


def whose(tour: Tour) -> None:
    """Three faults that a ping cannot tell from each other."""
    lab, vm, host = tour.lab, tour.lab.vms["red-db-3"], tour.lab.hypervisors["hv3"]
    asked = ("trace", "red-web-1", vm.ip, "--deliver")
    tour.step("Three faults that look the same to a ping: whose is it?")
    print("a switch of the data centre takes hv3's port down")
    lab.fabric.cut(host)
    output = tour.overlayctl(*asked, check=False, most=1)
    tour.hold("the fabric's, between hv1 and hv3", "physical: lost between hv1 and hv3" in output)
    lab.fabric.mend(host)
    tour.until("mended", lambda: lab.ping(lab.vms["red-web-1"], vm.ip, count=1, timeout=0.3).lost == 0)
    print(f"{vm.name}$ iptables -A INPUT -p icmp -j DROP")
    vm.run("iptables", "-A", "INPUT", "-p", "icmp", "-j", "DROP")
    output = tour.overlayctl(*asked, check=False, most=1)
    tour.hold("the guest's own: it answers ARP, but not this", "guest: handed to red-db-3 on hv3, which answers ARP" in output)
    vm.run("iptables", "-F")
    tour.overlayctl("set", "port", vm.name, "--disabled", "--wait", "10")
    output = tour.overlayctl(*asked, check=False, most=1)
    tour.hold("nobody's: somebody has disabled the port", "disabled" in output)
    tour.overlayctl("set", "port", vm.name, "--enabled", "--wait", "10")


STEPS = (standing, capturing, whose)
