"""The controller's side of every chassis' OVSDB: chassis dial in, facts come out, plans go in.

    ovs-vsctl set Open_vSwitch . external_ids:system-id=hv1 external_ids:overlay-encap-ip=172.31.0.1 \\
        -- set-manager tcp:CONTROLLER:6640

makes a chassis join; removing either external_id makes it leave. Knows which connection is which chassis and the newest
plan of each, not what the facts mean or why a tunnel is wanted. Needs eventlet with patched sockets, as under Ryu.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import eventlet
from eventlet.green import socket

from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.southbound.ovsdb_claims import Claims, Identity, superseded
from ryu_overlay.southbound.ovsdb_link import Link
from ryu_overlay.southbound.ovsdb_plan import ChassisPlan

__all__ = ["ChassisPlan", "ChassisServer", "Lost"]

LOG = logging.getLogger(__name__)

_BACKLOG = 1024
_ACCEPT_PAUSE_S = 1.0


class Lost(Protocol):
    """Called when a joined chassis is no longer followed.

    `left` tells an operator's decision (its system-id or encapsulation address was taken away or renamed; its tunnels go)
    from a connection that ended and may come back (its tunnels and flows stay).
    """

    def __call__(self, name: str, *, left: bool) -> None: ...


class ChassisServer:
    """Listens on `listen` (host, port) and serves every chassis that connects.

    `facts` is called with the state of a joined chassis when it joins or connects anew, and then once for each batch of
    changes in its database that matter. The chassis' switch is pointed at `openflow_target` if given, else at
    `openflow_port` (1 to 65535) on the address that its OVSDB reached us at. Callbacks run in greenthreads; what they
    raise is logged.
    """

    def __init__(
        self,
        listen: tuple[str, int],
        openflow_port: int,
        facts: Callable[[ChassisFacts], None],
        lost: Lost,
        openflow_target: str | None = None,
    ) -> None:
        self._listen = listen
        self._openflow: int | str = openflow_port if openflow_target is None else openflow_target
        self._facts = facts
        self._lost = lost
        self._plans: dict[str, ChassisPlan] = {}
        self._claims: Claims[Link] = Claims()
        self._links: set[Link] = set()
        self._arrivals = 0
        self._socket: Any = None
        self._acceptor: Any = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, once started; the port that was chosen if 0 was asked for."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def strangers(self) -> Mapping[str, str]:
        """Connections that are not joined chassis, though their database is known: far end and the reason."""
        return {link.peer: link.refusal for link in self._links if link.refusal}

    def start(self) -> None:
        """Bind and serve in greenthreads. Raises OSError when the address cannot be had."""
        family = socket.AF_INET6 if ":" in self._listen[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(self._listen)
            sock.listen(_BACKLOG)
        except OSError:
            sock.close()
            raise
        self._socket = sock
        self._acceptor = eventlet.spawn(self._accept)

    def stop(self) -> None:
        """Stop listening and end all connections. Nothing is changed on any chassis, and no loss is called."""
        self._acceptor.kill()
        self._socket.close()
        for link in tuple(self._links):
            self._claims.release(link)
            link.close("the controller stops")

    def plan(self, chassis: str, plan: ChassisPlan) -> None:
        """Set what `chassis` should have: written now if it is connected, and whenever it connects, until it leaves."""
        if self._plans.get(chassis) == plan:
            return
        self._plans[chassis] = plan
        holder = self._claims.holder(chassis)
        if holder is not None:
            holder.replan()

    def claim(self, link: Link, identity: Identity) -> str | None:
        """For links: see `Owner`."""
        freed = self._claims.held(link)
        ruling = self._claims.claim(link, identity)
        if ruling.replaced is not None:
            ruling.replaced.demote(superseded(identity, link))
        if ruling.refused is None and freed is not None:
            self._reconsider(link)
        return ruling.refused

    def plan_of(self, name: str) -> ChassisPlan | None:
        """For links: see `Owner`."""
        return self._plans.get(name)

    def report(self, facts: ChassisFacts) -> None:
        """For links: see `Owner`."""
        try:
            self._facts(facts)
        except Exception:
            LOG.exception("facts of chassis %s were not taken in", facts.name)

    def left(self, link: Link) -> None:
        """For links: see `Owner`."""
        self._release(link, left=True)

    def gone(self, link: Link) -> None:
        """For links: see `Owner`."""
        self._links.discard(link)
        self._release(link, left=False)

    def _release(self, link: Link, left: bool) -> None:
        identity = self._claims.release(link)
        if identity is None:
            return
        if left:
            self._plans.pop(identity.name, None)
        LOG.info("chassis %s %s", identity.name, "left" if left else "lost its connection")
        try:
            self._lost(identity.name, left=left)
        except Exception:
            LOG.exception("loss of chassis %s was not taken in", identity.name)
        self._reconsider(link)

    def _reconsider(self, but: Link) -> None:
        for other in tuple(self._links):
            if other is not but:
                other.reconsider()

    def _accept(self) -> None:
        while True:
            try:
                sock, peer = self._socket.accept()
            except OSError as error:
                LOG.error("cannot accept a connection: %s", error)
                eventlet.sleep(_ACCEPT_PAUSE_S)
                continue
            eventlet.spawn_n(self._serve, sock, f"tcp:{peer[0]}:{peer[1]}")

    def _serve(self, sock: Any, peer: str) -> None:
        self._arrivals += 1
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(sock, peer, self._arrivals, self, self._openflow)
        except OSError as error:
            LOG.info("%s: gone before it was served: %s", peer, error)
            sock.close()
            return
        self._links.add(link)
        link.serve()
