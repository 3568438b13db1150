"""What traces could leave behind or move, as bridges and the controller have it: all that tenants and operators count by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mininet_topos.lab import Lab
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios_out import BLUE_FLOATING, GREEN_FLOATING, INSIDE_VIP, RED_FLOATING, SWITCH_VIP, VIP
from ryu_overlay.model.objects import KEY_BITS
from ryu_overlay.pipeline.cookies import DROP_BIT
from ryu_overlay.pipeline.tables import TABLES
from tests.acceptance.oam_breaking import ofctl
from tests.acceptance.oam_traces import Question, question

S = SERVER_ADDRESS
OUTSIDE = f"outside:internet/{S}"
EXT_TABLES = {table.number for name, table in TABLES.items() if name.startswith("ext_")}
_OF_THE_WIRE = ("not_here", "standby")
"""Why what is heard from the wire outside is dropped: that goes on by itself."""
_COUNTERS = {TABLES[name].number for name in ("lr_count_in", "lr_count_out", "tun_count_in", "tun_count_out")}
_KEY = (1 << KEY_BITS) - 1
"""The bits of a cookie that say whose a flow is. Of counters, nobody's are those that only pass probes by."""
_FLOW = re.compile(r"cookie=(0x[0-9a-f]+), .*table=(\d+), n_packets=(\d+), n_bytes=(\d+), (.*)$")
_PORT = re.compile(r"port\s+(\S+?):\s+rx pkts=(\d+), bytes=(\d+), drop=(\S+), errs=.*?tx pkts=(\d+), bytes=(\d+)", re.S)

Counts = Mapping[tuple[str, int, str], tuple[int, int]]
"""Packets and bytes by chassis, table, and match with actions."""

KINDS: tuple[Question, ...] = (
    question("red-web-1", "red-web-2", size=None),
    question("red-web-1", "red-db-3", "tcp", 80, size=None),
    question("green-b-2", S),
    question("green-b-2", S, "tcp", 80),
    question("red-db-3", S, "udp", 53),
    question("blue-web-1", S, "tcp", 80),
    question("green-b-1", S),
    question(OUTSIDE, GREEN_FLOATING),
    question(OUTSIDE, RED_FLOATING, "tcp", 80),
    question(OUTSIDE, VIP, "tcp", 80),
    question(OUTSIDE, VIP, "udp", 53),
    question("red-web-2", INSIDE_VIP, "tcp", 80),
    question("red-db-2", SWITCH_VIP, "tcp", 80),
    question("red-web-2", VIP, "tcp", 80),
    question("blue-web-2", RED_FLOATING, "tcp", 80),
    question("green-b-2", VIP, "tcp", 80),
    question("green-a-2", BLUE_FLOATING),
    question("green-a-1", "green-b-2"),
    question("green-a-1", "green-b-2", ttl=2),
    question("red-web-3", "10.0.1.1"),
    question("red-db-1", "10.0.2.1", "udp", 99),
    question("red-web-1", "red-web-3", source="10.0.1.99"),
    question("red-db-3", "10.9.9.8"),
    question(OUTSIDE, "203.0.113.12", "tcp", 99),
)
"""Of everything: delivered, balanced, translated both ways, answered, dropped."""


@dataclass(frozen=True)
class State:
    """One moment. `connections` are conntrack's entries by chassis, `flows` and `groups` what is installed, `told` what the
    controller says was dropped, `counts` the counters of drops, routers' ports and tunnels, `ports` those of the VIFs."""

    connections: dict[str, list[str]]
    flows: dict[str, list[str]]
    groups: dict[str, list[str]]
    told: dict[tuple[str, ...], int]
    counts: Counts
    ports: dict[tuple[str, str], tuple[str, ...]]


def state(lab: Lab) -> State:
    flows: dict[str, list[str]] = {}
    counts: dict[tuple[str, int, str], tuple[int, int]] = {}
    for name in lab.hypervisors:
        flows[name] = _lines(ofctl(lab, name, "dump-flows", "--no-stats"), "actions=")
        counts |= _counted(lab, name)
    groups = {name: _lines(ofctl(lab, name, "dump-groups"), "group_id=") for name in lab.hypervisors}
    return State(connections(lab), flows, groups, _told(lab), counts, ports(lab))


def connections(lab: Lab) -> dict[str, list[str]]:
    """What conntrack knows, by chassis."""
    return {n: sorted(host.appctl("dpctl/dump-conntrack").splitlines()) for n, host in lab.hypervisors.items()}


def ports(lab: Lab) -> dict[tuple[str, str], tuple[str, ...]]:
    """Packets and bytes, in and out, of the VIFs."""
    vifs = {vm.vif for vm in lab.vms.values()}
    found = {}
    for name in lab.hypervisors:
        for port, *numbers in _PORT.findall(ofctl(lab, name, "dump-ports", "--names")):
            if port.strip('"') in vifs:
                found[name, port.strip('"')] = tuple(numbers)
    assert len(found) == len(vifs), found
    return found


def moved(before: Counts, after: Counts) -> dict[tuple[str, int, str], tuple[int, int]]:
    """By how much counters differ, where they do."""
    found = {}
    for key in before.keys() | after.keys():
        (p0, b0), (p1, b1) = before.get(key, (0, 0)), after.get(key, (0, 0))
        if (p0, b0) != (p1, b1):
            found[key] = (p1 - p0, b1 - b0)
    return found


def inside(counts: Mapping[tuple[str, int, str], tuple[int, int]]) -> dict[tuple[str, int, str], tuple[int, int]]:
    """Those that only tenants' packets move: what is heard from the wire outside moves by itself."""
    return {key: value for key, value in counts.items() if key[1] not in EXT_TABLES}


def forget_neighbours(lab: Lab) -> None:
    """So that no kernel asks after a neighbour by itself while counters are compared."""
    for vm in lab.vms.values():
        vm.script("ip neigh flush all\n")


def unacknowledged(lab: Lab) -> list[str]:
    """TCP of VMs that will be sent again by itself: sockets with a queue to send, or in the middle of a handshake."""
    found = []
    for vm in lab.vms.values():
        for line in vm.run("ss", "-Htan", "state", "connected").stdout.splitlines():
            state, _, queued, *_ = line.split()
            if state not in ("ESTAB", "TIME-WAIT", "CLOSE-WAIT", "FIN-WAIT-2") or (state != "TIME-WAIT" and queued != "0"):
                found.append(f"{vm.name}: {line}")
    return found


def forget_connections(lab: Lab) -> None:
    for host in lab.hypervisors.values():
        host.appctl("dpctl/flush-conntrack")


def _lines(text: str, word: str) -> list[str]:
    return sorted(line.strip() for line in text.splitlines() if word in line)


def _counted(lab: Lab, chassis: str) -> dict[tuple[str, int, str], tuple[int, int]]:
    found = {}
    for line in ofctl(lab, chassis, "dump-flows").splitlines():
        met = _FLOW.search(line)
        if met is None:
            continue
        cookie, table = int(met[1], 16), int(met[2])
        is_drop = bool(cookie & DROP_BIT) and met[5].endswith("actions=drop")
        if is_drop or (table in _COUNTERS and cookie & _KEY):
            assert (chassis, table, met[5]) not in found
            found[chassis, table, met[5]] = (int(met[3]), int(met[4]))
    assert found
    return found


def _told(lab: Lab) -> dict[tuple[str, ...], int]:
    found: Counter[tuple[str, ...]] = Counter()
    for drop in lab.rest.get("/v1/drops").json["drops"]:
        if drop["reason"] in _OF_THE_WIRE:
            continue
        found[tuple(str(value) for name, value in sorted(drop.items()) if name not in ("packets", "bytes"))] += drop["packets"]
    return dict(found)
