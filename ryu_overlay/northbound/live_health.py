"""Steady monitoring of the running controller, as REST reports it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ryu_overlay.health.elements import ANY, LAYERS, SHAPES, Element, Layer
from ryu_overlay.health.faults import Fault, Impact
from ryu_overlay.health.planning import lines
from ryu_overlay.health.report import LayerStatus, Report, Silence, State
from ryu_overlay.health.rests import depends
from ryu_overlay.model.objects import Port
from ryu_overlay.southbound.monitor import Monitor

_BY: dict[Layer, str] = {
    "underlay": "probes between chassis, small and of full size; carriers",
    "tunnel": "packets sent against received, for each network and pair of chassis",
    "host": "answers of vswitches, sessions, interfaces",
    "virtual": "flows against what was asked for, translations that were not made",
    "guest": "carriers of VIFs",
}


_KINDS = {"NAT rule": ("snat",), "router port": ("router_port",), "switch or router port": ("switch", "router_port")}
"""What objects the names of elements may be, by what `SHAPES` calls them."""


class LiveHealth:
    """See `service_health.Health`."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def health(self) -> Report:
        now = time.time()
        faults = tuple(self._monitor.book.faults(now))
        layers = tuple(self._layer(layer, faults) for layer in LAYERS)
        return Report(now, layers, faults, tuple(self._monitor.book.silences(now)), self._monitor.watch.prober.sent)

    def fault(self, id: str) -> Fault | None:
        return next((f for f in self._monitor.book.faults(time.time()) if f.id == id), None)

    def fault_events(self) -> Iterator[Fault | None]:
        return self._monitor.listen()

    def impact(self, element: Element) -> Impact:
        for name, what in zip(element.names, SHAPES[element.kind]):
            if element.kind != "vni" or name != ANY:
                self._known(name, what)
        return self._monitor.impact(element)

    def depends(self, port: Port) -> tuple[Element, ...]:
        return depends(self._monitor.ground(), port.name)

    def silence(self, silence: Silence) -> None:
        self._monitor.silence(silence)

    def unsilence(self, what: str, name: str) -> bool:
        return self._monitor.unsilence(what, name)

    def probe_plan(self) -> tuple[str, ...]:
        found = self._monitor.certificate
        return () if found is None else tuple(lines(found))

    def _layer(self, layer: Layer, faults: tuple[Fault, ...]) -> LayerStatus:
        watched, unknown = self._monitor.watched(layer)
        lasting = sum(f.until is None and f.layer == layer for f in faults)
        state: State = "fault" if lasting else "unknown" if unknown and unknown == watched else "ok"
        return LayerStatus(layer, state, watched, unknown, lasting, _BY[layer])

    def _known(self, name: str, what: str) -> None:
        """Raises KeyError for a chassis or object that is not there."""
        network, chassis = self._monitor.engine.network, self._monitor.engine.encap_ips
        if what.startswith("chassis"):
            for one in name.split(",") if what == "chassis,..." else (name,):
                if one not in chassis:
                    raise KeyError(one)
        elif what == "port":
            if name not in network.port_by_name:
                raise KeyError(name)
        elif what == "object" and name != "-":
            kind, _, ref = name.partition(" ")
            kind = kind.replace("-", "_")
            if kind not in network.tables or network.get(kind, tuple(ref.split("/", 2))) is None:
                raise KeyError(name)
        elif what in _KINDS and not any(network.get(kind, tuple(name.split("/"))) for kind in _KINDS[what]):
            raise KeyError(name)
