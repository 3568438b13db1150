"""How health, faults and silences read to a person: rows for tables, lines of a stream, impact in brief, times and durations.

It knows the JSON of REST; it does not know HTTP, commands or the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

Document = Mapping[str, Any]

LAYERS = ("layer", "state", "faults", "watched", "unknown", "by")
LASTING = ("fault", "layer", "what", "since (UTC)", "for", "hits", "quiet")
ENDED = ("fault", "layer", "what", "since (UTC)", "lasted", "hit")
SILENCES = ("silenced", "until (UTC)", "left", "reason")
ENDED_SECONDS = 3600
"""How long those that are over are shown."""
_HIT = {"tenants": "tenant", "switches": "switch", "routers": "router", "ports": "port", "floating_ips": "floating IP"}
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def layers(report: Document) -> Iterator[tuple[Any, ...]]:
    """The rows of the layers, under LAYERS."""
    return (tuple(layer[name] for name in LAYERS) for layer in report["layers"])


def lasting(report: Document) -> list[Document]:
    """The faults that last: the provider's that are to alarm first, then the quiet ones, then guests' own."""
    found = [fault for fault in report["faults"] if fault["until"] is None]
    return sorted(found, key=lambda fault: (not fault["provider"], bool(fault["quiet"])))


def ended(report: Document) -> list[Document]:
    """The faults that ended in the last hour."""
    over = [fault for fault in report["faults"] if fault["until"] is not None]
    return [fault for fault in over if _seconds(fault["until"], report["at"]) <= ENDED_SECONDS]


def is_alarming(report: Document) -> bool:
    """Whether a fault lasts that is the provider's to mend and is not quiet."""
    return any(fault["provider"] and not fault["quiet"] for fault in lasting(report))


def lasting_row(fault: Document, at: str) -> tuple[Any, ...]:
    """The row of a fault that lasts, under LASTING; `at` is when it was asked for."""
    lasts = duration(_seconds(fault["since"], at))
    return (fault["id"], fault["layer"], _what(fault), clock(fault["since"]), lasts, hits(fault["impact"]), fault["quiet"])


def ended_row(fault: Document) -> tuple[Any, ...]:
    """The row of a fault that is over, under ENDED."""
    lasted = duration(_seconds(fault["since"], fault["until"]))
    return (fault["id"], fault["layer"], _what(fault), clock(fault["since"]), lasted, hits(fault["impact"]))


def silence_row(silence: Document, at: str) -> tuple[Any, ...]:
    """The row of a silence, under SILENCES."""
    until = silence["until"]
    left = None if until is None else duration(_seconds(at, until))
    return silenced(silence), until and clock(until), left, silence["reason"]


def silenced(silence: Document) -> str:
    """What is silenced: an element, or a chassis."""
    return f"{silence['name']} (maintenance)" if silence["what"] == "chassis" else str(silence["name"])


def summary(fault: Document) -> dict[str, Any]:
    """What to know of one fault beside its sentence, by name."""
    until = fault["until"]
    over = {} if until is None else {"until (UTC)": clock(until), "lasted": duration(_seconds(fault["since"], until))}
    own = {} if fault["provider"] else {"whose": "the guest's own"}
    named = {"layer": fault["layer"], "kind": fault["kind"], "element": fault["element"], **own}
    times = {"since (UTC)": clock(fault["since"]), "raised (UTC)": clock(fault["raised"]), **over}
    return {"fault": fault["id"], **named, **times, "came back": fault["flaps"] or None, "quiet": fault["quiet"]}


def event(fault: Document, known: bool) -> str:
    """A line of the stream; `known` says whether it was told of before. When something changed is not told."""
    until, lasts = fault["until"], f"since {clock(fault['since'])}"
    what, at = ("changed", "") if known else ("raised", clock(fault["raised"]))
    if until:
        what, at, lasts = "ended", clock(until), f"lasted {duration(_seconds(fault['since'], until))}"
    quiet = f" ({fault['quiet']})" if fault["quiet"] else ""
    return f"{at:19} {what:7} {fault['id']} {fault['layer']}: {_what(fault)}; {lasts}; {hits(fault['impact'])}{quiet}"


def hits(impact: Document) -> str:
    """Who is hit, in numbers: `2 tenants, 3 switches, 7 ports`."""
    counts = ((len(impact[name]), one, name.replace("_ips", " IPs")) for name, one in _HIT.items())
    return ", ".join(f"{many} {one if many == 1 else several}" for many, one, several in counts if many) or "nobody"


def named(impact: Document) -> dict[str, Sequence[str]]:
    """Who is hit, by name."""
    return {name.replace("_ips", " IPs"): impact[name] for name in _HIT}


def duration(seconds: float) -> str:
    """`0.8s`, `42s`, `5m 3s`, `2h 10m`, `3d 4h`."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f}s"
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for unit, length in _UNITS:
        many, left = divmod(left, length)
        if many or parts:
            parts.append((many, unit))
    return " ".join(f"{many}{unit}" for many, unit in parts[:2] if many)


def parse_duration(text: str) -> float:
    """Seconds of `90`, `90s`, `30m`, `2h`, `1d` or `1.5h`. Raises ValueError."""
    units = dict(_UNITS)
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    if not number.replace(".", "", 1).isdecimal() or not number.isascii():
        raise ValueError(f"{text!r} is no time such as 90s, 30m, 2h or 1d")
    return float(number) * units[unit]


def clock(time: str) -> str:
    """A time as REST writes it, to the second."""
    return time.replace("T", " ")[:19]


def _what(fault: Document) -> str:
    flaps = fault["flaps"]
    again = f" (came back {'once' if flaps == 1 else f'{flaps} times'})" if flaps else ""
    return f"{fault['text']}{again}"


def _seconds(since: str, until: str) -> float:
    return (_time(until) - _time(since)).total_seconds()


def _time(text: str) -> datetime:
    # Python 3.10 does not know Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
