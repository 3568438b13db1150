"""One step from a network to the next, as a transaction takes it."""

from __future__ import annotations

from dataclasses import dataclass

from ryu_overlay.model.network import Network, changes
from ryu_overlay.model.objects import Object, Ref


@dataclass(frozen=True)
class Step:
    """From `old` to `new`: objects to put, parents first, and to delete, children first."""

    old: Network
    new: Network
    puts: tuple[Object, ...]
    deletes: tuple[Object, ...]

    @classmethod
    def between(cls, old: Network, new: Network) -> Step:
        puts, deletes = changes(old, new)
        return cls(old, new, tuple(puts), tuple(deletes))

    @property
    def touched(self) -> dict[tuple[str, Ref], Object | None]:
        """What `Draft.touched` says of a draft that made the same step."""
        touched: dict[tuple[str, Ref], Object | None] = {(o.kind, o.ref): None for o in self.deletes}
        touched.update({(o.kind, o.ref): o for o in self.puts})
        return touched
