"""Debian's Prometheus beside the controller, with the alert rules of docs/: what an operator's pager would be told.

It scrapes and decides once a second, keeps what it stores in the controller's folder, and ends with its `with` block.
"""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mininet_topos.http import Rest
from mininet_topos.lab import Lab
from tests.acceptance.waiting import until

RULES = Path(__file__).resolve().parents[2] / "docs" / "prometheus-rules.yml"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
_PORT = 9090
_CONFIGURATION = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{RULES}"]
scrape_configs:
  - job_name: overlay
    static_configs: [targets: ["127.0.0.1:8080"]]
"""


@dataclass(frozen=True, slots=True)
class Alert:
    """`state` is `pending` while a rule's `for` lasts, then `firing`; `since`: when its expression held first, s since 1970."""

    name: str
    state: str
    since: float
    labels: dict[str, str]
    annotations: dict[str, str]


class Prometheus:
    """A server that answers in the controller's namespace."""

    def __init__(self, lab: Lab) -> None:
        self._rest = Rest(lab.controller.pid, port=_PORT)

    def alerts(self, name: str | None = None, state: str | None = "firing", **labels: str) -> list[Alert]:
        """Those of a rule's name (None: all), in a state (None: any), with these labels; the oldest first."""
        found = sorted(map(_alert, self._get("/api/v1/alerts")["alerts"]), key=lambda alert: alert.since)
        return [
            alert
            for alert in found
            if name in (None, alert.name) and state in (None, alert.state) and labels.items() <= alert.labels.items()
        ]

    def value(self, query: str) -> list[tuple[dict[str, str], float]]:
        """What an expression comes to now: labels and value of each series."""
        found = self._get(f"/api/v1/query?query={quote(query)}")["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def failing_rules(self) -> list[str]:
        """The names of rules that cannot be worked out."""
        groups = self._get("/api/v1/rules")["groups"]
        return [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "err"]

    def close(self) -> None:
        """Close the connection to it."""
        self._rest.close()

    def _get(self, path: str) -> Any:
        answer = self._rest.get(path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return answer.json["data"]


@contextmanager
def prometheus(lab: Lab) -> Iterator[Prometheus]:
    """It runs and has scraped the controller once. Raises AssertionError with its log if that does not come true."""
    controller = lab.controller
    log = controller.folder / "log" / "prometheus.log"
    configuration = controller.folder / "prometheus.yml"
    configuration.write_text(_CONFIGURATION)
    process = controller.spawn(
        "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={controller.folder / 'db' / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{_PORT}",
        "--log.level=warn",
        log=log,
        # The lab has two cores for all of its nodes.
        env={"GOMAXPROCS": "1"},
    )
    server = Prometheus(lab)
    try:
        until("Prometheus has scraped the controller", lambda: _scraped(server, process, log), START_SECONDS)
        yield server
    finally:
        server.close()
        _end(process)


def _scraped(server: Prometheus, process: subprocess.Popen[str], log: Path) -> bool:
    assert process.poll() is None, f"prometheus ended with {process.returncode}: {log.read_text(errors='replace')[-2000:]}"
    try:
        return bool(server.value("overlay_revision"))
    except (OSError, http.client.HTTPException, AssertionError):
        # It does not listen yet, or says that it is not ready.
        return False


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _alert(told: dict[str, Any]) -> Alert:
    labels = dict(told["labels"])
    # Go writes up to nine decimals, of which Python before 3.11 reads three or six.
    seconds, _, decimals = told["activeAt"].removesuffix("Z").partition(".")
    since = datetime.fromisoformat(f"{seconds}+00:00").timestamp() + float(f"0.{decimals or 0}")
    return Alert(labels.pop("alertname"), told["state"], since, labels, dict(told["annotations"]))
