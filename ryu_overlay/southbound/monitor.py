"""The hands of steady monitoring: probes out, what bridges tell of them in, counters read, faults told on.

What is sent, and what it means, is `health`'s. Everything runs in greenthreads of its own and raises nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator

import eventlet
from eventlet.queue import LightQueue

from ryu_overlay.engine.engine import Engine
from ryu_overlay.engine.events import SwitchTouched
from ryu_overlay.engine.scene import Scenes, ground, networks, orphans
from ryu_overlay.health.book import Book
from ryu_overlay.health.covering import wider
from ryu_overlay.health.elements import Element, Layer
from ryu_overlay.health.faults import Fault, Impact
from ryu_overlay.health.frames import probe_out, read_probe
from ryu_overlay.health.impact import impact
from ryu_overlay.health.planning import Certificate, Plan, certificate, every, plan
from ryu_overlay.health.probes import Ask, Probe
from ryu_overlay.health.report import Silence
from ryu_overlay.health.rests import Ground
from ryu_overlay.health.topology import ProbePath, Topology
from ryu_overlay.health.watch import Scene, Watch
from ryu_overlay.oam.arp import parse
from ryu_overlay.openflow.fields import CT_MARK, IN_PORT, TUN_ID
from ryu_overlay.openflow.messages import group_request
from ryu_overlay.openflow.packet_in import parse_packet_in
from ryu_overlay.openflow.replies import parse_groups
from ryu_overlay.pipeline.cookies import Feature, read_cookie
from ryu_overlay.pipeline.tables import ECHO_BACK_VNI, LS_IN_LOOKUP, ROOM_VNI
from ryu_overlay.southbound.asking import ask_soon
from ryu_overlay.southbound.counters import Counters
from ryu_overlay.southbound.guests import Guests
from ryu_overlay.southbound.loop import Loop
from ryu_overlay.southbound.switches import Switches
from ryu_overlay.southbound.translations_lost import Lost

LOG = logging.getLogger(__name__)

_TICK = 0.02
_MOST_OF_A_TICK = 0.06
"""Seconds by which the patient clock goes on at most at a time: what the controller missed while it was held up proves
nothing."""
_COUNTED_EVERY = 1.0
_GROUPS_EVERY = 3.0
_LEAST_MTU = 576
_KNOWN_FOR, _TRIED_WITHIN = 4.0, 30.0
_BLIND_FOR = 10.0
"""Seconds after a failure of the monitor's own in which it does not say that all is well."""
_CARRIED_WITHIN = 5.0
_ALL_PAIRS = 12
"""Pairs of chassis that are all tried: fewer paths would spare nothing."""


class Monitor:
    """Runs for as long as the controller does. `failures` counts exceptions, each of which is logged."""

    def __init__(self, loop: Loop, switches: Switches, keep: Callable[[str], None], guests_every: float) -> None:
        """`guests_every` is how often guests are asked, in seconds, 0 for never. `keep` has silences remembered over a
        restart, as text that `remembered` takes."""
        self.failures = 0
        self.engine: Engine = loop.engine
        self._loop = loop
        self._switches = switches
        self._groups_at = 0.0
        self._scenes = Scenes(self.engine)
        self._ground: tuple[tuple[object, ...], Ground] | None = None
        self._failed_at: float | None = None
        self.book = Book(self.impact, wider)
        self.watch = Watch(self.book)
        self._counters = Counters(self.engine, switches)
        self._lost = Lost(self.engine, switches)
        self._guests = Guests(self.engine, switches, guests_every)
        self._keep = keep
        self._clock = 0.0
        self._last = time.monotonic()
        self._planned: object = None
        self._paths: tuple[ProbePath, ...] = ()
        self._alone: dict[str, float] = {}
        self.topology = Topology(())
        self.certificate: Certificate | None = None
        self._listeners: set[LightQueue] = set()
        self.on_fault: Callable[[Fault], None] = lambda fault: None
        """Told of each fault that is raised, changes or ends; must not block."""
        switches.on_alive = self._alive

    def remembered(self, text: str) -> None:
        """Silences as they were kept."""
        self.book.load(text)

    def start(self) -> None:
        """Begin."""
        eventlet.spawn(self._run, _TICK, self._step)
        eventlet.spawn(self._run, _COUNTED_EVERY, self._count)

    def heard(self, dpid: int, data: bytes) -> bool:
        """A packet-in about a probe; whether it was one of the monitor's. Raises struct.error or ValueError for what is cut
        short."""
        packet = parse_packet_in(data)
        why = read_cookie(packet.cookie)
        if why is not None and why.feature is Feature.PUNT_GUEST and packet.table == LS_IN_LOOKUP.number:
            arp = parse(packet.frame)
            if arp is not None:
                self._guests.told(dpid, packet.fields.get(IN_PORT, 0), int(arp.spa), self._clock)
        if why is None or why.feature not in (Feature.PUNT_ECHO, Feature.PUNT_CROSSED):
            return False
        read = read_probe(packet.frame)
        bridge = self.engine.bridges.by_dpid(dpid)
        if read is None or bridge is None:
            return read is not None
        token, whole = read
        if packet.fields.get(TUN_ID, 0) == ROOM_VNI:
            self._lost.room(bridge.chassis, bool(packet.fields.get(CT_MARK, 0)))
            return True
        back = packet.fields.get(TUN_ID, 0) == ECHO_BACK_VNI
        self.watch.prober.heard(token, bridge.chassis, back, self._clock, time.monotonic(), whole)
        return True

    def impact(self, element: Element) -> Impact:
        """Who rests on an element as things are now."""
        return impact(self.ground(), element)

    def ground(self) -> Ground:
        """What impact is worked out from, the same object while nothing changed."""
        engine = self.engine
        key = (engine.network, engine.fabric, engine.uplinks.gateways)
        if self._ground is None or any(now is not before for now, before in zip(key, self._ground[0])):
            self._ground = key, ground(engine)
        return self._ground[1]

    def listen(self) -> Iterator[Fault | None]:
        """Each fault as it is raised, changes or ends, first those that last; None after BEAT seconds in which nothing did."""
        queue: LightQueue = LightQueue(1000)
        self._listeners.add(queue)
        try:
            yield from (fault for fault in self.book.faults(time.time()) if fault.until is None)
            while True:
                try:
                    yield queue.get(timeout=10.0)
                except eventlet.queue.Empty:
                    yield None
        finally:
            self._listeners.discard(queue)

    def watched(self, layer: Layer) -> tuple[int, int]:
        """How many elements of a layer are watched, and of how many of them nothing is known now. What a silent or absent chassis
        hides counts once, as that chassis."""
        watched, unknown = self._watched(layer)
        blind = self._failed_at is not None and time.monotonic() - self._failed_at < _BLIND_FOR
        return watched, watched if blind else unknown

    def _watched(self, layer: Layer) -> tuple[int, int]:
        hosts, now = self.watch.scene.hosts, self._clock
        mute = {name for name, host in hosts.items() if not host.channel or host.silent is not None}
        if layer == "underlay":
            known = self.watch.evidence.directions.items()
            pairs = {(a, b): d for (a, b, full), d in known if not full and now - d.tried < _TRIED_WITHIN and not {a, b} & mute}
            return len(pairs), sum(d.run == 0 and (d.passed_at is None or now - d.passed_at > _KNOWN_FOR) for d in pairs.values())
        if layer == "tunnel":
            keys = [key for key in self._counters.known if not {*key[1:]} & mute]
            return len(keys), sum(not self.watch.ledger.known(key, now) for key in keys)
        if layer == "guest":
            places = self.ground().places.values()
            return len(places), sum(place.chassis not in self.engine.connected for place in places)
        return len(hosts), len(mute)

    def silence(self, silence: Silence) -> None:
        """Have nobody alarmed."""
        self.book.silence(silence)
        self._keep(self.book.dump())

    def unsilence(self, what: str, name: str) -> bool:
        """Take that back; whether it was said."""
        was = self.book.unsilence(what, name)
        self._keep(self.book.dump())
        return was

    def _run(self, pause: float, step: Callable[[], None]) -> None:
        while True:
            eventlet.sleep(pause)
            try:
                step()
            except Exception:
                self.failures += 1
                self._failed_at = time.monotonic()
                LOG.exception("monitoring failed once")
                eventlet.sleep(1.0)

    def _step(self) -> None:
        raw = time.monotonic()
        self._clock += min(raw - self._last, _MOST_OF_A_TICK)
        self._last = raw
        if not self.engine.ready:
            return
        bridges = {bridge.chassis: bridge for bridge in self.engine.bridges if bridge.confirmed}
        prober = self.watch.prober
        prober.present(bridges.keys(), self._clock)
        self._plan()
        out, faults = self.watch.step(self._clock, raw, time.time(), self._scene)
        for each in out:
            bridge = bridges.get(each.sender if isinstance(each, Probe) else each.chassis)
            if bridge is None:
                continue
            if isinstance(each, Ask):
                self._switches.is_alive(bridge.dpid, each.token)
            elif (tunnel := self._tunnel(each.sender, each.receiver, bridges)) is not None:
                self._switches.send(bridge.dpid, (probe_out(each, tunnel, self.engine.mtu or _LEAST_MTU),))
            else:
                prober.unsent(each)
        for fault in faults:
            self._tell(fault)

    def _tunnel(self, sender: str, receiver: str, ready: Collection[str]) -> int | None:
        """The sender's port, if the receiver has one back, and is not just being told what to do."""
        tunnels = self.engine.fabric.tunnels
        joining = receiver not in ready and self.engine.bridge_of(receiver) is not None
        return None if joining or sender not in tunnels.get(receiver, {}) else tunnels.get(sender, {}).get(receiver)

    def _scene(self) -> Scene:
        engine, now = self.engine, self._clock
        return Scene(
            self._scenes.hosts(now, self._silent()),
            self._counters.known,
            networks(engine.network),
            self._scenes.altered(now, time.time()),
            self._lost.exhausted(),
            self._orphans(now),
            self._guests.silent(),
        )

    def _silent(self) -> dict[str, float]:
        """The chassis whose bridge does not answer, and since when."""
        prober = self.watch.prober
        return {name: at for name in prober.lives if (at := prober.silent(name, self._clock)) is not None}

    def _orphans(self, now: float) -> tuple[str, ...]:
        """Uplinks that nobody has carried for a while: a gateway that was just chosen has no port yet."""
        found = set(orphans(self.engine))
        self._alone = {uplink: self._alone.get(uplink, now) for uplink in found}
        return tuple(sorted(uplink for uplink, at in self._alone.items() if now - at > _CARRIED_WITHIN))

    def _plan(self) -> None:
        """Choose the paths to try, where tunnels are not what they were."""
        wanted = self.engine.tunnels_wanted
        if wanted is self._planned:
            return
        is_same = wanted == self._planned and self.topology == Topology.of(dict.fromkeys(self.engine.encap_ips))
        if is_same:
            self._planned = wanted
            return
        self._planned = wanted
        known = self.engine.encap_ips.keys()
        self.topology = Topology.of(dict.fromkeys(known))
        pairs = {(min(a, b), max(a, b)) for a, others in wanted.items() for b in others}
        chosen = Plan(every(pairs)) if len(pairs) <= _ALL_PAIRS else plan(self.topology, pairs, self._paths)
        self._paths = chosen.paths
        self.certificate = certificate(self.topology, chosen)
        self.watch.prober.schedule.steady([(p.a, p.b, p.entropy) for p in chosen.paths], self._clock)

    def _count(self) -> None:
        silent = self._silent()
        self._counters.read(self.watch.ledger, lambda: self._clock, silent)
        self._lost.read(self._clock, silent)
        self._guests.sweep(self._clock)
        self._audit_groups(silent)

    def _audit_groups(self, silent: Collection[str]) -> None:
        """No bridge tells of changes to groups, as it does of flows: what differs is audited at once."""
        if self._clock - self._groups_at < _GROUPS_EVERY:
            return
        self._groups_at = self._clock
        bridges = [bridge for bridge in self.engine.bridges if bridge.settled and bridge.chassis not in silent]
        asked = [(bridge, dict(bridge.groups), eventlet.spawn(self._groups, bridge.dpid)) for bridge in bridges]
        for bridge, before, thread in asked:
            found = thread.wait()
            if found is not None and before == dict(bridge.groups) and any(found.get(n) != value for n, value in before.items()):
                self._loop.post(SwitchTouched(bridge.dpid))

    def _groups(self, dpid: int) -> dict[int, tuple[int, bytes]] | None:
        bodies = ask_soon(self._switches, dpid, group_request)
        return None if bodies is None else {n: (kind, data) for body in bodies for n, kind, data in parse_groups(body)}

    def _alive(self, token: int) -> None:
        self.watch.prober.answered(token, self._clock, time.monotonic())

    def _tell(self, fault: Fault) -> None:
        level = logging.WARNING if fault.until is None and fault.verdict.what.provider else logging.INFO
        word = "fault" if fault.until is None else "over"
        LOG.log(level, "%s %s (%s): %s", word, fault.id, fault.layer, fault.text)
        for queue in list(self._listeners):
            if queue.full():
                queue.get()
            queue.put(fault)
        self.on_fault(fault)
