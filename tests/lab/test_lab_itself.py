"""The lab without the overlay: what it promises to the tests that stand on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mininet_topos import cleanup
from mininet_topos.controller import ControllerDied
from mininet_topos.http import Rest
from mininet_topos.hypervisor import Hypervisor
from mininet_topos.lab import Lab
from mininet_topos.node import CommandFailed
from mininet_topos.processes import ProcessId, processes_in, wait_until
from mininet_topos.scenarios import DEMO
from mininet_topos.vm import VM
from mininet_topos.workspace import NAMESPACES, RUN_ROOT, LabExists

if TYPE_CHECKING:
    from tests.lab.conftest import LabMaker


def link_by_hand(one: Hypervisor, other: Hypervisor) -> None:
    """A br-int on both with one VXLAN port to the other: two hubs. They learn nothing, so a moved MAC is no news to them."""
    for here, there in ((one, other), (other, one)):
        here.vsctl(
            "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev", "fail_mode=secure",
            "--", "add-port", "br-int", "vx0", "--", "set", "Interface", "vx0", "type=vxlan",
            f"options:remote_ip={there.encap_ip}", f"options:local_ip={here.encap_ip}", "options:key=77",
        )  # fmt: skip
        here.ofctl("add-flow", "br-int", "priority=1,actions=FLOOD")


def two_guests(lab: Lab) -> tuple[VM, VM]:
    """hv1 and hv2 linked by hand, VM a on hv1 and b on hv2."""
    link_by_hand(lab.hypervisors["hv1"], lab.hypervisors["hv2"])
    a = lab.vm("a", "hv1", "02:00:00:00:00:0a", "10.0.0.1/24")
    b = lab.vm("b", "hv2", "02:00:00:00:00:0b", "10.0.0.2/24")
    return a, b


def root_interfaces() -> list[str]:
    return sorted(os.listdir("/sys/class/net"))


def named(lab: str) -> list[str]:
    return [path.name for path in NAMESPACES.glob(f"{lab}-*")]


def test_two_guests_talk_over_vxlan_at_full_mtu(make_lab: LabMaker) -> None:
    before = root_interfaces()
    lab = make_lab(hypervisors=2, controller_app=None)
    a, b = two_guests(lab)
    assert lab.ping(a, b.ip, count=5).lost == 0
    with lab.tcpdump(lab.fabric, "hv1", "udp port 4789") as capture:
        assert lab.ping(a, b.ip, count=3, size=lab.vm_mtu, dont_fragment=True).lost == 0
        seen = capture.wait_for(6)
    assert all("172.31.0." in line and "vni 77" in line for line in seen)
    assert "length 1514:" in seen[0]
    too_long = lab.ping(a, b.ip, count=1, size=lab.vm_mtu + 1, dont_fragment=True)
    assert too_long.received == 0 and "message too long" in too_long.output
    assert root_interfaces() == before


def test_two_guests_talk_tcp(make_lab: LabMaker, tmp_path: Path) -> None:
    """Wrong checksums and a black hole for full packets both show here, though ping does not see them."""
    lab = make_lab(hypervisors=2, controller_app=None)
    a, b = two_guests(lab)
    content = os.urandom(2_000_000)
    (tmp_path / "content").write_bytes(content)
    argv = (sys.executable, "-m", "http.server", "8000", "--bind", b.ip, "--directory", str(tmp_path))
    server = b.spawn(*argv, log=b.folder / "log" / "http.log")
    wait_until(lambda: b.run("ss", "-Hltn").stdout, 10, "the server listening")
    assert Rest(a.pid, host=b.ip, port=8000, timeout=10).get("/content").body == content
    server.kill()
    server.wait()


def test_a_jumbo_underlay_carries_jumbo_guests(make_lab: LabMaker) -> None:
    lab = make_lab(hypervisors=2, controller_app=None, underlay_mtu=9000)
    a, b = two_guests(lab)
    assert lab.vm_mtu == 8950
    assert lab.ping(a, b.ip, count=2, size=8950, dont_fragment=True).lost == 0


def test_a_moved_guest_goes_on_talking(make_lab: LabMaker) -> None:
    lab = make_lab(hypervisors=2, controller_app=None)
    a, b = two_guests(lab)
    with lab.pinging(a, b.ip, interval=0.002) as pinging:
        wait_until(lambda: pinging.log.read_text().count("ttl=") > 50, 10, "replies before the move")
        lab.move(a, "hv2")
        answered = pinging.log.read_text().count("ttl=")
        wait_until(lambda: pinging.log.read_text().count("ttl=") > answered + 50, 10, "replies after the move")
        assert pinging.stop().received > answered
    assert lab.host_of(a).name == "hv2" and a.wired() == ["hv2"]
    assert "v-a" not in lab.hypervisors["hv1"].vsctl("list-ports", "br-int").split()
    assert lab.hypervisors["hv2"].vsctl("get", "Interface", "v-a", "external_ids:iface-id").strip() == "a"
    lab.move(a, "hv1")
    assert lab.ping(a, b.ip).lost == 0


def test_a_guest_on_two_wires_is_no_bridge_between_them(make_lab: LabMaker) -> None:
    lab = make_lab(hypervisors=2, controller_app=None)
    a, b = two_guests(lab)
    hv2 = lab.hypervisors["hv2"]
    # Both ends of the tunnel have to know each other's MAC, or a loop would be cut there.
    wait_until(lambda: lab.ping(a, b.ip, count=1).received, 5, "ping through the tunnel")
    a.wire(hv2)
    hv2.vsctl("add-port", "br-int", a.vif)
    with lab.tcpdump(b, "eth0", "arp and arp[6:2] = 1") as capture:
        assert lab.ping(b, "10.0.0.99", count=1, timeout=0.5).received == 0
        # What came back through the guest would be a second and a hundredth request within the same half second.
        assert len(capture.stop()) <= 2


def test_only_br_phy_answers_arp_for_the_encap_address(make_lab: LabMaker) -> None:
    lab = make_lab(hypervisors=2, controller_app=None)
    hv1, hv2 = lab.hypervisors.values()
    with lab.tcpdump(lab.fabric, "hv1", "arp and arp[6:2] = 2") as capture:
        assert lab.ping(hv2, hv1.encap_ip).lost == 0
        replies = [line for line in capture.stop() if f"Reply {hv1.encap_ip} is-at" in line]
    mac = hv1.run("cat", "/sys/class/net/br-phy/address").stdout.strip()
    assert len(replies) == 1 and f"is-at {mac}" in replies[0]


def test_uplink_and_vswitchd_come_back(make_lab: LabMaker) -> None:
    lab = make_lab(hypervisors=2, controller_app=None)
    a, b = two_guests(lab)
    hv1 = lab.hypervisors["hv1"]
    assert lab.ping(a, b.ip).lost == 0
    sides = [
        (partial(hv1.uplink, False), partial(hv1.uplink, True)),
        (partial(lab.fabric.cut, hv1), partial(lab.fabric.mend, hv1)),
    ]
    for cut, mend in sides:
        cut()
        assert lab.ping(a, b.ip, count=2, timeout=0.3).received == 0
        mend()
        wait_until(lambda: lab.ping(a, b.ip, count=1, timeout=0.2).received, 5, "ping after the flap")
    old = hv1.vswitch.process("ovs-vswitchd")
    hv1.kill_vswitchd()
    assert hv1.vswitch.process("ovs-vswitchd") is None
    assert lab.ping(a, b.ip, count=2, timeout=0.3).received == 0
    hv1.start_vswitchd()
    assert hv1.vswitch.process("ovs-vswitchd") not in (None, old)
    hv1.ofctl("add-flow", "br-int", "priority=1,actions=FLOOD")
    # The first packet into a tunnel is lost while Open vSwitch asks for the MAC of its other end.
    wait_until(lambda: lab.ping(a, b.ip, count=1, timeout=0.2).received, 5, "ping after the restart")
    assert lab.ping(a, b.ip, count=5).lost == 0


def test_nodes_are_found_by_name(make_lab: LabMaker) -> None:
    lab = make_lab(hypervisors=1, controller_app=None)
    inside = subprocess.run(
        ["ip", "netns", "exec", f"{lab.name}-hv1", "ip", "-4", "-br", "address"], capture_output=True, text=True
    )
    assert "172.31.0.1/24" in inside.stdout and "172.31.255.11/24" in inside.stdout
    hv1 = lab.hypervisors["hv1"]
    assert "br-phy" in hv1.cmd("ovs-vsctl list-br")
    with pytest.raises(CommandFailed, match=r"hv1: ovs-vsctl .*no bridge named nowhere"):
        hv1.vsctl("br-to-vlan", "nowhere")


def test_joining_is_the_contract_and_leaving_undoes_it(make_lab: LabMaker) -> None:
    lab = make_lab(hypervisors=1, controller_app=None)
    hv1 = lab.hypervisors["hv1"]
    hv1.join("172.31.255.1")
    assert hv1.vsctl("get-manager").strip() == "tcp:172.31.255.1:6640"
    ids = hv1.vsctl("get", "Open_vSwitch", ".", "external_ids")
    assert "system-id=hv1" in ids and 'overlay-encap-ip="172.31.0.1"' in ids
    hv1.leave()
    assert hv1.vsctl("get-manager") == "" and "overlay-encap-ip" not in hv1.vsctl("get", "Open_vSwitch", ".", "external_ids")


def test_two_labs_with_the_same_addresses_do_not_meet(make_lab: LabMaker) -> None:
    labs = [make_lab(hypervisors=2, controller_app=None) for _ in range(2)]
    guests = [two_guests(lab) for lab in labs]
    for lab, (a, b) in zip(labs, guests):
        other = labs[lab is labs[0]]
        with (
            lab.tcpdump(lab.fabric, "hv1", "udp port 4789") as own,
            other.tcpdump(other.fabric, "hv1", "udp port 4789") as foreign,
        ):
            assert lab.ping(a, b.ip, count=3).lost == 0
            own.wait_for(6)
            assert foreign.stop() == []
    labs[0].close()
    assert named(labs[0].name) == [] and len(named(labs[1].name)) == 6
    a, b = guests[1]
    assert labs[1].ping(a, b.ip).lost == 0


def test_a_living_lab_keeps_its_name(make_lab: LabMaker) -> None:
    lab = make_lab(hypervisors=1, controller_app=None)
    with pytest.raises(LabExists, match="is alive"):
        Lab(lab.name, controller_app=None).open()
    assert lab.hypervisors["hv1"].vswitch.process("ovs-vswitchd") is not None


def test_a_killed_session_is_cleared_and_living_labs_are_spared(make_lab: LabMaker, lab_name: str) -> None:
    living = make_lab(hypervisors=2, controller_app=None)
    a, b = two_guests(living)
    script = (
        "import time\nfrom mininet_topos.lab import Lab\nfrom mininet_topos.processes import wait_until\n"
        f"with Lab({lab_name!r}, hypervisors=1, controller_app=None) as lab:\n"
        "    lab.hypervisors['hv1'].vsctl('add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'datapath_type=netdev')\n"
        "    vm = lab.vm('a', 'hv1', '02:00:00:00:00:0a', '10.0.0.1/24')\n    ping = lab.pinging(vm, '10.0.0.1')\n"
        "    wait_until(lambda: 'bytes from' in ping.log.read_text(), 10, 'the ping to run in its namespace')\n"
        "    print('ready', flush=True)\n    time.sleep(600)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    stats = [path.stat() for path in NAMESPACES.glob(f"{lab_name}-*")]
    child.send_signal(signal.SIGKILL)
    child.wait()
    left = list(processes_in((s.st_dev, s.st_ino) for s in stats))
    assert len(left) >= 3, "vswitchd, ovsdb-server and ping outlive their parent"
    done = subprocess.run([sys.executable, "-m", "mininet_topos.cleanup"], capture_output=True, text=True, check=True)
    assert lab_name in done.stdout.splitlines()[0] and living.name in done.stdout.splitlines()[1]
    assert not any(process.alive() for process in left)
    assert named(lab_name) == [] and not (RUN_ROOT / lab_name).exists()
    assert living.ping(a, b.ip).lost == 0


def test_cleaning_kills_by_identity_not_by_number(lab_name: str) -> None:
    """A pid file whose process is somebody else's by now ends nobody."""
    workspace = cleanup.claim(lab_name)
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (workspace.node("hv1") / "run" / "ovs-vswitchd.pid").write_text(f"{bystander.pid}\n")
        cleanup.clear(workspace)
        assert bystander.poll() is None and not workspace.exists()
    finally:
        bystander.kill()
        bystander.wait()


def test_a_failed_start_leaves_nothing(lab_name: str) -> None:
    lab = Lab(lab_name, hypervisors=1, controller_app="no_such_app_anywhere")
    with pytest.raises(ControllerDied, match="no_such_app_anywhere"):
        lab.open()
    assert named(lab_name) == [] and not (RUN_ROOT / lab_name).exists()


PLAIN_APP = """
import json
from ryu.app.wsgi import ControllerBase, Response, WSGIApplication, route
from ryu.base import app_manager

class Answer(ControllerBase):
    @route("any", "/v1/{rest:.*}")
    def any(self, req, **kwargs):
        said = {"port": req.environ["REMOTE_PORT"], "if_match": req.headers.get("If-Match"), "body": req.body.decode()}
        return Response(content_type="application/json", charset="UTF-8", body=json.dumps(said).encode())

class App(app_manager.RyuApp):
    _CONTEXTS = {"wsgi": WSGIApplication}
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        kwargs["wsgi"].register(Answer)
"""


def test_a_controller_is_reached_from_outside_its_namespace(make_lab: LabMaker, tmp_path: Path) -> None:
    app: Path = tmp_path / "plain_app.py"
    app.write_text(PLAIN_APP)
    options = {"audit": True, "audit-file": "{folder}/x", "peers": ["a", "b"]}
    lab = make_lab(hypervisors=1, controller_app=str(app), controller_options=options)
    text = lab.controller.configuration.read_text()
    folder = lab.controller.folder
    assert text == f"[overlay]\ndata_dir = {folder}/db\naudit = true\naudit_file = {folder}/x\npeers = a,b\n"
    first = lab.rest.post("/v1/tenants", {"name": "red"}, If_Match='"1"')
    assert (first.status, first.json["body"], first.json["if_match"]) == (200, '{"name": "red"}', '"1"')
    assert lab.rest.get("/v1/x").json["port"] == first.json["port"], "the connection is kept"
    lab.controller.kill9()
    with pytest.raises(OSError):
        lab.rest.get("/v1/x")
    lab.controller.start()
    lab.controller.wait()
    assert lab.rest.get("/v1/x").status == 200
    assert lab.controller.ryu is not None
    old = ProcessId.of(lab.controller.ryu.pid)
    lab.controller.restart()
    assert not old.alive() and lab.rest.get("/v1/x").status == 200


def test_three_hypervisors_and_twelve_guests_leave_nothing(lab_name: str) -> None:
    with Lab(lab_name, hypervisors=3, controller_app=None) as lab:
        for host in lab.hypervisors.values():
            host.vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev")
        for number in range(1, 13):
            lab.vm(f"vm{number}", f"hv{number % 3 + 1}", f"02:00:00:00:00:{number:02x}", f"10.0.0.{number}/24")
        assert len(lab.vms) == 12
    assert named(lab_name) == []


def test_the_demo_places_every_port_of_its_tenants_on_three_chassis() -> None:
    guests = list(DEMO.guests())
    ports = [port["name"] for tenant in DEMO.tenants for switch in tenant["switches"] for port in switch["ports"]]
    assert sorted(guest.name for guest in guests) == sorted(ports)
    assert {guest.hypervisor for guest in guests} == {"hv1", "hv2", "hv3"}
    assert len({guest.mac for guest in guests}) == len(guests)
    by_tenant = {t: [g.address for g in guests if g.name.startswith(t)] for t in ("red", "blue")}
    assert by_tenant["red"] == by_tenant["blue"]
    assert {g.gateway for g in guests if g.name.startswith("green")} == {"10.1.1.1", "10.1.2.1"}
