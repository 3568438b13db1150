"""The catalogue of faults: how each is made at a place that chance picks, and the one verdict that has to come of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from mininet_topos.lab import Lab
from ryu_overlay.pipeline.cookies import is_ours
from ryu_overlay.pipeline.tables import TABLES
from tests.acceptance import monitoring_breaking as wires
from tests.acceptance import monitoring_breaking_hosts as hosts
from tests.acceptance import oam_breaking as breaking
from tests.acceptance.monitoring_lab import HYPERVISORS, connecting, monitored
from tests.acceptance.outdoors import active

Breaks = Callable[[Lab], AbstractContextManager[object]]
PHYSICAL = ("underlay", "tunnel")
PORTS = {
    port["name"]: (tenant["name"], switch["name"], port["mac"])
    for tenant in monitored().tenants
    for switch in tenant["switches"]
    for port in switch["ports"]
}
WHERE = dict(monitored().placement)
AT_HOME = {"red-web-3", "blue-web-1", "green-b-1"}
"""Ports whose floating IP is translated on their own hypervisor: they leave by no gateway."""


@dataclass(frozen=True)
class Case:
    """A fault of a kind at a place. `layers`, `kinds` and `elements` are those that are right; the element's text has to be
    one of them, or begin with one that ends in a blank. `ports`: what it has to hit, exactly, if that is known. `aim` is the
    time to the verdict in seconds, `within` how long is waited for it."""

    kind: str
    place: str
    breaks: Breaks
    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    elements: tuple[str, ...]
    aim: float | None = None
    within: float = 15.0
    ports: Callable[[Lab], list[set[str]]] | None = None


Kind = Callable[[Random], Case]


def on(chassis: str) -> set[str]:
    """The ports there."""
    return {port for port, host in WHERE.items() if host == chassis}


def _link(chassis: str) -> Callable[[Lab], list[set[str]]]:
    """A link that is down hits what is on the chassis, and what leaves by it for as long as it is the gateway."""

    def ports(lab: Lab) -> list[set[str]]:
        carried = {tenant for tenant in ("red", "blue", "green") if active(lab, tenant) == chassis}
        behind = {port for port, (tenant, _, _) in PORTS.items() if tenant in carried} - AT_HOME
        return [on(chassis), on(chassis) | behind]

    return ports


def _one(random: Random) -> str:
    return random.choice(HYPERVISORS)


def _two(random: Random) -> tuple[str, str]:
    a, b = random.sample(HYPERVISORS, 2)
    return a, b


def _wire(name: str, kind: str, element: str, breaks: Callable[[Lab, str], AbstractContextManager[object]], **rest: Any) -> Kind:
    def case(random: Random) -> Case:
        hv = _one(random)
        return Case(name, hv, lambda lab: breaks(lab, hv), PHYSICAL, tuple(kind.split("|")), (f"{element} {hv}",), **rest)

    return case


def _cut(name: str, breaks: Callable[[Lab, str], AbstractContextManager[object]]) -> Kind:
    def case(random: Random) -> Case:
        hv = _one(random)
        return Case(name, hv, lambda lab: breaks(lab, hv), PHYSICAL, ("down",), (f"link {hv}",), 1.0, ports=_link(hv))

    return case


def _pair(random: Random) -> Case:
    a, b = _two(random)
    return Case(
        "one pair, one direction", f"{a}>{b}", lambda lab: breaking.deaf(lab, b, a), PHYSICAL, ("down",), (f"path {a}>{b}",), 1.0
    )


def _pair_loss(random: Random) -> Case:
    a, b = _two(random)
    breaks: Breaks = lambda lab: wires.random_loss(lab, b, 0.05, a)  # noqa: E731
    return Case("one pair loses 5 %", f"{a}>{b}", breaks, PHYSICAL, ("lossy",), (f"path {a}>{b}",), 10.0, 25.0)


def _one_in_a_thousand(random: Random) -> Case:
    hv = _one(random)

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        with ExitStack() as stack:
            for other in HYPERVISORS:
                if other != hv:
                    stack.enter_context(hosts.flooding(lab.vms[f"red-db-{other[2]}"], f"10.0.2.1{hv[2]}", 8, 150))
            stack.enter_context(wires.random_loss(lab, hv, 0.001))
            yield

    return Case("0.1 % random loss", hv, breaks, PHYSICAL, ("lossy",), (f"link-in {hv}",), None, 120.0)


def _congested(random: Random) -> Case:
    hv = _one(random)
    sender = random.choice([h for h in HYPERVISORS if h != hv])

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        with wires.congested(lab, hv, 2), hosts.flooding(lab.vms[f"red-db-{sender[2]}"], f"10.0.2.1{hv[2]}", 4, 60):
            yield

    return Case("congestion", hv, breaks, PHYSICAL, ("congested", "lossy", "slow"), (f"link-in {hv}",), None, 25.0)


def _vni_lost(random: Random) -> Case:
    hv, switch = _one(random), random.choice(("red/web", "red/db"))

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        tenant, name = switch.split("/")
        vni = int(lab.rest.get(f"/v1/tenants/{tenant}/switches/{name}").json["vni"])
        with breaking.vni_lost(lab, hv, vni):
            yield

    return Case(
        "one VNI lost in the fabric", f"{switch} to {hv}", breaks, PHYSICAL, ("vni_lost",), (f"vni {switch} *>{hv}",), None, 20.0
    )


def _partition(random: Random) -> Case:
    side = {"hv1", random.choice(HYPERVISORS[1:])}
    other = set(HYPERVISORS) - side
    text = "split " + "|".join(sorted((",".join(sorted(side)), ",".join(sorted(other)))))
    return Case("partition", text, lambda lab: wires.partition(lab, side, other), PHYSICAL, ("down",), (text,), 1.0)


def _flap(random: Random) -> Case:
    hv = _one(random)
    return Case("flapping link", hv, lambda lab: wires.flapping(lab, hv, 3.0, 3), PHYSICAL, ("down",), (f"link {hv}",), 1.0, 12.0)


def _wrong_vtep(random: Random) -> Case:
    a, b = _two(random)
    other = random.choice([h for h in HYPERVISORS if h not in (a, b)])
    elements = (f"tunnel {a}>{b}", f"tunnel {a}>{other}")
    return Case(
        "wrong VTEP", f"{a}>{b}", lambda lab: breaking.rewired(lab, a, b, other), ("host", *PHYSICAL), ("wrong_vtep",), elements
    )


def _host(
    name: str, kind: str, element: str, breaks: Callable[[Lab, str], AbstractContextManager[object]], aim: float | None, hit: bool
) -> Kind:
    def case(random: Random) -> Case:
        hv = _one(random)
        ports = _link(hv) if hit else None
        return Case(
            name, hv, lambda lab: breaks(lab, hv), ("host",), tuple(kind.split("|")), (f"{element} {hv}",), aim, 15.0, ports
        )

    return case


def _diverged(random: Random) -> Case:
    a, b = _two(random)
    mac = PORTS[f"red-web-{b[2]}"][2]

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        source = PORTS[f"red-web-{a[2]}"][2]
        with hosts.diverged(lab, a, f"src={source}", f"dst={mac}") as none:
            yield none

    return Case("datapath diverged", f"{a}>{b}", breaks, ("host",), ("datapath_diverged",), (f"datapath {a}",), None, 25.0)


def _vnic(random: Random) -> Case:
    port = random.choice(sorted(PORTS))
    hv = WHERE[port]
    element = (f"vnic {hv} {port}",)
    return Case(
        "vNIC down on the host",
        port,
        lambda lab: hosts.vnic_down(lab, port),
        ("host",),
        ("vnic_down",),
        element,
        1.0,
        ports=lambda _: [{port}],
    )


def _external(random: Random) -> Case:
    hv = random.choice(("hv1", "hv2", "hv3"))

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        host = lab.hypervisors[hv]
        lab.world.outside.cut(host)
        try:
            yield
        finally:
            lab.world.outside.mend(host)

    return Case("external link down", hv, breaks, PHYSICAL, ("external_down",), (f"external-link {hv} physnet1",), 1.0)


def _flow_of(lab: Lab, hv: str, table: str, port: str) -> str:
    """The flow of a table that is about a port's MAC and is not a drop."""
    mac, field = PORTS[port][2], "dl_src" if table == "phy_in_port" else "dl_dst"
    dump = breaking.ofctl(lab, hv, "dump-flows", "--no-stats", f"table={TABLES[table].number}")
    lines = [line.strip() for line in dump.splitlines() if "actions=" in line and is_ours(breaking.cookie_of(line))]
    found = [x for x in lines if f"{field}={mac}" in x and "actions=drop" not in x and "CONTROLLER" not in x]
    assert found, (hv, table, port)
    return found[0]


def _port_flow(name: str, kind: str, how: Callable[[Lab, str, str], AbstractContextManager[None]]) -> Kind:
    def case(random: Random) -> Case:
        table = random.choice(("ls_in_lookup", "phy_in_port"))
        port = random.choice([p for p in sorted(PORTS) if p.startswith(("red", "blue"))])
        hv = WHERE[port] if table == "phy_in_port" else _one(random)
        tenant, switch, _ = PORTS[port]

        @contextmanager
        def breaks(lab: Lab) -> Iterator[None]:
            with how(lab, hv, _flow_of(lab, hv, table, port)):
                yield

        element = (f"flow {hv} {table} port {tenant}/{switch}/{port}",)
        return Case(name, f"{hv} {table} {port}", breaks, ("virtual",), (kind,), element, 5.0)

    return case


def _shadowing(lab: Lab, hv: str, line: str) -> AbstractContextManager[None]:
    match = breaking.match_of(line).replace("priority=", "was=")
    fields = [part.strip() for part in match.split(",") if "was=" not in part]
    return breaking.foreign(lab, hv, f"{','.join([*fields, 'priority=60000'])} actions=drop")


def _dropping(lab: Lab, hv: str, line: str) -> AbstractContextManager[None]:
    return breaking.altered(lab, hv, line, r"^.*$", "drop")


def _wrong_vni(random: Random) -> Case:
    hv = _one(random)
    target = random.choice([p for p in sorted(PORTS) if p.startswith("red-web") and WHERE[p] != hv])

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        vni = int(lab.rest.get("/v1/tenants/red/switches/web").json["vni"])
        with hosts.wrong_vni(lab, hv, vni, vni + 1, target):
            yield

    return Case(
        "wrong VNI",
        f"{hv} to {target}",
        breaks,
        ("virtual",),
        ("flow_altered",),
        (f"flow {hv} ls_out_port port red/web/{target}",),
        5.0,
    )


def _route(random: Random) -> Case:
    hv, net = _one(random), random.choice((1, 2))
    name = ("web", "db")[net - 1]

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        dump = breaking.ofctl(lab, hv, "dump-flows", "--no-stats", f"table={TABLES['lr_in_route'].number}")
        lines = [line.strip() for line in dump.splitlines() if f"nw_dst=10.0.{net}.0/24" in line]
        with breaking.deleted(lab, hv, lines[0]):
            yield

    elements = tuple(f"flow {hv} lr_in_route router-port {tenant}/r1/{name}" for tenant in ("red", "blue"))
    return Case("one-way route", f"{hv} 10.0.{net}.0/24", breaks, ("virtual",), ("flow_missing",), elements, 5.0)


def _emptied(random: Random) -> Case:
    hv = _one(random)
    return Case(
        "all flows deleted", hv, lambda lab: breaking.emptied(lab, hv), ("virtual",), ("flow_missing",), (f"program {hv}",), 5.0
    )


def _group(random: Random) -> Case:
    hv = _one(random)

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        dump = breaking.ofctl(lab, hv, "dump-groups").splitlines()
        numbers = [int(found[1]) for line in dump if (found := re.search(r"group_id=(\d+),type=ff", line))]
        with breaking.group_drops(lab, hv, random.choice([n for n in numbers if n >> 24 == 1])):
            yield

    elements = (f"group {hv} router-port ",)
    return Case("group altered", hv, breaks, ("virtual",), ("group_altered",), elements, 5.0)


def _pool(random: Random) -> Case:
    tenant = random.choice(("red", "blue"))
    client = f"{tenant}-db-{random.choice((1, 2))}"

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        path = f"tenants/{tenant}/routers/r1/snats/all"
        with ExitStack() as stack:
            stack.enter_context(breaking.changed(lab, path, {"ports": "20000-20003"}))
            stack.enter_context(connecting(lab.vms[client]))
            yield

    return Case("NAT pool exhausted", tenant, breaks, ("virtual",), ("nat_exhausted",), (f"snat {tenant}/r1/all",), 5.0, 20.0)


def _conntrack(random: Random) -> Case:
    tenant = random.choice(("red", "blue"))
    hv = {"red": "hv1", "blue": "hv2"}[tenant]
    client = f"{tenant}-db-{random.choice((1, 2))}"

    @contextmanager
    def breaks(lab: Lab) -> Iterator[None]:
        with hosts.conntrack_full(lab, hv), connecting(lab.vms[client]):
            yield

    return Case("conntrack full", hv, breaks, ("host",), ("conntrack_full",), (f"conntrack {hv}",), 5.0, 20.0)


CATALOGUE: tuple[Kind, ...] = (
    _cut("uplink down on the host", wires.uplink_down),
    _cut("uplink down at the switch", lambda lab, hv: breaking.cut(lab, hv)),
    _wire("receives nothing", "down", "link-in", wires.deafened, aim=1.0),
    _wire("sends nothing", "down", "link-out", wires.mute, aim=1.0),
    _pair,
    _one_in_a_thousand,
    _wire("1 % random loss", "lossy", "link-in", lambda lab, hv: wires.random_loss(lab, hv, 0.01), aim=10.0, within=30.0),
    _wire("10 % random loss", "lossy", "link-in", lambda lab, hv: wires.random_loss(lab, hv, 0.1), aim=10.0, within=20.0),
    _wire("3 % random loss both ways", "lossy", "link", lambda lab, hv: wires.link_loss(lab, hv, 0.03), aim=10.0, within=30.0),
    _pair_loss,
    _wire("MTU hole", "mtu_hole", "link-in", lambda lab, hv: breaking.mtu_hole(lab, hv, 1200)),
    _congested,
    _wire("30 ms delay", "slow", "link-in", lambda lab, hv: wires.delayed(lab, hv, 30), within=25.0),
    _wire("jitter of 10 to 70 ms", "slow", "link-in", lambda lab, hv: wires.delayed(lab, hv, 40, 30), within=25.0),
    _wire("5 % corrupted", "corrupting", "link-in", lambda lab, hv: wires.corrupted(lab, hv, 0.05), within=40.0),
    _vni_lost,
    _partition,
    _flap,
    _wrong_vtep,
    _external,
    _host("vswitchd hung", "vswitch_hung", "vswitch", lambda lab, hv: breaking.hung(lab, hv), 1.0, True),
    _host("vswitchd killed", "vswitch_down", "vswitch", hosts.killed, 1.0, True),
    _host("controller channel cut", "channel_down", "channel", hosts.channel_cut, 1.0, False),
    _host("control interface down", "channel_down", "channel", hosts.channel_down, 1.0, False),
    _host("vswitchd starved", "starved", "vswitch", lambda lab, hv: hosts.starved(lab, hv, 1), None, False),
    _diverged,
    _vnic,
    _conntrack,
    _port_flow("flow missing", "flow_missing", breaking.deleted),
    _port_flow("flow shadowed", "flow_foreign", _shadowing),
    _port_flow("flow altered", "flow_altered", _dropping),
    _wrong_vni,
    _route,
    _emptied,
    _group,
    _pool,
)
