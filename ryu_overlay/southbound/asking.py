"""Many questions to many bridges at once, for answers that are put together of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import eventlet

from ryu_overlay.southbound.switches import NoAnswer, Switches

Request = Callable[[int], bytes]
"""From a transaction number to a multipart request."""
_AT_ONCE = 256
"""Questions that may be on their way at once; more wait."""


def ask_all(switches: Switches, questions: Sequence[tuple[int, Request]]) -> list[list[bytes] | None]:
    """For each question, a datapath id and a request, the bodies of the replies, or None where none came.

    Blocks this greenthread only, and about as long as the slowest bridge needs.
    """

    def ask(question: tuple[int, Request]) -> list[bytes] | None:
        try:
            return switches.ask(*question)
        except NoAnswer:
            return None

    return list(eventlet.GreenPool(min(len(questions), _AT_ONCE) or 1).imap(ask, questions))
