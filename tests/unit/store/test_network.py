"""The logical network goes through the database unharmed, whole transactions at a time, whoever writes it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import eventlet
import pytest

from ryu_overlay.model.network import Draft, Network
from ryu_overlay.store.server import PrivateServer
from ryu_overlay.store.store import Conflict, Refused, Store
from tests.unit.store.store_lab import Client, a_port, a_switch, a_tenant, edited, everything, running, until

Connect = Callable[..., Client]


def transact(server: PrivateServer, *operations: dict[str, Any]) -> list[Any]:
    """What another program may do to the database."""
    text = json.dumps(["Ryu_Overlay", *operations])
    done = subprocess.run(["ovsdb-client", "transact", server.remote, text], capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    assert not any(a and "error" in a for a in answers), answers
    return answers


def test_an_empty_database_is_an_empty_network(client: Client) -> None:
    assert [n.revision for n in client.networks] == [0]
    assert client.store.connected


def test_every_kind_is_read_back_as_it_was_written(server: PrivateServer, client: Client, connect: Connect) -> None:
    new = edited(client.network, puts=everything())
    assert client.store.commit(client.network, new) is new
    assert client.networks[-1] is new
    assert connect(server.remote).network == new


def test_every_kind_can_be_changed_and_deleted(server: PrivateServer, client: Client, connect: Connect) -> None:
    objects = everything()
    other = connect(server.remote)
    client.put(*objects)
    client.put(*[replace(o, key=o.key + 50) for o in objects])
    until(lambda: other.network.revision == 2)
    assert other.network == client.network
    client.delete(*client.network.by_key.values(), *client.network.tables["tenant"].values())
    until(lambda: other.network.revision == 3)
    assert other.network == client.network
    assert not any(other.network.tables.values())


def test_the_counters_are_kept(server: PrivateServer, client: Client, connect: Connect) -> None:
    new = replace(edited(client.network, puts=(a_tenant(),)), next_key=77, next_tenant_key=78, next_vni=79, next_zone=80)
    client.store.commit(client.network, new)
    new = client.store.commit(new, replace(new, revision=2, next_vni=80, next_zone=81))
    assert connect(server.remote).network == new


def test_what_did_not_change_is_shared(server: PrivateServer, client: Client, connect: Connect) -> None:
    client.put(a_tenant(), a_switch("web", 1), a_switch("db", 2), a_port(1, "web"), a_port(2, "db"))
    other = connect(server.remote)
    before = other.network
    client.put(a_port(3, "web"))
    until(lambda: other.network.revision == 2)
    assert other.network == client.network
    assert other.network.switch_views["red", "db"] is before.switch_views["red", "db"]
    assert other.network.tables["switch"] is before.tables["switch"]
    assert other.network.port_by_name["red-1"] is before.port_by_name["red-1"]


def test_networks_come_in_order_and_never_half(server: PrivateServer, client: Client, connect: Connect) -> None:
    other = connect(server.remote)
    client.put(a_tenant(), a_switch())
    ports = [a_port(n) for n in range(30)]
    for key in range(10):
        client.put(*[replace(port, key=1000 + 100 * key + n) for n, port in enumerate(ports)])
    until(lambda: other.network.revision == client.network.revision)
    for seen in (client.networks, other.networks):
        revisions = [n.revision for n in seen]
        assert revisions == sorted(set(revisions))
        for network in seen[2:]:
            keys = {port.key // 100 for port in network.tables["port"].values()}
            assert len(keys) <= 1, network.revision
            assert len(network.tables["port"]) in (0, 30)


def test_a_network_made_from_an_old_one_is_refused(client: Client) -> None:
    old = client.network
    client.put(a_tenant())
    with pytest.raises(Conflict, match="made from revision 0, but the database is at 1"):
        client.store.commit(old, edited(old, puts=(a_tenant("blue", 2),)))
    assert list(client.network.tables["tenant"]) == [("red",)]


def test_of_two_writers_one_wins_and_the_other_wrote_nothing(server: PrivateServer, connect: Connect) -> None:
    clients = [connect(server.remote), connect(server.remote)]
    first = clients[0].put(a_tenant())
    until(lambda: clients[1].network.revision == 1)
    outcomes: dict[int, object] = {}

    def write(number: int) -> None:
        new = edited(clients[number].network, puts=(a_switch(f"s{number}", number + 1), a_switch(f"t{number}", number + 5)))
        try:
            outcomes[number] = clients[number].store.commit(clients[number].network, new)
        except Conflict as conflict:
            assert clients[number].network.revision == 2, "a loser can try again at once"
            outcomes[number] = conflict

    for thread in [eventlet.spawn(write, 0), eventlet.spawn(write, 1)]:
        thread.wait()
    winner = next(n for n, outcome in outcomes.items() if not isinstance(outcome, Conflict))
    assert isinstance(outcomes[1 - winner], Conflict)
    for client in clients:
        assert sorted(client.network.tables["switch"]) == [("red", f"s{winner}"), ("red", f"t{winner}")]
    assert first.revision == 1


def test_two_commits_at_once_from_one_store(client: Client) -> None:
    old = client.network
    threads = [eventlet.spawn(client.store.commit, old, edited(old, puts=(a_tenant(n, k),))) for n, k in (("a", 1), ("b", 2))]
    assert threads[0].wait().revision == 1
    with pytest.raises(Conflict):
        threads[1].wait()


def test_a_name_can_pass_to_a_new_object_and_its_children_follow(server: PrivateServer, client: Client, connect: Connect) -> None:
    """All parents are made anew under their names; what stands under them is not touched."""
    other = connect(server.remote)
    client.put(*everything())
    tables = client.network.tables
    kinds = ("tenant", "external_network", "switch", "router", "load_balancer")
    parents = [o for kind in kinds for o in tables[kind].values()]
    client.put(*[replace(o, uuid=str(uuid4())) for o in parents])
    until(lambda: other.network.revision == 2)
    assert other.network == client.network
    assert connect(server.remote).network == client.network


def test_names_can_be_exchanged(server: PrivateServer, client: Client, connect: Connect) -> None:
    other = connect(server.remote)
    a, b = a_port(1), a_port(2)
    client.put(a_tenant(), a_switch(), a, b)
    client.put(replace(a, name=b.name), replace(b, name=a.name))
    until(lambda: other.network.revision == 2)
    assert other.network == client.network
    assert other.network.port_by_name[a.name].uuid == b.uuid


def test_what_the_schema_forbids_is_refused_whole(client: Client) -> None:
    client.put(a_tenant(), a_switch())
    with pytest.raises(Refused, match="constraint violation"):
        client.put(a_tenant("blue", 2), replace(a_switch("db", 2), vni=1))
    assert client.network.revision == 1
    with pytest.raises(Refused, match="referential integrity"):
        client.delete(*client.network.tables["tenant"].values())


def test_text_that_ovsdb_cannot_hold_is_refused_before_it_is_sent(client: Client) -> None:
    for text in ("a\0b", "\ud800"):
        with pytest.raises(ValueError):
            client.put(replace(a_tenant(), description=text))
    with pytest.raises(ValueError, match="does not follow"):
        client.store.commit(client.network, client.network)
    assert client.put(a_tenant()).revision == 1


def test_rows_of_another_program_that_make_no_sense_are_left_out(
    server: PrivateServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    switch, port = a_switch(), a_port(1)
    client.put(a_tenant(), switch, port)
    row = {"switch": ["uuid", switch.uuid], "name": "bad", "key": 9, "addresses": "10.0.0.999"}
    transact(server, {"op": "insert", "table": "Logical_Port", "row": row})
    until(lambda: "is left out" in caplog.text)
    assert client.network.port_by_name.keys() == {port.name}
    client.put(a_port(2))
    where = [["name", "==", "bad"]]
    transact(server, {"op": "update", "table": "Logical_Port", "where": where, "row": {"addresses": "10.0.0.9"}})
    until(lambda: "bad" in client.network.port_by_name)


def test_a_row_renamed_by_another_program_renames_what_is_under_it(server: PrivateServer, client: Client) -> None:
    client.put(*everything())
    where = [["name", "==", "red"]]
    transact(server, {"op": "update", "table": "Tenant", "where": where, "row": {"name": "pink"}})
    until(lambda: client.network.get("tenant", ("pink",)) is not None)
    for kind in set(client.network.tables) - {"external_network"}:
        assert {ref[0] for ref in client.network.tables[kind]} <= {"pink", "blue"}
    assert_true_views(client.network)


def test_whatever_refers_to_a_renamed_row_follows(server: PrivateServer, client: Client) -> None:
    client.put(*everything())
    for table, old, new in (
        ("External_Network", "internet", "world"),
        ("Logical_Router", "r1", "edge"),
        ("Logical_Switch", "web", "dmz"),
        ("Load_Balancer", "www", "shop"),
    ):
        transact(server, {"op": "update", "table": table, "where": [["name", "==", old]], "row": {"name": new}})
    until(lambda: client.network.get("load_balancer", ("red", "shop")) is not None)
    network = client.network
    assert network.tables["router_port"]["red", "edge", "out"].external == "world"
    assert network.tables["load_balancer"]["red", "shop"].router == "edge"
    assert network.tables["load_balancer"]["red", "dns"].switch == "dmz"
    assert network.get("member", ("red", "shop", "a")) is not None
    assert network.get("snat", ("red", "edge", "all")) is not None
    assert_true_views(network)


def assert_true_views(network: Network) -> None:
    """The views are those of a network made from scratch."""
    expected = Draft(Network())
    for table in network.tables.values():
        for obj in table.values():
            expected.put(obj)
    assert network.views == expected.freeze(1).views


def test_a_failing_listener_does_not_end_the_store(server: PrivateServer, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("listener")

    with running(Store(server.remote, fail, fail)) as store:
        until(lambda: store.connected)
        assert store.commit(store.network, edited(store.network, puts=(a_tenant(),))).revision == 1
        assert caplog.text.count("a listener of the store failed") == 3
