"""Writes what `docs/` holds that comes from the code: the CLI's reference and the OpenAPI document.

python -m tools.docs
"""

from __future__ import annotations

import json
from pathlib import Path

from ryu_overlay.cli.reference import reference
from ryu_overlay.northbound import openapi
from ryu_overlay.northbound.routes import ROUTES

DOCS = Path(__file__).parent.parent / "docs"


def written_files() -> dict[Path, str]:
    """Every file under `docs/` that is written, and what is to be in it. `/v1/openapi.json` serves the same document."""
    return {
        DOCS / "cli.md": reference(),
        DOCS / "openapi.json": json.dumps(openapi.document(ROUTES), indent=1, ensure_ascii=False) + "\n",
    }


def main() -> None:
    """Write the files that differ, naming each."""
    for path, text in written_files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
