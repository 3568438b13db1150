"""A switch's MAC table: all from the model, and on which chassis it is installed, with where each port is."""

from __future__ import annotations

from collections.abc import Hashable

from ryu_overlay.engine.engine import Engine
from ryu_overlay.model.network import SwitchView
from ryu_overlay.model.objects import Port
from ryu_overlay.northbound.live_arp import addresses, on_switch
from ryu_overlay.northbound.live_look import Looking, of_tenant
from ryu_overlay.northbound.service_devices import MacStatus, MacTable
from ryu_overlay.oam.standing import Question, beyond, item, standings, value
from ryu_overlay.openflow.fields import ETH_DST, mac_to_int
from ryu_overlay.openflow.flow import Flow
from ryu_overlay.pipeline.registers import DATAPATH, OUT_LPORT
from ryu_overlay.pipeline.tables import LS_IN_LOOKUP, LS_OUT_PORT


def macs(engine: Engine, looking: Looking, view: SwitchView) -> MacTable:
    """Every MAC address of the switch."""
    key = view.switch.key
    ports = {port.key: mac_to_int(port.mac) for port in view.ports}

    def mac_of(flow: Flow) -> Hashable:
        if flow.table == LS_OUT_PORT.number:
            return ports.get(value(flow, OUT_LPORT.field) or 0)
        found = item(flow, ETH_DST)
        return found[0] if found is not None and found[1] == ETH_DST.full else None

    lookup = Question(LS_IN_LOOKUP.number, ((DATAPATH.field, key, None),))
    look = looking.look(("switch", key), {key}, [lookup, of_tenant(view.tenant.key, LS_OUT_PORT.number)])
    found = standings(look.reports, mac_of)
    rows = []
    for obj in on_switch(view):
        spot = engine.bindings.spot(obj) if isinstance(obj, Port) else None
        rows.append(
            MacStatus(
                mac=obj.mac,
                kind=obj.kind.replace("_", "-"),
                object="/".join(obj.ref),
                addresses=tuple(map(str, addresses(obj))),
                chassis=None if spot is None else spot.chassis,
                interface=engine.bindings.interface(obj) if isinstance(obj, Port) else None,
                ofport=None if spot is None else spot.ofport,
                on=found.get(mac_to_int(obj.mac), ()),
            )
        )
    rows.sort(key=lambda row: row.mac)
    others = tuple(b for b in beyond(look.reports) if b.table == LS_IN_LOOKUP.number)
    return MacTable(engine.network.revision, look.asked, tuple(rows), others)
