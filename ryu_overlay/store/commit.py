"""One write of the logical network on its way: sent, sent again if the connection broke, answered."""

from __future__ import annotations

from eventlet.event import Event

from ryu_overlay.model.network import Network, changes
from ryu_overlay.store.idl import OverlayIdl, Write
from ryu_overlay.store.operations import network_operations
from ryu_overlay.store.step import Step

CONTENT_ERRORS = frozenset(
    {"constraint violation", "referential integrity violation", "duplicate uuid", "domain error", "range error", "syntax error"}
)
"""What ovsdb-server says of a transaction that it would refuse at any time; the rest (a full disk, ...) may pass."""


class StoreAway(Exception):
    """The database did not answer in time, or cannot write now. What was to be written may be stored later, or never."""


class Conflict(Exception):
    """Somebody else committed first: nothing was written, and `Store.network` already shows what they did."""


class Refused(Exception):
    """The database will not hold this, whoever asks: a constraint of its schema is broken. Nothing was written."""


class Commit:
    """From `old` to `new`. `answer` becomes the network seen that includes it, or what `Store.commit` raises."""

    def __init__(self, old: Network, new: Network) -> None:
        self.step = Step.between(old, new)
        self.operations = network_operations(self.step)
        self.write: Write | None = None
        self.answer: Event = Event()

    def settle(self, network: Network, idl: OverlayIdl) -> None:
        """Go on as far as possible: send, send again if the connection was lost before the server took it, answer."""
        old, new = self.step.old, self.step.new
        if self.write is None or self.write.lost:
            if network.revision == old.revision:
                self.write = Write(idl, self.operations)
            elif self.write is None or (network.revision == new.revision and changes(network, new) != ([], [])):
                self._conflict(network)
            elif network.revision == new.revision:
                self.answer.send(network)
            else:
                self.answer.send_exception(StoreAway("the connection broke; whether it was stored cannot be told"))
        elif self.write.answered and not self.write.errors:
            if network.revision >= new.revision:
                self.answer.send(network)
        elif self.write.answered:
            self._refused(network)

    def _refused(self, network: Network) -> None:
        error, details = self.write.errors[0] if self.write is not None else ("", "")
        if error == "timed out":
            if network.revision != self.step.old.revision:
                self._conflict(network)
        else:
            kind = Refused if error in CONTENT_ERRORS else StoreAway
            self.answer.send_exception(kind(f"{error}: {details}" if details else error))

    def _conflict(self, network: Network) -> None:
        text = f"made from revision {self.step.old.revision}, but the database is at {network.revision}"
        self.answer.send_exception(Conflict(text))
