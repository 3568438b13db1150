"""What a switch shows, as switches put it. It knows the JSON of REST; it does not know the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ryu_overlay.cli.device_text import Document, columns, differences, remarks, standing


def macs(body: Document, wanted: str | None) -> Iterator[str]:
    """`show mac`: all, or those of one address or port."""
    rows = [m for m in body["macs"] if wanted in (None, m["mac"], m["object"], m["object"].rpartition("/")[2], *m["addresses"])]
    yield from columns(
        ("Mac address", "Type", "Whose", "Addresses", "Bound on", "Interface", "OpenFlow port", "Installed"),
        (
            (m["mac"], m["kind"], m["object"], m["addresses"], m["chassis"], m["interface"], m["ofport"], standing(m["on"]))
            for m in rows
        ),
    )
    yield from differences((m["mac"], m["on"]) for m in rows)
    yield from remarks(body)


def answers(body: Document) -> Iterator[str]:
    """`show arp`."""
    rows = body["neighbours"]
    yield from columns(
        ("Address", "Hardware address", "Whose", "Bound on", "Answered"),
        ((n["address"], n["mac"], f"{n['kind']} {n['object']}", n["chassis"], standing(n["on"])) for n in rows),
    )
    yield from differences((n["address"], n["on"]) for n in rows)
    yield from remarks(body)
