"""What a tenant may ask: questions that name its own objects, answered as if there were no others.

Names of other tenants' objects get the very words that names of nothing get. What an answer tells is `scoped`'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from ryu_overlay.model.network import Network
from ryu_overlay.model.problems import Problem, Refused
from ryu_overlay.northbound.http import Parameter, Request
from ryu_overlay.northbound.problems import HttpProblem, missing
from ryu_overlay.northbound.service import Service
from ryu_overlay.oam.scoped import Scope, scope_of
from ryu_overlay.oam.start import OUTSIDE, ROUTER, Traffic, Unsendable, destination, start
from ryu_overlay.oam.world import Unable

TENANT = Parameter(
    "tenant",
    str,
    {"type": "string"},
    "Ask as this tenant: only its objects can be named, and nothing physical and nobody else's is shown.",
)
MAX_PROBED = 65_000
"""Bytes of the largest probe: what tells of it has to fit in an OpenFlow message, else its chassis' connection breaks."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOTHING = Network()
_ANY = IPv4Address("192.0.2.1")
_UNABLE = {"not_bound": "it is not running anywhere", "busy": "too much is being asked at once, try again"}


def scope(service: Service, request: Request) -> Scope | None:
    """The tenant that asks, None for an operator. Raises HttpProblem 404."""
    tenant = request.query.get("tenant")
    if tenant is None:
        return None
    if service.network.get("tenant", (tenant,)) is None:
        raise missing("tenant", tenant)
    return scope_of(service.network, tenant)


def check(network: Network, asking: Scope | None, given: Mapping[str, Any]) -> None:
    """Whether a question about a packet names only what the tenant has. Raises HttpProblem 422 with the field."""
    if asking is None:
        return
    sender, to = given["sender"], given["to"]
    try:
        if not _may_send(network, asking, sender):
            start(_NOTHING, sender, str(_ANY), Traffic())
        if not (_is_address(to) or _may_name(network, asking, to)):
            destination(_NOTHING, to)
    except Unsendable as error:
        raise HttpProblem(422, error.problem) from error
    change = given.get("change") or {}
    problems = [Problem("chassis", "is not a tenant's to choose")] if given.get("chassis") is not None else []
    problems += [Problem("change.external_networks", "is not a tenant's to change")] if change.get("external_networks") else []
    problems += [
        Problem(f"change.tenants[{number}].name", f"there is no tenant {tenant['name']}")
        for number, tenant in enumerate(change.get("tenants", ()))
        if tenant["name"] != asking.tenant
    ]
    if problems:
        raise HttpProblem(422, *problems)


def check_size(given: Mapping[str, Any], mtu: int | None) -> None:
    """Whether a packet of the size that is asked for, if one is, can be sent as a probe. `mtu` is the VMs', None if not known.

    Raises HttpProblem 422.
    """
    size = given.get("size") or 0
    if size > MAX_PROBED:
        raise HttpProblem(422, Problem("size", f"{size} is more than the {MAX_PROBED} bytes that a probe can have"))
    if mtu is not None and size > mtu and not given["sender"].startswith((ROUTER, OUTSIDE)):
        raise HttpProblem(422, Problem("size", f"{size} is more than a VM sends in one packet: the VMs' MTU is {mtu}"))


def refused(network: Network, asking: Scope | None, error: Refused) -> Refused:
    """A refusal as it may be told: a reason that names what is another tenant's says no more than that."""
    if asking is None:
        return error
    others = {name for (name,) in network.tables["tenant"] if name != asking.tenant}
    others |= {name for name in network.port_by_name if name not in asking.ports}
    own = (others.isdisjoint(_WORD.findall(problem.reason)) for problem in error.problems)
    told = (p if may else Problem(p.field, "is another's, or collides with it") for p, may in zip(error.problems, own))
    return Refused(error.status, tuple(told))


def unable(asking: Scope | None, error: Unable) -> Problem:
    """Why a probe cannot be sent, without chassis."""
    told = _UNABLE.get(error.code, "the provider's network cannot send from it now")
    return error.problem if asking is None else Problem(error.problem.field, told)


def _may_send(network: Network, asking: Scope, sender: str) -> bool:
    kind, colon, name = sender.partition(":")
    if colon:
        return kind + colon == ROUTER and name.partition("/")[0] == asking.tenant
    return _may_name(network, asking, sender)


def _may_name(network: Network, asking: Scope, name: str) -> bool:
    """What nobody has may be named: a change may bring it."""
    port = network.find_port(name)
    return port is None or port.tenant == asking.tenant


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True
