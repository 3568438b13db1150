"""`switch`: stand on a switch. To add a command, add it to COMMANDS."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click

from ryu_overlay.cli import switch_text
from ryu_overlay.cli.commands.router import interface_names, show_interfaces, show_logging, stand
from ryu_overlay.cli.names import completing
from ryu_overlay.cli.session import Session, common, pass_session
from ryu_overlay.cli.shell import Command, Device, show


def _macs(session: Session, device: Device, words: Sequence[str]) -> None:
    show(session, device, "macs", partial(switch_text.macs, wanted=words[0] if words else None))


def _arp(session: Session, device: Device, words: Sequence[str]) -> None:
    show(session, device, "arp", switch_text.answers)


COMMANDS = (
    Command(("show", "mac"), _macs, "The MAC addresses and where they are.", "[MAC|PORT|ADDRESS]", 1, interface_names),
    Command(
        *(("show", "interfaces"), show_interfaces, "The ports, with the counters of their interfaces."),
        *("[NAME] [chassis]", 2, interface_names),
    ),
    Command(("show", "arp"), _arp, "The addresses that it answers ARP for."),
    Command(("show", "logging"), show_logging, "What happened lately.", "[LINES]", 1),
)
"""What the shell of a switch can do. More commands go here: (words, what carries them out, help, arguments)."""


@click.command("switch", context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="SWITCH", shell_complete=completing("switch"))
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@common
@pass_session
def switch(session: Session, name: str, words: tuple[str, ...]) -> None:
    """Stand on a switch: a prompt there, or one command.

    For example `switch red/web show mac`. Words may be abbreviated (`sh mac`); `help` lists the commands. What is not on
    a chassis as the model wants it is marked with !!.
    """
    stand(session, "switch", name, COMMANDS, words)
