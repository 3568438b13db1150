"""Accounting of the running controller, as REST reports it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ryu_overlay.accounting.values import Account, Count, Found, Use
from ryu_overlay.northbound.service_usage import LedgerAway, Rate, Reading
from ryu_overlay.southbound import ledger_link
from ryu_overlay.southbound.usage import Usage

_NONE: Mapping[str, Account] = {}


class LiveUsage:
    """See `service_usage.Usage`."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    @property
    def interval(self) -> int:
        return self._usage.keeping.length

    def usage(self, since: float, until: float, *, coarse: bool) -> Found:
        try:
            return self._usage.of(since, until, coarse=coarse)
        except ledger_link.LedgerAway as error:
            raise LedgerAway(str(error)) from error

    def rates(self) -> tuple[list[Rate], Mapping[str, Account]]:
        return [Rate(use, *rate) for use, rate in self._usage.rates().items()], self._accounts()

    def totals(self) -> tuple[Mapping[Use, Count], Mapping[str, Account]]:
        meter = self._usage.meter
        return ({} if meter is None else meter.total), self._accounts()

    def reading(self) -> Reading:
        meter, now = self._usage.meter, time.time()
        ages = {} if meter is None else {name: now - at for name, at in meter.read.items()}
        cost = self._usage.cost
        return Reading(ages, cost.rounds, cost.seconds, cost.bytes, self._usage.away)

    def _accounts(self) -> Mapping[str, Account]:
        return _NONE if self._usage.meter is None else self._usage.meter.accounts
