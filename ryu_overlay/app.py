"""The Ryu application: `ryu-manager ryu_overlay.app`. It connects the rooms and decides nothing.

Facts go up: store and chassis -> events -> engine. Data goes down: engine -> effects -> switches, chassis, store.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, ClassVar

import eventlet
from ryu import cfg
from ryu.app.wsgi import WSGIApplication
from ryu.base import app_manager
from ryu.controller import ofp_event
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from ryu.ofproto import ofproto_v1_3
from ryu.ofproto.ofproto_common import OFP_TCP_PORT

from ryu_overlay.engine.engine import Engine, Options
from ryu_overlay.engine.events import (
    ChassisLost,
    ChassisReported,
    FabricRemembered,
    NetworkChanged,
    PlanTunnels,
    Read,
    Remember,
    Send,
)
from ryu_overlay.engine.ways import Ways
from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.model.network import Network
from ryu_overlay.northbound.live import LiveService
from ryu_overlay.northbound.schemas_health import fault_document
from ryu_overlay.northbound.wsgi import mount
from ryu_overlay.oam.fairness import Fairness
from ryu_overlay.oam.responder import Responder
from ryu_overlay.oam.translations import NUMBER as TRANSLATIONS
from ryu_overlay.pipeline.limits import Limits
from ryu_overlay.southbound.captures import Captures
from ryu_overlay.southbound.checks import Checks
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.monitor import Monitor
from ryu_overlay.southbound.ovsdb import ChassisPlan, ChassisServer
from ryu_overlay.southbound.ovsdb_plan import FAST_MS
from ryu_overlay.southbound.probes import Probes
from ryu_overlay.southbound.punts import Punts
from ryu_overlay.southbound.switches import Switches
from ryu_overlay.southbound.translating import Translating
from ryu_overlay.southbound.usage import Keeping, Usage
from ryu_overlay.southbound.webhook import Webhook
from ryu_overlay.store.records import ChassisRecord, FabricMemory
from ryu_overlay.store.server import PrivateServer, ServerError
from ryu_overlay.store.store import Store

CONF = cfg.CONF
_MOST = 1_000_000
"""Packets a second: more than Open vSwitch tells a controller of."""
CONF.register_cli_opts(
    [
        cfg.StrOpt("db", help="OVSDB of the logical network: unix:PATH or tcp:A:PORT,tcp:B:PORT,...; default: one of our own"),
        cfg.StrOpt("data-dir", help="where our own database lives (default /var/lib/ryu-overlay, or ~/.local/state/ryu-overlay)"),
        cfg.StrOpt("ovsdb-host", default="0.0.0.0", help="address to listen on for chassis"),
        cfg.IntOpt("ovsdb-port", default=6640, min=1, max=65535, help="port to listen on for chassis"),
        cfg.StrOpt("openflow-target", help="where chassis find OpenFlow (default: the address they reached OVSDB at)"),
        cfg.IntOpt(
            "punt-rate", default=2000, min=1, max=_MOST, help="packets a second that one chassis may send to the controller"
        ),
        cfg.IntOpt(
            "punt-rate-port", default=200, min=1, max=_MOST, help="packets a second of one VM that may go to the controller"
        ),
        cfg.IntOpt(
            "answer-rate", default=10000, min=1, max=_MOST, help="packets a second that routers answer in all, shared out fairly"
        ),
        cfg.IntOpt(
            "gateway-check-ms",
            default=FAST_MS,
            min=10,
            max=1000,
            help="milliseconds between continuity checks of gateways; one is given up after 3.5 to 7 of them",
        ),
        cfg.IntOpt(
            "capture-rate-max", default=5000, min=1, max=_MOST, help="packets a second that one chassis may send to all captures"
        ),
        cfg.FloatOpt("audit-interval", default=30.0, min=1.0, help="seconds between audits of a chassis"),
        cfg.StrOpt("webhook", help="http:// or https:// URL that each fault is POSTed to when it is raised, changes or ends"),
        cfg.FloatOpt("guest-check-interval", default=30.0, min=0.0, help="seconds between ARP questions to a guest, 0 for none"),
        cfg.StrOpt("usage-db", help="SQLAlchemy URL of the ledger of usage, such as postgresql+psycopg://...; default: SQLite"),
        cfg.IntOpt("usage-interval", default=300, help="seconds of its intervals: a whole part of an hour"),
        cfg.IntOpt("usage-interval-days", default=35, min=1, help="days for which intervals are kept, then only hours"),
        cfg.IntOpt("usage-hour-days", default=400, min=1, help="days for which hours are kept, then only days"),
        cfg.BoolOpt("audit-on-change", default=True, help="audit a chassis at once when somebody else changes its flows"),
    ],
    group="overlay",
)
_DATABASE_LOOKED_AT_EVERY = 2.0
_SILENCES = "health/silences"
"""The memory's note of what nobody is to be alarmed by."""

CONF.set_default("wsapi_host", "127.0.0.1")
CONF.set_default("ofp_tcp_listen_port", OFP_TCP_PORT)


class Overlay(app_manager.RyuApp):  # type: ignore[misc]
    """Everything, wired."""

    OFP_VERSIONS: ClassVar = [ofproto_v1_3.OFP_VERSION]
    _CONTEXTS: ClassVar = {"wsgi": WSGIApplication}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        options = CONF.overlay
        # First, since a bad URL ends the start.
        self._webhook = _webhook(options.webhook)
        self._known = False
        self._fairness = Fairness(options.answer_rate, options.punt_rate)
        self._responder = Responder(lambda: self._engine.mtu, self._admit, lambda asked: self._ways.path_of(asked))
        self._engine = Engine(Options(Limits(options.punt_rate, options.punt_rate_port), options.audit_interval))
        self._ways = Ways(self._engine)
        self._loop = Loop(self._engine)
        self._punts = Punts(
            self._responder, self._loop.post, lambda *heard: self._checks.answer(*heard), self._on_observed, self._on_probe
        )
        self._switches = Switches(self._loop.post, self._punts.answer, options.audit_on_change)
        self._monitor = Monitor(self._loop, self._switches, self._keep_silences, options.guest_check_interval)
        if self._webhook is not None:
            self._monitor.on_fault = self._webhook.tell
        self._checks = Checks(self._loop, self._switches)
        self._captures = Captures(self._loop, self._switches, options.capture_rate_max)
        self._probes = Probes(self._loop, self._switches)
        self._translating = Translating(self._loop, self._switches, self._captures)
        self._chassis = ChassisServer(
            (options.ovsdb_host, options.ovsdb_port),
            CONF.ofp_tcp_listen_port,
            self._on_facts,
            lambda name, *, left: self._loop.post(ChassisLost(name, left)),
            options.openflow_target,
        )
        self._server = None if options.db else _own_database(options.data_dir)
        remote = options.db if self._server is None else self._server.remote
        keeping = Keeping(_interval(options.usage_interval), options.usage_interval_days, options.usage_hour_days)
        self._usage = Usage(self._loop, self._switches, options.usage_db or _own_ledger(options.data_dir), keeping)
        self._store = Store(remote, self._on_network, self._on_memory)
        self._loop.hand(Send, lambda e: self._switches.send(e.dpid, e.messages))
        self._loop.hand(Read, lambda e: self._switches.read(e.dpid, e.token))
        self._loop.hand(PlanTunnels, self._plan)
        self._loop.hand(Remember, self._remember)
        service = LiveService(
            self._store,
            self._loop,
            self._switches,
            self._responder,
            self._fairness,
            self._checks,
            self._captures,
            self._probes,
            self._translating,
            self._monitor,
            self._usage,
        )
        mount(kwargs["wsgi"], service)

    def start(self) -> None:
        """Ryu calls this once every app is there."""
        super().start()
        self._chassis.start()
        eventlet.spawn(self._loop.run)
        eventlet.spawn(self._store.run)
        eventlet.spawn(self._checks.run)
        self._monitor.start()
        self._usage.start()
        if self._webhook is not None:
            eventlet.spawn(self._webhook.run)
        if self._server is not None:
            eventlet.spawn(self._keep_database, self._server)

    @set_ev_cls(ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER])  # type: ignore[untyped-decorator]
    def _on_channel(self, event: Any) -> None:
        if event.state == MAIN_DISPATCHER:
            self._switches.up(event.datapath)
        elif event.datapath.id is not None:
            self._switches.down(event.datapath)

    def _keep_database(self, server: PrivateServer) -> None:
        """Start our own database server again should it have died."""
        while True:
            eventlet.sleep(_DATABASE_LOOKED_AT_EVERY)
            if not self._store.connected:
                try:
                    server.start()
                except ServerError as error:
                    self.logger.error("the database server is gone and does not start: %s", error)

    def _admit(self, dpid: int, port: int) -> bool:
        return self._fairness.admit(dpid, port, time.monotonic())

    def _on_probe(self, dpid: int, data: bytes) -> None:
        if not self._monitor.heard(dpid, data):
            self._probes.heard(dpid, data)

    def _on_observed(self, dpid: int, number: int, data: bytes) -> None:
        if number == TRANSLATIONS:
            self._translating.heard(dpid, data)
        else:
            self._captures.heard(dpid, number, data)

    def _on_facts(self, facts: ChassisFacts) -> None:
        self._loop.post(ChassisReported(facts))

    def _on_network(self, network: Network) -> None:
        self._responder.network(network)
        self._loop.post(NetworkChanged(network))

    def _on_memory(self, memory: FabricMemory) -> None:
        if not self._known:
            self._known = True
            encap_ips = {name: record.encap_ip for name, record in memory.chassis.items()}
            mappings = {name: dict(record.bridge_mappings) for name, record in memory.chassis.items()}
            self._monitor.remembered(memory.notes.get(_SILENCES, ""))
            self._loop.post(FabricRemembered(encap_ips, memory.bindings, mappings, memory.notes))

    def _keep_silences(self, text: str) -> None:
        self._store.remember({}, {}, {_SILENCES: text})

    def _plan(self, effect: PlanTunnels) -> None:
        plan = ChassisPlan(effect.tunnels, effect.patches, effect.fast, CONF.overlay.gateway_check_ms)
        self._chassis.plan(effect.chassis, plan)

    def _remember(self, effect: Remember) -> None:
        chassis = {name: None if facts is None else _record(facts) for name, facts in effect.chassis.items()}
        self._store.remember(chassis, effect.bindings, effect.notes)


def _data(directory: str | None) -> Path:
    if directory:
        return Path(directory)
    return Path("/var/lib/ryu-overlay") if os.geteuid() == 0 else Path.home() / ".local/state/ryu-overlay"


def _interval(seconds: int) -> int:
    if seconds < 1 or 3600 % seconds or seconds == 3600:
        option = "option usage-interval in [overlay] (--overlay-usage-interval)"
        raise SystemExit(f"{option}: must be a whole part of an hour, in seconds")
    return seconds


def _own_ledger(directory: str | None) -> str:
    place = _data(directory)
    place.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{place.absolute()}/usage.db"


def _own_database(directory: str | None) -> PrivateServer:
    server = PrivateServer(_data(directory))
    server.start()
    return server


def _webhook(url: str | None) -> Webhook | None:
    if not url:
        return None
    try:
        return Webhook(url, lambda fault: fault_document(fault).model_dump_json().encode() + b"\n")
    except ValueError as error:
        raise SystemExit(f"option webhook in [overlay] (--overlay-webhook): {error}") from error


def _record(facts: ChassisFacts) -> ChassisRecord:
    return ChassisRecord(facts.name, facts.encap_ip, facts.bridge_mappings, facts.mtu, facts.datapath_type, facts.ovs_version)
