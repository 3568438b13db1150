"""Traceroutes and packets too large, across translations: judged by the packets on both ends' wires, not by what tools print.

A VM is watched at its interface on the hypervisor, where its own packets have the checksums that leave it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mininet_topos.lab import Lab
from mininet_topos.node import LabNode
from mininet_topos.outside import FAR_GATEWAY, SERVER_ADDRESS, UPSTREAM_ADDRESS
from mininet_topos.scenarios_out import GREEN_FLOATING, GREEN_UP, RED_FLOATING, RED_UP, VIP
from tests.acceptance import wire
from tests.acceptance.waiting import until

METHODS = {"UDP": ("-U", wire.UDP), "ICMP": ("-I", wire.ICMP), "TCP": ("-T", wire.TCP)}
WATCHED = "icmp or udp or tcp"
SNAP = 2048
"""Bytes: whole packets on these wires, in small slots of the capture's buffer."""


@dataclass(frozen=True)
class Way:
    """From one end to the other, with the sources that errors and answers on the way have to have, the last hop included."""

    what: str
    client: str
    target: str
    hops: tuple[str, ...]
    methods: tuple[str, ...] = ("UDP", "ICMP", "TCP")

    @property
    def outward(self) -> bool:
        return self.client != "server"


_OUT = (UPSTREAM_ADDRESS, SERVER_ADDRESS)
WAYS = (
    Way("red-web-1, SNAT, to the server", "red-web-1", SERVER_ADDRESS, ("10.0.1.1", *_OUT)),
    Way("red-web-3, floating IP, to the server", "red-web-3", SERVER_ADDRESS, ("10.0.1.1", *_OUT)),
    Way(
        "green-b-2, SNAT behind three routers, to the server",
        "green-b-2",
        SERVER_ADDRESS,
        ("10.1.2.1", "100.64.1.1", "100.64.0.1", *_OUT),
    ),
    Way("the server to red's floating IP", "server", RED_FLOATING, (FAR_GATEWAY, RED_UP, RED_FLOATING)),
    Way(
        "the server to green's floating IP, behind three routers",
        "server",
        GREEN_FLOATING,
        (FAR_GATEWAY, GREEN_UP, GREEN_UP, GREEN_UP, GREEN_FLOATING),
    ),
    Way("the server to red's VIP", "server", VIP, (FAR_GATEWAY, RED_UP, VIP), methods=("TCP",)),
)


@dataclass(frozen=True)
class End:
    """Where a client's packets are watched, and its address there."""

    client: LabNode
    node: LabNode
    interface: str
    address: str


def end_of(lab: Lab, client: str) -> End:
    if client == "server":
        return End(lab.server, lab.server, "eth0", SERVER_ADDRESS)
    vm = lab.vms[client]
    return End(vm, lab.host_of(vm), vm.vif, vm.ip)


def watched(lab: Lab, end: End, act: Callable[[], object]) -> list[wire.Packet]:
    """What passed `end` while `act` ran."""
    with lab.tcpdump(end.node, end.interface, WATCHED, SNAP) as capture:
        act()
        capture.stop()
        path: Path = capture.path
    return wire.packets(path)


def traced(lab: Lab, way: Way, method: str) -> tuple[list[str], list[wire.Packet]]:
    """Run one traceroute: the sources of what came back, in order of the TTL it was sent with; and all packets of the client."""
    option, protocol = METHODS[method]
    end = end_of(lab, way.client)
    # A UDP port where nobody listens: then the last hop's answer is an ICMP error too.
    port = {"TCP": ("-p", "80"), "UDP": ("-p", "33500")}.get(method, ())
    # One probe at a time: then an answer belongs to the probe before it.
    argv = ("traceroute", "-n", option, *port, "-q", "1", "-N", "1", "-w", "2", "-m", "8", way.target)
    seen = watched(lab, end, lambda: end.client.run(*argv, timeout=60))
    sources: dict[int, str] = {}
    probe: wire.Header | None = None
    for packet in seen:
        mine = packet.ip.source == end.address and packet.ip.destination == way.target and packet.ip.protocol == protocol
        if mine and (method != "TCP" or packet.syn):
            probe = packet.ip
        elif probe is not None and packet.ip.destination == end.address and _answers(packet, probe):
            sources.setdefault(probe.ttl, packet.ip.source)
    return [sources[n] for n in sorted(sources)], seen


def _answers(packet: wire.Packet, probe: wire.Header) -> bool:
    """Whether `packet` is an error about the probe's destination, or the destination's own answer to just this probe."""
    if packet.quote is not None:
        return packet.quote.destination == probe.destination
    ports = probe.ports if probe.protocol == wire.ICMP else probe.ports[::-1]
    return packet.ip.source == probe.destination and (packet.ip.protocol, packet.ip.ports) == (probe.protocol, ports)


def wrong_errors(end: End, seen: list[wire.Packet]) -> list[str]:
    """What is not right about the ICMP errors that reached `end`: each must quote a packet of its own, with right sums."""
    sent = [packet for packet in seen if packet.ip.source == end.address]
    found = []
    for packet in seen:
        if packet.ip.destination != end.address:
            continue
        if sums := wire.wrong_checksums(packet):
            found.append(f"from {packet.ip.source}: wrong checksum: {', '.join(sums)}")
        if packet.quote is not None and not wire.quoted_as_sent(packet, sent):
            quote = packet.quote
            found.append(f"from {packet.ip.source}: quotes {quote.source}:{quote.ports} > {quote.destination}, never sent so")
    return found


@dataclass(frozen=True)
class TooLarge:
    """A packet with DF that does not fit somewhere: who says so, and which MTU."""

    what: str
    client: str
    target: str
    size: int
    source: str
    mtu: int


def sent_too_large(lab: Lab, case: TooLarge, method: str) -> tuple[list[wire.Packet], list[str]]:
    """Send one way: the errors "fragmentation needed" that came back, and what is wrong about them."""
    end = end_of(lab, case.client)
    end.client.run("ip", "route", "flush", "cache")
    act = {"UDP": _udp, "ICMP": _icmp, "TCP": _tcp}[method]
    seen = watched(lab, end, lambda: act(lab, end.client, case))
    errors = [p for p in wire.errors_to(seen, end.address) if p.icmp == wire.FRAGMENTATION_NEEDED]
    protocol = METHODS[method][1]
    wrong = wrong_errors(end, seen)
    wrong += [f"quotes protocol {e.quote.protocol}" for e in errors if e.quote is not None and e.quote.protocol != protocol]
    wrong += [f"says {e.mtu} from {e.ip.source}" for e in errors if (e.ip.source, e.mtu) != (case.source, case.mtu)]
    end.client.run("ip", "route", "flush", "cache")
    return errors, wrong


def transfer(lab: Lab, server: LabNode, client: LabNode, address: str, port: int, *options: str, size: str = "1M") -> None:
    """Carry `size` bytes over TCP with iperf3. Raises CommandFailed when it does not come through."""
    serve = server.spawn("iperf3", "-s", "-1", "-p", str(port), log=server.folder / "log" / "iperf3.log")
    try:
        until(f"{server.name} listening", lambda: f":{port}" in server.run("ss", "-Htln").stdout)
        client.run("iperf3", "-c", address, "-p", str(port), "-n", size, "--connect-timeout", "3000", *options, timeout=30)
    finally:
        serve.terminate()
        serve.wait(10)


def _udp(_lab: Lab, client: LabNode, case: TooLarge) -> None:
    client.run(
        "traceroute", "-n", "-F", "-U", "-q", "1", "-f", "8", "-m", "8", "-w", "1", case.target, str(case.size), check=False
    )


def _icmp(lab: Lab, client: LabNode, case: TooLarge) -> None:
    lab.ping(client, case.target, count=1, size=case.size, dont_fragment=True, timeout=1.0)


def _tcp(lab: Lab, client: LabNode, case: TooLarge) -> None:
    transfer(lab, lab.server, client, case.target, 5300, size="200K")
