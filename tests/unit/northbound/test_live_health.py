"""Steady monitoring as REST reports it: the running monitor's faults, layers, silences, impact and plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ryu_overlay.health.elements import LAYERS, SHAPES, Element, read_element
from ryu_overlay.health.report import Silence
from ryu_overlay.northbound import live_health as module
from ryu_overlay.northbound.live_health import LiveHealth
from tests.unit.engine.outdoors import outdoors
from tests.unit.engine.world import World
from tests.unit.southbound.watched import Watched, both_ways

ALONE = both_ways("hv1", ["hv2", "hv3"])


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    made = Watched(outdoors(), monkeypatch)
    monkeypatch.setattr(module, "time", made.clock)
    made.run(5.0)
    made.count()
    return made


@pytest.fixture(scope="module")
def named() -> Iterator[LiveHealth]:
    """One to ask for names."""
    with pytest.MonkeyPatch.context() as patch:
        yield LiveHealth(Watched(outdoors(), patch).monitor)


@pytest.fixture
def health(watched: Watched) -> LiveHealth:
    return LiveHealth(watched.monitor)


def test_all_is_well(watched: Watched, health: LiveHealth) -> None:
    report = health.health()
    assert (report.at, report.faults, report.silences) == (watched.clock.time(), (), ())
    assert [layer.layer for layer in report.layers] == list(LAYERS)
    assert {layer.state for layer in report.layers} == {"ok"} and all(layer.watched and layer.by for layer in report.layers)
    assert report.probes == len(watched.probes) > 50


def test_a_fault_is_of_its_layer_until_it_is_over(watched: Watched, health: LiveHealth) -> None:
    watched.cut = ALONE
    watched.run(1.5)
    report = health.health()
    (fault,) = report.faults
    assert fault.verdict.element.text == "link hv1" and health.fault(fault.id) == fault
    assert {layer.layer: (layer.state, layer.faults) for layer in report.layers} == {
        **dict.fromkeys(LAYERS, ("ok", 0)),
        "underlay": ("fault", 1),
    }
    watched.cut = set()
    watched.run(13.0)
    watched.count()
    report = health.health()
    (over,) = report.faults
    assert over.id == fault.id and over.until is not None and health.fault(fault.id) == over
    assert report.layers[0].faults == 0 and report.layers[0].state == "ok"
    watched.clock.go(3601.0)
    assert health.health().faults == () and health.fault(fault.id) is None and health.fault("f") is None


def test_a_layer_of_which_nothing_is_known_is_unknown(watched: Watched, health: LiveHealth) -> None:
    watched.run(3.5)
    states = {layer.layer: (layer.state, layer.unknown == layer.watched) for layer in health.health().layers}
    assert states["tunnel"] == ("unknown", True) and states["underlay"] == ("ok", False)


def test_where_nothing_is_to_be_watched_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Watched(World(1), monkeypatch)
    report = LiveHealth(alone.monitor).health()
    assert {(layer.state, layer.watched) for layer in report.layers} == {("ok", 0)}
    assert LiveHealth(alone.monitor).probe_plan() == ()


def test_faults_are_streamed(watched: Watched, health: LiveHealth) -> None:
    watched.cut = ALONE
    watched.run(1.5)
    events = health.fault_events()
    first = next(events)
    assert first is not None and first.verdict.element.text == "link hv1"
    watched.cut = set()
    watched.run(13.0)
    over = next(events)
    assert over is not None and over.id == first.id and over.until is not None


def test_silences_are_said_kept_and_taken_back(watched: Watched, health: LiveHealth) -> None:
    said = Silence("element", "link hv1", watched.clock.time() + 60.0, "work")
    health.silence(said)
    assert health.health().silences == (said,) and "link hv1" in watched.kept[-1]
    watched.cut = ALONE
    watched.run(1.5)
    assert [fault.quiet for fault in health.health().faults] == ["silenced"]
    assert health.unsilence("element", "link hv1") and not health.unsilence("element", "link hv1")
    assert [fault.quiet for fault in health.health().faults] == [""] and "link hv1" not in watched.kept[-1]
    health.silence(said)
    watched.clock.go(61.0)
    assert health.health().silences == ()


def test_the_plan_is_in_words(health: LiveHealth) -> None:
    first, *more = health.probe_plan()
    assert first.startswith("3 chassis, 3 parts; 3 paths") and more == ["every single fault is told from every other"]


def test_what_a_port_rests_on(watched: Watched, health: LiveHealth) -> None:
    port = watched.world.network.port_by_name["t1-p1"]
    texts = [element.text for element in health.depends(port)]
    assert texts[0] == "vnic hv1 t1-p1" and {"vswitch hv1", "path hv1>hv3", "external-link hv1 physnet1", "link hv1"} <= {*texts}


@pytest.mark.parametrize("text", ["vnic hv1 t1-p1", "port t1-p1", "link hv1", "vni t1/s1 *>hv1"])
def test_who_rests_on_an_element(named: LiveHealth, text: str) -> None:
    found = named.impact(read_element(text))
    assert found.tenants == ("t1",) and "t1-p1" in found.ports


def test_what_is_elsewhere_hits_nobody_and_what_is_nobodys_all_on_the_chassis(named: LiveHealth) -> None:
    assert named.impact(read_element("vnic hv2 t1-p1")).ports == ()
    assert named.impact(read_element("flow hv3 ls_in_lookup -")).ports == ("t1-p3", "t1-p4")


KNOWN = {
    "chassis": "hv1",
    "chassis,...": "hv2,hv3",
    "physical network": "physnet1",
    "switch or router port": "t1/s1",
    "port": "t1-p1",
    "table": "ls_in_lookup",
    "object": "route t1/r/192.0.2.0/24",
    "NAT rule": "t1/r/all",
    "router port": "t1/r/up",
}
NAMED = {what: name for what, name in KNOWN.items() if what not in ("table", "physical network")}


@pytest.mark.parametrize("kind", SHAPES)
def test_each_kind_of_element_that_is_there_has_an_impact(named: LiveHealth, kind: str) -> None:
    names = tuple(KNOWN[what] for what in SHAPES[kind])
    assert named.impact(Element(kind, names)) is not None


@pytest.mark.parametrize(
    ("kind", "place"), [(k, n) for k, shape in SHAPES.items() for n, what in enumerate(shape) if what in NAMED]
)
def test_what_is_not_there_is_named(named: LiveHealth, kind: str, place: int) -> None:
    names = [KNOWN[what] for what in SHAPES[kind]]
    what = SHAPES[kind][place]
    for wrong in ("nobody", *(["port t1/s1/none", "nothing t1/s1", "switch", "port t1/s1"] if what == "object" else [])):
        names[place] = wrong
        with pytest.raises(KeyError) as refused:
            named.impact(Element(kind, tuple(names)))
        assert refused.value.args == (wrong,)


@pytest.mark.parametrize(
    "text",
    [
        "split hv1,hv9|hv2",
        "link *",
        "path *>hv1",
        "link hv1,hv2",
        "snat t1/s1",
        "snat t1/r/up",
        "router-port t1/s1",
        "vni t1/r/all hv1>hv2",
        "vni t1/s1 hv1>nobody",
        "port t1/s1/t1-p1",
        "flow hv1 ls_in_lookup t1/s1/t1-p1",
    ],
)
def test_a_name_of_something_else_is_none(named: LiveHealth, text: str) -> None:
    with pytest.raises(KeyError):
        named.impact(read_element(text))


@pytest.mark.parametrize(
    "text",
    [
        "vni t1/r/up hv1>hv2",
        "vni t1/s1 *>*",
        "split hv1|hv2,hv3",
        "flow hv1 ls_in_lookup router-port t1/r/up",
        "flow hv1 lr_in_route router t1/r",
        "group hv1 load-balancer t1/lb",
        "group hv1 -",
        "flow hv1 phy_in_port tenant t1",
        "flow hv1 ext_in external-network internet",
        "flow hv1 lr_out_snat snat t1/r/all",
        "flow hv1 lb_member member t1/lb/a",
    ],
)
def test_objects_are_spelled_as_faults_spell_them(named: LiveHealth, text: str) -> None:
    assert named.impact(read_element(text)) is not None
