"""The pipeline as a page for people (`flows/pipeline.md`), written from its declaration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ryu_overlay.openflow.fields import WIRE_ORDER, Field
from ryu_overlay.pipeline.cookies import DROP_MEANINGS, OURS, Feature
from ryu_overlay.pipeline.registers import REGISTERS
from ryu_overlay.pipeline.table import ON_TOP, Table
from ryu_overlay.pipeline.tables import TABLES

_HEAD = """# The pipeline of br-int

Written by `make flows` from `ryu_overlay/pipeline/`; do not edit.

A packet enters at table 0. All that the virtual network does to it is worked out on the chassis where it came in; the
destination's chassis only looks up its MAC. A router hands the packet back to the tables of the next switch or router,
as often as there are hops.

The controller's probes go through the flows that tenants' packets go through; the register `probe` marks them. Above the
priorities that it lists, a table may have {on_top}, for flows that look at a
packet before it is looked up in earnest: a *gate* tells the controller of each probe that comes to the table, once (a
probe's third router also holds it until the controller sends it on); flows that *observe* are there for a while.
*Caught* is a probe that would be dropped or flooded: it goes to the controller just above the flow that does so to
tenants' packets, whose counter does not move.
"""


def document() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_HEAD.format(on_top=_on_top()), *_registers(), *_tables(), *_cookies(), *_drops()]) + "\n"


def _on_top() -> str:
    *others, last = (f"`{name}` ({priority})" for name, priority in ON_TOP.items())
    return f"{', '.join(others)} and {last}"


def _names(fields: Iterable[Field]) -> str:
    registers = {r.field: r.name for r in REGISTERS}
    ordered = sorted(fields, key=WIRE_ORDER.index)
    return ", ".join(registers.get(f, f.name) for f in ordered) or "-"


def _priority(value: int | tuple[int, int]) -> str:
    return str(value) if isinstance(value, int) else f"{value[0]} to {value[1]}"


def _registers() -> Iterator[str]:
    yield "## Registers\n"
    yield "| name | field | bits | meaning | holds |"
    yield "|---|---|---|---|---|"
    for r in REGISTERS:
        yield f"| {r.name} | {r.field.name} | {r.bits} | {r.meaning} | {r.lifetime} |"


def _tables() -> Iterator[str]:
    yield "\n## Tables\n"
    yield "| id | name | leads to |"
    yield "|---|---|---|"
    for t in TABLES.values():
        yield f"| {t.number} | {t.name} | {_next(t)} |"
    for t in TABLES.values():
        yield f"\n### {t.number} {t.name}\n"
        yield f"{t.purpose}\n"
        yield f"* matches: {_names(t.matches)}"
        yield f"* writes: {_names(t.writes)}"
        yield "* priorities: " + ", ".join(f"{name} {_priority(p)}" for name, p in t.priorities.items())
        yield f"* miss: {t.miss or 'drop'}"


def _next(table: Table) -> str:
    return ", ".join(sorted(table.next, key=lambda n: TABLES[n].number)) or "out of the bridge"


def _cookies() -> Iterator[str]:
    yield "\n## Cookies\n"
    yield f"`0x{OURS:04x}` (16 bits: ours) | feature (8) | tenant key (16) | object key (24). Features:\n"
    for f in Feature:
        if not f.is_drop:
            yield f"* {f.value} {f.name.lower()}"


def _drops() -> Iterator[str]:
    yield "\n## Drops\n"
    yield "Every dropped packet is counted by a flow whose cookie names the reason and, where there is one, the logical object.\n"
    yield "| feature | reason | meaning |"
    yield "|---|---|---|"
    for f, meaning in DROP_MEANINGS.items():
        yield f"| {f.value} | {f.reason} | {meaning} |"
