"""More ways to break a lab, like `oam_breaking`: hosts, the controller, flows and guests. Each holds once its block is entered.

`oam_breaking.hung` yields at once, too.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer

from mininet_topos.lab import Lab
from mininet_topos.node import LabNode
from ryu_overlay.pipeline.tables import TABLES
from tests.acceptance.monitoring_breaking import narrow
from tests.acceptance.oam_breaking import altered, connected, deleted, flow, ofctl
from tests.acceptance.oam_traces import Question, ask
from tests.acceptance.outdoors import settle
from tests.acceptance.waiting import until

_CPU = Path("/sys/fs/cgroup/cpu")
_BACK_SECONDS = 60.0


def _wait_for(lab: Lab, hv: str) -> None:
    until(f"{hv} back", lambda: hv in connected(lab), _BACK_SECONDS)
    settle(lab)


@contextmanager
def killed(lab: Lab, hv: str) -> Iterator[None]:
    """ovs-vswitchd, killed. Afterwards it is started, and waited for until all is confirmed."""
    host = lab.hypervisors[hv]
    host.kill_vswitchd()
    try:
        yield
    finally:
        host.start_vswitchd()
        _wait_for(lab, hv)


@contextmanager
def channel_cut(lab: Lab, hv: str) -> Iterator[None]:
    """Nothing passes a hypervisor's control interface any more, either way. Its carrier stays, and no connection ends."""
    host = lab.hypervisors[hv]
    rules = ("INPUT -i ctl0 -j DROP", "OUTPUT -o ctl0 -j DROP")
    host.script("".join(f"iptables -I {rule}\n" for rule in rules))
    try:
        yield
    finally:
        host.script("".join(f"iptables -D {rule}\n" for rule in rules))
        _wait_for(lab, hv)


@contextmanager
def channel_down(lab: Lab, hv: str) -> Iterator[None]:
    """The link between a hypervisor and the control network is cut: its control interface has no carrier."""
    host = lab.hypervisors[hv]
    lab.control.cut(host)
    try:
        yield
    finally:
        lab.control.mend(host)
        _wait_for(lab, hv)


@contextmanager
def starved(lab: Lab, hv: str, percent: float, period_ms: int = 100) -> Iterator[None]:
    """ovs-vswitchd gets so many hundredths of one CPU, counted anew every so many ms (at most 1000), and 1 ms of them at least.

    Takes a machine with cgroups v1.
    """
    process = lab.hypervisors[hv].vswitch.process("ovs-vswitchd")
    assert process is not None
    home = _CPU / re.findall(r"^\d+:cpu:/(.*)$", Path(f"/proc/{process.pid}/cgroup").read_text(), re.M)[0]
    group = home / f"ryu-overlay-lab-{lab.name}-{hv}"
    group.mkdir(exist_ok=True)
    try:
        (group / "cpu.cfs_period_us").write_text(str(1000 * period_ms))
        (group / "cpu.cfs_quota_us").write_text(str(round(10 * percent * period_ms)))
        (group / "cgroup.procs").write_text(str(process.pid))
        yield
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (home / "cgroup.procs").write_text(pid)
        group.rmdir()


@contextmanager
def conntrack_full(lab: Lab, hv: str, limit: int = 0) -> Iterator[None]:
    """A hypervisor's datapath takes no new connection while it has `limit` or more; those that it has go on."""
    host = lab.hypervisors[hv]
    before = host.appctl("dpctl/ct-get-maxconns").strip()
    host.appctl("dpctl/ct-set-maxconns", str(limit))
    try:
        yield
    finally:
        host.appctl("dpctl/ct-set-maxconns", before)


@contextmanager
def diverged(lab: Lab, hv: str, *words: str) -> Iterator[None]:
    """Datapath flows of a hypervisor drop, while the OpenFlow flows that they come of are as they were, and go on counting.

    Those that have all `words` in their line of `dpctl/dump-flows -m`, waiting up to 5 s for the first. It lasts for as long as
    packets meet them, one each 10 s at least, and no change of flows makes their actions others: then they are made anew.
    """
    host = lab.hypervisors[hv]

    def met() -> list[str]:
        lines = host.appctl("dpctl/dump-flows", "-m").splitlines()
        return [line.split(", packets:")[0] for line in lines if all(word in line for word in words)]

    for key in until(f"datapath flow with {words}", met, 5.0):
        # In a dump there is a comma after the flow's identifier, where a blank is read.
        host.appctl("dpctl/mod-flow", "netdev@ovs-netdev", key.replace(", ", " ", 1), "drop")
    try:
        yield
    finally:
        host.appctl("revalidator/purge")


@contextmanager
def wrong_vni(lab: Lab, hv: str, vni: int, becomes: int, vm: str | None = None) -> Iterator[None]:
    """A hypervisor sends what is of one network, to all other chassis or only to one VM, in the VNI of another."""
    table = TABLES["ls_out_port"].number
    lines = ofctl(lab, hv, "dump-flows", "--no-stats", f"table={table}").splitlines()
    found = [line.strip() for line in lines if f"load:{vni:#x}->NXM_NX_TUN_ID[0" in line]
    if vm is not None:
        found = [line for line in found if f"reg15={_port_key(lab, vm)} " in line]
    assert found, (hv, vni, vm)
    with ExitStack() as stack:
        for line in found:
            stack.enter_context(altered(lab, hv, line, r"load:0x[0-9a-f]+(->NXM_NX_TUN_ID)", rf"load:{becomes:#x}\1"))
        yield


def _port_key(lab: Lab, vm: str) -> str:
    """What ls_out_port finds a VM by: on its own chassis that leads to its VIF."""
    guest = lab.vms[vm]
    host = lab.host_of(guest)
    number = int(host.vsctl("get", "Interface", guest.vif, "ofport"))
    dump = ofctl(lab, host.name, "dump-flows", "--no-stats", f"table={TABLES['ls_out_port'].number}")
    (key,) = re.findall(rf"reg15=(0x[0-9a-f]+) actions=set_field:{number:#x}->reg3", dump)
    return str(key)


@contextmanager
def one_way_route(lab: Lab, asked: Question, hv: str) -> Iterator[None]:
    """The last route that a packet takes on a hypervisor on its way there is missing on that one only. See `oam_traces`."""
    met = ask(lab, asked).flows("lr_in_route", hv, "there")
    assert met, (asked, hv)
    with deleted(lab, hv, flow(lab, met[-1])):
        yield


@contextmanager
def vnic_down(lab: Lab, vm: str) -> Iterator[None]:
    """The host's end of a VM's interface is down."""
    guest = lab.vms[vm]
    host = lab.host_of(guest)
    host.script(f"ip link set {guest.vif} down\n")
    try:
        yield
    finally:
        host.script(f"ip link set {guest.vif} up\n")


@contextmanager
def controller_paused(lab: Lab, seconds: float) -> Iterator[None]:
    """ryu-manager is stopped, and goes on after so many seconds; the block lasts until then, unless an error ends it."""
    ryu = lab.controller.ryu
    assert ryu is not None
    going_on = Timer(seconds, ryu.send_signal, (signal.SIGCONT,))
    ryu.send_signal(signal.SIGSTOP)
    try:
        going_on.start()
        yield
        going_on.join()
    finally:
        going_on.cancel()
        ryu.send_signal(signal.SIGCONT)


_BURN = "import sys, time; end = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"


@contextmanager
def burning(seconds: float, processes: int) -> Iterator[None]:
    """So many processes do nothing but use the machine's CPUs, for so long at most."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(processes):
            started.append(subprocess.Popen([sys.executable, "-c", _BURN, str(seconds)]))
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


_FLOOD = """
import socket, sys, time
target, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began, sent = time.monotonic(), 0
while (passed := time.monotonic() - began) < seconds:
    while sent < passed * rate:
        try:
            to.sendto(bytes(1200), (target, 9))
        except OSError:
            pass
        sent += 1
    time.sleep(0.002)
"""


@contextmanager
def flooding(sender: LabNode, target: str, rate_mbit: float, seconds: float) -> Iterator[None]:
    """UDP to a port that nobody listens on, 1,228 bytes each, at a rate in Mbit/s and for so long at most."""
    log = sender.folder / "log" / "flood.log"
    rate = rate_mbit * 1e6 / 8 / 1228
    process = sender.spawn(sys.executable, "-c", _FLOOD, target, f"{rate:g}", f"{seconds:g}", log=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def guest_saturates(lab: Lab, vm: str, target: str, rate_mbit: float, seconds: float) -> Iterator[None]:
    """A guest whose interface carries so many Mbit/s tries to send three times that, for so long at most."""
    guest = lab.vms[vm]
    with narrow(guest, "eth0", rate_mbit), flooding(guest, target, 3 * rate_mbit, seconds):
        yield


@contextmanager
def guest_flooded(lab: Lab, vm: str, sender: str, rate_mbit: float, seconds: float) -> Iterator[None]:
    """A guest that may receive so many Mbit/s gets three times that from another, for so long at most; the host loses it."""
    guest = lab.vms[vm]
    with narrow(lab.host_of(guest), guest.vif, rate_mbit), flooding(lab.vms[sender], guest.ip, 3 * rate_mbit, seconds):
        yield
