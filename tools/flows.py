"""Writes what `flows/` holds that comes from the code: the pipeline's page and each scenario's flows.

python -m tools.flows
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ryu_overlay.openflow.flow import Program
from ryu_overlay.pipeline.document import document
from ryu_overlay.pipeline.tables import TABLES
from tools.scenarios import FLOWS, Scenario, scenarios

_NAMES = {table.number: name for name, table in TABLES.items()}


def flow_lines(program: Program) -> Iterator[str]:
    """The flows for `ovs-ofctl -O OpenFlow13 add-flows`, with a comment over each table."""
    table = None
    for flow in sorted(program.flows(), key=lambda f: (f.table, -f.priority, f.match_bytes)):
        if flow.table != table:
            table = flow.table
            yield f"# {table} {_NAMES[table]}"
        yield flow.text


def scenario_files(scenario: Scenario) -> Iterator[tuple[Path, str]]:
    """Each file of a scenario that is written, and what is to be in it."""
    for chassis, program in scenario.programs.items():
        groups = [g.text for g in sorted(program.groups(), key=lambda g: g.number)]
        files = {"flows": list(flow_lines(program)), "groups": groups, "meters": [m.text for m in program.all_meters()]}
        for suffix, lines in files.items():
            if lines:
                yield scenario.path / f"{chassis}.{suffix}", "".join(f"{line}\n" for line in lines)


def written_files() -> dict[Path, str]:
    """Every file under `flows/` that is written, and what is to be in it."""
    files = {FLOWS / "pipeline.md": document()}
    for scenario in scenarios():
        files |= scenario_files(scenario)
    return files


def superfluous_files() -> list[Path]:
    """Files that were written once and are not any more."""
    wanted = written_files()
    return [p for s in ("flows", "groups", "meters") for p in sorted(FLOWS.glob(f"*/*.{s}")) if p not in wanted]


def main() -> None:
    """Write the files that differ and remove the superfluous ones, naming each."""
    for path, text in written_files().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(FLOWS.parent)}")
    for path in superfluous_files():
        path.unlink()
        print(f"removed {path.relative_to(FLOWS.parent)}")


if __name__ == "__main__":
    main()
