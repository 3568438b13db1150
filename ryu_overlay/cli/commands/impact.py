"""`impact` and `depends`: who rests on something that can break, and what a logical port rests on."""

from __future__ import annotations

import click

from ryu_overlay.cli import health_text
from ryu_overlay.cli.names import own_names
from ryu_overlay.cli.session import Session, common, pass_session, printable
from ryu_overlay.cli.things import element_argument


@click.command("impact")
@element_argument
@common
@pass_session
def impact(session: Session, element: tuple[str, ...]) -> None:
    """Tell who rests on something that can break, by name, whether or not it is broken.

    ELEMENT is as `health` and `depends` name it: a kind and names. For example:

    \b
    overlayctl impact link hv2
    overlayctl impact 'tunnel hv1>hv2'
    overlayctl impact 'vni red/web hv1>hv2'
    overlayctl impact router-port red/r1/up
    overlayctl impact port red-web-1
    """
    from ryu_overlay.cli import tables

    answer = session.read("impact", element=" ".join(element))
    if session.raw(answer):
        return
    found = answer.body["impact"]
    click.echo(printable(f"{answer.body['element']}: {health_text.hits(found)}"))
    if any(found.values()):
        tables.record({name: who for name, who in health_text.named(found).items() if who})


@click.command("depends")
@click.argument("port", metavar="PORT", shell_complete=own_names("port"))
@common
@pass_session
def depends(session: Session, port: str) -> None:
    """Tell what a logical port rests on, one element a line, each as `impact` takes it."""
    answer = session.read("depends", port=port)
    if not session.raw(answer):
        for element in answer.body["elements"]:
            click.echo(printable(element))
