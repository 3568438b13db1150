"""Monitoring in memory, for tests of REST and CLI: faults of every sort, and silences that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from ryu_overlay.health.elements import LAYERS, Element, read_element
from ryu_overlay.health.faults import Fault, Impact, Verdict
from ryu_overlay.health.report import LayerStatus, Report, Silence
from ryu_overlay.model.objects import Port

SINCE = datetime(2024, 5, 1, 12, 30, tzinfo=timezone.utc).timestamp()
AT = SINCE + 93
HIT = Impact(("blue", "red"), ("blue/a", "red/db", "red/web"), ("red/r1",), ("b-1", "web-1"), ("red/r1/web",))


def fault(id: str, kind: str, element: str, since: float, until: float | None = None, **more: object) -> Fault:
    """A fault that was certain a quarter of a second after its first sign."""
    verdict = Verdict(kind, read_element(element), (f"evidence of {id}",), (f"check {id}",))
    return Fault(id, verdict, since, since + 0.25, until, **more)  # type: ignore[arg-type]


OFF = fault("f4", "guest_off", "port web-1", SINCE + 60)
DOWN = fault("f3", "down", "link hv2", SINCE, flaps=2, impact=HIT)
LOSSY = fault("f2", "lossy", "path hv1>hv2", SINCE - 7200, quiet="silenced", impact=Impact(("red",), ports=("web-1", "web-2")))
MISSING = fault("f1", "flow_missing", "flow hv1 ls_in_lookup port red/web/web-1", SINCE - 600, SINCE - 599.5)
FOREIGN = fault("f0", "flow_foreign", "flow hv1 ls_in_lookup nobody's", SINCE - 9000, SINCE - 8000)


class MemoryHealth:
    """`faults`, the newest first, and `events` are what it tells of. Only hv1 and hv2 exist."""

    def __init__(self) -> None:
        self.faults: tuple[Fault, ...] = (OFF, DOWN, LOSSY, MISSING, FOREIGN)
        self.events: list[Fault | None] = []
        self.silences: list[Silence] = []
        self.watching = 0

    def health(self) -> Report:
        layers = tuple(self._layer(number) for number in range(len(LAYERS)))
        return Report(AT, layers, self.faults, tuple(self.silences))

    def fault(self, id: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.id == id), None)

    def fault_events(self) -> Iterator[Fault | None]:
        self.watching += 1
        try:
            yield from self.events
        finally:
            self.watching -= 1

    def impact(self, element: Element) -> Impact:
        for name in element.names:
            if name.startswith("hv") and name not in ("hv1", "hv2"):
                raise KeyError(name)
        return HIT if "hv2" in element.names else Impact()

    def depends(self, port: Port) -> tuple[Element, ...]:
        return Element("vnic", ("hv2", port.name)), Element("vni", (f"{port.tenant}/{port.switch}", "hv1", "hv2"))

    def silence(self, silence: Silence) -> None:
        self.unsilence(silence.what, silence.name)
        self.silences.append(silence)

    def unsilence(self, what: str, name: str) -> bool:
        before = len(self.silences)
        self.silences = [s for s in self.silences if (s.what, s.name) != (what, name)]
        return len(self.silences) < before

    def probe_plan(self) -> tuple[str, ...]:
        return ("3 elements, 2 paths", "not told apart: link hv1, chassis hv1")

    def _layer(self, number: int) -> LayerStatus:
        layer = LAYERS[number]
        lasting = sum(fault.layer == layer and fault.until is None for fault in self.faults)
        state = "unknown" if layer == "tunnel" else "fault" if lasting else "ok"
        return LayerStatus(layer, state, 10 * number, number, lasting, f"what watches the {layer}")  # type: ignore[arg-type]
