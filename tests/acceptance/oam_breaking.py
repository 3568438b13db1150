"""Ways to break a lab, each undone at the end of its block: links, the fabric, flows, switches, guests, intent.

None of them is told to the controller, but for what it is asked to change. Flows are put back as they were.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from typing import Any

from mininet_topos.hypervisor import Hypervisor
from mininet_topos.lab import Lab
from mininet_topos.outside import SERVER_ADDRESS
from ryu_overlay.pipeline.tables import TABLES
from tests.acceptance.monitoring_breaking import VXLAN, Check, Filter, filtered
from tests.acceptance.outdoors import LONG_PORT, active, settle
from tests.acceptance.waiting import until

_OUTER = 64
"""Bytes that a frame in the underlay has more than the IP packet inside: Ethernet, IPv4, UDP, VXLAN, Ethernet."""


@contextmanager
def cut(lab: Lab, *chassis: str) -> Iterator[None]:
    """The underlay links of these."""
    hosts = [lab.hypervisors[name] for name in chassis]
    try:
        for host in hosts:
            lab.fabric.cut(host)
        yield
    finally:
        for host in hosts:
            lab.fabric.mend(host)


@contextmanager
def deaf(lab: Lab, receiver: str, sender: str) -> Iterator[None]:
    """Nothing from `sender` reaches `receiver`; the other direction is whole."""
    source = int(IPv4Address(lab.hypervisors[sender].encap_ip))
    with filtered(lab, Filter(receiver, "egress", (Check("32 0 0 26", 21, source),))):
        yield


@contextmanager
def vni_lost(lab: Lab, receiver: str, vni: int) -> Iterator[None]:
    """VXLAN with just this VNI, all 24 bits of it, does not reach `receiver`."""
    with filtered(lab, Filter(receiver, "egress", (*VXLAN, Check("32 0 0 46", 21, vni << 8)))):
        yield


@contextmanager
def mtu_hole(lab: Lab, receiver: str, passes: int) -> Iterator[None]:
    """Tunnels to `receiver` carry IP packets of `passes` bytes, and silently none that is larger."""
    with filtered(lab, Filter(receiver, "egress", (Check("128 0 0 0", 37, passes + _OUTER),))):
        yield


def ofctl(lab: Lab, chassis: str, command: str, *args: str, stdin: str | None = None) -> str:
    """ovs-ofctl with the version that the controller speaks: Open vSwitch remembers in which one an action was told."""
    host = lab.hypervisors[chassis]
    return host.run("ovs-ofctl", "-O", "OpenFlow13", command, "br-int", *args, stdin=stdin).stdout


def _taken_up(lab: Lab, chassis: str) -> None:
    """Have the datapath make its own flows, which come of these, anew.

    Left to itself it changes them within milliseconds; but where two of them overlap, that of Open vSwitch 3.1 may go on with the
    old one for as long as packets keep it alive.
    """
    lab.hypervisors[chassis].appctl("revalidator/purge")


def flow(lab: Lab, met: dict[str, Any], *words: str) -> str:
    """The one installed flow that a trace says it met, as ovs-ofctl takes it; `words` have to be in it."""
    table = TABLES[met["table"]].number
    dump = ofctl(lab, met["chassis"], "dump-flows", "--no-stats", f"table={table}")
    lines = [line.strip() for line in dump.splitlines() if "actions=" in line]
    found = [line for line in lines if _is(line, int(met["cookie"], 16), met["priority"]) and all(w in line for w in words)]
    assert len(found) == 1, (met, words, found)
    return found[0]


def _is(line: str, cookie: int, priority: int) -> bool:
    found = re.search(r"priority=(\d+)", line)
    return cookie_of(line) == cookie and (0 if found is None else int(found[1])) == priority


def cookie_of(line: str) -> int:
    """A dumped flow's cookie, 0 where it has none."""
    found = re.search(r"cookie=(0x[0-9a-f]+)", line)
    return 0 if found is None else int(found[1], 16)


def match_of(line: str) -> str:
    """Table, priority and match of a flow."""
    return re.sub(r"cookie=\S+,? ?", "", line.split("actions=")[0]).strip()


@contextmanager
def deleted(lab: Lab, chassis: str, line: str) -> Iterator[None]:
    """A flow."""
    ofctl(lab, chassis, "del-flows", "--strict", match_of(line))
    _taken_up(lab, chassis)
    try:
        yield
    finally:
        ofctl(lab, chassis, "add-flow", line)
        _taken_up(lab, chassis)


@contextmanager
def altered(lab: Lab, chassis: str, line: str, was: str, becomes: str) -> Iterator[None]:
    """A flow, with `becomes` in place of what the pattern `was` finds in its actions."""
    actions = re.sub(was, becomes, line.split("actions=")[1])
    assert actions != line.split("actions=")[1], (line, was)
    ofctl(lab, chassis, "mod-flows", "--strict", f"{match_of(line)} actions={actions}")
    _taken_up(lab, chassis)
    try:
        yield
    finally:
        ofctl(lab, chassis, "add-flow", line)
        _taken_up(lab, chassis)


@contextmanager
def foreign(lab: Lab, chassis: str, text: str) -> Iterator[None]:
    """A flow of somebody else's, `TABLE, PRIORITY, MATCH actions=...`."""
    ofctl(lab, chassis, "add-flow", text)
    _taken_up(lab, chassis)
    try:
        yield
    finally:
        ofctl(lab, chassis, "del-flows", "--strict", match_of(text))
        _taken_up(lab, chassis)


@contextmanager
def emptied(lab: Lab, chassis: str, table: int | None = None) -> Iterator[None]:
    """All flows of a table, or of the bridge."""
    where = [] if table is None else [f"table={table}"]
    saved = ofctl(lab, chassis, "dump-flows", "--no-stats", *where)
    ofctl(lab, chassis, "del-flows", *where)
    _taken_up(lab, chassis)
    try:
        yield
    finally:
        lines = [line.strip() for line in saved.splitlines() if "actions=" in line]
        ofctl(lab, chassis, "add-flows", "-", stdin="\n".join(lines))
        _taken_up(lab, chassis)


@contextmanager
def group_drops(lab: Lab, chassis: str, number: int) -> Iterator[None]:
    """A group sends packets nowhere."""
    dump = ofctl(lab, chassis, "dump-groups", str(number)).splitlines()
    (line,) = [text.strip() for text in dump if f"group_id={number}," in text]
    ofctl(lab, chassis, "mod-group", f"group_id={number},type=select,bucket=actions=drop")
    _taken_up(lab, chassis)
    try:
        yield
    finally:
        ofctl(lab, chassis, "mod-group", line)
        _taken_up(lab, chassis)


@contextmanager
def dead(lab: Lab, *chassis: str) -> Iterator[None]:
    """ovs-vswitchd, killed."""
    hosts = [lab.hypervisors[name] for name in chassis]
    for host in hosts:
        host.kill_vswitchd()
    try:
        until("the controller knows", lambda: not set(chassis) & connected(lab))
        yield
    finally:
        for host in hosts:
            host.start_vswitchd()
        until("chassis back", lambda: set(chassis) <= connected(lab))
        settle(lab)


@contextmanager
def hung(lab: Lab, chassis: str) -> Iterator[None]:
    """ovs-vswitchd, stopped in the middle of whatever it does."""
    vswitch = lab.hypervisors[chassis].vswitch
    vswitch.kill("ovs-vswitchd", signal.SIGSTOP)
    try:
        yield
    finally:
        vswitch.kill("ovs-vswitchd", signal.SIGCONT)
        until("chassis back", lambda: chassis in connected(lab))
        settle(lab)


@contextmanager
def speechless(lab: Lab, chassis: str) -> Iterator[None]:
    """A chassis' OpenFlow connection ends, and no new one is let through. Its flows stay."""
    host = lab.hypervisors[chassis]
    (target,) = host.vsctl("--bare", "--columns=target", "list", "Controller").split()
    rule = ["-p", "tcp", "--dport", target.rsplit(":", 1)[1], "--syn", "-j", "REJECT"]
    host.run("iptables", "-A", "OUTPUT", *rule)
    try:
        host.appctl("bridge/reconnect", "br-int")
        until("the controller knows", lambda: chassis not in connected(lab))
        yield
    finally:
        host.run("iptables", "-D", "OUTPUT", *rule)
        until("chassis back", lambda: chassis in connected(lab))
        settle(lab)


@contextmanager
def rewired(lab: Lab, chassis: str = "hv1", peer: str = "hv2", other: str = "hv3") -> Iterator[None]:
    """The tunnels of a chassis to two others lead to each other's address, while the controller cannot see its database."""
    host = lab.hypervisors[chassis]
    ips = {name: lab.hypervisors[name].encap_ip for name in (peer, other)}
    ports = {name: _tunnel_to(host, ip) for name, ip in ips.items()}
    rule = ["-p", "tcp", "--dport", "6640", "-j", "DROP"]

    def swap(first: str, second: str) -> None:
        # Two tunnels to one address are refused, so one is out of the way in between.
        for name, ip in ((peer, "172.31.0.250"), (other, second), (peer, first)):
            host.vsctl("set", "Interface", ports[name], f"options:remote_ip={ip}")

    host.run("iptables", "-A", "OUTPUT", *rule)
    try:
        swap(ips[other], ips[peer])
        yield
    finally:
        swap(ips[peer], ips[other])
        host.run("iptables", "-D", "OUTPUT", *rule)
        settle(lab)


def _tunnel_to(host: Hypervisor, ip: str) -> str:
    found = host.vsctl("--bare", "--columns=name", "find", "Interface", "type=vxlan", f'options:remote_ip="{ip}"')
    return found.strip()


def connected(lab: Lab) -> set[str]:
    """The chassis that the controller speaks OpenFlow with."""
    return {c["name"] for c in lab.rest.get("/v1/chassis").json["chassis"] if c["state"] == "connected"}


@contextmanager
def server_off(lab: Lab) -> Iterator[None]:
    """The server outside is cut off."""
    lab.world.far.cut(lab.server)
    try:
        yield
    finally:
        lab.world.far.mend(lab.server)


@contextmanager
def external_cut(lab: Lab, chassis: str = "hv1") -> Iterator[None]:
    """A gateway's link to the outside; the controller hears of that."""
    host = lab.hypervisors[chassis]
    until("it carries red's uplink", lambda: active(lab, "red") == chassis)
    lab.world.outside.cut(host)
    try:
        until("another carries it", lambda: active(lab, "red") not in (chassis, None))
        settle(lab)
        yield
    finally:
        lab.world.outside.mend(host)
        until("it carries red's uplink again", lambda: active(lab, "red") == chassis)
        settle(lab)


@contextmanager
def guest_off(lab: Lab, name: str) -> Iterator[None]:
    """A VM whose interface is down: its VIF has a carrier, and nobody is there."""
    vm = lab.vms[name]
    vm.script("ip link set eth0 down\n")
    try:
        yield
    finally:
        vm.script(f"ip link set eth0 up\nip route replace default via {vm.gateway}\n")


@contextmanager
def guest_firewall(lab: Lab, name: str) -> Iterator[None]:
    """A VM that drops all that it gets."""
    vm = lab.vms[name]
    vm.run("iptables", "-A", "INPUT", "-j", "DROP")
    try:
        yield
    finally:
        vm.run("iptables", "-D", "INPUT", "-j", "DROP")


@contextmanager
def unplugged(lab: Lab, name: str) -> Iterator[None]:
    """A VM whose interface is no logical port's any more."""
    vm = lab.vms[name]
    host: Hypervisor = lab.host_of(vm)
    host.vsctl("remove", "Interface", vm.vif, "external_ids", "iface-id")
    settle(lab)
    try:
        yield
    finally:
        host.vsctl("set", "Interface", vm.vif, f"external_ids:iface-id={vm.iface_id}")
        settle(lab)


@contextmanager
def changed(lab: Lab, path: str, change: dict[str, Any]) -> Iterator[None]:
    """An object of the model's, as an operator changes it."""
    before = lab.rest.get(f"/v1/{path}").json
    undo = {name: before[name] for name in change}
    _patch(lab, path, change)
    try:
        yield
    finally:
        _patch(lab, path, undo)


def _patch(lab: Lab, path: str, change: dict[str, Any]) -> None:
    answer = lab.rest.patch(f"/v1/{path}?wait=20", change)
    assert answer.status == 200, answer.text


_HOLD = """
import socket, sys, time
held = [socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) for _ in range(int(sys.argv[3]))]
for one in held:
    one.recv(99)
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def holding(lab: Lab, client: str, target: str, port: int, count: int) -> Iterator[None]:
    """So many TCP connections to an echo port, open and idle."""
    vm = lab.server if client == "server" else lab.vms[client]
    log = vm.folder / "log" / f"hold-{port}.log"
    log.write_text("")
    process = vm.spawn("python3", "-c", _HOLD, target, str(port), str(count), log=log)
    try:
        until(f"{count} connections held", lambda: "held" in log.read_text())
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def pool_used_up(lab: Lab) -> Iterator[None]:
    """blue's NAT rule has two ports, and both have a connection to the server's echo port."""
    with ExitStack() as stack:
        stack.enter_context(changed(lab, "tenants/blue/routers/r1/snats/all", {"ports": "20000-20001"}))
        stack.enter_context(holding(lab, "blue-web-2", SERVER_ADDRESS, LONG_PORT, 2))
        yield
