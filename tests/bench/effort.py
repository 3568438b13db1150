"""How much is measured: everything that a run repeats, and for how long. Every loop of the harness is bounded by these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """Counts, and seconds where the name says so."""

    first_packet_rounds: int
    scales: tuple[int, ...]
    scale_rounds: int
    in_place: int
    one_more_rounds: int
    ping_rounds: int
    pings: int
    ttl_rounds: int
    ttl_probes: int
    rates: tuple[int, ...]
    rate_rounds: int
    rate_seconds: float
    throughput_rounds: int
    throughput_seconds: int
    connection_rounds: int
    connections: int
    failovers: int
    short_rounds: int
    one_at_a_time: int
    at_once: int
    floating_rounds: int
    uplinks: int
    floating_ips: int
    uplink_rounds: int


FULL = Effort(
    first_packet_rounds=50,
    scales=(100, 300, 1000),
    scale_rounds=5,
    in_place=1000,
    one_more_rounds=25,
    ping_rounds=5,
    pings=200,
    ttl_rounds=5,
    ttl_probes=100,
    rates=(2000, 5000, 10000, 15000, 20000, 25000),
    rate_rounds=3,
    rate_seconds=2.0,
    throughput_rounds=6,
    throughput_seconds=5,
    connection_rounds=3,
    connections=20000,
    failovers=7,
    short_rounds=5,
    one_at_a_time=1000,
    at_once=10000,
    floating_rounds=50,
    uplinks=300,
    floating_ips=1000,
    uplink_rounds=3,
)
QUICK = Effort(
    first_packet_rounds=3,
    scales=(100,),
    scale_rounds=1,
    in_place=100,
    one_more_rounds=3,
    ping_rounds=1,
    pings=50,
    ttl_rounds=1,
    ttl_probes=50,
    rates=(2000, 10000),
    rate_rounds=1,
    rate_seconds=0.5,
    throughput_rounds=1,
    throughput_seconds=1,
    connection_rounds=1,
    connections=2000,
    failovers=1,
    short_rounds=1,
    one_at_a_time=100,
    at_once=500,
    floating_rounds=3,
    uplinks=10,
    floating_ips=30,
    uplink_rounds=1,
)
