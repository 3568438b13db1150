"""OVN in a lab like ours: the same fabric, control network and hypervisors, with OVN's daemons in the controller's place.

               control network
      .------------+------+------+------.
      |            |      |      |
    central       hv1    hv2    hv3     central: ovn-northd and the northbound and southbound databases (TCP 6642)
                   `---- fabric ----'   hvN: ovn-controller beside Open vSwitch; Geneve, OVN's default, on the same underlay

Everything OVN is told goes through `ovn-nbctl`, as an operator or a script would. Only what Debian's packages ovn-central
and ovn-host install is used, and nothing of it outside the lab's namespaces and folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import TracebackType

from mininet.node import Host

from mininet_topos.hypervisor import EXTERNAL_BRIDGE, Hypervisor
from mininet_topos.lab import Lab, in_parallel
from mininet_topos.node import CONTROL_PREFIX, CONTROLLER_ADDRESS, LabNode
from mininet_topos.outside import PHYSICAL_NETWORK
from mininet_topos.processes import ProcessId
from tests.bench.networks import CHASSIS, Document
from tests.bench.ovn_words import make_port, make_tenant, remove_tenant, transaction
from tests.bench.ovn_words_out import make_external, make_floating, make_way_out, remove_external, remove_floating
from tests.bench.results import OVN

_SCHEMAS = Path("/usr/share/ovn")
_PROGRAMS = ("ovn-northd", "ovn-controller", "ovn-nbctl", "ovn-sbctl")
_REMOTE = f"tcp:{CONTROLLER_ADDRESS}:6642"
_UNDERLAY_MTU = 1600
"""Room for Geneve with OVN's option around the same inner packets as on the other sides."""
_WAIT = 180


def installed() -> bool:
    """Whether everything the lab needs of OVN is on this machine."""
    schemas = all((_SCHEMAS / f"ovn-{name}.ovsschema").exists() for name in ("nb", "sb"))
    return schemas and all(shutil.which(program) for program in _PROGRAMS)


class Central(LabNode, Host):  # type: ignore[misc]
    """The node with OVN's databases and ovn-northd."""

    def start(self) -> None:
        """Start them; returns when the southbound database listens. Raises CommandFailed."""
        self.script(f"ip address replace {CONTROLLER_ADDRESS}/{CONTROL_PREFIX} dev ctl0\nip link set ctl0 up\n")
        for name, tables in (("nb", "OVN_Northbound,NB_Global"), ("sb", "OVN_Southbound,SB_Global")):
            database = self.folder / "db" / f"{name}.db"
            self.run("ovsdb-tool", "create", str(database), str(_SCHEMAS / f"ovn-{name}.ovsschema"))
            remotes = [f"--remote=p{self.socket(name)}", f"--remote=db:{tables},connections"]
            self._daemon(f"ovsdb-{name}", "ovsdb-server", str(database), *remotes)
        self.run("ovn-nbctl", f"--db={self.socket('nb')}", "init")
        self.run("ovn-sbctl", f"--db={self.socket('sb')}", "set-connection", "ptcp:6642")
        self._daemon("northd", "ovn-northd", f"--ovnnb-db={self.socket('nb')}", f"--ovnsb-db={self.socket('sb')}")

    def socket(self, database: str) -> str:
        return f"unix:{self.folder / 'run' / database}.sock"

    def _daemon(self, name: str, *argv: str) -> None:
        run, log = self.folder / "run", self.folder / "log"
        files = [f"--pidfile={run / name}.pid", f"--unixctl={run / name}.ctl", f"--log-file={log / name}.log"]
        self.run(*argv, *files, "--detach", "--no-chdir", "-vconsole:off")


class OvnSide:
    """OVN, to be measured. See `sides.Controlled`, which it implements."""

    title = OVN

    def __init__(self, name: str) -> None:
        """`name` is the lab's. Nothing is built before the `with` block."""
        self.lab = Lab(name, hypervisors=CHASSIS, underlay_mtu=_UNDERLAY_MTU, controller_app=None, external=True)
        self._made: dict[str, Document] = {}
        self._externals: dict[str, Document] = {}

    def __enter__(self) -> OvnSide:
        self.lab.open()
        try:
            self.central: Central = self.lab.net.addHost("central", cls=Central, workspace=self.lab.workspace)
            self.lab.net.links.append(self.lab.control.plug(self.central, "ctl0"))
            self.central.start()
            in_parallel(partial(self._join, host) for host in self.lab.hypervisors.values())
            self.nbctl("--wait=hv", "sync")
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.lab.close()

    def nbctl(self, *args: str) -> str:
        """Run ovn-nbctl, at most three minutes: many uplinks take it one. Raises CommandFailed."""
        argv = ("ovn-nbctl", f"--db={self.central.socket('nb')}", f"--timeout={_WAIT}", *args)
        return self.central.run(*argv, timeout=_WAIT + 5).stdout

    def put(self, documents: list[Document], externals: tuple[Document, ...] = ()) -> None:
        self._made |= {document["name"]: document for document in documents}
        self._externals |= {network["name"]: network for network in externals}
        gateways = {name: network["gateway"] for name, network in self._externals.items()}
        commands = [command for network in externals for command in make_external(network)]
        for document in documents:
            commands += [*make_tenant(document), *make_way_out(document, gateways)]
        self.nbctl("--wait=hv", *transaction(commands))

    def clear(self) -> None:
        commands = [command for document in self._made.values() for command in remove_tenant(document)]
        commands += [command for network in self._externals.values() for command in remove_external(network)]
        if commands:
            self.nbctl("--wait=hv", *transaction(commands))
        self._made, self._externals = {}, {}

    def add_port(self, tenant: str, switch: str, port: Document) -> None:
        self.nbctl("--wait=hv", *transaction(make_port(tenant, switch, port)))

    def remove_port(self, tenant: str, switch: str, port: str) -> None:
        self.nbctl("--wait=hv", "lsp-del", port)

    def add_floating(self, tenant: str, router: str, floating: Document) -> None:
        self.nbctl("--wait=hv", *make_floating(self._made[tenant], router, floating))

    def remove_floating(self, tenant: str, router: str, floating: Document) -> None:
        self.nbctl("--wait=hv", *remove_floating(self._made[tenant], router, floating))

    def leave_alone(self) -> None:
        """Nothing: its chassis fail over by their ovn-controllers, which belong to it as Open vSwitch does."""

    def come_back(self) -> None:
        self.nbctl("--wait=hv", "sync")

    def notice(self, interfaces: int) -> None:
        # There is nothing to ask; but each ovn-controller has gone round its loop since, and so has read its own database.
        self.nbctl("--wait=hv", "sync")

    def processes(self) -> list[ProcessId]:
        return [_from_pid_file(path) for path in self._pid_files()]

    def _pid_files(self) -> Iterable[Path]:
        yield from sorted((self.central.folder / "run").glob("*.pid"))
        for host in self.lab.hypervisors.values():
            yield host.folder / "run" / "ovn-controller.pid"

    def _join(self, host: Hypervisor) -> None:
        host.vsctl(
            "--", "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev", "fail_mode=secure",
            "other_config:disable-in-band=true", "--", "set", "Open_vSwitch", ".", f"external_ids:system-id={host.name}",
            f"external_ids:ovn-remote={_REMOTE}", "external_ids:ovn-encap-type=geneve",
            f"external_ids:ovn-encap-ip={host.encap_ip}",
            f"external_ids:ovn-bridge-mappings={PHYSICAL_NETWORK}:{EXTERNAL_BRIDGE}",
        )  # fmt: skip
        run, log = host.folder / "run", host.folder / "log"
        environment = {"OVS_RUNDIR": str(run), "OVN_RUNDIR": str(run), "OVN_LOGDIR": str(log)}
        files = [f"--pidfile={run}/ovn-controller.pid", f"--log-file={log}/ovn-controller.log"]
        argv = ["ovn-controller", host.vswitch.socket, *files, "--detach", "--no-chdir", "-vconsole:off"]
        host.run(*argv, env=environment)


def _from_pid_file(path: Path) -> ProcessId:
    return ProcessId.of(int(path.read_text()))
