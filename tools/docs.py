"""Writes what `docs/` holds that comes from the code: the CLI's reference, the OpenAPI document, the list of verdicts, and the
ICMP cases.

python -m tools.docs
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ryu_overlay.cli.reference import reference
from ryu_overlay.northbound import openapi
from ryu_overlay.northbound.routes import ROUTES
from ryu_overlay.oam.verdicts import LAYERS, MEANINGS
from tests.acceptance import icmp_table

DOCS = Path(__file__).parent.parent / "docs"
VERDICTS = """# Verdicts

What a [trace](oam.md#trace) or [ping](oam.md#ping) can come to. Names of kinds and layers stay as they are, for programs.
*Intended* is what operators asked for; all else is a fault, or a guest's or host's own doing.

Written by `python -m tools.docs` from `ryu_overlay/oam/verdicts.py`: change that, then run it again.

"""


def written_files() -> dict[Path, str]:
    """Every file under `docs/` that is written, and what is to be in it. `/v1/openapi.json` serves the same document."""
    return {
        DOCS / "cli.md": reference(),
        DOCS / "verdicts.md": verdicts(),
        DOCS / "icmp.md": _with_cases((DOCS / "icmp.md").read_text(encoding="utf-8")),
        DOCS / "openapi.json": json.dumps(openapi.document(ROUTES), indent=1, ensure_ascii=False) + "\n",
    }


def verdicts() -> str:
    """The page about verdicts: layers, then kinds by layer."""
    layers = [f"| `{layer}` | {meaning} |" for layer, meaning in LAYERS.items()]
    kinds = [
        f"| `{kind}` | `{layer}` | {'yes' if intended else ''} | {meaning} |"
        for of in LAYERS
        for kind, (layer, intended, meaning) in MEANINGS.items()
        if layer == of
    ]
    heads = (
        ("| layer | where the trouble is |", "|---|---|"),
        ("| kind | layer | intended | what it means |", "|---|---|---|---|"),
    )
    return VERDICTS + "\n".join((*heads[0], *layers, "", *heads[1], *kinds)) + "\n"


def _with_cases(page: str) -> str:
    """The hand-made page about ICMP with the table of cases between its two marks."""
    begin, end = "<!-- cases: written by `make docs` -->\n", "\n<!-- /cases -->"
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{icmp_table.cases()}\n{end}", page, flags=re.S)


def main() -> None:
    """Write the files that differ, naming each."""
    for path, text in written_files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
