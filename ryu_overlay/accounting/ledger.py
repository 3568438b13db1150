"""The ledger: what was carried, in closed intervals, in SQL. SQLite, or PostgreSQL by URL.

1. Usage of the interval that is open is kept beside the counts that it stands for, in one transaction: whoever dies in the middle
   has written all of it or nothing, and the next process goes on from there (`Meter`, rule 4).
2. When its time is over an interval is closed: its rows are copied to `usage`, to which rows are only ever added, and its own
   are deleted, in one transaction again. An interval without traffic has no rows; that it was closed stands in `closed`.
3. Hours and days are sums of closed intervals, made once, when they are over. What is older than it has to be kept is deleted, the
   finest first, and never before the coarser sums are there.

Times are seconds since 1970, intervals begin at multiples of their length. It does not know where counts come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, String, Table, create_engine, delete, event, func, insert, select
from sqlalchemy.engine import Connection, Engine

from ryu_overlay.accounting.meter import NOTHING, Booking, Count, Gap, Kept, Line, Peer, Way

INTERVAL, HOUR, DAY = 300, 3600, 86400
_META = MetaData()
_LINE = ("chassis", "object", "peer", "way")


def _line(*, primary: bool = True) -> list[Column[str]]:
    return [Column(name, String(255), primary_key=primary, nullable=False) for name in _LINE]


def _counts() -> list[Column[int]]:
    return [Column("packets", BigInteger, nullable=False), Column("bytes", BigInteger, nullable=False)]


_BOOKED = Table("booked", _META, *_line(), *_counts())
_BRIDGES = Table(
    "bridges",
    _META,
    Column("chassis", String(255), primary_key=True),
    Column("began", Float(53), nullable=False),
    Column("read", Float(53), nullable=False),
)
_OPEN = Table("open", _META, Column("start", BigInteger, primary_key=True), *_line(), *_counts())
_CLOSED = Table("closed", _META, Column("start", BigInteger, primary_key=True), Column("length", Integer, primary_key=True))
_USAGE = Table(
    "usage",
    _META,
    Column("start", BigInteger, primary_key=True),
    Column("length", Integer, primary_key=True),
    *_line(),
    Column("tenant", String(255), nullable=False),
    *_counts(),
)
_GAPS = Table(
    "gaps",
    _META,
    Column("id", Integer, primary_key=True, autoincrement=True),
    *_line(primary=False),
    Column("since", Float(53), nullable=False),
    Column("until", Float(53), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Used:
    """A line's usage in one closed interval of `length` seconds from `start`, and whose it was."""

    start: int
    length: int
    line: Line
    tenant: str
    count: Count


class Ledger:
    """One database. Each method that writes is one transaction."""

    def __init__(self, url: str) -> None:
        """`url` as SQLAlchemy has them: "sqlite:////var/lib/ryu_overlay/usage.db". Raises what SQLAlchemy raises if it cannot be
        opened."""
        self._engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _durable)
        _META.create_all(self._engine)

    def kept(self) -> Kept:
        """What a new meter goes on from."""
        with self._engine.connect() as db:
            booked = {_line_of(row): Count(row.packets, row.bytes) for row in db.execute(select(_BOOKED))}
            bridges = {row.chassis: (row.began, row.read) for row in db.execute(select(_BRIDGES))}
        return Kept(booked, bridges)

    def write(self, booking: Booking, at: float, length: int = INTERVAL) -> None:
        """Put usage into the interval that is open at a time."""
        start = int(at // length * length)
        with self._engine.begin() as db:
            had = {
                _line_of(row): Count(row.packets, row.bytes) for row in db.execute(select(_OPEN).where(_OPEN.c.start == start))
            }
            more = {line: had.get(line, NOTHING) + count for line, count in booking.used.items()}
            _replace(db, _OPEN, ({"start": start, **_row(line, count)} for line, count in more.items()), ("start", *_LINE))
            _swap(db, _BOOKED, (_row(line, count) for line, count in booking.kept.booked.items()))
            bridges = booking.kept.bridges.items()
            _swap(db, _BRIDGES, ({"chassis": name, "began": began, "read": read} for name, (began, read) in bridges))
            _add(db, _GAPS, (_gap(gap) for gap in booking.gaps))

    def close(self, now: float, tenants: Mapping[str, str], length: int = INTERVAL) -> int:
        """Close the intervals that are over; `tenants` says whose each object is. Gives how many were closed."""
        with self._engine.begin() as db:
            over = db.scalars(select(_OPEN.c.start).where(_OPEN.c.start + length <= now).distinct().order_by(_OPEN.c.start)).all()
            for start in over:
                rows = db.execute(select(_OPEN).where(_OPEN.c.start == start)).all()
                _add(
                    db,
                    _USAGE,
                    (
                        {
                            "start": start,
                            "length": length,
                            "tenant": tenants.get(row.object, ""),
                            **_row(_line_of(row), Count(row.packets, row.bytes)),
                        }
                        for row in rows
                    ),
                )
                db.execute(insert(_CLOSED).values(start=start, length=length))
                db.execute(delete(_OPEN).where(_OPEN.c.start == start))
        return len(over)

    def roll_up(self, now: float, finer: int, coarser: int) -> int:
        """Sum up what is over by `now` into intervals of a coarser length, each once. Gives how many were made."""
        with self._engine.begin() as db:
            made = set(db.scalars(select(_CLOSED.c.start).where(_CLOSED.c.length == coarser)))
            starts = db.scalars(select(_CLOSED.c.start).where(_CLOSED.c.length == finer))
            wanted = sorted({start // coarser * coarser for start in starts} - made)
            wanted = [start for start in wanted if start + coarser <= now]
            for start in wanted:
                _add(db, _USAGE, _sums(db, start, finer, coarser))
                db.execute(insert(_CLOSED).values(start=start, length=coarser))
        return len(wanted)

    def forget(self, before: float, length: int, coarser: int | None) -> int:
        """Delete intervals of a length that were over before a time, if they are summed up. Gives how many rows went."""
        with self._engine.begin() as db:
            old = _USAGE.c.length == length, _USAGE.c.start + length <= before
            if coarser is not None:
                summed = db.scalars(select(_CLOSED.c.start).where(_CLOSED.c.length == coarser)).all()
                old = *old, (_USAGE.c.start - _USAGE.c.start % coarser).in_(summed)
            return db.execute(delete(_USAGE).where(*old)).rowcount

    def usage(self, since: float, until: float, length: int = INTERVAL, tenant: str | None = None) -> Iterator[Used]:
        """Closed intervals that begin in a time, the oldest first."""
        wanted = select(_USAGE).where(_USAGE.c.length == length, _USAGE.c.start >= since, _USAGE.c.start < until)
        if tenant is not None:
            wanted = wanted.where(_USAGE.c.tenant == tenant)
        with self._engine.connect() as db:
            for row in db.execute(wanted.order_by(_USAGE.c.start, *(_USAGE.c[name] for name in _LINE))):
                yield Used(row.start, row.length, _line_of(row), row.tenant, Count(row.packets, row.bytes))

    def gaps(self, since: float, until: float) -> list[Gap]:
        """Gaps that touch a time."""
        with self._engine.connect() as db:
            rows = db.execute(select(_GAPS).where(_GAPS.c.until >= since, _GAPS.c.since < until).order_by(_GAPS.c.id))
            return [Gap(_line_of(row), row.since, row.until) for row in rows]

    @property
    def engine(self) -> Engine:
        """For who has to close it."""
        return self._engine


def _durable(connection: object, _: object) -> None:
    """A transaction that was told to be over is on the disk."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _sums(db: Connection, start: int, finer: int, coarser: int) -> Iterator[dict[str, object]]:
    columns = [_USAGE.c[name] for name in (*_LINE, "tenant")]
    wanted = (
        select(*columns, func.sum(_USAGE.c.packets).label("packets"), func.sum(_USAGE.c.bytes).label("bytes"))
        .where(_USAGE.c.length == finer, _USAGE.c.start >= start, _USAGE.c.start < start + coarser)
        .group_by(*columns)
    )
    for row in db.execute(wanted).all():
        count = Count(int(row.packets), int(row.bytes))
        yield {"start": start, "length": coarser, "tenant": row.tenant, **_row(_line_of(row), count)}


def _replace(db: Connection, table: Table, rows: Iterable[dict[str, object]], keys: tuple[str, ...]) -> None:
    made = list(rows)
    for row in made:
        db.execute(delete(table).where(*(table.c[key] == row[key] for key in keys)))
    _add(db, table, made)


def _swap(db: Connection, table: Table, rows: Iterable[dict[str, object]]) -> None:
    db.execute(delete(table))
    _add(db, table, rows)


def _add(db: Connection, table: Table, rows: Iterable[dict[str, object]]) -> None:
    made = list(rows)
    if made:
        db.execute(insert(table), made)


def _row(line: Line, count: Count) -> dict[str, object]:
    return {**line._asdict(), "packets": count.packets, "bytes": count.bytes}


def _gap(gap: Gap) -> dict[str, object]:
    return {**gap.line._asdict(), "since": gap.since, "until": gap.until}


def _line_of(row: object) -> Line:
    chassis, what, peer, way = (getattr(row, name) for name in _LINE)
    peers: dict[str, Peer] = {"internet": "internet", "others": "others", "own": "own"}
    ways: dict[str, Way] = {"in": "in", "out": "out"}
    return Line(chassis, what, peers[peer], ways[way])
