"""The patch ports that join br-int to the bridges of physical networks, made so in an open transaction.

A pair for each network: `ext-NETWORK` on br-int and `int-NETWORK` on the bridge that the chassis maps the network to. That
bridge is the operator's: only our own port is added there and removed. Which networks need one is for the caller to know.

The far end is also the *clock* of br-int. It is a maintenance end point (IEEE 802.1ag) that nobody answers: what matters is
that its messages go out of it, over the patch, into br-int's flow tables, every CLOCK_MS. So flows of br-int can act at
regular times with no controller: a gateway that took over sends frames by it, and physical switches learn where it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

import ovs.db.idl

from ryu_overlay.southbound.ovsdb_patches import PATCH_MARK, PatchEnd
from ryu_overlay.southbound.ovsdb_ports import add_port, correct_monitor, monitor, port_name, set_column
from ryu_overlay.southbound.ovsdb_view import BRIDGE, View

CLOCK_MS = 100
"""Milliseconds between two frames of the clock."""

_NEAR, _FAR = "ext-", "int-"


def settle_patches(
    txn: ovs.db.idl.Transaction, view: View, bridge: Any | None, local_ip: IPv4Address | None, networks: Collection[str]
) -> None:
    """Have patch ports for those of `networks` that are mapped to a bridge, and no others of ours.

    `bridge` is br-int's row, which may be new in `txn`. It and `local_ip` are needed only if there are `networks`.
    """
    wanted = _far_bridges(view, networks)
    kept, removed = _sort_out(view, {network: far.name for network, far in wanted.items()})
    for holder, port in removed:
        holder.delvalue("ports", view.tables["Port"].rows[port])
    if bridge is None or local_ip is None:
        return
    taken = set(view.interfaces) - {view.tables["Port"].rows[port].name for _, port in removed}
    for network, far_bridge in wanted.items():
        near, far = kept.get((network, True)), kept.get((network, False))
        near_name = _name(view, near, _NEAR, network, taken)
        far_name = _name(view, far, _FAR, network, taken)
        _settle_end(txn, view, bridge, near, near_name, network, far_name)
        _settle_end(txn, view, far_bridge, far, far_name, network, near_name, int(local_ip))


def patch_objections(view: View, networks: Collection[str]) -> Iterator[str]:
    """Sentences on what keeps patch ports for `networks` from carrying packets and is not ours to change."""
    if view.bridge is None:
        return
    here = view.bridge.datapath_type or "system"
    for network, far in _far_bridges(view, networks).items():
        there = far.datapath_type or "system"
        if here != there:
            yield f"bridge {far.name} for {network} has datapath type {there} but {BRIDGE} has {here}; no packet passes between"


def _far_bridges(view: View, networks: Collection[str]) -> dict[str, Any]:
    return {network: bridge for network, bridge in view.mapped_bridges().items() if network in networks}


Place = tuple[str, bool]
"""A physical network, and whether on br-int (True) or on the bridge that the network is mapped to."""


def _sort_out(view: View, wanted: dict[str, str]) -> tuple[dict[Place, UUID], list[tuple[Any, UUID]]]:
    """Interfaces of ours that stay, one for each place, and the (Bridge, Port) of those that go."""
    kept: dict[Place, UUID] = {}
    removed: list[tuple[Any, UUID]] = []
    for bridge, port, interface in view.patch_ports():
        network = view.patches[interface].network
        place = network, bridge.name == BRIDGE
        if network in wanted and bridge.name in (BRIDGE, wanted[network]) and place not in kept:
            kept[place] = interface
        else:
            removed.append((bridge, port))
    return kept, removed


def _name(view: View, interface: UUID | None, prefix: str, network: str, taken: set[str]) -> str:
    name = view.patches[interface].interface if interface is not None else port_name(prefix, network, taken)
    taken.add(name)
    return name


def _settle_end(
    txn: ovs.db.idl.Transaction,
    view: View,
    bridge: Any,
    interface: UUID | None,
    name: str,
    network: str,
    peer: str,
    clock: int | None = None,
) -> None:
    """Make one end, or put it right; `clock` is its number as an end point that sends, None for no clock."""
    options = {"peer": peer}
    if interface is None:
        columns = monitor(clock, CLOCK_MS) if clock is not None else {}
        port = add_port(txn, name, type="patch", options=options, external_ids={PATCH_MARK: network}, **columns)
        bridge.addvalue("ports", port.uuid)
        return
    end: PatchEnd = view.patches[interface]
    row = txn.idl.tables["Interface"].rows[interface]
    set_column(row, "type", "patch")
    if end.options != tuple(options.items()):
        row.options = options
    if clock is not None:
        correct_monitor(row, end.monitor, clock, CLOCK_MS)
