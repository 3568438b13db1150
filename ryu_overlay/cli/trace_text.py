"""Traces as REST tells them, in words for a table: places with chassis and time, tunnels, and where the expected way was left.

It knows the JSON of docs/oam.md; it does not know HTTP, commands or the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ryu_overlay.cli import hops
from ryu_overlay.cli.hops import Document

HEADERS = ("hop", "ms", "chassis", "at", "packet")
FLOW_HEADERS = ("hop", "chassis", "table", "priority", "feature", "object", "cookie")
GOOD = ("ok", "answered")
"""Kinds of verdicts on packets that came to what the sender asked for."""


def verdict(found: Document) -> str:
    """A verdict in a line: `physical: lost between hv1 and hv3 (tunnel sent, not received)`."""
    kind, layer = found["kind"], found["layer"]
    where = kind.replace("_", " ") if layer == "none" else layer
    back = ", on the way back" if found["direction"] == "back" else ""
    intended = " (as intended)" if found["intended"] and kind != "ok" else ""
    return f"{where}{back}: {found['sentence']}{intended}"


def rows(leg: Document) -> Iterator[tuple[Any, ...]]:
    """The rows of one direction, under HEADERS. The packet is told where it changes."""
    parts_at, places, told = leg["parts_at"], 0, ""
    for number, hop in enumerate(leg["hops"], start=1):
        if hop["kind"] == "tunnel":
            yield number, round(hop["sent_ms"], 2), hop["chassis"], _tunnel(hop), None
            continue
        mark = _mark(leg, hop) if places == parts_at else ""
        places += 1
        now = hops.packet(hop["packet"])
        yield number, round(hop["at_ms"], 2), hop["chassis"], hops.place(hop) + mark, _change(hop, now, told)
        told = hops.packet(hop["after"]) if hop["after"] else now
    if parts_at is not None and parts_at >= places:
        yield None, None, None, "nothing more" + _mark(leg, None), None


def flows(leg: Document) -> Iterator[tuple[Any, ...]]:
    """The flows that decided at each hop, under FLOW_HEADERS."""
    for number, hop in enumerate(leg["hops"], start=1):
        for flow in hop["flows"]:
            yield number, *(flow[name] for name in FLOW_HEADERS[1:])


def _change(hop: Document, now: str, told: str) -> str:
    becomes = hops.becomes(hop)
    return f"{now} => {becomes}" if becomes else now if now != told else ""


def _tunnel(hop: Document) -> str:
    sent = f"{hop['chassis']} => {hop['peer']} vni {hop['vni']} sent {hop['sent_ms']:.1f} ms"
    if hop["received_ms"] is None:
        return f"{sent}, not received"
    by = f" by {hop['received_by']}" if hop["received_by"] else ""
    own = "" if hop["own_vni"] in (True, None) else ", but nothing in its own VNI"
    return f"{sent} received {hop['received_ms']:.1f} ms{by}{own}"


def _mark(leg: Document, hop: Document | None) -> str:
    wanted = hops.whole(leg["expected"])[leg["parts_at"] :]
    if not wanted:
        return " <-- expected: no more"
    same = hop is not None and hops.place(hop) == hops.place(wanted[0])
    return f" <-- expected: {hops.packet(wanted[0]['packet']) if same else hops.place(wanted[0])}"
