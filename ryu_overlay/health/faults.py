"""A fault as operators see it, and the verdicts that it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from ryu_overlay.health.elements import Element, Layer
from ryu_overlay.health.kinds import KINDS, Kind


@dataclass(frozen=True, slots=True)
class Impact:
    """Who rests on an element, by name, each in order: tenants; switches and routers as `tenant/name`; ports; floating IPs as
    `tenant/router/name`."""

    tenants: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    routers: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    floating_ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What evidence says of one element now. `evidence` are sentences with figures, `check` commands to check it by hand."""

    kind: str
    element: Element
    evidence: tuple[str, ...] = ()
    check: tuple[str, ...] = ()

    @property
    def what(self) -> Kind:
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Fault:
    """A verdict with a life. Times are in seconds since 1970: `since` when the first sign was seen, `raised` when it was certain
    enough to tell, `until` when it was over (None: it lasts). `flaps` counts how often it came back before its end counted.

    `quiet` says why nobody is to be alarmed: "silenced", "maintenance", or "".
    """

    id: str
    verdict: Verdict
    since: float
    raised: float
    until: float | None = None
    flaps: int = 0
    impact: Impact = field(default_factory=Impact)
    quiet: str = ""

    @property
    def layer(self) -> Layer:
        return self.verdict.what.layer

    @property
    def text(self) -> str:
        """One sentence."""
        return f"{self.verdict.element.text} {self.verdict.what.words}"
