"""Members of a load balancer that serve a file, and a client outside at an address of its own that fetches it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from mininet_topos.lab import Lab
from mininet_topos.measure import end_politely
from tests.acceptance.waiting import until

MEMBERS = ("a-2", "c-1")
LENGTH = 200_000
"""Bytes of the file: many packets."""
_FETCH = """
import http.client, sys
client = http.client.HTTPConnection(sys.argv[2], 80, timeout=10, source_address=(sys.argv[1], 0))
client.request("GET", "/file")
print(len(client.getresponse().read()))
"""
_MTU = re.compile(r"\bmtu (\d+)")


@contextmanager
def by_members(lab: Lab) -> Iterator[None]:
    """HTTP at port 80 of both, with one file."""
    with ExitStack() as stack:
        for vm in (lab.vms[name] for name in MEMBERS):
            folder = vm.folder / "served"
            folder.mkdir(exist_ok=True)
            (folder / "file").write_bytes(bytes(LENGTH))
            argv = (sys.executable, "-m", "http.server", "80", "--directory", str(folder))
            stack.callback(end_politely, vm.spawn(*argv, log=vm.folder / "log" / "http.log"))
            until(f"{vm.name} serves", lambda: ":80 " in vm.run("ss", "-Htln").stdout)  # noqa: B023
        yield


@contextmanager
def client(lab: Lab, address: str) -> Iterator[None]:
    """The server outside has one more address."""
    lab.server.script(f"ip address add {address}/32 dev lo\n")
    try:
        yield
    finally:
        lab.server.script(f"ip address delete {address}/32 dev lo\n")
        for name in MEMBERS:
            lab.vms[name].script("ip route flush cache\n")


def fetched(lab: Lab, address: str, vip: str) -> int:
    """Bytes of the file that came to the client. Raises CommandFailed if nothing comes for 10 s."""
    return int(lab.server.run(sys.executable, "-c", _FETCH, address, vip).stdout)


def known_mtus(lab: Lab, address: str) -> dict[str, int]:
    """By member, the MTU of the path to an address as far as its kernel has learned one."""
    routes = {name: lab.vms[name].run("ip", "route", "get", address).stdout for name in MEMBERS}
    return {name: int(found[1]) for name, route in routes.items() if (found := _MTU.search(route))}
