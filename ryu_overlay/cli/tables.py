"""Tables and records on a terminal, or plain and unfolded into a pipe.

It knows rich and how a JSON value reads to a person; it does not know any object.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ryu_overlay.cli.session import printable

PIPED_WIDTH = 100_000
"""Columns when stdout is not a terminal: rows stay lines, whatever is in them."""


def cell(value: Any) -> str:
    """A JSON value as a person reads it: `-` for nothing, yes and no, lists by commas, objects as `name value`."""
    if value is None or value == "" or value == [] or value == {}:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {cell(inner)}" for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(inner) for inner in value)
    return printable(str(value))


def table(what: str, headers: Sequence[str], rows: Iterable[Sequence[Any]], title: bool = False) -> None:
    """Print rows under headers, or `no WHAT`; with `title`, under the word `what` and an empty line.

    Columns whose every value is a number are aligned to the right.
    """
    rows = [list(row) for row in rows]
    if title:
        click.echo(f"\n{what}:" if rows else f"\nno {what}")
    elif not rows:
        click.echo(f"no {what}")
    if not rows:
        return
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, header in enumerate(headers):
        kinds = {type(row[index]) for row in rows if row[index] is not None}
        numbers = bool(kinds) and kinds <= {int, float}
        grid.add_column(header.upper(), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell(value)) for value in row))
    _print(grid)


def record(fields: Mapping[str, Any]) -> None:
    """Print names and values in two columns."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in fields.items():
        grid.add_row(name.replace("_", " "), Text(cell(value)))
    _print(grid)


def generic(what: str, objects: Sequence[Mapping[str, Any]], first: Sequence[str] = (), title: bool = False) -> None:
    """A table of objects whose fields are the headers: those named `first`, then the others as they come."""
    present = list(dict.fromkeys(name for each in objects for name in each))
    names = [name for name in first if name in present] + [name for name in present if name not in first]
    headers = [name.replace("_", " ") for name in names]
    table(what, headers, ([each.get(name) for name in names] for each in objects), title)


def _print(grid: Table) -> None:
    piped = not sys.stdout.isatty()
    console = Console(width=PIPED_WIDTH if piped else None, no_color=piped or None, highlight=False)
    with console.capture() as captured:
        console.print(grid)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))
