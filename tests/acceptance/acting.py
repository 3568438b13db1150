"""What acceptance tests do over and over: count drops, carry data over TCP, write until the controller is gone."""

from __future__ import annotations

import threading
from typing import Any

from mininet_topos.http import Rest
from mininet_topos.lab import Lab
from mininet_topos.vm import VM
from tests.acceptance.waiting import until


def of(lab: Lab, tenant: str) -> list[VM]:
    return [vm for name, vm in sorted(lab.vms.items()) if name.startswith(f"{tenant}-")]


def drops(lab: Lab, **match: str) -> int:
    """Packets dropped, summed over chassis, of the drops that have these values."""
    found = lab.rest.get("/v1/drops").json["drops"]
    return sum(d["packets"] for d in found if all(d[k] == v for k, v in match.items()))


def tcp(server: VM, client: VM, port: int) -> None:
    """A connection that carries 100 kB there and an answer back."""
    serve = server.spawn("iperf3", "-s", "-1", "-p", str(port), log=server.folder / "iperf3.log")
    try:
        until(f"{server.name} listening", lambda: f":{port}" in server.run("ss", "-Htln").stdout)
        client.run("iperf3", "-c", server.ip, "-p", str(port), "-n", "100K", "--connect-timeout", "3000", timeout=20)
    finally:
        serve.wait(10)


def whole_tenant(name: str) -> dict[str, Any]:
    """A tenant of several objects, to be written in one transaction."""
    switch = {"name": "s", "subnets": ["10.0.0.0/24"], "ports": [{"name": f"{name}-{n}"} for n in range(3)]}
    router = {"name": "r", "ports": [{"name": "s", "addresses": ["10.0.0.1/24"], "switch": "s"}]}
    return {"name": name, "switches": [switch], "routers": [router]}


def is_whole(tenant: dict[str, Any]) -> bool:
    """Whether a stored tenant has everything that `whole_tenant` gave it."""
    switches, routers = tenant["switches"], tenant["routers"]
    return [len(s["ports"]) for s in switches] == [3] and [len(r["ports"]) for r in routers] == [1]


class Writer(threading.Thread):
    """Makes tenants one after the other until the controller is gone; keeps the names of those it tried and was answered for."""

    def __init__(self, rest: Rest) -> None:
        super().__init__()
        self.rest = rest
        self.tried: list[str] = []
        self.answered: list[str] = []

    def run(self) -> None:
        for number in range(100_000):
            name = f"burst-{number}"
            self.tried.append(name)
            try:
                answer = self.rest.post("/v1/tenants", whole_tenant(name))
            except OSError:
                return
            if answer.status == 201:
                self.answered.append(name)
