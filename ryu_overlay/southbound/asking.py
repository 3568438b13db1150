"""Many questions to many bridges at once, for answers that are put together of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import eventlet

from ryu_overlay.southbound.switches import NoAnswer, Switches

Request = Callable[[int], bytes]
"""From a transaction number to a multipart request."""
_AT_ONCE = 256
"""Questions that may be on their way at once; more wait."""
_SOON = 1.0


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


def ask_soon(switches: Switches, dpid: int, request: Request) -> list[bytes] | None:
    """The bodies of a bridge's replies, None if there are none within a second. Blocks this greenthread only.

    For who asks all the time, and must not wait for a bridge that hangs.
    """
    try:
        with eventlet.Timeout(_SOON, NoAnswer("it took too long")):
            return switches.ask(dpid, request)
    except NoAnswer:
        return None
