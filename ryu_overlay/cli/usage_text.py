"""How usage, rates and bills read to a person. It knows the JSON of REST; it does not know HTTP, commands or the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ryu_overlay.cli.health_text import clock, parse_duration

Document = Mapping[str, Any]

CLASSES = ("internet", "others", "own")
_WAYS = ("out", "in")
USAGE = ("tenant", "router", "name", "address", *(f"{peer} {way}" for peer in CLASSES for way in _WAYS), "inside", "complete")
RATES = ("tenant", "router", "name", "address", "with", "way", "bit/s", "packets/s")
BILLS = ("tenant", "router", "name", "out", "in", "95 % out", "95 % in", "billed at", "intervals", "complete")
GAPS = ("chassis", "tenant", "router", "name", "since (UTC)", "until (UTC)", "what")
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
_BITS = ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s")


def octets(number: float) -> str:
    """An amount of bytes, in powers of 1000."""
    return _scaled(number, _BYTES)


def bits(number: float) -> str:
    """A rate in bits a second, in powers of 1000."""
    return _scaled(number, _BITS)


def usage_rows(document: Document, with_time: bool) -> Iterator[tuple[Any, ...]]:
    """The rows under USAGE, each behind the time where it begins if there are several."""
    for row in document["rows"]:
        amounts = (octets(row[peer][way]["bytes"]) for peer in CLASSES for way in ("out", "into"))
        time = (clock(row["start"]),) if with_time else ()
        yield (*time, *(row[name] for name in USAGE[:4]), *amounts, octets(row["inside"]["bytes"]), row["complete"])


def rate_rows(document: Document, tenant: str | None, top: int) -> list[tuple[Any, ...]]:
    """The rows under RATES, those with the most traffic first."""
    rows = (row for row in document["rates"] if tenant in (None, row["tenant"]))
    return [
        (*(row[name] for name in RATES[:4]), row["peer"], row["way"], bits(row["bits"]), round(row["packets"]))
        for row in list(rows)[:top]
    ]


def bill_rows(document: Document) -> Iterator[tuple[Any, ...]]:
    """The rows under BILLS."""
    for bill in document["bills"]:
        volumes = octets(bill["out_bytes"]), octets(bill["in_bytes"])
        rates = bits(bill["out_percentile"]), bits(bill["in_percentile"]), bits(bill["percentile"])
        yield (*(bill[name] for name in BILLS[:3]), *volumes, *rates, bill["intervals"], bill["complete"])


def begins_late(document: Document) -> bool:
    """Whether the ledger begins in the middle of the month of bills."""
    since = document["since"]
    return since is not None and not since.startswith(f"{document['month']}-01T00:00:00")


def gap_rows(gaps: Sequence[Document]) -> list[tuple[Any, ...]]:
    """The rows under GAPS, one for all classes of an uplink or floating IP."""
    found = Counter(
        (gap["chassis"], gap["tenant"], gap["router"], gap["name"], clock(gap["since"]), clock(gap["until"]), gap["what"])
        for gap in gaps
    )
    return sorted(found)


def instant(text: str, now: datetime) -> str:
    """A time as REST takes it: as it is, or a duration before now. Raises ValueError for what is neither."""
    try:
        return (now - timedelta(seconds=parse_duration(text))).isoformat()
    except ValueError:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)).isoformat()


def _scaled(number: float, units: Sequence[str]) -> str:
    at = 0
    while number >= 999.5 and at < len(units) - 1:
        number, at = number / 1000, at + 1
    return f"{number:.3g} {units[at]}" if at else f"{number:.0f} {units[0]}"
