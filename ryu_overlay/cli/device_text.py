"""How devices' answers read to a person, as far as all have it in common: columns, counters, and what differs where.

It knows the JSON of REST; it does not know the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MARK = "!!"
"""Stands before everything that is not as the model wants it."""
_NAMED_AT_MOST = 6
Document = Mapping[str, Any]


def columns(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Rows under headers, each column as wide as it has to be."""
    grid = [[cell(value) for value in row] for row in (headers, *rows)]
    widths = [max(len(row[n]) for row in grid) for n in range(len(headers))]
    for row in grid:
        yield "  ".join(f"{text:{width}}" for text, width in zip(row, widths)).rstrip()


def cell(value: Any) -> str:
    """A value in a column: `-` for nothing."""
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)


def names(chassis: Sequence[str]) -> str:
    """Chassis by name, or how many if they are many."""
    return f"{len(chassis)} chassis" if len(chassis) > _NAMED_AT_MOST else ", ".join(chassis)


def standing(on: Sequence[Document]) -> str:
    """Where something is installed, and where it is not as it should be: `on hv1, hv3 !! missing on hv2`."""
    by_state: dict[str, list[str]] = {}
    for each in on:
        by_state.setdefault(each["state"], []).append(each["chassis"])
    words = [f"on {names(by_state['installed'])}"] if "installed" in by_state else []
    words += [f"{MARK} {state} on {names(by_state[state])}" for state in ("missing", "altered") if state in by_state]
    words += [f"? not known on {names(by_state['unknown'])}"] if "unknown" in by_state else []
    return " ".join(words) or "on no chassis"


def differences(things: Iterable[tuple[str, Sequence[Document]]]) -> Iterator[str]:
    """What differs, flow by flow: for each (name, where it stands)."""
    for name, on in things:
        for each in on:
            for detail in each.get("detail") or ():
                yield f"{MARK} {each['chassis']}, {name}: {detail}"


def remarks(body: Document) -> Iterator[str]:
    """What to know of the answer as a whole: who did not answer, who is being changed, and flows that nobody wants."""
    for each in body.get("beyond") or ():
        what = "not ours" if each["what"] == "foreign" else "not wanted"
        yield f"{MARK} {each['chassis']} has a flow that is {what}: {each['flow']}"
    asked = body.get("chassis") or ()
    silent = [each["chassis"] for each in asked if not each["answered"]]
    changing = [each["chassis"] for each in asked if each["answered"] and not each["settled"]]
    if not asked:
        yield "% no chassis has it: no port is bound in any network that it leads to"
    if silent:
        yield f"% {names(silent)} did not answer: what is there is not known"
    if changing:
        yield f"% {names(changing)} is being changed: what differs there may be gone in a moment"


def packets(count: Document) -> str:
    """Packets and bytes in words."""
    return f"{count['packets']} packets, {count['bytes']} bytes"


def interface(row: Document, by_chassis: bool) -> Iterator[str]:
    """A port with its counters, as `show interfaces` has it."""
    reason = f" ({row['reason']})" if row.get("reason") else ""
    yield f"{row['name']} is {row['state']}{reason}" + (f", attached to {row['attached']}" if row.get("attached") else "")
    if row.get("chassis"):
        yield f"  Bound on {row['chassis']}, interface {cell(row['interface'])}"
    yield f"  Hardware address is {row['mac']}, internet address is {cell(row['addresses'])}"
    yield f"  MTU {row['mtu']} bytes" if row.get("mtu") else "  MTU is not limited"
    errors = row.get("errors") or (None, None)
    for way, lost in zip(("input", "output"), errors):
        count = row[way]
        yield f"  {count['packets']} packets {way}, {count['bytes']} bytes" + ("" if lost is None else f", {lost} lost")
        if by_chassis:
            yield from (f"    {each['chassis']}: {packets(each)}" for each in count["on"] if each["state"] != "unknown")
        wrong = [each["chassis"] for each in count["on"] if each["state"] in ("missing", "altered")]
        if wrong:
            yield f"    {MARK} its counter is missing or altered on {names(wrong)}: what passed there is not counted"
    yield from drops(row["drops"], "  ")


def drops(found: Sequence[Document], indent: str = "") -> Iterator[str]:
    """What was dropped, by reason and chassis."""
    for drop in found:
        yield f"{indent}Dropped {drop['reason']} on {drop['chassis']}: {packets(drop)}"


def interfaces(body: Document, name: str | None, by_chassis: bool) -> Iterator[str]:
    """All ports, or the one with this name (nothing if there is none)."""
    for row in body["interfaces"]:
        if name in (None, row["name"]):
            yield from interface(row, by_chassis)
    if name is None:
        yield from drops(body["drops"])
    yield from remarks(body)


def log(body: Document) -> Iterator[str]:
    """What happened, the oldest first."""
    if not body["lines"]:
        yield "nothing happened to it since the controller started"
    for line in body["lines"]:
        yield f"{line['time'].replace('T', ' ')[:19]} {line['severity']:7} {line['text']}"
