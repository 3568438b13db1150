"""One connection that a chassis opened: follows its database, says what changed, writes what is wanted.

Knows sockets, eventlet and when to do things; not what to write (`ovsdb_plan`) nor who may join (the owner decides).
A link sleeps until the socket has something, someone pokes it, or the next keepalive or retry is due.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol

import eventlet
import ovs.db.idl
import ovs.timeval
from eventlet import hubs
from eventlet.event import Event

from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.southbound import ovsdb_plan
from ryu_overlay.southbound.ovsdb_claims import Identity, Unidentified, identify
from ryu_overlay.southbound.ovsdb_plan import ChassisPlan, Wanted
from ryu_overlay.southbound.ovsdb_replica import Replica
from ryu_overlay.southbound.ovsdb_view import View
from ryu_overlay.southbound.ovsdb_wire import accepted

LOG = logging.getLogger(__name__)

FIRST_COPY_S = 10.0
"""How long a peer may take to hand over its database after it connected."""
PROBE_S = 5.0
"""Silence before a sign of life is asked for; after as much again the peer counts as dead."""
RETRY_S = (0.5, 30.0)
"""First and longest pause after a transaction that failed; each is twice the one before."""


class Owner(Protocol):
    """Who decides what links may be, and hears from them."""

    def claim(self, link: Link, identity: Identity) -> str | None:
        """Let `link` be the chassis `identity`, or return the sentence why not."""

    def plan_of(self, name: str) -> ChassisPlan | None:
        """The newest plan for a chassis."""

    def report(self, facts: ChassisFacts) -> None:
        """The facts of a joined chassis changed."""

    def left(self, link: Link) -> None:
        """The chassis on `link` was taken out of the overlay; the connection stays."""

    def gone(self, link: Link) -> None:
        """The connection ended."""


@dataclass
class Retry:
    """When a failed transaction may be tried again, in milliseconds of the monotonic clock, and why the database refused it."""

    at: float = 0.0
    pause: float = 0.0
    reason: str = ""

    def failed(self, reason: str) -> None:
        first, longest = RETRY_S
        self.pause = min(max(2 * self.pause, first), longest)
        self.at = ovs.timeval.msec() + 1000 * self.pause
        self.reason = reason


class Link:
    """Serves one accepted socket, in the greenthread that calls `serve`.

    `serial` tells links apart in order of arrival. `identity` is the chassis while joined; `refusal` says why it is not.
    """

    def __init__(self, sock: Any, peer: str, serial: int, owner: Owner, openflow: int | str) -> None:
        self.peer = peer
        self.serial = serial
        self.identity: Identity | None = None
        self.refusal = ""
        self._owner = owner
        self._sock = sock
        host, port = sock.getsockname()[:2]
        self._manager = endpoint(host, port)
        self._controller = openflow if isinstance(openflow, str) else endpoint(host, openflow)
        sock.setblocking(False)
        self._session, self._channel = accepted(sock, peer, PROBE_S)
        self._view = View()
        self._idl = Replica(self._session, self._view.event, lambda: eventlet.sleep(0))
        self._view.tables = self._idl.tables
        self._opened = ovs.timeval.msec()
        self._poked = Event()
        self._closing = ""
        self._leaving = False
        self._objection = ""
        self._txn: Any = None
        self._txn_leaves = False
        self._retry = Retry()
        self._reported: ChassisFacts | None = None

    def poke(self, *_ignored: object) -> None:
        """Have the link look again: at its socket, its plan, or whether it may join."""
        if not self._poked.ready():
            self._poked.send()

    def replan(self) -> None:
        """The chassis' plan changed: apply it, at once even if the last attempt failed."""
        self._view.stale_plan = self._view.stale_facts = True
        self._retry.at = 0.0
        self.poke()

    def reconsider(self) -> None:
        """A name or address became free: if this link is not what its chassis wants to be, ask again."""
        if self.refusal or self._objection:
            self._view.stale_identity = True
            self.poke()

    def demote(self, reason: str) -> None:
        """Another link is the chassis now. This one stays, in case the other ends first."""
        self.identity = None
        self._refuse(reason)

    def close(self, reason: str) -> None:
        """End the connection soon."""
        self._closing = reason
        self.poke()

    def serve(self) -> None:
        """Follow the chassis until the connection ends. Logs and survives whatever the peer sends."""
        LOG.info("%s: connected", self.peer)
        try:
            self._idl.run()
            while self._session.is_connected() and not self._closing:
                self._advance()
                self._wait()
                self._idl.run()
            reason = self._closing or self._channel.reason or "no sign of life"
            LOG.info("%s: connection ended: %s", self.peer, reason)
        except Exception:
            LOG.exception("%s: connection dropped", self.peer)
        finally:
            self._idl.close()
            self._sock.close()
            self._owner.gone(self)

    def _advance(self) -> None:
        if not self._idl.synced:
            if ovs.timeval.msec() >= self._opened + 1000 * FIRST_COPY_S:
                self._closing = f"no database within {FIRST_COPY_S:.0f} s"
            return
        if self._txn is not None:
            self._settle()
        if self._view.stale_identity:
            self._view.stale_identity = False
            self._identify()
        self._write()
        if self._view.stale_facts and self.identity is not None:
            self._view.stale_facts = False
            self._report(self.identity)

    def _identify(self) -> None:
        root = self._view.root
        try:
            if root is None:
                raise Unidentified("there is no Open_vSwitch row", absent=True)
            wanted = identify(root.external_ids, root.uuid)
        except Unidentified as reason:
            if self.identity is not None and reason.absent:
                self._leave(str(reason))
            else:
                self._object(str(reason))
            return
        if wanted == self.identity:
            self._object("")
            return
        before = self.identity
        if before is not None and before.name != wanted.name:
            self._leave(f"{before.name} is now called {wanted.name}")
        refused = self._owner.claim(self, wanted)
        if refused is not None:
            self._object(refused)
        else:
            self._joined(wanted)

    def _joined(self, identity: Identity) -> None:
        LOG.info("%s: is chassis %s, %s", self.peer, identity.name, identity.encap_ip)
        if self.identity is None:
            self._reported = None
        self.identity = identity
        self.refusal = self._objection = ""
        self._leaving = False
        self._view.stale_plan = self._view.stale_facts = True

    def _leave(self, reason: str) -> None:
        self.identity = None
        self._leaving = True
        self._view.stale_plan = True
        self._refuse(reason)
        self._owner.left(self)

    def _object(self, reason: str) -> None:
        """The chassis cannot be what it says. If it was something before it stays that: a slip of the pen is no outage."""
        if self.identity is None:
            self._refuse(reason)
        elif reason != self._objection:
            self._objection = reason
            self._view.stale_facts = True

    def _refuse(self, reason: str) -> None:
        if reason != self.refusal:
            LOG.warning("%s: is no chassis: %s", self.peer, reason)
        self.refusal = reason

    def _write(self) -> None:
        """Start a transaction if the database is not as it should be, none is on its way and no pause is being kept."""
        if not self._view.stale_plan or self._txn is not None or ovs.timeval.msec() < self._retry.at:
            return
        if self.identity is None and not self._leaving:
            return
        self._view.stale_plan = False
        self._txn_leaves = self.identity is None
        txn = ovs.db.idl.Transaction(self._idl)
        try:
            if self.identity is not None:
                txn.add_comment(f"ryu_overlay: chassis {self.identity.name}")
                ovsdb_plan.join(txn, self._view, self._wanted(self.identity))
            else:
                txn.add_comment("ryu_overlay: chassis left")
                ovsdb_plan.leave(txn, self._view)
            status = txn.commit()
        except BaseException:
            txn.abort()
            raise
        if status == txn.INCOMPLETE:
            self._txn = txn
        else:
            self._written(txn, status)

    def _settle(self) -> None:
        status = self._txn.commit()
        if status != self._txn.INCOMPLETE:
            txn, self._txn = self._txn, None
            self._written(txn, status)

    def _written(self, txn: Any, status: str) -> None:
        if status in (txn.SUCCESS, txn.UNCHANGED):
            self._view.stale_facts |= bool(self._retry.reason)
            self._retry = Retry()
            self._leaving &= not self._txn_leaves
            return
        # Anything but an error means that the request was not sent, as on a connection that just broke.
        reason = f"the database refused a change: {txn.get_error()}" if status == txn.ERROR else ""
        if reason and self.identity is None and reason != self._retry.reason:
            LOG.warning("%s: %s", self.peer, reason)
        self._retry.failed(reason)
        self._view.stale_plan = self._view.stale_facts = True

    def _wanted(self, identity: Identity) -> Wanted:
        return Wanted(identity.encap_ip, self._controller, self._manager, self._owner.plan_of(identity.name))

    def _report(self, identity: Identity) -> None:
        problems = [reason for reason in (self._objection, self._retry.reason) if reason]
        problems += ovsdb_plan.objections(self._view, self._wanted(identity))
        facts = self._view.facts(identity, problems)
        if facts != self._reported:
            for problem in set(facts.problems) - set(self._reported.problems if self._reported is not None else ()):
                LOG.warning("%s: chassis %s: %s", self.peer, identity.name, problem)
            self._reported = facts
            self._owner.report(facts)

    def _wait(self) -> None:
        if self._channel.pending:
            eventlet.sleep(0)
        elif self._session.is_connected() and not self._closing:
            hub = hubs.get_hub()
            kinds = [hub.READ, hub.WRITE] if self._session.get_backlog() else [hub.READ]
            listeners = [hub.add(kind, self._sock.fileno(), self.poke, self.poke, self.poke) for kind in kinds]
            try:
                self._poked.wait(self._patience())
            finally:
                for listener in listeners:
                    hub.remove(listener)
        self._poked = Event()

    def _patience(self) -> float | None:
        """Seconds until something is due though nothing happens, None if nothing is."""
        now = ovs.timeval.msec()
        silence = self._session.reconnect.timeout(now)
        due = [] if silence is None else [now + silence]
        if not self._idl.synced:
            due.append(self._opened + 1000 * FIRST_COPY_S)
        elif self._view.stale_plan and self._txn is None and self._retry.at > now:
            due.append(self._retry.at)
        return max(min(due) - now, 1.0) / 1000 if due else None


def endpoint(host: str, port: int) -> str:
    """A TCP target as Open vSwitch writes it; addresses of IPv6 go in brackets, those it merely maps are IPv4 (RFC 4291)."""
    address = ip_address(host.partition("%")[0])
    if address.version == 6:
        if address.ipv4_mapped is not None:
            return f"tcp:{address.ipv4_mapped}:{port}"
        return f"tcp:[{host}]:{port}"
    return f"tcp:{host}:{port}"
