"""Reads the meters of all bridges, and has what they counted written into the ledger.

1. A process of the ledger that is new is told to begin, and says which booking was written last: one that was sent and not
   answered is then known to be written, or is put together with what came after it.
2. What was read before an interval was over is booked into it, whenever that is written.
3. Meters that nothing leads to any more and that have ceased to grow are read to the end: the engine may take them away.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import eventlet
from eventlet.semaphore import Semaphore

from ryu_overlay.accounting.meter import Booking, Meter, Seen, merged
from ryu_overlay.accounting.values import DAY, HOUR, NOTHING, Account, Count, Found, Use
from ryu_overlay.accounting.wire import from_booking, to_begun, to_gap, to_used
from ryu_overlay.engine.engine import Engine
from ryu_overlay.engine.events import MetersRead
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import FloatingIp, RouterPort, Tenant
from ryu_overlay.openflow.diff import COUNTING
from ryu_overlay.openflow.messages import meter_stats_request
from ryu_overlay.openflow.replies import parse_meter_counts
from ryu_overlay.southbound.asking import ask_soon
from ryu_overlay.southbound.ledger_link import LedgerAway, LedgerLink, Superseded
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.switches import Switches

LOG = logging.getLogger(__name__)

READ_EVERY = 1.0
_WRITTEN_EVERY = 5.0
_RATED_OVER = 4
"""Readings over which rates are told."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """`length` of intervals in seconds, a whole part of an hour; for how many days they and hours are kept."""

    length: int = 300
    interval_days: int = 35
    hour_days: int = 400


@dataclass(slots=True)
class Cost:
    """What reading cost so far: rounds, seconds of CPU to understand what came, and its bytes."""

    rounds: int = 0
    seconds: float = 0.0
    bytes: int = 0


class Usage:
    """Runs for as long as the controller does. `failures` counts exceptions, each of which is logged; `away` says why the ledger
    is not there, None if it is."""

    def __init__(self, loop: Loop, switches: Switches, url: str, keeping: Keeping) -> None:
        self.failures = 0
        self.away: str | None = "it was not asked yet"
        self.meter: Meter | None = None
        self.cost = Cost()
        self.keeping = keeping
        self._engine: Engine = loop.engine
        self._post = loop.post
        self._switches = switches
        self._link = LedgerLink(url)
        self._process = self._number = 0
        self._writing = Semaphore()
        self._sent: Booking | None = None
        self._unsent: list[Booking] = []
        self._read_at: float | None = None
        self._samples: deque[tuple[float, dict[Use, Count]]] = deque(maxlen=_RATED_OVER + 1)
        self._accounts: tuple[Network, dict[int, Account]] = (Network(), {})

    def start(self) -> None:
        """Begin."""
        eventlet.spawn(self._run, self._read, READ_EVERY)
        eventlet.spawn(self._run, self._write, _WRITTEN_EVERY)

    def rates(self) -> dict[Use, tuple[float, float]]:
        """What passes now: packets and bytes a second, over the last few readings, of what there was traffic."""
        if len(self._samples) < 2:
            return {}
        (since, before), (until, now) = self._samples[0], self._samples[-1]
        grown = {use: count - before.get(use, NOTHING) for use, count in now.items()}
        return {use: (n.packets / (until - since), n.bytes / (until - since)) for use, n in grown.items() if n != NOTHING}

    def of(self, since: float, until: float, *, coarse: bool) -> Found:
        """What the ledger has of a time, with what was counted to now: see `Ledger.usage`. Raises LedgerAway."""
        accounts = self._write()
        found = self._link.ask("usage", since=since, until=until, coarse=coarse)
        used = [to_used(data) for data in (*found["closed"], *found["open"])]
        return Found(used, [to_gap(data) for data in found["gaps"]], accounts, found["began"])

    def accounts(self) -> Mapping[int, Account]:
        """Whose each account is now."""
        network = self._engine.network
        if self._accounts[0] is not network:
            self._accounts = network, {number: _account(network, obj) for number, obj in network.accounts.items()}
        return self._accounts[1]

    def _run(self, work: Any, every: float) -> None:
        due = time.monotonic()
        while True:
            try:
                work()
            except LedgerAway as error:
                if self.away != str(error):
                    LOG.error("usage: the ledger is away: %s", error)
                self.away = str(error)
            except Exception:
                self.failures += 1
                LOG.exception("usage")
            due = max(due + every, time.monotonic())
            eventlet.sleep(due - time.monotonic())

    def _read(self) -> None:
        """Read all bridges, at about the same moment."""
        meter, now = self.meter, time.time()
        if meter is None or not self._engine.ready:
            return
        if self._read_at is not None and self._interval(self._read_at) != self._interval(now):
            self._stow(meter.book(self._read_at))
        self._read_at = now
        bridges = [(bridge.dpid, bridge.chassis) for bridge in self._engine.bridges]
        asked = [(dpid, chassis, eventlet.spawn(self._meters, dpid)) for dpid, chassis in bridges]
        for dpid, chassis, thread in asked:
            seen = thread.wait()
            if seen is None or meter is not self.meter:
                continue
            begun = time.thread_time()
            done = meter.take(chassis, seen[0], seen[1], self.accounts())
            self.cost.seconds += time.thread_time() - begun
            if done:
                self._post(MetersRead(dpid, done))
        now = time.time()
        for chassis in meter.read.keys() - self._engine.encap_ips.keys():
            meter.forget(chassis, now)
        self._samples.append((now, dict(meter.total)))
        self.cost.rounds += 1

    def _meters(self, dpid: int) -> tuple[float, dict[int, Seen]] | None:
        bodies = ask_soon(self._switches, dpid, meter_stats_request)
        if bodies is None:
            return None
        at, begun = time.time(), time.thread_time()
        counts = (count for body in bodies for count in parse_meter_counts(body) if count.number in COUNTING)
        seen = {c.number: Seen(Count(c.packets, c.bytes), c.age, c.flows) for c in counts}
        self.cost.seconds += time.thread_time() - begun
        self.cost.bytes += sum(map(len, bodies))
        return at, seen

    def _write(self) -> Mapping[str, Account]:
        """Have what is new written, and give whose all that is. Raises LedgerAway; then it is written later."""
        with self._writing:
            return self._write_all().accounts

    def _write_all(self) -> Meter:
        if self.meter is None or not self._link.stands(self._process):
            self._begin()
        assert self.meter is not None
        self._stow(self.meter.book(time.time() if self._read_at is None else self._read_at))
        while self._sent is not None or self._unsent:
            self._sent = self._sent or self._unsent.pop(0)
            days = {HOUR: self.keeping.interval_days, DAY: self.keeping.hour_days}
            keep = {str(coarser): 86400 * number for coarser, number in days.items()}
            what = {"number": self._number, "booking": from_booking(self._sent), "length": self.keeping.length, "keep": keep}
            try:
                self._link.ask("write", **what)
            except Superseded:
                # What the other one has written is what there is to go on from.
                self.meter = self._sent = None
                self._unsent.clear()
                raise
            self._sent, self._number = None, self._number + 1
        if self.away is not None:
            LOG.info("usage: the ledger is there")
            self.away = None
        return self.meter

    def _begin(self) -> None:
        """Have a new process take the ledger over."""
        answer = self._link.ask("begin")
        self._process = self._link.process
        begun = to_begun(answer)
        if self.meter is None:
            self.meter = Meter(begun.kept, begun.read, begun.accounts)
        elif self._sent is not None:
            if begun.last != self._number:
                self._unsent.insert(0, self._sent)
            self._sent = None
        self._number = begun.last + 1

    def _stow(self, booking: Booking) -> None:
        """Have it written, with what else there is of its interval."""
        if self._unsent and self._interval(self._unsent[-1].at) == self._interval(booking.at):
            booking = merged(self._unsent.pop(), booking)
        self._unsent.append(booking)

    def _interval(self, at: float) -> int:
        return int(at // self.keeping.length)


def _account(network: Network, obj: Tenant | RouterPort | FloatingIp) -> Account:
    if isinstance(obj, Tenant):
        return Account(obj.uuid, obj.name, obj.kind, "", "", "")
    external = network.router_views[obj.tenant, obj.router].external
    address = obj.address if isinstance(obj, FloatingIp) else obj.addresses[0].ip
    tagged = external is not None and external.vlan is not None
    return Account(obj.uuid, obj.tenant, obj.kind, obj.router, obj.name, str(address), tagged)
