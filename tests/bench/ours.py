"""Our controller in a lab of three chassis, told everything by REST."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from mininet_topos.http import Response
from mininet_topos.lab import Lab
from mininet_topos.processes import ProcessId, command_line, processes_in, wait_until
from tests.bench.networks import CHASSIS, Document
from tests.bench.results import OURS

_WAIT = 60
LIFTED = dict.fromkeys(("punt-rate", "punt-rate-port", "answer-rate"), 1_000_000)
"""Packets a second that routers answer: more than any figure offers, so that it is not our own limit that is measured."""
_PROGRAMS = ("ryu-manager", "ovsdb-server")


class Refused(Exception):
    """REST did not answer 2xx, or not every chassis confirmed in time. The text holds the answer."""


class OurSide:
    """See `sides.Controlled`, which it implements."""

    title = OURS

    def __init__(self, name: str) -> None:
        """`name` is the lab's. Nothing is built before the `with` block."""
        self.lab = Lab(name, hypervisors=CHASSIS, controller_options=LIFTED, external=True)
        self._made: list[str] = []
        self._externals: list[str] = []

    def __enter__(self) -> OurSide:
        self.lab.open()
        try:
            wait_until(self._all_joined, _WAIT, "every chassis connected")
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.lab.close()

    def put(self, documents: list[Document], externals: tuple[Document, ...] = ()) -> None:
        self._made += [document["name"] for document in documents]
        self._externals += [network["name"] for network in externals]
        body = {"external_networks": list(externals), "tenants": documents}
        _confirmed(self.lab.rest.put(f"/v1/network?wait={_WAIT}", body))

    def clear(self) -> None:
        # What is in them in one write, as the other side does; tenants that are empty cost nothing any more.
        names, externals = self._made, self._externals
        self._made, self._externals = [], []
        if not names:
            return
        empty = [{"name": name, "switches": [], "routers": [], "load_balancers": []} for name in names]
        _confirmed(self.lab.rest.put(f"/v1/network?wait={_WAIT}", {"tenants": empty}))
        for path in (*(f"tenants/{name}" for name in names), *(f"external-networks/{name}" for name in externals)):
            _confirmed(self.lab.rest.delete(f"/v1/{path}"))

    def add_port(self, tenant: str, switch: str, port: Document) -> None:
        _confirmed(self.lab.rest.post(f"/v1/tenants/{tenant}/switches/{switch}/ports?wait={_WAIT}", port))

    def remove_port(self, tenant: str, switch: str, port: str) -> None:
        _confirmed(self.lab.rest.delete(f"/v1/tenants/{tenant}/switches/{switch}/ports/{port}?wait={_WAIT}"))

    def add_floating(self, tenant: str, router: str, floating: Document) -> None:
        _confirmed(self.lab.rest.post(f"/v1/tenants/{tenant}/routers/{router}/floating-ips?wait={_WAIT}", floating))

    def remove_floating(self, tenant: str, router: str, floating: Document) -> None:
        path = f"/v1/tenants/{tenant}/routers/{router}/floating-ips/{floating['name']}?wait={_WAIT}"
        _confirmed(self.lab.rest.delete(path))

    def leave_alone(self) -> None:
        self.lab.controller.stop()

    def come_back(self) -> None:
        self.lab.controller.start()
        self.lab.controller.wait()
        wait_until(self._all_joined, _WAIT, "every chassis connected")
        answer = self.lab.rest.get(f"/v1/revision?wait={_WAIT}")
        if not answer.json["converged"]:
            raise Refused(answer.text[:500])

    def notice(self, interfaces: int) -> None:
        wait_until(lambda: sum(each["vifs"] for each in self._chassis()) >= interfaces, _WAIT, f"{interfaces} interfaces noticed")

    def processes(self) -> list[ProcessId]:
        stat = Path(f"/proc/{self.lab.controller.pid}/ns/net").stat()
        found = processes_in([(stat.st_dev, stat.st_ino)])
        return [process for process in found if any(name in " ".join(command_line(process.pid)) for name in _PROGRAMS)]

    def _all_joined(self) -> bool:
        chassis = self._chassis()
        return len(chassis) == CHASSIS and all(each["state"] == "connected" for each in chassis)

    def _chassis(self) -> list[Document]:
        found: list[Document] = self.lab.rest.get("/v1/chassis").json["chassis"]
        return found


def _confirmed(answer: Response) -> None:
    if not 200 <= answer.status < 300 or answer.headers.get("x-converged") == "false":
        raise Refused(f"{answer.status} {dict(answer.headers)} {answer.text[:500]}")
