"""Accounting in memory, for tests of REST and CLI: two tenants, an hour of intervals, and a gap."""

from __future__ import annotations

from collections.abc import Mapping

from ryu_overlay.accounting.values import Account, Count, Found, Gap, Use, Used
from ryu_overlay.northbound.service_usage import LedgerAway, Rate, Reading
from tests.unit.northbound.memory_health import SINCE

START = int(SINCE // 3600 * 3600)
UP = Account("u-up", "red", "router_port", "r1", "up", "203.0.113.11")
WEB = Account("u-web", "red", "floating_ip", "r1", "web", "203.0.113.12")
BLUE = Account("u-blue", "blue", "router_port", "r9", "up", "203.0.113.21")
RED = Account("u-red", "red", "tenant", "", "", "")
ACCOUNTS = {account.uuid: account for account in (UP, WEB, BLUE, RED)}
OUT, IN = Use("u-up", "internet", "out"), Use("u-up", "internet", "in")
GAP = Gap("hv2", Use("u-web", "internet", "in"), START + 400.0, START + 402.5, "lost")


class MemoryUsage:
    """`away`: why the ledger is not there. `asked` has what it was asked for."""

    interval = 300

    def __init__(self) -> None:
        self.away: str | None = None
        self.asked: list[tuple[float, float, bool]] = []
        every = range(START, START + 3600, 300)
        self.used = [Used(start, 300, OUT, Count(10, 1000 * (start - START + 300))) for start in every]
        self.used += [Used(start, 300, IN, Count(1, 100)) for start in every]
        self.used.append(Used(START + 300, 300, Use("u-web", "others", "in"), Count(7, 700)))
        self.used.append(Used(START, 300, Use("u-blue", "own", "out"), Count(3, 300)))
        self.used.append(Used(START, 300, Use("u-red", "inside", "out"), Count(9, 9000)))

    def usage(self, since: float, until: float, *, coarse: bool) -> Found:
        if self.away is not None:
            raise LedgerAway(self.away)
        self.asked.append((since, until, coarse))
        used = [each for each in self.used if since <= each.start < until]
        return Found(used, [GAP] if since < GAP.until and GAP.since < until else [], ACCOUNTS, START)

    def rates(self) -> tuple[list[Rate], Mapping[str, Account]]:
        return [Rate(IN, 5.0, 500.0), Rate(OUT, 1000.4, 1_500_000.0)], ACCOUNTS

    def totals(self) -> tuple[Mapping[Use, Count], Mapping[str, Account]]:
        return {OUT: Count(5, 500), IN: Count(6, 600)}, ACCOUNTS

    def reading(self) -> Reading:
        return Reading({"hv1": 0.5, "hv2": 1.25}, 7, 0.25, 4000, self.away)
