"""What REST needs of steady monitoring: one protocol, over the values of `health`.

The app implements it. Nothing here knows HTTP, probes or bridges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ryu_overlay.health.elements import Element
from ryu_overlay.health.faults import Fault, Impact
from ryu_overlay.health.report import Report, Silence
from ryu_overlay.model.objects import Port

BEAT_SECONDS = 15.0
"""How long a stream of events is silent at most."""


class Health(Protocol):
    """What is broken, who feels it, and whom that is to alarm."""

    def health(self) -> Report:
        """All of it as it is now. Only arithmetic: metrics ask for it at each scrape."""
        ...

    def fault(self, id: str) -> Fault | None:
        """A fault that lasts, or that ended lately."""
        ...

    def fault_events(self) -> Iterator[Fault | None]:
        """Each fault when it is raised, changes or ends; first those that last. Blocks this greenthread; never ends by itself.

        None is a beat: nothing happened for BEAT_SECONDS. Only by writing is a client noticed that is gone; then the iterator
        is let go, which closes it if it is a generator.
        """
        ...

    def impact(self, element: Element) -> Impact:
        """Who rests on an element. Raises KeyError(name) if it is named by a chassis or object that does not exist."""
        ...

    def depends(self, port: Port) -> tuple[Element, ...]:
        """What a port rests on."""
        ...

    def silence(self, silence: Silence) -> None:
        """Have nobody alarmed. Replaces the one of the same `what` and `name`; an element's name is as `Element.text` has it."""
        ...

    def unsilence(self, what: str, name: str) -> bool:
        """Take a silence back. Returns whether there was one."""
        ...

    def probe_plan(self) -> tuple[str, ...]:
        """The certificate of the probes' paths, as lines for people."""
        ...
