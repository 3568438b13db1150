"""`completion`: what makes a shell complete commands, options and the names of objects."""

from __future__ import annotations

import click

from ryu_overlay.cli.session import Session, common, pass_session


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common
@pass_session
@click.pass_context
def completion(ctx: click.Context, session: Session, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  eval "$(overlayctl completion bash)"             in ~/.bashrc
    zsh:   eval "$(overlayctl completion zsh)"              in ~/.zshrc, after compinit
    fish:  overlayctl completion fish | source              in ~/.config/fish/config.fish

    Names come from the controller at $OVERLAY_URL (or --url); nothing is completed when it does not answer at once.
    """
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    from ryu_overlay.cli.main import PROGRAM

    shells = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
    click.echo(shells[shell](ctx.find_root().command, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())
