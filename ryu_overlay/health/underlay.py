"""Verdicts on the underlay and on tunnels, from probes and from what was sent against what was received."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from math import sqrt

from ryu_overlay.health.counted import Key, Loss
from ryu_overlay.health.direction import Direction
from ryu_overlay.health.elements import ANY, Element
from ryu_overlay.health.evidence import LOST_WHOLLY, Evidence, Shot
from ryu_overlay.health.explain import explain
from ryu_overlay.health.faults import Verdict
from ryu_overlay.health.probes import Pair
from ryu_overlay.health.schedule import BURST_GAP

Found = tuple[Verdict, float]
"""A verdict, and since when there are signs of it."""

SLOW_FOR = 3.0
"""Seconds that probes have to be late for."""
FRESH = 4.0
"""Seconds that a probe which passed tells of."""
SHOT_FRESH = 15.0
_SHOT_LOST = 2
"""Probes of a burst that have to be lost."""
_REPLUGGED, _REPLUGGED_LEAST, _REPLUGGED_AROUND = 0.01, 3, 0.5
"""Of what is sent in so many seconds, or so many packets at least, a port that comes or goes may make a bridge lose all; and how
exactly it is known when that was."""
_CORRUPTED, _CORRUPTED_OVER = 2, 20.0
LOST_FOR_CERTAIN = 10
_TOLD = 8
_ENOUGH, _ENOUGH_CARRIED = 5.0, 12.0
"""How many of the probes sent, and of tenants' packets, have to be lost on average before none lost says anything."""


def on_underlay(evidence: Evidence, away: Collection[str]) -> list[Found]:
    """All verdicts on what is between chassis. Nothing is said of those in `away`, whose hosts are at fault."""
    carriers = list(_carriers(evidence))
    cut = {v.element.names[0] for v, _ in carriers}
    seen = _Seen(evidence, {*away, *cut})
    down = list(seen.down())
    dark = set(seen.bad_down)
    corrupting = list(seen.corrupting(dark))
    lossy = list(seen.lossy(dark, {verdict.element for verdict, _ in corrupting}))
    return [
        *carriers,
        *down,
        *seen.holes(dark),
        *corrupting,
        *lossy,
        *seen.slow(dark, {verdict.element for verdict, _ in lossy}),
        *seen.vnis(dark),
        *_tunnels(evidence, away),
    ]


def bad_shots(evidence: Evidence) -> dict[Pair, float]:
    """By direction, the share that the last burst lost, where that is enough to tell: two or more, or any where tenants lose some
    too, and more than ports that came or went may have made bridges lose."""
    known = evidence.of_size(full=False)
    losing = {(loss.key[1], loss.key[2]) for loss in evidence.losses if not loss.step}
    ends = thin_ends(evidence)
    found = {}
    for pair, shot in evidence.shots.items():
        is_current = pair in known and known[pair].since < shot.ended and _is_fresh(shot.ended, evidence.now)
        if not is_current or not 0 < shot.lost < LOST_WHOLLY * shot.count:
            continue
        rate = 1 / BURST_GAP
        if shot.lost <= disturbed(evidence, pair, shot.ended, shot.ended + shot.count * BURST_GAP, rate):
            continue
        if shot.lost >= _SHOT_LOST or pair in losing or any(ends_at(loss, pair) for loss in ends):
            found[pair] = shot.lost / shot.count
    return found


def thin_ends(evidence: Evidence) -> list[Loss]:
    """What chassis lose of all they send, or get, where that is not because one network loses all."""
    whole = evidence.lost_wholly()
    return [end for end in evidence.ends if not any(ends_at(end, (a, b)) for _, a, b in whole)]


def lost_by_tenants(evidence: Evidence) -> dict[Pair, list[Loss]]:
    """What networks lose by direction, where they lose some and not all."""
    found, whole = dict[Pair, list[Loss]](), evidence.lost_wholly()
    for loss in evidence.losses:
        if not loss.step and loss.key not in whole:
            found.setdefault((loss.key[1], loss.key[2]), []).append(loss)
    return found


def ends_at(loss: Loss, pair: Pair) -> bool:
    """Whether what one chassis loses of all it sends, or gets, may be lost there."""
    return all(name in (ANY, end) for name, end in zip(loss.key[1:], pair))


def disturbed(evidence: Evidence, pair: Pair, since: float, until: float, rate: float) -> float:
    """How many packets of so many a second the bridges at both ends may have lost because ports of theirs came or went."""
    times = [at for name in pair if name in evidence.hosts for at in evidence.hosts[name].replugged]
    count = sum(since - _REPLUGGED_AROUND < at < until + _REPLUGGED_AROUND for at in times)
    return max(_REPLUGGED_LEAST, count * _REPLUGGED * rate) if count else 0.0


def passing(directions: Mapping[Pair, Direction], since: float, now: float) -> set[Pair]:
    """Directions that a probe passed which was sent since then. What passed before tells nothing of what happened since."""
    return {p for p, d in directions.items() if d.run == 0 and d.passed_at is not None and d.passed_at >= min(since, now)}


def bad_full(small: Mapping[Pair, Direction], full: Mapping[Pair, Direction], now: float) -> set[Pair]:
    """Directions that lose packets of full size, while small ones pass, and none of them was lost."""
    found = set()
    for pair, direction in full.items():
        other = small.get(pair)
        if other is not None and other.run == 0 and direction.down(now) and direction.run_since > other.since:
            passes = other.passed_at is not None and other.passed_at > direction.run_since
            if passes and other.strays(direction.run_since - FRESH) <= 1:
                found.add(pair)
    return found


class _Seen:
    def __init__(self, evidence: Evidence, away: Collection[str]) -> None:
        self._evidence = evidence
        self._away = frozenset(away)
        self._now = evidence.now
        self._small, self._full = (
            {pair: d for pair, d in evidence.of_size(full).items() if not {*pair} & {*away}} for full in (False, True)
        )
        self.bad_down = {pair for pair, d in self._small.items() if d.down(self._now)}

    def down(self) -> Iterator[Found]:
        since = {p: self._small[p].run_since for p in self.bad_down}
        good = passing(self._small, min(since.values(), default=self._now), self._now)
        for element, pairs in _explained(self.bad_down, good):
            lost = sum(self._small[p].run for p in pairs)
            words = f"{lost} probes in a row lost on {_list(pairs)}, while bridges at both ends answer"
            yield (
                Verdict("down", element, (words, *self._passing(good, element)), self._by_hand(pairs)),
                min(since[p] for p in pairs),
            )

    def holes(self, dark: Collection[Pair]) -> Iterator[Found]:
        bad = bad_full(self._small, self._full, self._now) - set(dark)
        good = passing(self._full, min((self._full[p].run_since for p in bad), default=self._now), self._now)
        for element, pairs in _explained(bad, good):
            lost = sum(self._full[p].run for p in pairs)
            words = f"{lost} probes of full size in a row lost on {_list(pairs)}, while small ones pass"
            yield Verdict("mtu_hole", element, (words,), self._by_hand(pairs)), min(self._full[p].run_since for p in pairs)

    def corrupting(self, dark: Collection[Pair]) -> Iterator[Found]:
        since = self._now - _CORRUPTED_OVER
        if not any(d.corrupted for d in (*self._small.values(), *self._full.values())):
            return
        counts = {p: d.corruptions(since) + self._full_corruptions(p, since) for p, d in self._small.items()}
        tried = {p: d.count(since) + self._shot(p) for p, d in self._small.items()}
        bad = {p for p, n in counts.items() if n >= _CORRUPTED and p not in dark}
        share = max((counts[p] / max(tried[p], 1) for p in bad), default=0.0)
        good = {p for p, n in tried.items() if counts[p] == 0 and n * share >= _ENOUGH}
        for element, pairs in _explained(bad, good):
            changed, all_ = sum(counts[p] for p in pairs), sum(tried[p] for p in pairs)
            words = f"{changed} of {all_} probes came with other bytes on {_list(pairs)}"
            first = [at for p in pairs for d in (self._small[p], self._full.get(p)) if d for at in d.corrupted if at >= since]
            yield Verdict("corrupting", element, (words,), self._by_hand(pairs)), min(first)

    def _shot(self, pair: Pair) -> int:
        """How many probes the last burst had, if it is not long ago."""
        shot = self._evidence.shots.get(pair)
        return 0 if shot is None or not _is_fresh(shot.ended, self._now) else shot.count

    def lossy(self, dark: Collection[Pair], corrupting: Collection[Element]) -> Iterator[Found]:
        """Packets that are changed on their way may be lost by that: where something is `corrupting`, it is no fault besides."""
        bad_of, shots, told = bad_shots(self._evidence), self._evidence.shots, self._told(dark)
        bad = ({*bad_of, *told} - set(dark)) & self._small.keys()
        share = self._share(bad, bad_of, told)
        late = self._evidence.late.keys()
        first = min((loss.since for p in bad for loss in told.get(p, ())), default=self._now)
        for element, pairs in _explained(bad, self._lossless(bad, share, first)):
            if all(any(_crosses(pair, other) for other in corrupting) for pair in pairs):
                continue
            losses = [loss for p in pairs for loss in told.get(p, ())]
            words = [
                f"{x.lost} of {x.sent} packets of {self._network(x.key)} {_list([x.key[1:]])} lost in {x.seconds:.0f} s"
                for x in losses
            ]
            words += [f"{shots[p].lost} of {shots[p].count} probes {_list([p])} lost" for p in sorted(pairs & bad_of.keys())]
            kind = "congested" if pairs <= late else "lossy"
            since = min([loss.since for loss in losses] or [shots[p].ended for p in pairs])
            yield Verdict(kind, element, (f"on {_list(pairs)}", *words[:_TOLD]), self._by_hand(pairs)), since

    def slow(self, dark: Collection[Pair], lossy: Collection[Element]) -> Iterator[Found]:
        late = self._evidence.late
        bad = {p: at for p, (at, _) in late.items() if self._now - at >= SLOW_FOR and p not in dark}
        for element, pairs in _explained(bad.keys(), self._evidence.timed - late.keys()):
            if element not in lossy:
                words = f"probes take {1000 * max(late[p][1] for p in pairs):.0f} ms more than they did on {_list(pairs)}"
                yield Verdict("slow", element, (words,), self._by_hand(pairs)), min(bad[p] for p in pairs)

    def vnis(self, dark: Collection[Pair]) -> Iterator[Found]:
        """Networks that lose all where others pass: on the wire, or in the sender's own datapath."""
        losses = {loss.key: loss for loss in self._evidence.losses if not loss.step}
        misled = {a for (a, _), (_, at) in self._evidence.misled.items() if self._now - at < SHOT_FRESH}
        lost, astray = dict[int, dict[Pair, Shot]](), dict[str, list[Loss]]()
        for key, shot in self._evidence.vni_shots.items():
            pair, loss = (key[1], key[2]), losses.get(key)
            fresh = shot.count and _is_fresh(shot.ended, self._now)
            if not fresh or pair in dark or pair[0] in misled or not self._passes(pair, shot.ended):
                continue
            if shot.lost == shot.count and self._passed_since(pair, shot.first + shot.count * BURST_GAP):
                lost.setdefault(key[0], {})[pair] = shot
            elif shot.lost == 0 and loss is not None and loss.share >= LOST_WHOLLY and loss.since >= shot.first - 1.0:
                astray.setdefault(key[1], []).append(loss)
        for vni, shots in lost.items():
            yield from self._lost_in(vni, shots)
        for chassis, found in astray.items():
            words = (f"{x.lost} of {x.sent} packets of {self._network(x.key)} never came, where probes pass" for x in found)
            check = (
                f"ovs-appctl dpctl/dump-flows -m  # on {chassis}: flows that drop",
                "ovs-appctl revalidator/purge  # makes it anew",
            )
            element = Element("datapath", (chassis,))
            yield Verdict("datapath_diverged", element, tuple(words), check), min(x.since for x in found)

    def _lost_in(self, vni: int, shots: Mapping[Pair, Shot]) -> Iterator[Found]:
        """What is lost of one network: from or to one chassis, or only between two."""
        name = self._evidence.networks.get(vni, f"vni {vni}")
        good = {
            k[1:] for k, rate in self._evidence.busy.items() if k[0] == vni and rate > 0 and self._arrives(k[1:])
        } - shots.keys()
        good |= {k[1:] for k, s in self._evidence.vni_shots.items() if k[0] == vni and s.lost == 0}
        for element, pairs in _explained(shots.keys(), good):
            ends = {"link_in": [(ANY, element.names[0])], "link_out": [(element.names[0], ANY)]}.get(element.kind, sorted(pairs))
            for a, b in ends:
                count = sum(shots[p].count for p in pairs)
                words = f"all {count} probes in VNI {vni} lost on {_list(pairs)}, while those in others pass"
                yield (
                    Verdict("vni_lost", Element("vni", (name, a, b)), (words,), self._by_hand(pairs)),
                    min(shots[p].ended for p in pairs),
                )

    def _share(self, bad: Collection[Pair], shots: Collection[Pair], told: Mapping[Pair, list[Loss]]) -> float:
        """The share that is lost at least of all that was sent on these directions, as far as it was measured: they were chosen
        because they lost, so some of it is chance."""
        figures = [(loss.lost, loss.sent) for pair in bad for loss in told.get(pair, ())]
        figures += [(self._evidence.shots[p].lost, self._evidence.shots[p].count) for p in bad if p in shots]
        lost = sum(lost for lost, _ in figures)
        return (lost - sqrt(lost)) / max(sum(sent for _, sent in figures), 1)

    def _told(self, dark: Collection[Pair]) -> dict[Pair, list[Loss]]:
        """Losses by direction. A few packets of one network alone, where probes lose none, are no path's fault."""
        found = {pair: losses for pair, losses in lost_by_tenants(self._evidence).items() if pair not in dark}
        shots = {p: s for p, s in self._evidence.shots.items() if _is_fresh(s.ended, self._now)}

        def is_sure(pair: Pair, losses: list[Loss]) -> bool:
            lost = sum(loss.lost for loss in losses)
            since = self._now - max(loss.seconds for loss in losses)
            rate = sum(loss.sent / max(loss.seconds, 1.0) for loss in losses)
            if lost <= disturbed(self._evidence, pair, since, self._now, rate):
                return False
            return len(losses) > 1 or lost >= LOST_FOR_CERTAIN or (pair in shots and shots[pair].lost > 0)

        return {pair: losses for pair, losses in found.items() if is_sure(pair, losses)}

    def _lossless(self, bad: Collection[Pair], share: float, since: float) -> set[Pair]:
        """Directions that were sent so much since then that a loss of this share would show, and lost nothing."""
        now = self._now
        good = {
            p for p, s in self._evidence.shots.items() if s.lost == 0 and s.count * share >= _ENOUGH and _is_fresh(s.ended, now)
        }
        lost = {loss.key[1:] for loss in self._evidence.losses}
        carried: dict[Pair, float] = {}
        for (_, a, b), rate in self._evidence.busy.items():
            if self._arrives((a, b)):
                carried[a, b] = carried.get((a, b), 0.0) + rate * (now - since)
        good |= {p for p, packets in carried.items() if p not in lost and packets * share >= _ENOUGH_CARRIED}
        return good - set(bad) - lost

    def _arrives(self, pair: Pair) -> bool:
        """Whether what is sent there may come: if not, that nothing is said to be lost of it means nothing."""
        return not {*pair} & self._away and pair not in self.bad_down

    def _passing(self, good: Collection[Pair], element: Element) -> Iterator[str]:
        near = sorted(p for p in good if {*p} & {*element.chassis})
        if near:
            yield f"probes pass on {_list(near)}"

    def _passes(self, pair: Pair, since: float) -> bool:
        """Whether it carries probes now, and did since then."""
        d = self._small.get(pair)
        return (
            d is not None
            and d.is_clean(self._now)
            and d.since < since
            and d.passed_at is not None
            and self._now - d.passed_at < FRESH
        )

    def _passed_since(self, pair: Pair, at: float) -> bool:
        """Whether a probe sent after that came: what is lost for a moment only is no network's."""
        passed = self._small[pair].passed_at
        return passed is not None and passed >= at

    def _full_corruptions(self, pair: Pair, since: float) -> int:
        return self._full[pair].corruptions(since) if pair in self._full else 0

    def _by_hand(self, pairs: Iterable[Pair]) -> tuple[str, ...]:
        """Commands that try it from the hosts themselves."""
        a, b = min(pairs)
        to = self._evidence.hosts[b].address if b in self._evidence.hosts else b
        return (f"ping -c 3 -M do -s 1472 {to}  # on {a}", f"ip -s link  # on {a} and {b}", "overlayctl tunnels")

    def _network(self, key: Key) -> str:
        return self._evidence.networks.get(key[0], f"vni {key[0]}")


def _carriers(evidence: Evidence) -> Iterator[Found]:
    for name, host in sorted(evidence.hosts.items()):
        if host.carrier is False and host.database:
            words = "its interface to the underlay has no carrier"
            yield Verdict("down", Element("link", (name,)), (words,), (f"ip link  # on {name}",)), evidence.now


def _tunnels(evidence: Evidence, away: Collection[str]) -> Iterator[Found]:
    for name, host in sorted(evidence.hosts.items()):
        for peer in sorted(host.missing):
            if host.database and host.channel and name not in away:
                words = f"br-int of {name} has no VXLAN port to {peer}"
                yield (
                    Verdict("tunnel_missing", Element("tunnel", (name, peer)), (words,), (f"ovs-vsctl show  # on {name}",)),
                    evidence.now,
                )
    for (a, b), (other, at) in sorted(evidence.misled.items()):
        if evidence.now - at < FRESH:
            words = f"what {a} sends to {b} comes out on {other}"
            yield Verdict("wrong_vtep", Element("tunnel", (a, b)), (words,), (f"ovs-vsctl list Interface  # on {a}",)), at


def _explained(bad: Collection[Pair], good: Collection[Pair]) -> Iterator[tuple[Element, set[Pair]]]:
    """Elements that are at fault, each with the bad directions over it."""
    left = set(bad)
    for element in explain(bad, good):
        pairs = {p for p in left if _crosses(p, element)}
        left -= pairs
        if pairs:
            yield element, pairs


def _crosses(pair: Pair, element: Element) -> bool:
    names = element.names
    if element.kind == "link":
        return names[0] in pair
    if element.kind in ("link_out", "link_in"):
        return pair[0 if element.kind == "link_out" else 1] == names[0]
    if element.kind == "split":
        return (pair[0] in names[0].split(",")) != (pair[1] in names[0].split(","))
    return pair == names or (element.kind == "pair" and pair[::-1] == names)


def _is_fresh(at: float, now: float) -> bool:
    return now - at < SHOT_FRESH


def _list(pairs: Iterable[Pair]) -> str:
    return ", ".join(f"{a}>{b}" for a, b in sorted(pairs))
