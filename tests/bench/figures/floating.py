"""Figure: a new floating IP, from the write to the first ping from outside that it answers."""

from __future__ import annotations

import time

from tests.bench.effort import Effort
from tests.bench.figures.first_packet import cost_of_a_call
from tests.bench.networks import FAR, GUESTS, TENANT
from tests.bench.networks_out import ROUTER, floating
from tests.bench.new_port import NoFirstPacket, Timings, samples
from tests.bench.remote import Agent
from tests.bench.results import Figure, Row
from tests.bench.sides import Bench, Controlled

HOW = """A prober on the server outside sends an echo request each millisecond to an address that nobody has yet; then the
address becomes a floating IP of a VM whose own chassis translates it (`POST ...?wait=`; `ovn-nbctl --wait=hv lr-nat-add`
with the port and a MAC). The clock runs from the write to the first reply, and to the moment every chassis has confirmed.
The upstream router, a plain kernel, asks for an unknown address every 10 ms instead of every second. The floating IP is
then removed; the next has another address."""
_PATIENCE = 20.0
_IMPATIENT = "echo 10 > /proc/sys/net/ipv4/neigh/out0/retrans_time_ms\n"


def measure(bench: Bench, effort: Effort) -> Figure:
    """The small network with its way out."""
    bench.way_out()
    timings = {side.title: Timings() for side in bench.controlled()}
    for side in bench.controlled():
        side.lab.upstream.script(_IMPATIENT)
    for number in range(effort.floating_rounds):
        for side in bench.controlled():
            _one(side, number, timings[side.title])
    rows = (
        Row("write to first answered ping", "ms", samples(timings, "first_packet"), percentile=99),
        Row("write to all chassis confirmed", "ms", samples(timings, "confirmed"), percentile=99),
    )
    return Figure("floating", "A new floating IP", HOW, rows, cost_of_a_call(bench))


def _one(side: Controlled, number: int, timings: Timings) -> None:
    document = floating(number, next(guest.name for guest in GUESTS if guest.ip == FAR))
    with Agent(side.lab.server, "first_reply", document["address"], _PATIENCE, ready="sending") as prober:
        written = time.monotonic_ns()
        side.add_floating(TENANT, ROUTER, document)
        confirmed = time.monotonic_ns()
        reply = prober.result(_PATIENCE + 5)["at"]
    side.remove_floating(TENANT, ROUTER, document)
    if reply is None or reply < written:
        why = f"no answer in {_PATIENCE:g} s" if reply is None else "answered before the write"
        raise NoFirstPacket(f"{side.title}: floating IP {document['address']}: {why}")
    timings.first_packet.append((reply - written) / 1e6)
    timings.confirmed.append((confirmed - written) / 1e6)
