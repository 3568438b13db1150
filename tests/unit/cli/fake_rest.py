"""A small controller in memory that speaks REST as docs/rest-and-cli.md has it, as far as the CLI's tests need it.

It assigns nothing but MACs and validates one thing (a subnet given twice); `problem` and `hold` make it answer otherwise.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from click.testing import Result

Json = dict[str, Any]
Run = Callable[..., Result]
"""Runs overlayctl with the words given; `input` is its standard input."""
COLLECTIONS = ("switches", "routers", "load_balancers", "ports", "routes", "snats", "floating_ips", "members")
KINDS = {
    "tenants": "tenant",
    "switches": "switch",
    "routers": "router",
    "routes": "route",
    "snats": "snat",
    "floating_ips": "floating-ip",
    "load_balancers": "load-balancer",
    "members": "member",
}
CHASSIS: Json = {
    "name": "hv1",
    "encap_ip": "172.31.0.1",
    "state": "connected",
    "revision": 3,
    "underlay_mtu": 1500,
    "vm_mtu": 1450,
    "flows": 120,
    "vifs": 2,
    "problems": [],
}


class Problem(Exception):
    def __init__(self, status: int, detail: str, *errors: tuple[str, str]) -> None:
        super().__init__(detail)
        self.document = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail}
        self.document["errors"] = [{"field": field, "reason": reason} for field, reason in errors]
        self.status = status


class FakeRest:
    """The state, and what was asked of it: `asked` holds (method, path, query, body)."""

    def __init__(self) -> None:
        self.tenants: list[Json] = []
        self.external_networks: list[Json] = []
        self.revision = 0
        self.converges = True
        self.asked: list[tuple[str, str, Json, Any]] = []
        self.others: Json = {"chassis": [CHASSIS]} | {
            name: [] for name in ("bindings", "tunnels", "uplinks", "members", "drops", "drift")
        }
        self.problem: Problem | None = None
        self.raw: tuple[str, bytes] | None = None

    def answer(self, method: str, path: str, query: Json, body: Any) -> tuple[int, Json | None]:
        self.asked.append((method, path, query, body))
        if self.problem:
            raise self.problem
        parts = [unquote(part) for part in path.strip("/").split("/")[1:]]
        if method == "GET":
            return 200, self._get(parts, query)
        return self._write(method, parts, query, body)

    def _get(self, parts: list[str], query: Json) -> Json:
        if parts[0] == "network":
            return {"external_networks": self.external_networks, "tenants": self.tenants}
        if parts == ["external-networks"]:
            return {"external_networks": self.external_networks}
        if parts == ["tenants"]:
            return {"tenants": [{"name": t["name"], "description": t.get("description", "")} for t in self.tenants]}
        if parts[0] == "ports":
            return self._port(parts[1])
        if parts[0] == "revision":
            confirmed = self.revision if self.converges else self.revision - 1
            chassis = [{"name": "hv1", "confirmed": confirmed, "connected": self.converges}]
            return {"revision": self.revision, "converged": self.converges, "chassis": chassis}
        if parts[0] in self.others:
            found = [each for each in self.others[parts[0]] if len(parts) == 1 or each["name"] == parts[1]]
            return {parts[0]: found} if len(parts) == 1 else self._only(found, parts[1])
        return self._only(*self._find(parts))

    def _port(self, name: str) -> Json:
        for tenant in self.tenants:
            for switch in tenant.get("switches", []):
                for port in switch.get("ports", []):
                    if name in (port["name"], port.get("uuid")):
                        return {"tenant": tenant["name"], "switch": switch["name"], **port}
        raise Problem(404, f"there is no port {name}", ("name", f"there is no port {name}"))

    def _only(self, found: list[Json], name: str) -> Json:
        if not found:
            raise Problem(404, f"there is no {name}")
        return found[0]

    def _find(self, parts: list[str]) -> tuple[list[Json], str]:
        """The objects at this path (one, or none), and the last name in it."""
        within: Json = {"tenants": self.tenants, "external_networks": self.external_networks}
        found: list[Json] = []
        for collection, name in zip(parts[::2], parts[1::2], strict=True):
            found = [o for o in within.get(collection.replace("-", "_"), []) if o.get("name", o.get("prefix")) == name]
            within = self._only(found, name) if len(parts) > 2 and name != parts[-1] else (found or [{}])[0]
        return found, parts[-1]

    def _write(self, method: str, parts: list[str], query: Json, body: Any) -> tuple[int, Json | None]:
        if parts == ["network"]:
            return 200, self._apply(body, dry=query.get("dry_run") == "true")
        if method == "POST":
            return self._create(parts, body)
        target = self._only(*self._find(parts))
        self.revision += 1
        if method == "PATCH":
            target.update(body)
            return 200, target
        siblings = self._siblings(parts[:-1])
        if any(target.get(c) for c in COLLECTIONS) and query.get("cascade") != "true":
            raise Problem(409, "in use", ("", "its ports stand in the way"))
        siblings.remove(target)
        return 204, None

    def _siblings(self, parts: list[str]) -> list[Json]:
        if len(parts) == 1:
            return self.tenants if parts == ["tenants"] else self.external_networks
        siblings: list[Json] = self._only(*self._find(parts[:-1])).setdefault(parts[-1].replace("-", "_"), [])
        return siblings

    def _create(self, parts: list[str], body: Json) -> tuple[int, Json]:
        siblings = self._siblings(parts)
        for there in siblings:
            if there.get("name", there.get("prefix")) == body.get("name", body.get("prefix")):
                return 200, there
        if parts[-1] == "ports":
            body.setdefault("mac", "02:00:00:00:00:0a")
        siblings.append({**body, "uuid": f"uuid-{len(self.asked)}"})
        self.revision += 1
        return 201, siblings[-1]

    def _apply(self, body: Json, dry: bool) -> Json:
        for i, tenant in enumerate(body["tenants"]):
            for j, switch in enumerate(tenant.get("switches", [])):
                nets = switch.get("subnets", [])
                for k, net in enumerate(nets):
                    if net in nets[:k]:
                        raise Problem(422, "wrong", (f"tenants[{i}].switches[{j}].subnets[{k}]", f"overlaps {net}"))
        before, given = _objects(self.tenants), _objects(body["tenants"])
        named = {t["name"] for t in body["tenants"]}
        gone = [name for name, (tenant, _) in before.items() if tenant in named and name not in given]
        changed = [name for name in given if name in before and before[name] != given[name]]
        if not dry:
            self.tenants = [t for t in self.tenants if t["name"] not in named] + body["tenants"]
            self.external_networks = body.get("external_networks", self.external_networks)
            self.revision += 1
        lists = {"created": [name for name in given if name not in before], "changed": changed, "deleted": gone}
        return {what: [dict(zip(("kind", "name"), n.split(" "), strict=True)) for n in names] for what, names in lists.items()}


def _objects(tenants: list[Json]) -> dict[str, tuple[str, Json]]:
    found: dict[str, tuple[str, Json]] = {}

    def gather(kind: str, prefix: str, tenant: str, each: Json) -> None:
        name = prefix + str(each.get("name", each.get("prefix")))
        own = {k: v for k, v in each.items() if k not in ("uuid", "key", "mtu", "binding", *COLLECTIONS)}
        found[f"{kind} {name}"] = (tenant, own)
        for collection in COLLECTIONS:
            for child in each.get(collection, []):
                ports = "router-port" if kind == "router" else "port"
                gather(KINDS.get(collection, ports), f"{name}/", tenant, child)

    for tenant in tenants:
        gather("tenant", "", tenant["name"], tenant)
    return found


class _Handler(BaseHTTPRequestHandler):
    fake: FakeRest

    def _serve(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, kind = 200, "application/json"
        try:
            status, body = self.fake.answer(self.command, url.path, query, json.loads(raw) if raw else None)
        except Problem as problem:
            status, body, kind = problem.status, problem.document, "application/problem+json"
        payload = b"" if body is None else json.dumps(body).encode()
        if self.fake.raw:
            kind, payload = self.fake.raw
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        if self.command != "GET":
            self.send_header("X-Revision", str(self.fake.revision))
        if "wait" in query:
            self.send_header("X-Converged", str(self.fake.converges).lower())
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the tests look at `asked`."""


def serving(fake: FakeRest) -> AbstractContextManager[str]:
    """Serve it for the length of the block; gives the URL."""
    return listening(type("Handler", (_Handler,), {"fake": fake}))


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server with this handler on a free port of 127.0.0.1, for the length of the block; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
