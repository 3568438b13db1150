"""What the store remembers of the fabric."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from uuid import uuid4

import pytest

from ryu_overlay.store.records import ChassisRecord, FabricMemory
from ryu_overlay.store.server import PrivateServer
from tests.unit.store.store_lab import Client, a_port, a_switch, a_tenant, until

Connect = Callable[..., Client]

HV1 = ChassisRecord("hv1", IPv4Address("172.31.0.1"), (("physnet1", "br-ex"), ("physnet2", "br-up")), 1500, "netdev", "3.1.0")
HV2 = ChassisRecord("hv2", IPv4Address("172.31.0.2"))


def test_chassis_and_bindings_are_remembered_changed_and_forgotten(
    server: PrivateServer, client: Client, connect: Connect
) -> None:
    port = a_port(1)
    client.put(a_tenant(), a_switch(), port)
    client.store.remember({"hv1": HV1, "hv2": HV2}, {port.uuid: "hv1"})
    until(lambda: client.store.memory == FabricMemory({"hv1": HV1, "hv2": HV2}, {port.uuid: "hv1"}))
    assert connect(server.remote).store.memory == client.store.memory
    moved = replace(HV1, mtu=None, bridge_mappings=())
    client.store.remember({"hv1": moved, "hv2": None}, {port.uuid: "hv2"})
    until(lambda: client.store.memory == FabricMemory({"hv1": moved}, {port.uuid: "hv2"}))
    client.store.remember({}, {port.uuid: None})
    until(lambda: not client.store.memory.bindings)
    assert client.memories[-1] is client.store.memory
    assert [n.revision for n in client.networks] == [0, 1], "no news of the network"


def test_notes_are_remembered_changed_and_forgotten(server: PrivateServer, client: Client, connect: Connect) -> None:
    client.store.remember({}, {}, {"neighbour": "é", "empty": ""})
    until(lambda: client.store.memory.notes == {"neighbour": "é", "empty": ""})
    assert connect(server.remote).store.memory == client.store.memory
    client.store.remember({"hv1": HV1}, {}, {"neighbour": "other", "empty": None, "unknown": None})
    until(lambda: client.store.memory == FabricMemory({"hv1": HV1}, {}, {"neighbour": "other"}))
    with pytest.raises(ValueError):
        client.store.remember({}, {}, {"neighbour": "\0"})
    with pytest.raises(ValueError):
        client.store.remember({}, {}, {"\ud800": ""})


def test_two_controllers_that_note_the_same_agree(server: PrivateServer, client: Client, connect: Connect) -> None:
    other = connect(server.remote)
    client.store.remember({}, {}, {"n": "mine"})
    other.store.remember({}, {}, {"n": "theirs"})
    until(lambda: {"mine", "theirs"} == {m.notes["n"] for m in client.memories + other.memories if m.notes})
    until(lambda: client.store.memory.notes == other.store.memory.notes)


def test_what_comes_in_quick_succession_is_written_together(client: Client) -> None:
    for number in range(100):
        client.store.remember({"hv1": replace(HV1, mtu=1000 + number), "hv2": replace(HV2, mtu=number)}, {})
    until(lambda: client.store.memory.chassis == {"hv1": replace(HV1, mtu=1099), "hv2": replace(HV2, mtu=99)})
    assert len(client.memories) <= 3


def test_a_binding_goes_with_its_port_and_does_not_come_back(client: Client) -> None:
    port = a_port(1)
    client.put(a_tenant(), a_switch(), port)
    client.store.remember({}, {port.uuid: "hv1"})
    until(lambda: client.store.memory.bindings)
    client.delete(port)
    until(lambda: not client.store.memory.bindings)
    client.store.remember({"hv1": HV1}, {port.uuid: "hv1"})
    until(lambda: client.store.memory.chassis)
    assert not client.store.memory.bindings


def test_facts_given_while_the_database_is_away_are_stored_when_it_is_back(server: PrivateServer, client: Client) -> None:
    os.kill(server.pid() or 0, signal.SIGKILL)
    client.store.remember({"hv1": HV1}, {})
    until(lambda: not client.store.connected)
    server.start()
    until(lambda: client.store.memory.chassis == {"hv1": HV1})


def test_two_controllers_that_see_the_same_chassis_agree(server: PrivateServer, client: Client, connect: Connect) -> None:
    """Both insert; the name's index refuses one, which then finds the row there and updates it."""
    other = connect(server.remote)
    mine, theirs = HV1, replace(HV1, mtu=9000)
    client.store.remember({"hv1": mine}, {})
    other.store.remember({"hv1": theirs}, {})
    until(lambda: {mine, theirs} == {m.chassis["hv1"] for m in client.memories + other.memories if m.chassis})
    until(lambda: client.store.memory.chassis == other.store.memory.chassis)


def test_what_the_database_cannot_hold_is_refused_at_once(client: Client) -> None:
    with pytest.raises(ValueError):
        client.store.remember({"hv1": replace(HV1, ovs_version="\0")}, {})
    with pytest.raises(ValueError):
        client.store.remember({}, {str(uuid4()): "\ud800"})
    with pytest.raises(ValueError, match="mtu 65536 is not between 0 and 65535"):
        replace(HV1, mtu=65536)
    client.store.remember({"hv1": HV1}, {})
    until(lambda: client.store.memory.chassis == {"hv1": HV1})


def test_bridge_mappings_are_put_in_order(client: Client) -> None:
    record = replace(HV1, bridge_mappings=(("b", "x"), ("a", "y"), ("b", "z")))
    assert record.bridge_mappings == (("a", "y"), ("b", "z"))
    client.store.remember({"hv1": record}, {})
    until(lambda: client.store.memory.chassis == {"hv1": record})
