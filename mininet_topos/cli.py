"""Mininet's command line with the overlay's commands added. Knows a lab; decides nothing."""

from __future__ import annotations

import shlex

from mininet.cli import CLI

from mininet_topos.lab import Lab


class LabCLI(CLI):  # type: ignore[misc]
    """`mininet>` on an open lab; returns from its constructor when the operator leaves."""

    prompt = "overlay> "
    # Else the name of a VM would end at its first hyphen.
    identchars = CLI.identchars + "-."

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        super().__init__(lab.net)

    def do_overlayctl(self, line: str) -> None:
        """overlayctl ARGS: the operator's CLI, run beside the controller."""
        done = self.lab.overlayctl(*shlex.split(line), check=False)
        print(done.stdout + done.stderr, end="")

    def do_move(self, line: str) -> None:
        """move VM HYPERVISOR: live migration."""
        words = line.split()
        if len(words) != 2 or words[0] not in self.lab.vms or words[1] not in self.lab.hypervisors:
            print("usage: move VM HYPERVISOR")
            return
        self.lab.move(self.lab.vms[words[0]], words[1])
