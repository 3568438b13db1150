"""ChassisServer against real Open vSwitch daemons: join, plan, VIFs, restarts, leaving, and peers that misbehave."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.unit.southbound.ovsdb_lab import Chassis, Controller, until

MakeChassis = Callable[[str, str], Chassis]
Facts = dict[str, Any]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    with closing(Controller(tmp_path_factory.mktemp("controller") / "log")) as started:
        yield started


@pytest.fixture
def controller(process: Controller) -> Controller:
    process.start()
    return process


@pytest.fixture
def chassis(tmp_path: Path) -> Iterator[MakeChassis]:
    numbers = count()
    with ExitStack() as stack:

        def make(name: str, encap_ip: str) -> Chassis:
            one = Chassis(tmp_path / f"chassis{next(numbers)}", name, encap_ip)
            stack.callback(one.close)
            one.start()
            return one

        yield make


@pytest.fixture
def hv1(chassis: MakeChassis, controller: Controller) -> Chassis:
    """A chassis that has joined and whose br-int is up."""
    one = chassis("hv1", "172.31.0.1")
    one.join(controller)
    controller.facts("hv1", lambda f: f["dpid"])
    return one


def mentions(*words: str) -> Callable[[Facts], bool]:
    return lambda facts: any(all(word in problem for word in words) for problem in facts["problems"])


def test_join_makes_the_bridge(chassis: MakeChassis, controller: Controller) -> None:
    one = chassis("hv1", "172.31.0.1")
    one.vsctl("add-br", "br-ex", "--", "set", "Bridge", "br-ex", "datapath_type=dummy")
    mappings = "external_ids:overlay-bridge-mappings=physnet1:br-ex,physnet2:br-none"
    one.join(controller, mappings, "external_ids:overlay-underlay-mtu=9000")
    facts = controller.facts("hv1", lambda f: f["dpid"])
    assert facts["encap_ip"] == "172.31.0.1"
    assert facts["dpid"] == int(one.get("Bridge", "br-int", "datapath_id").strip('"'), 16)
    assert facts["mtu"] == 9000
    assert facts["bridge_mappings"] == [["physnet1", "br-ex"], ["physnet2", "br-none"]]
    assert facts["datapath_type"] == "dummy"
    assert facts["ovs_version"] == "3.1.0"
    assert facts["problems"] == ["overlay-bridge-mappings: there is no bridge br-none for physnet2"]
    assert one.get("Bridge", "br-int", "fail_mode") == "secure"
    assert one.get("Bridge", "br-int", "other_config:disable-in-band") == '"true"'
    assert "OpenFlow13" in one.get("Bridge", "br-int", "protocols")
    assert one.vsctl("get-controller", "br-int") == "tcp:127.0.0.1:6653"
    for table in ("Controller", "Manager"):
        assert one.vsctl("--bare", "--columns=max_backoff", "list", table) == "1000"


def test_an_existing_bridge_keeps_its_datapath_type(chassis: MakeChassis, controller: Controller) -> None:
    one = chassis("hv1", "172.31.0.1")
    one.vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=dummy", "protocols=OpenFlow14")
    one.vsctl("set-controller", "br-int", "tcp:127.0.0.1:6653", "tcp:127.0.0.1:9")
    one.join(controller, "external_ids:overlay-datapath-type=netdev")
    facts = controller.facts("hv1", lambda f: f["datapath_type"] == "dummy" and mentions("another controller", ":9")(f))
    assert mentions("overlay-datapath-type", "'netdev'")(facts)
    until(lambda: one.get("Bridge", "br-int", "protocols") == "[OpenFlow13, OpenFlow14]", "protocols")
    assert sorted(one.vsctl("get-controller", "br-int").split()) == ["tcp:127.0.0.1:6653", "tcp:127.0.0.1:9"]


def test_tunnels_are_exactly_the_plan(hv1: Chassis, controller: Controller) -> None:
    hv1.vsctl("add-port", "br-int", "mine")
    controller.tell("plan", "hv1", {"hv2": "172.31.0.2", "hypervisor-with-a-long-name": "172.31.0.3"})
    facts = controller.facts("hv1", lambda f: len(f["tunnels"]) == 2)
    name, ofport = facts["tunnels"]["172.31.0.2"]
    assert name == "vx-hv2" and ofport == int(hv1.get("Interface", "vx-hv2", "ofport"))
    assert len(facts["tunnels"]["172.31.0.3"][0]) == 15
    assert hv1.get("Interface", "vx-hv2", "type") == "vxlan"
    assert hv1.get("Interface", "vx-hv2", "options") == '{key=flow, local_ip="172.31.0.1", remote_ip="172.31.0.2"}'
    assert hv1.get("Interface", "vx-hv2", "external_ids") == "{overlay-tunnel=hv2}"
    controller.tell("plan", "hv1", {"hv2": "172.31.0.9"})
    facts = controller.facts("hv1", lambda f: set(f["tunnels"]) == {"172.31.0.9"})
    assert facts["tunnels"]["172.31.0.9"][0] == "vx-hv2"
    assert hv1.ports() == {"mine", "vx-hv2"}


def test_tunnels_that_hands_changed_are_healed(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {"hv2": "172.31.0.2"})
    controller.facts("hv1", lambda f: f["tunnels"])
    hv1.vsctl("--no-wait", "set", "Interface", "vx-hv2", "options:key=7", "options:dst_port=4790")
    until(lambda: hv1.get("Interface", "vx-hv2", "options:key") == "flow", "options to be put right")
    hv1.vsctl("--no-wait", "del-port", "vx-hv2")
    until(lambda: "vx-hv2" in hv1.ports(), "the port to be put back")
    hv1.vsctl("--no-wait", "del-br", "br-int")
    until(lambda: "br-int" in hv1.vsctl("list-br") and "vx-hv2" in hv1.ports(), "the bridge to be put back")


def test_foreign_ports_stay_and_clashes_are_told(hv1: Chassis, controller: Controller) -> None:
    hv1.vsctl("add-port", "br-int", "vx-hv2", "--", "set", "Interface", "vx-hv2", "type=vxlan", "options:remote_ip=172.31.0.2")
    controller.tell("plan", "hv1", {"hv2": "172.31.0.2"})
    facts = controller.facts("hv1", lambda f: f["tunnels"])
    assert facts["tunnels"]["172.31.0.2"][0] != "vx-hv2"
    assert mentions("interface vx-hv2 ", "172.31.0.2")(facts)
    hv1.vsctl("--no-wait", "del-port", "vx-hv2")
    controller.facts("hv1", lambda f: not f["problems"])


def test_a_refused_transaction_is_told_and_tried_again(hv1: Chassis, controller: Controller) -> None:
    hv1.vsctl("--no-wait", "add-bond", "br-int", "vx-hv2", "e0", "e1")
    controller.tell("plan", "hv1", {"hv2": "172.31.0.2"})
    controller.facts("hv1", mentions("refused", "constraint"))
    controller.quiet(0.3)
    hv1.vsctl("--no-wait", "del-port", "vx-hv2")
    controller.facts("hv1", lambda f: f["tunnels"] and not f["problems"])


def test_vifs_come_change_move_and_go(chassis: MakeChassis, hv1: Chassis, controller: Controller) -> None:
    hv2 = chassis("hv2", "172.31.0.2")
    hv2.join(controller)
    controller.facts("hv2", lambda f: f["dpid"])
    hv1.plug("tap1", "web-1")
    vifs = controller.facts("hv1", lambda f: f["vifs"])["vifs"]
    assert vifs == {"web-1": ["tap1", int(hv1.get("Interface", "tap1", "ofport"))]}
    hv1.vsctl("--no-wait", "set", "Interface", "tap1", "external_ids:iface-id=web-2")
    assert set(controller.facts("hv1", lambda f: "web-1" not in f["vifs"])["vifs"]) == {"web-2"}
    hv2.plug("tap7", "web-2")
    assert controller.facts("hv2", lambda f: f["vifs"])["vifs"]["web-2"][0] == "tap7"
    hv1.vsctl("--no-wait", "remove", "Interface", "tap1", "external_ids", "iface-id")
    controller.facts("hv1", lambda f: not f["vifs"])
    hv1.vsctl("--no-wait", "set", "Interface", "tap1", "external_ids:iface-id=web-3")
    controller.facts("hv1", lambda f: f["vifs"])
    hv1.vsctl("--no-wait", "del-port", "tap1")
    controller.facts("hv1", lambda f: not f["vifs"])


def test_only_ports_of_br_int_count_wherever_they_came_from(hv1: Chassis, controller: Controller) -> None:
    hv1.vsctl("add-br", "br-ex", "--", "add-port", "br-ex", "tap1", "--", "set", "Interface", "tap1", "external_ids:iface-id=a")
    hv1.plug("tap2", "b")
    assert set(controller.facts("hv1", lambda f: f["vifs"])["vifs"]) == {"b"}
    port = hv1.get("Port", "tap1", "_uuid")
    hv1.vsctl("--no-wait", "remove", "Bridge", "br-ex", "ports", port, "--", "add", "Bridge", "br-int", "ports", port)
    controller.facts("hv1", lambda f: set(f["vifs"]) == {"a", "b"})


def test_one_iface_id_on_two_interfaces(hv1: Chassis, controller: Controller) -> None:
    hv1.plug("tap2", "web-1")
    controller.facts("hv1", lambda f: f["vifs"])
    hv1.plug("tap1", "web-1")
    facts = controller.facts("hv1", mentions("iface-id web-1", "tap1, tap2"))
    assert facts["vifs"]["web-1"][0] == "tap1"
    hv1.vsctl("--no-wait", "del-port", "tap1")
    facts = controller.facts("hv1", lambda f: not f["problems"])
    assert facts["vifs"]["web-1"][0] == "tap2"


def test_hundreds_of_vifs_at_once_and_one_more(hv1: Chassis, controller: Controller) -> None:
    plug = "-- add-port br-int t{0} -- set Interface t{0} external_ids:iface-id=v{0}"
    hv1.vsctl("--no-wait", *" ".join(plug.format(i) for i in range(300)).split()[1:])
    many = controller.facts("hv1", lambda f: len(f["vifs"]) == 300)["vifs"]
    hv1.plug("w0", "one-more")
    vifs = controller.facts("hv1", lambda f: "one-more" in f["vifs"])["vifs"]
    assert {iface_id: vif for iface_id, vif in vifs.items() if iface_id != "one-more"} == many


def test_switch_restarts(hv1: Chassis, controller: Controller) -> None:
    hv1.plug("tap1", "web-1")
    controller.facts("hv1", lambda f: f["vifs"])
    hv1.kill("vs")
    hv1.vsctl("--no-wait", "set", "Interface", "tap1", "ofport_request=77")
    hv1.start_switch()
    controller.facts("hv1", lambda f: f["vifs"].get("web-1") == ["tap1", 77])


def test_database_restarts(hv1: Chassis, controller: Controller) -> None:
    hv1.plug("tap1", "web-1")
    controller.facts("hv1", lambda f: f["vifs"])
    hv1.kill("db")
    assert controller.expect("lost") == {"name": "hv1", "left": False}
    hv1.start_database()
    controller.facts("hv1", lambda f: f["vifs"])


def test_controller_restarts_without_touching_anything(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {"hv2": "172.31.0.2"})
    facts = controller.facts("hv1", lambda f: f["tunnels"])
    before = hv1.vsctl("list", "Open_vSwitch"), hv1.ports()
    controller.start(controller.port)
    assert controller.facts("hv1") == facts
    assert (hv1.vsctl("list", "Open_vSwitch"), hv1.ports()) == before
    controller.tell("plan", "hv1", {})
    controller.facts("hv1", lambda f: not f["tunnels"])


@pytest.mark.parametrize("key", ["system-id", "overlay-encap-ip"])
def test_leaving(hv1: Chassis, controller: Controller, key: str) -> None:
    hv1.vsctl("add-port", "br-int", "mine")
    controller.tell("plan", "hv1", {"hv2": "172.31.0.2"})
    controller.facts("hv1", lambda f: f["tunnels"])
    hv1.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "external_ids", key)
    assert controller.expect("lost") == {"name": "hv1", "left": True}
    until(lambda: hv1.ports() == {"mine"} and not hv1.vsctl("get-controller", "br-int"), "our ports and controller to go")
    assert [reason for reason in controller.ask("strangers").values() if key in reason]
    hv1.join(controller)
    controller.facts("hv1", lambda f: not f["tunnels"])
    until(lambda: hv1.vsctl("get-controller", "br-int"), "the controller to come back")


def test_a_chassis_that_changes(hv1: Chassis, controller: Controller) -> None:
    controller.tell("plan", "hv1", {"hv2": "172.31.0.2"})
    controller.facts("hv1", lambda f: f["tunnels"])
    hv1.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:overlay-encap-ip=172.31.0.300")
    facts = controller.facts("hv1", mentions("172.31.0.300"))
    assert facts["encap_ip"] == "172.31.0.1" and facts["tunnels"]
    hv1.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:overlay-encap-ip=172.31.0.30")
    controller.facts("hv1", lambda f: f["encap_ip"] == "172.31.0.30" and not f["problems"])
    until(lambda: hv1.get("Interface", "vx-hv2", "options:local_ip") == '"172.31.0.30"', "the tunnel's own end to follow")
    hv1.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:system-id=renamed")
    assert controller.expect("lost") == {"name": "hv1", "left": True}
    assert controller.facts("renamed")["encap_ip"] == "172.31.0.30"


@pytest.mark.parametrize(
    ("name", "encap_ip"), [("hv1", "172.31.0.2"), ("hv2", "172.31.0.1"), ("hv2", "nonsense"), ("h@v", "172.31.0.2")]
)
def test_a_chassis_that_cannot_be_is_not_touched(
    hv1: Chassis, chassis: MakeChassis, controller: Controller, name: str, encap_ip: str
) -> None:
    other = chassis(name, encap_ip)
    other.join(controller)
    until(lambda: controller.ask("strangers"), "a stranger")
    controller.quiet(0.2)
    assert other.vsctl("list-br") == ""
    other.name, other.encap_ip = "hv2", "172.31.0.2"
    other.join(controller)
    controller.facts("hv2", lambda f: f["dpid"])
    assert controller.ask("strangers") == {}


def test_the_second_takes_over_when_the_first_is_gone(hv1: Chassis, chassis: MakeChassis, controller: Controller) -> None:
    other = chassis("hv1", "172.31.0.2")
    other.join(controller)
    until(lambda: controller.ask("strangers"), "a stranger")
    hv1.vsctl("--no-wait", "del-manager")
    assert controller.expect("lost") == {"name": "hv1", "left": False}
    assert controller.facts("hv1")["encap_ip"] == "172.31.0.2"


def test_a_second_connection_of_the_same_chassis_replaces_the_first(hv1: Chassis, controller: Controller) -> None:
    hv1.vsctl("--no-wait", "--", "set-manager", f"tcp:127.0.0.1:{controller.port}", f"tcp:localhost:{controller.port}")
    until(lambda: "connected anew" in str(controller.ask("strangers")), "the first connection to be set aside")
    hv1.plug("tap1", "web-1")
    controller.facts("hv1", lambda f: f["vifs"])
    controller.quiet(0.3)
    hv1.vsctl("--no-wait", "set-manager", f"tcp:127.0.0.1:{controller.port}")
    controller.facts("hv1", lambda f: f["vifs"])
    assert controller.ask("strangers") == {}


HOSTILE = {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "noise": os.urandom(4096),
    "array": b"[1, 2, 3]",
    "braces": b"}}}}",
    "no-rpc": b'{"hello": "world"}',
    "bad-utf8": b'{"method": "\xff\xfe", "params": [], "id": 1}',
    "deep": b'{"a":' + b"[" * 100_000,
    "half": b'{"method": "update", "params": [',
    "canceled": b'{"method": "monitor_canceled", "params": [], "id": null}',
    "silence": b"",
}


def test_hostile_peers_leave_nothing_behind(hv1: Chassis, controller: Controller) -> None:
    before = controller.ask("census")
    peers = []
    for sent in HOSTILE.values():
        peer = socket.create_connection(("127.0.0.1", controller.port))
        peer.sendall(sent)
        peers.append(peer)
    cut = socket.create_connection(("127.0.0.1", controller.port))
    cut.sendall(HOSTILE["half"])
    cut.close()
    until(lambda: controller.ask("census") > before, "the peers to be let in")
    hv1.plug("tap1", "web-1")
    controller.facts("hv1", lambda f: f["vifs"])
    until(lambda: controller.ask("census") == before, "every peer to be let go though none hung up")
    for peer in peers:
        peer.close()


def test_a_peer_that_stops_answering_is_given_up(controller: Controller) -> None:
    """A database is handed over, then silence, as when a host loses its power."""
    with socket.create_connection(("127.0.0.1", controller.port)) as peer:
        _hand_over_a_database(peer)
        assert controller.facts("ghost")["encap_ip"] == "172.31.0.66"
        assert controller.expect("lost") == {"name": "ghost", "left": False}


def _hand_over_a_database(peer: socket.socket) -> None:
    """Answer as ovsdb-server does to what the client asks first."""
    uuid = "8b6fe9c5-c2f7-4ecf-a2a2-31cc89842239"
    ids = ["map", [["system-id", "ghost"], ["overlay-encap-ip", "172.31.0.66"]]]
    decoder, text = json.JSONDecoder(), ""
    while True:
        try:
            request, end = decoder.raw_decode(text)
        except ValueError:
            text += peer.recv(65536).decode()
            continue
        text = text[end:]
        reply: dict[str, Any] = {"id": request["id"], "result": None, "error": None}
        if request["method"] == "get_schema":
            reply["error"] = "unknown database"
        elif request["method"].startswith("monitor"):
            reply["result"] = {"Open_vSwitch": {uuid: {"initial": {"external_ids": ids}, "new": {"external_ids": ids}}}}
            del reply["result"]["Open_vSwitch"][uuid]["initial" if request["method"] == "monitor" else "new"]
        peer.sendall(json.dumps(reply).encode())
        if request["method"].startswith("monitor"):
            return
