"""`router`: stand on a router. To add a command, add it to COMMANDS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import click

from ryu_overlay.cli import device_text, router_text
from ryu_overlay.cli.kinds import KINDS
from ryu_overlay.cli.names import completing, split
from ryu_overlay.cli.session import Session, common, pass_session
from ryu_overlay.cli.shell import Command, Device, prompt, run, show

MAX_SECONDS, MAX_LINES = 30, 1000
MAX_WORDS = 30
ROUTER = "router:"
BY_CHASSIS = "chassis"


def number(word: str, most: int, what: str) -> str:
    """A whole number from 1 to `most`, as it was typed. Raises UsageError."""
    if not (word.isascii() and word.isdigit() and 1 <= int(word) <= most):
        raise click.UsageError(f"{what} must be a number from 1 to {most}, not {word!r}")
    return word


def interface_names(session: Session, device: Device) -> Iterable[str]:
    """The names of a device's ports. Raises ClientError."""
    return [*(port["name"] for port in session.read(*device.path).body["ports"]), BY_CHASSIS]


def show_interfaces(session: Session, device: Device, words: Sequence[str]) -> None:
    """All interfaces or one, with the counters of each chassis if the last word says so."""

    def words_of(body: device_text.Document) -> Iterable[str]:
        known = [row["name"] for row in body["interfaces"]]
        last = words[-1] if words else ""
        by_chassis = len(last) > 1 and BY_CHASSIS.startswith(last) and (len(words) == 2 or last not in known)
        named = words[:-1] if by_chassis else words
        wrong = next((name for name in named if name not in known), None)
        if wrong is not None:
            raise click.UsageError(f"there is no interface {wrong}; there are: {', '.join(known) or 'none'}")
        if len(named) > 1:
            raise click.UsageError(f"{named[1]!r} is too much; it is: show interfaces [NAME] [{BY_CHASSIS}]")
        return device_text.interfaces(body, named[0] if named else None, by_chassis)

    show(session, device, "interfaces", words_of)


def show_logging(session: Session, device: Device, words: Sequence[str]) -> None:
    """The last lines of the log."""
    query = {"lines": number(words[0], MAX_LINES, "LINES")} if words else {}
    show(session, device, "log", device_text.log, **query)


def _route(session: Session, device: Device, words: Sequence[str]) -> None:
    if words:
        show(session, device, "table", router_text.entry, address=words[0])
    else:
        show(session, device, "table", router_text.table)


def _arp(session: Session, device: Device, words: Sequence[str]) -> None:
    show(session, device, "arp", partial(router_text.neighbours, wanted=words[0] if words else None))


def _nat(session: Session, device: Device, words: Sequence[str]) -> None:
    show(session, device, "nat", router_text.nat)


def _translations(session: Session, device: Device, words: Sequence[str]) -> None:
    query = {"seconds": number(words[0], MAX_SECONDS, "SECONDS")} if words else {}
    show(session, device, "nat/translations", router_text.translations, **query)


def _balancers(session: Session, device: Device, words: Sequence[str]) -> None:
    show(session, device, "balancers", router_text.balancers)


def _ping(session: Session, device: Device, words: Sequence[str]) -> None:
    from ryu_overlay.cli.commands.ping import ping

    _as(device, ping, session, words)


def _trace(session: Session, device: Device, words: Sequence[str]) -> None:
    from ryu_overlay.cli.commands.trace import trace

    _as(device, trace, session, words)


def _as(device: Device, command: click.Command, session: Session, words: Sequence[str]) -> None:
    """A command as the router: what it says is as if it had been typed with the router as FROM."""
    status = command.main([f"{ROUTER}{device.name}", *words], command.name, standalone_mode=False, obj=session)
    if status:
        raise click.exceptions.Exit(status)


COMMANDS = (
    Command(("ping",), _ping, "Echo requests from this router: see `overlayctl ping --help`.", "TO [OPTION]...", MAX_WORDS),
    Command(
        ("trace",), _trace, "A packet from this router on its way: see `overlayctl trace --help`.", "TO [OPTION]...", MAX_WORDS
    ),
    Command(("show", "ip", "route"), _route, "The table, or what decides about an address.", "[ADDRESS]", 1),
    Command(("show", "arp"), _arp, "The neighbours of each port.", "[INTERFACE|ADDRESS]", 1, interface_names),
    Command(
        *(("show", "interfaces"), show_interfaces, "The ports, with their counters (of each chassis)."),
        *("[NAME] [chassis]", 2, interface_names),
    ),
    Command(("show", "nat"), _nat, "The uplink, source NATs and floating IPs."),
    Command(("show", "nat", "translations"), _translations, "Connections that are translated now.", "[SECONDS]", 1),
    Command(("show", "lb"), _balancers, "Load balancers and their members."),
    Command(("show", "logging"), show_logging, "What happened lately.", "[LINES]", 1),
)
"""What the shell of a router can do. More commands go here: (words, what carries them out, help, arguments)."""


def stand(session: Session, kind: str, name: str, commands: Sequence[Command], words: Sequence[str]) -> None:
    """One command at a device, or a prompt there. Raises ClientError, CommandFailed, UsageError."""
    tenant, own = split(KINDS[kind], name)
    device = Device(kind, (tenant, own))
    if words:
        run(session, device, commands, words)
        return
    session.read(*device.path)
    prompt(session, device, commands)


@click.command("router", context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="ROUTER", shell_complete=completing("router"))
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@common
@pass_session
def router(session: Session, name: str, words: tuple[str, ...]) -> None:
    """Stand on a router: a prompt there, or one command.

    For example `router red/r1 show ip route 10.0.2.5`. Words may be abbreviated (`sh ip ro`); `help` lists the commands.
    What is not on a chassis as the model wants it is marked with !!.
    """
    stand(session, "router", name, COMMANDS, words)
