"""The rules of `Bindings`, by number."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ryu_overlay.engine.bindings import Bindings
from ryu_overlay.fabric.facts import Vif
from ryu_overlay.fabric.placement import Spot
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Object
from tests.unit.engine.world import port, tenant

P = port(1, 1, 1)
Q = port(1, 1, 2)


def network(*puts: Object, base: Network | None = None, deletes: Iterable[Object] = ()) -> Network:
    draft = Draft(base or Network())
    for obj in deletes:
        draft.delete(obj)
    for obj in puts:
        draft.put(obj)
    return draft.freeze((base.revision if base else 0) + 1)


NETWORK = network(*tenant(1), P, Q)


def vifs(*iface_ids: str, ofport: int = 5) -> dict[str, Vif]:
    return {i: Vif(i, f"tap-{i}", ofport + n) for n, i in enumerate(iface_ids)}


def started(chassis: Iterable[str] = (), bindings: dict[str, str] | None = None, known: Network = NETWORK) -> Bindings:
    made = Bindings()
    made.start(known, set(chassis), bindings or {})
    return made


@pytest.fixture
def bindings() -> Bindings:
    return started()


def where(bindings: Bindings, which: object = P) -> str | None:
    spot = bindings.spot(which)  # type: ignore[arg-type]
    return None if spot is None else spot.chassis


@pytest.mark.parametrize("iface_id", [P.name, P.uuid])
def test_1_by_name_and_by_uuid(bindings: Bindings, iface_id: str) -> None:
    assert bindings.report("hv1", vifs(iface_id))
    assert bindings.spot(P) == Spot("hv1", 5) and bindings.interface(P) == f"tap-{iface_id}"
    assert bindings.unstored() == {P.uuid: "hv1"} and bindings.unstored() == {}


def test_1_a_port_called_by_anothers_uuid_takes_nothing(bindings: Bindings) -> None:
    thief = port(1, 2, 9, name=P.uuid)
    bindings.network(network(thief, base=NETWORK))
    bindings.report("hv1", vifs(P.uuid))
    assert where(bindings) == "hv1" and where(bindings, thief) is None
    bindings.network(network(thief, base=NETWORK, deletes=[P]))
    assert where(bindings, thief) == "hv1"
    bindings.network(network(thief, base=NETWORK))
    assert where(bindings) == "hv1" and where(bindings, thief) is None


def test_1_name_on_one_side_and_uuid_on_the_other(bindings: Bindings) -> None:
    bindings.report("hv1", vifs(P.name))
    bindings.report("hv2", vifs(P.uuid))
    assert where(bindings) == "hv2"
    bindings.report("hv2", {})
    assert where(bindings) == "hv1"


def test_2_the_latest_claim_wins_and_renewed_reports_are_no_new_claims(bindings: Bindings) -> None:
    bindings.report("hv1", vifs(P.name))
    bindings.report("hv2", vifs(P.name))
    assert where(bindings) == "hv2"
    bindings.report("hv1", vifs(P.name, Q.name))
    bindings.report("hv1", vifs(P.name, ofport=77))
    assert where(bindings) == "hv2"
    bindings.report("hv1", {})
    bindings.report("hv1", vifs(P.name))
    assert where(bindings) == "hv1"


def test_2_a_new_ofport_is_seen(bindings: Bindings) -> None:
    bindings.report("hv1", vifs(P.name))
    before = bindings.placements[P.tenant, P.switch]
    assert bindings.report("hv1", vifs(P.name, ofport=9))
    assert bindings.spot(P) == Spot("hv1", 9) and bindings.placements[P.tenant, P.switch] is not before
    assert bindings.unstored() == {P.uuid: "hv1"}


def test_3_the_winner_stops_claiming(bindings: Bindings) -> None:
    for name in ("hv1", "hv3", "hv2"):
        bindings.report(name, vifs(P.name))
    for gone, then in (("hv2", "hv3"), ("hv3", "hv1"), ("hv1", None)):
        bindings.report(gone, {})
        assert where(bindings) == then
    assert not bindings.placements


def test_4_a_remembered_binding_stands_until_its_chassis_reports_without_it() -> None:
    bindings = started(("hv1", "hv2"), {P.uuid: "hv1", Q.uuid: "hv1"})
    assert bindings.spot(P) == Spot("hv1", None) and bindings.interface(P) is None
    bindings.report("hv2", {})
    assert where(bindings) == "hv1"
    bindings.report("hv1", vifs(Q.name))
    assert where(bindings) is None and bindings.spot(Q) == Spot("hv1", 5)
    assert bindings.unstored() == {P.uuid: None}


def test_4_or_until_another_makes_a_new_claim() -> None:
    bindings = started(("hv1", "hv2"), {P.uuid: "hv1"})
    bindings.report("hv2", {})
    bindings.report("hv2", vifs(P.name))
    assert where(bindings) == "hv2"
    bindings.report("hv1", vifs(P.name))
    assert where(bindings) == "hv2"


def test_4_what_is_remembered_of_what_is_no_more_is_forgotten() -> None:
    bindings = started(("hv1",), {P.uuid: "hv1", "u-gone": "hv1", Q.uuid: "hv-gone"})
    assert where(bindings) == "hv1" and where(bindings, Q) is None
    assert bindings.unstored() == {"u-gone": None, Q.uuid: None}


@pytest.mark.parametrize("order", [("hv1", "hv2"), ("hv2", "hv1")])
@pytest.mark.parametrize("holder", ["hv1", "hv2"])
def test_5_restart_in_the_middle_of_a_migration(order: tuple[str, str], holder: str) -> None:
    bindings = started(("hv1", "hv2"), {P.uuid: holder})
    for name in order:
        bindings.report(name, vifs(P.name))
        assert where(bindings) == holder
    assert bindings.unstored() == {}
    bindings.report(holder, {})
    assert where(bindings) == ({"hv1", "hv2"} - {holder}).pop()


def test_5_an_unknown_chassis_claims_anew() -> None:
    bindings = started(("hv1",), {P.uuid: "hv1"})
    bindings.report("hv9", vifs(P.name))
    assert where(bindings) == "hv9"


def test_6_a_remembered_chassis_that_stays_away_yields() -> None:
    bindings = started(("hv1", "hv2"), {P.uuid: "hv1", Q.uuid: "hv1"})
    bindings.report("hv2", vifs(P.name))
    assert where(bindings) == "hv1"
    assert bindings.wait_no_more() and not bindings.wait_no_more()
    assert where(bindings) == "hv2" and where(bindings, Q) == "hv1", "nobody else claims Q"
    bindings.report("hv1", vifs(P.name))
    assert where(bindings) == "hv2"
    assert where(bindings, Q) is None


def test_a_port_made_after_its_vif_appeared() -> None:
    bindings = started(known=network(*tenant(1)))
    bindings.report("hv2", vifs(P.name))
    bindings.report("hv1", vifs(P.name, Q.uuid))
    assert not bindings.placements and bindings.unstored() == {}
    bindings.network(NETWORK)
    assert where(bindings) == "hv1" and bindings.spot(Q) == Spot("hv1", 6)


def test_a_port_deleted_and_made_anew_with_its_name(bindings: Bindings) -> None:
    bindings.report("hv1", vifs(P.name))
    bindings.unstored()
    again = port(1, 1, 1, uuid="u-again", key=999)
    bindings.network(network(again, base=NETWORK))
    assert bindings.spot(again) == Spot("hv1", 5) and bindings.spot(P) is None
    assert bindings.unstored() == {P.uuid: None, "u-again": "hv1"}
    bindings.network(network(base=NETWORK, deletes=[P]))
    assert not bindings.placements


def test_a_port_moved_to_another_switch(bindings: Bindings) -> None:
    bindings.report("hv1", vifs(P.name))
    moved = port(1, 2, 1, uuid=P.uuid, key=P.key)
    bindings.network(network(moved, base=NETWORK, deletes=[P]))
    assert bindings.spot(moved) == Spot("hv1", 5)
    assert set(bindings.placements) == {(moved.tenant, moved.switch)}


def test_forgetting_a_chassis(bindings: Bindings) -> None:
    bindings.report("hv1", vifs(P.name, Q.name))
    bindings.report("hv2", vifs(P.name))
    bindings.report("hv3", vifs(Q.name))
    bindings.forget("hv3")
    assert where(bindings, Q) == "hv1"
    bindings.forget("hv1")
    assert where(bindings) == "hv2" and where(bindings, Q) is None
    bindings.report("hv1", vifs(P.name))
    assert where(bindings) == "hv1", "it comes as new"


def test_forgetting_one_that_is_only_remembered() -> None:
    bindings = started(("hv1",), {P.uuid: "hv1"})
    bindings.forget("hv1")
    assert where(bindings) is None and bindings.unstored() == {P.uuid: None}


def test_what_did_not_change_stays_the_same_object(bindings: Bindings) -> None:
    far = port(1, 2, 3)
    bindings.network(network(far, base=NETWORK))
    bindings.report("hv1", vifs(P.name, far.name))
    before, version = dict(bindings.placements), bindings.version
    assert not bindings.report("hv1", vifs(P.name, far.name))
    assert bindings.version == version
    bindings.network(network(far, port(1, 1, 7), base=NETWORK))
    assert bindings.version == version
    bindings.report("hv1", vifs(P.name))
    assert bindings.placements[P.tenant, P.switch] is before[P.tenant, P.switch]


def test_reports_in_the_order_of_a_swap_of_interfaces(bindings: Bindings) -> None:
    bindings.report("hv1", vifs(P.name, Q.name))
    bindings.report("hv1", vifs(Q.name, P.name))
    assert bindings.spot(P) == Spot("hv1", 6) and bindings.spot(Q) == Spot("hv1", 5)
