"""Figures of an acceptance run: printed as `name: value unit`, and in full runs written to docs/evidence/<capability>.md."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

FULL = os.environ.get("PROVE") == "full"
"""Whether this is the long run (`make prove`) or its short form in `make test`."""

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Evidence:
    """What one capability's tests saw, by the line of the promise it belongs to."""

    capability: str
    title: str
    run: str = ""
    """What `make prove` calls it, if not so."""
    sections: dict[str, list[str]] = field(default_factory=dict)

    def show(self, promise: str, name: str, value: object, unit: str = "") -> None:
        """Print a figure and keep it under `promise`."""
        line = f"{name}: {value} {unit}".rstrip()
        print(line)
        self.sections.setdefault(promise, []).append(line)

    def quote(self, promise: str, text: str) -> None:
        """Keep what a tool printed."""
        print(text)
        self.sections.setdefault(promise, []).append(f"```\n{text.strip()}\n```")

    def table(self, promise: str, text: str) -> None:
        """Keep a table that is written in Markdown; in full runs it is printed, too."""
        if FULL:
            print(text)
        self.sections.setdefault(promise, []).append(f"\n{text}\n")

    def write(self) -> None:
        """Write the page, in full runs."""
        if not FULL or not self.sections:
            return
        versions = f"Linux {platform.release()}; Python {platform.python_version()}"
        switch = subprocess.run(["ovs-vswitchd", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
        head = [
            f"# Evidence: {self.title}",
            "",
            f"Written by `make prove ONLY={self.run or self.capability}`. {switch}; {versions}.",
        ]
        body = []
        for promise, lines in self.sections.items():
            body += ["", f"## {promise}", ""]
            body += [line if line.startswith(("```", "\n")) else f"* {line}" for line in lines]
        path = ROOT / "docs" / "evidence" / f"{self.capability}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*head, *body]) + "\n")
