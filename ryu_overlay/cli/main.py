"""The command `overlayctl`: which commands there are, loaded only when used, and how failures become exit codes.

Exit codes: 0 done; 1 refused or failed, with the errors on stderr; 2 wrong usage; 3 no controller at the URL.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from ryu_overlay.cli.answers import BadURL, ClientError, Refused, Unreachable
from ryu_overlay.cli.session import CommandFailed, NoController, Session, common

PROGRAM = "overlayctl"
COMMANDS = {
    "list": ("read", "list_objects", "List tenants, or objects of one kind."),
    "show": ("read", "show", "Show one object and what is in it."),
    "add": ("add", "add", "Create an object."),
    "set": ("change", "change", "Change an object, only in what is given."),
    "remove": ("change", "remove", "Delete an object."),
    "apply": ("apply", "apply", "Make tenants and external networks exactly as a file says."),
    "export": ("export", "export", "Print tenants and external networks as `apply` takes them."),
    "wait": ("wait", "wait", "Wait until every chassis has the newest revision."),
    "chassis": ("fabric", "chassis", "Show the chassis, or one of them."),
    "bindings": ("fabric", "bindings", "Show which port is on which chassis."),
    "tunnels": ("fabric", "tunnels", "Show which tunnels exist and why."),
    "uplinks": ("fabric", "uplinks", "Show which chassis carries each uplink."),
    "members": ("fabric", "members", "Show how the members of load balancers are."),
    "drops": ("fabric", "drops", "Show what was dropped, by name of the rule."),
    "limits": ("fabric", "limits", "Show how much may go to the controller, and what was too much."),
    "drift": ("fabric", "drift", "Show what audits found and healed, and flows that are not ours."),
    "revision": ("fabric", "revision", "Show the newest revision and what each chassis has confirmed."),
    "router": ("router", "router", "Stand on a router: its table, neighbours, counters, translations, log."),
    "switch": ("switch", "switch", "Stand on a switch: its MAC addresses, ports, log."),
    "path": ("path", "path", "Tell where a packet would go, or who would stop talking, without sending any."),
    "ping": ("ping", "ping", "Ping as a VM or as a router, and tell silent guests from loss in the network."),
    "trace": ("trace", "trace", "Send a packet through the real network, and tell hop by hop what became of it."),
    "capture": ("capture", "capture", "Capture packets at any point of the virtual network."),
    "health": ("health", "health", "Show what is broken and who feels it; silence, watch and explain faults."),
    "impact": ("impact", "impact", "Tell who rests on something that can break."),
    "depends": ("impact", "depends", "Tell what a logical port rests on."),
    "usage": ("usage", "usage", "Show what uplinks carried and carry, and bill it."),
    "completion": ("completion", "completion", "Print the completion script of a shell."),
}
"""By name: (file in commands/, the command in it, its help in one line), in the order that help shows."""


class Overlayctl(click.Group):
    """A group that imports a command's file when the command is used; help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        file, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"ryu_overlay.cli.commands.{file}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a client's error becomes error lines and an exit code. Raises click's exceptions only."""
        try:
            return super().invoke(ctx)
        except BadURL as error:
            raise click.BadParameter(str(error), ctx, param_hint="'--url'") from error
        except ClientError as error:
            if isinstance(error, Refused):
                ctx.ensure_object(Session).raw(error.answer)
            failure = NoController if isinstance(error, Unreachable) else CommandFailed
            raise failure(*error.lines) from error


@click.group(PROGRAM, cls=Overlayctl, context_settings={"help_option_names": ["-h", "--help"]})
@common
def cli() -> None:
    """Operate the overlay: tenants, their virtual networks, and the chassis that carry them.

    A name is the path of names from the tenant down: switch red/web, router red/r1, router-port red/r1/up. A logical
    port may be named alone, by name or UUID, and so may a floating IP that shares its name with no other. Exit codes:
    0 done, 1 refused or failed, 2 wrong usage, 3 no controller.
    """


def main() -> None:
    """The console entry point. Raises SystemExit with the exit code."""
    cli(prog_name=PROGRAM)


if __name__ == "__main__":
    main()
