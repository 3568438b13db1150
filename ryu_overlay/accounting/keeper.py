"""The process that has the ledger: requests in by its standard input, answers out, one line of JSON each.

SQL takes its time, and the controller has none to give away: so it is done here. It ends when its input does. What it was asked
to write and did not answer may be written or not; the next one tells by `last`.

    OVERLAY_USAGE_DB=URL python -m ryu_overlay.accounting.keeper
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from sqlalchemy.exc import SQLAlchemyError

from ryu_overlay.accounting.ledger import Ledger, Superseded
from ryu_overlay.accounting.values import DAY, HOUR
from ryu_overlay.accounting.wire import URL_VARIABLE, from_begun, from_gap, from_used, to_booking


class Keeper:
    """Answers requests. Each is an object with `do`, and what that needs; "begin" comes first."""

    def __init__(self, open_ledger: Callable[[], Ledger]) -> None:
        self._open = open_ledger
        self._ledger: Ledger | None = None
        self._can: dict[str, Callable[[Ledger, Mapping[str, Any]], dict[str, Any]]] = {
            "begin": lambda ledger, _: from_begun(ledger.begin()),
            "write": _write,
            "usage": _usage,
        }

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer, or what went wrong as `error`; nothing is written then."""
        try:
            if self._ledger is None:
                self._ledger = self._open()
            return self._can[request["do"]](self._ledger, request)
        except Superseded as error:
            return {"error": str(error), "superseded": True}
        except (SQLAlchemyError, ImportError) as error:
            # A database's driver may not be there.
            return {"error": str(error.__cause__ or error).strip()}


def _write(ledger: Ledger, request: Mapping[str, Any]) -> dict[str, Any]:
    """Write a booking; then close what is over, sum it up, and delete what is older than `keep` says: in seconds, of what
    hours sum up and of what days do."""
    booking = to_booking(request["booking"])
    new = ledger.write(request["number"], booking, request["length"])
    if ledger.close(booking.at, request["length"]):
        for coarser in (HOUR, DAY):
            ledger.roll_up(booking.at, coarser)
            ledger.forget(booking.at - request["keep"][str(coarser)], coarser)
    return {"new": new}


def _usage(ledger: Ledger, request: Mapping[str, Any]) -> dict[str, Any]:
    """Closed intervals and gaps of a time, and what is open now."""
    since, until = request["since"], request["until"]
    closed = [from_used(used) for used in ledger.usage(since, until, coarse=request["coarse"])]
    still = [from_used(used) for used in ledger.open() if since <= used.start < until]
    gaps = [from_gap(gap) for gap in ledger.gaps(since, until)]
    return {"closed": closed, "open": still, "gaps": gaps, "began": ledger.began()}


def serve(url: str, requests: TextIO, answers: TextIO) -> None:
    """Answer every request, in order, until there are no more."""
    keeper = Keeper(lambda: Ledger(url))
    for line in requests:
        answers.write(json.dumps(keeper.answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    # A URL may hold a password, and everybody sees the arguments of a process.
    serve(os.environ[URL_VARIABLE], sys.stdin, sys.stdout)
