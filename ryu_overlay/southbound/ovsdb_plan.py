"""What a chassis' database should hold, and the writes that make it so.

Writes go through an open python-ovs transaction and touch only what differs, so that nothing is sent for a chassis
that is as it should be. Ours are br-int, the controller on it, the VXLAN ports marked `overlay-tunnel` and the patch ports
marked `overlay-patch`; any other port, controller or bridge is left alone. When to write, and what to do when it fails, is
for the caller to know.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

import ovs.db.idl

from ryu_overlay.southbound.ovsdb_patch_plan import patch_objections, settle_patches
from ryu_overlay.southbound.ovsdb_ports import add_port, correct_monitor, monitor, port_name, set_column
from ryu_overlay.southbound.ovsdb_settings import DATAPATH_TYPE, datapath_type
from ryu_overlay.southbound.ovsdb_view import BRIDGE, TUNNEL_MARK, Tunnel, View

CONTROLLER_MARK = "overlay-controller"
"""Key in a Controller's external_ids: it is ours."""

MAX_BACKOFF_MS = 1000
"""How long a chassis may wait between attempts to reach a controller that went away (the least that OVS accepts)."""
INACTIVITY_PROBE_MS = 5000
"""After this much silence on OpenFlow the switch asks for a sign of life; after as much again it dials anew."""

CHECK_MS = 1000
"""Milliseconds between the messages of a tunnel's continuity check (IEEE 802.1ag). It says whether each end hears the other,
and keeps the underlay's ARP entry fresh: without one, Open vSwitch drops a tenant's first packets while it asks. It is not
BFD because BFD makes datapath flows depend on UDP ports."""
FAST_MS = 60
"""The same where a gateway is chosen by whether its tunnel is up. A check fails after 3.5 to 7 intervals of silence."""

_PROTOCOL = "OpenFlow13"
_PROTOCOLS = ["OpenFlow10", "OpenFlow13", "OpenFlow14", "OpenFlow15"]


@dataclass(frozen=True)
class ChassisPlan:
    """What ports br-int must have, exactly.

    `tunnels`: VXLAN ports, remote chassis name to its encapsulation address. `fast`: the remote chassis whose tunnels are
    checked every `fast_ms` (10 to 1000) instead of CHECK_MS; the other end has to be told the same. `patches`: the physical
    networks whose bridge br-int needs a patch port to, where the chassis maps them to a bridge.
    """

    tunnels: Mapping[str, IPv4Address] = field(default_factory=dict)
    patches: frozenset[str] = frozenset()
    fast: frozenset[str] = frozenset()
    fast_ms: int = FAST_MS

    def check_ms(self, remote: str) -> int:
        """Milliseconds between the messages of the continuity check towards `remote`."""
        return self.fast_ms if remote in self.fast else CHECK_MS


@dataclass(frozen=True)
class Wanted:
    """A joined chassis as it should be. While there is no plan (None) tunnels and patch ports stay as they are."""

    encap_ip: IPv4Address
    controller: str
    manager: str
    plan: ChassisPlan | None


def join(txn: ovs.db.idl.Transaction, view: View, wanted: Wanted) -> None:
    """Write what `wanted` lacks."""
    bridge = view.bridge if view.bridge is not None else _make_bridge(txn, view)
    _settle_bridge(bridge)
    _settle_controller(txn, bridge, wanted.controller)
    for manager in _managers(view, wanted.manager):
        set_column(manager, "max_backoff", [MAX_BACKOFF_MS])
    if wanted.plan is not None:
        _settle_tunnels(txn, view, bridge, wanted.encap_ip, wanted.plan)
        settle_patches(txn, view, bridge, wanted.encap_ip, wanted.plan.patches)


def leave(txn: ovs.db.idl.Transaction, view: View) -> None:
    """Take our tunnels, patch ports and controller away. br-int stays: VIFs are plugged into it."""
    settle_patches(txn, view, view.bridge, None, frozenset())
    if view.bridge is None:
        return
    for interface in view.tunnels:
        view.bridge.delvalue("ports", view.port_of(interface))
    _settle_controller(txn, view.bridge, None)


def objections(view: View, wanted: Wanted) -> list[str]:
    """Sentences on what stands in the plan's way and is not ours to change."""
    found: list[str] = []
    if view.bridge is not None and view.root is not None:
        given = view.root.external_ids.get(DATAPATH_TYPE)
        actual = view.bridge.datapath_type
        if given is not None and given != actual:
            found.append(f"{DATAPATH_TYPE} is {given!r} but {BRIDGE} has {actual!r}; an existing bridge is not changed")
        for row in view.bridge.controller:
            if CONTROLLER_MARK not in row.external_ids and row.target != wanted.controller:
                found.append(f"{BRIDGE} has another controller, {row.target}")
    if wanted.plan is not None:
        remotes = {str(address) for address in wanted.plan.tunnels.values()}
        found += [
            f"interface {name} is a VXLAN port to {remote} that is not the overlay's and may take its packets"
            for name, remote in view.foreign_vxlan(remotes)
        ]
        found += patch_objections(view, wanted.plan.patches)
    return found


def tunnel_name(remote: str, taken: Collection[str]) -> str:
    """A name for the port to `remote` that is not `taken`: `vx-REMOTE`, or `vx-` and a hash (see `port_name`)."""
    return port_name("vx-", remote, taken)


def _make_bridge(txn: ovs.db.idl.Transaction, view: View) -> Any:
    assert view.root is not None
    others = [row.datapath_type for row in view.root.bridges]
    bridge = txn.insert(txn.idl.tables["Bridge"])
    bridge.name = BRIDGE
    bridge.datapath_type = datapath_type(view.root.external_ids, others)
    bridge.ports = [add_port(txn, BRIDGE, type="internal")]
    bridge.fail_mode = []
    bridge.protocols = []
    bridge.other_config = {}
    bridge.controller = []
    view.root.addvalue("bridges", bridge.uuid)
    return bridge


def _settle_bridge(bridge: Any) -> None:
    set_column(bridge, "fail_mode", ["secure"])
    if _PROTOCOL not in bridge.protocols:
        set_column(bridge, "protocols", sorted([*bridge.protocols, _PROTOCOL]) if bridge.protocols else _PROTOCOLS)
    set_column(bridge, "other_config", {**bridge.other_config, "disable-in-band": "true"})


def _settle_controller(txn: ovs.db.idl.Transaction, bridge: Any, target: str | None) -> None:
    """Make `target` (None for none) the only controller of ours, adopting a row that an operator made for it."""
    ours = [row for row in bridge.controller if CONTROLLER_MARK in row.external_ids]
    matching = [row for row in bridge.controller if row.target == target]
    kept = matching[0] if matching else None
    if target is not None:
        if kept is None:
            kept = txn.insert(txn.idl.tables["Controller"])
            kept.target = target
            kept.external_ids = {}
            kept.max_backoff = kept.inactivity_probe = []
        set_column(kept, "max_backoff", [MAX_BACKOFF_MS])
        set_column(kept, "inactivity_probe", [INACTIVITY_PROBE_MS])
        set_column(kept, "external_ids", {**kept.external_ids, CONTROLLER_MARK: "true"})
    others = [row for row in bridge.controller if row not in ours and row is not kept]
    set_column(bridge, "controller", sorted([*others, kept] if kept is not None else others))


def _managers(view: View, target: str) -> list[Any]:
    """The Manager rows that lead to us: those that say so, else (the address may be a name, or translated) an only one."""
    active = [row for row in view.root.manager_options if not row.target.startswith("p")] if view.root is not None else []
    exact = [row for row in active if row.target == target]
    return exact or (active if len(active) == 1 else [])


def _settle_tunnels(txn: ovs.db.idl.Transaction, view: View, bridge: Any, local_ip: IPv4Address, plan: ChassisPlan) -> None:
    missing = dict(plan.tunnels)
    for interface in sorted(view.tunnels, key=lambda row: view.tunnels[row].interface):
        remote = _remote_of(view.tunnels[interface], missing)
        if remote is None:
            bridge.delvalue("ports", view.port_of(interface))
        else:
            row = txn.idl.tables["Interface"].rows[interface]
            set_column(row, "external_ids", {**row.external_ids, TUNNEL_MARK: remote})
            options = _options(missing.pop(remote), local_ip)
            _correct_tunnel(row, view.tunnels[interface], options, int(local_ip), plan.check_ms(remote))
    taken = set(view.interfaces)
    for remote, remote_ip in missing.items():
        name = tunnel_name(remote, taken)
        taken.add(name)
        ids, options = {TUNNEL_MARK: remote}, _options(remote_ip, local_ip)
        check = monitor(int(local_ip), plan.check_ms(remote))
        bridge.addvalue("ports", add_port(txn, name, type="vxlan", options=options, external_ids=ids, **check).uuid)


def _remote_of(tunnel: Tunnel, missing: Mapping[str, IPv4Address]) -> str | None:
    """Whose tunnel this is from now on: the one it is marked for, else one with its address, which then has a new name.

    Open vSwitch cannot replace a tunnel by another to the same address in one go.
    """
    if tunnel.remote in missing:
        return tunnel.remote
    return next((remote for remote, address in missing.items() if address == tunnel.remote_ip), None)


def _correct_tunnel(row: Any, tunnel: Tunnel, options: dict[str, str], mpid: int, check_ms: int) -> None:
    if tunnel.type != "vxlan":
        row.type = "vxlan"
    if tunnel.options != tuple(sorted(options.items())):
        row.options = options
    correct_monitor(row, tunnel.monitor, mpid, check_ms)


def _options(remote_ip: IPv4Address, local_ip: IPv4Address) -> dict[str, str]:
    return {"remote_ip": str(remote_ip), "local_ip": str(local_ip), "key": "flow"}
