"""What the engine knows of chassis, flows and uplinks, in the words of `health`, which must not know the engine.

Times there are by a clock of the caller's: what the engine knows by the wall clock is put into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ryu_overlay.compiler.keys import OWNER
from ryu_overlay.engine.drift import CHANGED, FOREIGN, MISSING, Drift
from ryu_overlay.engine.engine import WAIT_FOR_CHASSIS, Engine
from ryu_overlay.fabric.facts import ChassisFacts
from ryu_overlay.health.evidence import Altered, Host
from ryu_overlay.health.rests import Ground
from ryu_overlay.model.network import Network
from ryu_overlay.model.objects import KEY_BITS, Ref
from ryu_overlay.model.problems import spelled
from ryu_overlay.openflow.describe import flow_text, read_match
from ryu_overlay.openflow.fields import Field
from ryu_overlay.openflow.flow import Flow, FlowKey, FlowValue, Program
from ryu_overlay.pipeline.cookies import read_cookie
from ryu_overlay.pipeline.registers import PROBE
from ryu_overlay.pipeline.table import ON_TOP
from ryu_overlay.pipeline.tables import TABLE_NAMES

_TOLD_FOR = 10.0
"""Seconds that something which was put right is spoken of."""
_FOREIGN_TOLD = 50
_REPLUGS = 1000
"""How many ports that came or went are remembered of a chassis."""
_TUNNEL_MADE_WITHIN = 5.0

_BELOW = min(ON_TOP.values()) - 1
"""The highest priority of flows that tenants' packets are looked up by."""
_Found = tuple[str, FlowKey, FlowValue]


class Scenes:
    """Hosts and altered flows from moment to moment: since when something is so is remembered here."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._since: dict[tuple[str, str], float] = {}
        self._plugged: dict[str, tuple[ChassisFacts, set[int], tuple[float, ...]]] = {}
        self._began: float | None = None
        self._indexed: tuple[Program, dict[int, list[Flow]]] | None = None
        self._objects: dict[_Found, tuple[Network, Program | None, str]] = {}
        self._asked: dict[_Found, tuple[Network, Program | None, str]] = {}

    def hosts(self, now: float, silent: Mapping[str, float]) -> dict[str, Host]:
        """Every chassis that is known. `silent` are bridges that do not answer, and since when."""
        engine = self._engine
        if not engine.ready:
            return {}
        self._began = now if self._began is None else self._began
        self._since = {(name, what): at for (name, what), at in self._since.items() if name in engine.encap_ips}
        self._plugged = {name: known for name, known in self._plugged.items() if name in engine.encap_ips}
        behind = set(engine.lagging(engine.network.revision))
        return {name: self._host(name, now, silent.get(name), name in behind) for name in sorted(engine.encap_ips)}

    def altered(self, now: float, wall: float) -> tuple[Altered, ...]:
        """What was not as it should be on bridges, lately or still."""
        found, self._asked = [], {}
        for bridge in self._engine.bridges:
            recent = [d for d in bridge.drift[-500:] if wall - d.at < _TOLD_FOR]
            foreign = [d for d in bridge.foreign if d.key[0] in TABLE_NAMES][:_FOREIGN_TOLD]
            found += [self._of(drift, now, wall) for drift in (*recent, *foreign)]
            for at, words in bridge.group_drift:
                if wall - at < _TOLD_FOR:
                    found.append(Altered(bridge.chassis, "group", "", self._group(words), words, now - (wall - at), False))
        self._objects = self._asked
        return tuple(one for one in found if one.what != "foreign" or one.object)

    def _host(self, name: str, now: float, silent: float | None, behind: bool) -> Host:
        engine, facts = self._engine, self._engine.facts.get(name)
        bridge = engine.bridge_of(name)
        joined = facts is not None or (self._began is not None and now - self._began > WAIT_FOR_CHASSIS)
        gone = self._lasting(name, "gone", now, bridge is None and joined)
        missing = self._missing(name, now) if bridge is not None else frozenset()
        late = self._lasting(name, "behind", now, bridge is not None and behind)
        here = facts is not None and name in engine.connected
        return Host(
            name,
            channel=bridge is not None or not joined,
            database=name in engine.connected,
            address=str(engine.encap_ips[name]),
            gone=gone,
            silent=silent,
            carrier=facts.carrier if here and facts is not None else None,
            missing=missing,
            unheard=self._unheard(name) if here else frozenset(),
            dead_ends=frozenset(n for n, p in facts.patches.items() if not p.up) if here and facts is not None else frozenset(),
            unplugged=self._ports(name, facts.down) if here and facts is not None else frozenset(),
            off=self._ports(name, facts.off) if here and facts is not None else frozenset(),
            behind=late,
            replugged=self._replugged(name, now),
            problems=() if bridge is None else tuple(bridge.refused),
        )

    def _lasting(self, name: str, what: str, now: float, is_so: bool) -> float | None:
        """Since when something is so."""
        if is_so:
            return self._since.setdefault((name, what), now)
        self._since.pop((name, what), None)
        return None

    def _replugged(self, name: str, now: float) -> tuple[float, ...]:
        """When ports came or went."""
        facts = self._engine.facts.get(name)
        if facts is None:
            return ()
        known = self._plugged.get(name)
        if known is None or known[0] is not facts:
            ports = {p.ofport for each in (facts.vifs, facts.tunnels, facts.patches) for p in each.values()}
            changed = 0 if known is None else len(ports ^ known[1])
            times = () if known is None else known[2]
            known = self._plugged[name] = facts, ports, (*times, *[now] * changed)[-_REPLUGS:] if changed else times
        return known[2]

    def _missing(self, name: str, now: float) -> frozenset[str]:
        """The chassis that it has had no tunnel to for a while."""
        made, wanted = self._engine.fabric.tunnels.get(name, {}), self._engine.tunnels_wanted.get(name, frozenset())
        since = {peer: self._lasting(name, f"no tunnel to {peer}", now, peer in wanted and peer not in made) for peer in wanted}
        return frozenset(peer for peer, at in since.items() if at is not None and now - at > _TUNNEL_MADE_WITHIN)

    def _unheard(self, name: str) -> frozenset[str]:
        names = {address: peer for peer, address in self._engine.encap_ips.items()}
        tunnels = self._engine.facts[name].tunnels.items()
        return frozenset(names[address] for address, port in tunnels if not port.up and address in names)

    def _ports(self, chassis: str, iface_ids: frozenset[str]) -> frozenset[str]:
        engine = self._engine
        ports = (engine.network.find_port(iface_id) for iface_id in iface_ids)
        here = (p for p in ports if p is not None and p.enabled and (spot := engine.bindings.spot(p)) and spot.chassis == chassis)
        return frozenset(port.name for port in here)

    def _of(self, drift: Drift, now: float, wall: float) -> Altered:
        program = self._engine.programs.get(drift.chassis)
        known = self._objects.get((drift.chassis, drift.key, drift.value))
        if known is None or known[0] is not self._engine.network or (drift.what == FOREIGN and known[1] is not program):
            known = self._engine.network, program, self._object(drift, program)
        self._asked[drift.chassis, drift.key, drift.value] = known
        what = {MISSING: "missing", CHANGED: "changed", FOREIGN: "foreign"}.get(drift.what, "extra")
        table = TABLE_NAMES.get(drift.key[0], str(drift.key[0]))
        text = flow_text(drift.key, drift.value)
        return Altered(drift.chassis, what, table, known[2], text, now - (wall - drift.at), not drift.healed)

    def _object(self, drift: Drift, program: Program | None) -> str:
        if drift.what == FOREIGN:
            return "-" if program is None else shadowed(drift, self._by_table(program), self._engine.network)
        return _spelled(self._engine.network, drift.value[0])

    def _by_table(self, program: Program) -> dict[int, list[Flow]]:
        if self._indexed is None or self._indexed[0] is not program:
            self._indexed = program, by_table(program)
        return self._indexed[1]

    def _group(self, words: str) -> str:
        number = int("".join(c for c in words.split(" was ")[0] if c.isdigit()) or 0)
        obj = self._engine.network.by_key.get(number & (1 << KEY_BITS) - 1)
        return "-" if obj is None or number >> KEY_BITS > OWNER else spelled(obj)


def by_table(program: Program) -> dict[int, list[Flow]]:
    """A program's flows by their tables."""
    tables: dict[int, list[Flow]] = {}
    for block in program.blocks.values():
        for flow in block.flows:
            tables.setdefault(flow.table, []).append(flow)
    return tables


def shadowed(drift: Drift, tables: Mapping[int, Iterable[Flow]], network: Network) -> str:
    """The one object whose flows a foreign flow may take packets from; "-" for several or those of none; "" for no flow."""
    table, priority, oxm = drift.key
    asked = {field: (value, mask) for field, value, mask in read_match(oxm)[0]}
    of_none, found = False, ""
    for flow in tables.get(table, ()):
        of_probes = any(field is PROBE.field for field, _, _ in flow.match)
        if flow.priority <= min(priority, _BELOW) and flow.match and not of_probes and _overlap(asked, flow):
            name = _spelled(network, flow.cookie)
            if name == "-":
                of_none = True
            elif found not in ("", name):
                return "-"
            else:
                found = name
    return found or ("-" if of_none else "")


def _overlap(asked: Mapping[Field, tuple[int, int | None]], flow: Flow) -> bool:
    """Whether some packet matches both."""
    for name, value, mask in flow.match:
        other, bits = asked.get(name, (value, None))
        if (value ^ other) & (-1 if mask is None else mask) & (-1 if bits is None else bits):
            return False
    return True


def _spelled(network: Network, cookie: int) -> str:
    why = read_cookie(cookie)
    obj = None if why is None or not why.key else network.by_key.get(why.key)
    return "-" if obj is None else spelled(obj)


def networks(network: Network) -> dict[int, str]:
    """How operators spell whose a VNI is."""
    return {vni: "/".join(ref) for vni, ref in network.vnis.items()}


def active(engine: Engine) -> dict[Ref, str | None]:
    """The chassis that carries each uplink now, None for none."""
    found: dict[Ref, str | None] = {}
    for ref, view in engine.network.external_views.items():
        for uplink in engine.network.uplinks(ref):
            order = engine.uplinks.gateways.get(uplink.ref, ())
            able = [n for n in order if view.network.physical_network in engine.uplinks.physical.get(n, {})]
            found[uplink.ref] = able[0] if able and able[0] == order[0] else None
    return found


def orphans(engine: Engine) -> Iterator[str]:
    """Uplinks that nobody carries, once all chassis have had the time to come."""
    if not engine.ready or not engine.facts:
        return iter(())
    return ("/".join(ref) for ref, name in active(engine).items() if name is None)


def ground(engine: Engine) -> Ground:
    """What impact is worked out from."""
    return Ground(engine.network, engine.fabric, active(engine))
