"""The source MAC of an answer that goes the way that it stands for: whose it is, and how it goes on when it is back."""

from __future__ import annotations

FROM_UPLINK, OWN_ADDRESS = 1, 2
"""It answers what came by the uplink; it comes from the router's own address, so no router answers it."""
KINDS = (0, FROM_UPLINK, OWN_ADDRESS, FROM_UPLINK | OWN_ADDRESS)
_MAC = 0x025200000000


def answer_mac(router: int, kind: int) -> int:
    """The MAC of a router's (by key) answer of one of `KINDS`."""
    return _MAC | kind << 24 | router
