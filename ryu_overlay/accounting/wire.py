"""Bookings and what is told of the ledger, as JSON can carry them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from ryu_overlay.accounting.meter import Begun, Booking, Kept, Spot
from ryu_overlay.accounting.values import Account, Count, Gap, Use, Used

URL_VARIABLE = "OVERLAY_USAGE_DB"
"""The environment variable in which the ledger's process finds the database."""


def from_booking(booking: Booking) -> dict[str, Any]:
    return {
        "at": booking.at,
        "used": [[*use, *count] for use, count in booking.used.items()],
        "gaps": [from_gap(gap) for gap in booking.gaps],
        "kept": _from_kept(booking.kept),
        "gone": [list(spot) for spot in sorted(booking.gone)],
        "read": dict(booking.read),
        "accounts": [astuple(account) for account in booking.accounts],
    }


def to_booking(data: Mapping[str, Any]) -> Booking:
    return Booking(
        data["at"],
        {Use(*words): Count(packets, octets) for *words, packets, octets in data["used"]},
        tuple(to_gap(gap) for gap in data["gaps"]),
        _to_kept(data["kept"]),
        frozenset(Spot(*spot) for spot in data["gone"]),
        data["read"],
        tuple(Account(*account) for account in data["accounts"]),
    )


def from_begun(begun: Begun) -> dict[str, Any]:
    accounts = [astuple(account) for account in begun.accounts.values()]
    return {"last": begun.last, "kept": _from_kept(begun.kept), "read": dict(begun.read), "accounts": accounts}


def to_begun(data: Mapping[str, Any]) -> Begun:
    accounts = (Account(*account) for account in data["accounts"])
    return Begun(data["last"], _to_kept(data["kept"]), data["read"], {account.uuid: account for account in accounts})


def from_used(used: Used) -> list[Any]:
    return [used.start, used.length, *used.use, *used.count]


def to_used(data: list[Any]) -> Used:
    start, length, *words, packets, octets = data
    return Used(start, length, Use(*words), Count(packets, octets))


def from_gap(gap: Gap) -> list[Any]:
    return [gap.chassis, list(gap.use), gap.since, gap.until, gap.what]


def to_gap(data: list[Any]) -> Gap:
    chassis, use, since, until, what = data
    return Gap(chassis, Use(*use), since, until, what)


def _from_kept(kept: Mapping[Spot, Kept]) -> list[list[Any]]:
    return [[*spot, state.object, *state.count, state.age] for spot, state in kept.items()]


def _to_kept(data: list[list[Any]]) -> dict[Spot, Kept]:
    return {Spot(chassis, n): Kept(uuid, Count(packets, octets), age) for chassis, n, uuid, packets, octets, age in data}
