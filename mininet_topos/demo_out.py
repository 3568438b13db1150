"""The second half of the tour: out of the overlay and into it, shared among servers, and a gateway that dies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mininet_topos.loading import Serving, Trying, connect

if TYPE_CHECKING:
    from mininet_topos.demo import Tour

SERVER, FLOATING, VIP, UPLINK = "198.51.100.10", "203.0.113.31", "203.0.113.20", "203.0.113.11"
CONNECTIONS = 60
SERVICE = 9000


def way_out(tour: Tour) -> None:
    """An external network, an uplink with two gateways, source NAT and a floating IP."""
    lab, vm = tour.lab, tour.lab.vms["red-web-1"]
    tour.step("A way out: an external network, an uplink with two gateways, source NAT, a floating IP")
    tour.say("Outside are an upstream router, 203.0.113.1, and a server behind it, 198.51.100.10: plain Linux.\n")
    network = ("--physical-network", "physnet1", "--subnet", "203.0.113.0/24", "--gateway", "203.0.113.1")
    tour.overlayctl("add", "external-network", "internet", *network, "--pool", "203.0.113.10-203.0.113.99")
    gateways = ("--gateway", "hv1", "--gateway", "hv2")
    tour.overlayctl("add", "router-port", "red/r1/up", "--external", "internet", "--address", f"{UPLINK}/24", *gateways)
    tour.overlayctl("add", "snat", "red/r1/all", "--prefix", "10.0.0.0/16")
    tour.overlayctl("add", "floating-ip", "red/r1/web3", "--port", "red-web-3", "--address", FLOATING, "--wait", "10")
    tour.until("the uplink is carried", lambda: all(u["state"] == "active" for u in tour.ask("uplinks")))
    tour.overlayctl("uplinks")
    lab.ping(vm, SERVER, count=2)
    with lab.tcpdump(lab.upstream, "out0", "icmp") as wire:
        output = tour.run(vm, "ping", "-n", "-c", "2", "-i", "0.2", SERVER)
        lines = wire.wait_for(4)
    tour.show("tcpdump -nne -i out0 icmp", "\n".join(lines[:2]), prompt="upstream$")
    tour.hold("answered, and outside only the uplink's address is seen", " 0% packet loss" in output and _outer(lines, UPLINK))
    output = tour.run(lab.server, "traceroute", "-n", FLOATING)
    hops = ("198.51.100.1", UPLINK, FLOATING)
    tour.hold("from outside the floating IP is behind the router, and each hop says who it is", all(h in output for h in hops))


def balancing(tour: Tour) -> None:
    """A load balancer on the router, for clients outside and inside; one member dies."""
    lab = tour.lab
    members = [lab.vms[f"red-db-{n}"] for n in (1, 2, 3)]
    tour.step("A load balancer: weights, health checks from the member's own hypervisor, a member that dies")
    place = ("--router", "r1", "--check", "tcp", "--interval", "0.5", "--timeout", "0.5", "--fall", "2")
    tour.overlayctl("add", "load-balancer", "red/web", "--vip", VIP, "--port", "80", *place)
    for weight, vm in enumerate(members, start=1):
        given = ("--port", vm.name, "--number", "8080", "--weight", str(weight))
        tour.overlayctl("add", "member", f"red/web/m{weight}", *given, "--wait", "10")
    services = [Serving(vm, tcp=(8080,)) for vm in members]
    tour.until("all members are up", lambda: [m["state"] for m in tour.ask("members")] == ["up"] * 3)
    for client in (lab.server, lab.vms["red-web-2"], members[0]):
        tries = connect(client, VIP, 80, CONNECTIONS)
        shares = ", ".join(f"{name} {count}" for name, count in sorted(tries.servers.items()))
        tour.hold(f"{client.name}: {len(tries.good)} of {CONNECTIONS} connections, by {shares}", len(tries.good) == CONNECTIONS)
    services[2].kill()
    tour.until("the member that died is down", lambda: "down" in [m["state"] for m in tour.ask("members")])
    tour.overlayctl("members")
    tries = connect(lab.server, VIP, 80, CONNECTIONS)
    tour.hold("new connections go to the others", len(tries.good) == CONNECTIONS and "red-db-3" not in tries.servers)
    for service in services[:2]:
        service.kill()


def counting(tour: Tour) -> None:
    """The uplink of a router that does not exist has counters: by whose the other end is."""
    lab = tour.lab
    tour.step("What crossed the uplink of a router that does not exist, by whom it was exchanged with")
    with Serving(lab.vms["red-web-3"], tcp=(SERVICE,)), Serving(lab.server, tcp=(SERVICE,)):
        before = _all_used(tour)
        connect(lab.vms["red-web-1"], SERVER, SERVICE, CONNECTIONS)
        connect(lab.vms["red-web-1"], FLOATING, SERVICE, CONNECTIONS)
        connect(lab.vms["red-web-1"], "10.0.1.13", SERVICE, CONNECTIONS)
    tour.say("red-web-1 has talked to the server outside, to its own tenant's floating IP, and to a VM beside it.\n")
    after = _all_used(tour)
    tour.overlayctl("usage", "--tenant", "red")
    grown = {peer: after[peer] - before[peer] for peer in before}
    told = f"{grown['internet']} packets with the internet, {grown['own']} with its own floating IP, none of what stayed inside"
    # A connection is eight packets, or a few more where one is sent again.
    tour.hold(told, all(8 * CONNECTIONS <= packets < 12 * CONNECTIONS for packets in grown.values()))


def _all_used(tour: Tour) -> dict[str, int]:
    """The same, once it has not grown for longer than readings are apart."""
    last, since = _used(tour), time.monotonic()

    def has_not_grown() -> bool:
        nonlocal last, since
        now = _used(tour)
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > 2.5

    tour.until("all of it is counted", has_not_grown)
    return last


def _used(tour: Tour) -> dict[str, int]:
    """Packets that red's uplink sent and got, by class."""
    rows = tour.lab.rest.get("/v1/usage?tenant=red").json["rows"]
    uplink = next((row for row in rows if row["name"] == "up"), None)
    if uplink is None:
        return {"internet": 0, "own": 0}
    return {peer: uplink[peer]["out"]["packets"] + uplink[peer]["into"]["packets"] for peer in ("internet", "own")}


def failing_over(tour: Tour) -> None:
    """The gateway dies while there is no controller."""
    lab, vm = tour.lab, tour.lab.vms["red-web-2"]
    gateway = lab.hypervisors["hv1"]
    tour.step("The gateway dies while no controller runs")
    with Serving(lab.server, tcp=(SERVICE,)):
        connect(vm, SERVER, SERVICE, 5)
        print(
            "c0$ kill -9 (ryu-manager)\n"
            "red-web-2: a new connection to the server outside every 20 ms\n"
            "hv1$ kill -9 (ovs-vswitchd)"
        )
        lab.controller.kill9()
        with Trying(vm, SERVER, SERVICE, every=0.02, timeout=0.3) as trying:
            lab.ping(vm, SERVER, count=20, interval=0.02)
            died = time.monotonic()
            gateway.kill_vswitchd()
            lab.ping(vm, SERVER, count=60, interval=0.02, timeout=0.3)
            tries = trying.end()
        outage = tries.outage(died)
        tour.hold(f"new connections work again after {outage * 1000:.0f} ms, by the other gateway", outage < 1.0)
        gateway.start_vswitchd()
        lab.controller.start()
        lab.controller.wait()
        tour.until("everything is back and settled", lambda: lab.rest.get("/v1/revision?wait=20").json["converged"])
        tour.until("hv1 carries it again", lambda: connect(vm, SERVER, SERVICE, 5).failed.total() == 0)


def _outer(lines: list[str], address: str) -> bool:
    """Whether every packet is from or to the address, and none from or to one of the tenant's."""
    return all(address in line and "10.0." not in line for line in lines)


STEPS = (way_out, balancing, counting, failing_over)
