"""The demo network for Mininet's own command:

    mn --custom mininet_topos/overlay.py --topo overlay --switch hypervisor --controller overlay

`--controller overlay,app=FILE` runs another Ryu application in its place. The lab is called `mn`; one at a time.
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path
from typing import Any

from mininet import clean


def _spare_the_machine() -> None:
    """Make an error end this network only.

    `mn` answers any exception, one in this file too, with `mn -c`: killall of every ping and ryu-manager, pkill of every Mininet
    shell, rm of /tmp/*.log, on the whole machine. Other labs run there; what is ours is ended by `clear_shared_workspace`.
    """

    def spare() -> None:
        print("mn: this network is cleared; other labs are left alone", file=sys.stderr)

    clean.cleanup = clean.Cleanup.cleanup = spare
    if hasattr(sys.modules["__main__"], "MininetRunner"):
        sys.modules["__main__"].cleanup = spare  # type: ignore[attr-defined]


# Before anything of ours is imported, since that may fail.
_spare_the_machine()
# `mn` runs this file as text, without __file__, and from any folder.
sys.path.append(str(Path(sys._getframe().f_code.co_filename).resolve().parents[1]))

from mininet.cli import CLI  # noqa: E402
from mininet.topo import Topo  # noqa: E402

from mininet_topos.controller import Controller  # noqa: E402
from mininet_topos.fabric import Segment  # noqa: E402
from mininet_topos.hypervisor import Hypervisor  # noqa: E402
from mininet_topos.node import clear_shared_workspace  # noqa: E402
from mininet_topos.scenarios import DEMO, write  # noqa: E402
from mininet_topos.vm import VM  # noqa: E402

# Else mn's command line would cut the name of a VM at its first hyphen.
CLI.identchars += "-."


class OverlayTopo(Topo):  # type: ignore[misc]
    """Fabric, control network, the demo's hypervisors and its VMs."""

    def build(self, **_params: Any) -> None:
        """Mininet's hook. Names of interfaces are those of `Lab`, so that everything is found under the same name."""
        atexit.register(clear_shared_workspace)
        # Mininet starts switches in order of name, so the control network is there before the hypervisors want the controller.
        control = self.addSwitch("control", cls=Segment, for_controllers=True)
        fabric = self.addSwitch("fabric", cls=Segment)
        for number in range(1, DEMO.hypervisors + 1):
            name = self.addSwitch(f"hv{number}", number=number)
            self.addLink(name, fabric, intfName1="phy0", intfName2=name)
            self.addLink(name, control, intfName1="ctl0", intfName2=name)
        for guest in DEMO.guests():
            vm = self.addHost(guest.name, cls=VM, mac=guest.mac, address=guest.address, gateway=guest.gateway)
            self.addLink(vm, guest.hypervisor, intfName1=guest.hypervisor, intfName2=f"v-{guest.name}")


class OverlayController(Controller):
    """The controller, given the demo's tenants as soon as it answers."""

    def start(self) -> None:
        super().start()
        self.wait()
        write(self.rest(), DEMO)


topos = {"overlay": OverlayTopo}
switches = {"hypervisor": Hypervisor}
controllers = {"overlay": OverlayController}
