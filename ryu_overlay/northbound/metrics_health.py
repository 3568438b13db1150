"""Steady monitoring as metrics for Prometheus, with labels that stay few however much is broken.

Knows reports and prometheus_client; does not know the service, routes or transports.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from dataclasses import fields

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ryu_overlay.health.faults import Fault, Impact
from ryu_overlay.health.report import LayerStatus, Report

MAX_NAMED = 100
"""Faults that have a metric of their own."""
_LABELS = ("layer", "kind", "quiet")


def families(report: Report) -> Iterator[Metric]:
    """What a report comes to. `quiet` is `true` for what is silenced or under maintenance."""
    lasting = [fault for fault in report.faults if fault.until is None]
    provider = [fault for fault in lasting if fault.verdict.what.provider]
    yield _counted(lasting)
    yield _named(provider)
    yield from _watched(report.layers)
    yield CounterMetricFamily("overlay_health_probes", "Probes that were sent into tunnels.", value=report.probes)
    yield _impacted([fault.impact for fault in provider if not fault.quiet])


def _counted(lasting: Sequence[Fault]) -> Metric:
    faults = GaugeMetricFamily("overlay_health_faults", "Faults that last.", labels=_LABELS)
    for labels, number in sorted(Tally(map(_labels, lasting)).items()):
        faults.add_metric(labels, number)
    return faults


def _named(provider: Sequence[Fault]) -> Metric:
    help = f"A fault that lasts and is the provider's to mend, at most {MAX_NAMED} of them."
    named = GaugeMetricFamily("overlay_health_fault", help, labels=("id", *_LABELS, "element"))
    # The oldest stay: an alert for one must not end because others came.
    for fault in sorted(provider, key=lambda f: (bool(f.quiet), f.raised, f.id))[:MAX_NAMED]:
        named.add_metric((fault.id, *_labels(fault), fault.verdict.element.text), 1)
    return named


def _watched(layers: Sequence[LayerStatus]) -> Iterator[Metric]:
    watched = GaugeMetricFamily("overlay_health_watched", "Elements that are watched.", labels=("layer",))
    unknown = GaugeMetricFamily("overlay_health_unknown", "Watched elements that nothing is known of.", labels=("layer",))
    for layer in layers:
        watched.add_metric((layer.layer,), layer.watched)
        unknown.add_metric((layer.layer,), layer.unknown)
    yield from (watched, unknown)


def _impacted(impacts: Sequence[Impact]) -> Metric:
    help = "Who is hit by faults that last, are the provider's to mend and are not quiet."
    impacted = GaugeMetricFamily("overlay_health_impacted", help, labels=("what",))
    for what in (field.name for field in fields(Impact)):
        impacted.add_metric((what,), len({name for impact in impacts for name in getattr(impact, what)}))
    return impacted


def _labels(fault: Fault) -> tuple[str, str, str]:
    return fault.layer, fault.verdict.kind, str(bool(fault.quiet)).lower()
