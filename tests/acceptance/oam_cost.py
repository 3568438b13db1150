"""What the flows for probes cost tenants while nothing is traced: the same traffic with them, and with them taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mininet_topos.lab import Lab
from mininet_topos.loading import connect
from mininet_topos.outside import SERVER_ADDRESS
from mininet_topos.scenarios_out import VIP
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from tests.acceptance.oam_breaking import cookie_of, ofctl
from tests.acceptance.waiting import until

FEATURES = frozenset({Feature.PUNT_SEEN, Feature.PUNT_CAUGHT, Feature.PUNT_CROSSED, Feature.PUNT_GUEST, Feature.PROBE})
"""All that is there for probes. That packets leave by a register, and that routers' ports and tunnels count, stays."""
CONNECTIONS = 2_000
SECONDS = 3
PORT = 5399


@dataclass(frozen=True)
class Cost:
    """Bits a second of one TCP connection across a router and a tunnel, and datapath flows by chassis for many connections."""

    rate: float
    flows: dict[str, int]


@contextmanager
def stripped(lab: Lab) -> Iterator[int]:
    """All bridges without the flows for probes; gives how many were taken away."""
    taken: dict[str, list[str]] = {}
    for name in lab.hypervisors:
        dump = ofctl(lab, name, "dump-flows", "--no-stats").splitlines()
        taken[name] = [line.strip() for line in dump if "actions=" in line and _is_of_probes(line)]
    try:
        for name in lab.hypervisors:
            for cookie in {cookie_of(line) for line in taken[name]}:
                ofctl(lab, name, "del-flows", f"cookie={cookie:#x}/-1")
        yield sum(map(len, taken.values()))
    finally:
        for name, lines in taken.items():
            ofctl(lab, name, "add-flows", "-", stdin="\n".join(lines))


def _is_of_probes(line: str) -> bool:
    why = read_cookie(cookie_of(line))
    return why is not None and why.feature in FEATURES


def cost(lab: Lab) -> Cost:
    """Measured now."""
    return Cost(_rate(lab), _flows(lab))


def _rate(lab: Lab) -> float:
    client, server = lab.vms["red-web-1"], lab.vms["red-db-2"]
    serve = server.spawn("iperf3", "-s", "-1", "-p", str(PORT), log=server.folder / "log" / "iperf3.log")
    try:
        until("iperf3 listening", lambda: f":{PORT}" in server.run("ss", "-Htln").stdout)
        argv = ("iperf3", "-J", "-c", server.ip, "-p", str(PORT), "-t", str(SECONDS))
        done = client.run(*argv, timeout=SECONDS + 20)
    finally:
        serve.terminate()
        serve.wait(10)
    return float(json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"])


def _flows(lab: Lab) -> dict[str, int]:
    for host in lab.hypervisors.values():
        host.appctl("dpctl/flush-conntrack")
        host.appctl("revalidator/purge")
    for node, target in ((lab.vms["red-db-3"], SERVER_ADDRESS), (lab.server, VIP)):
        tries = connect(node, target, 80, CONNECTIONS // 2)
        assert not tries.failed, tries.summary()
    return {name: len(host.appctl("dpctl/dump-flows").splitlines()) for name, host in lab.hypervisors.items()}
