"""docs/cli.md from the commands themselves: `python -m ryu_overlay.cli.reference > docs/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from ryu_overlay.cli.main import PROGRAM, cli

WIDTH = 110
HEAD = f"""# {PROGRAM}

Written by `python -m ryu_overlay.cli.reference` from the commands themselves: change those, then run it again.
"""


def reference() -> str:
    """The help of every command, in Markdown, in the order that `overlayctl --help` shows them."""
    return "\n".join((HEAD, *_sections(cli, None, PROGRAM)))


def _sections(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    context = click.Context(command, parent, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    yield f"## {context.command_path}\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            if found is not None:
                yield from _sections(found, context, each)


if __name__ == "__main__":
    click.echo(reference(), nl=False)
