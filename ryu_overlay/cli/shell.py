"""A prompt at a device: commands by words that may be abbreviated, as routers have them, and one command without a prompt.

It knows words, the terminal and readline; it does not know what any command shows, nor any device.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click

from ryu_overlay.cli.answers import ClientError, Refused
from ryu_overlay.cli.device_text import MARK
from ryu_overlay.cli.session import CommandFailed, Session, printable

LEAVE = ("exit", "quit", "end", "logout")
HELP = ("help", "?")


@dataclass(frozen=True)
class Device:
    """What the prompt stands on: its kind, the names of tenant and device, and the path of it under /v1/."""

    kind: str
    names: tuple[str, str]

    @property
    def name(self) -> str:
        """As operators write it: `red/r1`."""
        return "/".join(self.names)

    @property
    def path(self) -> tuple[str, ...]:
        """The names under /v1/ that lead to it."""
        tenant, name = self.names
        return ("tenants", tenant, f"{self.kind}es" if self.kind == "switch" else f"{self.kind}s", name)


Run = Callable[[Session, Device, Sequence[str]], None]
"""Carries a command out with the words behind its own. Raises ClientError, CommandFailed, and UsageError for wrong words."""


@dataclass(frozen=True)
class Command:
    """A command of the shell. `words` are its own, `arguments` says what may follow, `most` how many words of it.

    `offer` gives what the next argument may be, for completion.
    """

    words: tuple[str, ...]
    run: Run
    help: str
    arguments: str = ""
    most: int = 0
    offer: Callable[[Session, Device], Iterable[str]] | None = None

    @property
    def written(self) -> str:
        """The command as help has it."""
        return " ".join((*self.words, self.arguments)).strip()


Commands = Sequence[Command]


def resolve(commands: Commands, words: Sequence[str]) -> tuple[Command, tuple[str, ...]]:
    """The command that these words begin with, each abbreviated as far as it stays clear, and the words behind it.

    Raises UsageError, which says what could have been typed.
    """
    fitting, depth = list(commands), 0
    for word in words:
        known = _next(fitting, depth)
        able = [word] if word in known else [k for k in known if k.startswith(word)]
        if len(able) > 1:
            raise click.UsageError(f"{word!r} is ambiguous: {', '.join(able)}")
        if not able:
            break
        fitting = [c for c in fitting if c.words[depth : depth + 1] == (able[0],)]
        depth += 1
    typed, rest = " ".join(words[:depth]), tuple(words[depth:])
    whole = next((c for c in fitting if len(c.words) == depth), None)
    if whole is None:
        wanted = ", ".join(_next(fitting, depth)) or "nothing"
        what = f"unknown: {rest[0]}" if rest else "incomplete"
        raise click.UsageError(f"{what}; {'after ' + repr(typed) if typed else 'here'} comes: {wanted}")
    if len(rest) > whole.most:
        raise click.UsageError(f"{rest[whole.most]!r} is too much; it is: {whole.written}")
    return whole, rest


def run(session: Session, device: Device, commands: Commands, words: Sequence[str]) -> None:
    """Carry out one command. Raises ClientError, CommandFailed, UsageError."""
    if words[0] in HELP or words[-1] in HELP:
        explain(commands, words[1:] if words[0] in HELP else words[:-1])
        return
    command, rest = resolve(commands, words)
    command.run(session, device, rest)


def explain(commands: Commands, words: Sequence[str]) -> None:
    """Say which commands there are that begin with these words. Raises UsageError if none does."""
    fitting = [c for c in commands if _begins(c, words)]
    if not fitting:
        resolve(commands, words)
    width = max(len(c.written) for c in fitting)
    for command in fitting:
        click.echo(f"  {command.written:{width}}  {command.help}")
    if not words:
        click.echo(f"  {'exit':{width}}  Leave (also Ctrl-D).")
        click.echo("Words may be abbreviated; Tab completes them; ? behind words says what may follow.")


def prompt(session: Session, device: Device, commands: Commands) -> None:
    """Read and carry out commands until the end of input. What goes wrong is said, and never ends it."""
    terminal = sys.stdin.isatty()
    if terminal:
        _completing(session, device, commands)
    while True:
        try:
            words = input(f"{device.name}> " if terminal else "").split()
        except EOFError:
            if terminal:
                click.echo()
            return
        except KeyboardInterrupt:
            click.echo("^C")
            continue
        if words and words[0] in LEAVE:
            return
        if words:
            _try(session, device, commands, words)


def _try(session: Session, device: Device, commands: Commands, words: Sequence[str]) -> None:
    try:
        run(session, device, commands, words)
    except click.UsageError as error:
        click.echo(f"% {printable(error.format_message())}")
    except CommandFailed as error:
        for line in error.lines:
            click.echo(f"% {printable(line)}")
    except ClientError as error:
        if not (isinstance(error, Refused) and session.raw(error.answer)):
            for line in error.lines:
                click.echo(f"% {printable(line)}")
    except KeyboardInterrupt:
        click.echo("^C")
    except click.exceptions.Exit:
        # It has said why.
        pass
    except Exception as error:  # noqa: BLE001  a bug in one command must not end the prompt either
        click.echo(f"% {type(error).__name__}: {printable(str(error))}")


def completions(session: Session, device: Device, commands: Commands, before: Sequence[str], begun: str) -> list[str]:
    """What the word that was begun may become, after the words before it."""
    fitting = [c for c in commands if _begins(c, before)]
    found = [c.words[len(before)] for c in fitting if len(c.words) > len(before)]
    if not before:
        found += ["exit", "help"]
    for command in fitting:
        if command.offer is not None and len(command.words) <= len(before) < len(command.words) + command.most:
            with suppress(ClientError):
                found += command.offer(session, device)
    return [word for word in dict.fromkeys(found) if word.startswith(begun)]


def _completing(session: Session, device: Device, commands: Commands) -> None:
    try:
        import readline
    except ImportError:
        return
    found: list[str] = []

    def complete(begun: str, state: int) -> str | None:
        if state == 0:
            before = readline.get_line_buffer()[: readline.get_begidx()].split()
            found[:] = completions(session, device, commands, before, begun)
        return f"{found[state]} " if state < len(found) else None

    readline.set_completer_delims(" \t")
    readline.set_completer(complete)
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")


def _begins(command: Command, words: Sequence[str]) -> bool:
    """Whether these words are the command's first, abbreviated, or all of them and arguments."""
    return all(word.startswith(typed) for word, typed in zip(command.words, words)) and (
        len(words) <= len(command.words) + command.most
    )


def _next(commands: Iterable[Command], depth: int) -> list[str]:
    return list(dict.fromkeys(c.words[depth] for c in commands if len(c.words) > depth))


def show(session: Session, device: Device, last: str, words: Callable[[Any], Iterable[str]], **query: str) -> None:
    """GET a part of a device and print it, as `words` puts it, or as it came with --json. Raises ClientError."""
    answer = session.read(*device.path, *last.split("/"), **query)
    if not session.raw(answer):
        for line in words(answer.body):
            as_meant, mark, differs = printable(line).partition(MARK)
            click.echo(as_meant + (click.style(mark + differs, fg="red") if mark else ""))
