"""Interfaces for logical ports that no VM stands behind, by the hundred.

Each is a patch port of br-int with an iface-id, its other end on a bridge that drops everything: an OpenFlow port like
any other to a controller, at no cost to the datapath. (A tap each, `type=internal`, is polled by userspace for every
packet: 334 of them make a ping between two VMs of that chassis four times slower, which is not what is to be measured.)
"""

from __future__ import annotations

from functools import partial

from mininet_topos.lab import Lab, in_parallel
from tests.bench.networks import Place

_SINK = "br-stub"
_AT_ONCE = 200


def make_stubs(lab: Lab, places: list[Place]) -> None:
    """Make an interface for each place, in transactions of 200. Raises CommandFailed when one of them exists."""
    in_parallel(partial(_make, lab, chassis, places) for chassis in sorted({place.chassis for place in places}))


def _make(lab: Lab, chassis: int, places: list[Place]) -> None:
    host = lab.hypervisors[f"hv{chassis}"]
    sink = ["--may-exist", "add-br", _SINK, "--", "set", "Bridge", _SINK, "datapath_type=netdev", "fail_mode=secure"]
    host.vsctl("--", *sink)
    here = [place.port for place in places if place.chassis == chassis]
    for start in range(0, len(here), _AT_ONCE):
        words: list[str] = []
        for port in here[start : start + _AT_ONCE]:
            words += ["--", *_pair(port)]
        host.vsctl(*words, timeout=60)


def _pair(port: str) -> list[str]:
    vif, peer = f"s-{port}", f"p-{port}"
    return [
        "add-port", "br-int", vif, "--", "set", "Interface", vif, "type=patch", f"options:peer={peer}",
        f"external_ids:iface-id={port}",
        "--", "add-port", _SINK, peer, "--", "set", "Interface", peer, "type=patch", f"options:peer={vif}",
    ]  # fmt: skip
