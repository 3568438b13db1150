"""The logical network's resources: each handler is a plain function of (kind, service, request) that gives the response.

Handlers are the same for all kinds of object; what differs is in `Kind`. Knows the model's edits and the service; does not
know routing, parsing or transports. Handlers raise HttpProblem, Refused and StoreAway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ryu_overlay.model.edit import Mode, delete, put_network, upsert
from ryu_overlay.model.kinds import COLLECTIONS, NAMES, PARAMETERS, ancestors
from ryu_overlay.model.network import Network, changes
from ryu_overlay.model.objects import KINDS, Object, Ref
from ryu_overlay.model.values import parse_prefix
from ryu_overlay.northbound import documents
from ryu_overlay.northbound.http import Request, Response, answer, check_conditions
from ryu_overlay.northbound.problems import missing
from ryu_overlay.northbound.service import Service


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object in REST: the model's name for it, and the path of its collection."""

    name: str
    path: str

    @property
    def param(self) -> str:
        """What the object's own name is called in `item`."""
        return PARAMETERS[self.name]

    @property
    def item(self) -> str:
        """The path of one object."""
        return f"{self.path}/{{{self.param}}}"

    @property
    def collection(self) -> str:
        """What the collection is called in documents."""
        return self.path.rpartition("/")[2].replace("-", "_")

    def parent(self, names: Mapping[str, str]) -> Ref:
        """The ref of what the object stands under, from the names in a path."""
        return tuple(names[param] for param in re.findall(r"{(\w+)}", self.path))

    def ref(self, names: Mapping[str, str], own: str | None = None) -> Ref:
        """The object's ref; `own` is its name if that is not in the path. A prefix that is none stays as it is."""
        own = names[self.param] if own is None else own
        if self.name == "route":
            try:
                own = str(parse_prefix(own))
            except ValueError:
                return (*self.parent(names), own)
        return (*self.parent(names), own)

    def url(self, ref: Ref) -> str:
        """The path of the object at `ref`, escaped."""
        return self.path.format(**dict(zip(re.findall(r"{(\w+)}", self.path), ref))) + "/" + quote(ref[-1], safe="")


TENANT = Kind("tenant", "/v1/tenants")
SWITCH = Kind("switch", "/v1/tenants/{tenant}/switches")
PORT = Kind("port", "/v1/tenants/{tenant}/switches/{switch}/ports")
ROUTER = Kind("router", "/v1/tenants/{tenant}/routers")
ROUTER_PORT = Kind("router_port", "/v1/tenants/{tenant}/routers/{router}/ports")
ROUTE = Kind("route", "/v1/tenants/{tenant}/routers/{router}/routes")
EXTERNAL_NETWORK = Kind("external_network", "/v1/external-networks")
SNAT = Kind("snat", "/v1/tenants/{tenant}/routers/{router}/snats")
FLOATING_IP = Kind("floating_ip", "/v1/tenants/{tenant}/routers/{router}/floating-ips")
LOAD_BALANCER = Kind("load_balancer", "/v1/tenants/{tenant}/load-balancers")
MEMBER = Kind("member", "/v1/tenants/{tenant}/load-balancers/{load_balancer}/members")


def list_tenants(service: Service, request: Request) -> Response:
    """Every tenant, without what is in it."""
    found = sorted(service.network.tables["tenant"].values(), key=lambda t: t.name)
    rows = [{"name": t.name, "description": t.description, "uuid": t.uuid, "key": t.key} for t in found]
    return answer(200, {"tenants": rows})


def list_external_networks(service: Service, request: Request) -> Response:
    """Every external network."""
    return answer(200, {EXTERNAL_NETWORK.collection: _every(service, service.network, EXTERNAL_NETWORK)})


def list_objects(kind: Kind, service: Service, request: Request) -> Response:
    """Every object of a kind under one parent, whole, in order of name."""
    network = service.network
    ref = kind.parent(request.names)
    _require_ancestors(kind, network, (*ref, ""))
    above = {child: parent for parent, fields in COLLECTIONS.items() for child in fields.values()}[kind.name]
    children = [child for child in network.children(network.tables[above][ref]) if child.kind == kind.name]
    return answer(200, {kind.collection: documents.several(service, network, children)})


def show(kind: Kind, service: Service, request: Request) -> Response:
    """One object, whole, with its entity tag."""
    network = service.network
    return _shown(200, *documents.full(service, network, _find(kind, network, kind.ref(request.names))))


def create(kind: Kind, service: Service, request: Request) -> Response:
    """Make an object, or find it as given: 201 or 200, 409 when it differs."""
    # What a POST is about is the collection (RFC 9110 section 13.1.1): it is there, and has no tag that could match.
    check_conditions(request, None, exists=True)
    own = str(request.given[NAMES[kind.name][-1]])
    return _upsert(kind, service, request, kind.ref(request.names, own), "create")


def put(kind: Kind, service: Service, request: Request) -> Response:
    """Make an object exactly as given: 201 when it is new, else 200."""
    return _upsert(kind, service, request, kind.ref(request.names), "put")


def patch(kind: Kind, service: Service, request: Request) -> Response:
    """Change the fields given."""
    return _upsert(kind, service, request, kind.ref(request.names), "patch")


def remove(kind: Kind, service: Service, request: Request) -> Response:
    """Delete an object; 409 with what stands in the way, unless told to cascade."""
    ref = kind.ref(request.names)

    def edit(base: Network) -> Network:
        _guard(request, base, _find(kind, base, ref))
        return delete(base, kind.name, ref, request.query.get("cascade", False))

    network = service.write(edit)
    return Response(204, headers=_settled(service, request, network))


def show_port(service: Service, request: Request) -> Response:
    """One logical port, by name or UUID, wherever it is."""
    network = service.network
    name = request.names["port"]
    port = network.find_port(name)
    if port is None:
        raise missing("port", name)
    return _shown(200, *documents.placed(service, network, port))


def show_documents(service: Service, request: Request) -> Response:
    """Every external network's and tenant's document."""
    network = service.network
    document = {kind.collection: _every(service, network, kind) for kind in (EXTERNAL_NETWORK, TENANT)}
    return _shown(200, document, documents.network_tag(network))


def put_documents(service: Service, request: Request) -> Response:
    """Make each external network and tenant named exactly as given, in one transaction, and tell what that changed."""
    steps: list[tuple[Network, Network]] = []

    def edit(base: Network) -> Network:
        if request.if_match is not None or request.if_none_match is not None:
            check_conditions(request, documents.network_tag(base), exists=True)
        after = put_network(base, request.given["tenants"], request.given.get("external_networks", ())).network
        steps.append((base, after))
        return after

    if request.query.get("dry_run", False):
        edit(service.network)
        return answer(200, changed(*steps[-1]))
    network = service.write(edit)
    return answer(200, changed(*steps[-1]), _settled(service, request, network))


def _upsert(kind: Kind, service: Service, request: Request, ref: Ref, mode: Mode) -> Response:
    created = False

    def edit(base: Network) -> Network:
        nonlocal created
        present = base.get(kind.name, ref)
        if mode == "put" or (mode == "patch" and present is not None):
            _guard(request, base, present)
        outcome = upsert(base, kind.name, ref, request.given, mode)
        created = outcome.created
        return outcome.network

    network = service.write(edit)
    headers = _settled(service, request, network)
    if created:
        headers["Location"] = kind.url(ref)
    return _shown(201 if created else 200, *documents.full(service, network, network.tables[kind.name][ref]), headers)


def _every(service: Service, network: Network, kind: Kind) -> list[documents.Document]:
    return documents.several(service, network, network.tables[kind.name].values())


def _shown(status: int, document: Any, etag: str, headers: Mapping[str, str] | None = None) -> Response:
    return answer(status, document, {**(headers or {}), "ETag": etag})


def _settled(service: Service, request: Request, network: Network) -> dict[str, str]:
    """The headers of a write's answer, after the wait that was asked for."""
    headers = {"X-Revision": str(network.revision)}
    if "wait" in request.query:
        headers["X-Converged"] = "true" if service.wait(network.revision, request.query["wait"]) else "false"
    return headers


def _require_ancestors(kind: Kind, network: Network, ref: Ref) -> None:
    for above, parent in ancestors(kind.name, ref):
        if network.get(above, parent) is None:
            raise missing(PARAMETERS[above], parent[-1])


def _find(kind: Kind, network: Network, ref: Ref) -> Object:
    _require_ancestors(kind, network, ref)
    found: Object | None = network.get(kind.name, ref)
    if found is None:
        raise missing(kind.param, ref[-1])
    return found


def _guard(request: Request, network: Network, present: Object | None) -> None:
    if request.if_match is not None or request.if_none_match is not None:
        check_conditions(request, documents.tag(network, present) if present else None, present is not None)


def changed(before: Network, after: Network) -> dict[str, Any]:
    """What differs between two networks, by name."""
    puts, deletes = changes(before, after)
    return {
        "created": _named(o for o in puts if before.get(o.kind, o.ref) is None),
        "changed": _named(o for o in puts if before.get(o.kind, o.ref) is not None),
        "deleted": _named(deletes),
    }


def _named(objects: Iterable[Object]) -> list[dict[str, str]]:
    ordered = sorted(objects, key=lambda o: (KINDS.index(type(o)), o.ref))
    return [{"kind": o.kind.replace("_", "-"), "name": "/".join(o.ref)} for o in ordered]
