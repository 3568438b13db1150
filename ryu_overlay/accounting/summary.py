"""Usage summed up for people: over time, and over what belongs together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ryu_overlay.accounting.values import DAY, HOUR, NOTHING, Account, Count, Gap, Used
from ryu_overlay.pipeline.accounts import Peer, Way

Per = Literal["total", "interval", "hour", "day"]
"""Over what time usage is summed up."""
By = Literal["tenant", "router", "account"]
"""What of a tenant's is told apart: nothing, its routers, or their uplinks and floating IPs."""
Class = tuple[Peer, Way]
_LENGTHS: Mapping[Per, int] = {"hour": HOUR, "day": DAY}


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose usage a sum is: fields that are told apart no more are empty."""

    tenant: str
    router: str = ""
    kind: str = ""
    name: str = ""
    address: str = ""


@dataclass(slots=True)
class Sum:
    """What somebody carried in each class, from `start` on for `length` seconds; and whether something of it may be missing."""

    whose: Whose
    start: float
    length: float
    counts: dict[Class, Count] = field(default_factory=dict)
    complete: bool = True

    def of(self, peer: Peer, way: Way) -> Count:
        """What it carried in one class."""
        return self.counts.get((peer, way), NOTHING)


def whose(account: Account, by: By) -> Whose:
    """What an account is summed up under."""
    if by == "tenant":
        return Whose(account.tenant)
    if by == "router":
        return Whose(account.tenant, account.router)
    return Whose(account.tenant, account.router, account.kind, account.name, account.address)


def summed(
    used: Iterable[Used],
    gaps: Iterable[Gap],
    accounts: Mapping[str, Account],
    by: By,
    per: Per,
    time: tuple[float, float],
    tenant: str | None = None,
) -> list[Sum]:
    """Sums by time and name. `time` is what was asked for: it is a total's."""
    since, until = time
    found: dict[tuple[Whose, float], Sum] = {}
    for each in used:
        account = accounts.get(each.use.object)
        if account is None or tenant not in (None, account.tenant):
            continue
        length = _LENGTHS.get(per, each.length)
        start = float(each.start // length * length)
        if per == "total":
            start, length = since, until - since  # type: ignore[assignment]
        key = whose(account, by), start
        made = found.setdefault(key, Sum(key[0], start, length))
        of = each.use.peer, each.use.way
        made.counts[of] = made.counts.get(of, NOTHING) + each.count
    _mark(found.values(), gaps, accounts, by)
    return sorted(
        found.values(), key=lambda s: (s.start, s.whose.tenant, s.whose.router, s.whose.kind != "router_port", s.whose.name)
    )


def _mark(sums: Iterable[Sum], gaps: Iterable[Gap], accounts: Mapping[str, Account], by: By) -> None:
    """Something of what a gap touches may be missing."""
    by_whose: dict[Whose, list[Sum]] = {}
    for each in sums:
        by_whose.setdefault(each.whose, []).append(each)
    for gap in (gap for gap in gaps if gap.what == "lost"):
        account = accounts.get(gap.use.object)
        for each in by_whose.get(whose(account, by), ()) if account is not None else ():
            if gap.until >= each.start and gap.since < each.start + each.length:
                each.complete = False
