"""Objects as REST answers them: their documents with the read-only fields, and the entity tags that guard writes.

An entity tag covers what operators can write (and the UUID), not `binding` and `mtu`, which change by themselves:
a VM that moves must not make somebody's `If-Match` fail. So the tag guards writes only; answers are not to be cached by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ryu_overlay.model.document import to_document
from ryu_overlay.model.kinds import COLLECTIONS, NAMES
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import Object, Port, Ref
from ryu_overlay.northbound.http import etag
from ryu_overlay.northbound.service import BindingStatus, Service

Document = dict[str, Any]


def tag(network: Network, obj: Object) -> str:
    """The object's entity tag."""
    return etag({**to_document(network, obj), "uuid": obj.uuid})


def network_tag(network: Network) -> str:
    """The entity tag of all external networks and tenants together."""
    return etag(
        {o.uuid: to_document(network, o) for kind in ("external_network", "tenant") for o in network.tables[kind].values()}
    )


def full(service: Service, network: Network, obj: Object) -> tuple[Document, str]:
    """The document of `obj` with every read-only field, and of what is in it; and its entity tag."""
    document = to_document(network, obj)
    etag_ = etag({**document, "uuid": obj.uuid})
    _complete(service, network, obj.kind, obj.ref, document)
    return document, etag_


def placed(service: Service, network: Network, port: Port) -> tuple[Document, str]:
    """The document of a port and where it is in the logical network; and its entity tag."""
    document, etag_ = full(service, network, port)
    return {**document, "tenant": port.tenant, "switch": port.switch, "mtu": service.vm_mtu()}, etag_


def several(service: Service, network: Network, objects: Iterable[Object]) -> list[Document]:
    """The documents of objects with every read-only field, in order of their refs."""
    found = []
    for obj in sorted(objects, key=lambda o: o.ref):
        document = to_document(network, obj)
        _complete(service, network, obj.kind, obj.ref, document)
        found.append(document)
    return found


def _complete(service: Service, network: Network, kind: str, ref: Ref, document: Document) -> None:
    """Put the read-only fields into a document and into those inside it."""
    obj = network.tables[kind][ref]
    document["uuid"], document["key"] = obj.uuid, obj.key
    if kind == "port":
        document["binding"] = _binding(service.binding(obj))
    elif kind == "switch":
        document["mtu"] = service.vm_mtu()
    elif kind == "router_port" and obj.external is not None:
        document["vni"], document["zone"] = obj.vni, obj.zone
    for field, member_kind in COLLECTIONS.get(kind, {}).items():
        naming = NAMES[member_kind][-1]
        for member in document[field]:
            _complete(service, network, member_kind, (*ref, member[naming]), member)


def _binding(found: BindingStatus) -> Document | None:
    if found.state == "unbound":
        return None
    return {"chassis": found.chassis, "interface": found.interface}
