"""One bridge: what it has, what it should have, what it has confirmed.

The same path serves the first connection, a change, a restarted controller, a restarted switch, a refused message
and the periodic audit: read, compare, send the difference, wait for its barrier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from math import inf

from ryu_overlay.engine.drift import FOREIGN, Drift, findings, ours, overlaid
from ryu_overlay.engine.events import Effect, Read, Send, SwitchRead
from ryu_overlay.openflow.diff import Change, Installed, difference, retirement
from ryu_overlay.openflow.flow import FlowKey, Program

RETRY_AFTER = 1.0
"""Seconds before a bridge that refused something is read again; each time that does not help, twice the time before."""
RETRY_AT_MOST = 32.0
ANSWER_WITHIN = 60.0
"""Seconds before a reading that was not answered is asked for anew."""
TOUCHED_PAUSE, TOUCHED_PAUSE_AT_MOST = 1.0, 4.0
"""Seconds between readings because somebody else changed flows; each that follows soon, twice the time before."""
UNCONFIRMED_AT_MOST = 16
"""Batches that a bridge may owe a barrier for; what changes after that is sent as one difference, once it has caught up."""

DRIFT_KEPT = 1000
FOREIGN_KEPT = 1000
_REFUSALS_KEPT = 20


class Bridge:
    """State of one connected bridge. `confirmed` is the newest revision it has confirmed wholly.

    `tokens` gives numbers that no other reading or batch has, on this bridge or on one that had its datapath id before.
    `group_drift` has when groups were found to differ, and in which words.
    `refused` has what the bridge would not take, for as long as that stands in the way. `read_at` is when it was last asked
    what it has.
    """

    def __init__(self, dpid: int, chassis: str, tokens: Iterator[int]) -> None:
        self.dpid = dpid
        self.chassis = chassis
        self.confirmed = 0
        self.refused: list[str] = []
        self.drift: list[Drift] = []
        self.foreign: list[Drift] = []
        self.group_drift: list[tuple[float, str]] = []
        self._tokens = tokens
        self._installed: Installed | None = None
        self._base: Program | None = None
        self._pending: dict[int, int] = {}
        self._reading: int | None = None
        self.read_at = 0.0
        self._touched_flows: set[FlowKey] = set()
        self._touched_groups: set[int] = set()
        self._touched_meters: set[int] = set()
        self._doubt = False
        self._retry_at: float | None = None
        self._pause = RETRY_AFTER
        self._touched = False
        self._touched_pause = TOUCHED_PAUSE
        self._touched_at = -inf

    @property
    def flow_count(self) -> int:
        return 0 if self._installed is None else len(self._installed.flows)

    @property
    def groups(self) -> Mapping[int, tuple[int, bytes]]:
        """The groups that it is believed to have, as its dumps show them."""
        return {} if self._installed is None else self._installed.groups

    @property
    def meters(self) -> Collection[int]:
        """The numbers of the meters that it is believed to have."""
        return () if self._installed is None else self._installed.meters.keys()

    @property
    def settled(self) -> bool:
        """Whether what it has is known, and all that was sent is confirmed."""
        return self._installed is not None and not self._pending and not self._doubt

    def has(self, program: Program) -> bool:
        """Whether it has confirmed all of this very program."""
        return self.settled and self._base is program

    def distrust(self) -> None:
        """Believe nothing of what the bridge has; the next `tick` reads it."""
        self.confirmed = 0
        self._installed = self._base = self._reading = None
        self._pending.clear()
        self._doubt, self._retry_at = False, None

    def read(self, now: float) -> list[Effect]:
        """Ask the bridge what it has. The answer to an earlier reading is not waited for any more."""
        self._reading = next(self._tokens)
        self.read_at = now
        self._retry_at = None
        self._touched = False
        for touched in (self._touched_flows, self._touched_groups, self._touched_meters):
            touched.clear()
        return [Read(self.dpid, self._reading)]

    def is_due(self, now: float, audit_every: float) -> bool:
        """Whether an audit is due. The clock may be set back."""
        at_rest = self._installed is not None and self._reading is None and self._retry_at is None
        return at_rest and not self.read_at <= now < self.read_at + audit_every

    def touch(self, now: float) -> list[Effect]:
        """Somebody else changed its flows: audit it soon."""
        self._touched = True
        return self._read_touched(now)

    def _read_touched(self, now: float) -> list[Effect]:
        again = self._touched_at <= now < self._touched_at + 2 * self._touched_pause + TOUCHED_PAUSE
        if not again:
            self._touched_pause = TOUCHED_PAUSE
        if not self._touched or not self.is_due(now, self._touched_pause):
            return []
        self._touched_pause = min(2 * self._touched_pause, TOUCHED_PAUSE_AT_MOST) if again else TOUCHED_PAUSE
        self._touched_at = now
        return self.read(now)

    def tick(self, now: float) -> list[Effect]:
        """Read the bridge if that cannot wait: it was refused something, is not known, did not answer, or others changed it."""
        if self._reading is not None:
            overdue = not self.read_at <= now < self.read_at + ANSWER_WITHIN
        elif self._retry_at is not None:
            overdue = not self._retry_at - self._pause <= now < self._retry_at
        else:
            overdue = self._installed is None
        return self.read(now) if overdue else self._read_touched(now)

    def was_read(self, event: SwitchRead, now: float) -> list[str]:
        """Take a dump in. Gives what had drifted, in words; the next `bring` heals it.

        Bridges answer in order: what they refused before the dump, it shows.
        """
        if event.token != self._reading:
            return []
        self._reading = None
        believed, self._installed = self._installed, self._overlay(event, now)
        known = believed is not None and not self._doubt
        self._doubt, self._retry_at = False, None
        if believed is None or self._installed != believed:
            self._base = None
        return self._drifted(believed, self._installed, now) if believed is not None and known else []

    def bring(self, program: Program, revision: int) -> list[Effect]:
        """Send what leads from what the bridge has to `program`, which is the network's at `revision`."""
        if self._installed is None:
            return []
        if self._base is not program:
            if len(self._pending) >= UNCONFIRMED_AT_MOST:
                return []
            change = difference(self._installed, program, self._base)
            if change:
                return [self._send(change, self._installed, program, revision)]
            self._base = program
        if self._pending:
            self._pending[next(reversed(self._pending))] = revision
        elif not self._doubt:
            self._reached(revision)
        return []

    def retire(self, numbers: Iterable[int]) -> list[Effect]:
        """Delete meters that count and that are not wanted any more."""
        if self._installed is None or self._base is None:
            return []
        change = retirement(self._installed, self._base, numbers)
        revision = self._pending[next(reversed(self._pending))] if self._pending else self.confirmed
        return [self._send(change, self._installed, self._base, revision)] if change else []

    def confirm(self, token: int) -> None:
        """The bridge has done everything up to `token`. What it refused of that it did not do."""
        if token not in self._pending:
            return
        for earlier in list(self._pending):
            revision = self._pending.pop(earlier)
            if earlier == token:
                break
        if not self._doubt:
            self._reached(revision)

    def refuse(self, token: int, text: str, now: float) -> bool:
        """The bridge refused something of ours: what it has is no longer known for sure, so read it soon.

        Returns whether that is news, not one more refusal before the bridge was read.
        """
        if token == self._reading:
            self._reading = None
        elif token not in self._pending:
            return False
        news, self._doubt = not self._doubt, True
        self.refused = [*self.refused, text][-_REFUSALS_KEPT:]
        if self._retry_at is None:
            self._retry_at = now + self._pause
            self._pause = min(2 * self._pause, RETRY_AT_MOST)
        return news

    def _reached(self, revision: int) -> None:
        self.confirmed = revision
        self.refused = []
        self._pause = RETRY_AFTER

    def _send(self, change: Change, installed: Installed, program: Program, revision: int) -> Send:
        token = next(self._tokens)
        out = tuple(change.messages(installed, token))
        change.apply(installed)
        self._base = program
        self._pending[token] = revision
        if self._reading is not None:
            self._touched_flows.update(change.put_flows, change.delete_flows)
            self._touched_groups.update(change.put_groups, change.delete_groups)
            self._touched_meters.update((m.number for m in change.put_meters), change.delete_meters)
        return Send(self.dpid, out)

    def _overlay(self, event: SwitchRead, now: float) -> Installed:
        believed = self._installed or Installed()
        seen, foreign = ours(event, believed)
        self.foreign = [Drift(self.chassis, now, FOREIGN, f.key, f.value, False) for f in foreign[:FOREIGN_KEPT]]
        return Installed(
            overlaid(seen.flows, believed.flows, self._touched_flows),
            overlaid(seen.groups, believed.groups, self._touched_groups),
            overlaid(seen.meters, believed.meters, self._touched_meters),
        )

    def _drifted(self, before: Installed, after: Installed, now: float) -> list[str]:
        found = [Drift(self.chassis, now, *finding, healed=True) for finding in findings(before.flows, after.flows)]
        self.drift = [*self.drift, *found][-DRIFT_KEPT:]
        words = [f"a flow of table {drift.key[0]} was {drift.what}" for drift in found]
        groups = [f"group {number} was {what}" for what, number, _ in findings(before.groups, after.groups)]
        self.group_drift = [*self.group_drift, *((now, text) for text in groups)][-DRIFT_KEPT:]
        words += groups
        words += [f"meter {number} was {what}" for what, number, _ in findings(before.meters, after.meters)]
        return words
