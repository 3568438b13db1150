"""Metrics for Prometheus: the controller's state at the moment it is asked, and how REST is doing.

Knows the service and prometheus_client; does not know routes or transports.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from ryu_overlay.northbound import metrics_health, metrics_usage
from ryu_overlay.northbound.http import Request, Response
from ryu_overlay.northbound.reports import total_drops
from ryu_overlay.northbound.service import ChassisStatus, Service

__all__ = ["CONTENT_TYPE_LATEST", "count", "show"]

REQUESTS = Counter("overlay_rest_requests", "Requests answered.", ("method", "path", "status"), registry=None)
SECONDS = Histogram(
    "overlay_rest_seconds",
    "Time from a request's arrival to its answer, waiting for chassis included.",
    ("method", "path"),
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60),
    registry=None,
)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def count(method: str, path: str, status: int, seconds: float) -> None:
    """Note an answered request; `path` is the route's, with its parameters' names."""
    # A caller can make up methods, and every label would stay for ever.
    method = method if method in _METHODS else "other"
    REQUESTS.labels(method, path, str(status)).inc()
    SECONDS.labels(method, path).observe(seconds)


def show(service: Service, request: Request) -> Response:
    """The metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    for collector in (_State(service), REQUESTS, SECONDS):
        registry.register(collector)
    ProcessCollector(registry=registry)
    return Response(200, generate_latest(registry), CONTENT_TYPE_LATEST)


class _State(Collector):
    """The service's state as metrics, read when it is collected."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        network = self._service.network
        yield GaugeMetricFamily("overlay_revision", "Newest revision of the network.", value=network.revision)
        objects = GaugeMetricFamily("overlay_objects", "Objects of the network.", labels=("kind",))
        for kind, table in network.tables.items():
            objects.add_metric((kind.replace("_", "-"),), len(table))
        yield objects
        yield from _chassis(self._service.chassis())
        yield from self._ports()
        yield from self._tunnels()
        yield from self._uplinks()
        yield self._members()
        yield from self._drops()
        yield from self._drift()
        yield from self._controller()
        yield from metrics_health.families(self._service.health.health())
        yield from metrics_usage.families(self._service.usage)

    def _controller(self) -> Iterator[Metric]:
        punts = CounterMetricFamily("overlay_punts", "Packets that routers had to answer.", labels=("reason", "answered"))
        for reason, (answered, unanswered) in sorted(self._service.punts().items()):
            punts.add_metric((reason, "true"), answered)
            punts.add_metric((reason, "false"), unanswered)
        faults = CounterMetricFamily("overlay_faults", "What went wrong inside the controller.", labels=("kind",))
        for kind, number in sorted(self._service.faults().items()):
            faults.add_metric((kind,), number)
        yield from (punts, faults)

    def _ports(self) -> Iterator[Metric]:
        ports = GaugeMetricFamily("overlay_ports", "Logical ports by state and chassis.", labels=("state", "chassis"))
        tally = Tally((b.state, b.chassis or "") for b in self._service.bindings())
        for labels, number in sorted(tally.items()):
            ports.add_metric(labels, number)
        yield ports

    def _tunnels(self) -> Iterator[Metric]:
        tunnels = GaugeMetricFamily("overlay_tunnel_up", "Whether a tunnel is up.", labels=("chassis", "peer"))
        for tunnel in self._service.tunnels():
            tunnels.add_metric((tunnel.chassis, tunnel.peer), tunnel.up)
        yield tunnels

    def _uplinks(self) -> Iterator[Metric]:
        labels = ("tenant", "router", "port", "chassis")
        active = GaugeMetricFamily(
            "overlay_uplink_active", "Whether the chassis is the one that carries the uplink.", labels=labels
        )
        pending = 0
        for uplink in self._service.uplinks():
            pending += uplink.state == "pending"
            carriers = dict.fromkeys((*uplink.gateways, *([uplink.active] if uplink.active else [])))
            for chassis in carriers:
                active.add_metric((uplink.tenant, uplink.router, uplink.port, chassis), chassis == uplink.active)
        yield active
        yield GaugeMetricFamily("overlay_uplink_pending", "Uplinks that no chassis carries.", value=pending)

    def _members(self) -> Metric:
        labels = ("tenant", "load_balancer", "member")
        up = GaugeMetricFamily("overlay_member_up", "Whether a load balancer's member gets new connections.", labels=labels)
        for member in self._service.members():
            up.add_metric((member.tenant, member.load_balancer, member.member), member.state in ("up", "unchecked"))
        return up

    def _drops(self) -> Iterator[Metric]:
        labels = ("reason", "chassis", "kind", "object")
        packets = CounterMetricFamily("overlay_drop_packets", "Packets dropped by a named rule.", labels=labels)
        octets = CounterMetricFamily("overlay_drop_bytes", "Bytes dropped by a named rule.", labels=labels)
        for drop in total_drops(self._service):
            values = (drop.reason, drop.chassis, drop.kind or "", drop.object or "")
            packets.add_metric(values, drop.packets)
            octets.add_metric(values, drop.bytes)
        yield from (packets, octets)

    def _drift(self) -> Iterator[Metric]:
        labels = ("chassis", "what", "healed")
        drift = GaugeMetricFamily("overlay_drift", "Entries of the drift report.", labels=labels)
        tally = Tally((d.chassis, d.what, str(d.healed).lower()) for d in self._service.drift())
        for values, number in sorted(tally.items()):
            drift.add_metric(values, number)
        yield drift


def _chassis(chassis: list[ChassisStatus]) -> Iterator[Metric]:
    gauges = (
        ("connected", "Whether the chassis is connected.", lambda c: c.state == "connected"),
        ("revision", "Newest revision that the chassis has confirmed.", lambda c: c.revision),
        ("flows", "Flows on the chassis.", lambda c: c.flows),
        ("vifs", "Logical ports bound on the chassis.", lambda c: c.vifs),
        ("problems", "Problems of the chassis that need an operator.", lambda c: len(c.problems)),
    )
    for name, help, value in gauges:
        gauge = GaugeMetricFamily(f"overlay_chassis_{name}", help, labels=("chassis",))
        for one in chassis:
            gauge.add_metric((one.name,), value(one))
        yield gauge
