"""The ledger: what was carried, in closed intervals, in SQL. SQLite, or PostgreSQL by URL.

1. Usage of the interval that is open is kept beside the state of the meters that it was read from, in one transaction: whoever
   dies in the middle has written all of it or nothing, and the next process goes on from there. Bookings are numbered
   without holes, and a process that takes the ledger over leaves its sign: so none is written twice, and none of one that was
   replaced.
2. When its time is over an interval is closed: its rows are copied to `usage`, to which rows are only ever added, and its own
   are deleted, in one transaction again. An interval without traffic has no rows; that it was closed stands in `closed`.
3. Hours and days are sums of closed intervals, made once, when they are over. What is older than it has to be kept is deleted,
   the finest first, and never before the coarser sums are there.

Times are seconds since 1970, intervals begin at multiples of their length. It does not know where counts come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Table, create_engine, delete, event, func, insert, select, update
from sqlalchemy.engine import Connection

from ryu_overlay.accounting.meter import Begun, Booking, Kept, Spot
from ryu_overlay.accounting.tables import ACCOUNTS, BOOKED, CLOSED, GAPS, META, OPEN, READ, USAGE, USE, WRITTEN
from ryu_overlay.accounting.values import DAY, HOUR, INTERVAL, NOTHING, Account, Count, Gap, Use, Used


class Superseded(Exception):
    """Another process writes this ledger now."""


class Ledger:
    """One database. Each method that writes is one transaction."""

    def __init__(self, url: str) -> None:
        """`url` as SQLAlchemy has them: "sqlite:////var/lib/ryu-overlay/usage.db". Raises what SQLAlchemy raises if it cannot be
        opened."""
        self._writer = uuid4().hex
        self.engine = create_engine(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _durable)
        META.create_all(self.engine)

    def begin(self) -> Begun:
        """Take the ledger over. Gives what there is to go on from."""
        with self.engine.begin() as db:
            # An update comes first here and in `write`: it locks the row, so that what is read then stays so.
            if not db.execute(update(WRITTEN).values(writer=self._writer)).rowcount:
                db.execute(insert(WRITTEN).values(id=1, number=0, writer=self._writer))
            last = db.scalars(select(WRITTEN.c.number)).one()
            kept = {
                Spot(row.chassis, row.number): Kept(row.object, Count(row.packets, row.bytes), row.age)
                for row in db.execute(select(BOOKED))
            }
            read = {row.chassis: row.at for row in db.execute(select(READ))}
            return Begun(last, kept, read, _accounts(db))

    def write(self, number: int, booking: Booking, length: int = INTERVAL) -> bool:
        """Put usage into the interval that is open at its time. Says no if it was written already. Raises Superseded."""
        with self.engine.begin() as db:
            own = update(WRITTEN).where(WRITTEN.c.writer == self._writer, WRITTEN.c.number == number - 1)
            if not db.execute(own.values(number=number)).rowcount:
                if db.execute(select(WRITTEN.c.number, WRITTEN.c.writer)).one() == (number, self._writer):
                    return False
                raise Superseded("another process writes this ledger now")
            # What is closed stays as it is: what comes late is the next interval's.
            start = max(int(booking.at // length * length), _closed_until(db, length))
            open_now = (OPEN.c.start == start, OPEN.c.length == length)
            had = {_use(row): _count(row) for row in db.execute(select(OPEN).where(*open_now))}
            more = {use: had.get(use, NOTHING) + count for use, count in booking.used.items()}
            made = ({"start": start, "length": length, **_row(use, count)} for use, count in more.items())
            _replace(db, OPEN, made, ("start", "length", *USE))
            gone = ({"chassis": spot.chassis, "number": spot.number} for spot in booking.gone)
            _delete(db, BOOKED, gone, ("chassis", "number"))
            _replace(db, BOOKED, (_booked(spot, state) for spot, state in booking.kept.items()), ("chassis", "number"))
            _swap(db, READ, ({"chassis": chassis, "at": at} for chassis, at in booking.read.items()))
            _replace(db, ACCOUNTS, map(asdict, booking.accounts), ("uuid",))
            _add(db, GAPS, (_gap(gap) for gap in booking.gaps))
        return True

    def close(self, now: float, length: int = INTERVAL) -> int:
        """Close the intervals that are over, those without traffic too since the first. Gives how many were closed."""
        with self.engine.begin() as db:
            over = {(row.start, row.length) for row in db.execute(select(OPEN).where(OPEN.c.start + OPEN.c.length <= now))}
            first = min((start for start, of in over if of == length), default=int(now // length * length))
            begin = _closed_until(db, length) or first
            over |= {(start, length) for start in range(begin, int(now - length) + 1, length)}
            for start, of in sorted(over):
                rows = db.execute(select(OPEN).where(OPEN.c.start == start, OPEN.c.length == of)).all()
                _add(db, USAGE, ({"start": start, "length": of, **_row(_use(row), _count(row))} for row in rows))
                db.execute(delete(OPEN).where(OPEN.c.start == start, OPEN.c.length == of))
                db.execute(insert(CLOSED).values(start=start, length=of))
        return len(over)

    def roll_up(self, now: float, coarser: int) -> int:
        """Sum up what is over by `now` into hours or days, each once. Gives how many were made."""
        with self.engine.begin() as db:
            made = set(db.scalars(select(CLOSED.c.start).where(CLOSED.c.length == coarser)))
            starts = db.scalars(select(CLOSED.c.start).where(_finer(CLOSED, coarser)))
            wanted = sorted({start // coarser * coarser for start in starts} - made)
            wanted = [start for start in wanted if start + coarser <= now]
            for start in wanted:
                _add(db, USAGE, _sums(db, start, coarser))
                db.execute(insert(CLOSED).values(start=start, length=coarser))
        return len(wanted)

    def forget(self, before: float, coarser: int) -> int:
        """Delete what whole hours or days that were over before a time have summed up. Gives how many rows went."""
        with self.engine.begin() as db:
            gone = 0
            summed = set(db.scalars(select(CLOSED.c.start).where(CLOSED.c.length == coarser)))
            end = before // coarser * coarser
            old = db.execute(select(CLOSED).where(_finer(CLOSED, coarser), CLOSED.c.start < end)).all()
            for start, length in ((row.start, row.length) for row in old if row.start // coarser * coarser in summed):
                rows = db.execute(delete(USAGE).where(USAGE.c.start == start, USAGE.c.length == length))
                db.execute(delete(CLOSED).where(CLOSED.c.start == start, CLOSED.c.length == length))
                gone += rows.rowcount
            return gone

    def usage(self, since: float, until: float, *, coarse: bool = False) -> Iterator[Used]:
        """What passed in a time, the oldest first, in the finest closed intervals that are left of it; or, for sums, in the
        coarsest that lie in it whole. Each interval begins in that time."""
        with self.engine.connect() as db:
            rows = db.execute(select(CLOSED).where(CLOSED.c.start >= since, CLOSED.c.start < until)).all()
            chosen = _cover({(row.start, row.length) for row in rows}, until, coarse)
            lengths = {length for _, length in chosen}
            found = select(USAGE).where(USAGE.c.start >= since, USAGE.c.start < until, USAGE.c.length.in_(lengths))
            for row in db.execute(found.order_by(USAGE.c.start, USAGE.c.length, *(USAGE.c[name] for name in USE))):
                if (row.start, row.length) in chosen:
                    yield Used(row.start, row.length, _use(row), _count(row))

    def open(self) -> list[Used]:
        """What is booked in intervals that are not closed yet."""
        with self.engine.connect() as db:
            rows = db.execute(select(OPEN).order_by(OPEN.c.start, *(OPEN.c[name] for name in USE)))
            return [Used(row.start, row.length, _use(row), _count(row)) for row in rows]

    def began(self) -> float | None:
        """When the first interval began of which anything is left, None if there is none."""
        with self.engine.connect() as db:
            found = [db.scalar(select(func.min(table.c.start))) for table in (CLOSED, OPEN)]
            return min((start for start in found if start is not None), default=None)

    def gaps(self, since: float, until: float) -> list[Gap]:
        """Gaps that touch a time."""
        with self.engine.connect() as db:
            rows = db.execute(select(GAPS).where(GAPS.c.until >= since, GAPS.c.since < until).order_by(GAPS.c.id))
            return [Gap(row.chassis, _use(row), row.since, row.until, row.what) for row in rows]

    def accounts(self) -> dict[str, Account]:
        """All that was ever counted, by UUID."""
        with self.engine.connect() as db:
            return _accounts(db)


def _durable(connection: Any, _: object) -> None:
    """A transaction that was told to be over is on the disk."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _accounts(db: Connection) -> dict[str, Account]:
    return {row.uuid: Account(**row._mapping) for row in db.execute(select(ACCOUNTS))}


def _closed_until(db: Connection, length: int) -> int:
    """When the last closed interval of a length was over, 0 if there is none."""
    last = db.scalar(select(func.max(CLOSED.c.start)).where(CLOSED.c.length == length))
    return 0 if last is None else last + length


def _finer(table: Table, coarser: int) -> ColumnElement[bool]:
    """What hours or days are the sums of: days of hours, and hours of intervals of any length."""
    return table.c.length == HOUR if coarser == DAY else table.c.length < HOUR


def _cover(closed: set[tuple[int, int]], until: float, coarse: bool) -> set[tuple[int, int]]:
    """Of intervals that sum each other up, those that cover a time without overlapping."""
    chosen: set[tuple[int, int]] = set()
    summed: set[tuple[int, int]] = set()
    for start, length in sorted(closed, key=lambda each: each[1], reverse=coarse):
        around = {(start // coarser * coarser, coarser) for coarser in (HOUR, DAY) if coarser > length}
        ends_in_time = not coarse or length < HOUR or start + length <= until
        if ends_in_time and (start, length) not in summed and not around & chosen:
            chosen.add((start, length))
            summed |= around
    return chosen


def _sums(db: Connection, start: int, coarser: int) -> Iterator[dict[str, object]]:
    columns = [USAGE.c[name] for name in USE]
    wanted = (
        select(*columns, func.sum(USAGE.c.packets).label("packets"), func.sum(USAGE.c.bytes).label("bytes"))
        .where(_finer(USAGE, coarser), USAGE.c.start >= start, USAGE.c.start < start + coarser)
        .group_by(*columns)
    )
    for row in db.execute(wanted).all():
        yield {"start": start, "length": coarser, **_row(_use(row), _count(row))}


def _replace(db: Connection, table: Table, rows: Iterable[dict[str, Any]], keys: tuple[str, ...]) -> None:
    made = list(rows)
    _delete(db, table, made, keys)
    _add(db, table, made)


def _delete(db: Connection, table: Table, rows: Iterable[dict[str, Any]], keys: tuple[str, ...]) -> None:
    for row in rows:
        db.execute(delete(table).where(*(table.c[key] == row[key] for key in keys)))


def _swap(db: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    db.execute(delete(table))
    _add(db, table, rows)


def _add(db: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    made = list(rows)
    if made:
        db.execute(insert(table), made)


def _row(use: Use, count: Count) -> dict[str, object]:
    return {**use._asdict(), "packets": count.packets, "bytes": count.bytes}


def _booked(spot: Spot, state: Kept) -> dict[str, object]:
    count = {"packets": state.count.packets, "bytes": state.count.bytes}
    return {"chassis": spot.chassis, "number": spot.number, "object": state.object, "age": state.age, **count}


def _gap(gap: Gap) -> dict[str, object]:
    return {"chassis": gap.chassis, **gap.use._asdict(), "since": gap.since, "until": gap.until, "what": gap.what}


def _use(row: Any) -> Use:
    return Use(row.object, row.peer, row.way)


def _count(row: Any) -> Count:
    # PostgreSQL sums integers to decimals.
    return Count(int(row.packets), int(row.bytes))
