"""The third part of the tour: what operators had on real devices, on devices that do not exist."""

from __future__ import annotations

import shlex
import subprocess
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

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


def meaning(tour: Tour) -> None:
    """A traceroute that shows where the way ends, though every router could be answered for where the packet came in."""
    lab, vm, far = tour.lab, tour.lab.vms["green-a-1"], tour.lab.vms["green-b-2"]
    host = lab.host_of(far)
    command = ("traceroute", "-n", "-I", "-q", "1", "-w", "0.5", "-m", "6", far.ip)
    tour.step("What does an answer mean? Whatever the operator wants it to")
    print(f"{host.name}, where {far.name} is, is cut off")
    lab.fabric.cut(host)
    output = tour.run(vm, *command)
    tour.hold("every router answers, though nothing gets there", "100.64.1.2" in output and " 4  *" in output)
    for router in ("r1", "r2", "r3"):
        tour.overlayctl("set", "router", f"green/{router}", "--answers", "path")
    tour.until("every chassis that is not cut off knows", lambda: "!H" in vm.run(*command).stdout)
    output = tour.run(vm, *command)
    tour.hold("the way ends behind the first router", "!H" in output and "100.64.1.2" not in output)
    lab.fabric.mend(host)
    tour.until("mended", lambda: f" 4  {far.ip} " in vm.run(*command).stdout)
    tour.run(vm, "ping", "-n", "-c", "2", "-i", "0.2", "100.64.1.2")


def watched(tour: Tour) -> None:
    """A fault that nobody asked for."""
    lab, source = tour.lab, int(IPv4Address(tour.lab.hypervisors["hv1"].encap_ip))
    tour.step("Nobody asks, and it is known: what is broken, and who feels it")
    tour.until("nothing is broken", lambda: not _lasting(tour))
    print("the fabric silently loses all that hv1 sends to hv2; the way back is whole, and no link is down")
    lab.fabric.run("tc", "qdisc", "add", "dev", "hv2", "clsact")
    program = f"4,32 0 0 26,21 0 1 {source},6 0 0 2,6 0 0 4294967295"
    lab.fabric.run("tc", "filter", "add", "dev", "hv2", "egress", "bpf", "da", "bytecode", program)
    began = time.monotonic()
    tour.until("the path is named, in its direction", lambda: [f["element"] for f in _lasting(tour)] == ["path hv1>hv2"])
    tour.say(f"   after {time.monotonic() - began:.1f} s\n")
    tour.overlayctl("health")
    tour.overlayctl("health", "explain", _lasting(tour)[0]["id"])
    lab.fabric.run("tc", "qdisc", "del", "dev", "hv2", "clsact")
    tour.until("it is over", lambda: not _lasting(tour))


def _lasting(tour: Tour) -> list[dict[str, Any]]:
    return [fault for fault in tour.lab.rest.get("/v1/health").json["faults"] if fault["until"] is None]


STEPS = (standing, capturing, whose, meaning, watched)
