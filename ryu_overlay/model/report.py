"""Which field of a body is to blame for what is wrong in the network it would make.

An object can become wrong because of a field of another: a port's address by its switch's new subnets, a route by the
router port that left. So whatever is found names several spots, and the first that this edit changed gets the blame.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ryu_overlay.model.limits import MAX_PROBLEMS
from ryu_overlay.model.network import Draft
from ryu_overlay.model.objects import Object, Ref
from ryu_overlay.model.problems import Problem, Refused, Status, describe


@dataclass(frozen=True, slots=True)
class Spot:
    """A field of an object, or one item of it."""

    obj: Object
    field: str
    index: int | None = None


@dataclass(slots=True)
class Mentions:
    """What a body speaks of, by (kind, ref): the path to each object in it (empty for the body itself), and for each
    object that goes because a collection does not name it, the path of that collection."""

    paths: dict[tuple[str, Ref], str] = field(default_factory=dict)
    removed: dict[tuple[str, Ref], str] = field(default_factory=dict)

    def holds(self, obj: Object) -> bool:
        key = obj.kind, obj.ref
        return key in self.paths or key in self.removed


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


class Report:
    """Collects the problems of one edit, at most `MAX_PROBLEMS`, and refuses it if there are any."""

    def __init__(self, draft: Draft, mentions: Mentions) -> None:
        self.problems: list[Problem] = []
        self._status: Status = "conflict"
        self._draft = draft
        self._mentions = mentions

    def add(self, spot: Spot, reason: str, blame: Iterable[Spot] = (), other: Object | None = None) -> None:
        """Note that `spot` is wrong. `blame` are other fields that can have made it so; `other` is the object it
        collides with. It counts as a conflict, not as a wrong value, when the body speaks of only one of the two."""
        spots = [spot, *blame]
        guilty = next((s for s in spots if self._made_by_edit(s)), spot)
        if guilty.obj is not spot.obj:
            reason = f"{describe(spot.obj)}: {reason}"
        outside = not self._mentions.holds(spot.obj) or (other is not None and not self._mentions.holds(other))
        self.add_at(self._path(guilty), reason, conflict=outside)

    def add_at(self, path: str, reason: str, conflict: bool = False) -> None:
        """Note a problem at a path that is known."""
        if not conflict:
            self._status = "invalid"
        problem = Problem(path, reason)
        if len(self.problems) < MAX_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)

    def refuse_if_any(self) -> None:
        """Raise Refused if anything was noted: as a conflict only if every problem is one."""
        if self.problems:
            raise Refused(self._status, tuple(self.problems))

    def _made_by_edit(self, spot: Spot) -> bool:
        key = spot.obj.kind, spot.obj.ref
        if key in self._mentions.removed:
            return True
        if key not in self._mentions.paths or key not in self._draft.touched:
            return False
        before, after = self._draft.base.get(*key), self._draft.touched[key]
        return before is None or getattr(before, spot.field) != getattr(after, spot.field)

    def _path(self, spot: Spot) -> str:
        key = spot.obj.kind, spot.obj.ref
        if key in self._mentions.removed:
            return self._mentions.removed[key]
        item = spot.field if spot.index is None else f"{spot.field}[{spot.index}]"
        return join(self._mentions.paths.get(key, ""), item)
