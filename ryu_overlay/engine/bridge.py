"""One bridge: what it has, what it should have, what it has confirmed.

The same path serves the first connection, a change, a restarted controller, a restarted switch, a refused message
and the periodic audit: read, compare, send the difference, wait for its barrier.
"""

from __future__ import annotations

from ryu_overlay.engine.drift import FOREIGN, Drift, findings, ours
from ryu_overlay.engine.events import Effect, Read, Send, SwitchRead
from ryu_overlay.openflow.diff import Installed, difference
from ryu_overlay.openflow.flow import FlowKey, Program

RETRY_AFTER = 1.0
"""Seconds before a bridge that refused something is read again."""

DRIFT_KEPT = 1000
FOREIGN_KEPT = 1000
_SELECT = 1


class Bridge:
    """State of one connected bridge. `confirmed` is the newest revision it has confirmed wholly."""

    def __init__(self, dpid: int, chassis: str) -> None:
        self.dpid = dpid
        self.chassis = chassis
        self.confirmed = 0
        self.refused: list[str] = []
        self.drift: list[Drift] = []
        self.foreign: list[Drift] = []
        self._installed: Installed | None = None
        self._base: Program | None = None
        self._reading: int | None = None
        self._touched: set[FlowKey] = set()
        self._changed_meanwhile = False
        self._pending: dict[int, int] = {}
        self._tokens = 0
        self._read_at = 0.0
        self._retry_at: float | None = None

    @property
    def flow_count(self) -> int:
        return 0 if self._installed is None else len(self._installed.flows)

    @property
    def settled(self) -> bool:
        """Whether all that was sent is confirmed."""
        return self._installed is not None and not self._pending

    def read(self, now: float) -> list[Effect]:
        """Ask the bridge what it has, unless it is being asked already."""
        if self._reading is not None:
            return []
        self._reading = self._token()
        self._read_at = now
        self._retry_at = None
        self._touched = set()
        self._changed_meanwhile = False
        return [Read(self.dpid, self._reading)]

    def tick(self, now: float, audit_every: float) -> list[Effect]:
        """Read the bridge when an audit or a retry is due."""
        due = self._read_at + audit_every if self._retry_at is None else self._retry_at
        return self.read(now) if self._installed is not None and now >= due else []

    def was_read(self, event: SwitchRead, now: float) -> list[Drift]:
        """Take a dump in. Gives what had drifted; the next `bring` heals it."""
        if event.token != self._reading:
            return []
        self._reading = None
        first = self._installed is None
        believed = self._installed or Installed()
        seen, foreign = ours(event.flows, believed)
        self.foreign = [Drift(self.chassis, now, FOREIGN, f.key, f.value, False) for f in foreign[:FOREIGN_KEPT]]
        found = [] if first else findings(self.chassis, now, believed, seen, self._touched)
        for key in self._touched:
            seen.pop(key, None)
            if key in believed.flows:
                seen[key] = believed.flows[key]
        groups = {n: buckets if kind == _SELECT else b"" for n, (kind, buckets) in event.groups.items()}
        meters = dict(event.meters)
        if self._changed_meanwhile:
            groups, meters = believed.groups, believed.meters
        if first or found or groups != believed.groups or meters != believed.meters:
            self._installed = Installed(seen, groups, meters)
            self._base = None
        self.drift = [*self.drift, *found][-DRIFT_KEPT:]
        return found

    def bring(self, program: Program, revision: int) -> list[Effect]:
        """Send what leads from what the bridge has to `program`, which is the network's at `revision`."""
        if self._installed is None:
            return []
        if self._base is not program:
            change = difference(self._installed, program, self._base)
            self._base = program
            if change:
                token = self._token()
                out = tuple(change.messages(self._installed, token))
                change.apply(self._installed)
                if self._reading is not None:
                    self._touched.update(change.put_flows, change.delete_flows)
                    self._changed_meanwhile = True
                self._pending[token] = revision
                return [Send(self.dpid, out)]
        if self._pending:
            self._pending[max(self._pending)] = revision
        else:
            self.confirmed = revision
        return []

    def confirm(self, token: int) -> None:
        """The bridge has done everything up to `token`."""
        done = [t for t in self._pending if t <= token]
        if done:
            self.confirmed = max(self.confirmed, *(self._pending.pop(t) for t in done))

    def refuse(self, text: str, now: float) -> None:
        """The bridge refused something: what it has is no longer known for sure; read it soon."""
        self.refused = [*self.refused, text][-20:]
        self._retry_at = now + RETRY_AFTER


    def _token(self) -> int:
        self._tokens = self._tokens % 0x7FFFFFFF + 1
        return self._tokens
