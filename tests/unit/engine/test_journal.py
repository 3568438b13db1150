"""What the journal keeps: news of the network, of ports, of neighbours and of audits; and what it forgets."""

from __future__ import annotations

import logging
from ipaddress import IPv4Network

from ryu_overlay.engine.events import Confirmed, Log, Refusal, Send
from ryu_overlay.engine.journal import CHANGES_AT_ONCE, Journal
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.objects import Tenant
from tests.unit.engine.outdoors import GATEWAY, GATEWAY_MAC, NEIGHBOUR_MAC, heard, outdoors
from tests.unit.engine.world import World, port, route, tenant


def words(journal: Journal) -> list[str]:
    return [entry.text for entry in journal.concerning(lambda name: True, 10_000)]


def about(journal: Journal, kind: str) -> list[str]:
    return [entry.text for entry in journal.concerning(lambda name: name[0] == kind, 10_000)]


def test_the_oldest_are_forgotten_and_the_last_are_given() -> None:
    journal = Journal(3)
    for number in range(5):
        journal.note(float(number), logging.INFO, f"n{number}", ("router", ("t", f"r{number % 2}")))
    assert len(journal) == 3 and words(journal) == ["n2", "n3", "n4"]
    assert [e.text for e in journal.concerning(lambda name: True, 2)] == ["n3", "n4"]
    assert [e.text for e in journal.concerning(lambda name: name[1][1] == "r1", 2)] == ["n3"]


def test_only_logs_that_say_what_they_are_about_are_kept() -> None:
    journal = Journal()
    journal.take([Log(logging.INFO, "of nobody"), Send(1, ()), Log(logging.ERROR, "of r", (("router", ("t", "r")),))], 7.0)
    (entry,) = journal.concerning(lambda name: True, 9)
    assert (entry.at, entry.level, entry.text) == (7.0, logging.ERROR, "of r")


def test_a_revision_with_many_changes_does_not_drive_all_else_out() -> None:
    draft = Draft(Network())
    for number in range(CHANGES_AT_ONCE + 20):
        draft.put(Tenant(f"t{number}", number + 1, f"u{number}"))
    journal = Journal()
    journal.changed(Network(), draft.freeze(1), 0.0)
    assert len(journal) == CHANGES_AT_ONCE + 1


def world_at_rest() -> World:
    world = World()
    world.edit(*tenant(1), port(1, 1, 1))
    world["hv1"].plug("t1-p1")
    world.start()
    return world


def test_changes_are_told_by_revision_field_and_object() -> None:
    world = world_at_rest()
    before = len(about(world.engine.journal, "route"))
    world.edit(route(1, "10.0.2.8"))
    world.tell()
    world.edit(deletes=(world.network.tables["route"]["t1", "r", str(IPv4Network("192.0.2.0/24"))],))
    world.tell()
    told = about(world.engine.journal, "route")[before:]
    assert told == [
        "revision 2: route t1/r/192.0.2.0/24 changed: nexthops 10.0.2.8, 10.0.2.9 is now 10.0.2.8",
        "revision 3: route t1/r/192.0.2.0/24 deleted",
    ]


def test_what_was_there_at_the_start_is_no_news() -> None:
    assert not [text for text in words(world_at_rest().engine.journal) if text.startswith("revision")]


def test_ports_that_move_are_told() -> None:
    world = world_at_rest()
    vif = world["hv1"].vifs.pop("t1-p1")
    world["hv2"].vifs["t1-p1"] = vif
    world.report("hv2", "hv1")
    assert about(world.engine.journal, "port")[-1] == "port t1/s1/t1-p1 is on hv2 now"


def test_what_audits_put_right_is_told_by_object() -> None:
    world = world_at_rest()
    key = next(k for k in world["hv1"].switch.flows if k[0] == 40 and 100 < k[1] < 200)
    del world["hv1"].switch.flows[key]
    world.tick(31.0)
    world.settle()
    (told,) = [text for text in words(world.engine.journal) if "put right" in text]
    assert told.startswith("hv1: a flow of table lr_in_route for ro") and told.endswith("was missing; put right")
    world.tick(31.0)
    world.settle()
    assert [text for text in words(world.engine.journal) if "put right" in text] == [told]


def test_refusals_are_told_of_the_chassis() -> None:
    world = world_at_rest()
    world["hv1"].switch.refuses = lambda message: True
    world.edit(port(1, 1, 2))
    world.tell()
    world.settle()
    assert "hv1 refused a message: refused" in about(world.engine.journal, "chassis")
    assert not any(isinstance(event, (Confirmed, Refusal)) for event in world["hv1"].switch.outbox)


def test_neighbours_outside_are_told() -> None:
    world = outdoors()
    world.tick()
    world.step(heard(1, GATEWAY, GATEWAY_MAC))
    world.step(heard(1, GATEWAY, GATEWAY_MAC))
    world.step(heard(1, GATEWAY, NEIGHBOUR_MAC))
    assert about(world.engine.journal, "external_network") == [
        f"neighbour {GATEWAY} on internet is at {GATEWAY_MAC}",
        f"neighbour {GATEWAY} on internet is at {NEIGHBOUR_MAC}, no longer at {GATEWAY_MAC}",
    ]
