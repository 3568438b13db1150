"""What one chassis' database says that matters here, kept current row by row.

A change costs what it changed, however many interfaces the chassis has. Reads only: knows neither who the chassis may
be (`ovsdb_claims`) nor what it should look like (`ovsdb_plan`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from ovs.db.idl import ROW_CREATE, ROW_DELETE

from ryu_overlay.fabric.facts import VXLAN_PORT, ChassisFacts, Patch, TunnelPort, Vif
from ryu_overlay.southbound.ovsdb_claims import Identity
from ryu_overlay.southbound.ovsdb_patches import PatchEnd, Ports, patch_end
from ryu_overlay.southbound.ovsdb_ports import Monitor
from ryu_overlay.southbound.ovsdb_replica import first, references
from ryu_overlay.southbound.ovsdb_settings import BRIDGE_MAPPINGS, bridge_mappings, underlay_mtu
from ryu_overlay.southbound.ovsdb_vifs import VifIndex

BRIDGE = "br-int"
IFACE_ID = "iface-id"
TUNNEL_MARK = "overlay-tunnel"
"""Key in an Interface's external_ids: a VXLAN port that has it is ours, and its value names the remote chassis."""


_DOWN, _OFF = "down", "off"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A VXLAN interface of br-int that is ours, as it is. `ofport` is 0 while it has no OpenFlow port."""

    remote: str
    interface: str
    type: str
    options: tuple[tuple[str, str], ...]
    ofport: int
    egress: str
    monitor: Monitor
    up: bool

    @property
    def remote_ip(self) -> IPv4Address | None:
        text = dict(self.options).get("remote_ip", "")
        try:
            return IPv4Address(text)
        except ValueError:
            return None


class View:
    """The rows, and what was gathered from them.

    `stale_identity`, `stale_plan` and `stale_facts` are set when a row changed that the chassis' identity, the plan's
    fulfilment or the facts depend on; whoever looks at those clears them.
    """

    def __init__(self) -> None:
        self.tables: Mapping[str, Any] = {}
        self.root: Any | None = None
        self.bridge: Any | None = None
        self.interfaces: dict[str, Any] = {}
        self.vifs = VifIndex()
        self.tunnels: dict[UUID, Tunnel] = {}
        self.patches: dict[UUID, PatchEnd] = {}
        self.stale_identity = self.stale_plan = self.stale_facts = True
        self._interfaces_of: dict[UUID, list[UUID]] = {}
        self._port_of: dict[UUID, UUID] = {}
        self._foreign: dict[UUID, tuple[str, str]] = {}
        self._errors: dict[UUID, str] = {}
        self._links: dict[UUID, tuple[str, str]] = {}
        """Of VIFs whose link is not up: interface, and what is wrong with it."""

    def event(self, event: str, row: Any, changed: Collection[str] | None) -> None:
        """Take in that `row` was created, deleted, or `changed` in the columns named."""
        columns = frozenset(changed or ())
        table = row._table.name
        if table == "Interface":
            self._on_interface(event, row, columns)
        elif table == "Port":
            if "interfaces" in columns and row.uuid in self._interfaces_of:
                self._drop_port(row.uuid)
                self._take_port(row.uuid)
            elif "interfaces" in columns:
                self.stale_facts = True
        elif table == "Bridge":
            self._on_bridge(event, row, columns)
        else:
            if table == "Open_vSwitch":
                self.root = None if event == ROW_DELETE else row
                self.stale_identity = True
            self.stale_plan = self.stale_facts = True

    def port_of(self, interface: UUID) -> Any:
        """The Port row that an interface of br-int belongs to."""
        return self.tables["Port"].rows[self._port_of[interface]]

    def mapped_bridges(self) -> dict[str, Any]:
        """The Bridge row of each physical network that is mapped to one; br-int is no bridge of a physical network."""
        ids: Mapping[str, str] = self.root.external_ids if self.root is not None else {}
        bridges = {row.name: row for row in self.tables["Bridge"].rows.values() if row.name != BRIDGE}
        return {network: bridges[name] for network, name in bridge_mappings(ids, bridges)[0] if name in bridges}

    def patch_ports(self) -> Iterator[tuple[Any, UUID, UUID]]:
        """(Bridge row, Port, Interface) of each of our patch ports, on whatever bridge, in order of interface name on each."""
        by_name = sorted(self.patches, key=lambda interface: self.patches[interface].interface)
        if self.bridge is not None:
            yield from ((self.bridge, self._port_of[i], i) for i in by_name if i in self._port_of)
        elsewhere = {i for i in by_name if i not in self._port_of}
        bridges = [row for row in self.tables["Bridge"].rows.values() if row.name != BRIDGE] if elsewhere else []
        for bridge in sorted(bridges, key=lambda row: row.name):
            found = {interface: port for port, interface in Ports(self.tables).of(bridge) if interface in elsewhere}
            yield from ((bridge, found[i], i) for i in by_name if i in found)

    def foreign_vxlan(self, remotes: Collection[str]) -> Iterator[tuple[str, str]]:
        """(interface, remote address) of VXLAN ports that are not ours and lead to one of `remotes`."""
        return ((name, remote) for name, remote in sorted(self._foreign.values()) if remote in remotes)

    def facts(self, identity: Identity, problems: Collection[str]) -> ChassisFacts:
        """The chassis as it stands, with `problems` before those that the rows themselves show."""
        ids: Mapping[str, str] = self.root.external_ids if self.root is not None else {}
        mappings, bad_mappings = bridge_mappings(ids, {bridge.name for bridge in self.tables["Bridge"].rows.values()})
        mtu, bad_mtu = underlay_mtu(ids)
        return ChassisFacts(
            name=identity.name,
            encap_ip=identity.encap_ip,
            dpid=_dpid(self.bridge),
            mtu=mtu if mtu is not None else self._egress_mtu(),
            bridge_mappings=mappings,
            vifs=MappingProxyType(dict(self.vifs.chosen)),
            tunnels=MappingProxyType(dict(self._open_tunnels())),
            patches=MappingProxyType(dict(self._open_patches())),
            ovs_version=first(self.root.ovs_version, "") if self.root is not None else "",
            datapath_type=self.bridge.datapath_type if self.bridge is not None else "",
            problems=(*problems, *bad_mappings, *_own(mappings), *bad_mtu, *self._problems()),
            down=self._with_link(_DOWN),
            off=self._with_link(_OFF),
            carrier=self._underlay_carrier(),
        )

    def _on_bridge(self, event: str, row: Any, columns: frozenset[str]) -> None:
        if row.name == BRIDGE:
            self.bridge = None if event == ROW_DELETE else row
            if event != ROW_DELETE and columns == {"ports"}:
                self._sync_ports()
                return
            self._sync_ports()
        elif columns == {"ports"} and row.name not in {bridge.name for bridge in self.mapped_bridges().values()}:
            self.stale_facts = self.stale_facts or row.name in self._egress()
            return
        self.stale_plan = self.stale_facts = True

    def _sync_ports(self) -> None:
        ports = set(references(self.bridge, "ports")) if self.bridge is not None else set()
        for gone in self._interfaces_of.keys() - ports:
            self._drop_port(gone)
        for new in ports - self._interfaces_of.keys():
            self._take_port(new)

    def _take_port(self, port: UUID) -> None:
        interfaces = references(self.tables["Port"].rows[port], "interfaces")
        self._interfaces_of[port] = interfaces
        for interface in interfaces:
            self._port_of[interface] = port
            self._refresh(self.tables["Interface"].rows[interface])

    def _drop_port(self, port: UUID) -> None:
        for interface in self._interfaces_of.pop(port):
            if self._port_of.get(interface) == port:
                del self._port_of[interface]
                self._links.pop(interface, None)
                self._set(interface, None, None, None)

    def _on_interface(self, event: str, row: Any, columns: frozenset[str]) -> None:
        if event == ROW_DELETE:
            known = self.interfaces.get(row.name)
            if known is not None and known.uuid == row.uuid:
                del self.interfaces[row.name]
            if self._foreign.pop(row.uuid, None) is not None:
                self.stale_facts = True
            self._set_patch(row.uuid, None)
            return
        if event == ROW_CREATE:
            self.interfaces[row.name] = row
        if event == ROW_CREATE or columns & {"type", "options", "external_ids"}:
            self._note_foreign(row)
        if event == ROW_CREATE or "mtu" in columns:
            self.stale_facts = True
        self._set_patch(row.uuid, patch_end(row))
        if row.uuid in self._port_of:
            self._refresh(row)
        elif columns & {"link_state", "type"}:
            self.stale_facts = True

    def _note_foreign(self, row: Any) -> None:
        remote = ""
        if row.type == "vxlan" and TUNNEL_MARK not in row.external_ids:
            options = row.options
            if options.get("dst_port", str(VXLAN_PORT)) == str(VXLAN_PORT):
                remote = options.get("remote_ip", "")
        before = self._foreign.pop(row.uuid, None)
        if remote:
            self._foreign[row.uuid] = (row.name, remote)
        if before != self._foreign.get(row.uuid):
            self.stale_facts = True

    def _refresh(self, row: Any) -> None:
        """Read anew an interface of br-int."""
        ids, name, ofport = row.external_ids, row.name, first(row.ofport, 0)
        tunnel: Tunnel | None = None
        vif: Vif | None = None
        if TUNNEL_MARK in ids:
            tunnel = _tunnel(row, ids[TUNNEL_MARK], max(ofport, 0))
        elif ids.get(IFACE_ID) and ofport > 0:
            vif = Vif(ids[IFACE_ID], name, ofport)
        if _put(self._links, row.uuid, None if vif is None else _link(row)):
            self.stale_facts = True
        error = first(row.error) if tunnel is not None or ids.get(IFACE_ID) else None
        self._set(row.uuid, tunnel, vif, f"interface {name}: {error}" if error else None)

    def _set_patch(self, interface: UUID, end: PatchEnd | None) -> None:
        if _put(self.patches, interface, end):
            self.stale_plan = self.stale_facts = True

    def _set(self, interface: UUID, tunnel: Tunnel | None, vif: Vif | None, error: str | None) -> None:
        retunnelled = _put(self.tunnels, interface, tunnel)
        if retunnelled:
            self.stale_plan = True
        if self.vifs.set(interface, vif) | _put(self._errors, interface, error) | retunnelled:
            self.stale_facts = True

    def _egress_mtu(self) -> int | None:
        """The smallest MTU of the interfaces that tunnels leave by, as far as this database has them."""
        rows = (self.interfaces.get(name) for name in self._egress())
        known = [row.mtu[0] for row in rows if row is not None and row.mtu]
        return min(known, default=None)

    def _with_link(self, what: str) -> frozenset[str]:
        """The iface-ids whose interface, of several that which counts, is so."""
        chosen = {vif.interface: iface_id for iface_id, vif in self.vifs.chosen.items()}
        return frozenset(chosen[name] for name, is_so in self._links.values() if is_so == what and name in chosen)

    def _egress(self) -> set[str]:
        """The interfaces that tunnels leave by."""
        return {tunnel.egress for tunnel in self.tunnels.values()}

    def _underlay_carrier(self) -> bool | None:
        """Whether the bridges that tunnels leave by can reach anything. An egress that is no bridge of ours is not seen here."""
        names = self._egress()
        bridges = [row for row in self.tables["Bridge"].rows.values() if row.name in names and row.name != BRIDGE]
        return all(map(Ports(self.tables).carrier, bridges)) if bridges else None

    def _open_tunnels(self) -> Iterator[tuple[IPv4Address, TunnelPort]]:
        for tunnel in self.tunnels.values():
            remote_ip = tunnel.remote_ip
            if tunnel.ofport > 0 and remote_ip is not None:
                yield remote_ip, TunnelPort(remote_ip, tunnel.interface, tunnel.ofport, tunnel.up)

    def _open_patches(self) -> Iterator[tuple[str, Patch]]:
        for network, bridge in self.mapped_bridges().items():
            ends = [end for i, end in self.patches.items() if i in self._port_of and end.network == network and end.ofport]
            if ends:
                ofport = min(ends, key=lambda end: end.interface).ofport
                yield network, Patch(ofport, Ports(self.tables).carrier(bridge))

    def _problems(self) -> Iterator[str]:
        for iface_id, names in self.vifs.contested().items():
            yield f"iface-id {iface_id} is on interfaces {', '.join(names)}; {names[0]} counts"
        patches = (f"interface {end.interface}: {end.error}" for end in self.patches.values() if end.error)
        yield from sorted({*self._errors.values(), *patches})


def _tunnel(row: Any, remote: str, ofport: int) -> Tunnel:
    egress = row.status.get("tunnel_egress_iface", "")
    options, other = tuple(sorted(row.options.items())), tuple(sorted(row.other_config.items()))
    up = bool(row.cfm_remote_mpids) and first(row.cfm_fault) is False
    return Tunnel(remote, row.name, row.type, options, ofport, egress, (first(row.cfm_mpid), other), up)


def _link(row: Any) -> tuple[str, str] | None:
    if first(row.admin_state) == "down":
        return row.name, _DOWN
    return (row.name, _OFF) if first(row.link_state) == "down" else None


def _own(mappings: Collection[tuple[str, str]]) -> Iterator[str]:
    return (f"{BRIDGE_MAPPINGS}: {network} is mapped to {BRIDGE} itself" for network, bridge in mappings if bridge == BRIDGE)


T = TypeVar("T")


def _put(table: dict[UUID, T], row: UUID, value: T | None) -> bool:
    """Set or (None) delete what `table` has for `row`. Returns whether that was a change."""
    if table.get(row) == value:
        return False
    if value is None:
        del table[row]
    else:
        table[row] = value
    return True


def _dpid(bridge: Any | None) -> int | None:
    text = first(bridge.datapath_id) if bridge is not None else None
    return int(text, 16) if text else None
