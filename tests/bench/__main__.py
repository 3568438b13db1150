"""Measure, and write docs/benchmarks.md and docs/benchmarks.json: `python -m tests.bench` (root).

Exit code 0 when everything asked for was measured, whether or not the aims were met (the report says that); 1 when not.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from mininet_topos.cleanup import clear_dead
from tests.bench import machine
from tests.bench.effort import FULL, QUICK, Effort
from tests.bench.figures import FIGURES
from tests.bench.report import as_json, as_markdown
from tests.bench.results import Report
from tests.bench.sides import Bench

LOG = logging.getLogger("bench")
_DOCS = Path(__file__).parents[2] / "docs"
_BUSY = 0.5


def main(arguments: list[str]) -> int:
    """Run what the command line asks for. A whole full run is written to docs/, another one printed, unless --output is given."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    if os.geteuid() != 0:
        LOG.error("labs are made of network namespaces: run as root")
        return 1
    # As an exception, so that an ended run takes its labs with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    clear_dead()
    names = [name for name in FIGURES if name in (asked.only or FIGURES)]
    report = _run(names, QUICK if asked.quick else FULL, asked.quick)
    folder = asked.output or (None if asked.quick or asked.only else _DOCS)
    if folder is None:
        print(as_markdown(report), end="")
    else:
        _write(report, folder)
    return 1 if report.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Ours, OVN and plain Open vSwitch, measured.")
    parser.add_argument("--quick", action="store_true", help="a minute's run that shows that everything works, and no more")
    parser.add_argument("--only", action="append", choices=list(FIGURES), help="one figure; may be repeated")
    parser.add_argument("--output", type=Path, help="folder for benchmarks.md and .json")
    return parser


def _run(names: list[str], effort: Effort, quick: bool) -> Report:
    """Measure figures one after another; what fails is reported and does not stop the others."""
    report = Report(machine.describe(), datetime.now(timezone.utc).date().isoformat(), quick)
    if os.getloadavg()[0] > _BUSY * len(os.sched_getaffinity(0)):
        report.remarks.append("The machine was busy with something else when the run began: expect a wide spread.")
    began = time.monotonic()
    with Bench() as bench:
        for name in names:
            started = time.monotonic()
            try:
                report.figures.append(FIGURES[name](bench, effort))
            except Exception as error:
                LOG.exception("%s could not be measured", name)
                report.failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            LOG.info("%s: %.0f s", name, time.monotonic() - started)
    report.seconds = time.monotonic() - began
    return report


def _write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, text in (("md", as_markdown(report)), ("json", as_json(report))):
        path = folder / f"benchmarks.{suffix}"
        path.write_text(text)
        LOG.info("wrote %s", path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
