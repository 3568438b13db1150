"""What is known at one moment, as plain values: all that verdicts are made of. Times are the caller's clock's, in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ryu_overlay.health.counted import Key, Loss
from ryu_overlay.health.direction import Direction
from ryu_overlay.health.lives import Life
from ryu_overlay.health.probes import Pair

LOST_WHOLLY = 0.9
"""The share that is as good as all."""


@dataclass(frozen=True, slots=True)
class Host:
    """One chassis. `channel` and `database`: whether its OpenFlow and its OVSDB are connected; `address` is its tunnels';
    `gone` since when the first is not.

    `silent`: since when its bridge has not answered, though connected. `carrier`: whether its link to the underlay has one, None
    where that is not known. `missing` are the chassis that it should have a tunnel to and has none, `unheard` those whose
    tunnel's own check fails, `dead_ends` the physical networks
    whose link has no carrier, `unplugged` the bound ports whose VIF was taken down on the host, `off` those without carrier.
    `behind`: since when it has not confirmed what it was told. `replugged`: when ports of its bridge came or went,
    lately, a time for each.
    """

    name: str
    channel: bool
    database: bool
    gone: float | None = None
    silent: float | None = None
    carrier: bool | None = None
    missing: frozenset[str] = frozenset()
    unheard: frozenset[str] = frozenset()
    dead_ends: frozenset[str] = frozenset()
    unplugged: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    behind: float | None = None
    replugged: tuple[float, ...] = ()
    problems: tuple[str, ...] = ()
    address: str = ""


@dataclass(frozen=True, slots=True)
class Shot:
    """What a burst of probes found: how many were lost of how many, and when it was. `first` is when the first of a row of bursts
    was that found the same: some lost, or none."""

    lost: int
    count: int
    ended: float
    first: float = 0.0


@dataclass(frozen=True, slots=True)
class Altered:
    """A flow or group of a chassis that was not as it should be. `what`: "missing", "changed", "extra", "foreign" or "group".

    `object` is spelled as operators do, "-" for none; `text` is the flow, `since` when it was seen, `lasts` whether it is so
    still.
    """

    chassis: str
    what: str
    table: str
    object: str
    text: str
    since: float
    lasts: bool


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Connections that got no translation on a chassis: so many packets lately. `room`: whether conntrack takes others.
    `rules` are the NAT rules that are known to be at fault."""

    chassis: str
    packets: int
    since: float
    room: bool | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it. `directions` are by pair and whether probes were full-sized; `shots` the last bursts, `vni_shots` those in a
    network's VNI, by key as `losses`; `ends` are losses of all that one chassis sends or gets;
    `busy` has packets a second by the same keys. Of the directions whose time is `timed`, those that are `late`: since when, and
    by how many seconds. `networks` spells VNIs, `orphans` are uplinks that no chassis carries, `silent_guests` ports whose guest
    does not answer ARP."""

    now: float
    hosts: Mapping[str, Host]
    lives: Mapping[str, Life] = field(default_factory=dict)
    directions: Mapping[tuple[str, str, bool], Direction] = field(default_factory=dict)
    misled: Mapping[Pair, tuple[str, float]] = field(default_factory=dict)
    shots: Mapping[Pair, Shot] = field(default_factory=dict)
    vni_shots: Mapping[tuple[int, str, str], Shot] = field(default_factory=dict)
    late: Mapping[Pair, tuple[float, float]] = field(default_factory=dict)
    timed: frozenset[Pair] = frozenset()
    losses: tuple[Loss, ...] = ()
    ends: tuple[Loss, ...] = ()
    busy: Mapping[tuple[int, str, str], float] = field(default_factory=dict)
    networks: Mapping[int, str] = field(default_factory=dict)
    altered: tuple[Altered, ...] = ()
    exhausted: tuple[Exhausted, ...] = ()
    orphans: tuple[str, ...] = ()
    silent_guests: tuple[str, ...] = ()

    def of_size(self, full: bool) -> dict[Pair, Direction]:
        """The directions by pair, for probes of full size or for small ones."""
        return {(a, b): direction for (a, b, is_full), direction in self.directions.items() if is_full == full}

    def lost_wholly(self) -> set[Key]:
        """Where next to all of a network is lost, or was when it was tried last."""
        lost = {loss.key for loss in self.losses if not loss.step and loss.share >= LOST_WHOLLY}
        return lost | {key for key, shot in self.vni_shots.items() if 0 < shot.lost == shot.count}
