"""Which verdict says all that another does, and more."""

from __future__ import annotations

from ryu_overlay.health.elements import ANY, Element
from ryu_overlay.health.faults import Verdict

_NOTHING_FORWARDED = ("vswitch_down", "vswitch_hung", "chassis_down")
_FIGURES = ("congested", "lossy", "slow")
"""Kinds that come of one cause often: the first says all that the others do."""


def wider(a: Verdict, b: Verdict) -> bool:
    """Whether `a` says all that `b` says, and more: then it takes its place."""
    ours, theirs = a.element, b.element
    if a == b or a.what.layer not in ("underlay", "tunnel", "host"):
        return False
    if a.kind in _NOTHING_FORWARDED:
        more = b.kind == "vswitch_hung" or b.kind not in _NOTHING_FORWARDED
        return ours.names[0] in theirs.chassis and theirs.kind != "split" and more and a.kind != b.kind
    if a.kind == "starved":
        return b.kind == "slow" and ours.names[0] in theirs.chassis
    same = ours == theirs or covers(ours, theirs)
    if a.kind in ("wrong_vtep", "tunnel_missing"):
        return b.kind in ("down", "mtu_hole", "vni_lost", *_FIGURES) and theirs.chassis == ours.chassis
    if a.kind == b.kind:
        return ours != theirs and same
    if a.kind == "down":
        return b.what.layer in ("underlay", "tunnel") and same
    if a.kind == "mtu_hole":
        return b.kind in _FIGURES and same
    return a.kind in _FIGURES and b.kind in _FIGURES and _FIGURES.index(a.kind) < _FIGURES.index(b.kind) and same


def covers(ours: Element, theirs: Element) -> bool:
    """Whether an element is all of another one, and more."""
    if ours.kind == theirs.kind == "vni":
        return all(mine in (other, ANY) for mine, other in zip(ours.names, theirs.names))
    if ours.kind == "link":
        return ours.names[0] in theirs.chassis and theirs.kind in ("link_in", "link_out", "pair", "path", "vni")
    if ours.kind in ("link_in", "link_out"):
        end = -1 if ours.kind == "link_in" else 0
        return theirs.kind in ("path", "vni") and theirs.names[end] == ours.names[0]
    if ours.kind == "pair":
        return theirs.kind in ("path", "vni") and {*theirs.chassis} == {*ours.names}
    if ours.kind == "path":
        return theirs.kind == "vni" and theirs.chassis == ours.names
    if ours.kind == "split" and theirs.kind in ("pair", "path"):
        one, other = (set(side.split(",")) for side in ours.names)
        return bool({*theirs.chassis} & one) and bool({*theirs.chassis} & other)
    return ours.kind == "split" and theirs.kind in ("link_in", "link_out") and theirs.names[0] in ours.chassis
