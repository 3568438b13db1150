"""The servers that clients of the small network's way out connect to. Knows no figure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from mininet_topos.loading import Serving
from tests.bench.networks_out import MEMBER_PORT, MEMBERS
from tests.bench.sides import Bench

SERVER_PORT = 80


@contextmanager
def servers(bench: Bench) -> Iterator[None]:
    """On every controlled side one on the server outside and one on each member of the load balancer, until the block ends."""
    with ExitStack() as stack:
        for side in bench.controlled():
            guests = bench.guests(side)
            stack.enter_context(Serving(side.lab.server, tcp=(SERVER_PORT,)))
            for name in MEMBERS:
                stack.enter_context(Serving(guests[name], tcp=(MEMBER_PORT,)))
        yield
