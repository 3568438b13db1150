"""The ledger's tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, MetaData, String, Table

META = MetaData()
USE = ("object", "peer", "way")
"""The columns of a use."""


def _text(name: str, *, key: bool = False) -> Column[Any]:
    return Column(name, String(255), primary_key=key, nullable=False)


def _number(name: str, *, key: bool = False) -> Column[Any]:
    return Column(name, BigInteger, primary_key=key, autoincrement=False, nullable=False)


def _time(name: str) -> Column[Any]:
    return Column(name, Float(53), nullable=False)


def _counts() -> list[Column[Any]]:
    return [_number("packets"), _number("bytes")]


def _use(*, key: bool) -> list[Column[Any]]:
    return [_text(name, key=key) for name in USE]


ACCOUNTS = Table(
    "accounts",
    META,
    _text("uuid", key=True),
    *(_text(name) for name in ("tenant", "kind", "router", "name", "address")),
    Column("tagged", Boolean, nullable=False),
)
"""Whose each account is, and what it was called last."""
BOOKED = Table("booked", META, _text("chassis", key=True), _number("number", key=True), _text("object"), *_counts(), _time("age"))
"""The state of each meter that stands in `open` or `usage`."""
READ = Table("read", META, _text("chassis", key=True), _time("at"))
WRITTEN = Table("written", META, Column("id", Integer, primary_key=True), _number("number"), _text("writer"))
"""One row: the number of the booking that was written last, and who took the ledger over last."""
OPEN = Table("open", META, _number("start", key=True), _number("length", key=True), *_use(key=True), *_counts())
CLOSED = Table("closed", META, _number("start", key=True), _number("length", key=True))
USAGE = Table("usage", META, _number("start", key=True), _number("length", key=True), *_use(key=True), *_counts())
GAPS = Table(
    "gaps",
    META,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("chassis"),
    *_use(key=False),
    _time("since"),
    _time("until"),
    _text("what"),
)
