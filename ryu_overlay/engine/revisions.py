"""Which revisions concern which chassis."""

from __future__ import annotations


class Revisions:
    """By chassis, the last revision that changed its program, and what it had confirmed when it was last heard."""

    def __init__(self) -> None:
        self._changed: dict[str, int] = {}
        self._confirmed: dict[str, int] = {}

    def changed(self, name: str, revision: int) -> None:
        """The chassis' program is another one since `revision`, or what its bridge has is not known."""
        self._changed[name] = revision

    def lost(self, name: str, confirmed: int) -> None:
        """The chassis' bridge went away having confirmed this much (0: nothing since it came)."""
        self._confirmed[name] = max(confirmed, self._confirmed.get(name, 0))

    def forget(self, name: str) -> None:
        self._changed.pop(name, None)
        self._confirmed.pop(name, None)

    def due(self, name: str, revision: int) -> int:
        """The revision that the chassis has to confirm to have all changes up to `revision`."""
        return min(revision, self._changed.get(name, 0))

    def missed(self, name: str, revision: int) -> bool:
        """Whether something up to `revision` changed for a chassis while it was away."""
        return self.due(name, revision) > self._confirmed.get(name, 0)
