"""Runs a ChassisServer in a process of its own, where eventlet may patch: commands in and events out, one JSON line each.

Commands: ["plan", chassis, {remote: ip}, [network], [fast remote]] (the last two may lack), ["strangers"], ["census"],
["start", port] for a new server in place of the one before.
Peers that are silent or dead are given up after a second or two, so that tests need not wait longer.
"""

from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import gc  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import sys  # noqa: E402
from ipaddress import IPv4Address  # noqa: E402
from typing import Any  # noqa: E402

from eventlet.greenio import GreenPipe  # noqa: E402
from eventlet.support import greenlets  # noqa: E402

from ryu_overlay.fabric.facts import ChassisFacts  # noqa: E402
from ryu_overlay.southbound import ovsdb_link  # noqa: E402
from ryu_overlay.southbound.ovsdb import ChassisPlan, ChassisServer  # noqa: E402

ovsdb_link.FIRST_COPY_S = ovsdb_link.PROBE_S = 1.0


def say(kind: str, value: Any) -> None:
    print(json.dumps([kind, value]), flush=True)


def on_facts(facts: ChassisFacts) -> None:
    say(
        "facts",
        {
            "name": facts.name,
            "encap_ip": str(facts.encap_ip),
            "dpid": facts.dpid,
            "mtu": facts.mtu,
            "bridge_mappings": facts.bridge_mappings,
            "vifs": {iface_id: [vif.interface, vif.ofport] for iface_id, vif in facts.vifs.items()},
            "tunnels": {str(ip): [tunnel.interface, tunnel.ofport] for ip, tunnel in facts.tunnels.items()},
            "patches": {network: [patch.ofport, patch.up] for network, patch in facts.patches.items()},
            "ovs_version": facts.ovs_version,
            "datapath_type": facts.datapath_type,
            "problems": facts.problems,
            "down": sorted(facts.down),
            "off": sorted(facts.off),
            "carrier": facts.carrier,
        },
    )


def on_lost(name: str, *, left: bool) -> None:
    say("lost", {"name": name, "left": left})


def census() -> int:
    """How many greenthreads are alive."""
    gc.collect()
    return sum(1 for found in gc.get_objects() if isinstance(found, greenlets.greenlet) and not found.dead)


def serve(port: int) -> ChassisServer:
    server = ChassisServer(("127.0.0.1", port), 6653, on_facts, on_lost)
    server.start()
    say("start", server.address[1])
    return server


def main() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    server: ChassisServer | None = None
    for line in GreenPipe(sys.stdin.fileno(), "r"):
        verb, *args = json.loads(line)
        if verb == "start":
            if server is not None:
                server.stop()
            server = serve(*args)
        assert server is not None
        if verb == "plan":
            tunnels = {name: IPv4Address(ip) for name, ip in args[1].items()}
            patches, fast = (*args[2:], (), ())[:2]
            server.plan(args[0], ChassisPlan(tunnels, frozenset(patches), frozenset(fast)))
        elif verb == "strangers":
            say("strangers", dict(server.strangers))
        elif verb == "census":
            say("census", census())


main()
