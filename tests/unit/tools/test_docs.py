"""The pages under docs/ say what the code says: written ones are up to date, and hand-made ones leave nothing out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_overlay.northbound.live_limits import EXCEEDED, WITHHELD
from ryu_overlay.northbound.routes import ROUTES
from ryu_overlay.pipeline.cookies import DROP_MEANINGS
from ryu_overlay.southbound import ovsdb_plan
from tools.docs import DOCS, written_files

ROOT = DOCS.parent
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
OPERATIONS = DOCS / "operations.md"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"^```.*?^```", re.M | re.S)


@pytest.mark.parametrize("path", written_files(), ids=lambda path: path.name)
def test_written_pages_are_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == written_files()[path], "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


def options() -> Iterator[tuple[str, str]]:
    """Name and default, as a configuration file has them, of each option that the app registers."""
    for node in ast.walk(ast.parse((ROOT / "ryu_overlay/app.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.endswith("Opt"):
            default = next((k.value for k in node.keywords if k.arg == "default"), None)
            yield str(ast.literal_eval(node.args[0])).replace("-", "_"), "" if default is None else _default(default)


def _default(node: ast.expr) -> str:
    """A default's text, where it stands there or is a constant of the plan for chassis."""
    return str(getattr(ovsdb_plan, node.id) if isinstance(node, ast.Name) else ast.literal_eval(node))


def test_operations_has_every_option_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)?", OPERATIONS.read_text(encoding="utf-8"), re.M)
    assert sorted(options()) == sorted(row for row in rows if row[0] in dict(options()))


def test_operations_has_every_drop_reason() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", OPERATIONS.read_text(encoding="utf-8"), re.M))
    assert {*(feature.reason for feature in DROP_MEANINGS), EXCEEDED, WITHHELD} <= rows


def test_rest_page_has_every_path() -> None:
    """Paths of objects are written there with their collection: `/v1/tenants/{tenant}/switches[/{switch}]`."""
    given = re.findall(r"`(/v1/[^`]+)`", (DOCS / "rest-and-cli.md").read_text(encoding="utf-8"))
    patterns = [shape for path in given for shape in (path.split("[")[0], path.replace("[", "").replace("]", ""))]
    named = {re.sub(r"{[^}]*}", "{}", path) for path in patterns}
    assert {re.sub(r"{[^}]*}", "{}", route.path) for route in ROUTES if route.path.startswith("/v1/")} <= named
