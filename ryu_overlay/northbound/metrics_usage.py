"""Accounting as metrics for Prometheus: a counter for each uplink and floating IP in each class, and how fresh that is.

Knows the values of accounting and prometheus_client; does not know routes or transports.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ryu_overlay.accounting.values import NOTHING, Count
from ryu_overlay.northbound.service_usage import Usage

MAX_NAMED = 2000
"""Uplinks and floating IPs that have metrics of their own: the others are summed up under `other`, by tenant."""
_LABELS = ("tenant", "router", "kind", "name", "peer", "way")


def families(usage: Usage) -> Iterator[Metric]:
    """Usage since the controller started."""
    totals, accounts = usage.totals()
    # By age of their names, so that those that have metrics keep them: accounts come in the order in which they were first seen.
    named = set(list(accounts)[:MAX_NAMED])
    found: dict[tuple[str, ...], Count] = {}
    for use, count in totals.items():
        account = accounts.get(use.object)
        if account is not None:
            own = (account.router, account.kind, account.name) if account.uuid in named else ("other", "other", "other")
            labels: tuple[str, ...] = (account.tenant, *own, use.peer, use.way)
            found[labels] = found.get(labels, NOTHING) + count
    packets = CounterMetricFamily("overlay_usage_packets", "Packets that crossed uplinks.", labels=_LABELS)
    octets = CounterMetricFamily("overlay_usage_bytes", "Bytes that crossed uplinks.", labels=_LABELS)
    for labels, count in sorted(found.items()):
        packets.add_metric(labels, count.packets)
        octets.add_metric(labels, count.bytes)
    yield from (packets, octets)
    reading = usage.reading()
    ages = GaugeMetricFamily("overlay_usage_age_seconds", "Since a chassis' meters were read.", labels=("chassis",))
    for name, age in sorted(reading.ages.items()):
        ages.add_metric((name,), age)
    yield ages
    for name, what, value in (
        ("rounds", "Rounds of reading meters.", reading.rounds),
        ("read_cpu_seconds", "CPU time to understand what was read.", reading.seconds),
        ("read_bytes", "Bytes that were read.", reading.bytes),
    ):
        yield CounterMetricFamily(f"overlay_usage_{name}", what, value=value)
    yield GaugeMetricFamily("overlay_usage_ledger_up", "Whether the ledger takes bookings.", value=reading.away is None)
